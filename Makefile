# Two commands are enough: `make demo` and `make test`. Both set up .venv first.
#   make demo                the screen, with the demo filled in
#   make demo HEADLESS=1     the demo without a screen, and its table of before and after
#   make test                linters, types, layers, tests
#   make bench ROWS=FILE     throughput against TRL on an alpaca-style file (takes about six minutes)
#   make clean-venv          remove .venv, so that the next command sets it up anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
PIP := $(BIN)/python -m pip --disable-pip-version-check
STARTER := smollm2-135m
WORKERS = $(shell $(PYTHON) -c 'import os; cores = os.cpu_count() or 1; print(min(16, cores + cores // 2))')
# To collect all tests takes a quarter of a minute in each process.
E2E = $(sort $(shell grep -rl --include='test_*.py' 'mark\.e2e' tests))
REAL = $(shell $(PYTHON) -c 'import os; print(min(4, os.cpu_count() or 1))')

# What of the libraries is loaded is compiled then, once: pip would compile all of them, most for nothing.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check bench starter clean-venv
.DEFAULT_GOAL := help

.PHONY: help
help:
	@sed -n '2,6s/^# *//p' Makefile

demo: $(STAMP) starter
ifeq ($(HEADLESS),1)
	$(BIN)/tunedeck demo --headless
else
	$(BIN)/tunedeck demo
endif

# What comes first takes one thread each, in half as many processes again as there are cores: tests of screens wait as
# long as they compute. Real runners and real terminals come second, each with a core of its own. pytest comes last, so
# that its summary is the last thing that is read.
test: $(STAMP) check starter
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not e2e" --durations=10
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(REAL) --dist worksteal -m e2e --durations=10 $(E2E)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

bench: $(BENCH_STAMP) starter
	@test -f "$(ROWS)" || { echo "Name an alpaca-style JSON file: make bench ROWS=alpaca.json"; exit 1; }
	$(BIN)/python -m tests.benchmarks.throughput "$(ROWS)"

# Into the usual place for models: the tests marked real and the demo share it.
starter: $(STAMP)
	$(BIN)/tunedeck model get $(STARTER)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "tunedeck needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1 || echo not there)."; \
	  echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "This Python has no venv or ensurepip module. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing tunedeck and its libraries into $(VENV); the first time this takes some minutes."
	@$(PIP) install --quiet --upgrade pip
	$(PIP) install --quiet --no-compile -e '.[dev]' -c constraints.txt
	@touch $@

$(BENCH_STAMP): $(STAMP)
	$(PIP) install --quiet --no-compile -e '.[bench]' -c constraints.txt
	@touch $@

clean-venv:
	rm -rf $(VENV)
