"""What a ring of packets holds (TPACKET_V3, Documentation/networking/packet_mmap.rst), as packets.

A packet is given as a wire would carry it. On a veth pair nobody computes TCP and UDP checksums: the kernel leaves them
to hardware that is not there, and says so (CHECKSUM_PARTIAL). And it takes a VLAN tag out of the frame and keeps it
beside it. Both are put back here.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

OUTGOING = 4
"""The kind of a packet that leaves by the interface (PACKET_OUTGOING); those below it came in."""

VNET = 10
"""Bytes of what stands ahead of each frame (struct virtio_net_hdr)."""

_BLOCK = struct.Struct("=8xIII")  # tpacket_block_desc: status, number of packets, where the first one is
_HEAD = struct.Struct("=6IH")  # tpacket3_hdr: next, seconds, nanoseconds, captured, length, status, where the frame is
_VLAN = struct.Struct("=IH")  # the tag, and its EtherType
_VNET = struct.Struct("=B5xHH")  # flags, where the checksum begins, and its place from there
_VLAN_AT, _KIND_AT = 32, 58  # from the start of the head: tp_vlan_tci; sll_pkttype of the sockaddr_ll behind it
_VLAN_VALID, _VLAN_TPID_VALID = 1 << 4, 1 << 6
_NEEDS_CSUM = 1
_TPID = 0x8100


class Packet(NamedTuple):
    """One packet at one interface. Of two, the earlier is the lesser.

    Args:
        when: Nanoseconds since 1970.
        tap: The interface, by its place among those that are listened to.
        kind: Whether it was for this interface (0), for all (1), for some (2), for another (3), or leaves by it (4).
        length: Bytes on the wire.
        frame: The bytes, with checksums finished.
    """

    when: int
    tap: int
    kind: int
    length: int
    frame: bytes


def packets_in(block: bytes, tap: int) -> list[Packet]:
    """The packets of one block of a ring.

    Args:
        block: The block, from its header to the end of its last packet.
        tap: The interface that the ring is of.
    """
    _, count, at = _BLOCK.unpack_from(block)
    found, head, new = list[Packet](), _HEAD.unpack_from, tuple.__new__  # a third of what Packet(…) takes
    for _ in range(count):
        following, seconds, nanoseconds, captured, length, status, offset = head(block, at)
        start = at + offset
        frame = block[start : start + captured]
        flags, begin, place = _VNET.unpack_from(block, start - VNET)
        if flags & _NEEDS_CSUM:
            frame = finished(frame, begin, begin + place)
        if status & _VLAN_VALID:
            tag, kind = _VLAN.unpack_from(block, at + _VLAN_AT)
            frame = tagged(frame, tag, kind if status & _VLAN_TPID_VALID else _TPID)
            length += 4
        when = seconds * 1_000_000_000 + nanoseconds
        found.append(new(Packet, (when, tap, block[at + _KIND_AT], length, frame)))
        at += following
    return found


def finished(frame: bytes, begin: int, place: int) -> bytes:
    """A frame with its checksum computed, which so far has only the sum of what is ahead of the segment (RFC 1071).

    Args:
        frame: The frame; one that was cut short keeps what it has.
        begin: Where what is summed up begins, to the end of the frame.
        place: Where the checksum belongs.
    """
    if place + 2 > len(frame):
        return frame
    summed = frame[begin:] + bytes(len(frame) - begin & 1)
    # 2**16 is 1 modulo 0xFFFF, so the sum of all 16-bit words is the remainder of one long number.
    checksum = 0xFFFF - int.from_bytes(summed, "big") % 0xFFFF
    return frame[:place] + checksum.to_bytes(2, "big") + frame[place + 2 :]


def tagged(frame: bytes, tag: int, kind: int) -> bytes:
    """An Ethernet frame with a VLAN tag put back behind its MAC addresses."""
    return frame[:12] + struct.pack(">HH", kind, tag & 0xFFFF) + frame[12:]
