"""Published ports, in the words of Docker's `-p [HOST_IP:][HOST_PORT:]SANDBOX_PORT[/PROTOCOL]`."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, Strict, model_validator

from netbuilder.errors import shown
from netbuilder.spec.base import Spec, constructor
from netbuilder.values.addresses import IPAddress
from netbuilder.values.ports import BROADCAST, LAST_PORT, PROTOCOLS, Protocol, on_address, ports_text

Port = Annotated[int, Field(ge=1, le=LAST_PORT, strict=True)]

_SYNTAX = re.compile(
    r"(?:(?:(?P<ip>[][0-9A-Fa-f.:]*):)?(?P<host>[0-9-]*):)?(?P<inside>[0-9-]+)(?:/(?P<protocol>[A-Za-z]*))?", re.ASCII
)
_LONGEST = 80  # an IPv6 address of 39 characters in brackets, two ranges and a protocol
_WRITE = "write [HOST_IP:][HOST_PORT:]SANDBOX_PORT[/tcp|/udp|/sctp], like 8088:80 or 127.0.0.1:9090:80/tcp"


def _address(value: object) -> object:
    """An address given as text, as people do; never as a number."""
    if value is None or type(value) in (IPv4Address, IPv6Address):
        return value
    if not isinstance(value, str):
        raise ValueError("an address of the host is given as text, like 127.0.0.1 or ::1")
    try:
        return ip_address(value)
    except ValueError:
        raise ValueError(f"{shown(value)} is not a valid IPv4 or IPv6 address") from None


def _of_a_host(address: IPAddress | None) -> IPAddress | None:
    if address is None or address.is_unspecified:
        return address
    if address.is_multicast or address == BROADCAST:
        raise ValueError(f"{address} is not an address that a host can have: it is for many at once")
    if isinstance(address, IPv6Address):
        if address.scope_id or address.is_link_local:
            raise ValueError(f"{address} is an address of one link only: name another one of the host's, or none")
        if address.ipv4_mapped:
            raise ValueError(f"{address} is an IPv4 address in IPv6's clothes: write {address.ipv4_mapped}")
    return address


# Strict, pydantic takes no address where it reads JSON; the validator before it is as strict, and takes one.
HostIp = Annotated[
    Annotated[IPv4Address, Strict(False)] | Annotated[IPv6Address, Strict(False)] | None,
    AfterValidator(_of_a_host),
    BeforeValidator(_address),
]
"""An address of the host; 0.0.0.0 is all of IPv4, :: all of IPv6, and None both."""


def _or_free(value: object) -> object:
    """Port 0 is a free one, as Docker and bind(2) have it."""
    return None if type(value) is int and value == 0 else value


class PublishedPort(Spec):
    """A port of the host that leads to a port of a sandbox, as with `docker run -p`; or a range of them.

    Args:
        sandbox_port: The port inside, 1 to 65535; of a range the first.
        host_port: The port on the host, 1 to 65535; of a range the first. None, or 0, takes a free one of the host's
            ephemeral range.
        host_ip: The address of the host that the port is open on: 0.0.0.0 is all of IPv4, :: all of IPv6. None is all
            of both families, the same port on each; where the sandbox has only one of them, that one.
        protocol: "tcp", "udp" or "sctp".
        count: How many ports there are, from `host_port` and from `sandbox_port` on.
        last_host_port: Where one port out of several is enough: the last of them. The first free one from `host_port`
            on is taken (`-p 8000-8009:80`).

    Raises:
        ValidationError: If a range has no end below 65536, or it is not said where on the host it begins.
    """

    sandbox_port: Port
    host_port: Annotated[Port | None, BeforeValidator(_or_free)] = None
    host_ip: HostIp = None
    protocol: Protocol = "tcp"
    count: Port = 1
    last_host_port: Port | None = None

    @constructor
    def __init__(
        self,
        sandbox_port: int,
        *,
        host_port: int | None = None,
        host_ip: IPAddress | str | None = None,
        protocol: Protocol = "tcp",
        count: int = 1,
        last_host_port: int | None = None,
    ) -> None: ...

    @model_validator(mode="after")
    def _is_a_range(self) -> PublishedPort:
        for key, first in (("host_port", self.host_port), ("sandbox_port", self.sandbox_port)):
            if first and first + self.count - 1 > LAST_PORT:
                raise ValueError(f"count: {self.count} ports from {key} {first} on go beyond {LAST_PORT}")
        if self.count > 1 and self.host_port is None:
            raise ValueError(
                f"count: {self.count} ports without a host_port are free ones, each by itself: give host_port,"
                " or publish them one by one"
            )
        if self.last_host_port is not None:
            if self.host_port is None or self.count > 1:
                raise ValueError("last_host_port: is for one port out of a range: give host_port too, and no count")
            if self.last_host_port <= self.host_port:
                raise ValueError(f"last_host_port: {self.last_host_port} is not beyond host_port {self.host_port}")
        return self

    @property
    def choices(self) -> range:
        """The numbers that the (first) port may have on the host; none where it is any free one."""
        return range(self.host_port, (self.last_host_port or self.host_port) + 1) if self.host_port else range(0)

    def __str__(self) -> str:
        """The port in Docker's syntax; `parse` reads it back."""
        ip = on_address(self.host_ip)
        host = ports_text(self.host_port, max(self.count, len(self.choices))) if self.host_port else ""
        # An address is told from a port by what follows it: "IP::80" is a free port on that address.
        colon = ":" if host or ip else ""
        return f"{ip}{host}{colon}{ports_text(self.sandbox_port, self.count)}/{self.protocol}"

    @classmethod
    def parse(cls, text: str | int) -> tuple[PublishedPort, ...]:
        """Read Docker's port syntax.

        A range on both sides (8000-8002:80-82) is one value, with its count, and so is one port out of a range
        (8000-8009:80). A range of ports inside that has none on the host (80-82) is so many free ones, a value each.

        Raises:
            ValueError: If the text is malformed, a port is not in 1 to 65535, or two ranges differ in length.
        """
        text = str(text)
        match = _SYNTAX.fullmatch(text) if len(text) <= _LONGEST else None
        if match is None:
            raise ValueError(f"{text[:64]!r} is not a valid published port: {_WRITE}")
        protocol: Any = (match["protocol"] or "tcp").lower()
        if protocol not in PROTOCOLS:
            raise ValueError(f"protocol {match['protocol']!r} in {text!r} is not supported: use tcp, udp or sctp")
        on = {"host_ip": _host_ip(match["ip"], text), "protocol": protocol}
        inside = _ports(match["inside"], text)
        if not match["host"]:
            return tuple(cls(port, **on) for port in inside)
        outside = _ports(match["host"], text, first=0)
        if len(inside) == 1 and len(outside) > 1:
            return (cls(inside[0], host_port=outside[0], last_host_port=outside[-1], **on),)
        if len(inside) != len(outside):
            raise ValueError(
                f"{text!r} pairs {len(outside)} host ports with {len(inside)} sandbox ports: make them as many"
            )
        return (cls(inside[0], host_port=outside[0], count=len(inside), **on),)


