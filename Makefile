# make start: runs Officina.   make test: everything that CI runs, with its own set-up.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: start test lint types bench kills fuzz clean lock

start: $(VENV)/ready
	@$(BIN)/officina start $(ARGS)

test: $(VENV)/ready-for-tests
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/ready-for-tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/ready-for-tests
	@$(BIN)/mypy

bench: $(VENV)/ready-for-tests
	@$(BIN)/python -m tests.load.bench $(ARGS)

# 1,000 times kill -9 in the middle of a burst.
kills: $(VENV)/ready-for-tests
	@OFFICINA_KILLS=1000 $(BIN)/python -m pytest tests/test_kill.py -s --timeout 7200 $(ARGS)

# The long run of the state machine that comes back.
fuzz: $(VENV)/ready-for-tests
	@OFFICINA_FUZZ=long $(BIN)/python -m pytest tests/test_coming_back.py tests/test_every_activity.py --timeout 7200 $(ARGS)

$(VENV)/ready: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Officina needs (about 40 packages, once)"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --editable .
	@touch $@

$(VENV)/ready-for-tests: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Officina and its tests need (once)"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --editable .
	@touch $@ $(VENV)/ready

$(VENV)/bin/python:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Officina needs Python 3.11 or newer; this is $$(python3 --version)."; exit 1; }
	@python3 -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }

# New versions into the locks; needs uv.
lock:
	uv pip compile --universal --generate-hashes --upgrade --python-version 3.11 --quiet pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --upgrade --python-version 3.11 --quiet --extra dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV)
