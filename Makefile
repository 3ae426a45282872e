# The commands of this project. `make` lists them; CI calls the same.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
UV     := uv==0.13.8

.DEFAULT_GOAL := help
.PHONY: help setup demo run test replay oracle cover check format bench faults screenshots lock wheel clean

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## Make .venv with everything, hashes checked

$(READY): requirements-dev.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV)"
	@$(BIN)/uv pip install --quiet --require-hashes --requirement requirements-dev.lock
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)  ## Do the main job once, offline, on sample feeds
	@$(BIN)/digest demo

run: $(READY)  ## Run the service here: feeds, digests and site in one process
	@$(BIN)/digest run

test: $(READY)  ## Run the whole test suite
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

replay: $(READY)  ## Replay a year of a real feed (reads ../shared/samples)
	@REPLAY=all $(BIN)/python -m pytest -q -s tests/acceptance/test_replay.py

oracle: $(READY)  ## Hold index and evaluator together on every real abstract (../shared/samples)
	@ORACLE=all $(BIN)/python -m pytest -q tests/unit/matching/test_oracle.py

cover: $(READY)  ## Run the test suite and report its coverage
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report= $(ARGS)
	@$(BIN)/python scripts/coverage_floor.py

check: $(READY)  ## ruff, mypy and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY)  ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY)  ## Run the benchmarks (NAME=matching for one)
	@$(BIN)/python -m benchmarks $(NAME)

faults: $(READY)  ## Kill senders at 2,000 seeded points (SEED=17 for one, POINTS=200 for fewer)
	@$(BIN)/python -W ignore -m tests.support.faults $(if $(SEED),--seed $(SEED)) $(if $(POINTS),--points $(POINTS)) $(ARGS)

screenshots: $(READY)  ## Make the pictures of docs/ from a real demo run
	@$(BIN)/python scripts/screenshots.py

lock: $(READY)  ## Resolve anew and write the lock files
	@$(BIN)/uv lock --quiet
	@$(BIN)/uv export --quiet --frozen --no-emit-project --no-header --no-annotate --no-dev --output-file requirements.lock >/dev/null
	@$(BIN)/uv export --quiet --frozen --no-emit-project --no-header --no-annotate --output-file requirements-dev.lock >/dev/null
	@$(BIN)/python scripts/lock.py uv.lock

wheel: $(READY)  ## Build the wheel into dist/
	@$(BIN)/python -m hatchling build --target wheel

clean:  ## Remove what these commands made
	rm -rf $(VENV) dist build .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
