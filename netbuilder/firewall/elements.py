"""What networks, published ports and the host itself enter into the sets and maps of the table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from netbuilder.addresses import IPAddress
from netbuilder.firewall.outline import TABLE
from netbuilder.resolve.resolved import HostBaseline, ResolvedNetwork
from netbuilder.spec.ports import ports_text

_NAME = re.compile(r"[!#-)+-.0-9:-\[\]-~]{1,15}")  # printable, but for what nft reads otherwise: " * and \\


class Element(NamedTuple):
    """An element of a set, in nft's words, and why it is there."""

    set: str
    key: str
    why: str


class Entry(NamedTuple):
    """What is entered into a set or map, in nft's words: the key, and the data that a map has for it."""

    set: str
    key: str
    data: str = ""


def element_command(entries: Sequence[Entry], verb: str = "add") -> str:
    """Entries of one set or map as nft adds or deletes them."""
    elements = ", ".join(f"{one.key} : {one.data}" if one.data else one.key for one in entries)
    return f"{verb} element {TABLE} {entries[0].set} {{ {elements} }}"


def baseline_elements(baseline: HostBaseline) -> list[Element]:
    """What has nothing to do with our bridges is forwarded as before: IPv4 by a router, IPv6 as the host has it."""
    elements = [Element("forwarding", "ipv6", "IPv6 that passes through this host is forwarded as before")]
    if baseline.forwarding_before:
        return [*elements, Element("forwarding", "ipv4", "the host was a router before: it stays one")]
    on, present = (filter(is_name, names) for names in (baseline.forwarding_on, baseline.present))
    return [
        *elements,
        *(Element("forwarding_on", f'"{name}"', f"{name} forwarded before: it goes on") for name in on),
        *(Element("present", f'"{name}"', f"{name} is there: the host becomes no router for it") for name in present),
    ]


def network_elements(network: ResolvedNetwork) -> list[Element]:
    """What a network enters into the sets."""
    bridge = f'"{network.bridge}"'
    elements = [
        Element("bridges", bridge, "the rules apply to this bridge"),
        Element("icc", f"{bridge} . {bridge}", "neighbours on it may talk to each other"),
    ]
    for gateway in network.gateways:
        elements += [
            Element("gateways", str(gateway.ip), "no other machine reaches the gateway's address"),
            Element("subnets", f"{bridge} . {gateway.network}", "what comes in by the bridge comes from its subnet"),
        ]
    if network.internal:
        return [*elements, Element("internal", bridge, "nothing leaves an internal network, nothing enters it")]
    if network.masquerade:
        why = "MASQUERADE: what leaves the subnet leaves as the host"
        elements += [Element("masqueraded", f"{bridge} . {subnet}", why) for subnet in network.subnets]
        why = "MASQUERADE: the host too, where it reaches another network's published port from this address"
        elements += [Element("masqueraded_gateways", str(gateway.ip), why) for gateway in network.gateways]
    return elements


def is_name(interface: str) -> bool:
    """Whether an interface's name can be written in a rule; the kernel takes nearly any (dev_valid_name)."""
    return bool(_NAME.fullmatch(interface))


class Port(Protocol):
    """A published port, or a range of them, and the address that it leads to: of the family of `host_ip`."""

    @property
    def host_ip(self) -> IPAddress: ...  # noqa: D102
    @property
    def host_port(self) -> int: ...  # noqa: D102
    @property
    def protocol(self) -> str: ...  # noqa: D102
    @property
    def address(self) -> IPAddress: ...  # noqa: D102
    @property
    def sandbox_port(self) -> int: ...  # noqa: D102
    @property
    def count(self) -> int: ...  # noqa: D102


def port_elements(port: Port) -> tuple[Entry, ...]:
    """What a published port enters into the maps.

    A range that keeps its numbers is one interval. nft has no arithmetic on a port: of one that is shifted, each port
    is an element.
    """
    at = "any" if port.host_ip.is_unspecified else "at"
    where = port.protocol if port.host_ip.is_unspecified else f"{port.host_ip} . {port.protocol}"
    if port.count > 1 and port.host_port == port.sandbox_port:
        numbers = ports_text(port.host_port, port.count)
        return (Entry(f"publish_ranges_{at}{port.host_ip.version}", f"{where} . {numbers}", str(port.address)),)
    set_ = f"publish_{at}{port.host_ip.version}"
    return tuple(
        Entry(set_, f"{where} . {port.host_port + i}", f"{port.address} . {port.sandbox_port + i}")
        for i in range(port.count)
    )
