"""A UDP flow that goes on is led to where its port leads now, not to where it led when the flow began."""

from __future__ import annotations

import socket

import pytest

from netbuilder import Bridge, Host, Network, Sandbox
from netbuilder.kernel.kernel import Kernel
from tests.kernel.helpers import Lan

LAB = Network(name="lab", subnet="10.9.0.0/24")


def publisher(name: str, address: str) -> Sandbox:
    return Sandbox(name=name, mode=Bridge(network="lab", address=address, publish=["53:53/udp"]))


def listener(host: Host, name: str) -> socket.socket:
    server = host[name].socket(kind=socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", 53))
    server.settimeout(5)
    return server


def assert_reached(client: socket.socket, host: Host, name: str, question: bytes) -> None:
    """What a client sends to the host's port arrives in this sandbox."""
    with listener(host, name) as server:
        client.sendto(question, ("192.0.2.1", 53))
        assert server.recv(100) == question


def test_a_flow_moves_with_its_port(lan: Lan) -> None:
    host = lan.host
    host.apply(LAB, publisher("first", "10.9.0.3"))
    with lan.machine.socket(kind=socket.SOCK_DGRAM) as client:
        client.bind(("0.0.0.0", 40000))
        assert_reached(client, host, "first", b"one")
        host.destroy("first")
        host.apply(publisher("second", "10.9.0.4"))
        assert_reached(client, host, "second", b"two")


def test_a_flow_from_before_is_led_inside(lan: Lan) -> None:
    host = lan.host
    with lan.machine.socket(kind=socket.SOCK_DGRAM) as client:
        client.bind(("0.0.0.0", 40000))
        host.apply(LAB)
        client.sendto(b"nobody is there yet", ("192.0.2.1", 53))
        host.apply(publisher("first", "10.9.0.3"))
        assert_reached(client, host, "first", b"one")


def test_a_flow_is_forgotten_by_whoever_comes_after_a_kill(lan: Lan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its element is gone by then; the next sandbox at that address is not to get what was meant for the port."""

    def killed(kernel: Kernel, ports: set[int]) -> None:
        raise SystemExit

    host = lan.host
    host.apply(LAB, publisher("first", "10.9.0.3"))
    with lan.machine.socket(kind=socket.SOCK_DGRAM) as client:
        client.bind(("0.0.0.0", 40000))
        assert_reached(client, host, "first", b"one")
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(Kernel, "forget_flows", killed)
            host.destroy("first")
        host.apply(Sandbox(name="second", mode=Bridge(network="lab", address="10.9.0.3")))
        with listener(host, "second") as server:
            server.settimeout(0.3)
            client.sendto(b"two", ("192.0.2.1", 53))
            with pytest.raises(TimeoutError):
                server.recv(100)
