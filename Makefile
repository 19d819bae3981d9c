# `make run` runs the product, `make test` the tests. Nothing is needed but Python 3.11 and make.
#
#   make run [PORT=8001]        make PYTHON=/path/to/python3.12 run
#   make test [ARGS="-k sla"]   make check    make messages    make lock

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3.14 python3,$(shell command -v $(name) 2>/dev/null)))
ifeq ($(strip $(PYTHON)),)
$(error Python 3.11 is not here. On Debian and Ubuntu: apt install python3 python3-venv)
endif

# Where it is set, each of the many processes would compile some 1,700 modules anew: two seconds a start.
unexport PYTHONDONTWRITEBYTECODE

BOOTSTRAP := $(PYTHON) bin/bootstrap
DEV := .venv/bin/python
SERVERS := $(DEV) -m tests.servers $(DEV)
ARGS ?=
# As many at a time as there are cores, and one. What takes long goes first (`tests/conftest.py`).
PYTEST := -m pytest -n auto --maxprocesses=4
# A file's tests stay together.
OTHERS := --dist=loadfile --no-loadscope-reorder --ignore=tests/e2e
# A browser's event loop stays in its process: tests with one run by themselves, after all others.
BROWSER := -n logical --dist=worksteal tests/e2e

.PHONY: run test check lint lock messages venv

run:
	@$(BOOTSTRAP) manage.py run

test:
ifeq ($(strip $(ARGS)),)
	@$(BOOTSTRAP) --dev $(PYTEST) $(OTHERS)
	@$(BOOTSTRAP) --dev $(PYTEST) $(BROWSER)
else
	@$(BOOTSTRAP) --dev $(PYTEST) $(ARGS)
endif

venv:
	@$(BOOTSTRAP) --dev

# What must hold before a change lands.
check: venv lint
	$(SERVERS) manage.py makemigrations --check --dry-run
	DEMO=0 DEBUG=0 ALLOWED_HOSTS=support.example.com $(SERVERS) manage.py check --deploy --fail-level=WARNING
	$(DEV) -m helpdesk.core.catalogues --check
	$(DEV) $(PYTEST) $(OTHERS)
	$(DEV) $(PYTEST) $(BROWSER)

lint: venv
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/lint-imports

# Bring the translation catalogues up to what the sources mark.
messages: venv
	$(DEV) -m helpdesk.core.catalogues --update

# After a change to a requirements*.in; `make lock UPGRADE=--upgrade` takes newer versions.
LOCK = .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-strip-extras --python-version 3.11 $(UPGRADE)
lock: venv
	$(LOCK) requirements.in -o requirements.lock
	$(LOCK) requirements-dev.in -o requirements-dev.lock
