"""A sandbox on several networks, by real packets: its way out, its ports, and what goes on while it comes and goes."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from netbuilder import Bridge, Endpoint, Host, Network, NoNetwork, Plan, Route, Sandbox
from netbuilder.host.namespace import NetworkNamespace
from tests.kernel.helpers import BRIDGE_NF, BRIDGE_NF6, PATIENCE, SOON, Lan, call, picture, shell, six
from tests.kernel.leftovers import wait_until

FRONT = Network(name="front", subnet="10.1.0.0/24", subnet6="fd00:1::/64")
BACK = Network(name="back", subnet="10.2.0.0/24", subnet6="fd00:2::/64")
INNER = Network(name="inner", subnet="10.3.0.0/24", subnet6="fd00:3::/64", internal=True)
PUBLISH = ["8088:80", "8088:80/udp"]

Of = Callable[[str], str]
"""An address of the family that is tried, of its IPv4 one."""
of_both = pytest.mark.parametrize("of", [str, six], ids=["ipv4", "ipv6"])


def web(*endpoints: Endpoint | str, publish: list[str] = PUBLISH, **fields: object) -> Sandbox:
    return Sandbox("web", mode=Bridge(endpoints=endpoints, publish=publish), **fields)  # type: ignore[arg-type]


def alone(name: str, network: str) -> Sandbox:
    return Sandbox(name, mode=Bridge(network))


@pytest.fixture
def lan6(lan: Lan) -> Lan:
    """Both families everywhere."""
    lan.speak_ipv6()
    return lan


def set_bridge_nf(host: Host, value: str) -> None:
    shell(host, f"echo {value} > {BRIDGE_NF}; echo {value} > {BRIDGE_NF6}")


@contextmanager
def open_connection(
    client: NetworkNamespace, to: tuple[str, int], server: NetworkNamespace, at: int
) -> Iterator[list[socket.socket]]:
    """Both ends of a connection."""
    family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
    with client.socket(family) as caller:
        with server.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", at))
            listener.listen()
            caller.settimeout(PATIENCE)
            caller.connect(to)
            connection, _ = listener.accept()
        with connection:
            connection.settimeout(PATIENCE)
            for end in (caller, connection):  # closed at once: the network may be gone that the last words would take
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            yield [caller, connection]


def settled(host: Host) -> list[str]:
    """A picture of a host once every interface has its link-local address."""
    wait_until(
        lambda: "tentative" not in shell(host, "ip -6 address; ip -all netns exec ip -6 address"),
        "no address is tentative",
    )
    return picture(host)


def goes_on(ends: list[socket.socket]) -> bool:
    for one, other in (ends, ends[::-1]):
        one.sendall(b"still here?")
        if other.recv(100) != b"still here?":
            return False
    return True


@of_both
def test_an_internal_and_an_external_network_together(lan6: Lan, of: Of) -> None:
    """It is reached by its port, and reaches the outside and who is on the internal one; they reach nothing else."""
    host = lan6.host
    host.apply(FRONT, INNER, web("inner", "front"), alone("db", "inner"))
    machine, here = of(Lan.MACHINE), of(Lan.HOST)
    for protocol in ("tcp", "udp"):
        assert call(lan6.machine, (here, 8088), host["web"], 80, protocol) == machine
        assert call(host["web"], (machine, 80), lan6.machine, 80, protocol) == here
        assert call(host["web"], (of("10.3.0.3"), 80), host["db"], 80, protocol) == of("10.3.0.2")
        assert call(host["db"], (of("10.3.0.2"), 80), host["web"], 80, protocol) == of("10.3.0.3")
        assert call(host["db"], (machine, 80), lan6.machine, 80, protocol, SOON) is None
        assert call(host["db"], (here, 8088), host["web"], 80, protocol, SOON) is None


@of_both
def test_the_way_out_and_the_port_are_those_of_the_highest_priority(lan6: Lan, of: Of) -> None:
    host = lan6.host
    host.apply(FRONT, BACK, web("front", Endpoint("back", gw_priority=1)), alone("near", "front"))
    routes = shell(host["web"], "ip route show default; ip -6 route show default")
    assert [line.split()[2] for line in routes.splitlines()] == ["10.2.0.1", "fd00:2::1"]
    assert "10.2.0.2 . 80" in shell(host, "nft list map inet netbuilder publish_any4")
    assert "fd00:2::2 . 80" in shell(host, "nft list map inet netbuilder publish_any6")
    for protocol in ("tcp", "udp"):
        assert call(lan6.machine, (of(Lan.HOST), 8088), host["web"], 80, protocol) == of(Lan.MACHINE)
        assert call(host["near"], (of("10.1.0.2"), 80), host["web"], 80, protocol) == of("10.1.0.3")


@of_both
def test_a_port_is_open_as_soon_as_apply_returns(lan6: Lan, of: Of) -> None:
    """The host asks for a sandbox by the bridge's link-local address, which must not wait for duplicates of its own."""
    show = "ip -6 address; ip -n machine -6 address"
    wait_until(lambda: "tentative" not in shell(lan6.host, show), "the machines have their addresses")
    assert call(lan6.machine, (of(Lan.HOST), 9), lan6.host, 9, "tcp")
    lan6.host.apply(FRONT, web("front"))
    with lan6.machine.socket(socket.AF_INET if of is str else socket.AF_INET6) as caller:
        caller.settimeout(0.7)  # of the second or more that it takes to look for duplicates
        with pytest.raises(ConnectionRefusedError):  # by the sandbox, in which nobody listens
            caller.connect((of(Lan.HOST), 8088))


