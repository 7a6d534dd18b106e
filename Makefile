# make demo    .venv, the pinned packages, the engine GPAW, and the study of the paper in minutes
# make engine-xc   the engine built anew with libxc, for hybrids, meta-GGAs and GLLB-SC (a minute, 53 MB more)
# make test    the same set-up with libxc and the test packages, then every test but those that need Debian packages
# make lint    ruff, mypy and the import rules alone
# make docs    build/html, the site of the documentation
# make wheel   dist/*.whl and dist/*.tar.gz
# make clean   removes .venv and what the tools leave behind; runs/ stays
#
# Needs Python 3.11 or newer with pip, g++ and make; no root, no BLAS, no MPI. PYTHON=... chooses the interpreter.

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/done
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-build-isolation -c constraints.txt
MARKED_APART := debian
PYTEST_ARGS ?=

# One thread an engine process: more do not help plane waves, and the processes run side by side.
export OMP_NUM_THREADS := 1
unexport PYTHONPATH PYTHONHOME

.PHONY: demo engine-xc test lint docs wheel constraints clean
.DELETE_ON_ERROR:

demo: $(DONE)/packages $(DONE)/engine
	$(BIN)/dftflow run fapbbr3-cspbbr3 --preset quick

engine-xc: $(DONE)/engine-xc

test: $(DONE)/test
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not $(MARKED_APART)" $(PYTEST_ARGS)

lint: $(DONE)/test
	$(BIN)/python -m pytest -q tests/test_architecture.py

docs: $(DONE)/test
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/html

wheel: $(DONE)/test
	$(BIN)/python -m build --no-isolation

constraints: $(DONE)/test
	{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze --all --exclude-editable --exclude pip \
	    --exclude dftflow | LC_ALL=C sort -f; } > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find dftflow tests templates benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up: each file in $(DONE) says that a step is done; a step is done again when what it was made from changes ---

$(DONE)/python: .ci/make-venv
	@.ci/make-venv $(VENV) "$(PYTHON)"
	@mkdir -p $(DONE) && touch $@

$(DONE)/packages: $(DONE)/python constraints.txt pyproject.toml
	@echo "==> installing the pinned packages"
	@$(PIP) hatchling setuptools pybind11 numpy
	@$(PIP) gpaw-data --editable .
	@touch $@

# Both build the one engine of .venv: the later one counts, and says so to the other.
$(DONE)/engine: constraints.txt templates/gpaw/siteconfig.py | $(DONE)/packages
	$(call build_engine,siteconfig.py,)
	@rm -f $(DONE)/engine-xc
	@touch $@

$(DONE)/engine-xc: constraints.txt templates/gpaw/siteconfig_xc.py | $(DONE)/packages
	@echo "==> installing pyscf, which brings libxc"
	@$(PIP) --no-deps pyscf
	$(call build_engine,siteconfig_xc.py, with libxc)
	@$(BIN)/python -c "import _gpaw; _gpaw.lxcXCFuncNum" || { \
	    echo "error: GPAW was built without libxc" >&2; \
	    echo "  fix: see what the build lacks: CC=g++ GPAW_CONFIG=$(CURDIR)/templates/gpaw/siteconfig_xc.py" \
	    "$(BIN)/python -m pip install -v --no-build-isolation --no-cache-dir --no-deps --force-reinstall gpaw" >&2; exit 1; }
	@touch $(DONE)/engine $@

define build_engine
	@command -v g++ >/dev/null || { echo "error: there is no g++, which GPAW is built with" >&2; \
	    echo "  fix: install a C++ compiler (Debian, Ubuntu: apt-get install g++)" >&2; exit 1; }
	@echo "==> building GPAW$(2) (under a minute)"
	@CC=g++ GPAW_CONFIG=$(CURDIR)/templates/gpaw/$(1) \
	    $(PIP) --no-cache-dir --no-deps --force-reinstall gpaw
endef

$(DONE)/test: $(DONE)/packages $(DONE)/engine-xc
	@echo "==> installing the test packages"
	@$(PIP) --editable '.[gpaw,test]'
	@$(PIP) --no-deps aiida-castep autoplex matador-db
	@$(PIP) colorlog enum-tools inquirerpy pyshacl rdflib requests-cache rich-click toml
	@$(PIP) --no-deps roc-validator 'rocrate<0.15'
	@touch $@
