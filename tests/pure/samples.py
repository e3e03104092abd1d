"""A network and an endpoint on it as they are when nothing is left open."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface

from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedNetwork

NETWORK = ResolvedNetwork(
    name="lab",
    bridge="br9",
    gateways=(IPv4Interface("10.9.0.1/24"),),
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
