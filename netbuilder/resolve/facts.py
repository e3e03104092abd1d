"""What a host is like: what defaults and refusals depend on besides the specs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, IPv4Network

from netbuilder.resolve.resolved import ResolvedNetwork, ResolvedPort


@dataclass(frozen=True)
class HostFacts:
    """What a host was like before netbuilder came. The default is a host fresh from boot.

    Args:
        onlink: Subnets that the host reaches directly, with the interface; their addresses are somebody's already.
        interfaces: The names of its interfaces.
        addresses: The first address of each interface, for a bridge that is adopted with the subnet it has.
        forwarding: Whether the host was a router (ip_forward) on its own account.
        present: The interfaces that were there before it forwarded on netbuilder's account; none where it is a router.
        forwarding_on: Those of them that forwarded by a setting of their own.
        ipv6: Whether the kernel speaks IPv6, so that it has to be disabled on links that do not use it.
        ephemeral: First and last port of the range from which a free host port is taken.
        busy: Ports of the host that a process holds.
    """

    onlink: tuple[tuple[IPv4Network, str], ...] = ()
    interfaces: frozenset[str] = frozenset()
    addresses: dict[str, IPv4Interface] = field(default_factory=dict)
    forwarding: bool = False
    present: tuple[str, ...] = ()
    forwarding_on: tuple[str, ...] = ()
    ipv6: bool = True
    ephemeral: tuple[int, int] = (32768, 60999)
    busy: frozenset[ResolvedPort] = frozenset()

    def without(self, gone: ResolvedNetwork) -> HostFacts:
        """The host without what it reaches by a network that is about to go, and without its bridge if that goes."""
        onlink = tuple((block, device) for block, device in self.onlink if device != gone.bridge)
        if gone.adopted:
            return replace(self, onlink=onlink)
        addresses = {device: address for device, address in self.addresses.items() if device != gone.bridge}
        return replace(self, onlink=onlink, addresses=addresses, interfaces=self.interfaces - {gone.bridge})
