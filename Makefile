# Two commands set everything up on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
BIN := .venv/bin
# Real public files to demonstrate with, used where the folder exists beside the project.
REAL_DATA ?= $(wildcard ../shared/realdata)
# Debian's package manager, where this user may install packages.
APT_GET := $(if $(filter 0,$(shell id -u)),$(shell command -v apt-get))

# Independent targets run side by side: the two environments, and then checks and tests.
MAKEFLAGS += --jobs=2

.PHONY: demo dev test lint ruff ruff-format mypy import-linter sqlfluff pytest system-packages clean

demo: .venv/ready
	$(BIN)/lgdp demo $(if $(REAL_DATA),--real-data $(REAL_DATA))

dev: .venv/ready
	$(BIN)/lgdp dev

test: lint pytest

pytest: .venv/ready .venv-datacontract/ready system-packages
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder

# Style, types, layers of imports, and SQL. Each tool keeps a cache, so that a second run takes seconds.
lint: ruff ruff-format mypy import-linter sqlfluff

ruff: .venv/ready
	$(BIN)/ruff check --quiet .

ruff-format: .venv/ready
	$(BIN)/ruff format --quiet --check .

mypy: .venv/ready
	$(BIN)/mypy --no-error-summary

import-linter: .venv/ready
	@report=$$($(BIN)/lint-imports 2>&1) || { echo "$$report"; exit 1; }

sqlfluff: .venv/ready
	@cd dbt_project && report=$$(../$(BIN)/sqlfluff lint --disable-progress-bar models tests 2>&1) || { echo "$$report"; exit 1; }

# System packages that tests need, installed if this user may do so; otherwise the tests name at the end what they skipped.
system-packages:
	@PATH="$$PATH:/usr/sbin:/sbin" command -v sshd > /dev/null || [ -z "$(APT_GET)" ] || { \
	echo "Installing openssh-server, which tests need."; \
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-server; } > /dev/null \
	|| echo "openssh-server could not be installed; the tests that need it are skipped." >&2; }

.venv/ready: pyproject.toml constraints.txt
	test -d .venv || if command -v uv >/dev/null; then uv venv --quiet --python $(PYTHON) .venv; else $(PYTHON) -m venv .venv; fi
	if command -v uv >/dev/null; then uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'; fi
	touch $@

# The environment of datacontract-cli, which tests compare the checks with; it needs other versions than the platform.
.venv-datacontract/ready: constraints-datacontract.txt
	test -d $(@D) || if command -v uv >/dev/null; then uv venv --quiet --python $(PYTHON) $(@D); else $(PYTHON) -m venv $(@D); fi
	if command -v uv >/dev/null; then uv pip install --quiet --python $(@D)/bin/python -c $< 'datacontract-cli[duckdb]'; \
	else $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c $< 'datacontract-cli[duckdb]'; fi
	touch $@

clean:
	git clean -qfdX data
	rm -rf .venv .venv-datacontract
