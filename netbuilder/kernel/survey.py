"""What stands on a host, whoever made it; nothing is changed here.

Matching cables takes pyroute2, which knows all of netlink, and whose import takes longer than building fifty sandboxes:
only `links` pays for that. It runs on the host's own thread, so that its event loop does not meet the caller's.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Interface, IPv4Network
from typing import Any

from netbuilder.errors import SpecError
from netbuilder.kernel import namespaces, sysctl, wire
from netbuilder.kernel.transport import Netlink
from netbuilder.links import Cable, HostEnd, match
from netbuilder.ports import PublishedPort
from netbuilder.resolved import Facts

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def facts(host: Netlink) -> Facts:
    """What the host is like: see `Facts`."""
    return Facts(
        onlink=tuple(_onlink(host)),
        bridges=_first_addresses(host),
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
        if found:
            yield found[0], socket.if_indextoname(found[1])


def _first_addresses(host: Netlink) -> dict[str, IPv4Interface]:
    found: dict[str, IPv4Interface] = {}
    for body in host.ask([wire.get_addresses()])[0].bodies:
        found.setdefault(socket.if_indextoname(wire.read_index(body)), IPv4Interface(wire.read_address(body)))
    return found


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
        interfaces = {
            (end.netnsid, end.peer_ifindex): _name(route, end.netnsid, end.peer_ifindex)
            for end in ends
            if end.netnsid in by_id
        }
    return match(ends, by_id, interfaces)


def _ids(route: Any, sandboxes: Iterable[str]) -> Iterator[tuple[int, str]]:
    for name in sandboxes:
        if namespaces.pinned(name):
            fd = namespaces.open_pin(name)
            try:
                yield route.get_netnsid(fd=fd)["nsid"], name
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


def _name(route: Any, netnsid: int, index: int) -> str:
    return str(route.link("get", index=index, if_netnsid=netnsid)[0].get("ifname"))
