"""All the routes of a host, as messages and as answers: where its packets go, and what counts as its own address."""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address, ip_network

from netbuilder.kernel.addressing import (
    GETROUTE,
    RT_TABLE_MAIN,
    RTA_DST,
    RTA_GATEWAY,
    RTA_OIF,
    RTA_PRIORITY,
    RTN_UNICAST,
    read_destination,
)
from netbuilder.kernel.message import DUMP, Message, attributes, number_in
from netbuilder.values.addresses import IPNetwork

RTA_MULTIPATH, RTA_TABLE = 9, 15
RTPROT_RA = 9
NOWHERE = {6: "blackhole", 7: "unreachable", 8: "prohibit"}


def get_all_routes() -> Message:
    """`ip route show table all`, of both families."""
    return Message(GETROUTE, DUMP, struct.pack("=BBBBBBBBI", socket.AF_UNSPEC, *bytes(7), 0))


def read_host_route(body: bytes) -> tuple[IPNetwork, str, str | None, int, int, bool] | None:
    """What a route says of where packets go; None for a default route, for the host's own addresses, and for those that
    IPv6 has on each link.

    Its block, the kind of one that leads nowhere, the router, the interface's index, the metric, and whether it is in
    the main table.
    """
    kind = body[7]
    seen = attributes(body, 12)
    if (kind != RTN_UNICAST and kind not in NOWHERE) or RTA_DST not in seen:
        return None
    router = str(ip_address(seen[RTA_GATEWAY])) if RTA_GATEWAY in seen else None
    block = ip_network(read_destination(body))
    if block.version == 6 and (block.is_link_local or block.is_multicast):
        return None
    index, metric, table = (number_in(seen.get(one)) for one in (RTA_OIF, RTA_PRIORITY, RTA_TABLE))
    return block, NOWHERE.get(kind, ""), router, index, metric, table == RT_TABLE_MAIN


def advertised(body: bytes) -> int | None:
    """The index of the interface by which a route leads that a router advertised; None if none did."""
    return number_in(attributes(body, 12).get(RTA_OIF)) if body[5] == RTPROT_RA else None


def by_default(body: bytes) -> list[int]:
    """The interfaces, by index, by which a default route of the main table leads; none for any other route."""
    seen = attributes(body, 12)
    if body[7] != RTN_UNICAST or body[1] or number_in(seen.get(RTA_TABLE)) != RT_TABLE_MAIN:
        return []
    found, hops, at = [number_in(seen[RTA_OIF])] if RTA_OIF in seen else [], seen.get(RTA_MULTIPATH, b""), 0
    while at + 8 <= len(hops):  # struct rtnexthop
        size, index = struct.unpack_from("=HxxI", hops, at)
        found.append(index)
        at += max(8, (size + 3) & ~3)
    return found
