"""Which host veth belongs to which sandbox: the two ends of a veth pair know each other by number.

A veth's host end carries the index of its other end (`iflink`, what `ip link` prints after the @) and the number by
which the host knows the namespace that end is in (`link-netnsid`). A name proves nothing; these two do.

Finding them takes pyroute2, which knows all of netlink, and whose import takes longer than building fifty sandboxes:
only `links` pays for that. It runs on the host's own thread, so that its event loop does not meet the caller's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from netbuilder.kernel import namespaces


class HostEnd(NamedTuple):
    """The end of a veth pair on the host: its own index, its peer's, and the id of the namespace the peer is in."""

    name: str
    ifindex: int
    peer_ifindex: int
    netnsid: int
    bridge: str | None


class VethPair(NamedTuple):
    """A veth pair, both ends matched.

    Args:
        veth: The name of the host's end.
        ifindex: Its index on the host.
        bridge: The bridge that it is a port of, if it is.
        sandbox: The sandbox that the other end is in.
        interface: The name of the other end, inside.
        peer_ifindex: Its index, inside.
        netnsid: The number by which the host knows the sandbox's namespace.
    """

    veth: str
    ifindex: int
    bridge: str | None
    sandbox: str
    interface: str
    peer_ifindex: int
    netnsid: int


def match(
    ends: Iterable[HostEnd], sandboxes: Mapping[int, str], interfaces: Mapping[tuple[int, int], str]
) -> tuple[VethPair, ...]:
    """The veth pairs that lead into sandboxes, by sandbox and interface.

    Args:
        ends: The host's ends of all veth pairs.
        sandboxes: The sandbox by the id of its namespace.
        interfaces: The name of an interface inside by (id of the namespace, index).
    """
    pairs = (
        VethPair(
            veth=end.name,
            ifindex=end.ifindex,
            bridge=end.bridge,
            sandbox=sandboxes[end.netnsid],
            interface=interfaces[end.netnsid, end.peer_ifindex],
            peer_ifindex=end.peer_ifindex,
            netnsid=end.netnsid,
        )
        for end in ends
        if end.netnsid in sandboxes and (end.netnsid, end.peer_ifindex) in interfaces
    )
    return tuple(sorted(pairs, key=lambda pair: (pair.sandbox, pair.interface)))


def find(sandboxes: Iterable[str]) -> tuple[VethPair, ...]:
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
