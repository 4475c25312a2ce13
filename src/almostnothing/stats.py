"""Intervals over seeds, fits of the knee, growth per doubling, quality of a collapse, calibration of predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

# A fit is not trusted beyond these limits: they are about accuracy curves in general, not about one data set.
LEAST_FALL = 0.1  # accuracy above chance that a curve must start from
LEAST_PLATEAU = 0.9  # share of the fitted fall that must still lie ahead at the smallest p
LARGEST_RMS = 0.1  # residual, in accuracy: five times the spread of a mean of 500 test images at 0.5

COARSE, FINE, BANDS, ZOOMS, NARROWER = (121, 42), 7, 3, 30, 0.4  # of the search for a fit: grids, starts, rounds


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


FORMS = ("p", "log")  # a knee is a sigmoid in p, or in ln(1−p)


def coordinate(p: np.ndarray, form: str) -> np.ndarray:
    """What a knee of this form is a sigmoid in: p, or −ln(1−p), which is infinite at p = 1."""
    with np.errstate(divide="ignore"):
        return np.asarray(p, float) if form == "p" else np.asarray(-np.log1p(-np.asarray(p, float)))


def sigmoid(p: np.ndarray, chance: float, plateau: float, midpoint: float, scale: float, form: str = "p") -> np.ndarray:
    """A(p) = chance + (A₀ − chance) / (1 + exp((u(p) − u(p*))/w)), with A₀ = plateau, p* = midpoint, w = scale.

    u is p, or with the form "log" −ln(1−p): then the fall is a Hill curve, (1−p)ʰ / ((1−p)ʰ + (1−p*)ʰ) with h = 1/w.
    """
    middle = coordinate(np.asarray(midpoint), form)
    return chance + (plateau - chance) * special.expit((middle - coordinate(p, form)) / scale)


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


def least_squares(
    u: np.ndarray, fall: np.ndarray, weight: np.ndarray, most: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fit a / (1 + exp((u − m)/w)) to many curves at once: a, m, w and the weighted sum of squares, shape (curve,).

    `fall` and `weight` have the shape (curve, strength), u the shape (strength,). The amplitude a, from 0 to `most`,
    is solved for. (m, ln w) is searched on a grid, then from the best point of each of `BANDS` ranges of w
    on small grids about the best point so far, finer ones unless that lies on their edge.
    """
    span = u[np.isfinite(u)].max() - u[0]
    middles = u[0] + span * np.linspace(-0.5, 1.5, COARSE[0])
    scales = np.log(span) + np.linspace(np.log(1e-3), np.log(10), COARSE[1])
    low, high = np.array([middles[0], scales[0]]), np.array([middles[-1], scales[-1]])
    starts = []
    for band in np.array_split(scales, BANDS):
        points = np.stack(np.meshgrid(middles, band, indexing="ij"), -1).reshape(1, -1, 2)
        starts.append(points[0, _costs(u, fall, weight, most, points)[1].argmin(1)])
    chosen = np.concatenate(starts)
    fall, weight = np.tile(fall, (BANDS, 1)), np.tile(weight, (BANDS, 1))
    fine = np.stack(np.meshgrid(*[np.linspace(-1, 1, FINE)] * 2, indexing="ij"), -1).reshape(-1, 2)
    step = np.tile([middles[1] - middles[0], scales[1] - scales[0]], (len(fall), 1))
    for _ in range(ZOOMS):
        points = (chosen[:, None] + fine * step[:, None]).clip(low, high)
        heights, costs = _costs(u, fall, weight, most, points)
        best = costs.argmin(1)
        rows = np.arange(len(fall))
        chosen, height, cost = points[rows, best], heights[rows, best], costs[rows, best]
        step = np.where(np.abs(fine[best]) == 1, step, NARROWER * step)
    middle, scale = chosen[:, 0], np.exp(chosen[:, 1])
    bands = [x.reshape(BANDS, -1) for x in (height, middle, scale, cost)]
    first = bands[3].argmin(0)[None]
    height, middle, scale, cost = (np.take_along_axis(x, first, 0)[0] for x in bands)
    return height, middle, scale, cost


