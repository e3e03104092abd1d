"""What the kernel was seen to hold: questions, and a State that has the answers.

A step says which questions it depends on; the kernel answers all of a plan's questions in one look. Nothing here knows
how: that is `netbuilder.kernel.observe`. A netns of None is the host's own namespace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class PinOf:
    """The namespace pinned under a name: its inode; 0 if only an empty file is there; None if nothing is."""

    name: str


@dataclass(frozen=True, slots=True)
class LinkOf:
    """One interface, by name: a `Link`, or None."""

    netns: str | None
    name: str


@dataclass(frozen=True, slots=True)
class AddressesOf:
    """The IPv4 addresses of one interface: a frozenset such as {"172.17.0.1/16"}."""

    netns: str | None
    dev: str


@dataclass(frozen=True, slots=True)
class GatewaysOf:
    """The routers that default routes of one namespace lead by: a frozenset such as {"172.17.0.1"}."""

    netns: str | None


@dataclass(frozen=True, slots=True)
class SysctlOf:
    """One setting under /proc/sys: its text, or None if the kernel has none of that name."""

    netns: str | None
    key: str


@dataclass(frozen=True, slots=True)
class ElementOf:
    """One element of a set or map of our nftables table: its data ("" in a set), or None."""

    set: str
    key: str


@dataclass(frozen=True, slots=True)
class TableOf:
    """The rules of an nftables table, as `firewall.outline` gives them; None if there is no such table."""

    name: str


Question = PinOf | LinkOf | AddressesOf | GatewaysOf | SysctlOf | ElementOf | TableOf


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


class State:
    """Answers to questions, as they were at one moment."""

    def __init__(self, answers: Mapping[Question, Any]) -> None:
        self._answers = answers

    def pin(self, name: str) -> int | None:
        """The answer to `PinOf`."""
        answer: int | None = self._answers[PinOf(name)]
        return answer

    def link(self, netns: str | None, name: str) -> Link | None:
        """The answer to `LinkOf`."""
        answer: Link | None = self._answers[LinkOf(netns, name)]
        return answer

    def addresses(self, netns: str | None, dev: str) -> frozenset[str]:
        """The answer to `AddressesOf`."""
        answer: frozenset[str] = self._answers[AddressesOf(netns, dev)]
        return answer

    def gateways(self, netns: str | None) -> frozenset[str]:
        """The answer to `GatewaysOf`."""
        answer: frozenset[str] = self._answers[GatewaysOf(netns)]
        return answer

    def sysctl(self, netns: str | None, key: str) -> str | None:
        """The answer to `SysctlOf`."""
        answer: str | None = self._answers[SysctlOf(netns, key)]
        return answer

    def element(self, set_: str, key: str) -> str | None:
        """The answer to `ElementOf`."""
        answer: str | None = self._answers[ElementOf(set_, key)]
        return answer

    def table(self, name: str) -> Mapping[str, tuple[str, ...]] | None:
        """The answer to `TableOf`."""
        answer: Mapping[str, tuple[str, ...]] | None = self._answers[TableOf(name)]
        return answer
