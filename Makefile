# Two commands do everything on a machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
USE    := $(VENV)/.installed-to-use
DEV    := $(VENV)/.installed-to-develop
# PyTorch has an environment of its own: it is large, and nothing else needs it. One version, in its build for the CPU:
# any other spelling may bring gigabytes for graphics cards.
VENV_TORCH ?= .venv-torch
TORCH      := $(VENV_TORCH)/.installed

.PHONY: demo test test-slow test-torch check bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo        install into $(VENV) and run the main job: killed, resumed, edited"
	@echo "make test        install and run the whole default suite"
	@echo "make test-slow   the longer proofs (many real processes)"
	@echo "make test-torch  the tests of tensors, with a PyTorch in $(VENV_TORCH)"
	@echo "make check       ruff, mypy, import contracts"
	@echo "make bench       the budgets, side by side with the peers"

$(VENV)/bin/python $(VENV_TORCH)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("jumar needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(@D:/bin=)

# `make demo` needs little, `make test` also the libraries whose values have tests.
$(USE): pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[examples]'
	@touch $@

$(DEV): pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(USE)

$(TORCH): pyproject.toml | $(VENV_TORCH)/bin/python
	$(VENV_TORCH)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 safetensors
	$(VENV_TORCH)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(USE)
	@$(BIN)/python examples/demo.py

test: $(DEV)
	$(BIN)/python -m pytest

test-slow: $(DEV)
	$(BIN)/python -m pytest -m slow

test-torch: $(TORCH)
	$(VENV_TORCH)/bin/python -m pytest -m torch

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) $(VENV_TORCH) .jumar build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
