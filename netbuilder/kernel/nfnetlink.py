"""The netfilter messages that netbuilder reads its table with, and changes the elements of sets and maps with.

libnftables looks at every element of every set before it says that one is not there, or lists a single chain, and takes
a fifth of a millisecond to add one. These cost the same however many ports are published. The table itself, whose text
is what is shown, goes through libnftables (`netbuilder.kernel.nft`).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from netbuilder.firewall.chains import INET
from netbuilder.kernel.message import ACK, CREATE, DUMP, Message, attribute, attributes, string, text
from netbuilder.steps.flows import End, Flow

NESTED = 0x8000
_SUBSYSTEM = 10  # NFNL_SUBSYS_NFTABLES
NFTABLES = _SUBSYSTEM << 8
DELFLOW, GETFLOW = 1 << 8 | 2, 1 << 8 | 1  # NFNL_SUBSYS_CTNETLINK
GETTABLE = NFTABLES | 1
NEWSETELEM, GETSETELEM, DELSETELEM = NFTABLES | 12, NFTABLES | 13, NFTABLES | 14
_PROTOCOLS = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp", socket.IPPROTO_SCTP: "sctp"}
_WORDS = {
    "tcp": socket.IPPROTO_TCP,
    "udp": socket.IPPROTO_UDP,
    "sctp": socket.IPPROTO_SCTP,
    "ipv4": socket.AF_INET,
    "ipv6": socket.AF_INET6,
}
"""Protocols and families in nft's words; NFPROTO_IPV4 and NFPROTO_IPV6 are the numbers of the address families."""

_BATCH_BEGIN, _BATCH_END = 16, 17


def head(family: int = INET, resource: int = 0) -> bytes:
    """What each message begins with (struct nfgenmsg)."""
    return struct.pack(">BBH", family, 0, resource)


def transaction(changes: Sequence[Message]) -> list[Message]:
    """Changes as one transaction: all or nothing.

    Only the last change asks to be acknowledged: a thousand answers would be more than a socket can hold.
    """
    *most, last = changes
    fence = head(socket.AF_UNSPEC, _SUBSYSTEM)
    acknowledged = Message(last.kind, last.flags | ACK, last.body)
    return [Message(_BATCH_BEGIN, 0, fence), *most, acknowledged, Message(_BATCH_END, 0, fence)]


# Elements


class Element(NamedTuple):
    """An element as the kernel holds it: its key, from first to last (the same but in an interval), and its data."""

    first: bytes
    last: bytes
    data: bytes


def element(key: str, data: str = "") -> Element:
    """An element in the words of nft, as in "tcp . 8088" and "172.17.0.2 . 80", "tcp . 8000-8999" and "fd00::2"."""
    ends = [_ends(part) for part in key.split(" . ")]
    value = _joined(list(map(_part, data.split(" . ")))) if data else b""
    return Element(_joined([first for first, _ in ends]), _joined([last for _, last in ends]), value)


def _joined(parts: list[bytes]) -> bytes:
    """Where several parts make a key, each is padded to four bytes."""
    return parts[0] if len(parts) == 1 else b"".join(part + b"\0" * (-len(part) % 4) for part in parts)


def _ends(part: str) -> tuple[bytes, bytes]:
    if "/" in part:
        subnet = ip_network(part)
        return subnet.network_address.packed, subnet.broadcast_address.packed
    if "-" in part and part[0] != '"':
        first, _, last = part.partition("-")
        return _part(first), _part(last)
    return (_part(part),) * 2


def _part(part: str) -> bytes:
    if part.startswith('"'):
        return part.strip('"').encode().ljust(16, b"\0")
    if part in _WORDS:
        return bytes([_WORDS[part]])
    if part.isdigit():
        return struct.pack(">H", int(part))
    return ip_address(part).packed


def data_of(element: Element) -> str:
    """What a map leads to: an address, as in "fd00::2", or a port of it, as in "172.17.0.2 . 80"; nothing in a set."""
    data = element.data
    size = len(data) // 16 * 16 or 4  # of the address; a port is padded to four bytes more
    parts = [str(ip_address(data[:size]))] if data else []
    return " . ".join([*parts, str(int.from_bytes(data[size : size + 2], "big"))] if data[size:] else parts)


def _elements(kind: int, flags: int, table: str, set_: str, one: bytes, family: int = INET) -> Message:
    elements = attribute(NESTED | 3, attribute(NESTED | 1, one))  # NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_LIST_ELEM
    return Message(kind, flags, head(family) + text(1, table) + text(2, set_) + elements)


