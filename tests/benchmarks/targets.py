"""The targets, in one table: docs/BENCHMARK.md has the same, and a test holds one against the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

FLOOR, BARE, DOCKER = "x floor", "x bare Python", "x Docker-shaped"


class Target(NamedTuple):
    """What is measured, where it is in the results, and the most that it may be."""

    what: str
    limit: float
    unit: str
    section: str
    row: dict[str, Any]
    """What the row has in whose field the value is; empty where the section is no list."""
    field: str


def _setup(count: int, calls: str, limit: float) -> Target:
    ways = {"one": "one call for all", "each": "a call for each"}
    row = {"sandboxes": count, "calls": calls}
    return Target(f"set-up of {count:,}, {ways[calls]}", limit, FLOOR, "sandboxes", row, "setup_ratio.median")


def _teardown(calls: str, made: str) -> Target:
    row = {"sandboxes": 1000, "calls": calls}
    return Target(f"tear-down of 1,000, made in {made}", 1.1, FLOOR, "sandboxes", row, "teardown_ratio.median")


def _look(what: str, count: int, limit: float) -> Target:
    row = {"sandboxes": count, "calls": "one"}
    name = {"links": "links()"}.get(what, f"{what} of what stands")
    field = f"look_ratios.{what}.median"
    return Target(f"{name}, {count:,} sandboxes", limit, f"{FLOOR}'s set-up", "sandboxes", row, field)


def _program(what: str, name: str, limit: float) -> Target:
    return Target(f"netbuilder {what}", limit, BARE, "programs", {"program": name}, "cpu_ratio.median")


def _packet(what: str, measure: str) -> Target:
    return Target(what, 1.05, DOCKER, "path", {"published": 1, "measure": measure}, "docker_ratio.median")


def _flat(what: str, measure: str) -> Target:
    return Target(what, 1.1, "x with 1", "path", {"published": 5000, "measure": measure}, "flat_ratio")


def _port(what: str, name: str) -> Target:
    return Target(f"{what}, 10,000 published", 1.5, "x with 10", "ports", {"published": 10000}, f"{name}.flat_ratio")


def _shape(shape: str, limit: float) -> Target:
    return Target(f"a sandbox with {shape}", limit, "x a plain one", "shapes", {"shape": shape}, "made_ratio.median")


def _counted(way: str, **limits: float) -> Iterator[Target]:
    for name, limit in limits.items():
        yield Target(f"{name} for a sandbox {way}", limit, "", "counts.sandboxes", {"way": way}, name)


COUNTED = (
    *_counted("made in one call", sends=9.5, observes=1.1, locks=0.2, opens=8.5, reads=4, waits=3),
    *_counted("made in a call each", sends=12.5, observes=2, locks=3, opens=9.5, reads=12, waits=8),
    *_counted("looked at again", sends=5, observes=0.1, locks=0.1, opens=3.5, reads=4, waits=2),
    *_counted("destroyed in one call", sends=2, observes=0.1, locks=0.2, opens=1.5, reads=3, waits=8),
    *_counted("destroyed in a call each", sends=6.5, observes=1, locks=3, opens=3.5, reads=12),
)
"""What noise does not touch; waits the least, so they have room."""
TARGETS = (
    _setup(100, "one", 1.7),
    _setup(1000, "one", 1.55),
    _setup(5000, "one", 2.5),
    _setup(100, "each", 2.2),
    _setup(1000, "each", 1.85),
    Target(
        "the 5,000th sandbox, a call for each",
        1.3,
        "x the 500th",
        "sandboxes",
        {"sandboxes": 5000, "calls": "each"},
        "late_ratio.median",
    ),
    _teardown("one", "one call"),
    _teardown("each", "a call each"),
    Target("destroy of one", 2.4, f"{FLOOR}'s set-up", "cycle", {}, "destroy_ratio.median"),
    Target("apply and destroy of one", 4.8, f"{FLOOR}'s set-up", "cycle", {}, "cycle_ratio.median"),
    _look("apply", 1000, 0.31),
    _look("diff", 1000, 0.31),
    _look("links", 1000, 0.23),
    _look("apply", 5000, 0.36),
    _look("diff", 5000, 0.36),
    Target("netbuilder ps, 1,000 sandboxes", 0.75, f"{FLOOR}'s set-up", "ps", {"sandboxes": 1000}, "ratio.median"),
    _program("up, the first", "up_first", 15.5),
    _program("up, nothing to do", "up", 15.5),
    _program("diff", "diff", 15.5),
    _program("ps", "ps", 15.5),
    _program("exec NAME -- true", "exec", 8.5),
    _program("--help", "help", 2.3),
    _packet("TCP handshake through one published port", "connect"),
    _packet("first UDP packet through one published port", "first_in"),
    _packet("one byte there and back, established", "established"),
    _flat("TCP handshake, 5,000 ports published", "connect"),
    _flat("first UDP packet, 5,000 ports published", "first_in"),
    _shape("both families", 1.3),
    _shape("two networks", 2.0),
    _shape("a range of 10,000 ports", 2.0),
    _port("one more port of a sandbox", "added_ms"),
    _port("a new sandbox with one port", "new_sandbox_ms"),
    _port("a new sandbox after a destroy", "after_destroy_ms"),
    *COUNTED,
)


def held_against(results: dict[str, Any], targets: Sequence[Target] = TARGETS) -> list[dict[str, Any]]:
    """Each target with what was measured, and whether that is reached; None for what was not measured."""
    rows = []
    for target in targets:
        value = _value(results, target)
        reached = None if value is None else value <= target.limit
        rows.append({**_told(target), "value": value, "reached": reached})
    return rows


def missed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that were measured and are not reached."""
    return [row for row in rows if row["reached"] is False]


def _told(target: Target) -> dict[str, Any]:
    return {"what": target.what, "limit": target.limit, "unit": target.unit}


def _value(results: dict[str, Any], target: Target) -> float | None:
    section = _at(results, target.section) or []
    rows = section if isinstance(section, list) else [section]
    found = [row for row in rows if all(row.get(name) == value for name, value in target.row.items())]
    return _at(found[0], target.field) if found else None


def _at(where: Any, path: str) -> Any:
    """What is in a field of a field; None if one of them is not there."""
    for name in path.split("."):
        where = where.get(name) if isinstance(where, dict) else None
    return where
