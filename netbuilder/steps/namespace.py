"""Namespaces: rooms of their own, with interfaces, addresses, routes, rules and ports that no other room sees."""

from __future__ import annotations

from netbuilder.names import Name, NamespacePath
from netbuilder.state import PinOf, Question, State
from netbuilder.steps.base import Kernel, Step, ip, shell

PINS = "/run/netns"
"""Where `ip netns` pins namespaces by name, and so do we."""


class _Pin(Step):
    """A namespace under a name: what making one and adopting one share."""

    name: Name

    def asks(self) -> tuple[Question, ...]:
        """The pin."""
        return (PinOf(self.name),)

    def holds(self, state: State) -> bool:
        """Whether a namespace is pinned under the name."""
        return bool(state.pin(self.name))

    def remains(self, state: State) -> bool:
        """A maker that was killed may have left the empty file that a namespace is pinned on."""
        return state.pin(self.name) is not None

    def undo_command(self, before: str | None) -> str:
        """See `ip-netns(8)`."""
        return ip(None, "netns", "del", self.name)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Unpin it: a namespace that nobody else holds goes with its pin, and what is inside goes with it."""
        kernel.unpin_namespace(self.name)


class AddNamespace(_Pin):
    """Open a room: a new network namespace, pinned under a name so that it outlives its maker."""

    def command(self) -> str:
        """See `ip-netns(8)`."""
        return ip(None, "netns", "add", self.name)

    def do(self, kernel: Kernel) -> None:
        """Make and pin it."""
        kernel.add_namespace(self.name)

    def makes(self) -> tuple[str, ...]:
        """The namespace."""
        return (f"netns/{self.name}",)


class AttachNamespace(_Pin):
    """Put a name on the door of a room that is there already: an existing namespace, pinned but not made."""

    path: NamespacePath

    def command(self) -> str:
        """What `ip netns attach` does, for any path."""
        pin = f"{PINS}/{self.name}"
        return "\n".join((shell("mkdir", "-p", PINS), shell("touch", pin), shell("mount", "--bind", self.path, pin)))

    def do(self, kernel: Kernel) -> None:
        """Pin it."""
        kernel.attach_namespace(self.name, self.path)
