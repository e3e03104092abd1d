"""Firewall rules: one fixed table, and the elements that networks and endpoints add to its sets and maps."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from netbuilder import firewall
from netbuilder.state import ElementOf, Question, State, TableOf
from netbuilder.steps.base import Kernel, Step, shell

# No brace, semicolon, newline or backslash: an element cannot end itself and begin another command.
ElementText = Annotated[str, Field(pattern=r'^[A-Za-z0-9_."/ -]*$', max_length=100)]


class AddTable(Step):
    """Hang up the rules: a table of our own, whose rules never change; all that varies is in its sets and maps."""

    was_router: bool

    def command(self) -> str:
        """See `nft(8)`."""
        return f"nft -f - <<'EOF'\n{self._text()}EOF"

    def asks(self) -> tuple[Question, ...]:
        """The fixed part of the table."""
        return (TableOf(firewall.NAME),)

    def holds(self, state: State) -> bool:
        """Whether every chain has its rules, in order."""
        return state.table(firewall.NAME) == firewall.outline(self.was_router)

    def remains(self, state: State) -> bool:
        """Whether our table is there, whatever was done to its rules."""
        return firewall.is_ours(state.table(firewall.NAME))

    def is_broken(self, state: State) -> bool:
        """Never: reading the text again mends the rules and keeps the elements."""
        return False

    def do(self, kernel: Kernel) -> None:
        """Add the table."""
        kernel.nft(self._text())

    def undo_command(self, before: str | None) -> str:
        """See `nft(8)`."""
        return shell("nft", f"delete table {firewall.TABLE}")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Delete the table and everything in it."""
        kernel.nft(f"delete table {firewall.TABLE}")

    def makes(self) -> tuple[str, ...]:
        """The table."""
        return ("table",)

    def _text(self) -> str:
        return firewall.ruleset(self.was_router)


class AddElement(Step):
    """Put one entry on a list that the rules look things up in; no rule is added, and none gets slower."""

    set: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    key: ElementText
    data: ElementText = ""

    def command(self) -> str:
        """See `nft(8)`, under elements."""
        entry = f"{self.key} : {self.data}" if self.data else self.key
        return shell("nft", f"add element {firewall.TABLE} {self.set} {{ {entry} }}")

    def asks(self) -> tuple[Question, ...]:
        """The element."""
        return (ElementOf(self.set, self.key),)

    def holds(self, state: State) -> bool:
        """Whether it is there, with the same data."""
        return state.element(self.set, self.key) == self.data

    def remains(self, state: State) -> bool:
        """Whether the key is there, whatever was done to its data."""
        return state.element(self.set, self.key) is not None

    def do(self, kernel: Kernel) -> None:
        """Add it; the kernel refuses a key that is there with other data."""
        kernel.add_element(self.set, self.key, self.data)

    def undo_command(self, before: str | None) -> str:
        """See `nft(8)`, under elements."""
        return shell("nft", f"delete element {firewall.TABLE} {self.set} {{ {self.key} }}")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Delete it."""
        kernel.delete_element(self.set, self.key)

    def hangs_on(self) -> str:
        """The table."""
        return "table"

    def turns(self) -> int | None:
        """The port, if this is one and UDP's."""
        *_, protocol, port = ("", *self.key.split(" . "))
        return int(port) if protocol == "udp" else None
