"""Settings of the kernel's network stack, under /proc/sys. See `sysctl(8)`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from netbuilder.spec.fields import Name
from netbuilder.steps.base import Kernel, Step, inside
from netbuilder.steps.state import Query, State, SysctlOf

Key = Annotated[str, Field(pattern=r"^net(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$")]

IP_FORWARD = "net/ipv4/ip_forward"
# The kernel sets this one along with it: a router believes no redirects (ip-sysctl: accept_redirects).
ACCEPT_REDIRECTS = "net/ipv4/conf/all/accept_redirects"

_NEW = {"net/ipv4/ip_unprivileged_port_start": "1024", "net/ipv4/ping_group_range": "1 0"}
"""What a new namespace has of the settings that are written here; a new interface has 0 of all of them."""


class EnableForwarding(Step):
    """Let the host pass on packets that are for others: without it nothing passes from a bridge to the outside."""

    kind = "Forward"
    overwrites = True

    def subject(self) -> str:
        return f"sysctl/{IP_FORWARD}"

    def command(self) -> str:
        return inside(None, "sysctl", "-q", "-w", f"{IP_FORWARD}=1")

    def queries(self) -> tuple[Query[Any], ...]:
        return (SysctlOf(None, IP_FORWARD), SysctlOf(None, ACCEPT_REDIRECTS))

    def holds(self, state: State) -> bool:
        return state[SysctlOf(None, IP_FORWARD)] == "1"

    def before(self, state: State) -> str:
        return state[SysctlOf(None, ACCEPT_REDIRECTS)] or ""

    def do(self, kernel: Kernel) -> None:
        kernel.write_sysctl(None, IP_FORWARD, "1")

    def undo_command(self, before: str | None) -> str:
        settings = [f"{IP_FORWARD}=0", *([f"{ACCEPT_REDIRECTS}={before}"] if before else [])]
        return inside(None, "sysctl", "-q", "-w", *settings)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.write_sysctl(None, IP_FORWARD, "0")
        if before:
            kernel.write_sysctl(None, ACCEPT_REDIRECTS, before)


class SetSysctl(Step):
    """Set a sysctl of a network namespace; each has its own. With slashes, a dot in an interface's name stays a dot."""

    kind = "SetSysctl"
    overwrites = True

    netns: Name | None = None
    key: Key
    value: Annotated[str, Field(pattern=r"^[0-9]+( [0-9]+)*$")]

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
