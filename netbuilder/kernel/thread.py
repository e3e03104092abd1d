"""A host's own thread. Everything that touches a host's kernel happens there, one thing after another.

So the caller's thread never changes namespace, calls from many threads or from asyncio queue up, and what belongs to
one thread (netlink sockets, nftables contexts, pyroute2's event loop, SQLite) stays in one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import ParamSpec, TypeVar

from netbuilder.errors import NetbuilderError

GLANCE = 0.05  # seconds

P = ParamSpec("P")
T = TypeVar("T")


class HostThread:
    """One thread, that does what it is given and hands back the result."""

    def __init__(self, enter: Callable[[], None]) -> None:
        """Start it; `enter` takes it to its namespace."""
        self.closed = False
        self._process = os.getpid()
        self._ident: int | None = None
        self._closing = threading.Lock()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="netbuilder")
        try:
            self.call(enter)
            self._ident = self.call(threading.get_ident)
        except BaseException:
            self.close()
            raise

    @property
    def is_elsewhere(self) -> bool:
        """Whether this process is a fork of the one that the thread is in."""
        return os.getpid() != self._process

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a function run there.

        Raises:
            NetbuilderError: If it could never run: from a forked process, after the end, or from the thread itself.
        """
        self._check()
        try:
            return self._executor.submit(function, *args, **kwargs)
        except RuntimeError:
            self._check()  # closed in the meantime
            raise

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function there and wait for it; what it raises is raised here."""
        return self.submit(function, *args, **kwargs).result()

    def call_heeding(self, function: Callable[[Callable[[], object]], T]) -> T:
        """As `call`, and an interrupt of the waiting caller (Ctrl-C) reaches the function.

        The function is handed something to call now and then, which raises KeyboardInterrupt once that happened. The
        interrupt is raised here when the function has ended, one way or the other.
        """
        stop = threading.Event()

        def heed() -> None:
            if stop.is_set():
                raise KeyboardInterrupt

        def heeding() -> T:
            heed()
            return function(heed)

        future: Future[T] | None = None
        try:
            future = self.submit(heeding)
            # A signal that arrives just ahead of the wait does not wake it: look again now and then.
            while not wait([future], timeout=GLANCE).done:
                pass
            return future.result()
        except BaseException:
            stop.set()
            if future:
                wait([future])
            raise

    def close(self, last: Callable[[], None] = lambda: None) -> None:
        """Do a last thing and end the thread; its namespaces go with it if nothing else holds them.

        Does nothing if that was done, or in a forked process.
        """
        if self.is_elsewhere:
            return
        self._refuse_itself()
        done: Future[None] | None = None
        with self._closing:
            if not self.closed:
                done = self._executor.submit(last)
                self.closed = True
        self._executor.shutdown()
        if done:
            done.result()

    def _check(self) -> None:
        if self.is_elsewhere:
            raise NetbuilderError(
                "this host belongs to the process that this one was forked from", "get one here: Host.current()"
            )
        if self.closed:
            raise NetbuilderError("this host is closed", "get another: Host.current() or Host.isolated()")
        self._refuse_itself()

    def _refuse_itself(self) -> None:
        if not self.closed and threading.get_ident() == self._ident:
            raise NetbuilderError(
                "called from the host's own thread, which would wait for itself",
                "do not use the host in 'watch'; note what is wanted and do it afterwards",
            )
