"""Ports and the addresses that they are open on, as values and in Docker's words."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from netbuilder.values.addresses import FAMILIES, Family, IPAddress, family

LAST_PORT = 65535
Protocol = Literal["tcp", "udp", "sctp"]
PROTOCOLS = ("tcp", "udp", "sctp")
ALL_OF: dict[Family, IPAddress] = {"ipv4": IPv4Address("0.0.0.0"), "ipv6": IPv6Address("::")}
"""All addresses of the host, of one family."""
BROADCAST = IPv4Address("255.255.255.255")
"""All hosts of a link, which no host can have as its address."""


def families_of(host_ip: IPAddress | None) -> tuple[Family, ...]:
    """The families that a port on an address is open in; None is all addresses of both."""
    return (family(host_ip),) if host_ip else FAMILIES


def ports_text(first: int, count: int) -> str:
    """Ports as Docker writes them: "80", or "80-89" of a range."""
    return str(first) if count == 1 else f"{first}-{first + count - 1}"


def on_address(host_ip: IPAddress | None) -> str:
    """An address in front of a port: "127.0.0.1:", "[::1]:", or nothing."""
    if host_ip is None:
        return ""
    return f"[{host_ip}]:" if host_ip.version == 6 else f"{host_ip}:"
