"""What no honest program sends: forged sources, packets of no connection, router advertisements; by raw sockets.

Each test that says never has a control: the same packet arrives once the rule in its way is gone.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest

from netbuilder import Bridge, Host, Network, Sandbox
from netbuilder.host.namespace import NetworkNamespace
from tests.kernel.helpers import BRIDGE_NF, BRIDGE_NF6, PATIENCE, SOON, Lan, call, namespace, shell, six
from tests.kernel.leftovers import wait_until

SPECS = (
    Network(name="lab", subnet="10.10.0.0/24", subnet6="fd00:10::/64"),
    Network(name="other", subnet="10.20.0.0/24", subnet6="fd00:20::/64"),
    Network(name="plain", subnet="10.40.0.0/24", subnet6="fd00:40::/64", masquerade=False),
    Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"])),
    Sandbox(name="far", mode=Bridge(network="other", publish=["8089:80/udp"])),
    Sandbox(name="bare", mode=Bridge(network="plain")),
)
SYN, RST, ACK, FIN = 0x02, 0x04, 0x10, 0x01
IPV6 = pytest.mark.skipif(not Path("/proc/sys/net/ipv6").exists(), reason="this kernel has no IPv6")


@pytest.fixture(params=["0", "1"], ids=["bridge-nf-0", "bridge-nf-1"])
def bridge_nf(host: Host, request: pytest.FixtureRequest) -> str:
    if not Path(BRIDGE_NF).exists():
        pytest.skip("this kernel has no br_netfilter, so there is no bridge-nf-call-iptables to be on or off")
    shell(host, f"echo {request.param} > {BRIDGE_NF}; echo {request.param} > {BRIDGE_NF6}")
    return str(request.param)


@pytest.fixture
def built(lan: Lan, bridge_nf: str) -> Lan:
    lan.speak_ipv6()
    lan.host.apply(*SPECS)
    for neighbour in (Lan.MACHINE, Lan.THIRD):  # so that what is forged need not wait for who is asked for first
        for name in ("web", "bare"):
            assert call(lan.host[name], (six(neighbour), 9), _at(lan, neighbour), 9, "udp")
    return lan


def _at(lan: Lan, address: str) -> NetworkNamespace:
    return lan.machine if address == Lan.MACHINE else lan.third


@pytest.fixture(params=["ipv4", "ipv6"])
def of(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """An address of the family that is tried, of its IPv4 one."""
    return six if request.param == "ipv6" else str


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ip(source: str, to: str, protocol: int, payload: bytes) -> bytes:
    if ":" in source:
        head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
        return head + IPv6Address(source).packed + IPv6Address(to).packed + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    return head + IPv4Address(source).packed + IPv4Address(to).packed + payload


def udp(source: str, to: tuple[str, int], payload: bytes) -> bytes:
    head = struct.pack("!HHH", 4000, to[1], 8 + len(payload))
    sum_ = checksum(_ends(source, to[0], 17, 8 + len(payload)) + head + payload)
    return ip(source, to[0], 17, head + struct.pack("!H", sum_) + payload)


def _ends(source: str, to: str, protocol: int, length: int) -> bytes:
    """What is summed up besides, of either family: the two differ in the order only."""
    return ip_address(source).packed + ip_address(to).packed + struct.pack("!BBH", 0, protocol, length)


def tcp(source: tuple[str, int], to: tuple[str, int], flags: int) -> bytes:
    head = struct.pack("!HHIIBBHHH", source[1], to[1], 1000, 2000, 5 << 4, flags, 1024, 0, 0)
    sum_ = checksum(_ends(source[0], to[0], 6, len(head)) + head)
    return ip(source[0], to[0], 6, head[:16] + struct.pack("!H", sum_) + head[18:])


def send(inside: NetworkNamespace, packet: bytes) -> None:
    if packet[0] >> 4 == 6:
        family, to = socket.AF_INET6, str(IPv6Address(packet[24:40]))
    else:
        family, to = socket.AF_INET, str(IPv4Address(packet[16:20]))
    with inside.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(packet, (to, 0))


def datagram(client: NetworkNamespace, source: str, to: tuple[str, int], server: NetworkNamespace) -> str | None:
    """Whom a server takes a forged datagram to be from; None if it does not arrive."""
    with server.socket(_family(to[0]), socket.SOCK_DGRAM) as listener:
        listener.bind(("", to[1] if to[1] != 8089 else 80))
        listener.settimeout(SOON)
        send(client, udp(source, to, b"forged"))
        try:
            return str(listener.recvfrom(100)[1][0])
        except TimeoutError:
            return None


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@contextmanager
def segments(inside: NetworkNamespace, like: str = "10.10.0.2") -> Iterator[socket.socket]:
    """All TCP segments of a family that arrive in a namespace."""
    with inside.socket(_family(like), socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.settimeout(SOON)
        yield raw


def seen(raw: socket.socket) -> list[tuple[str, int]]:
    """The sources and flags of the segments that arrived."""
    found = []
    while True:
        try:
            packet, source = raw.recvfrom(2000)
        except TimeoutError:
            return found
        start = (packet[0] & 15) * 4 if raw.family == socket.AF_INET else 0  # IPv6 shows no header
        found.append((str(source[0]), packet[start + 13]))


@pytest.mark.parametrize("source", ["203.0.113.9", Lan.MACHINE, "10.20.0.2", "127.0.0.1"])
@pytest.mark.parametrize(
    ("to", "server"),
    [((Lan.THIRD, 80), "third"), (("10.10.0.1", 6000), "host"), ((Lan.HOST, 8089), "far")],
    ids=["out", "host", "published"],
)
def test_nothing_comes_from_a_sandbox_with_an_address_that_is_not_of_its_subnet(
    built: Lan, of: Callable[[str], str], source: str, to: tuple[str, int], server: str
) -> None:
    host, to = built.host, (of(to[0]), to[1])
    where = {"third": built.third, "host": host, "far": host["far"]}[server]
    assert datagram(host["web"], of("10.10.0.2"), to, where) is not None
    assert datagram(host["web"], of(source), to, where) is None


# br0 is somebody's: with two subnets, a router to a third behind one of its machines.
BR0 = """
ip link add br0 type bridge; ip link set br0 addrgenmode none; ip link set br0 up
ip address add 10.7.0.1/24 dev br0; ip address add 10.8.0.1/24 dev br0
machine() {
    ip netns add $1; ip link add $1 master br0 type veth peer name eth0 netns $1
    ip link set $1 addrgenmode none; ip link set $1 up
    ip -n $1 link set lo up; ip -n $1 link set eth0 up
    ip -n $1 address add $2/24 dev eth0; ip -n $1 route add default via $3
}
machine first 10.7.0.50 10.7.0.1; machine second 10.8.0.50 10.8.0.1; machine router 10.7.0.60 10.7.0.1
ip route add 10.50.0.0/24 via 10.7.0.60; ip -n router address add 10.50.0.1/32 dev lo
"""
ADDRESSES = {
    "web": ("10.10.0.2", "10.10.0.1"),
    "far": ("10.20.0.2", "10.20.0.1"),
    "inner": ("10.30.0.2", "10.30.0.1"),
    "bare": ("10.40.0.2", "10.40.0.1"),
    "guest": ("10.7.0.2", "10.7.0.1"),
    "first": ("10.7.0.50", "10.7.0.1"),
    "second": ("10.8.0.50", "10.8.0.1"),
    "router": ("10.50.0.1", "10.7.0.1"),
}
"""Whoever sends, with the address that they have, and their gateway."""

LIES = [
    *("203.0.113.9", Lan.MACHINE, "192.0.2.77", Lan.HOST, Lan.HOST_TOO, "172.17.0.2"),  # outside, the host's, nobody's
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "224.0.0.5", "240.0.0.1", "255.255.255.255"),
]


@pytest.fixture
def everybody(built: Lan) -> Lan:
    """All of them around one host."""
    host = built.host
    shell(host, BR0)
    host.apply(
        Network(name="closed", subnet="10.30.0.0/24", internal=True),
        Network(name="theirs", bridge="br0", subnet="10.7.0.0/24"),
        Sandbox(name="inner", mode=Bridge(network="closed")),
        Sandbox(name="guest", mode=Bridge(network="theirs", publish=["8090:80/udp"])),
        Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80/udp"])),
        Sandbox(name="bare", mode=Bridge(network="plain", publish=["8091:80/udp"])),
    )
    return built


def send_frame(inside: NetworkNamespace, packet: bytes, gateway: str) -> None:
    """Send a packet by the gateway as it is: a raw socket puts an address in the place of 0.0.0.0."""
    with inside.socket(kind=socket.SOCK_DGRAM) as asker:
        asker.sendto(b"who has it?", (gateway, 9))
    known = shell(inside, f"ip neighbour get {gateway} dev eth0").split()
    mac = bytes.fromhex(known[known.index("lladdr") + 1].replace(":", ""))
    head = packet[:10] + struct.pack("!H", checksum(packet[:20])) + packet[12:20]
    with inside.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as link:
        link.sendto(head + packet[20:], ("eth0", 0x0800, 0, 0, mac))


def arrived(listener: socket.socket, last: bytes) -> list[bytes]:
    """What a server gets until the last of it, and soon after."""
    found = []
    listener.settimeout(PATIENCE)
    with suppress(TimeoutError):
        while True:
            found.append(listener.recv(100))
            if found[-1] == last:
                listener.settimeout(SOON)
    return found


WAYS = [
    (client, way)
    for client in ADDRESSES
    for way in ("out", "host", "published", "hairpin")
    if client != "inner" or way == "host"  # nothing leaves an internal network, whatever its source
]


@pytest.mark.parametrize(("client", "way"), WAYS)
def test_of_all_that_comes_in_by_a_bridge_only_the_truth_arrives(everybody: Lan, client: str, way: str) -> None:
    host, (own, gateway) = everybody.host, ADDRESSES[client]
    mates = {"web": 8088, "far": 8089, "bare": 8091}.get(client, 8090)  # what its own network publishes
    servers = {8088: "web", 8089: "far", 8090: "guest", 8091: "bare"}
    published = 8088 if client == "far" else 8089
    to, server = {
        "out": ((Lan.THIRD, 80), everybody.third),
        "host": ((gateway, 6000), host),
        "published": ((Lan.HOST, published), namespace(host, servers[published])),
        "hairpin": ((Lan.HOST, mates), namespace(host, servers[mates])),
    }[way]
    # Of its own bridge: the gateway, and all that others there have. A neighbour's address is not told apart.
    network = own.rpartition(".")[0]
    others = [one for name in ADDRESSES for one in ADDRESSES[name] if not one.startswith(("10.7.", "10.8.", "10.50."))]
    lies = [*LIES, gateway, *(one for one in others if not one.startswith(network)), "10.51.0.1"]
    with server.socket(kind=socket.SOCK_DGRAM) as listener:
        listener.bind(("0.0.0.0", 6000 if way == "host" else 80))
        for source in (*lies, own):
            send_frame(namespace(host, client), udp(source, to, source.encode()), gateway)
        assert arrived(listener, own.encode()) == [own.encode()]


def test_what_a_machine_on_a_bridge_routes_is_told_from_what_it_makes_up(everybody: Lan) -> None:
    """The lies of a router are the truth of others: what the host has a route for by this bridge, and no more."""
    host = everybody.host
    shell(host, "ip route del 10.50.0.0/24")
    assert datagram(namespace(host, "router"), "10.50.0.1", (Lan.THIRD, 80), everybody.third) is None
    shell(host, "ip route add 10.50.0.0/24 via 10.7.0.60")
    assert datagram(namespace(host, "router"), "10.50.0.1", (Lan.THIRD, 80), everybody.third) == "10.50.0.1"


@pytest.mark.parametrize("liar", ["far", "bare", "inner", "guest", "first"])
def test_a_lie_does_not_pass_as_part_of_anothers_flow(everybody: Lan, liar: str) -> None:
    """Where a flow is open, conntrack would call it established."""
    host, machine = everybody.host, everybody.machine
    with machine.socket(kind=socket.SOCK_DGRAM) as client, host["web"].socket(kind=socket.SOCK_DGRAM) as server:
        client.bind((Lan.MACHINE, 0))
        server.bind(("0.0.0.0", 80))
        server.settimeout(PATIENCE)
        client.sendto(b"question", (Lan.HOST, 8088))
        _, source = server.recvfrom(100)
        lie = ip("10.10.0.2", source[0], 17, struct.pack("!HHHH", 80, source[1], 8 + 3, 0) + b"lie")
        send_frame(namespace(host, liar), lie, ADDRESSES[liar][1])
        server.sendto(b"truth", source)
        assert arrived(client, b"truth") == [b"truth"]


def test_a_client_of_dhcp_has_no_address_yet(everybody: Lan) -> None:
    """The kernel itself has it that what is from 0.0.0.0 and for all on the link is in order; it goes no further."""
    with everybody.host.socket(kind=socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 67))
        server.settimeout(PATIENCE)
        question = ip("0.0.0.0", "255.255.255.255", 17, struct.pack("!HHHH", 68, 67, 8 + 8, 0) + b"discover")
        head = question[:10] + struct.pack("!H", checksum(question[:20])) + question[12:20]
        with namespace(everybody.host, "first").socket(socket.AF_PACKET, socket.SOCK_DGRAM) as link:
            link.sendto(head + question[20:], ("eth0", 0x0800, 0, 0, b"\xff" * 6))
        assert server.recv(100) == b"discover"


def test_an_answer_may_take_another_way_than_its_question(built: Lan) -> None:
    """A connection to a network without masquerade of which the host sees one direction alone."""
    host = built.host
    shell(
        host,
        """
        ip -n bare link add side type veth peer name side netns machine
        ip -n bare link set side up; ip -n machine link set side up
        for netns in bare machine; do for dev in all side; do
            ip netns exec $netns sh -c "echo 0 > /proc/sys/net/ipv4/conf/$dev/rp_filter"
        done; done
        ip -n machine route add 10.40.0.2 dev side
        """,
    )
    with segments(host["bare"]) as arriving:
        assert call(built.machine, ("10.40.0.2", 80), host["bare"], 80, "tcp") == Lan.MACHINE
        assert (Lan.MACHINE, SYN) in seen(arriving)
    assert "dev side" in shell(built.machine, "ip route get 10.40.0.2")
    assert "via 10.40.0.1 dev eth0" in shell(host["bare"], f"ip route get {Lan.MACHINE}")


def test_it_is_the_source_check_that_keeps_it_out(built: Lan) -> None:
    host = built.host
    shell(host, "nft flush chain inet netbuilder source_check")
    assert datagram(host["web"], "203.0.113.9", (Lan.THIRD, 80), built.third) == "203.0.113.9"


@pytest.mark.parametrize("source", ["10.41.0.7", "203.0.113.9"])
def test_others_on_an_adopted_bridge_keep_their_subnets(lan: Lan, bridge_nf: str, source: str) -> None:
    """What the host reaches by the bridge may come from it, and nothing else."""
    host = lan.host
    shell(
        host,
        """
        ip link add br-old type bridge; ip address add 10.40.0.1/24 dev br-old; ip address add 10.41.0.1/24 dev br-old
        ip link set br-old up
        ip netns add old; ip link add old0 master br-old type veth peer name eth0 netns old; ip link set old0 up
        ip -n old address add 10.41.0.7/24 dev eth0; ip -n old link set eth0 up
        ip -n old route add default via 10.41.0.1
        """,
    )
    host.apply(Network(name="old", bridge="br-old"), Sandbox(name="web", mode=Bridge(network="old")))
    arrives = source == "10.41.0.7"
    assert (datagram(namespace(host, "old"), source, (Lan.THIRD, 80), lan.third) is not None) == arrives
    assert call(namespace(host, "old"), (Lan.HOST, 6000), host, 6000, "tcp") == "10.41.0.7"


@pytest.mark.parametrize("direction", ["out", "in"])
def test_a_flow_that_was_open_ends_when_its_network_becomes_internal(built: Lan, direction: str) -> None:
    host, machine = built.host, built.machine
    (bridge,) = (one.bridge for one in host.networks() if one.name == "lab")
    if direction == "out":
        client, to, server, at = host["web"], (Lan.MACHINE, 80), machine, 80
    else:
        host.apply(*SPECS[:1], Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80/udp"])))
        client, to, server, at = machine, (Lan.HOST, 8088), host["web"], 80
    with client.socket(kind=socket.SOCK_DGRAM) as caller, server.socket(kind=socket.SOCK_DGRAM) as listener:
        listener.bind(("0.0.0.0", at))
        listener.settimeout(PATIENCE)
        caller.settimeout(PATIENCE)
        caller.sendto(b"open", to)
        _, source = listener.recvfrom(100)
        listener.sendto(b"answer", source)
        assert caller.recv(100) == b"answer"
        shell(host, f"nft add element inet netbuilder internal {{ {bridge} }}")
        listener.settimeout(SOON)
        caller.sendto(b"still open?", to)
        with pytest.raises(TimeoutError):
            listener.recvfrom(100)


def test_what_two_bridges_of_others_switch_is_not_routed_between_them(lan: Lan, bridge_nf: str) -> None:
    host = lan.host
    for n in (1, 2):
        shell(host, f"ip link add vbr{n} type bridge; ip address add 10.7.{n}.1/24 dev vbr{n}; ip link set vbr{n} up")
        for m in (2, 3):
            shell(
                host,
                f"""
                ip netns add vm{n}{m}; ip link add vm{n}{m} master vbr{n} type veth peer name eth0 netns vm{n}{m}
                ip link set vm{n}{m} up; ip -n vm{n}{m} address add 10.7.{n}.{m}/24 dev eth0
                ip -n vm{n}{m} link set eth0 up; ip -n vm{n}{m} route add default via 10.7.{n}.1
                """,
            )
    host.apply(*SPECS)
    one, mate, two = (namespace(host, name) for name in ("vm12", "vm13", "vm22"))
    for protocol in ("tcp", "udp"):
        assert call(one, ("10.7.1.3", 80), mate, 80, protocol) == "10.7.1.2"
        assert call(one, ("10.7.2.2", 80), two, 80, protocol, SOON) is None
    shell(host, "nft flush chain inet netbuilder unrelated_forward")
    assert call(one, ("10.7.2.2", 80), two, 80, "tcp") == "10.7.1.2"


@pytest.mark.parametrize("flags", [SYN | ACK, RST, RST | ACK, FIN | ACK], ids=["syn-ack", "rst", "rst-ack", "fin-ack"])
def test_no_packet_of_no_connection_leaves_with_a_private_address(
    built: Lan, of: Callable[[str], str], flags: int
) -> None:
    host, web, bare, machine = built.host, *map(of, ("10.10.0.2", "10.40.0.2", Lan.MACHINE))
    with segments(built.machine, machine) as arriving:
        send(host["web"], tcp((web, 4000), (machine, 4001), flags))
        assert web not in {source for source, _ in seen(arriving)}
        # Where nothing is translated, an answer whose question went another way is let through.
        send(host["bare"], tcp((bare, 4000), (machine, 4001), flags))
        assert (bare, flags) in seen(arriving)


@pytest.mark.parametrize("port", [8088, 4001], ids=["published", "closed"])
def test_the_host_resets_no_connection_that_may_be_a_sandboxs(built: Lan, of: Callable[[str], str], port: int) -> None:
    stray = tcp((of(Lan.MACHINE), 4000), (of(Lan.HOST), port), SYN | ACK)
    with segments(built.machine, of(Lan.HOST)) as arriving:
        send(built.machine, stray)
        assert seen(arriving) == []
        shell(built.host, "nft flush chain inet netbuilder input")
        send(built.machine, stray)
        assert [(source, flags & RST) for source, flags in seen(arriving)] == [(of(Lan.HOST), RST)]


def test_the_hosts_own_closed_ports_are_refused_and_its_services_answer(built: Lan) -> None:
    with built.machine.socket() as caller, pytest.raises(ConnectionRefusedError):
        caller.settimeout(PATIENCE)
        caller.connect((Lan.HOST, 4001))
    assert call(built.machine, (Lan.HOST, 6000), built.host, 6000, "tcp") == Lan.MACHINE


# IPv6, where there is none


def advertise(inside: NetworkNamespace) -> None:
    """Say to all neighbours that the way out is here, as a router does (RFC 4861, section 4.2)."""
    router = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    prefix = struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 1800, 1800, 0, socket.inet_pton(socket.AF_INET6, "fd00:bad::"))
    with inside.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        raw.sendto(router + prefix, ("ff02::1", 0, 0, socket.if_nametoindex("lo") and 2))


@IPV6
@pytest.mark.parametrize("adopted", [False, True], ids=["ours", "adopted"])
def test_a_sandbox_becomes_no_router_of_the_host_and_reaches_no_service_by_ipv6(host: Host, adopted: bool) -> None:
    if adopted:
        shell(host, "ip link add br-x type bridge; ip address add 10.4.0.1/24 dev br-x; ip link set br-x up")
    else:
        shell(host, "ip link set lo up")
    host.apply(Network(name="x", bridge="br-x", subnet="10.4.0.0/24"), Sandbox(name="web", mode=Bridge(network="x")))
    web = host["web"]
    shell(
        web,
        """
        echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad; echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6
        ip address add fe80::9/64 dev eth0 nodad
        """,
    )
    if not adopted:  # as somebody might who does not know better
        shell(host, "echo 0 > /proc/sys/net/ipv6/conf/br-x/disable_ipv6; ip address add fe80::1/64 dev br-x nodad")
    else:
        shell(host, "ip address add fe80::1/64 dev br-x nodad")

    def reached() -> bool:
        with host.socket(socket.AF_INET6) as listener, web.socket(socket.AF_INET6) as caller:
            listener.bind(("::", 80))
            listener.listen()
            caller.settimeout(SOON)
            return caller.connect_ex(("fe80::1", 80, 0, 2)) == 0

    def led_astray() -> bool:
        advertise(web)
        return "br-x" in shell(host, "ip -6 route show default")

    assert not reached()
    shell(host, "echo 1 > /proc/sys/net/ipv6/conf/br-x/accept_ra")  # the rules alone are in the way
    assert not any(led_astray() for _ in range(3))
    shell(host, "nft delete table inet netbuilder")
    wait_until(reached, "the host's service is reached without the rules")
    wait_until(led_astray, "an advertisement is taken without the rules")


@IPV6
def test_nor_where_its_network_has_ipv6(built: Lan) -> None:
    """Neither by advertisements nor by a redirect; but the host's services are reached, by link-local addresses too."""
    host, web = built.host, built.host["web"]
    (bridge,) = (one.bridge for one in host.networks() if one.name == "lab")
    shell(host, f"echo 1 > /proc/sys/net/ipv6/conf/{bridge}/accept_ra; echo 2 > /proc/sys/net/ipv6/conf/all/accept_ra")

    def led_astray() -> bool:
        advertise(web)
        return bridge in shell(host, "ip -6 route show default")

    shell(host, f"echo 2 > /proc/sys/net/ipv6/conf/{bridge}/accept_ra")  # the rules alone are in the way
    assert not any(led_astray() for _ in range(3))
    link_local = shell(host, f"ip -o -6 address show dev {bridge} scope link").split()[3].partition("/")[0]
    index = int(shell(web, "cat /sys/class/net/eth0/ifindex"))
    with host.socket(socket.AF_INET6) as listener, web.socket(socket.AF_INET6) as caller:
        listener.bind(("::", 6000))
        listener.listen()
        caller.settimeout(PATIENCE)
        caller.connect((link_local, 6000, 0, index))
    shell(host, "nft flush chain inet netbuilder input")
    wait_until(led_astray, "an advertisement is taken without the rules")


@IPV6
def test_no_bridge_takes_router_advertisements(host: Host) -> None:
    shell(host, "ip link add br-old type bridge; ip address add 10.4.0.1/24 dev br-old; ip link set br-old up")
    setting = "/proc/sys/net/ipv6/conf/br-old/accept_ra"
    before = shell(host, f"cat {setting}")
    host.apply(Network(name="old", bridge="br-old"), Network(name="ours", bridge="br-ours"))
    for bridge in ("br-old", "br-ours"):
        assert shell(host, f"cat /proc/sys/net/ipv6/conf/{bridge}/accept_ra").strip() == "0"
    host.destroy_all()
    assert shell(host, f"cat {setting}") == before == "1\n"
