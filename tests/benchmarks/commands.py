"""What whole programs cost: Python, its imports, and `netbuilder` on a host with one sandbox and on a full one.

commands.py turns PYTHON ROUNDS    each program in turn, on the host where it is started; prints what each took as JSON
commands.py ps PYTHON N ROUNDS     `netbuilder ps` over N sandboxes; prints the seconds of each round as JSON
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from measure import HERE, Usage, between, fresh, installed, run, settle

PS, REPEATS, TURNS = 1000, 5, 12
SCRIPT = "import sys; from netbuilder.cli import main; sys.exit(main())"  # as a wheel's
CODE = {
    "interpreter": "pass",
    "package": "import netbuilder",
    "names": "from netbuilder import Bridge, Host, Network, Sandbox",
}
COMMANDS = {
    "help": "--help",
    "up_first": "up",
    "up": "up",
    "diff": "diff",
    "ps": "ps",
    "inspect": "inspect web",
    "links": "links",
    "exec": "exec web -- true",
    "down": "down",
}
COMPOSE = "services:\n  web:\n    ports: ['8088:80']\n"


def turns(python: str, rounds: int) -> dict[str, list[Usage]]:
    """Every program in turn, in the order of the tables above: what `up` makes is there until `down`."""
    with tempfile.TemporaryDirectory(prefix="netbuilder-bench-") as directory:
        file = Path(directory, "compose.yaml")
        file.write_text(COMPOSE)
        programs = {name: [python, "-c", code] for name, code in CODE.items()}
        for name, line in COMMANDS.items():
            verb, *rest = line.split()
            given = ["-f", str(file)] if verb in ("up", "diff", "down") else []
            programs[name] = [python, "-c", SCRIPT, verb, *given, *rest]
        return _transposed([{name: run(command) for name, command in programs.items()} for _ in range(rounds)])


def _transposed(rounds: list[dict[str, Usage]]) -> dict[str, list[Usage]]:
    return {name: [one[name] for one in rounds] for name in rounds[0]}


def ps(python: str, count: int, repeats: int) -> list[float]:
    """One round, in this process: seconds for each `netbuilder ps`."""
    from netbuilder import Bridge, Host, Network, Sandbox

    host = Host.isolated()
    try:
        boxes = [Sandbox(name=f"box{at}", mode=Bridge(network="lab", publish=["80"])) for at in range(count)]
        host.apply(Network(name="lab", subnet="10.9.0.0/16"), *boxes)
        costs = []
        for _ in range(repeats):
            began = time.perf_counter()
            shown = host.run([python, "-c", SCRIPT, "ps"], capture_output=True, check=True)
            costs.append(time.perf_counter() - began)
            if shown.stdout.count(b"box") < count:
                raise RuntimeError("netbuilder ps does not show every sandbox")
        host.destroy_all()
    finally:
        host.close()
    return costs


def hosted(python: str, rounds: int) -> Any:
    """The turns on a throw-away host."""
    from netbuilder import Host

    with Host.isolated() as host:
        command = [sys.executable, str(HERE / "commands.py"), "turns", python, str(rounds)]
        done = host.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return json.loads(done.stdout)


# In the process of the benchmark


def compare(quick: bool) -> list[dict[str, Any]]:
    """A row for each program; of several turns, the first only warms up."""
    settle()
    with installed() as python:
        costs = fresh("commands.py", "hosted", python, 1 if quick else TURNS)
    used = {name: [Usage(*one) for one in turns[1:] or turns] for name, turns in costs.items()}
    bare = used["interpreter"]
    return [
        {
            "program": name,
            "ms": median(one.ms for one in own),
            "cpu_ms": median(one.cpu_ms for one in own),
            "ratio": between([one.ms / low.ms for one, low in zip(own, bare, strict=True)]),
            "cpu_ratio": between([one.cpu_ms / low.cpu_ms for one, low in zip(own, bare, strict=True)]),
        }
        for name, own in used.items()
    ]


def full(quick: bool) -> dict[str, Any]:
    """`netbuilder ps` on a full host, beside what the kernel takes to make as many sandboxes."""
    count = 10 if quick else PS
    settle()
    floor = sum(fresh("floor.py", count)["setup_ms"]) / 1e3
    settle()
    with installed() as python:
        costs = fresh("commands.py", "ps", python, count, 1 if quick else REPEATS)
    return {"sandboxes": count, "seconds": median(costs), "ratio": between([one / floor for one in costs])}


if __name__ == "__main__":
    script = {"turns": turns, "hosted": hosted, "ps": ps}[sys.argv[1]]
    print(json.dumps(script(sys.argv[2], *map(int, sys.argv[3:]))))  # type: ignore[operator]
