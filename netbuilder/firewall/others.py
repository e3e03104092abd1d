"""Other firewalls that drop what netbuilder lets pass, found by what their rules do with packets like a sandbox's.

An accept of ours does not overrule them: a packet goes on to the hook's other base chains, and any of them may still
drop it (nft(8), VERDICT STATEMENT).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import NamedTuple, Protocol

from netbuilder.errors import printable, some
from netbuilder.firewall.chains import (
    BRIDGE,
    FAMILIES,
    FORWARD,
    INET,
    INPUT,
    IPV4,
    IPV6,
    NETDEV,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    Chain,
    Rule,
)
from netbuilder.firewall.evaluate import Drop
from netbuilder.firewall.guarded import Guarded
from netbuilder.firewall.legacy import LEGACY
from netbuilder.firewall.packets import DNAT, SOMEBODY, SOMEBODY6, TCP, UDP, Interface, Packet
from netbuilder.values.addresses import IPAddress

OUT, IN = "what sandboxes send to the outside", "what comes to their published ports"
TO_HOST, FROM_HOST = "what they send to the host itself", "what the host sends to them"
NEIGHBOURS, OUT_BY_IPV6 = "what they send to each other", "IPv6"
_INGRESS, _EGRESS = 0, 1  # of netdev
_INET_INGRESS = 5


class Tables(Protocol):
    """The tables of others."""

    def dropped_by(self, base: Chain, packet: Packet) -> Drop | None:
        """Where a base chain drops or rejects a packet; None if it lets it pass."""


class Stop(NamedTuple):
    """A hook that a packet passes, and as what; with a device, one of netdev."""

    families: tuple[int, ...]
    hook: int
    packet: Packet
    device: str = ""


@dataclass(frozen=True)
class Around:
    """What is around a bridge: the interface that leads outside, the bridge itself, and a port of it."""

    uplink: Interface
    bridge: Interface
    port: Interface


def warnings(networks: Iterable[tuple[Guarded, Around]], chains: Iterable[Chain], tables: Tables) -> tuple[str, ...]:
    """What is dropped elsewhere, in a line for each rule or policy that does."""
    bases = tuple(chains)
    found: dict[Drop, tuple[dict[str, None], set[str]]] = {}
    for network, around in networks:
        for what, stops in _passages(network, around):
            for drop in _drops(stops, bases, tables):
                whats, bridges = found.setdefault(drop, ({}, set()))
                whats[what] = None
                bridges.add(network.bridge)
    return tuple(_line(drop, list(whats), bridges) for drop, (whats, bridges) in found.items())


def _drops(stops: Iterable[Stop], bases: Sequence[Chain], tables: Tables) -> Iterator[Drop]:
    for stop in stops:
        for base in bases:
            drop = tables.dropped_by(base, stop.packet) if _is_passed(base, stop) else None
            if drop:
                yield drop


def _is_passed(base: Chain, stop: Stop) -> bool:
    if stop.device:
        ingress = base.family == INET and base.hook == _INET_INGRESS and stop.hook == _INGRESS
        return stop.device in base.devices and (ingress or (base.family, base.hook) == (NETDEV, stop.hook))
    return base.family in stop.families and base.hook == stop.hook


def _passages(network: Guarded, around: Around) -> Iterator[tuple[str, list[Stop]]]:
    """What passes a network's bridge, and by which hooks; a sandbox may send IPv6 though its network has none."""
    version, sandbox = network.gateway.version, network.gateway.network.broadcast_address - 1
    families, by = _FAMILIES[version], "" if version == 4 else " by IPv6"
    for protocol in (TCP, UDP):
        out = Packet(sandbox, _SOMEBODY[version], around.bridge, protocol=protocol)
        if not network.internal:
            yield OUT if version == 4 else OUT_BY_IPV6, [*_outwards(out, around), *_from_port(out, around)]
            if version == 4:
                yield OUT_BY_IPV6, _routed(replace(out, src=_SANDBOX6, dst=SOMEBODY6), around.uplink)
        to_host = replace(out, dst=network.gateway.ip, to_host=True)
        yield TO_HOST + by, [Stop(families, PREROUTING, to_host), Stop(families, INPUT, to_host)]
        from_host = Packet(network.gateway.ip, sandbox, oif=around.bridge, protocol=protocol)
        yield FROM_HOST + by, [Stop(families, OUTPUT, from_host), Stop(families, POSTROUTING, from_host)]
        within = replace(out, dst=sandbox - 1, iif=around.port, oif=around.port, bridge=network.bridge)
        yield NEIGHBOURS + by, [Stop((BRIDGE,), hook, within) for hook in (PREROUTING, FORWARD, POSTROUTING)]
    if network.port:
        yield IN + by, _inwards(network, network.port, around)


