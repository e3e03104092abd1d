"""Undoing is a step too: what is not asked for any more goes, and what has to be made anew, before the rest is done."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

from netbuilder.steps.base import Kernel, Step
from netbuilder.steps.forwarding import FORWARDING_ALONE
from netbuilder.steps.state import Query, State
from netbuilder.steps.sysctl import VALUE
from netbuilder.values import matching

# A MAC address, what a setting was; or what forwarded by itself, in a word each (Forwarding).
_WAS = re.compile(rf"(?:[0-9a-f:\t -]{{0,40}}|(?:{VALUE})?|[01-](?: {FORWARDING_ALONE}){{1,1000}})")


class Undo(Step):
    """Take back a step that was done, with what was remembered then."""

    kind = "Undo"

    undone_step: Step
    was: Annotated[str, matching(_WAS.pattern)] | None = None

    def subject(self) -> str:
        return self.undone_step.subject()

    def command(self) -> str:
        return self.undone_step.undo_command(self.was)

    def undo_command(self, before: str | None) -> str:
        return self.undone_step.command()

    def queries(self) -> tuple[Query[Any], ...]:
        return self.undone_step.queries()

    def holds(self, state: State) -> bool:
        return not self.undone_step.is_present(state)

    def do(self, kernel: Kernel) -> None:
        self.undone_step.undo(kernel, self.was)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        self.undone_step.do(kernel)


class UndoRecord(NamedTuple):
    """A step that was done, and what must be remembered to take it back exactly."""

    step: Step
    before: str | None

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON object."""
        return {**self.step.as_json(why=False), "before": self.before}

    @classmethod
    def from_json(cls, item: dict[str, Any]) -> UndoRecord:
        """The record that `to_json` wrote.

        Raises:
            ValueError: If it is not one.
        """
        fields = dict(item)
        before = fields.pop("before", None)
        if not isinstance(before, str | None) or (before and not _WAS.fullmatch(before)):
            raise ValueError(f"before: {before!r} is not text that a step can have remembered")
        step = Step.from_json(fields)
        if isinstance(step, Undo):
            raise ValueError("to undo is no step to take back")
        return cls(step, before)

    def undo(self, why: str) -> Undo:
        """The step that takes it back."""
        return Undo(undone_step=self.step, was=self.before, because=why)
