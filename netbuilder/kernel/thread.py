"""A host's own thread. Everything that touches a host's kernel happens there, one thing after another.

So the caller's thread never changes namespace, calls from many threads or from asyncio queue up, and what belongs to
one thread (netlink sockets, nftables contexts, SQLite) stays in one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, ParamSpec, TypeVar, cast

from netbuilder.errors import NetbuilderError

_GLANCE = 0.05  # seconds

P = ParamSpec("P")
T = TypeVar("T")


class Job(Generic[T]):
    """A function that one thread calls, and what it gives or raises, for the one thread that waits for it.

    What `concurrent.futures` has for many that wait takes five times as long, which each call would pay.
    """

    __slots__ = ("_done", "_error", "_function", "_result", "_taken")

    def __init__(self, function: Callable[[], T]) -> None:
        self._function: Callable[[], T] | None = function
        self._taken, self._done = threading.Lock(), threading.Lock()
        self._done.acquire()
        self._result: T | None = None
        self._error: BaseException | None = None

    def carry_out(self) -> None:
        """Call the function, unless it was cancelled."""
        if not self.cancel():
            return
        function, self._function = self._function, None
        try:
            self._result = cast(Callable[[], T], function)()
        except BaseException as error:
            self._error = error
        finally:
            del function
            self._done.release()

    def cancel(self) -> bool:
        """See that the function is not called; False if that has begun."""
        return self._taken.acquire(blocking=False)

    def wait(self, seconds: float = -1) -> bool:
        """Wait until the function was called, for some time at most; whether it was."""
        done = self._done.acquire(timeout=seconds)
        if done:
            self._done.release()
        return done

    def result(self) -> T:
        """What the function gave, or raised."""
        self.wait()
        if self._error:
            try:
                raise self._error
            finally:
                self._error = None  # its traceback leads here
        return cast(T, self._result)


class HostThread:
    """One thread, that does what it is given and hands back the result."""

    def __init__(self, enter: Callable[[], None]) -> None:
        """Start it; `enter` takes it to its namespace."""
        self.closed = False
        self._process = os.getpid()
        self._closing = threading.Lock()
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        # A daemon, as the interpreter waits for all other threads ahead of calling what is registered with atexit; and
        # no executor, as those take nothing any more by then. Both may still want to take a host back.
        self._thread = threading.Thread(target=_work, args=(self._jobs,), name="netbuilder", daemon=True)
        self._thread.start()
        try:
            self.call(enter)
        except BaseException:
            self.close()
            raise

    @property
    def is_elsewhere(self) -> bool:
        """Whether this process is a fork of the one that the thread is in."""
        return os.getpid() != self._process

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function there and wait for it; what it raises is raised here.

        An interrupt of the waiting caller (Ctrl-C) is raised once the function has ended; one that has not begun does
        not begin any more.

        Raises:
            NetbuilderError: If it could never run: from a forked process, after the end, or from the thread itself.
        """
        return self._run(lambda: function(*args, **kwargs))

    def call_heeding(self, function: Callable[[Callable[[], object]], T]) -> T:
        """As `call`, and an interrupt of the waiting caller reaches the function.

        The function is handed something to call now and then, which raises KeyboardInterrupt once that happened.
        """
        stop = threading.Event()

        def heed() -> None:
            if stop.is_set():
                raise KeyboardInterrupt

        return self._run(lambda: function(heed), stop.set)

    def close(self, *last: Callable[[], None]) -> None:
        """Do some last things and end the thread; its namespaces go with it if nothing else holds them.

        Does nothing if that was done, or in a forked process.
        """
        if self.is_elsewhere:
            return
        self._refuse_itself()
        jobs = [Job(function) for function in last]
        with self._closing:
            if self.closed:
                jobs = []
            else:
                for job in (*jobs, None):
                    self._jobs.put(job)
            self.closed = True
        self._thread.join()
        for job in jobs:
            job.result()

    def _run(self, function: Callable[[], T], interrupted: Callable[[], None] = lambda: None) -> T:
        job = Job(function)
        try:
            with self._closing:
                self._check()
                self._jobs.put(job)
            # A signal that arrives just ahead of the wait does not wake it: look again now and then.
            while not job.wait(_GLANCE):
                pass
            return job.result()
        except BaseException:
            interrupted()
            if not job.cancel():
                job.wait()
            raise

    def _check(self) -> None:
        if self.is_elsewhere:
            raise NetbuilderError(
                "this host belongs to the process that this one was forked from", "get one here: Host.current()"
            )
        if self.closed:
            raise NetbuilderError("this host is closed", "get another: Host.current() or Host.isolated()")
        self._refuse_itself()

    def _refuse_itself(self) -> None:
        if not self.closed and threading.get_ident() == self._thread.ident:
            raise NetbuilderError(
                "called from the host's own thread, which would wait for itself",
                "do not use the host in 'watch'; note what is wanted and do it afterwards",
            )


def apart(function: Callable[[], T]) -> T:
    """Call a function on a thread of its own, which ends with it: no namespace that it goes into has to be left again.

    The thread begins as a copy of the calling one: its namespaces, signal mask, niceness, umask. An interrupt of the
    waiting caller (Ctrl-C) is raised once the function has ended.
    """
    job = Job(function)
    thread = threading.Thread(target=job.carry_out, name="netbuilder", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_GLANCE)
        return job.result()
    except BaseException:
        thread.join()
        raise


def _work(jobs: SimpleQueue[Job[Any] | None]) -> None:
    while job := jobs.get():
        job.carry_out()
        del job  # while waiting for the next one, keep nothing alive
