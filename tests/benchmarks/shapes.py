"""What more a sandbox costs that has more: both families, one network more, a range of ports.

shapes.py SHAPE N    N sandboxes of one shape, each made in a call of its own; prints the milliseconds of each as JSON
"""

from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import Any

from measure import between, fresh, settle

SHAPES = ("plain", "both families", "two networks", "a range of 10,000 ports")
NUMBER, ROUNDS = 60, 5


def measure(shape: str, count: int) -> dict[str, Any]:
    """One round, in this process: what the calls took, and what the same took again."""
    from netbuilder import Bridge, Host, Network, Sandbox

    front = Network("front", subnet="10.9.0.0/16", ipv6=shape == "both families")
    back = Network("back", subnet="10.8.0.0/16")
    on = ["front", "back"] if shape == "two networks" else ["front"]
    made, again = [], []
    with Host.isolated() as host:
        host.apply(front, back, Sandbox("first", mode=Bridge("front")))
        for at in range(count):
            box = Sandbox(f"box{at}", mode=Bridge(endpoints=on, publish=[_ports(shape, at)]))
            made.append(_milliseconds(lambda box=box: host.apply(box)))
            again.append(_milliseconds(lambda box=box: host.apply(box)))
            if shape == SHAPES[-1]:
                host.destroy(box)  # there are not as many ports
    return {"made_ms": median(made), "again_ms": median(again)}


def _ports(shape: str, at: int) -> str:
    return "20000-29999:20000-29999" if shape == SHAPES[-1] else f"{10000 + at}:80"


def _milliseconds(action: Any) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1e3


# In the process of the benchmark


def compare(quick: bool) -> list[dict[str, Any]]:
    """A row for each shape, each beside the plain one of the same round."""
    rounds = [_round(2 if quick else NUMBER) for _ in range(1 if quick else ROUNDS)]
    return [
        {
            "shape": shape,
            "made_ms": between([one[shape]["made_ms"] for one in rounds]),
            "made_ratio": between([one[shape]["made_ms"] / one["plain"]["made_ms"] for one in rounds]),
            "again_ratio": between([one[shape]["again_ms"] / one["plain"]["again_ms"] for one in rounds]),
        }
        for shape in SHAPES
    ]


def _round(count: int) -> dict[str, dict[str, float]]:
    found = {}
    for shape in SHAPES:
        settle()
        found[shape] = fresh("shapes.py", shape, count)
    return found


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
