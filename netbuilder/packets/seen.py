"""What was seen of packets in one network namespace: by its interfaces, and by its rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from netbuilder.packets.headers import End
from netbuilder.packets.heads import Head

Cause = Literal[
    "", "rule", "policy", "no route", "blackhole", "ip_forward", "rp_filter", "martian", "no neighbour",
    "no listener", "not sent", "bridge", "unseen",
]  # fmt: skip
"""What ends a packet's way."""
RULE, RETURN, POLICY = "rule", "return", "policy"


class Frame(NamedTuple):
    """A packet at an interface.

    Args:
        namespace: Where that is: a sandbox's name, or "host".
        interface: Its name there.
        out: Whether it leaves by it, or else comes in.
        at: When, in nanoseconds; one clock for all namespaces.
        headers: What it was by then.
    """

    namespace: str
    interface: str
    out: bool
    at: int
    headers: Head


class Event(NamedTuple):
    """A packet at a rule, or at the end of a chain, as nftables tells of one that has nftrace set.

    Args:
        packet: The kernel's number for it; a bridge gives it another one.
        table: Its family and name, as in "inet filter".
        chain, handle: The rule; without a handle the end of the chain.
        kind: "rule", "return" or "policy".
        verdict: As nft writes it, as in "goto published"; nothing where it goes on with the next rule.
        headers: Only in the first event of each base chain.
        iif, oif: The interfaces that it came in by and is to leave by, by name; "" where there is none.
    """

    packet: int
    table: str
    chain: str
    handle: int | None
    kind: str
    verdict: str
    headers: Head | None = None
    iif: str = ""
    oif: str = ""


class Book(NamedTuple):
    """The rules of one namespace, to look up those that were met.

    Args:
        hooks: Where a base chain is, by table and name, as in "forward".
        comments: Of a rule, by table and handle.
        texts: The rule itself as nft lists it, by the same.
    """

    hooks: Mapping[tuple[str, str], str]
    comments: Mapping[tuple[str, int], str]
    texts: Mapping[tuple[str, int], str]


class Route(NamedTuple):
    """Where the kernel routes a packet, or why not.

    Args:
        text: As in "local", "dev docker0" or "via 192.0.2.254 dev eth0".
        cause: Why it goes nowhere , or "".
        why: The same, for a person.
        next_hop: Whose MAC address is asked for.
    """

    text: str
    cause: Cause = ""
    why: str = ""
    next_hop: End | None = None


@dataclass
class Seen:
    """All that was seen in one namespace.

    Args:
        namespace: Its name, or "host".
        table: The name of our own table there, whose chains are the first and the last of each hook.
        book: The rules.
        frames, events: In the order in which they were seen.
        gained: The kernel's counters that went up.
        legacy: Whether there are rules of iptables-legacy, which tell nothing.
    """

    namespace: str
    table: str
    book: Book
    frames: list[Frame] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    gained: frozenset[str] = frozenset()
    legacy: bool = False
