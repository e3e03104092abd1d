"""The blocks of a pcapng file, as bytes (draft-ietf-opsawg-pcapng): what Wireshark, tshark and capinfos read.

No library writes all of this: nanoseconds, an interface each, directions and counts of drops, 40,000 packets a second.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from netbuilder.packets.ring import OUTGOING, Packet

ETHERNET, RAW_IP = 1, 101
"""Link types: frames with an Ethernet header, and bare IP packets."""

SNAPLEN = 262_144
"""The most of a packet that is kept: more than any has."""

_SECTION, _INTERFACE, _STATISTICS, _PACKET = 0x0A0D0D0A, 1, 5, 6
_COMMENT, _END = 1, 0
_IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL, _IF_FILTER = 2, 3, 9, 11
_SHB_OS, _SHB_PROGRAM = 3, 4
_ISB_STARTTIME, _ISB_ENDTIME, _ISB_IFRECV, _ISB_IFDROP, _ISB_OSDROP, _ISB_USRDELIV = 2, 3, 4, 5, 7, 8

# epb_flags: bits 0 and 1 the direction (1 in, 2 out), from bit 2 for whom it was (unicast, multicast, broadcast, other)
_FLAGS = {0: 1 | 1 << 2, 1: 1 | 3 << 2, 2: 1 | 2 << 2, 3: 1 | 4 << 2, OUTGOING: 2}

_head = struct.Struct("=7I").pack
_tail = struct.Struct("=HHIII").pack
_PAD = (b"", b"\0", b"\0\0", b"\0\0\0")


class Interface(NamedTuple):
    """An interface that is listened to.

    Args:
        name: What it is called in the file, like "web:eth0".
        description: Whose it is, and where.
        link_type: What its frames begin with: `ETHERNET` or `RAW_IP`.
        filter: The expression that its packets were chosen by.
    """

    name: str
    description: str
    link_type: int = ETHERNET
    filter: str = ""


def section(comment: str) -> bytes:
    """The block that a file begins with."""
    head = struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1)
    return _block(_SECTION, head, [(_COMMENT, _text(comment)), (_SHB_OS, b"Linux"), (_SHB_PROGRAM, b"netbuilder")])


def interface(one: Interface) -> bytes:
    """The block that says what an interface is; times are in nanoseconds."""
    options = [
        (_IF_NAME, _text(one.name)),
        (_IF_DESCRIPTION, _text(one.description)),
        (_IF_TSRESOL, b"\x09"),
        *([(_IF_FILTER, b"\0" + _text(one.filter))] if one.filter else []),
    ]
    return _block(_INTERFACE, struct.pack("=HxxI", one.link_type, SNAPLEN), options)


def packet(one: Packet) -> bytes:
    """The block of a packet, with its direction."""
    when, tap, kind, length, frame = one
    size = len(frame)
    pad = -size % 4
    total = 44 + size + pad
    flags = _FLAGS.get(kind, 0)
    head = _head(_PACKET, total, tap, when >> 32, when & 0xFFFFFFFF, size, length)
    return head + frame + _PAD[pad] + _tail(2, 4, flags, _END, total)


def statistics(tap: int, began: int, ended: int, passed: int, dropped: int, written: int) -> bytes:
    """The block that says what was counted at an interface.

    Args:
        tap: The interface.
        began, ended: When it was listened to, in nanoseconds since 1970.
        passed: The packets that passed it and its filter, dropped ones included.
        dropped: Those that the kernel dropped, as nobody took them in time.
        written: Those that are in the file.
    """
    counts = ((_ISB_IFRECV, passed), (_ISB_IFDROP, dropped), (_ISB_OSDROP, dropped), (_ISB_USRDELIV, written))
    options = [
        (_ISB_STARTTIME, struct.pack("=II", *_halves(began))),
        (_ISB_ENDTIME, struct.pack("=II", *_halves(ended))),
        *((code, struct.pack("=Q", count)) for code, count in counts),
    ]
    return _block(_STATISTICS, struct.pack("=III", tap, *_halves(ended)), options)


def _halves(when: int) -> tuple[int, int]:
    return when >> 32, when & 0xFFFFFFFF


def _text(text: str) -> bytes:
    return text.encode(errors="replace")[:0xFFF0]


def _block(kind: int, body: bytes, options: Iterable[tuple[int, bytes]]) -> bytes:
    for code, value in options:
        body += struct.pack("=HH", code, len(value)) + value + _PAD[-len(value) % 4]
    body += struct.pack("=HH", _END, 0)
    total = len(body) + 12
    return struct.pack("=II", kind, total) + body + struct.pack("=I", total)
