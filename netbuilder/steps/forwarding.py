"""That the host passes on what is for others, and who else has it do so (ip-sysctl: forwarding)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from netbuilder.steps.base import Kernel, Step, inside
from netbuilder.steps.state import Query, State, SysctlOf

IP_FORWARD = "net/ipv4/ip_forward"
# The kernel sets this one along with it: a router believes no redirects (ip-sysctl: accept_redirects).
ACCEPT_REDIRECTS = "net/ipv4/conf/all/accept_redirects"

NAT = ":nat"
"""Rules of somebody else's that translate; no interface has such a name."""

UNKNOWN = "-"
FORWARDING_ALONE = r"(?::nat|[A-Za-z0-9_.@+~-]{1,15})"
"""What is remembered of those that forward by themselves: NAT, and plain names of interfaces."""


@dataclass(frozen=True, slots=True)
class ForwardingAlone(Query[tuple[str, ...]]):
    """What is set up to be forwarded though the host does not (ip_forward is 0); nothing where it does.

    The interfaces whose own setting is on, "default" if that of new ones is, and NAT if somebody's rules translate
    what is forwarded.
    """

    absent: ClassVar[Any] = ()


@dataclass(frozen=True, slots=True)
class ReliantOnForwarding(Query[tuple[str, ...]]):
    """What needs the host to forward: the bridges that have an IPv4 address, and NAT."""

    absent: ClassVar[Any] = ()


@dataclass(frozen=True, slots=True)
class NotForwarding(Query[tuple[str, ...]]):
    """The interfaces that do not forward what comes in by them, though they have an IPv4 address and the host does."""

    absent: ClassVar[Any] = ()
    but: frozenset[str]


class EnableForwarding(Step):
    """Let the host pass on packets that are for others: without it nothing passes from a bridge to the outside.

    The kernel sets the same for each interface along with it, both ways. So what is remembered is which of them did
    forward by themselves (ForwardingAlone), after ACCEPT_REDIRECTS.
    """

    kind = "Forward"
    overwrites = True

    def subject(self) -> str:
        return f"sysctl/{IP_FORWARD}"

    def command(self) -> str:
        return inside(None, "sysctl", "-q", "-w", f"{IP_FORWARD}=1")

    def queries(self) -> tuple[Query[Any], ...]:
        return (SysctlOf(None, IP_FORWARD), SysctlOf(None, ACCEPT_REDIRECTS), ForwardingAlone())

    def holds(self, state: State) -> bool:
        return state[SysctlOf(None, IP_FORWARD)] == "1"

    def before(self, state: State) -> str:
        redirects = state[SysctlOf(None, ACCEPT_REDIRECTS)] or UNKNOWN
        return " ".join((redirects, *(one for one in state[ForwardingAlone()] if re.fullmatch(FORWARDING_ALONE, one))))

    def do(self, kernel: Kernel) -> None:
        kernel.write_sysctl(None, IP_FORWARD, "1")

    def undo_command(self, before: str | None) -> str:
        settings = _before_forwarding(before)
        ignore = ["-e"] if settings.keys() - {ACCEPT_REDIRECTS} else []  # an interface may be gone by now
        words = (f"{key}={value}" for key, value in ({IP_FORWARD: "0"} | settings).items())
        return inside(None, "sysctl", "-q", *ignore, "-w", *words)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.write_sysctl(None, IP_FORWARD, "0")
        for key, value in _before_forwarding(before).items():
            kernel.write_sysctl(None, key, value, if_there=True)


def _before_forwarding(before: str | None) -> dict[str, str]:
    """The settings that turning ip_forward off does not put back."""
    redirects, *names = (before or UNKNOWN).split(" ")
    known = {} if redirects == UNKNOWN else {ACCEPT_REDIRECTS: redirects}
    return known | {f"net/ipv4/conf/{name}/forwarding": "1" for name in names if name != NAT}
