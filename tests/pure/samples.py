"""A network and an endpoint on it as they are when nothing is left open."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from netbuilder.resolved import Endpoint, ResolvedNetwork

NETWORK = ResolvedNetwork(
    name="lab",
    bridge="br9",
    subnet=IPv4Network("10.9.0.0/24"),
    gateway=IPv4Address("10.9.0.1"),
    mac="02:42:0a:09:00:01",
    mtu=None,
    masquerade=True,
    internal=False,
    quiet_ipv6=True,
)
ENDPOINT = Endpoint(
    network="lab",
    bridge="br9",
    veth="veth1234567",
    address=IPv4Address("10.9.0.2"),
    prefix=24,
    gateway=IPv4Address("10.9.0.1"),
    mac="02:42:0a:09:00:02",
    mtu=None,
    quiet_ipv6=True,
)
