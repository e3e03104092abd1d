"""What goes on is led to where its port leads now, and ends with its address; what is somebody else's goes on."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest

from netbuilder import Bridge, Host, Network, Sandbox
from netbuilder.engine.executor import Executor
from netbuilder.host.namespace import NetworkNamespace
from netbuilder.kernel.kernel import Kernel
from tests.kernel.helpers import SOON, Lan, call, shell

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

    def killed(*_: object) -> None:
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


# Whose flows they are

OUTSIDE = ("198.51.100.2", 7)
RESET = struct.pack("ii", 1, 0)


def listing(host: Host) -> str:
    """All flows of a host, and of nobody else."""
    return host._call(Path("/proc/thread-self/net/nf_conntrack").read_text)


def at(inside: NetworkNamespace, port: int, kind: int = socket.SOCK_DGRAM) -> socket.socket:
    bound = inside.socket(kind=kind)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("0.0.0.0", port))
    bound.settimeout(5)
    return bound


def ping(inside: NetworkNamespace, address: str) -> None:
    with inside.socket(kind=socket.SOCK_RAW, protocol=socket.IPPROTO_ICMP) as icmp:
        icmp.settimeout(5)
        icmp.sendto(bytes.fromhex("0800f7ff00000000"), (address, 0))
        assert icmp.recv(100)[20:21] == b"\0"


def test_a_query_to_another_machines_port_of_that_number_is_answered(lan: Lan) -> None:
    lan.host.apply(LAB, Sandbox(name="web", mode=Bridge(network="lab")))
    with at(lan.third, 53) as server, at(lan.host["web"], 4000) as client:
        client.sendto(b"query", (lan.THIRD, 53))
        _, source = server.recvfrom(100)
        lan.host.apply(publisher("dns", "10.9.0.53"))
        server.sendto(b"answer", source)
        assert client.recv(100) == b"answer"


def test_what_goes_on_at_one_address_outlives_the_port_at_another(lan: Lan) -> None:
    def one(name: str, host_ip: str) -> Sandbox:
        return Sandbox(name=name, mode=Bridge(network="lab", publish=[f"{host_ip}:500:4500/udp"]))

    lan.host.apply(LAB, one("a", lan.HOST), one("b", lan.HOST_TOO))
    with at(lan.host["a"], 4500) as server, at(lan.machine, 4000) as client:
        client.sendto(b"query", (lan.HOST, 500))
        _, source = server.recvfrom(100)
        lan.host.destroy("b")
        server.sendto(b"answer", source)
        assert client.recvfrom(100) == (b"answer", (lan.HOST, 500))


def test_a_flow_in_a_zone_of_somebody_elses_is_left_alone(lan: Lan) -> None:
    """What has the same addresses there is another network."""
    shell(
        lan.host,
        "nft 'add table inet theirs; add chain inet theirs zones { type filter hook prerouting priority -300; };"
        " add rule inet theirs zones iifname eth1 ct zone set 7'; sysctl -qw net.ipv4.ip_forward=1",
    )
    lan.host.apply(LAB, publisher("dns", "10.9.0.53"))
    with at(lan.third, 4000) as client, listener(lan.host, "dns") as server:
        client.sendto(b"query", (lan.HOST_TOO, 53))
        assert server.recv(100) == b"query"
        assert "zone=7" in listing(lan.host)
        lan.host.destroy("dns")
        assert "zone=7" in listing(lan.host)


# Connections, and what has no ports


def test_a_connection_ends_with_its_port(lan: Lan) -> None:
    web = Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"]))
    lan.host.apply(LAB, web)
    with at(lan.host["web"], 80, socket.SOCK_STREAM) as server, lan.machine.socket() as client:
        server.listen()
        client.settimeout(5)
        client.connect((lan.HOST, 8088))
        with server.accept()[0] as connection:
            connection.settimeout(SOON)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)  # nobody is there to say goodbye to
            lan.host.apply(Sandbox(name="web", mode=Bridge(network="lab")))
            client.sendall(b"still there?")
            with pytest.raises(ConnectionResetError):
                client.recv(100)
            with pytest.raises(TimeoutError):
                connection.recv(100)


def test_an_old_connection_does_not_keep_a_client_from_the_new_address(lan: Lan) -> None:
    def web(address: str) -> Sandbox:
        return Sandbox(name="web", mode=Bridge(network="lab", address=address, publish=["8088:80"]))

    lan.host.apply(LAB, web("10.9.0.10"))
    with at(lan.host["web"], 80, socket.SOCK_STREAM) as server, at(lan.machine, 5556, socket.SOCK_STREAM) as client:
        server.listen()
        client.connect((lan.HOST, 8088))
        server.accept()[0].close()
        lan.host.apply(web("10.9.0.11"))
        # The machine is reset: the client is gone without a word, and its port number comes again.
        shell(lan.machine, "nft 'add table t; add chain t o { type filter hook output priority 0; policy drop; }'")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    shell(lan.machine, "nft delete table t")
    with at(lan.host["web"], 80, socket.SOCK_STREAM) as server, at(lan.machine, 5556, socket.SOCK_STREAM) as client:
        server.listen()
        client.connect((lan.HOST, 8088))
        server.accept()[0].close()


@pytest.mark.parametrize("how", ["destroyed", "moved", "killed while moving"])
def test_with_an_address_go_its_flows_of_every_protocol(lan: Lan, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one who gets it next does not hear what was meant for another."""

    def web(address: str) -> Sandbox:
        return Sandbox(name="web", mode=Bridge(network="lab", address=address))

    def killed(*_: object) -> None:
        raise SystemExit

    lan.host.apply(LAB, web("10.9.0.10"), Sandbox(name="db", mode=Bridge(network="lab", address="10.9.0.20")))
    with at(lan.third, 7) as server, at(lan.host["db"], 4000) as neighbour, at(lan.host["web"], 4001) as client:
        for one in (neighbour, client):
            one.sendto(b"query", OUTSIDE)
        sources = {server.recvfrom(100)[1] for _ in range(2)}
        for name in ("db", "web"):
            ping(lan.host[name], lan.THIRD)
        assert call(lan.host["web"], (lan.THIRD, 8), lan.third, 8, "tcp")
        if how == "destroyed":
            lan.host.destroy("web")
        elif how == "moved":
            lan.host.apply(web("10.9.0.11"))
        else:
            with monkeypatch.context() as patch, pytest.raises(SystemExit):
                patch.setattr(Kernel, "forget_flows", killed)
                patch.setattr(Executor, "_restore", killed)
                lan.host.apply(web("10.9.0.11"))
            lan.host.apply(web("10.9.0.11"))
        left = listing(lan.host)
        assert "10.9.0.10" not in left
        assert {line.split()[2] for line in left.splitlines() if "=10.9.0.20" in line} == {"udp", "icmp"}
        lan.host.apply(Sandbox(name="next", mode=Bridge(network="lab", address="10.9.0.10")))
        with at(lan.host["next"], 4001) as heir:
            heir.settimeout(SOON)
            for source in sources:
                server.sendto(b"answer", source)
            assert neighbour.recv(100) == b"answer"
            with pytest.raises(TimeoutError):
                heir.recv(100)


