# Two commands do everything on a machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
USE    := $(VENV)/.installed-to-use
DEV    := $(VENV)/.installed-to-develop

.PHONY: demo test test-slow check bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       install into $(VENV) and run the main job: killed, resumed, edited"
	@echo "make test       install and run the whole default suite"
	@echo "make test-slow  the longer proofs (many real processes)"
	@echo "make check      ruff, mypy, import contracts"
	@echo "make bench      the budgets, side by side with the peers"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("jumar needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)

# `make demo` needs little, `make test` also the libraries whose values have tests.
$(USE): pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[examples]'
	@touch $@

$(DEV): pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(USE)

demo: $(USE)
	@$(BIN)/python examples/demo.py

test: $(DEV)
	$(BIN)/python -m pytest

test-slow: $(DEV)
	$(BIN)/python -m pytest -m slow

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .jumar build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