def test_each_family_may_have_its_own_way_out(lan6: Lan) -> None:
    host = lan6.host
    four, six_ = Network(name="four", subnet="10.1.0.0/24"), Network(name="six", ipv4=False, subnet6="fd00:2::/64")
    host.apply(four, six_, web("four", "six"))
    for to, source in ((Lan.MACHINE, Lan.HOST), (six(Lan.MACHINE), six(Lan.HOST))):
        assert call(host["web"], (to, 80), lan6.machine, 80, "tcp") == source
        assert call(lan6.machine, (source, 8088), host["web"], 80, "tcp") == to


@of_both
def test_open_connections_go_on_while_networks_come_and_go(lan6: Lan, of: Of) -> None:
    """What did not change of a sandbox is not touched: interface, addresses, and whoever talks over them."""
    host = lan6.host
    networks = (FRONT, BACK, INNER)
    host.apply(*networks, web("front"), alone("near", "front"), alone("db", "back"))
    ways = (host["near"], (of("10.1.0.2"), 80), host["web"], 80), (lan6.machine, (of(Lan.HOST), 8088), host["web"], 80)
    show = "ip -o link show eth0; ip -o address show dev eth0 scope global"
    before = shell(host["web"], show)
    with open_connection(*ways[0]) as near, open_connection(*ways[1]) as outside:
        host.apply(*networks, web("front", Endpoint("back", gw_priority=-1)))
        assert goes_on(near)
        assert goes_on(outside)
        assert call(host["web"], (of("10.2.0.2"), 80), host["db"], 80, "tcp") == of("10.2.0.3")
        with open_connection(host["db"], (of("10.2.0.3"), 90), host["web"], 90) as back:
            host.apply(*networks, web(Endpoint("back", gw_priority=-1), "front", "inner"))
            assert goes_on(near)
            assert goes_on(outside)
            assert goes_on(back)
            host.apply(*networks, web("front", Endpoint("back", gw_priority=7)))
            assert goes_on(near)
            assert goes_on(back)
            host.apply(*networks, web("front", Endpoint("back", gw_priority=-7)))
            assert goes_on(near)
            assert goes_on(back)
        host.apply(*networks, web("front"))
        assert goes_on(near)
    assert shell(host["web"], show) == before
    assert call(lan6.machine, (of(Lan.HOST), 8088), host["web"], 80, "tcp") == of(Lan.MACHINE)


def test_what_is_disconnected_leaves_nothing_and_may_come_back(host: Host) -> None:
    networks = (FRONT, BACK)
    host.apply(*networks, web("front"), alone("db", "back"))  # a bridge has its own address once it has a port
    before = settled(host)
    for _ in range(2):
        host.apply(*networks, web("front", "back"))
        assert host.diff(*networks, web("front", "back")).plan == Plan()
        host.apply(*networks, web("front"))
        assert settled(host) == before


