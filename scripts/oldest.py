"""Print the oldest release of each requirement that pyproject.toml allows, as pip takes constraints: pydantic==2.7."""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())["project"]

oldest = PROJECT["requires-python"].removeprefix(">=")
running = f"{sys.version_info.major}.{sys.version_info.minor}"
if running != oldest:
    sys.exit(
        f"Releases that old have no wheels for Python {running}; with the oldest Python that is allowed:\n"
        f"    make test-oldest PYTHON=python{oldest}"
    )

for requirement in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]):
    bound = re.match(r"([\w.-]+)>=([\w.]+)", requirement)
    if not bound:
        sys.exit(f"{requirement}: say from which release on, like {requirement}>=1")
    print(f"{bound[1]}=={bound[2]}")