def _host_ip(text: str | None, whole: str) -> IPAddress | None:
    bare = text[1:-1] if text and text[0] + text[-1] == "[]" else text
    try:
        return _of_a_host(ip_address(bare)) if bare else None
    except ValueError as error:
        raise ValueError(f"{text!r} in {whole!r} is not a valid address of a host ({error})") from None


def _ports(text: str, whole: str, first: int = 1) -> range:
    """The ports that "80" or "80-89" names. 0 alone may be one, where a free one will do."""
    lowest, dash, highest = text.partition("-")
    try:
        ports = range(int(lowest), int(highest if dash else lowest) + 1)
    except ValueError:
        raise ValueError(f"{text!r} in {whole!r} is not a valid port or range of ports: {_WRITE}") from None
    if not ports:
        raise ValueError(f"range {text} in {whole!r} runs backwards")
    if ports[0] < (1 if dash else first) or ports[-1] > LAST_PORT:
        raise ValueError(f"{text} in {whole!r} is outside 1 to {LAST_PORT}")
    return ports


def _spelled_out(value: object) -> object:
    """Published ports in Docker's syntax as values."""
    if not isinstance(value, list | tuple):
        raise ValueError('publish is a list, like ["8088:80"]: the port on the host, and the one inside')
    ports: list[object] = []
    for port in value:
        ports.extend(PublishedPort.parse(port) if isinstance(port, str | int) else [port])
    return tuple(ports)


class _InDockersSyntax:
    """For the JSON Schema of what is read: a published port may be text or a number, too."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler(schema)
        if handler.mode == "validation":
            number = {"type": "integer", "minimum": 1, "maximum": LAST_PORT}
            described["items"] = {"anyOf": [{"type": "string"}, number, described["items"]]}
        return described


PublishedPorts = Annotated[tuple[PublishedPort, ...], BeforeValidator(_spelled_out), _InDockersSyntax()]
"""Published ports, given in Docker's `-p` syntax or as values."""
