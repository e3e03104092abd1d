"""Every default is as Docker's, every clash is refused with the field's name, and nobody loses what they have.

What stands is only looked at: a call that is refused, or never carried out, leaves it as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import combinations
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netbuilder.errors import SpecError
from netbuilder.resolve import Resolution, bridged_matters, needs_facts, resolve
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.defaults import address_pools
from netbuilder.resolve.facts import HostFacts, HostPort, HostRoute, Neighbour
from netbuilder.resolve.resolved import HostBaseline, ResolvedEndpoint, ResolvedNetwork, ResolvedPort, ResolvedSandbox
from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, PublishedPort, Sandbox
from tests.pure.samples import pool

Specs = list[Network | Sandbox]
Written = TypeVar("Written", ResolvedNetwork, ResolvedSandbox)

LAB = Network(name="lab", subnet="10.9.0.0/24")
DMZ = Network(name="dmz", subnet="10.8.0.0/24")
FRESH = HostFacts()


def on(name: str, network: str = "lab", **mode: Any) -> Sandbox:
    """A sandbox in bridge mode."""
    return Sandbox(name=name, mode=Bridge(network=network, **mode))


def mate(name: str, of: str) -> Sandbox:
    """A sandbox in container mode."""
    return Sandbox(name=name, mode=Container(sandbox=of))


def empty(name: str, **fields: Any) -> Sandbox:
    """A sandbox in none mode."""
    return Sandbox(name=name, mode=NoNetwork(), **fields)


def top(name: str) -> Sandbox:
    """A sandbox in host mode."""
    return Sandbox(name=name, mode=HostNetwork())


def make(specs: Iterable[Network | Sandbox], allocations: Allocations, facts: HostFacts = FRESH) -> Resolution:
    """What is asked for stands."""
    resolution = resolve(specs, allocations, facts)
    allocations.record(resolution.networks, resolution.sandboxes)
    return resolution


def host(*specs: Network | Sandbox) -> Allocations:
    """The allocations of a host on which something stands."""
    allocations = Allocations()
    make(specs, allocations)
    return allocations


def contents(allocations: Allocations) -> str:
    """All that allocations have, in order, for comparing it later."""
    return str(vars(allocations) | {"claims": claimed(allocations)})


def claimed(allocations: Allocations) -> tuple[Any, ...]:
    """Who holds what."""
    return dict(allocations.claims._holders), {of: held for of, held in allocations.claims._ports._held.items() if held}


def network(spec: Network, allocations: Allocations | None = None, **facts: Any) -> ResolvedNetwork:
    (one,) = resolve([spec], allocations, HostFacts(**facts)).networks
    return one


def subnet_of(network: ResolvedNetwork) -> str:
    (subnet,) = network.subnets
    return str(subnet)


def subnets(specs: Iterable[Network], allocations: Allocations | None = None, **facts: Any) -> list[str]:
    return [subnet_of(one) for one in resolve(specs, allocations, HostFacts(**facts)).networks]


def endpoints(resolution: Resolution) -> dict[str, ResolvedEndpoint]:
    return {one.name: end for one in resolution.sandboxes for end in one.endpoints}


def address_of(endpoint: ResolvedEndpoint) -> IPv4Interface:
    (address,) = endpoint.addresses
    return address


def addresses(resolution: Resolution) -> dict[str, str]:
    return {name: str(address_of(end).ip) for name, end in endpoints(resolution).items()}


def ports(resolution: Resolution) -> list[str]:
    return [str(port).removesuffix("/tcp") for one in resolution.sandboxes for port in one.ports]


def route(block: str, device: str, leads: str = "", **more: Any) -> HostRoute:
    return HostRoute(IPv4Network(block), leads or f"by {device}", device, **more)


def refusal(specs: Iterable[Network | Sandbox], allocations: Allocations | None = None, **facts: Any) -> SpecError:
    with pytest.raises(SpecError) as caught:
        resolve(specs, allocations, HostFacts(**facts))
    return caught.value


# MAC addresses


@pytest.mark.parametrize(
    ("macs", "holder"),
    [
        (["02:00:00:00:00:01", "02:00:00:00:00:01"], "sandbox a"),
        (["02:42:0a:09:00:01", None], "the bridge of network lab"),
        (["02:42:0a:09:00:03", None], "sandbox a"),
    ],
    ids=["each other's", "the bridge's", "a chosen one's"],
)
def test_a_mac_address_is_had_by_one(macs: list[str | None], holder: str) -> None:
    specs = [Sandbox(name=name, mode=Bridge(network="lab", mac=mac)) for name, mac in zip("ab", macs, strict=True)]
    with pytest.raises(SpecError, match=f"is the MAC address of {holder} already"):
        resolve([LAB, *specs])


# Networks


@pytest.mark.parametrize("there", [True, False])
def test_a_bridge_that_is_there_is_adopted(there: bool) -> None:
    assert network(Network(name="lab", bridge="br9"), interfaces=frozenset({"br9"} if there else {})).adopted == there


def test_the_default_network_is_dockers() -> None:
    assert network(Network(name="bridge")) == ResolvedNetwork(
        name="bridge",
        bridge="docker0",
        pools=(pool("172.17.0.1/16"),),
        mac="02:42:ac:11:00:01",
        mtu=None,
        masquerade=True,
        internal=False,
        disable_ipv6=True,
    )


def test_what_a_network_asks_for_it_gets() -> None:
    spec = Network(
        name="lab", bridge="br9", subnet="10.9.0.0/24", gateway="10.9.0.9", mtu=1400, masquerade=False, internal=True
    )
    assert network(spec, ipv6=False) == ResolvedNetwork(
        name="lab",
        bridge="br9",
        pools=(pool("10.9.0.9/24", gateway=None),),  # there is no way out of an internal network
        mac="02:42:0a:09:00:09",
        mtu=1400,
        masquerade=False,
        internal=True,
        disable_ipv6=None,
    )


@pytest.mark.parametrize(
    ("mtu", "ipv6", "quiet"), [(68, True, None), (1279, True, None), (1280, True, True), (1280, False, None)]
)
def test_ipv6_is_switched_off_where_the_kernel_has_it(mtu: int, ipv6: bool, quiet: bool | None) -> None:
    lab = Network(name="lab", subnet="10.9.0.0/24", mtu=mtu)
    resolution = resolve([lab, on("web", "lab")], facts=HostFacts(ipv6=ipv6))
    assert resolution.networks[0].disable_ipv6 is quiet
    assert endpoints(resolution)["web"].disable_ipv6 is quiet


@pytest.mark.parametrize(
    "before", [[], [Network(name="bridge")], [Network(name="bridge", mtu=1400)]], ids=["new", "standing", "as it is"]
)
def test_a_sandbox_on_the_default_network_implies_it(before: list[Network]) -> None:
    resolution = resolve([on("web", "bridge")], host(*before))
    assert resolution.networks == (network(*before or [Network(name="bridge")]),)
    assert addresses(resolution) == {"web": "172.17.0.2"}


def test_a_default_network_that_is_declared_is_as_declared() -> None:
    specs: Specs = [on("web", "bridge"), Network(name="bridge", subnet="10.7.0.0/24")]
    resolution = resolve(specs)
    assert [str(gateway) for one in resolution.networks for gateway in one.gateways] == ["10.7.0.1/24"]
    assert addresses(resolution) == {"web": "10.7.0.2"}


@pytest.mark.parametrize("sandbox", [on("web"), empty("web"), top("web")])
def test_other_sandboxes_do_not_imply_it(sandbox: Sandbox) -> None:
    assert resolve([sandbox], host(LAB)).networks == ()


def test_subnets_are_taken_in_dockers_order() -> None:
    specs = [Network(name=name) for name in ("a", "b", "bridge", "c")]
    assert subnets(specs) == ["172.18.0.0/16", "172.19.0.0/16", "172.17.0.0/16", "172.20.0.0/16"]


def test_a_gap_is_used_again() -> None:
    allocations = host(*(Network(name=name) for name in "abc"))
    allocations.remove(["b"], [])
    assert subnets([Network(name="d"), Network(name="e")], allocations) == ["172.19.0.0/16", "172.21.0.0/16"]


def test_a_subnet_that_the_host_reaches_already_is_passed_over() -> None:
    routes = route("172.18.4.0/24", "eth0"), route("172.19.0.0/16", "eth1"), route("172.20.0.0/15", "eth1")
    assert subnets([Network(name="a")], Allocations(), routes=routes) == ["172.22.0.0/16"]


def test_a_default_does_not_take_what_another_names() -> None:
    specs = [Network(name="a"), Network(name="b", subnet="172.18.0.0/24")]
    assert subnets(specs) == ["172.18.0.0/24", "172.19.0.0/16"]


# Routes of the host

HALVES = route("0.0.0.0/1", "tun0"), route("128.0.0.0/1", "tun0", "by tun0 via 10.8.0.1")
PRIVATE = tuple(route(block, "tun0") for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
OWN = {"eth0": (IPv4Interface("10.9.7.1/16"),)}


@pytest.mark.parametrize(
    ("routes", "chosen"),
    [
        (HALVES, "172.18.0.0/16"),
        ([route(f"{first}.0.0.0/7", "tun0") for first in range(0, 256, 2)], "172.18.0.0/16"),
        ([route("172.0.0.0/8", "tun0")], "192.168.0.0/20"),
        ([route("172.16.0.0/12", "", "by eth0 via 192.0.2.2")], "192.168.0.0/20"),
        ([route("172.18.0.0/15", "", "nowhere (blackhole)")], "172.20.0.0/16"),
        ([route("172.18.0.0/15", "tun0", main=False)], "172.20.0.0/16"),
        ([route("172.18.9.9/32", "tun0")], "172.19.0.0/16"),
        (PRIVATE, "172.18.0.0/16"),
        ([*PRIVATE, route("172.18.0.0/16", "tun0"), route("172.19.4.0/24", "tun0")], "172.20.0.0/16"),
    ],
)
def test_a_pool_keeps_clear_of_routes_while_there_is_another(routes: Iterable[HostRoute], chosen: str) -> None:
    assert subnets([Network(name="lab")], routes=tuple(routes)) == [chosen]


def test_a_pool_has_no_nameserver_of_the_host_in_it() -> None:
    resolvers = frozenset(map(IPv4Address, ["172.18.0.2", "172.20.255.255", "192.0.2.53"]))
    assert subnets([Network(name="a"), Network(name="b")], resolvers=resolvers) == ["172.19.0.0/16", "172.21.0.0/16"]
    assert subnets([Network(name="a", subnet="172.18.0.0/16")], resolvers=resolvers) == ["172.18.0.0/16"]
    assert subnets([Network(name="a")], resolvers=resolvers, routes=PRIVATE) == ["172.19.0.0/16"]


@pytest.mark.parametrize(
    "wider",
    [
        *HALVES,
        *PRIVATE[:1],
        route("10.9.0.0/23", "tun0"),
        route("10.9.0.0/16", "", "nowhere (blackhole)"),
        route("10.9.0.0/24", "tun0", metric=100),
        route("10.9.0.0/25", "tun0", main=False),
    ],
    ids=lambda route: f"{route.block} {route.leads}",
)
def test_a_subnet_inside_a_route_that_is_only_a_route_may_be_asked_for(wider: HostRoute) -> None:
    assert subnets([LAB], routes=(wider,)) == ["10.9.0.0/24"]


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (route("10.9.0.0/24", "tun0"), "10.9.0.0/24, which this host reaches by tun0"),
        (route("10.9.0.0/24", "", "nowhere (blackhole)"), "10.9.0.0/24, which this host reaches nowhere (blackhole)"),
        (route("10.9.0.7/32", "tun0", metric=100), "10.9.0.7/32, which this host reaches by tun0"),
        (route("10.9.0.0/16", "eth0"), "10.9.0.0/16, which this host reaches by eth0"),
        (route("10.9.0.0/16", "eth0", metric=100), "10.9.0.0/16, which this host reaches by eth0"),
    ],
)
def test_a_subnet_that_others_have_or_that_would_not_be_reached_may_not(one: HostRoute, message: str) -> None:
    assert str(refusal([LAB], routes=(one,), addresses=OWN)) == f"network lab.subnet: 10.9.0.0/24 overlaps {message}"


# Addresses that somebody has

BYHAND, OURS = "8e:00:00:00:00:03", "02:42:0a:09:00:02"
BR0 = Network(name="lab", bridge="br0", subnet="10.9.0.0/24")


def somebody(mac: str = BYHAND, answers: bool = True, at: str = "10.9.0.2", on: str = "br0") -> dict[str, Any]:
    return {"neighbours": {(on, IPv4Address(at)): Neighbour(mac, answers)}}


@pytest.mark.parametrize(
    "taken",
    [
        {"addresses": {"lo": (IPv4Interface("127.0.0.1/8"), IPv4Interface("10.9.0.2/32"))}},
        {"addresses": {"br0": (IPv4Interface("10.9.0.1/24"), IPv4Interface("10.9.0.2/24"))}},
        somebody(),
        somebody(answers=False),
        somebody(OURS),
    ],
    ids=["on the host", "on the bridge", "answers", "quiet", "with the same MAC"],
)
def test_an_address_that_somebody_has_is_not_given_away(taken: dict[str, Any]) -> None:
    facts = HostFacts(**taken)
    assert addresses(resolve([BR0, on("web")], facts=facts)) == {"web": "10.9.0.3"}
    error = refusal([BR0, on("web", address="10.9.0.2")], **taken)
    assert error.field == "sandbox web.mode.address"
    assert error.hint == "choose another, or leave it out for the next free one"


@pytest.mark.parametrize(
    ("taken", "whose"),
    [
        ({"addresses": {"tun0": (IPv4Interface("10.9.0.2/32"),)}}, "this host, on tun0"),
        (somebody(), "8e:00:00:00:00:03, which answers on br0"),
        (somebody(answers=False), "8e:00:00:00:00:03, a neighbour seen on br0"),
    ],
)
def test_who_has_an_address_is_told(taken: dict[str, Any], whose: str) -> None:
    told = refusal([BR0, on("web", address="10.9.0.2")], **taken)
    assert str(told) == f"sandbox web.mode.address: 10.9.0.2 is taken by {whose}"


@pytest.mark.parametrize(
    "facts",
    [somebody(OURS, answers=False), somebody(on="br1"), somebody(at="10.8.0.2"), somebody(at="10.9.0.77")],
    ids=["a sandbox that is gone", "another bridge", "another subnet", "another address"],
)
def test_what_nobody_else_has_is_given_away(facts: dict[str, Any]) -> None:
    assert addresses(resolve([BR0, on("web")], facts=HostFacts(**facts))) == {"web": "10.9.0.2"}


def test_a_mac_address_of_its_own_is_known_again() -> None:
    specs = [BR0, on("web", address="10.9.0.2", mac=BYHAND)]
    assert addresses(resolve(specs, facts=HostFacts(**somebody(answers=False)))) == {"web": "10.9.0.2"}
    assert "is taken" in str(refusal(specs, **somebody()))


@pytest.mark.parametrize("spec", [on("web"), on("web", address="10.9.0.2")])
def test_a_sandbox_that_stands_keeps_an_address_that_somebody_has_by_now(spec: Sandbox) -> None:
    allocations = host(BR0, on("web"))
    resolution = resolve([spec, on("more")], allocations, HostFacts(**somebody()))
    assert addresses(resolution) == {"web": "10.9.0.2", "more": "10.9.0.3"}


GATEWAY = somebody(at="10.9.0.1")


def test_a_gateway_is_nobody_elses_address() -> None:
    assert network(BR0, **GATEWAY).gateways == (IPv4Interface("10.9.0.2/24"),)
    assert network(LAB, addresses={"lo": (IPv4Interface("10.9.0.1/32"),)}).gateways == (IPv4Interface("10.9.0.2/24"),)
    error = refusal([Network(name="lab", bridge="br0", subnet="10.9.0.0/24", gateway="10.9.0.1")], **GATEWAY)
    assert str(error) == "network lab.gateway: 10.9.0.1 is taken by 8e:00:00:00:00:03, which answers on br0"
    assert error.hint == "name another gateway, or leave it out for a free one"


def test_a_bridge_that_has_the_gateways_address_keeps_it() -> None:
    own = {"addresses": {"br0": (IPv4Interface("10.9.0.254/24"), IPv4Interface("10.9.0.1/24"))}}
    assert network(BR0, **own).gateways == (IPv4Interface("10.9.0.1/24"),)


def test_a_subnet_of_which_others_have_all_is_refused() -> None:
    held = tuple(IPv4Interface((f"10.9.0.{last}", 32)) for last in (1, 2))
    error = refusal([Network(name="lab", subnet="10.9.0.0/30")], addresses={"lo": held})
    assert str(error) == "network lab.gateway: every address of 10.9.0.0/30 is taken"


# A subnet of two addresses

LINK = Network(name="lab", subnet="10.9.0.0/31")


@pytest.mark.parametrize(("gateway", "web"), [(None, "10.9.0.1"), ("10.9.0.0", "10.9.0.1"), ("10.9.0.1", "10.9.0.0")])
def test_a_31_has_a_gateway_and_a_sandbox(gateway: str | None, web: str) -> None:
    link = Network(name="lab", subnet="10.9.0.0/31", gateway=gateway)
    assert addresses(resolve([link, on("web")])) == addresses(resolve([link, on("web", address=web)])) == {"web": web}
    full = refusal([link, on("web"), on("more")])
    assert str(full) == "sandbox more.mode.address: network lab is full: every address of 10.9.0.0/31 is taken"
    assert "is taken by sandbox web" in str(refusal([on("more", address=web)], host(link, on("web"))))


def test_after_dockers_31_pools_a_subnet_must_be_named() -> None:
    specs: Specs = [Network(name=f"n{number}") for number in range(31)]
    allocations = host(*specs[:30])
    assert len({subnet_of(one) for one in allocations.networks.values()}) == 30
    error = refusal(specs[30:], allocations)
    problem = "every subnet of the address pools overlaps a network, route or nameserver of this host"
    assert str(error) == f"network n30.subnet: {problem}"
    assert subnets([Network(name="bridge")], allocations) == ["172.17.0.0/16"]
    assert error.hint == "name a subnet, such as 10.9.0.0/24"


def test_subnets_are_taken_from_pools_of_ones_own() -> None:
    """The first is docker0's, made or not, as Docker has it."""
    facts = HostFacts(pools=address_pools([("10.200.0.0/16", 24), ("10.9.0.0/24", 24)]))
    specs: Specs = [Network(name="a"), Network(name="b"), Network(name="bridge")]
    made = resolve(specs, Allocations(), facts).networks
    assert [str(one.subnets[0]) for one in made] == ["10.200.1.0/24", "10.200.2.0/24", "10.200.0.0/24"]


