# The two main commands:
#   make run                      set up, then turn the faces of sample pictures into vectors
#   make run PHOTOS="~/Pictures"  the same for your own photographs: folders, files, globs (quote names with spaces twice)
#   make test                     set up, then run linters, the type checker, layer contracts and all tests
# Also: lint format docs docs-check site web browser bench test-all package clean.  Every target can be run again safely.

PYTHON ?= python3
VENV ?= .venv
OUT ?= out
PHOTOS ?=
MODEL ?=
# PyTorch for the training tests: a local wheel if pip knows one, else TORCH: TORCH=torch for PyPI's build (3 GB with CUDA
# on Linux), a path, or an index and a name, such as TORCH="--index-url https://download.pytorch.org/whl/cpu torch".
TORCH ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
NITAKAO := $(BIN)/nitakao
WITH_MODEL := $(if $(MODEL),--model $(MODEL))

.PHONY: run samples-run photos-run test lint format test-all bench docs docs-check site web browser package clean

run: $(if $(PHOTOS),photos-run,samples-run)

# ---- the main job ----------------------------------------------------------------------------------------------------

samples-run: $(VENV)/.samples
	@mkdir -p $(OUT)
	$(BIN)/python examples/samples.py $(OUT)/samples
	$(NITAKAO) embed $(WITH_MODEL) $(OUT)/samples -o $(OUT)/faces.npz
	$(NITAKAO) verify $(WITH_MODEL) $(OUT)/samples/astronaut.jpg $(OUT)/samples/astronaut-turned.jpg --picture $(OUT)/same.png
	$(NITAKAO) verify $(WITH_MODEL) $(OUT)/samples/astronaut.jpg $(OUT)/samples/hopper.jpg --picture $(OUT)/different.png
	$(BIN)/python examples/distances.py $(OUT)/faces.npz $(MODEL)
	$(NITAKAO) detect $(OUT)/samples --draw $(OUT)/boxes
	@echo 'wrote $(OUT)/faces.npz (vectors), $(OUT)/same.png and $(OUT)/different.png (pairs), $(OUT)/boxes/ (face boxes)'

photos-run: $(VENV)/.run
	@mkdir -p $(OUT)
	$(NITAKAO) embed $(WITH_MODEL) $(PHOTOS) -o $(OUT)/faces.npz
	$(BIN)/python examples/distances.py $(OUT)/faces.npz $(MODEL)
	$(NITAKAO) detect $(PHOTOS) --draw $(OUT)/boxes
	@echo 'wrote $(OUT)/faces.npz (vectors), $(OUT)/boxes/ (face boxes)'

# ---- tests -----------------------------------------------------------------------------------------------------------

# COVERAGE=1 measures line and branch coverage, prints the total and fails below the floor.
COVERAGE ?=
COVERAGE_FLOOR := 93
test: lint
	$(BIN)/python -m pytest $(if $(COVERAGE),--cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE_FLOOR))

# Types are checked against NumPy 2.3 and later, which needs Python 3.11; earlier releases are typed differently.
TYPED := import numpy; raise SystemExit(tuple(map(int, numpy.__version__.split(".")[:2])) < (2, 3))

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@if $(BIN)/python -c '$(TYPED)'; then echo $(BIN)/mypy; $(BIN)/mypy; else echo 'skipped mypy: it needs NumPy 2.3 or newer, which this Python does not have'; fi
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Runs the tests for each of these Pythons found on the PATH or under pyenv, in separate environments.
VERSIONS ?= 3.10 3.11 3.12 3.13 3.14
test-all:
	@failed=; for version in $(VERSIONS); do \
	  for python in python$$version $$(ls -d $(HOME)/.pyenv/versions/$$version.*/bin/python 2>/dev/null); do \
	    $$python -c '' 2>/dev/null && break; python=; \
	  done; \
	  if [ -z "$$python" ]; then echo "Python $$version not found: skipped"; continue; fi; \
	  echo "Python $$version: $$python"; \
	  $(MAKE) --no-print-directory test PYTHON=$$python VENV=.venv-$$version || failed="$$failed $$version"; \
	done; [ -z "$$failed" ] || { echo "failed under Python$$failed" >&2; exit 1; }

# Compares with peers, each in its own environment. Takes minutes to hours, so it is not part of the tests.
bench: $(VENV)/.test
	$(BIN)/python benchmarks/run.py

# ---- docs and packages -----------------------------------------------------------------------------------------------

docs: $(VENV)/.test
	$(BIN)/python docs/commands.py
	$(BIN)/python docs/cards.py
	$(BIN)/python docs/openapi.py
	$(BIN)/python -m docs.printed

# The documentation as a web site, in site/; warnings are errors.
site: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-check: $(VENV)/.test
	$(BIN)/python -m pytest tests/documentation

# The browser page: sources in web/, the committed build in src/nitakao/server/page/. Needs Node 20.
web:
	cd web && npm ci --no-audit --no-fund && npm run types && npm run check && npm test && npm run build

# Installs Chromium for tests/browser where apt can; otherwise those tests skip.
APT := timeout 300 apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20
browser:
	@[ -n "$(NITAKAO_CHROMIUM)" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	  || command -v google-chrome >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  { $(APT) update && DEBIAN_FRONTEND=noninteractive $(APT) install --no-install-recommends chromium fonts-noto-cjk; } >/dev/null 2>&1; } \
	  || echo 'Chromium is not installed and could not be installed: the browser tests will skip'

package: $(VENV)/.test
	$(PIP) build
	$(BIN)/python -m build --outdir dist .

clean:
	rm -rf $(OUT) dist build site .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests examples docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- the environment -------------------------------------------------------------------------------------------------

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo '$(PYTHON) not found: install Python 3.10 or newer, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("nitakao needs Python 3.10 or newer, and $(PYTHON) is %d.%d: choose a newer one, for example make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo '$(PYTHON) cannot make environments: install its venv module (Debian, Ubuntu: apt install python3-venv)' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade "pip>=25.1"

TAKES := @echo 'installing into $(VENV): takes a minute or more the first time'

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(TAKES)
	$(PIP) -e .
	@touch $@

$(VENV)/.samples: pyproject.toml | $(BIN)/python
	$(TAKES)
	$(PIP) -e . --group samples
	@touch $@ $(VENV)/.run

# TensorFlow, PyTorch, dlib and HEIC have no wheel for some Pythons: the tests that need them then skip.
$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(TAKES)
	$(PIP) -e '.[learn,map,postgres,serve,watch]' --group test
	@$(PIP) --only-binary :all: -e '.[heic]' || echo 'no pillow-heif wheel for this Python: the HEIC tests will skip'
	@$(PIP) --only-binary :all: dlib-bin || echo 'no dlib wheel for this Python: the tests that compare with dlib will skip'
	@$(PIP) --only-binary :all: -e '.[tensorflow]' || echo 'no TensorFlow wheel for this Python: its import tests will skip'
	@$(PIP) --no-index --no-deps --only-binary :all: 'torch>=2.4' 2>/dev/null \
	  || $(if $(TORCH),$(PIP) --only-binary :all: $(TORCH),false) \
	  || echo 'PyTorch is not installed: the training tests will skip (make test TORCH=torch installs it from PyPI)'
	@! $(BIN)/python -c 'import importlib.util as u; u.find_spec("torch") or exit(1)' || $(PIP) -e '.[train]'
	@touch $@ $(VENV)/.samples $(VENV)/.run

$(VENV)/.docs: pyproject.toml | $(BIN)/python
	$(TAKES)
	$(PIP) -e . --group docs
	@touch $@
