"""A network in one family: its subnet, the bridge's address there, and the sandboxes' gateway."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.errors import SpecError
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.occupied import occupants
from netbuilder.resolve.resolved import ResolvedNetwork, ResolvedPool
from netbuilder.resolve.subnets import Networks, clashes, free_subnet
from netbuilder.spec import Network
from netbuilder.spec.pools import Pool, ends
from netbuilder.values.addresses import IPAddress, IPNetwork, address_of


def resolve_pool(
    spec: Network, pool: Pool, bridge: str, before: ResolvedNetwork | None, networks: Networks, facts: HostFacts
) -> ResolvedPool:
    """Leave nothing open of what a network asks for in one family."""
    six = "6" if pool.family == "ipv6" else ""
    known = _known(pool, bridge, before, networks, facts)
    subnet = pool.subnet or (known[0] if known else free_subnet(spec, pool.family, bridge, networks, facts))
    for problem in clashes(subnet, bridge, networks, facts):
        hint = "name another subnet, or leave it out for a free one"
        raise SpecError(f"network {spec.name}.subnet{six}", problem, hint)
    is_isolated = pool.mode == "isolated"
    has_gateway = not is_isolated and not (pool.bare and spec.internal)
    kept = known[1] if known and known[0] == subnet else None
    chosen = _gateway(f"network {spec.name}.gateway{six}", pool, bridge, subnet, kept, facts) if has_gateway else None
    return ResolvedPool(
        subnet=subnet,
        address=chosen,
        bare=pool.bare,
        gateway=None if spec.internal else pool.router or chosen,
        ip_range=pool.ip_range,
        reserved=pool.reserved,
        mode=pool.mode,
        snat=pool.snat,
    )


def _known(
    pool: Pool, bridge: str, before: ResolvedNetwork | None, networks: Networks, facts: HostFacts
) -> tuple[IPNetwork, IPAddress | None] | None:
    """What a spec that leaves it open gets: the address of a bridge that is adopted, or what the network had."""
    version = 4 if pool.family == "ipv4" else 6
    on_bridge = (one for one in facts.addresses.get(bridge, ()) if one.version == version and not one.is_link_local)
    if pool.subnet is None and (first := next(on_bridge, None)):
        return first.network, first.ip
    had = next((one for one in before.pools if one.subnet.version == version), None) if before else None
    if had is None or (pool.subnet is None and any(clashes(had.subnet, bridge, networks, facts))):
        return None
    return had.subnet, had.address


def _gateway(
    where: str, pool: Pool, bridge: str, subnet: IPNetwork, kept: IPAddress | None, facts: HostFacts
) -> IPAddress:
    """The bridge's own address: nobody else's, unless the bridge has it already."""
    occupied = occupants(bridge, subnet, facts)
    own = {address.ip for address in facts.addresses.get(bridge, ())}
    if asked := pool.gateway or kept:
        if asked in occupied and asked not in own:
            hint = "name another gateway, or leave it out for a free one"
            raise SpecError(where, f"{asked} is taken by {occupied[asked]}", hint)
        return asked
    candidates = _candidates(pool.ip_range or subnet, subnet)
    free = (one for one in candidates if one not in pool.reserved and (one not in occupied or one in own))
    gateway = next(free, None)
    if gateway is None:
        raise SpecError(where, f"every address of {pool.ip_range or subnet} is taken", "name another subnet")
    return gateway


def _candidates(block: IPNetwork, subnet: IPNetwork) -> Iterator[IPAddress]:
    """The addresses of a block that can be somebody's in a subnet, from the first on."""
    first, last = ends(subnet)
    start, end = int(block.network_address), int(block.broadcast_address)
    return (address_of(number, subnet) for number in range(max(first, start), min(last, end) + 1))
