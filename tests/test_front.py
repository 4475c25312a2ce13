"""What is read first: the front page, its figure, the galleries and the docs are true, short, and typed by no hand."""

import json
import re
from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from record_cases import CASE, CLAIM, RECORD, publish

from almostnothing import data, figures, front, gallery
from almostnothing.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [Path("README.md"), *sorted(path.relative_to(ROOT) for path in (ROOT / "docs").glob("*.md"))]
SETS = sorted(path.parent.name for path in (ROOT / "figures").glob("*/README.md"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))

# A number that looks like a result: decimals, shares, factors, times, sizes in memory, counts of verdicts.
RESULT = re.compile(
    r"(?<![\w.])\d*\.\d+|\d\s?%|\d\s?×(?!\s?\d)|\d\s?(?:times|-fold)\b"
    r"|\d\s?(?:core-)?(?:ms|s|min|h|seconds?|minutes?|hours?|days?)\b|\d\s?[KMG]i?B\b"
    r"|\d\s(?:supported|refuted|inconclusive|not measured)"
)
BY_DESIGN = {  # phrases that hold such a number and are no results, and why
    "95 % interval": "the level that is used everywhere",
    "±95 %": "the same",
    "± 95 %": "the same",
    "10 % and 90 % quantiles": "which quantiles are drawn",
    "Python 3.11": "a version",
    "(0.5: by chance)": "what the ranking of a coin is: exact",
    "(14 dB)": "Rose's criterion, an amplitude ratio of 5, in decibels",
}


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def typed_results(text: str) -> list[str]:
    """Result-like numbers outside of generated blocks, code, quotations, formulas and addresses."""
    text = re.sub(r"<!-- (\w+) -->.*?<!-- end of \1 -->", "", text, flags=re.DOTALL)
    text = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)|arXiv:[\d.]+", "", text, flags=re.DOTALL)
    text = re.sub(r"^> .*$", "", text, flags=re.MULTILINE)  # the texts' own words
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$", _formula, " ".join(text.split()), flags=re.DOTALL)
    for known in BY_DESIGN:
        text = text.replace(known, "")
    return [text[max(0, found.start() - 30) : found.end() + 10] for found in RESULT.finditer(text)]


def _formula(found: re.Match[str]) -> str:
    """A formula is left out; one that is a mere number is not: a result may hide in it."""
    inside = found[0].strip("$").replace("\\", "")
    return inside if re.fullmatch(r"[\d.,%\s]+", inside) else ""


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_no_result_is_typed_by_hand_in_a_document(path):
    assert typed_results(path.read_text()) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_result_is_typed_by_hand_on_a_page(path):
    cells = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "markdown"]
    assert [found for cell in cells for found in typed_results(cell)] == []


@pytest.mark.parametrize(
    "text",
    [
        "accuracy .98 here",
        "0.98 of them",
        "3 % less",
        "4.1× faster",
        "12 times faster",
        "in 21 minutes",
        "79 core-minutes",
        "takes 2.7 GiB",
        "2 GB of disk",
        "18 supported",
        "agree on $0.87$ of points",
        "from 3e-7 to 0.1",
    ],
)
def test_a_typed_result_is_found(text):
    assert typed_results(text)


@pytest.mark.parametrize(
    "text",
    [
        "95 % intervals over seeds",
        "`0.5` and $p = 0.9$",
        "images of 8x8 pixels, 1,797 of them",
        "<!-- front -->\n61 % of images\n<!-- end of front -->",
        "> robust beyond 90% corruption",
        "[arXiv:2305.05400](https://arxiv.org/abs/2305.05400)",
        "Python 3.11 or newer",
        "seeds 000 to 004, page 01_knee",
    ],
)
def test_what_is_no_result_is_not(text):
    assert typed_results(text) == []


def test_the_front_page_is_short_and_has_its_generated_parts():
    text = Path("README.md").read_text()
    assert len(text.encode()) < 8000
    for name in ("front", "scoreboard"):
        block = text.split(gallery.MARK.format(name))[1].split(gallery.END.format(name))[0]
        assert len(block.strip()) > 100


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_generated_parts_are_those_of_what_is_published(path):
    assert gallery.generated(path) == path.read_text(), "run: python -m almostnothing gallery"


def test_every_mark_in_a_document_is_one_that_is_filled():
    known = gallery.blocks().keys()
    marks = [name for path in DOCUMENTS for name in re.findall(r"<!-- (?:end of )?(\w+) -->", path.read_text())]
    assert set(marks) <= known


@pytest.mark.parametrize("name", SETS)
def test_a_gallery_is_that_of_the_published_records(name):
    text = (front.FIGURES / name / "README.md").read_text()
    marked = set(re.findall(r"^## .*\(stale: .*\n\n!\[.*\]\((\w+)\.png\)", text, re.MULTILINE))
    assert gallery.gallery(name, marked.__contains__) == text, "run: python -m almostnothing gallery"


