"""One packet, sent or waited for, and its way through the host (`Host.trace`)."""

from __future__ import annotations

import os
import random
import re
import select
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

from netbuilder.errors import NotFound, SpecError, shown
from netbuilder.host.probe import opened, sent
from netbuilder.host.sandbox import LiveSandbox
from netbuilder.kernel.questions import Questions
from netbuilder.kernel.station import Station, is_translating
from netbuilder.packets import filter, marks
from netbuilder.packets.marks import Asked
from netbuilder.packets.protocols import ICMP, TCP, UDP
from netbuilder.packets.story import told
from netbuilder.packets.trace import Outcome, Trace
from netbuilder.packets.ways import marked
from netbuilder.values.addresses import IPAddress

if TYPE_CHECKING:
    from netbuilder.host import Host
    from netbuilder.host.namespace import NetworkNamespace

Protocol = Literal["tcp", "udp", "icmp"]

HOST, OUTSIDE = "host", "outside"
_TO = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<place>[^:\[\]]+))(?::(?P<port>\d{1,5}))?")
_NUMBERS = {"tcp": TCP, "udp": UDP, "icmp": ICMP}
_ANSWERED, _WATCH = 1.0, 60.0  # seconds to wait for an answer, and for somebody else's packet
_ANSWER = 0.3  # seconds that the answer to somebody else's packet has
_GLANCE = 0.05
_PORTS = range(1, 65536)


def trace(host: Host, sender: str, to: str, protocol: Protocol | None, watch: bool, timeout: float | None) -> Trace:
    """See `Host.trace`."""
    if sender == OUTSIDE and not watch:
        raise SpecError(
            "from", "another machine is not ours to send from", "take its next packet: --watch, or watch=True"
        )
    tracing = Tracing(host, sender, to, protocol, watch)
    if watch:
        return tracing.wait(_WATCH if timeout is None else timeout)
    return tracing.send(_ANSWERED if timeout is None else timeout)