ADOPTED: dict[str, Any] = {
    "addresses": {"br0": (IPv4Interface("10.7.0.9/24"),)},
    "routes": (route("10.7.0.0/24", "br0"),),
}


@pytest.mark.parametrize(
    ("fields", "gateway"),
    [
        ({"bridge": "br0"}, "10.7.0.9/24"),
        ({"bridge": "br0", "subnet": "10.7.0.0/24"}, "10.7.0.1/24"),
        ({"bridge": "br0", "subnet": "10.9.0.0/24"}, "10.9.0.1/24"),
        ({"bridge": "br1"}, "172.18.0.1/16"),
    ],
)
def test_a_bridge_that_has_an_address_is_adopted_with_its_subnet(fields: dict[str, Any], gateway: str) -> None:
    assert network(Network(name="lab", **fields), **ADOPTED).gateways == (IPv4Interface(gateway),)


@pytest.mark.parametrize("router", [True, False])
def test_a_router_is_remembered_as_one(router: bool) -> None:
    facts = HostFacts(forwarding=router)
    assert resolve([LAB], facts=facts).baseline == HostBaseline(forwarding_before=router)
    allocations = Allocations()
    allocations.baseline = HostBaseline(forwarding_before=not router)  # ours by now, so what is seen says nothing
    assert resolve([LAB], allocations, facts).baseline == allocations.baseline


