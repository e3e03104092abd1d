"""What stands already and is somebody else's: refused under its name, ahead of the first step."""

from __future__ import annotations

from netbuilder import firewall
from netbuilder.errors import SpecError
from netbuilder.kernel import namespaces
from netbuilder.kernel.kernel import Kernel
from netbuilder.resolve import Resolution
from netbuilder.resolved import ResolvedSandbox
from netbuilder.state import LinkOf, TableOf
from netbuilder.steps import PINS
from netbuilder.units import RULES, Key


def refuse_what_is_not_ours(resolution: Resolution, new: set[Key], kernel: Kernel) -> None:
    """Refuse new units whose name is taken on this host.

    Raises:
        SpecError: If a namespace, an interface or a table is there that netbuilder did not make.
    """
    for sandbox in resolution.sandboxes:
        if Key("sandbox", sandbox.name) in new:
            _check_namespace(sandbox)
    if RULES in new:
        _check_table(kernel)
    for network in resolution.networks:
        if Key("network", network.name) in new:
            _check_bridge(network.bridge, kernel)


def _check_namespace(sandbox: ResolvedSandbox) -> None:
    where, pin = f"sandbox {sandbox.name}", f"{PINS}/{sandbox.name}"
    if sandbox.adopted and not namespaces.is_namespace(sandbox.adopted):
        raise SpecError(
            f"{where}.namespace", f"{sandbox.adopted} is no network namespace", "check the path, or the process"
        )
    if sandbox.namespace == sandbox.name and sandbox.adopted != pin and namespaces.pinned(sandbox.name) is not None:
        raise SpecError(
            f"{where}.name",
            f"is taken by {pin}, a namespace that netbuilder did not make",
            f"choose another name, adopt it with namespace={pin!r}, or delete it: ip netns del {sandbox.name}",
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
