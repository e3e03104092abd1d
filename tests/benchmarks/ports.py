"""What one more published port costs when many are published already: it should not matter how many.

ports.py N ROUNDS    with N ports published; prints the milliseconds of each round as JSON
"""

from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import Any

from measure import between, fresh, settle

LEVELS, REPEATS, ROUNDS = (10, 100, 1000, 10000), 20, 3
QUICK = (10,)
FIRST, SPARE = 10000, 9000  # the first of the ports that are there already, and the first of those that come and go


def measure(published: int, repeats: int) -> dict[str, list[float]]:
    """One round, in this process. Only what adds the port is on the clock, not what takes it back."""
    from netbuilder import Bridge, Host, Network, Sandbox

    def box(name: str, *ports: str) -> Sandbox:
        return Sandbox(name=name, mode=Bridge(network="lab", publish=ports))

    def timed(*boxes: Sandbox) -> float:
        began = time.perf_counter()
        host.apply(*boxes)
        return (time.perf_counter() - began) * 1e3

    many = f"{FIRST}-{FIRST + published - 1}:{FIRST}-{FIRST + published - 1}"
    before, rounds = box("web", f"{SPARE}:80"), range(1, repeats + 1)
    host = Host.isolated()
    try:
        host.apply(Network(name="lab", subnet="10.9.0.0/16"), before)
        costs = {"all_ms": [timed(box("many", many))], "added_ms": [], "new_sandbox_ms": [], "after_destroy_ms": []}
        for at in rounds:
            costs["added_ms"].append(timed(box("web", f"{SPARE}:80", f"{SPARE + at}:81")))
            host.apply(before)
        for at in rounds:
            costs["new_sandbox_ms"].append(timed(box(f"new{at}", f"{SPARE + at}:80")))
        for at in rounds:
            host.destroy(f"new{at}")
            costs["after_destroy_ms"].append(timed(box(f"new{at}", f"{SPARE + at}:80")))
        costs["added_to_all_ms"] = [timed(box("many", many, f"{SPARE - 1}:81"))]
        host.destroy_all()
    finally:
        host.close()
    return costs


# In the process of the benchmark


def compare(quick: bool) -> list[dict[str, Any]]:
    """A row for each number of ports; the levels take turns."""
    levels = QUICK if quick else LEVELS
    rounds: dict[int, list[dict[str, float]]] = {level: [] for level in levels}
    for _ in range(1 if quick else ROUNDS):
        for level in levels:
            settle()
            costs = fresh("ports.py", level, 2 if quick else REPEATS)
            rounds[level].append({name: median(values) for name, values in costs.items()})
    return [{"published": level, **_middle(rounds[level], rounds[levels[0]])} for level in levels]


def _middle(rounds: list[dict[str, float]], few: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """With a ratio to the same round of the lowest level."""
    ratios = {name: median(own[name] / low[name] for own, low in zip(rounds, few, strict=True)) for name in rounds[0]}
    return {name: {**between([one[name] for one in rounds]), "flat_ratio": ratios[name]} for name in rounds[0]}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
