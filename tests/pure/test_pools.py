"""Networks of both families: what can never be right is refused by field, and what is left open is filled in."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_address, ip_interface, ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from netbuilder.errors import SpecError
from netbuilder.resolve import resolve
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.defaults import unique_local
from netbuilder.resolve.facts import HostFacts, HostRoute, Neighbour
from netbuilder.resolve.networks import is_as_specified
from netbuilder.resolve.resolved import ResolvedNetwork, ResolvedPool, ResolvedSandbox
from netbuilder.spec import Bridge, Network, Sandbox

SUBNET, SUBNET6 = {"subnet": "10.9.0.0/24"}, {"subnet6": "fd00:9::/64"}
BOTH = SUBNET | SUBNET6
LAB = Network(name="lab", **BOTH)

# Specs


def refused(**fields: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Network(name="lab", **fields)
    first = caught.value.errors()[0]
    return ".".join([*map(str, first["loc"]), str(first.get("ctx", {}).get("error", first["type"]))])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"ipv4": False}, "ipv4: a network without IPv4 and without IPv6 has no addresses"),
        ({"ipv4": False, "ipv6": True} | SUBNET, "subnet is for ipv4, which this network has not"),
        ({"ipv4": False, "ipv6": True, "inhibit_ipv4": True}, "inhibit_ipv4 is for ipv4"),
        ({"ipv4": False, "ipv6": True, "host_ipv4": "192.0.2.1"}, "host_ipv4 is for ipv4"),
        ({"ipv6": False} | SUBNET6, "subnet6 is for ipv6, which this network has not"),
        ({"gateway6": "fd00:9::1"}, "gateway6 is for ipv6"),
        ({"ip_range6": "fd00:9::/80"}, "ip_range6 is for ipv6"),
        ({"host_ipv6": "2001:db8::1"}, "host_ipv6 is for ipv6"),
        ({"ipv6": True, "mtu": 1279}, "mtu: 1279 is too small for IPv6, which needs 1280 (RFC 8200)"),
    ],
)
def test_what_is_of_a_family_that_a_network_has_not(fields: dict[str, Any], problem: str) -> None:
    assert refused(**fields).startswith(problem)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"subnet6": "10.9.0.0/24"}, "subnet6.'10.9.0.0/24' is not a valid IPv6 subnet"),
        ({"subnet": "fd00:9::/64"}, "subnet.'fd00:9::/64' is not a valid IPv4 subnet"),
        ({"subnet6": "fd00:9::1/64"}, "subnet6.'fd00:9::1/64' is not a valid IPv6 subnet: did you mean fd00:9::/64?"),
        ({"subnet6": "fd00:9::/128"}, "subnet6.fd00:9::/128 has no room for a gateway and a sandbox: use /127"),
        ({"subnet6": "fe80::/64"}, "subnet6.fe80::/64 is reserved"),
        ({"subnet6": "ff05::/64"}, "subnet6.ff05::/64 is reserved"),
        ({"subnet6": "::/64"}, "subnet6.::/64 is reserved"),
        ({"subnet6": "::ffff:0:0/96"}, "subnet6.::ffff:0:0/96 is reserved"),
        (SUBNET6 | {"gateway6": "fd00:8::1"}, "gateway6 fd00:8::1 is outside subnet fd00:9::/64"),
        (SUBNET6 | {"gateway6": "fd00:9::"}, "gateway6 fd00:9:: is reserved: it is the address of all routers of"),
        (SUBNET6 | {"gateway6": "10.9.0.1"}, "gateway6.'10.9.0.1' is not a valid IPv6 address"),
        (SUBNET6 | {"gateway6": "::ffff:10.9.0.1"}, "gateway6.'::ffff:a09:1' is not an IPv6 address of its own"),
        (SUBNET6 | {"gateway6": "fe80::1%eth0"}, "gateway6.'fe80::1%eth0' is not an IPv6 address of its own"),
        ({"ipv6": True, "gateway6": "fd00:9::1"}, "gateway6 needs a subnet to be in: name subnet6 too"),
        ({"ip_range": "10.9.0.0/25"}, "ip_range needs a subnet to be in: name subnet too"),
        (SUBNET | {"ip_range": "10.8.0.0/25"}, "ip_range 10.8.0.0/25 is outside subnet 10.9.0.0/24"),
        (SUBNET | {"ip_range": "10.9.0.0/23"}, "ip_range 10.9.0.0/23 is outside subnet 10.9.0.0/24"),
        (SUBNET6 | {"ip_range6": "fd00:8::/80"}, "ip_range6 fd00:8::/80 is outside subnet fd00:9::/64"),
        ({"aux_addresses": {"nas": "10.9.0.5"}}, "aux_addresses: 10.9.0.5 needs a subnet to be in: name subnet too"),
        (SUBNET | {"aux_addresses": {"nas": "fd00:9::5"}}, "aux_addresses: fd00:9::5 needs a subnet to be in"),
        (SUBNET | {"aux_addresses": {"nas": "10.8.0.5"}}, "aux_addresses: 10.8.0.5 is outside subnet"),
        (SUBNET | {"aux_addresses": {"nas": "10.9.0.255"}}, "aux_addresses: 10.9.0.255 is reserved"),
        (
            SUBNET | {"aux_addresses": {"DefaultGatewayIPv6": "10.9.0.5"}},
            "aux_addresses: DefaultGatewayIPv6 is 10.9.0.5, which is not an IPv6 address",
        ),
        (
            SUBNET | {"gateway": "10.9.0.5", "aux_addresses": {"nas": "10.9.0.5"}},
            "gateway 10.9.0.5 is among aux_addresses too",
        ),
    ],
)
def test_a_block_or_address_that_can_never_be_right(fields: dict[str, Any], problem: str) -> None:
    assert refused(**fields).startswith(problem)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"gateway_mode": "isolated"}, "gateway_mode: 'isolated' is for internal networks"),
        ({"ipv6": True, "gateway_mode6": "isolated"}, "gateway_mode6: 'isolated' is for internal networks"),
        ({"gateway_mode": "bogus"}, "gateway_mode.literal_error"),
        ({"gateway_mode": "routed", "host_ipv4": "192.0.2.1"}, "gateway_mode: 'routed' translates nothing"),
        ({"masquerade": False, "host_ipv4": "192.0.2.1"}, "host_ipv4: masquerade=False translates nothing"),
        ({"host_ipv4": "0.0.0.0"}, "host_ipv4: 0.0.0.0 is no address that anything could leave this host as"),
        ({"host_ipv4": "224.0.0.1"}, "host_ipv4: 224.0.0.1 is no address"),
        ({"ipv6": True, "host_ipv6": "::1"}, "host_ipv6: ::1 is no address"),
        ({"host_binding": "eth0"}, "host_binding.'eth0' is not a valid IPv4 address"),
        ({"trusted_interfaces": ["e th"]}, "trusted_interfaces.0.'e th' is not a valid interface name"),
        ({"trusted_interfaces": ["eth1", "eth1"]}, "trusted_interfaces.eth1 is given twice"),
        ({"interface_prefix": "x" * 12}, "interface_prefix.'xxxxxxxxxxxx' is 12 characters long"),
        ({"labels": {"": "x"}}, "labels.'': a label is a name of up to 255 characters"),
        ({"labels": {"a": "\x1b[2J"}}, "labels.'a': a label is"),
    ],
)
def test_modes_and_names_that_can_never_be_right(fields: dict[str, Any], problem: str) -> None:
    assert refused(**fields).startswith(problem)


@pytest.mark.parametrize(
    "fields", [{"subnet6": "fd00:9::/127"}, {"subnet6": "fd00:9::/112"}, {"subnet6": "2001:db8::/48"}]
)
def test_an_ipv6_subnet_is_of_any_length_as_no_address_is_made_by_its_owner(fields: dict[str, Any]) -> None:
    assert str(Network(name="lab", **fields).subnet6) == fields["subnet6"]


# What is left open


def network(spec: Network, allocations: Allocations | None = None, **facts: Any) -> ResolvedNetwork:
    (one,) = resolve([spec], allocations, HostFacts(**facts)).networks
    return one


def pool(version: int, spec: Network, **facts: Any) -> ResolvedPool:
    (one,) = (one for one in network(spec, **facts).pools if one.subnet.version == version)
    return one


def host(*specs: Network | Sandbox) -> Allocations:
    allocations, resolution = Allocations(), resolve(specs)
    allocations.record(resolution.networks, resolution.sandboxes)
    return allocations


def sandboxes(*specs: Network | Sandbox, **facts: Any) -> dict[str, ResolvedSandbox]:
    return {one.name: one for one in resolve(specs, facts=HostFacts(**facts)).sandboxes}


def addresses(*specs: Network | Sandbox, **facts: Any) -> dict[str, list[str]]:
    return {name: [str(at.ip) for at in one.endpoints[0].addresses] for name, one in sandboxes(*specs, **facts).items()}


def refusal(*specs: Network | Sandbox, allocations: Allocations | None = None, **facts: Any) -> SpecError:
    with pytest.raises(SpecError) as caught:
        resolve(specs, allocations, HostFacts(**facts))
    return caught.value


def on(name: str, network: str = "lab", **mode: Any) -> Sandbox:
    return Sandbox(name=name, mode=Bridge(network, **mode))


def test_an_ipv6_subnet_by_default_is_one_of_unique_local_addresses_that_stays_the_same() -> None:
    """So what is printed is what is done; and two networks, or one of another name elsewhere, have two."""
    subnet = pool(6, Network(name="lab", ipv6=True)).subnet
    assert subnet == pool(6, Network(name="lab", ipv6=True)).subnet == unique_local("lab", 0)
    assert subnet.prefixlen == 64
    assert subnet.subnet_of(IPv6Network("fd00::/8"))
    assert subnet != pool(6, Network(name="dmz", ipv6=True)).subnet


def test_a_default_ipv6_subnet_keeps_clear_of_what_the_host_reaches() -> None:
    first, second = (unique_local("lab", attempt) for attempt in (0, 1))
    there = HostRoute(first, "by eth0", "eth0")
    spec = Network(name="lab", ipv6=True)
    assert pool(6, spec).subnet == first
    assert pool(6, spec, routes=(there,)).subnet == second


def test_a_network_has_the_families_that_it_asks_for() -> None:
    assert [str(one) for one in network(LAB).subnets] == ["10.9.0.0/24", "fd00:9::/64"]
    assert [str(one) for one in network(LAB).gateways] == ["10.9.0.1/24", "fd00:9::1/64"]
    alone = network(Network(name="lab", ipv4=False, **SUBNET6))
    assert [str(one) for one in alone.gateways] == ["fd00:9::1/64"]
    assert network(Network(name="lab", **SUBNET)).has_ipv6 is False
    assert (network(LAB).disable_ipv6, network(Network(name="lab", **SUBNET)).disable_ipv6) == (False, True)


def test_a_sandbox_has_an_address_of_each_family() -> None:
    assert addresses(LAB, on("a"), on("b")) == {"a": ["10.9.0.2", "fd00:9::2"], "b": ["10.9.0.3", "fd00:9::3"]}
    alone = Network(name="lab", ipv4=False, **SUBNET6)
    assert addresses(alone, on("a"), on("b", address6="fd00:9::2")) == {"a": ["fd00:9::3"], "b": ["fd00:9::2"]}


def test_the_mac_address_follows_from_the_first_address() -> None:
    (both, alone) = (
        sandboxes(Network(name="lab", **fields), on("web"))["web"].endpoints[0].mac
        for fields in (BOTH, {"ipv4": False} | SUBNET6)
    )
    assert both == "02:42:0a:09:00:02"
    assert alone.startswith("02:42:")
    assert alone != both


@pytest.mark.parametrize(
    ("mode", "where", "problem"),
    [
        ({"address6": "fd00:8::2"}, "address6", "fd00:8::2 is outside fd00:9::/64, the subnet of network lab"),
        ({"address6": "fd00:9::"}, "address6", "fd00:9:: is reserved: it is the address of all routers of fd00:9::/64"),
        ({"address6": "fd00:9::1"}, "address6", "fd00:9::1 is taken by the gateway of network lab"),
        ({"address6": "fd00:9::7"}, "address6", "fd00:9::7 is taken by sandbox first"),
    ],
)
def test_a_static_ipv6_address_that_cannot_be_had(mode: dict[str, str], where: str, problem: str) -> None:
    error = refusal(LAB, on("first", address6="fd00:9::7"), on("web", **mode))
    assert str(error) == f"sandbox web.mode.{where}: {problem}"


@pytest.mark.parametrize(
    ("net", "mode", "problem"),
    [
        (SUBNET, {"address6": "fd00:9::2"}, "address6: fd00:9::2 is given, and network lab has no IPv6"),
        (
            {"ipv4": False} | SUBNET6,
            {"address": "10.9.0.2"},
            "address: 10.9.0.2 is given, and network lab has no IPv4",
        ),
    ],
)
def test_a_static_address_of_a_family_that_the_network_has_not(
    net: dict[str, Any], mode: dict[str, str], problem: str
) -> None:
    assert str(refusal(Network(name="lab", **net), on("web", **mode))) == f"sandbox web.mode.{problem}"


def test_a_kernel_without_ipv6_makes_no_network_that_has_it() -> None:
    error = refusal(LAB, ipv6=False)
    assert (str(error), error.hint) == (
        "network lab.ipv6: this kernel has no IPv6",
        "leave it out, or boot it with IPv6",
    )


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"subnet": "10.9.0.0/25", "subnet6": "fd00:8::/64"}, "subnet: 10.9.0.0/25 overlaps 10.9.0.0/24"),
        ({"subnet": "10.8.0.0/24", "subnet6": "fd00:9::/80"}, "subnet6: fd00:9::/80 overlaps fd00:9::/64"),
        ({"subnet": "10.8.0.0/24", "subnet6": "fd00::/16"}, "subnet6: fd00::/16 overlaps fd00:9::/64"),
    ],
)
def test_networks_overlap_in_neither_family(other: dict[str, str], field: str) -> None:
    error = refusal(Network(name="dmz", **other), allocations=host(LAB))
    assert str(error) == f"network dmz.{field} of network lab"


def test_an_ipv6_subnet_that_the_host_reaches_elsewhere_is_refused() -> None:
    there = HostRoute(IPv6Network("fd00:9::/64"), "by eth0", "eth0")
    own = {"eth0": (ip_interface("fd00:9::5/64"),)}
    error = refusal(LAB, routes=(there,), addresses=own)
    assert str(error) == "network lab.subnet6: fd00:9::/64 overlaps fd00:9::/64, which this host reaches by eth0"


# ip_range, aux_addresses, gateways


def test_free_addresses_are_of_the_ip_range_the_gateway_first() -> None:
    spec = Network(name="lab", **BOTH, ip_range="10.9.0.128/30", ip_range6="fd00:9::8:0/112")
    assert [str(one) for one in network(spec).gateways] == ["10.9.0.128/24", "fd00:9::8:0/64"]
    assert addresses(spec, on("a"), on("b"), on("c")) == {
        "a": ["10.9.0.129", "fd00:9::8:1"],
        "b": ["10.9.0.130", "fd00:9::8:2"],
        "c": ["10.9.0.131", "fd00:9::8:3"],
    }
    full = refusal(spec, *map(on, "abcd"))
    assert "every address of 10.9.0.128/30, its ip_range, is taken" in str(full)
    assert full.hint == "name an address outside it, or use another network"
    assert addresses(spec, on("a", address="10.9.0.9"))["a"] == ["10.9.0.9", "fd00:9::8:1"]


def test_a_gateway_that_is_named_may_be_outside_the_ip_range() -> None:
    spec = Network(name="lab", **SUBNET, gateway="10.9.0.1", ip_range="10.9.0.128/30")
    assert addresses(spec, on("a")) == {"a": ["10.9.0.128"]}


def test_no_sandbox_gets_what_is_reserved() -> None:
    spec = Network(name="lab", **BOTH, aux_addresses={"nas": "10.9.0.2", "printer": "10.9.0.1", "other": "fd00:9::3"})
    assert [str(one.ip) for one in network(spec).gateways] == ["10.9.0.3", "fd00:9::1"]
    assert addresses(spec, on("a"), on("b")) == {"a": ["10.9.0.4", "fd00:9::2"], "b": ["10.9.0.5", "fd00:9::4"]}
    error = refusal(spec, on("a", address="10.9.0.2"))
    assert str(error) == ("sandbox a.mode.address: 10.9.0.2 is taken by network lab, which reserves it (aux_addresses)")


def test_another_gateway_for_the_sandboxes() -> None:
    routers = {"DefaultGatewayIPv4": "10.9.0.254", "DefaultGatewayIPv6": "fd00:9::fe"}
    spec = Network(name="lab", **BOTH, aux_addresses=routers)
    web = sandboxes(spec, on("web"))["web"].endpoints[0]
    assert [str(via) for via in web.gateways] == ["10.9.0.254", "fd00:9::fe"]
    assert [str(one) for one in network(spec).gateways] == ["10.9.0.1/24", "fd00:9::1/64"]


def test_the_bridge_may_be_without_its_ipv4_address_which_stays_the_gateway() -> None:
    spec = Network(name="lab", **BOTH, inhibit_ipv4=True)
    assert [str(one) for one in network(spec).gateways] == ["fd00:9::1/64"]
    web = sandboxes(spec, on("web"))["web"].endpoints[0]
    assert [str(via) for via in web.gateways] == ["10.9.0.1", "fd00:9::1"]
    assert str(web.addresses[0]) == "10.9.0.2/24"


def test_an_isolated_network_has_no_gateway_and_the_first_address_is_free() -> None:
    modes = {"gateway_mode": "isolated", "gateway_mode6": "isolated"}
    spec = Network(name="lab", internal=True, **BOTH, **modes)
    assert network(spec).gateways == ()
    web = sandboxes(spec, on("web"))["web"].endpoints[0]
    assert [str(one) for one in web.addresses] == ["10.9.0.1/24", "fd00:9::1/64"]
    assert web.gateways == ()
    mixed = network(Network(name="lab", internal=True, **BOTH, gateway_mode="isolated"))
    assert [str(one) for one in mixed.gateways] == ["fd00:9::1/64"]


def test_an_internal_network_has_addresses_and_no_way_out() -> None:
    spec = Network(name="lab", internal=True, **BOTH)
    assert len(network(spec).gateways) == 2
    assert sandboxes(spec, on("web"))["web"].endpoints[0].gateways == ()


def test_an_address_that_somebody_has_is_given_to_nobody_else() -> None:
    there = {("br9", ip_address("fd00:9::2")): Neighbour("8e:00:00:00:00:03", answers=True)}
    spec = Network(name="lab", bridge="br9", **BOTH)
    found = addresses(spec, on("web"), interfaces=frozenset({"br9"}), neighbours=there)
    assert found == {"web": ["10.9.0.2", "fd00:9::3"]}


def test_a_bridge_with_addresses_is_adopted_with_both_subnets() -> None:
    own = {"br9": (ip_interface("10.7.0.9/24"), ip_interface("fd00:7::9/64"), ip_interface("fe80::1/64"))}
    adopted = network(Network(name="lab", bridge="br9", ipv6=True), interfaces=frozenset({"br9"}), addresses=own)
    assert [str(one) for one in adopted.gateways] == ["10.7.0.9/24", "fd00:7::9/64"]


# Networks that stand


def test_what_was_chosen_stays_while_the_spec_leaves_it_open() -> None:
    allocations = host(Network(name="lab", ipv6=True))
    before = allocations.networks["lab"]
    assert is_as_specified(before, Network(name="lab", ipv6=True))
    (after,) = resolve([Network(name="lab", ipv6=True, mtu=1400)], allocations).networks
    assert after.pools == before.pools


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"subnet6": "fd00:8::/64"}, "subnet6"),
        ({"ipv6": False, "subnet6": None}, "ipv6"),
        ({"ipv4": False, "subnet": None}, "ipv4"),
        ({"gateway6": "fd00:9::9"}, "gateway6"),
        ({"ip_range6": "fd00:9::/80"}, "ip_range6"),
        ({"aux_addresses": {"nas": "fd00:9::5"}}, "aux_addresses"),
        ({"gateway_mode": "routed"}, "gateway_mode"),
        ({"gateway_mode6": "nat-unprotected"}, "gateway_mode6"),
        ({"inhibit_ipv4": True}, "inhibit_ipv4"),
        ({"host_ipv4": "192.0.2.1"}, "host_ipv4"),
        ({"host_ipv6": "2001:db8::1"}, "host_ipv6"),
        ({"icc": False}, "icc"),
        ({"interface_prefix": "net"}, "interface_prefix"),
        ({"host_binding": "192.0.2.1"}, "host_binding"),
        ({"trusted_interfaces": ["eth1"]}, "trusted_interfaces"),
        ({"labels": {"a": "b"}}, "labels"),
    ],
)
def test_what_changes_of_a_network_needs_all_of_its_sandboxes(fields: dict[str, Any], field: str) -> None:
    allocations = host(LAB, on("web"))
    changed = Network(name="lab", **{**BOTH, **fields})
    assert not is_as_specified(allocations.networks["lab"], changed)
    error = refusal(changed, allocations=allocations)
    assert error.field == f"network lab.{field}"
    assert "cannot be changed without web, on it" in str(error)
    (after,) = resolve([changed, on("web")], allocations).networks
    assert is_as_specified(after, changed)


def test_an_external_network_is_used_as_it_is() -> None:
    error = refusal(Network(name="lab", external=True))
    assert str(error) == "network lab: is external, so it must stand already, and does not"
    allocations = host(LAB)
    there = resolve([Network(name="lab", external=True), on("web")], allocations)
    assert there.networks == (allocations.networks["lab"],)
    assert [str(one) for one in there.sandboxes[0].endpoints[0].addresses] == ["10.9.0.2/24", "fd00:9::2/64"]


# Ports and neighbours


def test_ports_that_name_no_address_are_on_the_one_that_the_network_binds_to() -> None:
    spec = Network(name="lab", **BOTH, host_binding="192.0.2.1")
    web = sandboxes(spec, on("web", publish=["80:80", "127.0.0.1:81:81"]))["web"]
    assert [str(port) for port in web.ports] == ["192.0.2.1:80:80/tcp", "127.0.0.1:81:81/tcp"]


@pytest.mark.parametrize(
    ("net", "port", "problem"),
    [
        (SUBNET, "[::1]:80:80", "host_ip ::1 is of IPv6, which the sandbox does not have to lead it to"),
        (SUBNET, "[::]:80:80", "host_ip :: is of IPv6"),
        ({"ipv4": False} | SUBNET6, "127.0.0.1:80:80", "host_ip 127.0.0.1 is of IPv4"),
    ],
)
def test_a_port_on_an_address_of_a_family_that_the_sandbox_has_not(
    net: dict[str, Any], port: str, problem: str
) -> None:
    error = refusal(Network(name="lab", **net), on("web", publish=[port]))
    assert str(error).startswith(f"sandbox web.mode.publish[0]: {problem}")


@pytest.mark.parametrize(
    ("bridged", "isolated"), [((), True), (("ipv4",), True), (("ipv6",), True), (("ipv4", "ipv6"), False)]
)
def test_neighbours_are_kept_apart_by_the_bridge_where_rules_do_not_see_it(
    bridged: tuple[str, ...], isolated: bool
) -> None:
    spec = Network(name="lab", **BOTH, icc=False)
    assert sandboxes(spec, on("web"), bridged=bridged)["web"].endpoints[0].isolated is isolated
    assert sandboxes(LAB, on("web"), bridged=bridged)["web"].endpoints[0].isolated is False


@pytest.mark.parametrize(
    ("fields", "routed", "direct"),
    [
        ({}, (), ()),
        ({"gateway_mode": "routed"}, ("ipv4",), ("ipv4",)),
        ({"gateway_mode6": "routed"}, ("ipv6",), ("ipv6",)),
        ({"trusted_interfaces": ["eth1"]}, (), ("ipv4", "ipv6")),
    ],
)
def test_in_which_families_ports_are_translated_and_reached_directly(
    fields: dict[str, Any], routed: tuple[str, ...], direct: tuple[str, ...]
) -> None:
    web = sandboxes(Network(name="lab", **BOTH, **fields), on("web"))["web"].endpoints[0]
    assert (web.routed, web.direct) == (routed, direct)


def test_forwarding_of_ipv6_comes_with_the_first_network_that_has_it_and_goes_with_the_last() -> None:
    assert resolve([Network(name="four", **SUBNET)]).forwarding6 is None
    first = resolve([LAB], facts=HostFacts(forwarding6=True)).forwarding6
    assert first is not None
    assert first.was_router is True
    allocations = host(LAB)
    allocations.forwarding6 = first
    assert resolve([Network(name="dmz", ipv6=True)], allocations).forwarding6 == first
    without = resolve([Network(name="lab", **SUBNET)], allocations)
    assert (without.forwarding6, without.without_forwarding6) == (None, True)
    allocations.record(resolve([Network(name="dmz", ipv6=True)], allocations).networks, [])
    assert resolve([Network(name="lab", **SUBNET)], allocations).without_forwarding6 is False


def test_claims_of_both_families_are_given_back() -> None:
    allocations = host(LAB, on("web"))
    held = allocations.claims
    assert held.holder("address", "lab", int(ip_address("fd00:9::2"))) == "sandbox web"
    assert held.holder("address", "lab", int(ip_network("fd00:9::/64")[1])) == "the gateway of network lab"
    allocations.remove(["lab"], ["web"])
    assert not [one for one in held._holders.values() if one]


def test_a_port_on_the_ipv6_loopback_is_warned_of_where_rules_see_what_is_bridged() -> None:
    web = on("web", publish=["8088:80", "[::1]:9090:80"])
    assert [str(port) for port in sandboxes(LAB, web, bridged=("ipv4",))["web"].ports][1] == "[::1]:9090:80/tcp"
    (warning,) = resolve([LAB, web], Allocations(), HostFacts(bridged=("ipv6",))).warnings
    assert "bridge-nf-call-ip6tables=0" in warning
    assert not resolve([LAB, web], Allocations(), HostFacts(bridged=("ipv4",))).warnings
