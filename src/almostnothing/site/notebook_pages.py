"""From an executed notebook to the body of its page: prose as it stands, code folded, tables that scroll, pictures.

The notebook's two cells of parameters, its defaults and what was injected (only what it lets a reader change), give
place to the one true cell: the page's parameter file. The picture that is published as a file is shown from that file;
the notebook's answer and its tables of claims give place to cards, made of the published record.
"""

from __future__ import annotations

import base64
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from almostnothing.files import write_atomic
from almostnothing.freshness import FIGURES
from almostnothing.naming import DATASETS, dataset_name
from almostnothing.parameters.files import FOLDER
from almostnothing.site import claim_cards, drawings, records
from almostnothing.site.plates import plate
from almostnothing.site.records import Record, raw

INJECTED, DEFAULTS = "injected-parameters", "parameters"
SUMMARY = re.compile(r"claims\.summary\(verdicts(?P<other>, \"exploratory\")?\)")
ANSWER = "claims.answer("
PAGE_NAME = re.compile(r"(?<!\[)`(\d\d_\w+)`")
STYLE = re.compile(r"<style.*?</style>", re.DOTALL)
A_DATASET_EACH = re.compile(r"\bfor (name|dataset|key)\b")  # how notebooks draw a picture for each data set
CELL = r"(<(?:th|td|caption)(?:\s[^>]*)?>\s*)"
DATASET = re.compile(rf"{CELL}({'|'.join(map(re.escape, DATASETS))})(?=[:<])")  # a caption may go on: `mnist: NCM`
CODE_NAME = re.compile(rf"{CELL}([a-z]+(?:_[a-z]+)+)(?=<)")
LONGEST = 300  # characters of prose in an alternative text


def body(root: Path, record: Record, extra: Path) -> str:
    """The page's body as MyST, without its title; pictures that only the notebook has are written below `extra`."""
    notebook = root / FIGURES / record["set"] / f"{record['figure']}.ipynb"
    cells = json.loads(notebook.read_text())["cells"]
    pictures = _Pictures(record, notebook.with_suffix(".svg"), extra)
    parts: list[str] = []
    heading, prose = record["title"], ""
    for cell, after in zip(cells, [*cells[1:], {}], strict=True):
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            heading = (re.findall(r"^## (.+)$", source, re.MULTILINE) or [heading])[-1]
            prose = source.rpartition("## ")[2].partition("\n")[2].strip()
            parts.append(PAGE_NAME.sub(_page_link(root, record), re.sub(r"^# .+\n?", "", source, count=1)))
        elif DEFAULTS in tags(cell):
            parts.append(parameters(root, record))
        elif cell["cell_type"] == "code" and INJECTED not in tags(cell):
            parts.append(_folded("Code", source))
            below = "".join(after["source"]) if after.get("cell_type") == "markdown" else ""
            said = prose or ("" if below.startswith("#") else below)
            parts += _outputs(root, record, cell, source, (heading, said), pictures)
    return "\n\n".join(filter(None, parts)) + "\n"


def parameters(root: Path, record: Record) -> str:
    """The page's parameter file, folded."""
    file = FOLDER / record["set"] / f"{record['figure']}.yaml"
    words = f"`{file}`, as it stands. Keys that it leaves out have their defaults; the record (JSON, below) has all.\n"
    return _folded("Parameters of this page", (root / file).read_text().strip(), "yaml", words)


def _page_link(root: Path, record: Record) -> Callable[[re.Match[str]], str]:
    """What turns the name of another page of the set into a link to it."""
    known = {other["figure"] for other in records.published(root, record["set"])} - {record["figure"]}
    return lambda found: f"[{found[0]}]({found[1]}.md)" if found[1] in known else found[0]


def tags(cell: dict[str, Any]) -> list[str]:
    """A cell's tags."""
    return list(cell["metadata"].get("tags", []))


def _folded(summary: str, source: str, language: str = "python", words: str = "") -> str:
    """Code, folded, below a few words."""
    ticks = "`" * (3 + max((len(run) for run in re.findall(r"`{3,}", source)), default=0))
    opened = raw(f'<details class="code"><summary>{summary}</summary>')
    return f"{opened}\n{words}\n{ticks}{language}\n{source}\n{ticks}\n\n{raw('</details>')}"


def _outputs(
    root: Path, record: Record, cell: dict[str, Any], source: str, above: tuple[str, str], pictures: _Pictures
) -> Iterator[str]:
    """What a cell shows, as MyST; the answer stands at the head of the page, and cards for tables of claims.

    `above`: the heading over it, and the prose between, or if there is none below.
    """
    summary = SUMMARY.search(source)
    if summary:
        yield cards(root, record, "exploratory" if summary["other"] else "primary")
        return
    shown = [output.get("data", {}) for output in cell.get("outputs", [])]
    count = sum("image/png" in data for data in shown)
    names = datasets_of(record, source, count)
    drawn = 0
    for data in shown:
        if "image/png" in data:
            drawn += 1
            if drawn == 1:
                yield pictures.switch(names)
            yield pictures.plate("".join(data["image/png"]), above, (drawn, count), names)
        elif "text/html" in data:
            yield raw(claim_cards.scrolled(table("".join(data["text/html"])), f"Table: {above[0]}"))
        elif "text/markdown" in data and ANSWER not in source:
            yield "".join(data["text/markdown"])


