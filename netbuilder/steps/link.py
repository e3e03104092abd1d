"""Links: bridges are switches, veth pairs are cables with a plug at both ends."""

from __future__ import annotations

from netbuilder.names import InterfaceName, Mac, Name
from netbuilder.state import LinkOf, Question, State
from netbuilder.steps.base import Kernel, Step, home_of, ip

Device = InterfaceName


class AddBridge(Step):
    """Set up a switch: a bridge forwards frames between the interfaces plugged into it."""

    name: InterfaceName
    mac: Mac
    mtu: int | None = None
    alias: str

    def command(self) -> str:
        """See `ip-link(8)`."""
        mtu = ("mtu", self.mtu) if self.mtu else ()
        made = ip(None, "link", "add", self.name, "address", self.mac, *mtu, "type", "bridge")
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
        kernel.add_bridge(self.name, self.mac, self.mtu, self.alias)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Delete it."""
        kernel.delete_link(self.name)

    def makes(self) -> str:
        """The bridge."""
        return f"link/{self.name}"


class AddVeth(Step):
    """Lay a cable: a veth pair, one end plugged into a bridge, the other inside a sandbox.

    The inner end is born in the sandbox under its final name: moving it there later costs ten times as much.
    """

    name: InterfaceName
    bridge: InterfaceName
    peer: str
    netns: Name
    mac: Mac
    mtu: int | None = None

    def command(self) -> str:
        """See `ip-link(8)`, under veth."""
        mtu = ("mtu", self.mtu) if self.mtu else ()
        here = ("link", "add", self.name, *mtu, "master", self.bridge)
        there = ("peer", "name", self.peer, "address", self.mac, *mtu, "netns", self.netns)
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

    def is_broken(self, state: State) -> bool:
        """Whether the outer end is there, but unplugged, or with another inner end than it should have."""
        return self.remains(state) and not self.holds(state)

    def do(self, kernel: Kernel) -> None:
        """Make the pair."""
        kernel.add_veth(self.name, self.bridge, self.peer, self.netns, self.mac, self.mtu)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Delete the outer end; the inner one goes with it."""
        kernel.delete_link(self.name)

    def makes(self) -> str:
        """The cable."""
        return f"link/{self.name}"


class SetUp(Step):
    """Switch an interface on."""

    netns: Name | None = None
    dev: str

    def command(self) -> str:
        """See `ip-link(8)`."""
        return ip(self.netns, "link", "set", self.dev, "up")

    def asks(self) -> tuple[Question, ...]:
        """The interface."""
        return (LinkOf(self.netns, self.dev),)

    def holds(self, state: State) -> bool:
        """Whether it is on."""
        link = state.link(self.netns, self.dev)
        return link is not None and link.up

    def do(self, kernel: Kernel) -> None:
        """Switch it on."""
        kernel.set_link(self.netns, self.dev, up=True)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Switch it off."""
        kernel.set_link(self.netns, self.dev, up=False)

    def hangs_on(self) -> str:
        """The interface, or the namespace it is in."""
        return home_of(self.netns, self.dev)


class SetAlias(Step):
    """Label a cable, so that `ip link` tells whose it is."""

    dev: InterfaceName
    alias: str

    def command(self) -> str:
        """See `ip-link(8)`."""
        return ip(None, "link", "set", self.dev, "alias", self.alias)

    def asks(self) -> tuple[Question, ...]:
        """The interface."""
        return (LinkOf(None, self.dev),)

    def holds(self, state: State) -> bool:
        """Whether it has the label."""
        link = state.link(None, self.dev)
        return link is not None and link.alias == self.alias

    def do(self, kernel: Kernel) -> None:
        """Label it."""
        kernel.set_link(None, self.dev, alias=self.alias)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Remove the label."""
        kernel.set_link(None, self.dev, alias="")

    def hangs_on(self) -> str:
        """The interface."""
        return home_of(None, self.dev)


class NoLinkLocal(Step):
    """Keep an interface from giving itself an IPv6 address: each would make the bridge flood all its ports."""

    dev: InterfaceName

    def command(self) -> str:
        """See `ip-link(8)`."""
        return ip(None, "link", "set", self.dev, "addrgenmode", "none")

    def asks(self) -> tuple[Question, ...]:
        """The interface."""
        return (LinkOf(None, self.dev),)

    def holds(self, state: State) -> bool:
        """Whether it makes no address of its own."""
        link = state.link(None, self.dev)
        return link is not None and not link.link_local

    def do(self, kernel: Kernel) -> None:
        """Stop it."""
        kernel.set_link(None, self.dev, link_local=False)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Let it again."""
        kernel.set_link(None, self.dev, link_local=True)

    def hangs_on(self) -> str:
        """The interface."""
        return home_of(None, self.dev)


class Hairpin(Step):
    """Let a frame leave the bridge by the port it came in: a sandbox may reach itself by its published port."""

    dev: InterfaceName

    def command(self) -> str:
        """See `bridge(8)` and `ip-link(8)`, under bridge_slave."""
        return ip(None, "link", "set", self.dev, "type", "bridge_slave", "hairpin", "on")

    def asks(self) -> tuple[Question, ...]:
        """The bridge port."""
        return (LinkOf(None, self.dev),)

    def holds(self, state: State) -> bool:
        """Whether hairpin mode is on."""
        link = state.link(None, self.dev)
        return link is not None and link.hairpin

    def do(self, kernel: Kernel) -> None:
        """Switch it on."""
        kernel.set_link(None, self.dev, hairpin=True)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Switch it off."""
        kernel.set_link(None, self.dev, hairpin=False)

    def hangs_on(self) -> str:
        """The interface."""
        return home_of(None, self.dev)
