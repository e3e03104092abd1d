"""The way from specs to what is resolved: networks first, then the sandboxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address

from netbuilder.errors import SpecError
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.networks import is_as_specified, resolve_networks
from netbuilder.resolve.resolved import HostBaseline, Resolution, ResolvedForwarding6, ResolvedNetwork, ResolvedSandbox
from netbuilder.resolve.sandboxes import resolve_sandboxes
from netbuilder.spec import DEFAULT_NETWORK, Bridge, Network, Sandbox

_FRESH = HostFacts()
_LOOPBACK6 = IPv6Address("::1")


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
        tuple(_warnings(resolved, facts)),
    )


def _warnings(sandboxes: Iterable[ResolvedSandbox], facts: HostFacts) -> Iterator[str]:
    """Published ports that nothing reaches, though all that is asked for is done."""
    for sandbox in sandboxes:
        for port in sandbox.ports:
            # An answer is translated to ::1 before it comes by the bridge, and the kernel then drops it.
            if port.host_ip == _LOOPBACK6 and "ipv6" in facts.bridged:
                yield (
                    f"port {port} of sandbox {sandbox.name} answers nobody while net.bridge.bridge-nf-call-ip6tables is"
                    " 1: sysctl -w net.bridge.bridge-nf-call-ip6tables=0, or publish it on another address"
                )
        for text in sandbox.waiting if sandbox.endpoints else ():
            yield f"port {text} of sandbox {sandbox.name} is open nowhere: no network that it is on leads out"


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


def bridged_matters(specs: Iterable[Network | Sandbox], allocations: Allocations) -> bool:
    """Whether anything depends on which rules see what is merely bridged: without icc, and for a port on ::1."""
    modes = bridge_modes(specs)
    for network in (allocations.networks.get(endpoint.network) for mode in modes for endpoint in mode.attachments):
        if network and (not network.icc or network.host_binding == _LOOPBACK6):
            return True
    return any(port.host_ip == _LOOPBACK6 for mode in modes for port in mode.publish)


def bridge_modes(specs: Iterable[Network | Sandbox]) -> list[Bridge]:
    """The modes of the sandboxes in bridge mode."""
    return [spec.mode for spec in specs if isinstance(spec, Sandbox) and isinstance(spec.mode, Bridge)]


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
    return any(endpoint.network == DEFAULT_NETWORK for mode in bridge_modes(sandboxes) for endpoint in mode.attachments)
