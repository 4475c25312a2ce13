"""From an executed notebook to the body of its page: prose as it stands, code folded, tables that scroll, pictures.

Of the two parameter cells only the injected one is shown, the one that the page was made with. The picture that is
published as a file is shown from that file; the notebook's answer and its tables of claims give place to cards, made of
the published record.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from almostnothing.files import write_atomic
from almostnothing.freshness import FIGURES
from almostnothing.site import claim_cards, drawings, records
from almostnothing.site.plates import plate
from almostnothing.site.records import Record, raw

INJECTED, DEFAULTS = "injected-parameters", "parameters"
SUMMARY = re.compile(r"claims\.summary\(verdicts(?P<other>, \"exploratory\")?\)")
ANSWER = "claims.answer("
PAGE_NAME = re.compile(r"(?<!\[)`(\d\d_\w+)`")
STYLE = re.compile(r"<style.*?</style>", re.DOTALL)


def body(root: Path, record: Record, extra: Path) -> str:
    """The page's body as MyST, without its title; pictures that only the notebook has are written below `extra`."""
    notebook = root / FIGURES / record["set"] / f"{record['figure']}.ipynb"
    cells = json.loads(notebook.read_text())["cells"]
    has_own = any(INJECTED in tags(cell) for cell in cells)
    pictures = _Pictures(record, notebook.with_suffix(".svg"), extra)
    parts: list[str] = []
    heading = record["title"]
    for cell in cells:
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            heading = (re.findall(r"^## (.+)$", source, re.MULTILINE) or [heading])[-1]
            parts.append(PAGE_NAME.sub(_page_link(root, record), re.sub(r"^# .+\n?", "", source, count=1)))
        elif cell["cell_type"] == "code" and not (has_own and DEFAULTS in tags(cell)):
            parts.append(_code(source, "Parameters of this page" if INJECTED in tags(cell) else "Code"))
            parts += _outputs(root, record, cell, source, heading, pictures)
    return "\n\n".join(filter(None, parts)) + "\n"


def _page_link(root: Path, record: Record) -> Callable[[re.Match[str]], str]:
    """What turns the name of another page of the set into a link to it."""
    known = {other["figure"] for other in records.published(root, record["set"])} - {record["figure"]}
    return lambda found: f"[{found[0]}]({found[1]}.md)" if found[1] in known else found[0]


def tags(cell: dict[str, Any]) -> list[str]:
    """A cell's tags."""
    return list(cell["metadata"].get("tags", []))


def _code(source: str, summary: str) -> str:
    """Code, folded."""
    ticks = "`" * (3 + max((len(run) for run in re.findall(r"`{3,}", source)), default=0))
    opened = raw(f'<details class="code"><summary>{summary}</summary>')
    return f"{opened}\n{ticks}python\n{source}\n{ticks}\n\n{raw('</details>')}"


def _outputs(
    root: Path, record: Record, cell: dict[str, Any], source: str, heading: str, pictures: _Pictures
) -> Iterator[str]:
    """What a cell shows, as MyST; the answer stands at the head of the page, and cards for tables of claims."""
    summary = SUMMARY.search(source)
    if summary:
        yield cards(root, record, "exploratory" if summary["other"] else "primary")
        return
    shown = [output.get("data", {}) for output in cell.get("outputs", [])]
    count = sum("image/png" in data for data in shown)
    drawn = 0
    for data in shown:
        if "image/png" in data:
            drawn += 1
            if drawn == 1:
                yield pictures.switch(count)
            yield pictures.plate("".join(data["image/png"]), heading, drawn, count)
        elif "text/html" in data:
            yield raw(claim_cards.scrolled(table("".join(data["text/html"])), heading))
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
    """A data frame's HTML without its own styles."""
    return re.sub(r'\s(border="\d+"|style="[^"]*")', "", STYLE.sub("", markup)).strip()


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
    over = dict.fromkeys(f"{case['n']} {case['n_of']}" for claim in primary for case in claim["cases"] if case["n"])
    kinds = dict.fromkeys(claim["interval"] for claim in primary)
    return f"n: {', '.join(over) or '–'}. 95 % intervals of the claims: {', '.join(kinds)}."


class _Pictures:
    """The pictures of a page in their order: the first is the published one, the others are the notebook's alone."""

    def __init__(self, record: Record, drawing: Path, extra: Path) -> None:
        self.record, self.drawing, self.extra, self.shown = record, drawing, extra, 0

    def datasets(self, count: int) -> list[str]:
        """The data set of each of `count` pictures of a cell, where there is one picture for each of several."""
        found = records.datasets(self.record)
        return found if count == len(found) > 1 else []

    def switch(self, count: int) -> str:
        """Links to the `count` next pictures by data set."""
        links = " · ".join(
            f'<a href="#figure-{self.shown + place}">{dataset}</a>'
            for place, dataset in enumerate(self.datasets(count), 1)
        )
        return (
            raw(f'<nav class="datasets" aria-label="Data sets, figure {self.shown + 1}">{links}</nav>') if links else ""
        )

    def plate(self, content: str, heading: str, place: int, count: int) -> str:
        """The next picture, the `place`-th of `count` that its cell shows."""
        self.shown += 1
        record, name = self.record, self.record["figure"]
        dataset = self.datasets(count)[place - 1] if self.datasets(count) else None
        if self.shown == 1:
            link = records.file_address(record["set"], name, "svg")
            picture = self.drawing.read_bytes()
            words = f"{caption(record)} Open it for its full size."
        else:
            link = f"files/{record['set']}/{name}-{self.shown}.png"
            picture = base64.b64decode(content)
            write_atomic(self.extra / link, picture)
            words = f"Picture {self.shown} of this page{f', {dataset}' if dataset else ''}."
        alt = alternative(record, dataset)
        if heading != record["title"]:
            alt = f"{heading}. Beside the main figure, {alt}"
        shown = plate(
            f"../{link}",
            alt,
            f"Figure {self.shown}",
            drawings.size(picture),
            words,
            f"figure-{self.shown}",
            later=self.shown > 1,
        )
        return raw(shown)
