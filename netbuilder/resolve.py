"""Specs and what is taken -> nothing left open: every default filled in as Docker would, every clash refused.

Pure: the same specs, ledger and facts give the same answer. Networks come first, then what is fixed (static addresses,
named host ports), then what is free to choose, so a default never takes what somebody asked for by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from netbuilder.addresses import bridge_name, free_subnet, mac_of, veth_name
from netbuilder.errors import SpecError
from netbuilder.ledger import Ledger
from netbuilder.ports import PublishedPort
from netbuilder.resolved import Endpoint, Facts, Ground, ResolvedNetwork, ResolvedSandbox
from netbuilder.spec import DEFAULT_NETWORK, Bridge, Container, Network, Sandbox

BRIDGE_PORTS = 1023
"""As many ports as a Linux bridge holds (BR_MAX_PORTS less one)."""


class Resolution(NamedTuple):
    """The networks and sandboxes asked for, in the order in which they can be made."""

    ground: Ground
    networks: tuple[ResolvedNetwork, ...]
    sandboxes: tuple[ResolvedSandbox, ...]


def resolve(specs: Iterable[Network | Sandbox], ledger: Ledger, facts: Facts = Facts()) -> Resolution:
    """Leave nothing open.

    Args:
        specs: What is asked for; what `ledger` has under the same name is kept where the spec leaves it open.
        ledger: What is taken; the networks and sandboxes asked for are entered into it.
        facts: What the host is like.

    Raises:
        SpecError: If the specs contradict each other, the ledger or the host. The ledger may then be half changed.
    """
    specs = tuple(specs)
    networks = [spec for spec in specs if isinstance(spec, Network)]
    sandboxes = [spec for spec in specs if isinstance(spec, Sandbox)]
    _refuse_twice("network", [network.name for network in networks])
    _refuse_twice("sandbox", [sandbox.name for sandbox in sandboxes])
    if _wants_default_network(sandboxes) and not _known(DEFAULT_NETWORK, networks, ledger):
        networks.append(Network(name=DEFAULT_NETWORK))
    return Resolution(
        ledger.ground or Ground(was_router=facts.forwarding),
        tuple(_networks(networks, ledger, facts)),
        tuple(_sandboxes(sandboxes, ledger, facts)),
    )


def needs_survey(specs: Iterable[Network | Sandbox], ledger: Ledger) -> bool:
    """Whether a network has to be chosen anew, which depends on what else is on the host."""
    specs = tuple(specs)
    networks = [spec for spec in specs if isinstance(spec, Network)]
    known = all(one.name in ledger.networks and _same(one, ledger.networks[one.name]) for one in networks)
    default = _wants_default_network([spec for spec in specs if isinstance(spec, Sandbox)])
    return not known or (default and not _known(DEFAULT_NETWORK, networks, ledger))


def _refuse_twice(kind: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SpecError(f"{kind} {name}", "is given twice", "give each its own name")
        seen.add(name)


def _wants_default_network(sandboxes: list[Sandbox]) -> bool:
    return any(isinstance(s.mode, Bridge) and s.mode.network == DEFAULT_NETWORK for s in sandboxes)


def _known(name: str, networks: list[Network], ledger: Ledger) -> bool:
    return name in ledger.networks or any(network.name == name for network in networks)


# Networks


def _networks(specs: list[Network], ledger: Ledger, facts: Facts) -> Iterator[ResolvedNetwork]:
    """Those with a subnet of their own first, so that no default is in their way."""
    for spec in sorted(specs, key=lambda network: network.subnet is None):
        known = ledger.networks.get(spec.name)
        if known and _same(spec, known):
            yield known
            continue
        if known:
            _refuse_change_in_use(spec, ledger)
            ledger.remove_network(spec.name)
        network = _network(spec, ledger, facts)
        ledger.add_network(network)
        yield network


def _same(spec: Network, known: ResolvedNetwork) -> bool:
    """Whether a network is still what its spec asks for; what the spec leaves open may stay as it was chosen."""
    return (
        spec.subnet in (None, known.subnet)
        and spec.gateway in (None, known.gateway)
        and (spec.bridge or bridge_name(spec.name)) == known.bridge
        and (spec.mtu, spec.masquerade, spec.internal) == (known.mtu, known.masquerade, known.internal)
    )


def _refuse_change_in_use(spec: Network, ledger: Ledger) -> None:
    members = ledger.members(spec.name)
    if members:
        raise SpecError(
            f"network {spec.name}",
            f"is in use by {_some(members)} and cannot be changed",
            "destroy its sandboxes first, or give the new network another name",
        )


def _network(spec: Network, ledger: Ledger, facts: Facts) -> ResolvedNetwork:
    bridge = spec.bridge or bridge_name(spec.name)
    for other in ledger.networks.values():
        if other.bridge == bridge:
            raise SpecError(f"network {spec.name}.bridge", f"{bridge} is the bridge of network {other.name}")
    adopted = facts.bridges.get(bridge) if spec.subnet is None else None
    subnet = spec.subnet or (adopted.network if adopted else _free_subnet(spec, ledger, facts))
    _refuse_overlap(spec, subnet, bridge, ledger, facts)
    gateway = spec.gateway or (adopted.ip if adopted else subnet.network_address + 1)
    return ResolvedNetwork(
        name=spec.name,
        bridge=bridge,
        subnet=subnet,
        gateway=gateway,
        mac=mac_of(gateway),
        mtu=spec.mtu,
        masquerade=spec.masquerade,
        internal=spec.internal,
        quiet_ipv6=facts.ipv6,
    )


def _free_subnet(spec: Network, ledger: Ledger, facts: Facts) -> IPv4Network:
    taken = [network.subnet for network in ledger.networks.values()]
    subnet = free_subnet(taken + [block for block, _ in facts.onlink])
    if subnet is None:
        raise SpecError(
            f"network {spec.name}.subnet",
            "every one of Docker's 31 address pools overlaps a network or a route of this host",
            "name a subnet, such as 10.9.0.0/24",
        )
    return subnet


def _refuse_overlap(spec: Network, subnet: IPv4Network, bridge: str, ledger: Ledger, facts: Facts) -> None:
    for other in ledger.networks.values():
        if subnet.overlaps(other.subnet):
            raise SpecError(f"network {spec.name}.subnet", f"{subnet} overlaps {other.subnet} of network {other.name}")
    for block, device in facts.onlink:
        if device != bridge and subnet.overlaps(block):
            raise SpecError(
                f"network {spec.name}.subnet", f"{subnet} overlaps {block}, which this host reaches by {device}"
            )


# Sandboxes


def _sandboxes(specs: list[Sandbox], ledger: Ledger, facts: Facts) -> Iterator[ResolvedSandbox]:
    """Those with a namespace of their own first, each in the order asked for; then those that share one."""
    before = {spec.name: ledger.sandboxes[spec.name] for spec in specs if spec.name in ledger.sandboxes}
    for name in before:
        ledger.remove_sandbox(name)
    kept = [_keep(spec, before.get(spec.name)) for spec in specs]
    wired = [(spec, spec.mode) for spec in kept if isinstance(spec.mode, Bridge)]
    for _, mode in wired:
        _check_network(mode, ledger)
    addresses = _addresses(wired, ledger)
    ports = _ports(wired, ledger, facts)
    by_name = {spec.name: spec for spec in kept}
    for spec in kept:
        if isinstance(spec.mode, Bridge):
            endpoint = _endpoint(spec, spec.mode, addresses[spec.name], tuple(ports[spec.name]), ledger)
        else:
            endpoint = None
        resolved = ResolvedSandbox(
            name=spec.name,
            mode=spec.mode.kind,
            namespace=_namespace(spec, by_name, ledger),
            adopted=_adopted(spec),
            endpoint=endpoint,
        )
        _refuse_to_leave_sharers(resolved, before.get(spec.name), by_name, ledger)
        ledger.sandboxes[spec.name] = resolved
        yield resolved


def _keep(spec: Sandbox, before: ResolvedSandbox | None) -> Sandbox:
    """The spec with what it leaves open filled in from what the sandbox already has."""
    mode, had = spec.mode, before.endpoint if before else None
    if not isinstance(mode, Bridge) or had is None or had.network != mode.network:
        return spec
    free = [port for port in had.publish if port not in mode.publish]
    publish = []
    for port in mode.publish:
        again = next((old for old in free if old.model_copy(update={"host_port": None}) == port), port)
        if again in free:
            free.remove(again)
        publish.append(again)
    return spec.model_copy(
        update={"mode": mode.model_copy(update={"address": mode.address or had.address, "publish": tuple(publish)})}
    )


def _check_network(mode: Bridge, ledger: Ledger) -> None:
    where = f"network {mode.network}"
    if mode.network not in ledger.networks:
        raise SpecError(where, "is not declared", f"add Network(name={mode.network!r}), or use one that is there")
    if mode.publish and ledger.networks[mode.network].internal:
        raise SpecError(where, "is internal: a port published from it would reach nobody", "drop publish, or internal")


def _addresses(wired: list[tuple[Sandbox, Bridge]], ledger: Ledger) -> dict[str, IPv4Address]:
    """Each sandbox's address, entered into the ledger: static ones first."""
    chosen = {}
    for spec, mode in sorted(wired, key=lambda pair: pair[1].address is None):
        network = ledger.networks[mode.network]
        address = mode.address or ledger.free_address(mode.network)
        where = f"sandbox {spec.name}.mode.address"
        if address is None or len(ledger.members(mode.network)) >= BRIDGE_PORTS:
            raise SpecError(where, _full(network, address), "use another network for the rest")
        _refuse_address(where, address, network, ledger)
        ledger.take_address(mode.network, address, spec.name)
        chosen[spec.name] = address
    return chosen


