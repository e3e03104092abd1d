"""The knobs of a link: whether it is on, how wide it is, what it is called, what it does of its own accord."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

from pydantic import Field

from netbuilder.names import Name
from netbuilder.state import Link, LinkOf, Question, State
from netbuilder.steps.base import Kernel, Step, ip, link_of


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
        """The interface."""
        return link_of(self.netns, self.dev)

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

    def undo_command(self, before: str | None) -> str:
        """See `ip-link(8)`."""
        return ip(self.netns, "link", "set", self.dev, "down")

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

    def undo_command(self, before: str | None) -> str:
        """See `ip-link(8)`."""
        return ip(self.netns, "link", "set", self.dev, "mtu", before or self.mtu)

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

    def undo_command(self, before: str | None) -> str:
        """See `ip-link(8)`."""
        return ip(self.netns, "link", "set", self.dev, "alias", "")

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

    def undo_command(self, before: str | None) -> str:
        """See `ip-link(8)`."""
        return ip(self.netns, "link", "set", self.dev, "addrgenmode", "eui64")

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

    def undo_command(self, before: str | None) -> str:
        """See `bridge(8)` and `ip-link(8)`, under bridge_slave."""
        return ip(self.netns, "link", "set", self.dev, "type", "bridge_slave", "hairpin", "off")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Switch it off."""
        kernel.set_link(self.netns, self.dev, hairpin=False)

    def _is_set(self, link: Link) -> bool:
        return link.hairpin
