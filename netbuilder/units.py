"""The parts that a host is built of, in the order in which they are made; they are taken back the other way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

from netbuilder import modes
from netbuilder.ledger import Ledger
from netbuilder.modes import network
from netbuilder.plan import Plan
from netbuilder.resolve import Resolution
from netbuilder.resolved import Ground, ResolvedNetwork, ResolvedSandbox

Kind = Literal["rules", "network", "sandbox", "forwarding"]
ORDER: tuple[Kind, ...] = ("rules", "network", "sandbox", "forwarding")


class Key(NamedTuple):
    """What a unit is known by."""

    kind: Kind
    name: str


@dataclass(frozen=True)
class Unit:
    """One part of a host: made as a whole, remembered as a whole, taken back as a whole."""

    key: Key
    resolved: Ground | ResolvedNetwork | ResolvedSandbox
    plan: Plan


RULES, FORWARDING = Key("rules", ""), Key("forwarding", "")


def units(resolution: Resolution) -> list[Unit]:
    """A resolution's parts; the rules and forwarding are there where a network is."""
    ground = resolution.ground
    shared = bool(resolution.networks)
    return [
        *([Unit(RULES, ground, network.rules(ground))] if shared else []),
        *(Unit(Key("network", one.name), one, network.plan(one)) for one in resolution.networks),
        *(Unit(Key("sandbox", one.name), one, modes.plan(one)) for one in resolution.sandboxes),
        *([Unit(FORWARDING, ground, network.forwarding(ground))] if shared else []),
    ]


def whole(parts: Iterable[Unit]) -> Plan:
    """The plan of several units, one after the other."""
    return Plan(chain.from_iterable(unit.plan for unit in parts))


def stands(key: Key, ledger: Ledger) -> bool:
    """Whether a unit stands because of us; the rules and forwarding come and go together."""
    if key in (RULES, FORWARDING):
        return ledger.ground is not None
    return key.name in (ledger.sandboxes if key.kind == "sandbox" else ledger.networks)


def in_use(doomed: list[Key], ledger: Ledger) -> dict[Key, frozenset[str]]:
    """Those among the doomed that something which stays lives on: a sandbox's namespace, or a network."""
    gone = {key.name for key in doomed if key.kind == "sandbox"}
    users = {
        key: (ledger.sharers(key.name) if key.kind == "sandbox" else ledger.members(key.name)) - gone for key in doomed
    }
    return {key: left for key, left in users.items() if left}


def strike(gone: Iterable[Key], ledger: Ledger) -> None:
    """Enter into a ledger that units are gone."""
    keys = set(gone)
    for key in keys:
        if key.kind == "sandbox":
            ledger.remove_sandbox(key.name)
    for key in keys:
        if key.kind == "network":
            ledger.remove_network(key.name)
    if RULES in keys:
        ledger.ground = None
