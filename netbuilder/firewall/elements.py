"""What networks, published ports and the host itself enter into the sets and maps of the table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from netbuilder.firewall.outline import TABLE
from netbuilder.resolve.resolved import HostBaseline, ResolvedNetwork, ResolvedPool, ResolvedPort
from netbuilder.values.addresses import Family, IPAddress, family
from netbuilder.values.ports import ports_text

_MODES = {
    "nat-unprotected": ("unprotected", "every port of its sandboxes is reached, published or not"),
    "routed": ("routed", "published ports are reached at the sandboxes' own addresses"),
    "isolated": ("isolated", "nothing reaches the host either"),
}
_NAME = re.compile(r"[!#-)+-.0-9:-\[\]-~]{1,15}")  # printable, but for what nft reads otherwise: " * and \\


class Element(NamedTuple):
    """An element of a set or map, in nft's words, and why it is there."""

    set: str
    key: str
    why: str
    data: str = ""


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
    """What has nothing to do with our bridges is forwarded as before: by a router, or where an interface did so."""
    on, present = (filter(is_name, names) for names in (baseline.forwarding_on, baseline.present))
    elements = [
        *(Element("forwarding_on", f'"{name}"', f"{name} forwarded before: it goes on") for name in on),
        *(Element("present", f'"{name}"', f"{name} is there: the host becomes no router for it") for name in present),
    ]
    return elements if baseline.forwarding_before else [made_router("ipv4"), *elements]


def made_router(family: Family) -> Element:
    """That the host forwards packets of a family for our sake alone."""
    return Element("made_router", family, "the host was no router before: it forwards what is ours")


def network_elements(network: ResolvedNetwork) -> list[Element]:
    """What a network enters into the sets."""
    bridge = f'"{network.bridge}"'
    elements = [Element("bridges", bridge, "the rules apply to this bridge")]
    if network.icc:
        elements.append(Element("icc", f"{bridge} . {bridge}", "neighbours on it may talk to each other"))
    if not network.has_ipv6:
        elements.append(Element("without_ipv6", bridge, "no IPv6 reaches the host, but for neighbour discovery"))
    if network.internal:
        elements.append(Element("internal", bridge, "nothing leaves an internal network, nothing enters it"))
    for pool in network.pools:
        elements += _pool_elements(bridge, network, pool)
    return elements


def _pool_elements(bridge: str, network: ResolvedNetwork, pool: ResolvedPool) -> list[Element]:
    """What a network enters for one family."""
    v, kind = pool.subnet.version, family(pool.subnet)
    elements = [
        Element(f"subnets{v}", f"{bridge} . {pool.subnet}", "what comes in by the bridge comes from its subnet")
    ]
    if pool.on_bridge:
        why = "no other machine reaches the gateway's address"
        elements.append(Element(f"gateways{v}", str(pool.on_bridge.ip), why))
    if pool.mode in _MODES:
        set_, why = _MODES[pool.mode]
        elements.append(Element(set_, f"{bridge} . {kind}", why))
    for interface in network.trusted_interfaces:
        why = f"{interface} is trusted: it may address published ports directly"
        elements.append(Element(f"trusted{v}", f'"{interface}" . {pool.subnet}', why))
    if network.internal or pool.mode == "routed" or not network.masquerade:
        return elements
    return elements + _masquerade_elements(bridge, pool)


def _masquerade_elements(bridge: str, pool: ResolvedPool) -> list[Element]:
    v = pool.subnet.version
    why = "MASQUERADE: what leaves the subnet leaves as the host"
    elements = [Element(f"masqueraded{v}", f"{bridge} . {pool.subnet}", why)]
    if pool.on_bridge:
        why = "MASQUERADE: the host too, where it reaches another network's published port from this address"
        elements.append(Element(f"masqueraded_gateways{v}", str(pool.on_bridge.ip), why))
    if pool.snat:
        elements.append(Element(f"snat{v}", bridge, f"SNAT: as {pool.snat}", str(pool.snat)))
    return elements


def direct_element(port: ResolvedPort, address: IPAddress) -> Element:
    """What a published port enters that is reached at the sandbox's own address."""
    key = f"{address} . {port.protocol} . {ports_text(port.sandbox_port, port.count)}"
    return Element(f"direct{address.version}", key, f"published port {port}: reached at {address} itself")


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
