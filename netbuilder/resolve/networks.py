"""Networks: a bridge, a subnet and a gateway for each, clear of each other and of what the host reaches already."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from netbuilder.errors import SpecError, some
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.claims import Claims
from netbuilder.resolve.defaults import bridge_name, mac_of
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.occupied import occupants
from netbuilder.resolve.resolved import ResolvedNetwork
from netbuilder.resolve.subnets import Networks, clashes, free_subnet
from netbuilder.spec import Network

IPV6_LEAST_MTU = 1280
"""Bytes in a packet that IPv6 needs at least (RFC 8200, section 5): on a device with less, Linux has no IPv6."""

USUAL_MTU = 1500
"""What the kernel gives a bridge or a veth of which nothing else is asked."""


def resolve_networks(
    specs: list[Network], asked: Collection[str], allocations: Allocations, claims: Claims, facts: HostFacts
) -> list[ResolvedNetwork]:
    """The networks asked for; one that is not what it was takes its sandboxes along, if all of them are `asked` for.

    Those with a subnet of their own are chosen first, so that no default is in their way.
    """
    networks, before = dict(allocations.networks), allocations.networks
    changed = [spec for spec in specs if spec.name in networks and not is_as_specified(networks[spec.name], spec)]
    for spec in changed:
        _refuse_to_leave_members(spec, networks[spec.name], allocations.members(spec.name) - set(asked))
        changing = networks.pop(spec.name)
        claims.remove_network(changing)
        facts = facts.without(changing)
    chosen = []
    for spec in sorted(specs, key=lambda network: network.subnet is None):
        network = networks.get(spec.name)
        if network is None:
            network = networks[spec.name] = _network(spec, before.get(spec.name), networks, facts)
            claims.add_network(network)
        chosen.append(network)
    return chosen


def is_as_specified(network: ResolvedNetwork, spec: Network) -> bool:
    """Whether a network is still what its spec asks for; what the spec leaves open may stay as it was chosen."""
    return not any(_differences(network, spec))


def _differences(network: ResolvedNetwork, spec: Network) -> Iterator[tuple[str, object]]:
    """The fields of a spec that ask for something else than what the network has, and what it has."""
    (gateway,) = network.gateways
    has = {
        "subnet": gateway.network if spec.subnet else None,
        "gateway": gateway.ip if spec.gateway else None,
        "bridge": network.bridge if spec.bridge or network.bridge != bridge_name(spec.name) else None,
        "mtu": network.mtu,
        "masquerade": network.masquerade,
        "internal": network.internal,
    }
    return ((field, value) for field, value in has.items() if value != getattr(spec, field))


def _refuse_to_leave_members(spec: Network, network: ResolvedNetwork, others: frozenset[str]) -> None:
    for field, value in _differences(network, spec) if others else ():
        raise SpecError(
            f"network {spec.name}.{field}",
            f"is {'not set' if value is None else value} by now, and cannot be changed without {some(others)}, on it",
            f"say the same {field}, ask for these sandboxes in the same call, or destroy them first",
        )


def _network(spec: Network, before: ResolvedNetwork | None, networks: Networks, facts: HostFacts) -> ResolvedNetwork:
    bridge = spec.bridge or bridge_name(spec.name)
    for other in networks.values():
        if other.bridge == bridge:
            problem = f"{bridge} is the bridge of network {other.name}"
            raise SpecError(f"network {spec.name}.bridge", problem, "name another bridge, or use that network")
    known = _known_gateway(spec, bridge, before, networks, facts)
    subnet = spec.subnet or (known.network if known else free_subnet(spec, bridge, networks, facts))
    for problem in clashes(subnet, bridge, networks, facts):
        hint = "name another subnet, or leave it out for a free one"
        raise SpecError(f"network {spec.name}.subnet", problem, hint)
    kept = known.ip if known and known.network == subnet else None
    gateway = _gateway(spec, bridge, subnet, kept, facts)
    return ResolvedNetwork(
        name=spec.name,
        bridge=bridge,
        adopted=bridge in facts.interfaces,
        gateways=(IPv4Interface((gateway, subnet.prefixlen)),),
        mac=mac_of(gateway),
        mtu=spec.mtu,
        masquerade=spec.masquerade,
        internal=spec.internal,
        disable_ipv6=facts.ipv6 and (spec.mtu or USUAL_MTU) >= IPV6_LEAST_MTU,
    )


def _known_gateway(
    spec: Network, bridge: str, before: ResolvedNetwork | None, networks: Networks, facts: HostFacts
) -> IPv4Interface | None:
    """What a spec that leaves it open gets: the address of a bridge that is adopted, or what the network had."""
    there = [one for one in facts.addresses.get(bridge, ()) if one.version == 4]
    if spec.subnet is None and there:
        return there[0]
    if before is None or (spec.subnet is None and any(clashes(before.subnets[0], bridge, networks, facts))):
        return None
    return before.gateways[0]


def _gateway(
    spec: Network, bridge: str, subnet: IPv4Network, kept: IPv4Address | None, facts: HostFacts
) -> IPv4Address:
    """The bridge's own address: nobody else's, unless the bridge has it already."""
    occupied = occupants(bridge, subnet, facts)
    own = {address.ip for address in facts.addresses.get(bridge, ())}
    if spec.gateway or kept:
        gateway = spec.gateway or kept
        assert gateway
        if gateway in occupied and gateway not in own:
            hint = "name another gateway, or leave it out for a free one"
            raise SpecError(f"network {spec.name}.gateway", f"{gateway} is taken by {occupied[gateway]}", hint)
        return gateway
    free = (address for address in subnet.hosts() if address not in occupied or address in own)
    gateway = next(free, None)
    if gateway is None:
        raise SpecError(f"network {spec.name}.gateway", f"every address of {subnet} is taken", "name another subnet")
    return gateway
