"""What a network asks for in one family, and which of its addresses can be somebody's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netbuilder.values import GatewayMode
from netbuilder.values.addresses import Family, IPAddress, IPNetwork


class Pool(NamedTuple):
    """What a network asks for in one family; None where it leaves it open.

    `reserved` are addresses that no sandbox gets, `router` is the one that they have as their gateway in place of the
    bridge, `snat` the address that they leave the host as, and `bare` says that the bridge has no address.
    """

    family: Family
    subnet: IPNetwork | None
    gateway: IPAddress | None
    ip_range: IPNetwork | None
    reserved: tuple[IPAddress, ...]
    router: IPAddress | None
    mode: GatewayMode
    snat: IPAddress | None
    bare: bool

    def problems(self, six: str) -> Iterator[str]:
        """What does not fit together of a network in one family; what is said of IPv6 has a 6 behind its name."""
        if self.subnet is None:
            for field, value in (("gateway", self.gateway), ("ip_range", self.ip_range)):
                if value is not None:
                    yield f"{field}{six} needs a subnet to be in: name subnet{six} too"
            for address in self.reserved:
                yield f"aux_addresses: {address} needs a subnet to be in: name subnet{six} too"
            return
        if self.ip_range is not None and not self.ip_range.subnet_of(self.subnet):  # type: ignore[arg-type]
            yield f"ip_range{six} {self.ip_range} is outside subnet {self.subnet}"
        if self.gateway is not None:
            yield from _address_problems(f"gateway{six}", self.gateway, self.subnet)
            if self.gateway in self.reserved:
                yield f"gateway{six} {self.gateway} is among aux_addresses too: leave one of them out"
        for address in self.reserved:
            yield from _address_problems("aux_addresses:", address, self.subnet)


def _address_problems(field: str, address: IPAddress, subnet: IPNetwork) -> Iterator[str]:
    if address not in subnet:
        yield f"{field} {address} is outside subnet {subnet}"
    elif not is_somebodys(address, subnet):
        which = "first or last address" if address.version == 4 else "address of all routers"
        yield f"{field} {address} is reserved: it is the {which} of {subnet}"


def is_somebodys(address: IPAddress, subnet: IPNetwork) -> bool:
    """Whether an address of a subnet can be somebody's.

    Of IPv4 the first and the last are the subnet's own and all hosts', but not of two (RFC 3021); of IPv6 the first is
    for any of its routers (RFC 4291, section 2.6.1), but not of two (RFC 6164).
    """
    first, last = ends(subnet)
    return address in subnet and first <= int(address) <= last


def ends(subnet: IPNetwork) -> tuple[int, int]:
    """The first and the last address of a subnet that can be somebody's, as numbers; see `is_somebodys`."""
    first, last = int(subnet.network_address), int(subnet.broadcast_address)
    if subnet.prefixlen >= subnet.max_prefixlen - 1:
        return first, last
    return first + 1, last - (subnet.version == 4)
