# Two commands matter:
#   make run                      the environment, then faces to vectors on sample pictures
#   make run PHOTOS="~/Pictures"  the same on your own photographs: folders, files, globs (quote names with spaces twice)
#   make test                     the environment, then linters, types, layers and all tests
# The rest: lint docs docs-check web browser bench test-all package clean.  Everything is idempotent: what is made is not made again.

PYTHON ?= python3
VENV ?= .venv
OUT ?= out
PHOTOS ?=
MODEL ?=
# PyTorch for the tests of training: a wheel that pip has at hand, else what this says: TORCH=torch for PyPI's (on Linux
# with all of CUDA, 3 GB), a path, or an index and a name, as --index-url https://download.pytorch.org/whl/cpu torch.
TORCH ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
NITAKAO := $(BIN)/nitakao
WITH_MODEL := $(if $(MODEL),--model $(MODEL))

.PHONY: run samples-run photos-run test lint format test-all bench docs docs-check web browser package clean

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
	@echo 'made: $(OUT)/faces.npz (vectors), $(OUT)/same.png and $(OUT)/different.png (pairs), $(OUT)/boxes/ (faces drawn)'

photos-run: $(VENV)/.run
	@mkdir -p $(OUT)
	$(NITAKAO) embed $(WITH_MODEL) $(PHOTOS) -o $(OUT)/faces.npz
	$(BIN)/python examples/distances.py $(OUT)/faces.npz $(MODEL)
	$(NITAKAO) detect $(PHOTOS) --draw $(OUT)/boxes
	@echo 'made: $(OUT)/faces.npz (vectors), $(OUT)/boxes/ (faces drawn)'

# ---- tests -----------------------------------------------------------------------------------------------------------

test: lint
	$(BIN)/python -m pytest

# NumPy's own types changed with 2.3, the first that needs Python 3.11.
TYPED := import numpy; raise SystemExit(tuple(map(int, numpy.__version__.split(".")[:2])) < (2, 3))

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if $(BIN)/python -c '$(TYPED)'; then echo $(BIN)/mypy; $(BIN)/mypy; else echo 'types are not checked: those of NumPy 2.3 are meant, which this Python does not have'; fi
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Each Python of these that is found on the PATH or under pyenv, in an environment of its own.
VERSIONS ?= 3.10 3.11 3.12 3.13 3.14
test-all:
	@failed=; for version in $(VERSIONS); do \
	  for python in python$$version $$(ls -d $(HOME)/.pyenv/versions/$$version.*/bin/python 2>/dev/null); do \
	    $$python -c '' 2>/dev/null && break; python=; \
	  done; \
	  if [ -z "$$python" ]; then echo "no Python $$version here: left out"; continue; fi; \
	  echo "Python $$version: $$python"; \
	  $(MAKE) --no-print-directory test PYTHON=$$python VENV=.venv-$$version || failed="$$failed $$version"; \
	done; [ -z "$$failed" ] || { echo "failed under Python$$failed" >&2; exit 1; }

# Beside the peers, each in an environment of its own: minutes to hours, so never part of the tests.
bench: $(VENV)/.test
	$(BIN)/python benchmarks/run.py

# ---- docs and packages -----------------------------------------------------------------------------------------------

docs: $(VENV)/.test
	$(BIN)/python docs/commands.py
	$(BIN)/python docs/cards.py
	$(BIN)/python -m docs.printed

docs-check: $(VENV)/.test
	$(BIN)/python -m pytest tests/documentation

# The page: its sources are in web/, what is served and shipped is src/nitakao/server/page/, committed. Wants Node 20.
web:
	cd web && npm ci --no-audit --no-fund && npm run check && npm test && npm run build

# A browser for the tests in tests/browser, where there is none and Debian's packages can be had; else they skip.
APT := timeout 300 apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20
browser:
	@[ -n "$(NITAKAO_CHROMIUM)" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	  || command -v google-chrome >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  { $(APT) update && DEBIAN_FRONTEND=noninteractive $(APT) install --no-install-recommends chromium fonts-noto-cjk; } >/dev/null 2>&1; } \
	  || echo 'no Chromium here, and none could be installed: the tests of the page in a browser will skip'

package: $(VENV)/.test
	$(PIP) build
	$(BIN)/python -m build --outdir dist .

clean:
	rm -rf $(OUT) dist build .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests examples docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- the environment -------------------------------------------------------------------------------------------------

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo 'no $(PYTHON) here: install Python 3.10 or newer, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("nitakao needs Python 3.10 or newer, and $(PYTHON) is %d.%d: name a newer one, as in make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo '$(PYTHON) cannot make environments: install its venv module (Debian, Ubuntu: apt install python3-venv)' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

TAKES := @echo 'installing into $(VENV): a minute or more the first time'

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(TAKES)
	$(PIP) -e .
	@touch $@

$(VENV)/.samples: pyproject.toml | $(BIN)/python
	$(TAKES)
	$(PIP) -e '.[samples]'
	@touch $@ $(VENV)/.run

# TensorFlow, PyTorch and HEIC have no wheel for some Pythons: the tests that need them then skip and say so.
$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(TAKES)
	$(PIP) -e '.[test]'
	@$(PIP) --only-binary :all: -e '.[heic]' || echo 'no pillow-heif wheel for this Python: the HEIC tests will skip'
	@$(PIP) --only-binary :all: dlib-bin || echo 'no dlib wheel for this Python: the tests that compare with dlib will skip'
	@$(PIP) --only-binary :all: -e '.[tensorflow]' || echo 'no TensorFlow wheel for this Python: its import tests will skip'
	@$(PIP) --no-index --no-deps --only-binary :all: 'torch>=2.4' 2>/dev/null \
	  || $(if $(TORCH),$(PIP) --only-binary :all: $(TORCH),false) \
	  || echo 'no PyTorch here: the tests of training will skip (make test TORCH=torch takes the one of PyPI)'
	@! $(BIN)/python -c 'import importlib.util as u; u.find_spec("torch") or exit(1)' || $(PIP) -e '.[train]'
	@touch $@ $(VENV)/.samples $(VENV)/.run
