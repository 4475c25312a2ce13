"""The site's parts: what is read from notebooks, records and documents, and what becomes of it."""

from __future__ import annotations

import base64
import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import record_cases

from almostnothing import site
from almostnothing.errors import UserError
from almostnothing.site import (
    claim_cards,
    drawings,
    figure_pages,
    finishing,
    front_page,
    glossary,
    methods,
    notebook_pages,
    records,
    text_pages,
)

ROOT = Path(__file__).parents[1]
CASES: list[dict[str, Any]] = [
    {"where": {"dataset": "mnist", "test": "clean"}, "estimate": 0.5, "low": 0.4, "high": 0.6, "verdict": "supported"},
    {
        "where": {"dataset": "mnist", "test": "corrupted"},
        "estimate": 0.3,
        "low": 0.2,
        "high": 0.4,
        "verdict": "supported",
    },
    {"where": {"dataset": "cifar10"}, "estimate": None, "low": None, "high": None, "verdict": "not measured"},
]
CLAIM: dict[str, Any] = {
    **record_cases.CLAIM,
    "quote": "well above <chance>",
    "cases": [{**record_cases.CASE, **case, "networks": 5} for case in CASES],
    "verdict": "mixed",
    "finding": "Supported: …",
}
OTHER = {**record_cases.SOURCE, "name": "cifar10", "facts": {**record_cases.FACTS, "arrays": "2" * 20}}
RECORD: dict[str, Any] = {
    **record_cases.RECORD,
    "claims": [CLAIM],
    "sources": [record_cases.SOURCE, OTHER],
    "environment": {"python": "3.11.7", "torch": "2.13.0", "system": "Linux", "processor": "a processor"},
    "commit": {"id": "c" * 40, "modified": False},
    "digest": {"figure": "f" * 20, "table": "a" * 20},
    "table": {"sha256": "5" * 64, "rows": 1234},
    "definitions": {"almostnothing.moon": "d" * 12},
    "parameters": {},
}


DRAWING = """<svg version="1.1" width="500.6pt" height="300.2pt" xmlns="http://www.w3.org/2000/svg">
<g id="axes_1"><g id="matplotlib.axis_1"><g id="xtick_1"><g id="text_1"><!-- 0.5 --></g></g>
<g id="text_2"><!-- survive [%], and $p^*$ --></g></g>
<g id="matplotlib.axis_2"><g id="text_3"><!-- accuracy --></g></g>
<g id="text_4"><!-- a --></g><g id="text_5"><!-- clean test, --><!-- $\\sigma$ = 1 --></g>
<g id="legend_1"><g id="text_6"><!-- NCM --></g><g id="text_7"><!-- network --></g></g></g>
<g id="axes_2"><g id="text_8"><!-- b --></g><g id="text_9"><!-- .25 --></g><g id="text_10"><!-- −0.5 --></g></g>
<g id="axes_3"><g id="text_11"><!-- a picture without a letter --></g></g>
<g id="legend_2"><g id="text_12"><!-- theory --></g></g></svg>"""
PANELS = (
    "Panel a, clean test, σ = 1: accuracy against survive [%], and p* (NCM; network). "
    "Panel b: 2 numbers from -0.5 to 0.25. Lines and marks: theory."
)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x07\0\0\0\x05").decode()


