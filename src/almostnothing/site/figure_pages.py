"""Figure pages: one for each published page of each set, and a list of them for each set; found by name."""

from __future__ import annotations

import html
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from almostnothing import pages
from almostnothing.freshness import FIGURES, FILES, NOTEBOOKS
from almostnothing.parameters.files import FOLDER
from almostnothing.site import cases, claim_cards, marks, notebook_pages, records
from almostnothing.site.records import Record, raw

PLACE = 10
PAGES = [(f"{name}/index", f"Figures: {words}") for name, words in records.SETS.items()]
BANNER = "Toy data: shows the method. The verdicts that count are those on"
BUTTONS = {
    "svg": "SVG",
    "pdf": "PDF",
    "csv": "data (CSV)",
    "json": "record (JSON)",
    "yaml": "parameters",
    "ipynb": "notebook",
}
SHOWN_DIGITS = 12  # of a digest
ICONS = {
    "data": "database",
    "code": "code",
    "parameters": "sliders",
    "table": "table",
    "commit": "code-commit",
    "digest": "fingerprint",
    "device": "microchip",
    "versions": "cubes",
    "time": "stopwatch",
}


def write(root: Path, source: Path) -> None:
    """Write the pages of all sets, with their files."""
    for parameter_set in records.SETS:
        found = records.published(root, parameter_set)
        folder = source / parameter_set
        folder.mkdir(exist_ok=True)
        (folder / "index.md").write_text(index(parameter_set, found))
        for place, record in enumerate(found):
            _copy_files(root, source, record)
            before = found[place - 1] if place else None
            after = found[place + 1] if place + 1 < len(found) else None
            (folder / f"{record['figure']}.md").write_text(page(root, source, record, before, after))


def page(root: Path, source: Path, record: Record, before: Record | None, after: Record | None) -> str:
    """A figure's page; `before` and `after` are its neighbours in the set."""
    parts = [
        f"# {html.escape(record['title'], quote=False)}",
        raw(navigation(root, record, before, after)),
        raw(banner(record["figure"])) if record["set"] != next(iter(records.SETS)) else "",
        raw(answer(record)),
        notebook_pages.body(root, record, source / "_extra"),
        "## Files and provenance\n",
        raw(buttons(record) + commands(record) + provenance(root, record)),
    ]
    return "\n".join(filter(None, parts))


def navigation(root: Path, record: Record, before: Record | None, after: Record | None) -> str:
    """The switch between sets and the links to the neighbours."""
    switch = []
    for name, words in records.SETS.items():
        shown = f"<code>{name}</code>, {words}"
        if name == record["set"]:
            switch.append(f'<li aria-current="page">{shown}</li>')
        elif any(other["figure"] == record["figure"] for other in records.published(root, name)):
            switch.append(f'<li><a href="../{records.figure_address(name, record["figure"])}">{shown}</a></li>')
        else:
            switch.append(f"<li>{shown}: not there</li>")
    ways = [
        f'<a href="{other["figure"]}.html" rel="{rel}">{words.format(html.escape(other["title"]))}</a>'
        for other, rel, words in ((before, "prev", "← {}"), (after, "next", "{} →"))
        if other
    ]
    return (
        f'<nav class="page-switch" aria-label="Sets and neighbours"><ul>{"".join(switch)}</ul>'
        f'<p class="ways">{" ".join(ways)}</p></nav>'
    )


def banner(name: str) -> str:
    """What a reader must know of a set that is not the main one, on its page `name`."""
    main, words = next(iter(records.SETS.items()))
    address = records.figure_address(main, name)
    return f'<p class="banner" role="note">{BANNER} <a href="../{address}">{words}</a>.</p>'


def answer(record: Record) -> str:
    """The answer box: each primary claim with how many of its cases have which verdict, and what was found."""
    items = "".join(
        f'<li><a class="claim-link" href="#{records.claim_anchor(claim["id"])}">{html.escape(claim["statement"])}</a> '
        f"{records.badges(claim['cases'])}<details><summary>What was found</summary>"
        f"<p>{html.escape(claim['finding'])}</p></details></li>"
        for claim in record["claims"]
        if claim["role"] == "primary"
    )
    return (
        f'<section class="answer" aria-labelledby="the-answer"><h2 id="the-answer">The answer</h2><ul>{items}</ul>'
        '<p class="note">A number counts cases: data set, test, size, law. '
        '<a href="../methods/verdicts.html">How a verdict is decided</a>.</p></section>'
    )


