"""Neighbours that are known without asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netbuilder.steps.base import Address, Dev, Kernel, Step, ip, link_name
from netbuilder.steps.state import LinkOf, OfLink, Query, State
from netbuilder.values import Mac, Name
from netbuilder.values.addresses import IPAddress


@dataclass(unsafe_hash=True, slots=True)
class NeighbourOf(OfLink, Query[str | None]):
    """The MAC address that an interface's neighbour table has for good (nud permanent) for an address."""

    netns: str | None
    dev: str
    address: IPAddress


class SetNeighbour(Step):
    """Enter a neighbour's MAC address for good: nobody has to ask for it, and it takes no room from those asked for.

    See `ip-neighbour(8)`. The kernel forgets an interface's neighbours, these too, when its own MAC address changes or
    it goes down; so the fact is about the interface with the MAC address that it has by then, `dev_mac`.
    """

    kind = "SetNeighbour"
    overwrites = True

    netns: Name | None = None
    dev: Dev
    dev_mac: Mac
    address: Address
    mac: Mac

    def subject(self) -> str:
        return f"{link_name(self.netns, self.dev)}/neighbour/{self.address}"

    def command(self) -> str:
        return self._replace(self.mac)

    def queries(self) -> tuple[Query[Any], ...]:
        return (self._query(), LinkOf(self.netns, self.dev))

    def holds(self, state: State) -> bool:
        link = state[LinkOf(self.netns, self.dev)]
        return link is not None and link.mac == self.dev_mac and state[self._query()] == self.mac

    def before(self, state: State) -> str | None:
        return state[self._query()]

    def do(self, kernel: Kernel) -> None:
        kernel.set_neighbour(self.netns, self.dev, self.address, self.mac)

    def undo_command(self, before: str | None) -> str:
        return self._replace(before) if before else ip(self.netns, "neigh", "del", self.address, "dev", self.dev)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        if before:
            kernel.set_neighbour(self.netns, self.dev, self.address, before)
        else:
            kernel.delete_neighbour(self.netns, self.dev, self.address)

    def _query(self) -> NeighbourOf:
        return NeighbourOf(self.netns, self.dev, self.address)

    def _replace(self, mac: str) -> str:
        what = self.address, "lladdr", mac, "dev", self.dev, "nud", "permanent"
        return ip(self.netns, "neigh", "replace", *what)
