"""What can still be taken back of a database that another version wrote, or of which a part cannot be read.

Only this is taken for granted of it: a table has rows with a kind, a name and, as JSON, the records of what was done.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from netbuilder.engine.removal import Records
from netbuilder.errors import shown
from netbuilder.recipes.units import ORDER, Key
from netbuilder.steps import Step, UndoRecord
from netbuilder.values import fields

_SAME = {"rules": "firewall"}
"""What 0.1.0 called a kind of unit."""


def tables(db: sqlite3.Connection) -> list[str]:
    """The tables of a database."""
    names = (name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"))
    return [name for name in names if not name.startswith("sqlite_")]  # those are SQLite's own


def quoted_name(table: str) -> str:
    """A table's name, as SQL has it."""
    return '"' + table.replace('"', '""') + '"'


def salvage(db: sqlite3.Connection) -> tuple[Records, list[str]]:
    """All that says how to take something back, and what of it cannot be understood, as texts for a person."""
    found: dict[Key, list[UndoRecord]] = {}
    lost: list[str] = []
    for table in tables(db):
        for row in _rows(db, table):
            kind = _SAME.get(row["kind"], row["kind"])
            records = found.setdefault(Key(kind, str(row["name"])), [])
            for item in _items(row):
                record = _record(item) if kind in ORDER else None
                if record:
                    records.append(record)
                else:
                    what = kind if kind in ORDER else shown(str(kind))
                    lost.append(f"{what} {shown(str(row['name']))}: {shown(str(item), most=100)}")
    return {key: records for key, records in found.items() if key.kind in ORDER}, lost


def _rows(db: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    cursor = db.execute(f"SELECT * FROM {quoted_name(table)}")
    columns = [column for column, *_ in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor] if {"kind", "name"} <= set(columns) else []


def _items(row: Mapping[str, Any]) -> list[Any]:
    text = row.get("records", row.get("receipts"))
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
