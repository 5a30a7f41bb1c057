# Everything a fresh machine with Python and git needs: `make run`, `make test`.

PYTHON ?= python3
EMBEDDINGS ?= examples/embeddings
MODEL ?= sd1
PORT ?= 7868

VENV := .venv
BIN := $(VENV)/bin
# A second environment with the versions that AUTOMATIC1111's WebUI installs; they exist for these
# releases of Python only.
PINNED := .venv-a1111
PINNED_PYTHON ?= $(shell for python in python3.10 python3.11 $(PYTHON); do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' 2>/dev/null \
	&& echo $$python && break; done)

BROWSER := tests/browser

# A file of tests stays in one process, as its tests share a server.
PYTEST := pytest --numprocesses logical --maxprocesses 4 --dist loadfile

# What a person names reaches the shell as it is, blanks and quotes included.
export EMBEDDINGS MODEL PORT

.PHONY: run test test-newest test-a1111 test-javascript lint fuzz bench clean

run: $(VENV)/.run
	$(BIN)/lib-embeddings serve --model "$$MODEL" --port "$$PORT" -- "$$EMBEDDINGS"

test: lint test-newest test-a1111 test-javascript
	@echo "all tests passed"

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test-newest: $(VENV)/.test $(BROWSER)/.npm
	$(BIN)/$(PYTEST)

test-a1111: $(if $(PINNED_PYTHON),$(PINNED)/.test) $(BROWSER)/.npm
ifeq ($(PINNED_PYTHON),)
	@echo "skipped: AUTOMATIC1111's pins need Python 3.10 or 3.11, and neither is here"
else
	$(PINNED)/bin/$(PYTEST)
endif

test-javascript: $(BROWSER)/.npm
	@if command -v node >/dev/null; then node --test tests/javascript/*.test.mjs tests/javascript/*/*.test.mjs; \
	else echo "skipped: the JavaScript tests need Node.js 20 or newer, which is not here"; fi
	@if test -x $(BROWSER)/node_modules/.bin/tsc; \
	then $(BROWSER)/node_modules/.bin/tsc -p tests/javascript; \
	else echo "skipped: the types of the JavaScript need TypeScript from npm, which is not here"; fi

# axe-core finds what a page lacks for people who cannot see it, TypeScript checks the JavaScript's
# types; both are skipped where npm cannot bring them.
$(BROWSER)/.npm: $(BROWSER)/package.json
	-npm install --silent --no-audit --no-fund --prefix $(BROWSER)
	touch $@

fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz $(FUZZ)

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.scan
	$(BIN)/python -m benchmarks.library
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.watch
	$(BIN)/python -m benchmarks.idle
	$(BIN)/python -m benchmarks.slow_disk
	$(BIN)/python -m benchmarks.share
	$(BIN)/python -m benchmarks.tab
	$(BIN)/python -m benchmarks.concepts
	$(BIN)/python -m benchmarks.prompts
	$(BIN)/python -m benchmarks.hostile
	$(BIN)/python -m benchmarks.false_alarms
	$(BIN)/python -m benchmarks.learn

# The page is there without what paints and learns, and says what is missing. Named before all others,
# torch comes without what only a GPU needs, where an index has it so.
$(VENV)/.run: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --editable '.[app]'
	-$(BIN)/python -m pip install torch==2.13.0
	-$(BIN)/python -m pip install --editable '.[app,pictures]'
	touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.run
	$(BIN)/python -m pip install --quiet --editable '.[app,test,lint,reference,pictures]'
	touch $@

$(PINNED)/.test: pyproject.toml tests/a1111-pins.txt
	$(PINNED_PYTHON) -m venv $(PINNED)
	$(PINNED)/bin/python -m pip install --quiet --constraint tests/a1111-pins.txt --editable '.[app,test]'
	touch $@

clean:
	rm -rf $(VENV) $(PINNED)
