"""Sandboxes: an address and a veth name for each, and the namespace that it lives in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from netbuilder.addresses import family
from netbuilder.errors import SpecError, some
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.claims import Claims
from netbuilder.resolve.crowds import Crowds, endpoint_before
from netbuilder.resolve.defaults import mac_of, veth_name
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.occupied import occupants
from netbuilder.resolve.ports import keep_ports, resolve_ports
from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedNetwork, ResolvedSandbox
from netbuilder.resolve.subnets import ends
from netbuilder.spec import Bridge, Container, Sandbox


def resolve_sandboxes(
    specs: list[Sandbox],
    networks: Iterable[ResolvedNetwork],
    allocations: Allocations,
    claims: Claims,
    facts: HostFacts,
) -> Iterator[ResolvedSandbox]:
    """Resolve sandboxes, in the order asked for; one in container mode may come before the one that it shares with.

    Raises:
        SpecError: If they contradict each other, what stands or the host.
    """
    on = allocations.networks | {network.name: network for network in networks}
    by_name = {spec.name: spec for spec in specs}
    for spec in specs:
        if isinstance(spec.mode, Bridge):
            _check_network(spec.mode, on)
    kept = [_keep(spec, allocations, on, claims) for spec in specs]
    wired = [(spec, spec.mode) for spec in kept if isinstance(spec.mode, Bridge)]
    crowds = Crowds(wired, on, by_name, allocations, facts)
    _reserve_occupied(wired, on, allocations.claims, claims, facts)
    addresses = _addresses(wired, on, claims)
    families = {name: {family(address)} for name, address in addresses.items()}
    ports = resolve_ports(wired, families, claims, facts)
    for spec in kept:
        resolved = ResolvedSandbox(
            name=spec.name,
            mode=spec.mode.kind,
            namespace=_namespace(spec, by_name, allocations),
            shares=spec.mode.sandbox if isinstance(spec.mode, Container) else None,
            adopted=_adopted(spec),
            endpoints=_endpoints(spec, addresses, on, claims, crowds),
            ports=tuple(ports.get(spec.name, ())),
            last_group=facts.last_group,
        )
        _refuse_to_leave_sharers(resolved, by_name, allocations)
        yield resolved


def _check_network(mode: Bridge, networks: dict[str, ResolvedNetwork]) -> None:
    where = f"network {mode.network}"
    if mode.network not in networks:
        raise SpecError(where, "is not declared", f"add Network(name={mode.network!r}), or use one that is there")
    if mode.publish and networks[mode.network].internal:
        raise SpecError(where, "is internal: a port published from it would reach nobody", "publish none")


def _keep(spec: Sandbox, allocations: Allocations, networks: dict[str, ResolvedNetwork], claims: Claims) -> Sandbox:
    """The spec with what it leaves open filled in from what the sandbox already has."""
    mode = spec.mode
    had = endpoint_before(spec.name, mode.network, allocations) if isinstance(mode, Bridge) else None
    if not isinstance(mode, Bridge) or had is None:
        return spec
    # A network that changed may have another subnet now, or its gateway at this address.
    (subnet,) = networks[mode.network].subnets
    free = (one.ip for one in had.addresses if not claims.holder("address", mode.network, int(one)))
    usable = (address for address in free if _is_in(address, subnet))
    update = {
        "address": mode.address or next(usable, None),
        "publish": keep_ports(mode, allocations.sandboxes[spec.name].ports),
    }
    return spec.model_copy(update={"mode": mode.model_copy(update=update)})


def _is_in(address: IPv4Address, subnet: IPv4Network) -> bool:
    """Whether an address of a subnet can be somebody's."""
    first, last = ends(subnet)
    return first <= int(address) <= last


def _reserve_occupied(
    wired: list[tuple[Sandbox, Bridge]],
    networks: dict[str, ResolvedNetwork],
    standing: Claims,
    claims: Claims,
    facts: HostFacts,
) -> None:
    """What others have of a network's subnet is not given out; a sandbox or gateway that stands has its own already."""
    expected = frozenset(mode.mac for _, mode in wired if mode.mac)
    for name in {mode.network for _, mode in wired}:
        (subnet,) = networks[name].subnets
        for address, whose in occupants(networks[name].bridge, subnet, facts, expected).items():
            if not any(one.holder("address", name, int(address)) for one in (standing, claims)):
                claims.reserve(name, int(address), whose)


