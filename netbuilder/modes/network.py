"""What bridge mode stands on: the rules first, then each network's bridge, and forwarding last of all.

The order is for safety: no bridge is up before the rules that guard it, and the host forwards nothing before all stand.
"""

from __future__ import annotations

from ipaddress import IPv4Interface

from netbuilder.firewall import network_elements
from netbuilder.plan import Plan
from netbuilder.resolved import Ground, ResolvedNetwork
from netbuilder.steps import AddAddress, AddBridge, AddElement, AddTable, Forward, SetMtu, SetSysctl, SetUp, Step


def rules(ground: Ground) -> Plan:
    """The firewall table, once for all networks of a host."""
    return Plan(
        [AddTable(was_router=ground.was_router, because="the rules, once for all networks: DNAT in, MASQUERADE out")]
    )


def forwarding(ground: Ground) -> Plan:
    """Forwarding between interfaces, once for all networks of a host: without it nothing passes the bridge."""
    return Plan([Forward(because="forwarding: the host passes packets on between its bridges and the outside")])


def plan(network: ResolvedNetwork) -> Plan:
    """The switch, its quiet, its address, and its place in the rules."""
    return Plan([*_switch(network), *_address(network), *_place_in_the_rules(network)])


def _switch(network: ResolvedNetwork) -> list[Step]:
    """A fixed MAC address: without one a bridge takes the lowest of its ports', and changes it as they come and go."""
    bridge = network.bridge
    switch: list[Step] = [
        AddBridge(
            name=bridge,
            mac=network.mac,
            alias=f"netbuilder:{network.name}",
            because=f"a bridge, the switch of network {network.name}",
        )
    ]
    if network.mtu:
        switch.append(SetMtu(dev=bridge, mtu=network.mtu, because=f"packets of {network.mtu} bytes at most"))
    if network.quiet_ipv6 and not network.adopted:
        key = f"net/ipv6/conf/{bridge}/disable_ipv6"
        why = "no IPv6 on the bridge: it is not used, and a sandbox could announce itself as the host's router"
        switch.append(SetSysctl(key=key, value="1", because=why))
    if network.internal:
        return switch
    key = f"net/ipv4/conf/{bridge}/route_localnet"
    why = "an answer to the host's 127.0.0.1 may come in by the bridge; the guard chain keeps others out"
    return [*switch, SetSysctl(key=key, value="1", because=why)]


def _address(network: ResolvedNetwork) -> list[Step]:
    address = IPv4Interface((network.gateway, network.subnet.prefixlen))
    return [
        AddAddress(dev=network.bridge, address=address, because="the bridge's address: the sandboxes' gateway"),
        SetUp(dev=network.bridge, because="bring up the bridge"),
    ]


def _place_in_the_rules(network: ResolvedNetwork) -> list[Step]:
    return [AddElement(set=set_, key=key, because=why) for set_, key, why in network_elements(network)]
