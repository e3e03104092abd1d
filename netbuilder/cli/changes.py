"""What a call did, line by line as Compose has it; of hundreds, a summary. And on a terminal, how far it is."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING

from netbuilder.cli.output import say

if TYPE_CHECKING:
    from netbuilder.engine.report import Change, Changes
    from netbuilder.spec import Network, Sandbox
    from netbuilder.steps import Step

_MOST = 24
"""Lines that a terminal shows at once; from there on a summary says more than a list."""

_MANY = {"network": "networks", "sandbox": "sandboxes", "localnet": "localnets"}
_OFTEN = 0.1  # seconds


def report(changes: Changes, each: bool) -> None:
    """A line for each network and sandbox that is not as it was, or stays though it was to go.

    Args:
        changes: What was done.
        each: Whether to list them all, however many they are.
    """
    told = [change for change in changes if change.action != "unchanged" or change.users]
    lines = list(map(_line, told)) if each or len(told) <= _MOST else list(_summary(told))
    say("\n".join(lines) or "nothing to do")


def carried_out(changes: Changes, verbose: bool) -> None:
    """What one command did, each change by itself; and if it is to be verbose, by which commands."""
    if verbose:
        say(changes.script(), end="")
    report(changes, each=True)


def _line(change: Change) -> str:
    from netbuilder.errors import some

    what = f"In use by {some(change.users)}" if change.users else change.action.capitalize()
    name = f"{change.kind.capitalize():7} {change.name}" if change.name else change.kind.capitalize()
    return f" {'-' if change.users else '✔'} {name}  {what}"


def _summary(told: Iterable[Change]) -> Iterator[str]:
    """A line for all of one kind that became the same."""
    counted = Counter((change.kind, "in use" if change.users else change.action, bool(change.name)) for change in told)
    for (kind, what, has_name), number in counted.items():
        whose = f"{number} {kind if number == 1 else _MANY[kind]}" if has_name else kind.capitalize()
        yield f" {'-' if what == 'in use' else '✔'} {whose}  {what.capitalize()}"
    yield "   (-v lists them)"


@contextmanager
def progress(specs: Iterable[Network | Sandbox]) -> Iterator[Callable[[Step], object]]:
    """Show on a terminal which sandbox of many is being made; gives what to call with each step.

    It is on standard error, and gone at the end: what was done is told on standard output.
    """
    from netbuilder.spec import Sandbox

    names = [spec.name for spec in specs if isinstance(spec, Sandbox)]
    if len(names) <= _MOST or sys.stderr is None or not sys.stderr.isatty():
        yield lambda step: None
        return
    line = _Line(names)
    try:
        yield line.show
    finally:
        line.clear()


class _Line:
    """One line of a terminal, written over and over."""

    def __init__(self, names: list[str]) -> None:
        self._places = {name: at for at, name in enumerate(names, 1)}
        self._next = 0.0
        self._width = 0

    def show(self, step: Step) -> None:
        """Show which sandbox a step is about, if that has not just been shown."""
        name = getattr(step, "netns", None) or getattr(step, "name", "")
        if name in self._places and monotonic() >= self._next:
            self._next = monotonic() + _OFTEN
            self._write(f"sandbox {self._places[name]} of {len(self._places)}: {name}"[:78])

    def clear(self) -> None:
        """Leave the line empty."""
        self._write("")

    def _write(self, text: str) -> None:
        with suppress(OSError):  # a terminal that is gone is no reason to fail
            print(f"\r{text:{self._width}}", end="" if text else "\r", file=sys.stderr, flush=True)
        self._width = len(text)
