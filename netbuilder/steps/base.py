"""A Step is one fact to make true in the kernel. It has four faces; everything else follows from them.

command()              what a person would type, and undo_command(before), to take it back
holds(state)           is it so already?
do(kernel)             make it so
undo(kernel, before)   take it back

Two steps with the same `subject` are about the same thing and differ in what it is to be: eth0 with one MAC address or
another, port 8088 leading here or there. That is all that is needed to tell what a change has to take back first.
"""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple, Protocol, Self, TypeVar

from netbuilder.errors import shown
from netbuilder.steps.state import Query, State, Thing
from netbuilder.values import Value, fields, matching, plain
from netbuilder.values.addresses import IPAddress, IPInterface, IPNetwork

T = TypeVar("T")


class PlannedRoute(NamedTuple):
    """A route out of an interface: to a subnet, by a router or none; or one by which the subnet is the host's own."""

    dst: IPNetwork
    via: IPAddress | None = None
    metric: int | None = None
    is_local: bool = False


class Kernel(Protocol):
    """What steps ask of the kernel; `netbuilder.kernel.kernel` is the real one. A netns of None is the host's."""

    def add_namespace(self, name: str) -> None:
        """`ip netns add NAME`."""

    def attach_namespace(self, name: str, path: str) -> None:
        """`ip netns attach NAME PID`, for any path."""

    def unpin_namespace(self, name: str) -> None:
        """`ip netns del NAME`: a namespace that nothing else holds goes with its pin."""

    def add_bridge(self, name: str, alias: str) -> None:
        """`ip link add NAME type bridge`, with its alias."""

    def add_veth(self, name: str, bridge: str, peer: str, netns: str, mac: str) -> None:
        """`ip link add NAME master BRIDGE type veth peer name PEER address MAC netns NETNS`."""

    def set_link(
        self,
        netns: str | None,
        name: str,
        *,
        up: bool | None = None,
        mac: str | None = None,
        mtu: int | None = None,
        alias: str | None = None,
        hairpin: bool | None = None,
        isolated: bool | None = None,
        link_local: bool | None = None,
    ) -> None:
        """`ip link set NAME …`."""

    def delete_link(self, name: str) -> None:
        """`ip link del NAME`, on the host; the other end of a veth goes with it."""

    def add_address(self, netns: str | None, dev: str, address: IPInterface) -> None:
        """`ip address add ADDRESS brd + dev DEV`; for IPv6 `nodad` in place of `brd +`."""

    def delete_address(self, netns: str | None, dev: str, address: IPInterface) -> None:
        """`ip address del ADDRESS dev DEV`."""

    def add_route(self, netns: str | None, dev: str, route: PlannedRoute) -> None:
        """`ip route add [local] DST [via VIA] dev DEV [metric METRIC] [table local]`."""

    def delete_route(self, netns: str | None, dev: str, route: PlannedRoute) -> None:
        """`ip route del [local] DST [via VIA] dev DEV [metric METRIC] [table local]`."""

    def set_neighbour(self, netns: str | None, dev: str, address: IPAddress, mac: str) -> None:
        """`ip neigh replace ADDRESS lladdr MAC dev DEV nud permanent`."""

    def delete_neighbour(self, netns: str | None, dev: str, address: IPAddress) -> None:
        """`ip neigh del ADDRESS dev DEV`."""

    def set_offload(self, netns: str | None, dev: str, offload: str, on: bool) -> None:
        """`ethtool -K DEV OFFLOAD on`, or off."""

    def write_sysctl(self, netns: str | None, key: str, value: str, *, if_there: bool = False) -> None:
        """`sysctl -w KEY=VALUE`; with `if_there`, one that is not there is left out."""

    def nft(self, text: str) -> None:
        """`nft -f`: one transaction."""

    def add_element(self, set_: str, key: str, data: str) -> None:
        """`nft add element inet netbuilder SET { KEY : DATA }`."""

    def delete_elements(self, set_: str, keys: Sequence[str]) -> None:
        """`nft delete element …`, those of several that are there."""

    def delete_element(self, set_: str, key: str) -> None:
        """`nft delete element inet netbuilder SET { KEY }`."""


