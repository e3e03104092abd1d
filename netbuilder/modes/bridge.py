"""Bridge mode: a room, a cable to the switch, an address, the way out, and the doors that lead in.

Docker's default. The network's side of it (the bridge, the rules, forwarding) is in `netbuilder.modes.network`.
"""

from __future__ import annotations

from ipaddress import IPv4Interface

from netbuilder.firewall import port_element
from netbuilder.modes.none import loopback, room
from netbuilder.plan import Plan
from netbuilder.resolved import Endpoint, ResolvedSandbox
from netbuilder.steps import (
    AddAddress,
    AddDefaultRoute,
    AddElement,
    AddVeth,
    Hairpin,
    NoLinkLocal,
    SetAlias,
    SetMtu,
    SetSysctl,
    SetUp,
    Step,
)

INSIDE = "eth0"


def plan(sandbox: ResolvedSandbox) -> Plan:
    """The room, the cable, the address, the way out, the doors: in the order a person would type them."""
    assert sandbox.endpoint is not None
    return room(sandbox) + Plan(
        [
            *_cable(sandbox, sandbox.endpoint),
            *_address(sandbox, sandbox.endpoint),
            *_way_out(sandbox, sandbox.endpoint),
            *_doors(sandbox, sandbox.endpoint),
        ]
    )


def _cable(sandbox: ResolvedSandbox, endpoint: Endpoint) -> list[Step]:
    """Without the cable the sandbox has nothing but its loopback: that is none mode."""
    veth, name = endpoint.veth, sandbox.name
    cable: list[Step] = [
        AddVeth(
            name=veth,
            bridge=endpoint.bridge,
            peer=INSIDE,
            netns=name,
            mac=endpoint.mac,
            because=f"a veth pair, the cable: one end in {endpoint.bridge}, the other inside {name} as {INSIDE}",
        ),
        SetAlias(dev=veth, alias=alias(name), because="label the host's end: whose it is"),
    ]
    if endpoint.mtu:
        cable.append(SetMtu(dev=veth, mtu=endpoint.mtu, because=f"packets of {endpoint.mtu} bytes at most"))
    if endpoint.publish:
        cable.append(Hairpin(dev=veth, because=f"let {name} reach itself through its published port"))
    if endpoint.quiet_ipv6:
        cable.append(
            NoLinkLocal(dev=veth, because="no IPv6 link-local address: it is unused, and would flood the bridge")
        )
    cable.append(SetUp(dev=veth, because="bring up the host's end"))
    if endpoint.mtu:
        cable.append(SetMtu(netns=name, dev=INSIDE, mtu=endpoint.mtu, because="the same limit for the inner end"))
    if endpoint.quiet_ipv6:
        cable.append(_no_ipv6(name))
    return cable


def _no_ipv6(name: str) -> Step:
    key = f"net/ipv6/conf/{INSIDE}/disable_ipv6"
    return SetSysctl(netns=name, key=key, value="1", because="no IPv6 inside: the network has none (as with Docker)")


def _address(sandbox: ResolvedSandbox, endpoint: Endpoint) -> list[Step]:
    """Without an address nobody can write to the sandbox; without 'up' nothing is sent or received."""
    address = IPv4Interface((endpoint.address, endpoint.prefix))
    return [
        AddAddress(
            netns=sandbox.name,
            dev=INSIDE,
            address=address,
            because=f"{sandbox.name}'s address on network {endpoint.network}",
        ),
        loopback(sandbox),
        SetUp(netns=sandbox.name, dev=INSIDE, because="bring up the inner end"),
    ]


def _way_out(sandbox: ResolvedSandbox, endpoint: Endpoint) -> list[Step]:
    """Without the route only neighbours are reached: an internal network has none."""
    if endpoint.gateway is None:
        return []
    return [
        AddDefaultRoute(
            netns=sandbox.name,
            via=endpoint.gateway,
            because="default route: everything else goes via the bridge's address",
        )
    ]


def _doors(sandbox: ResolvedSandbox, endpoint: Endpoint) -> list[Step]:
    """Without these nothing on the host's ports leads inside."""
    doors: list[Step] = []
    for port in endpoint.publish:
        map_, key, data = port_element(endpoint, port)
        why = f"published port {port}: PREROUTING and OUTPUT rewrite its destination to {data.replace(' . ', ':')}"
        doors.append(AddElement(set=map_, key=key, data=data, because=why))
    return doors


def alias(sandbox: str) -> str:
    """What the host's end of a sandbox's cable is labelled with."""
    return f"netbuilder:{sandbox}"
