"""Routes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from netbuilder.steps.base import Address, Dev, Kernel, PlannedRoute, Step, ip
from netbuilder.steps.state import LinkOf, Query, Route, RoutesOf, State
from netbuilder.values import Name
from netbuilder.values.addresses import IPNetwork, everything

_METRIC = {4: 0, 6: 1024}
"""What the kernel takes where none is given (IP6_RT_PRIO_USER)."""


class _Route(Step):
    """A route out of an interface."""

    netns: Name | None = None
    dev: Dev
    metric: int | None = None

    def subject(self) -> str:
        route = self._route()
        return f"{'local ' * route.is_local}route/{route.dst}/{self.metric or 0}@{self.netns}"

    def command(self) -> str:
        return self._ip("append" if self._route().is_local else "add")

    def queries(self) -> tuple[Query[Any], ...]:
        return (self._query(), LinkOf(self.netns, self.dev))

    def holds(self, state: State) -> bool:
        return self._seen(state) in state[self._query()]

    def do(self, kernel: Kernel) -> None:
        kernel.add_route(self.netns, self.dev, self._route())

    def undo_command(self, before: str | None) -> str:
        return self._ip("del")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.delete_route(self.netns, self.dev, self._route())

    def undone(self, state: State) -> Mapping[Query[Any], Any]:
        return {self._query(): state[self._query()] - {self._seen(state)}}

    def is_taken_by(self, seen: Route) -> bool:
        """Whether a route is in its place: to each subnet there is one of a metric; but several that are local."""
        route = self._route()
        metric = self.metric or _METRIC[route.dst.version]
        return not route.is_local and (seen.dst, seen.metric) == (str(route.dst), metric)

    @abstractmethod
    def _route(self) -> PlannedRoute:
        """The route, but for its interface."""

    def _query(self) -> RoutesOf:
        return RoutesOf(self.netns, self._route().is_local)

    def _seen(self, state: State) -> Route | None:
        """The route as it is seen."""
        link, route = state[LinkOf(self.netns, self.dev)], self._route()
        via = str(route.via) if route.via else None
        metric = self.metric or _METRIC[route.dst.version]
        return Route(str(route.dst), via, link.ifindex, metric) if link else None

    def _ip(self, verb: str) -> str:
        route = self._route()
        family = ("-6",) if route.dst.version == 6 else ()
        to = ("local", route.dst) if route.is_local else ("default" if route.dst.prefixlen == 0 else route.dst,)
        via = ("via", route.via) if route.via else ()
        table = ("table", "local") if route.is_local else ()
        metric = () if self.metric is None else ("metric", self.metric)
        return ip(self.netns, *family, "route", verb, *to, *via, "dev", self.dev, *table, *metric)


class AddRoute(_Route):
    """Add a route by a router, or to a subnet that an interface reaches without; the default one is for all the rest.

    See `ip-route(8)`. Of several routes to the same subnet the one with the lowest metric is taken. Without `dst` it is
    the default route of the router's family.
    """

    kind = "AddRoute"

    dst: IPNetwork | None = None
    via: Address | None = None

    def __init__(self, /, **given: Any) -> None:
        super().__init__(**given)
        if self.dst is None and self.via is None:
            raise ValueError("a route needs a subnet (dst), a router (via), or both")
        if self.dst and self.via and self.dst.version != self.via.version:
            raise ValueError(f"{self.via} is no router for {self.dst}: both have to be IPv4, or IPv6")

    def _route(self) -> PlannedRoute:
        like = self.dst or self.via
        assert like is not None
        return PlannedRoute(self.dst or everything(like), self.via, self.metric)


class AddLocalRoute(_Route):
    """Let a subnet count as the host's own on an interface too: what comes in by it for an address there is taken.

    See `ip-route(8)`, under `local`: such routes are in a table of their own. Each interface may have one, of the same
    metric: it is appended to those that are there.
    """

    kind = "AddLocalRoute"

    dst: IPNetwork

    def _route(self) -> PlannedRoute:
        return PlannedRoute(self.dst, metric=self.metric, is_local=True)
