"""One look at the kernel: the answers to a plan's questions, a namespace at a time, one batch for each kind.

The cost follows the questions, not the host: a thousand other sandboxes and ten thousand other ports cost nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from netbuilder import firewall
from netbuilder.kernel import namespaces, nfwire, wire
from netbuilder.kernel.sockets import Sockets
from netbuilder.state import (
    AddressesOf,
    ElementOf,
    GatewaysOf,
    LinkOf,
    PinOf,
    Question,
    State,
    SysctlOf,
    TableOf,
)


class Observer:
    """Answers questions about one host."""

    def __init__(self, sockets: Sockets) -> None:
        self.sockets = sockets
        self.answers: dict[Question, Any] = {}

    def answer(self, questions: Iterable[Question]) -> State:
        """The answers, as of now."""
        rooms: dict[str | None, list[Any]] = defaultdict(list)
        for question in questions:
            if isinstance(question, PinOf):
                self.answers[question] = namespaces.pinned(question.name)
            elif isinstance(question, TableOf):
                self.answers[question] = self._table(question.name)
            else:
                rooms[getattr(question, "netns", None)].append(question)
        for netns, asked in rooms.items():
            if netns is None or self.sockets.has(netns):
                self._answer_inside(netns, asked)
            else:
                self.answers.update((question, _nothing(question)) for question in asked)
        return State(self.answers)

    def _answer_inside(self, netns: str | None, asked: list[Any]) -> None:
        self._links(netns, [question for question in asked if isinstance(question, LinkOf)])
        self._addresses(netns, [question for question in asked if isinstance(question, AddressesOf)])
        self._elements([question for question in asked if isinstance(question, ElementOf)])
        for question in asked:
            if isinstance(question, GatewaysOf):
                self.answers[question] = frozenset(self._gateways(netns))
            elif isinstance(question, SysctlOf):
                self.answers[question] = self.sockets.read_sysctl(netns, question.key)

    def _table(self, name: str) -> dict[str, tuple[str, ...]] | None:
        """A table as `firewall.outline` gives it.

        A rule without a comment is there as an empty text. So is what our table never has: a chain whose policy is to
        drop, and that the table as a whole is switched off.
        """
        asked = [nfwire.get_table(name), nfwire.get_rules(name), nfwire.get_chains()]
        table, rules, chains = self.sockets.netfilter().ask(asked)
        if not table.bodies:
            return None
        mark, is_off = nfwire.read_table(table.bodies[0])
        seen = defaultdict(list, {"": [mark, ""] if is_off else [mark]})
        for chain, comment in map(nfwire.read_rule, rules.bodies):
            seen[chain].append(comment)
        for of, chain, drops in map(nfwire.read_chain, chains.bodies):
            if of == name and drops:
                seen[chain].append("")
        return {chain: tuple(comments) for chain, comments in seen.items()}

    def _links(self, netns: str | None, asked: list[LinkOf]) -> None:
        replies = self.sockets.netlink(netns).ask([wire.get_link(question.name) for question in asked])
        for question, reply in zip(asked, replies, strict=True):
            self.answers[question] = wire.read_link(reply.bodies[0]) if reply.bodies else None

    def _addresses(self, netns: str | None, asked: list[AddressesOf]) -> None:
        netlink = self.sockets.netlink(netns)
        for question in asked:
            index = netlink.index(question.dev)
            bodies = netlink.ask([wire.get_addresses(index)])[0].bodies if index else []
            self.answers[question] = frozenset(map(wire.read_address, bodies))

    def _gateways(self, netns: str | None) -> Iterator[str]:
        for body in self.sockets.netlink(netns).ask([wire.get_routes()])[0].bodies:
            gateway = wire.read_gateway(body)
            if gateway:
                yield gateway

    def _elements(self, asked: list[ElementOf]) -> None:
        if not asked:
            return
        wanted = [nfwire.element(question.key) for question in asked]
        replies = self.sockets.netfilter().ask(
            [nfwire.get_element(firewall.NAME, q.set, one) for q, one in zip(asked, wanted, strict=True)]
        )
        for question, one, reply in zip(asked, wanted, replies, strict=True):
            seen = nfwire.read_element(reply.bodies[0]) if reply.bodies else None
            # Only one with the same two ends is the element that was asked for.
            found = seen is not None and (seen.first, seen.last) == (one.first, one.last)
            self.answers[question] = nfwire.data_of(seen) if seen and found else None


def _nothing(question: Question) -> Any:
    """The answer about a namespace that is not there."""
    return frozenset() if isinstance(question, AddressesOf | GatewaysOf) else None
