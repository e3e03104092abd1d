"""The signals that ask a program to end, which end a call as Ctrl-C does: nothing is left half done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


@contextmanager
def as_interrupts() -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt with their number for the length of a `with` block."""
    # One that is ignored stays so: that is what nohup is for.
    ours = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt(number)


def status(interrupt: KeyboardInterrupt) -> int:
    """The exit status of an interrupted call, as a shell reports a program that ended by the signal."""
    (number,) = interrupt.args or (signal.SIGINT,)
    return 128 + int(number)