class Tracing:
    """One call: what is asked for, and the namespaces that are watched for it."""

    def __init__(self, host: Host, sender: str, to: str, protocol: Protocol | None, watch: bool) -> None:
        self._host, self._sender, self._to = host, sender, to
        self._from = self._place(sender)
        place, port = _parsed(to)
        self._asked = self._meant(place, port, protocol or ("tcp" if port else "icmp"), watch)
        self._table = f"netbuilder_trace_{os.urandom(4).hex()}"
        self._places: dict[str, NetworkNamespace] = {**self._watched(), HOST: host}
        self._stations: dict[str, Station] = {}

    def send(self, patience: float) -> Trace:
        """Send a packet, and follow it and its answer."""
        address = self._asked.address
        assert address is not None
        with ExitStack() as stack:
            probe = stack.enter_context(opened(self._from or self._host, self._asked.protocol, address.version))
            number = probe.getsockname()[1] if self._asked.port else random.randrange(1, 1 << 16)
            self._open(stack, lambda has: marks.of_probe(self._asked, number, has), number)
            outcome, why = sent(probe, self._asked, number, patience)
            return self._told(outcome, number, why)

    def wait(self, patience: float) -> Trace:
        """Follow the next packet that is as meant."""
        with ExitStack() as stack:
            chain, sources = self._sources()
            self._open(stack, lambda has: list(marks.of_next(self._asked, chain, sources, has)), 0)
            host, until = self._stations[HOST], time.monotonic() + patience
            while marked(host.look()) is None:
                if time.monotonic() > until:
                    return self._told("nothing came", 0)
                select.select([host], (), (), _GLANCE)
            time.sleep(_ANSWER)
            trace = self._told("no answer", 0)
            back = trace.answer
            if back is None:
                return trace
            is_refusal = "RST" in back.packet or "unreachable" in back.packet
            return trace.replace(outcome="refused" if is_refusal else "answered")

    def _place(self, name: str) -> LiveSandbox | None:
        """A sandbox with a network of its own; None of what is on the host, or outside."""
        if name in (HOST, OUTSIDE):
            return None
        sandbox = self._host[name]
        return sandbox if sandbox.resolved.namespace else None

    def _meant(self, place: str, port: int | None, protocol: Protocol, watch: bool) -> Asked:
        if protocol not in _NUMBERS:
            raise SpecError("protocol", f"{shown(protocol)} is none of {', '.join(_NUMBERS)}")
        if protocol == "icmp" and port:
            raise SpecError("to", "ICMP has no ports", "leave out the port, or take tcp or udp")
        if protocol != "icmp" and not port:
            raise SpecError("to", f"{protocol} takes a port", f"write {place}:PORT")
        address = self._address(place, watch)
        inside = next((leads for name, leads in self._published(protocol, port, address)), None)
        return Asked(protocol, address, port, inside)

    def _address(self, place: str, watch: bool) -> IPAddress | None:
        """The address of a place."""
        address = _read(place)
        if address is not None:
            return address
        if place == HOST:
            if watch:
                return None
            gateways = self._from.endpoints if self._from else ()
            return next((ip for one in gateways for ip in one.gateways), ip_address("127.0.0.1"))
        if place == OUTSIDE:
            raise SpecError("to", "outside has no address", "write the address of another machine")
        sandbox = self._host[place]
        address = sandbox.address or sandbox.address6
        if address is None:
            raise SpecError("to", f"sandbox {sandbox.name} has no address", "write an address")
        return address

    def _published(self, protocol: str, port: int | None, address: IPAddress | None) -> Iterator[tuple[str, int]]:
        """The sandboxes that a port of the host may lead into, each with the port inside."""
        for sandbox in self._host.sandboxes():
            for one in sandbox.resolved.ports:
                is_there = one.host_ip is None or address is None or one.host_ip == address
                if port and is_there and one.protocol == protocol and one.host_port <= port <= one.last_host_port:
                    yield sandbox.name, one.sandbox_port + port - one.host_port

    def _sources(self) -> tuple[str, list[str]]:
        """Where the host first meets what the sender sends, and what it is known by."""
        if self._from:
            macs = [f"ether saddr {one.mac}" for one in self._from.endpoints]
            if not macs:
                raise SpecError("from", f"{self._sender} is on no network", "nothing that it sends gets to the host")
            return "prerouting_first", macs
        if self._sender != OUTSIDE:
            return "output_first", [""]
        bridges = ", ".join(f'"{one.bridge}"' for one in self._host.networks())
        inside = f"iifname != {{ {bridges} }} " if bridges else ""
        return "prerouting_first", [f'iifname != "lo" {inside}'.strip()]

    def _watched(self) -> dict[str, LiveSandbox]:
        """The sandboxes that it may pass, by the name of their namespace."""
        asked = self._asked
        names = {name for name, _ in self._published(asked.protocol, asked.port, asked.address)}
        there = [self._from] if self._from else []
        for one in self._host.sandboxes():
            addresses = {address.ip for endpoint in one.endpoints for address in endpoint.addresses}
            if one.name in names or asked.address in addresses:
                there.append(one)
        return {one.resolved.namespace: one for one in there if one.resolved.namespace}

    def _open(self, stack: ExitStack, rules: Callable[[bool], list[str]], number: int) -> None:
        asked = self._asked
        ports = {*asked.ports, number} if asked.port else set()
        program = filter.ports(_NUMBERS[asked.protocol], ports - {0})

        inside = [*(marks.of_probe(asked, number, False) if number else ()), *marks.of_destination(asked)]

        def station(name: str) -> Station:
            return Station(name, self._table, rules(is_translating()) if name == HOST else inside, program)

        for name, place in self._places.items():
            self._stations[name] = place._inside(partial(station, name))
            stack.callback(self._stations[name].close)

    def _told(self, outcome: Outcome, number: int, why: str = "") -> Trace:
        for name, station in self._stations.items():
            try:
                self._places[name]._inside(station.count)
            except NotFound:  # gone by now
                continue
        everywhere = [station.look() for station in self._stations.values()]
        asked = Questions(self._stations)
        protocol = self._asked.protocol
        cables = {end.veth: one.name for one in self._host.sandboxes() for end in one.resolved.endpoints}
        return told(self._sender, self._to, protocol, outcome, everywhere, asked, number, why, cables)


def _read(text: str) -> IPAddress | None:
    """An address; one of IPv6 with a zone is none, as a zone may be any text."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def _parsed(to: str) -> tuple[str, int | None]:
    """A destination, and its port if it has one."""
    if _read(to) is not None:
        return to, None
    found = _TO.fullmatch(to)
    if found is None or (found["six"] is not None and _read(found["six"]) is None):
        raise SpecError("to", f"{shown(to)} is no destination", "as in web:80, 192.0.2.1:8088 or [::1]:80")
    port = int(found["port"]) if found["port"] else None
    if port is not None and port not in _PORTS:
        raise SpecError("to", f"{port} is not a valid port")
    return found["six"] or found["place"] or "", port
