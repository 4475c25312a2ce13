"""What every part of the site needs: published records, addresses of pages, marks of verdicts, words for results."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from almostnothing import records
from almostnothing.claims import number
from almostnothing.freshness import CONTENT, FIGURES
from almostnothing.naming import dataset_name
from almostnothing.verdicts import MARKS, VERDICTS

SETS = {"paper": "real data", "quick": "toy data"}  # the sets that the site shows, the main one first
TEXTS = ("000", "001", "002", "003", "004")
MIXED_MARK = "±"
TEXT_OF_SOURCE = re.compile(r"\bseed (\d{3})\b")

Record = Mapping[str, Any]


@cache
def published(root: Path, parameter_set: str) -> list[dict[str, Any]]:
    """The published records of a set, by page, without pages of which any file is damaged."""
    return records.published(root / FIGURES / parameter_set, CONTENT)


def sets(root: Path) -> list[str]:
    """The sets that the site shows and of which something is published, the main one first."""
    return [name for name in SETS if published(root, name)]


def figure_address(parameter_set: str, name: str, claim_id: str = "") -> str:
    """A figure's page from the site's root, at one of its claims: `paper/05_survival.html#claim-above`."""
    return f"{parameter_set}/{name}.html" + (f"#{claim_anchor(claim_id)}" if claim_id else "")


def claim_anchor(claim_id: str) -> str:
    """The anchor of a claim on its figure's page: `claim-above` for `05_survival.above`."""
    return f"claim-{claim_id.rpartition('.')[2]}"


def file_address(parameter_set: str, name: str, suffix: str) -> str:
    """A published file from the site's root; `yaml` is the parameter file."""
    return f"files/{parameter_set}/{name}.{suffix}"


def text_of(claim: Record) -> str | None:
    """The number of the text whose claim this is, `001`; None where its source names none of the five."""
    found = TEXT_OF_SOURCE.search(claim["source"])
    return found.group(1) if found and found.group(1) in TEXTS else None


def text_address(text: str, page: str, claim_id: str) -> str:
    """Where a text's page lists a claim of a figure's page, from the site's root."""
    return f"texts/{text}.html#{text_anchor(page, claim_id)}"


def text_anchor(page: str, claim_id: str) -> str:
    """The anchor of a claim of a figure's page on its text's page."""
    return f"{page}-{claim_id.rpartition('.')[2]}"


def verdict_class(verdict: str) -> str:
    """The CSS class of a verdict: `v-smaller-than-asked`."""
    return f"v-{verdict.replace(' ', '-')}"


def mark(verdict: str) -> str:
    """The mark of a verdict."""
    return MARKS.get(verdict, MIXED_MARK)


def verdict_badge(verdict: str, count: int | None = None) -> str:
    """A verdict in its colour, with its mark and its word, so that no one needs the colour."""
    words = verdict if count is None else f"{count} {verdict}"
    shown = html.escape(mark(verdict))
    return f'<span class="verdict {verdict_class(verdict)}">{shown} {words}</span>'


def badges(cases: Iterable[Record]) -> str:
    """How many cases have each verdict, a badge each."""
    by = by_verdict(cases)
    return " ".join(verdict_badge(verdict, len(by[verdict])) for verdict in by)


def by_verdict(cases: Iterable[Record]) -> dict[str, list[Record]]:
    """Cases by their verdict, in the order in which verdicts are told."""
    found: dict[str, list[Record]] = {verdict: [] for verdict in VERDICTS}
    for case in cases:
        found[case["verdict"]].append(case)
    return {verdict: group for verdict, group in found.items() if group}


def told(claim: Record, cases: Iterable[Record] | None = None) -> str:
    """A claim's result in plain words: `networks are …: 8 cases supported (0.278 to 0.697), 1 inconclusive (0.215)`."""
    parts = []
    for verdict, group in by_verdict(claim["cases"] if cases is None else cases).items():
        found = sorted(case["estimate"] for case in group if case["estimate"] is not None)
        ends = list(dict.fromkeys(map(number, (found[0], found[-1])))) if found else []
        parts.append(f"{len(group)} {verdict}" + (f" ({' to '.join(ends)})" if ends else ""))
    return f"{claim['statement']}: {', '.join(parts)}"


def datasets(record: Record) -> list[str]:
    """The human names of a record's data sets, each once."""
    return dataset_names(source["name"] for source in record["sources"])


def dataset_names(names: Iterable[str]) -> list[str]:
    """The human names of data sets, each once."""
    return list(dict.fromkeys(map(dataset_name, names)))


def raw(markup: str) -> str:
    """HTML as a block of a MyST page."""
    return f"```{{raw}} html\n{markup}\n```\n"
