# `make run` and `make test` need Python 3.11 or newer, make, and the package registry. Nothing else.
PYTHON ?= python3
BIN := .venv/bin
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run country test test-slow lint ui bench lock clean

run: .venv/installed  ## pull, gate, harmonise and publish tonight's extracts
	$(BIN)/interagency run

country: .venv/installed  ## the simulated country: start its agencies' systems, pull three nights from them, check every count
	$(BIN)/python -m simulation.country

test: .venv/installed  ## lint, then the tests that take minutes, not more
	$(MAKE) --no-print-directory lint
	$(BIN)/pytest -m "not slow" -n auto --dist loadfile

test-slow: .venv/installed  ## nights broken at every call or killed, older nights, backfills, ten million rows; an hour or more
	$(BIN)/pytest -m slow -n 2 --dist loadfile

bench: .venv/installed  ## ratios beside the bare engine and peers, as tables and below benchmarks/results/; some three hours
	for bench in landing databases formats feeds polluted linkage anomalies steward_report ledger disclosure delta_sharing release night encryption; do $(BIN)/python -m benchmarks.$$bench || exit 1; done
	home=$$(mktemp -d) && INTERAGENCY_HOME=$$home $(BIN)/python -m simulation.country --people 100000 --nights 1 \
	  && $(BIN)/python -m benchmarks.truth $$home/country && rm -r $$home

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache > /dev/null || $(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/interagency contracts lint
	$(BIN)/sqlfluff lint dbt_project/models simulation/models

ui: .venv/installed  ## Dagster's web page and its daemon, which fires the schedule
	$(BIN)/interagency ui

# The lock is one file of exact versions and hashes for every supported Python; the project itself is installed in place.
.venv/installed: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement constraints.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q warehouse sources nights expectations sharing catalogue watch linkage pages reports simulation orchestration
	touch $@

lock:  ## resolve constraints.txt anew from pyproject.toml
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet pyproject.toml --extra dev --extra country --extra bench --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --output-file constraints.txt

clean:
	rm -rf .venv dbt_project/target dbt_project/logs