ROUTES = (route("10.9.0.128/25", "eth0"),)


@pytest.mark.parametrize(
    ("specs", "facts", "message"),
    [
        (
            [LAB, Network(name="b", subnet="10.9.0.128/25")],
            {},
            "network b.subnet: 10.9.0.128/25 overlaps 10.9.0.0/24 of network lab",
        ),
        ([LAB], {"routes": ROUTES}, "network lab.subnet: 10.9.0.0/24 overlaps 10.9.0.128/25, which this host reaches"),
        (
            [Network(name="lab", bridge="br1", subnet="10.7.0.0/16")],
            ADOPTED,
            "network lab.subnet: 10.7.0.0/16 overlaps 10.7.0.0/24, which this host reaches by br0",
        ),
        (
            [Network(name="a", bridge="br0"), Network(name="b", bridge="br0")],
            {},
            "network b.bridge: br0 is the bridge of network a",
        ),
        (
            [Network(name="a", bridge="docker0"), on("web", "bridge")],
            {},
            "network bridge.bridge: docker0 is the bridge of network a",
        ),
        ([LAB, Network(name="lab")], {}, "network lab: is given twice"),
        ([empty("web"), top("web")], {}, "sandbox web: is given twice"),
    ],
)
def test_networks_that_clash(specs: Specs, facts: dict[str, Any], message: str) -> None:
    assert str(refusal(specs, **facts)).startswith(message)


@pytest.mark.parametrize("name", ["host", "none"])
def test_a_network_is_not_named_as_a_mode(name: str) -> None:
    with pytest.raises(ValidationError, match=f"'{name}' is a mode, not a network"):
        Network(name=name)
    assert top(name).name == name  # a sandbox may be


def test_a_network_and_a_sandbox_may_have_one_name() -> None:
    assert len(resolve([LAB, on("lab")]).sandboxes) == 1


# Networks that stand


@pytest.mark.parametrize("spec", [LAB, Network(name="lab")], ids=["the same", "less said"])
def test_a_network_keeps_what_it_has(spec: Network) -> None:
    allocations = host(LAB, on("web"))
    had = allocations.networks["lab"]
    assert network(spec, allocations, routes=ROUTES) is had


CHANGES: list[dict[str, Any]] = [
    {"mtu": 1400},
    {"mtu": 68},
    {"subnet": "10.5.0.0/24"},
    {"subnet": "10.9.0.0/24", "gateway": "10.9.0.9"},
    {"bridge": "br9"},
    {"masquerade": False},
    {"internal": True},
]
each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: "{}={}".format(*list(change.items())[-1]))


def changed(**change: Any) -> Network:
    """The lab network with something else about it."""
    return Network(name="lab", **{"subnet": "10.9.0.0/24"} | change)


@each_change
def test_a_network_that_nobody_uses_is_changed(change: dict[str, Any]) -> None:
    spec, allocations = changed(**change), host(LAB)
    assert network(spec, allocations) == network(spec) != allocations.networks["lab"]


@each_change
def test_a_network_is_changed_together_with_its_sandboxes(change: dict[str, Any]) -> None:
    spec, sandboxes = changed(**change), [on("a"), on("b", mac="02:00:00:00:00:0b"), mate("mate", "a")]
    resolution = resolve([*sandboxes, spec], host(LAB, *sandboxes))
    (lab,) = resolution.networks
    assert lab == network(spec)
    for end in endpoints(resolution).values():
        assert (end.bridge, end.mtu, end.disable_ipv6) == (lab.bridge, lab.mtu, lab.disable_ipv6)
        assert end.gateways == (() if lab.internal else tuple(gateway.ip for gateway in lab.gateways))
        assert (address_of(end).network,) == lab.subnets


@each_change
@pytest.mark.parametrize(
    ("also", "left"),
    [
        ([], "a, b, c and 1 more"),
        ([on("a"), on("c")], "b, d"),
        ([on("a"), on("b", "dmz"), on("new"), empty("c")], "d"),
    ],
)
def test_a_network_is_not_changed_while_others_use_it(change: dict[str, Any], also: Specs, left: str) -> None:
    allocations = host(LAB, DMZ, *(on(name) for name in "abcd"), on("e", "dmz"))
    error = refusal([changed(**change), *also], allocations)
    field = next(name for name in change if name in error.field)
    assert error.field == f"network lab.{field}"
    has = {"subnet": "10.9.0.0/24", "gateway": "10.9.0.1", "bridge": "br-a51146d38077", "mtu": "not set"}
    value = has.get(field, vars(allocations.networks["lab"]).get(field))
    assert str(error) == f"network lab.{field}: is {value} by now, and cannot be changed without {left}, on it"
    assert error.hint == f"say the same {field}, ask for these sandboxes in the same call, or destroy them first"


@each_change
def test_a_network_is_changed_when_its_sandboxes_leave_it_in_the_same_call(change: dict[str, Any]) -> None:
    allocations = host(LAB, DMZ, *(on(name) for name in "abcd"))
    leaving: Specs = [on("a", "dmz"), empty("b"), top("c"), mate("d", "a")]
    resolution = make([changed(**change), *leaving], allocations)
    assert addresses(resolution) == {"a": "10.8.0.2"}
    assert (allocations.members("lab"), allocations.members("dmz")) == (set(), {"a"})


def test_others_on_a_network_are_no_matter_where_it_stays() -> None:
    allocations = host(LAB, on("a"), on("b"))
    for also in ([], [on("a")], [on("a"), on("b")]):
        assert resolve([LAB, *also], allocations).networks == (allocations.networks["lab"],)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"mtu": 1400}, "10.9.0.2 10.9.0.7 10.9.0.200 10.9.0.3"),
        ({"bridge": "br9"}, "10.9.0.2 10.9.0.7 10.9.0.200 10.9.0.3"),
        ({"gateway": "10.9.0.2"}, "10.9.0.1 10.9.0.7 10.9.0.200 10.9.0.3"),
        ({"gateway": "10.9.0.200"}, "10.9.0.2 10.9.0.7 10.9.0.1 10.9.0.3"),
        ({"subnet": "10.9.0.0/25"}, "10.9.0.2 10.9.0.7 10.9.0.4 10.9.0.3"),
        ({"subnet": "10.9.0.0/29"}, "10.9.0.2 10.9.0.4 10.9.0.5 10.9.0.3"),
        ({"subnet": "10.9.0.0/28", "gateway": "10.9.0.7"}, "10.9.0.2 10.9.0.1 10.9.0.4 10.9.0.3"),
        ({"subnet": "10.0.0.0/8"}, "10.9.0.2 10.9.0.7 10.9.0.200 10.9.0.3"),
        ({"subnet": "10.5.0.0/24"}, "10.5.0.2 10.5.0.3 10.5.0.4 10.5.0.5"),
    ],
)
def test_a_sandbox_keeps_its_address_if_its_network_still_has_it(change: dict[str, Any], expected: str) -> None:
    allocations = host(LAB, on("a"), on("b", address="10.9.0.7"), on("c", address="10.9.0.200"), on("d"))
    resolution = resolve([changed(**change), *map(on, "abcd")], allocations)
    assert " ".join(addresses(resolution).values()) == expected
    for end in endpoints(resolution).values():
        assert end.mac == f"02:42:{address_of(end).packed.hex(':')}"
        assert (address_of(end).network,) == resolution.networks[0].subnets


