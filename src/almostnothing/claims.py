"""Claims as data: a statement, its statistic, a threshold fixed beforehand, and verdicts that intervals decide.

A page declares its claims before any result (`Declaration`), measures the cases of each (`Case`), and `judged` makes
`Claim`s of them, whose records are published. Primary claims are the predictions of a text; the intervals of all
primary cases of a page hold together. The rest is exploratory.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from almostnothing.naming import dataset_name
from almostnothing.stats import Interval, widened
from almostnothing.verdicts import INCONCLUSIVE, MIXED, REFUTED, SMALLER, SUPPORTED, UNKNOWN, VERDICTS

SHA256_DIGITS = 64
DOUBTFUL = 0.01  # share of searches that another one betters


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What a page claims before it is measured.

    `statement` has a place {limit:g} for the threshold, which `threshold` names among the page's parameters; it holds
    if the statistic lies above it, or with `below` under it. `reason`: why this number. `range`: where the statistic
    can lie at all. `quote`: the text's own words.
    """

    statement: str
    source: str
    statistic: str
    threshold: str
    reason: str
    quote: str | None = None
    primary: bool = False
    below: bool = False
    range: tuple[float, float] | None = None
    interval: str = "t over seeds"


@dataclass(frozen=True)
class Case:
    """What was measured for one case of a claim: where, its interval, and the networks of the points it rests on.

    `left_out`: networks of points at which some did not learn; no claim rests on these. `lacking`: what an interval
    that is not there wanted, where that is not that networks learned.
    """

    where: Mapping[str, Any]
    found: Interval
    networks: int = 0
    left_out: int = 0
    n_of: str = "seeds"
    lacking: str = ""

    @property
    def why(self) -> str:
        """Why there is no interval."""
        if self.lacking:
            return self.lacking
        lost = f"networks left out at points where some did not learn: {self.left_out}"
        if self.networks:
            words = f"of networks that learned there are {self.networks}, but the statistic has a value for too few"
            words += f" {self.n_of}: {self.found.n}"
            return f"{words}; {lost}" if self.left_out else words
        return f"there is no point at which all networks learned; {lost}" if self.left_out else "there are no data"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A declared claim with its cases, whose intervals are final."""

    id: str
    page: str
    declared: Declaration
    threshold: float
    cases: Sequence[Case]

    @property
    def statement(self) -> str:
        """The statement with its number."""
        return self.declared.statement.format(limit=self.threshold)

    def verdict_of(self, case: Case, factor: float = 1.0) -> str:
        """The verdict of a case, at `factor` times the threshold."""
        return decided(case.found, factor * self.threshold, self.declared.below)

    @property
    def verdict(self) -> str:
        """The one verdict of all cases that were measured, or `MIXED`."""
        kinds = {self.verdict_of(case) for case in self.cases} - {UNKNOWN}
        return kinds.pop() if len(kinds) == 1 else (MIXED if kinds else UNKNOWN)

    @property
    def finding(self) -> str:
        """What was found, in one sentence for a reader."""
        unknown = [case for case in self.cases if self.verdict_of(case) == UNKNOWN]
        why = "; ".join(dict.fromkeys(case.why for case in unknown))
        if self.verdict == UNKNOWN:
            return f"Not measured: {why}."
        by: dict[str, list[str]] = {}
        for case in self.cases:
            by.setdefault(self.verdict_of(case), []).append(f"{place(case.where)} {estimate_text(case.found)}")
        parts = [f"{verdict}: {'; '.join(by[verdict])}" for verdict in VERDICTS if verdict in by and verdict != UNKNOWN]
        tail = [f"{len(unknown)} of {len(self.cases)} cases not measured: {why}"] if unknown else []
        if any(case.left_out for case in self.cases):
            tail.append("points where some networks did not learn are left out")
        words = ". ".join([*parts, *tail])
        return f"{words[0].upper()}{words[1:]}."

    def record(self) -> dict[str, Any]:
        """The claim as `claims.md` describes it: JSON-able, a quantity that could not be had is null."""
        own = self.declared
        return {
            "id": self.id,
            "page": self.page,
            "source": own.source,
            "quote": own.quote,
            "statement": self.statement,
            "role": "primary" if own.primary else "exploratory",
            "statistic": own.statistic,
            "range": list(own.range) if own.range else None,
            "threshold": self.threshold,
            "direction": "below" if own.below else "above",
            "reason": own.reason,
            "lock": None,
            "interval": own.interval,
            "simultaneous": own.primary,
            "cases": [self._case(case) for case in self.cases],
            "verdict": self.verdict,
            "finding": self.finding,
        }

    def _case(self, case: Case) -> dict[str, Any]:
        numbers = {"estimate": case.found.mean, "low": case.found.low, "high": case.found.high}
        known = self.verdict_of(case) != UNKNOWN
        return {
            "where": {name: str(value) for name, value in case.where.items()},
            **{name: value if known and math.isfinite(value) else None for name, value in numbers.items()},
            "n": case.found.n,
            "n_of": case.n_of,
            "networks": case.networks,
            "learned": case.networks,
            "left_out": case.left_out,
            "verdict": self.verdict_of(case),
            "why": None if known else case.why,
            "at_half": self.verdict_of(case, 0.5),
            "at_twice": self.verdict_of(case, 2.0),
        }


class Cases(dict[str, list[Case]]):
    """The cases of a page's claims by the claim's name, as they are found."""

    def add(
        self,
        name: str,
        where: Mapping[str, Any],
        found: Interval,
        counts: Mapping[str, int] | None = None,
        n_of: str = "seeds",
        lacking: str = "",
    ) -> None:
        """One more case of a claim; `counts` of its networks as of `tables.counted`."""
        self.setdefault(name, []).append(Case(where, found, **(counts or {}), n_of=n_of, lacking=lacking))


def decided(found: Interval, threshold: float, below: bool) -> str:
    """The verdict of an interval against a threshold.

    `SMALLER`: the effect is surely of the sign that is asked, and surely short of the threshold.
    """
    if not all(map(math.isfinite, found[:3])):
        return UNKNOWN
    low, high = (-found.high, -found.low) if below else (found.low, found.high)
    limit = -threshold if below else threshold
    if low > limit:
        return SUPPORTED
    if high < limit:
        return SMALLER if not below and low > 0 and threshold > 0 else REFUTED
    return INCONCLUSIVE


def judged(
    page: str,
    declared: Mapping[str, Declaration],
    cases: Mapping[str, Sequence[Case]],
    limits: Mapping[str, float],
) -> list[Claim]:
    """A claim for each declaration that has cases, in the order in which they were declared.

    Intervals of primary claims hold for all measured primary cases of the page together (Bonferroni); an interval stays
    within the range of its statistic. `limits`: the page's thresholds by name. Locks are entered at publication.
    """
    primary = [case for name, own in declared.items() if own.primary for case in cases.get(name, ())]
    count = sum(math.isfinite(case.found.mean) for case in primary)
    claims = []
    for name, own in declared.items():
        final = [
            replace(case, found=_within(widened(case.found, count if own.primary else 1), own.range))
            for case in cases.get(name, ())
        ]
        if final:
            limit = limits[own.threshold]
            claims.append(Claim(id=f"{page}.{name}", page=page, declared=own, threshold=limit, cases=final))
    return claims


def _within(found: Interval, bounds: tuple[float, float] | None) -> Interval:
    if bounds is None:
        return found
    low, high = (min(max(end, bounds[0]), bounds[1]) for end in (found.low, found.high))
    return Interval(found.mean, low, high, found.n)


def place(where: Mapping[str, Any]) -> str:
    """Where a case is, in words: `MNIST, clean test`."""
    forms = {"dataset": dataset_name, "test": "{} test".format}
    return ", ".join(forms.get(name, str)(str(value)) for name, value in where.items())


def number(value: float | None) -> str:
    """Three significant digits; a dash for what could not be had."""
    return "–" if value is None or math.isnan(value) else f"{value:.3g}"


def short(value: Any) -> str:
    """A value as a table of a page shows it: numbers with three digits, lists in a line, digests abbreviated."""
    if isinstance(value, tuple | list):
        return ", ".join(map(short, value))
    if isinstance(value, float):
        return number(value)
    return f"{value[:12]}…" if isinstance(value, str) and len(value) == SHA256_DIGITS else str(value)


def doubt_text(share: float) -> str:
    """`1.2 % (!)`: a share of searches that another one betters, marked from where their row must say so."""
    return f"{100 * share:.1f} %" + (" (!)" if share >= DOUBTFUL else "")


def estimate_text(found: Interval | Mapping[str, Any]) -> str:
    """`0.0123 [0.0101, 0.0145]`: the ends with three digits, the estimate to the place that they tell."""
    if isinstance(found, Interval):
        mean, low, high = found[:3]
    else:
        mean, low, high = (math.nan if found[key] is None else found[key] for key in ("estimate", "low", "high"))
    if not all(map(math.isfinite, (mean, low, high))) or high == low:
        return f"{number(mean)} [{number(low)}, {number(high)}]"
    places = min(4, max(0, 1 - math.floor(math.log10(high - low))))
    return f"{mean:.{places}f} [{low:.{places}f}, {high:.{places}f}]"


def threshold_text(record: Mapping[str, Any]) -> str:
    """`> 0.05` or `< 0.05`: what the claim asks of its statistic, from its record."""
    return f"{'<' if record['direction'] == 'below' else '>'} {number(record['threshold'])}"


def summary(claims: Sequence[Claim], role: str = "primary") -> pd.DataFrame:
    """The cases of the claims of a role as a table to show under a figure: one row a case."""
    rows = []
    for record in (claim.record() for claim in claims):
        if record["role"] != role:
            continue
        for case in record["cases"]:
            rows.append(
                {
                    "claim": record["statement"],
                    "where": place(case["where"]),
                    "statistic": record["statistic"],
                    "estimate [95 %]": estimate_text(case),
                    "threshold": threshold_text(record),
                    "n": f"{case['n']} {case['n_of']}",
                    "networks": case["networks"] or "–",
                    "verdict": case["verdict"],
                    "at half, twice the threshold": f"{case['at_half']}, {case['at_twice']}",
                }
            )
    table = pd.DataFrame(rows)
    return table.set_index(["claim", "where"]) if rows else table


def answer(claims: Sequence[Claim]) -> str:
    """The page's answer as markdown: each primary claim with its verdict and what was found."""
    lines = [
        f"- **{claim.statement}**: *{claim.verdict}.* {claim.finding}" for claim in claims if claim.declared.primary
    ]
    cases = [(claim, case) for claim in claims if claim.declared.primary for case in claim.cases]
    moved = sum(len({claim.verdict_of(case, factor) for factor in (0.5, 1.0, 2.0)}) > 1 for claim, case in cases)
    counts = Counter(claim.verdict_of(case) for claim, case in cases)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    return "\n".join(
        [
            "**The answer**",
            "",
            *lines,
            "",
            f"Of {len(cases)} cases {told}; {moved} would change at half or at twice the threshold. Intervals hold for "
            "all of these cases together at 95 %.",
        ]
    )
