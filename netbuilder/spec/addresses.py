"""Addresses as people write them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated

from pydantic import BeforeValidator, Strict

from netbuilder.errors import shown


def _ipv4(value: object) -> object:
    """An address given as text, as people do; never as a number."""
    return _address(value, IPv4Address, "10.9.0.2")


def _ipv6(value: object) -> object:
    address = _address(value, IPv6Address, "fd00:9::2")
    if isinstance(address, IPv6Address) and (address.scope_id or address.ipv4_mapped):
        raise ValueError(f"{shown(str(address))} is not an IPv6 address of its own: write it like fd00:9::2")
    return address


def _either(value: object) -> object:
    """An address of the family that its text is of."""
    is_ipv6 = ":" in value if isinstance(value, str) else isinstance(value, IPv6Address)
    return _ipv6(value) if is_ipv6 else _ipv4(value)


def _address(value: object, kind: type[IPv4Address] | type[IPv6Address], like: str) -> object:
    family = "IPv4" if kind is IPv4Address else "IPv6"
    if type(value) is kind:  # an IPv4Interface is an IPv4Address too
        return value
    if not isinstance(value, str):
        raise ValueError(f"an {family} address is given as text, like {like}")
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"{shown(value)} is not a valid {family} address: write it like {like}") from None


# Strict, pydantic takes no IPv4Address where it reads JSON; the validator before it is as strict, and takes one.
Address = Annotated[IPv4Address, Strict(False), BeforeValidator(_ipv4)]
"""An IPv4 address, as text or as `ipaddress.IPv4Address`."""

Address6 = Annotated[IPv6Address, Strict(False), BeforeValidator(_ipv6)]
"""An IPv6 address, as text or as `ipaddress.IPv6Address`."""

AnyAddress = Annotated[
    Annotated[IPv4Address, Strict(False)] | Annotated[IPv6Address, Strict(False)], BeforeValidator(_either)
]
"""An address of either family."""
