"""The filter that sees a published port on both sides of the NAT, in tcpdump's language (pcap-filter(7))."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from netbuilder.values.addresses import IPAddress

_NAMED = re.compile(r"\b(?P<way>(?:(?:src|dst)\s+)?)host\s+(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)(?=[\s)]|$)")


class Way(NamedTuple):
    """A published port: where on the host it is open (None: on all its addresses), and where inside it leads."""

    protocol: str
    host_ip: IPAddress | None
    host_port: int
    inside: Sequence[IPAddress]
    inside_port: int


def both_sides(ways: Iterable[Way]) -> str:
    """What goes to published ports and what comes back, as it is outside and as it is inside."""
    return " or ".join(dict.fromkeys(part for way in ways for part in _sides(way)))


def _sides(way: Way) -> list[str]:
    outside = f"{way.protocol} port {way.host_port}"
    at = "" if way.host_ip is None or way.host_ip.is_unspecified else f"host {way.host_ip} and "
    inside = [f"(host {address} and {way.protocol} port {way.inside_port})" for address in way.inside]
    return [f"({at}{outside})", *inside]


def with_addresses(expression: str, sandboxes: Mapping[str, Sequence[IPAddress]]) -> str:
    """An expression with addresses in place of sandboxes' names behind `host`: libpcap would ask the DNS for those."""

    def addressed(found: re.Match[str]) -> str:
        addresses = sandboxes.get(found["name"])
        if not addresses:
            return found[0]
        either = (f"{found['way']}host {address}" for address in addresses)
        return f"({' or '.join(either)})"

    return _NAMED.sub(addressed, expression)


def joined(*expressions: str) -> str:
    """What all of some expressions let through; an empty one lets everything."""
    return " and ".join(f"({one})" for one in expressions if one.strip())
