"""What bridge mode stands on: the rules first, then each network's bridge, and forwarding last of all.

The order is for safety: no bridge is up before the rules that guard it, and the host forwards nothing before all stand.
"""

from __future__ import annotations

from netbuilder.firewall import Element, baseline_elements, network_elements
from netbuilder.resolve.resolved import HostBaseline, ResolvedNetwork
from netbuilder.steps import (
    AddAddress,
    AddBridge,
    AddElement,
    AddTable,
    EnableForwarding,
    Plan,
    SetMac,
    SetMtu,
    SetSysctl,
    SetUp,
    Step,
)


def firewall(baseline: HostBaseline) -> Plan:
    """The firewall table, once for all networks of a host."""
    table = AddTable(because="the rules, once for all networks: DNAT in, MASQUERADE out")
    return Plan([table, *map(_element, baseline_elements(baseline))])


def forwarding(baseline: HostBaseline) -> Plan:
    """Forwarding between interfaces, once for all networks of a host: without it nothing leaves a bridge."""
    why = "forwarding: the host passes packets on between its bridges and the outside"
    return Plan([EnableForwarding(because=why)])


def plan(network: ResolvedNetwork) -> Plan:
    """The bridge, its addresses, and what the rules have to know of it."""
    return Plan(
        [
            *_bridge(network),
            *_addresses(network),
            *map(_element, network_elements(network)),
            _forwarding_by(network.bridge),
        ]
    )


def _bridge(network: ResolvedNetwork) -> list[Step]:
    """A bridge that was there before keeps its MAC address and its IPv6."""
    bridge = network.bridge
    steps: list[Step] = [
        AddBridge(name=bridge, alias=f"netbuilder:{network.name}", because=f"the bridge of network {network.name}")
    ]
    if not network.adopted:
        why = "a MAC address of its own: otherwise it is one of its ports', and changes as they come and go"
        steps.append(SetMac(dev=bridge, mac=network.mac, because=why))
    if network.mtu:
        steps.append(SetMtu(dev=bridge, mtu=network.mtu, because=f"packets of {network.mtu} bytes at most"))
    if network.disable_ipv6 and not network.adopted:
        why = "no IPv6 on the bridge: it is not used, and a sandbox could announce itself as the host's router"
        steps.append(SetSysctl(key=f"net/ipv6/conf/{bridge}/disable_ipv6", value="1", because=why))
    if network.disable_ipv6:
        why = "no router advertisements by the bridge: a sandbox could become the host's router (as with Docker)"
        steps.append(SetSysctl(key=f"net/ipv6/conf/{bridge}/accept_ra", value="0", because=why))
    if not network.internal:
        why = "an answer to the host's 127.0.0.1 may come in by the bridge; chain raw_prerouting keeps others out"
        steps.append(SetSysctl(key=f"net/ipv4/conf/{bridge}/route_localnet", value="1", because=why))
    return steps


def _addresses(network: ResolvedNetwork) -> list[Step]:
    """Without an address of its own, the bridge connects its sandboxes to each other and to nothing else."""
    why = "the bridge's address: the sandboxes' gateway"
    addresses = [AddAddress(dev=network.bridge, address=gateway, because=why) for gateway in network.gateways]
    return [*addresses, SetUp(dev=network.bridge, because="bring up the bridge")]


def _forwarding_by(bridge: str) -> Step:
    """What forwarding for all says is what new interfaces get; but that is a setting of its own, and can be off."""
    why = f"forwarding: what comes in by {bridge} is passed on, whatever net.ipv4.conf.default.forwarding says"
    return SetSysctl(key=f"net/ipv4/conf/{bridge}/forwarding", value="1", because=why)


def _element(element: Element) -> Step:
    return AddElement(set=element.set, key=element.key, because=element.why)
