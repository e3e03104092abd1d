"""Interfaces are taken away without the wait that follows.

The kernel answers a deletion once all that ever looked at the interface is done with it (rcu_barrier, some 25 ms). Its
name, its index, its addresses and its place in a bridge are free long before. So a thread of its own sends the message,
and whoever asked goes on when the interfaces are gone. That thread waits in the kernel, where nothing ends it early:
not the end of the process, which takes as much longer, nor a SIGKILL. A process that forks meanwhile has a copy of its
socket and nothing to wait for.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from functools import partial

from netbuilder.kernel import rtnetlink
from netbuilder.kernel.message import Message
from netbuilder.kernel.netlink import Netlink, Reply
from netbuilder.kernel.thread import Job

_GLANCE = 0.0001  # seconds


class Deletions:
    """The deletions of one host that still wait, for the thread that is in its namespace."""

    def __init__(self) -> None:
        self._doomed: list[str] = []
        self._waiting: list[threading.Thread] = []

    def add(self, name: str) -> None:
        """One more interface that is to go."""
        self._doomed.append(name)

    def forget(self) -> None:
        """Leave those be that were to go."""
        self._doomed = []

    def delete(self, route: Netlink) -> Reply | None:
        """`ip link del NAME` for each that is there; the kernel's first error, if it has one.

        Raises:
            OSError: If the kernel could not be asked.
        """
        doomed, self._doomed = self._doomed, []
        indexes = [index for index in map(route.index, doomed) if index]
        if not indexes:
            return None
        # By index: a later interface of the same name is another one.
        batch = rtnetlink.delete_links(indexes)
        try:
            answer = Job(partial(_ask, Netlink(), batch))
            self._start(answer.carry_out)
        except OSError:  # no more files may be open
            answer = Job(partial(route.ask, batch))
            answer.carry_out()
        _wait_until_gone(route, indexes, answer)
        if not answer.wait(0):
            return None
        return next((one for one in answer.result() if one.errno not in (0, errno.ENODEV)), None)

    def wait(self) -> None:
        """Wait for all that still waits, so that neither a thread nor a socket is left."""
        for thread in self._waiting:
            thread.join()
        self._waiting = []

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="netbuilder deletion", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads are allowed
            work()
            return
        self._waiting = [*filter(threading.Thread.is_alive, self._waiting), thread]


def _ask(route: Netlink, batch: list[Message]) -> list[Reply]:
    try:
        return route.ask(batch)
    finally:
        route.close()


def _wait_until_gone(route: Netlink, indexes: list[int], answer: Job[list[Reply]]) -> None:
    """Wait for the other thread's lock, which every change takes, and which it has until all is gone; or its answer."""
    first, many = indexes[0], len(indexes) > 1
    while indexes and not answer.wait(0):
        if route.ask([rtnetlink.touch(indexes[-1])])[0].errno:
            while indexes and not route.name(indexes[-1]):
                indexes.pop()
        else:
            answer.wait(_GLANCE)
    if many:  # what was asked about may have been gone already, and the others be half gone
        route.ask([rtnetlink.touch(first)])
