"""What hears the packets of one interface: a packet socket with a ring of memory (packet(7), TPACKET_V3).

The kernel filters, stamps and counts, and puts packets into blocks of the ring. A block is taken as a whole, in one
copy, and what is in it is looked at later, elsewhere: so the kernel has it back at once, and loses none at 10,000
packets a second on a machine that is busy otherwise. What it does lose it counts.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import socket
import struct
from typing import NamedTuple

from netbuilder.errors import NetbuilderError, PrivilegeError, shown
from netbuilder.kernel import bpf
from netbuilder.packets.pcapng import ETHERNET, RAW_IP

BLOCK = 1 << 17
"""Bytes of a block: the largest packet, of 64 KB, has to fit in."""
PATIENCE = 20
"""Milliseconds after which the kernel gives a block that is not full."""

_MOST_BLOCKS, _FEWEST_BLOCKS, _ALL_BLOCKS = 64, 4, 256  # of a ring, and of all rings together
_FRAME = 2048
_SOL_PACKET, _RX_RING, _STATISTICS, _VERSION, _VNET_HDR = 263, 5, 6, 10, 15
_TPACKET_V3, _ETH_P_ALL = 2, 3
_STATUS_AND_SIZE = struct.Struct("=8xI8xI")  # of tpacket_block_desc: block_status and blk_len
_USER = 1  # TP_STATUS_USER: the block is ours

_SIOCGIFFLAGS, _IFF_UP, _IFF_LOOPBACK = 0x8913, 1, 8
_ETHER, _LOOPBACK = 1, 772
_BARE = {512, 519, 768, 769, 776, 778, 823, 65534}  # ARPHRD_PPP, RAWIP, TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE, NONE


class Counts(NamedTuple):
    """What the kernel counted: the packets that passed a filter, and those of them that it dropped."""

    passed: int
    dropped: int


class Tap:
    """One interface of the namespace that the calling thread is in; once open, it hears that from everywhere."""

    def __init__(self, device: str) -> None:
        """Open it. It hears nothing yet.

        Raises:
            PrivilegeError: If CAP_NET_RAW is missing.
            NetbuilderError: If there is no such interface, or its frames are of a kind that is not known here.
        """
        self.device, self._at, self._blocks = device, 0, 0
        self._passed = self._dropped = 0
        self._ring: mmap.mmap | None = None
        try:
            # Of no protocol: until it is bound, nothing gets in that was not filtered.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        except PermissionError:
            raise PrivilegeError("CAP_NET_RAW is missing, which packets are heard with", "use sudo") from None
        try:
            self._socket.bind((device, 0))
            self.link_type = _link_type(device, self._socket.getsockname()[3])
        except OSError as error:
            self._socket.close()
            raise NetbuilderError(f"can't listen to {shown(device)}: {error.strerror or error}") from None
        except NetbuilderError:
            self._socket.close()
            raise

    def listen(self, code: bytes, taps: int) -> None:
        """Hear what passes the interface from now on.

        Args:
            code: The filter, as classic BPF; empty for everything.
            taps: How many share the memory that there is for rings.
        """
        blocks = max(_FEWEST_BLOCKS, min(_MOST_BLOCKS, _ALL_BLOCKS // taps))
        if code:
            self._filter(code)
        option = self._socket.setsockopt
        option(_SOL_PACKET, _VERSION, _TPACKET_V3)
        option(_SOL_PACKET, _VNET_HDR, 1)  # which checksums are owing
        frames = BLOCK // _FRAME * blocks
        option(_SOL_PACKET, _RX_RING, struct.pack("=7I", BLOCK, blocks, _FRAME, frames, PATIENCE, 0, 0))
        self._ring = mmap.mmap(self._socket.fileno(), BLOCK * blocks)
        self._blocks = blocks
        self._socket.bind((self.device, _ETH_P_ALL))

    def _filter(self, code: bytes) -> None:
        try:
            bpf.attach(self._socket, code)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOMEM):
                raise
            raise NetbuilderError("the kernel takes no filter as long as this one", "ask for less") from None

    def take(self) -> list[bytes]:
        """The blocks that are ready, each from its header to the end of its last packet; the kernel has them back."""
        ring, taken = self._ring, list[bytes]()
        if ring is None:
            return taken
        for _ in range(self._blocks):
            begin = self._at * BLOCK
            status, size = _STATUS_AND_SIZE.unpack_from(ring, begin)
            if not status & _USER:
                break
            taken.append(ring[begin : begin + size])
            ring[begin + 8 : begin + 12] = bytes(4)
            self._at = (self._at + 1) % self._blocks
        return taken

    def counts(self) -> Counts:
        """What was counted so far."""
        if self._ring is not None:
            # Read, they begin at 0 again; what was dropped is among what passed.
            passed, dropped, _ = struct.unpack("=3I", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12))
            self._passed += passed
            self._dropped += dropped
        return Counts(self._passed, self._dropped)

    def close(self) -> None:
        """Hear nothing more, and give the memory back."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None
        self._socket.close()


def _link_type(device: str, hardware: int) -> int:
    """What frames of an interface begin with, by what the kernel calls its hardware (ARPHRD_…)."""
    if hardware in (_ETHER, _LOOPBACK):
        return ETHERNET
    if hardware in _BARE:
        return RAW_IP
    raise NetbuilderError(f"can't listen to {shown(device)}: its frames are of a kind ({hardware}) not known here")


def interfaces() -> list[str]:
    """The interfaces of the calling thread's namespace that are up, but for its loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        flags = {name: _flags(asking, name) for _, name in socket.if_nameindex()}
    return [name for name, flag in flags.items() if flag & (_IFF_UP | _IFF_LOOPBACK) == _IFF_UP]


def _flags(asking: socket.socket, name: str) -> int:
    request = struct.pack("16sH14x", os.fsencode(name), 0)
    try:
        flags: int = struct.unpack_from("H", fcntl.ioctl(asking, _SIOCGIFFLAGS, request), 16)[0]
    except OSError:  # gone by now
        return 0
    return flags
