"""The programs that were started through a host, and their end."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any

from netbuilder.recipes.units import Key
from netbuilder.steps import AddNamespace, AttachNamespace, Step, Undo

_PATIENCE = 2.0  # seconds that programs have to end by themselves, all of them together


class Processes:
    """Processes that run, each with the sandbox it is in, or None for the host itself. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[tuple[str | None, subprocess.Popen[Any]]] = []

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._running)

    def add(self, process: subprocess.Popen[Any], sandbox: str | None = None) -> None:
        """Remember one; those that ended are forgotten, and leave no zombie."""
        with self._lock:
            self._running = [pair for pair in self._running if pair[1].poll() is None]
            self._running.append((sandbox, process))

    def end_in(self, doomed: Iterable[Key]) -> None:
        """End those in the sandboxes among some units."""
        self.end({key.name for key in doomed if key.kind == "sandbox"})

    def end_before(self, step: Step) -> None:
        """End those in a namespace that a step is about to take away."""
        if isinstance(step, Undo) and isinstance(step.undone_step, AddNamespace | AttachNamespace):
            self.end({step.undone_step.name})

    def end(self, sandboxes: Collection[str] | None = None) -> None:
        """End those in some sandboxes, or all: by SIGTERM, and what runs on after two seconds by SIGKILL."""
        with self._lock:
            ending = [process for sandbox, process in self._running if sandboxes is None or sandbox in sandboxes]
        for process in ending:
            process.terminate()
        deadline = time.monotonic() + _PATIENCE
        for process in ending:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for process in ending:
            process.kill()  # which does nothing to one that has ended
        for process in ending:
            process.wait()
