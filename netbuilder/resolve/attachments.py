"""What sandboxes ask for of each network that they are on, and what they have there already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from netbuilder.errors import SpecError
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.claims import Claims
from netbuilder.resolve.crowds import endpoint_before
from netbuilder.resolve.resolved import ResolvedNetwork
from netbuilder.spec import Bridge, Endpoint, Sandbox
from netbuilder.spec.pools import is_somebodys


class Attachment(NamedTuple):
    """An endpoint that is asked for: whose, what of, and where that is written."""

    sandbox: str
    endpoint: Endpoint
    where: str
    named: frozenset[str] = frozenset()
    """The interfaces that the sandbox asks for by name."""

    @property
    def network(self) -> str:
        """The network that it is on."""
        return self.endpoint.network


def attachments(spec: Sandbox) -> Iterator[Attachment]:
    """The endpoints that a sandbox asks for; none but in bridge mode."""
    if not isinstance(spec.mode, Bridge):
        return
    where = f"sandbox {spec.name}.mode"
    named = frozenset(one.interface for one in spec.mode.attachments if one.interface)
    for at, endpoint in enumerate(spec.mode.attachments):
        place = where if spec.mode.endpoints is None else f"{where}.endpoints[{at}]"
        yield Attachment(spec.name, endpoint, place, named)


def check(one: Attachment, networks: Mapping[str, ResolvedNetwork]) -> None:
    """Refuse what its network cannot give it."""
    where = f"network {one.network}"
    if one.network not in networks:
        raise SpecError(where, "is not declared", f"add Network(name={one.network!r}), or use one that is there")
    versions = {pool.subnet.version for pool in networks[one.network].pools}
    for field, address in (("address", one.endpoint.address), ("address6", one.endpoint.address6)):
        if address is not None and address.version not in versions:
            problem = f"{address} is given, and network {one.network} has no IPv{address.version}"
            hint = (
                "leave it out" if address.version == 4 else f"say ipv6=True of network {one.network}, or leave it out"
            )
            raise SpecError(f"{one.where}.{field}", problem, hint)


def keep(
    one: Attachment, allocations: Allocations, networks: Mapping[str, ResolvedNetwork], claims: Claims
) -> Attachment:
    """What is asked for, with what it leaves open filled in from what the sandbox already has."""
    had = endpoint_before(one.sandbox, one.network, allocations)
    if had is None:
        return one
    asked, subnets = one.endpoint, networks[one.network].subnets
    # A network that changed may have other subnets now, or its gateway at this address.
    free = [address.ip for address in had.addresses if not claims.holder("address", one.network, int(address))]
    usable = [address for address in free if any(is_somebodys(address, subnet) for subnet in subnets)]
    kept = {address.version: address for address in usable}
    update = {
        "address": asked.address or kept.get(4),
        "address6": asked.address6 or kept.get(6),
        "interface": asked.interface or (None if had.interface in one.named else had.interface),
    }
    return one._replace(endpoint=asked.model_copy(update=update))
