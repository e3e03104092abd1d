"""What is undone together, and in which order: for all that goes, in whatever call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netbuilder.engine.report import Change, Changes
from netbuilder.recipes.units import ORDER, Key
from netbuilder.steps import Plan, Step, UndoRecord
from netbuilder.steps.state import State, Thing, is_part_of

Records = Mapping[Key, list[UndoRecord]]
"""What was done for each unit, in the order in which it was done."""

Batches = list[list[tuple[Key, UndoRecord]]]
"""What is undone, each batch as a whole before the next."""


def batches(records: Records, gone: Iterable[Thing] = (), state: State | None = None) -> Batches:
    """What is undone together, in order: backwards; less what goes along with a thing that is undone too.

    Where `state` is known, only what is there in it takes anything along. Taking back is bulk work: many links go as
    one group, many elements in one transaction.
    """
    made = (one.step for part in records.values() for one in part if one.step.provides())
    going = (step for step in made if state is None or step.is_present(state))
    things = {thing for step in going for thing in step.provides()}.union(gone)
    by_kind = (
        [(key, one) for key, part in records.items() if key.kind == kind for one in reversed(part)]
        for kind in reversed(ORDER)
    )
    return [[pair for pair in batch if not _goes_along(pair[1].step, things)] for batch in by_kind]


def _goes_along(step: Step, things: set[Thing]) -> bool:
    return not step.provides() and is_part_of(step.queries(), things)


def taken_back(owed: Records, done: Iterable[tuple[Key, Step]]) -> Changes:
    """What a call took back of what it owed, unit by unit."""
    done = list(done)
    steps: dict[Key, list[Step]] = {key: [] for key in owed}
    for key, step in done:
        steps[key].append(step)
    keys = (key for kind in ("sandbox", "network") for key in reversed(list(owed)) if key.kind == kind)
    gone = (Change(*key, "removed", Plan(steps[key])) for key in keys)
    return Changes(Plan(step for _, step in done), tuple(gone))
