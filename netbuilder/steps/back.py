"""Taking back is a step too: what an earlier form of a spec left goes, and what is broken, before the rest is done."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_serializer, field_validator

from netbuilder.state import Question, State
from netbuilder.steps.base import Kernel, Step


class TakeBack(Step):
    """Undo a step that was done, with what was remembered then."""

    undone: Step
    was: Annotated[str, Field(pattern=r"^[0-9\t -]*$")] | None = None

    def command(self) -> str:
        """See the step."""
        return self.undone.undo_command(self.was)

    def undo_command(self, before: str | None) -> str:
        """See the step."""
        return self.undone.command()

    def asks(self) -> tuple[Question, ...]:
        """What the step asks."""
        return self.undone.asks()

    def holds(self, state: State) -> bool:
        """Whether nothing of it is left."""
        return not self.undone.remains(state)

    def do(self, kernel: Kernel) -> None:
        """Undo the step."""
        self.undone.undo(kernel, self.was)

    def undo(self, kernel: Kernel, before: str | None) -> None:
        """Do the step again."""
        self.undone.do(kernel)

    @field_serializer("undone")
    def _with_its_kind(self, step: Step) -> dict[str, Any]:
        return step.as_json()

    @field_validator("undone", mode="before")
    @classmethod
    def _of_its_kind(cls, step: Any) -> Any:
        return Step.from_json(step) if isinstance(step, dict) else step
