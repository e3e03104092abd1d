"""Links: bridges are switches, veth pairs are cables with a plug at both ends."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

from pydantic import Field

from netbuilder.names import InterfaceName, Mac, Name
from netbuilder.state import Link, LinkOf, Question, State
from netbuilder.steps.base import Kernel, Step, home_of, ip


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

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Delete the outer end; the inner one goes with it."""
        kernel.delete_link(self.name)

    def makes(self) -> str:
        """The cable."""
        return f"link/{self.name}"


class _Setting(Step):
    """One knob of one interface; it goes when the interface goes."""

    netns: Name | None = None
    dev: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,15}$")]

    def asks(self) -> tuple[Question, ...]:
        """The interface."""
        return (LinkOf(self.netns, self.dev),)

    def holds(self, state: State) -> bool:
        """Whether the interface is there, and set so."""
        link = state.link(self.netns, self.dev)
        return link is not None and self._is_set(link)

    def hangs_on(self) -> str:
        """The interface, or the namespace it is in."""
        return home_of(self.netns, self.dev)

    @abstractmethod
    def _is_set(self, link: Link) -> bool:
        """Whether an interface is set so."""


class SetUp(_Setting):
    """Switch an interface on."""

    def command(self) -> str:
        """See `ip-link(8)`."""
        return ip(self.netns, "link", "set", self.dev, "up")

    def do(self, kernel: Kernel) -> None:
        """Switch it on."""
        kernel.set_link(self.netns, self.dev, up=True)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Switch it off."""
        kernel.set_link(self.netns, self.dev, up=False)

    def _is_set(self, link: Link) -> bool:
        return link.up


class SetMtu(_Setting):
    """Say how many bytes a packet may have on an interface; a path is as wide as the narrowest link on it."""

    mtu: int

    def command(self) -> str:
        """See `ip-link(8)`."""
        return ip(self.netns, "link", "set", self.dev, "mtu", self.mtu)

    def before(self, state: State) -> str | None:
        """What it was, on an interface that is there already."""
        link = state.link(self.netns, self.dev)
        return str(link.mtu) if link else None

    def do(self, kernel: Kernel) -> None:
        """Set it."""
        kernel.set_link(self.netns, self.dev, mtu=self.mtu)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Set it to what it was."""
        if before is not None:
            kernel.set_link(self.netns, self.dev, mtu=int(before))

    def _is_set(self, link: Link) -> bool:
        return link.mtu == self.mtu


class SetAlias(_Setting):
    """Label a cable, so that `ip link` tells whose it is."""

    alias: str

    def command(self) -> str:
        """See `ip-link(8)`."""
        return ip(self.netns, "link", "set", self.dev, "alias", self.alias)

    def do(self, kernel: Kernel) -> None:
        """Label it."""
        kernel.set_link(self.netns, self.dev, alias=self.alias)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Remove the label."""
        kernel.set_link(self.netns, self.dev, alias="")

    def _is_set(self, link: Link) -> bool:
        return link.alias == self.alias


class NoLinkLocal(_Setting):
    """Keep an interface from giving itself an IPv6 address: each would make the bridge flood all its ports."""

    def command(self) -> str:
        """See `ip-link(8)`."""
        return ip(self.netns, "link", "set", self.dev, "addrgenmode", "none")

    def do(self, kernel: Kernel) -> None:
        """Stop it."""
        kernel.set_link(self.netns, self.dev, link_local=False)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Let it again."""
        kernel.set_link(self.netns, self.dev, link_local=True)

    def _is_set(self, link: Link) -> bool:
        return not link.link_local


class Hairpin(_Setting):
    """Let a frame leave the bridge by the port it came in: a sandbox may reach itself by its published port."""

    def command(self) -> str:
        """See `bridge(8)` and `ip-link(8)`, under bridge_slave."""
        return ip(self.netns, "link", "set", self.dev, "type", "bridge_slave", "hairpin", "on")

    def do(self, kernel: Kernel) -> None:
        """Switch it on."""
        kernel.set_link(self.netns, self.dev, hairpin=True)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Switch it off."""
        kernel.set_link(self.netns, self.dev, hairpin=False)

    def _is_set(self, link: Link) -> bool:
        return link.hairpin
