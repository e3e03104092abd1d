"""What bridge mode stands on: the rules first, then each network's bridge, and forwarding last of all.

The order is for safety: no bridge is up before the rules that guard it, and the host forwards nothing before all stand.
"""

from __future__ import annotations

from ipaddress import IPv6Network

from netbuilder.firewall import Element, baseline_elements, made_router, network_elements
from netbuilder.resolve.resolved import HostBaseline, ResolvedForwarding6, ResolvedLocalnet, ResolvedNetwork
from netbuilder.steps import (
    AcceptAdvertisements,
    AddAddress,
    AddBridge,
    AddElement,
    AddLocalRoute,
    AddTable,
    EnableForwarding,
    EnableIPv6Forwarding,
    Plan,
    SetMac,
    SetMtu,
    SetSysctl,
    SetUp,
    Step,
)
from netbuilder.values.addresses import IPNetwork, family

_LOOPBACK6 = IPv6Network("::1/128")
_LAST = 2000
"""A metric behind that of the loopback's own route, so that the host itself does not take this one."""


def firewall(baseline: HostBaseline) -> Plan:
    """The firewall table, once for all networks of a host."""
    table = AddTable(because="the rules, once for all networks: DNAT in, MASQUERADE out")
    return Plan([table, *map(_element, baseline_elements(baseline))])


def forwarding(baseline: HostBaseline) -> Plan:
    """Forwarding between interfaces, once for all networks of a host: without it nothing leaves a bridge."""
    why = "forwarding: the host passes packets on between its bridges and the outside"
    return Plan([EnableForwarding(because=why)])


def localnet(localnet: ResolvedLocalnet) -> Plan:
    """That the host's 127.0.0.0/8 leads to a network, once for all ports that do so."""
    why = "published ports on 127.0.0.0/8: it leads to the bridge and back; chain raw_prerouting keeps others out"
    return Plan([SetSysctl(key=f"net/ipv4/conf/{localnet.bridge}/route_localnet", value="1", because=why)])


def forwarding6(before: ResolvedForwarding6) -> Plan:
    """The same for IPv6, once for all networks that have it; without netbuilder the host may be no router of it."""
    why = "forwarding: the host passes IPv6 on too"
    guard = [] if before.was_router else [_element(made_router("ipv6"))]
    keep = "a router takes no advertisements of others: the host keeps the default route that it has by them"
    advertised = (AcceptAdvertisements(dev=name, because=keep) for name in before.advertised)
    return Plan([*guard, *advertised, EnableIPv6Forwarding(because=why)])


def plan(network: ResolvedNetwork) -> Plan:
    """The bridge, its addresses, and what the rules have to know of it."""
    return Plan(
        [
            *_bridge(network),
            *_addresses(network),
            *map(_element, network_elements(network)),
            *(_forwarding_by(network.bridge, subnet) for subnet in network.subnets),
        ]
    )


def _bridge(network: ResolvedNetwork) -> list[Step]:
    """A bridge that was there before keeps its MAC address, and its IPv6 where the network has none."""
    bridge = network.bridge
    steps: list[Step] = [
        AddBridge(name=bridge, alias=f"netbuilder:{network.name}", because=f"the bridge of network {network.name}")
    ]
    if not network.adopted:
        why = "a MAC address of its own: otherwise it is one of its ports', and changes as they come and go"
        steps.append(SetMac(dev=bridge, mac=network.mac, because=why))
    if network.mtu:
        steps.append(SetMtu(dev=bridge, mtu=network.mtu, because=f"packets of {network.mtu} bytes at most"))
    if network.disable_ipv6 is not None:
        steps += _ipv6(network, network.disable_ipv6)
    return steps


def _ipv6(network: ResolvedNetwork, disable: bool) -> list[Step]:
    key = f"net/ipv6/conf/{network.bridge}"
    why = "no IPv6 on the bridge: it is not used, and a sandbox could announce itself as the host's router"
    if not disable:
        why = "IPv6 on the bridge, as the network has it"
    steps: list[Step] = []
    if not disable:
        why_dad = (
            "its link-local address at once, by which the host asks for sandboxes: it is nobody else's, by its MAC"
        )
        steps.append(SetSysctl(key=f"{key}/accept_dad", value="0", because=why_dad))
    if not (disable and network.adopted):
        steps.append(SetSysctl(key=f"{key}/disable_ipv6", value=str(int(disable)), because=why))
    why = "no router advertisements by the bridge: a sandbox could become the host's router (as with Docker)"
    return [*steps, SetSysctl(key=f"{key}/accept_ra", value="0", because=why)]


def _addresses(network: ResolvedNetwork) -> list[Step]:
    """Without an address of its own, the bridge connects its sandboxes to each other and to nothing else."""
    why = "the bridge's address: the sandboxes' gateway"
    addresses = [AddAddress(dev=network.bridge, address=gateway, because=why) for gateway in network.gateways]
    return [*addresses, SetUp(dev=network.bridge, because="bring up the bridge"), *_loopback6(network)]


def _loopback6(network: ResolvedNetwork) -> list[Step]:
    """Without this an answer to ::1, which a published port may be open on, is refused on its way back."""
    if all(gateway.version == 4 for gateway in network.gateways):
        return []
    why = "published ports on [::1]: an answer by the bridge reaches the host's loopback"
    return [AddLocalRoute(dev=network.bridge, dst=_LOOPBACK6, metric=_LAST, because=why)]


def _forwarding_by(bridge: str, subnet: IPNetwork) -> Step:
    """What forwarding for all says is what new interfaces get; but that is a setting of its own, and can be off."""
    kind = family(subnet)
    why = f"forwarding: what comes in by {bridge} is passed on, whatever net.{kind}.conf.default.forwarding says"
    return SetSysctl(key=f"net/{kind}/conf/{bridge}/forwarding", value="1", because=why)


def _element(element: Element) -> Step:
    return AddElement(set=element.set, key=element.key, data=element.data, because=element.why)
