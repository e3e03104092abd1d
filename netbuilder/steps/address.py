"""Addresses."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_interface
from typing import Any

from netbuilder.steps.base import Dev, Interface, Kernel, Step, ip, link_name
from netbuilder.steps.state import AddressesOf, LinkOf, Query, RoutesOf, State
from netbuilder.values import Name


class AddAddress(Step):
    """Give an interface an address; its prefix also says which neighbours are reached without a router.

    See `ip-address(8)`. As Docker does, `brd +` sets the broadcast address of an IPv4 subnet, and with `nodad` an IPv6
    address works at once, without a second of asking whether somebody has it (RFC 4862).
    """

    kind = "AddAddress"

    netns: Name | None = None
    dev: Dev
    address: Interface

    def subject(self) -> str:
        return f"{link_name(self.netns, self.dev)}/{self.address}"

    def command(self) -> str:
        broadcast, at_once = (("brd", "+"), ()) if self.address.version == 4 else ((), ("nodad",))
        return ip(self.netns, "address", "add", self.address, *broadcast, "dev", self.dev, *at_once)

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
        left = state[AddressesOf(self.netns, self.dev)] - {str(self.address)}
        link, routes = state.get(LinkOf(self.netns, self.dev)), state.get(RoutesOf(self.netns))
        answers: dict[Query[Any], Any] = {AddressesOf(self.netns, self.dev): left}
        if link and routes and self._is_last_of_ipv4(left):
            # Linux takes the interface out of IPv4 then (fib_disable_ip); nothing of the kind happens in IPv6.
            lost = {route for route in routes if route.ifindex == link.ifindex and route.version == 4}
            answers[RoutesOf(self.netns)] = routes - lost
        return answers

    def _is_last_of_ipv4(self, left: frozenset[str]) -> bool:
        return self.address.version == 4 and all(ip_interface(one).version == 6 for one in left)
