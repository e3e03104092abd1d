"""Networks: a bridge, a subnet and a gateway for each, clear of each other and of what the host reaches already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network

from netbuilder.addresses import bridge_name, free_subnet, mac_of
from netbuilder.errors import SpecError, some
from netbuilder.ledger import Ledger
from netbuilder.resolved import Facts, ResolvedNetwork
from netbuilder.spec import Network

IPV6_LEAST_MTU = 1280
"""Bytes in a packet that IPv6 needs at least (RFC 8200, section 5): on a device with less, Linux has no IPv6."""

_USUAL_MTU = 1500
"""What the kernel gives a device of which nothing else is asked."""


def resolve_networks(specs: list[Network], ledger: Ledger, facts: Facts) -> Iterator[ResolvedNetwork]:
    """Those with a subnet of their own first, so that no default is in their way."""
    for spec in sorted(specs, key=lambda network: network.subnet is None):
        known = ledger.networks.get(spec.name)
        if known and same(spec, known):
            yield known
            continue
        if known:
            _refuse_change_in_use(spec, ledger)
            ledger.remove_network(spec.name)
        network = _network(spec, ledger, _without(known, facts) if known else facts)
        ledger.add_network(network)
        yield network


def same(spec: Network, known: ResolvedNetwork) -> bool:
    """Whether a network is still what its spec asks for; what the spec leaves open may stay as it was chosen."""
    return (
        spec.subnet in (None, known.subnet)
        and spec.gateway in (None, known.gateway)
        and (spec.bridge or bridge_name(spec.name)) == known.bridge
        and (spec.mtu, spec.masquerade, spec.internal) == (known.mtu, known.masquerade, known.internal)
    )


def _without(gone: ResolvedNetwork, facts: Facts) -> Facts:
    """The host without what it reaches by a network that is about to go, and without its bridge if that goes too."""
    onlink = tuple((block, device) for block, device in facts.onlink if device != gone.bridge)
    return replace(facts, onlink=onlink, interfaces=facts.interfaces - (set() if gone.adopted else {gone.bridge}))


def _refuse_change_in_use(spec: Network, ledger: Ledger) -> None:
    members = ledger.members(spec.name)
    if members:
        raise SpecError(
            f"network {spec.name}",
            f"is in use by {some(members)} and cannot be changed",
            "destroy its sandboxes first, or give the new network another name",
        )


def _network(spec: Network, ledger: Ledger, facts: Facts) -> ResolvedNetwork:
    bridge = spec.bridge or bridge_name(spec.name)
    for other in ledger.networks.values():
        if other.bridge == bridge:
            raise SpecError(f"network {spec.name}.bridge", f"{bridge} is the bridge of network {other.name}")
    has = facts.addresses.get(bridge) if spec.subnet is None else None
    subnet = spec.subnet or (has.network if has else _free_subnet(spec, ledger, facts))
    _refuse_overlap(spec, subnet, bridge, ledger, facts)
    gateway = spec.gateway or (has.ip if has else subnet.network_address + 1)
    return ResolvedNetwork(
        name=spec.name,
        bridge=bridge,
        adopted=bridge in facts.interfaces,
        subnet=subnet,
        gateway=gateway,
        mac=mac_of(gateway),
        mtu=spec.mtu,
        masquerade=spec.masquerade,
        internal=spec.internal,
        quiet_ipv6=facts.ipv6 and (spec.mtu or _USUAL_MTU) >= IPV6_LEAST_MTU,
    )


def _free_subnet(spec: Network, ledger: Ledger, facts: Facts) -> IPv4Network:
    taken = [network.subnet for network in ledger.networks.values()]
    subnet = free_subnet(taken + [block for block, _ in facts.onlink])
    if subnet is None:
        raise SpecError(
            f"network {spec.name}.subnet",
            "every one of Docker's 31 address pools overlaps a network or a route of this host",
            "name a subnet, such as 10.9.0.0/24",
        )
    return subnet


def _refuse_overlap(spec: Network, subnet: IPv4Network, bridge: str, ledger: Ledger, facts: Facts) -> None:
    for other in ledger.networks.values():
        if subnet.overlaps(other.subnet):
            raise SpecError(f"network {spec.name}.subnet", f"{subnet} overlaps {other.subnet} of network {other.name}")
    for block, device in facts.onlink:
        if device != bridge and subnet.overlaps(block):
            raise SpecError(
                f"network {spec.name}.subnet", f"{subnet} overlaps {block}, which this host reaches by {device}"
            )
