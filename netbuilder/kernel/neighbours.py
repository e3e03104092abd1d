"""Who else is on a bridge: found in the neighbour table, and by asking (ARP probes, RFC 5227).

Only where there is somebody else: a bridge that has our own veths and no other port is known by its ports alone, which
takes one call to the kernel.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack, suppress
from ipaddress import IPv4Address

from netbuilder.errors import PrivilegeError
from netbuilder.kernel.message import attributes
from netbuilder.kernel.neighbour_table import NDA_DST, NDA_LLADDR, NUD_PERMANENT, get_neighbours
from netbuilder.kernel.netlink import Netlink
from netbuilder.resolve.facts import Neighbour

Place = tuple[str, IPv4Address]
"""A bridge, and an address on it."""

_MAC_BYTES = 6
_SIOCDEVPRIVATE = 0x89F0
_BRCTL_GET_PORT_LIST, _MAX_PORTS = 7, 1024
_ETH_P_ARP, _ARPOP_REQUEST = 0x0806, 1
_ARP = struct.Struct("!HHBBH6s4s6s4s")  # RFC 826: kinds and lengths of both addresses, what it is, sender, target
_NUD_KNOWN = 0x02 | 0x04 | 0x08 | 0x10 | NUD_PERMANENT  # reachable, stale, delay, probe
_PROBES, INTERVAL = 3, 0.1
"""How often each address is asked for, and seconds from one time to the next.

RFC 5227 waits for seconds, for networks of any kind. On a bridge whoever is up answers within a millisecond, over a
radio link or from a busy virtual machine within tens of them.
"""
_BURST = 32  # probes sent before answers are read: each is flooded to all ports, and the kernel queues 1,000 packets


class Ports:
    """The ports of bridges. One that was seen to be ours is known by its index, which no other interface gets."""

    def __init__(self, host: Netlink) -> None:
        self._host = host
        self._ours: dict[str, set[int]] = {}

    def others(self, bridge: str, is_ours: Callable[[str], bool]) -> set[str]:
        """The names of a bridge's ports that are not ours."""
        there = self._indexes(bridge)
        ours = there & self._ours.get(bridge, set())
        new = {index: self._host.name(index) for index in there - ours}
        self._ours[bridge] = ours | {index for index, name in new.items() if is_ours(name)}
        return {name for index, name in new.items() if index not in self._ours[bridge]}

    def _indexes(self, bridge: str) -> set[int]:
        """The indexes of a bridge's ports. Over netlink each would come with all that is known of it: 20 µs a port."""
        found = array("i", bytes(4 * _MAX_PORTS))
        arguments = array("L", (_BRCTL_GET_PORT_LIST, found.buffer_info()[0], _MAX_PORTS, 0))
        try:
            self._host.ioctl(_SIOCDEVPRIVATE, struct.pack("16sP16x", bridge.encode(), arguments.buffer_info()[0]))
        except OSError:  # it is not there, or no bridge
            return set()
        filled = len(found.tobytes().rstrip(b"\0")) // 4 + 1  # from the first port on, most often without gaps
        return set(found[:filled]) - {0}


def known(host: Netlink, bridge: str) -> dict[Place, Neighbour]:
    """Who is in the neighbour table, as `ip -4 neigh show dev BRIDGE` has it; whoever never answered is not."""
    index = host.index(bridge)
    found = {}
    for one in host.ask([get_neighbours(index)])[0].bodies if index else ():
        (state,) = struct.unpack_from("=H", one, 8)
        seen = attributes(one, 12)
        if state & _NUD_KNOWN and len(seen.get(NDA_LLADDR, b"")) == _MAC_BYTES:
            found[bridge, IPv4Address(seen[NDA_DST])] = Neighbour(seen[NDA_LLADDR].hex(":"), answers=False)
    return found


def answering(wanted: Mapping[str, Collection[IPv4Address]]) -> dict[Place, Neighbour]:
    """Who answers for which of the addresses wanted on each bridge, all asked at once; takes 0.3 s at most.

    Raises:
        PrivilegeError: If the process may not send and see ARP packets.
    """
    found: dict[Place, Neighbour] = {}
    with ExitStack() as stack:
        sockets = {stack.enter_context(_open(bridge)): bridge for bridge in wanted}
        for _ in range(_PROBES):
            until = time.monotonic() + INTERVAL
            for at, bridge in sockets.items():
                asked = [address for address in wanted[bridge] if (bridge, address) not in found]
                for start in range(0, len(asked), _BURST):
                    _probe(at, asked[start : start + _BURST])
                    found |= _heard(sockets, wanted, 0)
            while len(found) < sum(map(len, wanted.values())) and (left := until - time.monotonic()) > 0:
                found |= _heard(sockets, wanted, left)
    return found


def _open(bridge: str) -> socket.socket:
    try:
        one = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(_ETH_P_ARP))
    except PermissionError:
        raise PrivilegeError(
            f"CAP_NET_RAW is needed to find out who has which address on {bridge}",
            "use sudo, or Host.isolated()",
        ) from None
    with suppress(OSError):  # it is gone by now
        one.bind((bridge, _ETH_P_ARP))
    return one


def _probe(at: socket.socket, addresses: Iterable[IPv4Address]) -> None:
    """Ask for addresses as nobody: a probe with no address of its own makes no neighbour's ARP cache wrong."""
    device, *_, mac = at.getsockname()
    for address in addresses:
        packet = _ARP.pack(1, 0x0800, _MAC_BYTES, 4, _ARPOP_REQUEST, mac, bytes(4), bytes(_MAC_BYTES), address.packed)
        with suppress(OSError):  # it is down: nobody answers there
            at.sendto(packet, (device, _ETH_P_ARP, 0, 0, b"\xff" * _MAC_BYTES))


def _heard(
    sockets: Mapping[socket.socket, str], wanted: Mapping[str, Collection[IPv4Address]], patience: float
) -> dict[Place, Neighbour]:
    """Who said something as one of the addresses wanted, or asks for one as nobody, as we do."""
    found = {}
    for at in select.select(sockets, (), (), patience)[0]:
        with suppress(OSError):
            packet, (_, _, direction, *_) = at.recvfrom(64)
            if direction == socket.PACKET_OUTGOING or len(packet) < _ARP.size:
                continue
            *_, mac, sender, _, target = _ARP.unpack_from(packet)
            address = IPv4Address(sender if any(sender) else target)
            if address in wanted[sockets[at]]:
                found[sockets[at], address] = Neighbour(mac.hex(":"), answers=True)
    return found
