"""Which of a sandbox's endpoints has the default route, in each family."""

from __future__ import annotations

from collections.abc import Iterable

from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedNetwork, ResolvedPool


def with_gateways(
    endpoints: Iterable[ResolvedEndpoint], networks: dict[str, ResolvedNetwork]
) -> tuple[ResolvedEndpoint, ...]:
    """Endpoints, of which one in each family has the gateway of its network; on internal ones alone, none has.

    The order is Docker's: by gw_priority, then those with both families before those with one, then by the network's
    name.
    """
    endpoints = tuple(endpoints)
    ranked = sorted(endpoints, key=lambda one: (-one.gw_priority, -len(one.addresses), one.network))
    chosen: dict[str, list[ResolvedPool]] = {}
    for version in (4, 6):
        pools = ((one.network, pool) for one in ranked for pool in networks[one.network].pools)
        found = ((name, pool) for name, pool in pools if pool.gateway and pool.subnet.version == version)
        for name, pool in (*found,)[:1]:
            chosen.setdefault(name, []).append(pool)
    return tuple(
        one.replace(gateways=tuple(pool.gateway for pool in chosen[one.network] if pool.gateway))
        if one.network in chosen
        else one
        for one in endpoints
    )
