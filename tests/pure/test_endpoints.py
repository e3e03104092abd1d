"""A sandbox on several networks: interfaces, default routes, ports, and what else it may be wired with."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from netbuilder.errors import SpecError
from netbuilder.recipes import plan
from netbuilder.resolve import resolve
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.spec import Bridge, Container, Endpoint, HostNetwork, Network, NoNetwork, Route, Sandbox

FRONT = Network(name="front", bridge="br1", subnet="10.1.0.0/24")
BACK = Network(name="back", bridge="br2", subnet="10.2.0.0/24")
DUAL = Network(name="dual", bridge="br3", subnet="10.3.0.0/24", subnet6="fd00:3::/64")
SIX = Network(name="six", bridge="br4", ipv4=False, subnet6="fd00:4::/64")
INNER = Network(name="inner", bridge="br5", subnet="10.5.0.0/24", internal=True)
ALL = [FRONT, BACK, DUAL, SIX, INNER]

# Specs


def refused(spec: Any, *given: Any, **fields: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        spec(*given, **fields)
    first = caught.value.errors()[0]
    return ".".join([*map(str, first["loc"]), str(first.get("ctx", {}).get("error", first["type"]))])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"endpoints": ["a", "a"]}, "endpoints: network a is given twice"),
        ({"endpoints": ["a", Endpoint("a", gw_priority=1)]}, "endpoints: network a is given twice"),
        ({"endpoints": ["a"], "network": "b"}, "network: on several networks, each endpoint has its own"),
        ({"endpoints": ["a"], "address": "10.9.0.2"}, "address: on several networks, each endpoint has its own"),
        ({"endpoints": ["a"], "address6": "fd00::2"}, "address6: on several networks"),
        ({"endpoints": ["a"], "mac": "02:00:00:00:00:01"}, "mac: on several networks"),
        ({"endpoints": ["a"], "interface": "eth0"}, "interface: on several networks"),
        ({"endpoints": "a"}, "endpoints.endpoints is a list"),
        ({"endpoints": [7]}, "endpoints.'7' is no endpoint"),
        (
            {"endpoints": [Endpoint("a", interface="x0"), Endpoint("b", interface="x0")]},
            "endpoints: two interfaces cannot be called x0",
        ),
        (
            {"endpoints": [Endpoint("a", mac="02:00:00:00:00:01"), Endpoint("b", mac="02-00-00-00-00-01")]},
            "endpoints: 02:00:00:00:00:01 is given twice",
        ),
        ({"address6": "10.9.0.2"}, "address6.'10.9.0.2' is not a valid IPv6 address"),
        ({"interface": "lo"}, "interface.'lo' is"),
    ],
)
def test_endpoints_that_can_never_be_right(fields: dict[str, Any], problem: str) -> None:
    assert refused(Bridge, **fields).startswith(problem)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"gw_priority": 2**31}, "gw_priority.less_than_equal"),
        ({"gw_priority": -(2**31) - 1}, "gw_priority.greater_than_equal"),
        ({"gw_priority": "1"}, "gw_priority.int_type"),
        ({"link_local": ["10.9.0.1"]}, "link_local.0.10.9.0.1 is not link-local"),
        ({"link_local": ["fd00::1"]}, "link_local.0.fd00::1 is not link-local"),
        ({"link_local": ["fe80::9", "fe80::9"]}, "link_local.fe80::9 is given twice"),
        ({"sysctls": {"net.ipv4.ip_forward": 1}}, "sysctls.'net/ipv4/ip_forward' is not of this interface"),
        ({"sysctls": {"net.ipv4.conf.IFNAME.x": "1; reboot"}}, "sysctls.'net.ipv4.conf.IFNAME.x': '1; reboot' is not"),
        ({"sysctls": {"net/ipv4/../../IFNAME": "1"}}, "sysctls.'net/ipv4/../../IFNAME' is not a setting"),
        ({"sysctls": {"kernel.IFNAME": "1"}}, "sysctls.'kernel.IFNAME' is not a setting of a network namespace"),
        ({"sysctls": {"net.ipv6.conf.IFNAME.disable_ipv6": 1}}, "sysctls.'net/ipv6/conf/IFNAME/disable_ipv6' follows"),
    ],
)
def test_an_endpoint_that_can_never_be_right(fields: dict[str, Any], problem: str) -> None:
    assert refused(Endpoint, "lab", **fields).startswith(problem)


@pytest.mark.parametrize(
    ("dst", "fields", "problem"),
    [
        ("10.8.0.0/24", {"via": "fd00::1"}, "via: fd00::1 is not of the family of 10.8.0.0/24"),
        ("10.8.0.1/24", {"via": "10.9.0.1"}, "dst.'10.8.0.1/24' is not a valid block of addresses: did you mean"),
        ("default", {"via": "10.9.0.1"}, "dst.'default' is not a valid block of addresses"),
        ("10.8.0.0/24", {"via": "10.9.0.1", "metric": -1}, "metric.greater_than_equal"),
        ("10.8.0.0/24", {"via": "10.9.0.1", "metric": 2**32}, "metric.less_than_equal"),
    ],
)
def test_a_route_that_can_never_be_right(dst: str, fields: dict[str, Any], problem: str) -> None:
    assert refused(Route, dst, **fields).startswith(problem)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"mode": "host", "sysctls": {"net.ipv4.ip_forward": 1}}, "sysctls: host mode has no namespace of its own"),
        ({"mode": "container:db", "sysctls": {"net.ipv4.ip_forward": 1}}, "sysctls: container mode has no namespace"),
        ({"mode": "none", "routes": [Route("10.8.0.0/24", via="10.9.0.1")]}, "routes: none mode has no endpoint"),
        ({"sysctls": {"kernel.shm_rmid_forced": 1}}, "sysctls.'kernel.shm_rmid_forced' is not a setting"),
        ({"sysctls": {"net.ipv4.conf.eth0.log_martians": 1}}, "sysctls: 'net/ipv4/conf/eth0/log_martians' is of an"),
    ],
)
def test_what_a_sandbox_cannot_be_wired_with(fields: dict[str, Any], problem: str) -> None:
    assert refused(Sandbox, "web", **fields).startswith(problem)


def test_one_endpoint_is_the_same_however_it_is_written() -> None:
    flat = Bridge("front", address="10.1.0.7", mac="02:00:00:00:00:07", interface="x0")
    listed = Bridge(endpoints=[Endpoint("front", address="10.1.0.7", mac="02:00:00:00:00:07", interface="x0")])
    assert flat.attachments == listed.attachments
    assert Bridge(endpoints=["front", BACK]).attachments == (Endpoint("front"), Endpoint("back"))


# Interfaces


def web(*endpoints: Endpoint | str, name: str = "web", **fields: Any) -> Sandbox:
    mode = {"publish": fields.pop("publish")} if "publish" in fields else {}
    return Sandbox(name, mode=Bridge(endpoints=endpoints, **mode), **fields)


def resolved(*specs: Network | Sandbox, on: Allocations | None = None) -> ResolvedSandbox:
    return resolve([*ALL, *specs], on).sandboxes[0]


def host(*specs: Network | Sandbox) -> Allocations:
    allocations, resolution = Allocations(), resolve([*ALL, *specs])
    allocations.record(resolution.networks, resolution.sandboxes)
    return allocations


def interfaces(sandbox: ResolvedSandbox) -> dict[str, str]:
    return {one.network: one.interface for one in sandbox.endpoints}


def test_interfaces_are_numbered_in_order() -> None:
    assert interfaces(resolved(web("back", "front"))) == {"back": "eth0", "front": "eth1"}


def test_a_number_is_passed_over_that_is_asked_for_by_name() -> None:
    asked = web("back", Endpoint("front", interface="eth0"), "dual", Endpoint("six", interface="out"))
    assert interfaces(resolved(asked)) == {"back": "eth1", "front": "eth0", "dual": "eth2", "six": "out"}


def test_the_prefix_is_the_networks() -> None:
    side = Network(name="side", subnet="10.6.0.0/24", interface_prefix="net")
    assert interfaces(resolved(side, web("front", "side", "back"))) == {"front": "eth0", "side": "net0", "back": "eth1"}


def test_what_stands_keeps_its_interface_and_addresses_in_whatever_order() -> None:
    allocations = host(web("front", "back"))
    again = resolved(web("dual", "back", "front"), on=allocations)
    assert interfaces(again) == {"dual": "eth2", "back": "eth1", "front": "eth0"}
    left = resolved(web("back"), on=allocations)
    assert interfaces(left) == {"back": "eth1"}
    assert left.endpoints[0] == allocations.sandboxes["web"].endpoints[1].replace(gateways=left.endpoints[0].gateways)


def test_a_name_that_another_endpoint_asks_for_is_not_kept() -> None:
    allocations = host(web("front", "back"))
    swapped = web(Endpoint("back", interface="eth0"), "front")
    assert interfaces(resolved(swapped, on=allocations)) == {"back": "eth0", "front": "eth1"}


def test_each_endpoint_has_a_veth_pair_and_a_mac_address_of_its_own() -> None:
    ends = resolved(web("front", "back", "dual")).endpoints
    assert len({one.veth for one in ends}) == len({one.mac for one in ends}) == 3
    assert [one.bridge for one in ends] == ["br1", "br2", "br3"]


def test_what_is_refused_of_an_endpoint_names_which_one() -> None:
    with pytest.raises(SpecError) as caught:
        resolved(web("front", Endpoint("back", address="10.1.0.9")))
    assert str(caught.value) == (
        "sandbox web.mode.endpoints[1].address: 10.1.0.9 is outside 10.2.0.0/24, the subnet of network back"
    )


# Default routes


def gateways(*endpoints: Endpoint | str) -> dict[str, str]:
    ends = resolved(web(*endpoints)).endpoints
    return {str(via): one.network for one in ends for via in one.gateways}


FRONT_VIA, BACK_VIA, DUAL_VIA, DUAL_VIA6, SIX_VIA6 = "10.1.0.1", "10.2.0.1", "10.3.0.1", "fd00:3::1", "fd00:4::1"


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        (["front", "back"], {BACK_VIA: "back"}),  # the first by name
        (["back", "front"], {BACK_VIA: "back"}),
        ([Endpoint("front", gw_priority=1), "back"], {FRONT_VIA: "front"}),
        (["front", Endpoint("back", gw_priority=-1)], {FRONT_VIA: "front"}),
        (["back", "dual"], {DUAL_VIA: "dual", DUAL_VIA6: "dual"}),  # both families go ahead of one
        ([Endpoint("back", gw_priority=1), "dual"], {BACK_VIA: "back", DUAL_VIA6: "dual"}),
        (["front", "six"], {FRONT_VIA: "front", SIX_VIA6: "six"}),  # of each family its own
        (["dual", Endpoint("six", gw_priority=9)], {DUAL_VIA: "dual", SIX_VIA6: "six"}),
        (["inner", "front"], {FRONT_VIA: "front"}),
        ([Endpoint("inner", gw_priority=9), "front"], {FRONT_VIA: "front"}),  # an internal one has no way out
        (["inner"], {}),
    ],
)
def test_one_endpoint_has_the_default_route_of_each_family(
    endpoints: list[Endpoint | str], expected: dict[str, str]
) -> None:
    assert gateways(*endpoints) == expected


# Ports


def published(sandbox: ResolvedSandbox) -> list[str]:
    lines = (step.command() for step in plan(sandbox))
    return [line.partition(" { ")[2].removesuffix(" }'") for line in lines if "netbuilder publish_" in line]


@pytest.mark.parametrize(
    ("endpoints", "port", "leads"),
    [
        (["front", "back"], "8088:80", ["tcp . 8088 : 10.2.0.2 . 80"]),
        ([Endpoint("front", gw_priority=1), "back"], "8088:80", ["tcp . 8088 : 10.1.0.2 . 80"]),
        (["inner", "front"], "8088:80", ["tcp . 8088 : 10.1.0.2 . 80"]),
        (["front", "six"], "8088:80", ["tcp . 8088 : 10.1.0.2 . 80", "tcp . 8088 : fd00:4::2 . 80"]),
        (["dual"], "8088:80", ["tcp . 8088 : 10.3.0.2 . 80", "tcp . 8088 : fd00:3::2 . 80"]),
        (["dual"], "0.0.0.0:8088:80", ["tcp . 8088 : 10.3.0.2 . 80"]),
        (["dual"], "[::]:8088:80", ["tcp . 8088 : fd00:3::2 . 80"]),
        (["dual"], "[::1]:8088:80", ["::1 . tcp . 8088 : fd00:3::2 . 80"]),
        (["dual"], "192.0.2.1:8088:80", ["192.0.2.1 . tcp . 8088 : 10.3.0.2 . 80"]),
        (["inner"], "8088:80", []),
    ],
)
def test_a_port_leads_to_the_endpoint_with_the_default_route(
    endpoints: list[Endpoint | str], port: str, leads: list[str]
) -> None:
    assert published(resolved(web(*endpoints, publish=[port]))) == leads


def test_a_host_port_is_kept_when_the_default_route_moves() -> None:
    allocations = host(web("front", "back", publish=["80"]))
    moved = resolved(web(Endpoint("front", gw_priority=1), "back", publish=["80"]), on=allocations)
    assert moved.ports == allocations.sandboxes["web"].ports
    assert [one.network for one in moved.endpoints if one.gateways] == ["front"]


def test_routed_ports_are_reached_at_the_sandboxs_own_address() -> None:
    routed = Network(name="routed", subnet="10.6.0.0/24", subnet6="fd00:6::/64", gateway_mode="routed")
    commands = [step.command() for step in plan(resolved(routed, web("routed", publish=["8088:80"])))]
    assert [line for line in commands if "element" in line] == [
        "nft 'add element inet netbuilder publish_any6 { tcp . 8088 : fd00:6::2 . 80 }'",
        "nft 'add element inet netbuilder direct4 { 10.6.0.2 . tcp . 80 }'",
    ]


# What else


def test_more_addresses_and_settings_of_an_interface() -> None:
    asked = Endpoint(
        "dual", interface="x0", link_local=["169.254.7.7", "fe80::7"], sysctls={"net.ipv4.conf.IFNAME.log_martians": 1}
    )
    commands = [step.command() for step in plan(resolved(web(asked)))]
    assert [line for line in commands if "address add" in line] == [
        "ip -n web address add 10.3.0.2/24 brd + dev x0",
        "ip -n web address add fd00:3::2/64 dev x0 nodad",
        "ip -n web address add 169.254.7.7/16 brd + dev x0",
        "ip -n web address add fe80::7/64 dev x0 nodad",
    ]
    assert "ip netns exec web sysctl -q -w net/ipv4/conf/x0/log_martians=1" in commands


def test_a_sandboxs_own_settings_are_there_before_its_interfaces_and_once() -> None:
    asked = {"net.ipv4.ip_forward": 1, "net.ipv4.ip_unprivileged_port_start": 1024}
    keys = [step.key for step in plan(resolved(web("front", sysctls=asked))) if step.kind == "SetSysctl"]
    assert keys == [
        "net/ipv4/ip_unprivileged_port_start",
        "net/ipv4/ping_group_range",
        "net/ipv4/ip_forward",
        "net/ipv6/conf/eth0/disable_ipv6",
    ]


def test_a_route_leads_out_by_the_endpoint_whose_subnet_its_router_is_on() -> None:
    routes = [Route("10.8.0.0/16", via="10.2.0.7"), Route("fd00:8::/48", via="fd00:4::7", metric=7)]
    commands = [step.command() for step in plan(resolved(web("front", "back", "six", routes=routes)))]
    assert [line for line in commands if "10.8.0.0" in line or "fd00:8::" in line] == [
        "ip -n web route add 10.8.0.0/16 via 10.2.0.7 dev eth1",
        "ip -n web -6 route add fd00:8::/48 via fd00:4::7 dev eth2 metric 7",
    ]


@pytest.mark.parametrize(
    ("routes", "problem"),
    [
        ([Route("10.8.0.0/16", via="10.7.0.1")], "[0].via: 10.7.0.1 is of no subnet that the sandbox is on"),
        ([Route("10.8.0.0/16", via="10.2.0.1")], "[0].via: 10.2.0.1 is of no subnet that the sandbox is on"),
        (
            [Route("10.8.0.0/16", via="10.1.0.7"), Route("10.8.0.0/16", via="10.1.0.8")],
            "[1].dst: 10.8.0.0/16 has a route of that metric already: via 10.1.0.7",
        ),
        (
            [Route("0.0.0.0/0", via="10.1.0.7")],
            "[0].dst: 0.0.0.0/0 has a route of that metric already: via 10.1.0.1",
        ),
        (
            [Route("10.1.0.0/24", via="10.1.0.7")],
            "[0].dst: 10.1.0.0/24 has a route of that metric already: the subnet of eth0",
        ),
    ],
)
def test_a_route_that_a_sandbox_cannot_have(routes: list[Route], problem: str) -> None:
    with pytest.raises(SpecError) as caught:
        resolved(web("front", routes=routes))
    assert str(caught.value) == f"sandbox web.routes{problem}"


def test_two_routes_to_one_subnet_have_two_metrics() -> None:
    routes = [Route("0.0.0.0/0", via="10.1.0.7", metric=7), Route("0.0.0.0/0", via="10.1.0.8", metric=8)]
    assert [one.metric for one in resolved(web("front", routes=routes)).routes] == [7, 8]


def test_a_sandbox_that_leaves_bridge_mode_leaves_every_network() -> None:
    allocations = host(web("front", "back"))
    for mode in (NoNetwork(), HostNetwork()):
        after = resolved(Sandbox("web", mode=mode), on=allocations)
        assert after.endpoints == ()
    allocations.record([], [resolved(Sandbox("web", mode=NoNetwork()), on=allocations)])
    assert (allocations.members("front"), allocations.members("back")) == (set(), set())
    assert resolved(Sandbox("mate", mode=Container("web")), on=allocations).namespace == "web"
