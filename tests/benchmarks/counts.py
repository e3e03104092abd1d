"""What a call asks of the kernel, counted: sends, looks and locks cost the same everywhere, whatever the clock says.

counts.py    prints the counts of a first `up`, of one that changes nothing, and of one more sandbox, as JSON
"""

from __future__ import annotations

import fcntl
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

COUNTED = ("sends", "observes", "locks")


def measure() -> list[dict[str, Any]]:
    """A row for each call, in this process."""
    from netbuilder import Bridge, Host, Network, Sandbox

    lab = Network(name="lab")
    web, more = (Sandbox(name=name, mode=Bridge(network="lab", publish=["80"])) for name in ("web", "more"))
    calls = {
        "a network and a sandbox": (lab, web),
        "the same again": (lab, web),
        "one more sandbox": (lab, more),
    }
    with Host.isolated() as host:
        return [{"call": call, **counted(lambda specs=specs: host.apply(*specs))} for call, specs in calls.items()]  # type: ignore[misc]


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


# In the process of the benchmark


def compare(quick: bool) -> list[dict[str, Any]]:
    """A row for each call."""
    from measure import fresh

    rows: list[dict[str, Any]] = fresh("counts.py")
    return rows


if __name__ == "__main__":
    print(json.dumps(measure()))
