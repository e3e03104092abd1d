"""That the host passes on what is for others, and who else has it do so (ip-sysctl: forwarding, accept_ra)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from netbuilder.steps.base import Dev, Kernel, Step, inside
from netbuilder.steps.state import Query, State, SysctlOf

IP_FORWARD = "net/ipv4/ip_forward"
IPV6_FORWARDING = "net/ipv6/conf/all/forwarding"

NAT = ":nat"
"""Rules of somebody else's that translate; no interface has such a name."""

UNKNOWN = "-"
FORWARDING_ALONE = r"(?::nat|[A-Za-z0-9_.@+~-]{1,15})"
"""What is remembered of those that forward by themselves: NAT, and plain names of interfaces."""


@dataclass(frozen=True, slots=True)
class ForwardingAlone(Query[tuple[str, ...]]):
    """What is set up to be forwarded though the host does not; nothing where it does.

    The interfaces whose own setting is on, "default" if that of new ones is, and NAT if somebody's rules translate
    what is forwarded.
    """

    absent: ClassVar[Any] = ()
    version: int = 4


@dataclass(frozen=True, slots=True)
class ReliantOnForwarding(Query[tuple[str, ...]]):
    """What needs the host to forward: the bridges that have an address of a family, and NAT."""

    absent: ClassVar[Any] = ()
    version: int = 4


@dataclass(frozen=True, slots=True)
class NotForwarding(Query[tuple[str, ...]]):
    """The interfaces that do not forward what comes in by them, though they have an IPv4 address and the host does.

    In IPv6 there are none: it goes by the host's setting alone.
    """

    absent: ClassVar[Any] = ()
    but: frozenset[str]


class Forwarding(Step):
    """Let the host pass on packets of a family.

    The kernel sets the same for each interface along with it, both ways. So what is remembered is which of them did
    forward by themselves (ForwardingAlone), after what the setting that changes along was.
    """

    overwrites = True
    version: ClassVar[int]
    switch: ClassVar[str]
    """The setting for all interfaces."""
    along: ClassVar[str | None] = None
    """Another one that the kernel sets with it."""

    def subject(self) -> str:
        return f"sysctl/{self.switch}"

    def command(self) -> str:
        return inside(None, "sysctl", "-q", "-w", f"{self.switch}=1")

    def queries(self) -> tuple[Query[Any], ...]:
        along = (SysctlOf(None, self.along),) if self.along else ()
        return (SysctlOf(None, self.switch), *along, ForwardingAlone(self.version))

    def holds(self, state: State) -> bool:
        return state[SysctlOf(None, self.switch)] == "1"

    def before(self, state: State) -> str:
        along = state[SysctlOf(None, self.along)] if self.along else None
        alone = state[ForwardingAlone(self.version)]
        return " ".join((along or UNKNOWN, *(one for one in alone if re.fullmatch(FORWARDING_ALONE, one))))

    def do(self, kernel: Kernel) -> None:
        kernel.write_sysctl(None, self.switch, "1")

    def undo_command(self, before: str | None) -> str:
        settings = self._settings(before)
        ignore = ["-e"] if settings.keys() - {self.along} else []  # an interface may be gone by now
        words = (f"{key}={value}" for key, value in ({self.switch: "0"} | settings).items())
        return inside(None, "sysctl", "-q", *ignore, "-w", *words)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.write_sysctl(None, self.switch, "0")
        for key, value in self._settings(before).items():
            kernel.write_sysctl(None, key, value, if_there=True)

    def _settings(self, before: str | None) -> dict[str, str]:
        """The settings that turning it off does not put back."""
        along, *names = (before or UNKNOWN).split(" ")
        known = {self.along: along} if self.along and along != UNKNOWN else {}
        return known | {f"net/ipv{self.version}/conf/{name}/forwarding": "1" for name in names if name != NAT}


class EnableForwarding(Forwarding):
    """Let the host pass on IPv4 that is for others: without it nothing passes from a bridge to the outside."""

    kind = "Forward"
    version = 4
    switch = IP_FORWARD
    along = "net/ipv4/conf/all/accept_redirects"  # a router believes no redirects (ip-sysctl: accept_redirects)


class EnableIPv6Forwarding(Forwarding):
    """Let the host pass on IPv6 that is for others.

    A router takes no router advertisements: the kernel drops the routes that it has by them, unless the interface takes
    them all the same (AcceptAdvertisements), which therefore comes first.
    """

    kind = "ForwardIPv6"
    version = 6
    switch = IPV6_FORWARDING


class AcceptAdvertisements(Step):
    """Let an interface take router advertisements though the host forwards: the host keeps its own default route.

    See ip-sysctl, accept_ra: 1 takes them unless the host forwards, 2 always. On an interface that is gone there is
    nothing to do; "default" is what new ones get.
    """

    kind = "AcceptAdvertisements"
    overwrites = True

    dev: Dev

    def subject(self) -> str:
        return f"sysctl/{self._key()}"

    def command(self) -> str:
        return self._write("2")

    def queries(self) -> tuple[Query[Any], ...]:
        return (SysctlOf(None, self._key()),)

    def holds(self, state: State) -> bool:
        return state[SysctlOf(None, self._key())] in ("2", None)

    def before(self, state: State) -> str:
        return state[SysctlOf(None, self._key())] or "1"

    def do(self, kernel: Kernel) -> None:
        kernel.write_sysctl(None, self._key(), "2", if_there=True)

    def undo_command(self, before: str | None) -> str:
        return self._write(before or "1")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.write_sysctl(None, self._key(), before or "1", if_there=True)

    def _key(self) -> str:
        return f"net/ipv6/conf/{self.dev}/accept_ra"

    def _write(self, value: str) -> str:
        return inside(None, "sysctl", "-q", "-e", "-w", f"{self._key()}={value}")