def code(source, tags=(), times=1, **output):
    outputs = [{"output_type": "display_data", "data": output}] * times if output else []
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": [source], "outputs": outputs}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A project with one page, and the body of its page on the site."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# The moon"]},
        code("p = 0  # default", ["parameters"]),
        code("p = 0.9", ["injected-parameters"]),
        code("display(Markdown(claims.answer(verdicts)))", **{"text/markdown": "**The answer** of old"}),
        {"cell_type": "markdown", "metadata": {}, "source": ["Prose with `05_moon` and $x$.\n\n## Dust\n\nMore."]},
        code("for dataset in datasets: draw()", times=2, **{"image/png": PNG}),
        {"cell_type": "markdown", "metadata": {}, "source": ["## Rings\n\nAs *$p$* falls, [rings](x.md) grow."]},
        code("again()", **{"image/png": PNG}),
        code("frame", **{"text/html": '<style scoped>b {}</style><table border="1" class="dataframe"></table>'}),
        code("display(claims.summary(verdicts))", **{"text/html": "<table><tr><td>old verdicts</td></tr></table>"}),
    ]
    folder = tmp_path / "figures/paper"
    record_cases.publish(folder, RECORD, ipynb=json.dumps({"cells": cells}), svg=DRAWING)
    (tmp_path / "params/paper").mkdir(parents=True)
    (tmp_path / "params/paper/05_moon.yaml").write_text("p: 0.8 # of the file\nthresholds: {}\n")
    return notebook_pages.body(tmp_path, RECORD, tmp_path / "extra"), tmp_path


def test_the_parameter_file_is_the_one_cell_of_parameters_and_code_is_folded(made):
    body, _ = made
    assert "p = 0.9" not in body
    assert "# default" not in body
    assert body.count("<summary>Parameters of this page</summary>") == 1
    folded = body.partition("<summary>Parameters of this page</summary>")[2].partition("</details>")[0]
    assert "```yaml\np: 0.8 # of the file" in folded
    assert "params/paper/05_moon.yaml" in folded
    assert body.count("<details") == body.count("</details>")


def test_every_published_page_has_one_cell_of_parameters():
    for name in records.sets(ROOT):
        for record in records.published(ROOT, name):
            notebook = json.loads((ROOT / f"figures/{name}/{record['figure']}.ipynb").read_text())
            assert sum("parameters" in notebook_pages.tags(cell) for cell in notebook["cells"]) == 1
            assert "thresholds:" in notebook_pages.parameters(ROOT, record)


def test_answer_and_tables_of_claims_give_place_to_cards(made):
    body, _ = made
    assert "of old" not in body
    assert "old verdicts" not in body
    assert 'id="claim-above"' in body
    assert "well above &lt;chance&gt;" in body
    assert '../texts/001.html#05_moon-above"' in body


def test_the_published_picture_is_shown_from_its_file_and_others_are_written(made):
    body, root = made
    assert '<img src="../files/paper/05_moon.svg"' in body
    assert '<img src="../files/paper/05_moon-2.png"' in body
    assert '<img src="../files/paper/05_moon-3.png"' in body
    assert (root / "extra/files/paper/05_moon-2.png").read_bytes() == base64.b64decode(PNG)
    assert 'width="501" height="300"' in body
    assert 'width="7" height="5" loading="lazy"' in body
    assert "<style" not in body
    assert "border=" not in body


def test_one_picture_a_data_set_has_links_by_data_set_and_tells_of_its_own(made):
    body, _ = made
    assert '<a class="button" href="#figure-1" data-dataset="MNIST">MNIST</a>' in body
    assert 'href="#figure-2" data-dataset="CIFAR-10"' in body
    assert body.count('class="datasets"') == 1
    assert 'id="figure-2"' in body
    mnist, cifar, beside = (part.split('"')[0] for part in body.split('alt="')[1:])
    assert "2 supported" in mnist
    assert "not measured" not in mnist
    assert "supported" not in cifar
    assert mnist.endswith(PANELS)
    assert cifar.endswith(
        "Panel a: accuracy against survive [%], and p* (NCM; network). Panel b. Lines and marks: theory."
    )
    assert beside == "Rings: a picture beside the main figure of The moon. As p falls, rings grow."


def test_a_table_has_human_names_where_a_cell_is_a_name_of_code():
    row = '<th>training_corruption</th><th rowspan="2">npz:cifar10.npz</th><td>fashion_mnist</td><td>mnist_like x</td>'
    told = notebook_pages.table(f'<table border="1"><caption>mnist: NCM</caption><tr>{row}</tr></table>')
    assert told == (
        '<table><caption>MNIST: NCM</caption><tr><th>training corruption</th><th rowspan="2">CIFAR-10</th>'
        "<td>Fashion-MNIST</td><td>mnist_like x</td></tr></table>"
    )


