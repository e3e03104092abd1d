"""Who knows an address under the MAC address of who had it before is told of the new one."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from netbuilder import Bridge, Host, Network, Sandbox
from netbuilder.kernel import discovery, neighbours
from tests.kernel.helpers import PATIENCE, SOON, shell

LAB = Network(name="lab", subnet="10.9.0.0/24")
OLD, NEW = "02:00:00:00:00:01", "02:00:00:00:00:02"


def web(mac: str | None) -> Sandbox:
    return Sandbox(name="web", mode=Bridge(network="lab", address="10.9.0.9", mac=mac))


def knows(host: Host, mac: str) -> list[bool]:
    """Whether the host and the neighbour know 10.9.0.9 under a MAC address."""
    return [f"lladdr {mac}" in shell(one, "ip neigh show 10.9.0.9") for one in (host, host["db"])]


@pytest.fixture
def known(host: Host) -> Host:
    """A host and a sandbox that know another one by its MAC address."""
    host.apply(LAB, web(OLD), Sandbox(name="db", mode=Bridge(network="lab")))
    for one in (host, host["db"]):
        with one.socket(kind=socket.SOCK_DGRAM) as asking, host["web"].socket(kind=socket.SOCK_DGRAM) as listener:
            listener.bind(("10.9.0.9", 80))
            listener.settimeout(PATIENCE)
            asking.sendto(b"x", ("10.9.0.9", 80))
            listener.recv(1)
    assert knows(host, OLD) == [True, True]
    return host


def test_whoever_knew_the_old_one_reaches_the_new_one_at_once(known: Host) -> None:
    known.destroy("web")
    known.apply(web(NEW))
    with known["web"].socket(kind=socket.SOCK_DGRAM) as listener:
        listener.bind(("10.9.0.9", 80))
        listener.settimeout(SOON)
        for one in (known, known["db"]):
            with one.socket(kind=socket.SOCK_DGRAM) as asking:
                asking.sendto(b"x", ("10.9.0.9", 80))
                listener.recv(1)
    assert knows(known, NEW) == [True, True]


def frames(at: socket.socket) -> list[tuple[int, bytes]]:
    found = []
    with pytest.raises(TimeoutError):
        while True:
            frame = at.recv(1500)
            found.append((int.from_bytes(frame[12:14], "big"), frame))
    return found


@pytest.mark.parametrize(("mac", "count"), [(NEW, 1), (None, 0)], ids=["static", "derived"])
def test_nothing_is_told_that_everybody_knows(known: Host, mac: str | None, count: int) -> None:
    known.destroy("web")
    with known["db"].socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as heard:
        heard.settimeout(SOON)
        known.apply(web(mac))
        told = [
            frame
            for protocol, frame in frames(heard)
            if protocol == discovery.ARP and frame[28:32] == bytes((10, 9, 0, 9))
        ]
    assert len(told) == count
    for frame in told:
        assert frame[:6] == b"\xff" * 6
        assert frame[6:12] == frame[22:28] == bytes.fromhex(NEW.replace(":", ""))
        assert frame[38:42] == frame[28:32]


def test_where_nobody_was_nobody_is_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(type(host._engine.kernel), "announce", lambda *what: told.append(what))
    host.apply(LAB, web(NEW))
    assert told == []


@pytest.mark.parametrize("address", ["10.9.0.9", "fd00:9::9", "fe80::9"])
def test_a_neighbour_takes_what_it_is_told(known: Host, address: str) -> None:
    """Both kinds of packets are what a kernel takes: it goes by them, and so does a packet of its own."""
    kernel, bridge = known._engine.kernel, known.networks()[0].bridge
    shell(known["db"], "echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6")
    shell(known, f"echo 0 > /proc/sys/net/ipv6/conf/{bridge}/disable_ipv6")
    for one, dev in ((known, bridge), (known["db"], "eth0")):
        shell(one, f"ip neigh replace {address} lladdr {OLD} dev {dev} nud reachable")
    known._call(lambda: kernel.announce(bridge, ip_address(address), NEW, tells_host=True))
    for one, dev in ((known, bridge), (known["db"], "eth0")):
        assert f"lladdr {NEW}" in shell(one, f"ip neigh show {address} dev {dev}")


@pytest.mark.parametrize("address", ["10.9.0.7", "fd00:9::7"])
def test_who_answers_is_heard(host: Host, address: str) -> None:
    """A question is answered by whoever has the address, of either family."""
    length = 24 if ip_address(address).version == 4 else 64
    nodad = "" if length == 24 else "nodad"
    shell(
        host,
        f"""
        ip netns add far
        ip link add br9 type bridge
        ip link add port master br9 type veth peer name eth0 address {OLD} netns far
        ip link set br9 up; ip link set port up; ip -n far link set eth0 up
        ip -n far address add {address}/{length} dev eth0 {nodad}
        """,
    )
    asked = {ip_address(address), ip_address(address) + 1}
    found = host._call(lambda: neighbours.answering({"br9": asked}))
    assert {place: one.mac for place, one in found.items()} == {("br9", ip_address(address)): OLD}
