# make up      run the site (PORT, default 8000; AGENTSITE_HOME, default var/)
# make test    lint, then all tests but the long ones: what CI runs
# make soak    the long tests
# make bench   measure against the budgets; figures go to bench/results/ (others: make bench ROWS="3 4 5")
# make lint    style, types, import rules, templates
#
# Everything they need is fetched into .venv/ first, once.

VENV := .venv
PYTHON := $(VENV)/bin/python
UV := $(VENV)/bin/uv
TO_RUN := $(VENV)/.synced-to-run
TO_TEST := $(VENV)/.synced-to-test
PACKAGES := agentsite reviews workflows bench manage.py

# Images of containers like to set it. Every process would compile all that it imports then, each time anew, and
# that is most of what the start of a process costs.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: up test soak bench lint chromium

up: $(TO_RUN)
	@exec $(PYTHON) manage.py up

test: lint chromium
	@echo "tests: 1 of 3, slices, edges and workflows, side by side (the long ones are in 'make soak')"
	@$(PYTHON) -m pytest -n 5 --dist worksteal --ignore tests/browser --ignore tests/agentsite --ignore tests/faults \
		--ignore tests/frameworks
	@echo "tests: 2 of 3, pages in a browser, apart: its driver keeps an event loop running in the process"
	@$(PYTHON) -m pytest -p no:schemathesis -n 3 --dist loadgroup --max-worker-restart 0 tests/browser
	@echo "tests: 3 of 3, whole sites that are started, killed and frozen, and the frameworks, three at a time"
	@$(PYTHON) -m pytest -p no:schemathesis -n 3 --dist loadfile tests/agentsite tests/faults tests/frameworks

soak: $(TO_TEST) chromium
	@echo "soak: 1 of 2, pages in a browser, apart: its driver keeps an event loop running in the process"
	@$(PYTHON) -m pytest -m soak -v -p no:schemathesis tests/browser
	@echo "soak: 2 of 2, the other long tests, two at a time (about 20 minutes); their figures come at the end"
	@$(PYTHON) -m pytest -m soak -v -p no:schemathesis -n 2 --dist loadfile --ignore tests/browser \
		-rP --show-capture stdout --durations 0 -o faulthandler_timeout=3600

bench: $(TO_TEST) chromium
	@echo "bench: measuring$(if $(ROWS),, at most 5 minutes)"
	@$(PYTHON) -m bench $(ROWS)

lint: $(TO_TEST)
	@echo "lint: 1 of 5, ruff check"
	@$(PYTHON) -m ruff check --quiet
	@echo "lint: 2 of 5, ruff format"
	@$(PYTHON) -m ruff format --quiet --check
	@echo "lint: 3 of 5, types"
	@$(PYTHON) -m mypy --no-error-summary --num-workers 2 $(PACKAGES)
	@echo "lint: 4 of 5, import rules"
	@$(VENV)/bin/lint-imports --no-logo > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
	@echo "lint: 5 of 5, templates"
	@$(PYTHON) -m djlint --quiet --lint templates

chromium: $(TO_TEST)
	@$(PYTHON) -m tests.support.chromium

$(UV):
	@echo "set-up: fetching uv into $(VENV)"
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "set-up: Python 3.11 or later is needed as python3"; exit 1; }
	@python3 -m venv $(VENV) \
		|| { echo "set-up: python3 needs its venv module (Debian: apt-get install python3-venv)"; exit 1; }
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check uv

$(TO_RUN): pyproject.toml uv.lock | $(UV)
	@echo "set-up: installing what the site needs into $(VENV) (about 500 MB)"
	@$(UV) sync --locked --no-dev --inexact
	@touch $@

$(TO_TEST): pyproject.toml uv.lock | $(UV)
	@echo "set-up: installing what the site and its tests need into $(VENV) (about 1 GB)"
	@$(UV) sync --locked --extra frameworks
	@touch $(TO_RUN) $@
