"""A room: what the programs of one sandbox are in, so that they end together and see what is the sandbox's own.

Besides the network namespace these are a pid namespace, whose end is the end of all in it, and a mount namespace: with
a /sys and /proc of its own, and the files of /etc/netns/NAME. They are held by descriptors and pinned nowhere.

Each program is started by a thread of its own, which goes in and never comes back: without root, no thread can step
back out of a pid namespace (setns(2)), and from inside one it can't be led into another.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal

from netbuilder.errors import NotFound
from netbuilder.kernel import mounts, namespaces, tree
from netbuilder.kernel.init import Init
from netbuilder.kernel.mounts import Etc, say_once
from netbuilder.kernel.thread import apart

View = Literal["machine", "host", "sandbox"]
"""What else a room has than a network. "machine": nothing, its programs are among all others. "sandbox": pids, /sys and
mounts of its own. "host": the same, but what is mounted there is mounted on the host too."""

Program = subprocess.Popen[Any]

_MARK = "/proc/thread-self/ns/uts"
"""What tells the programs of a call, or of a room without pids, from all others; see `tree`."""


class Room:
    """What the programs of one sandbox are in. May be used from any thread."""

    def __init__(self, net: int, view: View, name: str = "", etc: Etc | None = None) -> None:
        """Make one, on a thread that sees what the host sees.

        Args:
            net: A descriptor of the network namespace; the room's from now on.
            view: What else it has.
            name: That of the network namespace, under /etc/netns.
            etc: What is to be seen in /etc.
        """
        self._lock = threading.Lock()
        self._programs: list[Program] = []
        self._ended = False
        self._name, self._etc = name, etc or Etc()
        self._fds = [net]
        self._net = net
        self._mnt: int | None = None
        self._root = -1
        self._init: Init | None = None
        self._mark: int | None = None  # by which to find them where there are no pids of their own
        self._proc = self._keep("/proc", os.O_DIRECTORY)
        if view != "machine":
            apart(lambda: self._make(view))

    def __len__(self) -> int:
        """How many programs are remembered."""
        return len(self._programs)

    @property
    def is_usable(self) -> bool:
        """Whether programs can be started in it: not if somebody killed its first process."""
        return not (self._init and self._init.has_ended)

    # Making it

    def _make(self, view: View) -> None:
        outer = os.open("/proc", os.O_PATH | os.O_CLOEXEC)
        try:
            namespaces.setns(self._net)
            try:
                self._make_mounts(view)
            except OSError as error:
                _say_that_mounts_are_the_machines(error)
            try:
                self._init = Init(outer, mounts=self._mnt is not None)
            except OSError as error:
                say_once("what a program leaves running may outlive its sandbox: there can be no pid namespace", error)
                with suppress(OSError):
                    namespaces.unshare(namespaces.NEWUTS)
                    self._mark = self._keep(_MARK)
        finally:
            os.close(outer)
        if self._init and self._init.has_proc:
            self._proc = self._keep("/proc", os.O_DIRECTORY)
        elif self._init and self._mnt is not None:
            say_once("/proc inside is the machine's, with its numbers of processes: a fresh one can't be mounted")

    def _make_mounts(self, view: View) -> None:
        (mounts.follow if view == "sandbox" else mounts.share)()
        self._root = self._keep("/", os.O_PATH)
        own = self._keep("/proc/thread-self/ns/mnt")
        namespaces.enter_mounts(own, self._root)  # which takes CAP_SYS_CHROOT
        self._mnt = own
        mounts.own_sys()
        self._etc.bind(self._name)

    def _keep(self, path: str, flags: int = 0) -> int:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
        self._fds.append(fd)
        return fd

    def show(self, etc: Etc) -> None:
        """Show other files in /etc than before, to what runs too."""
        with self._lock:
            if self._mnt is not None and etc != self._etc:
                apart(lambda: self._show(etc))

    def _show(self, etc: Etc) -> None:
        self._enter_mounts()
        self._etc.unbind()
        etc.bind(self._name)
        self._etc = etc

    # Programs

    def popen(self, args: Sequence[str], options: dict[str, Any]) -> Program:
        """Start a program inside, with what it would inherit from the calling thread outside."""
        return self._start(args, options, lambda: None)

    def run(
        self, args: Sequence[str], options: dict[str, Any], input: str | bytes | None, timeout: float | None
    ) -> subprocess.CompletedProcess[Any]:
        """Run a program inside. If its time is up, or the caller is interrupted, all that it started ends with it."""
        marks: list[int] = []

        def mark() -> None:
            with suppress(OSError):
                namespaces.unshare(namespaces.NEWUTS)
                marks.append(os.open(_MARK, os.O_RDONLY | os.O_CLOEXEC))

        try:
            marked = timeout is not None and self._init is not None
            with self._start(args, options, mark if marked else lambda: None) as process:
                try:
                    output, errors = process.communicate(input, timeout)
                except BaseException:
                    self._end_tree(process, marks[0] if marks else None)
                    raise
        finally:
            for fd in marks:  # held until now, as the number of a namespace that is gone is given out again
                os.close(fd)
        return subprocess.CompletedProcess(args, process.returncode, output, errors)

    def _start(self, args: Sequence[str], options: dict[str, Any], ahead: Callable[[], None]) -> Program:
        if self._mnt is not None:  # into which a thread comes at its root
            options["cwd"] = os.path.join(os.getcwd(), os.fsdecode(options.get("cwd") or "."))
        started: list[Program] = []

        def start() -> None:
            ahead()
            namespaces.setns(self._net)
            if self._mnt is not None:
                self._enter_mounts()
            if self._init:
                namespaces.setns(self._init.namespace, namespaces.NEWPID)
            elif self._mark is not None:
                namespaces.setns(self._mark, namespaces.NEWUTS)
            started.append(subprocess.Popen(args, **options))

        with self._lock:
            if self._ended:
                raise NotFound("it was taken back while a program was to be started in it", "make it again with apply")
            self._programs = [one for one in self._programs if one.poll() is None]
            try:
                apart(start)
            except BaseException:  # interrupted: nobody will hold what was started
                for process in started:
                    process.kill()
                    process.wait()
                raise
            self._programs += started
        return started[0]

    def _enter_mounts(self) -> None:
        assert self._mnt is not None
        namespaces.enter_mounts(self._mnt, self._root)

    # Their end

    def _end_tree(self, process: Program, mark: int | None = None) -> None:
        top = None
        if process.poll() is None:
            top = tree.number_in(process.pid) if self._init and self._init.has_proc else process.pid
        tree.end(self._proc, top, None if mark is None else os.fstat(mark).st_ino)
        process.kill()

    def terminate(self) -> list[Program]:
        """Ask the programs to end; no other is started any more."""
        with self._lock:
            self._ended = True
        for process in self._programs:
            process.terminate()
        return self._programs

    def end(self) -> None:
        """End all that was started here, and let go of the namespaces."""
        if self._init:
            self._init.kill()
        for process in self._programs:
            if self._init is None and process.poll() is None:
                self._end_tree(process)
            process.kill()
            process.wait()
        if self._init:
            self._init.close()
        elif self._mark is not None:
            tree.end(self._proc, None, os.fstat(self._mark).st_ino)
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()


def move_in(net: int, name: str | None) -> None:
    """Move the calling thread into a namespace for good, with /sys and /etc as in its room, and no pids of its own.

    Args:
        net: A descriptor of the network namespace.
        name: Its name, under /etc/netns; None for the host's own.
    """
    namespaces.setns(net)
    try:
        mounts.follow()
    except OSError as error:
        _say_that_mounts_are_the_machines(error)
        return
    mounts.own_sys()
    if name:
        Etc.of(name).bind(name)


def _say_that_mounts_are_the_machines(error: OSError) -> None:
    say_once("/sys, /proc and /etc inside are the machine's: there can be no mount namespace", error)
