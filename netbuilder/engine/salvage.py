"""What can still be taken back of a store that another version wrote, or of which a part cannot be read.

Only this is taken for granted of it: a line has a word, a kind and a name, and last, as JSON, the records of what was
done; after `gone` that is void, and after `end` all that only `begin` told. Up to version 3 it was a database of
SQLite's, whose tables have rows with a kind, a name and, as JSON, the records.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from netbuilder.engine.journal import Journal
from netbuilder.engine.ledger import lines
from netbuilder.engine.removal import Records
from netbuilder.errors import NetbuilderError, shown
from netbuilder.recipes.units import ORDER, Key
from netbuilder.steps import Step, UndoRecord
from netbuilder.values import fields

if TYPE_CHECKING:
    import sqlite3

_SAME = {"rules": "firewall"}
"""What 0.1.0 called a kind of unit."""


class Told(NamedTuple):
    """What a store tells of a unit: its kind and name, and its records as text."""

    kind: Any
    name: Any
    records: Any


def salvage(journal: Journal) -> tuple[Records, list[str]]:
    """All that says how to take something back, and what of it cannot be understood, as texts for a person."""
    return understood(of_database(journal.path) if journal.is_database else of_text(journal.whole()))


def understood(told: Iterable[Told]) -> tuple[Records, list[str]]:
    """What is told as records, and what of it cannot be understood."""
    found: dict[Key, list[UndoRecord]] = {}
    lost: list[str] = []
    for one in told:
        kind = _SAME.get(one.kind, one.kind)
        records = found.setdefault(Key(kind, str(one.name)), [])
        for item in _items(one.records):
            record = _record(item) if kind in ORDER else None
            if record:
                records.append(record)
            else:
                what = kind if kind in ORDER else shown(str(kind))
                lost.append(f"{what} {shown(str(one.name))}: {shown(str(item), most=100)}")
    return {key: records for key, records in found.items() if key.kind in ORDER}, lost


def of_text(text: str) -> list[Told]:
    """What a text tells of what stands, and of what was begun."""
    stand: dict[tuple[str, str], dict[str, str]] = {}
    begun: dict[tuple[str, str], str] = {}
    for word, *rest in lines(text)[1:]:  # the first is the header
        match word, rest:
            case "end", []:
                begun.clear()
            case "gone", [kind, name]:
                stand.pop((kind, name), None)
            case "begin", [kind, name, *_, records]:
                begun[kind, name] = records
            case _, [kind, name, *_, records]:
                stand.setdefault((kind, name), {})[word] = records
            case _:
                stand[word, " ".join(rest)] = {"": ""}
    told = [Told(*key, records) for key, words in stand.items() for records in words.values()]
    return told + [Told(*key, records) for key, records in begun.items()]


def of_database(path: Path) -> list[Told]:
    """What the database of an earlier version tells.

    Raises:
        NetbuilderError: If it is damaged.
    """
    import sqlite3

    try:
        # Without locks, as those versions had it: who calls has the host's.
        with closing(sqlite3.connect(f"{path.as_uri()}?vfs=unix-none", uri=True, isolation_level=None)) as db:
            db.text_factory = lambda text: text.decode(errors="replace")
            return [one for table in _tables(db) for one in _rows(db, table)]
    except sqlite3.Error as error:
        hint = "remove it, and by hand what it told of: ip netns del NAME, ip link del BRIDGE"
        raise NetbuilderError(f"{path}, where netbuilder keeps what it made, can't be read ({error})", hint) from None


def _tables(db: sqlite3.Connection) -> list[str]:
    names = (name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"))
    return [name for name in names if not name.startswith("sqlite_")]  # those are SQLite's own


def _rows(db: sqlite3.Connection, table: str) -> list[Told]:
    quoted = table.replace('"', '""')
    cursor = db.execute(f'SELECT * FROM "{quoted}"')
    columns = [column for column, *_ in cursor.description]
    if not {"kind", "name"} <= set(columns):
        return []
    rows = (dict(zip(columns, row, strict=True)) for row in cursor)
    return [Told(row["kind"], row["name"], row.get("records", row.get("receipts"))) for row in rows]


def _items(text: Any) -> list[Any]:
    try:
        items = json.loads(str(text))
    except (ValueError, RecursionError):
        items = None
    return items if isinstance(items, list) else [text]


def _record(item: Any) -> UndoRecord | None:
    """A record, less the fields that this version does not know."""
    if not isinstance(item, Mapping):
        return None
    step = Step.kinds.get(str(item.get("step")))
    known = {"step", "before", *(fields(step) if step else ())}
    try:
        return UndoRecord.from_json({name: value for name, value in item.items() if name in known})
    except (ValueError, TypeError, RecursionError):
        return None
