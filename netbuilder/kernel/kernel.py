"""The one thing that changes the kernel. What steps ask for is queued and sent in as few batches as their order allows.

Owned by one thread, that of its host: netlink sockets, nftables contexts and /proc/sys all mean the namespace that the
thread was in when it opened them.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from netbuilder import firewall
from netbuilder.kernel import (
    addressing,
    conntrack,
    discovery,
    namespaces,
    neighbour_table,
    nfnetlink,
    offloads,
    rtnetlink,
)
from netbuilder.kernel.batches import Batches
from netbuilder.kernel.netlink import Netlink
from netbuilder.kernel.nft import NftError
from netbuilder.kernel.observe import Observer
from netbuilder.kernel.sockets import Sockets
from netbuilder.steps import StaleFlows
from netbuilder.steps.base import PlannedRoute
from netbuilder.steps.state import ElementOf, Query, State
from netbuilder.values.addresses import IPAddress, IPInterface

_NO_PATHS: Mapping[str, str] = {}


class Kernel(Batches):
    """The kernel, as seen from one host namespace: the calling thread's."""

    def __init__(self) -> None:
        super().__init__(Sockets())
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

    def announce(self, bridge: str, address: IPAddress, mac: str, tells_host: bool) -> None:
        """`arping -A`, and its like of IPv6, as if a sandbox itself sent it: who else is on the bridge, and the host.

        Sent out of the bridge it needs no socket inside, whose closing takes the kernel longer than the sandbox took.
        Nobody has to hear it: without, a neighbour asks again within a minute.
        """
        packet = discovery.announcement(address, mac)
        frame = packet.to + bytes.fromhex(mac.replace(":", "")) + struct.pack("!H", packet.protocol) + packet.payload
        with suppress(OSError):
            self._sockets.packets().sendto(frame, (bridge, packet.protocol))
        if tells_host:
            self.host_socket.ask([neighbour_table.correct_neighbour(self._index(None, bridge), address, mac)])

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

    def add_address(self, netns: str | None, dev: str, address: IPInterface) -> None:
        """`ip address add ADDRESS brd + dev DEV`; for IPv6 `nodad` in place of `brd +`."""
        self._queue(netns, addressing.add_address(self._index(netns, dev), address))

    def delete_address(self, netns: str | None, dev: str, address: IPInterface) -> None:
        """`ip address del ADDRESS dev DEV`."""
        self._queue(netns, addressing.delete_address(self._index(netns, dev), address))

    def add_route(self, netns: str | None, dev: str, route: PlannedRoute) -> None:
        """`ip route add [local] DST [via VIA] dev DEV [metric METRIC] [table local]`."""
        self._queue(netns, addressing.add_route(self._index(netns, dev), route))

    def delete_route(self, netns: str | None, dev: str, route: PlannedRoute) -> None:
        """`ip route del [local] DST [via VIA] dev DEV [metric METRIC] [table local]`."""
        self._queue(netns, addressing.delete_route(self._index(netns, dev), route))

    def set_neighbour(self, netns: str | None, dev: str, address: IPAddress, mac: str) -> None:
        """`ip neigh replace ADDRESS lladdr MAC dev DEV nud permanent`."""
        self._queue(netns, neighbour_table.set_neighbour(self._index(netns, dev), address, mac))

    def delete_neighbour(self, netns: str | None, dev: str, address: IPAddress) -> None:
        """`ip neigh del ADDRESS dev DEV`."""
        self._queue(netns, neighbour_table.delete_neighbour(self._index(netns, dev), address))

    def set_offload(self, netns: str | None, dev: str, offload: str, on: bool) -> None:
        """`ethtool -K DEV OFFLOAD on`, or off, at once."""
        self._now(lambda: offloads.write(self._sockets.netlink(netns), dev, offload, on))

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

    def delete_elements(self, set_: str, keys: Sequence[str]) -> None:
        """`nft delete element …`, at the next flush, of those of several that are there now."""
        there = self.observe(ElementOf(set_, key) for key in keys)
        for key in keys:
            if there[ElementOf(set_, key)] is not None:
                self.delete_element(set_, key)

    def _share_pins(self) -> None:
        if not self._pins_are_shared:
            self._now(namespaces.share_pins)
            self._pins_are_shared = True
