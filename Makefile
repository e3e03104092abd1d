# The interpreter that .venv is made from, for example: make test PYTHON=python3.12
PYTHON ?= python3
export PYTHON

# Debian keeps nft and sysctl in directories that an ordinary user's PATH leaves out.
export PATH := $(PATH):/usr/sbin:/sbin

# What test-oldest runs, for example: make test-oldest TESTS=tests/pure
TESTS ?= tests

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

# One stamp for each PYTHON, so that naming another one makes the virtual environment anew.
STAMP := .ready-$(subst /,_,$(PYTHON))
READY := .venv/$(STAMP)
OLDEST := .venv-oldest/$(STAMP)

.PHONY: help setup demo test test-oldest check bench bench-check bench-counts clean

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

setup: $(READY)  ## install what is missing: Debian packages, .venv, the package with its dev extra

demo: $(READY)  ## set up, then run the guided tour
	.venv/bin/python examples/walkthrough.py

test: $(READY)  ## set up, then run the whole test suite
	.venv/bin/python -m pytest -n auto

# The tools that the tests are run with are the oldest too, and so is Python: for a later one they have no wheels.
test-oldest: $(OLDEST)  ## run it with the oldest releases that pyproject.toml allows, in .venv-oldest
	.venv-oldest/bin/python -m pytest -n auto $(TESTS)

check: $(READY)  ## set up, then lint, check the format and check the types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: $(READY)  ## set up, then measure, into benchmark.json
	.venv/bin/python tests/benchmarks/bench.py --json benchmark.json

bench-check: $(READY)  ## the same, and fail where a target of docs/BENCHMARK.md is missed
	.venv/bin/python tests/benchmarks/bench.py --json benchmark.json --check

bench-counts: $(READY)  ## of that only what noise does not touch: what is asked of the kernel for each sandbox
	.venv/bin/python tests/benchmarks/bench.py --counts --check

clean:  ## remove .venv, .venv-oldest and everything else that was generated
	rm -rf .venv .venv-oldest build dist *.egg-info benchmark.json
	rm -rf .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

$(OLDEST): CONSTRAIN = $(PYTHON) scripts/oldest.py
$(READY): CONSTRAIN = true

# What pip says of itself, and not of what it fetches and installs.
DETAILS := Looking in|Requirement already| +(Downloading|Using cached|Created|Stored|.*: (started|finished))

# Compiled first by `sudo .venv/bin/netbuilder`, netbuilder would have directories that only root can remove.
$(READY) $(OLDEST): VENV = $(@D)
$(READY) $(OLDEST): pyproject.toml scripts/setup.sh scripts/oldest.py
	@scripts/setup.sh
	@test -e $@ || { echo "Making $(VENV) with $(PYTHON)" && $(PYTHON) -m venv --clear $(VENV); }
	@echo "Installing the package and its development tools into $(VENV)"
	@$(CONSTRAIN) > $(VENV)/constraints.txt
	@$(VENV)/bin/python -m pip install --disable-pip-version-check --progress-bar off \
		--constraint $(VENV)/constraints.txt --editable '.[dev]' | \
		grep --line-buffered -Ev '^($(DETAILS))'
	@$(VENV)/bin/python -m compileall -q netbuilder
	@touch $@
