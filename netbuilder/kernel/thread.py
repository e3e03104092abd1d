"""A host's own thread. Everything that touches a host's kernel happens there, one thing after another.

So the caller's thread never changes namespace, calls from many threads or from asyncio queue up, and what belongs to
one thread (netlink sockets, nftables contexts, pyroute2's event loop, SQLite) stays in one.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class HostThread:
    """One thread, that does what it is given and hands back the result."""

    def __init__(self, enter: Callable[[], None]) -> None:
        """Start it; `enter` takes it to its namespace."""
        self.closed = False
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="netbuilder")
        try:
            self.call(enter)
        except BaseException:
            self.close()
            raise

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function there and wait for it; what it raises is raised here."""
        return self._executor.submit(function, *args, **kwargs).result()

    def close(self) -> None:
        """End the thread; its namespaces go with it if nothing else holds them."""
        self.closed = True
        self._executor.shutdown()