@pytest.mark.parametrize(
    ("change", "mode", "message"),
    [
        (
            {"subnet": "10.5.0.0/24"},
            {"address": "10.9.0.2"},
            "sandbox a.mode.address: 10.9.0.2 is outside 10.5.0.0/24, the subnet of network lab",
        ),
        (
            {"subnet": "10.9.0.0/29"},
            {"address": "10.9.0.7"},
            "sandbox a.mode.address: 10.9.0.7 is reserved: it is the first or last address of 10.9.0.0/29",
        ),
        (
            {"gateway": "10.9.0.2"},
            {"address": "10.9.0.2"},
            "sandbox a.mode.address: 10.9.0.2 is taken by the gateway of network lab",
        ),
        (
            {"gateway": "10.9.0.9"},
            {"mac": "02:42:0a:09:00:09"},
            "sandbox a.mode.mac: 02:42:0a:09:00:09 is the MAC address of the bridge of network lab already",
        ),
        (
            {"subnet": "10.9.0.0/30", "gateway": "10.9.0.2"},
            {},
            "sandbox b.mode.address: network lab is full: every address of 10.9.0.0/30 is taken",
        ),
    ],
)
def test_what_a_sandbox_cannot_have_on_a_network_as_it_is_to_be(
    change: dict[str, Any], mode: dict[str, Any], message: str
) -> None:
    allocations = host(LAB, on("a"), on("b"))
    assert str(refusal([changed(**change), on("a", **mode), on("b")], allocations)) == message


def test_a_sandbox_keeps_its_host_ports_when_its_network_is_changed() -> None:
    allocations = host(LAB, on("other", publish=[80]), on("a", publish=["80", "53/udp", "8088:81"]))
    allocations.remove([], ["other"])
    spec = on("a", publish=["80", "53/udp", "8088:81"])
    assert ports(resolve([changed(subnet="10.5.0.0/24"), spec], allocations)) == ["32769:80", "32768:53/udp", "8088:81"]


def seen(allocations: Allocations) -> dict[str, Any]:
    """What is seen on a host of the networks that stand."""
    networks = allocations.networks.values()
    return {
        "interfaces": frozenset({"eth0", *(one.bridge for one in networks)}),
        "routes": tuple(route(str(subnet), one.bridge) for one in networks for subnet in one.subnets),
        "addresses": {one.bridge: one.gateways for one in networks},
    }


SWAPPED = [Network(name="lab", subnet="10.8.0.0/24"), Network(name="dmz", subnet="10.9.0.0/24")]


def test_two_networks_swap_their_subnets_in_one_call() -> None:
    allocations = host(LAB, DMZ, on("a"), on("b"), on("c", "dmz", address="10.8.0.9"))
    facts = HostFacts(**seen(allocations))
    resolution = make([*SWAPPED, on("a"), on("b", "dmz"), on("c", "dmz")], allocations, facts)
    assert [(one.name, subnet_of(one), one.adopted) for one in resolution.networks] == [
        ("lab", "10.8.0.0/24", False),
        ("dmz", "10.9.0.0/24", False),
    ]
    assert addresses(resolution) == {"a": "10.8.0.2", "b": "10.9.0.2", "c": "10.9.0.3"}
    assert claimed(allocations) == claimed(read_back(allocations))


def test_two_networks_swap_their_bridges_in_one_call() -> None:
    lab, dmz = (one.model_copy(update={"bridge": bridge}) for one, bridge in ((LAB, "br1"), (DMZ, "br2")))
    allocations = host(lab, dmz, on("a"), on("b", "dmz"))
    swapped = [lab.model_copy(update={"bridge": "br2"}), dmz.model_copy(update={"bridge": "br1"})]
    resolution = resolve([*swapped, on("a"), on("b", "dmz")], allocations, HostFacts(**seen(allocations)))
    assert [(one.name, one.bridge, one.adopted) for one in resolution.networks] == [
        ("lab", "br2", False),
        ("dmz", "br1", False),
    ]
    assert {name: end.bridge for name, end in endpoints(resolution).items()} == {"a": "br2", "b": "br1"}
    assert addresses(resolution) == {"a": "10.9.0.2", "b": "10.8.0.2"}


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([*SWAPPED, on("a")], "network dmz.subnet: is 10.8.0.0/24 by now, and cannot be changed without b, on it"),
        (
            [*SWAPPED, on("b", "dmz")],
            "network lab.subnet: is 10.9.0.0/24 by now, and cannot be changed without a, on it",
        ),
        ([SWAPPED[0], on("a")], "network lab.subnet: 10.8.0.0/24 overlaps 10.8.0.0/24 of network dmz"),
        ([SWAPPED[1], on("b", "dmz")], "network dmz.subnet: 10.9.0.0/24 overlaps 10.9.0.0/24 of network lab"),
    ],
)
def test_half_a_swap_is_refused(specs: Specs, message: str) -> None:
    assert str(refusal(specs, host(LAB, DMZ, on("a"), on("b", "dmz")))) == message


@pytest.mark.parametrize("there", [True, False], ids=["it was there before", "it goes"])
def test_a_network_takes_the_bridge_and_the_subnet_that_another_gives_up_in_the_same_call(there: bool) -> None:
    allocations = Allocations()
    before = HostFacts(interfaces=frozenset({"br1"} if there else {}))
    make([Network(name="lab", bridge="br1", subnet="10.9.0.0/24")], allocations, before)
    moved = Network(name="lab", bridge="br2", subnet="10.5.0.0/24")
    new = Network(name="new", bridge="br1", subnet="10.9.0.0/24")
    resolution = resolve([new, moved], allocations, HostFacts(**seen(allocations)))
    assert [(one.bridge, subnet_of(one), one.adopted) for one in resolution.networks] == [
        ("br1", "10.9.0.0/24", there),
        ("br2", "10.5.0.0/24", False),
    ]


def test_a_network_adopts_no_subnet_with_a_bridge_that_another_gives_up_in_the_same_call() -> None:
    allocations = host(Network(name="lab", bridge="br1", subnet="10.9.0.0/24"))
    moved, new = Network(name="lab", bridge="br2", subnet="10.9.0.0/24"), Network(name="new", bridge="br1")
    assert subnets([moved, new], allocations, **seen(allocations)) == ["10.9.0.0/24", "172.18.0.0/16"]


@pytest.mark.parametrize("change", [{"mtu": 1400}, {"internal": True}, {"masquerade": False}, {"bridge": "br9"}])
def test_a_network_that_is_changed_keeps_the_subnet_that_was_chosen_for_it(change: dict[str, Any]) -> None:
    allocations = host(Network(name="gone"), Network(name="lab"), on("a"))
    allocations.remove(["gone"], [])  # 172.18.0.0/16 is free by now
    resolution = resolve([Network(name="lab", **change), on("a")], allocations, HostFacts(**seen(allocations)))
    assert [subnet_of(one) for one in resolution.networks] == ["172.19.0.0/16"]
    assert addresses(resolution) == {"a": "172.19.0.2"}


@pytest.mark.parametrize("adopted", [True, False])
def test_a_bridge_that_was_adopted_is_so_again(adopted: bool) -> None:
    spec = Network(name="lab", bridge="br0", subnet="10.9.0.0/24")
    facts = HostFacts(interfaces=frozenset({"br0"} if adopted else {}))
    allocations = Allocations()
    make([spec], allocations, facts)
    update = {"mtu": 1400}
    again = network(spec.model_copy(update=update), allocations, **seen(allocations))
    assert again == allocations.networks["lab"].replace(**update)
    assert again.adopted is adopted


def test_a_network_that_is_changed_is_not_in_its_own_way() -> None:
    allocations = host(LAB)
    spec = Network(name="lab", bridge="br9", subnet="10.9.0.0/25")
    assert subnets([spec], allocations, **seen(allocations)) == ["10.9.0.0/25"]


@pytest.mark.parametrize(
    ("specs", "before", "needed"),
    [
        ([LAB], [], True),
        ([LAB], [LAB], False),
        ([Network(name="lab")], [LAB], False),
        ([Network(name="lab", mtu=1400)], [LAB], True),
        ([on("web")], [LAB], False),
        ([on("web", "bridge")], [], True),
        ([on("web", "bridge")], [LAB], True),
        ([on("web", "bridge"), LAB], [LAB], True),
        ([on("web", "bridge")], [Network(name="bridge")], False),
        ([on("web", "bridge"), Network(name="bridge")], [], True),
        ([on("web", "bridge"), Network(name="bridge")], [Network(name="bridge")], False),
        ([empty("web"), top("top")], [], False),
        ([], [], False),
    ],
)
def test_the_host_is_looked_at_only_for_a_network_that_is_new(specs: Specs, before: Specs, needed: bool) -> None:
    assert needs_facts(iter(specs), host(*before)) is needed


@pytest.mark.parametrize(
    ("sandbox", "matters"),
    [
        (on("web"), False),
        (on("web", publish=["80"]), False),
        (on("web", publish=["[::1]:80:80"]), True),
        (on("web", "closed"), True),
        (on("web", "bound"), True),
        (Sandbox("web", mode=Bridge(endpoints=["lab", "closed"])), True),
        (empty("web"), False),
    ],
)
def test_what_is_bridged_is_looked_at_only_where_it_matters(sandbox: Sandbox, matters: bool) -> None:
    closed = Network("closed", subnet="10.4.0.0/24", icc=False)
    bound = Network("bound", subnet="10.5.0.0/24", ipv6=True, subnet6="fd00:5::/64", host_binding="::1")
    assert bridged_matters([sandbox], host(LAB, closed, bound)) is matters


# Addresses


def test_a_sandbox_has_nothing_left_open() -> None:
    (web,) = resolve([LAB, on("web", publish=["8088:80"])]).sandboxes
    assert web == ResolvedSandbox(
        name="web",
        mode="bridge",
        namespace="web",
        endpoints=(
            ResolvedEndpoint(
                network="lab",
                bridge="br-a51146d38077",
                veth="veth18926d6",
                interface="eth0",
                addresses=(IPv4Interface("10.9.0.2/24"),),
                gateways=(IPv4Address("10.9.0.1"),),
                mac="02:42:0a:09:00:02",
                mtu=None,
                disable_ipv6=True,
            ),
        ),
        ports=(ResolvedPort(host_ip=None, host_port=8088, sandbox_port=80, protocol="tcp"),),
    )


