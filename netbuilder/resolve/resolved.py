"""Specs with nothing left open: what `resolve` gives and the store keeps.

The written form and this one are two types, so that what a user may leave out is never mistaken for what is carried
out. A network has pools, one a family; a sandbox has endpoints, one a network; an endpoint has addresses and gateways,
of both families, as tuples. So nothing behind this asks which family something is of.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Literal

from netbuilder.values import GatewayMode, InterfaceName, Mac, Name, NamespacePath, Port, Value
from netbuilder.values.addresses import Family, IPAddress, IPInterface, IPNetwork, family, interface
from netbuilder.values.names import NetworkLike
from netbuilder.values.ports import Protocol, families_of, on_address, ports_text

LAST_GROUP = 2**31 - 1
"""The highest group that the kernel takes for net/ipv4/ping_group_range."""


class Resolved(Value):
    """What all resolved values share: frozen, and read back from JSON as they were or not at all."""

    def __str__(self) -> str:
        return repr(self)


class Label(Resolved):
    """One label."""

    name: str
    value: str


class Setting(Resolved):
    """One setting of the kernel, by its name with slashes."""

    key: str
    value: str


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


class HostBaseline(Resolved):
    """What the host did before the first network.

    `forwarding_before` says whether it was a router (ip_forward). If not, `present` has its interfaces, and
    `forwarding_on` those of them that forwarded by a setting of their own.
    """

    forwarding_before: bool
    present: tuple[str, ...] = ()
    forwarding_on: tuple[str, ...] = ()


class ResolvedPool(Resolved):
    """A network in one family: its subnet, and what there is between that and the rest of the world.

    Args:
        subnet: The subnet.
        address: The bridge's own address; None if none is meant for it.
        bare: Whether the bridge does not have it all the same.
        gateway: Where the sandboxes' default route leads; None if they have none.
        ip_range: The part of the subnet that free addresses are taken from.
        reserved: Addresses that no sandbox gets.
        mode: What the host does with what leaves and what comes in.
        snat: The address that what leaves has on the outside; None if the host chooses one.
    """

    subnet: IPv4Network | IPv6Network
    address: IPv4Address | IPv6Address | None
    bare: bool = False
    gateway: IPv4Address | IPv6Address | None
    ip_range: IPv4Network | IPv6Network | None = None
    reserved: tuple[IPv4Address | IPv6Address, ...] = ()
    mode: GatewayMode = "nat"
    snat: IPv4Address | IPv6Address | None = None

    @property
    def on_bridge(self) -> IPInterface | None:
        """The bridge's own address with its subnet's prefix, as in 172.17.0.1/16."""
        return None if self.bare or self.address is None else interface(self.address, self.subnet)

    @property
    def held(self) -> frozenset[IPAddress]:
        """The addresses that no sandbox gets: the bridge's, the gateway, and what is reserved."""
        held = (*self.reserved, self.address, self.gateway)
        return frozenset(address for address in held if address is not None)


class ResolvedNetwork(Resolved, NetworkLike):
    """A network with its bridge and addresses chosen; `adopted` if the bridge was there before."""

    name: Name
    bridge: InterfaceName
    adopted: bool = False
    pools: tuple[ResolvedPool, ...]
    mac: Mac
    mtu: int | None = None
    masquerade: bool = True
    internal: bool = False
    icc: bool = True
    interface_prefix: InterfaceName = "eth"
    host_binding: IPv4Address | IPv6Address | None = None
    trusted_interfaces: tuple[InterfaceName, ...] = ()
    disable_ipv6: bool | None = None
    labels: tuple[Label, ...] = ()

    def __repr__(self) -> str:
        return f"<resolved network {self.name}: {', '.join([self.bridge, *map(str, self.gateways or self.subnets)])}>"

    @property
    def gateways(self) -> tuple[IPInterface, ...]:
        """The bridge's own addresses, each with its subnet's prefix."""
        return tuple(address for pool in self.pools if (address := pool.on_bridge))

    @property
    def has_ipv6(self) -> bool:
        """Whether it has IPv6."""
        return any(pool.subnet.version == 6 for pool in self.pools)

    @property
    def subnets(self) -> tuple[IPNetwork, ...]:
        """The subnet of each family."""
        return tuple(pool.subnet for pool in self.pools)


class ResolvedLocalnet(Resolved):
    """That the host's 127.0.0.0/8 leads to a network, of this name and with this bridge, by some published port."""

    name: Name
    bridge: InterfaceName


class ResolvedForwarding6(Resolved):
    """That the host forwards IPv6: whether it was a router before the first network that has it, and if not, on which
    interfaces it takes advertisements of other routers."""

    was_router: bool
    advertised: tuple[str, ...] = ()


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
