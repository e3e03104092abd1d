"""Networks: a bridge, a subnet and a gateway for each, clear of each other and of what the host reaches already."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from netbuilder.errors import SpecError, some
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.claims import Claims
from netbuilder.resolve.defaults import bridge_name, free_subnet, mac_of
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.resolved import ResolvedNetwork
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


def _network(
    spec: Network, before: ResolvedNetwork | None, networks: dict[str, ResolvedNetwork], facts: HostFacts
) -> ResolvedNetwork:
    bridge = spec.bridge or bridge_name(spec.name)
    for other in networks.values():
        if other.bridge == bridge:
            problem = f"{bridge} is the bridge of network {other.name}"
            raise SpecError(f"network {spec.name}.bridge", problem, "name another bridge, or use that network")
    known = _known_gateway(spec, bridge, before, networks, facts)
    subnet = spec.subnet or (known.network if known else _free_subnet(spec, bridge, networks, facts))
    _refuse_overlap(spec, subnet, bridge, networks, facts)
    kept = known.ip if known and known.network == subnet else None
    gateway: IPv4Address = spec.gateway or kept or subnet.network_address + 1
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
    spec: Network, bridge: str, before: ResolvedNetwork | None, networks: dict[str, ResolvedNetwork], facts: HostFacts
) -> IPv4Interface | None:
    """What a spec that leaves it open gets: the address of a bridge that is adopted, or what the network had."""
    if spec.subnet is None and bridge in facts.addresses:
        return facts.addresses[bridge]
    if before is None or (spec.subnet is None and _overlapping(before.gateways[0].network, bridge, networks, facts)):
        return None
    return before.gateways[0]


def _free_subnet(spec: Network, bridge: str, networks: dict[str, ResolvedNetwork], facts: HostFacts) -> IPv4Network:
    subnet = free_subnet(block for block, _ in _taken(bridge, networks, facts))
    if subnet is None:
        raise SpecError(
            f"network {spec.name}.subnet",
            "every one of Docker's 31 address pools overlaps a network or a route of this host",
            "name a subnet, such as 10.9.0.0/24",
        )
    return subnet


def _refuse_overlap(
    spec: Network, subnet: IPv4Network, bridge: str, networks: dict[str, ResolvedNetwork], facts: HostFacts
) -> None:
    for problem in _overlapping(subnet, bridge, networks, facts):
        raise SpecError(f"network {spec.name}.subnet", problem, "name another subnet, or leave it out for a free one")


def _overlapping(subnet: IPv4Network, bridge: str, networks: dict[str, ResolvedNetwork], facts: HostFacts) -> list[str]:
    taken = _taken(bridge, networks, facts)
    return [f"{subnet} overlaps {block}{whose}" for block, whose in taken if subnet.overlaps(block)]


def _taken(bridge: str, networks: dict[str, ResolvedNetwork], facts: HostFacts) -> list[tuple[IPv4Network, str]]:
    """The subnets that are somebody's already, and whose; what the bridge itself reaches may be the network's."""
    ours = [(subnet, f" of network {one.name}") for one in networks.values() for subnet in one.subnets]
    reached = ((block, device) for block, device in facts.onlink if device != bridge)
    return ours + [(block, f", which this host reaches by {device}") for block, device in reached]
