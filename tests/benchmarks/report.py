"""What was measured, as tables, and held against the targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

SETUP_LIMIT, SETUP_GOAL = 2.5, 1.5
TEARDOWN_LIMIT, PS_LIMIT = 2.0, 1.0
HELP_LIMIT, FLAT_LIMIT = 3.0, 1.5
WAYS = {"one": "one call for all", "each": "a call for each"}


def targets(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Each target: what, its limit, the value, and whether that is reached; None for what was not measured."""
    return [*_setup_targets(results["sandboxes"]), *_flat_targets(results["ports"]), *_command_targets(results)]


def _target(what: str, unit: str, value: float | None, limit: float, goal: float | None = None) -> dict[str, Any]:
    reached = None if value is None else value <= limit
    return {"what": what, "unit": unit, "limit": limit, "goal": goal, "value": value, "reached": reached}


def _setup_targets(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    by_key = {(row["sandboxes"], row["calls"]): row for row in rows}
    for count in (100, 1000):
        for calls, way in WAYS.items():
            row = by_key.get((count, calls))
            ratio = row["setup_ratio"]["median"] if row else None
            yield _target(f"set-up of {count} sandboxes, {way}", "x floor", ratio, SETUP_LIMIT, SETUP_GOAL)
    slowest = max((row["teardown_s"] for row in rows if row["sandboxes"] == 1000), default=None)
    yield _target("tear-down of 1000 sandboxes", "s", slowest, TEARDOWN_LIMIT)


def _flat_targets(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    by_level = {row["published"]: row for row in rows}
    few, many = by_level.get(10), by_level.get(10000)
    for name, what in FLAT.items():
        ratio = many[name]["median"] / few[name]["median"] if few and many else None
        yield _target(f"{what}, 10,000 published to 10", "x", ratio, FLAT_LIMIT)


def _command_targets(results: dict[str, Any]) -> Iterator[dict[str, Any]]:
    ps = results["ps"]
    full = ps["seconds"] if ps and ps["sandboxes"] == 1000 else None
    yield _target("netbuilder ps over 1000 sandboxes", "s", full, PS_LIMIT)
    yield _target("netbuilder --help", "x interpreter", results["starts"].get("help_ratio"), HELP_LIMIT)


FLAT = {
    "added_ms": "one more port of a sandbox",
    "new_sandbox_ms": "a new sandbox with one port",
    "after_destroy_ms": "a new sandbox after a destroy",
}


# Tables


def show(console: Console, results: dict[str, Any]) -> None:
    """All of them."""
    console.print(_sandboxes(results["sandboxes"]))
    console.print(_counts(results["counts"]))
    console.print(_starts(results))
    console.print(_ports(results["ports"]))
    console.print(_peers(results["peers"]))
    console.print(_targets(results["targets"]))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for at, column in enumerate(columns):
        table.add_column(column, justify="left" if at == 0 else "right")
    return table


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _sandboxes(rows: list[dict[str, Any]]) -> Table:
    table = _table(
        "Sandboxes in bridge mode with one published port: milliseconds each, and seconds for all",
        *("sandboxes", "mean", "median", "p99", "floor mean", "ratio", "(rounds)", "destroy s", "floor s", "ratio"),
    )
    for row in rows:
        setup, ratio = row["setup_ms"], row["setup_ratio"]
        table.add_row(
            f"{row['sandboxes']:,}, {WAYS[row['calls']]}",
            *(_number(setup[name]) for name in ("mean", "median", "p99")),
            _number(row["floor_setup_ms"]["mean"]),
            _number(ratio["median"]),
            f"{ratio['lowest']:.2f}–{ratio['highest']:.2f}",
            _number(row["teardown_s"], 3),
            _number(row["floor_teardown_s"], 3),
            _number(row["teardown_ratio"]["median"]),
        )
    return table


def _counts(rows: list[dict[str, Any]]) -> Table:
    table = _table("What one call asks of the kernel", "", "sends", "observes", "locks")
    for row in rows:
        table.add_row(row["call"], *(str(row[name]) for name in ("sends", "observes", "locks")))
    return table


def _starts(results: dict[str, Any]) -> Table:
    table = _table("Before the first sandbox, and commands", "", "ms")
    starts, first = results["starts"], results["first"]
    rows = {
        "a bare interpreter, from its start to its end": starts["interpreter_ms"],
        "… that imports netbuilder": starts["package_ms"],
        "… that imports Host and the specs": starts["names_ms"],
        "netbuilder --help": starts.get("help_ms"),
        "import of Host and the specs": first["import_ms"],
        "Host.isolated()": first["open_ms"],
        "the first apply, with a network and the rules": first["network_ms"],
    }
    if results["ps"]:
        rows[f"netbuilder ps over {results['ps']['sandboxes']:,} sandboxes"] = results["ps"]["seconds"] * 1e3
    for what, value in rows.items():
        table.add_row(what, _number(value, 1))
    return table


def _ports(rows: list[dict[str, Any]]) -> Table:
    names = [*FLAT, "all_ms", "added_to_all_ms"]
    heads = [*FLAT.values(), "a sandbox that publishes all", "one more of that sandbox"]
    table = _table("Publishing one more port: milliseconds", "published already", *heads)
    for row in rows:
        table.add_row(f"{row['published']:,}", *(_number(row[name]["median"]) for name in names))
    return table


def _peers(rows: list[dict[str, Any]]) -> Table:
    table = _table("Others, one sandbox with one published port: milliseconds", "", "version", "add", "delete", "")
    for row in rows:
        add, delete = (row[name] and row[name]["median"] for name in ("add_ms", "delete_ms"))
        status = "" if row["status"] == "measured" else row["status"]
        table.add_row(row["name"], row["version"] or "", _number(add, 1), _number(delete, 1), status)
    return table


def _targets(rows: list[dict[str, Any]]) -> Table:
    words = {True: "[green]yes", False: "[red]no", None: "not measured"}
    table = _table("Targets", "", "measured", "at most", "goal", "unit", "reached")
    for row in rows:
        figures = (_number(row[name]) if row[name] is not None else "" for name in ("value", "limit", "goal"))
        table.add_row(row["what"], *figures, row["unit"], words[row["reached"]])
    return table
