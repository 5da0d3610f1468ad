PORT ?= 8000
PYTHON := .venv/bin/python
INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help run install test check bench migrate

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: ## Set everything up, then serve on http://127.0.0.1:8000 (PORT=8001 overrides)
	@$(ALONE) $(MAKE) -s ready
	@$(SETTINGS) exec $(PYTHON) -m gunicorn --bind 127.0.0.1:$(PORT) wsgi:app

install: ## Set up .venv; run, test and the others do it by themselves
	@$(ALONE) $(MAKE) -s $(INSTALLED)

test: install-dev ## Run every test
	$(PYTHON) -m pytest --numprocesses 2 --dist worksteal -m "not browser" $(ARGS) $(NONE)
	$(PYTHON) -m pytest --numprocesses 1 -m browser $(ARGS) $(NONE)

check: install-dev ## Check format, lint, types, templates and that this list is true
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -m djlint --lint --quiet --profile jinja telehealth/templates
	$(PYTHON) -m pytest --quiet tests/house

bench: install-dev ## Measure, and write docs/performance.md
	$(PYTHON) -m bench.run $(ARGS)

migrate: ## Bring the database up to date
	@$(ALONE) $(MAKE) -s migrated

# From here on: what the lines above are made of.

# Tests that are asked for by name may all be of one kind; pytest's 5 says that it found none.
NONE = $(if $(ARGS),|| [ $$? -eq 5 ])

.PHONY: ready free-port migrated install-dev secret-key

# Two started at once in one clone take turns with the set-up, where the machine has flock.
ALONE := $(if $(shell command -v flock),flock Makefile)

# What the environment and .env leave open is filled in, so that a first try needs no settings.
GIVEN = given() { printenv "$$1" >/dev/null || grep -Eqs "^(export )?$$1=." .env; };
SETTINGS = $(GIVEN) given PUBLIC_URL || export PUBLIC_URL="http://127.0.0.1:$(PORT)"; \
  export PORT="$(PORT)";

ready: free-port $(INSTALLED) secret-key
	@$(SETTINGS) $(PYTHON) -m flask db upgrade
	@$(SETTINGS) $(PYTHON) -m flask demo --if-empty

free-port: | $(PYTHON)
	@$(PYTHON) -c 'import socket; s = socket.socket(); \
	  s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", $(PORT)))' \
	  2>/dev/null || { echo "Port $(PORT) is taken; try: make run PORT=$$(( $(PORT) + 1 ))"; exit 1; }

migrated: $(INSTALLED) secret-key
	@$(SETTINGS) $(PYTHON) -m flask db upgrade

# Kept, so that a restart signs nobody out; a key that is there is never replaced.
secret-key: | $(PYTHON)
	@$(GIVEN) given SECRET_KEY || (umask 077; $(PYTHON) -c \
	  'import secrets; print("\nSECRET_KEY=" + secrets.token_hex(32))' >> .env)

install-dev:
	@$(ALONE) $(MAKE) -s $(INSTALLED_DEV)

PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet install

$(INSTALLED): setup.cfg pyproject.toml | $(PYTHON)
	@echo 'Installing what the application needs'
	@$(PIP) --editable .
	@touch $@

$(INSTALLED_DEV): setup.cfg pyproject.toml | $(PYTHON)
	@echo 'Installing what the application and its tests need'
	@$(PIP) --editable '.[dev]'
	@touch $(INSTALLED) $@

$(PYTHON):
	@for python in python3 python3.14 python3.13 python3.12 python3.11 ''; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; \
	done; \
	if [ -z "$$python" ]; then echo 'Python 3.11 or newer is needed and was not found.'; exit 1; fi; \
	echo "Setting up .venv with $$($$python --version)"; \
	$$python -m venv --clear .venv >/dev/null 2>&1 || { rm -rf .venv; \
	  echo "$$python has no working venv. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
