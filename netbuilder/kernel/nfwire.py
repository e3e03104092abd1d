"""The netfilter messages that netbuilder reads nftables with; what is changed goes through libnftables as text.

libnftables looks at every element of every set before it says that one is not there, or lists a single chain. These
cost the same however many ports are published.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from netbuilder.kernel.message import ACK, DUMP, Message, attribute, attributes, string, text

NESTED = 0x8000
_NFTABLES, _INET = 10 << 8, 1  # NFNL_SUBSYS_NFTABLES, NFPROTO_INET
DELFLOW, GETFLOW = 1 << 8 | 2, 1 << 8 | 1  # NFNL_SUBSYS_CTNETLINK
GETTABLE, GETRULE, GETSETELEM = _NFTABLES | 1, _NFTABLES | 7, _NFTABLES | 13


def _netfilter() -> bytes:
    return struct.pack(">BBH", _INET, 0, 0)


def get_element(table: str, set_: str, key: bytes) -> Message:
    """`nft get element inet TABLE SET { KEY }`."""
    value = attribute(NESTED | 1, attribute(1, key))  # NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE
    elements = attribute(NESTED | 3, attribute(NESTED | 1, value))  # NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_LIST_ELEM
    body = _netfilter() + text(1, table) + text(2, set_) + elements
    return Message(GETSETELEM, ACK, body)


def get_table(name: str) -> Message:
    """`nft list tables`, for one."""
    return Message(GETTABLE, ACK, _netfilter() + text(1, name))  # NFTA_TABLE_NAME


def read_table(body: bytes) -> str:
    """The comment of a table."""
    return _comment(attributes(body, 4).get(6, b""))  # NFTA_TABLE_USERDATA


def get_rules(table: str) -> Message:
    """`nft list table inet TABLE`, but for its sets."""
    return Message(GETRULE, DUMP, _netfilter() + text(1, table))  # NFTA_RULE_TABLE


def read_rule(body: bytes) -> tuple[str, str]:
    """The chain that a rule is in, and its comment."""
    seen = attributes(body, 4)
    return string(seen[2]), _comment(seen.get(7, b""))  # NFTA_RULE_CHAIN, NFTA_RULE_USERDATA


def _comment(userdata: bytes) -> str:
    """What nft has noted for itself: type, length and value, of which type 0 is the comment."""
    at = 0
    while at + 2 <= len(userdata):
        kind, size = userdata[at], userdata[at + 1]
        if kind == 0:
            return string(userdata[at + 2 : at + 2 + size])
        at += 2 + size
    return ""


def get_flows() -> Message:
    """`conntrack -L`."""
    return Message(GETFLOW, DUMP, struct.pack(">BBH", socket.AF_INET, 0, 0))


def delete_flow(origin: bytes) -> Message:
    """`conntrack -D`, of the flow that began so."""
    return Message(DELFLOW, ACK, struct.pack(">BBH", socket.AF_INET, 0, 0) + attribute(NESTED | 1, origin))


class Flow(NamedTuple):
    """How a flow began, as the kernel has it, and the protocol and port that it was for."""

    origin: bytes
    protocol: int
    port: int


def read_flow(body: bytes) -> Flow:
    """What one answer to `get_flows` says."""
    origin = attributes(body, 4)[1]  # CTA_TUPLE_ORIG
    to = attributes(attributes(origin)[2])  # CTA_TUPLE_PROTO: CTA_PROTO_NUM, CTA_PROTO_DST_PORT
    return Flow(origin, to[1][0], int.from_bytes(to.get(3, b""), "big"))


class Element(NamedTuple):
    """An element: its key, from first to last (the same but in an interval), and the data it maps to."""

    first: bytes
    last: bytes
    data: bytes


def read_element(body: bytes) -> Element:
    """What the answer to `get_element` says."""
    element = attributes(attributes(attributes(body, 4)[3])[1])
    first, last, data = (attributes(element.get(kind, b"")).get(1, b"") for kind in (1, 10, 2))
    return Element(first, last or first, data)
