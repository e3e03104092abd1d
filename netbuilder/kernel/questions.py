"""What the kernel is asked about a packet that was seen: its route, its flow, and who is its next hop."""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping
from ipaddress import ip_address

from netbuilder.kernel import addressing, nftrace
from netbuilder.kernel.message import ACK, Message, attribute, attributes, number, number_in
from netbuilder.kernel.neighbour_table import NDA_LLADDR, get_neighbour
from netbuilder.kernel.nfnetlink import read_flow
from netbuilder.kernel.station import Station
from netbuilder.packets.headers import End
from netbuilder.packets.heads import Head
from netbuilder.packets.protocols import TCP, UDP
from netbuilder.packets.seen import Cause, Route
from netbuilder.values.addresses import IPAddress

_RTA_SRC, _RTA_IIF = 2, 3
_RTN_LOCAL, _RTN_BROADCAST = 2, 3
_NUD_FAILED, _NUD_INCOMPLETE = 0x20, 0x01
_ABOUT_FORWARDING = "it is not for this machine, and forwarding is off (ip_forward=0)"
_ABOUT_FORWARDING6 = "it is not for this machine, and IPv6 forwarding is off (net.ipv6.conf.all.forwarding=0)"
_REASONS: dict[int, tuple[Cause, str]] = {
    errno.ENETUNREACH: ("no route", "there is no route to {}"),
    errno.EHOSTUNREACH: ("no route", "a route says that {} is unreachable, or it is not forwarded"),
    errno.EACCES: ("blackhole", "a route prohibits {}"),
    errno.EINVAL: ("blackhole", "a blackhole route takes what is for {}"),
}


class Questions:
    """Asked of the namespaces that are watched, by name."""

    def __init__(self, stations: Mapping[str, Station]) -> None:
        self._stations = stations

    def route(self, namespace: str, headers: Head, iif: str) -> Route:
        """Where it is routed from an interface, or from there itself."""
        station = self._stations[namespace]
        index = station.route.index(iif) if iif and iif != "lo" else 0
        (reply,) = station.route.ask([get_route(headers.dst.address, headers.src.address, index)])
        if reply.errno in (errno.EINVAL, errno.EXDEV) and index and not self._refusal(station, headers):
            return Route("", "martian", f"its source is not to come by {iif}: martian, or rp_filter")
        if reply.errno:
            return _refused(reply.errno, headers, station.forwards(iif, headers.dst.address.version))
        body = reply.bodies[0]
        seen = attributes(body, 12)
        if body[7] in (_RTN_LOCAL, _RTN_BROADCAST):
            return Route(f"{headers.dst.address} is local: for {namespace} itself")
        if index and headers.dst.address.version == 6 and not station.forwards(iif, 6):  # it is asked of IPv4 alone
            return Route("", "ip_forward", _ABOUT_FORWARDING6)
        device = station.route.name(number_in(seen.get(addressing.RTA_OIF)))
        router = seen.get(addressing.RTA_GATEWAY)
        hop = End(ip_address(router)) if router else End(headers.dst.address)
        via = f"via {hop} " if router else ""
        return Route(f"{headers.dst.address} {via}dev {device}", next_hop=hop)

    def _refusal(self, station: Station, headers: Head) -> int:
        """The errno of a route from there itself, whatever its source."""
        (reply,) = station.route.ask([get_route(headers.dst.address)])
        return reply.errno

    def flow(self, namespace: str, headers: Head) -> tuple[End, End] | None:
        """Who answers whom in the flow that it began; None where there is none, or its protocol has no ports."""
        if namespace != "host" or headers.protocol not in (TCP, UDP):
            return None
        (reply,) = self._stations[namespace].netfilter.ask(
            [nftrace.get_flow(headers.protocol, headers.src, headers.dst)]
        )
        flow = read_flow(reply.bodies[0]) if reply.bodies else None
        return (End(*flow.answered_by), End(*flow.answered_to)) if flow else None

    def is_silent(self, namespace: str, interface: str, hop: End) -> bool:
        """Whether it was asked for its MAC address, and nobody has answered."""
        route = self._stations[namespace].route
        (reply,) = route.ask([get_neighbour(route.index(interface), hop.address)])
        if not reply.bodies:
            return False
        (state,) = struct.unpack_from("=H", reply.bodies[0], 8)
        return bool(state & (_NUD_FAILED | _NUD_INCOMPLETE)) and NDA_LLADDR not in attributes(reply.bodies[0], 12)


def _refused(number: int, headers: Head, forwards: bool) -> Route:
    if number == errno.EHOSTUNREACH and not forwards:
        return Route("", "ip_forward", _ABOUT_FORWARDING)
    cause, why = _REASONS.get(number, ("no route", f"the kernel says {errno.errorcode.get(number, number)} of {{}}"))
    return Route("", cause, why.format(headers.dst.address))


def get_route(dst: IPAddress, src: IPAddress | None = None, index: int = 0) -> Message:
    """`ip route get DST [from SRC] [iif DEV]`."""
    size = dst.max_prefixlen
    body = struct.pack("=BBBBBBBBI", addressing.family(dst), size, size if src else 0, 0, 0, 0, 0, 0, 0)
    body += attribute(addressing.RTA_DST, dst.packed) + (attribute(_RTA_SRC, src.packed) if src else b"")
    return Message(addressing.GETROUTE, ACK, body + (number(_RTA_IIF, index) if index else b""))
