"""Which host veth belongs to which sandbox: the two ends of a veth pair know each other by number.

A veth's host end carries the index of its other end (`iflink`, what `ip link` prints after the @) and the number by
which the host knows the namespace that end is in (`link-netnsid`). A name proves nothing; these two do.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import NamedTuple

from netbuilder.kernel import namespaces
from netbuilder.kernel.message import ACK, DUMP, Message, attribute, nested, number, number_in, picked, string, text
from netbuilder.kernel.netlink import Netlink
from netbuilder.kernel.rtnetlink import (
    GETLINK,
    IFLA_EXT_MASK,
    IFLA_IFNAME,
    IFLA_LINKINFO,
    IFLA_MASTER,
    INFO_KIND,
    RTEXT_FILTER_SKIP_STATS,
)

_GETNSID, _NETNSA_NSID, _NETNSA_FD = 90, 1, 3
_IFLA_LINK, _IFLA_LINK_NETNSID, _IFLA_TARGET_NETNSID = 5, 37, 46
_SEEN = frozenset((IFLA_IFNAME, IFLA_MASTER, _IFLA_LINK, _IFLA_LINK_NETNSID))
_AT_ONCE = 64  # namespaces that are open at a time


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


def find(route: Netlink, sandboxes: Iterable[str]) -> tuple[VethPair, ...]:
    """The veth pairs between the host and the namespaces of some sandboxes, matched by index and namespace id."""
    by_id = dict(_ids(route, list(sandboxes)))
    ends = [end for end in _ends(route) if end.netnsid in by_id]
    replies = route.ask([get_name_inside(end.netnsid, end.peer_ifindex) for end in ends])
    interfaces = {
        (end.netnsid, end.peer_ifindex): read_name(reply.bodies[0])
        for end, reply in zip(ends, replies, strict=True)
        if reply.bodies  # else it is gone by now
    }
    return match(ends, by_id, interfaces)


def _ids(route: Netlink, sandboxes: list[str]) -> Iterator[tuple[int, str]]:
    for start in range(0, len(sandboxes), _AT_ONCE):
        fds: dict[str, int] = {}
        try:
            for name in sandboxes[start : start + _AT_ONCE]:
                with suppress(FileNotFoundError):  # gone by now
                    if namespaces.pinned(name):
                        fds[name] = namespaces.open_pin(name)
            for name, reply in zip(fds, route.ask(list(map(get_id, fds.values()))), strict=True):
                if reply.bodies:
                    yield read_id(reply.bodies[0]), name
        finally:
            for fd in fds.values():
                os.close(fd)


def _ends(route: Netlink) -> Iterator[HostEnd]:
    name = cache(route.name)
    for body in route.ask([get_veths()])[0].bodies:
        seen = picked(body, 16, _SEEN)
        if _IFLA_LINK_NETNSID in seen:
            yield HostEnd(
                name=string(seen[IFLA_IFNAME]),
                ifindex=number_in(body[4:8]),
                peer_ifindex=number_in(seen.get(_IFLA_LINK)),
                netnsid=number_in(seen[_IFLA_LINK_NETNSID]),
                bridge=name(number_in(seen[IFLA_MASTER])) or None if IFLA_MASTER in seen else None,
            )


# The messages (man 7 rtnetlink)


def get_id(netns_fd: int) -> Message:
    """`ip netns list-id`, for one namespace."""
    return Message(_GETNSID, ACK, bytes(4) + number(_NETNSA_FD, netns_fd))


def read_id(body: bytes) -> int:
    """The number by which the host knows a namespace; -1 if it knows it by none."""
    return int(struct.unpack("=i", nested(body, _NETNSA_NSID, 4))[0])


def get_veths() -> Message:
    """`ip link show type veth`."""
    kind = attribute(IFLA_LINKINFO, text(INFO_KIND, "veth"))
    return Message(GETLINK, DUMP, bytes(16) + kind + number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS))


def get_name_inside(netnsid: int, index: int) -> Message:
    """`ip link show`, for one interface of another namespace, by its index there."""
    of = number(_IFLA_TARGET_NETNSID, netnsid) + number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
    return Message(GETLINK, ACK, struct.pack("=BxHiII", 0, 0, index, 0, 0) + of)


def read_name(body: bytes) -> str:
    """The name of the interface that an answer is about."""
    return string(nested(body, IFLA_IFNAME, 16))
