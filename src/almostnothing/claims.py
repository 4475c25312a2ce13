"""Claims as data: a statement, its statistic, a threshold fixed beforehand, and a verdict that the interval decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from almostnothing.stats import Interval

SHA256_DIGITS = 64
SUPPORTED, REFUTED, INCONCLUSIVE = "supported", "refuted", "inconclusive"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The statement holds if the statistic lies above the threshold, or with `below` under it.

    `n` counts what the interval is over.
    """

    id: str
    statement: str
    source: str
    statistic: str
    threshold: float
    estimate: float
    low: float
    high: float
    n: int
    n_of: str = "seeds"
    below: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """Supported or refuted where the whole 95 % interval lies on one side of the threshold."""
        above, under = (REFUTED, SUPPORTED) if self.below else (SUPPORTED, REFUTED)
        if self.low > self.threshold:
            return above
        return under if self.high < self.threshold else INCONCLUSIVE

    def record(self) -> dict[str, Any]:
        """The claim with its verdict as JSON-able data: a quantity that could not be had is null."""
        numbers = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self).items()}
        return {**numbers, "verdict": self.verdict}


def claim(interval: Interval, **texts: Any) -> Claim:
    """A claim from the interval of its statistic."""
    return Claim(estimate=interval.mean, low=interval.low, high=interval.high, n=interval.n, **texts)


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


def estimate_text(record: dict[str, Any]) -> str:
    """`0.0123 [0.0101, 0.0145]`, from a claim's record."""
    return f"{number(record['estimate'])} [{number(record['low'])}, {number(record['high'])}]"


def threshold_text(record: dict[str, Any]) -> str:
    """`> 0.05` or `< 0.05`: what the claim asks of its statistic, from its record."""
    return f"{'<' if record.get('below') else '>'} {number(record['threshold'])}"


def summary(claims: Sequence[Claim]) -> pd.DataFrame:
    """The claims as a table to show under a figure."""
    records = [claim.record() for claim in claims]
    return pd.DataFrame(
        {
            "claim": [r["statement"] for r in records],
            "statistic": [r["statistic"] for r in records],
            "estimate [95 %]": [estimate_text(r) for r in records],
            "threshold": [threshold_text(r) for r in records],
            "n": [f"{r['n']} {r['n_of']}" for r in records],
            "verdict": [r["verdict"] for r in records],
        },
        index=pd.Index([r["id"] for r in records], name="id"),
    )
