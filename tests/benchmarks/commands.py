"""What it costs to start: importing the package, `netbuilder --help`, and `netbuilder ps` on a full host.

commands.py N ROUNDS    `netbuilder ps` over N sandboxes; prints the seconds of each round as JSON
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from statistics import median
from typing import Any

from measure import fresh, seconds, settle

PS, REPEATS, STARTS = 1000, 5, 15
NETBUILDER = [sys.executable, "-m", "netbuilder"]
PROGRAMS = {
    "interpreter": [sys.executable, "-c", "pass"],
    "package": [sys.executable, "-c", "import netbuilder"],
    "names": [sys.executable, "-c", "from netbuilder import Bridge, Host, Network, Sandbox"],
    "help": [*NETBUILDER, "--help"],
}


def measure(count: int, repeats: int) -> list[float]:
    """One round, in this process: seconds for each `netbuilder ps`."""
    from netbuilder import Bridge, Host, Network, Sandbox

    host = Host.isolated()
    try:
        boxes = [Sandbox(name=f"box{at}", mode=Bridge(network="lab", publish=["80"])) for at in range(count)]
        host.apply(Network(name="lab", subnet="10.9.0.0/16"), *boxes)
        costs = []
        for _ in range(repeats):
            began = time.perf_counter()
            shown = host.run([*NETBUILDER, "ps"], capture_output=True, check=True)
            costs.append(time.perf_counter() - began)
            if shown.stdout.count(b"box") < count:
                raise RuntimeError("netbuilder ps does not show every sandbox")
        host.destroy_all()
    finally:
        host.close()
    return costs


# In the process of the benchmark


def starts(quick: bool) -> dict[str, float]:
    """Milliseconds from the start to the end of some short programs, which take turns; the first turn only warms up."""
    programs = {name: command for name, command in PROGRAMS.items() if name != "help" or _has_cli()}
    turns = [{name: _ms(command) for name, command in programs.items()} for _ in range(3 if quick else STARTS)]
    figures = {f"{name}_ms": median(turn[name] for turn in turns[1:]) for name in programs}
    if "help_ms" in figures:
        figures["help_ratio"] = median(turn["help"] / turn["interpreter"] for turn in turns[1:])
    return figures


def _ms(command: Sequence[str]) -> float:
    return seconds(command) * 1e3


def ps(quick: bool) -> dict[str, Any] | None:
    """Seconds that `netbuilder ps` takes; None without a command line."""
    if not _has_cli():
        return None
    count = 10 if quick else PS
    settle()
    costs = fresh("commands.py", count, 1 if quick else REPEATS)
    return {"sandboxes": count, "seconds": median(costs)}


def _has_cli() -> bool:
    return find_spec("netbuilder.__main__") is not None and find_spec("netbuilder.cli") is not None


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
