"""What we made and what we owe: SQLite under /run/netbuilder, one file for each host namespace.

The kernel is the truth of what is; this is the truth of whose it is. Two tables: `units`, what stands because of us,
and `intents`, what a call has begun. An intent is committed before the first thing is made (or taken back, by a call
that only does that) and is gone after the last, so one that is still there belongs to a call that was killed: calls
wait for each other at a lock that the kernel takes from a dead process, and whoever gets it next takes the intent back.

A file has the version of what is in it. One of another version is refused, as its units may be resolved to something
else; all that it says of how to take them back can still be read, whatever wrote it (`salvage`).
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from netbuilder.engine.database import DIRECTORY, TAKE_BACK, Database
from netbuilder.engine.removal import Records
from netbuilder.errors import NetbuilderError, shown
from netbuilder.recipes.units import ORDER, Key, Unit
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.resolved import (
    HostBaseline,
    Resolved,
    ResolvedForwarding6,
    ResolvedLocalnet,
    ResolvedNetwork,
    ResolvedSandbox,
)
from netbuilder.steps import UndoRecord
from netbuilder.values.names import Numbered

_DELETE = "DELETE FROM units WHERE kind = ? AND name = ?"


class Store(Database):
    """The database as what it says: what stands, and what is owed."""

    def __init__(self, host: int, directory: Path = DIRECTORY) -> None:
        """Open the database of the namespace with this cookie, or begin one."""
        super().__init__(host, directory)
        self._allocations: Allocations | None = None
        self._data_version = -1
        self._texts: dict[Key, tuple[list[UndoRecord], str]] = {}  # an intent's become its unit's: encoded once

    # What stands

    def allocations(self) -> Allocations:
        """What stands and what it holds, read anew if another process has written since.

        Raises:
            NetbuilderError: If it cannot be read, or another version wrote it.
        """
        self.check_version()
        with self.opened() as db:
            (data_version,) = db.execute("PRAGMA data_version").fetchone()
            if self._allocations is None or data_version != self._data_version:
                self._allocations, self._data_version = self._read_allocations(db), data_version
        return self._allocations

    def sandbox(self, name: str) -> ResolvedSandbox | None:
        """A sandbox that stands; None if there is none of that name, or another than a handle's."""
        if isinstance(name, Numbered) and self.number(name) != name.number:
            return None
        return self.allocations().sandboxes.get(name)

    def number(self, name: str) -> int | None:
        """The number of a sandbox that stands: it keeps it as long as it does, and no other has it or had it."""
        self.check_version()
        with self.opened() as db:
            row = db.execute("SELECT rowid FROM units WHERE kind = 'sandbox' AND name = ?", (str(name),)).fetchone()
        return int(row[0]) if row else None

    def numbers(self) -> dict[str, int]:
        """The number of each sandbox that stands."""
        self.check_version()
        with self.opened() as db:
            return dict(db.execute("SELECT name, rowid FROM units WHERE kind = 'sandbox'"))

    def records(self, keys: Iterable[Key]) -> dict[Key, list[UndoRecord]]:
        """What was done for units, for those of them that stand because of us."""
        self.check_version()
        found = {}
        with self.opened() as db:
            for key in keys:
                row = db.execute("SELECT records FROM units WHERE kind = ? AND name = ?", key).fetchone()
                if row:
                    found[key] = self._read_records(key, row[0])
        return found

    def unfinished(self) -> Records:
        """What calls that were killed had begun."""
        self.check_version()
        with self.opened() as db:
            rows = db.execute("SELECT kind, name, records FROM intents ORDER BY rowid").fetchall()
        return {Key(kind, name): self._read_records(Key(kind, name), text) for kind, name, text in rows}

    # What is done

    def begin(self, intents: Records) -> None:
        """Commit what is about to be done."""
        if intents:
            self._texts = {key: (records, _json(records)) for key, records in intents.items()}
            with self.transaction() as db:
                self._write_intents(db)

    def begin_removal(self, doomed: Records) -> None:
        """Commit what is about to be taken back: such units do not stand any more."""
        self._texts = {key: (records, _json(records)) for key, records in doomed.items()}
        with self.transaction() as db:
            self._write_intents(db)
            db.executemany(_DELETE, list(doomed))
        if self._allocations:
            _forget(self._allocations, doomed)

    def _write_intents(self, db: sqlite3.Connection) -> None:
        rows = [(*key, text) for key, (_, text) in self._texts.items()]
        db.executemany("INSERT OR REPLACE INTO intents VALUES (?, ?, ?)", rows)

    def finish(self, made: Sequence[tuple[Unit, list[UndoRecord]]] = ()) -> None:
        """The intents are carried out, and units stand with these records, or no more; the others are as they were."""
        stand = [(unit.key, one, records) for unit, records in made if (one := unit.resolved)]
        with self.transaction() as db:
            numbers = itertools.count(_next_number(db))
            db.executemany(
                "INSERT INTO units (kind, name, resolved, records, rowid) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (kind, name) DO UPDATE SET resolved = excluded.resolved, records = excluded.records",
                [
                    (*key, json.dumps(one.as_json()), self._text(key, records), next(numbers))
                    for key, one, records in stand
                ],
            )
            db.executemany(_DELETE, [unit.key for unit, _ in made if not unit.resolved])
            db.execute("DELETE FROM intents")
        self._texts = {}
        if self._allocations:
            _enter(self._allocations, [one for _, one, _ in stand])

    def _text(self, key: Key, records: list[UndoRecord]) -> str:
        begun, text = self._texts.get(key, (None, ""))
        return text if begun is records else _json(records)

    def start_over(self) -> None:
        """Begin an empty database of this version; nothing is owed any more."""
        super().start_over()
        self._allocations = None

    def _read_allocations(self, db: sqlite3.Connection) -> Allocations:
        by_kind: dict[str, list[Resolved]] = {kind: [] for kind in ORDER}
        types: dict[str, type[Resolved]] = {
            "network": ResolvedNetwork,
            "sandbox": ResolvedSandbox,
            "localnet": ResolvedLocalnet,
            "forwarding6": ResolvedForwarding6,
        }
        for kind, name, resolved in db.execute("SELECT kind, name, resolved FROM units ORDER BY rowid"):
            try:
                one = types.get(kind, HostBaseline).from_json(json.loads(resolved))
                if getattr(one, "name", name) != name:
                    raise ValueError(f"it has another name inside: {shown(str(getattr(one, 'name', '')))}")
                by_kind[kind].append(one)
            except (KeyError, ValueError) as error:
                raise self._unreadable(kind, name, error) from None
        allocations = Allocations()
        _enter(allocations, [one for kind in ORDER for one in by_kind[kind]])
        return allocations

    def _read_records(self, key: Key, text: str) -> list[UndoRecord]:
        try:
            return [UndoRecord.from_json(item) for item in json.loads(text)]
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise self._unreadable(*key, error) from None

    def _unreadable(self, kind: str, name: str, error: Exception) -> NetbuilderError:
        detail = " ".join(str(error).split())
        return NetbuilderError(
            f"{self.path}, where netbuilder keeps what it made, can't be read"
            f" ({shown(str(kind))} {shown(str(name))}: {detail[:200]})",
            TAKE_BACK,
        )


