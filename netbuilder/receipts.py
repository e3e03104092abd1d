"""Receipts: what was done for each unit, and what follows from it for what is asked for now.

Taking back walks receipts backwards; what a unit's plan does not have any more is stale, and goes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, NamedTuple

from netbuilder.plan import Plan
from netbuilder.state import State
from netbuilder.steps import AddNamespace, AttachNamespace, Step, TakeBack
from netbuilder.units import ORDER, Key, Unit, whole

STALE = "not asked for any more, or not like this: it goes first"
BROKEN = "broken beyond mending: it goes first, and is made again below"


class Receipt(NamedTuple):
    """A step that was done, and what must be remembered to take it back exactly."""

    step: Step
    before: str | None

    def to_json(self) -> dict[str, Any]:
        """The receipt as a JSON object."""
        return {**self.step.as_json(why=False), "before": self.before}

    @classmethod
    def from_json(cls, item: dict[str, Any]) -> Receipt:
        """The receipt that `to_json` wrote."""
        before = item.pop("before")
        return cls(Step.from_json(item), before)

    def take_back(self, why: str) -> TakeBack:
        """The step that takes it back."""
        return TakeBack(undone=self.step, was=self.before, because=why)


Receipts = dict[Key, list[Receipt]]


def new(missing: Plan, had: list[Receipt] | None, state: State) -> list[Receipt]:
    """What to remember of steps that are about to be done; a step of ours that is done again is no new one."""
    ours = {receipt.step for receipt in had} if had else ()
    return [Receipt(step, step.before(state)) for step in missing if step not in ours]


def stale(unit: Unit, had: list[Receipt] | None) -> list[Receipt]:
    """What was done for an earlier form of a unit and is no part of this one; if it was in another room, all of it."""
    wanted = set(unit.plan) if had else ()
    gone = [receipt for receipt in had or () if receipt.step not in wanted]
    moved = any(isinstance(receipt.step, AddNamespace | AttachNamespace) for receipt in gone)
    return list(had or ()) if moved else gone


def merged(unit: Unit, had: list[Receipt], more: list[Receipt]) -> list[Receipt]:
    """All receipts of a unit in the order of its plan; the first one of a step remembers what was there before us."""
    first = {receipt.step: receipt for receipt in reversed([*had, *more])}
    return [first[step] for step in unit.plan if step in first]


def waves(receipts: Receipts) -> list[list[Receipt]]:
    """What is taken back together, backwards; less what ends with a thing that is taken back too."""
    made = {thing for part in receipts.values() for receipt in part for thing in receipt.step.makes()}
    by_kind = [[one for key, part in receipts.items() if key.kind == kind for one in reversed(part)] for kind in ORDER]
    return [[one for one in wave if one.step.hangs_on() not in made] for wave in reversed(by_kind)]


def of(steps: set[Step], had: Receipts) -> Receipts:
    """The receipts of some steps."""
    return {key: [receipt for receipt in part if receipt.step in steps] for key, part in had.items()}


def forecast(units: list[Unit], had: Receipts, state: State) -> Plan:
    """What making units stand comes to: what goes first, and what is missing then.

    Args:
        units: What is asked for.
        had: The receipts of those that stand already.
        state: The answers to the questions of both.
    """
    old = {unit.key: stale(unit, had[unit.key]) for unit in units}
    kept = {key: [receipt for receipt in part if receipt not in old[key]] for key, part in had.items()}
    plan = whole(units)
    broken = of(plan.broken(state), kept)
    going = [receipt.take_back(STALE) for receipt in chain(*waves(old)) if receipt.step.remains(state)]
    going += [receipt.take_back(BROKEN) for receipt in chain(*waves(broken))]
    gone = {step.undone for step in going}
    things = {thing for step in gone for thing in step.makes()}
    missing = []
    for step in plan:
        if step in gone or step.hangs_on() in things:
            things.update(step.makes())
            missing.append(step)
        elif not step.holds(state):
            missing.append(step)
    return Plan((*going, *missing))


def turned(steps: Iterable[Step]) -> set[int]:
    """The UDP ports of the host that lead elsewhere by these steps."""
    return {port for step in steps if (port := step.turns())}
