"""The end of one program and of all that it started, in the midst of others that go on.

A program is started with a mark: a UTS namespace of its own (hostname, uts_namespaces(7)), which its children inherit,
whatever else they leave behind. A listing of /proc is no snapshot: what is found is stopped, so that it starts nothing
more, until nothing new is found.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import NamedTuple

_LONG_ENOUGH = 2.0  # seconds to find all
_LOOKS, _MORE_LOOKS = 2, 20  # in a row that find nothing new, until it is all; and where something ended meanwhile
_TO_STOP = 0.05  # seconds: one that waits for its vfork can't stop


_Process = tuple[int, str]
"""A process by its number and the time at which it was started, since a number is given out again."""


class _Seen(NamedTuple):
    parent: int
    state: str
    started: str
    mark: int | None


def end(proc: int, top: int | None, mark: int | None) -> None:
    """Kill a program, its children and theirs, and all that has its mark. What hides on purpose may live on.

    Args:
        proc: A descriptor of the /proc that lists them.
        top: The program's number there; None if it has ended.
        mark: The inode of its UTS namespace; None if it has none of its own.
    """
    deadline = time.monotonic() + _LONG_ENOUGH
    known: set[_Process] = set()
    if top is not None and (process := _read(proc, top)):
        known.add((top, process.started))
    while found := _stop(proc, known, mark, deadline):  # until none of them is left
        known |= found
        for one in found:
            _send(proc, one, signal.SIGKILL)


def _stop(proc: int, known: set[_Process], mark: int | None, deadline: float) -> set[_Process]:
    """Stop all that run."""
    found: set[_Process] = set()
    quiet, enough = 0, _LOOKS
    while quiet < enough and time.monotonic() < deadline:
        seen, missed = _look(proc)
        new = _ours(seen, known | found, mark) - found
        for one in new:
            _send(proc, one, signal.SIGSTOP)
        _wait_until_stopped(proc, new)
        found |= new
        quiet = 0 if new else quiet + 1
        enough = (
            _MORE_LOOKS if missed and mark is not None else _LOOKS
        )  # what ended may have started another that we did not see
    return found


def number_in(process: int) -> int:
    """The number of a process in the innermost of the pid namespaces that it is in."""
    with open(f"/proc/{process}/status") as file:
        return next(int(line.split()[-1]) for line in file if line.startswith("NSpid:"))


def _ours(seen: dict[int, _Seen], known: set[_Process], mark: int | None) -> set[_Process]:
    """Those that are known, or have the mark, or are children of one that is ours."""
    ours = {
        one
        for one, process in seen.items()
        if (one, process.started) in known or (mark is not None and process.mark == mark)
    }
    while more := {one for one, process in seen.items() if process.parent in ours and one not in ours}:
        ours |= more
    return {(one, seen[one].started) for one in ours}


def _look(proc: int) -> tuple[dict[int, _Seen], bool]:
    """All that run, by number, and whether some of them ended meanwhile."""
    numbers = [int(name) for name in os.listdir(proc) if name.isdigit()]
    seen = {one: process for one in numbers if (process := _read(proc, one)) and one != 1}
    return {one: process for one, process in seen.items() if process.state not in "ZX"}, len(seen) < len(numbers) - 1


def _read(proc: int, process: int) -> _Seen | None:
    try:
        with open(os.open(f"{process}/stat", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc), errors="replace") as file:
            fields = file.read().rpartition(") ")[2].split()
    except OSError:
        return None
    try:
        mark = os.stat(f"{process}/ns/uts", dir_fd=proc).st_ino
    except OSError:  # another user's, or it has just ended
        mark = None
    return _Seen(int(fields[1]), fields[0], fields[19], mark)


def _send(proc: int, which: _Process, number: signal.Signals) -> None:
    """Send a signal to the process that was seen, and not to another that has its number by now."""
    process, started = which
    with suppress(OSError):
        fd = os.open(str(process), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=proc)
        try:
            now = _read(proc, process)
            if now and now.started == started:
                signal.pidfd_send_signal(fd, number)  # a directory of /proc is as good as a pidfd
        finally:
            os.close(fd)


def _wait_until_stopped(proc: int, processes: set[_Process]) -> None:
    deadline = time.monotonic() + _TO_STOP
    active = {number for number, _ in processes}
    while (active := {one for one in active if _is_active(proc, one)}) and time.monotonic() < deadline:
        time.sleep(0.0002)


def _is_active(proc: int, process: int) -> bool:
    seen = _read(proc, process)
    return seen is not None and seen.state not in "TtZX"