@pytest.mark.parametrize("path", [*DOCUMENTS, *(Path("figures") / name / "README.md" for name in SETS)], ids=str)
def test_what_a_document_links_to_exists(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        workflow = re.fullmatch(r"\.\./\.\./actions/workflows/(\w+\.yml)/badge\.svg", link)  # a badge, on GitHub alone
        if workflow:
            link = f".github/workflows/{workflow[1]}"
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads], link


def test_every_document_is_reached_from_the_front_page():
    links = set(re.findall(r"\]\((docs/[^)#]+)\)", Path("README.md").read_text()))
    assert links == {path.as_posix() for path in DOCUMENTS[1:]}


def test_the_front_figure_is_fresh_and_light():
    assert front.fresh(), "run: python -m almostnothing gallery, where MNIST's files are"
    assert front.FILE.with_suffix(".png").stat().st_size < 300_000
    with Image.open(front.FILE.with_suffix(".png")) as picture:
        assert picture.width == pytest.approx(figures.DOUBLE * 250, abs=2)
    record = json.loads(front.FILE.with_suffix(".json").read_text())
    assert re.fullmatch("[0-9a-f]{64}", record["inputs"][front.TABLE.as_posix()])


def test_an_edited_table_makes_the_front_figure_stale(tmp_path, monkeypatch):
    other = tmp_path / "05_survival.csv"
    other.write_bytes(front.TABLE.read_bytes() + b"\n")
    monkeypatch.setattr(front, "TABLE", other)
    assert not front.fresh()


@pytest.mark.skipif(not (data.folder() / "MNIST/raw").is_dir(), reason="needs MNIST's files")
def test_the_front_figure_can_be_drawn_again(tmp_path, monkeypatch):
    committed = json.loads(front.FILE.with_suffix(".json").read_text())
    monkeypatch.setattr(front, "FILE", tmp_path / "front")
    front.draw(data.folder())
    assert json.loads((tmp_path / "front.json").read_text()) == committed
    assert front.fresh()


def test_without_data_the_front_figure_stays(tmp_path, monkeypatch, capsys):
    def missing(folder):
        raise UserError("mnist is not at hand")

    before = {path: path.read_bytes() for path in front.FIGURES.glob("front.*")}
    monkeypatch.setattr(front, "fresh", lambda: False)
    monkeypatch.setattr(front, "draw", missing)
    monkeypatch.setattr(gallery, "published_sets", list)
    monkeypatch.setattr(gallery, "documents", list)
    gallery.write()
    assert capsys.readouterr().out == "The front page's figure stays as it is: mnist is not at hand\n"
    assert before == {path: path.read_bytes() for path in front.FIGURES.glob("front.*")}


AXES = {"dataset": "mnist", "law": "replacement", "training_corruption": "fixed", "width": 64, "shift": 0.0}