@pytest.mark.parametrize("bridge_nf", ["0", "1"])
@of_both
def test_a_sandbox_is_a_router_between_two_networks(host: Host, of: Of, bridge_nf: str) -> None:
    set_bridge_nf(host, bridge_nf)
    length = "/24" if of is str else "/64"
    there = Route(of("10.2.0.0") + length, via=of("10.1.0.2"))
    back = Route(of("10.1.0.0") + length, via=of("10.2.0.2"))
    host.apply(
        Network(name="front", subnet="10.1.0.0/24", subnet6="fd00:1::/64", internal=True),
        Network(name="back", subnet="10.2.0.0/24", subnet6="fd00:2::/64", internal=True),
        web("front", "back", publish=[], sysctls={"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}),
        Sandbox("left", mode=Bridge("front"), routes=[there]),
        Sandbox("right", mode=Bridge("back"), routes=[back]),
    )
    for protocol in ("tcp", "udp"):
        assert call(host["left"], (of("10.2.0.3"), 80), host["right"], 80, protocol) == of("10.1.0.3")
    shell(host["web"], "echo 0 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/all/forwarding")
    assert call(host["left"], (of("10.2.0.3"), 80), host["right"], 80, "udp", SOON) is None


@pytest.mark.parametrize("bridge_nf", ["0", "1"])
@of_both
def test_neighbours_that_may_not_talk_are_reached_by_their_ports(lan6: Lan, of: Of, bridge_nf: str) -> None:
    host = lan6.host
    set_bridge_nf(host, bridge_nf)
    apart = Network(name="front", subnet="10.1.0.0/24", subnet6="fd00:1::/64", icc=False)
    host.apply(apart, web("front"), alone("near", "front"))
    for protocol in ("tcp", "udp"):
        assert call(host["near"], (of("10.1.0.2"), 80), host["web"], 80, protocol, SOON) is None
        assert call(host["near"], (of(Lan.HOST), 8088), host["web"], 80, protocol)
        assert call(lan6.machine, (of(Lan.HOST), 8088), host["web"], 80, protocol) == of(Lan.MACHINE)
        assert call(host["near"], (of(Lan.MACHINE), 80), lan6.machine, 80, protocol) == of(Lan.HOST)


@of_both
@pytest.mark.parametrize(
    ("mode", "open_", "at_host"),
    [("nat", False, True), ("nat-unprotected", True, True), ("routed", False, False)],
)
def test_what_a_gateway_mode_lets_in(lan6: Lan, of: Of, mode: str, open_: bool, at_host: bool) -> None:
    """By the sandbox's own address: in routed mode its published ports, without protection all, else none."""
    host = lan6.host
    modes = {"gateway_mode": mode, "gateway_mode6": mode}
    lab = Network(name="lab", subnet="10.1.0.0/24", subnet6="fd00:1::/64", **modes)  # type: ignore[arg-type]
    host.apply(lab, web("lab"))
    for protocol in ("tcp", "udp"):

        def reached(to: str, port: int, at: int, kind: str = protocol) -> bool:
            patience = PATIENCE if kind else SOON
            return call(lan6.machine, (of(to), port), host["web"], at, kind, patience) is not None  # type: ignore

        own = "10.1.0.2"
        if open_:
            assert reached(own, 81, 81)
        else:
            assert call(lan6.machine, (of(own), 81), host["web"], 81, protocol, SOON) is None
        if open_ or mode == "routed":
            assert reached(own, 80, 80)
        else:
            assert call(lan6.machine, (of(own), 80), host["web"], 80, protocol, SOON) is None
        if at_host:
            assert reached(Lan.HOST, 8088, 80)
        else:
            assert call(lan6.machine, (of(Lan.HOST), 8088), host["web"], 80, protocol, SOON) is None
        seen = call(host["web"], (of(Lan.MACHINE), 80), lan6.machine, 80, protocol)
        assert seen == of("10.1.0.2" if mode == "routed" else Lan.HOST)


@of_both
def test_an_isolated_network_does_not_even_reach_the_host(host: Host, of: Of) -> None:
    modes = {"gateway_mode": "isolated", "gateway_mode6": "isolated"}
    lab = Network(name="lab", subnet="10.1.0.0/24", subnet6="fd00:1::/64", internal=True, **modes)  # type: ignore
    host.apply(lab, alone("a", "lab"), alone("b", "lab"))
    assert call(host["a"], (of("10.1.0.2"), 80), host["b"], 80, "tcp") == of("10.1.0.1")
    (bridge,) = (one.bridge for one in host.networks())
    dev = f"dev {bridge}" if of is str else f"dev {bridge} nodad"
    shell(host, f"ip address add {of('10.1.0.9')}/{24 if of is str else 64} {dev}")  # as somebody might
    assert call(host["a"], (of("10.1.0.9"), 80), host, 80, "udp", SOON) is None
    shell(host, "nft flush chain inet netbuilder input")
    # At another port, as the first question may still be waiting for the neighbour's address.
    assert call(host["a"], (of("10.1.0.9"), 81), host, 81, "udp")


@of_both
def test_what_leaves_as_an_address_that_was_chosen(lan6: Lan, of: Of) -> None:
    host = lan6.host
    shell(host, "ip address add 192.0.2.77/32 dev eth0; ip address add 2001:db8:2::77/128 dev eth0 nodad")
    lab = Network(
        name="lab", subnet="10.1.0.0/24", subnet6="fd00:1::/64", host_ipv4="192.0.2.77", host_ipv6="2001:db8:2::77"
    )
    host.apply(lab, web("lab"))
    for protocol in ("tcp", "udp"):
        assert call(host["web"], (of(Lan.MACHINE), 80), lan6.machine, 80, protocol) == of("192.0.2.77")


def test_a_sandbox_leaves_all_its_networks_at_once(host: Host) -> None:
    host.apply(FRONT, BACK, alone("near", "front"), alone("db", "back"))
    before = settled(host)
    host.apply(web("front", "back"))
    host.apply(Sandbox("web", mode=NoNetwork()))
    assert shell(host["web"], "ip -o link show").count("\n") == 1
    host.destroy("web")
    assert settled(host) == before
