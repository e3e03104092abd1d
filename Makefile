# The interpreter that .venv is made from, for example: make test PYTHON=python3.12
PYTHON ?= python3
export PYTHON

# Debian keeps nft and sysctl in directories that an ordinary user's PATH leaves out.
export PATH := $(PATH):/usr/sbin:/sbin

# One stamp for each PYTHON, so that naming another one makes .venv anew.
READY := .venv/.ready-$(subst /,_,$(PYTHON))

.PHONY: help setup demo test check bench clean

help:  ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

setup: $(READY)  ## install what is missing: Debian packages, .venv, the package with its dev extra

demo: $(READY)  ## set up, then run the guided tour
	.venv/bin/python examples/walkthrough.py

test: $(READY)  ## set up, then run the whole test suite
	.venv/bin/python -m pytest -n auto

check: $(READY)  ## set up, then lint, check the format and check the types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: $(READY)  ## set up, then measure, into benchmark.json
	.venv/bin/python tests/benchmarks/bench.py --json benchmark.json

clean:  ## remove .venv and everything else that was generated
	rm -rf .venv build dist *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache benchmark.json
	find . -name __pycache__ -prune -exec rm -rf {} +

$(READY): pyproject.toml scripts/setup.sh
	@scripts/setup.sh
	@test -e $@ || { echo "Making .venv with $(PYTHON)" && $(PYTHON) -m venv --clear .venv; }
	@echo "Installing the package and its development tools into .venv"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
