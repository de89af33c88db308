# Two commands do everything on a bare Debian machine (root, Python 3.11): `make demo` and `make test`.
# They install what they need; from warm caches they start at once.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
APT_PACKAGES := iproute2 nftables ethtool libbpf1 clang apache2-utils nginx-light conntrack curl iperf3

.PHONY: demo test lint unit dataplane cluster bench-dataplane bench-request-time setup system lab-binaries stf clean

demo: setup
	$(BIN)/p4kube demo

test: setup lint unit dataplane cluster

setup: system $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@echo "== Python packages into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[lab,plot,test]'
	@touch $@

# Only what is missing is installed, so a second run asks no registry.
system:
	@PYTHON=$(PYTHON) bash tools/install-system-packages $(APT_PACKAGES)

lint: $(STAMP)
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(STAMP)
	$(BIN)/python -m pytest -q tests/unit tests/property

dataplane: $(STAMP)
	$(BIN)/python -m pytest -q tests/dataplane

cluster: $(STAMP)
	$(BIN)/python -m pytest -q tests/cluster

bench-dataplane: setup
	$(BIN)/p4kube bench dataplane

bench-request-time: setup
	$(BIN)/p4kube bench request-time --output out

# The packet tests of the data plane are generated; a test fails when they are not up to date.
stf: $(STAMP)
	$(BIN)/python -m tests.dataplane.make_stf p4
	$(BIN)/python -m p4kube.wire.generate p4 > out.contract && mv out.contract src/p4kube/wire/contract.py

clean:
	rm -rf $(VENV) build dist out src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
