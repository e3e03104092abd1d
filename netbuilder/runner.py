"""Makes units stand, and takes them back.

observe -> what is missing -> commit the intent -> do it -> observe again: whatever is still missing is an error.
On an error everything that this call did is taken back, and on a kill the next call does it, from the same receipts.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from itertools import chain

from netbuilder import receipts
from netbuilder.errors import NetbuilderError, StepError, quoted
from netbuilder.kernel.kernel import Kernel
from netbuilder.plan import Plan
from netbuilder.receipts import Receipt, Receipts
from netbuilder.state import State
from netbuilder.steps import Step
from netbuilder.store import Store
from netbuilder.units import Key, Unit, whole

Watch = Callable[[Step], object]


class Runner:
    """Carries out plans on one host, for a caller that holds the store's lock."""

    def __init__(self, kernel: Kernel, store: Store) -> None:
        self.kernel, self.store = kernel, store
        self._begun: list[Step] = []

    def recover(self) -> None:
        """Take back what calls that were killed had begun."""
        unfinished = self.store.unfinished()
        if unfinished:
            self.undo(unfinished)
            self.store.finish()
            self.store.forget()

    def apply(self, units: list[Unit], watch: Watch) -> Plan:
        """Make units stand; returns the steps that were done. `watch` is called with each step ahead of doing it.

        Raises:
            StepError: If the kernel refuses a step.
            NetbuilderError: If a step was done and yet does not hold.
        """
        had = {unit.key: self.store.receipts(unit.key) for unit in units}
        stale = {unit.key: receipts.stale(unit, had[unit.key]) for unit in units}
        kept = {key: ours and [one for one in ours if one not in stale[key]] for key, ours in had.items()}
        new: Receipts = {}
        self._begun = []
        try:
            gone = self.undo(stale, receipts.STALE, watch)
            state = self._clear(units, kept, gone, watch)
            missing = {unit.key: unit.plan.missing(state) for unit in units}
            new = {key: receipts.new(plan, kept[key], state) for key, plan in missing.items()}
            self.store.begin({key: part for key, part in new.items() if part or had[key] is None})
            for unit in units:
                self._do(unit, missing[unit.key], watch)
            self.kernel.forget_flows(receipts.turned(step for plan in missing.values() for step in plan))
        except BaseException as cause:
            self._restore(new, [had[key] or [] for key in stale if stale[key]], cause)
            raise
        self.store.finish(
            new=[unit for unit in units if had[unit.key] is None],
            changed=[
                (unit, receipts.merged(unit, old, new[unit.key]))
                for unit in units
                if (old := kept[unit.key]) is not None
            ],
        )
        return Plan(chain(gone, *missing.values()))

    def forecast(self, units: list[Unit]) -> Plan:
        """What `apply` would do; nothing is touched."""
        had = {unit.key: self.store.receipts(unit.key) or [] for unit in units}
        plan = whole(units)
        questions = {question for part in had.values() for one in part for question in one.step.asks()}
        return receipts.forecast(units, had, self.kernel.observe(plan.questions() | questions, plan.doors()))

    def _clear(self, units: list[Unit], had: dict[Key, list[Receipt] | None], gone: list[Step], watch: Watch) -> State:
        """What stands, once that of ours which is broken beyond doing it again is taken away.

        Raises:
            StepError: If what is in the way is not ours.
        """
        plan = whole(units)
        state = self._look(plan)
        wrong = plan.broken(state)
        if not wrong:
            return state
        broken = receipts.of(wrong, {key: ours or [] for key, ours in had.items()})
        for foreign in wrong - {one.step for ours in broken.values() for one in ours}:
            raise StepError(foreign.command(), errno.EEXIST)
        gone += self.undo(broken, receipts.BROKEN, watch)
        return self._look(plan)

    def _look(self, plan: Plan) -> State:
        return self.kernel.observe(plan.questions(), plan.doors())

    def destroy(self, keys: Iterable[Key]) -> None:
        """Take units back that stand."""
        owed = {key: self.store.receipts(key) or [] for key in keys}
        self.store.begin(owed, strike=True)
        self.undo(owed)
        self.store.finish()

    def undo(self, owed: Receipts, why: str = "", watch: Watch = lambda step: None) -> list[Step]:
        """Walk receipts backwards over what still holds: what was made last goes first, what hangs together at once.

        Returns what was done. An error stops nothing else from being taken back; the first one is raised at the end.
        """
        done, errors = list[Step](), list[Exception]()
        for wave in receipts.waves(owed):
            try:
                done += self._undo_wave(wave, why, watch)
            except (NetbuilderError, OSError):  # of what fails together, the most is gone: the rest goes one by one
                errors += self._undo_singly(wave)
        self.kernel.forget_flows(receipts.turned(receipt.step for part in owed.values() for receipt in part))
        if errors:
            for error in errors[1:]:
                errors[0].add_note(f"then {error}")
            raise errors[0]
        return done

    def _undo_wave(self, wave: list[Receipt], why: str = "", watch: Watch = lambda step: None) -> list[Step]:
        if not wave:
            return []
        state = self.kernel.observe({question for receipt in wave for question in receipt.step.asks()})
        steps: list[Step] = [one.take_back(why) for one in wave if one.step.remains(state)]
        for step in steps:
            watch(step)
            self.kernel.begin(step)
            step.do(self.kernel)
        self.kernel.flush()
        return steps

    def _undo_singly(self, wave: list[Receipt]) -> list[Exception]:
        errors: list[Exception] = []
        self.kernel.forget()
        for receipt in wave:
            try:
                self._undo_wave([receipt])
            except (NetbuilderError, OSError) as error:
                self.kernel.forget()
                errors.append(error)
        return errors

    def _do(self, unit: Unit, missing: Plan, watch: Watch) -> None:
        """One unit: a batch for each namespace, one nftables transaction, and a look at whether it is so."""
        for step in missing:
            watch(step)
            self.kernel.begin(step)
            self._begun.append(step)
            step.do(self.kernel)
        self.kernel.flush()
        if not missing:
            return
        left = unit.plan.missing(self.kernel.observe(unit.plan.questions()))
        if left:
            raise NetbuilderError(
                f"{quoted(left[0].command())} was done and yet is not so ({unit.key.kind} {unit.key.name})",
                "something else on this host changes the network at the same time: find it, and try again",
            )

    def _restore(self, new: Receipts, changed: list[list[Receipt]], cause: BaseException) -> None:
        """After an error: what this call did is taken back, and units that it began to change are as they were.

        What goes wrong here is added to the cause as a note; the next call tries again what is then still owed.
        """
        self.kernel.forget()
        begun = self._begun_anew(cause)
        done = {key: [one for one in part if one.step in begun] for key, part in new.items()}
        try:
            self.store.begin({key: part for key, part in done.items() if part != new[key]})
            try:
                self.undo(done)
            finally:
                for had in changed:
                    self._redo(had)
            self.store.finish()
        except (NetbuilderError, OSError) as error:
            cause.add_note("\n".join((f"taking it back failed too: {error}", *getattr(error, "__notes__", ()))))
        self.store.forget()

    def _redo(self, had: list[Receipt]) -> None:
        plan = Plan(receipt.step for receipt in had)
        for step in plan.missing(self._look(plan)):
            self.kernel.begin(step)
            step.do(self.kernel)
        self.kernel.flush()

    def _begun_anew(self, cause: BaseException) -> set[Step]:
        """The steps that this call may have done: not one that it found done by somebody else."""
        taken = cause.command if isinstance(cause, StepError) and cause.errno == errno.EEXIST else None
        return {step for step in self._begun if taken is None or step.command() != taken}
