"""What a host is like, whoever made it so; nothing is changed here."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from netbuilder import firewall
from netbuilder.errors import SpecError
from netbuilder.kernel import forwarding, host_routes, resolver, rtnetlink, sysctl
from netbuilder.kernel.kernel import Kernel
from netbuilder.kernel.netlink import Netlink
from netbuilder.resolve.facts import HostFacts, HostRoute
from netbuilder.resolve.resolved import LAST_GROUP, ResolvedPort
from netbuilder.steps.state import ElementOf, TableCommentOf

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_AHEAD = 256  # numbers tried after a busy one, so that a free one is soon found where many in a row are busy


def facts(kernel: Kernel) -> HostFacts:
    """What the host is like, but for its ports: see `HostFacts`."""
    is_router, present = _forwarding(kernel)
    return HostFacts(
        last_group=last_group(),
        routes=tuple(_routes(kernel.host_socket)),
        interfaces=frozenset(name for _, name in socket.if_nameindex()),
        addresses=addresses(kernel.host_socket),
        resolvers=frozenset(_resolvers()),
        forwarding=is_router,
        present=present,
        forwarding_on=tuple(name for name in forwarding.interfaces_that_forward(kernel.host_socket) if name in present),
        ipv6=sysctl.read("net/ipv6/conf/all/disable_ipv6") is not None,
    )


def _forwarding(kernel: Kernel) -> tuple[bool, tuple[str, ...]]:
    """Whether the host is a router; if not, the interfaces that it has without being one.

    Under a table of ours it is a router because of us, unless that says otherwise, and that says also which they were.
    """
    comment, before = TableCommentOf(firewall.NAME), ElementOf("forwarding", "ipv4")
    state = kernel.observe([comment, before])
    if firewall.is_our_comment(state[comment]):
        return state[before] is not None, ()
    if forwarding.is_on():
        return True, ()
    return False, tuple(name for _, name in socket.if_nameindex() if name != "lo")


def with_free_ports(facts: HostFacts) -> HostFacts:
    """Facts with the ports that are free to be chosen by now."""
    return replace(facts, ephemeral=_ephemeral_ports(), reserved=_reserved_ports())


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


def _resolvers() -> Iterator[IPv4Address]:
    """The nameservers of resolv.conf(5), and those that systemd-resolved or NetworkManager asks behind its own."""
    found = set(_nameservers(resolver.RESOLV_CONF))
    if any(address.is_loopback for address in found):
        found.update(*map(_nameservers, resolver.BEHIND_A_STUB))
    return (address for address in found if not address.is_loopback)


def _nameservers(path: Path) -> Iterator[IPv4Address]:
    for line in resolver.lines(path):
        with suppress(ValueError):  # it names none, or an IPv6 address
            yield IPv4Address(resolver.server(line))


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


def addresses(host: Netlink) -> dict[str, tuple[IPv4Interface, ...]]:
    """The addresses of each interface of the host."""
    found: dict[str, tuple[IPv4Interface, ...]] = {}
    for body in host.ask([rtnetlink.get_addresses()])[0].bodies:
        name = host.name(rtnetlink.read_index(body))
        found[name] = (*found.get(name, ()), IPv4Interface(rtnetlink.read_address(body)))
    return found


def has_any(wanted: Iterable[IPv4Address]) -> bool:
    """Whether the host has one of some addresses, on an interface that is up or not: it lets us bind to its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for address in wanted:
            with suppress(OSError):
                probe.bind((str(address), 0))
                return True
    return False


def busy_ports(ports: Iterable[ResolvedPort], last: int) -> frozenset[ResolvedPort]:
    """Those of some ports that a process holds, and with each those of the numbers that follow, up to `last`.

    Raises:
        SpecError: As for `is_busy`.
    """
    known: dict[tuple[str, IPv4Address, int], bool] = {}
    busy = set()
    for port in ports:
        first = port.host_port
        for number in range(first, max(first, min(first + _AHEAD, last)) + 1):
            key = (port.protocol, port.host_ip, number)
            one = port if number == first else port.model_copy(update={"host_port": number})
            if key not in known:
                known[key] = is_busy(one)
            if known[key]:
                busy.add(one)
            elif number == first:
                break
    return frozenset(busy)


def is_busy(port: ResolvedPort) -> bool:
    """Whether a process of the host holds a port, found out as Docker does: by trying to take it.

    Raises:
        SpecError: If the port's address is not one of the host's.
    """
    with socket.socket(socket.AF_INET, _KINDS[port.protocol]) as probe:
        if port.protocol == "tcp":  # a connection in TIME_WAIT holds nothing
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((str(port.host_ip), port.host_port))
            if port.protocol == "tcp":
                probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise SpecError(
                    f"host port {port}",
                    f"{port.host_ip} is not an address of this host",
                    "see which there are (ip address), or leave it out for all of them",
                ) from None
            return True
    return False
