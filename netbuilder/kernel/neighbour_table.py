"""The entries of a neighbour table (of ARP, of NDP), and those that stay until they are taken out (man 7 rtnetlink)."""

from __future__ import annotations

import socket
import struct

from netbuilder.kernel.addressing import family
from netbuilder.kernel.message import ACK, CREATE, DUMP, Message, attribute, attributes, link_layer, number
from netbuilder.values.addresses import IPAddress

NEWNEIGH, DELNEIGH, GETNEIGH = 28, 29, 30
NDA_DST, NDA_LLADDR, NDA_IFINDEX = 1, 2, 8
NUD_STALE, NUD_PERMANENT = 0x04, 0x80
_REPLACE = 0x100


def _neighbour(kind: int, flags: int, dev: int, address: IPAddress, state: int = 0, more: bytes = b"") -> Message:
    head = _head(family(address), dev, state)
    return Message(kind, ACK | flags, head + attribute(NDA_DST, address.packed) + more)


def _head(family: int, dev: int = 0, state: int = 0) -> bytes:
    return struct.pack("=BxxxiHBB", family, dev, state, 0, 0)


def set_neighbour(dev: int, address: IPAddress, mac: str) -> Message:
    """`ip neigh replace ADDRESS lladdr MAC dev DEV nud permanent`."""
    return _neighbour(NEWNEIGH, CREATE | _REPLACE, dev, address, NUD_PERMANENT, link_layer(NDA_LLADDR, mac))


def correct_neighbour(dev: int, address: IPAddress, mac: str) -> Message:
    """`ip neigh change ADDRESS lladdr MAC dev DEV nud stale`: refused if nobody asked for that neighbour yet."""
    return _neighbour(NEWNEIGH, _REPLACE, dev, address, NUD_STALE, link_layer(NDA_LLADDR, mac))


def delete_neighbour(dev: int, address: IPAddress) -> Message:
    """`ip neigh del ADDRESS dev DEV`."""
    return _neighbour(DELNEIGH, 0, dev, address)


def get_neighbour(dev: int, address: IPAddress) -> Message:
    """`ip neigh get ADDRESS dev DEV`."""
    return _neighbour(GETNEIGH, 0, dev, address)


def get_neighbours(dev: int) -> Message:
    """`ip neigh show dev DEV`."""
    return Message(GETNEIGH, DUMP, _head(socket.AF_UNSPEC) + number(NDA_IFINDEX, dev))


def read_permanent(body: bytes) -> str | None:
    """The MAC address of a neighbour that is entered for good; None of one that was found by asking."""
    (state,) = struct.unpack_from("=H", body, 8)
    return attributes(body, 12)[NDA_LLADDR].hex(":") if state & NUD_PERMANENT else None
