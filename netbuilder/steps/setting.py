"""The settings of an interface: whether it is up, its MAC address, MTU and alias, what it does of its own accord.

See `ip-link(8)` for all of them. A setting goes with its interface, so on one of ours it is never undone by itself.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from netbuilder.steps.base import Dev, Kernel, Step, ip, link_name
from netbuilder.steps.state import Link, LinkOf, Query, State
from netbuilder.values import Mac, Name

_NEW_MTU = "1500"  # what the kernel gives a bridge or a veth


class _Setting(Step):
    """One setting of one interface."""

    overwrites = True

    netns: Name | None = None
    dev: Dev

    def subject(self) -> str:
        return f"{link_name(self.netns, self.dev)}/{self.kind}"

    def command(self) -> str:
        return self._set(*self._words())

    def queries(self) -> tuple[Query[Any], ...]:
        return (LinkOf(self.netns, self.dev),)

    def holds(self, state: State) -> bool:
        link = state[LinkOf(self.netns, self.dev)]
        return link is not None and self._is_set(link)

    def _set(self, *words: object) -> str:
        return ip(self.netns, "link", "set", self.dev, *words)

    @abstractmethod
    def _words(self) -> tuple[object, ...]:
        """The words that follow `ip link set DEV`."""

    @abstractmethod
    def _is_set(self, link: Link) -> bool:
        """Whether an interface is set so."""


class SetUp(_Setting):
    """Bring an interface up: without it nothing is sent and nothing received."""

    kind = "SetUp"

    def do(self, kernel: Kernel) -> None:
        kernel.set_link(self.netns, self.dev, up=True)

    def undo_command(self, before: str | None) -> str:
        return self._set("down")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.set_link(self.netns, self.dev, up=False)

    def _words(self) -> tuple[object, ...]:
        return ("up",)

    def _is_set(self, link: Link) -> bool:
        return link.up


class SetMac(_Setting):
    """Fix the MAC address of a bridge: without it a bridge takes one of its ports', and changes it with them."""

    kind = "SetMac"

    mac: Mac

    def before(self, state: State) -> str | None:
        link = state[LinkOf(self.netns, self.dev)]
        return link.mac if link else None

    def do(self, kernel: Kernel) -> None:
        kernel.set_link(self.netns, self.dev, mac=self.mac)

    def undo_command(self, before: str | None) -> str:
        return self._set("address", before or self.mac)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.set_link(self.netns, self.dev, mac=before or self.mac)

    def _words(self) -> tuple[object, ...]:
        return ("address", self.mac)

    def _is_set(self, link: Link) -> bool:
        return link.mac == self.mac


class SetMtu(_Setting):
    """Set how many bytes a packet may have on an interface; a path takes what its narrowest link takes."""

    kind = "SetMtu"

    mtu: int

    def before(self, state: State) -> str:
        link = state[LinkOf(self.netns, self.dev)]
        return str(link.mtu) if link else _NEW_MTU

    def do(self, kernel: Kernel) -> None:
        kernel.set_link(self.netns, self.dev, mtu=self.mtu)

    def undo_command(self, before: str | None) -> str:
        return self._set("mtu", _former(before))

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.set_link(self.netns, self.dev, mtu=_former(before))

    def _words(self) -> tuple[object, ...]:
        return ("mtu", self.mtu)

    def _is_set(self, link: Link) -> bool:
        return link.mtu == self.mtu


def _former(before: str | None) -> int:
    return int(before if before and before.isdecimal() and len(before) < 10 else _NEW_MTU)


class SetAlias(_Setting):
    """Give an interface an alias, so that `ip link` tells whose it is."""

    kind = "SetAlias"

    alias: str

    def do(self, kernel: Kernel) -> None:
        kernel.set_link(self.netns, self.dev, alias=self.alias)

    def undo_command(self, before: str | None) -> str:
        return self._set("alias", "")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.set_link(self.netns, self.dev, alias="")

    def _words(self) -> tuple[object, ...]:
        return ("alias", self.alias)

    def _is_set(self, link: Link) -> bool:
        return link.alias == self.alias


class DisableLinkLocal(_Setting):
    """Keep an interface from giving itself an IPv6 address: each would make the bridge flood all its ports."""

    kind = "NoLinkLocal"

    def do(self, kernel: Kernel) -> None:
        kernel.set_link(self.netns, self.dev, link_local=False)

    def undo_command(self, before: str | None) -> str:
        return self._set("addrgenmode", "eui64")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.set_link(self.netns, self.dev, link_local=True)

    def _words(self) -> tuple[object, ...]:
        return ("addrgenmode", "none")

    def _is_set(self, link: Link) -> bool:
        return not link.link_local


class _PortFlag(_Setting):
    """A flag of a bridge's port, on; see `bridge(8)` and `ip-link(8)`, under bridge_slave."""

    flag: ClassVar[str]

    def do(self, kernel: Kernel) -> None:
        self._turn(kernel, True)

    def undo_command(self, before: str | None) -> str:
        return self._set("type", "bridge_slave", self.flag, "off")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        self._turn(kernel, False)

    def _words(self) -> tuple[object, ...]:
        return ("type", "bridge_slave", self.flag, "on")

    @abstractmethod
    def _turn(self, kernel: Kernel, on: bool) -> None:
        """Turn it on or off."""


class SetHairpin(_PortFlag):
    """Let a frame leave the bridge by the port it came in: a sandbox may reach itself by its published port."""

    kind = "Hairpin"
    flag = "hairpin"

    def _turn(self, kernel: Kernel, on: bool) -> None:
        kernel.set_link(self.netns, self.dev, hairpin=on)

    def _is_set(self, link: Link) -> bool:
        return link.hairpin


class SetIsolated(_PortFlag):
    """Isolate a port of a bridge: two ports that are isolated do not reach each other.

    Rules do the same where they see what is bridged, and only where they do.
    """

    kind = "Isolated"
    flag = "isolated"

    def _turn(self, kernel: Kernel, on: bool) -> None:
        kernel.set_link(self.netns, self.dev, isolated=on)

    def _is_set(self, link: Link) -> bool:
        return link.isolated