def buttons(record: Record) -> str:
    """Links to the page's files."""
    links = " ".join(
        f'<a class="button" href="../{records.file_address(record["set"], record["figure"], suffix)}">{words}</a>'
        for suffix, words in BUTTONS.items()
    )
    return f'<p class="buttons">{links}</p>\n'


def commands(record: Record) -> str:
    """The commands that open the page's notebook, and that say what making it again costs."""
    notebook = NOTEBOOKS / f"{pages.notebook_of(record['figure'])}.py"
    file = FOLDER / record["set"] / f"{record['figure']}.yaml"
    made = FIGURES / record["set"] / f"{record['figure']}.json"
    shown = {
        "Open it in JupyterLab": f".venv/bin/jupyter lab {notebook}",
        "What it asks for, and what it costs here": f".venv/bin/python -m almostnothing plan {file}",
        "Make it again after a change": f".venv/bin/snakemake --config params={record['set']} -- {made}",
    }
    return "\n".join(f"<p>{words}:</p>{claim_cards.copyable(command)}" for words, command in shown.items())


def provenance(root: Path, record: Record) -> str:
    """Where the figure comes from, and what it took: from its record."""
    made = record["environment"]
    versions = ", ".join(f"{name} {made[name]}" for name in made if name not in ("system", "processor"))
    own = {source["facts"]["arrays"]: records.dataset_name(source["name"]) for source in record["sources"]}
    data = ", ".join(f"{name} <code>{digest[:SHOWN_DIGITS]}</code>" for digest, name in own.items())
    table, file = record["table"], FOLDER / record["set"] / f"{record['figure']}.yaml"
    address = records.file_address(record["set"], record["figure"], "yaml")
    rows = {
        "data": data or "drawn at random, by named streams",
        "code": f"<code>notebooks/{pages.notebook_of(record['figure'])}.py</code>, and of the library "
        f"{len(record['definitions']):,} definitions that it reaches (their digests are in the record)",
        "parameters": f'<a href="../{address}"><code>{file}</code></a>',
        "table": f"{table['rows']:,} rows, SHA-256 <code>{table['sha256'][:SHOWN_DIGITS]}</code>",
        "commit": f"<code>{record['commit']['id'][:SHOWN_DIGITS]}</code>"
        + (", with changes" if record["commit"]["modified"] else ", clean"),
        "digest": f"<code>{record['digest']['figure'][:SHOWN_DIGITS]}</code> of all that the figure depends on, "
        f"<code>{record['digest']['table'][:SHOWN_DIGITS]}</code> of all that its table does",
        "device": f"{html.escape(made.get('processor', ''))}, {html.escape(made.get('system', ''))}",
        "versions": html.escape(versions),
        "time": html.escape(marks.cost(cases.cost_of(root, record))),
    }
    items = "".join(
        f'<dt><i class="fa-solid fa-{ICONS[name]}" aria-hidden="true"></i> {name}</dt><dd>{words}</dd>'
        for name, words in rows.items()
    )
    return f'<dl class="facts provenance">{items}</dl>'


def index(parameter_set: str, found: Sequence[Record]) -> str:
    """The list of a set's figures with their verdicts, by the text that most of a page's claims are of."""
    words = records.SETS[parameter_set]
    parts = [f"# Figures: {words}\n"]
    if parameter_set != next(iter(records.SETS)):
        parts.append(raw(banner("index")))
    for record in found:
        primary = [claim for claim in record["claims"] if claim["role"] == "primary"]
        items = "".join(
            f"<li>{html.escape(claim['statement'])} {records.badges(claim['cases'])}</li>" for claim in primary
        )
        parts.append(
            f"## [{html.escape(record['title'], quote=False)}]({record['figure']}.md)\n\n{raw(f'<ul>{items}</ul>')}"
        )
    names = "\n".join(record["figure"] for record in found)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{names}\n```\n")
    return "\n".join(parts)


def main_text(record: Record) -> str | None:
    """The text that most of a page's claims are of."""
    counts = Counter(filter(None, map(records.text_of, record["claims"])))
    return counts.most_common(1)[0][0] if counts else None


def _copy_files(root: Path, source: Path, record: Record) -> None:
    """The page's published files and its parameter file, for the site."""
    name, parameter_set = record["figure"], record["set"]
    for suffix in (*FILES, "yaml"):
        folder = root / (FOLDER if suffix == "yaml" else FIGURES) / parameter_set
        to = source / "_extra" / records.file_address(parameter_set, name, suffix)
        if (folder / f"{name}.{suffix}").is_file():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / f"{name}.{suffix}", to)
