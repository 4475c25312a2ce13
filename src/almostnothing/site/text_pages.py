"""A page for each of the five texts: what it says, with its claims marked where they stand, and every claim of it.

What a text says is written by hand in `site/texts/NNN.md`. There `[[05_survival.above|words]]` marks words as a claim:
they are underlined, take the colour of its verdict on the main set, and link to it. Everything else is generated.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from almostnothing.errors import UserError
from almostnothing.site import claim_cards, drawings, figure_pages, records
from almostnothing.site.records import Record, raw
from almostnothing.verdicts import MIXED, VERDICTS

PLACE = 30
PAGES = [("texts/index", "The five texts")]
MARK = re.compile(r"\[\[(?P<id>[^|\]]+)\|(?P<words>[^\]]+)\]\]")
HERE = "texts"
Claims = Mapping[str, tuple[Record, Record]]  # record and claim by `PAGE.name`, as `05_survival.above`


def write(root: Path, source: Path) -> None:
    """Write the texts' pages and their list."""
    found = records.published(root, records.sets(root)[0])
    claims = by_name(found)
    titles = {}
    for text in records.TEXTS:
        file = source / HERE / f"{text}.md"
        written = file.read_text()
        titles[text] = re.findall(r"^# (.+)$", written, re.MULTILINE)[0]
        entry = reference(source / HERE / "references.bib", text)
        file.write_text(
            "\n".join([marked(written, claims, file.name), *own(text, found), *beyond(text, found), *cite(entry)])
        )
    (source / HERE / "index.md").write_text(index(titles, found))


def by_name(found: Sequence[Record]) -> Claims:
    """All claims of a set by the name of their page and their own."""
    return {
        f"{record['figure']}.{claim['id'].rpartition('.')[2]}": (record, claim)
        for record in found
        for claim in record["claims"]
    }


def marked(written: str, claims: Claims, file: str) -> str:
    """A text with its marks as links.

    Raises `UserError` for a mark of a claim that is not published.
    """

    def link(found: re.Match[str]) -> str:
        if found["id"] not in claims:
            raise UserError(f"site/texts/{file}: no published claim is called {found['id']!r}")
        record, claim = claims[found["id"]]
        address = records.figure_address(record["set"], record["figure"], claim["id"])
        told = html.escape(f"{claim['verdict']}. {records.told(claim)}")
        mark = f'<span class="verdict-mark">{html.escape(records.mark(claim["verdict"]))}</span>'
        kind = records.verdict_class(claim["verdict"])
        words = html.escape(found["words"])
        return f'<a class="claim {kind}" href="../{address}" title="{told}">{words}&nbsp;{mark}</a>'

    return MARK.sub(link, written).replace("\n## ", f"\n{legend()}\n## ", 1)


def legend() -> str:
    """What colours and marks mean."""
    shown = " ".join(map(records.verdict_badge, (*VERDICTS, MIXED)))
    return raw(
        "<p>Underlined words are claims, each linked to what was measured of it. Colour and mark are its verdict on "
        f"real data: {shown} (its cases differ).</p>"
    )


def own(text: str, found: Sequence[Record]) -> Iterator[str]:
    """Every claim of the text, with its own words: the primary ones first."""
    yield "\n## Every claim, in the text's own words\n"
    yield "Its words as the record has them, the claim that was made of them, and its verdicts on real data.\n"
    claims = [(record, claim) for record in found for claim in record["claims"] if records.text_of(claim) == text]
    for role in ("primary", "exploratory"):
        chosen = [(record, claim) for record, claim in claims if claim["role"] == role]
        if chosen:
            yield f"### {role.capitalize()}\n"
            yield from (raw(section(record, claim)) for record, claim in chosen)


def section(record: Record, claim: Record) -> str:
    """A claim on its text's page."""
    quote = f"<blockquote>{html.escape(drawings.plain(claim['quote']))}</blockquote>" if claim["quote"] else ""
    address = records.figure_address(record["set"], record["figure"], claim["id"])
    return (
        f'<section class="text-claim {records.verdict_class(claim["verdict"])}" '
        f'id="{records.text_anchor(record["figure"], claim["id"])}">{quote}'
        f'<p><a href="../{address}">{html.escape(claim["statement"])}</a> {records.badges(claim["cases"])}</p>'
        f'<p class="note">{html.escape(claim["source"])}; on the page “{html.escape(record["title"])}”</p>'
        f"{claim_cards.citation(record, claim)}</section>"
    )


def beyond(text: str, found: Sequence[Record]) -> Iterator[str]:
    """Claims that no text makes, on the pages of this one."""
    claims = [
        (record, claim)
        for record in found
        if figure_pages.main_text(record) == text
        for claim in record["claims"]
        if records.text_of(claim) is None
    ]
    if claims:
        yield "\n## Beyond the text: what we asked and derived on its pages\n"
        items = "".join(
            f'<li><a href="../{records.figure_address(record["set"], record["figure"], claim["id"])}">'
            f"{html.escape(claim['statement'])}</a> {records.badges(claim['cases'])} "
            f'<span class="note">{html.escape(claim["source"])}</span></li>'
            for record, claim in claims
        )
        yield raw(f'<ul class="beyond">{items}</ul>')


def reference(bibliography: Path, text: str) -> str:
    """The text's entry of the bibliography."""
    entries = re.split(r"\n(?=@)", bibliography.read_text())
    return next(entry.strip() for entry in entries if f"{{seed{text}," in entry)


def cite(entry: str) -> Iterator[str]:
    """The text's reference, to copy."""
    yield "\n## Reference\n"
    yield "Cite the text for what it says, and a claim (above, under each) for what was measured of it.\n"
    yield raw(claim_cards.copyable(entry))


def index(titles: Mapping[str, str], found: Sequence[Record]) -> str:
    """The list of the texts, with what became of their primary claims."""
    parts = ["# The five texts\n"]
    for text, title in titles.items():
        cases = [
            case
            for record in found
            for claim in record["claims"]
            if claim["role"] == "primary" and records.text_of(claim) == text
            for case in claim["cases"]
        ]
        parts.append(f"## [{title}]({text}.md)\n")
        parts.append(raw(f"<p>Cases of its primary claims: {records.badges(cases)}</p>"))
    names = "\n".join(titles)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{names}\n```\n")
    return "\n".join(parts)