_SANDBOX6 = IPv6Address("fd00::2")
_SOMEBODY: dict[int, IPAddress] = {4: SOMEBODY, 6: SOMEBODY6}
_FAMILIES = {4: (IPV4, INET), 6: (IPV6, INET)}
"""Families of the tables that a packet passes."""


def _routed(packet: Packet, to: Interface) -> list[Stop]:
    families, routed = _FAMILIES[packet.src.version], replace(packet, oif=to)
    return [Stop(families, PREROUTING, packet), *(Stop(families, hook, routed) for hook in (FORWARD, POSTROUTING))]


def _outwards(out: Packet, around: Around) -> list[Stop]:
    leaving = replace(out, oif=around.uplink)
    devices = (around.bridge.name, _INGRESS, out), (around.uplink.name, _EGRESS, leaving)
    return [*_routed(out, around.uplink), *(Stop((), hook, it, device) for device, hook, it in devices if device)]


def _from_port(out: Packet, around: Around) -> list[Stop]:
    switched = replace(out, iif=around.port, bridge=around.bridge.name)
    return [Stop((BRIDGE,), hook, switched) for hook in (PREROUTING, INPUT)]


def _inwards(network: Guarded, leads_to: tuple[str, IPAddress, int], around: Around) -> list[Stop]:
    name, address, port = leads_to
    protocol = UDP if name == "udp" else TCP
    families, somebody = _FAMILIES[address.version], _SOMEBODY[address.version]
    coming = Packet(somebody, network.gateway.ip, around.uplink, protocol=protocol, to_host=True)
    led = replace(coming, dst=address, port=port, status=DNAT, to_host=False, oif=around.bridge)
    switched = replace(led, iif=None, oif=around.port, bridge=network.bridge)
    devices = (around.uplink.name, _INGRESS, coming), (network.bridge, _EGRESS, led)
    return [
        Stop(families, PREROUTING, coming),
        *(Stop(families, hook, led) for hook in (FORWARD, POSTROUTING)),
        *(Stop((), hook, packet, device) for device, hook, packet in devices if device),
        *(Stop((BRIDGE,), hook, switched) for hook in (OUTPUT, POSTROUTING)),
    ]


def _line(drop: Drop, whats: list[str], bridges: set[str]) -> str:
    chain = drop.chain
    family, table, name = FAMILIES[chain.family], printable(chain.table), printable(chain.name)
    where, see = f"{family} {table}", f"nft -a list chain {family} {table} {name}"
    if chain.type == LEGACY:
        tables = "ip6tables" if chain.family == IPV6 else "iptables"
        where, see = f"{table} of {tables}-legacy", f"{tables}-legacy -t {table} -S"
    return (
        f"another firewall drops {', '.join(whats)} ({some(bridges)}): table {where}, chain {name}, {_by(drop.rule)}."
        f" It overrules netbuilder's rules, so let the bridges pass there too; see: {see}"
    )


def _by(rule: Rule | None) -> str:
    if rule is None:
        return "policy drop"
    rejects = any(one.name == "reject" or one.text(1) == "REJECT" for one in rule.expressions)
    handle = f" with handle {rule.handle}" if rule.handle else ""
    comment = f', "{printable(rule.comment)}"' if rule.comment else ""
    return f"a rule{handle} ({'reject' if rejects else 'drop'}{comment})"
