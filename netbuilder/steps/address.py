"""Addresses."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Interface
from typing import Any

from netbuilder.steps.base import Dev, Kernel, Step, ip, link_name
from netbuilder.steps.state import AddressesOf, LinkOf, Query, RoutesOf, State
from netbuilder.values import Name


class AddAddress(Step):
    """Give an interface an IPv4 address; its prefix also says which neighbours are reached without a router.

    See `ip-address(8)`; `brd +` sets the subnet's broadcast address, as Docker does.
    """

    kind = "AddAddress"

    netns: Name | None = None
    dev: Dev
    address: IPv4Interface

    def subject(self) -> str:
        return f"{link_name(self.netns, self.dev)}/{self.address}"

    def command(self) -> str:
        return ip(self.netns, "address", "add", self.address, "brd", "+", "dev", self.dev)

    def queries(self) -> tuple[Query[Any], ...]:
        return (AddressesOf(self.netns, self.dev),)

    def holds(self, state: State) -> bool:
        return str(self.address) in state[AddressesOf(self.netns, self.dev)]

    def do(self, kernel: Kernel) -> None:
        kernel.add_address(self.netns, self.dev, self.address)

    def undo_command(self, before: str | None) -> str:
        return ip(self.netns, "address", "del", self.address, "dev", self.dev)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.delete_address(self.netns, self.dev, self.address)

    def undone(self, state: State) -> Mapping[Query[Any], Any]:
        # With its last address an interface loses its routes, as Linux then takes it out of IPv4 (fib_disable_ip).
        left = state[AddressesOf(self.netns, self.dev)] - {str(self.address)}
        link, routes = state.get(LinkOf(self.netns, self.dev)), state.get(RoutesOf(self.netns))
        answers: dict[Query[Any], Any] = {AddressesOf(self.netns, self.dev): left}
        if not left and link and routes:
            answers[RoutesOf(self.netns)] = frozenset(route for route in routes if route.ifindex != link.ifindex)
        return answers
