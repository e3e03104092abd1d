"""Carries changes out, and takes back what was done.

undo what goes -> commit the intent -> do what is missing -> look again: whatever is still missing is an error.
On an error everything that this call did is taken back, and on a kill the next call does it, from the same records.

What goes needs no intent: it is on record until all is done, and the next call sees that it is gone. An intent ahead of
it would have what still stands taken back after a kill, where the step in its place is about the same element.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterable, Mapping

from netbuilder.engine import forwarding
from netbuilder.engine.announcements import announcements
from netbuilder.engine.flows import stale_after, stale_once_undone
from netbuilder.engine.removal import Batches, Records, batches
from netbuilder.engine.store import Store
from netbuilder.engine.transition import Standing, Transition
from netbuilder.errors import NetbuilderError, StepError, printable, quoted
from netbuilder.kernel.kernel import Kernel
from netbuilder.recipes.units import Key, Unit, whole
from netbuilder.steps import ExchangeTable, Plan, StaleFlows, Step, Undo, UndoRecord
from netbuilder.steps.forwarding import ReliantOnForwarding
from netbuilder.steps.state import State, SysctlOf

_log = logging.getLogger("netbuilder")

Watch = Callable[[Step], object]


class Executor:
    """Carries changes out on one host, for a caller that holds its lock."""

    def __init__(self, kernel: Kernel, store: Store) -> None:
        self.kernel, self.store = kernel, store
        self._begun: list[Step] = []

    def recover(self) -> None:
        """Take back what calls that were killed had begun."""
        unfinished = self.store.unfinished()
        if unfinished:
            self.undo(unfinished)
            self.store.finish()

    def carry_out(self, units: list[Unit], stood: Mapping[Key, Standing], transition: Transition, watch: Watch) -> None:
        """Make units stand. `watch` is called with each step ahead of doing it.

        Raises:
            StepError: If the kernel refuses a step.
            NetbuilderError: If a step was done and yet does not hold.
        """
        self._begun = []
        new: Records = {}
        try:
            for batch in transition.removals:
                self._do(batch, watch)
            new = {key: part for key, part in transition.intents.items() if part or key not in stood}
            self.store.begin(new)
            for group in _groups(units):
                self._add(group, transition.additions, watch)
            self.kernel.forget_flows(stale_after(units, stood, transition, self.store.allocations()))
            for one in announcements(units, transition):
                self.kernel.announce(one.bridge, one.address, one.mac, one.tells_host)
            made = [(unit, transition.records[unit.key]) for unit in units]
            made = [(unit, part) for unit, part in made if stood.get(unit.key) != (unit.resolved, part)]
            if made or new:
                self.store.finish(made)
        except BaseException as cause:
            self._restore(new, {key: stood[key].records for key in stood if key in transition.touched}, cause)
            raise

    def undo(self, owed: Records) -> list[tuple[Key, Undo]]:
        """Walk records backwards over what still holds; what hangs together goes at once.

        Returns what was done. An error stops nothing else from being taken back; the first one is raised at the end.
        """
        done, errors = list[tuple[Key, Undo]](), list[Exception]()
        owed = self._spare_forwarding(owed)
        walk, state = self._look(batches(owed))
        things = (one.step for part in owed.values() for one in part if one.step.provides())
        if not all(step.is_present(state) for step in things):  # what is not there takes nothing along
            walk, state = self._look(batches(owed, state=state))
        for batch in walk:
            undos = [(key, one.undo("")) for key, one in batch if one.step.is_present(state)]
            try:
                self._do([undo for _, undo in undos])
            except (NetbuilderError, OSError):  # of what fails together, the most is gone: the rest goes one by one
                errors += self._undo_singly([one for _, one in batch])
            done += undos
        self.kernel.forget_flows(stale_once_undone(owed))
        if errors:
            for error in errors[1:]:
                errors[0].add_note(f"then {error}")
            raise errors[0]
        return done

    def _spare_forwarding(self, owed: Records) -> Records:
        for step in forwarding.turned_off(owed):
            query, switch = ReliantOnForwarding(step.version), SysctlOf(None, step.switch)
            state = self.kernel.observe([query, switch])
            others = forwarding.reliant(owed, state[query], step)
            if others and state[switch] == "1":
                key = step.switch.replace("/", ".")
                _log.warning(
                    "forwarding stays on (%s=1), as others rely on it by now: %s; if they do not: sysctl -w %s=0",
                    key,
                    printable(", ".join(others)),
                    key,
                )
                owed = forwarding.left_on(owed, step)
        return owed

    def _look(self, walk: Batches) -> tuple[Batches, State]:
        return walk, self.kernel.observe({query for batch in walk for _, one in batch for query in one.step.queries()})

    def _undo_singly(self, batch: list[UndoRecord]) -> list[Exception]:
        errors: list[Exception] = []
        self.kernel.forget()
        for record in batch:
            try:
                if record.step.is_present(self.kernel.observe(record.step.queries())):
                    self._do([record.undo("")])
            except (NetbuilderError, OSError) as error:
                self.kernel.forget()
                errors.append(error)
        return errors

    def _add(self, group: list[Unit], additions: Mapping[Key, Plan], watch: Watch) -> None:
        """What is missing of some units, and a look at whether it is so."""
        changed = [unit for unit in group if additions[unit.key]]
        if not changed:
            return
        for unit in changed:
            self._queue(additions[unit.key], watch)
        self.kernel.flush()
        plan = whole(changed)
        left = plan.missing(self.kernel.observe(plan.queries()))
        if left:
            raise NetbuilderError(
                f"{quoted(left[0].command())} was done and yet is not so",
                "something else on this host changes the network at the same time: find it, and try again",
            )

    def _do(self, steps: Iterable[Step], watch: Watch = lambda step: None) -> None:
        self._queue(steps, watch)
        self.kernel.flush()

    def _queue(self, steps: Iterable[Step], watch: Watch) -> None:
        for step in steps:
            watch(step)
            self.kernel.begin(step)
            self._begun.append(step)
            step.do(self.kernel)

    def _restore(self, new: Records, changed: Records, cause: BaseException) -> None:
        """After an error: what this call did is taken back, and units that it began to change are as they were.

        What goes wrong here is added to the cause as a note; the next call tries again what is then still owed.
        """
        self.kernel.forget()
        begun = self._begun_by_us(cause)
        done = {key: [one for one in part if one.step in begun] for key, part in new.items()}
        try:
            try:
                self.store.begin({key: part for key, part in done.items() if part != new[key]})
                self.undo(done)
            finally:
                self._redo([one.step for part in changed.values() for one in part])
            self.store.finish()
        except (NetbuilderError, OSError) as error:
            cause.add_note("\n".join((f"taking it back failed too: {error}", *getattr(error, "__notes__", ()))))

    def _redo(self, steps: list[Step]) -> None:
        plan = Plan(steps)
        missing = plan.missing(self.kernel.observe(plan.queries(), plan.namespace_paths()))
        for step in missing:
            self.kernel.begin(step)
            step.do(self.kernel)
        self.kernel.flush()
        self.kernel.forget_flows(StaleFlows(done=missing))

    def _begun_by_us(self, cause: BaseException) -> set[Step]:
        """The steps that this call may have done: not one that it found done by somebody else."""
        by_another = cause.step if isinstance(cause, StepError) and cause.errno == errno.EEXIST else None
        begun = {step for step in self._begun if step != by_another}
        for step in tuple(begun):
            if isinstance(step, ExchangeTable):
                begun.update((*step.elements, step.table()))
        return begun


def _groups(units: list[Unit]) -> list[list[Unit]]:
    """What is done together: what all networks share and the networks; then each sandbox, as it is another namespace;
    with the last of them what ports share."""
    groups: list[list[Unit]] = []
    for unit in units:
        kind = unit.key.kind
        if groups and (kind == "localnet" or (kind == "network" and groups[-1][0].key.kind != "sandbox")):
            groups[-1].append(unit)
        else:
            groups.append([unit])
    return groups
