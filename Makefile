# `make demo` and `make test` need Python 3.11 or newer, and nothing else done by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export MPLBACKEND := Agg

.PHONY: demo test test-all lint types layers doctests tests format clean env

env: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "variata needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch numpy
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[compress,onnx,sweep,tables]" --group dev
	@touch $(READY)

demo: $(READY)
	rm -rf runs/demo
	$(BIN)/variata train digits --out runs/demo
	$(BIN)/variata evaluate runs/demo
	$(BIN)/variata doctor runs/demo
	@echo "Open runs/demo/report.html"

test: lint types layers doctests tests

test-all: lint types layers doctests
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/pyright

layers: $(READY)
	$(BIN)/lint-imports

doctests: $(READY)
	$(BIN)/python -m pytest --doctest-modules src/variata

tests: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow"

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) runs .pytest_cache .ruff_cache .hypothesis