def _costs(
    u: np.ndarray, fall: np.ndarray, weight: np.ndarray, most: float, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Best amplitude and sum of squares at points (m, ln w), shape (curve or 1, point, 2): both (curve, point)."""
    shape = special.expit((points[..., :1] - u) / np.exp(points[..., 1:]))
    if len(shape) == 1:
        overlap, size = (weight * fall) @ shape[0].T, weight @ (shape[0] ** 2).T
    else:
        overlap, size = (
            np.einsum("cs,cps->cp", weight * y, z) for y, z in ((fall, shape), (np.ones_like(fall), shape**2))
        )
    height = np.clip(overlap / np.maximum(size, 1e-300), 0, most)
    power = (weight * fall**2).sum(1, keepdims=True)
    return height, np.maximum(power - 2 * height * overlap + height**2 * size, 0)


def fit_curves(p: np.ndarray, accuracy: np.ndarray, chance: float, form: str = "p") -> list[KneeFit]:
    """Least-squares fits of `sigmoid`: p of shape (strength,), ascending, accuracy of shape (curve, strength)."""
    u = coordinate(p, form)
    known = np.isfinite(accuracy).all(1)
    fall = np.where(known[:, None], accuracy, chance) - chance
    fitted = least_squares(u, fall, np.ones_like(fall), 1 - chance)
    found = []
    for height, middle, scale, cost, whole, curve in zip(*fitted, known, accuracy, strict=True):
        rms = float(np.sqrt(cost / len(p)))
        midpoint = float(middle if form == "p" else -np.expm1(-middle))
        if not whole:
            found.append(_doubtful("a network diverged"))
        elif curve.max() - chance < LEAST_FALL:
            found.append(_doubtful("never far above chance"))
        elif rms > LARGEST_RMS:
            found.append(_doubtful("not a sigmoid", rms))
        elif not p[0] <= midpoint <= p[-1]:
            found.append(_doubtful("p* outside the grid", rms))
        elif special.expit((middle - u[0]) / scale) < LEAST_PLATEAU:
            found.append(_doubtful("no plateau", rms))
        else:
            after = int(np.clip(np.searchsorted(u, middle), 1, len(u) - 1))
            resolved = 4 * scale > u[after] - u[after - 1]
            steepness = 1.0 if form == "p" else 1 / (1 - midpoint)  # du/dp
            slope = float(height / (4 * scale) * steepness) if resolved else np.nan
            doubt = "" if resolved else "slope between two grid points"
            found.append(KneeFit(float(chance + height), midpoint, float(scale), slope, rms, doubt))
    return found


def fit_knee(p: np.ndarray, accuracy: np.ndarray, chance: float, form: str = "p") -> KneeFit:
    """The fit of one curve: p and accuracy of shape (strength,), in any order."""
    order = np.argsort(p)
    return fit_curves(np.asarray(p, float)[order], np.asarray(accuracy, float)[order][None], chance, form)[0]


def _doubtful(why: str, rms: float = np.nan) -> KneeFit:
    return KneeFit(np.nan, np.nan, np.nan, np.nan, rms, why)


def curves(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """A tidy table's accuracies, a row for each group of `by` that occurs, a column for each strength, ascending."""
    return table.groupby([*by, "strength"])["accuracy"].mean().unstack("strength")


def fit_knees(table: pd.DataFrame, by: list[str], chance: float, form: str = "p") -> pd.DataFrame:
    """One fit for each group of a tidy table with columns strength and accuracy: one row a group."""
    wide = curves(table, by)
    fits = fit_curves(wide.columns.to_numpy(float), wide.to_numpy(float), chance, form)
    return pd.concat([wide.index.to_frame(index=False), pd.DataFrame(map(asdict, fits))], axis=1)


def held_out(p: np.ndarray, accuracy: np.ndarray, chance: float, images: int, form: str) -> np.ndarray:
    """ln-likelihood of each accuracy under the knee that is fitted without it: shape (curve, strength), in nats.

    A normal density about the fit's prediction a, of variance (sum of squares) / (strengths − 4) + a (1 − a) / images:
    the misfit that the other points show, and the counting error of `images` test images. So a form that bends away
    from the points pays for it in every density, not only where it is wrong.
    """
    curve, strength = accuracy.shape
    weight = np.tile(1 - np.eye(strength), (curve, 1))
    fall = np.repeat(accuracy, strength, 0) - chance
    u = coordinate(p, form)
    height, middle, scale, cost = least_squares(u, fall, weight, 1 - chance)
    out = np.tile(u, curve)
    a = chance + height * special.expit((middle - out) / scale)
    variance = cost / (strength - 4) + a * (1 - a) / images
    density = stats.norm.logpdf(accuracy.reshape(-1), a, np.sqrt(variance))
    return density.reshape(curve, strength)


def form_gain(table: pd.DataFrame, by: list[str], chance: float) -> pd.DataFrame:
    """What the form "log" gains on "p" in held-out likelihood, in nats a point: one row for each group of `by`.

    The end points are left out, for there both forms would have to extrapolate; so are curves of a diverged network.
    """
    wide = curves(table, by).dropna()
    p, images = wide.columns.to_numpy(float), int(table["images"].iloc[0])
    by_p, by_log = (held_out(p, wide.to_numpy(float), chance, images, form)[:, 1:-1].mean(1) for form in FORMS)
    return wide.index.to_frame(index=False).assign(gain=by_log - by_p)


def halfway(p: np.ndarray, accuracy: np.ndarray, chance: float) -> float:
    """The strength at which an accuracy curve has fallen half-way from its first point to chance; no form is assumed.

    Linear interpolation at the first crossing; NaN if there is none, an accuracy is missing, or the curve starts less
    than `LEAST_FALL` above chance.
    """
    order = np.argsort(p)
    p, above = np.asarray(p, float)[order], np.asarray(accuracy, float)[order] - chance
    under = np.flatnonzero(above < above[0] / 2)
    if not np.isfinite(above).all() or above[0] < LEAST_FALL or not len(under):
        return np.nan
    k = under[0]
    return float(np.interp(above[0] / 2, [above[k], above[k - 1]], [p[k], p[k - 1]]))


def per_doubling(sizes: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> float:
    """Least-squares slope of values against log₂ sizes; NaN unless two sizes at least have finite values."""
    x, y = np.log2(np.asarray(sizes, float)), np.asarray(values, float)
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    if len(np.unique(x)) < 2:
        return np.nan
    return float(np.polyfit(x, y, 1)[0])


def complete(table: pd.DataFrame, value: str, by: list[str]) -> pd.Series:
    """Whether every seed of the table has a value in a row's level of `by`."""
    seeds = table["seed"].nunique()
    return table.groupby(by)[value].transform("count") >= seeds


def growth(fits: pd.DataFrame, size: str, within: str, value: str, log: bool = False) -> Interval:
    """Growth of `value` per doubling of `size`: fitted within each level of `within`, averaged, then over seeds.

    `log` takes the growth of ln value. The interval is of the mean over seeds. A pair (size, level) counts where every
    seed has a value, so that all seeds answer for the same sizes.
    """
    fits = fits.assign(value=np.log(fits[value]) if log else fits[value])
    fits = fits.assign(value=fits["value"].where(complete(fits, "value", [size, within])))
    slopes = pd.DataFrame(
        [
            {"seed": key[0], "slope": per_doubling(group[size].to_numpy(), group["value"].to_numpy())}
            for key, group in fits.groupby(["seed", within])
        ]
    )
    return mean_interval(slopes.groupby("seed")["slope"].mean())


def halfways(table: pd.DataFrame, by: list[str], chance: float) -> pd.DataFrame:
    """`halfway` of each group of a tidy table, as `midpoint`: one row a group."""
    wide = curves(table, by)
    p = wide.columns.to_numpy(float)
    return wide.index.to_frame(index=False).assign(midpoint=[halfway(p, a, chance) for a in wide.to_numpy(float)])


def varied(fits: pd.DataFrame, size: str, usual: Mapping[str, Any]) -> tuple[pd.DataFrame, str]:
    """The fits in which `size` alone varies and others of `usual` have their usual value; what tells lines apart.

    Lines are the widths where N varies, else the N. Of a size that varies at some widths alone, only these are taken.
    """
    rows = fits
    for column, value in usual.items():
        rows = rows if column == size else rows[rows[column] == value]
    lines, pair = ("width", ["width"]) if size == "train_size" else ("train_size", ["train_size"])
    if size in usual:
        pair = ["width", "train_size"]
    kinds = rows.groupby(pair)[size].transform("nunique")
    return (rows[kinds > 1] if (kinds > 1).any() else rows), lines


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
    """The interval over seeds of the level of `by` whose mean is smallest, or `largest`.

    At 95 % for all levels together (Bonferroni), since the level is chosen by what it shows. Levels that lack a seed do
    not count.
    """
    groups = [rows[value] for _, rows in table[complete(table, value, by)].groupby(by)]
    if not groups:
        return mean_interval([])
    chosen = (max if largest else min)(groups, key=lambda values: values.mean())
    return mean_interval(chosen, 1 - 0.05 / len(groups))


def scaled(interval: Interval, factor: float) -> Interval:
    """The interval of `factor` times the quantity."""
    low, high = sorted((factor * interval.low, factor * interval.high))
    return Interval(factor * interval.mean, low, high, interval.n)


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
    √(n/(n−1)) and the ratio of Student's to the normal quantile, for few seeds.
    """
    columns = list(dict.fromkeys(["accuracy", u, baseline]))
    wide = table.pivot_table(columns, [*size, "strength"], "seed").dropna()
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


def auroc(score: np.ndarray, failures: np.ndarray, survivals: np.ndarray) -> float:
    """The probability that a failure has a lower score than a survival, ties counted half; NaN if one kind is missing.

    All of shape (image,): how often each image failed and survived, so that every corruption counts by itself.
    """
    values, where = np.unique(score, return_inverse=True)
    fail, live = np.bincount(where, failures, len(values)), np.bincount(where, survivals, len(values))
    if not fail.sum() or not live.sum():
        return np.nan
    above = live.sum() - np.cumsum(live)
    return float((fail * (above + live / 2)).sum() / (fail.sum() * live.sum()))


def reliability(predicted: np.ndarray, frequency: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """A reliability diagram: for each bin of equal width, the mean prediction, the mean frequency and the count."""
    place = np.minimum((predicted * bins).astype(int), bins - 1)
    groups = pd.DataFrame({"bin": place, "predicted": predicted, "frequency": frequency}).groupby("bin")
    return groups.mean().assign(images=groups.size())


def calibration_error(predicted: np.ndarray, frequency: np.ndarray) -> float:
    """Expected calibration error: mean over images of |mean prediction − mean frequency| of their bin."""
    table = reliability(predicted, frequency)
    return float(np.average((table["predicted"] - table["frequency"]).abs(), weights=table["images"]))
