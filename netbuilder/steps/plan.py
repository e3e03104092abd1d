"""A Plan is a tuple of Steps. Printing it, running it, diffing it and taking it back are all walks over that tuple."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from netbuilder.steps.base import Step
from netbuilder.steps.namespace import AttachNamespace
from netbuilder.steps.state import Query, State


class Plan(tuple[Step, ...]):
    """Steps in the order a person would type them."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.script()

    def __repr__(self) -> str:
        return f"<Plan: {len(self)} step{'' if len(self) == 1 else 's'}>"

    def __add__(self, other: Iterable[Step]) -> Plan:  # type: ignore[override]
        return Plan((*self, *other))

    def queries(self) -> set[Query[Any]]:
        """Everything that `missing` needs answers to."""
        return {query for step in self for query in step.queries()}

    def namespace_paths(self) -> dict[str, str]:
        """Where to look into namespaces that are adopted, as long as they have no pin: the path of each by its name."""
        return {step.name: step.path for step in self if isinstance(step, AttachNamespace)}

    def missing(self, state: State) -> Plan:
        """The steps that do not hold: what is left to do."""
        return Plan(step for step in self if not step.holds(state))

    def script(self) -> str:
        """The plan as a commented shell script that runs as it stands."""
        lines = ["#!/bin/sh", "set -eu"]
        for step in self:
            lines += ["", *(f"# {line}" for line in step.because.splitlines()), step.command()]
        return "\n".join(lines) + "\n"

    def to_json(self) -> str:
        """The plan as JSON: one object a step, with its kind under "step"."""
        return json.dumps([step.as_json() for step in self])

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `to_json` wrote.

        Raises:
            ValueError: If it is not one.
        """
        return cls(Step.from_json(item) for item in json.loads(text))
