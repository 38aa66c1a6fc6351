# Each word does its own set-up: python3 (3.11 or newer), python3-venv and make are enough.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test check bench chaos screenshots
.DELETE_ON_ERROR:

help:
	@echo "make demo         the whole thing on an embedded PostgreSQL, with a walk through a case"
	@echo "make test         the tests, on two processes"
	@echo "make check        format, lint, types, imports, migrations"
	@echo "make bench        measures, and prints the conditions with the numbers"
	@echo "make chaos        long, timed and destructive tests"
	@echo "make screenshots  pictures of the pages"

demo: .venv/ready
	$(BIN)/caseledger demo $(ARGS)

test: .venv/ready
	$(BIN)/pytest -q -n 2 --dist worksteal --durations=20

check: .venv/ready
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/squawk migrations/[0-9]*.sql

bench: .venv/ready
	$(BIN)/python -m tests.bench.bench $(if $(SIZE),--size $(SIZE)) $(ARGS)

chaos: .venv/ready
	$(BIN)/pytest -q -m chaos -o faulthandler_timeout=14400

screenshots: .venv/ready
	$(BIN)/python -m tests.screenshots

.venv/ready: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
