#!/usr/bin/env python3
"""Measures netbuilder beside the kernel's own price and beside others: docs/BENCHMARK.md tells what, and how.

usage: bench.py [--json FILE] [--quick | --counts] [--check]

Everything happens on throw-away hosts; as an ordinary user too, where the system allows it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import commands
import counts
import cycle
import path
import peers
import ports
import report
import sandboxes
import shapes
import targets
from measure import Failed, compiled_once
from rich.console import Console

from netbuilder.kernel.privileges import missing_capabilities


def main() -> int:
    """Measure, show, and write down."""
    options = _options()
    with compiled_once():
        try:
            results = measure(options.quick, Console(stderr=True), counts_only=options.counts)
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
    # A table is not broken into pieces where its lines go into a file.
    report.show(Console(width=None if sys.stdout.isatty() else 160), results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 1 if options.check and targets.missed(results["targets"]) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there")
    less = parser.add_mutually_exclusive_group()
    less.add_argument("--quick", action="store_true", help="small numbers and one round: whether it runs at all")
    less.add_argument("--counts", action="store_true", help="only what is counted, not what is timed")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    return parser.parse_args()


def measure(quick: bool, console: Console, *, counts_only: bool = False) -> dict[str, Any]:
    """All figures, by name; see docs/BENCHMARK.md."""
    results: dict[str, Any] = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "quick": quick}
    results["machine"] = machine()
    for name in ["counts"] if counts_only else SECTIONS:
        title, section = SECTIONS[name]
        with console.status(f"measuring: {title} …"):
            results[name] = section(quick)
    if "sandboxes" in results:
        results["first"] = first(results["sandboxes"])
    results["targets"] = targets.held_against(results, targets.COUNTED if counts_only else targets.TARGETS)
    return results


def first(rows: list[dict[str, Any]]) -> dict[str, float]:
    """What every process pays before its first sandbox, in the median of all rounds."""
    return {name: median(row.pop(name) for row in rows) for name in ("import_ms", "open_ms", "network_ms")}


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "user": "ordinary" if missing_capabilities() else "root",
    }


SECTIONS: dict[str, tuple[str, Callable[[bool], Any]]] = {
    "counts": ("what is asked of the kernel", counts.compare),
    "programs": ("whole programs", commands.compare),
    "cycle": ("a sandbox that comes and goes", cycle.compare),
    "path": ("the packet's path", path.compare),
    "sandboxes": ("sandboxes, and the floor", lambda quick: list(sandboxes.compare(quick))),
    "shapes": ("what more costs", shapes.compare),
    "ports": ("published ports", ports.compare),
    "ps": ("netbuilder ps", commands.full),
    "peers": ("others", peers.compare),
}


if __name__ == "__main__":
    sys.exit(main())
