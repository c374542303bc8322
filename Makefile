# `make` alone lists the targets.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
# uv makes installing faster where it is there; venv and pip suffice.
UV := $(shell command -v uv 2>/dev/null)
STAMP := $(VENV)/.installed
# The demonstration needs neither the development tools nor the manual's.
DEMO := $(VENV)/.demo
comma := ,

.DEFAULT_GOAL := help
.PHONY: help install demo test check docs format smoke sweep-example report-example reproduce-quick wheel-test oldest clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## build .venv and install fsens with its development tools

# Install with these extras: $(call installed,EXTRAS).
define installed
@echo "installing into $(VENV): some minutes, and several GB where PyTorch comes with its libraries for GPUs"
$(if $(UV),$(UV) venv --quiet --allow-existing --seed $(VENV),$(PYTHON) -m venv $(VENV))
$(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check) \
	-c constraints.txt -e ".[$(1)]"
endef

$(STAMP): pyproject.toml constraints.txt
	$(call installed,dev$(comma)docs)
	@touch $@ $(DEMO)

$(DEMO): pyproject.toml constraints.txt
	$(call installed,report)
	@touch $@

demo: $(DEMO) ## install and measure the embedded demonstration
	$(BIN)/fsens measure
	@printf '\nType next:\n  source $(VENV)/bin/activate\n  fsens measure --weights packaged:lsf    # trained to listen to low frequencies\n'

test: $(STAMP) ## run the whole test suite, offline
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q

check: $(STAMP) ## lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(STAMP) ## the manual as web pages, in build/site; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: $(STAMP) ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

smoke: $(STAMP) ## every verb once on the embedded data, as small as it goes
	scripts/smoke.sh $(BIN)/fsens build/smoke

sweep-example: $(STAMP) ## five trainings of one network through one verb, and their comparison
	scripts/sweep_example.sh $(BIN)/fsens build/sweep-example

report-example: $(STAMP) ## five trainings through all four verbs, on one page; trains nothing
	scripts/report_example.sh $(BIN)/fsens build/report-example

reproduce-quick: $(STAMP) ## both papers on CIFAR-10 as small as it goes; DATA="data=folder data.root=ROOT" for your copy
	FSENS=$(BIN)/fsens PYTHON=$(BIN)/python QUICK=1 scripts/reproduce_tmlr2022.sh
	FSENS=$(BIN)/fsens PYTHON=$(BIN)/python QUICK=1 scripts/reproduce_ploscb2023.sh

wheel-test: $(STAMP) ## build the wheel, install it for each of python3.11 to 3.13 that is here, and use it from another folder
	scripts/wheel_test.sh $(BIN)/python $(PYTHONS)

oldest: ## the oldest versions that pyproject.toml allows, together: every verb, then the test suite
	scripts/oldest.sh

clean: ## remove the environment and everything built; outputs/ stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
