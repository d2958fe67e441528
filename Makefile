# What a developer needs. `make` alone lists it. Extra arguments go through ARGS: make test ARGS="-k lanes -x".

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --no-config --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(if $(UPGRADE),--upgrade)

# QUICK=1 makes the bench short. ALLOW_NO_RABBITMQ=1 lets the tests go on without RabbitMQ, and say so; ALLOW_NO_LIVE=1
# those on live systems without Tryton or Redmine.
export QUICK ALLOW_NO_RABBITMQ ALLOW_NO_LIVE

.DEFAULT_GOAL := help
.PHONY: help venv check format test prepare long live live-contract sim demo bench bench-large chaos lock clean

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target what; do \
		printf '  make %-13s %s\n' "$$target" "$$what"; done

venv: $(INSTALLED) ## Make the virtual environment from the lock files

$(INSTALLED): requirements-dev.lock requirements-bench.lock pyproject.toml
	@.ci/make-venv "$(PYTHON)" $(VENV)
	@touch $@

check: $(INSTALLED) ## Formatting, linter, types, and the contracts between the layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(INSTALLED) ## Format the code, and repair what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# All of them run in two processes with servers of their own, a file at a time: most tests wait for something. In the
# order of their folders, as files with few tests have the long ones and must not come last.
test: $(INSTALLED) ## All tests, on real servers that are found, started, or on Debian as root installed
	$(BIN)/python -m gateway.local.install
	$(BIN)/python -m pytest $(or $(ARGS),--numprocesses 2 --dist loadfile --no-loadscope-reorder)

prepare: $(INSTALLED) ## The servers of all tests, installed ahead: PostgreSQL, RabbitMQ, Tryton, Redmine
	$(BIN)/python -m gateway.local.install
	$(BIN)/python -m tests.live.install

# A test of these may take half an hour; and what faulthandler tells of a process that runs may end it.
long: $(INSTALLED) ## The tests that take minutes, then `make live` (with ARGS only the former)
	$(BIN)/python -m gateway.local.install
	$(BIN)/python -m pytest -m long -s -o faulthandler_timeout=3600 $(ARGS)
ifdef ARGS
	@echo "With ARGS the live systems are left to make live."
else
	$(MAKE) live
endif

live: $(INSTALLED) ## The tests on Tryton and Redmine, which it installs; docs/live.md (ARGS="-k won")
	$(BIN)/python -m gateway.local.install
	$(BIN)/python -m tests.live.install
	$(BIN)/python -m pytest -m live -o faulthandler_timeout=3600 tests/live tests/contracts/test_system.py $(ARGS)

live-contract: $(INSTALLED) ## Of these only what every system must keep (ALLOW_NO_LIVE=1: without what cannot be had)
	$(BIN)/python -m gateway.local.install
	$(BIN)/python -m tests.live.install
	$(BIN)/python -m pytest -m live tests/contracts/test_system.py $(ARGS)

sim: $(INSTALLED) ## Seeds of the simulation (SEEDS=2000; SEED=123 plays one and tells it; ARGS=--planted)
	$(BIN)/python -m tests.sim $(if $(SEED),--seed $(SEED),$(if $(SEEDS),--seeds $(SEEDS))) $(ARGS)

demo: $(INSTALLED) ## A firm's quarter on servers of its own (ARGS=--once; live systems: ARGS="--erp tryton --psa redmine")
ifneq (,$(findstring --erp,$(ARGS))$(findstring --psa,$(ARGS)))
	$(BIN)/python -m gateway.local.install
	ALLOW_NO_LIVE= $(BIN)/python -m tests.live.install
	$(BIN)/python -m tests.live.demo $(ARGS)
else
	$(BIN)/tallystick demo $(ARGS)
endif

bench: $(INSTALLED) ## The gateway beside other consumers, in 9 minutes (QUICK=1: in one; ARGS="--only hot --scale 0.1")
	$(BIN)/python -m gateway.local.install
	$(BIN)/python -m bench $(ARGS)

bench-large: $(INSTALLED) ## Relay, restart, memory, and size, with millions of rows (ARGS="--scale 0.01" to try it)
	$(BIN)/python -m gateway.local.install
	$(BIN)/python -m bench --large $(ARGS)

chaos: $(INSTALLED) ## Faults of every kind on real servers, and the checker (MINUTES=10 SEED=1 ARGS="--report DIR")
	$(BIN)/python -m gateway.local.install
	$(BIN)/python -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED)) $(ARGS)

lock: $(INSTALLED) ## Lock the dependencies again (UPGRADE=1 takes the newest)
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) --extra bench --constraint requirements-dev.lock --output-file requirements-bench.lock pyproject.toml
	$(COMPILE) --only-build-deps --build-deps-for wheel --output-file requirements-build.lock pyproject.toml
	$(COMPILE) --output-file requirements-tryton.lock tests/live/tryton.in

clean: ## Remove what tools and builds left; the virtual environment stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(wildcard schemas actors adapters gateway bench tests) -name __pycache__ -prune -exec rm -rf {} +
