"""The claims pages: one table of all cases, what would change a verdict, a forest plot, sets side by side, changes.

Also `claims.json` with its schema, for machines, at the site's root.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from almostnothing.claims import place
from almostnothing.errors import UserError
from almostnothing.site import cases, drawings, forest, marks, markup, records
from almostnothing.verdicts import MARKS, VERDICTS

PLACE = 20
PAGES = [("claims", "Every claim")]
NO_CONTENTS = "---\nhtml_theme.sidebar_secondary.remove: true\n---\n"  # the width is for tables
STATIC = Path("_static/claims")
# Of a case, by position: a file of 1,800 cases would be twice as long with names.
FIELDS = (
    "claim", "id", "where", "axes", "dataset", "n", "n_of", "networks", "left_out", "estimate", "low", "high", "found",
    "verdict", "why", "at_half", "at_twice", "past", "formerly",
)  # fmt: skip


def write(root: Path, source: Path) -> None:
    """Write the claims pages, what they load, and `claims.json` with its schema."""
    found = cases.published(root)
    extra, static = source / "_extra", source / STATIC
    for folder in (extra, static):
        folder.mkdir(parents=True, exist_ok=True)
    (extra / "claims.json").write_text(found.model_dump_json(indent=1) + "\n")
    (extra / "claims.schema.json").write_text(cases.schema())
    (static / "data.js").write_text(data(found))
    (static / "datatables.js").write_text(datatables())
    pages = {
        "claims": table_page(found),
        "forest": forest_page(found, marks.text_names(root)),
        "sets": sets_page(found),
    }
    for name, text in {**pages, "changes": changes_page(found)}.items():
        (source / f"{name}.md").write_text(text)


def data(found: cases.Published) -> str:
    """All cases as a script that defines the constant CLAIMS: a page opened from a file may load no other way."""
    pages: list[dict[str, Any]] = []
    claims: list[dict[str, Any]] = []
    rows: list[list[Any]] = []
    for name, published in found.sets.items():
        number: dict[str, int] = {}
        for page in published:
            number[page.page] = len(pages)
            files = page.links["csv"].removesuffix(".csv")
            own = {"set": name, "files": files, "commit": page.commit, "rerun": page.rerun}
            own["cost"] = marks.cost(page.cost)
            pages.append(own)
        last = None
        for page, claim, case in cases.each(published):
            if claim is not last:
                claims.append(_claim(claim, number[page.page]))
                last = claim
            rows.append(_row(case, len(claims) - 1))
    content = {"fields": FIELDS, "marks": MARKS, "pages": pages, "claims": claims, "cases": rows}
    return f"const CLAIMS = {json.dumps(content, ensure_ascii=False, separators=(',', ':'))};\n"


def _claim(claim: cases.Claim, page: int) -> dict[str, Any]:
    kept = ("id", "statement", "source", "primary", "statistic", "interval", "simultaneous", "threshold", "side")
    return {
        **claim.model_dump(include={*kept, "reason", "lock"}),
        "page": page,
        "address": claim.page,
        "text": claim.texts[0] if claim.texts else None,
        "quote": drawings.plain(claim.quote) if claim.quote else None,
        "asked": marks.asked(claim),
    }


def _row(case: cases.Case, claim: int) -> list[Any]:
    own = case.model_dump(include=set(FIELDS))
    words = {
        "claim": claim,
        "id": case.id.partition("/")[2],
        "where": place(case.where) or "–",
        "axes": {name: place({name: value}) for name, value in case.where.items()},
        "found": marks.found(case),
        "formerly": case.formerly.partition("/")[2] if case.formerly else None,
        "past": [list(past.model_dump().values()) for past in case.past],
    }
    return [{**own, **words}[name] for name in FIELDS]


def datatables() -> str:
    """DataTables, of the package itables, as a plain script, since a page opened from a file may import no module.

    Raises `UserError` where itables is missing, or its bundle is not what it was.
    """
    try:
        from importlib.resources import files

        bundle = (files("itables") / "html/dt_bundle.js").read_text()
    except (ImportError, OSError) as error:
        raise UserError(
            "the claims page needs itables: python -m pip install -c constraints.txt -e '.[site]'"
        ) from error
    exported = re.search(r"export\s*\{[^}]*?(\w+) as default[^}]*\};?", bundle)
    if not exported:
        raise UserError(
            "itables' bundle exports DataTables in another way than before: install the version of constraints.txt"
        )
    script = bundle.replace(exported[0], f"window.DataTable={exported[1]};")
    return f'(function () {{\n"use strict";\n{script}\n}})();\n'


def _loaded(*names: str) -> str:
    return "\n".join(f'<script src="{STATIC.as_posix()}/{name}.js" defer></script>' for name in names)


STYLE = f'<link rel="stylesheet" href="{STATIC.as_posix()}/claims.css">'


def table_page(found: cases.Published) -> str:
    """The page of the table and of thresholds to move."""
    every = [each for pages in found.sets.values() for each in cases.each(pages)]
    texts = sorted({(claim.texts or [marks.NO_TEXT])[0] for _, claim, _ in every})
    datasets = sorted({case.dataset or "none" for _, _, case in every})
    main = next(iter(found.sets))
    asked = {
        "role": ("Role", ["primary", "exploratory"]),
        "text": ("Text", texts),
        "dataset": ("Data set", datasets),
        "verdict": ("Verdict", VERDICTS),
        "moved": ("Verdict has changed", ["yes", "no"]),
    }
    boxes = "\n".join(
        [
            markup.choice("set", "Set", [(name, name) for name in found.sets], main),
            *(markup.choice(name, label, [(v, v) for v in values]) for name, (label, values) in asked.items()),
        ]
    )
    heads = "".join(f'<th scope="col" role="columnheader">{name}</th>' for name in HEADS)
    sets = "".join(f"<option>{name}</option>" for name in found.sets)
    return f"""{NO_CONTENTS}# Every claim