def _enter(allocations: Allocations, made: Iterable[Resolved]) -> None:
    made = tuple(made)
    for one in made:
        if isinstance(one, HostBaseline):
            allocations.baseline = one
        elif isinstance(one, ResolvedForwarding6):
            allocations.forwarding6 = one
    allocations.record(
        [one for one in made if isinstance(one, ResolvedNetwork)],
        [one for one in made if isinstance(one, ResolvedSandbox)],
    )


def _forget(allocations: Allocations, gone: Iterable[Key]) -> None:
    gone = tuple(gone)
    if any(key.kind == "firewall" for key in gone):
        allocations.baseline = None
    if any(key.kind == "forwarding6" for key in gone):
        allocations.forwarding6 = None
    allocations.remove(
        [key.name for key in gone if key.kind == "network"], [key.name for key in gone if key.kind == "sandbox"]
    )


def _next_number(db: sqlite3.Connection) -> int:
    """By the clock, which other hosts have too; SQLite's own begins anew, and gives that of the last one that went."""
    (last,) = db.execute("SELECT coalesce(max(rowid), 0) FROM units").fetchone()
    return max(int(last) + 1, time.clock_gettime_ns(time.CLOCK_BOOTTIME))


def _json(records: list[UndoRecord]) -> str:
    return json.dumps([record.to_json() for record in records])
