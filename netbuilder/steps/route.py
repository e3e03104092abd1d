"""Routes: which way out."""

from __future__ import annotations

from ipaddress import IPv4Address

from netbuilder.names import Name
from netbuilder.state import GatewaysOf, Question, State
from netbuilder.steps.base import Kernel, Step, ip


class AddDefaultRoute(Step):
    """Show the way out: whatever is not a neighbour goes to the gateway."""

    netns: Name
    via: IPv4Address

    def command(self) -> str:
        """See `ip-route(8)`."""
        return ip(self.netns, "route", "add", "default", "via", self.via)

    def asks(self) -> tuple[Question, ...]:
        """The namespace's default routes."""
        return (GatewaysOf(self.netns),)

    def holds(self, state: State) -> bool:
        """Whether a default route leads by the gateway."""
        return str(self.via) in state.gateways(self.netns)

    def do(self, kernel: Kernel) -> None:
        """Add it."""
        kernel.add_default_route(self.netns, self.via)

    def undo_command(self, before: str | None) -> str:
        """See `ip-route(8)`."""
        return ip(self.netns, "route", "del", "default", "via", self.via)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Delete it."""
        kernel.delete_default_route(self.netns, self.via)

    def hangs_on(self) -> str:
        """The address that makes the router a neighbour."""
        return f"neighbours@{self.netns}"
