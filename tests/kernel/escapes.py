"""What a program does to live on after its sandbox, and how it is found then: by a word that only it is called with."""

from __future__ import annotations

import secrets
from pathlib import Path

ESCAPES = {
    "child": "sleep WORD & sh -c 'sleep WORD & wait' & wait",
    "orphan": "sh -c 'sleep WORD & sleep WORD &' & wait $!",
    "setsid": "setsid sleep WORD & setsid sh -c 'setsid sleep WORD & wait' &",
    "nohup": "nohup sleep WORD & disown 2>/dev/null || true",
    "no environment": "env -i $(command -v setsid) $(command -v sleep) WORD &",
    "deaf": "setsid sh -c \"trap '' TERM HUP INT; while :; do sleep WORD; done\" &",
    "deaf itself": "trap '' TERM HUP INT; while :; do sleep WORD; done",
    "stopped": "setsid sh -c 'kill -STOP $$; sleep WORD' &",
    "other namespaces": "setsid unshare --net --mount --ipc sleep WORD &",
    "many": "for i in $(seq 60); do setsid sleep WORD & done",
}
"""Scripts for sh."""


def word() -> str:
    """A number that nothing else sleeps for."""
    return f"99999.{secrets.randbelow(10**12)}"


def running(word: str) -> list[int]:
    """The processes that were called with a word; a dead one is called nothing any more."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and word.encode() in process.joinpath("cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:  # it has just ended
            continue
    return found
