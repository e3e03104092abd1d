"""Netlink messages and their attributes, as bytes (man 7 netlink): a header, a body, and attributes in a row."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator

REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
CREATE, EXCL = 0x400, 0x200
ERROR, DONE = 2, 3

_head_of_message = struct.Struct("=IHHI").unpack_from
_head_of_attribute = struct.Struct("=HH").unpack_from


class Message:
    """One request: its type, flags and body. Its sequence number comes from the socket that sends it."""

    __slots__ = ("body", "flags", "kind")

    def __init__(self, kind: int, flags: int, body: bytes) -> None:
        self.kind, self.flags, self.body = kind, flags | REQUEST, body

    def encode(self, sequence: int) -> bytes:
        """The message with its header."""
        return struct.pack("=IHHII", 16 + len(self.body), self.kind, self.flags, sequence, 0) + self.body


def attribute(kind: int, data: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def number(kind: int, value: int) -> bytes:
    """An attribute of 32 bits."""
    return attribute(kind, struct.pack("=I", value))


def text(kind: int, value: str) -> bytes:
    """An attribute of text, with the zero byte at its end."""
    return attribute(kind, value.encode() + b"\0")


def link_layer(kind: int, mac: str) -> bytes:
    """An attribute of a MAC address."""
    return attribute(kind, bytes.fromhex(mac.replace(":", "")))


def number_in(data: bytes | None) -> int:
    """The number that an attribute holds; 0 where there is none."""
    return int.from_bytes(data, sys.byteorder) if data else 0


def attributes(data: bytes, at: int = 0) -> dict[int, bytes]:
    """The attributes that stand in a row from an offset on, by kind."""
    found = {}
    last = len(data) - 4
    while at <= last:
        size, kind = _head_of_attribute(data, at)
        found[kind & 0x3FFF] = data[at + 4 : at + size]
        at += (size + 3) & ~3
    return found


def picked(data: bytes, at: int, wanted: frozenset[int]) -> dict[int, bytes]:
    """Some of the attributes that stand in a row from an offset on, where there are many and few are wanted."""
    found = {}
    last = len(data) - 4
    while at <= last:
        size, kind = _head_of_attribute(data, at)
        kind &= 0x3FFF
        if kind in wanted:
            found[kind] = data[at + 4 : at + size]
        at += (size + 3) & ~3
    return found


def nested(data: bytes, kind: int, at: int = 0) -> bytes:
    """What one of the attributes in a row holds, without reading those behind it; nothing if it is not there."""
    last = len(data) - 4
    while at <= last:
        size, one = _head_of_attribute(data, at)
        if one & 0x3FFF == kind:
            return data[at + 4 : at + size]
        at += (size + 3) & ~3
    return b""


def listed(data: bytes) -> list[bytes]:
    """The attributes that stand in a row, where they are a list and all of one kind."""
    found = []
    at = 0
    while at + 4 <= len(data):
        size, _ = _head_of_attribute(data, at)
        found.append(data[at + 4 : at + size])
        at += (size + 3) & ~3
    return found


def messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """The messages of one datagram: kind, flags, sequence number, body."""
    at = 0
    while at + 16 <= len(data):
        size, kind, flags, sequence = _head_of_message(data, at)
        yield kind, flags, sequence, data[at + 16 : at + size]
        at += (size + 3) & ~3


def string(data: bytes) -> str:
    """Text as the kernel gives it, without the zero byte at its end."""
    return data.rstrip(b"\0").decode(errors="replace")
