"""Of a store that another version wrote, or of which a part is broken, all that can be taken back is found."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netbuilder.engine.removal import Records
from netbuilder.engine.salvage import of_database, of_text, understood
from netbuilder.recipes.units import FIREWALL, FORWARDING, Key
from netbuilder.steps import AddNamespace, AddTable, EnableForwarding, SetMtu, SetUp, UndoRecord

WEB = Key("sandbox", "web")
NAMESPACE = {"step": "AddNamespace", "name": "web", "before": None}
LOOPBACK = {"step": "SetUp", "netns": "web", "dev": "lo", "before": None}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(tmp_path / "host.db", isolation_level=None)
    yield db
    db.close()


def salvage(db: sqlite3.Connection) -> tuple[Records, list[str]]:
    """What is found in a database, and what is not understood."""
    (path,) = (row[2] for row in db.execute("PRAGMA database_list"))
    return understood(of_database(Path(path)))


def salvaged(*lines: str) -> tuple[Records, list[str]]:
    """The same of a text with these lines, whose fields are parted by bars here."""
    text = "\n".join(("netbuilder store, format 7", "", *(line.replace("|", "\t") for line in lines), "", ""))
    return understood(of_text(text))


def write(db: sqlite3.Connection, table: str, records: str, *rows: tuple[Any, ...]) -> None:
    """A table as some version has it: its records under this name."""
    db.execute(f'CREATE TABLE "{table}" (kind TEXT, name TEXT, {records} TEXT)')
    db.executemany(f'INSERT INTO "{table}" VALUES (?, ?, ?)', rows)


def test_a_new_file_has_no_tables_and_owes_nothing(db: sqlite3.Connection) -> None:
    assert salvage(db) == ({}, [])


def test_all_tables_are_read_in_the_order_in_which_they_were_made(db: sqlite3.Connection) -> None:
    write(
        db, "units", "records", (*WEB, json.dumps([NAMESPACE])), (*FORWARDING, '[{"step": "Forward", "before": "1"}]')
    )
    write(db, "intents", "records", (*WEB, json.dumps([LOOPBACK])), ("network", "lab", "[]"))
    found, lost = salvage(db)
    assert found == {
        WEB: [UndoRecord(AddNamespace(name="web"), None), UndoRecord(SetUp(netns="web", dev="lo"), None)],
        FORWARDING: [UndoRecord(EnableForwarding(), "1")],
        Key("network", "lab"): [],
    }
    assert (list(found), lost) == ([WEB, FORWARDING, Key("network", "lab")], [])


def test_what_an_older_version_wrote_is_read_by_the_names_of_then(db: sqlite3.Connection) -> None:
    rules = {"step": "AddTable", "forwarding_before": False, "before": None}
    write(db, "units", "receipts", ("rules", "", json.dumps([rules])), (*WEB, json.dumps([NAMESPACE])))
    assert salvage(db) == (
        {FIREWALL: [UndoRecord(AddTable(), None)], WEB: [UndoRecord(AddNamespace(name="web"), None)]},
        [],
    )


def test_what_a_newer_version_wrote_is_read_less_the_fields_that_are_not_known(db: sqlite3.Connection) -> None:
    mtu = {"step": "SetMtu", "dev": "br9", "mtu": 1400, "ipv6_mtu": 1280, "before": "1500"}
    write(db, "units", "records", ("network", "lab", json.dumps([mtu])))
    assert salvage(db) == ({Key("network", "lab"): [UndoRecord(SetMtu(dev="br9", mtu=1400), "1500")]}, [])


def test_tables_of_something_else_are_passed_over(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE notes (name TEXT, records TEXT)")
    db.execute("INSERT INTO notes VALUES ('x', 'y')")
    write(db, "units", "records", (*WEB, json.dumps([NAMESPACE])))
    assert salvage(db) == ({WEB: [UndoRecord(AddNamespace(name="web"), None)]}, [])


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("sandbox", "not JSON", "sandbox 'web': 'not JSON'"),
        ("sandbox", None, "sandbox 'web': 'None'"),
        ("sandbox", "7", "sandbox 'web': '7'"),
        ("sandbox", '{"step": "AddNamespace"}', "sandbox 'web': '{\"step\": \"AddNamespace\"}'"),
        ("sandbox", "[7]", "sandbox 'web': '7'"),
        ("sandbox", "[null]", "sandbox 'web': 'None'"),
        ("sandbox", '["a\\u001b[31m"]', r"sandbox 'web': 'a\x1b[31m'"),
        ("sandbox", "[{}]", "sandbox 'web': '{}'"),
        ("sandbox", '[{"step": "Teleport", "to": "x"}]', "sandbox 'web': \"{'step': 'Teleport', 'to': 'x'}\""),
        ("sandbox", '[{"step": "AddNamespace"}]', "sandbox 'web': \"{'step': 'AddNamespace'}\""),
        ("sandbox", '[{"step": ["AddNamespace"]}]', "sandbox 'web': \"{'step': ['AddNamespace']}\""),
        ("sandbox", '[{"step": "SetUp", "dev": "a;b"}]', "sandbox 'web': \"{'step': 'SetUp', 'dev': 'a;b'}\""),
        (
            "sandbox",
            '[{"step": "AddNamespace", "name": "web", "before": 7}]',
            "sandbox 'web': \"{'step': 'AddNamespace', 'name': 'web', 'before': 7}\"",
        ),
        ("tunnel", json.dumps([NAMESPACE]), f"'tunnel' 'web': \"{NAMESPACE}\""),
    ],
)
def test_what_cannot_be_understood_is_told_and_the_rest_is_found(
    kind: str, text: str | None, told: str, db: sqlite3.Connection
) -> None:
    write(db, "units", "records", (kind, "web", text), ("sandbox", "db", json.dumps([LOOPBACK])))
    found, lost = salvage(db)
    assert found == {
        **({WEB: []} if kind == "sandbox" else {}),
        Key("sandbox", "db"): [UndoRecord(SetUp(netns="web", dev="lo"), None)],
    }
    assert lost == [told]


def test_of_one_unit_what_is_known_is_found_and_what_is_not_is_told(db: sqlite3.Connection) -> None:
    write(db, "units", "records", (*WEB, json.dumps([NAMESPACE, {"step": "Teleport"}, LOOPBACK])))
    found, lost = salvage(db)
    assert [one.step for one in found[WEB]] == [AddNamespace(name="web"), SetUp(netns="web", dev="lo")]
    assert len(lost) == 1


def test_what_is_told_is_short_and_one_line(db: sqlite3.Connection) -> None:
    write(db, "units", "records", ("sandbox", "x\n" * 10_000, json.dumps(["y\n" * 10_000])))
    (told,) = salvage(db)[1]
    assert len(told) < 400 and told.isprintable()


@pytest.mark.parametrize("name", [7, None, b"\xff"])
def test_a_name_that_is_no_text_is_no_reason_to_fail(name: object, db: sqlite3.Connection) -> None:
    write(db, "units", "records", ("sandbox", name, json.dumps([NAMESPACE])))
    found, lost = salvage(db)
    assert (list(found.values()), lost) == ([[UndoRecord(AddNamespace(name="web"), None)]], [])


def test_a_table_without_records_owes_what_nobody_knows(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE units (kind TEXT, name TEXT)")
    db.execute("INSERT INTO units VALUES ('sandbox', 'web')")
    assert salvage(db) == ({WEB: []}, ["sandbox 'web': 'None'"])


def test_a_kind_that_is_none_is_told(db: sqlite3.Connection) -> None:
    write(db, "units", "records", (None, "web", json.dumps([NAMESPACE])))
    found, lost = salvage(db)
    assert (found, len(lost)) == ({}, 1)


# A text

PIN, UP = json.dumps([NAMESPACE]), json.dumps([LOOPBACK])
PINNED = UndoRecord(AddNamespace(name="web"), None)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], {}),
        ([f"stands|sandbox|web|7|{{}}|{PIN}"], {WEB: [PINNED]}),
        ([f"stands|sandbox|web|7|{{}}|{UP}", f"stands|sandbox|web|7|{{}}|{PIN}"], {WEB: [PINNED]}),
        ([f"stands|sandbox|web|7|{{}}|{PIN}", "gone|sandbox|web"], {}),
        ([f"begin|sandbox|web|{PIN}"], {WEB: [PINNED]}),
        ([f"begin|sandbox|web|{PIN}", "end"], {}),
        ([f"begin|sandbox|web|{UP}", f"begin|sandbox|web|{PIN}"], {WEB: [PINNED]}),
        (["gone|sandbox|web", f"begin|sandbox|web|{PIN}"], {WEB: [PINNED]}),
        ([f"stands|sandbox|web|7|labels|{{}}|{PIN}"], {WEB: [PINNED]}),
        ([f"leans|sandbox|web|{PIN}", "gone|sandbox|db"], {WEB: [PINNED]}),
    ],
)
def test_of_a_text_what_stands_and_what_was_begun_is_found(lines: list[str], found: dict[Key, Any]) -> None:
    assert salvaged(*lines) == (found, [])


@pytest.mark.parametrize(
    "line", ["moment", "moment|7", "stands|tunnel|x|7|{}|[7]", "stands|sandbox|web|{}", "\x1b[31m"]
)
def test_of_a_text_what_is_not_understood_is_told(line: str) -> None:
    found, lost = salvaged(line, f"stands|sandbox|db|7|{{}}|{PIN}")
    assert found[Key("sandbox", "db")] == [PINNED]
    assert len(lost) == 1
    assert lost[0].isprintable()
