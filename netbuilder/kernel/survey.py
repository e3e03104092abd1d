"""What stands on a host, whoever made it; nothing is changed here.

Matching cables takes pyroute2, which knows all of netlink, and whose import takes longer than building fifty sandboxes:
only `links` pays for that. It runs on the host's own thread, so that its event loop does not meet the caller's.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from netbuilder.errors import SpecError
from netbuilder.kernel import namespaces, sysctl, wire
from netbuilder.kernel.transport import Netlink
from netbuilder.links import Cable, HostEnd, match
from netbuilder.ports import PublishedPort
from netbuilder.resolved import Facts

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_AHEAD = 256


def facts(host: Netlink) -> Facts:
    """What the host is like: see `Facts`."""
    return Facts(
        onlink=tuple(_onlink(host)),
        interfaces=frozenset(name for _, name in socket.if_nameindex()),
        addresses=_first_addresses(host),
        forwarding=sysctl.read("net/ipv4/ip_forward") == "1",
        ipv6=sysctl.read("net/ipv6/conf/all/disable_ipv6") is not None,
        ephemeral=ephemeral_ports(),
    )


def ephemeral_ports() -> tuple[int, int]:
    """First and last port that the kernel hands out by itself (ip-sysctl: ip_local_port_range)."""
    first, last = (sysctl.read("net/ipv4/ip_local_port_range") or "32768 60999").split()
    return int(first), int(last)


def _onlink(host: Netlink) -> Iterator[tuple[IPv4Network, str]]:
    for body in host.ask([wire.get_routes()])[0].bodies:
        found = wire.read_onlink(body)
        name = _name_of(found[1]) if found else None
        if found and name is not None:
            yield found[0], name


def _first_addresses(host: Netlink) -> dict[str, IPv4Interface]:
    found: dict[str, IPv4Interface] = {}
    for body in host.ask([wire.get_addresses()])[0].bodies:
        name = _name_of(wire.read_index(body))
        if name is not None:
            found.setdefault(name, IPv4Interface(wire.read_address(body)))
    return found


def _name_of(index: int) -> str | None:
    """An interface's name; "" for index 0, where a route names none, and None for one that is gone by now."""
    try:
        return socket.if_indextoname(index) if index else ""
    except OSError:
        return None


def busy_ports(ports: Iterable[PublishedPort], last: int) -> frozenset[PublishedPort]:
    """Those of some ports that a process holds, and for each what is held of the next numbers up to `last` too.

    Raises:
        SpecError: As for `is_busy`.
    """
    known: dict[tuple[str, IPv4Address, int], bool] = {}
    busy = set()
    for port in ports:
        first = port.host_port or 0
        for number in range(first, max(first, min(first + _AHEAD, last)) + 1):
            key = (port.protocol, port.host_ip, number)
            if key not in known:
                known[key] = is_busy(port.model_copy(update={"host_port": number}))
            if known[key]:
                busy.add(port.model_copy(update={"host_port": number}))
            elif number == first:
                break
    return frozenset(busy)


def is_busy(port: PublishedPort) -> bool:
    """Whether a process of the host holds a port, found out as Docker does: by trying to take it.

    Raises:
        SpecError: If the port's address is not one of the host's.
    """
    with socket.socket(socket.AF_INET, _KINDS[port.protocol]) as probe:
        if port.protocol == "tcp":  # a connection in TIME_WAIT holds nothing
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((str(port.host_ip), port.host_port or 0))
            if port.protocol == "tcp":
                probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise SpecError(f"host port {port}", f"{port.host_ip} is no address of this host") from None
            return True
    return False


def cables(sandboxes: Iterable[str]) -> tuple[Cable, ...]:
    """The veth pairs between the host and the namespaces of some sandboxes, matched by index and namespace id."""
    from pyroute2 import IPRoute

    with IPRoute() as route:
        by_id = dict(_ids(route, sandboxes))
        ends = tuple(_ends(route))
        interfaces = dict(_inner_names(route, (end for end in ends if end.netnsid in by_id)))
    return match(ends, by_id, interfaces)


def _ids(route: Any, sandboxes: Iterable[str]) -> Iterator[tuple[int, str]]:
    from pyroute2 import NetlinkError

    for name in sandboxes:
        with suppress(NetlinkError, FileNotFoundError):  # gone in between
            if namespaces.pinned(name):
                yield _id(route, name), name


def _id(route: Any, sandbox: str) -> int:
    fd = namespaces.open_pin(sandbox)
    try:
        return int(route.get_netnsid(fd=fd)["nsid"])
    finally:
        os.close(fd)


def _ends(route: Any) -> Iterator[HostEnd]:
    links = list(route.link("dump"))
    names = {link["index"]: link.get("ifname") for link in links}
    for link in links:
        netnsid = link.get("link_netnsid")
        if link.get(("linkinfo", "kind")) == "veth" and netnsid is not None:
            bridge = names.get(link.get("master"))
            yield HostEnd(link.get("ifname"), link["index"], link.get("link"), netnsid, bridge)


def _inner_names(route: Any, ends: Iterable[HostEnd]) -> Iterator[tuple[tuple[int, int], str]]:
    from pyroute2 import NetlinkError

    for end in ends:
        with suppress(NetlinkError):  # gone in between
            link = route.link("get", index=end.peer_ifindex, if_netnsid=end.netnsid)[0]
            yield (end.netnsid, end.peer_ifindex), str(link.get("ifname"))