def test_what_a_sandbox_asks_for_it_gets() -> None:
    spec = on("web", address="10.9.0.77", mac="02-00-00-00-00-0A")
    lab = Network(name="lab", subnet="10.9.0.0/24", mtu=1400, internal=True)
    end = endpoints(resolve([spec, lab], facts=HostFacts(ipv6=False)))["web"]
    assert (str(address_of(end)), end.mac, end.mtu) == ("10.9.0.77/24", "02:00:00:00:00:0a", 1400)
    assert (end.gateways, end.disable_ipv6) == ((), None)  # no way out of an internal network


def test_a_default_address_is_the_next_free_one_and_never_one_that_is_named() -> None:
    specs: Specs = [LAB, on("a"), on("b", address="10.9.0.2"), on("c"), on("d", address="10.9.0.4")]
    resolution = resolve(specs)
    assert addresses(resolution) == {"a": "10.9.0.3", "b": "10.9.0.2", "c": "10.9.0.5", "d": "10.9.0.4"}


def test_an_address_that_is_given_back_is_used_again() -> None:
    allocations = host(LAB, on("a"), on("b"), on("c"))
    allocations.remove([], ["b"])
    assert addresses(resolve([on("d"), on("e")], allocations)) == {"d": "10.9.0.3", "e": "10.9.0.5"}


@pytest.mark.parametrize(
    ("subnet", "gateway", "given"),
    [
        ("10.9.0.0/30", None, [2]),
        ("10.9.0.0/30", "10.9.0.2", [1]),
        ("10.9.0.0/29", None, [2, 3, 4, 5, 6]),
        ("10.9.0.0/29", "10.9.0.4", [1, 2, 3, 5, 6]),
    ],
)
def test_a_small_network_is_used_up_and_then_full(subnet: str, gateway: str | None, given: list[int]) -> None:
    allocations = host(Network(name="lab", subnet=subnet, gateway=gateway))
    names = [f"s{number}" for number in given]
    expected = {name: f"10.9.0.{number}" for name, number in zip(names, given, strict=True)}
    assert addresses(make([on(name) for name in names], allocations)) == expected
    error = refusal([on("more")], allocations)
    assert str(error) == f"sandbox more.mode.address: network lab is full: every address of {subnet} is taken"
    assert error.hint == "use another network for the rest"


@pytest.fixture(scope="module")
def full() -> Allocations:
    """A bridge that has as many ports as it can, of the sandboxes s0 to s1022."""
    return host(Network(name="lab"), DMZ, *(on(f"s{number}") for number in range(1023)))


@pytest.mark.parametrize(
    ("specs", "refused"),
    [
        ([on("more")], "more"),
        ([on("more", address="172.18.200.1")], "more"),
        ([on("s7"), on("more"), on("s8")], "s8"),
        ([on("more"), on("s7", "dmz"), on("most")], "most"),
        ([on(f"n{number}", "dmz") for number in range(1024)], "n1023"),
    ],
)
def test_a_bridge_holds_1023_ports(full: Allocations, specs: Specs, refused: str) -> None:
    dmz = Network(name="dmz", subnet="10.8.0.0/16")
    error = refusal([dmz, *specs], full)
    name = "dmz" if refused == "n1023" else "lab"
    assert str(error) == f"sandbox {refused}.mode.network: network {name} is full: a Linux bridge holds 1023 ports"
    assert error.hint == "use another network for the rest"


@pytest.mark.parametrize(
    "specs",
    [
        [on("s7")],
        [on("s7", address="172.18.200.1"), on("s8")],
        [on("more"), empty("s7")],
        [on("more"), on("s7", "dmz"), on("most"), mate("s8", "more")],
    ],
)
def test_a_bridge_that_is_full_has_room_for_those_on_it_and_instead_of_those_who_leave(
    full: Allocations, specs: Specs
) -> None:
    assert [one.name for one in resolve(specs, full).sandboxes] == [spec.name for spec in specs]


def test_ports_of_others_count_too() -> None:
    facts = {"ports": {"lab0": 20}}
    specs = [Network(name="lab", bridge="lab0", subnet="10.9.0.0/16"), *(on(f"s{number}") for number in range(1003))]
    assert len(resolve(specs, facts=HostFacts(**facts)).sandboxes) == 1003
    error = refusal([*specs, on("more")], **facts)
    assert str(error) == (
        "sandbox more.mode.network: network lab is full:"
        " a Linux bridge holds 1023 ports, and 20 of lab0 are not netbuilder's"
    )
    assert error.hint == "use another network for the rest"


def with_queue(ends: Iterable[tuple[str, ResolvedEndpoint]]) -> list[str]:
    """Those that have a queue of their own."""
    return [name for name, end in ends if end.own_queue]


def standing(allocations: Allocations) -> Iterable[tuple[str, ResolvedEndpoint]]:
    return ((name, end) for name, one in allocations.sandboxes.items() for end in one.endpoints)


def test_beyond_1000_ports_a_sandbox_has_a_queue_of_its_own(full: Allocations) -> None:
    assert with_queue(standing(full)) == [f"s{number}" for number in range(1000, 1023)]
    allocations = read_back(full)
    allocations.remove([], ["s7", "s1010"])
    two = resolve([on("a"), on("b")], allocations)
    assert with_queue(endpoints(two).items()) == ["b"]  # a has the place of s7, in the queue that all share
    again = resolve([on("s9"), on("s1009"), on("a"), on("b")], allocations)
    assert with_queue(endpoints(again).items()) == ["s1009", "b"]
    moved = resolve([on("s1009", "dmz"), on("s9")], allocations)
    assert with_queue(endpoints(moved).items()) == []


@pytest.mark.parametrize(
    ("others", "queued"), [(0, []), (990, []), (991, ["s9"]), (1005, [f"s{n}" for n in range(10)])]
)
def test_ports_of_others_share_the_queue_too(others: int, queued: list[str]) -> None:
    facts = HostFacts(ports={"lab0": others})
    specs = [Network(name="lab", bridge="lab0", subnet="10.9.0.0/16"), *(on(f"s{number}") for number in range(10))]
    assert with_queue(endpoints(resolve(specs, facts=facts)).items()) == queued


def entered(ends: Iterable[tuple[str, ResolvedEndpoint]]) -> dict[str, list[tuple[str, str]]]:
    """Those that nobody has to ask for, and whom they have not to ask for."""
    return {name: [(str(one.address), one.mac) for one in end.neighbours] for name, end in ends if end.neighbours}


def test_beyond_250_sandboxes_they_and_the_bridge_know_each_other(full: Allocations) -> None:
    bridge = [("172.18.0.1", "02:42:ac:12:00:01")]
    assert entered(standing(full)) == {f"s{number}": bridge for number in range(250, 1023)}


def test_sandboxes_of_all_networks_are_many_together() -> None:
    allocations = host(LAB, DMZ, *(on(f"s{number}") for number in range(125)))
    ends = endpoints(make([on(f"t{number}", "dmz") for number in range(127)], allocations))
    dmz = [("10.8.0.1", "02:42:0a:08:00:01")]
    assert entered(ends.items()) == {"t125": dmz, "t126": dmz}
    allocations.remove([], [f"s{number}" for number in range(125)])
    again = endpoints(resolve([on("t1", "dmz"), on("t126", "dmz"), on("new", "dmz")], allocations))
    assert entered(again.items()) == {"t126": dmz}  # and those that have it keep it


def test_an_internal_network_knows_its_bridge_too() -> None:
    allocations = host(LAB, *(on(f"s{number}") for number in range(250)))
    ends = endpoints(resolve([Network(name="in", subnet="10.7.0.0/24", internal=True), on("db", "in")], allocations))
    assert entered(ends.items()) == {"db": [("10.7.0.1", "02:42:0a:07:00:01")]}


def test_a_bridge_that_was_there_may_change_its_mac_address() -> None:
    allocations = host(LAB, *(on(f"s{number}") for number in range(250)))
    there = Network(name="there", bridge="br0", subnet="10.7.0.0/24")
    ends = endpoints(resolve([there, on("db", "there")], allocations, HostFacts(interfaces=frozenset({"br0"}))))
    assert entered(ends.items()) == {}


def test_who_stands_knows_the_bridge_by_its_new_gateway() -> None:
    allocations = host(LAB, *(on(f"s{number}") for number in range(251)))
    moved = LAB.model_copy(update={"gateway": IPv4Address("10.9.0.254")})
    specs: Specs = [moved, *(on(f"s{number}") for number in range(251))]
    ends = endpoints(resolve(specs, allocations))
    assert entered(ends.items()) == {"s250": [("10.9.0.254", "02:42:0a:09:00:fe")]}


