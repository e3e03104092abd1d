"""Addresses of both families, IPv4 and IPv6: what most code takes without asking which it has."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, ip_network
from typing import Literal

IPAddress = IPv4Address | IPv6Address
IPInterface = IPv4Interface | IPv6Interface
IPNetwork = IPv4Network | IPv6Network
Family = Literal["ipv4", "ipv6"]
FAMILIES: tuple[Family, Family] = ("ipv4", "ipv6")


def family(of: IPAddress | IPInterface | IPNetwork) -> Family:
    """The family of an address, in nft's words."""
    return "ipv4" if of.version == 4 else "ipv6"


def interface(address: IPAddress, subnet: IPNetwork) -> IPInterface:
    """An address with the prefix of its subnet, as an interface has it."""
    # Of numbers, as text would have to be parsed.
    if address.version == 4:
        return IPv4Interface((int(address), subnet.prefixlen))
    return IPv6Interface((int(address), subnet.prefixlen))


def address_of(number: int, subnet: IPNetwork) -> IPAddress:
    """The address of a subnet's family with a number."""
    return IPv4Address(number) if subnet.version == 4 else IPv6Address(number)


def everything(like: IPAddress | IPInterface | IPNetwork) -> IPNetwork:
    """All addresses of the family of one: the subnet of a default route."""
    return ip_network("0.0.0.0/0" if like.version == 4 else "::/0")
