"""What was measured, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from path import RULES
from rich.console import Console
from rich.table import Table

WAYS = {"one": "one call for all", "each": "a call for each"}
FLAT = {
    "added_ms": "one more port of a sandbox",
    "new_sandbox_ms": "a new sandbox with one port",
    "after_destroy_ms": "a new sandbox after a destroy",
}
PATH = {
    "connect": "TCP handshake, from outside",
    "first_in": "first UDP packet, from outside",
    "first_out": "first UDP packet, to outside",
    "established": "one byte there and back",
}
COUNTS = ("sends", "observes", "locks", "opens", "reads", "writes", "waits")


def show(console: Console, results: dict[str, Any]) -> None:
    """A table for each section that was measured, and the targets."""
    for name, tables in SECTIONS.items():
        if name in results:
            for table in tables(results[name]):
                console.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for at, column in enumerate(columns):
        table.add_column(column, justify="left" if at == 0 else "right")
    return table


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _spread(ratio: dict[str, float]) -> tuple[str, str]:
    """A ratio, and its rounds."""
    return _number(ratio["median"]), f"{ratio['lowest']:.2f}–{ratio['highest']:.2f}"


def _sandboxes(rows: list[dict[str, Any]]) -> Iterator[Table]:
    table = _table(
        "Sandboxes in bridge mode with one published port: milliseconds each, and seconds for all",
        *("sandboxes", "mean", "median", "p99", "floor", "ratio", "(rounds)", "destroy s", "floor s", "ratio"),
        "(rounds)",
    )
    for row in rows:
        setup = row["setup_ms"]
        table.add_row(
            f"{row['sandboxes']:,}, {WAYS[row['calls']]}",
            *(_number(setup[name]) for name in ("mean", "median", "p99")),
            _number(row["floor_setup_ms"]["mean"]),
            *_spread(row["setup_ratio"]),
            _number(row["teardown_s"], 3),
            _number(row["floor_teardown_s"], 3),
            *_spread(row["teardown_ratio"]),
        )
    yield table
    table = _table("What each of them took", "sandboxes", "cpu ms", "waits", "memory kB", "5,000th to 500th")
    for row in rows:
        late = row["late_ratio"]
        used = (_number(row["used"][name]) for name in ("cpu_ms", "waits", "memory_kb"))
        table.add_row(f"{row['sandboxes']:,}, {WAYS[row['calls']]}", *used, _number(late and late["median"]))
    yield table
    table = _table("A look at all that stands: seconds, and beside the floor's set-up", "sandboxes", *LOOKS)
    for row in rows:
        if row["looks"]:
            ratios = row["look_ratios"]
            cells = (f"{row['looks'][f'{name}_s']:.3f} ({ratios[name]['median']:.2f})" for name in ratios)
            table.add_row(f"{row['sandboxes']:,}", *cells)
    yield table


LOOKS = ("apply, nothing to do", "diff", "links()")


def _counts(both: dict[str, list[dict[str, Any]]]) -> Iterator[Table]:
    table = _table("What one call asks of the kernel", "", "sends", "observes", "locks")
    for row in both["calls"]:
        table.add_row(row["call"], *(str(row[name]) for name in ("sends", "observes", "locks")))
    yield table
    table = _table("… and for each of many sandboxes", "", *COUNTS)
    for row in both["sandboxes"]:
        table.add_row(row["way"], *(_number(row.get(name)) for name in COUNTS))
    yield table


def _programs(rows: list[dict[str, Any]]) -> Iterator[Table]:
    table = _table("Whole programs, from start to end", "", "ms", "cpu ms", "cpu to bare Python", "(rounds)")
    for row in rows:
        table.add_row(row["program"], _number(row["ms"], 1), _number(row["cpu_ms"], 1), *_spread(row["cpu_ratio"]))
    yield table


def _cycle(one: dict[str, Any]) -> Iterator[Table]:
    table = _table("A sandbox that comes and goes", "", "ms", "to the floor's set-up", "(rounds)")
    for part in ("apply", "destroy", "cycle"):
        table.add_row(part, _number(one[f"{part}_ms"]["median"]), *_spread(one[f"{part}_ratio"]))
    yield table


def _shapes(rows: list[dict[str, Any]]) -> Iterator[Table]:
    table = _table("What more costs", "", "ms", "to the plain one", "(rounds)", "looked at again", "(rounds)")
    for row in rows:
        made = _number(row["made_ms"]["median"])
        table.add_row(row["shape"], made, *_spread(row["made_ratio"]), *_spread(row["again_ratio"]))
    yield table


def _path(rows: list[dict[str, Any]]) -> Iterator[Table]:
    heads = ("no rules", "Docker-shaped", "netbuilder", "to Docker-shaped", "(rounds)", "to no rules")
    table = _table("The packet's path: microseconds", "published ports", *heads)
    for row in rows:
        table.add_row(
            f"{row['published']:,}: {PATH[row['measure']]}",
            *(_number(row[f"{rules}_us"]["median"]) for rules in RULES),
            *_spread(row["docker_ratio"]),
            _number(row["none_ratio"]["median"]),
        )
    yield table


def _first(figures: dict[str, float]) -> Iterator[Table]:
    table = _table("Before the first sandbox", "", "ms")
    names = {"import": "import of Host and the specs", "open": "Host.isolated()", "network": "the first apply"}
    for name, what in names.items():
        table.add_row(what, _number(figures[f"{name}_ms"], 1))
    yield table


def _ps(one: dict[str, Any]) -> Iterator[Table]:
    table = _table("netbuilder ps on a full host", "sandboxes", "seconds", "to the floor's set-up", "(rounds)")
    table.add_row(f"{one['sandboxes']:,}", _number(one["seconds"]), *_spread(one["ratio"]))
    yield table


def _ports(rows: list[dict[str, Any]]) -> Iterator[Table]:
    names = [*FLAT, "all_ms", "added_to_all_ms"]
    heads = [*FLAT.values(), "a sandbox that publishes all", "one more of that sandbox"]
    table = _table("Publishing one more port: milliseconds", "published already", *heads)
    for row in rows:
        table.add_row(f"{row['published']:,}", *(_number(row[name]["median"]) for name in names))
    yield table


def _peers(rows: list[dict[str, Any]]) -> Iterator[Table]:
    table = _table(
        "Others, one sandbox with one published port: milliseconds, and netbuilder's as a share",
        *("", "version", "add", "delete", "add share", "delete share", ""),
    )
    ours = rows[0]
    for row in rows:
        add, delete = (row[name] and row[name]["median"] for name in ("add_ms", "delete_ms"))
        shares = (row[name] and ours[name]["median"] / row[name]["median"] for name in ("add_ms", "delete_ms"))
        status = "" if row["status"] == "measured" else row["status"]
        figures = (_number(add, 1), _number(delete, 1), *map(_number, shares))
        table.add_row(row["name"], row["version"] or "", *figures, status)
    yield table


def _targets(rows: list[dict[str, Any]]) -> Iterator[Table]:
    words = {True: "[green]yes", False: "[red]no", None: "not measured"}
    table = _table("Targets", "", "measured", "at most", "unit", "reached")
    for row in rows:
        table.add_row(row["what"], _number(row["value"]), f"{row['limit']:g}", row["unit"], words[row["reached"]])
    yield table


SECTIONS: dict[str, Callable[[Any], Iterator[Table]]] = {
    "sandboxes": _sandboxes,
    "cycle": _cycle,
    "shapes": _shapes,
    "counts": _counts,
    "programs": _programs,
    "first": _first,
    "ps": _ps,
    "path": _path,
    "ports": _ports,
    "peers": _peers,
    "targets": _targets,
}
