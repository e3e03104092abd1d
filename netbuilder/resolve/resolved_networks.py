"""Networks with nothing left open, and what a host has because of them; see `resolved`."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from netbuilder.values import GatewayMode, InterfaceName, Mac, Name, Value
from netbuilder.values.addresses import IPAddress, IPInterface, IPNetwork, interface
from netbuilder.values.names import NetworkLike


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
