"""A trace as it is read: at most 80 columns, and nothing in it that a terminal would obey."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from netbuilder.errors import printable
from netbuilder.packets.trace import Stop, Trace, Way

WIDTH = 80
_LABEL = 12
_OURS = "inet netbuilder"
_NAMES = ("the packet", "the answer")


def lines(trace: Trace, verbose: bool = False) -> Iterator[str]:
    """The whole story; if `verbose`, with each rule as nft lists it."""
    yield printable(f"{trace.sender} → {trace.to}, {trace.protocol}: {trace.outcome}")
    for name, way in zip(_NAMES, trace.ways, strict=False):
        yield ""
        yield from _way(name, way, verbose)
    for note in trace.notes:
        yield ""
        yield from _wrapped("note: ", note)


def _way(name: str, way: Way, verbose: bool) -> Iterator[str]:
    shown = _ends(way.stops[0]) if way.stops else ""
    yield from _wrapped(f"{name}: ", f"{way.packet} {shown}".strip())
    namespace = hook = ""
    for stop in way.stops:
        if stop.namespace != namespace:
            namespace, hook = stop.namespace, ""
            yield f"  {printable(namespace)}"
        yield from _stop(stop, "" if _ends(stop) == shown else _ends(stop), hook)
        if verbose and stop.rule:
            yield from _labelled("", f"  {stop.rule}")
        if stop.kind in ("in", "out", "translated"):
            shown = _ends(stop)
        hook = stop.hook or hook
    yield from _wrapped(f"  {'✓' if way.arrived else '✗'} ", way.end)


def _ends(stop: Stop) -> str:
    return f"{stop.src} → {stop.dst}"


def _stop(stop: Stop, ends: str, hook: str) -> Iterator[str]:
    match stop.kind:
        case "in" | "out":
            arrow = f"▸ {stop.interface}" if stop.kind == "in" else f"{stop.interface} ▸"
            yield from _wrapped(f"    {printable(arrow):18} ", ends)
        case "translated":
            by = "" if stop.comment else " (conntrack)"
            yield from _labelled(f"⇒ {stop.verdict}", stop.text + by)
        case "route" | "conntrack":
            yield from _labelled(stop.kind, stop.text)
        case _:
            yield from _labelled("" if stop.hook == hook else stop.hook, _rule(stop))


def _rule(stop: Stop) -> str:
    """A rule of ours by its chain, where that is not the hook's; of others with their table."""
    place = stop.chain if stop.table == _OURS else f"{stop.table} {stop.chain}"
    where = "" if place == stop.hook else f"{place}: "
    verb, _, chain = stop.verdict.partition(" ")
    verdict = f" → {chain or verb}" if verb else ""
    return f"{where}{stop.comment or stop.text or stop.rule or f'rule {stop.handle}'}{verdict}"


def _labelled(label: str, text: str) -> Iterator[str]:
    return _wrapped(f"      {printable(label):{_LABEL}}", text)


def _wrapped(label: str, text: str) -> Iterator[str]:
    """A label and a text beside it, on as many lines as that takes."""
    indent = " " * (len(text) - len(text.lstrip()))
    rows = wrap(printable(text), WIDTH - len(label), subsequent_indent=indent, break_on_hyphens=False) or [""]
    for at, row in enumerate(rows):
        yield f"{label if at == 0 else ' ' * len(label)}{row}".rstrip()
