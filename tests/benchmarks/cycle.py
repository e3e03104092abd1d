"""A sandbox that comes and goes, again and again by the same name, as a test's fixture has it.

cycle.py ROUNDS    prints the milliseconds of each apply and of each destroy as JSON
"""

from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import Any

from measure import between, fresh, settle

REPEATS, ROUNDS, FLOOR = 40, 5, 40


def measure(repeats: int) -> dict[str, list[float]]:
    """One round, in this process, on a host where the network and another sandbox stand."""
    from netbuilder import Bridge, Host, Network, Sandbox

    other, box = (Sandbox(name=name, mode=Bridge(network="lab", publish=["80"])) for name in ("other", "box"))
    costs: dict[str, list[float]] = {"apply_ms": [], "destroy_ms": [], "cycle_ms": []}
    with Host.isolated() as host:
        host.apply(Network(name="lab", subnet="10.9.0.0/16"), other)
        for _ in range(repeats):
            began = time.perf_counter()
            host.apply(box)
            between_both = time.perf_counter()
            host.destroy("box")
            ended = time.perf_counter()
            for name, took in zip(costs, (between_both - began, ended - between_both, ended - began), strict=True):
                costs[name].append(took * 1e3)
    return costs


# In the process of the benchmark


def compare(quick: bool) -> dict[str, Any]:
    """Each part beside what the kernel takes to make a sandbox: its own destruction has a wait that nobody needs."""
    rounds = [_round(2 if quick else REPEATS) for _ in range(1 if quick else ROUNDS)]
    parts = [name.removesuffix("_ms") for name in rounds[0][1]]
    return {
        "floor_setup_ms": between([floor for floor, _ in rounds]),
        **{f"{part}_ms": between([own[f"{part}_ms"] for _, own in rounds]) for part in parts},
        **{f"{part}_ratio": between([own[f"{part}_ms"] / floor for floor, own in rounds]) for part in parts},
    }


def _round(repeats: int) -> tuple[float, dict[str, float]]:
    settle()
    floor = median(fresh("floor.py", FLOOR)["setup_ms"])
    settle()
    return floor, {name: median(costs) for name, costs in fresh("cycle.py", repeats).items()}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
