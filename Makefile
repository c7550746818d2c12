# make demo       the main job on the sample exports, against the embedded sandbox
# make test       all tests that belong to every change
# make test-fast  what users see, without the slow ones, for daily work
# make check      lint and types
# Everything runs in an environment of its own, .venv, which is built when it is first needed.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# Most tests wait most of their time, so three workers for each processor.
WORKERS := $(shell $(PYTHON) -c 'import os; print(min(12, 3 * (os.cpu_count() or 1)))')
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# What users see, from the command line to the reports; what lies below it is left to `make test`.
OUTSIDE := $(addprefix tests/,account cli docs quality suggest) tests/test_architecture.py

# Child processes that compile everything anew would take most of the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-fast check fmt soak bench contract lock clean

demo: $(READY)
	$(BIN)/case-importer demo

# File by file, so that what a file sets up is set up once; the slow ones are at the front.
test: $(READY)
	$(PYTEST)

test-fast: $(READY)
	$(PYTEST) -m "not soak and not slow" $(OUTSIDE)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fmt: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Hours rather than minutes: many more kills, rows, power cuts and examples, which are drawn anew.
soak: $(READY)
	$(BIN)/python -m pytest -m soak --timeout 7200
	$(BIN)/python -m pytest -m "hypothesis and not soak" --hypothesis-profile soak --timeout 7200

# Half an hour on a quiet machine; for a first look: .venv/bin/python -m benchmarks --quick
bench: $(READY)
	$(BIN)/python -m benchmarks

# The sandbox against Talkdesk's OpenAPI document, which is not ours to ship: make contract OPENAPI=case-api.json
# Schemathesis brings a dozen packages along, so it is installed by this alone.
contract: $(READY)
	@test -f "$(OPENAPI)" || { echo "give the OpenAPI document: make contract OPENAPI=case-api.json"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'  # knows groups
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group contract
	CASE_API_OPENAPI="$(abspath $(OPENAPI))" $(BIN)/python -m pytest -rs tests/sandbox/test_sandbox_openapi.py

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# After a change of the dependencies in pyproject.toml.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --upgrade --output-file requirements.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build demo-import
