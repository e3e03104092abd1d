"""Addresses of endpoints: those that are asked for, and else the next free ones."""

from __future__ import annotations

from collections.abc import Mapping

from netbuilder.errors import SpecError
from netbuilder.resolve.attachments import Attachment
from netbuilder.resolve.claims import Claims
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.occupied import occupants
from netbuilder.resolve.resolved import ResolvedNetwork, ResolvedPool
from netbuilder.spec.pools import ends, is_somebodys
from netbuilder.values.addresses import IPAddress, IPInterface, address_of, interface


def reserve_occupied(
    wired: list[Attachment],
    networks: Mapping[str, ResolvedNetwork],
    standing: Claims,
    claims: Claims,
    facts: HostFacts,
) -> None:
    """What others have of a network is not given out; a sandbox or gateway that stands has its own already."""
    expected = frozenset(one.endpoint.mac for one in wired if one.endpoint.mac)
    for name in {one.network for one in wired}:
        for subnet in networks[name].subnets:
            for address, whose in occupants(networks[name].bridge, subnet, facts, expected).items():
                if not any(held.holder("address", name, int(address)) for held in (standing, claims)):
                    claims.reserve(name, int(address), whose)


def choose_addresses(
    wired: list[Attachment], networks: Mapping[str, ResolvedNetwork], claims: Claims
) -> list[tuple[IPInterface, ...]]:
    """Each endpoint's addresses, in the order asked for, claimed: static ones first.

    Raises:
        SpecError: If one cannot be had, or none is left.
    """
    chosen: list[dict[int, IPInterface]] = [{} for _ in wired]
    places = [(at, pool) for at, one in enumerate(wired) for pool in networks[one.network].pools]
    for at, pool in sorted(places, key=lambda place: _static(wired[place[0]], place[1]) is None):
        one, version = wired[at], pool.subnet.version
        where = f"{one.where}.address{'6' if version == 6 else ''}"
        address = _static(one, pool) or _free_address(where, one.network, pool, claims)
        _refuse_address(where, address, one.network, pool, claims)
        claims.take("address", one.network, int(address), one.sandbox)
        chosen[at][version] = interface(address, pool.subnet)
    return [tuple(held[version] for version in sorted(held)) for held in chosen]


def _static(one: Attachment, pool: ResolvedPool) -> IPAddress | None:
    return one.endpoint.address if pool.subnet.version == 4 else one.endpoint.address6


def _free_address(where: str, network: str, pool: ResolvedPool, claims: Claims) -> IPAddress:
    first, last = ends(pool.subnet)
    if pool.ip_range is not None:
        first = max(first, int(pool.ip_range.network_address))
        last = min(last, int(pool.ip_range.broadcast_address))
    number = claims.free_address(network, first, last)
    if number is None:
        block = f"{pool.ip_range}, its ip_range," if pool.ip_range else str(pool.subnet)
        hint = (
            "name an address outside it, or use another network"
            if pool.ip_range
            else "use another network for the rest"
        )
        raise SpecError(where, f"network {network} is full: every address of {block} is taken", hint)
    return address_of(number, pool.subnet)


def _refuse_address(where: str, address: IPAddress, network: str, pool: ResolvedPool, claims: Claims) -> None:
    holder = claims.holder("address", network, int(address))
    if address not in pool.subnet:
        problem = f"{address} is outside {pool.subnet}, the subnet of network {network}"
    elif not is_somebodys(address, pool.subnet):
        problem = f"{address} is reserved: it is the {_end(address)} of {pool.subnet}"
    elif holder:
        problem = f"{address} is taken by {holder}"
    else:
        return
    raise SpecError(where, problem, "choose another, or leave it out for the next free one")


def _end(address: IPAddress) -> str:
    return "first or last address" if address.version == 4 else "address of all routers"
