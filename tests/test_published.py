"""What is committed: figures complete and fresh, pairs in step, README true, rooms on their floors."""

import re
from pathlib import Path

import jupytext
import nbformat
import pandas as pd
import pytest

from almostnothing import publishing
from almostnothing.files import file_digest
from almostnothing.freshness import FILES, Page

ROOT = Path(__file__).resolve().parent.parent
SETS = sorted(p.name for p in (ROOT / "figures").iterdir() if p.is_dir())
FLOORS = [
    {"errors"},
    {"_torchvision", "streams", "provenance", "progress", "stats"},
    {"readers"},
    {"data"},
    {"cells"},
    {"params"},
    {"corruptions"},
    {"networks", "optimisers"},
    {"measures", "theory"},
    {"training"},
    {"store"},
    {"sweeps"},
    {"tables"},
    {"claims"},
    {"figures"},
    {"publishing"},
    {"__main__"},
]


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
    assert file_digest(figure.file("csv")) == figure.published["table"]["sha256"]
    table = pd.read_csv(figure.file("csv"))
    assert len(table) == figure.published["table"]["rows"]
    for name in {"accuracy", "failures", "classes", "theory"} & set(table.columns):
        assert table[name].dropna().between(0, 1).all()


def test_the_record_carries_claims_with_thresholds_of_the_parameter_file(figure):
    thresholds = figure.parameters.content()["thresholds"].values()
    assert len(figure.published["claims"]) > 0
    for claim in figure.published["claims"]:
        assert claim["threshold"] in thresholds
        assert claim["verdict"] in ("supported", "refuted", "inconclusive")
    for key in ("digest", "environment", "commit", "parameters"):
        assert figure.published[key]


def test_a_published_page_has_output_no_errors_and_no_local_paths(figure):
    text = figure.file("ipynb").read_text()
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.output_type in ("error", "stream")]
    assert figure.published["sources"]
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
    assert sum(len([line for line in cell.source.splitlines() if line.strip()]) for cell in cells) <= 75
    assert any("parameters" in cell.metadata.get("tags", []) for cell in cells)


def test_the_gallery_of_the_readme_is_that_of_the_published_figures():
    readme = (ROOT / "README.md").read_text()
    assert len(publishing.GALLERY.findall(readme)) == 1
    assert publishing.with_gallery(readme) == readme, "run: python -m almostnothing gallery"


def test_what_the_readme_links_to_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_rooms_import_only_from_floors_below():
    level = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    package = ROOT / "src/almostnothing"
    files = [path for path in package.rglob("*.py") if path != package / "__init__.py"]
    assert {path.relative_to(package).parts[0].removesuffix(".py") for path in files} == set(level)
    for path in files:
        room = path.relative_to(package).parts[0].removesuffix(".py")
        for other in provenance.imported_modules(path.read_text()):
            there = other.split(".")[1]
            assert there == room or level[there] < level[room], f"{path} imports {other}"


def test_pins_name_no_host_and_no_path():
    for name in ("constraints.txt", "environment.yml", "pyproject.toml"):
        assert not re.search(r"https?://|file:|--index|--find-links", (ROOT / name).read_text())
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    wanted = set(re.findall(r'^    "([a-z][a-z-]+)[>"]', (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    assert {name.lower() for name in wanted} - {"almostnothing"} <= pinned
