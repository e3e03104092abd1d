"""Namespaces: rooms of their own, with interfaces, addresses, routes, rules and ports that no other room sees."""

from __future__ import annotations

from netbuilder.names import Name, NamespacePath
from netbuilder.state import PinOf, Question, State
from netbuilder.steps.base import Kernel, Step, ip, shell

PINS = "/run/netns"
"""Where `ip netns` pins namespaces by name, and so do we."""


class AddNamespace(Step):
    """Open a room: a new network namespace, pinned under a name so that it outlives its maker."""

    name: Name

    def command(self) -> str:
        """See `ip-netns(8)`."""
        return ip(None, "netns", "add", self.name)

    def asks(self) -> tuple[Question, ...]:
        """The pin."""
        return (PinOf(self.name),)

    def holds(self, state: State) -> bool:
        """Whether a namespace is pinned under the name."""
        return bool(state.pin(self.name))

    def remains(self, state: State) -> bool:
        """A maker that was killed may have left the empty file that a namespace is pinned on."""
        return state.pin(self.name) is not None

    def is_broken(self, state: State) -> bool:
        """Whether there is such an empty file."""
        return state.pin(self.name) == 0

    def do(self, kernel: Kernel) -> None:
        """Make and pin it."""
        kernel.add_namespace(self.name)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Unpin it: with the last process gone, the kernel destroys it and what is inside."""
        kernel.unpin_namespace(self.name)

    def makes(self) -> str:
        """The namespace."""
        return f"netns/{self.name}"


class AttachNamespace(Step):
    """Put a name on the door of a room that is there already: an existing namespace, pinned but not made."""

    name: Name
    path: NamespacePath

    def command(self) -> str:
        """What `ip netns attach` does, for any path."""
        pin = f"{PINS}/{self.name}"
        return "\n".join((shell("mkdir", "-p", PINS), shell("touch", pin), shell("mount", "--bind", self.path, pin)))

    def asks(self) -> tuple[Question, ...]:
        """The pin."""
        return (PinOf(self.name),)

    def holds(self, state: State) -> bool:
        """Whether a namespace is pinned under the name."""
        return bool(state.pin(self.name))

    def remains(self, state: State) -> bool:
        """See `AddNamespace.remains`."""
        return state.pin(self.name) is not None

    def is_broken(self, state: State) -> bool:
        """See `AddNamespace.is_broken`."""
        return state.pin(self.name) == 0

    def do(self, kernel: Kernel) -> None:
        """Pin it."""
        kernel.attach_namespace(self.name, self.path)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Remove our pin; the namespace stays with those who hold it."""
        kernel.unpin_namespace(self.name)
