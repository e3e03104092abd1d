"""Published ports: a port of the host for each, in nobody's way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from netbuilder.errors import SpecError
from netbuilder.resolve.claims import Claims
from netbuilder.resolve.facts import HostFacts, HostPort
from netbuilder.resolve.resolved import ResolvedPort
from netbuilder.spec import Bridge, PublishedPort, Sandbox
from netbuilder.values.addresses import Family, IPAddress

_Inside = tuple[IPAddress | None, int, str]
_WORDS: dict[Family, str] = {"ipv4": "IPv4", "ipv6": "IPv6"}


def keep_ports(mode: Bridge, had: tuple[ResolvedPort, ...]) -> tuple[PublishedPort, ...]:
    """A port whose number was chosen keeps the one that it was given: a free one, or one out of a range."""
    numbered = {(*_inside(port), port.host_port) for port in mode.publish if port.host_port and not port.last_host_port}
    given: dict[_Inside, list[int]] = defaultdict(list)
    for port in reversed(had):
        if port.count == 1 and (*_inside(port), port.host_port) not in numbered:
            given[_inside(port)].append(port.host_port)
    return tuple(_with_number(port, given[_inside(port)]) for port in mode.publish)


def _inside(port: PublishedPort | ResolvedPort) -> _Inside:
    return port.host_ip, port.sandbox_port, port.protocol


def _with_number(port: PublishedPort, given: list[int]) -> PublishedPort:
    if port.host_port and not port.last_host_port:
        return port
    number = next((number for number in reversed(given) if not port.choices or number in port.choices), None)
    if number is None:
        return port
    given.remove(number)
    return port.model_copy(update={"host_port": number, "last_host_port": None})


def resolve_ports(
    wired: list[tuple[Sandbox, Bridge]],
    families: Mapping[str, Collection[Family]],
    claims: Claims,
    facts: HostFacts,
) -> dict[str, list[ResolvedPort]]:
    """Each sandbox's published ports, claimed: those with a host port of their own first, then those out of a range.

    Args:
        wired: The sandboxes.
        families: Of which families each has an address, by its name.
        claims: Who holds what; what is chosen is claimed there.
        facts: What the host is like.
    """
    asked = [(spec.name, at, port) for spec, mode in wired for at, port in enumerate(mode.publish)]
    chosen: dict[str, dict[int, ResolvedPort]] = {spec.name: {} for spec, _ in wired}
    for name, at, wanted in sorted(asked, key=lambda one: _freedom(one[2])):
        where = f"sandbox {name}.mode.publish[{at}]"
        _refuse_family(where, wanted, families[name])
        port = _choose(where, wanted, claims, facts)
        claims.take_port(port, name)
        chosen[name][at] = port
    return {name: [ports[at] for at in sorted(ports)] for name, ports in chosen.items()}


def _freedom(port: PublishedPort) -> int:
    """How many numbers will do; any free one, last of all."""
    return len(port.choices) or 1 << 16


def _refuse_family(where: str, port: PublishedPort, has: Collection[Family]) -> None:
    """A port on an address of one family needs a sandbox that has it: an nftables rule does not translate between them.

    Docker has a process (docker-proxy) that takes such connections and opens others.
    """
    if port.host_ip is None:
        return
    (wanted,) = _numbered(port, 1).families
    if wanted not in has:
        problem = f"host_ip {port.host_ip} is of {_WORDS[wanted]}, which the sandbox does not have to lead it to"
        raise SpecError(where, problem, f"give its network {_WORDS[wanted]}, or leave host_ip out")


def _choose(where: str, wanted: PublishedPort, claims: Claims, facts: HostFacts) -> ResolvedPort:
    if wanted.host_port is None:
        return _free_port(where, wanted, claims, facts)
    if wanted.last_host_port is not None:
        return _out_of_range(where, wanted, claims, facts)
    port = _numbered(wanted, wanted.host_port)
    holder = claims.holder_of_port(port)
    if holder:
        raise SpecError(where, f"host port {port} is published by sandbox {holder} already", "choose another host port")
    if busy := _busy(port, facts):
        which = f"host port {port}" if port.count == 1 else f"{busy} of host ports {port}"
        raise SpecError(where, f"{which} is held by a process of the host", "stop it, or choose another port")
    return port


def _busy(port: ResolvedPort, facts: HostFacts) -> int | None:
    """The first of a port's numbers that a process of the host holds."""
    if port.count == 1:  # most are
        return port.host_port if HostPort(port.protocol, port.host_ip, port.host_port) in facts.busy else None
    busy = (one.number for one in facts.busy if one[:2] == (port.protocol, port.host_ip))
    return min((number for number in busy if port.host_port <= number <= port.last_host_port), default=None)


def _numbered(port: PublishedPort, host_port: int) -> ResolvedPort:
    return ResolvedPort(
        host_ip=port.host_ip,
        host_port=host_port,
        sandbox_port=port.sandbox_port,
        protocol=port.protocol,
        count=port.count,
    )


def _first_free(port: PublishedPort, numbers: Iterable[int], claims: Claims, facts: HostFacts) -> ResolvedPort | None:
    candidates = (_numbered(port, number) for number in numbers)
    return next((one for one in candidates if not claims.holder_of_port(one) and not _busy(one, facts)), None)


def _out_of_range(where: str, port: PublishedPort, claims: Claims, facts: HostFacts) -> ResolvedPort:
    chosen = _first_free(port, port.choices, claims, facts)
    if chosen is None:
        first, last = port.host_port, port.last_host_port
        raise SpecError(where, f"none of the host ports {first}-{last} is free", "name a wider range, or other ports")
    return chosen


def _free_port(where: str, port: PublishedPort, claims: Claims, facts: HostFacts) -> ResolvedPort:
    """The lowest free port of the range from which the kernel takes them too, but for those that are reserved."""
    for first, last in _unreserved(facts):
        chosen = _first_free(port, claims.free_ports(port.protocol, first, last), claims, facts)
        if chosen:
            return chosen
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
