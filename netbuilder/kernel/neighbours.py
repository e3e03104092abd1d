"""Who else is on a bridge: found in the neighbour table, and by asking (`netbuilder.kernel.discovery`).

Only where there is somebody else: a bridge that has our own veths and no other port is known by its ports alone, which
takes one call to the kernel.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from ipaddress import ip_address
from itertools import chain
from typing import NamedTuple

from netbuilder.errors import PrivilegeError
from netbuilder.kernel import discovery
from netbuilder.kernel.message import attributes
from netbuilder.kernel.neighbour_table import NDA_DST, NDA_LLADDR, NUD_PERMANENT, get_neighbours
from netbuilder.kernel.netlink import Netlink
from netbuilder.resolve.facts import Neighbour
from netbuilder.values.addresses import IPAddress

Place = tuple[str, IPAddress]
"""A bridge, and an address on it."""

_MAC_BYTES = 6
_SIOCDEVPRIVATE = 0x89F0
_BRCTL_GET_PORT_LIST, _MAX_PORTS = 7, 1024
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
    """Who is in the neighbour table, as `ip neigh show dev BRIDGE` has it; whoever never answered is not."""
    index = host.index(bridge)
    found = {}
    for one in host.ask([get_neighbours(index)])[0].bodies if index else ():
        (state,) = struct.unpack_from("=H", one, 8)
        seen = attributes(one, 12)
        if state & _NUD_KNOWN and len(seen.get(NDA_LLADDR, b"")) == _MAC_BYTES:
            found[bridge, ip_address(seen[NDA_DST])] = Neighbour(seen[NDA_LLADDR].hex(":"), answers=False)
    return found


def answering(wanted: Mapping[str, Collection[IPAddress]]) -> dict[Place, Neighbour]:
    """Who answers for which of the addresses wanted on each bridge, all asked at once; takes 0.3 s at most.

    Raises:
        PrivilegeError: If the process may not send and see such packets.
    """
    found: dict[Place, Neighbour] = {}
    with ExitStack() as stack:
        asking = [
            _Asking(bridge, protocol, stack.enter_context(_open(bridge, protocol)), addresses)
            for bridge, all_of_it in wanted.items()
            for protocol, addresses in _by_protocol(all_of_it).items()
        ]
        for _ in range(_PROBES):
            until = time.monotonic() + INTERVAL
            for one in asking:
                left = [address for address in one.addresses if (one.bridge, address) not in found]
                for start in range(0, len(left), _BURST):
                    one.ask(left[start : start + _BURST])
                    found |= _heard(asking, 0)
            while len(found) < sum(map(len, wanted.values())) and (patience := until - time.monotonic()) > 0:
                found |= _heard(asking, patience)
    return found


def _by_protocol(addresses: Collection[IPAddress]) -> dict[int, set[IPAddress]]:
    found: dict[int, set[IPAddress]] = {}
    for address in addresses:
        found.setdefault(discovery.protocol(address), set()).add(address)
    return found


def _open(bridge: str, protocol: int) -> socket.socket:
    try:
        one = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(protocol))
    except PermissionError:
        raise PrivilegeError(
            f"CAP_NET_RAW is needed to find out who has which address on {bridge}",
            "use sudo, or Host.isolated()",
        ) from None
    with suppress(OSError):  # it is gone by now
        one.bind((bridge, protocol))
    return one


class _Asking(NamedTuple):
    """Addresses of one family that are asked for on one bridge."""

    bridge: str
    protocol: int
    socket: socket.socket
    addresses: set[IPAddress]

    def ask(self, some: Iterable[IPAddress]) -> None:
        device, *_, mac = self.socket.getsockname()
        for address in some:
            packet = discovery.question(address, mac)
            with suppress(OSError):  # it is down: nobody answers there
                self.socket.sendto(packet.payload, (device, self.protocol, 0, 0, packet.to))

    def listen(self) -> Iterator[tuple[Place, Neighbour]]:
        """Who says something as one of the addresses, in the next packet."""
        with suppress(OSError):
            payload, (_, _, direction, _, sender) = self.socket.recvfrom(128)
            heard = discovery.heard(self.protocol, payload, sender)
            if heard and direction != socket.PACKET_OUTGOING and heard.address in self.addresses:
                yield (self.bridge, heard.address), Neighbour(heard.mac, answers=True)


def _heard(asking: Iterable[_Asking], patience: float) -> dict[Place, Neighbour]:
    by_socket = {one.socket: one for one in asking}
    return dict(chain.from_iterable(by_socket[at].listen() for at in select.select(by_socket, (), (), patience)[0]))