# What the rules did not see, or see in another way


def test_what_was_open_does_not_leave_a_network_that_is_internal_now(lan: Lan) -> None:
    web = Sandbox(name="web", mode=Bridge(network="lab", address="10.9.0.10", publish=["53:53/udp"]))
    lan.host.apply(LAB, web)
    with at(lan.third, 7) as server, at(lan.host["web"], 53) as inside, at(lan.machine, 4000) as client:
        inside.sendto(b"out", OUTSIDE)
        server.recv(100)
        client.sendto(b"in", (lan.HOST, 53))
        _, source = inside.recvfrom(100)
        closed = Sandbox(name="web", mode=Bridge(network="lab", address="10.9.0.10"))
        lan.host.apply(LAB.model_copy(update={"internal": True}), closed)
        assert "=10.9.0.10" not in listing(lan.host)
        shell(lan.host["web"], "ip route replace default via 10.9.0.1")
        for late in (OUTSIDE, source):
            inside.sendto(b"late", late)
        for outside in (server, client):
            outside.settimeout(SOON)
            with pytest.raises(TimeoutError):
                outside.recv(100)


@pytest.mark.parametrize("lost", ["delete table inet netbuilder", "flush chain inet netbuilder CHAIN"])
def test_once_the_rules_are_back_all_flows_go_by_them(lan: Lan, lost: str) -> None:
    """While they were gone somebody else's rules kept the kernel following flows; those in order go on."""
    shell(
        lan.host,
        "nft 'add table inet theirs; add chain inet theirs c { type nat hook postrouting priority 300; };"
        " add rule inet theirs c ct state new counter'",
    )
    web = Sandbox(name="web", mode=Bridge(network="lab", address="10.9.0.10", publish=["53:53/udp"]))
    lan.host.apply(LAB, web, Sandbox(name="db", mode=Bridge(network="lab")))
    with (
        at(lan.third, 7) as server,
        at(lan.host["web"], 53) as inside,
        at(lan.machine, 4000) as client,
        at(lan.machine, 4001) as stranger,
        at(lan.host["web"], 4002) as leaving,
        at(lan.host["db"], 4003) as good,
    ):
        good.sendto(b"good", OUTSIDE)
        _, before = server.recvfrom(100)
        assert before[0] == lan.HOST_TOO
        chains = ("published", "prerouting", "forward", "postrouting", "unrelated_forward")
        for chain in chains if "CHAIN" in lost else ("",):
            shell(lan.host, f"nft {lost.replace('CHAIN', chain)}")
        leaving.sendto(b"out", OUTSIDE)
        assert server.recvfrom(100)[1][0] == "10.9.0.10"
        stranger.sendto(b"in", ("10.9.0.10", 53))
        assert inside.recv(100) == b"in"
        client.sendto(b"nobody is there", (lan.HOST, 53))

        lan.host.apply(LAB)  # and nothing of the rest
        leaving.sendto(b"out", OUTSIDE)
        assert server.recvfrom(100)[1][0] == lan.HOST_TOO
        client.sendto(b"in", (lan.HOST, 53))
        assert inside.recvfrom(100) == (b"in", (lan.MACHINE, 4000))
        stranger.sendto(b"in", ("10.9.0.10", 53))
        inside.settimeout(SOON)
        with pytest.raises(TimeoutError):
            inside.recv(100)
        server.sendto(b"answer", before)
        assert good.recv(100) == b"answer"
