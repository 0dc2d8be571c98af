# `make help` lists what there is. Needs python3 (3.11 or newer), make and a package index; nothing else.
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
WORKERS ?= 2
CATALOGS := es

export PORT

.PHONY: help run demo serve test test-services check format messages audit lock clean

help: ## List the commands.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

run: .venv/runtime var/development.env ## Start the site with the sandbox on http://127.0.0.1:8000 (PORT=8123 changes it).
	@ENV_FILES=.env,var/development.env $(BIN)/python manage.py run_site

demo: .venv/runtime var/development.env ## Fill that site with sixty days of made-up history, to look around in.
	@ENV_FILES=.env,var/development.env $(BIN)/python manage.py migrate --verbosity 0
	@ENV_FILES=.env,var/development.env $(BIN)/python manage.py demo_data

serve: .venv/runtime ## Serve the site as in production: gunicorn, PostgreSQL, Redis, TLS, on https://localhost:8443 (PORT=… changes it).
	@bin/with-services bin/serve

test: .venv/development ## Run the whole suite on SQLite, or on what DATABASE_URL and CACHE_URL name.
	@$(BIN)/python -m pytest -n $(WORKERS)

test-services: .venv/development ## Run the whole suite on the PostgreSQL and Redis of this machine.
	@bin/with-services $(BIN)/python -m pytest -n $(WORKERS)

check: .venv/development ## Formatter, linter, types, import rules, migrations, deployment and schema checks.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-cache
	$(BIN)/python manage.py makemigrations --check --dry-run --settings smartfin.settings_test
	bin/with-production-values $(BIN)/python -W error manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null --settings smartfin.settings_test

format: .venv/development ## Format the code and mend what the linter can mend.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

messages: .venv/development ## Collect the strings of code and templates into locale/, and compile it (needs gettext).
	@$(BIN)/python manage.py makemessages $(CATALOGS:%=-l %) --no-obsolete --add-location file --no-wrap --ignore var \
		--ignore "*/tests/*" --ignore .venv --settings smartfin.settings_test
	@$(BIN)/python manage.py compilemessages $(CATALOGS:%=-l %) --ignore .venv --settings smartfin.settings_test

audit: .venv/development ## Ask PyPI's advisory service for known holes in what is pinned.
	$(BIN)/pip-audit --requirement requirements.txt --require-hashes --disable-pip --strict

lock: .venv/development ## Resolve pyproject.toml anew into the two requirements files.
	$(BIN)/uv pip compile -q pyproject.toml -o requirements.txt --generate-hashes --universal --python-version 3.11 --upgrade
	$(BIN)/uv pip compile -q pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt \
		--generate-hashes --universal --python-version 3.11 --upgrade

clean: ## Remove everything that the other commands made, the data included.
	rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "SmartFin needs Python 3.11 or newer.")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

.venv/runtime: requirements.txt | .venv/bin/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	@touch $@

.venv/development: requirements-dev.txt | .venv/bin/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@mkdir -p var
	@touch $@ .venv/runtime

# Values for `make run` alone. What .env or the environment says goes before them.
var/development.env: | .venv/bin/uv
	@mkdir -p var
	@umask 077; printf 'DEBUG=1\nTWILIO_VERIFY_URL=sandbox:\nSECRET_KEY=%s\n' \
		"$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))')" > $@
