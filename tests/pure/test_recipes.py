"""Each mode's recipe, as the commands that it prints."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Any

import pytest

from netbuilder import firewall, recipes
from netbuilder.recipes import bridge, network
from netbuilder.resolve import Resolution, crowds, resolve
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.resolved import HostBaseline, ResolvedLocalnet
from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, Sandbox
from netbuilder.steps import Plan


def resolved(
    ipv6: bool = True, interfaces: Iterable[str] = (), net: dict[str, Any] | None = None, **web: Any
) -> Resolution:
    """A network and the sandbox `web`, by default in bridge mode on it."""
    lab = Network(name="lab", bridge="br9", subnet="10.9.0.0/24", **net or {})
    shared = Sandbox(name="shared", mode=NoNetwork())
    sandbox = Sandbox(name="web", **{"mode": Bridge(network="lab")} | web)
    return resolve([lab, sandbox, shared], facts=HostFacts(ipv6=ipv6, interfaces=frozenset(interfaces)))


def of_sandbox(resolution: Resolution) -> str:
    (web,) = (one for one in resolution.sandboxes if one.name == "web")
    return commands(recipes.plan(web))


def commands(plan: Plan) -> str:
    return "".join(f"{step.command()}\n" for step in plan)


def without(text: str, *words: str) -> str:
    """The lines that have none of some words."""
    return "".join(line for line in text.splitlines(keepends=True) if not any(word in line for word in words))


# Sandboxes

NAMESPACE = """\
ip netns add web
ip netns exec web sysctl -q -w net/ipv4/ip_unprivileged_port_start=0
ip netns exec web sysctl -q -w 'net/ipv4/ping_group_range=0 2147483647'
"""
BRIDGE = """\
ip link add veth18926d6 numtxqueues 1 numrxqueues 1 master br9 type veth \\
    peer name eth0 numtxqueues 1 numrxqueues 1 address 02:42:0a:09:00:02 netns web
ip link set veth18926d6 alias netbuilder:web
ip link set veth18926d6 addrgenmode none
ip link set veth18926d6 up
ip netns exec web sysctl -q -w net/ipv6/conf/eth0/disable_ipv6=1
ip -n web address add 10.9.0.2/24 brd + dev eth0
ip -n web link set lo up
ip -n web link set eth0 up
ip -n web route add default via 10.9.0.1 dev eth0
"""
CROWDED = """\
ip link add veth18926d6 numtxqueues 1 numrxqueues 1 master br9 type veth \\
    peer name eth0 numtxqueues 1 numrxqueues 1 address 02:42:0a:09:00:02 netns web
ip link set veth18926d6 alias netbuilder:web
ip link set veth18926d6 addrgenmode none
ethtool -K veth18926d6 tso off
ip netns exec web ethtool -K eth0 gro on
ip link set veth18926d6 up
ip neigh replace 10.9.0.2 lladdr 02:42:0a:09:00:02 dev br9 nud permanent
ip netns exec web sysctl -q -w net/ipv6/conf/eth0/disable_ipv6=1
ip -n web address add 10.9.0.2/24 brd + dev eth0
ip -n web link set lo up
ip -n web link set eth0 up
ip -n web route add default via 10.9.0.1 dev eth0
ip -n web neigh replace 10.9.0.1 lladdr 02:42:0a:09:00:01 dev eth0 nud permanent
"""
PUBLISHED = """\
ip link add veth18926d6 numtxqueues 1 numrxqueues 1 master br9 type veth \\
    peer name eth0 numtxqueues 1 numrxqueues 1 address 02:42:0a:09:00:02 netns web
ip link set veth18926d6 alias netbuilder:web
ip link set veth18926d6 type bridge_slave hairpin on
ip link set veth18926d6 addrgenmode none
ip link set veth18926d6 up
ip netns exec web sysctl -q -w net/ipv6/conf/eth0/disable_ipv6=1
ip -n web address add 10.9.0.2/24 brd + dev eth0
ip -n web link set lo up
ip -n web link set eth0 up
ip -n web route add default via 10.9.0.1 dev eth0
nft 'add element inet netbuilder publish_any4 { tcp . 8088 : 10.9.0.2 . 80 }'
nft 'add element inet netbuilder publish_at4 { 127.0.0.1 . udp . 53 : 10.9.0.2 . 53 }'
"""
CHOSEN = """\
ip link add veth18926d6 numtxqueues 1 numrxqueues 1 master br9 type veth \\
    peer name eth0 numtxqueues 1 numrxqueues 1 address 02:00:00:00:00:09 netns web
