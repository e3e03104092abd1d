"""A trace as a picture: a lane for each interface, in a band for each namespace, and the rules in a wide lane between.

SVG by hand: rectangles, lines and text, one style, no library. Text in monospace has a known width, so labels fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from textwrap import wrap

from netbuilder.errors import printable
from netbuilder.packets.trace import Stop, Trace, Way

_STYLE = """
text { font: 12px "DejaVu Sans", Verdana, sans-serif; fill: #1f2933 }
.mono { font: 11px "DejaVu Sans Mono", Menlo, Consolas, monospace }
.title { font-size: 17px; font-weight: bold } .name { font-weight: bold } .dim { fill: #62707f }
.changed { fill: #b45309; font-weight: bold } .good { fill: #15803d; font-weight: bold }
.bad { fill: #b91c1c; font-weight: bold }
.band { fill: #f4f6f8; stroke: #d5dbe1 } .host { fill: #eef4fb; stroke: #bfd3ea }
.card { fill: #fff; stroke: #9fb3c8 } .translated { fill: #fff7ed; stroke: #f0b27a }
.drop { fill: #fef2f2; stroke: #f5a3a3 } .conntrack { fill: #f3f0ff; stroke: #b9a9ec }
.chip { fill: #fff; stroke: #d5dbe1 } .lane { stroke: #c3ccd6; stroke-dasharray: 2 4 }
.way0 { stroke: #2563eb; stroke-width: 2; fill: #2563eb } .way1 { stroke: #0d9488; stroke-width: 2; fill: #0d9488 }
"""
_MONO = 6.63  # the width of a character of 11 px
_MARGIN, _GAP, _TOP = 20, 24, 110
_NARROW, _WIDE = 140, 360
_RULES = ""
"""The lane of what is no interface."""
_NAMES = ("the packet", "the answer")
_KINDS = {"translated": "translated", "conntrack": "conntrack"}

Lane = tuple[str, str]


def svg(trace: Trace) -> str:
    """The picture. In a namespace without rules that it met, where it is routed goes without saying."""
    ruled = {stop.namespace for way in trace.ways for stop in way.stops if stop.kind not in ("in", "out", "route")}
    ways = [(way, [stop for stop in way.stops if stop.interface or stop.namespace in ruled]) for way in trace.ways]
    drawing = _Drawing(_lanes(stop for _, stops in ways for stop in stops))
    for number, (way, stops) in enumerate(ways):
        drawing.draw(way, stops, number)
    return drawing.page(f"{trace.sender} → {trace.to}, {trace.protocol}", trace)


def _lanes(stops: Iterable[Stop]) -> list[Lane]:
    """The lanes in the order of the way, those of one namespace side by side."""
    by_namespace: dict[str, dict[Lane, None]] = {}
    for stop in stops:
        by_namespace.setdefault(stop.namespace, {})[_lane(stop)] = None
    return [lane for lanes in by_namespace.values() for lane in lanes]


def _lane(stop: Stop) -> Lane:
    return stop.namespace, stop.interface or _RULES


class _Drawing:
    """The lanes, and what is drawn on them from top to bottom."""

    def __init__(self, lanes: list[Lane]) -> None:
        self._parts: list[str] = []
        self._centres: dict[Lane, float] = {}
        self._bands: dict[str, tuple[float, float]] = {}
        self._y: float = _TOP
        x: float = _MARGIN
        for at, lane in enumerate(lanes):
            namespace, name = lane
            x += _GAP if at and lanes[at - 1][0] != namespace else 0
            width = _WIDE if name == _RULES else max(_NARROW, len(printable(name)) * _MONO + 24)
            self._bands[namespace] = self._bands.get(namespace, (x, 0))[0], x + width
            self._centres[lane] = x + width / 2
            x += width
        self._width = max(x + _MARGIN, 480)

    def page(self, title: str, trace: Trace) -> str:
        """All of it, with the bands behind."""
        bottom = self._y + 12
        behind = [*self._behind(bottom), *self._heads()]
        outcome = "good" if trace.outcome == "answered" else "bad"
        head = [_text(_MARGIN, 30, title, "title"), _text(_MARGIN, 50, trace.outcome, outcome)]
        notes = [line for note in trace.notes for line in wrap(f"note: {note}", 100)]
        foot = [_text(_MARGIN, bottom + 22 + 16 * at, line, "dim") for at, line in enumerate(notes)]
        height = bottom + 20 + 16 * len(notes)
        size = f'viewBox="0 0 {self._width:.0f} {height:.0f}" width="{self._width:.0f}" height="{height:.0f}"'
        body = "\n".join([*head, *behind, *self._parts, *foot])
        white = '<rect width="100%" height="100%" fill="#fff"/>'
        start = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<title>{_safe(title)}</title>'
        return f"{start}\n<style>{_STYLE}</style>\n{white}\n{body}\n</svg>\n"

    def _behind(self, bottom: float) -> Iterator[str]:
        for namespace, (left, right) in self._bands.items():
            kind = "host" if namespace == "host" else "band"
            yield _box(left, 62, right - left, bottom - 62, kind, 9)
            yield _text((left + right) / 2, 80, "the host" if kind == "host" else namespace, "name", "middle")
        for (_, name), x in self._centres.items():
            if name != _RULES:
                yield f'<path class="lane" d="M{x:.1f} 104V{bottom - 8:.1f}"/>'

    def _heads(self) -> Iterator[str]:
        for (_, name), x in self._centres.items():
            yield _text(x, 97, name or "rules, routing, conntrack", "mono dim", "middle")

    def draw(self, way: Way, stops: Sequence[Stop], number: int) -> None:
        """One packet's way, below what is there: those stops that are worth a place."""
        self._y += 14
        self._chip(self._width / 2, f"{_NAMES[number]}: {way.packet}", "name")
        self._y += 34
        before: Stop | None = None
        for stop in stops:
            if stop.interface or before is None or _lane(before) != _lane(stop):
                self._arrow(before, stop, number)
            if not stop.interface:
                self._card(stop)
            before = stop
        x = self._centres[_lane(before)] if before else self._width / 2
        for line in wrap(printable(f"{'✓' if way.arrived else '✗'} {way.end}"), 48):
            self._put(_text(self._kept(x, len(line) * 4), self._y, line, "good" if way.arrived else "bad", "middle"))
            self._y += 16

    def _arrow(self, before: Stop | None, stop: Stop, number: int) -> None:
        x2 = self._edge(_lane(stop), _lane(before) if before else None)
        x1 = self._edge(_lane(before), _lane(stop)) if before else x2
        changed = before is None or (before.src, before.dst) != (stop.src, stop.dst)
        if changed:
            self._y += 6
            self._ends((x1 + x2) / 2, before, stop)
            self._y += 16
        way = 1 if x2 >= x1 else -1
        if x1 != x2:
            self._put(f'<path class="way{number}" d="M{x1:.1f} {self._y:.1f}H{x2 - way * 6:.1f}"/>')
            self._put(f'<path class="way{number}" d="M{x2:.1f} {self._y:.1f}l{-way * 8} -4v8z"/>')
        else:
            self._put(f'<circle class="way{number}" cx="{x2:.1f}" cy="{self._y:.1f}" r="3"/>')
        if stop.at is not None:
            self._put(
                _text(
                    x2 + way * 8, self._y + 14, f"+{stop.at / 1000:.0f} µs", "mono dim", "start" if way > 0 else "end"
                )
            )
        self._y += 30

    def _edge(self, lane: Lane, towards: Lane | None) -> float:
        """Where an arrow touches a lane: a wide one at its side."""
        x = self._centres[lane]
        if lane[1] != _RULES or towards is None or towards == lane:
            return x
        return x + (_WIDE / 2 - 12) * (1 if self._centres[towards] > x else -1)

    def _ends(self, x: float, before: Stop | None, stop: Stop) -> None:
        """The addresses of a packet, with what NAT has changed in another colour."""
        was = (before.src, before.dst) if before else (stop.src, stop.dst)
        parts = (
            f'<tspan class="changed">{_safe(now)}</tspan>' if now != old else _safe(now)
            for now, old in zip((stop.src, stop.dst), was, strict=True)
        )
        self._chip(x, f"{stop.src} → {stop.dst}", "", " → ".join(parts))

    def _chip(self, x: float, text: str, kind: str, body: str = "") -> None:
        half = len(printable(text)) * (_MONO + 0.6) / 2 + 8
        x = self._kept(x, half)
        self._put(_box(x - half, self._y - 11, 2 * half, 16, "chip", 8))
        place = f'x="{x:.1f}" y="{self._y + 1:.1f}" text-anchor="middle"'
        self._put(f'<text class="mono {kind}" {place}>{body or _safe(text)}</text>')

    def _kept(self, x: float, half: float) -> float:
        """Not over the edge of the page."""
        return min(max(x, half + 4), self._width - half - 4)

    def _card(self, stop: Stop) -> None:
        lines = list(_lines(stop))
        width, height = _WIDE - 24, 10 + 15 * len(lines)
        left = self._centres[_lane(stop)] - width / 2
        kind = "drop" if stop.verdict == "drop" else _KINDS.get(stop.kind, "card")
        self._put(_box(left, self._y - 14, width, height, kind, 5))
        for at, (line, style) in enumerate(lines):
            self._put(_text(left + 9, self._y + 1 + 15 * at, line, style))
        self._y += height + 8

    def _put(self, part: str) -> None:
        self._parts.append(part)


def _lines(stop: Stop) -> Iterator[tuple[str, str]]:
    """What a card says, and in which style."""
    match stop.kind:
        case "translated":
            yield f"{stop.verdict}{'' if stop.comment else ' by conntrack'}", "name"
            style = "mono changed"
        case "route" | "conntrack":
            yield "routing" if stop.kind == "route" else "conntrack", "name"
            style = "mono"
        case _:
            yield f"{stop.hook or stop.chain} · {stop.table} {stop.chain}", "name dim"
            yield from ((line, "") for line in wrap(printable(f"{stop.comment} → {stop.verdict}".strip(" →")), 46))
            style = "mono dim"
    yield from ((line, style) for line in wrap(printable(stop.text or stop.rule), 47))


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_safe(text)}</text>'


def _box(x: float, y: float, width: float, height: float, kind: str, radius: int) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius}"'
    return f'<rect class="{kind}" {place}/>'


def _safe(text: str) -> str:
    """A text that may be hostile, as XML has it."""
    return escape(printable(text))
