# NeonPro: o que se faz com um clone. “make” sozinho mostra a lista.
#
# Only relative paths below: make splits words at spaces, and the clone may lie in a directory that has one.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
# Recipes are for any POSIX sh, and say && themselves: the make of macOS knows no .SHELLFLAGS.
# One recipe at a time, whatever -j says: they share one .venv.
.NOTPARALLEL:

PORT ?= 8000
DATA ?=
ARGS ?=
SCALE ?=

# Reach the recipes as they are, whatever quotes, spaces and dollar signs they hold.
override DATA := $(value DATA)
export DATA SCALE
# What a person uses elsewhere must not lead pip or Python astray here.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV

PY := .venv/bin/python

.PHONY: help
help:  ## mostra esta lista
	@printf 'NeonPro\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@printf '\n  make demo DATA="minha agenda.csv" PORT=8001    uma agenda real, noutra porta\n'
	@printf '  make test ARGS="-k embedded"                   opções do pytest\n'
	@printf '  make bench SCALE=full                          o tamanho completo\n'

.PHONY: demo
demo: .env-app  ## instala, prepara e abre a demonstração em http://127.0.0.1:8000/
	@exec $(PY) -m neonpro.demo --port "$(PORT)" $${DATA:+--data "$$DATA"}

.PHONY: test
test: .env-dev  ## roda todos os testes
	@exec $(PY) -m pytest -n auto $(ARGS)

# The settings ask for secrets and addresses; none of these is kept, and no database is asked.
.PHONY: lint
lint: .env-dev  ## confere estilo, tipos, migrações e configuração
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(call throwaway,$(PY) -m mypy)
	$(call throwaway,$(PY) manage.py makemigrations --check --dry-run)
	$(call throwaway,$(PY) manage.py check --deploy --fail-level WARNING)

random = $$($(PY) -c 'import secrets; print(secrets.token_urlsafe(50))')
key = $$($(PY) -c 'import base64, secrets; print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())')
define throwaway
@echo '$(1)'; env -u NEONPRO_DEMO DJANGO_SETTINGS_MODULE=neonpro.settings \
	NEONPRO_SECRET_KEY="$(random)" NEONPRO_CONTEXT_KEYS="$(key)" NEONPRO_MASTER_KEYS="$(key)" \
	NEONPRO_ALLOWED_HOSTS=neonpro.invalid NEONPRO_POOL=false \
	PYTHONWARNINGS='ignore:Got an error checking a consistent migration history' \
	DATABASE_URL='postgresql://neonpro_app@/lint?host=%2Fnonexistent' \
	DATABASE_OWNER_URL='postgresql://neonpro_owner@/lint?host=%2Fnonexistent' \
	$(1)
endef

.PHONY: bench
bench: .env-dev  ## mede os tempos (SCALE=full: 1.000.000 de pacientes)
	@exec $(PY) -m tests.bench

.PHONY: lock
lock:  ## refaz requirements/*.txt a partir de requirements/*.in (UPGRADE=1: versões novas)
	@set -eu; work="$$(mktemp -d)"; trap 'rm -rf "$$work"' EXIT; \
	$(find_python); \
	"$$python" -m venv "$$work/venv"; \
	"$$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv; \
	cd requirements; \
	for name in app dev; do \
		env -i PATH="$$PATH" HOME="$$work" SSL_CERT_FILE="$${SSL_CERT_FILE:-}" \
			"$$work/venv/bin/uv" pip compile --no-config --quiet --universal --python-version 3.11 \
			--generate-hashes --no-header --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) \
			--output-file "$$name.txt" "$$name.in" >/dev/null; \
	done; \
	if grep -nE '://|^ *--(index|extra-index|find-links|trusted-host)' app.txt dev.txt; then \
		echo 'Erro: as linhas acima nomeiam um servidor; nada disso pode ser versionado.' >&2; exit 1; \
	fi; \
	echo 'requirements/app.txt e requirements/dev.txt prontos.'

.PHONY: clean
clean:  ## apaga o ambiente (.venv), os caches e o banco da demonstração
	@if [ -d .postgres ]; then \
		if [ -x $(PY) ] && [ -f .venv/.app ]; then $(PY) -m neonpro.demo --erase || exit 1; \
		elif [ -L .postgres/data ] || [ -f .postgres/data/postmaster.pid ]; then \
			echo 'Rode “make demo” e encerre com Ctrl-C antes de “make clean”.' >&2; exit 1; fi; \
		rm -rf .postgres; \
	fi
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis staticfiles
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. By content and not by date, since git gives every file the date of the checkout.

.PHONY: .env-app
.env-app: .venv-alive
	@cmp -s requirements/app.txt .venv/.app || { \
		echo 'Instalando o que o NeonPro usa (só na primeira vez)…'; \
		$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/app.txt && \
		cp requirements/app.txt .venv/.app; }

.PHONY: .env-dev
.env-dev: .env-app
	@cmp -s requirements/dev.txt .venv/.dev || { \
		echo 'Instalando as ferramentas de teste (só na primeira vez)…'; \
		$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes \
			-r requirements/app.txt -r requirements/dev.txt && \
		cp requirements/dev.txt .venv/.dev; }

# A .venv whose Python was upgraded or removed is made anew.
.PHONY: .venv-alive
.venv-alive:
	@$(PY) -c 'import pip' 2>/dev/null || { \
		$(find_python); \
		rm -rf .venv; \
		"$$python" -m venv .venv || { \
			rm -rf .venv; \
			echo "Erro: $$python não consegue criar um ambiente. No Debian ou Ubuntu: apt install python3-venv" >&2; \
			exit 1; }; }

define find_python
python=''; \
for candidate in $${PYTHON:+"$$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do \
	if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		python="$$candidate"; break; \
	fi; \
done; \
if [ -z "$$python" ]; then \
	echo 'Erro: o NeonPro precisa do Python 3.11 ou mais novo. Instale-o, ou aponte-o: make demo PYTHON=/caminho' >&2; \
	exit 1; \
fi
endef