def test_a_bridge_has_room_again_once_one_is_removed(full: Allocations) -> None:
    allocations = read_back(full)
    allocations.remove([], ["s8"])
    assert addresses(resolve([on("more")], allocations)) == {"more": "172.18.0.10"}
    assert str(refusal([on("more"), on("most")], allocations)).startswith(
        "sandbox most.mode.network: network lab is full"
    )


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("10.8.0.2", "10.8.0.2 is outside 10.9.0.0/24, the subnet of network lab"),
        ("10.9.0.0", "10.9.0.0 is reserved: it is the first or last address of 10.9.0.0/24"),
        ("10.9.0.255", "10.9.0.255 is reserved: it is the first or last address of 10.9.0.0/24"),
        ("10.9.0.1", "10.9.0.1 is taken by the gateway of network lab"),
        ("10.9.0.2", "10.9.0.2 is taken by sandbox there"),
        ("10.9.0.3", "10.9.0.3 is taken by sandbox first"),
    ],
)
def test_an_address_that_cannot_be_had(address: str, problem: str) -> None:
    error = refusal([on("first", address="10.9.0.3"), on("web", address=address)], host(LAB, on("there")))
    assert str(error) == f"sandbox web.mode.address: {problem}"
    assert error.field == "sandbox web.mode.address"


def test_a_network_that_is_not_there() -> None:
    error = refusal([LAB, on("web", "dmz")])
    assert str(error) == "network dmz: is not declared"
    assert error.hint == "add Network(name='dmz'), or use one that is there"


def test_on_an_internal_network_alone_nothing_is_published() -> None:
    """As with Docker, which opens no port that would reach nobody: the sandbox comes up without."""
    inner = Network(name="inner", internal=True, subnet="10.8.0.0/24")
    assert ports(resolve([inner, on("web", "inner", publish=[80, "8088:80"])])) == []
    allocations = host(LAB, on("web", publish=["8088:80"]))
    inside = [changed(internal=True), on("web", publish=["8088:80"]), on("other", publish=["8088:80"])]
    assert ports(resolve(inside, allocations)) == []
    assert ports(resolve([LAB, inner, on("web", "inner", publish=["8088:80"]), on("b", publish=["8088:80"])])) == [
        "8088:80"
    ]


def test_a_veth_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if hashes of seven digits were few: the first attempt for each sandbox gives the same name.
    monkeypatch.setattr(
        "netbuilder.resolve.defaults._digest", lambda text: f"000000{text[-1]}" if "/lab/" in text else "0" * 12
    )
    ends = endpoints(resolve([LAB, on("a"), on("b"), on("c")])).values()
    assert [end.veth for end in ends] == ["veth0000000", "veth0000001", "veth0000002"]


# Published ports


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("80:80", "81:80"),
        ("80:80", "80:80/udp"),
        ("127.0.0.1:80:80", "10.9.0.1:80:80"),
        ("127.0.0.1:80:80/udp", "80:80"),
        ("80:80", "80"),
        ("80", "80"),
    ],
)
def test_ports_that_stand_beside_each_other(first: str, second: str) -> None:
    apart = resolve([LAB, on("a", publish=[first]), on("b", publish=[second])])
    at_once = resolve([LAB, on("a", publish=[first, second])])
    assert ports(apart) == ports(at_once)
    assert len(set(ports(apart))) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("80:80", "80:81"),
        ("80:80/udp", "80:80/udp"),
        ("80:80", "127.0.0.1:80:80"),
        ("127.0.0.1:80:80", "80:80"),
        ("127.0.0.1:80:80", "127.0.0.1:80:81"),
    ],
)
def test_ports_that_clash(first: str, second: str) -> None:
    shown = PublishedPort.parse(second)[0]
    asked = [on("a", publish=[443, first]), on("b", publish=["81:81", second])]
    for error in (refusal([LAB, *asked]), refusal(asked[1:], host(LAB, asked[0]))):
        assert str(error) == f"sandbox b.mode.publish[1]: host port {shown} is published by sandbox a already"
        assert error.hint == "choose another host port"
    error = refusal([LAB, on("web", publish=[first, second])])
    assert str(error) == f"sandbox web.mode.publish[1]: host port {shown} is published by sandbox web already"


def busy(*texts: str) -> frozenset[HostPort]:
    ports = (port for text in texts for port in PublishedPort.parse(text))
    return frozenset(HostPort(port.protocol, port.host_ip, port.host_port) for port in ports if port.host_port)


@pytest.mark.parametrize(
    ("publish", "facts", "expected"),
    [
        (["80"], {}, ["32768:80"]),
        (["80", "81", "53/udp"], {}, ["32768:80", "32769:81", "32768:53/udp"]),
        (["80"], {"ephemeral": (5, 9)}, ["5:80"]),
        (["80", "5:80"], {"ephemeral": (5, 9)}, ["6:80", "5:80"]),
        (["80", "127.0.0.1:5:80"], {"ephemeral": (5, 9)}, ["6:80", "127.0.0.1:5:80"]),
        (["127.0.0.1::80", "80"], {"ephemeral": (5, 9)}, ["127.0.0.1:5:80", "6:80"]),
        (["80"], {"ephemeral": (5, 9), "busy": busy("5:80", "6:80")}, ["7:80"]),
        (["80"], {"ephemeral": (5, 9), "busy": busy("5:80/udp", "127.0.0.1:5:80")}, ["5:80"]),
    ],
)
def test_a_port_that_is_left_open_is_the_first_free_one(
    publish: list[str], facts: dict[str, Any], expected: list[str]
) -> None:
    assert ports(resolve([LAB, on("web", publish=publish)], facts=HostFacts(**facts))) == expected


@pytest.mark.parametrize(
    ("publish", "facts"),
    [
        (["80", "80", "80"], {}),
        (["80", "80"], {"busy": busy("6:80")}),
        (["5-6:80-81", "80"], {}),
    ],
)
def test_no_port_is_left(publish: list[str], facts: dict[str, Any]) -> None:
    error = refusal([LAB, on("web", publish=publish)], ephemeral=(5, 6), **facts)
    assert str(error).endswith("]: no host port from 5 to 6 is free")
    assert error.hint == "name a host port"


def test_a_port_that_a_process_holds_is_refused() -> None:
    error = refusal([LAB, on("web", publish=["81:81", "80:80"])], busy=busy("80:80"))
    assert str(error) == "sandbox web.mode.publish[1]: host port 80:80/tcp is held by a process of the host"
    assert error.hint == "stop it, or choose another port"


@pytest.mark.parametrize(
    ("publish", "facts", "expected"),
    [
        (["8000-8009:80"], {}, ["8000:80"]),
        (["8000-8009:80", "8000-8009:81"], {}, ["8000:80", "8001:81"]),
        (["8000-8009:80", "8000:81"], {}, ["8001:80", "8000:81"]),
        (["8000-8009:80", "8000-8004:8000-8004"], {}, ["8005:80", "8000-8004:8000-8004"]),
        (["8000-8009:80", "8000-8001:81", "8000-8000:82"], {}, ["8002:80", "8001:81", "8000:82"]),
        (["8000-8009:80"], {"busy": busy("8000:80", "8001:80")}, ["8002:80"]),
        (["127.0.0.1:8000-8009:80", "127.0.0.2:8000:80"], {}, ["127.0.0.1:8000:80", "127.0.0.2:8000:80"]),
        (["80-81"], {"ephemeral": (5, 9), "busy": busy("6:80")}, ["5:80", "7:81"]),
        (["80", "5-7:5-7"], {"ephemeral": (5, 9)}, ["8:80", "5-7:5-7"]),
    ],
)
def test_one_port_out_of_a_range_is_the_first_free_one(
    publish: list[str], facts: dict[str, Any], expected: list[str]
) -> None:
    assert ports(resolve([LAB, on("web", publish=publish)], facts=HostFacts(**facts))) == expected


def test_a_port_out_of_a_range_is_kept_while_the_range_has_it() -> None:
    stands = host(LAB, on("first", publish=["8000:80"]), on("web", publish=["8000-8009:80"]))
    stands.remove([], ["first"])
    assert ports(resolve([on("web", publish=["8000-8009:80"])], stands)) == ["8001:80"]
    assert ports(resolve([on("web", publish=["8001-8009:80", "8001-8009:80"])], stands)) == ["8001:80", "8002:80"]
    assert ports(resolve([on("web", publish=["9000-9009:80"])], stands)) == ["9000:80"]
    assert ports(resolve([on("web", publish=["8000-8009:80", "8001:80"])], stands)) == ["8000:80", "8001:80"]


def test_a_range_that_is_used_up_is_refused() -> None:
    error = refusal([LAB, *(on(f"s{n}", publish=["8000-8002:80"]) for n in range(4))])
    assert str(error) == "sandbox s3.mode.publish[0]: none of the host ports 8000-8002 is free"


@pytest.mark.parametrize(
    ("first", "second", "is_refused"),
    [
        ("8000-8009:8000-8009", "8009:80", True),
        ("8000-8009:8000-8009", "8010:80", False),
        ("8009:80", "8000-8009:8000-8009", True),
        ("8000-8009:8000-8009", "8005-8020:8005-8020", True),
        ("8000-8009:8000-8009", "8005-8006:8005-8006", True),
        ("8000-8009:8000-8009", "8005:80/udp", False),
        ("127.0.0.1:8000-8009:8000-8009", "8005:80", True),
        ("0.0.0.0:8000-8009:8000-8009", "127.0.0.1:8005:80", True),
        ("127.0.0.1:8000-8009:8000-8009", "127.0.0.2:8005:80", False),
    ],
)
def test_ranges_clash_where_they_meet(first: str, second: str, is_refused: bool) -> None:
    specs = [LAB, on("a", publish=[first]), on("b", publish=[second])]
    if is_refused:
        assert str(refusal(specs)).endswith("is published by sandbox a already")
    else:
        assert resolve(specs)


