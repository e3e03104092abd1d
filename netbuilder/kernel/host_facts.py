"""What a host is like, whoever made it so; nothing is changed here."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from netbuilder import firewall
from netbuilder.errors import SpecError
from netbuilder.kernel import forwarding, rtnetlink, sysctl
from netbuilder.kernel.kernel import Kernel
from netbuilder.kernel.netlink import Netlink
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.resolved import ResolvedPort
from netbuilder.steps.state import ElementOf, TableCommentOf

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_AHEAD = 256  # numbers tried after a busy one, so that a free one is soon found where many in a row are busy


def facts(kernel: Kernel) -> HostFacts:
    """What the host is like: see `HostFacts`."""
    host = kernel.host_socket
    is_router, present = _forwarding(kernel)
    return HostFacts(
        onlink=tuple(_onlink(host)),
        interfaces=frozenset(name for _, name in socket.if_nameindex()),
        addresses=_first_addresses(host),
        forwarding=is_router,
        present=present,
        forwarding_on=tuple(name for name in forwarding.interfaces_that_forward(host) if name in present),
        ipv6=sysctl.read("net/ipv6/conf/all/disable_ipv6") is not None,
        ephemeral=ephemeral_ports(),
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


def ephemeral_ports() -> tuple[int, int]:
    """First and last port that the kernel hands out by itself (ip-sysctl: ip_local_port_range)."""
    first, last = (sysctl.read("net/ipv4/ip_local_port_range") or "32768 60999").split()
    return int(first), int(last)


def _onlink(host: Netlink) -> Iterator[tuple[IPv4Network, str]]:
    for body in host.ask([rtnetlink.get_routes()])[0].bodies:
        found = rtnetlink.read_onlink(body)
        name = _name_of(found[1]) if found else None
        if found and name is not None:
            yield found[0], name


def _first_addresses(host: Netlink) -> dict[str, IPv4Interface]:
    found: dict[str, IPv4Interface] = {}
    for body in host.ask([rtnetlink.get_addresses()])[0].bodies:
        name = _name_of(rtnetlink.read_index(body))
        if name is not None:
            found.setdefault(name, IPv4Interface(rtnetlink.read_address(body)))
    return found


def _name_of(index: int) -> str | None:
    """An interface's name; "" for index 0, where a route names none, and None for one that is gone by now."""
    try:
        return socket.if_indextoname(index) if index else ""
    except OSError:
        return None


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
            if key not in known:
                known[key] = is_busy(port.model_copy(update={"host_port": number}))
            if known[key]:
                busy.add(port.model_copy(update={"host_port": number}))
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
