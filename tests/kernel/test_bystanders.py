"""What netbuilder's rules must leave alone, and what they must not let through, beside the reachability table."""

from __future__ import annotations

import socket
import struct

import pytest

from netbuilder import Bridge, Host, Network, Sandbox
from tests.kernel.helpers import BRIDGE_NF, namespace, shell

LAB = Network(name="lab", subnet="10.9.0.0/24")
WEB = Sandbox(name="web", mode=Bridge(network="lab"))


@pytest.mark.parametrize("bridge_nf", ["0", "1"])
def test_a_switch_of_somebody_elses_goes_on_switching(host: Host, bridge_nf: str) -> None:
    shell(
        host,
        f"""
        echo {bridge_nf} > {BRIDGE_NF}
        ip link add br9 type bridge; ip link set br9 up
        for n in a b; do
            ip netns add $n
            ip link add v$n master br9 type veth peer name eth0 netns $n
            ip link set v$n up; ip -n $n link set eth0 up
        done
        ip -n a address add 10.77.0.1/24 dev eth0
        ip -n b address add 10.77.0.2/24 dev eth0
        """,
    )
    host.apply(LAB, WEB)
    one, other = namespace(host, "a"), namespace(host, "b")
    with other.socket() as server, one.socket() as client:
        server.bind(("10.77.0.2", 80))
        server.listen()
        client.settimeout(5)
        client.connect(("10.77.0.2", 80))


def _datagram(source: str, to: str, port: int, payload: bytes) -> bytes:
    """An IPv4 packet with a source of one's own choice."""
    udp = struct.pack(">HHHH", 5555, port, 8 + len(payload), 0) + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0)
    return head + socket.inet_aton(source) + socket.inet_aton(to) + udp


def test_a_sandbox_cannot_pretend_to_be_on_the_hosts_loopback(host: Host) -> None:
    host.apply(LAB, WEB)
    with (
        host.socket(kind=socket.SOCK_DGRAM) as service,
        host["web"].socket(kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as liar,
    ):
        service.bind(("0.0.0.0", 7777))
        service.settimeout(5)
        for source in ("127.0.0.9", "10.9.0.2"):
            liar.sendto(_datagram(source, "10.9.0.1", 7777, source.encode()), ("10.9.0.1", 0))
        assert service.recv(100) == b"10.9.0.2"
