"""The entries of a neighbour table (ARP cache) that stay until they are taken out, as messages (man 7 rtnetlink)."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address

from netbuilder.kernel.message import ACK, CREATE, Message, attribute, attributes

NEWNEIGH, DELNEIGH, GETNEIGH = 28, 29, 30
NDA_DST, NDA_LLADDR = 1, 2
NUD_PERMANENT = 0x80
_REPLACE = 0x100


def _neighbour(kind: int, flags: int, dev: int, address: IPv4Address, state: int = 0, more: bytes = b"") -> Message:
    head = struct.pack("=BxxxiHBB", socket.AF_INET, dev, state, 0, 0)
    return Message(kind, ACK | flags, head + attribute(NDA_DST, address.packed) + more)


def set_neighbour(dev: int, address: IPv4Address, mac: str) -> Message:
    """`ip neigh replace ADDRESS lladdr MAC dev DEV nud permanent`."""
    link_layer = attribute(NDA_LLADDR, bytes.fromhex(mac.replace(":", "")))
    return _neighbour(NEWNEIGH, CREATE | _REPLACE, dev, address, NUD_PERMANENT, link_layer)


def delete_neighbour(dev: int, address: IPv4Address) -> Message:
    """`ip neigh del ADDRESS dev DEV`."""
    return _neighbour(DELNEIGH, 0, dev, address)


def get_neighbour(dev: int, address: IPv4Address) -> Message:
    """`ip neigh get ADDRESS dev DEV`."""
    return _neighbour(GETNEIGH, 0, dev, address)


def read_permanent(body: bytes) -> str | None:
    """The MAC address of a neighbour that is entered for good; None of one that ARP found."""
    (state,) = struct.unpack_from("=H", body, 8)
    return attributes(body, 12)[NDA_LLADDR].hex(":") if state & NUD_PERMANENT else None
