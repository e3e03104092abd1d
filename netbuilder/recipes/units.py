"""The parts that a host is built of, in the order in which they are made; they are taken back the other way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

from netbuilder import recipes
from netbuilder.recipes import network
from netbuilder.resolve import Resolution
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.resolved import (
    HostBaseline,
    ResolvedForwarding6,
    ResolvedLocalnet,
    ResolvedNetwork,
    ResolvedSandbox,
)
from netbuilder.steps import Plan

Kind = Literal["firewall", "network", "sandbox", "localnet", "forwarding", "forwarding6"]
ORDER: tuple[Kind, ...] = ("firewall", "network", "sandbox", "localnet", "forwarding", "forwarding6")
ResolvedUnit = HostBaseline | ResolvedNetwork | ResolvedSandbox | ResolvedLocalnet | ResolvedForwarding6


class Key(NamedTuple):
    """What a unit is known by."""

    kind: Kind
    name: str


@dataclass(frozen=True)
class Unit:
    """One part of a host: made as a whole, remembered as a whole, taken back as a whole.

    What is to go is resolved to nothing, and has an empty plan.
    """

    key: Key
    resolved: ResolvedUnit | None
    plan: Plan


FIREWALL, FORWARDING, FORWARDING6 = Key("firewall", ""), Key("forwarding", ""), Key("forwarding6", "")


def units(resolution: Resolution) -> list[Unit]:
    """A resolution's parts; the firewall and forwarding are there where a network is, a localnet where a port is."""
    baseline = resolution.baseline
    shared = bool(resolution.networks)
    localnets = dict.fromkeys(localnet for one in resolution.sandboxes if (localnet := one.localnet))
    return [
        *([Unit(FIREWALL, baseline, network.firewall(baseline))] if shared else []),
        *(Unit(Key("network", one.name), one, network.plan(one)) for one in resolution.networks),
        *(Unit(Key("sandbox", one.name), one, recipes.plan(one)) for one in resolution.sandboxes),
        *(Unit(Key("localnet", one.name), one, network.localnet(one)) for one in localnets),
        *(Unit(Key("localnet", name), None, Plan()) for name in resolution.without_localnet),
        *([Unit(FORWARDING, baseline, network.forwarding(baseline))] if shared else []),
        *_forwarding6(resolution),
    ]


def _forwarding6(resolution: Resolution) -> list[Unit]:
    """Forwarding of IPv6: there where a network has it, and gone with the last of them."""
    if resolution.forwarding6:
        return [Unit(FORWARDING6, resolution.forwarding6, network.forwarding6(resolution.forwarding6))]
    return [Unit(FORWARDING6, None, Plan())] if resolution.without_forwarding6 else []


def whole(parts: Iterable[Unit]) -> Plan:
    """The plan of several units, one after the other."""
    return Plan(chain.from_iterable(unit.plan for unit in parts))


def standing(key: Key, allocations: Allocations) -> ResolvedUnit | None:
    """What a unit stands as because of us; None if it does not. The firewall and forwarding come and go together."""
    if key in (FIREWALL, FORWARDING):
        return allocations.baseline
    if key == FORWARDING6:
        return allocations.forwarding6
    if key.kind == "localnet":
        return allocations.localnet(key.name)
    return allocations.sandboxes.get(key.name) if key.kind == "sandbox" else allocations.networks.get(key.name)


def in_use(doomed: list[Key], allocations: Allocations) -> dict[Key, frozenset[str]]:
    """Those among the doomed that something which stays depends on: a sandbox's namespace, or a network."""
    gone = {key.name for key in doomed if key.kind == "sandbox"}
    users = {
        key: (allocations.sharers(key.name) if key.kind == "sandbox" else allocations.members(key.name)) - gone
        for key in doomed
    }
    return {key: left for key, left in users.items() if left}
