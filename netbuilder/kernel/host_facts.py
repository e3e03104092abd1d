"""What a host is like, whoever made it so; nothing is changed here."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from ipaddress import ip_address, ip_interface
from pathlib import Path

from netbuilder import firewall
from netbuilder.kernel import addressing, forwarding, host_routes, resolver, sysctl
from netbuilder.kernel.kernel import Kernel
from netbuilder.kernel.netlink import Netlink
from netbuilder.resolve.facts import HostFacts, HostRoute
from netbuilder.resolve.resolved import LAST_GROUP
from netbuilder.steps.state import ElementOf, TableCommentOf
from netbuilder.values.addresses import FAMILIES, Family, IPAddress, IPInterface

_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # what a step can name (netbuilder.steps.base.Dev)


def facts(kernel: Kernel) -> HostFacts:
    """What the host is like, but for its ports: see `HostFacts`."""
    ipv4, ipv6, present = _forwarding(kernel)
    return HostFacts(
        last_group=last_group(),
        routes=tuple(_routes(kernel.host_socket)),
        interfaces=frozenset(name for _, name in socket.if_nameindex()),
        addresses=addresses(kernel.host_socket),
        resolvers=frozenset(_resolvers()),
        forwarding=ipv4,
        forwarding6=ipv6,
        present=present,
        forwarding_on=tuple(name for name in forwarding.interfaces_that_forward(kernel.host_socket) if name in present),
        bridged=bridged_families(),
        ipv6=sysctl.read("net/ipv6/conf/all/disable_ipv6") is not None,
    )


def bridged_families() -> tuple[Family, ...]:
    """The families of which rules see what is merely bridged (bridge-nf-call-iptables, -ip6tables)."""
    settings: tuple[tuple[Family, str], ...] = (("ipv4", "iptables"), ("ipv6", "ip6tables"))
    return tuple(kind for kind, tables in settings if sysctl.read(f"net/bridge/bridge-nf-call-{tables}") == "1")


def _forwarding(kernel: Kernel) -> tuple[bool, bool, tuple[str, ...]]:
    """Whether the host is a router of each family; and the interfaces that it has without being one of both.

    Under a table of ours it is a router because of us, unless that says otherwise, and that says also which they were.
    """
    comment, as_then = TableCommentOf(firewall.NAME), ElementOf("forwarding", "ipv4")
    made_router = [ElementOf("made_router", family) for family in FAMILIES]
    state = kernel.observe([comment, as_then, *made_router])
    if firewall.is_current_comment(state[comment]):
        ipv4, ipv6 = (state[one] is None for one in made_router)
        return ipv4, ipv6 and forwarding.is_on(6), ()  # without a network that has IPv6, nothing is said of it
    if firewall.is_our_comment(state[comment]):  # earlier versions said who was a router, and left IPv6 alone
        return state[as_then] is not None, forwarding.is_on(6), ()
    ipv4, ipv6 = forwarding.is_on(), forwarding.is_on(6)
    return ipv4, ipv6, () if ipv4 and ipv6 else tuple(name for _, name in socket.if_nameindex() if name != "lo")


def with_free_ports(facts: HostFacts) -> HostFacts:
    """Facts with the ports that are free to be chosen by now."""
    return replace(facts, ephemeral=_ephemeral_ports(), reserved=_reserved_ports())


def with_advertised(facts: HostFacts, kernel: Kernel) -> HostFacts:
    """Facts with the interfaces that take router advertisements by now; none where the host forwards IPv6 already."""
    found = () if forwarding.is_on(6) else forwarding.interfaces_advertised_to(kernel.host_socket)
    return replace(facts, advertised=tuple(name for name in found if _PLAIN.fullmatch(name)))


def _ephemeral_ports() -> tuple[int, int]:
    """First and last port that the kernel hands out by itself (ip-sysctl: ip_local_port_range)."""
    first, last = (sysctl.read("net/ipv4/ip_local_port_range") or "32768 60999").split()
    return int(first), int(last)


def _reserved_ports() -> tuple[tuple[int, int], ...]:
    """Ports that the kernel does not hand out by itself, as in "40000-40003,40005" (ip_local_reserved_ports)."""
    said = sysctl.read("net/ipv4/ip_local_reserved_ports") or ""
    ranges = (part.partition("-") for part in said.split(",") if part)
    return tuple((int(first), int(last or first)) for first, _, last in ranges)


@cache
def last_group() -> int:
    """The last of the groups from 0 on that there are in this user namespace (user_namespaces(7): gid_map)."""
    last = -1
    for line in sorted(Path("/proc/self/gid_map").read_text().splitlines(), key=lambda line: int(line.split()[0])):
        first, _, length = map(int, line.split())
        if first != last + 1:
            break
        last += length
    return min(max(last, 0), LAST_GROUP)


def _resolvers() -> Iterator[IPAddress]:
    """The nameservers of resolv.conf(5), and those that systemd-resolved or NetworkManager asks behind its own."""
    found = set(_nameservers(resolver.RESOLV_CONF))
    if any(address.is_loopback for address in found):
        found.update(*map(_nameservers, resolver.BEHIND_A_STUB))
    return (address for address in found if not address.is_loopback)


def _nameservers(path: Path) -> Iterator[IPAddress]:
    for line in resolver.lines(path):
        with suppress(ValueError):  # it names none
            yield ip_address(resolver.server(line))


def _routes(host: Netlink) -> Iterator[HostRoute]:
    for body in host.ask([host_routes.get_all_routes()])[0].bodies:
        found = host_routes.read_host_route(body)
        if found is None:
            continue
        block, nowhere, router, index, metric, is_main = found
        device = host.name(index)
        if device or not index:  # else it is gone by now
            by = f"by {device}" if device else ""
            leads = f"nowhere ({nowhere})" if nowhere else " ".join(filter(None, (by, router and f"via {router}")))
            yield HostRoute(block, leads, "" if nowhere else device, metric, is_main)


def addresses(host: Netlink) -> dict[str, tuple[IPInterface, ...]]:
    """The addresses of each interface of the host, but for those that IPv6 has on each link."""
    found: dict[str, tuple[IPInterface, ...]] = {}
    for body in host.ask([addressing.get_addresses()])[0].bodies:
        name, address = host.name(addressing.read_index(body)), ip_interface(addressing.read_address(body))
        if address.version == 4 or not address.is_link_local:
            found[name] = (*found.get(name, ()), address)
    return found


def uplinks(host: Netlink) -> list[str]:
    """The interfaces of the default routes; on a host without one, those that have an address, but for the loopback."""
    routes = host.ask([host_routes.get_all_routes()])[0].bodies
    found = [host.name(index) for body in routes for index in host_routes.by_default(body)]
    return list(dict.fromkeys(filter(None, found))) or [name for name in addresses(host) if name and name != "lo"]


def has_any(wanted: Iterable[IPAddress]) -> bool:
    """Whether the host has one of some addresses, on an interface that is up or not: it lets us bind to its own."""
    by_family: dict[int, list[IPAddress]] = {}
    for address in wanted:
        by_family.setdefault(addressing.family(address), []).append(address)
    return any(_has_any(family, some) for family, some in by_family.items())


def _has_any(family: int, wanted: list[IPAddress]) -> bool:
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:  # without IPv6 there is no such socket
        for address in wanted:
            with suppress(OSError):
                probe.bind((str(address), 0))
                return True
    return False
