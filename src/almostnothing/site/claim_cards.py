"""A claim of a figure as a card of its page: what the text says, what was asked, what was found, and how to cite it."""

from __future__ import annotations

import html
import re

from almostnothing.claims import estimate_text, place, threshold_text
from almostnothing.site import drawings, markup, records
from almostnothing.site.records import Record

PROJECT = "Almost Nothing"


def card(record: Record, claim: Record, listed: bool) -> str:
    """The card of one claim, HTML, for a page below the site's root; `listed`: on its text's page, if it has one."""
    text = records.text_of(claim)
    source = html.escape(claim["source"])
    if text and listed:
        source = f'<a href="../{records.text_address(text, record["figure"], claim["id"])}">{source}</a>'
    quote = f"<blockquote>{html.escape(drawings.plain(claim['quote']))}</blockquote>" if claim["quote"] else ""
    asked = f"{html.escape(claim['statistic'])} {html.escape(threshold_text(claim))}"
    lock = claim.get("lock") or {}
    locked = f"; locked {lock['date']} in commit <code>{lock['commit'][:12]}</code>" if lock else ""
    together = " (holds for all primary cases of the page together)" if claim["simultaneous"] else ""
    return (
        f'<section class="claim-card" id="{records.claim_anchor(claim["id"])}">\n'
        f'<h3 class="claim-statement">{html.escape(claim["statement"])}</h3>\n'
        f'<p class="claim-badges">{records.badges(claim["cases"])}</p>\n{quote}'
        f'<dl class="facts"><dt>source</dt><dd>{source}</dd>'
        f"<dt>asked</dt><dd>{asked}: {html.escape(claim['reason'])}{locked}</dd>"
        f"<dt>interval</dt><dd>95 %, {html.escape(claim['interval'])}{together}</dd>"
        f"<dt>name</dt><dd><code>{claim['id']}</code>, {claim['role']}</dd></dl>\n"
        f"{cases(claim)}\n{citation(record, claim)}\n</section>"
    )


def cases(claim: Record) -> str:
    """The cases of a claim as a table."""
    rows = (
        (
            "",
            [
                html.escape(place(case["where"])) or "–",
                records.verdict_badge(case["verdict"]),
                found(case),
                html.escape(f"{case['n']} {case['n_of']}"),
                f"{case['networks'] or '–'}",
            ],
            0,
        )
        for case in claim["cases"]
    )
    label = f"Cases: {claim['statement']}"
    return scrolled(markup.table(label, ("where", "verdict", "estimate [95 %]", "n", "networks"), rows, "cases"), label)


def found(case: Record) -> str:
    """What a case found, or why it found nothing."""
    return f"– {html.escape(case['why'])}" if case["why"] else estimate_text(case)


def scrolled(table: str, label: str) -> str:
    """A table that scrolls within its page, by keyboard too."""
    return f'<div class="table-scroll" tabindex="0" role="region" aria-label="{html.escape(label)}">{table}</div>'


def citation(record: Record, claim: Record) -> str:
    """A folded block of BibTeX for a claim."""
    return f"<details><summary>Cite this claim</summary>{copyable(bibtex(record, claim))}</details>"


def bibtex(record: Record, claim: Record) -> str:
    """A claim as an entry of BibTeX, with its name, set, verdict and commit."""
    key = f"almostnothing:{record['set']}:{record['figure']}.{claim['id'].rpartition('.')[2]}"
    note = (
        f"Claim {claim['id']} on {claim['source']}. Verdict: {claim['verdict']}. Commit {record['commit']['id'][:12]}"
    )
    fields = {
        "title": claim["statement"],
        "author": f"{{The {PROJECT} developers}}",
        "howpublished": f"{PROJECT}, parameter set {record['set']}, page {record['figure']}",
        "note": note,
    }
    return "\n".join([f"@misc{{{key},", *(f"  {name} = {{{tex(words)}}}," for name, words in fields.items()), "}"])


def tex(words: str) -> str:
    """Words with the characters escaped that TeX takes for commands."""
    return re.sub(r"([%_#&$])", r"\\\1", words)


def copyable(text: str) -> str:
    """A block of text with a button that copies it."""
    return (
        f'<div class="copyable"><pre tabindex="0">{html.escape(text)}</pre>'
        '<button type="button" class="copy">Copy</button></div>'
    )
