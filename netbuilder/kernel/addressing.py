"""The messages about addresses and routes, byte by byte, as `netbuilder.kernel.rtnetlink` has those about links.

Both families have the same messages. Dumps are asked for without a family (AF_UNSPEC), so that one has the answers of
both.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address

from netbuilder.kernel.message import ACK, CREATE, DUMP, EXCL, Message, attribute, attributes, number, number_in
from netbuilder.steps.base import PlannedRoute
from netbuilder.steps.state import Route
from netbuilder.values.addresses import IPAddress, IPInterface, IPNetwork

NEWADDR, DELADDR, GETADDR = 20, 21, 22
NEWROUTE, DELROUTE, GETROUTE = 24, 25, 26

IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_FLAGS = 1, 2, 4, 8
IFA_F_NODAD = 0x02
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY = 1, 4, 5, 6
RT_TABLE_MAIN, RT_TABLE_LOCAL = 254, 255
RTPROT_KERNEL, RTPROT_BOOT = 2, 3
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RT_SCOPE_HOST = 0, 253, 254
RTN_UNICAST, RTN_LOCAL = 1, 2

_APPEND = 0x800  # NLM_F_APPEND: several routes to one subnet, of the same metric
_NODAD = number(IFA_FLAGS, IFA_F_NODAD)
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_ANYWHERE = {int(socket.AF_INET): "0.0.0.0/0", int(socket.AF_INET6): "::/0"}  # all that a route without RTA_DST is for


def family(of: IPAddress | IPInterface | IPNetwork) -> int:
    """The family of an address, as the kernel numbers them."""
    return _FAMILY[of.version]


# Addresses


def _address(kind: int, flags: int, index: int, address: IPInterface, more: bytes = b"") -> Message:
    body = struct.pack("=BBBBI", family(address), address.network.prefixlen, 0, 0, index)
    body += attribute(IFA_LOCAL, address.ip.packed) + attribute(IFA_ADDRESS, address.ip.packed)
    if address.version == 4 and address.network.prefixlen < 31:  # else every address is somebody's
        body += attribute(IFA_BROADCAST, address.network.broadcast_address.packed)
    return Message(kind, ACK | flags, body + more)


def add_address(index: int, address: IPInterface) -> Message:
    """`ip address add ADDRESS brd + dev DEV`, or for IPv6 `ip address add ADDRESS dev DEV nodad`."""
    return _address(NEWADDR, CREATE | EXCL, index, address, _NODAD if address.version == 6 else b"")


def delete_address(index: int, address: IPInterface) -> Message:
    """`ip address del ADDRESS dev DEV`."""
    return _address(DELADDR, 0, index, address)


def get_addresses(index: int = 0) -> Message:
    """`ip address show dev DEV`, or of all interfaces."""
    return Message(GETADDR, DUMP, struct.pack("=BBBBI", socket.AF_UNSPEC, 0, 0, 0, index))


def read_address(body: bytes) -> str:
    """The address, as in "172.17.0.2/16"."""
    seen = attributes(body, 8)
    return f"{ip_address(seen.get(IFA_LOCAL) or seen[IFA_ADDRESS])}/{body[1]}"


def read_index(body: bytes) -> int:
    """The index of the interface that an address is on."""
    index: int = struct.unpack_from("=I", body, 4)[0]
    return index


# Routes


def _route(kind: int, flags: int, dev: int, route: PlannedRoute) -> Message:
    if route.is_local:
        table, scope, what = RT_TABLE_LOCAL, RT_SCOPE_HOST, RTN_LOCAL
    else:
        table, what = RT_TABLE_MAIN, RTN_UNICAST
        scope = RT_SCOPE_UNIVERSE if route.via else RT_SCOPE_LINK
    if route.dst.version == 6:
        scope = RT_SCOPE_UNIVERSE  # IPv6 knows no other
    prefix = route.dst.prefixlen
    body = struct.pack("=BBBBBBBBI", family(route.dst), prefix, 0, 0, table, RTPROT_BOOT, scope, what, 0)
    body += attribute(RTA_DST, route.dst.network_address.packed) if prefix else b""
    body += attribute(RTA_GATEWAY, route.via.packed) if route.via else b""
    body += number(RTA_OIF, dev)
    return Message(kind, ACK | flags, body + (number(RTA_PRIORITY, route.metric) if route.metric else b""))


def add_route(dev: int, route: PlannedRoute) -> Message:
    """`ip route add DST [via VIA] dev DEV [metric METRIC]`, or `ip route append local DST dev DEV table local`."""
    return _route(NEWROUTE, CREATE | (_APPEND if route.is_local else EXCL), dev, route)


def delete_route(dev: int, route: PlannedRoute) -> Message:
    """`ip route del [local] DST [via VIA] dev DEV [metric METRIC] [table local]`."""
    return _route(DELROUTE, 0, dev, route)


def get_routes(local: bool = False) -> Message:
    """`ip route show`, or `ip route show table local type local`; of both families."""
    table, what = (RT_TABLE_LOCAL, RTN_LOCAL) if local else (RT_TABLE_MAIN, 0)
    return Message(GETROUTE, DUMP, struct.pack("=BBBBBBBBI", socket.AF_UNSPEC, 0, 0, 0, table, 0, 0, what, 0))


def read_route(body: bytes) -> Route | None:
    """A route; None for one that the kernel made."""
    if body[5] == RTPROT_KERNEL:
        return None
    seen = attributes(body, 12)
    router = str(ip_address(seen[RTA_GATEWAY])) if RTA_GATEWAY in seen else None
    return Route(read_destination(body), router, number_in(seen.get(RTA_OIF)), number_in(seen.get(RTA_PRIORITY)))


def read_destination(body: bytes) -> str:
    """The subnet that a route is for."""
    dst = attributes(body, 12).get(RTA_DST)
    return f"{ip_address(dst)}/{body[1]}" if dst else _ANYWHERE[body[0]]
