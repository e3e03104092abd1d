"""The benchmark's arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import measure, rules, targets


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
    return {"sandboxes": [], "ports": [], "counts": {"calls": [], "sandboxes": []}, **changes}


def row(count: int, ratio: float, calls: str = "one") -> dict[str, Any]:
    return {"sandboxes": count, "calls": calls, "setup_ratio": {"median": ratio}, "late_ratio": None}


def reached(given: dict[str, Any]) -> dict[str, bool]:
    return {one["what"]: one["reached"] for one in targets.held_against(given) if one["reached"] is not None}


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    assert reached(results()) == {}
    assert targets.missed(targets.held_against(results())) == []


def test_setup_is_held_against_the_floor() -> None:
    what = "set-up of 100, one call for all"
    assert reached(results(sandboxes=[row(100, 1.7), row(100, 9, "each")]))[what] is True
    given = results(sandboxes=[row(100, 1.71)])
    assert reached(given) == {what: False}
    (missed,) = targets.missed(targets.held_against(given))
    assert (missed["what"], missed["value"], missed["limit"], missed["unit"]) == (what, 1.71, 1.7, "x floor")


def test_counts_are_held_for_each_way() -> None:
    given = results(counts={"calls": [], "sandboxes": [{"way": "made in a call each", "locks": 3.0, "observes": 2.1}]})
    assert reached(given) == {
        "locks for a sandbox made in a call each": True,
        "observes for a sandbox made in a call each": False,
    }


def test_a_section_may_be_one_object() -> None:
    given = results(ps={"sandboxes": 10, "ratio": {"median": 9.0}}, cycle={"destroy_ratio": {"median": 2.4}})
    assert reached(given) == {"destroy of one": True}


def test_every_target_is_of_something_else() -> None:
    assert len({one.what for one in targets.TARGETS}) == len(targets.TARGETS)
    assert len({(one.section, str(one.row), one.field) for one in targets.TARGETS}) == len(targets.TARGETS)


def test_the_document_has_the_targets() -> None:
    text = Path(__file__).parents[2].joinpath("docs/BENCHMARK.md").read_text()
    table = text.partition("## Targets\n")[2].partition("|---|---|---|\n")[2].partition("\n\n")[0]
    assert table.splitlines() == [f"| {one.what} | {one.limit:g} | {one.unit} |" for one in targets.TARGETS]


# The rules to measure beside


def test_docker_shaped_rules_have_three_a_port_and_protocol() -> None:
    few, many = (rules.docker_shaped("br0", "10.9.0.0/16", "10.9.0.2", range(10000, 10000 + n)) for n in (1, 5))
    for text, ports in ((few, 1), (many, 5)):
        assert text.count("counter dnat to 10.9.0.2:") == 2 * ports
        assert text.count("ip saddr 10.9.0.2 ip daddr 10.9.0.2") == 2 * ports
        assert text.count(" dport ") == 6 * ports
