"""The scoreboard of the front page: each prediction of the texts, its own words, and what was found of it."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from pathlib import Path

from almostnothing.site import cases, drawings, marks, markup, records
from almostnothing.verdicts import VERDICTS

PLACE = 20
PAGES: list[tuple[str, str]] = []  # it is a part of the front page
FILE = "_generated/scoreboard.md"


def write(root: Path, source: Path) -> None:
    """Write what the front page includes: a table of the main set's primary claims, with its filters."""
    (source / FILE).write_text(page(cases.published(root), marks.text_names(root)))


def page(published: cases.Published, names: Mapping[str, str]) -> str:
    """The scoreboard as MyST with raw HTML: the main set's primary claims, a row each. `names`: the texts' titles."""
    main = next(iter(published.sets))
    found = [claim for page in published.sets[main] for claim in page.claims if claim.primary]
    datasets = list(dict.fromkeys(_dataset(case) for claim in found for case in claim.cases))
    texts = sorted({text for claim in found for text in claim.texts})
    boxes = "\n".join(
        [
            markup.choice("text", "Text", [(text, names.get(text, text)) for text in texts]),
            markup.choice("dataset", "Data set", [(name, name) for name in datasets]),
            markup.choice("verdict", "Verdict", [(name, name) for name in VERDICTS]),
        ]
    )
    caption = "Each prediction of the five texts with its verdicts by data set"
    heads = ("prediction", "verdicts by data set", "found")
    return f"""
## Scoreboard

What the five texts predict, in their own words, and what was found on `{main}`: a mark counts cases (test, size, law
…). All of them, with their intervals: [every claim](claims.md); on toy data beside it: [sets side by side](sets.md).

```{{raw}} html
<link rel="stylesheet" href="_static/claims/claims.css">
<form id="scoreboard-filters" class="claims-filters" aria-label="Filter the scoreboard" hidden>
{boxes}
<button type="reset">Reset the scoreboard's filters</button> <output id="scoreboard-count"></output>
</form>
{markup.table(caption, heads, map(_row, found), "scoreboard")}
<script src="_static/claims/scoreboard.js" defer></script>
```
"""


def _dataset(case: cases.Case) -> str:
    return case.dataset or "no data set"


def _row(claim: cases.Claim) -> tuple[str, list[str], int]:
    quote = f"<q>{html.escape(drawings.plain(claim.quote))}</q>" if claim.quote else ""
    name, text = claim.id.rpartition(".")[0], claim.texts[0] if claim.texts else ""
    origin = f'<a href="{records.text_address(text, name, claim.id)}">text {text}</a> · ' if text else ""
    words = (
        f'{quote}<span class="scoreboard-statement">{html.escape(claim.statement)}</span>'
        f'<span class="scoreboard-links">{origin}<a href="{html.escape(claim.page)}">{html.escape(claim.id)}</a></span>'
    )
    cells = [words, "".join(_marks(claim)), html.escape(marks.sentence(claim))]
    return f' data-texts="{" ".join(claim.texts)}"', cells, 0


def _marks(claim: cases.Claim) -> Iterator[str]:
    """For each data set of a claim its name and its marks."""
    for name in dict.fromkeys(map(_dataset, claim.cases)):
        counts = marks.counted(case for case in claim.cases if _dataset(case) == name)
        shown = " ".join(
            marks.count_badge(verdict, count, f' data-verdict="{verdict}" data-dataset="{html.escape(name)}"')
            for verdict, count in counts
        )
        yield f'<span class="scoreboard-dataset"><span>{html.escape(name)}</span> {shown}</span>'
