# `make help` lists the verbs. Every verb does its own set-up first; a second run finds nothing to do and starts at once.
# ARGS="..." is handed to the program: make serve ARGS="--http-address 127.0.0.1:8080", make test ARGS="tests/homeport/rbac -x".
# PYTHON=/path/to/python3 names the interpreter for .venv; without it the newest of python3.13, 3.12 and 3.11 that runs is taken.

SHELL := /bin/sh
ARGS ?=
BIN := .venv/bin
# Tests start programs by the hundred: compiled once, whatever the environment says, they begin in a third of the time.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest
export PYTHON

.DEFAULT_GOAL := help
.PHONY: setup serve test check format bench docs requirements help

setup: ## Make .venv with everything that running and developing need
	@scripts/set-up dev

serve: ## Set up, then serve on http://127.0.0.1:3000 with an embedded PostgreSQL (flags: ARGS="...")
	@scripts/set-up run
	@HOMEPORT_DATA_DIR="$${HOMEPORT_DATA_DIR:-$(CURDIR)/.homeport}" exec $(BIN)/homeport server $(ARGS)

test: ## Set up, install what tests need beyond Python where that is allowed, then run the tests
	@scripts/set-up dev
	@$(BIN)/python -m scripts.system_packages
	@$(BIN)/python -m scripts.node_packages
	@$(PYTEST) -n auto $(if $(ARGS),$(ARGS),--ignore=tests/browser)
	@# The browser's driver keeps an event loop of its own in its process, so its tests run apart from the others: by file, each worker with a server.
	@$(if $(ARGS),:,$(PYTEST) -n 2 --dist=loadfile tests/browser)

check: ## Lint, formatting, types, import contracts and our own rules
	@scripts/set-up dev
	@$(BIN)/python -m scripts.check

format: ## Rewrite the Python files in the one layout
	@scripts/set-up dev
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

bench: ## Measure, and print one table of figures and ratios
	@scripts/set-up dev
	@$(BIN)/python -m benchmarks $(ARGS)

docs: ## Write the generated files again: openapi.json, the SDK's models, the reference pages
	@scripts/set-up dev
	@$(BIN)/python -m scripts.generate_docs

requirements: ## Resolve requirements/*.txt again from the ranges in pyproject.toml (needs uv)
	@scripts/compile-requirements

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
