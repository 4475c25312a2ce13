"""What is committed: figures complete, fresh and light, pairs in step."""

import re
import tomllib
from pathlib import Path

import jupytext
import nbformat
import pandas as pd
import pytest
import yaml

from almostnothing import gallery, tables
from almostnothing.files import file_digest
from almostnothing.freshness import FILES, Page, pages_of
from almostnothing.parameters.page import Parameters
from almostnothing.verdicts import VERDICTS

ROOT = Path(__file__).resolve().parent.parent
SETS = sorted(p.name for p in (ROOT / "figures").iterdir() if p.is_dir())


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def figures() -> list[Page]:
    return [
        Page(path.stem, path.parent.name)
        for parameter_set in SETS
        for path in sorted((ROOT / "params" / parameter_set).glob("*.yaml"))
    ]


@pytest.fixture(params=figures(), ids=lambda f: f"{f.parameter_set}/{f.name}")
def figure(request) -> Page:
    return request.param


def test_every_file_is_published_and_fresh(figure):
    assert all(figure.file(suffix).is_file() for suffix in FILES)
    assert not figure.stale("figure")
    assert not figure.stale("table")


def test_the_table_is_the_one_that_the_record_names(figure):
    assert file_digest(figure.file("csv")) == figure.made["table"]["sha256"]
    table = pd.read_csv(figure.file("csv"))
    assert len(table) == figure.made["table"]["rows"]
    told = tables.each_test(table)
    for name in {"accuracy", "failures", "classes", "theory"} & set(told.columns):
        assert told[name].dropna().between(0, 1).all()


def test_every_network_asked_for_is_in_the_table_and_told_apart(figure):
    table = pd.read_csv(figure.file("csv"), low_memory=False)
    if figure.cells and "status" in table:
        assert len(tables.networks(table)) == len(figure.cells)


def test_the_record_carries_claims_with_thresholds_of_the_parameter_file(figure):
    thresholds = figure.parameters.content()["thresholds"].values()
    assert len(figure.made["claims"]) > 0
    for claim in figure.made["claims"]:
        assert claim["threshold"] in thresholds
        assert {case["verdict"] for case in claim["cases"]} <= set(VERDICTS)
        assert claim["role"] == "exploratory" or claim["lock"]
    for key in ("digest", "environment", "commit", "parameters", "definitions", "measured_by", "title"):
        assert figure.made[key]
    assert figure.made["commit"]["modified"] is False


def test_a_published_page_has_output_no_errors_and_no_local_paths(figure):
    text = figure.file("ipynb").read_text()
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.output_type in ("error", "stream")]
    asks_for_none = figure.parameters.sweep is None and type(figure.parameters).sources is Parameters.sources
    assert bool(figure.made["sources"]) != asks_for_none
    assert not re.search(r"/(?:work|home|root|tmp|Users)/", text + figure.file("json").read_text())


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda p: p.stem)
def test_both_halves_of_a_notebook_say_the_same(path):
    text, paired = jupytext.read(path), jupytext.read(path.with_suffix(".ipynb"))
    assert [(c.cell_type, c.source, c.metadata.get("tags")) for c in text.cells] == [
        (c.cell_type, c.source, c.metadata.get("tags")) for c in paired.cells
    ], "run: make pair"
    assert not any(cell.get("outputs") for cell in paired.cells)


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda p: p.stem)
def test_a_notebook_is_thin(path):
    cells = [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    assert sum(len([line for line in cell.source.splitlines() if line.strip()]) for cell in cells) <= 64
    assert all("hide-input" in cell.metadata.get("tags", []) for cell in cells)
    assert any("parameters" in cell.metadata.get("tags", []) for cell in cells)


def test_galleries_mark_what_is_stale():
    for parameter_set in SETS:
        stale = {page.name for page in pages_of(parameter_set) if page.stale("figure")}
        text = (ROOT / "figures" / parameter_set / "README.md").read_text()
        assert gallery.gallery(parameter_set, stale.__contains__) == text, "run: python -m almostnothing gallery"


def test_published_files_are_light():
    for parameter_set in SETS:
        for page in pages_of(parameter_set):
            sizes = {suffix: page.file(suffix).stat().st_size for suffix in FILES}
            assert sum(sizes.values()) < 2e6, (page.name, sizes)
            assert sizes["ipynb"] < 1e6


def test_pins_name_no_host_and_no_path():
    for name in ("constraints.txt", "environment.yml", "pyproject.toml"):
        assert not re.search(r"https?://|file:|--index|--find-links", (ROOT / name).read_text())
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    wanted = set(
        re.findall(r'^    "([a-z][a-z-]+)[>"]', (ROOT / "pyproject.toml").read_text().split("[tool.")[0], re.MULTILINE)
    )
    assert {name.lower() for name in wanted} - {"almostnothing"} <= pinned


def test_conda_users_get_what_bootstrap_installs():
    asked = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    [[*words]] = [one["pip"] for one in asked if isinstance(one, dict)]
    installed = re.search(r"uv pip install .* (-c \S+) -e '(\S+)'", (ROOT / "bootstrap.sh").read_text())
    assert installed
    assert words == [installed[1], f"-e {installed[2]}"]
    [python] = [one.partition("=")[2] for one in asked if str(one).startswith("python=")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={python}"
    assert {"cxx-compiler", "pip"} <= {one for one in asked if isinstance(one, str)}
