"""Which host veth belongs to which sandbox: the two ends of a cable know each other by number.

A veth's host end carries the index of its other end (`iflink`, what `ip link` prints after the @) and the number by
which the host knows the namespace that end is in (`link-netnsid`). A name proves nothing; these two do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class HostEnd(NamedTuple):
    """The end of a veth pair on the host: its own index, its peer's, and the id of the namespace the peer is in."""

    name: str
    ifindex: int
    peer_ifindex: int
    netnsid: int
    bridge: str | None


class Cable(NamedTuple):
    """A veth pair, both ends matched."""

    veth: str
    ifindex: int
    bridge: str | None
    sandbox: str
    interface: str
    peer_ifindex: int
    netnsid: int


def match(
    ends: Iterable[HostEnd], sandboxes: Mapping[int, str], interfaces: Mapping[tuple[int, int], str]
) -> tuple[Cable, ...]:
    """The cables that lead into sandboxes, by sandbox and interface.

    Args:
        ends: The host's ends of all veth pairs.
        sandboxes: The sandbox by the id of its namespace.
        interfaces: The name of an interface inside by (id of the namespace, index).
    """
    cables = (
        Cable(
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
    return tuple(sorted(cables, key=lambda cable: (cable.sandbox, cable.interface)))
