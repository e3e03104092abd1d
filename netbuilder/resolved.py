"""Specs with nothing left open: what `resolve` gives and the store keeps. The written form and this are two types."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Literal

from pydantic import BaseModel, ConfigDict

from netbuilder.ports import PublishedPort


@dataclass(frozen=True)
class Facts:
    """What a host was like before netbuilder came: what defaults depend on. The default is a host fresh from boot.

    Args:
        onlink: Subnets that the host reaches directly, with the interface; their addresses are somebody's already.
        interfaces: The names of its interfaces.
        addresses: The first address of each interface, for a bridge that is adopted with the subnet it has.
        forwarding: Whether the host was a router (ip_forward) on its own account.
        ipv6: Whether the kernel speaks IPv6, so that it has to be kept quiet.
        ephemeral: First and last port of the range from which a free host port is taken.
        busy: Ports of the host that a process holds.
    """

    onlink: tuple[tuple[IPv4Network, str], ...] = ()
    interfaces: frozenset[str] = frozenset()
    addresses: dict[str, IPv4Interface] = field(default_factory=dict)
    forwarding: bool = False
    ipv6: bool = True
    ephemeral: tuple[int, int] = (32768, 60999)
    busy: frozenset[PublishedPort] = frozenset()


class Resolved(BaseModel):
    """What all resolved values share: frozen, and read back from JSON as they were."""

    model_config = ConfigDict(frozen=True)


class Ground(Resolved):
    """What every network of a host stands on: the rules, and forwarding between interfaces."""

    was_router: bool


class ResolvedNetwork(Resolved):
    """A network with its bridge, subnet and addresses chosen; `adopted` if the bridge was there before."""

    name: str
    bridge: str
    adopted: bool = False
    subnet: IPv4Network
    gateway: IPv4Address
    mac: str
    mtu: int | None
    masquerade: bool
    internal: bool
    quiet_ipv6: bool


class Endpoint(Resolved):
    """A sandbox's attachment to a network: the cable, the address, the way out and the ports that lead in."""

    network: str
    bridge: str
    veth: str
    address: IPv4Address
    prefix: int
    gateway: IPv4Address | None
    mac: str
    mtu: int | None
    quiet_ipv6: bool
    publish: tuple[PublishedPort, ...] = ()


class ResolvedSandbox(Resolved):
    """A sandbox with everything chosen.

    `namespace` is the name under which the namespace it lives in is pinned: its own in bridge and none mode, another
    sandbox's in container mode, None for the host's own. `shares` is the sandbox that container mode names, and
    `adopted` the path of a namespace that was there before.
    """

    name: str
    mode: Literal["bridge", "host", "container", "none"]
    namespace: str | None
    shares: str | None = None
    adopted: str | None = None
    endpoint: Endpoint | None = None

    @property
    def lives_on(self) -> set[str]:
        """The sandbox that container mode names, and the one whose namespace that is."""
        return {name for name in (self.shares, self.namespace) if name and name != self.name}
