# make                  set up, then make the whole quick set again in results/reproduced and compare it with what is published
# make SET=paper        the same for another set
# make figures SET=mine set up, then make the figures of a set in figures/mine
# make test             set up, then run the tests
# make lab              set up, then open JupyterLab
# make site            set up, then build the static site: results/site/html/index.html
# make publish SET=...  for maintainers: make a set's figures from a clean commit, then galleries and front page
SET ?= quick
export SET # so that a name reaches no shell but as one word
export PATH := $(CURDIR)/.venv/bin:$(PATH)
.PHONY: reproduce figures site publish test lint lab pair schema setup

reproduce: setup
	@python -m almostnothing reproduce "$$SET"

figures: setup
	@echo "Making the figures of params/$$SET: results in figures/$$SET, trained networks in results/cells"
	snakemake --config params="$$SET"

site: setup
	@python -m almostnothing site

publish: setup
	python -m almostnothing publish "$$SET"

test: setup
	pytest

# formatting, lint, types and layers
lint: setup
	ruff format --check .
	ruff check .
	snakefmt --check Snakefile
	mypy
	lint-imports

lab: setup
	@echo "The .py files under notebooks/ open as notebooks; saving one keeps its .ipynb in step"
	jupyter lab notebooks

# bring the .ipynb half of each notebook in step with its .py half
pair: setup
	jupytext --sync notebooks/*.py

# the JSON schema that editors use for params/<set>/*.yaml
schema: setup
	python -m almostnothing schema

setup:
	@./bootstrap.sh
