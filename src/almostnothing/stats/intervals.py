"""Intervals over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats


class Interval(NamedTuple):
    """A mean with its confidence interval and the number of values behind it."""

    mean: float
    low: float
    high: float
    n: int


def mean_interval(values: Sequence[float] | np.ndarray | pd.Series, level: float = 0.95) -> Interval:
    """Mean of independent values with Student's t interval (ddof = 1); NaN values are left out and not counted.

    With fewer than two values the bounds are NaN.
    """
    kept = np.asarray(values, dtype=float)
    kept = kept[np.isfinite(kept)]
    n = len(kept)
    if n < 2:
        return Interval(float(kept[0]) if n else np.nan, np.nan, np.nan, n)
    half = stats.t.ppf((1 + level) / 2, n - 1) * kept.std(ddof=1) / np.sqrt(n)
    return Interval(float(kept.mean()), float(kept.mean() - half), float(kept.mean() + half), n)


def from_columns(row: Mapping[str, Any], name: str, n: int, sign: float = 1.0, shift: float = 0.0) -> Interval:
    """The interval that a table's columns `name`, `name`_low and `name`_high hold, of shift + sign x the quantity."""
    low, high = sorted(shift + sign * row[f"{name}_{end}"] for end in ("low", "high"))
    return Interval(shift + sign * row[name], low, high, n)


def complete(table: pd.DataFrame, value: str, by: list[str]) -> pd.Series:
    """Whether every seed of the table has a value in a row's level of `by`."""
    seeds = table["seed"].nunique()
    return table.groupby(by)[value].transform("count") >= seeds


def paired(table: pd.DataFrame, value: str, column: str, first: Any, second: Any, by: list[str]) -> Interval:
    """Mean over seeds of `value` where `column` is `first` less where it is `second`, paired within each level of `by`.

    A level counts where every seed has both, so that all seeds answer for the same levels.
    """
    wide = table[table[column].isin([first, second])].pivot_table(value, ["seed", *by], column)
    if not {first, second} <= set(wide.columns):
        return mean_interval([])
    difference = (wide[first] - wide[second]).rename("difference").reset_index()
    return mean_over(difference, "difference", by)


def mean_over(table: pd.DataFrame, value: str, by: list[str]) -> Interval:
    """Interval over seeds of `value`'s mean over the levels of `by`, those that every seed has."""
    kept = table[complete(table, value, by)]
    return mean_interval(kept.groupby("seed")[value].mean())


def absolute(interval: Interval) -> Interval:
    """The interval of |x|, from that of x."""
    ends = sorted(map(abs, (interval.low, interval.high)))
    low = 0.0 if interval.low < 0 < interval.high else ends[0]
    return Interval(abs(interval.mean), low, ends[1], interval.n)


def worst(table: pd.DataFrame, value: str, by: list[str], largest: bool = False) -> Interval:
    """The interval over seeds of each seed's own smallest value, or `largest`, over the levels of `by`.

    Levels that lack a seed do not count.
    """
    seeds = table[complete(table, value, by)].groupby("seed")[value]
    return mean_interval(seeds.max() if largest else seeds.min())


def share_interval(count: int, n: int) -> Interval:
    """The share count/n with Clopper and Pearson's 95 % interval."""
    found = stats.binomtest(count, n).proportion_ci()
    return Interval(count / n, float(found.low), float(found.high), n)


def with_variance(interval: Interval, variance: float) -> Interval:
    """The t interval of a mean over seeds whose every value has an error in common, of this variance: wider by that."""
    if interval.n < 2:
        return interval
    half = float(np.hypot(interval.high - interval.mean, stats.t.ppf(0.975, interval.n - 1) * np.sqrt(variance)))
    return Interval(interval.mean, interval.mean - half, interval.mean + half, interval.n)


def widened(interval: Interval, count: int) -> Interval:
    """The interval at 95 % for `count` such quantities together (Bonferroni), of a t interval at 95 % for one."""
    if count < 2 or interval.n < 2:
        return interval
    ratio = stats.t.ppf(1 - 0.025 / count, interval.n - 1) / stats.t.ppf(0.975, interval.n - 1)
    low, high = (interval.mean + ratio * (end - interval.mean) for end in (interval.low, interval.high))
    return Interval(interval.mean, float(low), float(high), interval.n)


def scaled(interval: Interval, factor: float) -> Interval:
    """The interval of `factor` times the quantity."""
    low, high = sorted((factor * interval.low, factor * interval.high))
    return Interval(factor * interval.mean, low, high, interval.n)


def largest_mean(groups: Sequence[pd.Series]) -> Interval:
    """The largest of several means over seeds, with an interval that holds for each of them; none of no group.

    Above it reaches as far as the widest of their own intervals: it lies below a limit only if all of these do
    (intersection-union). Below, as the interval of the largest that holds for all together (Bonferroni): the largest
    of equal means is as large as their noise.
    """
    each = [mean_interval(own) for own in groups]
    if not each:
        return mean_interval([])
    most = max(each)
    widest = max(one.high - one.mean for one in each)
    return Interval(most.mean, widened(most, len(each)).low, most.mean + widest, min(one.n for one in each))
