"""What stands already and is somebody else's: refused under its name, ahead of the first step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_interface
from typing import Any

from netbuilder import firewall, recipes
from netbuilder.errors import SpecError, shown
from netbuilder.recipes.units import FIREWALL, Key, Unit
from netbuilder.resolve.resolved import HostBaseline, ResolvedNetwork, ResolvedSandbox
from netbuilder.steps import PINS, AddAddress, AddRoute, AddVeth, Step
from netbuilder.steps.state import AddressesIn, LinkOf, NamespaceOf, PinOf, Query, RoutesOf, State, TableOf
from netbuilder.values.addresses import IPInterface

HOME = NamespaceOf("/proc/thread-self/ns/net")
"""The host's own namespace."""


class Preflight:
    """One call's units, beside what stands."""

    def __init__(self, units: Iterable[Unit], sandboxes: Mapping[str, ResolvedSandbox], stood: Iterable[Key]) -> None:
        """Look at units.

        Args:
            units: What is asked for.
            sandboxes: All sandboxes that stand.
            stood: Which of the units stand.
        """
        self._resolved = {unit.key: unit.resolved for unit in units}
        self._sandboxes, self._stood = sandboxes, set(stood)
        self._adopting = [
            one
            for one in self._resolved.values()
            if isinstance(one, ResolvedSandbox) and one.adopted and not self._has_adopted(one)
        ]

    def queries(self) -> set[Query[Any]]:
        """What has to be known of the kernel besides what the units' steps ask."""
        if not self._adopting:
            return set()
        paths = (one.adopted for one in self._adopting if one.adopted)
        pins = (PinOf(one.name) for one in self._sandboxes.values() if one.namespace == one.name)
        inside = (AddressesIn(one.name) for one in self._adopting if one.endpoints)
        return {HOME, *map(NamespaceOf, paths), *pins, *inside}

    def check(self, state: State, arriving: Mapping[str, State]) -> None:
        """Refuse names that are taken on this host, and namespaces that cannot be adopted.

        Args:
            state: The answers to all queries of the call.
            arriving: For each sandbox that moves to another namespace, what that one looks like.

        Raises:
            SpecError: If a namespace, an interface or a table is there that netbuilder did not make.
        """
        for key, one in self._resolved.items():
            if isinstance(one, ResolvedSandbox) and key not in self._stood:
                _check_name(one, state)
            elif isinstance(one, ResolvedNetwork):
                _check_bridge(one, state)
            elif isinstance(one, HostBaseline) and key == FIREWALL:
                _check_table(state)
        self._check_adopted(state, arriving)

    def _has_adopted(self, now: ResolvedSandbox) -> bool:
        before = self._sandboxes.get(now.name)
        return before is not None and before.adopted == now.adopted

    def _check_adopted(self, state: State, arriving: Mapping[str, State]) -> None:
        """A namespace is adopted once, it is not the host's own, and what is to get an eth0 has none yet."""
        seen = dict(self._residents(state)) if self._adopting else {}
        for sandbox in self._adopting:
            where, path = f"sandbox {sandbox.name}.namespace", sandbox.adopted or ""
            identity = state[NamespaceOf(path)]
            if identity is None:
                raise SpecError(where, f"{path} is not a network namespace", "check the path, or the process")
            if identity == state[HOME]:
                raise SpecError(where, f"{path} is the host's own", "leave it out, or use host mode")
            other = seen.get(identity, sandbox.name)
            if path == f"{PINS}/{sandbox.name}" and identity in seen:
                raise SpecError(where, f"{path} is the namespace of sandbox {other} already", "leave it out")
            if other != sandbox.name:
                hint = f"share it in container mode with {other}"
                raise SpecError(where, f"{path} is the namespace of sandbox {other} already", hint)
            seen[identity] = sandbox.name
            _check_room(sandbox, where, arriving.get(sandbox.name, state))

    def _residents(self, state: State) -> Iterator[tuple[int, str]]:
        """Whose each namespace is; what a sandbox adopted that adopts another now is nobody's any more."""
        asked = (one for one in self._resolved.values() if isinstance(one, ResolvedSandbox))
        moving = {one.name for one in asked if not self._has_adopted(one)}
        for one in self._sandboxes.values():
            pin = state.get(PinOf(one.name)) if one.namespace == one.name else None
            if pin and not (one.adopted and one.name in moving):
                yield pin, one.name


def asked_ahead(unit: Unit) -> set[Query[Any]]:
    """What has to be known of the namespace that a sandbox moves to."""
    return unit.plan.queries() | {AddressesIn(unit.key.name)}


def _check_name(sandbox: ResolvedSandbox, state: State) -> None:
    pin = f"{PINS}/{sandbox.name}"
    taken = sandbox.namespace == sandbox.name and state.get(PinOf(sandbox.name)) is not None
    if taken and sandbox.adopted != pin:
        raise SpecError(
            f"sandbox {sandbox.name}.name",
            f"is taken by {pin}, a namespace that netbuilder did not make",
            f"choose another name, adopt it from Python with namespace={pin!r},"
            f" or delete it: ip netns del {sandbox.name}",
        )


def _check_room(sandbox: ResolvedSandbox, where: str, there: State) -> None:
    """Nothing is in the way of what bridge mode puts into a namespace, unless it is just that already."""
    for step in recipes.plan(sandbox):
        for what, remedy in () if step.holds(there) else _in_the_way(step, there):
            problem = f"there is {what} in {sandbox.adopted} already, where bridge mode puts its own"
            raise SpecError(where, problem, f"use none mode to adopt it as it is, or {remedy}")


def _in_the_way(step: Step, there: State) -> Iterator[tuple[str, str]]:
    """What is in the way of a step, and what to do about it."""
    if isinstance(step, AddVeth) and there[LinkOf(step.netns, step.peer)]:
        yield f"an {step.peer}", f"rename the interface: ip link set {step.peer} name NAME"
    if isinstance(step, AddAddress) and step.netns:
        for dev, address in there[AddressesIn(step.netns)]:
            if dev != step.dev and _clash(ip_interface(address), step.address):
                yield f"{address} on {shown(dev)}", f"delete it: ip address del {address} dev DEV"
    if isinstance(step, AddRoute) and step.netns:
        for route in there[RoutesOf(step.netns)]:
            if step.is_taken_by(route):
                what = "a default route" if route.is_default else f"a route to {route.dst}"
                via = f" via {route.via}" if route.via else ""
                yield f"{what}{via}", f"delete it: {step.undo_command(None)}"


def _clash(one: IPInterface, other: IPInterface) -> bool:
    """Whether two interfaces with these addresses would have one address, or neighbours in one subnet.

    Each link has IPv6 link-local addresses of its own (RFC 4291).
    """
    if one.version != other.version or (one.version == 6 and one.is_link_local):
        return False
    return one.ip == other.ip or (one.network.prefixlen < one.max_prefixlen and one.network.overlaps(other.network))


def _check_table(state: State) -> None:
    seen = state[TableOf(firewall.NAME)]
    if seen is not None and not firewall.is_ours(seen):
        raise SpecError(
            f"table {firewall.TABLE}",
            "is there and is not netbuilder's",
            f"delete it: nft delete table {firewall.TABLE}",
        )


def _check_bridge(network: ResolvedNetwork, state: State) -> None:
    link = state[LinkOf(None, network.bridge)]
    if link and link.kind != "bridge":
        raise SpecError(
            f"network {network.name}.bridge",
            f"{network.bridge} is taken by an interface that is not a bridge ({link.kind or 'physical'})",
        )