def _full(network: ResolvedNetwork, address: IPv4Address | None) -> str:
    if address is None:
        return f"network {network.name} is full: every address of {network.subnet} is taken"
    return f"network {network.name} is full: a Linux bridge holds {BRIDGE_PORTS} ports"


def _refuse_address(where: str, address: IPv4Address, network: ResolvedNetwork, ledger: Ledger) -> None:
    if address not in network.subnet:
        raise SpecError(where, f"{address} is outside {network.subnet}, the subnet of network {network.name}")
    if address in (network.subnet.network_address, network.subnet.broadcast_address):
        raise SpecError(where, f"{address} is reserved: it is the first or last address of {network.subnet}")
    holder = ledger.holder_of_address(network.name, address)
    if holder:
        raise SpecError(
            where, f"{address} is taken by {holder}", "choose another, or leave it out for the next free one"
        )


def _ports(wired: list[tuple[Sandbox, Bridge]], ledger: Ledger, facts: Facts) -> dict[str, list[PublishedPort]]:
    """Each sandbox's published ports, entered into the ledger: those with a host port of their own first."""
    asked = [(spec.name, at, port) for spec, mode in wired for at, port in enumerate(mode.publish)]
    chosen: dict[str, list[PublishedPort]] = {spec.name: list(mode.publish) for spec, mode in wired}
    for name, at, port in sorted(asked, key=lambda one: one[2].host_port is None):
        where = f"sandbox {name}.mode.publish[{at}]"
        if port.host_port is None:
            port = _free_port(where, port, ledger, facts)
        holder = ledger.holder_of_port(port)
        if holder:
            raise SpecError(
                where, f"host port {port} is published by sandbox {holder} already", "choose another host port"
            )
        if port in facts.busy:
            raise SpecError(
                where, f"host port {port} is held by a process of the host", "stop it, or choose another port"
            )
        ledger.take_port(port, name)
        chosen[name][at] = port
    return chosen


