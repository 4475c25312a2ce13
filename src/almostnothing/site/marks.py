"""Counts of verdicts as HTML: a mark, a number and, for who cannot see the mark, a word."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from almostnothing.claims import estimate_text, number
from almostnothing.site import records
from almostnothing.site.cases import Case, Claim, Cost, Spent
from almostnothing.verdicts import MARKS, UNKNOWN, VERDICTS

NO_TEXT = "ours"  # claims whose source is none of the texts
NOT_RECORDED = "not recorded when it was published; made again, its new record says so under spent"


def text_names(root: Path) -> dict[str, str]:
    """The texts' numbers, each with the title of its page: `001 Learning from almost nothing`."""
    files = (root / "site/texts" / f"{text}.md" for text in records.TEXTS)
    return {file.stem: f"{file.stem} {file.read_text().partition('# ')[2].partition(chr(10))[0]}" for file in files}


def asked(claim: Claim) -> str:
    """`> 0.05` or `< 0.05`: what the claim asks of its statistic."""
    return f"{'<' if claim.side == 'below' else '>'} {number(claim.threshold)}"


def found(case: Case) -> str:
    """A case's estimate with its interval."""
    return "–" if case.verdict == UNKNOWN else estimate_text(case.model_dump(include={"estimate", "low", "high"}))


def counted(cases: Iterable[Case]) -> list[tuple[str, int]]:
    """The verdicts of cases and how many have each, in the order of `VERDICTS`."""
    counts = Counter(case.verdict for case in cases)
    return [(verdict, counts[verdict]) for verdict in VERDICTS if counts[verdict]]


def count_badge(verdict: str, count: int, attributes: str = "") -> str:
    """`✓ 2`, which is read as `2 supported`; `attributes` of the element, if any."""
    return (
        f'<span class="verdict {records.verdict_class(verdict)}" title="{count} {verdict}"{attributes}>'
        f'<span aria-hidden="true">{html.escape(MARKS[verdict])} {count}</span>'
        f'<span class="visually-hidden">{count} {verdict}</span></span>'
    )


def count_badges(cases: Iterable[Case]) -> str:
    """A badge for each verdict that cases have."""
    return " ".join(count_badge(*each) for each in counted(cases)) or "–"


def in_words(counts: Iterable[tuple[str, int]]) -> str:
    """`4 supported, 2 inconclusive`."""
    return ", ".join(f"{count} {verdict}" for verdict, count in counts) or "none"


def cost(of: Cost) -> str:
    """What a page takes, in words; what is not known is said."""
    jobs = {"measuring its table": of.measuring, "drawing": of.drawing}
    return "; ".join([_training(of), *(f"{job}: {_spent(took)}" for job, took in jobs.items())])


def _training(planned: Cost) -> str:
    if planned.networks is None or planned.memory is None:
        return "training: none before its table is measured"
    words = f"training: {planned.networks:,} networks, {_memory(planned.memory)}"
    if planned.seconds is None:
        return words
    return f"{words}, about {_duration(planned.seconds)} of one core of {planned.processor} (within a factor of two)"


def _spent(took: Spent | None) -> str:
    return f"took {_duration(took.seconds)}, {_memory(took.memory)}" if took else NOT_RECORDED


def _memory(size: int) -> str:
    return f"at most {size / 2**30:.1f} GiB at a time"


def _duration(seconds: float) -> str:
    number, unit = (seconds / 60, "minutes") if seconds >= 60 else (seconds, "seconds")
    return f"{number:,.0f} {unit}" if number >= 10 else f"{number:.2g} {unit}"


def sentence(claim: Claim) -> str:
    """What was found, in one generated sentence."""
    counts = counted(claim.cases)
    measured = [(verdict, count) for verdict, count in counts if verdict != UNKNOWN]
    if not measured:
        return claim.finding
    total, lacking = sum(count for _, count in measured), dict(counts).get(UNKNOWN, 0)
    if len(measured) == 1:
        verdict = measured[0][0].capitalize()
        words = f"{verdict} in its one case" if total == 1 else f"{verdict} in all {total} cases"
    else:
        parts = [f"{verdict} in {count}" for verdict, count in measured]
        words = f"{parts[0][0].upper()}{parts[0][1:]} of {total} cases, {' and '.join(parts[1:])}"
    estimates = [case.estimate for case in claim.cases if case.estimate is not None]
    ends = [number(end) for end in (min(estimates), max(estimates))]
    between = f"the estimate is {ends[0]}" if ends[0] == ends[1] else f"estimates run from {ends[0]} to {ends[1]}"
    side = "under" if claim.side == "below" else "over"
    more = f"; {lacking} more could not be measured" if lacking else ""
    return f"{words}: {between}, where {side} {number(claim.threshold)} is asked{more}."
