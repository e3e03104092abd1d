"""A user's strict type checker takes what is right, and refuses what is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_users_code_is_checked_as_it_is_meant() -> None:
    # As in a project that has no settings of its own for pydantic.
    options = ["--strict", "--config-file=", "--follow-imports=silent", "--cache-dir=.mypy_cache/sample"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "tests/typed/sample.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.startswith("Success"), done.stdout + done.stderr
