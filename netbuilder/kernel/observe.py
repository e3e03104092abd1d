"""One look at the kernel: the answers to a plan's questions, a namespace at a time, one batch for each kind.

The cost follows the questions, not the host: a thousand other sandboxes and ten thousand other ports cost nothing.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
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

_PROTOCOLS = {"tcp": 6, "udp": 17}


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
        """The comments of a table and of its rules; a rule without one is there as an empty text."""
        table, rules = self.sockets.netfilter().ask([nfwire.get_table(name), nfwire.get_rules(name)])
        if not table.bodies:
            return None
        chains: dict[str, list[str]] = {"": [nfwire.read_table(table.bodies[0])]}
        for body in rules.bodies:
            chain, comment = nfwire.read_rule(body)
            chains.setdefault(chain, []).append(comment)
        return {chain: tuple(comments) for chain, comments in chains.items()}

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
        keys = [_encode(question.key) for question in asked]
        batch = [
            nfwire.get_element(firewall.NAME, question.set, first)
            for question, (first, _) in zip(asked, keys, strict=True)
        ]
        replies = self.sockets.netfilter().ask(batch) if batch else []
        for question, wanted, reply in zip(asked, keys, replies, strict=True):
            # Any address of an interval finds it: only one with the same two ends is the element that was asked for.
            seen = nfwire.read_element(reply.bodies[0]) if reply.bodies else None
            self.answers[question] = _decode(seen.data) if seen and (seen.first, seen.last) == wanted else None


def _encode(key: str) -> tuple[bytes, bytes]:
    """A set's key as the kernel holds it, as first and last of an interval: every part padded to four bytes."""
    ends = [_ends(part) for part in key.split(" . ")]
    return b"".join(first for first, _ in ends), b"".join(last for _, last in ends)


def _ends(part: str) -> tuple[bytes, bytes]:
    if "/" in part:
        subnet = IPv4Network(part)
        return subnet.network_address.packed, subnet.broadcast_address.packed
    return (_one(part),) * 2


def _one(part: str) -> bytes:
    if part.startswith('"'):
        return part.strip('"').encode().ljust(16, b"\0")
    if part in _PROTOCOLS:
        return struct.pack("B3x", _PROTOCOLS[part])
    if part.isdigit():
        return struct.pack(">H2x", int(part))
    return IPv4Address(part).packed


def _decode(data: bytes) -> str:
    """What a published port leads to, as in "172.17.0.2 . 80"; nothing for an element of a set."""
    return f"{IPv4Address(data[:4])} . {int.from_bytes(data[4:6], 'big')}" if data else ""


def _nothing(question: Question) -> Any:
    """The answer about a namespace that is not there."""
    return frozenset() if isinstance(question, AddressesOf | GatewaysOf) else None
