"""Sandboxes: an address, a veth name and host ports for each, and the namespace that it lives in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import IPv4Address

from netbuilder.addresses import mac_of, veth_name
from netbuilder.errors import SpecError, some
from netbuilder.ledger import Ledger
from netbuilder.ports import PublishedPort
from netbuilder.resolved import Endpoint, Facts, ResolvedNetwork, ResolvedSandbox
from netbuilder.spec import Bridge, Container, Sandbox

BRIDGE_PORTS = 1023
"""As many ports as a Linux bridge holds (BR_MAX_PORTS less one)."""


def resolve_sandboxes(specs: list[Sandbox], ledger: Ledger, facts: Facts) -> Iterator[ResolvedSandbox]:
    """In the order asked for; a sandbox in container mode may come before the one whose namespace it shares."""
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
            shares=spec.mode.sandbox if isinstance(spec.mode, Container) else None,
            adopted=_adopted(spec),
            endpoint=endpoint,
        )
        _refuse_to_leave_sharers(resolved, before.get(spec.name), by_name, ledger)
        ledger.enter(resolved)
        yield resolved


def _keep(spec: Sandbox, before: ResolvedSandbox | None) -> Sandbox:
    """The spec with what it leaves open filled in from what the sandbox already has."""
    mode, had = spec.mode, before.endpoint if before else None
    if not isinstance(mode, Bridge) or had is None or had.network != mode.network:
        return spec
    asked, had_free = set(mode.publish), defaultdict(list)
    for port in reversed(had.publish):
        if port not in asked:
            had_free[port.model_copy(update={"host_port": None})].append(port)
    publish = tuple(had_free[port].pop() if had_free.get(port) else port for port in mode.publish)
    return spec.model_copy(
        update={"mode": mode.model_copy(update={"address": mode.address or had.address, "publish": publish})}
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
    mac = mode.mac or mac_of(address)
    holder = ledger.holder_of_mac(mode.network, mac)
    if holder:
        raise SpecError(
            f"sandbox {spec.name}.mode.mac", f"{mac} is the MAC address of {holder} already", "give each its own"
        )
    ledger.take_mac(mode.network, mac, spec.name)
    veth = veth_name(spec.name, mode.network, ledger.veth_is_free)
    ledger.take_veth(veth, spec.name)
    return Endpoint(
        network=network.name,
        bridge=network.bridge,
        veth=veth,
        address=address,
        prefix=network.subnet.prefixlen,
        gateway=None if network.internal else network.gateway,
        mac=mac,
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
        _refuse_circle(path, target)
        path.append(target)
        if target not in by_name:
            if target not in ledger.sandboxes:
                raise SpecError(f"sandbox {spec.name}.mode", f"there is no sandbox {target} whose namespace to share")
            home = ledger.sandboxes[target].namespace
            if home != target:
                _refuse_circle(path, home)
            return home
        spec = by_name[target]
    return None if spec.mode.kind == "host" else spec.name


def _refuse_circle(path: list[str], target: str | None) -> None:
    if target in path:
        raise SpecError(f"sandbox {path[0]}.mode", f"container mode runs in a circle: {' -> '.join((*path, target))}")


def _refuse_to_leave_sharers(
    after: ResolvedSandbox, before: ResolvedSandbox | None, by_name: dict[str, Sandbox], ledger: Ledger
) -> None:
    if before is None or (before.namespace, before.adopted) == (after.namespace, after.adopted):
        return
    left = ledger.sharers(after.name) - by_name.keys()
    if left:
        raise SpecError(f"sandbox {after.name}.mode", f"its namespace is shared by {some(left)}", "destroy those first")
