"""A Step is one fact to make true in the kernel. It has four faces; everything else follows from them.

command()              what a person would type, and undo_command(before), to take it back
holds(state)           is it so already?
do(kernel)             make it so
undo(kernel, before)   take it back
"""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from ipaddress import IPv4Address, IPv4Interface
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from netbuilder.state import Question, State


class Kernel(Protocol):
    """What steps ask of the kernel; `netbuilder.kernel.kernel` is the real one. A netns of None is the host's."""

    def add_namespace(self, name: str) -> None:
        """Make a network namespace and pin it."""

    def attach_namespace(self, name: str, path: str) -> None:
        """Pin a network namespace that is there already."""

    def unpin_namespace(self, name: str) -> None:
        """Remove a pin; a namespace that nothing else holds goes with it."""

    def add_bridge(self, name: str, mac: str, alias: str) -> None:
        """Make a bridge."""

    def add_veth(self, name: str, bridge: str, peer: str, netns: str, mac: str) -> None:
        """Make a veth pair, one end plugged into a bridge, the other born inside a namespace."""

    def set_link(
        self,
        netns: str | None,
        name: str,
        *,
        up: bool | None = None,
        mtu: int | None = None,
        alias: str | None = None,
        hairpin: bool | None = None,
        link_local: bool | None = None,
    ) -> None:
        """Change an interface."""

    def delete_link(self, name: str) -> None:
        """Delete an interface of the host; the other end of a veth goes with it."""

    def add_address(self, netns: str | None, dev: str, address: IPv4Interface) -> None:
        """Give an interface an address."""

    def delete_address(self, netns: str | None, dev: str, address: IPv4Interface) -> None:
        """Take an address from an interface."""

    def add_default_route(self, netns: str | None, via: IPv4Address) -> None:
        """Add the default route."""

    def delete_default_route(self, netns: str | None, via: IPv4Address) -> None:
        """Delete the default route."""

    def write_sysctl(self, netns: str | None, key: str, value: str) -> None:
        """Write a setting under /proc/sys."""

    def nft(self, text: str) -> None:
        """Have nft carry out a text."""

    def add_element(self, set_: str, key: str, data: str) -> None:
        """Add an element to a set or map of our table."""

    def delete_element(self, set_: str, key: str) -> None:
        """Delete an element of a set or map of our table."""


class Step(BaseModel, ABC):
    """One fact to make true in the kernel.

    `because` says why, for the reader; it is no part of the fact, so two steps that differ in it are equal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kinds: ClassVar[dict[str, type[Step]]] = {}

    because: str = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Enter each kind of step under its name, for reading plans back from JSON."""
        Step.kinds[cls.__name__] = cls

    @abstractmethod
    def command(self) -> str:
        """What a person would type in a shell; some facts take more than one line."""

    @abstractmethod
    def undo_command(self, before: str | None) -> str:
        """What a person would type to take it back; `before` as for `undo`."""

    @abstractmethod
    def asks(self) -> tuple[Question, ...]:
        """The questions whose answers `holds` looks at."""

    @abstractmethod
    def holds(self, state: State) -> bool:
        """Whether it is so already."""

    @abstractmethod
    def do(self, kernel: Kernel) -> None:
        """Make it so."""

    @abstractmethod
    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Take it back; `before` is what `before(state)` gave ahead of doing it."""

    def before(self, state: State) -> str | None:
        """What must be remembered to take it back exactly; None for most."""
        return None

    def remains(self, state: State) -> bool:
        """Whether there is something of ours to take back; a step cut short may leave a part that does not hold."""
        return self.holds(state)

    def is_broken(self, state: State) -> bool:
        """Whether it has to be taken back before it can be done again: a part of it stands, and it does not hold."""
        return self.remains(state) and not self.holds(state)

    def turns(self) -> int | None:
        """The UDP port of the host that leads elsewhere by this fact; None for most.

        UDP has no beginning and no end: a flow that goes on would be led where the port led when it began.
        """
        return None

    def makes(self) -> tuple[str, ...]:
        """The things that come into being, such as "netns/web"; none for a mere change."""
        return ()

    def hangs_on(self) -> str | None:
        """The thing whose end is the end of this fact too."""
        return None

    def as_json(self, why: bool = True) -> dict[str, Any]:
        """The step as a JSON object, its kind under "step"; with or without its `because`."""
        fields = self.model_dump(mode="json", exclude_defaults=True, exclude=None if why else {"because"})
        return {"step": type(self).__name__, **fields}

    @staticmethod
    def from_json(item: dict[str, Any]) -> Step:
        """The step that `as_json` wrote."""
        fields = {name: value for name, value in item.items() if name != "step"}
        return Step.kinds[item["step"]].model_validate(fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Step) and self._fact() == other._fact()

    def __hash__(self) -> int:
        return hash(self._fact())

    def _fact(self) -> tuple[object, ...]:
        return (type(self), *(value for name, value in self.__dict__.items() if name != "because"))


def shell(*words: object) -> str:
    """Words as a shell command, quoted where they have to be."""
    return shlex.join(str(word) for word in words)


def ip(netns: str | None, *words: object) -> str:
    """An `ip` command, in a namespace or on the host."""
    return shell("ip", *(("-n", netns) if netns else ()), *words)


def inside(netns: str | None, *words: object) -> str:
    """A command run in a namespace or on the host."""
    return shell(*(("ip", "netns", "exec", netns) if netns else ()), *words)


def link_of(netns: str | None, dev: str) -> str:
    """The thing that facts of an interface hang on: the interface, or for a loopback its namespace."""
    if dev == "lo":
        return f"netns/{netns}"
    return f"link/{dev}@{netns}" if netns else f"link/{dev}"