{len(every):,} cases of {len({claim.id for _, claim, _ in every})} claims, those that predict something in a text
(*primary*) first. The whole 95 % interval
decides ([how](methods/verdicts.md)), never the eye. Other views: [a forest plot of primary
claims](forest.md), [sets side by side](sets.md), [what has changed](changes.md). For machines:
<a href="claims.json">claims.json</a> with its <a href="claims.schema.json">schema</a>.

```{{toctree}}
:hidden:

Forest plot <forest>
Sets side by side <sets>
What has changed <changes>
```

```{{raw}} html
{STYLE}
<form id="claims-filters" class="claims-filters" aria-label="Filter the table">
{boxes}
<button type="reset">Reset the table's filters</button>
<output id="claims-count"></output>
</form>
<div class="claims-scroll" role="region" aria-label="Table of claims" tabindex="0">
<table id="claims-table" class="claims-stacked" role="table">
<caption class="visually-hidden">All claims, a row for each case</caption>
<thead role="rowgroup"><tr role="row">{heads}</tr></thead>
</table></div>
<noscript><p>The table needs JavaScript. Without it: <a href="claims.json">claims.json</a>.</p></noscript>
```

## What would change this verdict?

Choose a claim and a case, and move the threshold. The verdict is decided here by the same rule as when it was
published.

```{{raw}} html
<section id="change" aria-label="What would change this verdict?">
<div class="claims-filters">
<label>Set <select id="change-set">{sets}</select></label>
<label class="change-wide">Claim <select id="change-claim"></select></label></div>
<div class="claims-filters" id="change-axes"></div>
<div id="change-claim-words"></div>
<div><span id="change-statistic"></span> <a id="change-link" href="claims.html">its figure</a></div>
<div class="change-inputs"><label for="change-slider">Threshold</label>
<input id="change-slider" type="range">
<input id="change-exact" type="number" step="any" aria-label="Threshold as a number">
<button type="button" id="change-reset">Reset the threshold</button></div>
<svg id="change-picture" class="change-picture" aria-hidden="true"></svg>
<div id="change-verdict" aria-live="polite"></div>
<div id="change-words"></div>
<div id="change-count"></div>
<div class="claims-scroll" role="region" aria-label="Cases of this claim" tabindex="0">
<table class="change-table"><caption class="visually-hidden">Cases of this claim at this threshold</caption>
<thead><tr><th scope="col">case</th><th scope="col">estimate [95 %]</th><th scope="col">published</th>
<th scope="col">at this threshold</th></tr></thead>
<tbody id="change-cases"></tbody></table></div>
</section>
{_loaded("data", "datatables", "verdict", "table", "explorer")}
```

{CONTEST}
"""


HEADS = ("verdict", "claim", "case", "estimate [95 %]", "asked", "n", "open")

CONTEST = """## How to contest a verdict

