"""Where a capture listens: the host's uplink and the sandboxes' own interfaces, and more if that is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from netbuilder.errors import NetbuilderError, NotFound, SpecError, shown
from netbuilder.host.namespace import NetworkNamespace
from netbuilder.kernel.tap import Tap, interfaces
from netbuilder.packets.published import Way
from netbuilder.resolve.resolved import ResolvedPort
from netbuilder.values.addresses import IPAddress
from netbuilder.values.ports import LAST_PORT

if TYPE_CHECKING:
    from netbuilder.host.sandbox import LiveSandbox
    from netbuilder.host.standing import Standing

MOST = 256
"""Interfaces that are listened to at once: each takes memory of the kernel's."""

_PORT = re.compile(r"(?P<port>[0-9]{1,5})(?:/(?P<protocol>tcp|udp|sctp))?", re.ASCII)


class Spot(NamedTuple):
    """An interface to listen to, and what it is called."""

    namespace: NetworkNamespace
    device: str
    name: str
    description: str

    def open(self) -> Tap:
        """Open it, in its namespace."""
        return self.namespace._inside(lambda: Tap(self.device))


def spots(host: Standing, sandboxes: Sequence[LiveSandbox], also: Iterable[str]) -> list[Spot]:
    """Where to listen, the host's interfaces first, as a packet from outside passes them.

    Args:
        host: The host.
        sandboxes: Those whose interfaces are wanted.
        also: "bridge" and "veth", for what leads to them on the host; or the names of interfaces of the host.

    Raises:
        SpecError: If there is nothing to listen to, or too much.
        NotFound: If the namespace of a sandbox is gone.
    """
    also = list(also)
    devices = [*host._call(host._engine.uplinks), *(one for one in also if one not in ("bridge", "veth"))]
    names = {one.resolved.namespace for one in sandboxes}
    pairs = [pair for pair in host.links() if pair.sandbox in names] if {"bridge", "veth"} & set(also) else []
    devices += [pair.bridge for pair in pairs if pair.bridge and "bridge" in also]
    devices += [pair.veth for pair in pairs if "veth" in also]
    found = [Spot(host, device, f"host:{device}", f"{device} of the host") for device in dict.fromkeys(devices)]
    found += [spot for sandbox in _apart(sandboxes) for spot in _inside(sandbox)]
    if not found:
        raise SpecError("capture", "there is nothing to listen to", "name an interface of the host: --tap NAME")
    if len(found) > MOST:
        raise SpecError("capture", f"{len(found)} interfaces are more than {MOST}", "name the sandboxes to listen to")
    return found


def _apart(sandboxes: Iterable[LiveSandbox]) -> Iterable[LiveSandbox]:
    """One sandbox of each namespace that is not the host's."""
    return {one.resolved.namespace: one for one in sandboxes if one.resolved.namespace}.values()


def _inside(sandbox: LiveSandbox) -> Iterator[Spot]:
    namespace = sandbox.resolved.namespace
    addresses = {one.interface: ", ".join(str(address.ip) for address in one.addresses) for one in sandbox.endpoints}
    place = "sandbox host" if namespace == "host" else namespace  # not to be taken for the host itself
    for device in sandbox._inside(interfaces):
        address = f", {addresses[device]}" if addresses.get(device) else ""
        about = f"{device} of sandbox {sandbox.name}, in namespace {namespace}{address}"
        yield Spot(sandbox, device, f"{place}:{device}", about)


def chosen(host: Standing, named: Sequence[object]) -> list[LiveSandbox]:
    """The sandboxes that are named; or all, but for those whose namespace somebody took away."""
    if named:
        return [host[one] for one in named]  # type: ignore[index]
    found = []
    for one in host.sandboxes():
        with suppress(NotFound):
            one._inside(lambda: None)
            found.append(one)
    return found


def addresses_of(sandboxes: Iterable[LiveSandbox]) -> dict[str, list[IPAddress]]:
    """The addresses of sandboxes, by name."""
    return {one.name: [address.ip for end in one.endpoints for address in end.addresses] for one in sandboxes}


def ways(host: Standing, sandboxes: Iterable[LiveSandbox], published: str | int) -> dict[LiveSandbox, list[Way]]:
    """Where a port of the host leads, by sandbox.

    Args:
        host: The host.
        sandboxes: Those that it may lead to.
        published: The port on the host, like 8088 or "8088/udp"; of any protocol if none is given.

    Raises:
        SpecError: If it is not a port, or leads to none of them.
    """
    match = _PORT.fullmatch(str(published))
    if match is None or not 0 < int(match["port"]) <= LAST_PORT:
        raise SpecError("published", f"{shown(str(published))} is not a port of the host, like 8088 or 8088/udp")
    number, protocol = int(match["port"]), match["protocol"]
    found = {
        sandbox: [
            _way(host, sandbox, port, number)
            for port in sandbox.ports
            if port.host_port <= number <= port.last_host_port and protocol in (None, port.protocol)
        ]
        for sandbox in sandboxes
    }
    found = {sandbox: to for sandbox, to in found.items() if to}
    if not found:
        raise SpecError("published", f"port {published} of the host leads to none of these sandboxes", "see ps")
    return found


def _way(host: Standing, sandbox: LiveSandbox, port: ResolvedPort, number: int) -> Way:
    owner = host.owner_of(sandbox.resolved)
    ends = ((owner.gateway_endpoint(kind), kind) for kind in port.families)
    inside = [address for end, kind in ends if end and (address := end.address(kind))]
    return Way(port.protocol, port.host_ip, number, inside, port.sandbox_port + number - port.host_port)


def opened(found: Iterable[Spot]) -> list[Tap]:
    """Taps at some spots; all, or none."""
    taps: list[Tap] = []
    try:
        for spot in found:
            taps.append(spot.open())
    except (OSError, NetbuilderError):
        for tap in taps:
            tap.close()
        raise
    return taps
