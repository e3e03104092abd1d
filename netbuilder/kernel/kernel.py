"""The one thing that changes the kernel. What steps ask for is queued and sent in as few batches as their order allows.

Owned by one thread, that of its host: netlink sockets, nftables contexts and /proc/sys all mean the namespace that the
thread was in when it opened them.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from netbuilder import firewall
from netbuilder.errors import StepError
from netbuilder.kernel import conntrack, namespaces, nfnetlink, rtnetlink
from netbuilder.kernel.deletion import Deletions
from netbuilder.kernel.message import Message
from netbuilder.kernel.netlink import Netlink, Refused
from netbuilder.kernel.nft import NftError
from netbuilder.kernel.observe import Observer
from netbuilder.kernel.sockets import Sockets
from netbuilder.steps import StaleFlows, Step
from netbuilder.steps.state import Query, State

_NO_PATHS: Mapping[str, str] = {}
_TRANSACTION = 200  # changes at most: if each of them fails, the answers still fit into a socket's receive buffer


class Kernel:
    """The kernel, as seen from one host namespace: the calling thread's."""

    def __init__(self) -> None:
        self._sockets = Sockets()
        self._deletions = Deletions()
        self._step: Step | None = None
        self._messages: list[tuple[Step | None, Message]] = []
        self._where: str | None = None
        self._changes: list[tuple[Step | None, Message]] = []
        self._doomed_pins: list[str] = []
        self._indexes: dict[tuple[str | None, str], int] = {}
        self._pins_are_shared = False

    @property
    def home(self) -> int:
        """The descriptor of the host's namespace."""
        return self._sockets.home

    @property
    def host_socket(self) -> Netlink:
        """The host's route socket, for looking around."""
        return self._sockets.netlink(None)

    # What the executor calls

    def begin(self, step: Step) -> None:
        """Note which step asks from now on: an error will name it."""
        self._step = step

    def flush(self) -> None:
        """Do everything that was asked for and is still queued."""
        self._send()
        self._commit()
        refused = self._deletions.delete(self.host_socket)
        if refused:
            raise self._error(self._step, refused.errno, refused.detail)
        self._unpin()
        self._indexes.clear()

    def forget(self) -> None:
        """Drop what was asked for and not yet done, after an error."""
        self._messages, self._changes, self._doomed_pins = [], [], []
        self._deletions.forget()
        self._indexes.clear()

    def observe(
        self, queries: Iterable[Query[Any]], namespace_paths: Mapping[str, str] = _NO_PATHS, ahead: bool = False
    ) -> State:
        """The answers to queries, as of now.

        Args:
            queries: What is asked.
            namespace_paths: Paths of namespaces that are asked about and may not have a pin yet, by name.
            ahead: Whether these paths count even where there is a pin of that name, as it is about to go.
        """
        self._sockets.find_by(namespace_paths, ahead)
        try:
            return Observer(self._sockets).answer(queries)
        finally:
            if ahead:
                self._sockets.find_by(_NO_PATHS)

    def forget_flows(self, stale: StaleFlows) -> None:
        """`conntrack -D`, for flows that would go on as was right before a change."""
        if stale:
            conntrack.forget(stale, self._sockets.netfilter(), self.host_socket)

    def leave_namespace(self) -> None:
        """Close what is open inside a sandbox, which would keep its namespace alive."""
        self._sockets.leave()

    def close(self) -> None:
        """Close every socket, once nobody waits for one any more."""
        self._deletions.wait()
        self._sockets.close()

    # What steps call

    def add_namespace(self, name: str) -> None:
        """`ip netns add NAME`."""
        self._share_pins()
        self._now(lambda: namespaces.add(name, self.home))

    def attach_namespace(self, name: str, path: str) -> None:
        """`ip netns attach NAME PID`, for any path."""
        self._share_pins()
        self._now(lambda: namespaces.attach(name, path))

    def unpin_namespace(self, name: str) -> None:
        """`ip netns del NAME`, at the next flush."""
        self._doomed_pins.append(name)

    def add_bridge(self, name: str, alias: str) -> None:
        """`ip link add NAME type bridge`, with its alias."""
        self._queue(None, rtnetlink.add_bridge(name), rtnetlink.set_link(name, alias=alias))

    def add_veth(self, name: str, bridge: str, peer: str, netns: str, mac: str) -> None:
        """`ip link add NAME master BRIDGE type veth peer name PEER address MAC netns NETNS`."""
        self._send()  # to send it later would leave the namespace whose descriptor goes into this message
        master, namespace = self._index(None, bridge), self._sockets.namespace(netns)
        if not master:
            raise self._error(self._step, errno.ENODEV)
        self._queue(None, rtnetlink.add_veth(name, master, peer, namespace, mac))

    def set_link(self, netns: str | None, name: str, **settings: Any) -> None:
        """`ip link set NAME …`."""
        self._queue(netns, rtnetlink.set_link(name, **settings))

    def delete_link(self, name: str) -> None:
        """`ip link del NAME`, at the next flush."""
        self._deletions.add(name)

    def add_address(self, netns: str | None, dev: str, address: IPv4Interface) -> None:
        """`ip address add ADDRESS brd + dev DEV`."""
        self._queue(netns, rtnetlink.add_address(self._index(netns, dev), address))

    def delete_address(self, netns: str | None, dev: str, address: IPv4Interface) -> None:
        """`ip address del ADDRESS dev DEV`."""
        self._queue(netns, rtnetlink.delete_address(self._index(netns, dev), address))

    def add_route(
        self, netns: str | None, dst: IPv4Network, via: IPv4Address, dev: str, metric: int | None = None
    ) -> None:
        """`ip route add DST via VIA dev DEV [metric METRIC]`."""
        self._queue(netns, rtnetlink.add_route(dst, via, self._index(netns, dev), metric))

    def delete_route(
        self, netns: str | None, dst: IPv4Network, via: IPv4Address, dev: str, metric: int | None = None
    ) -> None:
        """`ip route del DST via VIA dev DEV [metric METRIC]`."""
        self._queue(netns, rtnetlink.delete_route(dst, via, self._index(netns, dev), metric))

    def write_sysctl(self, netns: str | None, key: str, value: str, *, if_there: bool = False) -> None:
        """`sysctl -w KEY=VALUE`; with `if_there`, one that is not there is left out."""

        def write() -> None:
            try:
                self._sockets.write_sysctl(netns, key, value)
            except FileNotFoundError:
                if not if_there:
                    raise

        self._now(write)

    def nft(self, text: str) -> None:
        """`nft -f`, at once."""
        try:
            self._sockets.nftables().run(text)
        except NftError as error:
            raise self._error(self._step, error.errno, error.detail) from None

    def add_element(self, set_: str, key: str, data: str) -> None:
        """`nft add element …`, at the next flush."""
        self._changes.append((self._step, nfnetlink.add_element(firewall.NAME, set_, nfnetlink.element(key, data))))

    def delete_element(self, set_: str, key: str) -> None:
        """`nft delete element …`, at the next flush."""
        self._changes.append((self._step, nfnetlink.delete_element(firewall.NAME, set_, nfnetlink.element(key))))

    # How it gets done

    def _now(self, effect: Callable[[], None]) -> None:
        """Something that can't be queued: what was queued before goes first."""
        self._send()
        try:
            effect()
        except OSError as error:
            raise self._error(self._step, error.errno or errno.EIO) from None

    def _share_pins(self) -> None:
        if not self._pins_are_shared:
            self._now(namespaces.share_pins)
            self._pins_are_shared = True

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
