"""Published ports, in the words of Docker's `-p [HOST_IP:][HOST_PORT:]SANDBOX_PORT[/PROTOCOL]`."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler

from netbuilder.spec.addresses import Address
from netbuilder.spec.base import Spec, constructor
from netbuilder.values import ANY, BROADCAST, Protocol

Port = Annotated[int, Field(ge=1, le=65535, strict=True)]

_SYNTAX = re.compile(
    r"(?:(?P<ip>[0-9.]*):)?(?:(?P<host>[0-9-]*):)?(?P<inside>[0-9-]+)(?:/(?P<protocol>[A-Za-z]+))?", re.ASCII
)
_WRITE = "write [HOST_IP:][HOST_PORT:]SANDBOX_PORT[/tcp|/udp], like 8088:80 or 127.0.0.1:9090:80/tcp"


def _of_a_host(address: IPv4Address) -> IPv4Address:
    if address.is_multicast or address == BROADCAST:
        raise ValueError(f"{address} is not an address that a host can have: it is for many at once")
    return address


class PublishedPort(Spec):
    """A port of the host that leads to a port of a sandbox, as with `docker run -p`.

    Args:
        sandbox_port: The port inside, 1 to 65535.
        host_port: The port on the host, 1 to 65535; None takes a free one of the host's ephemeral range.
        host_ip: The address of the host that the port is open on; 0.0.0.0 is all of them.
        protocol: "tcp" or "udp".
    """

    sandbox_port: Port
    host_port: Port | None = None
    host_ip: Annotated[Address, AfterValidator(_of_a_host)] = ANY
    protocol: Protocol = "tcp"

    @constructor
    def __init__(
        self,
        sandbox_port: int,
        *,
        host_port: int | None = None,
        host_ip: IPv4Address | str = ANY,
        protocol: Protocol = "tcp",
    ) -> None: ...

    def __str__(self) -> str:
        """The port in Docker's syntax; `parse` reads it back."""
        ip = f"{self.host_ip}:" if self.host_ip != ANY else ""
        # An address is told from a port by what follows it: "IP::80" is a free port on that address.
        host = f"{self.host_port or ''}:" if self.host_port or ip else ""
        return f"{ip}{host}{self.sandbox_port}/{self.protocol}"

    @classmethod
    def parse(cls, text: str | int) -> tuple[PublishedPort, ...]:
        """Read Docker's port syntax; a range such as 8000-8002:80-82 gives one port each.

        Raises:
            ValueError: If the text is malformed, a port is not in 1 to 65535, or two ranges differ in length.
        """
        text = str(text)
        match = _SYNTAX.fullmatch(text) if len(text) <= 64 else None
        if match is None:
            raise ValueError(f"{text[:64]!r} is not a valid published port: {_WRITE}")
        ip, host = match["ip"], match["host"]
        if ip is not None and host is None:  # "8088:80": where two parts stand, the first is the port
            ip, host = None, ip
        protocol: Any = (match["protocol"] or "tcp").lower()
        if protocol not in ("tcp", "udp"):
            raise ValueError(f"protocol {match['protocol']!r} in {text!r} is not supported: use tcp or udp")
        inside = _ports(match["inside"], text)
        outside: list[int | None] = [*_ports(host, text)] if host else [None] * len(inside)
        if len(inside) != len(outside):
            raise ValueError(
                f"{text!r} pairs {len(outside)} host ports with {len(inside)} sandbox ports: make them as many"
            )
        return tuple(
            cls(sandbox_port=port, host_port=at, host_ip=_host_ip(ip, text), protocol=protocol)
            for at, port in zip(outside, inside, strict=True)
        )


def _host_ip(text: str | None, whole: str) -> IPv4Address:
    try:
        return _of_a_host(IPv4Address(text)) if text else ANY
    except AddressValueError as error:
        raise ValueError(f"{text!r} in {whole!r} is not a valid IPv4 address ({error})") from None


def _ports(text: str, whole: str) -> range:
    """The ports that "80" or "80-89" names."""
    first, dash, last = text.partition("-")
    try:
        ports = range(int(first), int(last if dash else first) + 1)
    except ValueError:
        raise ValueError(f"{text!r} in {whole!r} is not a valid port or range of ports: {_WRITE}") from None
    if not ports:
        raise ValueError(f"range {text} in {whole!r} runs backwards")
    if ports[0] < 1 or ports[-1] > 65535:
        raise ValueError(f"{text} in {whole!r} is outside 1 to 65535")
    return ports


def _spelled_out(value: object) -> object:
    """Published ports in Docker's syntax as values; a range becomes one port each."""
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
            number = {"type": "integer", "minimum": 1, "maximum": 65535}
            described["items"] = {"anyOf": [{"type": "string"}, number, described["items"]]}
        return described


PublishedPorts = Annotated[tuple[PublishedPort, ...], BeforeValidator(_spelled_out), _InDockersSyntax()]
"""Published ports, given in Docker's `-p` syntax or as values."""
