"""What a call starts from, and what it has to do: the values on both sides of the comparison in `changes`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import eq
from typing import Any, NamedTuple

from netbuilder.engine.report import Changes
from netbuilder.recipes.units import Key, ResolvedUnit, Unit
from netbuilder.steps import AddNamespace, AttachNamespace, Plan, Step, Undo, UndoRecord
from netbuilder.steps.state import Query, State, is_part_of, netns_thing


class Standing(NamedTuple):
    """A unit that stands because of us: what it was resolved to, and what was done for it."""

    resolved: ResolvedUnit
    records: list[UndoRecord]


@dataclass(frozen=True)
class Transition:
    """What has to be done, and what to remember of it.

    Args:
        removals: What is undone first, in batches: each is done as a whole before the next.
        additions: What is done then for each unit, in order.
        intents: For each unit, how to take back what is done for it; stored before any of it is done.
        records: For each unit, what to remember once all is done.
        touched: The units that stand and of which something is undone or replaced.
        changes: The same, as it is reported.
    """

    removals: list[list[Undo]]
    additions: dict[Key, Plan]
    intents: dict[Key, list[UndoRecord]]
    records: dict[Key, list[UndoRecord]]
    touched: set[Key]
    changes: Changes


def moving(units: Iterable[Unit], stood: Mapping[Key, Standing], state: State) -> list[Unit]:
    """The units that stand and move to another namespace."""
    return [unit for unit in units if unit.key in stood and _moves(unit, stood[unit.key].records, state)]


def _moves(unit: Unit, records: list[UndoRecord], state: State) -> bool:
    wanted = {step.subject(): step for step in unit.plan[:1]}
    if any(not gives_way(pin, wanted, state) for pin in other_pins(unit, records)):
        return True
    attached = (step for step in unit.plan[:1] if isinstance(step, AttachNamespace))
    return any(step.is_present(state) and not step.holds(state) for step in attached)  # its path leads elsewhere now


def other_pins(unit: Unit, records: list[UndoRecord]) -> list[Step]:
    """The namespace that was made or attached for a unit, where it is not the one that its plan has."""
    pins = (one.step for one in records if isinstance(one.step, AddNamespace | AttachNamespace))
    return [pin for pin in pins if pin not in unit.plan[:1]]


def still_ours(unit: Unit, records: list[UndoRecord], state: State) -> list[UndoRecord]:
    """What was done for a unit; less what was inside a namespace that somebody exchanged for the wanted one."""
    exchanged = [pin for pin in other_pins(unit, records) if isinstance(pin, AddNamespace) or not pin.holds(state)]
    if not exchanged:
        return records
    inside = {netns_thing(unit.key.name)}
    return [
        one
        for one in records
        if one.step in exchanged or one.step.provides() or not is_part_of(one.step.queries(), inside)
    ]


def gives_way(step: Step, wanted: Mapping[str, Step], state: State) -> bool:
    """Whether a step that was done need not be undone, as another takes its place, or has taken it already."""
    other = wanted.get(step.subject())
    return other is not None and (other.overwrites or step.gives_way_to(other, state))


def not_wanted(unit: Unit, records: list[UndoRecord]) -> list[Step]:
    """What was done for a unit and is no part of its plan."""
    steps = [one.step for one in records]
    if len(steps) == len(unit.plan) and all(map(eq, steps, unit.plan)):
        return []  # as for all that stands and is asked for again
    wanted = set(unit.plan)
    return [step for step in steps if step not in wanted]


def queries(units: Iterable[Unit], stood: Mapping[Key, Standing]) -> set[Query[Any]]:
    """All that has to be known of the kernel to compare what is wanted with what was done."""
    asked: set[Query[Any]] = set()
    for unit in units:
        asked |= unit.plan.queries()
        for step in not_wanted(unit, stood[unit.key].records) if unit.key in stood else ():
            asked.update(step.queries())
    return asked
