.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

VENV := .venv
BIN := $(VENV)/bin
PINS := pyproject.toml constraints.txt
# The official client, which the tests send events with, stays out of the product's environment.
SDK := .venv-sdk
SDK_PINS := tests/contract/sdk/constraints.txt
# The tests start hundreds of processes, each of which would compile all of the product anew.
unexport PYTHONDONTWRITEBYTECODE
# The first interpreter that starts and is new enough.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
PYTEST := $(BIN)/pytest -q --maxprocesses 8 -n
# What goes on for hours is no test that hangs.
SOAK := $(BIN)/pytest -q --maxprocesses 8 -o faulthandler_timeout=36000 -n
# One more than there are processors, where many tests wait for a server to start.
WORKERS := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))

# uv is quicker where it is installed; where it is missing, or cannot reach the registry, pip does the same.
define install
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed" >&2; exit 1; }
	@echo "==> setting up $(1)"
	@$(1)/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(1)
	@{ command -v uv >/dev/null && uv pip install -q --python $(1)/bin/python -c $(2) $(3); } \
		|| $(1)/bin/python -m pip install -q --disable-pip-version-check -c $(2) $(3)
endef

.PHONY: help run test check soak format schema bench conformance

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.installed ## set up what is missing and start the server with its embedded database
	@exec $(BIN)/billgraph serve $(ARGS)

test: $(VENV)/.installed-dev $(SDK)/.installed ## set up what is missing and run every test on SQLite and on PostgreSQL
	$(PYTEST) $(WORKERS)

check: $(VENV)/.installed-dev ## format, lint, types, layers, schema, and the tests that need no PostgreSQL
	@echo "==> format"; $(BIN)/ruff format --check .
	@echo "==> lint"; $(BIN)/ruff check .
	@echo "==> types"; $(BIN)/mypy
	@echo "==> layers"; $(BIN)/lint-imports
	@echo "==> schema"; $(BIN)/billgraph export-schema | diff schema.graphql -
	@echo "==> unit and property tests, tidiness"; $(PYTEST) auto --database sqlite --histories 1500 tests/unit tests/property tests/test_tidy.py
	@echo "==> integration tests on SQLite"; $(PYTEST) auto --database sqlite tests/integration

soak: $(VENV)/.installed-dev ## kill servers while they take in events and renew, write and read at once for minutes, play random lives and histories, send random and hostile operations, on each database: hours
	$(SOAK) 0 --kills 200 tests/e2e/test_ingest_crash.py
	$(SOAK) 0 --races 20 tests/e2e/test_renewal_races.py
	$(SOAK) 0 tests/e2e/test_crash.py tests/e2e/test_change_races.py
	$(SOAK) 0 --contention 180 tests/e2e/test_contention.py
	$(SOAK) auto --lives 500 tests/integration/test_lifecycle_machine.py
	$(SOAK) auto --histories 10000 tests/e2e/test_histories.py
	$(SOAK) auto --histories 500 tests/integration/test_usage_histories.py
	$(SOAK) auto --operations 20000 --strangers 13 --hostile 5000 tests/integration/test_fuzz.py tests/integration/test_hostile.py tests/integration/test_tenants.py tests/integration/test_tenants_reads.py

format: $(VENV)/.installed-dev ## format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: $(VENV)/.installed-dev ## write schema.graphql from the code
	$(BIN)/billgraph export-schema > $(VENV)/schema.graphql
	mv $(VENV)/schema.graphql schema.graphql

bench: $(VENV)/.installed-dev ## measure the product against simpler servers; ONLY=read_nested runs one benchmark
	@$(BIN)/python -m bench $(ONLY)

conformance: $(VENV)/.installed ## check the API with other people's suites and clients; needs Node 20
	cd conformance && npm install --silent --no-audit --no-fund && npm test --silent

$(VENV)/.installed: $(PINS)
	$(call install,$(VENV),constraints.txt,-e .)
	@touch $@

$(VENV)/.installed-dev: $(PINS)
	$(call install,$(VENV),constraints.txt,-e '.[dev]')
	@touch $@ $(VENV)/.installed

$(SDK)/.installed: $(SDK_PINS)
	$(call install,$(SDK),$(SDK_PINS),paygentic-sdk)
	@touch $@
