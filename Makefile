# The course's commands. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LESSON ?=
# Two tests at once; a worker with nothing left takes tests that the other has not begun.
PYTEST := $(BIN)/pytest -n 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help build zip rebuild lesson serve fast test soak check bench lock clean js lint types units browser weights

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(VENV)/installed ## Run the lessons that changed, then render site/ (open site/index.html)
	@$(BIN)/course build

zip: $(VENV)/installed ## Render with the whole site as one file, in site/downloads/, that works from a disk
	@OFFLINE_ZIP=true $(BIN)/course build

rebuild: $(VENV)/installed ## Run every lesson again, then render
	@$(BIN)/course build --all

lesson: $(VENV)/installed ## Run one lesson and render: make lesson LESSON=07
	@test -n "$(LESSON)" || { echo "Say which lesson: make lesson LESSON=07" >&2; exit 2; }
	@$(BIN)/course run $(LESSON)
	@$(BIN)/course build

serve: $(VENV)/installed ## Serve the site at http://127.0.0.1:8000 and follow edits
	@$(BIN)/course serve

fast: lint js ## Check format, style and types, and run the tests that need no kernel and no browser
	@$(MAKE) --no-print-directory -j2 types units

test: fast browser weights ## Install what tests need and run all of them
	@$(PYTEST) -m "(browser or integration) and not alone and not soak"
	@$(BIN)/pytest -m "alone"

soak: $(VENV)/installed weights ## Test what chance finds: a hundred kills, thousands of examples, every script (an hour)
	@$(BIN)/pytest -m soak
	@$(PYTEST) -m "not browser and not integration" --hypothesis-profile soak

js: $(VENV)/installed ## Check the site's JavaScript: types and lint
	@$(BIN)/python build/javascript.py

check: $(VENV)/installed ## Check sources, quizzes, bindings and claims without running anything
	@$(BIN)/course check

bench: $(VENV)/installed ## Measure the build beside its peers' (hours); goes on where it was interrupted
	@$(BIN)/python build/bench

lock: ## Resolve the dependencies anew (needs uv)
	@$(PYTHON) build/lock.py

clean: ## Delete what was rendered; captures and the environment stay
	rm -rf site build/cache build/tree build/site.new build/site.old
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The environment, from the hash-locked files. A CPU build of torch is taken where the index has one; the usual build needs
# CUDA libraries besides.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps
$(VENV)/installed: requirements/lock.txt requirements/torch-cuda.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python {v[0]}.{v[1]} cannot build the course: use 3.11, 3.12 or 3.13 (make build PYTHON=python3.11).")'
	@echo "Making the environment in $(VENV) (about two minutes) …"
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --require-hashes -r requirements/torch-cpu.txt 2>/dev/null || true
	@$(INSTALL) --require-hashes -r requirements/lock.txt
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(INSTALL) --require-hashes -r requirements/torch-cuda.txt
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

# Parts of fast and test.
lint: $(VENV)/installed
	@$(BIN)/ruff check --quiet src tests build
	@$(BIN)/ruff format --check --quiet src/course tests build

types: $(VENV)/installed
	@$(BIN)/mypy

units: $(VENV)/installed
	@$(PYTEST) -m "not browser and not integration"

browser: $(VENV)/installed
	@$(BIN)/python build/browser.py

weights: $(VENV)/installed
	@$(BIN)/python -c 'from course import weights; print(*map(weights.resolve, weights.SOURCES), sep="\n")' > /dev/null
