"""What became of one packet: its copies, what was translated between them, and that as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from netbuilder.packets.headers import End, Headers


class Hop(NamedTuple):
    """One copy: when, at which interface, whether it left by it or came in, and what it said then."""

    when: int
    tap: int
    interface: str
    direction: Literal["in", "out"]
    headers: Headers


class Rewrite(NamedTuple):
    """That an end of a packet was translated.

    Args:
        kind: "DNAT" for where it goes, "SNAT" for where it comes from.
        before, after: That end.
        between: The interfaces where it was seen last before, and first after.
        undoes: Whether that takes back what was done to packets the other way, as conntrack does with answers.
    """

    kind: Literal["DNAT", "SNAT"]
    before: End
    after: End
    between: tuple[str, str]
    undoes: bool


class Passage(NamedTuple):
    """One packet: its copies in the order of time, and where it was translated.

    As text it is told in lines of 80 columns: what it was like at each interface, and in between what changed.
    """

    hops: tuple[Hop, ...]
    rewrites: tuple[Rewrite, ...]

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def told(self, began: int) -> str:
        """It as text, with when it was seen ahead, in seconds since the capture began."""
        seconds, nanoseconds = divmod(max(self.hops[0].when - began, 0), 1_000_000_000)
        return f"{seconds:3}.{nanoseconds // 1000:06} {self}"


def _lines(passage: Passage) -> Iterator[str]:
    first = passage.hops[0].headers
    yield f"{first.protocol} {first.what}".rstrip()
    width = max(len(hop.interface) for hop in passage.hops)
    earlier = None
    for hop in passage.hops:
        if earlier:
            yield from (f"    {'':{width}}      {text}" for text in _changes(earlier, hop, passage.rewrites))
        yield f"    {hop.interface:{width}} {hop.direction:4} {hop.headers.src} → {hop.headers.dst}"
        earlier = hop


def _changes(earlier: Hop, later: Hop, rewrites: tuple[Rewrite, ...]) -> Iterator[str]:
    before, after = earlier.headers, later.headers
    here = [one for one in rewrites if one.between == (earlier.interface, later.interface)]
    # In the kernel's order: where it goes is decided ahead of routing, and where it comes from behind.
    if before.dst != after.dst:
        yield from (f"↓ DNAT: to {one.after}{_undone(one)}" for one in here if one.kind == "DNAT")
    if before.ttl is not None and after.ttl is not None and after.ttl < before.ttl:
        yield f"↓ routed: TTL {before.ttl} → {after.ttl}"
    if before.src != after.src:
        yield from (f"↓ SNAT: from {one.after}{_undone(one)}" for one in here if one.kind == "SNAT")


def _undone(one: Rewrite) -> str:
    if not one.undoes:
        return ""
    return f", undoing {'SNAT' if one.kind == 'DNAT' else 'DNAT'}"
