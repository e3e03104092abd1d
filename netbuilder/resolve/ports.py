"""Published ports: a port of the host for each, in nobody's way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import IPv4Address

from netbuilder.errors import SpecError
from netbuilder.resolve.claims import Claims
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.resolved import ResolvedPort
from netbuilder.spec import Bridge, PublishedPort, Sandbox


def keep_ports(mode: Bridge, had: tuple[ResolvedPort, ...]) -> tuple[PublishedPort, ...]:
    """A port without a number of its own on the host keeps the one that it was given."""
    numbered = {(port.host_ip, port.host_port, port.sandbox_port, port.protocol) for port in mode.publish}
    free: dict[tuple[IPv4Address, int, str], list[int]] = defaultdict(list)
    for port in reversed(had):
        if (port.host_ip, port.host_port, port.sandbox_port, port.protocol) not in numbered:
            free[port.host_ip, port.sandbox_port, port.protocol].append(port.host_port)
    return tuple(_with_number(port, free) for port in mode.publish)


def _with_number(port: PublishedPort, free: dict[tuple[IPv4Address, int, str], list[int]]) -> PublishedPort:
    numbers = free.get((port.host_ip, port.sandbox_port, port.protocol))
    return port.model_copy(update={"host_port": numbers.pop()}) if port.host_port is None and numbers else port


def resolve_ports(
    wired: list[tuple[Sandbox, Bridge]], claims: Claims, facts: HostFacts
) -> dict[str, list[ResolvedPort]]:
    """Each sandbox's published ports, claimed: those with a host port of their own first."""
    asked = [(spec.name, at, port) for spec, mode in wired for at, port in enumerate(mode.publish)]
    chosen: dict[str, dict[int, ResolvedPort]] = {spec.name: {} for spec, _ in wired}
    for name, at, wanted in sorted(asked, key=lambda one: one[2].host_port is None):
        where = f"sandbox {name}.mode.publish[{at}]"
        port = _numbered(wanted, wanted.host_port) if wanted.host_port else _free_port(where, wanted, claims, facts)
        holder = claims.holder_of_port(port)
        if holder:
            raise SpecError(
                where, f"host port {port} is published by sandbox {holder} already", "choose another host port"
            )
        if port in facts.busy:
            raise SpecError(
                where, f"host port {port} is held by a process of the host", "stop it, or choose another port"
            )
        claims.take_port(port, name)
        chosen[name][at] = port
    return {name: [ports[at] for at in sorted(ports)] for name, ports in chosen.items()}


def _numbered(port: PublishedPort, host_port: int) -> ResolvedPort:
    return ResolvedPort(
        host_ip=port.host_ip, host_port=host_port, sandbox_port=port.sandbox_port, protocol=port.protocol
    )


def _free_port(where: str, port: PublishedPort, claims: Claims, facts: HostFacts) -> ResolvedPort:
    """The lowest free port of the range from which the kernel takes them too, but for those that are reserved."""
    for first, last in _unreserved(facts):
        for number in claims.free_ports(port.protocol, first, last):
            candidate = _numbered(port, number)
            if candidate not in facts.busy:
                return candidate
    first, last = facts.ephemeral
    but = " and not reserved" if facts.reserved else ""
    raise SpecError(where, f"no host port from {first} to {last} is free{but}", "name a host port")


def _unreserved(facts: HostFacts) -> Iterator[tuple[int, int]]:
    """The parts of the range that are left between the reserved ones."""
    at, end = facts.ephemeral
    for first, last in sorted(facts.reserved):
        if at <= min(first - 1, end):
            yield at, min(first - 1, end)
        at = max(at, last + 1)
    if at <= end:
        yield at, end
