"""What was heard and is not read yet: a little of it in memory, and beyond that in a file that has no name.

So a burst that is faster than it can be read and written loses nothing, and memory stays bounded. Where the file is
full too, whoever puts waits: the rings fill up, and the kernel drops packets, and counts them.

All that one look found goes in at once: a thread that writes block by block would wait for the interpreter's lock as
often, each time behind the thread that reads.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections import deque
from typing import NamedTuple

_IN_MEMORY = 64 << 20  # bytes
_IN_FILE = 4 << 30
_AGAIN = 0.02  # seconds


class Look(NamedTuple):
    """What one look at all taps found.

    Args:
        when: When it began, in nanoseconds since 1970.
        blocks: Each with the number of its tap.
    """

    when: int
    blocks: list[tuple[int, bytes]]


class _Stored(NamedTuple):
    """A look whose blocks are in the file: where, and the tap and size of each."""

    when: int
    at: int
    sizes: list[tuple[int, int]]


class Spool:
    """Looks, first in, first out; one thread puts, and one takes."""

    def __init__(self) -> None:
        self._looks: deque[Look | _Stored | None] = deque()
        self._there_is_one = threading.Semaphore(0)
        self._counting = threading.Lock()
        self._in_memory = self._in_file = self._end = 0
        self._file: int | None = None
        self._abandoned = threading.Event()

    def put(self, look: Look | None) -> None:
        """Put a look; or None, the end."""
        kept: Look | _Stored | None = look
        if look and look.blocks:
            if self._in_memory < _IN_MEMORY:
                self._count(in_memory=sum(len(block) for _, block in look.blocks))
            else:
                while (kept := self._stored(look)) is None:
                    if self._abandoned.wait(_AGAIN):
                        return
        self._looks.append(kept)
        self._there_is_one.release()

    def take(self) -> Look | None:
        """What was put first; waits for it."""
        self._there_is_one.acquire()
        look = self._looks.popleft()
        if isinstance(look, _Stored):
            return self._read(look)
        if look:
            self._count(in_memory=-sum(len(block) for _, block in look.blocks))
        return look

    def abandon(self) -> None:
        """Nobody takes any more: whoever puts does not wait."""
        self._abandoned.set()

    def close(self) -> None:
        """Give the file's space back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _count(self, in_memory: int = 0, in_file: int = 0) -> None:
        with self._counting:
            self._in_memory += in_memory
            self._in_file += in_file
            if not self._in_file:  # all of it was read: begin anew
                self._end = 0

    def _stored(self, look: Look) -> _Stored | None:
        """A look with its blocks in the file; None if that has no room for them."""
        size = sum(len(block) for _, block in look.blocks)
        self._count(in_file=1)  # from here on it does not begin anew
        at = self._end
        try:
            if at + size <= _IN_FILE and os.pwritev(self._opened(), [block for _, block in look.blocks], at) == size:
                self._end += size
                return _Stored(look.when, at, [(tap, len(block)) for tap, block in look.blocks])
        except OSError:  # it is full, or can't be made
            pass
        self._count(in_file=-1)
        return None

    def _opened(self) -> int:
        if self._file is None:
            with tempfile.TemporaryFile(buffering=0) as file:
                self._file = os.dup(file.fileno())
        return self._file

    def _read(self, look: _Stored) -> Look:
        blocks, at = [], look.at
        for tap, size in look.sizes:
            blocks.append((tap, os.pread(self._opened(), size, at)))
            at += size
        self._count(in_file=-1)
        return Look(look.when, blocks)
