"""Which subnet a network may have: clear of the other networks, and such that its packets really go to its bridge.

Of two routes the longer prefix is taken. So a subnet inside a wider route is reached all the same, and may be asked for
by name, as with Docker; one of which a longer route catches a part, or that is an interface's own, may not. What is
chosen by default keeps clear of wider routes too, while there is anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count

from netbuilder.errors import SpecError
from netbuilder.resolve.defaults import unique_local
from netbuilder.resolve.facts import HostFacts, HostRoute
from netbuilder.resolve.resolved import ResolvedNetwork
from netbuilder.spec import DEFAULT_NETWORK, Network
from netbuilder.values.addresses import Family, IPNetwork

WIDEST = {4: 8, 6: 16}
"""Prefix of the widest block that is anybody's: the largest private one (RFC 1918), and the largest that was given out.

A route to more than that is a part of a default route: VPNs split it (0.0.0.0/1 and 128.0.0.0/1, or finer) to go ahead
of the one that is there. As a default route, it is in nobody's way.
"""

Networks = Mapping[str, ResolvedNetwork]


def free_subnet(spec: Network, family: Family, bridge: str, networks: Networks, facts: HostFacts) -> IPNetwork:
    """A free subnet for a network that names none.

    Raises:
        SpecError: If none is.
    """
    if family == "ipv6":
        candidates = (unique_local(spec.name, attempt) for attempt in count())
        return next(one for one in candidates if not any(clashes(one, bridge, networks, facts)))
    return _free_pool(spec, bridge, networks, facts)


def _free_pool(spec: Network, bridge: str, networks: Networks, facts: HostFacts) -> IPNetwork:
    """The first subnet of the pools that is free; the very first is kept for the default network, made or not."""
    subnets = (subnet for pool in facts.pools for subnet in pool.subnets())
    if spec.name != DEFAULT_NETWORK:
        next(subnets)
    routed = [route.block for route in _others(bridge, facts)]
    free = None
    for subnet in subnets:
        if any(clashes(subnet, bridge, networks, facts)) or _resolves(subnet, facts):
            continue
        if not any(overlap(subnet, block) for block in routed):
            return subnet
        free = free or subnet
    if free is None:
        raise SpecError(
            f"network {spec.name}.subnet",
            "every subnet of the address pools overlaps a network, route or nameserver of this host",
            "name a subnet, such as 10.9.0.0/24",
        )
    return free


def overlap(one: IPNetwork, other: IPNetwork) -> bool:
    """Whether two blocks have an address in common; those of two families have none."""
    return one.version == other.version and one.overlaps(other)


def clashes(subnet: IPNetwork, bridge: str, networks: Networks, facts: HostFacts) -> Iterator[str]:
    """Why a network cannot have a subnet; what its bridge itself reaches may be the network's."""
    for network in networks.values():
        for block in network.subnets:
            if overlap(subnet, block):
                yield f"{subnet} overlaps {block} of network {network.name}"
    for route in _others(bridge, facts):
        if route.main and overlap(subnet, route.block) and (_catches(route, subnet) or _is_own(route, facts)):
            yield f"{subnet} overlaps {route.block}, which this host reaches {route.leads}"


def _others(bridge: str, facts: HostFacts) -> Iterable[HostRoute]:
    """The routes that lead elsewhere than to a bridge, but for those that are as good as a default route."""
    return (
        route
        for route in facts.routes
        if route.device != bridge and route.block.prefixlen >= WIDEST[route.block.version]
    )


def _catches(route: HostRoute, subnet: IPNetwork) -> bool:
    """Whether a route that overlaps a subnet goes ahead of the subnet's own, for all of it or a part."""
    length = route.block.prefixlen
    return length > subnet.prefixlen or (length == subnet.prefixlen and not route.metric)


def _is_own(route: HostRoute, facts: HostFacts) -> bool:
    """Whether a route is to an interface's own subnet, where any address may be somebody's."""
    return any(address.network == route.block for address in facts.addresses.get(route.device, ()))


def _resolves(pool: IPNetwork, facts: HostFacts) -> bool:
    return any(resolver in pool for resolver in facts.resolvers)