def survival(accuracy: dict[int, float], own: dict[int, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of two strengths and seeds for each N: accuracy on tests, and on the networks' own training images."""
    grid = [
        {
            **AXES,
            "train_size": n,
            "strength": p,
            "seed": seed,
            "test": test,
            "accuracy": (own if test == "train" else accuracy)[n],
        }
        for n in accuracy
        for p in (0.0, 0.9)
        for seed in (0, 1)
        for test in ("clean", "corrupted", "train")
    ]
    table = pd.DataFrame(grid)
    return table[table["test"] != "train"].assign(ncm=0.5, theory=0.5), table[table["test"] == "train"]


def test_the_largest_size_whose_networks_learned_is_drawn():
    rows, least = front.drawn(*survival({300: 0.5, 1000: 0.6, 10000: 0.9}, {300: 1.0, 1000: 0.995, 10000: 0.3}))
    assert set(rows["train_size"]) == {1000}
    assert set(rows["test"]) == {"clean"}
    assert least == 0.995


def test_where_no_network_learned_the_best_is_drawn_and_where_nothing_is_known_the_largest():
    tables = survival({300: 0.5, 1000: 0.6}, {300: 0.4, 1000: 0.3})
    assert set(front.drawn(*tables)[0]["train_size"]) == {300}
    rows, least = front.drawn(tables[0], tables[1][:0])
    assert set(rows["train_size"]) == {1000}
    assert np.isnan(least)


@pytest.mark.parametrize(
    ("least", "words"),
    [
        (1.0, "has all of its own"),
        (0.993, "has at least 99.3 % of"),
        (0.3, "only 30 % of"),
        (np.nan, "is not published"),
    ],
)
def test_the_caption_says_how_well_the_networks_learned(monkeypatch, least, words):
    rows = survival({300: 0.5}, {300: 1.0})[0]
    monkeypatch.setattr(front, "read", lambda: (rows[rows["test"] == "clean"], least))
    assert words in front.caption()


def test_the_lead_of_the_network_ends_where_it_is_no_longer_sure():
    table = pd.DataFrame(
        {"strength": [0.0, 0.0, 0.5, 0.5, 0.9, 0.9], "accuracy": [0.9, 0.91, 0.6, 0.5, 0.8, 0.81], "ncm": 0.5}
    )
    assert front.ahead(table) == 0.0
    assert front.ahead(table[2:]) is None


def claim(quote: str | None, cases: list[dict], **changes) -> dict:
    own = {"id": "a", "statement": "c | d", "quote": quote, "role": "primary" if quote else "exploratory"}
    return {**CLAIM, **own, "cases": cases, **changes}


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A set of two pages: one that trains nothing, one with cases on two data sets."""
    monkeypatch.setattr(gallery, "FIGURES", tmp_path)
    nothing = {"estimate": None, "low": None, "high": None, "verdict": "not measured"}
    first = [
        claim("its | words", [CASE]),
        claim(None, [{**CASE, **nothing}]),
    ]
    many = [
        {**CASE, "where": {"dataset": "mnist", "test": "clean"}, "networks": 10, "verdict": "smaller than asked"},
        {**CASE, "where": {"dataset": "mnist", "test": "corrupted"}, "networks": 10, "verdict": "supported"},
        {**CASE, "where": {"dataset": "npz:cifar10.npz"}, "networks": 5, "verdict": "refuted"},
    ]
    second = [claim("more", many, direction="below")]
    status = ["learned", "learned", "dead", "unfinished"]
    table = pd.DataFrame({"dataset": "mnist", "seed": [0, 1, 2, 3], "status": status}).to_csv(index=False)
    for name, title, claims in (("01_old", "Old | page", first), ("02_new", "New", second)):
        publish(tmp_path / "paper", {**RECORD, "figure": name, "title": title, "claims": claims}, csv=table)
    (tmp_path / "paper/claims.json").write_text("[]")
    return tmp_path / "paper"


def test_the_scoreboard_has_a_row_a_claim_and_marks_a_data_set(published):
    lines = gallery.scoreboard("paper").splitlines()
    assert lines[0] == "|page|claim|MNIST|CIFAR-10|"
    assert lines[2].startswith("|[01 old](")
    assert lines[2].endswith("01_old.ipynb)|a|✓1||")
    assert lines[3].endswith("|a|✓1 <1|✗1|")
    assert len(lines) == 4


def test_data_sets_of_few_rows_share_a_column(published, monkeypatch):
    monkeypatch.setattr(gallery, "COMMON", 0.6)
    lines = gallery.scoreboard("paper").splitlines()
    assert lines[0] == "|page|claim|MNIST|other|"
    assert lines[2].endswith("|a|✓1||")
    assert lines[3].endswith("|a|✓1 <1|CIFAR-10 ✗1|")


def test_a_gallery_shows_every_case_and_marks_what_is_stale(published):
    text = gallery.gallery("paper", {"02_new"}.__contains__)
    assert "## Old | page\n" in text
    assert "## New (stale: `python -m almostnothing status paper` says why)\n" in text
    assert "| MNIST: c \\| d | 0.50 [0.40, 0.60] | > 0.2 | 5 seeds | – | **supported** |" in text
    assert "Exploratory claims:" in text
    assert "| – [–, –] | > 0.2 | 5 seeds | – | **not measured** |" in text
    assert "| MNIST, clean test: c \\| d | 0.50 [0.40, 0.60] | < 0.2 | 5 seeds | 10 | **smaller than asked** |" in text
    assert "| CIFAR-10: c" in text


def test_networks_that_did_not_learn_are_counted(published):
    told = "2 of 4 (1 unfinished, 1 dead)"
    assert gallery.untrained("paper") == f"Learned: 01 {told}; 02 {told}; of all other pages all networks.\n"


def test_all_claims_of_a_set_are_in_two_files(published):
    files = gallery.claim_files("paper")
    assert [claim["quote"] for claim in json.loads(files["claims.json"])] == ["its | words", None, "more"]
    rows = files["claims.csv"].splitlines()
    assert len(rows) == 1 + 5
    assert "MNIST, clean test" in files["claims.csv"]


def test_generated_parts_are_replaced_and_their_links_led_home():
    text = "a\n<!-- one -->\nold\n<!-- end of one -->\nb\n"
    made = {"one": lambda: "[x](figures/y) [z](https://z)\n", "two": lambda: "never\n"}
    want = "a\n<!-- one -->\n\n[x](../figures/y) [z](https://z)\n\n<!-- end of one -->\nb\n"
    assert gallery.with_generated(text, made, above="../") == want
    assert gallery.with_generated(want, made, above="../") == want
    with pytest.raises(UserError, match="end of one"):
        gallery.with_generated("<!-- one -->", made)


def test_benchmarks_are_shown_with_their_words(tmp_path):
    path = tmp_path / "training.csv"
    path.write_text("# machine: two cores\nwork,steps_per_second\nMLPs | small,1234.5\n")
    shown = gallery.speeds([path])
    assert "machine: two cores" in shown
    assert "| MLPs \\| small | 1.23e+03 |" in shown
    assert "No benchmark is published yet" in gallery.speeds([])
