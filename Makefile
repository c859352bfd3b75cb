# make grade and make test are all that is needed; each sets the machine up first.

PYTHON ?= python3
COURSE ?= course
ASSIGNMENT ?=
WORKERS ?=
ISOLATION ?=
GPUS ?=
ENGINE ?= $(CHAINRULE_ENGINE)
ifneq ($(ENGINE),)
export CHAINRULE_ENGINE := $(ENGINE)
endif

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := build/demo
RELEASED := $(if $(ASSIGNMENT),$(ASSIGNMENT),$(notdir $(wildcard assignments/*)))
GRADE = $(BIN)/autograder grade $(ASSIGNMENT) \
	$(if $(WORKERS),--workers $(WORKERS)) $(if $(ISOLATION),--isolation $(ISOLATION)) \
	$(if $(GPUS),--gpus $(GPUS))
# Tests that start no program and wake no nbgrader.
FAST := tests/checking tests/course/collect tests/course/test_settings.py \
	$(addprefix tests/assignment/test_,edits.py mutants.py source.py) \
	$(addprefix tests/judging/test_,attempt.py hidden_tests.py rebuild.py verdict.py) \
	$(addprefix tests/pages/test_,formulas.py prose.py sanitise.py) \
	$(addprefix tests/test_,data.py docs.py figures.py files.py gradcheck.py sweep.py) \
	tests/sandbox/test_linux.py tests/sandbox/test_users.py tests/sandbox/test_wire.py
BUILDER = $(or $(ENGINE),$(if $(shell command -v docker),docker,podman))

.DEFAULT_GOAL := help
.PHONY: help grade feedback report build solved release image check test test-container validate \
	soak lint format lock clean

help: ## print this list
	@echo "usage: make TARGET [ASSIGNMENT=mlp] [COURSE=course] [WORKERS=2]"
	@echo "       make grade [ISOLATION=container] [GPUS=all]; make image [ENGINE=podman]"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

grade: $(READY) ## grade what is in course/submitted, or a demo class if nothing is
	@if [ -n "$$(ls -A '$(COURSE)/submitted' 2>/dev/null)" ]; then \
		$(GRADE) --course '$(COURSE)'; \
	else \
		echo "There is nothing in $(COURSE)/submitted: grading the demo class in $(DEMO)."; \
		$(BIN)/autograder demo && $(GRADE) --course $(DEMO); \
	fi

feedback: $(READY) ## write an HTML page for each student
	@$(BIN)/autograder feedback $(ASSIGNMENT) --course '$(COURSE)'

report: $(READY) ## show the class at a glance
	@$(BIN)/autograder report --course '$(COURSE)'

build: $(READY) ## make assignments/ and the solved notebooks from reference/
	@$(BIN)/autograder build $(ASSIGNMENT)

solved: build ## make the solved notebooks (in build/solved)

release: $(READY) ## make one zip for the students per assignment (in build/release)
	@for name in $(RELEASED); do $(BIN)/autograder release $$name || exit; done

image: $(READY) ## build the container image that ISOLATION=container judges in
	@$(BUILDER) build $(if $(findstring podman,$(BUILDER)),--format docker) $(BUILD_OPTIONS) \
		--file docker/Dockerfile --tag $(or $(CHAINRULE_IMAGE),chainrule:latest) \
		--build-arg SOURCES=$$($(BIN)/python -m autograder.judging.container) .

test-container: $(READY) ## run the image's tests, and the attacks on the grader inside it
	@CHAINRULE_ISOLATION=container $(BIN)/pytest -q -n auto tests/attacks tests/judging/test_container.py

check: $(READY) lint ## check style, types, and what half a minute can test
	@OMP_NUM_THREADS=1 $(BIN)/pytest -q -n auto --maxprocesses 8 $(FAST)

test: $(READY) lint ## run everything that CI runs
	@OMP_NUM_THREADS=1 $(BIN)/pytest -q -n auto --maxprocesses 8
	@$(BIN)/autograder validate

validate: $(READY) ## prove that reference, assignments and tests agree
	@$(BIN)/autograder validate $(ASSIGNMENT)

soak: $(READY) ## run the tests that take minutes: kills, long fuzzing
	@$(BIN)/pytest -q -m soak

lint: $(READY) ## check style, types, and which rooms import which
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@said=$$($(BIN)/lint-imports --no-cache --no-logo 2>&1) || { echo "$$said"; exit 1; }

format: $(READY) ## format the sources
	@$(BIN)/ruff check --quiet --fix
	@$(BIN)/ruff format --quiet

lock: $(READY) ## write constraints.txt from what is installed
	@{ head -n 1 constraints.txt; $(BIN)/pip freeze --exclude-editable; } > constraints.new
	@mv constraints.new constraints.txt

clean: ## remove what was built; the course and .venv stay
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Chainrule needs Python 3.11 or newer: install it, or name it: make PYTHON=python3.12"; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv module is missing: on Debian and Ubuntu, apt install python3-venv"; \
		exit 1; }
	@echo "Setting up $(VENV) (once; a few minutes)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check -c constraints.txt -e '.[all]'
	@touch $@