ip link set veth18926d6 alias netbuilder:web
ip link set veth18926d6 mtu 1400
ip link set veth18926d6 addrgenmode none
ip link set veth18926d6 up
ip -n web link set eth0 mtu 1400
ip netns exec web sysctl -q -w net/ipv6/conf/eth0/disable_ipv6=1
ip -n web address add 10.9.0.9/24 brd + dev eth0
ip -n web link set lo up
ip -n web link set eth0 up
ip -n web route add default via 10.9.0.1 dev eth0
"""
LOOPBACK = """\
ip -n web link set lo up
"""
ATTACH = """\
mkdir -p /run/netns
touch /run/netns/web
mount --bind /proc/7/ns/net /run/netns/web
"""
PATH, PIN = "/proc/7/ns/net", "/run/netns/web"
PORTS = ["8088:80", "127.0.0.1:53:53/udp"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mode": HostNetwork()}, ""),
        ({"mode": Container(sandbox="shared")}, ""),
        ({"mode": NoNetwork()}, NAMESPACE + LOOPBACK),
        ({"mode": NoNetwork(), "namespace": PATH}, ATTACH),
        ({"mode": NoNetwork(), "namespace": 7}, ATTACH),
        ({"mode": NoNetwork(), "namespace": PIN}, ""),
        ({}, NAMESPACE + BRIDGE),
        ({"namespace": PATH}, ATTACH + BRIDGE),
        ({"namespace": PIN}, BRIDGE),
        ({"mode": Bridge(network="lab", publish=PORTS)}, NAMESPACE + PUBLISHED),
        ({"ipv6": False}, NAMESPACE + without(BRIDGE, "addrgenmode", "ipv6")),
        ({"net": {"internal": True}}, NAMESPACE + without(BRIDGE, "route")),
        (
            {
                "net": {"mtu": 1400},
                "mode": Bridge(network="lab", address="10.9.0.9", mac="02:00:00:00:00:09"),
            },
            NAMESPACE + CHOSEN,
        ),
    ],
)
def test_what_makes_a_sandbox(fields: dict[str, Any], expected: str) -> None:
    assert of_sandbox(resolved(**fields)) == expected


def test_one_of_many_has_a_queue_and_neighbours_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowds, "SHARED_QUEUE", 0)
    monkeypatch.setattr(crowds, "ASKED_FOR", 0)
    assert of_sandbox(resolved()) == NAMESPACE + CROWDED


@pytest.mark.parametrize(
    ("publish", "expected"),
    [
        ("8088:80", ["publish_any4 { tcp . 8088 : 10.9.0.2 . 80 }", "publish_any6 { tcp . 8088 : fd00::2 . 80 }"]),
        ("0.0.0.0:8088:80", ["publish_any4 { tcp . 8088 : 10.9.0.2 . 80 }"]),
        ("8-9:8-9", ["publish_ranges_any4 { tcp . 8-9 : 10.9.0.2 }", "publish_ranges_any6 { tcp . 8-9 : fd00::2 }"]),
        ("127.0.0.1:8088:80", ["publish_at4 { 127.0.0.1 . tcp . 8088 : 10.9.0.2 . 80 }"]),
    ],
)
def test_a_port_is_open_in_each_family_that_it_and_its_sandbox_have(publish: str, expected: list[str]) -> None:
    (web, _) = resolved(mode=Bridge(network="lab", publish=[publish])).sandboxes
    (endpoint,) = web.endpoints
    more: dict[str, Any] = {"addresses": IPv6Interface("fd00::2/64"), "gateways": IPv6Address("fd00::1")}
    both = endpoint.replace(**{field: (*getattr(endpoint, field), one) for field, one in more.items()})
    steps = bridge._published_ports(web.replace(endpoints=(both,)))
    assert [step.command() for step in steps] == [f"nft 'add element inet netbuilder {one}'" for one in expected]


def test_a_sandbox_may_have_several_endpoints_and_its_ports_lead_to_the_first() -> None:
    (web, _) = resolved(mode=Bridge(network="lab", publish=PORTS)).sandboxes
    second = web.endpoints[0].replace(
        bridge="br8",
        veth="veth2",
        interface="eth2",
        addresses=(IPv4Interface("10.8.0.2/24"), IPv4Interface("10.8.0.3/24")),
        gateways=(IPv4Address("10.8.0.1"),),
    )
    more = recipes.plan(web.replace(endpoints=(*web.endpoints, second)))
    assert without(commands(more), "veth2", "eth2") == NAMESPACE + PUBLISHED
    assert [line for line in commands(more).splitlines() if "veth2 " in line or "eth2" in line] == [
        "ip link add veth2 numtxqueues 1 numrxqueues 1 master br8 type veth \\",
        "    peer name eth2 numtxqueues 1 numrxqueues 1 address 02:42:0a:09:00:02 netns web",
        "ip link set veth2 alias netbuilder:web",
        "ip link set veth2 type bridge_slave hairpin on",
        "ip link set veth2 addrgenmode none",
        "ip link set veth2 up",
        "ip netns exec web sysctl -q -w net/ipv6/conf/eth2/disable_ipv6=1",
        "ip -n web address add 10.8.0.2/24 brd + dev eth2",
        "ip -n web address add 10.8.0.3/24 brd + dev eth2",
        "ip -n web link set eth2 up",
        "ip -n web route add default via 10.8.0.1 dev eth2",
    ]


@pytest.mark.parametrize(
    ("mode", "steps"),
    [(HostNetwork(), 0), (Container(sandbox="shared"), 0), (NoNetwork(), 4), (Bridge(network="lab"), 12)],
)
def test_how_long_a_plan_is_tells_the_subject(mode: Any, steps: int) -> None:
    web, _ = resolved(mode=mode).sandboxes
    assert len(recipes.plan(web)) == steps


# Networks

NETWORK = """\
ip link add br9 type bridge
ip link set br9 alias netbuilder:lab
ip link set br9 address 02:42:0a:09:00:01
sysctl -q -w net/ipv6/conf/br9/disable_ipv6=1
sysctl -q -w net/ipv6/conf/br9/accept_ra=0
ip address add 10.9.0.1/24 brd + dev br9
ip link set br9 up
nft 'add element inet netbuilder bridges { "br9" }'
nft 'add element inet netbuilder icc { "br9" . "br9" }'
nft 'add element inet netbuilder without_ipv6 { "br9" }'
nft 'add element inet netbuilder subnets4 { "br9" . 10.9.0.0/24 }'
nft 'add element inet netbuilder gateways4 { 10.9.0.1 }'
"""
MASQUERADED = """\
nft 'add element inet netbuilder masqueraded4 { "br9" . 10.9.0.0/24 }'
nft 'add element inet netbuilder masqueraded_gateways4 { 10.9.0.1 }'
"""
ADOPTED = """\
ip link add br9 type bridge
ip link set br9 alias netbuilder:lab
ip link set br9 mtu 1400
sysctl -q -w net/ipv6/conf/br9/accept_ra=0
ip address add 10.9.0.1/24 brd + dev br9
ip link set br9 up
nft 'add element inet netbuilder bridges { "br9" }'
nft 'add element inet netbuilder icc { "br9" . "br9" }'
nft 'add element inet netbuilder without_ipv6 { "br9" }'
nft 'add element inet netbuilder subnets4 { "br9" . 10.9.0.0/24 }'
nft 'add element inet netbuilder gateways4 { 10.9.0.1 }'
"""
FORWARDING = """\
sysctl -q -w net/ipv4/conf/br9/forwarding=1
"""
SUBNET = """\
nft 'add element inet netbuilder subnets4 { "br9" . 10.9.0.0/24 }'
"""
INTERNAL = """\
nft 'add element inet netbuilder internal { "br9" }'
"""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, NETWORK + MASQUERADED),
        ({"net": {"masquerade": False}}, NETWORK),
        ({"net": {"internal": True}}, NETWORK.replace(SUBNET, INTERNAL + SUBNET)),
        ({"net": {"mtu": 1400}}, NETWORK.replace("0:01\n", "0:01\nip link set br9 mtu 1400\n", 1) + MASQUERADED),
        ({"ipv6": False}, without(NETWORK, "net/ipv6") + MASQUERADED),
        ({"interfaces": ["br9"]}, without(NETWORK, "02:42", "disable_ipv6") + MASQUERADED),
        ({"interfaces": ["br9"], "net": {"mtu": 1400}}, ADOPTED + MASQUERADED),
    ],
)
def test_what_makes_a_network(fields: dict[str, Any], expected: str) -> None:
    assert commands(network.plan(*resolved(**fields).networks)) == expected + FORWARDING


def test_what_lets_the_hosts_loopback_lead_to_a_network() -> None:
    plan = network.localnet(ResolvedLocalnet(name="lab", bridge="br9"))
    assert commands(plan) == "sysctl -q -w net/ipv4/conf/br9/route_localnet=1\n"


def test_a_network_may_have_both_families() -> None:
    one, both = (
        commands(network.plan(*resolved(net=net).networks)).splitlines() for net in ({}, {"subnet6": "fd00:9::/64"})
    )
    assert [line for line in both if line not in one] == [
        "sysctl -q -w net/ipv6/conf/br9/accept_dad=0",
        "sysctl -q -w net/ipv6/conf/br9/disable_ipv6=0",
        "ip address add fd00:9::1/64 dev br9 nodad",
        "ip -6 route append local ::1/128 dev br9 table local metric 2000",
        "nft 'add element inet netbuilder subnets6 { \"br9\" . fd00:9::/64 }'",
        "nft 'add element inet netbuilder gateways6 { fd00:9::1 }'",
        "nft 'add element inet netbuilder masqueraded6 { \"br9\" . fd00:9::/64 }'",
        "nft 'add element inet netbuilder masqueraded_gateways6 { fd00:9::1 }'",
        "sysctl -q -w net/ipv6/conf/br9/forwarding=1",
    ]
    assert [line for line in one if line not in both] == [
        "sysctl -q -w net/ipv6/conf/br9/disable_ipv6=1",
        "nft 'add element inet netbuilder without_ipv6 { \"br9\" }'",
    ]


ROUTER = """\
nft 'add element inet netbuilder made_router { ipv4 }'
"""
PRESENT = """\
nft 'add element inet netbuilder forwarding_on { "eth1" }'
nft 'add element inet netbuilder present { "eth0" }'
nft 'add element inet netbuilder present { "eth1" }'
nft 'add element inet netbuilder present { "wan@5" }'
"""


@pytest.mark.parametrize(("forwarding_before", "elements"), [(True, PRESENT), (False, ROUTER + PRESENT)])
def test_what_all_networks_stand_on(forwarding_before: bool, elements: str) -> None:
    """What can't be named in a rule is left out, and the host is a router for it."""
    names = ("eth0", "eth1", "wan@5", 'e"th', "e*", "e\\th", "e th", "\x1b[2J", "ü")
    baseline = HostBaseline(forwarding_before=forwarding_before, present=names, forwarding_on=("eth1", "e*"))
    assert commands(network.firewall(baseline)) == f"nft -f - <<'EOF'\n{firewall.ruleset()}EOF\n{elements}"
    assert commands(network.forwarding(baseline)) == "sysctl -q -w net/ipv4/ip_forward=1\n"


# Reasons


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"mode": Bridge(network="lab", publish=PORTS)},
        {"net": {"internal": True, "mtu": 1400}},
        {"mode": NoNetwork(), "namespace": PATH},
    ],
)
def test_every_step_says_why(fields: dict[str, Any]) -> None:
    resolution = resolved(**fields)
    baseline = HostBaseline(forwarding_before=True)
    shared = network.firewall(baseline) + network.forwarding(baseline)
    plans = [shared, *map(network.plan, resolution.networks), *map(recipes.plan, resolution.sandboxes)]
    reasons = [step.because for plan in plans for step in plan]
    assert all(reason and reason.isprintable() for reason in reasons)
