"""What we made and what we owe: a text under /run/netbuilder, one for each host namespace.

The kernel is the truth of what is; this is the truth of whose it is. Its lines say what came to be, in this order:

    begin   KIND NAME RECORDS                    a call is about to make a unit, or to take it back
    stands  KIND NAME NUMBER RESOLVED RECORDS    a unit stands because of us
    gone    KIND NAME                            it does no more
    end                                          what was begun is carried out

`begin` is written before the first thing is made (or taken back, by a call that only does that) and `end` after the
last, so where it is missing the call was killed: calls wait for each other at a lock that the kernel takes from a dead
process, and whoever gets it next takes back what was begun. What a unit was resolved to and its records are JSON, which
is kept as text and read when it is asked for.

A text has the version of what is in it. One of another version is refused, as its units may be resolved to something
else; all that it says of how to take them back can still be read, whatever wrote it (`salvage`).
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from netbuilder.engine.journal import DIRECTORY, TAKE_BACK, VERSION, Journal
from netbuilder.engine.ledger import Entry, Ledger, Line, forget, record
from netbuilder.engine.removal import Records
from netbuilder.engine.salvage import salvage
from netbuilder.errors import NetbuilderError, shown
from netbuilder.recipes.units import ORDER, Key, Unit
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.resolved import Resolved, ResolvedSandbox
from netbuilder.steps import Plan, UndoRecord
from netbuilder.values.names import Numbered

_NO_PLAN = Plan()


class Store:
    """The text as what it says: what stands, and what is owed."""

    def __init__(self, host: int, directory: Path = DIRECTORY) -> None:
        """Open the store of the namespace with this cookie, or begin one."""
        self._journal = Journal(directory / f"{host:x}.db")
        self.path, self.identity = self._journal.path, self._journal.identity
        self.close = self._journal.close
        self._is_ours_alone = False
        self._texts: dict[Key, tuple[list[UndoRecord], str]] = {}  # an intent's become its unit's: encoded once
        self._ledger = Ledger()
        self._allocations: Allocations | None = None
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes this host for the length of a `with` block."""
        with self._journal.locked():
            self._read()
            self._is_ours_alone = True  # only who has the lock writes
            try:
                yield
            finally:
                self._is_ours_alone = False

    @property
    def is_current(self) -> bool:
        """Whether it is of this version."""
        return self._journal.is_current

    def _read(self) -> None:
        """What others have written since; anew each time, as another program may have begun it anew."""
        anew, added = self._journal.read()
        if anew:
            self._ledger, self._allocations = Ledger(), None
        if added:
            self._allocations = None
        for line in added:
            self._ledger.enter(line)

    def _look(self) -> None:
        """What there is to know by now.

        Raises:
            NetbuilderError: If another version wrote it, or it is not to be understood.
        """
        if not self._is_ours_alone:
            self._read()
        if not self.is_current:
            raise NetbuilderError(
                f"{self.path}, where netbuilder keeps what it made, was written by another version of netbuilder"
                f" (format {self._journal.version}; this one's is {VERSION})",
                f"use that version, or {TAKE_BACK}",
            )
        if self._ledger.not_understood is not None:
            raise self._unreadable("line", self._ledger.not_understood[0], ValueError("there is no such line"))

    # What stands

    def allocations(self) -> Allocations:
        """What stands and what it holds; another object if another process has written since.

        Raises:
            NetbuilderError: If it cannot be read, or another version wrote it.
        """
        self._look()
        if self._allocations is None:
            allocations = Allocations()
            by_kind: dict[str, list[Resolved]] = {kind: [] for kind in ORDER}
            for key, unit in self._ledger.units.items():
                by_kind[key.kind].append(self._value(key, unit))
            record(allocations, [one for kind in ORDER for one in by_kind[kind]])
            self._allocations = allocations
        return self._allocations

    def sandbox(self, name: str) -> ResolvedSandbox | None:
        """A sandbox that stands; None if there is none of that name, or another than a handle's."""
        self._look()
        key = Key("sandbox", str(name))
        unit = self._ledger.units.get(key)
        if unit is None or (isinstance(name, Numbered) and unit.number != name.number):
            return None
        sandbox = self._value(key, unit)
        assert isinstance(sandbox, ResolvedSandbox)
        return sandbox

    def number(self, name: str) -> int | None:
        """The number of a sandbox that stands: it keeps it as long as it does, and no other has it or had it."""
        self._look()
        unit = self._ledger.units.get(Key("sandbox", str(name)))
        return unit.number if unit else None

    def numbers(self) -> dict[str, int]:
        """The number of each sandbox that stands."""
        self._look()
        return {key.name: unit.number for key, unit in self._ledger.units.items() if key.kind == "sandbox"}

    def records(self, keys: Iterable[Key], plans: Mapping[Key, Plan] | None = None) -> dict[Key, list[UndoRecord]]:
        """What was done for units, for those of them that stand because of us.

        Args:
            keys: The units.
            plans: What is wanted of them: a step that was done just so is that one, and need not be read.
        """
        self._look()
        plans = plans or {}
        found = ((key, self._ledger.units.get(key)) for key in keys)
        return {key: self._read_records(key, unit.records, plans.get(key, _NO_PLAN)) for key, unit in found if unit}

    def unfinished(self) -> Records:
        """What calls that were killed had begun."""
        self._look()
        return {key: self._read_records(key, text) for key, text in self._ledger.begun.items()}

    # What is done

    def begin(self, intents: Records) -> None:
        """Write what is about to be done."""
        if intents:
            self._write(self._begin(intents))

    def begin_removal(self, doomed: Records) -> None:
        """Write what is about to be taken back: such units do not stand any more."""
        self._write([*self._begin(doomed), *(["gone", *key] for key in doomed if key in self._ledger.units)])
        if self._allocations:
            forget(self._allocations, doomed)

    def _begin(self, intents: Records) -> list[Line]:
        self._texts = {key: (records, _json(records)) for key, records in intents.items()}
        return [["begin", *key, text] for key, (_, text) in self._texts.items()]

    def finish(self, made: Sequence[tuple[Unit, list[UndoRecord]]] = ()) -> None:
        """What was begun is carried out; units stand with these records, or no more; the others are as before."""
        stand = [(unit.key, one, records) for unit, records in made if (one := unit.resolved)]
        added = [
            ["stands", *key, str(number), json.dumps(one.as_json()), self._text(key, records)]
            for number, (key, one, records) in zip(self._numbers([key for key, *_ in stand]), stand, strict=True)
        ]
        self._write([*added, *(["gone", *unit.key] for unit, _ in made if not unit.resolved), ["end"]])
        for key, one, _ in stand:
            self._ledger.units[key].value = one
        self._texts = {}
        if self._allocations:
            record(self._allocations, [one for _, one, _ in stand])

    def _numbers(self, keys: list[Key]) -> Iterator[int]:
        """Their own, or new ones: by the clock, which other hosts have too, so that none is ever given again."""
        new = itertools.count(max(self._ledger.last + 1, time.clock_gettime_ns(time.CLOCK_BOOTTIME)))
        for key in keys:
            old = self._ledger.units.get(key)
            yield old.number if old else next(new)

    def _text(self, key: Key, records: list[UndoRecord]) -> str:
        begun, text = self._texts.get(key, (None, ""))
        return text if begun is records else _json(records)

    def _write(self, added: list[Line]) -> None:
        self._journal.write(added)
        for line in added:
            self._ledger.enter(line)
        if self._journal.is_overgrown(self._ledger.length):
            with suppress(NetbuilderError):  # it is as good as it was, only longer
                self._journal.write_anew(self._ledger.whole())

    # What another version wrote, or nobody can read

    def salvage(self) -> tuple[Records, list[str]]:
        """All that says how to take something back, whatever wrote it, and what of it cannot be understood."""
        return salvage(self._journal)

    def start_over(self) -> None:
        """Begin an empty text of this version; nothing is owed any more."""
        self._journal.write_anew([])
        self._ledger, self._allocations = Ledger(), None

    def _value(self, key: Key, unit: Entry) -> Resolved:
        try:
            return unit.read(key)
        except (ValueError, RecursionError) as error:
            raise self._unreadable(*key, error) from None

    def _read_records(self, key: Key, text: str, plan: Plan = _NO_PLAN) -> list[UndoRecord]:
        try:
            items = json.loads(text)
            if not isinstance(items, list):
                raise ValueError(f"{shown(text)} is no list of records")
            wanted = plan if len(plan) == len(items) else (None,) * len(items)
            return [UndoRecord.from_json(item, step) for item, step in zip(items, wanted, strict=True)]
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise self._unreadable(*key, error) from None

    def _unreadable(self, kind: str, name: str, error: Exception) -> NetbuilderError:
        detail = " ".join(str(error).split())
        return NetbuilderError(
            f"{self.path}, where netbuilder keeps what it made, can't be read"
            f" ({shown(str(kind))} {shown(str(name))}: {detail[:200]})",
            TAKE_BACK,
        )


def _json(records: list[UndoRecord]) -> str:
    return json.dumps([record.to_json() for record in records])
