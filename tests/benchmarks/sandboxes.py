"""Sandboxes in bridge mode with one published port each, beside the kernel's own price: made, looked at, taken back.

sandboxes.py N one|each    N sandboxes in one call of Host.apply or in N calls; prints what it cost as JSON
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from measure import between, fresh, middle, settle, spread

CALLS = ("one", "each")
ROUNDS = {1: 11, 10: 9, 100: 7, 1000: 3, 5000: 1}
QUICK = {1: 1, 10: 1}
PER_NETWORK = 1000  # a bridge has 1,023 ports at most
EARLY, LATE, AROUND = 500, 5000, 50  # sandboxes to compare, the median of those around each


def measure(count: int, calls: str) -> dict[str, Any]:
    """One round, in this process. The networks and the rules are there before the clock starts."""
    began = time.perf_counter()
    from netbuilder import Bridge, Host, Network, Sandbox

    imported = time.perf_counter()
    host = Host.isolated()
    try:
        opened = time.perf_counter()
        networks = [Network(name=f"lab{at}", subnet=f"10.{9 + at}.0.0/16") for at in range(-(-count // PER_NETWORK))]
        host.apply(*networks)
        ready = time.perf_counter()
        specs = [
            Sandbox(name=f"box{at}", mode=Bridge(network=networks[at // PER_NETWORK], publish=[f"{10000 + at}:80"]))
            for at in range(count)
        ]
        memory, cpu, waits = _memory_kb(), time.process_time(), _waits()
        setup = _timed(host, [specs] if calls == "one" else [[spec] for spec in specs])
        used = {
            "cpu_ms": (time.process_time() - cpu) * 1e3 / count,
            "waits": (_waits() - waits) / count,
            "memory_kb": (_memory_kb() - memory) / count,
        }
        looks = _looks(host, [*networks, *specs]) if calls == "one" else None
        teardown = _seconds(lambda: host.destroy(*(spec.name for spec in specs)))
    finally:
        host.close()
    return {
        "import_ms": (imported - began) * 1e3,
        "open_ms": (opened - imported) * 1e3,
        "network_ms": (ready - opened) * 1e3,
        "setup_ms": setup,
        "used": used,
        "looks": looks,
        "teardown_s": teardown,
    }


def _timed(host: Any, batches: list[list[Any]]) -> list[float]:
    """The milliseconds that each call took, for each of the sandboxes that it made."""
    return [_seconds(lambda batch=batch: host.apply(*batch)) * 1e3 / len(batch) for batch in batches]


def _looks(host: Any, specs: list[Any]) -> dict[str, float]:
    """Seconds for a look at all that stands, where nothing is to be done."""
    looks: dict[str, Callable[[], object]] = {
        "apply_s": lambda: host.apply(*specs),
        "diff_s": lambda: host.diff(*specs),
        "links_s": host.links,
    }
    return {name: _seconds(look) for name, look in looks.items()}


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _memory_kb() -> float:
    """What of this process is in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1024


def _waits() -> int:
    """How often this process has waited so far (voluntary context switches of all its threads)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


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
        "used": middle(one["used"] for one in ours),
        "teardown_s": median(one["teardown_s"] for one in ours),
        "floor_setup_ms": _setup(floors, "each"),
        "floor_teardown_s": median(one["teardown_s"] for one in floors),
        "setup_ratio": between([fmean(own["setup_ms"]) / fmean(low["setup_ms"]) for low, own in pairs]),
        "teardown_ratio": between([own["teardown_s"] / low["teardown_s"] for low, own in pairs]),
        "late_ratio": between([_late(one["setup_ms"]) for one in ours]) if _has_late(count, calls) else None,
        "looks": middle(one["looks"] for one in ours) if calls == "one" else None,
        "look_ratios": _look_ratios(pairs) if calls == "one" else None,
        "network_ms": median(one["network_ms"] for one in ours),
        "import_ms": median(one["import_ms"] for one in ours),
        "open_ms": median(one["open_ms"] for one in ours),
    }


def _look_ratios(pairs: list[tuple[Any, Any]]) -> dict[str, dict[str, float]]:
    """What a look at all of them costs beside what the kernel takes to make them."""
    return {
        name.removesuffix("_s"): between([own["looks"][name] * 1e3 / sum(low["setup_ms"]) for low, own in pairs])
        for name in pairs[0][1]["looks"]
    }


def _has_late(count: int, calls: str) -> bool:
    return count >= LATE and calls == "each"


def _late(costs: Sequence[float]) -> float:
    """A late sandbox to an early one."""
    early, late = (median(costs[at - AROUND : at + AROUND]) for at in (EARLY, LATE - AROUND))
    return late / early


def _setup(rounds: list[Any], calls: str) -> dict[str, float | None]:
    """One call for all is over at once, so that no sandbox has a time of its own: there is only a mean."""
    figures = middle(spread(one["setup_ms"]) for one in rounds)
    return {"mean": figures["mean"], "median": None, "p99": None} if calls == "one" else {**figures}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), sys.argv[2])))