def _value(kind: int, data: bytes) -> bytes:
    return attribute(NESTED | kind, attribute(1, data))  # NFTA_DATA_VALUE


def _key(element: Element) -> bytes:
    key = _value(1, element.first)  # NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_KEY_END
    return key if element.first == element.last else key + _value(10, element.last)


def add_element(table: str, set_: str, element: Element) -> Message:
    """`nft add element inet TABLE SET { KEY : DATA }`."""
    data = _value(2, element.data) if element.data else b""  # NFTA_SET_ELEM_DATA
    return _elements(NEWSETELEM, CREATE, table, set_, _key(element) + data)


def delete_element(table: str, set_: str, element: Element) -> Message:
    """`nft delete element inet TABLE SET { KEY }`."""
    return _elements(DELSETELEM, 0, table, set_, _key(element))


def get_element(table: str, set_: str, element: Element, family: int = INET) -> Message:
    """`nft get element FAMILY TABLE SET { KEY }`; any address of an interval finds it."""
    return _elements(GETSETELEM, ACK, table, set_, _value(1, element.first), family)


def read_element(body: bytes) -> Element:
    """What the answer to `get_element` says."""
    seen = element_attributes(body)
    first, last, data = (attributes(seen.get(kind, b"")).get(1, b"") for kind in (1, 10, 2))
    return Element(first, last or first, data)


def element_attributes(body: bytes) -> dict[int, bytes]:
    """The same, as it is (NFTA_SET_ELEM_…)."""
    return attributes(attributes(attributes(body, 4)[3])[1])


# The table and its rules


def get_table(name: str, family: int = INET) -> Message:
    """`nft list tables`, for one."""
    return Message(GETTABLE, ACK, head(family) + text(1, name))  # NFTA_TABLE_NAME


def read_table(body: bytes) -> tuple[str, bool]:
    """The comment of a table, and whether it is switched off (`flags dormant`)."""
    seen = attributes(body, 4)
    flags = int.from_bytes(seen.get(2, b""), "big")
    return comment(seen.get(6, b"")), bool(flags & 1)  # NFTA_TABLE_FLAGS, NFTA_TABLE_USERDATA, NFT_TABLE_F_DORMANT


def comment(userdata: bytes) -> str:
    """What nft has noted for itself: type, length and value, of which type 0 is the comment."""
    at = 0
    while at + 2 <= len(userdata):
        kind, size = userdata[at], userdata[at + 1]
        if kind == 0:
            return string(userdata[at + 2 : at + 2 + size])
        at += 2 + size
    return ""


# Flows


def get_flows() -> Message:
    """`conntrack -L`."""
    return Message(GETFLOW, DUMP, head(socket.AF_UNSPEC))


def delete_flow(body: bytes) -> Message:
    """`conntrack -D`, of a flow that an answer to `get_flows` says; not of one that has begun since in its place."""
    seen = attributes(body, 4)
    flow = attribute(NESTED | 1, seen[1]) + attribute(12, seen[12])  # CTA_TUPLE_ORIG, CTA_ID
    return Message(DELFLOW, ACK, head(body[0]) + flow)


def read_flow(body: bytes) -> Flow | None:
    """What one answer to `get_flows` says; None of a flow in a zone, where addresses are of a world of their own."""
    seen = attributes(body, 4)
    directions = map(attributes, (seen[1], seen[2]))
    if 18 in seen or any(3 in direction for direction in directions):  # CTA_ZONE, CTA_TUPLE_ZONE
        return None
    protocol, src, dst = _tuple(seen[1])  # CTA_TUPLE_ORIG
    _, answered_by, answered_to = _tuple(seen[2])  # CTA_TUPLE_REPLY
    return Flow(protocol, src, dst, answered_by, answered_to)


def _tuple(data: bytes) -> tuple[str, End, End]:
    """The protocol of one direction of a flow, and its ends."""
    parts = attributes(data)
    addresses, ports = attributes(parts[1]), attributes(parts[2])  # CTA_TUPLE_IP, CTA_TUPLE_PROTO
    # CTA_IP_V4_SRC and _DST are 1 and 2, those of IPv6 3 and 4; CTA_PROTO_SRC_PORT and _DST_PORT are 2 and 3.
    packed = (addresses.get(at) or addresses[at + 2] for at in (1, 2))
    src, dst = (End(ip_address(one), int.from_bytes(ports.get(at, b""), "big")) for at, one in enumerate(packed, 2))
    return _PROTOCOLS.get(ports[1][0], str(ports[1][0])), src, dst
