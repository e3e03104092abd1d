"""What was seen of a packet, told as its way: stop by stop."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from netbuilder.packets.ends import ended
from netbuilder.packets.headers import End
from netbuilder.packets.heads import Head
from netbuilder.packets.seen import POLICY, RULE, Event, Frame, Route, Seen
from netbuilder.packets.trace import Outcome, Stop, Trace, Way
from netbuilder.packets.ways import LAST, Visit, in_order, keys, marked, visits

TABLE = "inet netbuilder_trace"
"""What the names of our tables begin with."""

_TRANSLATES = re.compile(r"(?<!status )(?<!,)\b(dnat|snat|masquerade|redirect)\b", re.IGNORECASE)
"""A rule that does, and not one that asks whether it was done (`ct status dnat`)."""
_NO_CABLES: Mapping[str, str] = {}
_LEGACY = "{}: rules of iptables-legacy are invisible here, and may drop a packet or translate it"


class Asked(Protocol):
    """What the kernel is asked about a packet once its way is known."""

    def route(self, namespace: str, headers: Head, iif: str) -> Route:
        """Where it is routed from an interface, or from there itself."""

    def flow(self, namespace: str, headers: Head) -> tuple[End, End] | None:
        """Who answers whom in the flow that it began; None where there is none."""

    def is_silent(self, namespace: str, interface: str, hop: End) -> bool:
        """Whether nobody has told its MAC address."""


def told(
    sender: str,
    to: str,
    protocol: str,
    outcome: Outcome,
    everywhere: Sequence[Seen],
    asked: Asked,
    number: int = 0,
    why: str = "",
    cables: Mapping[str, str] = _NO_CABLES,
) -> Trace:
    """The way of the packet that set out first, and of its answer.

    Args:
        sender, to, protocol, outcome: As in `Trace`.
        everywhere: What was seen in each namespace.
        asked: What is asked about it.
        number: The port that it was sent from, or its number if it is an echo request; 0 of somebody else's packet,
            which is the first that a rule of the host told of.
        why: What the sender was told.
        cables: The sandbox that an interface of the host leads into.
    """
    there = keys(everywhere)
    mine = next((one for one in there if _is_first(one, number, everywhere)), None)
    notes = tuple(_LEGACY.format(seen.namespace) for seen in everywhere if seen.legacy)
    if mine is None:
        ways = [_nothing(sender, protocol, why)] if number else []
    else:
        its_visits = visits(everywhere, mine.key)
        was = [headers for visit in its_visits for headers in visit.headers()]
        answer = next((one for one in there if one.key != mine.key and any(map(one.answers, was))), None)
        ways = [_way(mine, its_visits, asked, cables, True, answer)]
        if answer:
            ways.append(_way(answer, visits(everywhere, answer.key), asked, cables, False, None))
    return Trace(sender=sender, to=to, protocol=protocol, outcome=outcome, ways=tuple(ways), notes=notes)


def _nothing(sender: str, protocol: str, why: str) -> Way:
    end = f"nothing left {sender}: {why or 'the kernel does not say why'}"
    return Way(packet=protocol.upper(), stops=(), arrived=False, cause="not sent", end=end)


def _is_first(headers: Head, number: int, everywhere: Sequence[Seen]) -> bool:
    if number:
        return number == (headers.number if headers.src.port is None else headers.src.port)
    found = next((marked(seen) for seen in everywhere if seen.namespace == "host"), None)
    return found is not None and headers.key == found.key


def _way(
    headers: Head,
    its_visits: list[Visit],
    asked: Asked,
    cables: Mapping[str, str],
    begins: bool,
    answer: Head | None,
) -> Way:
    start = min((frame.at for visit in its_visits for frame in visit.frames), default=0)
    stops: list[Stop] = []
    route = Route("")
    for visit in its_visits:
        telling = _Telling(visit, asked, start, begins)
        stops += telling.stops()
        route = telling.route
    arrived, cause, end = ended(its_visits, stops, route, asked.is_silent, cables, answer)
    return Way(packet=headers.words, stops=tuple(stops), arrived=arrived, cause=cause, end=end)


class _Telling:
    """One visit, as stops."""

    def __init__(self, visit: Visit, asked: Asked, start: int, begins: bool) -> None:
        self._visit, self._asked, self._start, self._begins = visit, asked, start, begins
        self._seen = visit.seen
        self._ends: tuple[End, End] | None = None
        self._hook = ""
        self._by = ""
        self.route = Route("")

    def stops(self) -> Iterator[Stop]:
        """What it met there."""
        for one in in_order(self._visit):
            yield from self._of_frame(one) if isinstance(one, Frame) else self._of_event(one)

    def _of_frame(self, frame: Frame) -> Iterator[Stop]:
        yield from self._translated(frame.headers)
        yield self._stop("out" if frame.out else "in", interface=frame.interface, at=frame.at - self._start)

    def _of_event(self, event: Event) -> Iterator[Stop]:
        if event.table == self._seen.table:
            yield from self._of_ours(event)
        elif not event.table.startswith(TABLE):
            yield from self._of_others(event)

    def _of_ours(self, event: Event) -> Iterator[Stop]:
        """At the ends of each hook, where our chains are: what became of the packet in between."""
        if event.headers is None:
            return
        self._hook = event.chain.partition("_")[0]
        yield from self._translated(event.headers)
        if not event.chain.endswith(LAST):
            return
        self._by = ""
        if self._hook in ("prerouting", "output"):
            self.route = self._asked.route(self._seen.namespace, event.headers, event.iif)
            yield self._stop("route", text=self.route.why or self.route.text)
        elif self._hook in ("postrouting", "input") and self._begins:
            yield from self._conntrack()

    def _of_others(self, event: Event) -> Iterator[Stop]:
        self._hook = self._seen.book.hooks.get((event.table, event.chain), self._hook)
        if event.headers:
            yield from self._translated(event.headers)
        place = {"table": event.table, "chain": event.chain, "verdict": event.verdict}
        if event.kind == POLICY and event.verdict == "drop":
            yield self._stop("policy", **place, text="the chain's policy")
        elif event.kind == RULE and event.handle is not None:
            key = event.table, event.handle
            rule, comment = self._seen.book.texts.get(key, ""), self._seen.book.comments.get(key, "")
            if _TRANSLATES.search(rule):
                if not event.verdict:  # as it is for the other family
                    return
                self._by = comment or rule
            yield self._stop("rule", **place, handle=event.handle, rule=rule, comment=comment)

    def _translated(self, headers: Head) -> Iterator[Stop]:
        before, now = self._ends, (headers.src, headers.dst)
        self._ends = now
        if before is None or before == now:
            return
        names = (("SNAT", before[0], now[0]), ("DNAT", before[1], now[1]))
        for name, old, new in names:
            if old != new:
                yield self._stop("translated", verdict=name, text=f"{old} → {new}", comment=self._by)

    def _conntrack(self) -> Iterator[Stop]:
        first = next((event.headers for event in self._visit.events if event.headers), None)
        flow = self._asked.flow(self._seen.namespace, first) if first else None
        if flow:
            yield self._stop("conntrack", text=f"answers are to come as {flow[0]} → {flow[1]}")

    def _stop(self, kind: str, **what: object) -> Stop:
        src, dst = self._ends or ("", "")
        hook = "" if kind in ("in", "out", "route") else self._hook
        return Stop(namespace=self._seen.namespace, kind=kind, src=str(src), dst=str(dst), hook=hook, **what)  # type: ignore[arg-type]
