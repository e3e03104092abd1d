"""A trace as it is read: at most 80 columns, and nothing in it that a terminal would obey."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from netbuilder.errors import printable
from netbuilder.packets.trace import Stop, Trace, Way

WIDTH = 80
_LABEL = 12
_NAMES = ("the packet", "the answer")


def lines(trace: Trace) -> Iterator[str]:
    """The whole story."""
    yield printable(f"{trace.sender} → {trace.to}, {trace.protocol}: {trace.outcome}")
    for name, way in zip(_NAMES, trace.ways, strict=False):
        yield ""
        yield from _way(name, way)
    for note in trace.notes:
        yield ""
        yield from _wrapped("note: ", note)


def _way(name: str, way: Way) -> Iterator[str]:
    yield f"{name}: {printable(way.packet)}"
    namespace = shown = hook = ""
    for stop in way.stops:
        if stop.namespace != namespace:
            namespace, hook = stop.namespace, ""
            yield f"  {printable(namespace)}"
        ends = f"{stop.src} → {stop.dst}"
        yield from _stop(stop, "" if ends == shown else ends, hook)
        if stop.kind in ("in", "out", "translated"):
            shown = ends
        hook = stop.hook
    yield from _wrapped(f"  {'✓' if way.arrived else '✗'} ", way.end)


def _stop(stop: Stop, ends: str, hook: str) -> Iterator[str]:
    match stop.kind:
        case "in" | "out":
            arrow = f"▸ {stop.interface}" if stop.kind == "in" else f"{stop.interface} ▸"
            yield from _wrapped(f"    {printable(arrow):18} ", ends)
        case "translated":
            yield from _labelled(f"⇒ {stop.verdict}", stop.text)
        case "route" | "conntrack":
            yield from _labelled(stop.kind, stop.text)
        case _:
            label = "" if stop.hook == hook else stop.hook
            yield from _labelled(label, _rule(stop))


def _rule(stop: Stop) -> str:
    where = stop.chain if stop.table.endswith(" netbuilder") else f"{stop.table} {stop.chain}"
    verdict = f": {stop.verdict}" if stop.verdict else ""
    return f"{where}: {stop.comment or stop.text or stop.rule or f'rule {stop.handle}'}{verdict}"


def _labelled(label: str, text: str) -> Iterator[str]:
    return _wrapped(f"      {printable(label):{_LABEL}}", text)


def _wrapped(label: str, text: str) -> Iterator[str]:
    """A label and a text beside it, on as many lines as that takes."""
    rows = wrap(printable(text), WIDTH - len(label), break_on_hyphens=False) or [""]
    for at, row in enumerate(rows):
        yield f"{label if at == 0 else ' ' * len(label)}{row}".rstrip()
