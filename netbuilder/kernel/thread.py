"""A host's own thread. Everything that touches a host's kernel happens there, one thing after another.

So the caller's thread never changes namespace, calls from many threads or from asyncio queue up, and what belongs to
one thread (netlink sockets, nftables contexts, SQLite) stays in one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from netbuilder.errors import NetbuilderError

_GLANCE = 0.05  # seconds

P = ParamSpec("P")
T = TypeVar("T")
_Job = tuple["Future[Any]", Callable[[], Any]]


class HostThread:
    """One thread, that does what it is given and hands back the result."""

    def __init__(self, enter: Callable[[], None]) -> None:
        """Start it; `enter` takes it to its namespace."""
        self.closed = False
        self._process = os.getpid()
        self._closing = threading.Lock()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
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
        jobs: list[_Job] = [(Future(), function) for function in last]
        with self._closing:
            if self.closed:
                jobs = []
            else:
                for job in (*jobs, None):
                    self._jobs.put(job)
            self.closed = True
        self._thread.join()
        for done, _ in jobs:
            done.result()

    def _run(self, function: Callable[[], T], interrupted: Callable[[], None] = lambda: None) -> T:
        future: Future[T] = Future()
        try:
            self._check()
            with self._closing:
                self._check()
                self._jobs.put((future, function))
            # A signal that arrives just ahead of the wait does not wake it: look again now and then.
            while not wait([future], timeout=_GLANCE).done:
                pass
            return future.result()
        except BaseException:
            interrupted()
            if not future.cancel():
                wait([future])
            raise
        finally:
            del future  # an error's traceback leads here, and would keep it

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
    future: Future[T] = Future()
    thread = threading.Thread(target=carry_out, args=(future, function), name="netbuilder", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_GLANCE)
        return future.result()
    except BaseException:
        thread.join()
        raise
    finally:
        del future


def _work(jobs: SimpleQueue[_Job | None]) -> None:
    while job := jobs.get():
        carry_out(*job)
        del job  # while waiting for the next one, keep nothing alive


def carry_out(future: Future[Any], function: Callable[[], Any]) -> None:
    """Call a function, for whoever waits for the future: what it gives, or raises, is the future's."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)
    finally:
        del future, function
