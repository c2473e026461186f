# Two commands: `make run` and `make test`. Both need Python 3.11 or newer and a package index, and little time when
# nothing changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One more than there are processors: many tests wait for processes of their own.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.PHONY: run test lint types rules units coverage clean

run: $(VENV)/.run
	@$(BIN)/candor serve --samples

test: lint types rules units

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

rules: $(VENV)/.test
	$(BIN)/lint-imports

units: $(VENV)/.test
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

# Apart from `test`: counting lines takes a fifth of the time.
coverage: $(VENV)/.test
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered

# The interpreter is checked here, where the message can say what to do.
$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Candor needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/pyvenv.cfg requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# What is imported is compiled then; most of what is installed never is.
$(VENV)/.test: $(VENV)/pyvenv.cfg requirements-dev.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