Dev = Annotated[str, matching(r"[A-Za-z0-9_.-]{1,15}")]
"""An interface's name, whoever gave it."""


def _without_zone(value: T) -> T:
    if getattr(value, "scope_id", None):
        raise ValueError("an address is given without a zone (%): which interface it is on is a field of its own")
    return value


# An address of either family, as a field of a step.
Address = Annotated[IPAddress, _without_zone]
Interface = Annotated[IPInterface, _without_zone]


class Step(Value, ABC):
    """One fact to make true in the kernel.

    `because` says why, for the reader; it is no part of the fact, so two steps that differ in it are equal.
    """

    kinds: ClassVar[dict[str, type[Step]]] = {}
    kind: ClassVar[str] = ""
    """The step's name in JSON and in the store. It outlives the class's: what was written is read by later versions."""
    overwrites: ClassVar[bool] = False
    """Whether doing it replaces another step of the same subject, which then need not be undone first."""

    because: str = ""

    def __init_subclass__(cls) -> None:
        """Enter each kind of step under its name, for reading steps back from JSON."""
        if "kind" in cls.__dict__:
            Step.kinds[cls.kind] = cls

    @abstractmethod
    def subject(self) -> str:
        """What the fact is about; two steps of a plan never have the same."""

    @abstractmethod
    def command(self) -> str:
        """What a person would type in a shell; some facts take more than one line."""

    @abstractmethod
    def undo_command(self, before: str | None) -> str:
        """What a person would type to take it back; `before` as for `undo`."""

    @abstractmethod
    def queries(self) -> tuple[Query[Any], ...]:
        """What has to be known of the kernel for `holds`."""

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

    def is_present(self, state: State) -> bool:
        """Whether there is something of ours to take back; a step cut short may leave a part that does not hold."""
        return self.holds(state)

    def traces(self) -> tuple[Query[Any], ...]:
        """What has to be known of the kernel for `is_present`."""
        return self.queries()

    def gives_way_to(self, wanted: Step, state: State) -> bool:
        """Whether a wanted step of the same subject stands in its place already, so that nothing is left to undo."""
        return wanted.holds(state)

    def provides(self) -> tuple[Thing, ...]:
        """The things that come into being by it, and go when it is undone; none for a mere change."""
        return ()

    def undone(self, state: State) -> Mapping[Query[Any], Any]:
        """The answers that will be others once it is undone, besides those about what it provides."""
        return {}

    def as_json(self, why: bool = True) -> dict[str, Any]:
        """The step as a JSON object, its kind under "step"; with or without its `because`, less what is by default."""
        told: dict[str, Any] = {"step": self.kind}
        for name, (_, default) in fields(type(self)).items():
            value = self.__dict__[name]
            if value is not default and value != default and (why or name != "because"):
                told[name] = plain(value)
        return told

    @classmethod
    def from_json(cls, item: Any) -> Self:
        """The step that `as_json` wrote.

        Raises:
            ValueError: If there is no such kind of step, or its fields are not valid.
        """
        if not isinstance(item, dict):
            raise ValueError(f"{shown(str(item))} is no step")
        given = {name: value for name, value in item.items() if name != "step"}
        name = item.get("step")
        kind = Step.kinds.get(name) if isinstance(name, str) else None
        if kind is None:
            raise ValueError(f"there is no kind of step {shown(str(name))}")
        if not issubclass(kind, cls):
            raise ValueError(f"{kind.__name__} is no {cls.__name__}")
        return kind(**given)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Step) and self._fact() == other._fact())

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


def link_name(netns: str | None, dev: str) -> str:
    """An interface as a subject: "link/eth0@web", or "link/docker0" on the host."""
    return f"link/{dev}@{netns}" if netns else f"link/{dev}"
