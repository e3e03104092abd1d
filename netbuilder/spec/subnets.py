"""Blocks of addresses as people write them."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator, Strict

from netbuilder.errors import shown
from netbuilder.values.addresses import IPNetwork

_UNUSABLE: tuple[IPNetwork, ...] = (
    *map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4")),
    *map(IPv6Network, ("::/8", "fe80::/10", "ff00::/8")),
)


def block(value: object, otherwise: str) -> IPNetwork:
    """A block of addresses of either family, as text or as a value; ValueError, if it is none."""
    if isinstance(value, IPv4Network | IPv6Network):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(otherwise)
    _refuse_zone(value)
    try:
        return ip_network(value)
    except ValueError:
        raise ValueError(f"{shown(value)} is not a valid block of addresses{_meant(value)}") from None


def _refuse_zone(text: str) -> None:
    """Refuse "fd00::%eth0/64": Python takes it, with any text at all behind the %."""
    if "%" in text:
        raise ValueError(f"{shown(text)} names an interface, as only an address can: leave out the % and what follows")


def _meant(value: str) -> str:
    try:
        return f": did you mean {ip_network(value, strict=False)}?"
    except ValueError:
        return ""


def _subnet(value: object, kind: type[IPv4Network] | type[IPv6Network], like: str, private: str) -> object:
    family = "IPv4" if kind is IPv4Network else "IPv6"
    if not isinstance(value, str | kind):
        raise ValueError(f"an {family} subnet is given as text, like {like}")
    _refuse_zone(str(value))
    try:
        subnet: IPNetwork = kind(value)
    except ValueError:
        hint = f": did you mean {kind(value, strict=False)}?" if _has_host_bits(value, kind) else ""
        raise ValueError(f"{shown(str(value))} is not a valid {family} subnet{hint}") from None
    if subnet.prefixlen == subnet.max_prefixlen:
        raise ValueError(f"{subnet} has no room for a gateway and a sandbox: use /{subnet.max_prefixlen - 1} or larger")
    if any(subnet.version == other.version and subnet.overlaps(other) for other in _UNUSABLE):
        raise ValueError(
            f"{subnet} is reserved (loopback, link-local, multicast or unusable): use a private block such as {private}"
        )
    return subnet


def _has_host_bits(value: object, kind: type[IPv4Network] | type[IPv6Network]) -> bool:
    try:
        kind(value, strict=False)
    except ValueError:
        return False
    return True


def _subnet4(value: object) -> object:
    return _subnet(value, IPv4Network, "10.9.0.0/24", "10.9.0.0/24")


def _subnet6(value: object) -> object:
    return _subnet(value, IPv6Network, "fd00:9::/64", "fd00:9::/64")


Subnet = Annotated[IPv4Network, Strict(False), BeforeValidator(_subnet4)]  # as strict as `addresses.Address`
"""An IPv4 subnet."""

Subnet6 = Annotated[IPv6Network, Strict(False), BeforeValidator(_subnet6)]
"""An IPv6 subnet."""
