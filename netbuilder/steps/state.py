"""What the kernel was seen to hold: queries, and a State that has the answers.

A step says which queries it depends on, and the kernel answers all of a call's in one look. Nothing here knows how:
that is `netbuilder.kernel.observe`. A netns of None is the host's own namespace.

A query also says which things its answer is part of. When a thing goes, the kernel takes along what is part of it: with
a namespace its interfaces, with an interface its addresses and settings, with a table its elements. This is where that
is written down, and how a State tells what it will look like once something is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from netbuilder.firewall.guarded import Guarded

T = TypeVar("T")

Thing = tuple[str, str | None, str]
"""Something that other facts are part of: ("netns", None, NAME), ("link", NETNS, NAME) or TABLE."""

TABLE: Thing = ("table", None, "netbuilder")


def netns_thing(name: str) -> Thing:
    """A network namespace, by the name of its pin."""
    return ("netns", None, name)


def link_thing(netns: str | None, name: str) -> Thing:
    """An interface."""
    return ("link", netns, name)


class Query(Generic[T]):
    """Something to ask the kernel, whose answer is a T.

    A value, which nobody changes; but not `frozen`: each would be three times as dear, and a sandbox takes a hundred.
    """

    __slots__ = ()
    absent: ClassVar[Any] = None
    """The answer where the namespace or the thing is not there."""

    @property
    def inside(self) -> str | None:
        """The sandbox namespace that has to be entered for the answer; None for the host's own."""
        return getattr(self, "netns", None)

    def part_of(self) -> tuple[Thing, ...]:
        """The things with which the answer would go."""
        return (netns_thing(self.inside),) if self.inside else ()


@dataclass(unsafe_hash=True, slots=True)
class PinOf(Query[int | None]):
    """The namespace pinned under a name: its inode; 0 if only an empty file is there; None if nothing is."""

    name: str

    def part_of(self) -> tuple[Thing, ...]:
        """The namespace: what is unpinned for good is gone."""
        return (netns_thing(self.name),)


@dataclass(unsafe_hash=True, slots=True)
class NamespaceOf(Query[int | None]):
    """The network namespace that a path leads to: its inode; None if it leads to no network namespace."""

    path: str


class Link(NamedTuple):
    """What is seen of one interface."""

    ifindex: int
    kind: str
    up: bool
    mac: str
    mtu: int
    master: int
    alias: str
    hairpin: bool
    link_local: bool
    """Whether it gives itself an IPv6 link-local address when it comes up."""
    isolated: bool = False
    """Whether it is an isolated port of its bridge."""


class OfLink:
    """What is asked of one interface: `netns` and `dev`."""

    __slots__ = ()
    netns: str | None
    dev: str

    def part_of(self) -> tuple[Thing, ...]:
        """The interface, and the namespace that it is in."""
        return (link_thing(self.netns, self.dev), *((netns_thing(self.netns),) if self.netns else ()))


@dataclass(unsafe_hash=True, slots=True)
class LinkOf(OfLink, Query[Link | None]):
    """One interface, by name."""

    netns: str | None
    dev: str


@dataclass(unsafe_hash=True, slots=True)
class AddressesOf(OfLink, Query[frozenset[str]]):
    """The addresses of one interface, such as {"172.17.0.1/16", "fe80::42/64"}, those that the kernel gave it too."""

    absent: ClassVar[Any] = frozenset()
    netns: str | None
    dev: str


@dataclass(unsafe_hash=True, slots=True)
class AddressesIn(Query[frozenset[tuple[str, str]]]):
    """The addresses of all interfaces of one namespace, such as {("eth0", "172.17.0.2/16")}."""

    absent: ClassVar[Any] = frozenset()
    netns: str | None


class Route(NamedTuple):
    """One route: a subnet, the router if there is one, the interface's index, and the metric (in IPv4 0 for none)."""

    dst: str
    via: str | None
    ifindex: int
    metric: int

    @property
    def version(self) -> int:
        """Of which family it is: 4 or 6."""
        return 6 if ":" in self.dst else 4

    @property
    def is_default(self) -> bool:
        """Whether it is for all that no other route is for."""
        return self.dst in ("0.0.0.0/0", "::/0")


@dataclass(unsafe_hash=True, slots=True)
class RoutesOf(Query[frozenset[Route]]):
    """The routes of one namespace but for those that the kernel makes: of its main table, or of the one for what is
    local."""

    absent: ClassVar[Any] = frozenset()
    netns: str | None
    local: bool = False


@dataclass(unsafe_hash=True, slots=True)
class SysctlOf(Query[str | None]):
    """One setting under /proc/sys: its text, or None if the kernel has none of that name."""

    netns: str | None
    key: str

    def part_of(self) -> tuple[Thing, ...]:
        """The interface that it is a setting of, and the namespace."""
        family = self.key.split("/")
        dev = family[3] if family[2:3] == ["conf"] and len(family) == 5 else "all"
        of_link = () if dev in ("all", "default") else (link_thing(self.netns, dev),)
        return (*of_link, *((netns_thing(self.netns),) if self.netns else ()))


@dataclass(unsafe_hash=True, slots=True)
class DroppedElsewhere(Query[tuple[str, ...]]):
    """What other firewalls drop of what is to pass, in a line for each rule or policy."""

    absent: ClassVar[Any] = ()
    networks: tuple[Guarded, ...]


@dataclass(unsafe_hash=True, slots=True)
class ElementOf(Query[str | None]):
    """One element of a set or map of our nftables table: its data ("" in a set), or None."""

    set: str
    key: str

    def part_of(self) -> tuple[Thing, ...]:
        """The table."""
        return (TABLE,)


@dataclass(unsafe_hash=True, slots=True)
class TableOf(Query[Mapping[str, tuple[str, ...]] | None]):
    """The rules of an nftables table, as `firewall.outline` gives them; None if there is no such table."""

    name: str

    def part_of(self) -> tuple[Thing, ...]:
        """The table."""
        return (TABLE,)


@dataclass(unsafe_hash=True, slots=True)
class TableCommentOf(Query[str | None]):
    """The comment of an nftables table, which costs less to ask than its rules; None if there is no such table."""

    name: str


class State:
    """Answers to queries, as they were at one moment."""

    def __init__(self, answers: Mapping[Query[Any], Any]) -> None:
        self._answers = answers

    def __getitem__(self, query: Query[T]) -> T:
        """The answer to a query."""
        answer: T = self._answers[query]
        return answer

    def get(self, query: Query[T]) -> T | None:
        """The answer to a query, or None if it was not asked."""
        return self._answers.get(query)

    def items(self) -> Iterable[tuple[Query[Any], Any]]:
        """Every query with its answer."""
        return self._answers.items()


def is_part_of(queries: Iterable[Query[Any]], things: set[Thing]) -> bool:
    """Whether what some queries ask about goes along with one of some things."""
    return any(things.intersection(one.part_of()) for one in queries)
