"""On how few curves do the accuracies of several sizes fall?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import optimize, stats

from almostnothing.stats.intervals import Interval, mean_interval


def collapse_rms(u: np.ndarray, accuracy: np.ndarray, size: np.ndarray) -> float:
    """How well curves of different sizes lie on one curve of u: leave-one-size-out root mean square, in accuracy.

    All arguments have the shape (point,). For each size, an increasing curve is fitted to the points of all others
    (isotonic regression, joined by lines) and compared with its own points that lie within the range of theirs.
    NaN where no point does.
    """
    missed = []
    for one in np.unique(size):
        own, other = size == one, size != one
        if not other.any():
            return np.nan
        order = np.lexsort((accuracy[other], u[other]))
        x = u[other][order]
        fitted = optimize.isotonic_regression(accuracy[other][order]).x
        knots, where = np.unique(x, return_inverse=True)
        level = np.bincount(where, fitted) / np.bincount(where)
        inside = (u[own] >= knots[0]) & (u[own] <= knots[-1])
        missed.append(accuracy[own][inside] - np.interp(u[own][inside], knots, level))
    errors = np.concatenate(missed)
    return float(np.sqrt(np.mean(errors**2))) if len(errors) else np.nan


def collapse_interval(
    table: pd.DataFrame, u: str, baseline: str, size: list[str], draws: int = 200
) -> tuple[Interval, Interval]:
    """`collapse_rms` of mean curves over seeds, and what that of `baseline` exceeds it by: 95 % bootstrap intervals.

    `table` has the columns seed, strength, accuracy, `u`, `baseline` and those of `size`. Seeds are drawn with
    replacement. Scatter between seeds adds to a mean square, and once more to a resampled one: what resampling adds
    is taken off the estimate, and the interval is reflected about it (basic bootstrap), in squares. It is widened by
    √(n/(n−1)) and the ratio of Student's to the normal quantile, for few seeds. NaN where no point has all seeds.
    """
    columns = list(dict.fromkeys(["accuracy", u, baseline]))
    wide = table.pivot_table(columns, [*size, "strength"], "seed").dropna()
    if wide.empty or "accuracy" not in wide:  # which a pivot leaves out where it is NaN everywhere
        return mean_interval([]), mean_interval([])
    sizes = wide.index.to_frame(index=False).groupby(size).ngroup().to_numpy()
    values = {name: wide[name].to_numpy() for name in columns}
    n = len(wide["accuracy"].columns)

    def squares(chosen: np.ndarray) -> list[float]:
        accuracy = values["accuracy"][:, chosen].mean(1)
        return [collapse_rms(values[name][:, chosen].mean(1), accuracy, sizes) ** 2 for name in (u, baseline)]

    rng = np.random.default_rng(0)
    whole = np.array(squares(np.arange(n)))
    drawn = np.array([squares(rng.integers(n, size=n)) for _ in range(draws)])
    factor = np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1) / stats.norm.ppf(0.975)

    def reflected(estimate: float, again: np.ndarray, back: Callable[[float], float]) -> Interval:
        middle = again.mean()
        centre = 2 * estimate - middle
        ends = [centre - factor * (np.quantile(again, q) - middle) for q in (0.975, 0.025)]
        return Interval(back(centre), back(ends[0]), back(ends[1]), n)

    error = reflected(whole[0], drawn[:, 0], lambda square: float(np.sqrt(max(square, 0))))
    roots = np.sqrt(drawn)
    gain = reflected(np.sqrt(whole[1]) - np.sqrt(whole[0]), roots[:, 1] - roots[:, 0], float)
    return error, gain
