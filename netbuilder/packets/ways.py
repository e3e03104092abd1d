"""The ways of packets, put together from what was seen of them in each namespace.

Frames have a time and events none. In one namespace they make visits: a packet comes in by its interfaces, meets its
rules, and leaves by its interfaces; one that begins there meets its rules first. So a visit is a run of frames that
come in and then go out, and the run of events that begins at the hook that fits (prerouting, or output).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from netbuilder.packets.headers import End
from netbuilder.packets.heads import Head
from netbuilder.packets.seen import Event, Frame, Seen

FIRST, ANSWERS, LAST = "_first", "_answers", "_last"
"""What our own chains end in; the beginning is their hook. An answer may be known only behind conntrack."""


@dataclass
class Visit:
    """One packet's stay in one namespace."""

    seen: Seen
    frames: list[Frame] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def comes_in(self) -> bool:
        """Whether it comes from elsewhere."""
        return any(not frame.out for frame in self.frames) or self._hook == "prerouting"

    @property
    def left_by(self) -> str:
        """The last interface that it left by; "" if it did not leave."""
        return next((frame.interface for frame in reversed(self.frames) if frame.out), "")

    @property
    def passed(self) -> set[str]:
        """The hooks that it passed to their end."""
        return {
            event.chain.removesuffix(LAST)
            for event in self.events
            if event.table == self.seen.table and event.chain.endswith(LAST)
        }

    @property
    def _hook(self) -> str:
        return self.events[0].chain.partition("_")[0] if self.events else ""

    def headers(self) -> Iterator[Head]:
        """What the packet was, each time it was looked at."""
        yield from (frame.headers for frame in self.frames)
        yield from (event.headers for event in self.events if event.headers)


def visits(everywhere: Sequence[Seen], key: tuple[object, ...]) -> list[Visit]:
    """The visits of one packet, in the order in which it made them."""
    frames = sorted((f for seen in everywhere for f in seen.frames if f.headers.key == key), key=lambda f: f.at)
    found = list(_by_frames({seen.namespace: seen for seen in everywhere}, frames))
    for seen in everywhere:
        for run in _runs(seen, key):
            _place(found, seen, run)
    return found


def _by_frames(by_name: dict[str, Seen], frames: Iterable[Frame]) -> Iterator[Visit]:
    current: Visit | None = None
    passed: set[tuple[str, str, bool]] = set()
    for frame in frames:
        place = frame.namespace, frame.interface, frame.out
        if place in passed:  # another one like it: sent again
            break
        passed.add(place)
        seen = by_name[frame.namespace]
        if current is None or current.seen is not seen or (not frame.out and current.left_by):
            if current:
                yield current
            current = Visit(seen)
        current.frames.append(frame)
    if current:
        yield current


def _runs(seen: Seen, key: tuple[object, ...]) -> Iterator[list[Event]]:
    """The events of one packet, a run for each visit. A bridge gives it another number, and numbers come again."""
    is_its: dict[int, bool] = {}
    run: list[Event] = []
    for event in seen.events:
        if event.headers:
            is_its[event.packet] = event.headers.key == key
        if not is_its.get(event.packet):
            continue
        is_entrance = event.table == seen.table and event.chain.endswith((FIRST, ANSWERS))
        if is_entrance and any(one.table == seen.table and one.chain.endswith(LAST) for one in run):
            yield run
            run = []
        run.append(event)
    if run:
        yield run


def _place(found: list[Visit], seen: Seen, run: list[Event]) -> None:
    """Add a run of events to its visit, or make one: what is dropped on its way out has no frame."""
    new = Visit(seen, events=run)
    for visit in found:
        if visit.seen is seen and not visit.events and visit.comes_in == new.comes_in:
            visit.events = run
            return
    if new.comes_in:
        found.append(new)
    else:
        found.insert(0, new)


def marked(seen: Seen) -> Head | None:
    """The packet that a rule of ours found first; others may have packets traced too."""
    ours = (one for one in seen.events if one.table == seen.table and one.chain.endswith(FIRST))
    return next((one.headers for one in ours if one.handle is not None and one.headers), None)


def in_order(visit: Visit) -> Iterator[Frame | Event]:
    """What a packet met on a visit: the frames that come in, the rules, the frames that go out.

    A bridge may show it after PREROUTING or ahead of POSTROUTING, which its addresses tell.
    """
    into = [frame for frame in visit.frames if not frame.out]
    out = [frame for frame in visit.frames if frame.out]
    now: tuple[End, End] | None = None
    for event in visit.events:
        ends = event.headers.ends if event.headers else now
        if ends != now:
            yield from _taken(out, now)
            yield from _taken(into, ends) if now is None else ()
            now = ends
        yield event
        yield from _taken(into, now)
    yield from (*into, *out)


def _taken(frames: list[Frame], ends: tuple[End, End] | None) -> Iterator[Frame]:
    """Those at the front that have these ends, taken off."""
    while frames and frames[0].headers.ends == ends:
        yield frames.pop(0)


def keys(everywhere: Sequence[Seen]) -> list[Head]:
    """The packets that were seen, each once, in the order in which they set out."""
    frames = sorted((frame for seen in everywhere for frame in seen.frames), key=lambda frame: frame.at)
    first: dict[tuple[object, ...], Head] = {}
    for headers in (*(frame.headers for frame in frames), *_of_events(everywhere)):
        first.setdefault(headers.key, headers)
    return list(first.values())


def _of_events(everywhere: Sequence[Seen]) -> Iterator[Head]:
    return (event.headers for seen in everywhere for event in seen.events if event.headers)
