"""The claims pages: one table of all cases, what would change a verdict, a forest plot, sets side by side, changes.

Also `claims.json` with its schema, for machines, at the site's root.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from almostnothing.claims import MARKS, VERDICTS, place
from almostnothing.errors import UserError
from almostnothing.site import cases, forest, marks, records

PLACE = 20
PAGES = [("claims", "Every claim")]
STATIC = Path("_static/claims")
# Of a case, by position: a file of 1,800 cases would be twice as long with names.
FIELDS = (
    "claim", "id", "where", "axes", "dataset", "n", "n_of", "networks", "left_out", "estimate", "low", "high", "found",
    "verdict", "at_half", "at_twice", "past",
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
    script, style = datatables()
    (static / "datatables.js").write_text(script)
    (static / "datatables.css").write_text(style)
    pages = {"claims": table_page(found), "forest": forest_page(found), "sets": sets_page(found)}
    for name, text in {**pages, "changes": changes_page(found)}.items():
        (source / f"{name}.md").write_text(text)


def data(found: cases.Published) -> str:
    """All cases as a script that defines the constant CLAIMS: a page opened from a file may load no other way."""
    pages, claims, rows = [], [], []
    for name, published in found.sets.items():
        number: dict[str, int] = {}
        for page in published:
            number[page.page] = len(pages)
            files = page.links["csv"].removesuffix(".csv")
            pages.append({"set": name, "files": files, "commit": page.commit, "rerun": page.rerun})
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
        "text": (claim.texts or [None])[0],
        "quote": cases.plain(claim.quote) if claim.quote else None,
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
        "past": [list(past.model_dump().values()) for past in case.past],
    }
    return [{**own, **words}[name] for name in FIELDS]


def datatables() -> tuple[str, str]:
    """DataTables' script and style, of the package itables: as a plain script, since files may not import modules.

    Raises `UserError` where itables is missing, or its bundle is not what it was.
    """
    try:
        from importlib.resources import files

        folder = files("itables") / "html"
        bundle, style = ((folder / f"dt_bundle.{suffix}").read_text() for suffix in ("js", "css"))
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
    return f'(function () {{\n"use strict";\n{script}\n}})();\n', style


def _loaded(*names: str) -> str:
    return "\n".join(f'<script src="{STATIC.as_posix()}/{name}.js" defer></script>' for name in names)


def _styled(*names: str) -> str:
    return "\n".join(f'<link rel="stylesheet" href="{STATIC.as_posix()}/{name}.css">' for name in names)


def table_page(found: cases.Published) -> str:
    """The page of the table and of thresholds to move."""
    every = [each for pages in found.sets.values() for each in cases.each(pages)]
    texts = sorted({(claim.texts or [marks.NO_TEXT])[0] for _, claim, _ in every})
    datasets = sorted({case.dataset or "none" for _, _, case in every})
    main = next(iter(found.sets))
    boxes = "\n".join(
        [
            _box("set", "Set", list(found.sets), main),
            _box("role", "Role", ["primary", "exploratory"]),
            _box("text", "Text", texts),
            _box("dataset", "Data set", datasets),
            _box("verdict", "Verdict", list(VERDICTS)),
            _box("moved", "Verdict has changed", ["yes", "no"]),
        ]
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    sets = "".join(f"<option>{name}</option>" for name in found.sets)
    return f"""# Every claim

{len(every):,} cases of {len({claim.id for _, claim, _ in every})} claims, those that predict something in a text
(*primary*) first. The whole 95 % interval decides, never the eye. Other views: [a forest plot of primary
claims](forest.md), [sets side by side](sets.md), [what has changed](changes.md). For machines:
<a href="claims.json">claims.json</a> with its <a href="claims.schema.json">schema</a>.

```{{toctree}}
:hidden:

Forest plot <forest>
Sets side by side <sets>
What has changed <changes>
```

```{{raw}} html
{_styled("datatables", "claims")}
<form id="claims-filters" class="claims-filters" aria-label="Filter the table">
{boxes}
<button type="reset">as at first</button>
</form>
<div class="claims-scroll" role="region" aria-label="Table of claims" tabindex="0">
<table id="claims-table" class="display compact">
<caption class="visually-hidden">All claims, a row for each case</caption>
<thead><tr>{heads}</tr></thead>
</table></div>
<noscript><p>The table needs JavaScript. Without it: <a href="claims.json">claims.json</a>.</p></noscript>
```

## What would change this verdict?

Choose a claim and a case, and move the threshold. The verdict is decided here by the same rule as when it was
published.

