"""The rules of other tables, as the kernel has them: chains, and rules as expressions with their attributes.

A listing by nft would have to be read back, and takes long; these are the kernel's own words
(linux/netfilter/nf_tables.h).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

INET, IPV4, NETDEV, BRIDGE, IPV6 = 1, 2, 5, 7, 10
"""Families of tables (NFPROTO_…)."""
FAMILIES = {INET: "inet", IPV4: "ip", 3: "arp", NETDEV: "netdev", BRIDGE: "bridge", IPV6: "ip6"}
PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)
"""Hooks of all families but netdev (NF_INET_…, NF_BR_…)."""


class Chain(NamedTuple):
    """A chain; one without a hook is only reached by a jump."""

    family: int
    table: str
    name: str
    type: str = ""
    hook: int | None = None
    priority: int = 0
    drops: bool = False
    """Whether that is its policy."""
    devices: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """What becomes of a packet (NF_…, NFT_…), or the chain where it goes on."""

    code: int
    chain: str = ""


class Data(NamedTuple):
    """What a rule or an element of a map has as data: a value, or a verdict."""

    value: bytes
    verdict: Verdict | None = None


@dataclass(frozen=True, eq=False)
class Expression:
    """One part of a rule: a match, a statement or a verdict."""

    name: str
    attributes: Mapping[int, bytes]
    data: Mapping[int, Data]
    """Those of the attributes that are data."""

    def number(self, kind: int) -> int:
        """An attribute of 32 bits; 0 if it is not there."""
        return int.from_bytes(self.attributes.get(kind, b""), "big")

    def text(self, kind: int) -> str:
        """An attribute of text."""
        return self.attributes.get(kind, b"").rstrip(b"\0").decode(errors="replace")


class Rule(NamedTuple):
    """A rule: the number that it is known by in its table, its comment, and its expressions."""

    handle: int
    comment: str
    expressions: tuple[Expression, ...]
