# `make help` lists what there is. Everything is installed into .venv, once.

# Candidates, the first that really runs is used. PYTHON=/path/to/python overrides.
PYTHON ?= python3.11 python3.12 python3.13 python3
# Passed on to the program or to pytest: make fit ARGS="--iterations=50"
ARGS ?=
# Test files are spread over two processes, of up to 7 GB each; ARGS=-n0: in this one.
TEST := -m pytest -n 2 --dist=loadfile --durations=10

VENV := .venv
RUN := $(VENV)/bin/python
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

.DEFAULT_GOAL := help
.PHONY: help install fit score test test-all bench format clean
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
	  while IFS='|' read -r name text; do printf '%-16s %s\n' "$$name" "$$text"; done

install: $(VENV)/.installed ## make .venv and install rdtf with pinned versions

fit: $(VENV)/.installed ## recover Gray-Scott parameters (gs.flags) into a new runs/ directory
	$(RUN) -m apps.fit --flagfile=gs.flags $(ARGS)

score: runs/waves64.h5 ## learn the score of 512 patterns, and sample it (2 minutes)
	$(RUN) -m apps.train_score --dataset=$< --epochs=20 --batch_size=32 \
	  --learning_rate=2e-3 $(ARGS)

runs/waves64.h5: | $(VENV)/.installed
	$(RUN) -m apps.generate --output=$@ --until=steps --preset=waves --num_samples=512 \
	  --height=64 --width=64 --chunk=64 --overwrite

test: $(VENV)/.installed-dev ## run the fast tests, the linter and the format check
	$(RUN) $(TEST) -m "not slow" $(ARGS)
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check

test-all: $(VENV)/.installed-dev ## run all tests, the slow ones too
	$(RUN) $(TEST) $(ARGS)
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check

bench: $(VENV)/.installed ## measure speed and memory, beside C and the peers installed
	$(RUN) -m benchmarks.rollout $(ARGS)
	$(RUN) -m benchmarks.gradient $(ARGS)
	$(RUN) -m benchmarks.memory $(ARGS)
	$(RUN) -m benchmarks.scaling $(ARGS)
	$(RUN) -m benchmarks.subnormal $(ARGS)
	$(RUN) -m benchmarks.startup

format: $(VENV)/.installed-dev ## format the code and apply the linter's safe fixes
	$(RUN) -m ruff check --fix
	$(RUN) -m ruff format

clean: ## remove .venv, caches and build products; runs/ and data/ stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .coverage
	find rdtf apps tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# A stamp is written last, so an interrupted install is simply repeated.

$(VENV)/.created:
	@python=; for candidate in $(PYTHON); do \
	  if $$candidate -c '$(SUITABLE)' >/dev/null 2>&1; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Expected Python 3.11, 3.12 or 3.13 with venv, found none among: $(PYTHON). Install one, or run make PYTHON=/path/to/python." >&2; \
	  exit 1; \
	fi; \
	echo "making $(VENV) with $$($$python --version)"; \
	$$python -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created setup.py constraints.txt
	@echo "installing (about 3 minutes, once) ..."
	@$(RUN) -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[native]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.created setup.py constraints.txt
	@echo "installing with development tools (about 3 minutes, once) ..."
	@$(RUN) -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,native]'
	@touch $(VENV)/.installed $@
