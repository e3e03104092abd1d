"""One look at the kernel: the answers to queries, a namespace at a time, one batch for each kind.

The cost follows the queries, not the host: a thousand other sandboxes and ten thousand other ports cost nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from netbuilder import firewall
from netbuilder.firewall.chains import INET, Chain
from netbuilder.kernel import (
    addressing,
    forwarding,
    namespaces,
    neighbour_table,
    nfnetlink,
    nftrules,
    offloads,
    rtnetlink,
)
from netbuilder.kernel.sockets import Sockets
from netbuilder.steps.forwarding import NAT, ForwardingAlone, NotForwarding, ReliantOnForwarding
from netbuilder.steps.neighbour import NeighbourOf
from netbuilder.steps.offload import OffloadOf
from netbuilder.steps.state import (
    AddressesIn,
    AddressesOf,
    DroppedElsewhere,
    ElementOf,
    LinkOf,
    NamespaceOf,
    PinOf,
    Query,
    Route,
    RoutesOf,
    State,
    SysctlOf,
    TableCommentOf,
    TableOf,
)

_DISABLE_IPV6 = re.compile(r"net/ipv6/conf/((?!all/|default/)[^/]+)/disable_ipv6")


class Observer:
    """Answers queries about one host."""

    def __init__(self, sockets: Sockets) -> None:
        self.sockets = sockets
        self._seen: dict[tuple[str | None, str], bytes | None] = {}

    def answer(self, queries: Iterable[Query[Any]]) -> State:
        """The answers, as of now."""
        answers: dict[Query[Any], Any] = {}
        by_namespace: dict[str | None, dict[type, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for query in queries:
            by_namespace[query.inside][type(query)].append(query)
        for netns, by_type in by_namespace.items():
            is_there = netns is None or self.sockets.has(netns)
            for kind, asked in by_type.items():
                found = _ANSWERS[kind](self, netns, asked) if is_there else [query.absent for query in asked]
                answers.update(zip(asked, found, strict=True))
        return State(answers)

    def _pins(self, netns: None, asked: list[PinOf]) -> list[int | None]:
        return [namespaces.pinned(query.name) for query in asked]

    def _namespaces(self, netns: None, asked: list[NamespaceOf]) -> list[int | None]:
        return [namespaces.inode(query.path) for query in asked]

    def _links(self, netns: str | None, asked: list[LinkOf]) -> list[Any]:
        bodies = self._link_bodies(netns, [query.dev for query in asked])
        return [rtnetlink.read_link(body) if body else None for body in bodies]

    def _link_bodies(self, netns: str | None, devs: list[str]) -> list[bytes | None]:
        """What the kernel says of interfaces; each is asked about once."""
        new = [dev for dev in dict.fromkeys(devs) if (netns, dev) not in self._seen]
        replies = self.sockets.netlink(netns).ask([rtnetlink.get_link(dev) for dev in new])
        self._seen |= {(netns, dev): next(iter(reply.bodies), None) for dev, reply in zip(new, replies, strict=True)}
        return [self._seen[netns, dev] for dev in devs]

    def _addresses(self, netns: str | None, asked: list[AddressesOf]) -> list[frozenset[str]]:
        return [self._addresses_of(netns, query.dev) for query in asked]

    def _addresses_of(self, netns: str | None, dev: str) -> frozenset[str]:
        netlink = self.sockets.netlink(netns)
        index = netlink.index(dev)
        bodies = netlink.ask([addressing.get_addresses(index)])[0].bodies if index else []
        return frozenset(map(addressing.read_address, bodies))

    def _all_addresses(self, netns: str | None, asked: list[AddressesIn]) -> list[frozenset[tuple[str, str]]]:
        netlink = self.sockets.netlink(netns)
        bodies = netlink.ask([addressing.get_addresses()])[0].bodies
        found = frozenset((netlink.name(addressing.read_index(body)), addressing.read_address(body)) for body in bodies)
        return [found for _ in asked]

    def _routes(self, netns: str | None, asked: list[RoutesOf]) -> list[frozenset[Route]]:
        replies = self.sockets.netlink(netns).ask([addressing.get_routes(query.local) for query in asked])
        return [frozenset(filter(None, map(addressing.read_route, reply.bodies))) for reply in replies]

    def _neighbours(self, netns: str | None, asked: list[NeighbourOf]) -> list[str | None]:
        netlink = self.sockets.netlink(netns)
        indexes = {dev: netlink.index(dev) for dev in {query.dev for query in asked}}
        there = [query for query in asked if indexes[query.dev]]
        replies = netlink.ask([neighbour_table.get_neighbour(indexes[one.dev], one.address) for one in there])
        found = {one: next(iter(reply.bodies), None) for one, reply in zip(there, replies, strict=True)}
        return [neighbour_table.read_permanent(body) if (body := found.get(query)) else None for query in asked]

    def _offloads(self, netns: str | None, asked: list[OffloadOf]) -> list[bool | None]:
        netlink = self.sockets.netlink(netns)
        return [offloads.read(netlink, query.dev, query.offload) for query in asked]

    def _sysctls(self, netns: str | None, asked: list[SysctlOf]) -> list[str | None]:
        """To open the file of one takes longer than all else inside a sandbox: some are on a link, the rest at once."""
        matches = {query.key: _DISABLE_IPV6.fullmatch(query.key) if netns else None for query in asked}
        devs = {key: match[1] for key, match in matches.items() if match}
        files = [key for key in matches if key not in devs]
        found = dict(zip(files, self.sockets.read_sysctls(netns, files) if files else (), strict=True))
        for key, body in zip(devs, self._link_bodies(netns, list(devs.values())) if devs else (), strict=True):
            value = rtnetlink.read_ipv6_setting(body, rtnetlink.DISABLE_IPV6) if body else None
            found[key] = None if value is None else str(value)
        return [found[query.key] for query in asked]

    def _forwarding_alone(self, netns: None, asked: list[ForwardingAlone]) -> list[tuple[str, ...]]:
        return [self._forward_alone(query.version) for query in asked]

    def _forward_alone(self, version: int) -> tuple[str, ...]:
        if forwarding.is_on(version):
            return ()
        return *forwarding.interfaces_that_forward(self.sockets.netlink(None), version), *self._nat(version)

    def _reliant_on_forwarding(self, netns: None, asked: list[ReliantOnForwarding]) -> list[tuple[str, ...]]:
        route = self.sockets.netlink(None)
        return [(*forwarding.bridges(route, one.version), *self._nat(one.version)) for one in asked]

    def _not_forwarding(self, netns: None, asked: list[NotForwarding]) -> list[tuple[str, ...]]:
        return [forwarding.interfaces_that_do_not(self.sockets.netlink(None), query.but) for query in asked]

    def _dropped_elsewhere(self, netns: None, asked: list[DroppedElsewhere]) -> list[tuple[str, ...]]:
        from netbuilder.kernel import others  # late: for calls that ask for a network

        route, tables = self.sockets.netlink(None), others.Reader(self.sockets.netfilter())
        return [others.warnings(query.networks, route, self._chains, tables) for query in asked]

    def _nat(self, version: int) -> list[str]:
        return [NAT] if forwarding.is_translated(self.sockets.netfilter(), self._chains, version) else []

    @cached_property
    def _chains(self) -> list[Chain]:
        """The chains of all tables."""
        (chains,) = self.sockets.netfilter().ask([nftrules.get_chains()])
        return list(map(nftrules.read_chain, chains.bodies))

    def _elements(self, netns: None, asked: list[ElementOf]) -> list[str | None]:
        wanted = [nfnetlink.element(query.key) for query in asked]
        replies = self.sockets.netfilter().ask(
            [nfnetlink.get_element(firewall.NAME, q.set, one) for q, one in zip(asked, wanted, strict=True)]
        )
        seen = (nfnetlink.read_element(reply.bodies[0]) if reply.bodies else None for reply in replies)
        # Only one with the same two ends is the element that was asked for.
        return [
            nfnetlink.data_of(it) if it and (it.first, it.last) == (one.first, one.last) else None
            for it, one in zip(seen, wanted, strict=True)
        ]

    def _comments(self, netns: None, asked: list[TableCommentOf]) -> list[str | None]:
        replies = self.sockets.netfilter().ask([nfnetlink.get_table(query.name) for query in asked])
        return [nfnetlink.read_table(reply.bodies[0])[0] if reply.bodies else None for reply in replies]

    def _tables(self, netns: None, asked: list[TableOf]) -> list[dict[str, tuple[str, ...]] | None]:
        return [self._table(query.name) for query in asked]

    def _table(self, name: str) -> dict[str, tuple[str, ...]] | None:
        """A table as `firewall.outline` gives it.

        A rule without a comment is there as an empty text. So is what our table never has: a chain whose policy is to
        drop, and that the table as a whole is switched off.
        """
        table, rules = self.sockets.netfilter().ask([nfnetlink.get_table(name), nftrules.get_rules(name)])
        if not table.bodies:
            return None
        comment, is_off = nfnetlink.read_table(table.bodies[0])
        seen = defaultdict(list, {"": [comment, ""] if is_off else [comment]})
        for chain, comment in map(nftrules.read_comment, rules.bodies):
            seen[chain].append(comment)
        for one in self._chains:
            if (one.table, one.family) == (name, INET) and one.drops:
                seen[one.name].append("")
        return {chain: tuple(comments) for chain, comments in seen.items()}


_ANSWERS: dict[type, Callable[[Observer, Any, list[Any]], list[Any]]] = {
    PinOf: Observer._pins,
    NamespaceOf: Observer._namespaces,
    LinkOf: Observer._links,
    AddressesOf: Observer._addresses,
    AddressesIn: Observer._all_addresses,
    RoutesOf: Observer._routes,
    NeighbourOf: Observer._neighbours,
    OffloadOf: Observer._offloads,
    SysctlOf: Observer._sysctls,
    ForwardingAlone: Observer._forwarding_alone,
    ReliantOnForwarding: Observer._reliant_on_forwarding,
    NotForwarding: Observer._not_forwarding,
    DroppedElsewhere: Observer._dropped_elsewhere,
    ElementOf: Observer._elements,
    TableCommentOf: Observer._comments,
    TableOf: Observer._tables,
}
"""How each kind of query is answered."""
