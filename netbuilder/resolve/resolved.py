"""Specs with nothing left open: what `resolve` gives and the store keeps.

The written form and this one are two types, so that what a user may leave out is never mistaken for what is carried
out. A network has pools, one a family; a sandbox has endpoints, one a network; an endpoint has addresses and gateways,
of both families, as tuples. So nothing behind this asks which family something is of.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Literal, NamedTuple

from netbuilder.resolve.resolved_networks import (
    HostBaseline,
    Label,
    Resolved,
    ResolvedForwarding6,
    ResolvedLocalnet,
    ResolvedNetwork,
    ResolvedPool,
    Setting,
)
from netbuilder.values import InterfaceName, Mac, Name, NamespacePath, Port
from netbuilder.values.addresses import Family, IPAddress, family
from netbuilder.values.ports import Protocol, families_of, on_address, ports_text

__all__ = [
    "LAST_GROUP",
    "HostBaseline",
    "Label",
    "Resolved",
    "ResolvedEndpoint",
    "ResolvedForwarding6",
    "ResolvedLocalnet",
    "ResolvedNeighbour",
    "ResolvedNetwork",
    "ResolvedPool",
    "ResolvedPort",
    "ResolvedRoute",
    "ResolvedSandbox",
    "Setting",
]

LAST_GROUP = 2**31 - 1
"""The highest group that the kernel takes for net/ipv4/ping_group_range."""


class ResolvedPort(Resolved):
    """A published port with its number chosen: where on the host it is open, and where inside it leads.

    `host_ip` is None where it is open on all addresses of both families. Of a range, `host_port` and `sandbox_port` are
    the first of `count`.
    """

    host_ip: IPAddress | None
    host_port: Port
    sandbox_port: Port
    protocol: Protocol
    count: Port = 1

    def __repr__(self) -> str:
        return f"<resolved port {self}>"

    def __str__(self) -> str:
        """The port in the syntax of Docker's `-p`."""
        outside, inside = (ports_text(first, self.count) for first in (self.host_port, self.sandbox_port))
        return f"{on_address(self.host_ip)}{outside}:{inside}/{self.protocol}"

    @property
    def last_host_port(self) -> int:
        """The last of its ports on the host."""
        return self.host_port + self.count - 1

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that it is open in, where the sandbox has them."""
        return families_of(self.host_ip)


class ResolvedNeighbour(Resolved):
    """Somebody whose MAC address is known without asking."""

    address: IPv4Address | IPv6Address
    mac: Mac


class ResolvedEndpoint(Resolved):
    """A sandbox's attachment to a network: a veth pair and its addresses.

    Args:
        network: The network's name.
        bridge: Its bridge.
        veth: The host's end.
        interface: The end inside.
        addresses: Its addresses, each with its subnet's prefix.
        link_local: More addresses, which are valid on this link alone.
        gateways: Where the default routes lead that go out by this endpoint: of each family, one endpoint has them.
        gw_priority: What it was given to be the one that has them.
        mac: The MAC address inside.
        mtu: Bytes in a packet, if not as the kernel has it.
        disable_ipv6: Whether there is to be no IPv6 on it; None where the kernel has none anyway.
        routed: The families in which its network is routed: ports are not translated.
        direct: The families in which its published ports are reached at its own addresses.
        isolated: Whether its port of the bridge is: ports that are do not talk to each other.
        sysctls: Settings of the interface, by their names with slashes.
        own_queue: Whether packets come in by a queue of its own, as there are many.
        neighbours: The bridge, where there are many: the two are in each other's neighbour table for good.
    """

    network: Name
    bridge: InterfaceName
    veth: InterfaceName
    interface: InterfaceName = "eth0"
    addresses: tuple[IPv4Interface | IPv6Interface, ...]
    link_local: tuple[IPv4Interface | IPv6Interface, ...] = ()
    gateways: tuple[IPv4Address | IPv6Address, ...] = ()
    gw_priority: int = 0
    mac: Mac
    mtu: int | None = None
    disable_ipv6: bool | None = None
    routed: tuple[Family, ...] = ()
    direct: tuple[Family, ...] = ()
    isolated: bool = False
    sysctls: tuple[Setting, ...] = ()
    own_queue: bool = False
    neighbours: tuple[ResolvedNeighbour, ...] = ()

    def __repr__(self) -> str:
        return f"<resolved endpoint on {self.network}: {', '.join([self.interface, *map(str, self.addresses)])}>"

    def address(self, kind: Family) -> IPAddress | None:
        """Its address of a family; None if it has none."""
        return next((address.ip for address in self.addresses if family(address) == kind), None)


class ResolvedRoute(Resolved):
    """A route inside a sandbox, and the interface that it leads out by."""

    dst: IPv4Network | IPv6Network
    via: IPv4Address | IPv6Address
    interface: InterfaceName
    metric: int | None = None


class ResolvedSandbox(Resolved):
    """A sandbox with everything chosen.

    `namespace` is the name under which the namespace it lives in is pinned: its own in bridge and none mode, another
    sandbox's in container mode, None for the host's own. `shares` is the sandbox that container mode names, and
    `adopted` the path of a namespace that was there before. `ports` belong to the sandbox and lead, in each family, to
    the endpoint that has the default route. `waiting` are those that are asked for while none has one, as it is on
    internal networks alone or on none: they hold no number, and are in the syntax of Docker's `-p`.
    """

    name: Name
    mode: Literal["bridge", "host", "container", "none"]
    namespace: Name | None
    shares: Name | None = None
    adopted: NamespacePath | None = None
    endpoints: tuple[ResolvedEndpoint, ...] = ()
    ports: tuple[ResolvedPort, ...] = ()
    waiting: tuple[str, ...] = ()
    routes: tuple[ResolvedRoute, ...] = ()
    sysctls: tuple[Setting, ...] = ()
    labels: tuple[Label, ...] = ()
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

    def gateway_endpoint(self, kind: Family) -> ResolvedEndpoint | None:
        """The endpoint that has the default route of a family: published ports lead to it."""
        return next((one for one in self.endpoints if any(family(via) == kind for via in one.gateways)), None)

    @property
    def localnet(self) -> ResolvedLocalnet | None:
        """The network to which the host's 127.0.0.0/8 leads by its ports; None if it does not."""
        endpoint = self.gateway_endpoint("ipv4")
        if endpoint and any(_is_on_localnet(port.host_ip) for port in self.ports):
            return ResolvedLocalnet(name=endpoint.network, bridge=endpoint.bridge)
        return None


def _is_on_localnet(host_ip: IPAddress | None) -> bool:
    """Whether a port on an address is open on 127.0.0.0/8, or a part of it."""
    return host_ip is None or (host_ip.version == 4 and (host_ip.is_unspecified or host_ip.is_loopback))


class Resolution(NamedTuple):
    """What specs come to.

    Args:
        baseline: What the host did before the first network.
        networks: The networks asked for and those that their sandboxes need, in the order in which they can be made.
        sandboxes: The sandboxes, in the order asked for.
        forwarding6: That IPv6 is forwarded, as one of the networks has it; None if none has.
        without_forwarding6: Whether that ends, as the last network that had IPv6 goes on without.
        without_localnet: Networks to which the host's 127.0.0.0/8 leads no more, as the last port goes that did so.
        warnings: What is as asked for, and does not do what one would expect, in a line each.
    """

    baseline: HostBaseline
    networks: tuple[ResolvedNetwork, ...]
    sandboxes: tuple[ResolvedSandbox, ...]
    forwarding6: ResolvedForwarding6 | None = None
    without_forwarding6: bool = False
    without_localnet: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
