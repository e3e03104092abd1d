"""Sandboxes: their endpoints and ports, and the namespace that each lives in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from netbuilder.errors import SpecError, some
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.claims import Claims
from netbuilder.resolve.endpoints import Endpoints, resolve_endpoints
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.ports import keep_ports, resolve_ports
from netbuilder.resolve.resolved import (
    Label,
    ResolvedEndpoint,
    ResolvedNetwork,
    ResolvedRoute,
    ResolvedSandbox,
    Setting,
)
from netbuilder.spec import Bridge, Container, PublishedPort, Sandbox
from netbuilder.spec.route import Route
from netbuilder.values.addresses import Family, IPAddress, IPNetwork, everything, family

_METRIC = {4: 0, 6: 1024}
"""The metric of a route that is given none (IP6_RT_PRIO_USER)."""


def resolve_sandboxes(
    specs: list[Sandbox],
    networks: Iterable[ResolvedNetwork],
    allocations: Allocations,
    claims: Claims,
    facts: HostFacts,
) -> Iterator[ResolvedSandbox]:
    """Resolve sandboxes, in the order asked for; one in container mode may come before the one that it shares with.

    Raises:
        SpecError: If they contradict each other, what stands or the host.
    """
    on = allocations.networks | {network.name: network for network in networks}
    by_name = {spec.name: spec for spec in specs}
    endpoints = resolve_endpoints(specs, on, allocations, claims, facts)
    wired = [
        (spec, _keep_ports(spec.name, spec.mode, endpoints, on, allocations))
        for spec in specs
        if isinstance(spec.mode, Bridge)
    ]
    families = {name: {family(via) for one in held for via in one.gateways} for name, held in endpoints.items()}
    ports = resolve_ports(wired, families, claims, facts)
    for spec in specs:
        resolved = ResolvedSandbox(
            name=spec.name,
            mode=spec.mode.kind,
            namespace=_namespace(spec, by_name, allocations),
            shares=spec.mode.sandbox if isinstance(spec.mode, Container) else None,
            adopted=_adopted(spec),
            endpoints=endpoints.get(spec.name, ()),
            ports=tuple(ports.get(spec.name, ())),
            waiting=_waiting(spec, families),
            routes=tuple(_routes(spec, endpoints)) if spec.routes else (),
            sysctls=tuple(Setting(key=key, value=value) for key, value in spec.sysctls.items()),
            labels=tuple(Label(name=name, value=value) for name, value in sorted(spec.labels.items())),
            last_group=facts.last_group,
        )
        _refuse_to_leave_sharers(resolved, by_name, allocations)
        yield resolved


def _keep_ports(
    name: str, mode: Bridge, endpoints: Endpoints, networks: dict[str, ResolvedNetwork], allocations: Allocations
) -> Bridge:
    """What is published, each port with the number that it was given and the address that its network binds to."""
    if not mode.publish:
        return mode
    gateways = [one for one in endpoints[name] if one.gateways]
    if not gateways:
        return mode.model_copy(update={"publish": ()})
    had = allocations.sandboxes.get(name)
    binding = networks[gateways[0].network].host_binding
    bound = mode.model_copy(update={"publish": tuple(_bound(port, binding) for port in mode.publish)})
    return bound.model_copy(update={"publish": keep_ports(bound, had.ports)}) if had else bound


def _waiting(spec: Sandbox, families: Mapping[str, Collection[Family]]) -> tuple[str, ...]:
    """On internal networks alone, or on none, a port would reach nobody; as with Docker it is opened once one has."""
    if not isinstance(spec.mode, Bridge) or families[spec.name]:
        return ()
    return tuple(map(str, spec.mode.publish))


def _bound(port: PublishedPort, binding: IPAddress | None) -> PublishedPort:
    return port.model_copy(update={"host_ip": binding}) if binding and port.host_ip is None else port


def _routes(spec: Sandbox, endpoints: Endpoints) -> Iterator[ResolvedRoute]:
    taken = _routes_of(endpoints[spec.name])
    for at, route in enumerate(spec.routes):
        where = f"sandbox {spec.name}.routes[{at}]"
        endpoint = _reached_by(route, endpoints[spec.name])
        if endpoint is None:
            problem = f"{route.via} is of no subnet that the sandbox is on"
            raise SpecError(f"{where}.via", problem, "name a router that is a neighbour")
        place = (route.dst, route.metric or _METRIC[route.dst.version])
        if place in taken:
            problem = f"{route.dst} has a route of that metric already: {taken[place]}"
            raise SpecError(f"{where}.dst", problem, "give one of them another metric")
        taken[place] = f"via {route.via}"
        yield ResolvedRoute(dst=route.dst, via=route.via, interface=endpoint.interface, metric=route.metric)


def _routes_of(endpoints: tuple[ResolvedEndpoint, ...]) -> dict[tuple[IPNetwork, int], str]:
    """What endpoints bring by themselves, as the kernel has one route to each subnet of a metric."""
    default = {(everything(via), _METRIC[via.version]): f"via {via}" for one in endpoints for via in one.gateways}
    on_link = {
        (address.network, 0 if address.version == 4 else 256): f"the subnet of {one.interface}"
        for one in endpoints
        for address in one.addresses
    }
    return default | on_link


def _reached_by(route: Route, endpoints: tuple[ResolvedEndpoint, ...]) -> ResolvedEndpoint | None:
    on_link = (one for one in endpoints if any(route.via in address.network for address in one.addresses))
    return next(on_link, None)


def _adopted(spec: Sandbox) -> str | None:
    return f"/proc/{spec.namespace}/ns/net" if isinstance(spec.namespace, int) else spec.namespace


def _namespace(spec: Sandbox, by_name: dict[str, Sandbox], allocations: Allocations) -> str | None:
    """The name of the pinned namespace that a sandbox lives in, at the end of a chain of container modes."""
    path = [spec.name]
    while isinstance(spec.mode, Container):
        target = spec.mode.sandbox
        _refuse_circle(path, target)
        path.append(target)
        if target not in by_name:
            if target not in allocations.sandboxes:
                problem = f"there is no sandbox {target} whose namespace to share"
                raise SpecError(f"sandbox {spec.name}.mode", problem, "add it, or name one that is there")
            home = allocations.sandboxes[target].namespace
            if home != target:
                _refuse_circle(path, home)
            return home
        spec = by_name[target]
    return None if spec.mode.kind == "host" else spec.name


def _refuse_circle(path: list[str], target: str | None) -> None:
    if target in path:
        problem = f"container mode runs in a circle: {' -> '.join((*path, target))}"
        raise SpecError(f"sandbox {path[0]}.mode", problem, "give one of them a namespace of its own")


def _refuse_to_leave_sharers(after: ResolvedSandbox, asked: dict[str, Sandbox], allocations: Allocations) -> None:
    before = allocations.sandboxes.get(after.name)
    if before is None or (before.namespace, before.adopted) == (after.namespace, after.adopted):
        return
    left = allocations.sharers(after.name) - asked.keys()
    if left:
        raise SpecError(f"sandbox {after.name}.mode", f"its namespace is shared by {some(left)}", "destroy those first")