def test_a_drawings_panels_are_told():
    assert drawings.told(DRAWING.encode()) == PANELS


def test_formulas_are_told_in_plain_characters():
    told = drawings.plain(r"$\hat\Theta$ of $\kappa$ and $\sqrt{d} \times p^*$")
    assert told.split() == ["Θ", "of", "κ", "and", "√d", "×", "p*"]


def test_a_loop_over_something_else_is_no_picture_a_data_set():
    record = {**RECORD, "parameters": {"sweep": {"dataset": ["mnist", "digits", "fashion_mnist"]}}}
    assert notebook_pages.datasets_of(record, "for d in sorted(dimensions): draw(d)", 2) == []
    loop = "for name in names: draw(name)"
    found = [notebook_pages.datasets_of(record, loop, count) for count in (1, 2, 3, 4)]
    assert found == [[], ["MNIST", "CIFAR-10"], ["MNIST", "digits", "Fashion-MNIST"], ["MNIST", "CIFAR-10"] * 2]


def test_published_pictures_are_of_the_data_set_that_their_titles_name(tmp_path):
    switched = 0
    for name in records.sets(ROOT):
        for record in records.published(ROOT, name):
            body = notebook_pages.body(ROOT, record, tmp_path)
            first = re.search(r'<figure class="plate" id="figure-1" data-dataset="(.+?)">', body)
            if first:
                switched += 1
                drawing = (ROOT / f"figures/{name}/{record['figure']}.svg").read_text()
                assert f"<!-- {first[1]}" in drawing, record["figure"]
    assert switched > 8


def test_alternative_text_is_told_from_the_numbers():
    told = notebook_pages.alternative(RECORD)
    assert told == (
        "The moon, MNIST, CIFAR-10. networks are over 0.2 above chance: 2 supported (0.3 to 0.5), 1 not measured."
    )
    assert "1 not measured" not in notebook_pages.alternative(RECORD, "MNIST")


def test_a_figures_page_has_switch_answer_files_and_provenance(made):
    _, root = made
    records.published.cache_clear()
    page = figure_pages.page(root, root, RECORD, None, {**RECORD, "figure": "06_sun", "title": "The sun"})
    assert 'href="06_sun.html" rel="next">The sun →' in page
    assert "<code>quick</code>, toy data: not there" in page
    assert "Toy data" not in page
    for suffix in ("svg", "pdf", "csv", "json", "yaml", "ipynb"):
        assert f'href="../files/paper/05_moon.{suffix}"' in page
    assert "python 3.11.7, torch 2.13.0" in page
    assert "a processor, Linux" in page
    assert figure_pages.BANNER in figure_pages.banner("05_moon")


def test_a_citation_has_the_claims_name_and_escapes_tex():
    entry = claim_cards.bibtex(RECORD, {**CLAIM, "statement": "over 95% of a_b"})
    assert entry.startswith("@misc{almostnothing:paper:05_moon.above,")
    assert r"over 95\% of a\_b" in entry


def test_a_texts_marks_are_links_in_the_colour_of_the_verdict():
    claims = text_pages.by_name([RECORD])
    shown = text_pages.marked("They are [[05_moon.above|well above chance]].", claims, "001.md")
    assert '<a class="claim v-mixed" href="../paper/05_moon.html#claim-above"' in shown
    with pytest.raises(UserError, match="no published claim is called '05_moon.below'"):
        text_pages.marked("[[05_moon.below|words]]", claims, "001.md")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("seed 000, testable prediction 2", "000"),
        ("Jacot et al. 2018; seed 001, abstract", "001"),
        ("our question, the bridge to seeds 000 and 001", None),
        ("theory/compression", None),
    ],
)
def test_a_claim_belongs_to_the_text_that_its_source_names(source, text):
    assert records.text_of({"source": source}) == text