def test_a_range_of_which_a_process_holds_a_port_is_refused() -> None:
    error = refusal([LAB, on("web", publish=["80-89:80-89"])], busy=busy("85:80", "84:80", "90:80"))
    assert (
        str(error) == "sandbox web.mode.publish[0]: 84 of host ports 80-89:80-89/tcp is held by a process of the host"
    )


def test_a_port_on_an_address_of_a_family_that_the_sandbox_has_not_is_refused() -> None:
    error = refusal([LAB, on("web", publish=["80:80", "[::1]:81:81"])])
    problem = "host_ip ::1 is of IPv6, which the sandbox does not have to lead it to"
    assert str(error) == f"sandbox web.mode.publish[1]: {problem}"
    assert error.hint == "give its network IPv6, or leave host_ip out"


# Namespaces


@pytest.mark.parametrize(
    ("sandbox", "expected"),
    [
        (top("web"), {"mode": "host", "namespace": None}),
        (empty("web"), {"mode": "none", "namespace": "web"}),
        (empty("web", namespace="/run/netns/x"), {"mode": "none", "namespace": "web", "adopted": "/run/netns/x"}),
        (empty("web", namespace=7), {"mode": "none", "namespace": "web", "adopted": "/proc/7/ns/net"}),
        (mate("web", "other"), {"mode": "container", "namespace": "other", "shares": "other"}),
        (mate("web", "top"), {"mode": "container", "namespace": None, "shares": "top"}),
        (mate("web", "mate"), {"mode": "container", "namespace": "other", "shares": "mate"}),
    ],
)
@pytest.mark.parametrize("standing", [True, False], ids=["standing", "at once"])
def test_where_a_sandbox_lives(sandbox: Sandbox, expected: dict[str, Any], standing: bool) -> None:
    others: Specs = [mate("mate", "other"), empty("other"), top("top")]
    resolution = resolve([sandbox, *([] if standing else others)], host(*(others if standing else [])))
    assert ResolvedSandbox(name="web", **expected) in resolution.sandboxes


def test_sandboxes_come_in_the_order_asked_for() -> None:
    resolution = resolve([LAB, mate("m1", "m2"), on("web"), mate("m2", "web"), empty("other")])
    assert [one.name for one in resolution.sandboxes] == ["m1", "web", "m2", "other"]
    assert {one.namespace for one in resolution.sandboxes} == {"web", "other"}


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([mate("a", "a")], "sandbox a.mode: container mode runs in a circle: a -> a"),
        ([mate("a", "b"), mate("b", "a")], "sandbox a.mode: container mode runs in a circle: a -> b -> a"),
        (
            [mate("a", "b"), mate("b", "c"), mate("c", "b")],
            "sandbox a.mode: container mode runs in a circle: a -> b -> c -> b",
        ),
        ([mate("a", "x")], "sandbox a.mode: there is no sandbox x whose namespace to share"),
        ([mate("a", "b"), mate("b", "x")], "sandbox b.mode: there is no sandbox x whose namespace to share"),
    ],
)
def test_a_namespace_that_cannot_be_shared(specs: Specs, message: str) -> None:
    assert str(refusal(specs)) == message


@pytest.mark.parametrize(
    ("specs", "circle"),
    [
        ([mate("a", "b")], "sandbox a.mode: container mode runs in a circle: a -> b -> a"),
        ([mate("a", "c")], "sandbox a.mode: container mode runs in a circle: a -> c -> a"),
        ([mate("d", "c"), mate("a", "d")], "sandbox a.mode: container mode runs in a circle: a -> d -> c -> a"),
    ],
)
def test_a_namespace_is_not_shared_with_those_who_share_it(specs: Specs, circle: str) -> None:
    assert str(refusal(specs, host(empty("a"), mate("b", "a"), mate("c", "b")))) == circle


# Sandboxes that stand


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ({}, {}, ("10.9.0.3", [])),
        ({"publish": ["80"]}, {"publish": ["80"]}, ("10.9.0.3", ["32769:80"])),
        ({"publish": ["80"]}, {"publish": ["81", "80"]}, ("10.9.0.3", ["32768:81", "32769:80"])),
        ({"publish": ["80", "80"]}, {"publish": ["80", "80"]}, ("10.9.0.3", ["32769:80", "32770:80"])),
        ({"publish": ["80", "80"]}, {"publish": ["80"]}, ("10.9.0.3", ["32769:80"])),
        ({"publish": ["80"]}, {"publish": ["80", "80"]}, ("10.9.0.3", ["32769:80", "32768:80"])),
        ({"publish": ["80"]}, {"publish": ["32769:80", "80"]}, ("10.9.0.3", ["32769:80", "32768:80"])),
        ({"publish": ["80"]}, {"publish": ["80/udp"]}, ("10.9.0.3", ["32768:80/udp"])),
        ({"publish": ["80"]}, {}, ("10.9.0.3", [])),
        ({"publish": ["9:80"]}, {"publish": ["80"]}, ("10.9.0.3", ["9:80"])),
        ({"publish": ["9:80"]}, {"publish": ["8:80"]}, ("10.9.0.3", ["8:80"])),
        ({"address": "10.9.0.9"}, {}, ("10.9.0.9", [])),
        ({}, {"address": "10.9.0.9"}, ("10.9.0.9", [])),
        ({"publish": ["80"]}, {"network": "dmz", "publish": ["80"]}, ("10.8.0.2", ["32769:80"])),
    ],
)
def test_a_sandbox_keeps_what_it_has(
    first: dict[str, Any], second: dict[str, Any], kept: tuple[str, list[str]]
) -> None:
    allocations = host(LAB, DMZ, on("other", publish=["1234"]), on("web", **first))
    allocations.remove([], ["other"])  # 10.9.0.2 and port 32768 are free by now
    resolution = resolve([on("web", **second)], allocations)
    assert (addresses(resolution)["web"], ports(resolution)) == kept


def test_what_a_sandbox_had_in_another_mode_is_free() -> None:
    allocations = host(LAB, on("web", address="10.9.0.9", publish=["8088:80"]))
    make([empty("web")], allocations)
    assert ports(resolve([on("db", address="10.9.0.9", publish=["8088:80"])], allocations)) == ["8088:80"]


@pytest.mark.parametrize(
    ("after", "also", "left"),
    [
        (top("web"), [], "b, mate"),
        (empty("web", namespace="/run/netns/x"), [], "b, mate"),
        (mate("web", "other"), [], "b, mate"),
        (top("web"), [mate("mate", "web")], "b"),
        (top("web"), [mate("mate", "web"), top("b")], ""),
        (empty("web"), [], ""),
        (on("web", address="10.9.0.9"), [], ""),
    ],
)
def test_sharers_are_not_left_behind(after: Sandbox, also: Specs, left: str) -> None:
    allocations = host(LAB, empty("other"), on("web"), mate("mate", "web"), mate("b", "mate"))
    if left:
        error = refusal([after, *also], allocations)
        assert str(error) == f"sandbox web.mode: its namespace is shared by {left}"
        assert error.hint == "destroy those first"
    else:
        resolution = make([after, *also], allocations)
        assert allocations.sandboxes["web"] in resolution.sandboxes
        assert allocations.sandboxes["mate"].namespace == allocations.sandboxes["web"].namespace


# What is resolved, and written down


@pytest.mark.parametrize("field", ["x", "subnet"])
def test_what_is_written_is_read_back_as_it_was_or_not_at_all(field: str) -> None:
    allocations = host(*STANDING, Network(name="net", mtu=1400), top("top"), empty("e", namespace="/run/netns/e"))
    for one in (*allocations.networks.values(), *allocations.sandboxes.values()):
        assert written(one) == one
        with pytest.raises(ValueError, match=f"has no field '{field}'"):
            type(one).from_json(one.as_json() | {field: 1})
        with pytest.raises(AttributeError, match="is a value"):
            one.name = "other"


@pytest.mark.parametrize(
    "change", [{"host_port": 0}, {"host_port": 65536}, {"sandbox_port": 0}, {"protocol": "dccp"}, {"host_port": None}]
)
def test_a_port_that_can_never_be_right_is_not_read(change: dict[str, Any]) -> None:
    fields = {"host_ip": None, "host_port": 8088, "sandbox_port": 80, "protocol": "tcp"}
    assert str(ResolvedPort(**fields)) == "8088:80/tcp"
    assert str(ResolvedPort(**fields | {"host_ip": "::1", "count": 3})) == "[::1]:8088-8090:80-82/tcp"
    assert str(ResolvedPort(**fields | {"host_ip": "10.9.0.1"})) == "10.9.0.1:8088:80/tcp"
    with pytest.raises(ValueError, match=next(iter(change))):
        ResolvedPort(**fields | change)


# What is given is not changed


STANDING: Specs = [LAB, DMZ, on("a", publish=["80", "53/udp"]), on("b"), mate("m", "a"), on("c", "dmz")]


