# The two commands of a newcomer are `make run` and `make test`; everything they need, they install into .venv.
PYTHON ?= python3
BIN := .venv/bin
# Tests that start whole gateways wait more than they work, so two of them fit on two cores. BUSY ones put load on theirs and
# want the machine for themselves.
WHOLE := tests/resilience tests/test_recording_page.py tests/test_readme.py tests/hostile tests/conformance tests/console
BUSY := tests/grafana/test_queries_live.py
PAIRS := -n 2 --dist loadfile --no-loadscope-reorder
UNIT := $(WHOLE:%=--ignore=%) $(BUSY:%=--ignore=%) -n auto

.DEFAULT_GOAL := help
.PHONY: help install install-dev run test slow lint types bench bench-peers dashboards pictures proto lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

install: .venv/run.stamp ## set up .venv with what the gateway needs

install-dev: .venv/dev.stamp ## the same, with what tests, recipes and load tests need

run: install ## start the gateway with the bundled models
	$(BIN)/driftgate up

test: install-dev ## run all tests but those that need minutes
	$(BIN)/python -m pytest -m "not slow" $(UNIT) --dist loadfile
	$(BIN)/python -m pytest -m "not slow" $(WHOLE) $(PAIRS)
	$(BIN)/python -m pytest -m "not slow" $(BUSY)

slow: install-dev ## run the tests that need minutes
	$(BIN)/python -m pytest -m slow $(UNIT) --dist load
	$(BIN)/python -m pytest -m slow $(WHOLE) $(PAIRS)

lint: install-dev ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev ## check types
	$(BIN)/mypy

bench: install-dev ## measure the gateway beside a bare server and Ray Serve's defaults
	$(BIN)/python -m loadtests bench

bench-peers: install-dev ## install other projects' servers, each into an environment of its own, and measure them too
	$(BIN)/python -m loadtests peers install
	$(BIN)/python -m loadtests bench --peers

dashboards: install-dev ## generate the dashboards, and draw each from a real replay (about ten minutes)
	$(BIN)/python -m grafana.dashboards
	$(BIN)/python -m grafana.drawing

pictures: dashboards ## the same, and every view of the console
	$(BIN)/python -m tests.console.pictures

proto: install-dev ## generate the gRPC messages again
	$(PYTHON) -m venv .venv-proto
	.venv-proto/bin/pip install --quiet "grpcio-tools==1.85.1"
	.venv-proto/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. gateway/grpc/inference.proto

lock: ## resolve the dependencies again, with hashes
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet uv
	.venv-lock/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --quiet \
		--python-version 3.11 pyproject.toml --output-file requirements.txt
	.venv-lock/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --quiet \
		--python-version 3.11 --all-extras --constraint requirements.txt pyproject.toml --output-file requirements-dev.txt
	echo 'hatchling>=1.27' | .venv-lock/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --quiet \
		--python-version 3.11 --output-file grafana/requirements-build.txt -

clean: ## remove the environments and caches; what a gateway has recorded in var stays
	rm -rf .venv .venv-* grafana/drawing/node_modules .mypy_cache .ruff_cache .pytest_cache

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "driftgate needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run.stamp: $(BIN)/pip requirements.txt pyproject.toml
	@echo "Installing into .venv (about a minute) ..."
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
