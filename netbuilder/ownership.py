"""What stands already and is somebody else's: refused under its name, ahead of the first step."""

from __future__ import annotations

from collections.abc import Mapping

from netbuilder import firewall, modes
from netbuilder.errors import SpecError
from netbuilder.kernel import namespaces
from netbuilder.kernel.kernel import Kernel
from netbuilder.resolve import Resolution
from netbuilder.resolved import ResolvedSandbox
from netbuilder.state import LinkOf, TableOf
from netbuilder.steps import PINS, AddVeth
from netbuilder.units import RULES, Key


def refuse_what_is_not_ours(
    resolution: Resolution, new: set[Key], stood: Mapping[str, ResolvedSandbox], kernel: Kernel
) -> None:
    """Refuse new units whose name is taken on this host, and namespaces that cannot be adopted.

    Args:
        resolution: What is asked for.
        new: Which units of it did not stand before.
        stood: The sandboxes that stood before.
        kernel: Where to look.

    Raises:
        SpecError: If a namespace, an interface or a table is there that netbuilder did not make.
    """
    for sandbox in resolution.sandboxes:
        if sandbox.name not in stood:
            _check_name(sandbox)
    adopting = [one for one in resolution.sandboxes if one.adopted and not _has_adopted(stood.get(one.name), one)]
    if adopting:
        _check_adopted(adopting, stood, kernel)
    if RULES in new:
        _check_table(kernel)
    for network in resolution.networks:
        if Key("network", network.name) in new:
            _check_bridge(network.bridge, kernel)


def _check_name(sandbox: ResolvedSandbox) -> None:
    pin = f"{PINS}/{sandbox.name}"
    if sandbox.namespace == sandbox.name and sandbox.adopted != pin and namespaces.pinned(sandbox.name) is not None:
        raise SpecError(
            f"sandbox {sandbox.name}.name",
            f"is taken by {pin}, a namespace that netbuilder did not make",
            f"choose another name, adopt it with namespace={pin!r}, or delete it: ip netns del {sandbox.name}",
        )


def _has_adopted(before: ResolvedSandbox | None, now: ResolvedSandbox) -> bool:
    return before is not None and before.adopted == now.adopted


def _check_adopted(sandboxes: list[ResolvedSandbox], stood: Mapping[str, ResolvedSandbox], kernel: Kernel) -> None:
    """A namespace is adopted once, it is not the host's own, and what is to get an eth0 has none yet."""
    home, seen = namespaces.identity(kernel.home), _residents(stood, {one.name for one in sandboxes})
    for sandbox in sandboxes:
        where, path = f"sandbox {sandbox.name}.namespace", sandbox.adopted or ""
        if not namespaces.is_namespace(path):
            raise SpecError(where, f"{path} is no network namespace", "check the path, or the process")
        identity = namespaces.identity(path)
        if identity == home:
            raise SpecError(where, f"{path} is the host's own", "leave it out, or use host mode")
        if identity in seen:
            other = seen[identity]
            hint = "leave it out" if other == sandbox.name else f"share it in container mode with {other}"
            raise SpecError(where, f"{path} is the namespace of sandbox {other} already", hint)
        seen[identity] = sandbox.name
        for step in modes.plan(sandbox):
            if isinstance(step, AddVeth):
                _check_plug(step, path, where, kernel)


def _residents(stood: Mapping[str, ResolvedSandbox], moving: set[str]) -> dict[tuple[int, int] | None, str]:
    """Whose each namespace is; what a sandbox adopted that adopts another now is nobody's any more."""
    staying = (one for one in stood.values() if not (one.adopted and one.name in moving))
    return {namespaces.identity(f"{PINS}/{one.name}"): one.name for one in staying if one.namespace == one.name}


def _check_plug(cable: AddVeth, path: str, where: str, kernel: Kernel) -> None:
    """The inner end of a cable is not there yet, unless the very cable is."""
    # Under the sandbox's own name may still be the namespace that it leaves.
    there = cable.model_copy(update={"netns": path})
    state = kernel.observe(there.asks(), {path: path})
    if state.link(path, there.peer) and not there.holds(state):
        raise SpecError(
            where,
            f"there is an {cable.peer} in {path} already, where bridge mode puts its own",
            f"use none mode to adopt it as it is, or rename the interface: ip link set {cable.peer} name NAME",
        )


def _check_table(kernel: Kernel) -> None:
    seen = kernel.observe([TableOf(firewall.NAME)]).table(firewall.NAME)
    if seen is not None and not firewall.is_ours(seen):
        raise SpecError(
            f"table {firewall.TABLE}",
            "is there and is not netbuilder's",
            f"delete it: nft delete table {firewall.TABLE}",
        )


def _check_bridge(name: str, kernel: Kernel) -> None:
    link = kernel.observe([LinkOf(None, name)]).link(None, name)
    if link and link.kind != "bridge":
        raise SpecError(f"bridge {name}", f"is taken by an interface that is no bridge ({link.kind or 'physical'})")