def _free_port(where: str, port: PublishedPort, ledger: Ledger, facts: Facts) -> PublishedPort:
    for number in ledger.free_ports(port.protocol, facts.ephemeral):
        candidate = port.model_copy(update={"host_port": number})
        if ledger.holder_of_port(candidate) is None and candidate not in facts.busy:
            return candidate
    first, last = facts.ephemeral
    raise SpecError(where, f"no host port from {first} to {last} is free", "name a host port")


def _endpoint(
    spec: Sandbox, mode: Bridge, address: IPv4Address, publish: tuple[PublishedPort, ...], ledger: Ledger
) -> Endpoint:
    network = ledger.networks[mode.network]
    veth = veth_name(spec.name, mode.network, ledger.veth_is_free)
    ledger.take_veth(veth, spec.name)
    return Endpoint(
        network=network.name,
        bridge=network.bridge,
        veth=veth,
        address=address,
        prefix=network.subnet.prefixlen,
        gateway=None if network.internal else network.gateway,
        mac=mode.mac or mac_of(address),
        mtu=network.mtu,
        quiet_ipv6=network.quiet_ipv6,
        publish=publish,
    )


def _adopted(spec: Sandbox) -> str | None:
    return f"/proc/{spec.namespace}/ns/net" if isinstance(spec.namespace, int) else spec.namespace


def _namespace(spec: Sandbox, by_name: dict[str, Sandbox], ledger: Ledger) -> str | None:
    """The name of the pinned namespace that a sandbox lives in, at the end of a chain of container modes."""
    path = [spec.name]
    while isinstance(spec.mode, Container):
        target = spec.mode.sandbox
        if target in path:
            raise SpecError(
                f"sandbox {path[0]}.mode", f"container mode runs in a circle: {' -> '.join((*path, target))}"
            )
        if target not in by_name:
            if target not in ledger.sandboxes:
                raise SpecError(f"sandbox {spec.name}.mode", f"there is no sandbox {target} whose namespace to share")
            return ledger.sandboxes[target].namespace
        path.append(target)
        spec = by_name[target]
    return None if spec.mode.kind == "host" else spec.name


def _refuse_to_leave_sharers(
    after: ResolvedSandbox, before: ResolvedSandbox | None, by_name: dict[str, Sandbox], ledger: Ledger
) -> None:
    if before is None or (before.namespace, before.adopted) == (after.namespace, after.adopted):
        return
    left = ledger.sharers(after.name) - by_name.keys()
    if left:
        raise SpecError(
            f"sandbox {after.name}.mode", f"its namespace is shared by {_some(left)}", "destroy those first"
        )


def _some(names: Iterable[str]) -> str:
    """A few names of many, for a message."""
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(ordered[:3]) + more
