"""What became of a call whose waiting caller was interrupted (Ctrl-C)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noting(not_done: str, done: str) -> Iterator[list[object]]:
    """Add to an interrupt what became of the call: its work ends before the interrupt is raised.

    The work appends its result to the list that this gives, once it is done.
    """
    finished: list[object] = []
    try:
        yield finished
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(done if finished else not_done)
        raise
