"""Sigmoid fits, intervals over seeds, growth per doubling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

# A fit is not trusted beyond these limits: they are about accuracy curves in general, not about one data set.
LEAST_FALL = 0.1  # accuracy above chance that a curve must start from
LEAST_PLATEAU = 0.9  # share of the fitted fall that must still lie ahead at the smallest p
LARGEST_RMS = 0.1  # residual, in accuracy: five times the spread of a mean of 500 test images at 0.5


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


def sigmoid(p: np.ndarray, chance: float, plateau: float, midpoint: float, scale: float) -> np.ndarray:
    """A(p) = chance + (A₀ − chance) / (1 + exp((p − p*)/w)), with A₀ = plateau, p* = midpoint, w = scale."""
    return chance + (plateau - chance) * special.expit((midpoint - p) / scale)


@dataclass(frozen=True)
class KneeFit:
    """A fitted sigmoid: A₀, p*, w, |A'(p*)| and the residual's root mean square.

    `doubt` says why the fit is not to be trusted, and is empty where it is. A quantity in doubt is NaN: all of
    them, or the slope alone where the curve falls between two grid points.
    """

    plateau: float
    midpoint: float
    scale: float
    slope: float
    rms: float
    doubt: str


def fit_knee(p: np.ndarray, accuracy: np.ndarray, chance: float) -> KneeFit:
    """Least-squares fit of `sigmoid` to one curve: p and accuracy of shape (strength,)."""
    order = np.argsort(p)
    p, accuracy = np.asarray(p, float)[order], np.asarray(accuracy, float)[order]
    if not np.isfinite(accuracy).all():
        return _doubtful("a network diverged")
    if accuracy.max() - chance < LEAST_FALL:
        return _doubtful("never far above chance")
    span = p[-1] - p[0]

    def residual(x: np.ndarray) -> np.ndarray:
        return sigmoid(p, chance, x[0], x[1], np.exp(x[2])) - accuracy

    bounds = ([chance, p[0] - span, np.log(1e-4 * span)], [1.0, p[-1] + span, np.log(10 * span)])
    starts = [
        (min(accuracy.max(), 1 - 1e-9), middle, np.log(scale * span))
        for middle in np.quantile(p, [0.2, 0.5, 0.8])
        for scale in (0.02, 0.1)
    ]
    best = min((optimize.least_squares(residual, s, bounds=bounds) for s in starts), key=lambda fit: fit.cost)
    plateau, midpoint, scale = float(best.x[0]), float(best.x[1]), float(np.exp(best.x[2]))
    rms = float(np.sqrt(2 * best.cost / len(p)))
    if rms > LARGEST_RMS:
        return _doubtful("not a sigmoid", rms)
    if not p[0] <= midpoint <= p[-1]:
        return _doubtful("p* outside the grid", rms)
    if special.expit((midpoint - p[0]) / scale) < LEAST_PLATEAU:
        return _doubtful("no plateau", rms)
    after = int(np.clip(np.searchsorted(p, midpoint), 1, len(p) - 1))
    resolved = 4 * scale > p[after] - p[after - 1]
    slope = (plateau - chance) / (4 * scale) if resolved else np.nan
    return KneeFit(plateau, midpoint, scale, slope, rms, "" if resolved else "slope between two grid points")


def _doubtful(why: str, rms: float = np.nan) -> KneeFit:
    return KneeFit(np.nan, np.nan, np.nan, np.nan, rms, why)


def fit_knees(table: pd.DataFrame, by: list[str], chance: float) -> pd.DataFrame:
    """One `fit_knee` for each group of a tidy table with columns strength and accuracy: one row a group."""
    rows = [
        dict(zip(by, key, strict=True))
        | asdict(fit_knee(curve["strength"].to_numpy(), curve["accuracy"].to_numpy(), chance))
        for key, curve in table.groupby(by)
    ]
    return pd.DataFrame(rows)


def per_doubling(sizes: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> float:
    """Least-squares slope of values against log₂ sizes; NaN unless two sizes at least have finite values."""
    x, y = np.log2(np.asarray(sizes, float)), np.asarray(values, float)
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    if len(np.unique(x)) < 2:
        return np.nan
    return float(np.polyfit(x, y, 1)[0])


def growth(fits: pd.DataFrame, size: str, within: str, value: str, log: bool = False) -> Interval:
    """Growth of `value` per doubling of `size`: fitted within each level of `within`, averaged, then over seeds.

    `log` takes the growth of ln value. The interval is of the mean over seeds. A pair (size, level) counts where every
    seed has a value, so that all seeds answer for the same sizes.
    """
    fits = fits.assign(value=np.log(fits[value]) if log else fits[value])
    complete = fits.groupby([size, within])["value"].transform(lambda values: values.notna().all())
    fits = fits.assign(value=fits["value"].where(complete))
    slopes = pd.DataFrame(
        [
            {"seed": key[0], "slope": per_doubling(group[size].to_numpy(), group["value"].to_numpy())}
            for key, group in fits.groupby(["seed", within])
        ]
    )
    return mean_interval(slopes.groupby("seed")["slope"].mean())
