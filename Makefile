# Two commands for a fresh machine with Python 3.10 or newer and pip: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2
PIP_ARGS ?=

.PHONY: help demo test lint types format clean

help:
	@echo "make demo    readouts compared on real data that needs no download: a table and a plot"
	@echo "make test    the tests"
	@echo "make lint    ruff;   make types    mypy;   make format    let ruff rewrite;   make clean    start over"
	@echo "All of them set up $(VENV) first. PYTHON=python3.12 picks an interpreter, PIP_ARGS=... goes to pip."

# A set-up that was interrupted leaves no $(READY), and then starts over; one that is out of date is brought up to date.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "gpool needs Python 3.10 or newer; $(PYTHON) is $$($(PYTHON) --version). Say PYTHON=..."; exit 1; }
	@if [ ! -e $(READY) ]; then \
		echo "==> making a virtual environment in $(VENV)"; rm -rf $(VENV); \
		$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
			rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV) && \
			$(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }; \
	fi
	@echo "==> installing gpool and what it needs, as pinned in constraints.txt (a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e ".[train,dev]"
	@touch $(READY)

demo: $(READY)
ifdef SHORT
	@echo "==> a short form of the benchmark: one seed, a few epochs"
	@$(BIN)/gpool bench experiments/digits.yaml --jobs $(JOBS) --seeds "[0]" --trainer.max_epochs 3 --out runs/demo-short
else
	@echo "==> comparing 5 readouts on handwritten digits as graphs, 3 seeds each (experiments/digits.yaml)"
	@$(BIN)/gpool bench experiments/digits.yaml --jobs $(JOBS) --out runs/demo
	@echo "==> the plot is $(CURDIR)/runs/demo/report.png"
endif

test: $(READY)
	@echo "==> running the tests"
	@$(BIN)/python -m pytest

lint: $(READY)
	@echo "==> ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY)
	@echo "==> mypy"
	@$(BIN)/mypy

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
