"""The few netlink messages about links that netbuilder sends and reads, byte by byte (man 7 rtnetlink).

pyroute2 knows them all, and reads whatever is not in a hurry (`netbuilder.kernel.veth_pairs`). Here every sandbox
counts: encoding one sandbox's messages takes pyroute2 0.4 ms and decoding what is seen of it 0.7 ms, beside the 1 to
2 ms that the kernel itself takes; these functions take a tenth of that. A test holds them against pyroute2.
"""

from __future__ import annotations

import random
import socket
import struct

from netbuilder.kernel.message import (
    ACK,
    CREATE,
    DUMP,
    EXCL,
    Message,
    attribute,
    attributes,
    link_layer,
    nested,
    number,
    number_in,
    string,
    text,
)
from netbuilder.steps.state import Link

NEWLINK, DELLINK, GETLINK = 16, 17, 18

IFF_UP = 1
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER = 1, 3, 4, 10
IFLA_LINKINFO, IFLA_IFALIAS, IFLA_AF_SPEC, IFLA_GROUP, IFLA_NET_NS_FD, IFLA_EXT_MASK = 18, 20, 26, 27, 28, 29
IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES = 31, 32
INFO_KIND, INFO_DATA, INFO_SLAVE_KIND, INFO_SLAVE_DATA = 1, 2, 4, 5
VETH_INFO_PEER, BRPORT_MODE, BRPORT_ISOLATED = 1, 4, 33
INET6_CONF, INET6_ADDR_GEN_MODE = 2, 8
FORWARDING, ACCEPT_RA, DISABLE_IPV6 = 0, 3, 26
GENMODE_EUI64, GENMODE_NONE = 0, 1
RTEXT_FILTER_SKIP_STATS = 8

_ONE_QUEUE = number(IFLA_NUM_TX_QUEUES, 1) + number(IFLA_NUM_RX_QUEUES, 1)


def _ifinfo(index: int = 0, flags: int = 0, change: int = 0) -> bytes:
    return struct.pack("=BxHiII", 0, 0, index, flags, change)


# Links


def add_bridge(name: str) -> Message:
    """`ip link add NAME type bridge`."""
    body = _ifinfo() + text(IFLA_IFNAME, name)
    return Message(NEWLINK, ACK | CREATE | EXCL, body + attribute(IFLA_LINKINFO, text(INFO_KIND, "bridge")))


def add_veth(name: str, bridge: int, peer: str, netns_fd: int, mac: str) -> Message:
    """`ip link add NAME master BRIDGE type veth peer name PEER address MAC netns NETNS`, each with one queue."""
    inner = (
        _ifinfo()
        + text(IFLA_IFNAME, peer)
        + _ONE_QUEUE
        + link_layer(IFLA_ADDRESS, mac)
        + number(IFLA_NET_NS_FD, netns_fd)
    )
    data = attribute(INFO_DATA, attribute(VETH_INFO_PEER, inner))
    body = _ifinfo() + text(IFLA_IFNAME, name) + _ONE_QUEUE + number(IFLA_MASTER, bridge)
    return Message(NEWLINK, ACK | CREATE | EXCL, body + attribute(IFLA_LINKINFO, text(INFO_KIND, "veth") + data))


def set_link(
    name: str,
    *,
    up: bool | None = None,
    mac: str | None = None,
    mtu: int | None = None,
    alias: str | None = None,
    hairpin: bool | None = None,
    isolated: bool | None = None,
    link_local: bool | None = None,
) -> Message:
    """`ip link set NAME …`; what is None stays as it is."""
    body = _ifinfo(flags=IFF_UP * bool(up), change=IFF_UP * (up is not None)) + text(IFLA_IFNAME, name)
    if mac is not None:
        body += link_layer(IFLA_ADDRESS, mac)
    if mtu is not None:
        body += number(IFLA_MTU, mtu)
    if alias is not None:
        body += text(IFLA_IFALIAS, alias)
    for kind, flag in ((BRPORT_MODE, hairpin), (BRPORT_ISOLATED, isolated)):
        if flag is not None:
            port = attribute(INFO_SLAVE_DATA, attribute(kind, bytes([flag])))
            body += attribute(IFLA_LINKINFO, text(INFO_SLAVE_KIND, "bridge") + port)
    if link_local is not None:
        mode = attribute(INET6_ADDR_GEN_MODE, bytes([GENMODE_EUI64 if link_local else GENMODE_NONE]))
        body += attribute(IFLA_AF_SPEC, attribute(socket.AF_INET6, mode))
    return Message(NEWLINK, ACK, body)


