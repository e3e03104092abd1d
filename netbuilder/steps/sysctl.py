"""Settings of the kernel's network stack, under /proc/sys."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from netbuilder.names import Name
from netbuilder.state import Question, State, SysctlOf
from netbuilder.steps.base import Kernel, Step, inside, link_of

_OF_AN_INTERFACE = re.compile(r"net/ipv[46]/conf/([^/]+)/")
Key = Annotated[str, Field(pattern=r"^net(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$")]


ROUTER = "net/ipv4/ip_forward"
# The kernel sets this one along with it: a router believes no redirects (ip-sysctl: accept_redirects).
REDIRECTS = "net/ipv4/conf/all/accept_redirects"


class Forward(Step):
    """Let the host pass on packets that are for others: without it nothing passes from the bridge to the outside."""

    def command(self) -> str:
        """See `sysctl(8)`."""
        return inside(None, "sysctl", "-q", "-w", f"{ROUTER}=1")

    def asks(self) -> tuple[Question, ...]:
        """Whether it does, and what changes with that."""
        return (SysctlOf(None, ROUTER), SysctlOf(None, REDIRECTS))

    def holds(self, state: State) -> bool:
        """Whether it does."""
        return state.sysctl(None, ROUTER) == "1"

    def before(self, state: State) -> str:
        """What it believed when it did not."""
        return state.sysctl(None, REDIRECTS) or ""

    def do(self, kernel: Kernel) -> None:
        """Switch it on."""
        kernel.write_sysctl(None, ROUTER, "1")

    def undo_command(self, before: str | None) -> str:
        """See `sysctl(8)`."""
        settings = [f"{ROUTER}=0", *([f"{REDIRECTS}={before}"] if before else [])]
        return inside(None, "sysctl", "-q", "-w", *settings)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Switch it off, and put back what the kernel changes along with it."""
        kernel.write_sysctl(None, ROUTER, "0")
        if before:
            kernel.write_sysctl(None, REDIRECTS, before)


class SetSysctl(Step):
    """Turn a knob of the network stack; every namespace has its own."""

    netns: Name | None = None
    key: Key
    value: Annotated[str, Field(pattern=r"^[0-9]+$")]

    def command(self) -> str:
        """See `sysctl(8)`; with slashes, so that a dot in an interface's name stays a dot."""
        return inside(self.netns, "sysctl", "-q", "-w", f"{self.key}={self.value}")

    def asks(self) -> tuple[Question, ...]:
        """The setting."""
        return (SysctlOf(self.netns, self.key),)

    def holds(self, state: State) -> bool:
        """Whether it stands at the value."""
        return state.sysctl(self.netns, self.key) == self.value

    def before(self, state: State) -> str | None:
        """The value it had."""
        return state.sysctl(self.netns, self.key)

    def do(self, kernel: Kernel) -> None:
        """Write it."""
        kernel.write_sysctl(self.netns, self.key, self.value)

    def undo_command(self, before: str | None) -> str:
        """See `sysctl(8)`."""
        return inside(self.netns, "sysctl", "-q", "-w", f"{self.key}={before or self.value}")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Write what was there before; a setting that came with a new interface had no value to go back to."""
        if before is not None:
            kernel.write_sysctl(self.netns, self.key, before)

    def hangs_on(self) -> str | None:
        """The interface that it is a setting of, or the namespace."""
        of = _OF_AN_INTERFACE.match(self.key)
        if of and of[1] not in ("all", "default"):
            return link_of(self.netns, of[1])
        return f"netns/{self.netns}" if self.netns else None
