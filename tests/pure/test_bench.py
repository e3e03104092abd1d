"""The benchmark's arithmetic."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks import measure, report


def test_spread() -> None:
    figures = measure.spread([float(number) for number in range(1, 101)])
    assert figures == {"mean": 50.5, "median": 50.5, "p99": 99.0}


@pytest.mark.parametrize(
    ("values", "share", "expected"), [([7.0], 0.99, 7.0), ([3.0, 1.0, 2.0], 0.99, 3.0), ([3.0, 1.0, 2.0], 0.5, 2.0)]
)
def test_percentile_is_one_of_the_values(values: list[float], share: float, expected: float) -> None:
    assert measure.percentile(values, share) == expected


def test_one_bad_round_of_three_does_not_count() -> None:
    assert measure.middle([{"mean": 1.0}, {"mean": 2.0}, {"mean": 100.0}]) == {"mean": 2.0}
    assert measure.between([1.0, 2.0, 100.0]) == {"median": 2.0, "lowest": 1.0, "highest": 100.0}


def results(**changes: Any) -> dict[str, Any]:
    """As a run that measured only what is given."""
    return {"sandboxes": [], "ports": [], "ps": None, "starts": {}, **changes}


def row(count: int, ratio: float, teardown: float = 1.0) -> dict[str, Any]:
    return {"sandboxes": count, "calls": "one", "setup_ratio": {"median": ratio}, "teardown_s": teardown}


def reached(given: dict[str, Any]) -> dict[str, bool]:
    return {target["what"]: target["reached"] for target in report.targets(given) if target["reached"] is not None}


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    assert reached(results()) == {}


def test_setup_is_held_against_the_floor() -> None:
    what = "set-up of 100 sandboxes, one call for all"
    assert reached(results(sandboxes=[row(100, 2.5)]))[what] is True
    assert reached(results(sandboxes=[row(100, 2.6)]))[what] is False


def test_the_slower_teardown_counts() -> None:
    rows = [row(1000, 1.0, 1.9), {**row(1000, 1.0, 2.1), "calls": "each"}]
    assert reached(results(sandboxes=rows))["tear-down of 1000 sandboxes"] is False


def test_ports_are_flat_if_ten_thousand_cost_what_ten_do() -> None:
    few, many = ({name: {"median": cost} for name in report.FLAT} for cost in (2.0, 3.1))
    assert set(reached(results(ports=[{"published": 10, **few}, {"published": 10000, **few}])).values()) == {True}
    assert set(reached(results(ports=[{"published": 10, **few}, {"published": 10000, **many}])).values()) == {False}


def test_commands() -> None:
    given = results(ps={"sandboxes": 1000, "seconds": 1.1}, starts={"help_ratio": 3.0})
    assert reached(given) == {"netbuilder ps over 1000 sandboxes": False, "netbuilder --help": True}
    assert reached(results(ps={"sandboxes": 10, "seconds": 0.1})) == {}
