"""Routes."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from netbuilder.steps.base import Dev, Kernel, Step, ip
from netbuilder.steps.state import LinkOf, Query, Route, RoutesOf, State
from netbuilder.values import Name

DEFAULT = IPv4Network("0.0.0.0/0")
"""Every address: the subnet of a default route."""


class AddRoute(Step):
    """Add a route by a router; the default one is for whatever is not a neighbour.

    See `ip-route(8)`. Of several routes to the same subnet the one with the lowest metric is taken.
    """

    kind = "AddRoute"

    netns: Name | None = None
    dst: IPv4Network = DEFAULT
    via: IPv4Address
    dev: Dev
    metric: int | None = None

    def subject(self) -> str:
        return f"route/{self._dst()}/{self.metric or 0}@{self.netns}"

    def command(self) -> str:
        return ip(self.netns, "route", "add", *self._words())

    def queries(self) -> tuple[Query[Any], ...]:
        return (RoutesOf(self.netns), LinkOf(self.netns, self.dev))

    def holds(self, state: State) -> bool:
        return self._route(state) in state[RoutesOf(self.netns)]

    def do(self, kernel: Kernel) -> None:
        kernel.add_route(self.netns, self.dst, self.via, self.dev, self.metric)

    def undo_command(self, before: str | None) -> str:
        return ip(self.netns, "route", "del", *self._words())

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.delete_route(self.netns, self.dst, self.via, self.dev, self.metric)

    def undone(self, state: State) -> Mapping[Query[Any], Any]:
        return {RoutesOf(self.netns): state[RoutesOf(self.netns)] - {self._route(state)}}

    def _dst(self) -> str:
        return "default" if self.dst == DEFAULT else str(self.dst)

    def _words(self) -> tuple[object, ...]:
        metric = () if self.metric is None else ("metric", self.metric)
        return (self._dst(), "via", self.via, "dev", self.dev, *metric)

    def _route(self, state: State) -> Route | None:
        link = state[LinkOf(self.netns, self.dev)]
        return Route(self._dst(), str(self.via), link.ifindex, self.metric or 0) if link else None