def cards(root: Path, record: Record, role: str) -> str:
    """The cards of a page's claims of a role; the texts' pages list those of the main set."""
    main = records.published(root, records.sets(root)[0])
    listed = {(other["figure"], claim["id"]) for other in main for claim in other["claims"]}
    return "\n".join(
        raw(claim_cards.card(record, claim, (record["figure"], claim["id"]) in listed))
        for claim in record["claims"]
        if claim["role"] == role
    )


def table(markup: str) -> str:
    """A data frame's HTML without its own styles, and with human names where a cell or caption holds names of code."""
    bare = re.sub(r'\s(border="\d+"|style="[^"]*")', "", STYLE.sub("", markup)).strip()
    named = DATASET.sub(lambda found: found[1] + dataset_name(found[2]), bare)
    return CODE_NAME.sub(lambda found: found[1] + found[2].replace("_", " "), named)


def alternative(record: Record, dataset: str | None = None) -> str:
    """What a figure shows, in words with its numbers: the results of its primary claims, of one data set or all."""
    told = []
    for claim in (claim for claim in record["claims"] if claim["role"] == "primary"):
        cases = [case for case in claim["cases"] if dataset is None or _on(case) == dataset]
        if cases:
            told.append(records.told(claim, cases))
    on = dataset or ", ".join(records.datasets(record))
    results = ". ".join(told) or "No primary claim is about it"
    return f"{record['title']}{f', {on}' if on else ''}. {results}."


def _on(case: Record) -> str:
    return records.dataset_name(str(case["where"].get("dataset", "")))


def caption(record: Record) -> str:
    """How many of what the figure's primary claims rest on, and the kinds of interval."""
    primary = [claim for claim in record["claims"] if claim["role"] == "primary"]
    counts: dict[str, list[int]] = {}
    for case in (case for claim in primary for case in claim["cases"] if case["n"]):
        counts.setdefault(case["n_of"], []).append(case["n"])
    over = [f"{' to '.join(dict.fromkeys(map(str, (min(ns), max(ns)))))} {of}" for of, ns in counts.items()]
    kinds = dict.fromkeys(claim["interval"] for claim in primary)
    return f"n: {', '.join(over) or '–'}. 95 % intervals of the claims: {', '.join(kinds)}."


def datasets_of(record: Record, source: str, count: int) -> list[str]:
    """The data set of each of `count` pictures of a cell whose code draws a picture or more for each of several.

    Where there are more pictures than data sets, these take turns, as in the pages' tables.
    """
    asked = records.dataset_names(record["parameters"].get("sweep", {}).get("dataset", []))
    for names in (records.datasets(record), asked):
        if A_DATASET_EACH.search(source) and len(names) > 1 and count and count % len(names) == 0:
            return names * (count // len(names))
    return []


class _Pictures:
    """The pictures of a page in their order: the first is the published one, the others are the notebook's alone."""

    def __init__(self, record: Record, drawing: Path, extra: Path) -> None:
        self.record, self.extra, self.shown, self.main = record, extra, 0, ""  # the heading above the first
        self.drawing = drawing.read_bytes()

    def switch(self, names: list[str]) -> str:
        """Links to the next pictures, which are of these data sets, by data set; scripts make them a switch."""
        places = dict(zip(reversed(names), range(self.shown + len(names), self.shown, -1), strict=True))
        links = " ".join(
            f'<a class="button" href="#figure-{places[dataset]}" data-dataset="{dataset}">{dataset}</a>'
            for dataset in dict.fromkeys(names)
        )
        label = f"Data sets, figure {self.shown + 1}"
        return raw(f'<nav class="datasets" aria-label="{label}">{links}</nav>') if links else ""

    def plate(self, content: str, above: tuple[str, str], place: tuple[int, int], names: list[str]) -> str:
        """The next picture, of a heading and with prose; `place` of so many; `names`: the data sets of all of these."""
        self.shown += 1
        dataset = names[place[0] - 1] if names else None
        record, name = self.record, self.record["figure"]
        if self.shown == 1:
            link = records.file_address(record["set"], name, "svg")
            picture = self.drawing
            words = f"{caption(record)} Open it for its full size."
        else:
            link = f"files/{record['set']}/{name}-{self.shown}.png"
            picture = base64.b64decode(content)
            write_atomic(self.extra / link, picture)
            words = f"Picture {self.shown} of this page{f', {dataset}' if dataset else ''}."
        shown = plate(
            f"../{link}",
            self.alternative(above, place, dataset),
            f"Figure {self.shown}",
            drawings.size(picture),
            words,
            f"figure-{self.shown}",
            later=self.shown > 1,
            dataset=dataset or "",
        )
        return raw(shown)

    def alternative(self, above: tuple[str, str], place: tuple[int, int], dataset: str | None) -> str:
        """What the picture shows: panels and results of a main one; of another one what the prose beside it says."""
        heading, prose = above
        if self.shown == 1:
            self.main = heading
        if heading == self.main:
            panels = drawings.told(self.drawing, of_others=self.shown > 1)
            return f"{alternative(self.record, dataset)} {panels}".strip()
        said = textwrap.shorten(drawings.plain(re.sub(r"[*`]|\]\([^)]*\)|\[", "", prose)), LONGEST, placeholder=" …")
        on = f", {dataset}" if dataset else ""
        which = f"picture {place[0]} of {place[1]}" if place[1] > 1 else "a picture"
        return f"{heading}{on}: {which} beside the main figure of {self.record['title']}. {said}".strip()
