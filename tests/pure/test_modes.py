"""Each mode's recipe, as the commands that it prints."""

from __future__ import annotations

from typing import Any

import pytest

from netbuilder import firewall, modes
from netbuilder.ledger import Ledger
from netbuilder.modes import network
from netbuilder.plan import Plan
from netbuilder.resolve import Resolution, resolve
from netbuilder.resolved import Facts, Ground
from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, Sandbox


def resolved(ipv6: bool = True, net: dict[str, Any] | None = None, **web: Any) -> Resolution:
    """A network and the sandbox `web`, by default in bridge mode on it."""
    lab = Network(name="lab", bridge="br9", subnet="10.9.0.0/24", **net or {})
    shared = Sandbox(name="shared", mode=NoNetwork())
    sandbox = Sandbox(name="web", **{"mode": Bridge(network="lab")} | web)
    return resolve([lab, sandbox, shared], Ledger(), Facts(ipv6=ipv6))


def of_sandbox(resolution: Resolution) -> str:
    (web,) = (one for one in resolution.sandboxes if one.name == "web")
    return commands(modes.plan(web))


def commands(plan: Plan) -> str:
    return "".join(f"{step.command()}\n" for step in plan)


def without(text: str, *words: str) -> str:
    """The lines that have none of some words."""
    return "".join(line for line in text.splitlines(keepends=True) if not any(word in line for word in words))


# Sandboxes

ROOM = """\
ip netns add web
"""
BRIDGE = """\
ip link add veth18926d6 master br9 type veth peer name eth0 address 02:42:0a:09:00:02 netns web
ip link set veth18926d6 alias netbuilder:web
ip link set veth18926d6 addrgenmode none
ip link set veth18926d6 up
ip netns exec web sysctl -q -w net/ipv6/conf/eth0/disable_ipv6=1
ip -n web address add 10.9.0.2/24 brd + dev eth0
ip -n web link set lo up
ip -n web link set eth0 up
ip -n web route add default via 10.9.0.1
"""
PUBLISHED = """\
ip link add veth18926d6 master br9 type veth peer name eth0 address 02:42:0a:09:00:02 netns web
ip link set veth18926d6 alias netbuilder:web
ip link set veth18926d6 type bridge_slave hairpin on
ip link set veth18926d6 addrgenmode none
ip link set veth18926d6 up
ip netns exec web sysctl -q -w net/ipv6/conf/eth0/disable_ipv6=1
ip -n web address add 10.9.0.2/24 brd + dev eth0
ip -n web link set lo up
ip -n web link set eth0 up
ip -n web route add default via 10.9.0.1
nft 'add element inet netbuilder publish_any { tcp . 8088 : 10.9.0.2 . 80 }'
nft 'add element inet netbuilder publish_at { 127.0.0.1 . udp . 53 : 10.9.0.2 . 53 }'
"""
CHOSEN = """\
ip link add veth18926d6 master br9 type veth peer name eth0 address 02:00:00:00:00:09 netns web
ip link set veth18926d6 alias netbuilder:web
ip link set veth18926d6 mtu 1400
ip link set veth18926d6 addrgenmode none
ip link set veth18926d6 up
ip -n web link set eth0 mtu 1400
ip netns exec web sysctl -q -w net/ipv6/conf/eth0/disable_ipv6=1
ip -n web address add 10.9.0.9/24 brd + dev eth0
ip -n web link set lo up
ip -n web link set eth0 up
ip -n web route add default via 10.9.0.1
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
        ({"mode": NoNetwork()}, ROOM + LOOPBACK),
        ({"mode": NoNetwork(), "namespace": PATH}, ATTACH),
        ({"mode": NoNetwork(), "namespace": 7}, ATTACH),
        ({"mode": NoNetwork(), "namespace": PIN}, ""),
        ({}, ROOM + BRIDGE),
        ({"namespace": PATH}, ATTACH + BRIDGE),
        ({"namespace": PIN}, BRIDGE),
        ({"mode": Bridge(network="lab", publish=PORTS)}, ROOM + PUBLISHED),
        ({"ipv6": False}, ROOM + without(BRIDGE, "addrgenmode", "ipv6")),
        ({"net": {"internal": True}}, ROOM + without(BRIDGE, "route")),
        (
            {
                "net": {"mtu": 1400},
                "mode": Bridge(network="lab", address="10.9.0.9", mac="02:00:00:00:00:09"),
            },
            ROOM + CHOSEN,
        ),
    ],
)
def test_what_makes_a_sandbox(fields: dict[str, Any], expected: str) -> None:
    assert of_sandbox(resolved(**fields)) == expected


@pytest.mark.parametrize(
    ("mode", "steps"),
    [(HostNetwork(), 0), (Container(sandbox="shared"), 0), (NoNetwork(), 2), (Bridge(network="lab"), 10)],
)
def test_how_long_a_plan_is_tells_the_subject(mode: Any, steps: int) -> None:
    assert len(of_sandbox(resolved(mode=mode)).splitlines()) == steps


# Networks

NETWORK = """\
ip link add br9 address 02:42:0a:09:00:01 type bridge
ip link set br9 alias netbuilder:lab
sysctl -q -w net/ipv6/conf/br9/disable_ipv6=1
sysctl -q -w net/ipv4/conf/br9/route_localnet=1
ip address add 10.9.0.1/24 brd + dev br9
ip link set br9 up
nft 'add element inet netbuilder bridges { "br9" }'
nft 'add element inet netbuilder icc { "br9" . "br9" }'
nft 'add element inet netbuilder gateways { 10.9.0.1 }'
nft 'add element inet netbuilder onlink { "br9" . 10.9.0.0/24 }'
"""
LEAVING = """\
nft 'add element inet netbuilder leaving { "br9" . 10.9.0.0/24 }'
"""
INTERNAL = """\
nft 'add element inet netbuilder internal { "br9" }'
"""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, NETWORK + LEAVING),
        ({"net": {"masquerade": False}}, NETWORK),
        ({"net": {"internal": True}}, without(NETWORK, "route_localnet") + INTERNAL),
        ({"net": {"mtu": 1400}}, NETWORK.replace("lab\n", "lab\nip link set br9 mtu 1400\n", 1) + LEAVING),
        ({"ipv6": False}, without(NETWORK, "ipv6") + LEAVING),
    ],
)
def test_what_makes_a_network(fields: dict[str, Any], expected: str) -> None:
    assert commands(network.plan(*resolved(**fields).networks)) == expected


@pytest.mark.parametrize("was_router", [True, False])
def test_what_all_networks_stand_on(was_router: bool) -> None:
    ground = Ground(was_router=was_router)
    assert commands(network.rules(ground)) == f"nft -f - <<'EOF'\n{firewall.ruleset(was_router)}EOF\n"
    assert commands(network.forwarding(ground)) == "sysctl -q -w net/ipv4/ip_forward=1\n"


# Reasons


@pytest.mark.parametrize("fields", [{}, {"mode": Bridge(network="lab", publish=PORTS)}, {"net": {"internal": True}}])
def test_every_step_says_why(fields: dict[str, Any]) -> None:
    resolution = resolved(**fields)
    ground = network.rules(resolution.ground) + network.forwarding(resolution.ground)
    plans = [ground, *map(network.plan, resolution.networks), *map(modes.plan, resolution.sandboxes)]
    reasons = [step.because for plan in plans for step in plan]
    assert all(reason and reason.isprintable() for reason in reasons)
