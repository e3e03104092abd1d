"""Several taps at once, as one stream of packets in the order of time.

All namespaces have one clock, so packets need only be sorted; but a tap gives a packet some time after it passed, when
its block is full or its patience is over. So a thread looks at all taps every few milliseconds, and whoever takes the
stream holds packets back until no earlier ones are to come. That thread does nothing with a packet: it takes whole
blocks, so that the rings never fill up while the others are read, sorted and written.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from netbuilder.kernel.spool import Look, Spool
from netbuilder.kernel.tap import PATIENCE, Tap
from netbuilder.packets.ring import Packet, packets_in

HOLD = 200_000_000
"""Nanoseconds that a packet is held back: ten times what a block waits, as a busy machine is late."""

_EVERY = PATIENCE / 1000
_MANY = 16  # blocks: where a look finds more, the next one is at once


class Listening:
    """The packets of some taps, from `start` until `stop`."""

    def __init__(self, taps: Sequence[Tap]) -> None:
        self._taps = taps
        self._stopped = threading.Event()
        self._spool = Spool()
        self._thread = threading.Thread(target=self._look, name="netbuilder capture", daemon=True)

    def start(self) -> None:
        """Begin to look at the taps."""
        self._thread.start()

    def stop(self) -> None:
        """Take what has passed by now, and end; may be called again."""
        self._stopped.set()

    def batches(self) -> Iterator[tuple[int, list[Packet]]]:
        """All packets in the order of time, a few at a time, and up to when they are complete; ends after `stop`."""
        waiting: list[Packet] = []
        while look := self._spool.take():
            for tap, block in look.blocks:
                waiting += packets_in(block, tap)
            complete = look.when - HOLD
            waiting.sort()
            cut = bisect_left(waiting, (complete,))
            yield complete, waiting[:cut]
            del waiting[:cut]
        waiting.sort()
        yield time.time_ns(), waiting

    def end(self) -> None:
        """Stop, and wait for it; what nobody took is lost."""
        self._spool.abandon()
        self.stop()
        self._thread.join()
        self._spool.close()

    def _look(self) -> None:
        """Look until what had passed at the stop has come: a block that is not full takes its patience."""
        try:
            found = 0
            while not self._stopped.wait(_EVERY if found < _MANY else 0):
                found = self._take_all()
            last = time.monotonic_ns() + HOLD
            while time.monotonic_ns() < last:
                time.sleep(_EVERY)
                self._take_all()
        finally:
            self._spool.put(None)

    def _take_all(self) -> int:
        """Take what is ready; how many blocks that was."""
        when = time.time_ns()
        blocks = [(at, block) for at, tap in enumerate(self._taps) for block in tap.take()]
        self._spool.put(Look(when, blocks))
        return len(blocks)
