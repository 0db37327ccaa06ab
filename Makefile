# The front door. `make` alone says what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
KILLS ?= 30
EXAMPLES ?= 10000
OBJECTS ?= 500
MINUTES ?= 20
MODE ?= release
# Of make test. Most of its time is waiting for real processes: three on two cores end in half the time of one.
WORKERS ?= 3
UI_SOURCES := $(shell find ui/src -type f) ui/index.html ui/vite.config.ts ui/tsconfig.json
HAS_NODE := command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split("."); \
  process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null

.PHONY: help ui ui-if-node geo geo-if-npm run dev test looks check smoke e2e-smoke faults efflux prove schemathesis bench binary binary-cached binary-smoke deb bare clean
.DEFAULT_GOAL := help

help: ## say what there is
	@grep -hE '^[a-z0-9 -]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | \
	  awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Weir needs Python 3.11, 3.12 or 3.13; say which: make PYTHON=python3.11 ..."; exit 1; }
	@echo "Setting up $(VENV) (a few minutes the first time: 1.1 GB with chDB) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "On Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[aws,dev]'
	@touch $@

ui/node_modules/ready: ui/package.json ui/package-lock.json
	@echo "Fetching what the screens are built with (ui/node_modules) ..."
	@cd ui && npm ci --silent --no-audit --no-fund
	@touch $@

ui/dist/ready: ui/node_modules/ready $(UI_SOURCES)
	@cd ui && npm run --silent build -- --logLevel warn
	@touch $@

ui: ## build the screens (needs Node.js 20 or newer)
	@$(HAS_NODE) || { echo "The screens need Node.js 20.19 or newer, and npm, to be built."; exit 1; }
	@$(MAKE) -s ui/dist/ready

ui-if-node:
	@if $(HAS_NODE); then $(MAKE) -s ui/dist/ready || \
	  echo "The screens could not be built; Weir starts without them (make ui says why)."; \
	  else test -f ui/dist/index.html || \
	  echo "No Node.js 20 or newer here: Weir starts without its screens."; fi

geo: $(READY) ## fetch the newest table of countries (needs npm)
	@$(BIN)/python build/geo.py --again

geo-if-npm: $(READY)
	@$(BIN)/python build/geo.py

run: $(READY) ui-if-node geo-if-npm ## start Weir: data in ./data, public port 8080, admin port 8081
	@echo "Starting Weir with ./data: public on 0.0.0.0:8080, admin on 127.0.0.1:8081. Ctrl-C stops it in order."
	@exec $(BIN)/weir serve --data ./data

dev: $(READY) ui-if-node geo-if-npm ## the same with every log line, readable; after a change: Ctrl-C and again
	@echo "Starting Weir with ./data and debug logs; Ctrl-C stops it in order."
	@WEIR_LOG__LEVEL=debug WEIR_LOG__FORMAT=text exec $(BIN)/weir serve --data ./data

# A hundred processes start: none shall compile Weir again.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(READY) ui-if-node geo-if-npm ## everything that needs no outside server, within 10 minutes
	@$(BIN)/python -m pytest -q -m "not faults and not looks" -n $(WORKERS) --dist loadfile --no-loadscope-reorder

looks: $(READY) ui-if-node ## how every screen looks, in every size and scheme, and what axe says of it (Chromium)
	@$(BIN)/python -m pytest -q -m looks tests/screens

check: $(READY) ## lint, format, types, imports; of the screens types and tests, where Node.js is
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .cache/importlinter
	@if $(HAS_NODE); then $(MAKE) -s ui/node_modules/ready && npm --prefix ui run --silent check && \
	  npm --prefix ui test --silent; else echo "No Node.js 20 or newer here: the screens are not checked."; fi

smoke: $(READY) ## 1,000 clicks and 200 postbacks through the real executable, every figure checked
	@$(BIN)/python -m tests.smoke

e2e-smoke: smoke ## the same as smoke

faults: $(READY) ## kill -9 under load, full disk, failing warehouse (KILLS=30; PHASE=platforms EVENTS=100000 KILLS=20)
	@$(BIN)/python -m tests.faults.run --kills $(KILLS) $(foreach each,$(PHASE),--phase $(each)) $(if $(EVENTS),--events $(EVENTS))

efflux: $(READY) ## the founding document's whole way, moto for Amazon (OBJECTS=500 EVENTS=200000)
	@EFFLUX_OBJECTS=$(OBJECTS) EFFLUX_EVENTS=$(or $(EVENTS),200000) $(BIN)/python -m pytest -q -s tests/journeys/test_efflux_cloud.py

prove: $(READY) ## random postbacks, kills and late clicks against a model of the ledger; goes on where it was (EXAMPLES=10000)
	@$(BIN)/python -m tests.prove.run --examples $(EXAMPLES)

schemathesis: $(READY) ## 20 minutes of requests that keep to /api/openapi.json, or do not (MINUTES=20 SEED=random)
	@$(BIN)/python -m tests.fuzz.admin --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

bench: $(READY) ## clicks beside nginx and Hypercorn, watchers, reports, postbacks; writes bench.json (PART=postbacks ROWS=10000000)
	@$(BIN)/python -m tests.bench.run $(if $(PART),--part $(PART)) $(if $(ROWS),--rows $(ROWS))

$(VENV)/binary-ready: $(READY)
	@command -v gcc >/dev/null || { echo "Building needs a C compiler: apt install gcc ccache"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,binary]'
	@touch $@

binary: $(VENV)/binary-ready ui-if-node geo-if-npm ## build dist/weir; 10-25 minutes the first time (MODE=fast: only our own code is compiled)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python build/binary.py --mode $(MODE)

binary-cached: $(READY) ui-if-node geo-if-npm
	@$(BIN)/python build/binary.py --mode $(MODE) --cached

binary-smoke: export BINARY := dist/weir
binary-smoke: $(READY) ## the smoke, a short fault run and a walk through the screens against dist/weir
	@test -x dist/weir || { echo "There is no dist/weir: make binary"; exit 1; }
	@dist/weir version
	@$(BIN)/python -m tests.smoke
	@$(BIN)/python -m tests.faults.run --kills 4 --phase kills
	@$(BIN)/python -m pytest -q tests/screens/test_walk.py

deb: $(READY) ## dist/weir_*.deb out of dist/weir
	@test -x dist/weir || { echo "There is no dist/weir: make binary"; exit 1; }
	@rm -f dist/weir_*.deb
	@$(BIN)/python packaging/deb.py --binary dist/weir --out dist

bare: $(READY) ## as root: both on a bare Debian 12 without Python: install, upgrade, purge, first starts
	@test -x dist/weir && ls dist/weir_*.deb >/dev/null 2>&1 || { echo "Nothing to prove yet: make binary deb"; exit 1; }
	@$(BIN)/python -m tests.bare.prove --deb dist/weir_*.deb --binary dist/weir

clean: ## remove what these commands made; ./data stays
	rm -rf ui/dist ui/node_modules $(VENV) .cache .hypothesis dist test-output bench.json bench-binary.json *.egg-info
	find appliance tests -name __pycache__ -type d -prune -exec rm -rf {} +
