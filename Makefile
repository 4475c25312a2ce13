# make          set up, then make every figure of the quick set and the README's gallery
# make test     set up, then run the tests
# make lab      set up, then open JupyterLab
# Another parameter set:  make SET=mine
SET ?= quick
export PATH := $(CURDIR)/.venv/bin:$(PATH)
.PHONY: figures test lint lab pair schema setup

figures: setup
	@echo "Making the figures of params/$(SET): results in figures/$(SET), trained networks in results/cells"
	snakemake --config params=$(SET)
	@python -m almostnothing gallery
	@echo "Done: see figures/$(SET) and the gallery in README.md"

test: setup
	pytest

# formatting, lint and types
lint: setup
	ruff format --check .
	ruff check .
	snakefmt --check Snakefile
	mypy

lab: setup
	@echo "The .py files under notebooks/ open as notebooks; saving one keeps its .ipynb in step"
	jupyter lab notebooks

# bring the .ipynb half of each notebook in step with its .py half
pair: setup
	jupytext --sync notebooks/*.py

# the JSON schemas that editors use for params/<set>/*.yaml
schema: setup
	python -m almostnothing schema

setup:
	@./bootstrap.sh
