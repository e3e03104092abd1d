"""Specs and what is taken -> nothing left open: every default filled in as Docker would, every clash refused.

Pure: the same specs, ledger and facts give the same answer. Networks come first, then what is fixed (static addresses,
named host ports), then what is free to choose, so a default never takes what somebody asked for by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from netbuilder.errors import SpecError
from netbuilder.ledger import Ledger
from netbuilder.resolve.networks import resolve_networks, same
from netbuilder.resolve.sandboxes import resolve_sandboxes
from netbuilder.resolved import Facts, Ground, ResolvedNetwork, ResolvedSandbox
from netbuilder.spec import DEFAULT_NETWORK, Bridge, Network, Sandbox

_FRESH = Facts()


class Resolution(NamedTuple):
    """The networks and sandboxes asked for, in the order in which they can be made."""

    ground: Ground
    networks: tuple[ResolvedNetwork, ...]
    sandboxes: tuple[ResolvedSandbox, ...]


def resolve(specs: Iterable[Network | Sandbox], ledger: Ledger, facts: Facts = _FRESH) -> Resolution:
    """Leave nothing open.

    Args:
        specs: What is asked for; what `ledger` has under the same name is kept where the spec leaves it open.
        ledger: What is taken; the networks and sandboxes asked for are entered into it.
        facts: What the host is like; by default a host fresh from boot.

    Raises:
        SpecError: If the specs contradict each other, the ledger or the host. The ledger may then be half changed.
    """
    specs = tuple(specs)
    networks = [spec for spec in specs if isinstance(spec, Network)]
    sandboxes = [spec for spec in specs if isinstance(spec, Sandbox)]
    _refuse_twice("network", [network.name for network in networks])
    _refuse_twice("sandbox", [sandbox.name for sandbox in sandboxes])
    implied = _wants_default_network(sandboxes) and all(network.name != DEFAULT_NETWORK for network in networks)
    if implied and DEFAULT_NETWORK not in ledger.networks:
        networks.append(Network(name=DEFAULT_NETWORK))
        implied = False
    return Resolution(
        ledger.ground or Ground(was_router=facts.forwarding),
        (*([ledger.networks[DEFAULT_NETWORK]] if implied else ()), *resolve_networks(networks, ledger, facts)),
        tuple(resolve_sandboxes(sandboxes, ledger, facts)),
    )


def needs_survey(specs: Iterable[Network | Sandbox], ledger: Ledger) -> bool:
    """Whether a network has to be chosen anew, which depends on what else is on the host."""
    specs = tuple(specs)
    networks = [spec for spec in specs if isinstance(spec, Network)]
    known = all(one.name in ledger.networks and same(one, ledger.networks[one.name]) for one in networks)
    default = _wants_default_network([spec for spec in specs if isinstance(spec, Sandbox)])
    return not known or (default and DEFAULT_NETWORK not in ledger.networks)


def _refuse_twice(kind: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SpecError(f"{kind} {name}", "is given twice", "give each its own name")
        seen.add(name)


def _wants_default_network(sandboxes: list[Sandbox]) -> bool:
    return any(isinstance(s.mode, Bridge) and s.mode.network == DEFAULT_NETWORK for s in sandboxes)
