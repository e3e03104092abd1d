"""Makes units stand, and takes them back.

observe -> what is missing -> commit the intent -> do it -> observe again: whatever is still missing is an error.
On an error everything that this call did is taken back, and on a kill the next call does it, from the same receipts.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from itertools import chain

from netbuilder.errors import NetbuilderError, StepError, quoted
from netbuilder.kernel.kernel import Kernel
from netbuilder.plan import Plan
from netbuilder.state import State
from netbuilder.steps import AddNamespace, AttachNamespace, Step, TakeBack
from netbuilder.store import Store
from netbuilder.units import ORDER, Key, Receipt, Unit, whole

Receipts = dict[Key, list[Receipt]]
Watch = Callable[[Step], object]

_STALE = "not asked for any more, or not like this: it goes first"
_BROKEN = "broken beyond mending: it goes first, and is made again below"


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
        stale = {unit.key: stale_receipts(unit, had[unit.key]) for unit in units}
        kept = {key: ours and [one for one in ours if one not in stale[key]] for key, ours in had.items()}
        new: Receipts = {}
        self._begun = []
        try:
            gone = self.undo(stale, _STALE, watch)
            state = self._clear(units, kept, gone, watch)
            missing = {unit.key: unit.plan.missing(state) for unit in units}
            new = {key: _receipts(plan, kept[key], state) for key, plan in missing.items()}
            self.store.begin({key: receipts for key, receipts in new.items() if receipts or had[key] is None})
            for unit in units:
                self._do(unit, missing[unit.key], watch)
            self.kernel.forget_flows(_turned(step for plan in missing.values() for step in plan))
        except BaseException as cause:
            self._restore(new, [had[key] or [] for key in stale if stale[key]], cause)
            raise
        self.store.finish(
            new=[unit for unit in units if had[unit.key] is None],
            changed=[
                (unit, _merged(unit, old, new[unit.key])) for unit in units if (old := kept[unit.key]) is not None
            ],
        )
        return Plan(chain(gone, *missing.values()))

    def forecast(self, units: list[Unit]) -> Plan:
        """What `apply` would do: what goes first, and what is missing then. Nothing is touched."""
        had = {unit.key: self.store.receipts(unit.key) or [] for unit in units}
        stale = {unit.key: stale_receipts(unit, had[unit.key]) for unit in units}
        plan = whole(units)
        questions = {question for part in stale.values() for one in part for question in one.step.asks()}
        state = self.kernel.observe(plan.questions() | questions, plan.doors())
        wrong = {step for step in plan if step.is_broken(state)}
        broken = {key: [r for r in part if r.step in wrong and r not in stale[key]] for key, part in had.items()}
        going = [(one, why) for part, why in ((stale, _STALE), (broken, _BROKEN)) for one in chain(*_waves(part))]
        gone = [_back(one, why) for one, why in going if one.step.remains(state)]
        left = {step.undone for step in gone}
        lost = {thing for step in left for thing in step.makes()}
        for step in plan:
            if step in left or step.hangs_on() in lost:
                lost.update(step.makes())
        return Plan((*gone, *(s for s in plan if s in left or s.hangs_on() in lost or not s.holds(state))))

    def _clear(self, units: list[Unit], had: dict[Key, list[Receipt] | None], gone: list[Step], watch: Watch) -> State:
        """What stands, once that of ours which is broken beyond doing it again is taken away.

        Raises:
            StepError: If what is in the way is not ours.
        """
        plan = whole(units)
        state = self.kernel.observe(plan.questions(), plan.doors())
        wrong = {step for step in plan if step.is_broken(state)}
        if not wrong:
            return state
        broken = {key: [one for one in ours or () if one.step in wrong] for key, ours in had.items()}
        for foreign in wrong - {one.step for ours in broken.values() for one in ours}:
            raise StepError(foreign.command(), errno.EEXIST)
        gone += self.undo(broken, _BROKEN, watch)
        return self.kernel.observe(plan.questions(), plan.doors())

    def destroy(self, keys: Iterable[Key]) -> None:
        """Take units back that stand."""
        receipts = {key: self.store.receipts(key) or [] for key in keys}
        self.store.begin(receipts, strike=True)
        self.undo(receipts)
        self.store.finish()

    def undo(self, receipts: Receipts, why: str = "", watch: Watch = lambda step: None) -> list[Step]:
        """Walk receipts backwards over what still holds: what was made last goes first, what hangs together at once.

        Returns what was done. An error stops nothing else from being taken back; the first one is raised at the end.
        """
        done, errors = list[Step](), list[Exception]()
        for wave in _waves(receipts):
            try:
                done += self._undo_wave(wave, why, watch)
            except (NetbuilderError, OSError):  # of what fails together, the most is gone: the rest goes one by one
                errors += self._undo_singly(wave)
        self.kernel.forget_flows(_turned(receipt.step for part in receipts.values() for receipt in part))
        if errors:
            for error in errors[1:]:
                errors[0].add_note(f"then {error}")
            raise errors[0]
        return done

    def _undo_wave(self, wave: list[Receipt], why: str = "", watch: Watch = lambda step: None) -> list[Step]:
        if not wave:
            return []
        state = self.kernel.observe({question for receipt in wave for question in receipt.step.asks()})
        steps: list[Step] = [_back(one, why) for one in wave if one.step.remains(state)]
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
        for step in plan.missing(self.kernel.observe(plan.questions(), plan.doors())):
            self.kernel.begin(step)
            step.do(self.kernel)
        self.kernel.flush()

    def _begun_anew(self, cause: BaseException) -> set[Step]:
        """The steps that this call may have done: not one that it found done by somebody else."""
        taken = cause.command if isinstance(cause, StepError) and cause.errno == errno.EEXIST else None
        return {step for step in self._begun if taken is None or step.command() != taken}


def _back(receipt: Receipt, why: str) -> TakeBack:
    return TakeBack(undone=receipt.step, was=receipt.before, because=why)


def _turned(steps: Iterable[Step]) -> set[int]:
    return {port for step in steps if (port := step.turns())}


def _receipts(missing: Plan, had: list[Receipt] | None, state: State) -> list[Receipt]:
    """What to remember of steps that are about to be done; a step of ours that is done again is no new one."""
    ours = {receipt.step for receipt in had} if had else ()
    return [Receipt(step, step.before(state)) for step in missing if step not in ours]


def stale_receipts(unit: Unit, had: list[Receipt] | None) -> list[Receipt]:
    """What was done for an earlier form of a unit and is no part of this one; if it was in another room, all of it."""
    wanted = set(unit.plan) if had else ()
    stale = [receipt for receipt in had or () if receipt.step not in wanted]
    moved = any(isinstance(receipt.step, AddNamespace | AttachNamespace) for receipt in stale)
    return list(had or ()) if moved else stale


def _merged(unit: Unit, had: list[Receipt], new: list[Receipt]) -> list[Receipt]:
    """All receipts of a unit in the order of its plan; the first one of a step remembers what was there before us."""
    first = {receipt.step: receipt for receipt in reversed([*had, *new])}
    return [first[step] for step in unit.plan if step in first]


def _waves(receipts: Receipts) -> list[list[Receipt]]:
    """What is taken back together, backwards; less what ends with a thing that is taken back too."""
    made = {thing for part in receipts.values() for receipt in part for thing in receipt.step.makes()}
    by_kind = [[one for key, part in receipts.items() if key.kind == kind for one in reversed(part)] for kind in ORDER]
    return [[one for one in wave if one.step.hangs_on() not in made] for wave in reversed(by_kind)]
