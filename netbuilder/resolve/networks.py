"""Networks: a bridge, and a subnet and a gateway in each family, clear of each other and of what the host reaches."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from netbuilder.errors import SpecError, some
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.claims import Claims
from netbuilder.resolve.defaults import bridge_name, mac_of
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.pools import resolve_pool
from netbuilder.resolve.resolved import Label, ResolvedNetwork, ResolvedPool
from netbuilder.resolve.subnets import Networks
from netbuilder.spec import Network
from netbuilder.spec.network import IPV6_LEAST_MTU
from netbuilder.spec.pools import Pool
from netbuilder.values.addresses import address_of

USUAL_MTU = 1500
"""What the kernel gives a bridge or a veth of which nothing else is asked."""


def resolve_networks(
    specs: list[Network], asked: Collection[str], allocations: Allocations, claims: Claims, facts: HostFacts
) -> list[ResolvedNetwork]:
    """The networks asked for; one that is not what it was takes its sandboxes along, if all of them are `asked` for.

    Those with a subnet of their own are chosen first, so that no default is in their way.
    """
    networks, before = dict(allocations.networks), allocations.networks
    for spec in specs:
        if spec.external and spec.name not in networks:
            hint = f"make it first (netbuilder network create {spec.name}), or leave external out to have it made"
            raise SpecError(f"network {spec.name}", "is external, so it must stand already, and does not", hint)
    changed = [spec for spec in specs if spec.name in networks and not is_as_specified(networks[spec.name], spec)]
    for spec in changed:
        _refuse_to_leave_members(spec, networks[spec.name], allocations.members(spec.name) - set(asked))
        changing = networks.pop(spec.name)
        claims.remove_network(changing)
        facts = facts.without(changing)
    chosen = []
    for spec in sorted(specs, key=lambda network: any(pool.subnet is None for pool in network.pools)):
        network = networks.get(spec.name)
        if network is None:
            network = networks[spec.name] = _network(spec, before.get(spec.name), networks, facts)
            claims.add_network(network)
        chosen.append(network)
    return chosen


def is_as_specified(network: ResolvedNetwork, spec: Network) -> bool:
    """Whether a network is still what its spec asks for; what the spec leaves open may stay as it was chosen."""
    return spec.external or not any(_differences(network, spec))


def _differences(network: ResolvedNetwork, spec: Network) -> Iterator[tuple[str, object]]:
    """The fields of a spec that ask for something else than what the network has, and what it has."""
    has = {
        "bridge": network.bridge if spec.bridge or network.bridge != bridge_name(spec.name) else None,
        "mtu": network.mtu,
        "masquerade": network.masquerade,
        "internal": network.internal,
        "icc": network.icc,
        "interface_prefix": network.interface_prefix,
        "host_binding": network.host_binding,
        "trusted_interfaces": network.trusted_interfaces,
        "labels": {label.name: label.value for label in network.labels},
    }
    yield from ((field, value) for field, value in has.items() if value != getattr(spec, field))
    for version, wanted in ((4, spec.pool4), (6, spec.pool6)):
        pool = next((one for one in network.pools if one.subnet.version == version), None)
        yield from _pool_differences(pool, wanted, "" if version == 4 else "6")


def _pool_differences(pool: ResolvedPool | None, wanted: Pool | None, six: str) -> Iterator[tuple[str, object]]:
    if pool is None or wanted is None:
        if (pool is None) != (wanted is None):
            yield f"ipv{six or 4}", pool is not None
        return
    asked = {
        f"subnet{six}": (wanted.subnet or pool.subnet, pool.subnet),
        f"gateway{six}": (wanted.gateway or pool.address, pool.address),
        f"ip_range{six}": (wanted.ip_range, pool.ip_range),
        "aux_addresses": (wanted.reserved, pool.reserved),
        f"gateway_mode{six}": (wanted.mode, pool.mode),
        f"host_ipv{six or 4}": (wanted.snat, pool.snat),
        "inhibit_ipv4": (wanted.bare, pool.bare),
    }
    yield from ((field, has) for field, (want, has) in asked.items() if want != has)


def _refuse_to_leave_members(spec: Network, network: ResolvedNetwork, others: frozenset[str]) -> None:
    for field, value in _differences(network, spec) if others else ():
        raise SpecError(
            f"network {spec.name}.{field}",
            f"is {'not set' if value is None else value} by now, and cannot be changed without {some(others)}, on it",
            f"say the same {field}, ask for these sandboxes in the same call, or destroy them first",
        )


def _network(spec: Network, before: ResolvedNetwork | None, networks: Networks, facts: HostFacts) -> ResolvedNetwork:
    bridge = spec.bridge or bridge_name(spec.name)
    for other in networks.values():
        if other.bridge == bridge:
            problem = f"{bridge} is the bridge of network {other.name}"
            raise SpecError(f"network {spec.name}.bridge", problem, "name another bridge, or use that network")
    if spec.has_ipv6 and not facts.ipv6:
        raise SpecError(f"network {spec.name}.ipv6", "this kernel has no IPv6", "leave it out, or boot it with IPv6")
    pools = tuple(resolve_pool(spec, pool, bridge, before, networks, facts) for pool in spec.pools)
    first = pools[0]
    return ResolvedNetwork(
        name=spec.name,
        bridge=bridge,
        adopted=bridge in facts.interfaces,
        pools=pools,
        mac=mac_of(first.address or address_of(int(first.subnet.network_address), first.subnet)),
        mtu=spec.mtu,
        masquerade=spec.masquerade,
        internal=spec.internal,
        icc=spec.icc,
        interface_prefix=spec.interface_prefix,
        host_binding=spec.host_binding,
        trusted_interfaces=spec.trusted_interfaces,
        disable_ipv6=not spec.has_ipv6 if facts.ipv6 and (spec.mtu or USUAL_MTU) >= IPV6_LEAST_MTU else None,
        labels=tuple(Label(name=name, value=value) for name, value in sorted(spec.labels.items())),
    )
