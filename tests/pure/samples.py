"""A network and an endpoint on it as they are when nothing is left open."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, ip_interface
from typing import Any

from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedNetwork, ResolvedPool


def pool(on_bridge: str, **more: Any) -> ResolvedPool:
    """A network in the family of its bridge's address, which is the sandboxes' gateway too."""
    address = ip_interface(on_bridge)
    return ResolvedPool(**{"subnet": address.network, "address": address.ip, "gateway": address.ip} | more)


NETWORK = ResolvedNetwork(
    name="lab",
    bridge="br9",
    pools=(pool("10.9.0.1/24"),),
    mac="02:42:0a:09:00:01",
    mtu=None,
    masquerade=True,
    internal=False,
    disable_ipv6=True,
)
ENDPOINT = ResolvedEndpoint(
    network="lab",
    bridge="br9",
    veth="veth1234567",
    addresses=(IPv4Interface("10.9.0.2/24"),),
    gateways=(IPv4Address("10.9.0.1"),),
    mac="02:42:0a:09:00:02",
    mtu=None,
    disable_ipv6=True,
)
