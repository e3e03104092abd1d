"""Addresses: the numbers on the door."""

from __future__ import annotations

from ipaddress import IPv4Interface

from netbuilder.names import Name
from netbuilder.state import AddressesOf, Question, State
from netbuilder.steps.base import Kernel, Step, ip, link_of


class AddAddress(Step):
    """Give an interface an IPv4 address; its prefix also says which neighbours are reached without a router."""

    netns: Name | None = None
    dev: str
    address: IPv4Interface

    def command(self) -> str:
        """See `ip-address(8)`; `brd +` sets the subnet's broadcast address, as Docker does."""
        return ip(self.netns, "address", "add", self.address, "brd", "+", "dev", self.dev)

    def asks(self) -> tuple[Question, ...]:
        """The interface's addresses."""
        return (AddressesOf(self.netns, self.dev),)

    def holds(self, state: State) -> bool:
        """Whether it has the address."""
        return str(self.address) in state.addresses(self.netns, self.dev)

    def do(self, kernel: Kernel) -> None:
        """Add it."""
        kernel.add_address(self.netns, self.dev, self.address)

    def undo_command(self, before: str | None) -> str:
        """See `ip-address(8)`."""
        return ip(self.netns, "address", "del", self.address, "dev", self.dev)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Delete it."""
        kernel.delete_address(self.netns, self.dev, self.address)

    def makes(self) -> tuple[str, ...]:
        """Neighbours: whoever is in the subnet is reached without a router."""
        return (f"neighbours@{self.netns}",)

    def hangs_on(self) -> str:
        """The interface."""
        return link_of(self.netns, self.dev)
