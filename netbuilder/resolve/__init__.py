"""Specs and what is taken -> nothing left open: every default filled in as Docker would, every clash refused.

    resolved      the types of what comes out
    allocations   what stands on a host already, and who holds what (claims)
    facts         what else the host is like
    defaults      how Docker chooses what a spec leaves open
    networks      a bridge for each network, and in each family a subnet and a gateway (pools)
    endpoints     for each network that a sandbox is on: addresses, a veth name, an interface, and who has the gateway
    crowds        what many sandboxes need and few do not
    sandboxes     endpoints, host ports and a namespace for each sandbox
    spec_of       the way back: what would ask for a sandbox as it stands
    edits         what asks for it with a network or a port more, or less

Pure: the same specs, allocations and facts give the same answer, and none of them is changed. Networks come first, then
what is fixed (static addresses, named host ports), then what is free to choose, so that a default never takes what
somebody asked for by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from netbuilder.errors import SpecError
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.networks import is_as_specified, resolve_networks
from netbuilder.resolve.resolved import HostBaseline, ResolvedForwarding6, ResolvedNetwork, ResolvedSandbox
from netbuilder.resolve.sandboxes import resolve_sandboxes
from netbuilder.spec import DEFAULT_NETWORK, Bridge, Network, Sandbox

_FRESH = HostFacts()


class Resolution(NamedTuple):
    """What specs come to.

    Args:
        baseline: What the host did before the first network.
        networks: The networks asked for and those that their sandboxes need, in the order in which they can be made.
        sandboxes: The sandboxes, in the order asked for.
        forwarding6: That IPv6 is forwarded, as one of the networks has it; None if none has.
        without_forwarding6: Whether that ends, as the last network that had IPv6 goes on without.
        without_localnet: Networks to which the host's 127.0.0.0/8 leads no more, as the last port goes that did so.
    """

    baseline: HostBaseline
    networks: tuple[ResolvedNetwork, ...]
    sandboxes: tuple[ResolvedSandbox, ...]
    forwarding6: ResolvedForwarding6 | None = None
    without_forwarding6: bool = False
    without_localnet: tuple[str, ...] = ()


def resolve(
    specs: Iterable[Network | Sandbox], allocations: Allocations | None = None, facts: HostFacts = _FRESH
) -> Resolution:
    """Leave nothing open.

    Args:
        specs: What is asked for; what stands under the same name is kept where the spec leaves it open.
        allocations: What stands and what it holds; by default nothing.
        facts: What the host is like; by default a host fresh from boot.

    Raises:
        SpecError: If the specs contradict each other, what stands or the host.
    """
    allocations = allocations or Allocations()
    networks, sandboxes = _by_kind(specs)
    kept = []
    if _wants_default_network(sandboxes) and all(network.name != DEFAULT_NETWORK for network in networks):
        if DEFAULT_NETWORK in allocations.networks:
            kept.append(allocations.networks[DEFAULT_NETWORK])
        else:
            networks.append(Network(name=DEFAULT_NETWORK))
    claims = allocations.claims.overlay()
    for sandbox in filter(None, (allocations.sandboxes.get(spec.name) for spec in sandboxes)):
        claims.remove_sandbox(sandbox)  # what it held is chosen again below, the same where that can be
    asked = {spec.name for spec in sandboxes}
    chosen = (*kept, *resolve_networks(networks, asked, allocations, claims, facts))
    resolved = tuple(resolve_sandboxes(sandboxes, chosen, allocations, claims, facts))
    forwarding6 = _forwarding6(chosen, allocations, facts)
    names = {network.name for network in chosen}
    published = {localnet.name for one in resolved if (localnet := one.localnet)}
    return Resolution(
        allocations.baseline or _baseline(facts),
        chosen,
        resolved,
        forwarding6,
        not forwarding6 and allocations.forwarding6 is not None and allocations.last_of_ipv6(names),
        tuple(name for name in allocations.localnets_of(asked) if name not in published),
    )


def _baseline(facts: HostFacts) -> HostBaseline:
    return HostBaseline(forwarding_before=facts.forwarding, present=facts.present, forwarding_on=facts.forwarding_on)


def _forwarding6(
    networks: Iterable[ResolvedNetwork], allocations: Allocations, facts: HostFacts
) -> ResolvedForwarding6 | None:
    if not any(network.has_ipv6 for network in networks):
        return None
    return allocations.forwarding6 or ResolvedForwarding6(was_router=facts.forwarding6, advertised=facts.advertised)


def needs_facts(specs: Iterable[Network | Sandbox], allocations: Allocations) -> bool:
    """Whether a network has to be chosen anew, which depends on what else is on the host."""
    networks, sandboxes = _by_kind(specs)
    if _wants_default_network(sandboxes) and DEFAULT_NETWORK not in allocations.networks:
        return True
    return not all(
        one.name in allocations.networks and is_as_specified(allocations.networks[one.name], one) for one in networks
    )


def begins_ipv6(specs: Iterable[Network | Sandbox], allocations: Allocations) -> bool:
    """Whether the first network that has IPv6 is asked for."""
    return allocations.forwarding6 is None and any(isinstance(one, Network) and one.has_ipv6 for one in specs)


def _by_kind(specs: Iterable[Network | Sandbox]) -> tuple[list[Network], list[Sandbox]]:
    specs = tuple(specs)
    networks = [spec for spec in specs if isinstance(spec, Network)]
    sandboxes = [spec for spec in specs if isinstance(spec, Sandbox)]
    _refuse_twice("network", [network.name for network in networks])
    _refuse_twice("sandbox", [sandbox.name for sandbox in sandboxes])
    return networks, sandboxes


def _refuse_twice(kind: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SpecError(f"{kind} {name}", "is given twice", "give each its own name")
        seen.add(name)


def _wants_default_network(sandboxes: list[Sandbox]) -> bool:
    modes = (spec.mode for spec in sandboxes if isinstance(spec.mode, Bridge))
    return any(endpoint.network == DEFAULT_NETWORK for mode in modes for endpoint in mode.attachments)
