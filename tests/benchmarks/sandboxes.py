"""Set-up and tear-down of sandboxes in bridge mode with one published port each, beside the kernel's own price.

sandboxes.py N one|each    N sandboxes in one call of Host.apply or in N calls; prints what it cost as JSON
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from measure import between, fresh, middle, settle, spread

CALLS = ("one", "each")
ROUNDS = {1: 11, 10: 9, 100: 7, 1000: 3}
QUICK = {1: 1, 10: 1}


def measure(count: int, calls: str) -> dict[str, Any]:
    """One round, in this process. The network and the rules are there before the clock starts."""
    began = time.perf_counter()
    from netbuilder import Bridge, Host, Network, Sandbox

    imported = time.perf_counter()
    host = Host.isolated()
    try:
        opened = time.perf_counter()
        host.apply(Network(name="lab", subnet="10.9.0.0/16"))
        ready = time.perf_counter()
        specs = [
            Sandbox(name=f"box{at}", mode=Bridge(network="lab", publish=[f"{10000 + at}:80"])) for at in range(count)
        ]
        setup = _timed(host, [specs] if calls == "one" else [[spec] for spec in specs])
        before = time.perf_counter()
        host.destroy(*(spec.name for spec in specs))
        teardown = time.perf_counter() - before
    finally:
        host.close()
    return {
        "import_ms": (imported - began) * 1e3,
        "open_ms": (opened - imported) * 1e3,
        "network_ms": (ready - opened) * 1e3,
        "setup_ms": setup,
        "teardown_s": teardown,
    }


def _timed(host: Any, batches: list[list[Any]]) -> list[float]:
    """The milliseconds that each call took, for each of the sandboxes that it made."""
    costs = []
    for batch in batches:
        began = time.perf_counter()
        host.apply(*batch)
        costs.append((time.perf_counter() - began) * 1e3 / len(batch))
    return costs


# In the process of the benchmark


def compare(quick: bool) -> Iterator[dict[str, Any]]:
    """A row for each number of sandboxes and each way to ask for them; the floor is measured ahead of each round."""
    for count, rounds in (QUICK if quick else ROUNDS).items():
        pairs: dict[str, list[tuple[Any, Any]]] = {calls: [] for calls in CALLS}
        for _ in range(rounds):
            for calls in CALLS:
                settle()
                floor = fresh("floor.py", count)
                settle()
                pairs[calls].append((floor, fresh("sandboxes.py", count, calls)))
        yield from (_row(count, calls, pairs[calls]) for calls in CALLS)


def _row(count: int, calls: str, pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    floors, ours = ([pair[side] for pair in pairs] for side in (0, 1))
    return {
        "sandboxes": count,
        "calls": calls,
        "rounds": len(pairs),
        "setup_ms": _setup(ours, calls),
        "teardown_s": median(one["teardown_s"] for one in ours),
        "floor_setup_ms": _setup(floors, "each"),
        "floor_teardown_s": median(one["teardown_s"] for one in floors),
        "setup_ratio": between([sum(own["setup_ms"]) / len(own["setup_ms"]) / _mean(low) for low, own in pairs]),
        "teardown_ratio": between([own["teardown_s"] / low["teardown_s"] for low, own in pairs]),
        "network_ms": median(one["network_ms"] for one in ours),
        "import_ms": median(one["import_ms"] for one in ours),
        "open_ms": median(one["open_ms"] for one in ours),
    }


def _mean(one: Any) -> float:
    return spread(one["setup_ms"])["mean"]


def _setup(rounds: list[Any], calls: str) -> dict[str, float | None]:
    """One call for all is over at once, so that no sandbox has a time of its own: there is only a mean."""
    figures = middle(spread(one["setup_ms"]) for one in rounds)
    return {"mean": figures["mean"], "median": None, "p99": None} if calls == "one" else {**figures}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), sys.argv[2])))
