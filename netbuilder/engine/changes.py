"""The one account of change: what has to be done to get from what stands to what is asked for.

`diff` shows it and `apply` carries it out, so that they cannot differ.

Everything follows from comparing, subject by subject, the steps that were done with those that are wanted:

    done and wanted alike             stays; done again if it does not hold any more
    done, and not wanted any more     undone first
    done, and wanted otherwise        undone first; but not where doing the other replaces it (`overwrites`), nor where
                                      the other stands in its place already (`gives_way_to`)
    wanted, there in part             undone and done anew

What goes takes along what is part of it, and a bridge that goes leaves its ports without one. So the state is worked
out as it will be once all that is gone, and what does not hold in that is missing. Nothing here looks at the kernel.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from netbuilder.engine import exchange
from netbuilder.engine.removal import batches
from netbuilder.engine.report import Action, Change, Changes
from netbuilder.engine.transition import Standing, Transition, gives_way, not_wanted, still_ours
from netbuilder.errors import StepError
from netbuilder.recipes.units import FIREWALL, Key, Unit, whole
from netbuilder.steps import Plan, Step, Undo, UndoRecord
from netbuilder.steps.state import TABLE, State, Thing

STALE = "not asked for any more, or not like this: it goes first"
ANEW = "has to be made anew, below: it goes first"


def transition(
    units: list[Unit], stood: Mapping[Key, Standing], state: State, arriving: Mapping[str, State]
) -> Transition:
    """What making units stand comes to.

    Args:
        units: What is asked for.
        stood: Those of them that stand already.
        state: The answers to the queries of both.
        arriving: For each sandbox that moves to another namespace, what that one looks like.

    Raises:
        StepError: With EEXIST, if something is in the way that is not ours to take away.
    """
    return _Comparison(units, stood, state, arriving).result()


@dataclass
class _Comparison:
    """What stands beside what is wanted.

    `going` is what goes, for each unit, and why. `result` fills it; all else is read off the state predicted from it.
    """

    units: list[Unit]
    stood: Mapping[Key, Standing]
    state: State
    arriving: Mapping[str, State]
    going: dict[Key, dict[Step, str]] = field(default_factory=dict)

    @cached_property
    def plan(self) -> Plan:
        """All that is wanted."""
        return whole(self.units)

    @cached_property
    def wanted(self) -> dict[str, Step]:
        """What is wanted of each subject."""
        return {step.subject(): step for step in self.plan}

    @cached_property
    def exchanges(self) -> bool:
        """Whether the firewall table of another version goes, with all its elements."""
        return exchange.is_needed(self.plan, self.state)

    @cached_property
    def done(self) -> dict[Key, list[UndoRecord]]:
        """What was done for each unit that stands."""
        return {unit.key: self._done(unit) for unit in self.units if unit.key in self.stood}

    @cached_property
    def stale(self) -> dict[Key, list[Step]]:
        """What was done for each unit and is no part of it any more."""
        return {unit.key: self._stale(unit) for unit in self.units}

    def result(self) -> Transition:
        """Fill `going`, then read off what goes, what comes, and what to remember."""
        for key, steps in self.stale.items():
            self.going[key] = {step: STALE for step in steps if step.is_present(self.state)}
        predicted, missing = self._missing()
        while anew := self._anew(predicted, missing):
            for key, step in anew:
                self.going[key][step] = ANEW
            predicted, missing = self._missing()
        intents = {key: self._intents(key, plan, predicted) for key, plan in missing.items()}
        records = {unit.key: self._records(unit, intents[unit.key]) for unit in self.units}
        removals = self._removals()
        additions = exchange.folded(missing) if self.exchanges else missing
        return Transition(
            removals=[[undo for _, undo in batch] for batch in removals],
            additions=additions,
            intents=intents,
            records=records,
            touched={key for key, one in self.stood.items() if self.going[key] or records[key] != one.records},
            changes=self._report([pair for batch in removals for pair in batch], additions),
        )

    def _moves(self, key: Key) -> bool:
        return key.kind == "sandbox" and key.name in self.arriving

    def _done(self, unit: Unit) -> list[UndoRecord]:
        records = self.stood[unit.key].records
        return records if self._moves(unit.key) else still_ours(unit, records, self.state)

    # What goes

    def _stale(self, unit: Unit) -> list[Step]:
        """What was done for a unit and is no part of it any more; all of it, if it moves to another namespace."""
        records = self.done.get(unit.key)
        if not records:
            return []
        if self._moves(unit.key):
            return [one.step for one in records]
        return [step for step in not_wanted(unit, records) if not gives_way(step, self.wanted, self.state)]

    def _missing(self) -> tuple[State, dict[Key, Plan]]:
        """The state once all that goes is gone, and what does not hold in it."""
        predicted = self._predicted()
        return predicted, {unit.key: unit.plan.missing(predicted) for unit in self.units}

    def _anew(self, predicted: State, missing: dict[Key, Plan]) -> list[tuple[Key, Step]]:
        """What is there in part, so that it can only be done once it is undone.

        Raises:
            StepError: If it is not ours.
        """
        found = [
            (key, step)
            for key, plan in missing.items()
            for step in plan
            if not step.overwrites and step.is_present(predicted)
        ]
        for key, step in found:
            if all(one.step != step for one in self.done.get(key, [])):
                raise StepError(step.command(), errno.EEXIST, step=step)
        return found

    def _things(self) -> set[Thing]:
        """What goes and takes along what is part of it."""
        things = {thing for steps in self.going.values() for step in steps for thing in step.provides()}
        return things | {TABLE} if self.exchanges else things

    def _predicted(self) -> State:
        """The state as it will be once all that goes is gone, and who moves has arrived."""
        things = self._things()
        if not things and not self.arriving and not any(self.going.values()):
            return self.state
        answers = {
            query: query.absent if things.intersection(query.part_of()) else answer
            for query, answer in self.state.items()
        }
        for steps in self.going.values():
            for step in steps:
                answers.update(step.undone(State(answers)))
        links = {thing for thing in things if thing[0] == "link"}  # they go from there too, if that is the same one
        for there in self.arriving.values():
            for query, answer in there.items():
                if query.inside in self.arriving:
                    answers[query] = query.absent if links.intersection(query.part_of()) else answer
        return State(answers)

    def _removals(self) -> list[list[tuple[Key, Undo]]]:
        records = {
            key: [one for one in records if one.step in self.going.get(key, {})] for key, records in self.done.items()
        }
        return [
            [(key, record.undo(self.going[key][record.step])) for key, record in batch]
            for batch in batches(records, self._things())
        ]

    # What comes, and what is remembered

    def _intents(self, key: Key, missing: Plan, predicted: State) -> list[UndoRecord]:
        """How to take back what is done; a step of ours that is done again is remembered as it is."""
        ours = {one.step for one in self.done.get(key, []) if one.step not in self.stale[key]}
        # A step is compared field by field, which adds up where all is new.
        new = [step for step in missing if step not in ours] if ours else missing
        return [UndoRecord(step, self._before(step, predicted)) for step in new]

    def _before(self, step: Step, predicted: State) -> str | None:
        """What was there before us: what an earlier step of the same subject remembers, if there is one."""
        earlier = self._earlier.get(step.subject()) if step.overwrites and self._earlier else None
        return earlier.before if earlier else step.before(predicted)

    @cached_property
    def _earlier(self) -> dict[str, UndoRecord]:
        """What was done and stays, or gives way to something else about the same subject."""
        return {
            one.step.subject(): one
            for key, records in self.done.items()
            for one in records
            if one.step not in self.going.get(key, {}) and not self._moves(key)
        }

    def _records(self, unit: Unit, intents: list[UndoRecord]) -> list[UndoRecord]:
        """In the order of the plan: what was done is remembered as it was, and so is what took its place."""
        if len(intents) == len(unit.plan):
            return intents
        if unit.key in self.done and not intents and not not_wanted(unit, self.done[unit.key]):
            return self.done[unit.key]
        # Steps may stand in the place of ours: another unit's, or somebody's who ran the script of a diff.
        known = {step: UndoRecord(step, one.before) for step in unit.plan if (one := self._earlier.get(step.subject()))}
        known |= {one.step: one for one in intents}
        known |= {one.step: one for one in self.done.get(unit.key, []) if one.step not in self.stale[unit.key]}
        return [known[step] for step in unit.plan if step in known]

    def _report(self, removals: list[tuple[Key, Undo]], additions: dict[Key, Plan]) -> Changes:
        steps: dict[Key, list[Step]] = {unit.key: [] for unit in self.units}
        for key, undo in removals:
            steps[key].append(undo)
        for key, plan in additions.items():
            steps[key] += plan
        changes = (
            Change(unit.key.kind, unit.key.name, self._action(unit, bool(steps[unit.key])), Plan(steps[unit.key]))
            for unit in self.units
        )
        plan = Plan((*(undo for _, undo in removals), *(step for plan in additions.values() for step in plan)))
        return Changes(plan, tuple(one for one in changes if one.is_reported()))

    def _action(self, unit: Unit, changes: bool) -> Action:
        before = self.stood.get(unit.key)
        if unit.resolved is None:
            return "removed"
        if before is None:
            return "created"
        if before.resolved != unit.resolved or (self.exchanges and unit.key == FIREWALL):
            return "updated"
        return "repaired" if changes else "unchanged"
