"""Network namespaces, each with interfaces, addresses, routes, rules and ports of its own that no other sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netbuilder.steps.base import Kernel, Step, ip, shell
from netbuilder.steps.state import NamespaceOf, PinOf, Query, State, Thing, netns_thing
from netbuilder.values import Name, NamespacePath
from netbuilder.values.names import PINS


class _Pin(Step):
    """A namespace under a name: what making one and attaching one share. See `ip-netns(8)`."""

    name: Name

    def subject(self) -> str:
        return f"netns/{self.name}"

    def is_present(self, state: State) -> bool:
        # A maker that was killed may have left the empty file that a namespace is pinned on.
        return state[PinOf(self.name)] is not None

    def traces(self) -> tuple[Query[Any], ...]:
        return (PinOf(self.name),)

    def undo_command(self, before: str | None) -> str:
        return ip(None, "netns", "del", self.name)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.unpin_namespace(self.name)

    def undone(self, state: State) -> Mapping[Query[Any], Any]:
        return {PinOf(self.name): None}


class AddNamespace(_Pin):
    """Add a network namespace, pinned under a name so that it outlives its maker."""

    kind = "AddNamespace"

    def command(self) -> str:
        return ip(None, "netns", "add", self.name)

    def queries(self) -> tuple[Query[Any], ...]:
        return (PinOf(self.name),)

    def holds(self, state: State) -> bool:
        return bool(state[PinOf(self.name)])

    def do(self, kernel: Kernel) -> None:
        kernel.add_namespace(self.name)

    def provides(self) -> tuple[Thing, ...]:
        return (netns_thing(self.name),)


class AttachNamespace(_Pin):
    """Put a name on a network namespace that is there already: it is pinned, but not made, and lives on afterwards.

    What `ip netns attach` does for a process, for any path.
    """

    kind = "AttachNamespace"

    path: NamespacePath

    def command(self) -> str:
        pin = f"{PINS}/{self.name}"
        return "\n".join((shell("mkdir", "-p", PINS), shell("touch", pin), shell("mount", "--bind", self.path, pin)))

    def queries(self) -> tuple[Query[Any], ...]:
        return (PinOf(self.name), NamespaceOf(self.path))

    def holds(self, state: State) -> bool:
        # Once it is attached, the process whose path it was may end.
        pin = state[PinOf(self.name)]
        return bool(pin) and state[NamespaceOf(self.path)] in (pin, None)

    def gives_way_to(self, wanted: Step, state: State) -> bool:
        # Another path may lead to the same namespace; a new one is pinned in its place only if this one is not.
        return wanted.holds(state) and (isinstance(wanted, AttachNamespace) or not self.holds(state))

    def do(self, kernel: Kernel) -> None:
        kernel.attach_namespace(self.name, self.path)