def test_every_claim_of_the_texts_pages_is_published_and_each_text_marks_its_primary_ones():
    found = records.published(ROOT, "paper")
    claims = text_pages.by_name(found)
    for text in records.TEXTS:
        written = (ROOT / f"site/texts/{text}.md").read_text()
        marks = {mark["id"] for mark in text_pages.MARK.finditer(written)}
        assert marks <= set(claims)
        own = {
            name
            for name, (_, claim) in claims.items()
            if claim["role"] == "primary" and records.text_of(claim) == text and "_squared" not in name
        }
        marked_anywhere = {
            mark["id"]
            for other in records.TEXTS
            for mark in text_pages.MARK.finditer((ROOT / f"site/texts/{other}.md").read_text())
        }
        assert own <= marked_anywhere, own - marked_anywhere
        assert text_pages.reference(ROOT / "site/texts/references.bib", text).startswith(f"@misc{{seed{text},")


def test_documents_links_lead_to_pages_or_are_left_out():
    text = (
        "[a](verdicts.md) [b](../src/x.py) [c](../figures/paper/05_survival.ipynb) [d](https://x.org) [`e`](../params)"
    )
    assert methods.linked(text, ROOT) == ("[a](verdicts.md) b [c](../paper/05_survival.md) [d](https://x.org) `e`")


@pytest.mark.parametrize("entry", glossary.entries(ROOT / "site"), ids=lambda entry: entry["name"])
def test_names_of_the_glossary_are_those_of_the_code(entry):
    names = entry["code"].split(".")
    for count in range(len(names), 0, -1):
        try:
            found = importlib.import_module(".".join(["almostnothing", *names[:count]]))
        except ModuleNotFoundError:
            continue
        for name in names[count:]:
            found = getattr(found, name)
        return
    raise AssertionError(entry["code"])


def test_the_front_page_says_what_the_readme_says():
    readme = (ROOT / "README.md").read_text()
    assert front_page.introduction(readme).startswith("Networks trained on")
    assert "/paper/05_survival.md)" in front_page.caption(readme)
    assert "**" not in front_page.hero(front_page.caption(readme), (4, 3)).split("alt=")[1].split('"')[1]
    with pytest.raises(UserError, match="has no words between"):
        front_page.caption("# nothing")


def test_finishing_takes_out_what_no_page_needs(tmp_path):
    page = '<script defer src="../_static/scripts/fontawesome.js?x=1"></script><script src="searchindex.js"></script>'
    for name in ("index.html", "search.html"):
        (tmp_path / name).write_text(page)
    finishing.finish(tmp_path)
    assert (tmp_path / "index.html").read_text() == ""
    assert "searchindex" in (tmp_path / "search.html").read_text()


def test_every_part_writes_its_pages_from_what_is_published(tmp_path):
    records.published.cache_clear()
    site.write_sources(ROOT, tmp_path / "source")
    listed = (tmp_path / "source/_generated/toctree.md").read_text()
    for part in site.parts():
        for name, _ in part.PAGES:
            assert (tmp_path / f"source/{name}.md").is_file()
            assert f"<{name}>" in listed
    for parameter_set in records.SETS:
        for record in records.published(ROOT, parameter_set):
            assert (tmp_path / f"source/{parameter_set}/{record['figure']}.md").is_file()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="holds something else than a site"):
        site.build(ROOT, tmp_path)
    with pytest.raises(UserError, match="holds something else than a site"):
        site.build(ROOT, tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_parts_are_found_by_name_and_their_pages_have_titles():
    found = {part.__name__.rpartition(".")[2]: part for part in site.parts()}
    assert {"front_page", "figure_pages", "text_pages", "methods"} <= set(found)
    assert "records" not in found
    assert all(len(entry) == 2 for part in found.values() for entry in part.PAGES)
