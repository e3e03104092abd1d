"""What a host is like: what defaults and refusals depend on besides the specs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from netbuilder.resolve.defaults import POOLS, AddressPool
from netbuilder.resolve.resolved import LAST_GROUP, ResolvedNetwork
from netbuilder.values.addresses import Family, IPAddress, IPInterface, IPNetwork


class HostRoute(NamedTuple):
    """A route of the host, whatever made it.

    Args:
        block: The addresses that it catches.
        leads: Where to, in words: "by eth0", "by eth0 via 192.0.2.2", "nowhere (blackhole)".
        device: The interface that it leads out by; "" if it names none or many.
        metric: Of two to the same block, the one with the lower metric is taken; that of a bridge's own subnet is 0.
        main: Whether it is in the main table. The others are asked as the rules say (`ip rule`), as VPNs do it.
    """

    block: IPNetwork
    leads: str
    device: str
    metric: int = 0
    main: bool = True


class HostPort(NamedTuple):
    """A port of the host: on one address, on all of a family (0.0.0.0, ::), or on all of both (None)."""

    protocol: str
    host_ip: IPAddress | None
    number: int


class Neighbour(NamedTuple):
    """Who has an address on a bridge: a MAC address, and whether it answers; if not, it was there some time ago."""

    mac: str
    answers: bool


@dataclass(frozen=True)
class HostFacts:
    """What a host was like before netbuilder came. The default is a host fresh from boot.

    Args:
        routes: Its routes, without the default ones, and those that IPv6 has on each link (link-local, multicast).
        interfaces: The names of its interfaces.
        addresses: The addresses of each interface, but for those that IPv6 has on each link. A bridge that is adopted
            has the subnet of its first one.
        neighbours: Who else is on a bridge, by its name and their address.
        ports: How many ports a bridge has that are not netbuilder's, by its name.
        resolvers: The nameservers that the host asks.
        forwarding: Whether the host was a router (ip_forward) on its own account.
        forwarding6: The same for IPv6 (net.ipv6.conf.all.forwarding).
        present: The interfaces that were there before it forwarded on netbuilder's account; none where it is a router
            of both families.
        forwarding_on: Those of them that forwarded by a setting of their own.
        bridged: The families of which rules see what is merely bridged (bridge-nf-call-iptables, -ip6tables).
        advertised: The interfaces that take router advertisements as long as the host does not forward IPv6, and
            "default" if new ones do. It stays empty until somebody needs it, as all interfaces are looked at.
        ipv6: Whether the kernel speaks IPv6, so that it has to be disabled on links that do not use it.
        last_group: The highest group there is, for what all groups may do; in a user namespace there are few.
        pools: The blocks that free IPv4 subnets are taken from.
        ephemeral: First and last port of the range from which a free host port is taken.
        reserved: Ranges of ports, each from its first to its last, that are not to be taken from it.
        busy: Ports of the host that a process holds.
    """

    routes: tuple[HostRoute, ...] = ()
    interfaces: frozenset[str] = frozenset()
    addresses: Mapping[str, tuple[IPInterface, ...]] = field(default_factory=dict)
    neighbours: Mapping[tuple[str, IPAddress], Neighbour] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    resolvers: frozenset[IPAddress] = frozenset()
    forwarding: bool = False
    forwarding6: bool = False
    present: tuple[str, ...] = ()
    forwarding_on: tuple[str, ...] = ()
    bridged: tuple[Family, ...] = ()
    advertised: tuple[str, ...] = ()
    ipv6: bool = True
    last_group: int = LAST_GROUP
    pools: tuple[AddressPool, ...] = POOLS
    ephemeral: tuple[int, int] = (32768, 60999)
    reserved: tuple[tuple[int, int], ...] = ()
    busy: frozenset[HostPort] = frozenset()

    def without(self, gone: ResolvedNetwork) -> HostFacts:
        """The host without what it reaches by a network that is about to go, and without its bridge if that goes."""
        routes = tuple(route for route in self.routes if route.device != gone.bridge)
        if gone.adopted:
            return replace(self, routes=routes)
        addresses = {device: held for device, held in self.addresses.items() if device != gone.bridge}
        return replace(self, routes=routes, addresses=addresses, interfaces=self.interfaces - {gone.bridge})
