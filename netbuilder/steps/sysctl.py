"""Settings of the kernel's network stack, under /proc/sys. See `sysctl(8)`."""

from __future__ import annotations

from typing import Annotated, Any

from netbuilder.steps.base import Kernel, Step, inside
from netbuilder.steps.state import Query, State, SysctlOf
from netbuilder.values import Name, matching

Key = Annotated[str, matching(r"net(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")]
VALUE = r"[A-Za-z0-9_.,:+-]+(?: [A-Za-z0-9_.,:+-]+)*"
"""Numbers, names such as cubic, and lists: words that mean nothing to a shell."""
Value = Annotated[str, matching(rf"(?=.{{1,4096}}$){VALUE}")]

_NEW = {"net/ipv4/ip_unprivileged_port_start": "1024", "net/ipv4/ping_group_range": "1 0"}
"""What a new namespace has of the settings that are written here; a new interface has 0 of all of them."""


class SetSysctl(Step):
    """Set a sysctl of a network namespace; each has its own. With slashes, a dot in an interface's name stays a dot."""

    kind = "SetSysctl"
    overwrites = True

    netns: Name | None = None
    key: Key
    value: Value

    def subject(self) -> str:
        return f"sysctl/{self.key}@{self.netns}"

    def command(self) -> str:
        return self._write(self.value)

    def queries(self) -> tuple[Query[Any], ...]:
        return (SysctlOf(self.netns, self.key),)

    def holds(self, state: State) -> bool:
        return state[SysctlOf(self.netns, self.key)] == self.value

    def before(self, state: State) -> str:
        value = state[SysctlOf(self.netns, self.key)]
        return self._new() if value is None else value

    def do(self, kernel: Kernel) -> None:
        kernel.write_sysctl(self.netns, self.key, self.value)

    def undo_command(self, before: str | None) -> str:
        return self._write(self._former(before))

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.write_sysctl(self.netns, self.key, self._former(before))

    def _former(self, before: str | None) -> str:
        return self._new() if before is None else before

    def _new(self) -> str:
        return _NEW.get(self.key, "0")

    def _write(self, value: str) -> str:
        return inside(self.netns, "sysctl", "-q", "-w", f"{self.key}={value}")
