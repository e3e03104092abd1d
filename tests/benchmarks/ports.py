"""What one more published port costs when many are published already: it should not matter how many.

    ports.py N ROUNDS    with N ports published; prints the milliseconds of each round as JSON
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
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

    many = f"{FIRST}-{FIRST + published - 1}:{FIRST}-{FIRST + published - 1}"
    host = Host.isolated()
    try:
        host.apply(Network(name="lab", subnet="10.9.0.0/16"), box("web", f"{SPARE}:80"))
        first = _timed(lambda: host.apply(box("many", many)))
        new, added, grown = [], [], []
        for at in range(1, repeats + 1):
            one = box("new", f"{SPARE + at}:80")
            new.append(_timed(lambda one=one: host.apply(one)))
            host.destroy("new")
            more = box("web", f"{SPARE}:80", f"{SPARE + at}:81")
            added.append(_timed(lambda more=more: host.apply(more)))
            host.apply(box("web", f"{SPARE}:80"))
        for at in range(3):
            big = box("many", many, f"{SPARE + 100 + at}:81")
            grown.append(_timed(lambda big=big: host.apply(big)))
        host.destroy()
    finally:
        host.close()
    return {"all_ms": [first], "new_sandbox_ms": new, "added_ms": added, "added_to_all_ms": grown}


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1e3


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
    return [{"published": level, **_middle(rounds[level])} for level in levels]


def _middle(rounds: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {name: between([one[name] for one in rounds]) for name in rounds[0]}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