def _addresses(
    wired: list[tuple[Sandbox, Bridge]], networks: dict[str, ResolvedNetwork], claims: Claims
) -> dict[str, IPv4Interface]:
    """Each sandbox's address, claimed: static ones first."""
    chosen = {}
    for spec, mode in sorted(wired, key=lambda pair: pair[1].address is None):
        (subnet,) = networks[mode.network].subnets
        where = f"sandbox {spec.name}.mode.address"
        address = mode.address or _free_address(where, mode.network, subnet, claims)
        _refuse_address(where, address, mode.network, subnet, claims)
        claims.take("address", mode.network, int(address), spec.name)
        chosen[spec.name] = IPv4Interface((int(address), subnet.prefixlen))  # text would be parsed
    return chosen


def _free_address(where: str, network: str, subnet: IPv4Network, claims: Claims) -> IPv4Address:
    number = claims.free_address(network, *ends(subnet))
    if number is None:
        problem = f"network {network} is full: every address of {subnet} is taken"
        raise SpecError(where, problem, "use another network for the rest")
    return IPv4Address(number)


def _refuse_address(where: str, address: IPv4Address, network: str, subnet: IPv4Network, claims: Claims) -> None:
    holder = claims.holder("address", network, int(address))
    if address not in subnet:
        problem = f"{address} is outside {subnet}, the subnet of network {network}"
    elif not _is_in(address, subnet):
        problem = f"{address} is reserved: it is the first or last address of {subnet}"
    elif holder:
        problem = f"{address} is taken by {holder}"
    else:
        return
    raise SpecError(where, problem, "choose another, or leave it out for the next free one")


def _endpoints(
    spec: Sandbox,
    addresses: dict[str, IPv4Interface],
    networks: dict[str, ResolvedNetwork],
    claims: Claims,
    crowds: Crowds,
) -> tuple[ResolvedEndpoint, ...]:
    if not isinstance(spec.mode, Bridge):
        return ()
    return (_endpoint(spec, spec.mode, addresses[spec.name], networks[spec.mode.network], claims, crowds),)


def _endpoint(
    spec: Sandbox, mode: Bridge, address: IPv4Interface, network: ResolvedNetwork, claims: Claims, crowds: Crowds
) -> ResolvedEndpoint:
    mac = mode.mac or mac_of(address.ip)
    holder = claims.holder("mac", network.name, mac)
    if holder:
        raise SpecError(
            f"sandbox {spec.name}.mode.mac", f"{mac} is the MAC address of {holder} already", "give each its own"
        )
    claims.take("mac", network.name, mac, spec.name)
    veth = veth_name(spec.name, network.name, lambda name: claims.holder("veth", "", name) is None)
    claims.take("veth", "", veth, spec.name)
    return ResolvedEndpoint(
        network=network.name,
        bridge=network.bridge,
        veth=veth,
        addresses=(address,),
        gateways=() if network.internal else tuple(gateway.ip for gateway in network.gateways),
        mac=mac,
        mtu=network.mtu,
        disable_ipv6=network.disable_ipv6,
        own_queue=crowds.has_own_queue(spec.name),
        neighbours=crowds.neighbours(spec.name, network),
    )


def _adopted(spec: Sandbox) -> str | None:
    return f"/proc/{spec.namespace}/ns/net" if isinstance(spec.namespace, int) else spec.namespace


def _namespace(spec: Sandbox, by_name: dict[str, Sandbox], allocations: Allocations) -> str | None:
    """The name of the pinned namespace that a sandbox lives in, at the end of a chain of container modes."""
    path = [spec.name]
    while isinstance(spec.mode, Container):
        target = spec.mode.sandbox
        _refuse_circle(path, target)
        path.append(target)
        if target not in by_name:
            if target not in allocations.sandboxes:
                problem = f"there is no sandbox {target} whose namespace to share"
                raise SpecError(f"sandbox {spec.name}.mode", problem, "add it, or name one that is there")
            home = allocations.sandboxes[target].namespace
            if home != target:
                _refuse_circle(path, home)
            return home
        spec = by_name[target]
    return None if spec.mode.kind == "host" else spec.name


def _refuse_circle(path: list[str], target: str | None) -> None:
    if target in path:
        problem = f"container mode runs in a circle: {' -> '.join((*path, target))}"
        raise SpecError(f"sandbox {path[0]}.mode", problem, "give one of them a namespace of its own")


def _refuse_to_leave_sharers(after: ResolvedSandbox, asked: dict[str, Sandbox], allocations: Allocations) -> None:
    before = allocations.sandboxes.get(after.name)
    if before is None or (before.namespace, before.adopted) == (after.namespace, after.adopted):
        return
    left = allocations.sharers(after.name) - asked.keys()
    if left:
        raise SpecError(f"sandbox {after.name}.mode", f"its namespace is shared by {some(left)}", "destroy those first")
