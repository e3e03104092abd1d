"""Links: bridges are switches, veth pairs are cables with a plug at both ends."""

from __future__ import annotations

from netbuilder.names import InterfaceName, Mac, Name
from netbuilder.state import LinkOf, Question, State
from netbuilder.steps.base import Kernel, Step, ip, link_of


class AddBridge(Step):
    """Set up a switch: a bridge forwards frames between the interfaces plugged into it."""

    name: InterfaceName
    mac: Mac
    alias: str

    def command(self) -> str:
        """See `ip-link(8)`."""
        made = ip(None, "link", "add", self.name, "address", self.mac, "type", "bridge")
        return f"{made}\n{ip(None, 'link', 'set', self.name, 'alias', self.alias)}"

    def asks(self) -> tuple[Question, ...]:
        """The bridge."""
        return (LinkOf(None, self.name),)

    def holds(self, state: State) -> bool:
        """Whether there is a bridge of that name, whoever made it."""
        link = state.link(None, self.name)
        return link is not None and link.kind == "bridge"

    def remains(self, state: State) -> bool:
        """Only a bridge with our alias is ours to delete."""
        link = state.link(None, self.name)
        return link is not None and link.kind == "bridge" and link.alias == self.alias

    def do(self, kernel: Kernel) -> None:
        """Make it."""
        kernel.add_bridge(self.name, self.mac, self.alias)

    def undo_command(self, before: str | None) -> str:
        """See `ip-link(8)`."""
        return ip(None, "link", "del", self.name)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Delete it."""
        kernel.delete_link(self.name)

    def makes(self) -> tuple[str, ...]:
        """The bridge."""
        return (link_of(None, self.name),)


class AddVeth(Step):
    """Lay a cable: a veth pair, one end plugged into a bridge, the other inside a sandbox.

    The inner end is born in the sandbox under its final name: moving it there later costs ten times as much.
    """

    name: InterfaceName
    bridge: InterfaceName
    peer: str
    netns: Name
    mac: Mac

    def command(self) -> str:
        """See `ip-link(8)`, under veth."""
        here = ("link", "add", self.name, "master", self.bridge)
        there = ("peer", "name", self.peer, "address", self.mac, "netns", self.netns)
        return ip(None, *here, "type", "veth", *there)

    def asks(self) -> tuple[Question, ...]:
        """Both ends, and the bridge."""
        return (LinkOf(None, self.name), LinkOf(self.netns, self.peer), LinkOf(None, self.bridge))

    def holds(self, state: State) -> bool:
        """Whether both ends are there, the outer one in its bridge."""
        outer, inner = state.link(None, self.name), state.link(self.netns, self.peer)
        bridge = state.link(None, self.bridge)
        if outer is None or inner is None or bridge is None:
            return False
        return outer.kind == "veth" and outer.master == bridge.ifindex and inner.mac == self.mac

    def remains(self, state: State) -> bool:
        """Whether the outer end is there; its name is unique to this pair."""
        outer = state.link(None, self.name)
        return outer is not None and outer.kind == "veth"

    def do(self, kernel: Kernel) -> None:
        """Make the pair."""
        kernel.add_veth(self.name, self.bridge, self.peer, self.netns, self.mac)

    def undo_command(self, before: str | None) -> str:
        """See `ip-link(8)`."""
        return ip(None, "link", "del", self.name)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Delete the outer end; the inner one goes with it."""
        kernel.delete_link(self.name)

    def makes(self) -> tuple[str, ...]:
        """Both ends."""
        return (link_of(None, self.name), link_of(self.netns, self.peer))
