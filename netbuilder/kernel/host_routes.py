"""All the routes of a host, as messages and as answers: where its packets go, and what counts as its own address."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv4Network

from netbuilder.kernel.message import DUMP, Message, attributes, number_in
from netbuilder.kernel.rtnetlink import (
    GETROUTE,
    RT_TABLE_MAIN,
    RTA_DST,
    RTA_GATEWAY,
    RTA_OIF,
    RTA_PRIORITY,
    RTN_UNICAST,
)

RT_TABLE_LOCAL, RTN_LOCAL, RTA_TABLE = 255, 2, 15
NOWHERE = {6: "blackhole", 7: "unreachable", 8: "prohibit"}


def get_local_routes() -> Message:
    """`ip -4 route show table local type local`: what counts as the host's own (nft: fib daddr type local)."""
    head = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, RT_TABLE_LOCAL, 0, 0, RTN_LOCAL, 0)
    return Message(GETROUTE, DUMP, head)


def read_destination(body: bytes) -> IPv4Network:
    """Where a route leads to."""
    return IPv4Network((attributes(body, 12).get(RTA_DST, bytes(4)), body[1]))


def get_all_routes() -> Message:
    """`ip -4 route show table all`."""
    return Message(GETROUTE, DUMP, struct.pack("=BBBBBBBBI", socket.AF_INET, *bytes(7), 0))


def read_host_route(body: bytes) -> tuple[IPv4Network, str, str | None, int, int, bool] | None:
    """What a route says of where packets go; None for a default route, and for the host's own addresses.

    Its block, the kind of one that leads nowhere, the router, the interface's index, the metric, and whether it is in
    the main table.
    """
    kind = body[7]
    seen = attributes(body, 12)
    if (kind != RTN_UNICAST and kind not in NOWHERE) or RTA_DST not in seen:
        return None
    router = str(IPv4Address(seen[RTA_GATEWAY])) if RTA_GATEWAY in seen else None
    block = IPv4Network((seen[RTA_DST], body[1]))
    index, metric, table = (number_in(seen.get(one)) for one in (RTA_OIF, RTA_PRIORITY, RTA_TABLE))
    return block, NOWHERE.get(kind, ""), router, index, metric, table == RT_TABLE_MAIN
