"""What became of each packet, as lines for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.packets.headers import Headers
from netbuilder.packets.pairing import Hop, Passage, Rewrite


def lines(passage: Passage, began: int) -> Iterator[str]:
    """What a packet was like at each interface, and below what changed ahead of the next one.

    Args:
        passage: The packet.
        began: When the capture began, in nanoseconds since 1970: times are told from then on.
    """
    first = passage.hops[0]
    seconds, nanoseconds = divmod(max(first.when - began, 0), 1_000_000_000)
    yield f"{seconds:3}.{nanoseconds // 1000:06} {first.headers.protocol} {first.headers.what}".rstrip()
    width = max(len(hop.interface) for hop in passage.hops)
    earlier = None
    for hop in passage.hops:
        if earlier:
            yield from (f"    {'':{width}}      {text}" for text in _changes(earlier, hop, passage.rewrites))
        yield f"    {hop.interface:{width}} {hop.direction:4} {_ends(hop.headers)}"
        earlier = hop


def _ends(headers: Headers) -> str:
    return f"{headers.src} → {headers.dst}"


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