@pytest.mark.parametrize(
    "specs",
    [
        [],
        STANDING,
        [on("new", publish=[80]), top("top"), empty("empty"), Network(name="net")],
        [on("web", "bridge")],
        [on("a", address="10.9.0.77"), on("b", publish=["80", "9090:81"])],
        [on("a"), on("c"), on("b", "dmz")],
        [empty("a"), top("c"), mate("b", "a")],
        [changed(mtu=1400), on("a", publish=[80]), on("b")],
        [changed(subnet="10.5.0.0/24"), on("a"), on("b", "dmz"), on("new", address="10.5.0.2")],
        [*SWAPPED, on("a"), on("b"), on("c", "dmz")],
        [Network(name="dmz", subnet="10.8.0.0/24", gateway="10.8.0.2"), on("c", "dmz")],
    ],
)
def test_what_stands_stays_as_it_was_until_it_is_recorded(specs: Specs) -> None:
    allocations = host(*STANDING)
    facts = HostFacts(**seen(allocations))
    before, facts_before = contents(allocations), replace(facts, addresses=dict(facts.addresses))
    resolution = resolve(iter(specs), allocations, facts)
    assert contents(allocations) == before
    assert facts == facts_before
    assert resolve(specs, allocations, facts) == resolution
    assert contents(allocations) == before
    allocations.record(resolution.networks, resolution.sandboxes)
    assert claimed(allocations) == claimed(read_back(allocations))


@pytest.mark.parametrize(
    "specs",
    [
        [on("new"), on("new")],
        [Network(name="new"), Network(name="x", subnet="10.9.0.0/16")],
        [changed(mtu=1400), on("a")],
        [changed(subnet="10.8.0.0/24"), on("a"), on("b")],
        [*SWAPPED, on("a"), on("b"), on("c", "dmz", address="10.8.0.9")],
        [changed(gateway="10.9.0.3"), on("a"), on("b", address="10.9.0.3")],
        [on("a", address="10.9.0.9"), on("new", "dmz"), on("b", address="10.9.0.9")],
        [on("new", mac="02:42:0a:09:00:02")],
        [on("new", "nowhere")],
        [on("new"), on("b", publish=["53/udp", "32768:80"])],
        [on("new", publish=["80", "81", "82"])],
        [on("new"), empty("b"), mate("c", "nobody")],
        [on("b", "dmz"), top("a")],
    ],
)
def test_what_stands_stays_as_it_was_after_a_refusal(specs: Specs) -> None:
    allocations = host(*STANDING)
    before = contents(allocations)
    first = refusal(specs, allocations, ephemeral=(32768, 32769), **seen(allocations))
    assert contents(allocations) == before
    again = refusal(iter(specs), allocations, ephemeral=(32768, 32769), **seen(allocations))
    assert (str(again), again.field, again.hint) == (str(first), first.field, first.hint)
    assert contents(allocations) == before


# Whatever is asked for

SMALL = Network(name="lab", subnet="10.9.0.0/29")
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
PUBLISH = st.lists(
    st.builds(
        PublishedPort,
        sandbox_port=st.integers(80, 81),
        host_port=st.none() | st.none() | st.integers(5, 12),
        host_ip=st.sampled_from([None, None, "0.0.0.0", "127.0.0.1", "10.0.0.1"]),
        protocol=st.sampled_from(["tcp", "udp"]),
    )
    | st.builds(PublishedPort, st.just(80), host_port=st.integers(5, 12), count=st.integers(2, 4))
    | st.builds(PublishedPort, st.just(80), host_port=st.integers(5, 8), last_host_port=st.integers(9, 12)),
    max_size=2,
)
MODES = st.one_of(
    st.builds(Bridge, network=st.sampled_from(["lab", "dmz", "bridge"]), publish=PUBLISH),
    st.builds(Bridge, network=st.just("lab"), address=st.sampled_from(["10.9.0.2", "10.9.0.3", "10.9.0.5"])),
    st.builds(Container, sandbox=NAMES),
    st.sampled_from([HostNetwork(), NoNetwork()]),
)
NETWORKS = st.sampled_from(
    [
        SMALL,
        Network(name="lab", subnet="10.9.0.0/29", gateway="10.9.0.3", internal=True),
        Network(name="lab", subnet="10.9.0.0/30"),
        Network(name="lab", subnet="10.8.0.0/24"),
        DMZ,
        Network(name="dmz", mtu=1400),
        Network(name="dmz", subnet="10.9.0.0/24"),
        Network(name="new"),
        Network(name="x", subnet="10.8.0.0/16"),
    ]
)
CALL = st.builds(
    list.__add__,
    st.lists(NETWORKS, max_size=2, unique_by=lambda one: one.name),
    st.lists(st.builds(Sandbox, name=NAMES, mode=MODES), min_size=1, max_size=4, unique_by=lambda one: one.name),
)
CALLS = st.lists(CALL | NAMES, max_size=8)
"""What is asked for in several calls; a name is that of a sandbox to be removed."""
OF_THEIR_OWN = ("bridge", "none")
FEW_PORTS = HostFacts(ephemeral=(5, 15))


def read_back(allocations: Allocations) -> Allocations:
    """The same, as the store reads it: from what stands alone, written as JSON."""
    anew = Allocations()
    anew.record(map(written, allocations.networks.values()), map(written, allocations.sandboxes.values()))
    return anew


def written(one: Written) -> Written:
    """A resolved value, written as JSON and read back."""
    return type(one).from_json(json.loads(json.dumps(one.as_json())))


def attempt(specs: Specs, allocations: Allocations) -> Resolution | str:
    """What is resolved, or why not."""
    try:
        return resolve(specs, allocations, FEW_PORTS)
    except SpecError as error:
        return str(error)


def carry_out(calls: list[Specs | str]) -> Allocations:
    """The allocations after several calls, of which some are refused."""
    allocations = host(SMALL, DMZ)
    for call in calls:
        if isinstance(call, str):
            if not allocations.sharers(call):
                allocations.remove([], [call])
        else:
            resolution = attempt(call, allocations)
            if isinstance(resolution, Resolution):
                allocations.record(resolution.networks, resolution.sandboxes)
    return allocations


def clash(one: ResolvedPort, other: ResolvedPort) -> bool:
    first, last = max(one.host_port, other.host_port), min(one.last_host_port, other.last_host_port)
    alls = (None, IPv4Address("0.0.0.0"))
    meet = one.host_ip == other.host_ip or one.host_ip in alls or other.host_ip in alls
    return one.protocol == other.protocol and first <= last and meet


@given(CALLS)
def test_nothing_is_given_out_twice(calls: list[Specs | str]) -> None:
    allocations = carry_out(calls)
    ends = [end for one in allocations.sandboxes.values() for end in one.endpoints]
    published = [port for one in allocations.sandboxes.values() for port in one.ports]
    assert len({(end.network, end.addresses) for end in ends}) == len(ends)
    assert len({end.veth for end in ends}) == len(ends)
    assert len({end.mac for end in ends}) == len(ends)
    assert not [pair for pair in combinations(published, 2) if clash(*pair)]
    for one, other in combinations(allocations.networks.values(), 2):
        assert not one.subnets[0].overlaps(other.subnets[0])
        assert one.bridge != other.bridge


@given(CALLS)
def test_nothing_is_left_open(calls: list[Specs | str]) -> None:
    allocations = carry_out(calls)
    homes = {None, *(one.name for one in allocations.sandboxes.values() if one.mode in OF_THEIR_OWN)}
    for name, sandbox in allocations.sandboxes.items():
        assert name == sandbox.name
        assert sandbox.namespace in homes
        assert (sandbox.namespace == name) == (sandbox.mode in OF_THEIR_OWN)
        assert len(sandbox.endpoints) == (sandbox.mode == "bridge")
        assert not sandbox.ports or sandbox.endpoints
        for end in sandbox.endpoints:
            at, address = allocations.networks[end.network], address_of(end)
            (gateway,) = at.gateways
            assert address.network == gateway.network
            assert address.ip not in (gateway.ip, gateway.network[0], gateway.network[-1])
            assert end.gateways == (() if at.internal else (gateway.ip,))
            assert (end.bridge, end.mtu, end.disable_ipv6) == (at.bridge, at.mtu, at.disable_ipv6)


@given(CALLS, CALL)
def test_what_stands_is_only_looked_at(calls: list[Specs | str], call: Specs) -> None:
    allocations = carry_out(calls)
    before = contents(allocations)
    first = attempt(call, allocations)
    assert contents(allocations) == before
    assert attempt(call, allocations) == first
    assert contents(allocations) == before


@given(CALLS, CALL)
def test_what_stands_is_known_from_what_was_written_down(calls: list[Specs | str], call: Specs) -> None:
    allocations = carry_out(calls)
    anew = read_back(allocations)
    assert claimed(allocations) == claimed(anew)
    for name in {*allocations.networks, *allocations.sandboxes, "x"}:
        assert (allocations.members(name), allocations.sharers(name)) == (anew.members(name), anew.sharers(name))
    assert attempt(call, allocations) == attempt(call, anew)


@given(CALLS, CALL)
def test_what_is_asked_for_again_is_as_it_was(calls: list[Specs | str], call: Specs) -> None:
    allocations = carry_out(calls)
    first = attempt(call, allocations)
    if isinstance(first, Resolution):
        allocations.record(first.networks, first.sandboxes)
        again = resolve(call, allocations, FEW_PORTS)
        assert (again.baseline, {*again.networks}, again.sandboxes) == (
            first.baseline,
            {*first.networks},
            first.sandboxes,
        )


@given(CALLS)
def test_once_all_is_removed_allocations_are_as_new(calls: list[Specs | str]) -> None:
    allocations = carry_out(calls)
    allocations.remove(list(allocations.networks), list(allocations.sandboxes))
    assert claimed(allocations) == ({}, {})
    everything: Specs = [LAB, *(on(f"s{n}", publish=[80, "53/udp"]) for n in range(5)), on("web", "bridge")]
    assert resolve(everything, allocations) == resolve(everything)