1. Make it again: each row's *more* has the command; nothing published goes into it. `python -m almostnothing compare
   figures/SET results/reproduced/SET` says what differs.
2. Say which of these you doubt: that the statement is what the text says (its words and their place are in the row);
   the statistic; the threshold (its reason is in the row, and of primary claims the commit that fixed it before the
   result); that the networks learned (the row counts those left out); or the number.
3. Open an issue with the case's id and one of: a page number and quotation; a parameter file and the table that it
   makes; a failing test. A changed threshold gets a new lock and is run again: an old lock is never edited. A verdict
   that changes is kept in [what has changed](changes.md), with the commit that changed it.
"""


def forest_page(found: cases.Published, names: Mapping[str, str]) -> str:
    """The page of the forest plot: the main set's primary cases."""
    main, pages = next(iter(found.sets.items()))
    return f"""{NO_CONTENTS}# Forest plot of primary claims

{forest.summary(pages)} Each line is the 95 % interval of one case of `{main}`, each mark its estimate; intervals of a
page hold together. Statistics have scales of their own, so each is drawn relative to its threshold (the vertical line)
in units of half its interval's width, and turned so that right is as the claim asks: an interval that touches the line
is inconclusive; the further off, the surer. The axis is linear about the line and logarithmic beyond; what is further
off than {forest.LARGEST:g} stands at the edge. How *large* an effect is, its numbers say.

```{{raw}} html
{STYLE}
{forest.legend()}
```
{forest.plot(pages, names)}
"""


def sets_page(found: cases.Published) -> str:
    """The page that has the verdicts of the sets side by side, by claim."""
    by = {name: {claim.id: claim for page in pages for claim in page.claims} for name, pages in found.sets.items()}
    names = dict.fromkeys(name for claims in by.values() for name in claims)
    about = ", ".join(f"`{name}` ({words})" for name, words in records.SETS.items() if name in by)
    parts = [
        f"{NO_CONTENTS}# Sets side by side\n\nHow many cases of each claim have which verdict: {about}. Thresholds and "
        "sizes are each set's own.\n"
    ]
    for title, primary in (("Primary claims", True), ("Exploratory claims", False)):
        rows = []
        for name in names:
            own = [claims.get(name) for claims in by.values()]
            first = next(claim for claim in own if claim)
            if first.primary is primary:
                words = f"{html.escape(first.statement)} <code>{name}</code>"
                rows.append(("", [words, *(_side(*each) for each in zip(by, own, strict=True))], 0))
        parts.append(f"## {title}\n\n{_static(f'{title}: verdicts in each set', ('claim', *by), rows)}")
    return "\n".join(parts)


def _side(parameter_set: str, claim: cases.Claim | None) -> str:
    """A claim's verdicts in a set, which names itself, for where the table's head does not show."""
    if claim is None:
        return f'<span class="claims-set">{parameter_set}</span> not asked'
    link = f'<a href="{html.escape(claim.page)}" aria-label="figure of {claim.id} of {parameter_set}">figure</a>'
    return f'<span class="claims-set">{parameter_set}</span> {marks.count_badges(claim.cases)} {link}'


def changes_page(found: cases.Published) -> str:
    """The page of verdicts that were published otherwise before, newest first."""
    parts = [
        NO_CONTENTS
        + """# What has changed

Cases whose verdict was published otherwise before: newest first. The list begins with the first publication whose
records hold cases; what came before, and why it changed, is in the [corrections](methods/corrections.md). The commit is
the one whose code, notebooks and parameters found the verdict. Past versions of a figure are in the history: `git show
COMMIT:figures/SET/PAGE.svg`. Ids that said an axis' name twice (`p=p = 0.9`) now say it once (`p=0.9`): links with the
first one still work, and `formerly` in `claims.json` has it.
"""
    ]
    for name, pages in found.sets.items():
        moved = [(claim, case) for _, claim, case in cases.each(pages) if len(case.past) > 1]
        moved.sort(key=lambda each: each[1].past[-1].date, reverse=True)
        rows = [("", _change(*each), 0) for each in moved]
        heads = ("claim and case", "verdicts", "day", "commit")
        shown = _static(f"Verdicts of {name} that changed", heads, rows) if moved else "None.\n"
        parts.append(f"## `{name}`: {len(moved)} cases\n\n{shown}")
    return "\n".join(parts)


def _change(claim: cases.Claim, case: cases.Case) -> list[str]:
    last = case.past[-1]
    verdicts = (records.verdict_badge(past.verdict) if past.verdict else "not published" for past in case.past)
    primary = ' <span class="claims-tag">primary</span>' if claim.primary else ""
    words = (
        f'<a href="{html.escape(claim.page)}">{claim.id}</a>: {html.escape(claim.statement)}{primary}<br>'
        f"{html.escape(place(case.where))}"
    )
    return [words, " → ".join(verdicts), last.date, f"<code>{last.commit}</code>"]


def _static(caption: str, heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str], int]]) -> str:
    """A table that is all there, as a block of a MyST page."""
    inner = markup.table(caption, heads, rows, "claims-static")
    region = f'<div class="claims-scroll" role="region" aria-label="{html.escape(caption)}" tabindex="0">'
    return f"```{{raw}} html\n{STYLE}\n{region}{inner}</div>\n```\n"
