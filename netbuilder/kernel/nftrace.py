"""The netfilter messages that tell of packets with nftrace set, and of one flow (linux/netfilter/nf_tables.h)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from netbuilder.firewall.chains import FAMILIES
from netbuilder.kernel.message import ACK, Message, attribute, attributes, string
from netbuilder.kernel.nfnetlink import GETFLOW, NESTED, NFTABLES, head
from netbuilder.packets.headers import End
from netbuilder.packets.heads import Head, read_parts
from netbuilder.packets.seen import POLICY, RETURN, RULE, Event

TRACE = NFTABLES | 17  # NFT_MSG_TRACE
GROUP = 9  # NFNLGRP_NFTRACE
_KINDS = {1: POLICY, 2: RETURN, 3: RULE}  # NFT_TRACETYPE_…
_VERDICTS = {0: "drop", 1: "accept", 2: "stolen", 3: "queue", -1: "", -2: "", -3: "jump", -4: "goto", -5: "return"}


def read_event(body: bytes, name_of: Callable[[int], str]) -> Event:
    """What one message says.

    Args:
        body: The message.
        name_of: The name of an interface by its index.
    """
    seen = attributes(body, 4)
    verdict = attributes(seen.get(5, b""))  # NFTA_TRACE_VERDICT: NFTA_VERDICT_CODE, _CHAIN
    code = _signed(verdict.get(1) or seen.get(16, b"\xff\xff\xff\xff"))  # or NFTA_TRACE_POLICY
    words = _VERDICTS.get(code if code < 0 else code & 0xFF, "")
    chain = string(verdict.get(2, b""))
    return Event(
        packet=_number(seen[6]),
        table=table_of(body[0], string(seen[1])),
        chain=string(seen.get(2, b"")),
        handle=_number(seen[3]) if 3 in seen else None,
        kind=_KINDS.get(_number(seen[4]), ""),
        verdict=f"{words} {chain}".strip(),
        headers=_headers(seen),
        iif=name_of(_number(seen[10])) if 10 in seen else "",
        oif=name_of(_number(seen[12])) if 12 in seen else "",
    )


def table_of(family: int, name: str) -> str:
    """A table as nft writes it: "inet filter"."""
    return f"{FAMILIES.get(family, family)} {name}"


def _headers(seen: dict[int, bytes]) -> Head | None:
    return read_parts(seen[8], seen.get(9, b"")) if 8 in seen else None


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def get_flow(protocol: int, src: End, dst: End) -> Message:
    """`conntrack -G`, of the flow that a packet with these ends begins."""
    base = 1 if src.address.version == 4 else 3  # CTA_IP_V4_SRC, CTA_IP_V6_SRC
    addresses = attribute(base, src.address.packed) + attribute(base + 1, dst.address.packed)
    ends = attribute(1, bytes([protocol]))  # CTA_PROTO_NUM
    for kind, end in ((2, src), (3, dst)):  # CTA_PROTO_SRC_PORT, _DST_PORT
        ends += attribute(kind, struct.pack(">H", end.port or 0))
    family = socket.AF_INET if src.address.version == 4 else socket.AF_INET6
    of = attribute(NESTED | 1, addresses) + attribute(NESTED | 2, ends)  # CTA_TUPLE_IP, CTA_TUPLE_PROTO
    return Message(GETFLOW, ACK, head(family) + attribute(NESTED | 1, of))
