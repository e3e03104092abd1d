"""Settings of the kernel's network stack, under /proc/sys. See `sysctl(8)`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from netbuilder.steps.base import Kernel, Step, inside
from netbuilder.steps.state import NAT, ForwardingAlone, Query, State, SysctlOf
from netbuilder.values import Name, matching

Key = Annotated[str, matching(r"net(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")]

IP_FORWARD = "net/ipv4/ip_forward"
# The kernel sets this one along with it: a router believes no redirects (ip-sysctl: accept_redirects).
ACCEPT_REDIRECTS = "net/ipv4/conf/all/accept_redirects"

UNKNOWN = "-"
FORWARDING_ALONE = r"(?::nat|[A-Za-z0-9_.@+~-]{1,15})"
"""What is remembered of those that forward by themselves: NAT, and plain names of interfaces."""

_NEW = {"net/ipv4/ip_unprivileged_port_start": "1024", "net/ipv4/ping_group_range": "1 0"}
"""What a new namespace has of the settings that are written here; a new interface has 0 of all of them."""


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


class SetSysctl(Step):
    """Set a sysctl of a network namespace; each has its own. With slashes, a dot in an interface's name stays a dot."""

    kind = "SetSysctl"
    overwrites = True

    netns: Name | None = None
    key: Key
    value: Annotated[str, matching(r"[0-9]+( [0-9]+)*")]

    def subject(self) -> str:
        return f"sysctl/{self.key}@{self.netns}"

    def command(self) -> str:
        return self._write(self.value)

    def queries(self) -> tuple[Query[Any], ...]:
        return (SysctlOf(self.netns, self.key),)

    def holds(self, state: State) -> bool:
        return state[SysctlOf(self.netns, self.key)] == self.value

    def before(self, state: State) -> str:
        return state[SysctlOf(self.netns, self.key)] or self._new()

    def do(self, kernel: Kernel) -> None:
        kernel.write_sysctl(self.netns, self.key, self.value)

    def undo_command(self, before: str | None) -> str:
        return self._write(before or self._new())

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.write_sysctl(self.netns, self.key, before or self._new())

    def _new(self) -> str:
        return _NEW.get(self.key, "0")

    def _write(self, value: str) -> str:
        return inside(self.netns, "sysctl", "-q", "-w", f"{self.key}={value}")
