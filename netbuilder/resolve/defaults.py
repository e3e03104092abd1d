"""How names and numbers are chosen when the spec leaves them open: as Docker does, but the same every time.

The same spec on an empty host gives the same answer, so the plan that is printed without a kernel
is the plan that is carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from netbuilder.errors import SpecError, shown
from netbuilder.values.addresses import IPAddress
from netbuilder.values.names import DEFAULT_NETWORK


class AddressPool(NamedTuple):
    """A block of addresses, and the length of the prefixes of the subnets that networks get of it."""

    base: IPv4Network
    size: int

    def subnets(self) -> Iterator[IPv4Network]:
        """The subnets, in order."""
        return self.base.subnets(new_prefix=self.size)


POOLS = (
    *(AddressPool(IPv4Network(f"172.{second}.0.0/16"), 16) for second in range(17, 32)),
    AddressPool(IPv4Network("192.168.0.0/16"), 20),
)
"""Docker's default address pools, in its order: 15 of 65,534 addresses and 16 of 4,094. The first is docker0's."""


def address_pools(given: Iterable[tuple[IPv4Network | str, int]]) -> tuple[AddressPool, ...]:
    """Address pools of one's own, in place of Docker's.

    Raises:
        SpecError: If one is no block of IPv4 addresses, or has no subnet of that size with room for a sandbox.
    """
    return tuple(_address_pool(f"address_pools[{at}]", *one) for at, one in enumerate(given)) or POOLS


def _address_pool(where: str, base: IPv4Network | str, size: int) -> AddressPool:
    hint = 'write a block and the prefix of its subnets, like ("10.200.0.0/16", 24)'
    try:
        block = IPv4Network(base)
    except ValueError:
        raise SpecError(where, f"{shown(str(base))} is not a valid block of IPv4 addresses", hint) from None
    if type(size) is not int or not block.prefixlen <= size <= LONGEST:
        problem = f"subnets of {block} cannot be of /{shown(str(size))}: it must be {block.prefixlen} to {LONGEST}"
        raise SpecError(where, problem, hint)
    return AddressPool(block, size)


LONGEST = 31
"""The prefix of the smallest subnet: a gateway and a sandbox (RFC 3021)."""


def unique_local(network: str, attempt: int) -> IPv6Network:
    """A /64 of unique local addresses: fd, and 40 bits that others hardly have (RFC 4193), here of the network's name.

    Drawn by lot, as the RFC has it, they would be others in the plan that is printed than in the one that is done.
    """
    identifier = int(_digest(f"{network}/{attempt}")[:10], 16)
    return IPv6Network(((0xFD << 120) | (identifier << 80), 64))


def mac_of(address: IPAddress) -> str:
    """The MAC address that goes with an address: 02:42 and the four bytes of an IPv4 one, or four that follow from it.

    Docker made them so until release 28. An address that is used again then keeps its MAC, and no neighbour's cache is
    wrong about it, which is why Docker since has to announce each address.
    """
    four = address.packed if address.version == 4 else sha256(address.packed).digest()[:4]
    return ":".join(f"{byte:02x}" for byte in b"\x02\x42" + four)


def bridge_name(network: str) -> str:
    """The bridge of a network that names none, as with Docker: docker0 for the default one, else br- and a hash."""
    return "docker0" if network == DEFAULT_NETWORK else f"br-{_digest(network)[:12]}"


def veth_name(sandbox: str, network: str, is_free: Callable[[str], bool]) -> str:
    """A unique name for the host's end of a veth pair: veth and seven hexadecimal digits, as Docker's."""
    attempts = (f"veth{_digest(f'{sandbox}/{network}/{attempt}')[:7]}" for attempt in range(2**16))
    return next(name for name in attempts if is_free(name))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
