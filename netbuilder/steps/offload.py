"""What an interface leaves to those behind it, to do for many packets at once. See `ethtool(8)`, under -K."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from netbuilder.steps.base import Dev, Kernel, Step, inside, link_name
from netbuilder.steps.state import OfLink, Query, State
from netbuilder.values import Name

Offload = Literal["tso", "gro"]


@dataclass(unsafe_hash=True, slots=True)
class OffloadOf(OfLink, Query[bool | None]):
    """Whether an offload of an interface is on; None if there is no such interface."""

    netns: str | None
    dev: str
    offload: Offload


class SetOffload(Step):
    """Turn an offload of an interface on or off.

    A veth whose one end does not send large packets (tso off) while the other puts small ones together (gro on) hands
    packets over in a queue of its own (`veth_xmit`); any other uses the one queue that its CPU has for all of them.
    """

    kind = "SetOffload"
    overwrites = True

    netns: Name | None = None
    dev: Dev
    offload: Offload
    on: bool

    def subject(self) -> str:
        return f"{link_name(self.netns, self.dev)}/{self.offload}"

    def command(self) -> str:
        return self._set(self.on)

    def queries(self) -> tuple[Query[Any], ...]:
        return (OffloadOf(self.netns, self.dev, self.offload),)

    def holds(self, state: State) -> bool:
        return state[OffloadOf(self.netns, self.dev, self.offload)] is self.on

    def do(self, kernel: Kernel) -> None:
        kernel.set_offload(self.netns, self.dev, self.offload, self.on)

    def undo_command(self, before: str | None) -> str:
        return self._set(not self.on)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.set_offload(self.netns, self.dev, self.offload, not self.on)

    def _set(self, on: bool) -> str:
        return inside(self.netns, "ethtool", "-K", self.dev, self.offload, "on" if on else "off")
