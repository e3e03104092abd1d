"""What changes the kernel, queued and sent in as few batches as its order allows.

Route messages go as one batch a namespace, elements in few transactions, veth pairs that go as one group, pins last.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial

from netbuilder.errors import StepError
from netbuilder.kernel import namespaces, nfnetlink
from netbuilder.kernel.deletion import Deletions
from netbuilder.kernel.message import Message
from netbuilder.kernel.netlink import Refused
from netbuilder.kernel.sockets import Sockets
from netbuilder.steps import Step

_TRANSACTION = 200  # changes at most: if each of them fails, the answers still fit into a socket's receive buffer


class Batches:
    """What is queued for one host and not yet sent, each with the step that asks for it: an error names it.

    Links and pins that go, go together: their error names the step that began last.
    """

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._deletions = Deletions()
        self._step: Step | None = None
        self._messages: list[tuple[Step | None, Message]] = []
        self._where: str | None = None
        self._changes: list[tuple[Step | None, Message]] = []
        self._doomed_pins: list[str] = []
        self._indexes: dict[tuple[str | None, str], int] = {}

    def begin(self, step: Step) -> None:
        """Note which step asks from now on: an error will name it."""
        self._step = step

    def flush(self) -> None:
        """Do everything that was asked for and is still queued."""
        self._send()
        self._commit()
        self._now(self._delete_links)
        self._unpin()
        self._indexes.clear()

    def forget(self) -> None:
        """Drop what was asked for and not yet done, after an error."""
        self._messages, self._changes, self._doomed_pins = [], [], []
        self._deletions.forget()
        self._indexes.clear()

    def leave_namespace(self) -> None:
        """Close what is open inside a sandbox, which would keep its namespace alive."""
        self._sockets.leave()

    def _now(self, effect: Callable[[], None]) -> None:
        """Something that can't be queued: what was queued before goes first."""
        self._send()
        try:
            effect()
        except OSError as error:
            raise self._error(self._step, error.errno or errno.EIO) from None

    def _queue(self, netns: str | None, *messages: Message) -> None:
        if netns != self._where:
            self._send()
            self._where = netns
        self._messages += [(self._step, message) for message in messages]

    def _send(self) -> None:
        queued, self._messages = self._messages, []
        if not queued:
            return
        try:
            self._sockets.netlink(self._where).tell([message for _, message in queued])
        except Refused as refused:
            raise self._error(queued[refused.at][0], refused.errno, refused.detail) from None

    def _commit(self) -> None:
        """One nftables transaction, unless it is very long."""
        changes, self._changes = self._changes, []
        for start in range(0, len(changes), _TRANSACTION):
            part = changes[start : start + _TRANSACTION]
            try:
                self._sockets.netfilter().commit(nfnetlink.transaction([change for _, change in part]))
            except Refused as refused:  # its first message only begins the transaction
                raise self._error(part[max(refused.at - 1, 0)][0], refused.errno, refused.detail) from None

    def _delete_links(self) -> None:
        refused = self._deletions.delete(self._sockets.netlink(None))
        if refused:
            raise self._error(self._step, refused.errno, refused.detail)

    def _unpin(self) -> None:
        doomed, self._doomed_pins = self._doomed_pins, []
        if doomed:
            self.leave_namespace()
        for name in doomed:
            self._now(partial(namespaces.unpin, name))

    def _index(self, netns: str | None, name: str) -> int:
        """The index of an interface, after what was queued before is done. The loopback is always the first."""
        if netns and name == "lo":
            return 1
        known = self._indexes.get((netns, name))
        if not known:
            self._send()
            known = self._indexes[netns, name] = self._sockets.netlink(netns).index(name)
        return known

    def _error(self, step: Step | None, number: int, detail: str = "") -> StepError:
        return StepError(step.command() if step else "netbuilder", number, detail, step)
