"""A pid namespace, and the first process in it: when that one ends, the kernel ends all the others, wherever they went.

It is a `cat` that reads from a pipe which only we hold, so all ends too if we die, even by SIGKILL. It is never the
program itself: signals mean little to a first process, and what a program leaves running may outlive it.
"""

from __future__ import annotations

import errno
import os
import subprocess
import threading
import time
from contextlib import suppress

from netbuilder.kernel import namespaces

_MOUNT = "mount -n -t proc -o nosuid,nodev,noexec proc /proc && echo own || echo old"
# Ignoring SIGCHLD, it reaps what is orphaned. A shell's `trap` won't do, as dash does not let it last beyond exec; and
# where env is not coreutils', dead orphans stay until the end.
_RUN = "env --ignore-signal=CHLD true && exec env --ignore-signal=CHLD cat >/dev/null; exec cat >/dev/null"

_PF_EXITING = 0x4  # in the flags of proc_pid_stat(5)
_PATIENCE = 2.0  # seconds: a member that is a child of somebody else is theirs to reap
_GLANCE = 0.05  # seconds

_pipes: set[int] = set()
_forking = threading.Lock()


def _let_go() -> None:
    """In a fork of this process: what it holds open would keep the programs of this one alive."""
    for fd in _pipes:
        os.close(fd)
    _pipes.clear()
    _forking.release()


os.register_at_fork(before=_forking.acquire, after_in_parent=_forking.release, after_in_child=_let_go)


class Init:
    """The first process of a pid namespace."""

    def __init__(self, proc: int, mounts: bool) -> None:
        """Start it from a thread that ends then, as its other children would be in there too.

        Args:
            proc: A descriptor of the /proc that the calling thread is found in.
            mounts: Whether to mount a /proc of the new namespace, which is seen in the thread's mount namespace.

        Raises:
            OSError: If there can be none.
        """
        namespaces.unshare(namespaces.NEWPID)
        with _forking:
            reading, self._pipe = os.pipe()
            _pipes.add(self._pipe)
        try:
            self._process = _start(reading, mounts)
            assert self._process.stdout
            with self._process.stdout as said:
                answer = said.readline()
            self.has_proc = answer == b"own\n"
            """Whether the /proc that is seen there is its own."""
            if not answer:
                raise ChildProcessError(errno.ECHILD, f"its first process ended with {self._process.wait()}")
            self.namespace = os.open(f"{self._process.pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
        except OSError:
            self._close_pipe()
            raise
        finally:
            os.close(reading)

    @property
    def has_ended(self) -> bool:
        """Whether somebody else ended it, or it is about to end: then the kernel starts nothing more beside it."""
        if self._process.poll() is not None:
            return True
        try:
            with open(f"/proc/{self._process.pid}/stat", "rb") as stat:
                flags = int(stat.read().rpartition(b")")[2].split()[6])
        except OSError:
            return True
        return bool(flags & _PF_EXITING)

    def kill(self) -> None:
        """End it, and with it all that is in the namespace."""
        self._process.kill()

    def close(self) -> None:
        """Wait for its end. The kernel holds it until all other members are reaped: our own children by us, before."""
        deadline = time.monotonic() + _PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GLANCE)
                break
            self._reap()
        os.close(self.namespace)
        self._close_pipe()

    def _reap(self) -> None:
        """Reap what a program inside made our child (CLONE_PARENT of clone(2)), and not its own."""
        here = os.fstat(self.namespace).st_ino
        for name in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError):  # it has just ended, or is nobody's business of ours
                if os.stat(f"/proc/{name}/ns/pid").st_ino == here and int(name) != self._process.pid:
                    os.waitpid(int(name), os.WNOHANG)

    def _close_pipe(self) -> None:
        with _forking:
            _pipes.discard(self._pipe)
            os.close(self._pipe)


def _start(stdin: int, mounts: bool) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", f"{_MOUNT if mounts else 'echo old'}; {_RUN}"],
        cwd="/",
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