def delete_link(index: int) -> Message:
    """`ip link del NAME`, by the index that it has."""
    return Message(DELLINK, ACK, _ifinfo(index))


def set_group(index: int, group: int) -> Message:
    """`ip link set NAME group GROUP`, by the index that it has."""
    return Message(NEWLINK, ACK, _ifinfo(index) + number(IFLA_GROUP, group))


def delete_group(group: int) -> Message:
    """`ip link del group GROUP`."""
    return Message(DELLINK, ACK, _ifinfo() + number(IFLA_GROUP, group))


def delete_links(indexes: list[int]) -> list[Message]:
    """`ip link del NAME` for each; many as one group, as each deletion waits for the kernel's readers, a group once."""
    if len(indexes) < 2:
        return list(map(delete_link, indexes))
    group = random.randrange(1 << 16, 1 << 31)
    return [*(set_group(index, group) for index in indexes), delete_group(group)]


def get_link(name: str) -> Message:
    """`ip link show NAME`."""
    return Message(GETLINK, ACK, _ifinfo() + text(IFLA_IFNAME, name) + number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS))


def read_link(body: bytes) -> Link:
    """What the answer to `get_link` says."""
    ifindex, flags = struct.unpack_from("=iI", body, 4)
    seen = attributes(body, 16)
    info = attributes(seen.get(IFLA_LINKINFO, b""))
    port = info.get(INFO_SLAVE_DATA, b"") if string(info.get(INFO_SLAVE_KIND, b"")) == "bridge" else b""
    inet6 = nested(seen.get(IFLA_AF_SPEC, b""), socket.AF_INET6)
    return Link(
        ifindex=ifindex,
        kind=string(info.get(INFO_KIND, b"")),
        up=bool(flags & IFF_UP),
        mac=seen.get(IFLA_ADDRESS, b"").hex(":"),
        mtu=number_in(seen.get(IFLA_MTU)),
        master=number_in(seen.get(IFLA_MASTER)),
        alias=string(seen.get(IFLA_IFALIAS, b"")),
        hairpin=nested(port, BRPORT_MODE) == b"\1",
        link_local=nested(inet6, INET6_ADDR_GEN_MODE) != bytes([GENMODE_NONE]),
        isolated=nested(port, BRPORT_ISOLATED) == b"\1",
    )


def get_links() -> Message:
    """`ip link show`, of all."""
    return Message(GETLINK, DUMP, _ifinfo() + number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS))


def read_name(body: bytes) -> str:
    """The name of the interface that an answer to `get_links` is about."""
    return string(attributes(body, 16).get(IFLA_IFNAME, b""))


def is_port(body: bytes) -> bool:
    """Whether that interface is a port of a bridge or of the like."""
    return IFLA_MASTER in attributes(body, 16)


def read_ipv6_setting(body: bytes, setting: int) -> int | None:
    """A setting under net/ipv6/conf/DEV by its number, as the answer to `get_link` has it; None without IPv6."""
    inet6 = attributes(attributes(attributes(body, 16).get(IFLA_AF_SPEC, b"")).get(socket.AF_INET6, b""))
    settings = inet6.get(INET6_CONF, b"")
    return int(struct.unpack_from("=i", settings, 4 * setting)[0]) if settings else None
