"""Bridge mode: a namespace, a veth pair to the bridge, an address, a default route, and published ports.

Docker's default. The network's side of it (the bridge, the rules, forwarding) is in `netbuilder.recipes.network`.
"""

from __future__ import annotations

from itertools import chain

from netbuilder.addresses import family
from netbuilder.recipes.none import loopback, namespace
from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedSandbox
from netbuilder.spec.ports import ALL_OF, on_address, ports_text
from netbuilder.steps import (
    AddAddress,
    AddRoute,
    AddVeth,
    DisableLinkLocal,
    Plan,
    PublishPort,
    SetAlias,
    SetHairpin,
    SetMtu,
    SetNeighbour,
    SetOffload,
    SetSysctl,
    SetUp,
    Step,
)


def plan(sandbox: ResolvedSandbox) -> Plan:
    """The namespace and what is wired into it, in the order a person would type it."""
    return namespace(sandbox) + Plan(
        [
            *chain.from_iterable(_veth(sandbox, endpoint) for endpoint in sandbox.endpoints),
            *chain.from_iterable(_addresses(sandbox, endpoint) for endpoint in sandbox.endpoints),
            loopback(sandbox),
            *(_up(sandbox, endpoint) for endpoint in sandbox.endpoints),
            *chain.from_iterable(_default_routes(sandbox, endpoint) for endpoint in sandbox.endpoints),
            *chain.from_iterable(_neighbours_inside(sandbox, endpoint) for endpoint in sandbox.endpoints),
            *_published_ports(sandbox),
        ]
    )


def _veth(sandbox: ResolvedSandbox, endpoint: ResolvedEndpoint) -> list[Step]:
    """Without the veth pair the sandbox has nothing but its loopback: that is none mode."""
    veth, name, inside = endpoint.veth, sandbox.name, endpoint.interface
    steps: list[Step] = [
        AddVeth(
            name=veth,
            bridge=endpoint.bridge,
            peer=inside,
            netns=name,
            mac=endpoint.mac,
            because=f"a veth pair: one end is a port of {endpoint.bridge}, the other is {inside} inside {name}",
        ),
        SetAlias(dev=veth, alias=f"netbuilder:{name}", because="an alias for the host's end: whose it is"),
    ]
    if endpoint.mtu:
        steps.append(SetMtu(dev=veth, mtu=endpoint.mtu, because=f"packets of {endpoint.mtu} bytes at most"))
    if sandbox.ports:
        steps.append(SetHairpin(dev=veth, because=f"let {name} reach itself through its published port"))
    if endpoint.disable_ipv6:
        why = "no IPv6 link-local address: it is unused, and would flood the bridge"
        steps.append(DisableLinkLocal(dev=veth, because=why))
    if endpoint.own_queue:
        steps += _own_queue(sandbox, endpoint)
    steps.append(SetUp(dev=veth, because="bring up the host's end"))
    if endpoint.neighbours:
        steps += _neighbours_here(sandbox, endpoint)
    if endpoint.mtu:
        steps.append(SetMtu(netns=name, dev=inside, mtu=endpoint.mtu, because="the same limit for the inner end"))
    if endpoint.disable_ipv6:
        why = "no IPv6 inside: the network has none (as with Docker)"
        steps.append(SetSysctl(netns=name, key=f"net/ipv6/conf/{inside}/disable_ipv6", value="1", because=why))
    return steps


def _own_queue(sandbox: ResolvedSandbox, endpoint: ResolvedEndpoint) -> list[Step]:
    """Without these a broadcast to so many ports is more than the CPU's queue holds, and some are never asked for."""
    why, how = "a queue of its own for what goes in: the CPU's would overflow", "the other half of it"
    return [
        SetOffload(dev=endpoint.veth, offload="tso", on=False, because=why),
        SetOffload(netns=sandbox.name, dev=endpoint.interface, offload="gro", on=True, because=how),
    ]


def _neighbours_here(sandbox: ResolvedSandbox, endpoint: ResolvedEndpoint) -> list[Step]:
    """Without these the host asks for each of them, and its table of what it was told does not hold so many."""
    why = f"{sandbox.name}'s MAC address, for good: the host can't ask for so many"
    return [
        SetNeighbour(dev=endpoint.bridge, dev_mac=bridge.mac, address=address.ip, mac=endpoint.mac, because=why)
        for bridge in endpoint.neighbours[:1]
        for address in endpoint.addresses
    ]


def _neighbours_inside(sandbox: ResolvedSandbox, endpoint: ResolvedEndpoint) -> list[Step]:
    """Without these each of them asks for the bridge: all namespaces of a machine have one table."""
    name, inside, mac = sandbox.name, endpoint.interface, endpoint.mac
    why = "the bridge's MAC address, for good: the table that is full is the same"
    return [
        SetNeighbour(netns=name, dev=inside, dev_mac=mac, address=bridge.address, mac=bridge.mac, because=why)
        for bridge in endpoint.neighbours
    ]


def _addresses(sandbox: ResolvedSandbox, endpoint: ResolvedEndpoint) -> list[Step]:
    """Without an address nobody can write to the sandbox."""
    why = f"{sandbox.name}'s address on network {endpoint.network}"
    return [
        AddAddress(netns=sandbox.name, dev=endpoint.interface, address=address, because=why)
        for address in endpoint.addresses
    ]


def _up(sandbox: ResolvedSandbox, endpoint: ResolvedEndpoint) -> Step:
    """Until it is up, an interface neither sends nor receives."""
    return SetUp(netns=sandbox.name, dev=endpoint.interface, because="bring up the inner end")


def _default_routes(sandbox: ResolvedSandbox, endpoint: ResolvedEndpoint) -> list[Step]:
    """Without the route only neighbours are reached: an internal network has none."""
    why = "default route: everything else goes via the bridge's address"
    return [
        AddRoute(netns=sandbox.name, via=gateway, dev=endpoint.interface, because=why) for gateway in endpoint.gateways
    ]


def _published_ports(sandbox: ResolvedSandbox) -> list[Step]:
    """Without these nothing on the host's ports leads inside."""
    addresses = [address for endpoint in sandbox.endpoints[:1] for address in endpoint.addresses]
    leads_to = {family(address): address.ip for address in reversed(addresses)}
    return [
        PublishPort(
            host_ip=port.host_ip or ALL_OF[kind],
            host_port=port.host_port,
            protocol=port.protocol,
            address=address,
            sandbox_port=port.sandbox_port,
            count=port.count,
            because=f"published port {port}: PREROUTING and OUTPUT rewrite its destination"
            f" to {on_address(address)}{ports_text(port.sandbox_port, port.count)}",
        )
        for port in sandbox.ports
        for kind in port.families
        for address in filter(None, [leads_to.get(kind)])
    ]
