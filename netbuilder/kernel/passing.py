"""What passes all interfaces of a network namespace: one socket, and a ring that the kernel fills (packet(7)).

The kernel stamps what it puts into a ring as that passes. What is read by recvmsg(2) has a stamp of when it is read, as
long as a job of the kernel's has not switched on those of packets: copies would be out of order.
"""

from __future__ import annotations

import mmap
import socket
import struct
from collections.abc import Callable, Iterator

from netbuilder.kernel import bpf
from netbuilder.packets import heads
from netbuilder.packets.seen import Frame

_ETH_P_ALL = 3
_SOL_PACKET, _RX_RING, _VERSION, _TPACKET_V2 = 263, 5, 10, 1
_BLOCK, _FRAME, _FRAMES = 1 << 16, 256, 1 << 12
"""Bytes of a block and of a packet in it, and packets that the ring holds: 1 MB."""
_AT_ADDRESS = 32  # behind struct tpacket2_hdr
_HEAD = struct.Struct("=IIIHHII")
_USER = 1  # TP_STATUS_USER


class Passing:
    """The packets that pass."""

    def __init__(self, program: bytes) -> None:
        """Begin to see them.

        Args:
            program: The filter (see `netbuilder.packets.filter`).
        """
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))
        try:
            bpf.attach(self._socket, program)
            self._socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V2)
            # What was seen ahead of the filter goes as the ring comes.
            size = struct.pack("IIII", _BLOCK, _FRAME * _FRAMES // _BLOCK, _FRAME, _FRAMES)
            self._socket.setsockopt(_SOL_PACKET, _RX_RING, size)
            self._ring = mmap.mmap(self._socket.fileno(), _FRAME * _FRAMES)
        except BaseException:
            self._socket.close()
            raise
        self._next = 0

    def read(self, namespace: str, name_of: Callable[[int], str]) -> Iterator[Frame]:
        """Those that have passed since the last time.

        Args:
            namespace: What that is called where they pass.
            name_of: The name of an interface by its index.
        """
        for _ in range(_FRAMES):
            at = self._next * _FRAME
            status, _, size, _, start, seconds, nanoseconds = _HEAD.unpack_from(self._ring, at)
            if not status & _USER:
                return
            index, kind = struct.unpack_from("=4xiHB", self._ring, at + _AT_ADDRESS)[0::2]
            read = heads.read(self._ring[at + start : at + start + size])
            struct.pack_into("=I", self._ring, at, 0)
            self._next = (self._next + 1) % _FRAMES
            if read:
                yield Frame(
                    namespace, name_of(index), kind == socket.PACKET_OUTGOING, seconds * 10**9 + nanoseconds, read
                )

    def close(self) -> None:
        """End it."""
        self._ring.close()
        self._socket.close()
