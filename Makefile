# make demo    the main job on the sample exports, against the embedded sandbox
# make test    all tests that belong to every change
# make check   lint and types
# Everything runs in an environment of its own, .venv, which is built when it is first needed.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
BENCH_READY := .venv/.bench-ready

.PHONY: demo test check fmt soak bench bench-full lock clean

demo: $(READY)
	$(BIN)/case-importer demo

# File by file, so that what a file sets up is set up once; the slow ones are at the front.
test: $(READY)
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fmt: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Hours rather than minutes: many more kills, rows and power cuts.
soak: $(READY)
	$(BIN)/python -m pytest -m soak --timeout 7200

# About an hour; for a first look: .venv/bin/python -m benchmarks --quick
bench: $(BENCH_READY)
	$(BIN)/python -m benchmarks

# The sizes of the goals in docs/performance.md, some hours; needs 10 GB of disk.
bench-full: $(BENCH_READY)
	$(BIN)/python -m benchmarks --full

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# What is measured beside us; the tests need none of it.
$(BENCH_READY): requirements-bench.lock $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	touch $@

# After a change of the dependencies in pyproject.toml. The second lock may not contradict the first.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --upgrade --output-file requirements.lock
	uv pip compile --group pyproject.toml:bench --constraint requirements.lock --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --upgrade --output-file requirements-bench.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build demo-import
