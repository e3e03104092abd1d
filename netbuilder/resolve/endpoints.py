"""Endpoints: for each network that a sandbox is on, its addresses, a veth name, an interface; and the gateways."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network

from netbuilder.errors import SpecError
from netbuilder.resolve.addresses import choose_addresses, reserve_occupied
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.attachments import Attachment, attachments, check, keep
from netbuilder.resolve.claims import Claims
from netbuilder.resolve.crowds import Crowds
from netbuilder.resolve.defaults import mac_of, veth_name
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.gateways import with_gateways
from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedNetwork, Setting
from netbuilder.spec import Bridge, Sandbox
from netbuilder.spec.endpoint import IFNAME
from netbuilder.values.addresses import IPAddress, IPInterface, IPNetwork, family, interface

Endpoints = Mapping[str, tuple[ResolvedEndpoint, ...]]
"""The endpoints of sandboxes, by their names."""

_LINK_LOCAL: dict[int, IPNetwork] = {4: IPv4Network("169.254.0.0/16"), 6: IPv6Network("fe80::/64")}
"""The subnets of link-local addresses (RFC 3927, RFC 4291)."""


def resolve_endpoints(
    specs: list[Sandbox],
    networks: dict[str, ResolvedNetwork],
    allocations: Allocations,
    claims: Claims,
    facts: HostFacts,
) -> Endpoints:
    """The endpoints of all that is in bridge mode, claimed.

    Raises:
        SpecError: If they contradict each other, what stands or the host.
    """
    asked = [one for spec in specs for one in attachments(spec)]
    for one in asked:
        check(one, networks)
    wired = [keep(one, allocations, networks, claims) for one in asked]
    pairs = [(one.sandbox, one.network) for one in wired]
    crowds = Crowds(pairs, networks, {spec.name for spec in specs}, allocations, facts)
    reserve_occupied(wired, networks, allocations.claims, claims, facts)
    addresses = choose_addresses(wired, networks, claims)
    chosen: dict[str, list[ResolvedEndpoint]] = {spec.name: [] for spec in specs if isinstance(spec.mode, Bridge)}
    for one, held in zip(wired, addresses, strict=True):
        others = chosen[one.sandbox]
        network = networks[one.network]
        inside = one.endpoint.interface or _free_interface(network.interface_prefix, one.sandbox, wired, others)
        others.append(_endpoint(one, inside, held, network, claims, crowds, facts))
    return {name: with_gateways(endpoints, networks) for name, endpoints in chosen.items()}


def _free_interface(prefix: str, sandbox: str, wired: list[Attachment], others: list[ResolvedEndpoint]) -> str:
    """The prefix and the lowest number that no endpoint of the sandbox has or asks for by name."""
    taken = {one.interface for one in others}
    taken.update(one.endpoint.interface for one in wired if one.sandbox == sandbox and one.endpoint.interface)
    return next(name for name in (f"{prefix}{number}" for number in range(len(taken) + 1)) if name not in taken)


def _endpoint(
    one: Attachment,
    inside: str,
    addresses: tuple[IPInterface, ...],
    network: ResolvedNetwork,
    claims: Claims,
    crowds: Crowds,
    facts: HostFacts,
) -> ResolvedEndpoint:
    asked = one.endpoint
    mac = asked.mac or mac_of(addresses[0].ip)
    holder = claims.holder("mac", network.name, mac)
    if holder:
        problem = f"{mac} is the MAC address of {holder} already"
        raise SpecError(f"{one.where}.mac", problem, "give each its own")
    claims.take("mac", network.name, mac, one.sandbox)
    veth = veth_name(one.sandbox, network.name, lambda name: claims.holder("veth", "", name) is None)
    claims.take("veth", "", veth, one.sandbox)
    routed = tuple(family(pool.subnet) for pool in network.pools if pool.mode == "routed")
    return ResolvedEndpoint(
        network=network.name,
        bridge=network.bridge,
        veth=veth,
        interface=inside,
        addresses=addresses,
        link_local=tuple(_link_local(address) for address in asked.link_local),
        gw_priority=asked.gw_priority,
        mac=mac,
        mtu=network.mtu,
        disable_ipv6=network.disable_ipv6,
        routed=routed,
        direct=tuple(family(pool.subnet) for pool in network.pools) if network.trusted_interfaces else routed,
        isolated=not network.icc and not all(family(pool.subnet) in facts.bridged for pool in network.pools),
        sysctls=tuple(
            Setting(key="/".join(inside if part == IFNAME else part for part in key.split("/")), value=value)
            for key, value in asked.sysctls.items()
        ),
        own_queue=crowds.has_own_queue(one.sandbox, network.name),
        neighbours=crowds.neighbours(one.sandbox, network),
    )


def _link_local(address: IPAddress) -> IPInterface:
    return interface(address, _LINK_LOCAL[address.version])