```{{raw}} html
<section id="change" aria-label="What would change this verdict?">
<p class="claims-filters">
<label>Set <select id="change-set">{sets}</select></label>
<label class="change-wide">Claim <select id="change-claim"></select></label></p>
<p class="claims-filters" id="change-axes"></p>
<p id="change-claim-words"></p>
<p><span id="change-statistic"></span> <a id="change-link" href="claims.html">its figure</a></p>
<p class="change-inputs"><label for="change-slider">Threshold</label>
<input id="change-slider" type="range">
<input id="change-exact" type="number" step="any" aria-label="Threshold as a number">
<button type="button" id="change-reset">as published</button></p>
<svg id="change-picture" class="change-picture" aria-hidden="true"></svg>
<p id="change-verdict" aria-live="polite"></p>
<p id="change-words"></p>
<p id="change-count"></p>
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


HEADS = (
    "verdict", "claim", "case", "estimate [95 %]", "asked", "n", "networks", "text", "set", "open",
    "more",
)  # fmt: skip

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


def forest_page(found: cases.Published) -> str:
    """The page of the forest plot: the main set's primary cases."""
    main, pages = next(iter(found.sets.items()))
    return f"""# Forest plot of primary claims

{forest.summary(pages)} Each line is the 95 % interval of one case of `{main}`, each mark its estimate; intervals of a
page hold together. Statistics have scales of their own, so each is drawn relative to its threshold (the vertical line)
in units of half its interval's width, and turned so that right is as the claim asks: an interval that touches the line
is inconclusive; the further off, the surer. The axis is linear about the line and logarithmic beyond; what is further
off than {forest.LARGEST:g} stands at the edge. How *large* an effect is, its numbers say.

```{{raw}} html
{_styled("claims")}
{forest.legend()}
```
{forest.plot(pages)}
"""


def sets_page(found: cases.Published) -> str:
    """The page that has the verdicts of the sets side by side, by claim."""
    by = {name: {claim.id: claim for page in pages for claim in page.claims} for name, pages in found.sets.items()}
    names = list(dict.fromkeys(name for claims in by.values() for name in claims))
    parts = [
        "# Sets side by side\n",
        "How many cases of each claim have which verdict: "
        + ", ".join(f"`{name}` ({about})" for name, about in records.SETS.items())
        + ". Thresholds and sizes are each set's own.\n",
    ]
    for title, primary in (("Primary claims", True), ("Exploratory claims", False)):
        rows = []
        for name in names:
            own = [claims.get(name) for claims in by.values()]
            first = next(claim for claim in own if claim)
            if first.primary is not primary:
                continue
            cells = "".join(_side(claim) for claim in own)
            rows.append(f'<tr><th scope="row">{html.escape(first.statement)} <code>{name}</code></th>{cells}</tr>')
        heads = "".join(f'<th scope="col">{name}</th>' for name in by)
        parts.append(
            f"## {title}\n\n```{{raw}} html\n{_styled('claims')}\n"
            f'<div class="claims-scroll" role="region" aria-label="{title}, set by set" tabindex="0">'
            f'<table class="claims-sets"><caption class="visually-hidden">{title}: verdicts in each set</caption>'
            f'<thead><tr><th scope="col">claim</th>{heads}</tr></thead>\n<tbody>{"".join(rows)}</tbody></table></div>\n```\n'
        )
    return "\n".join(parts)


def _side(claim: cases.Claim | None) -> str:
    if claim is None:
        return "<td>not asked</td>"
    return f'<td>{marks.count_badges(claim.cases)} <a href="{html.escape(claim.page)}" aria-label="figure of {claim.id}">figure</a></td>'


def changes_page(found: cases.Published) -> str:
    """The page of verdicts that were published otherwise before, newest first."""
    parts = [
        """# What has changed

Cases whose verdict was published otherwise before: newest first. The list begins with the first publication whose
records hold cases; what came before, and why it changed, is in the corrections. The commit is the one whose code,
notebooks and parameters found the verdict. Past versions of a figure are in the history: `git show COMMIT`.
"""
    ]
    for name, pages in found.sets.items():
        moved = [(claim, case) for _, claim, case in cases.each(pages) if len(case.past) > 1]
        moved.sort(key=lambda each: each[1].past[-1].date, reverse=True)
        rows = "\n".join(_change(claim, case) for claim, case in moved)
        parts.append(
            f"## `{name}`: {len(moved)} cases\n\n```{{raw}} html\n{_styled('claims')}\n"
            f'<div class="claims-scroll" role="region" aria-label="Verdicts of {name} that changed" tabindex="0">'
            f'<table class="claims-changes"><caption class="visually-hidden">Verdicts of {name} that changed</caption>'
            '<thead><tr><th scope="col">day</th><th scope="col">claim and case</th><th scope="col">verdicts</th>'
            f'<th scope="col">commit</th></tr></thead>\n<tbody>{rows}</tbody></table></div>\n```\n'
            if moved
            else f"## `{name}`\n\nNone.\n"
        )
    return "\n".join(parts)


def _change(claim: cases.Claim, case: cases.Case) -> str:
    last = case.past[-1]
    shown = " → ".join(records.verdict_badge(past.verdict) if past.verdict else "not published" for past in case.past)
    where = html.escape(place(case.where))
    primary = ' <span class="claims-tag">primary</span>' if claim.primary else ""
    return (
        f'<tr><td>{last.date}</td><th scope="row"><a href="{html.escape(claim.page)}">{claim.id}</a>: '
        f"{html.escape(claim.statement)}{primary} <span>{where}</span></th><td>{shown}</td>"
        f"<td><code>{last.commit}</code></td></tr>"
    )


def _box(name: str, label: str, values: list[str], chosen: str = "") -> str:
    options = "".join(
        f'<option value="{html.escape(value)}"{" selected" if value == chosen else ""}>{html.escape(value)}</option>'
        for value in values
    )
    return f'<label>{label} <select name="{name}"><option value="all">all</option>{options}</select></label>'
