# Two commands set everything up on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
BIN := .venv/bin
# Real public files to demonstrate with, used where the folder exists beside the project.
REAL_DATA ?= $(wildcard ../shared/realdata)

# The two environments of the tests are made side by side.
MAKEFLAGS += --jobs=2

.PHONY: demo dev test clean

demo: .venv/ready
	$(BIN)/lgdp demo $(if $(REAL_DATA),--real-data $(REAL_DATA))

dev: .venv/ready
	$(BIN)/lgdp dev

test: .venv/ready .venv-datacontract/ready
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder

.venv/ready: pyproject.toml constraints.txt
	test -d .venv || if command -v uv >/dev/null; then uv venv --quiet --python $(PYTHON) .venv; else $(PYTHON) -m venv .venv; fi
	if command -v uv >/dev/null; then uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'; fi
	touch $@

# What the checks are held against in the tests; it asks for other versions than the platform.
.venv-datacontract/ready: constraints-datacontract.txt
	test -d $(@D) || if command -v uv >/dev/null; then uv venv --quiet --python $(PYTHON) $(@D); else $(PYTHON) -m venv $(@D); fi
	if command -v uv >/dev/null; then uv pip install --quiet --python $(@D)/bin/python -c $< 'datacontract-cli[duckdb]'; \
	else $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c $< 'datacontract-cli[duckdb]'; fi
	touch $@

clean:
	git clean -qfdX data
	rm -rf .venv .venv-datacontract
