"""What a call asks of the kernel, counted: it is the same everywhere, whatever the clock says.

counts.py calls        prints the counts of a first `up`, of one that changes nothing, and of one more sandbox, as JSON
counts.py sandboxes    those for each of many sandboxes, made in one call and in a call each, and destroyed
"""

from __future__ import annotations

import fcntl
import json
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

COUNTED = ("sends", "observes", "locks")
MANY, BATCHES = 25, 3
IO = Path("/proc/self/io")


def calls() -> list[dict[str, Any]]:
    """A row for each call, in this process."""
    from netbuilder import Bridge, Host, Network, Sandbox

    lab = Network(name="lab")
    web, more = (Sandbox(name=name, mode=Bridge(network="lab", publish=["80"])) for name in ("web", "more"))
    asked = {
        "a network and a sandbox": (lab, web),
        "the same again": (lab, web),
        "one more sandbox": (lab, more),
    }
    with Host.isolated() as host:
        return [{"call": call, **counted(lambda specs=specs: host.apply(*specs))} for call, specs in asked.items()]  # type: ignore[misc]


def counted(call: Callable[[], object]) -> dict[str, int]:
    """What a call comes to: sends to the kernel, looks at it (each for many queries), and locks taken."""
    with counting() as counts:
        call()
    return {name: counts[name] for name in COUNTED}


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Counts for the length of a `with` block."""
    from netbuilder.kernel.kernel import Kernel
    from netbuilder.kernel.netlink import Netlink
    from netbuilder.kernel.nft import Nft

    counts: Counter[str] = Counter()

    def counter(name: str, function: Callable[..., Any], counts_too: Callable[..., bool]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            counts[name] += counts_too(*args)
            return function(*args, **kwargs)

        return wrapped

    def takes(fd: int, operation: int) -> bool:
        return operation == fcntl.LOCK_EX

    wrapped = (
        (Netlink, "_exchange", "sends", lambda socket, encoded, replies: bool(encoded)),
        (Netlink, "commit", "sends", lambda *args: True),
        (Nft, "run", "sends", lambda *args: True),
        (Kernel, "observe", "observes", lambda *args: True),
        (fcntl, "flock", "locks", takes),
    )
    patches = [
        patch.object(owner, name, counter(what, getattr(owner, name), which)) for owner, name, what, which in wrapped
    ]
    for one in patches:
        one.start()
    try:
        yield counts
    finally:
        for one in patches:
            one.stop()


# For each of many sandboxes


def sandboxes() -> list[dict[str, Any]]:
    """A row for each way to make many sandboxes, and for taking them back, in this process.

    Of several batches, the one with the fewest of each: more come only from what else the machine does.
    """
    from netbuilder import Bridge, Host, Network, Sandbox

    opened: list[int] = [0]
    sys.addaudithook(lambda event, args: opened.__setitem__(0, opened[0] + (event == "open")))
    lab = Network(name="lab", subnet="10.9.0.0/16")
    boxes = [Sandbox(name=f"box{at}", mode=Bridge(network="lab", publish=[f"{10000 + at}:80"])) for at in range(MANY)]
    rows: dict[str, list[dict[str, float]]] = {}
    with Host.isolated() as host:
        ways: dict[str, Callable[[], object]] = {
            "made in one call": lambda: host.apply(*boxes),
            "looked at again": lambda: host.apply(*boxes),
            "destroyed in one call": lambda: host.destroy(*boxes),
            "made in a call each": lambda: [host.apply(box) for box in boxes],
            "destroyed in a call each": lambda: [host.destroy(box) for box in boxes],
        }
        host.apply(lab, Sandbox(name="first", mode=Bridge(network="lab", publish=["80"])))
        for _ in range(BATCHES):
            for way, call in ways.items():
                rows.setdefault(way, []).append(_each(call, opened))
    return [
        {"way": way, **{name: min(one[name] for one in batches) for name in batches[0]}}
        for way, batches in rows.items()
    ]


def _each(call: Callable[[], object], opened: list[int]) -> dict[str, float]:
    before = _used(opened)
    counts = counted(call)
    after = _used(opened)
    used = {name: count - before[name] for name, count in after.items()}
    return {name: count / MANY for name, count in {**counts, **used}.items()}


def _used(opened: list[int]) -> dict[str, int]:
    """So far by this process: files that Python opened, waits, and where the kernel counts them, file operations."""
    used = {"opens": opened[0], "waits": resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw}
    if IO.exists():
        told = dict(line.split(": ") for line in IO.read_text().splitlines())
        used |= {"reads": int(told["syscr"]), "writes": int(told["syscw"])}
    return used


# In the process of the benchmark


def compare(quick: bool) -> dict[str, list[dict[str, Any]]]:
    """A row for each call, and for each way to make or destroy many."""
    from measure import fresh

    return {what: fresh("counts.py", what) for what in ("calls", "sandboxes")}


if __name__ == "__main__":
    print(json.dumps({"calls": calls, "sandboxes": sandboxes}[sys.argv[1]]()))
