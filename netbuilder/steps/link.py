"""Interfaces that come and go: bridges and veth pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netbuilder.steps.base import Dev, Kernel, Step, ip, link_name, shell
from netbuilder.steps.state import LinkOf, OfLink, Query, State, Thing, link_thing
from netbuilder.values import InterfaceName, Mac, Name


@dataclass(unsafe_hash=True, slots=True)
class IndexOf(OfLink, Query[int | None]):
    """The index of one interface, which costs less to ask than all that is seen of it; None if it is not there."""

    netns: str | None
    dev: str


class AddBridge(Step):
    """Add a bridge, which forwards frames between the interfaces that are its ports, as a switch does.

    See `ip-link(8)`. The alias tells a bridge of ours from one that was there: that one is used, and never deleted.
    """

    kind = "AddBridge"

    name: InterfaceName
    alias: str

    def subject(self) -> str:
        return link_name(None, self.name)

    def command(self) -> str:
        made = ip(None, "link", "add", self.name, "type", "bridge")
        return f"{made}\n{ip(None, 'link', 'set', self.name, 'alias', self.alias)}"

    def queries(self) -> tuple[Query[Any], ...]:
        return (LinkOf(None, self.name),)

    def holds(self, state: State) -> bool:
        link = state[LinkOf(None, self.name)]
        return link is not None and link.kind == "bridge"

    def is_present(self, state: State) -> bool:
        link = state[LinkOf(None, self.name)]
        return link is not None and link.kind == "bridge" and link.alias == self.alias

    def gives_way_to(self, wanted: Step, state: State) -> bool:
        return wanted.is_present(state)  # another network's has another alias

    def do(self, kernel: Kernel) -> None:
        kernel.add_bridge(self.name, self.alias)

    def undo_command(self, before: str | None) -> str:
        return ip(None, "link", "del", self.name)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.delete_link(self.name)

    def provides(self) -> tuple[Thing, ...]:
        return (link_thing(None, self.name),)


class AddVeth(Step):
    """Add a veth pair: one end is a port of a bridge, the other is inside a sandbox.

    See `ip-link(8)`, under veth. The inner end is born in the sandbox under its final name: moving it there later costs
    the kernel ten times as much. One queue is what each end uses; unasked, the kernel makes one for each CPU, and waits
    for its readers (RCU) while it takes the others away again.
    """

    kind = "AddVeth"

    name: InterfaceName
    bridge: InterfaceName
    peer: Dev
    netns: Name
    mac: Mac

    def subject(self) -> str:
        return link_name(None, self.name)

    def command(self) -> str:
        one_queue = ("numtxqueues", "1", "numrxqueues", "1")
        here = ip(None, "link", "add", self.name, *one_queue, "master", self.bridge, "type", "veth")
        there = shell("peer", "name", self.peer, *one_queue, "address", self.mac, "netns", self.netns)
        return f"{here} \\\n    {there}"

    def queries(self) -> tuple[Query[Any], ...]:
        return (LinkOf(None, self.name), LinkOf(self.netns, self.peer), IndexOf(None, self.bridge))

    def holds(self, state: State) -> bool:
        outer, inner = state[LinkOf(None, self.name)], state[LinkOf(self.netns, self.peer)]
        if outer is None or inner is None:
            return False
        return outer.kind == "veth" and outer.master == state[IndexOf(None, self.bridge)] and inner.mac == self.mac

    def is_present(self, state: State) -> bool:
        outer = state[LinkOf(None, self.name)]
        return outer is not None and outer.kind == "veth"  # the name is unique to this pair

    def traces(self) -> tuple[Query[Any], ...]:
        return (LinkOf(None, self.name),)

    def do(self, kernel: Kernel) -> None:
        kernel.add_veth(self.name, self.bridge, self.peer, self.netns, self.mac)

    def undo_command(self, before: str | None) -> str:
        return ip(None, "link", "del", self.name)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.delete_link(self.name)  # the inner end goes with it

    def provides(self) -> tuple[Thing, ...]:
        return (link_thing(None, self.name), link_thing(self.netns, self.peer))
