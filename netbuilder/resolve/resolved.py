"""Specs with nothing left open: what `resolve` gives and the store keeps.

The written form and this one are two types, so that what a user may leave out is never mistaken for what is carried
out. A sandbox has endpoints, and an endpoint addresses and gateways, as tuples: bridge mode has one of each today.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Literal, NamedTuple

from netbuilder.values import ANY, InterfaceName, Mac, Name, NamespacePath, Port, Protocol, Value
from netbuilder.values.names import NetworkLike

LAST_GROUP = 2**31 - 1
"""The highest group that the kernel takes for net/ipv4/ping_group_range."""


class Resolved(Value):
    """What all resolved values share: frozen, and read back from JSON as they were or not at all."""

    def __str__(self) -> str:
        return repr(self)


class ResolvedPort(Resolved):
    """A published port with its number chosen: where on the host it is open, and where inside it leads."""

    host_ip: IPv4Address
    host_port: Port
    sandbox_port: Port
    protocol: Protocol

    def __repr__(self) -> str:
        return f"<resolved port {self}>"

    def __str__(self) -> str:
        """The port in the syntax of Docker's `-p`."""
        ip = "" if self.host_ip == ANY else f"{self.host_ip}:"
        return f"{ip}{self.host_port}:{self.sandbox_port}/{self.protocol}"


class HostBaseline(Resolved):
    """What the host did before the first network.

    `forwarding_before` says whether it was a router (ip_forward). If not, `present` has its interfaces, and
    `forwarding_on` those of them that forwarded by a setting of their own.
    """

    forwarding_before: bool
    present: tuple[str, ...] = ()
    forwarding_on: tuple[str, ...] = ()


class ResolvedNetwork(Resolved, NetworkLike):
    """A network with its bridge and addresses chosen; `adopted` if the bridge was there before.

    Each of `gateways` is an address of the bridge with its subnet's prefix, as in 172.17.0.1/16.
    """

    name: Name
    bridge: InterfaceName
    adopted: bool = False
    gateways: tuple[IPv4Interface, ...]
    mac: Mac
    mtu: int | None
    masquerade: bool
    internal: bool
    disable_ipv6: bool

    def __repr__(self) -> str:
        return f"<resolved network {self.name}: {', '.join([self.bridge, *map(str, self.gateways)])}>"

    @property
    def subnets(self) -> tuple[IPv4Network, ...]:
        """The subnet of each gateway."""
        return tuple(gateway.network for gateway in self.gateways)


class ResolvedLocalnet(Resolved):
    """That the host's 127.0.0.0/8 leads to a network, of this name and with this bridge, by some published port."""

    name: Name
    bridge: InterfaceName


class ResolvedNeighbour(Resolved):
    """Somebody whose MAC address is known without asking."""

    address: IPv4Address
    mac: Mac


class ResolvedEndpoint(Resolved):
    """A sandbox's attachment to a network: a veth pair, its addresses, and the gateways of its default routes.

    Where there are many, packets come in by a queue of its own (`own_queue`), and `neighbours` has the bridge: the two
    are in each other's neighbour table for good.
    """

    network: Name
    bridge: InterfaceName
    veth: InterfaceName
    interface: InterfaceName = "eth0"
    addresses: tuple[IPv4Interface, ...]
    gateways: tuple[IPv4Address, ...]
    mac: Mac
    mtu: int | None
    disable_ipv6: bool
    own_queue: bool = False
    neighbours: tuple[ResolvedNeighbour, ...] = ()

    def __repr__(self) -> str:
        return f"<resolved endpoint on {self.network}: {', '.join([self.interface, *map(str, self.addresses)])}>"


class ResolvedSandbox(Resolved):
    """A sandbox with everything chosen.

    `namespace` is the name under which the namespace it lives in is pinned: its own in bridge and none mode, another
    sandbox's in container mode, None for the host's own. `shares` is the sandbox that container mode names, and
    `adopted` the path of a namespace that was there before. `ports` belong to the sandbox and lead to its first
    endpoint.
    """

    name: Name
    mode: Literal["bridge", "host", "container", "none"]
    namespace: Name | None
    shares: Name | None = None
    adopted: NamespacePath | None = None
    endpoints: tuple[ResolvedEndpoint, ...] = ()
    ports: tuple[ResolvedPort, ...] = ()
    last_group: int = LAST_GROUP

    def __repr__(self) -> str:
        return f"<resolved {self.summary}>"

    @property
    def summary(self) -> str:
        """It in a few words: "sandbox web: bridge mode, 10.9.0.2"."""
        addresses = (str(address.ip) for endpoint in self.endpoints for address in endpoint.addresses)
        return f"sandbox {self.name}: {', '.join([f'{self.mode} mode', *addresses])}"

    @property
    def depends_on(self) -> set[str]:
        """The sandbox that container mode names, and the one whose namespace that is."""
        return {name for name in (self.shares, self.namespace) if name and name != self.name}

    @property
    def networks(self) -> frozenset[str]:
        """The networks that it is attached to."""
        return frozenset(endpoint.network for endpoint in self.endpoints)

    @property
    def localnet(self) -> ResolvedLocalnet | None:
        """The network to which the host's 127.0.0.0/8 leads by its ports; None if it does not."""
        if any(port.host_ip == ANY or port.host_ip.is_loopback for port in self.ports):
            return ResolvedLocalnet(name=self.endpoints[0].network, bridge=self.endpoints[0].bridge)
        return None


class Resolution(NamedTuple):
    """What specs come to.

    Args:
        baseline: What the host did before the first network.
        networks: The networks asked for and those that their sandboxes need, in the order in which they can be made.
        sandboxes: The sandboxes, in the order asked for.
        without_localnet: Networks to which the host's 127.0.0.0/8 leads no more, as the last port goes that did so.
    """

    baseline: HostBaseline
    networks: tuple[ResolvedNetwork, ...]
    sandboxes: tuple[ResolvedSandbox, ...]
    without_localnet: tuple[str, ...] = ()
