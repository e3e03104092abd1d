"""How things are measured: each in a process of its own, on a host of its own, after the kernel has cleaned up."""

from __future__ import annotations

import json
import math
import os
import resource
import site
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
PATIENCE = 600.0  # seconds that one measurement may take


@contextmanager
def compiled_once() -> Iterator[None]:
    """Let every process find its modules compiled, as an installed package's are, and leave no file behind."""
    with tempfile.TemporaryDirectory(prefix="netbuilder-bench-") as cache:
        os.environ["PYTHONPYCACHEPREFIX"] = cache
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        yield


@contextmanager
def installed() -> Iterator[str]:
    """An interpreter that finds netbuilder as a wheel's user has it: without the hook of an editable install.

    It takes time at each start, as do those of the tools that the tests are written with.
    """
    with tempfile.TemporaryDirectory(prefix="netbuilder-bench-") as directory:
        venv.EnvBuilder(symlinks=True).create(directory)
        (packages,) = Path(directory).glob("lib/python*/site-packages")
        paths = [HERE.parent.parent, *map(Path, site.getsitepackages())]
        (packages / "benchmark.pth").write_text("".join(f"{path}\n" for path in paths))
        yield f"{directory}/bin/python"


class Failed(Exception):
    """A measurement that came to nothing; its message is all that the process had to say."""


def fresh(script: str, *args: object) -> Any:
    """What a script of this directory prints as JSON, run in a process of its own."""
    command = [sys.executable, str(HERE / script), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode:
        raise Failed(done.stderr.strip() or f"{script} ended with {done.returncode}")
    return json.loads(done.stdout)


def settle() -> None:
    """Wait until the kernel has cleaned up what the last measurement left: it would slow down the next."""
    fresh("floor.py", "settle")


class Usage(NamedTuple):
    """What a program took from its start to its end: milliseconds, and those of processor time."""

    ms: float
    cpu_ms: float


def run(command: Sequence[str]) -> Usage:
    """Run a program that must not fail."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise Failed(done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Usage(took * 1e3, cpu * 1e3)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share of the values does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean, median and 99th percentile."""
    return {
        "mean": statistics.fmean(values),
        "median": statistics.median(values),
        "p99": percentile(values, 0.99),
    }


def middle(rounds: Iterable[dict[str, float]]) -> dict[str, float]:
    """Several rounds as one: the median of each figure."""
    rounds = list(rounds)
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def between(values: Sequence[float]) -> dict[str, float]:
    """The median of several rounds, and the two ends of them."""
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}
