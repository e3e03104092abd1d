"""Which copies at several interfaces are of one packet, and what was translated between them.

A copy is known by what neither routing nor NAT changes (`Headers.same`). Packets that are alike in all of that, such as
the same question asked twice, are told apart by this: a packet passes an interface once in each direction, and of what
could be its earlier copies that one is taken which has most of the same ends.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from netbuilder.packets.headers import End, Headers, read
from netbuilder.packets.passage import Hop, Passage, Rewrite
from netbuilder.packets.pcapng import Interface
from netbuilder.packets.ring import OUTGOING, Packet

PATIENCE = 500_000_000
"""Nanoseconds between two copies of one packet, at most."""

_MOST = 10_000  # packets whose copies are waited for, and translations that are remembered


class Pairing:
    """Takes packets in the order of time, and gives each passage once no more copies are to come."""

    def __init__(self, interfaces: Sequence[Interface]) -> None:
        self._interfaces = interfaces
        self._open: OrderedDict[int, list[list[Hop]]] = OrderedDict()  # by what is the same, in the order of time
        self._waiting: OrderedDict[int, list[Hop]] = OrderedDict()  # all of these, by identity, in the order of time
        self._done: OrderedDict[tuple[str, str, End, End], None] = OrderedDict()

    def add(self, packet: Packet) -> None:
        """Take one more; what is neither IP nor ARP is passed over."""
        interface = self._interfaces[packet.tap]
        headers = read(packet.frame, interface.link_type)
        if headers is None:
            return
        hop = Hop(packet.when, packet.tap, interface.name, "out" if packet.kind == OUTGOING else "in", headers)
        alike = self._open.setdefault(headers.same, [])
        candidates = [hops for hops in alike if _may_follow(hops, hop)]
        if candidates:
            max(candidates, key=lambda hops: _in_common(hops[-1].headers, headers)).append(hop)
        else:
            hops = [hop]
            alike.append(hops)
            self._waiting[id(hops)] = hops

    def settled(self, now: int | None = None) -> Iterator[Passage]:
        """The passages that are complete by a time, or all that are left; and the oldest, where there are too many."""
        while self._waiting:
            key, hops = next(iter(self._waiting.items()))
            if now is not None and hops[0].when > now - PATIENCE and len(self._waiting) <= _MOST:
                return
            del self._waiting[key]
            alike = self._open[hops[0].headers.same]
            alike[:] = [one for one in alike if one is not hops]
            if not alike:
                del self._open[hops[0].headers.same]
            yield Passage(tuple(hops), tuple(self._rewrites(hops)))

    def _rewrites(self, hops: list[Hop]) -> Iterator[Rewrite]:
        for earlier, later in pairwise(hops):
            before, after, between = earlier.headers, later.headers, (earlier.interface, later.interface)
            if before.dst != after.dst:
                yield self._rewrite("DNAT", before.protocol, before.dst, after.dst, between)
            if before.src != after.src:
                yield self._rewrite("SNAT", before.protocol, before.src, after.src, between)

    def _rewrite(
        self, kind: Literal["DNAT", "SNAT"], protocol: str, before: End, after: End, between: tuple[str, str]
    ) -> Rewrite:
        other = "SNAT" if kind == "DNAT" else "DNAT"
        undoes = (other, protocol, after, before) in self._done
        if not undoes:
            key = (kind, protocol, before, after)
            self._done.pop(key, None)
            self._done[key] = None
            if len(self._done) > _MOST:
                self._done.popitem(last=False)
        return Rewrite(kind, before, after, between, undoes)


def _may_follow(hops: list[Hop], hop: Hop) -> bool:
    """Whether a copy may be one more of a packet: in time, and the first that passes this interface this way."""
    return hop.when - hops[-1].when <= PATIENCE and not any(
        (one.tap, one.direction) == (hop.tap, hop.direction) for one in hops
    )


def _in_common(one: Headers, other: Headers) -> int:
    pairs = ((one.src, other.src), (one.dst, other.dst))
    return sum((a.address == b.address) + (a.port == b.port) for a, b in pairs)
