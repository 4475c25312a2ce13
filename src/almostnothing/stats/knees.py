"""Fits of the knee: a sigmoid in p or in ln(1−p), checked, and where accuracy is half-way."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

# A fit is not trusted beyond these limits: they are about accuracy curves in general, not about one data set.
LEAST_FALL = 0.1  # accuracy above chance that a curve must start from


LEAST_PLATEAU = 0.9  # share of the fitted fall that must still lie ahead at the smallest p


LARGEST_RMS = 0.1  # residual, in accuracy: five times the spread of a mean of 500 test images at 0.5


COARSE, FINE, BANDS, ZOOMS, NARROWER = (121, 42), 7, 3, 30, 0.4  # of the search for a fit: grids, starts, rounds


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
            found.append(_doubtful("a network did not learn"))
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

    The end points are left out, for there both forms would have to extrapolate; so are curves with a network that did
    not learn.
    """
    wide = curves(table, by).dropna()
    p, images = wide.columns.to_numpy(float), int(table["images"].iloc[0])
    by_p, by_log = (held_out(p, wide.to_numpy(float), chance, images, form)[:, 1:-1].mean(1) for form in FORMS)
    return wide.index.to_frame(index=False).assign(gain=by_log - by_p)


def halfway(p: np.ndarray, accuracy: np.ndarray, chance: float) -> float:
    """The strength at which an accuracy curve has fallen half-way from its first point to chance; no form is assumed.

    Linear interpolation at the first crossing; NaN if there is none, an accuracy up to there is missing, or the curve
    starts less than `LEAST_FALL` above chance.
    """
    order = np.argsort(p)
    p, above = np.asarray(p, float)[order], np.asarray(accuracy, float)[order] - chance
    under = np.flatnonzero(above < above[0] / 2)
    if not len(under) or not np.isfinite(above[: under[0]]).all() or above[0] < LEAST_FALL:
        return np.nan
    k = under[0]
    return float(np.interp(above[0] / 2, [above[k], above[k - 1]], [p[k], p[k - 1]]))


def crossing(p: np.ndarray, accuracy: np.ndarray, chance: float, share: float) -> float:
    """−ln(1−p) at the first p where only `share` is left of a curve's height above chance at its first p.

    Linear interpolation in −ln(1−p), in which knees keep their shape; no form is assumed. NaN as for `halfway`.
    """
    order = np.argsort(p)
    u, above = -np.log1p(-np.asarray(p, float)[order]), np.asarray(accuracy, float)[order] - chance
    under = np.flatnonzero(above < share * above[0])
    if not len(under) or not np.isfinite(above[: under[0]]).all() or above[0] < LEAST_FALL:
        return np.nan
    k = under[0]
    return float(np.interp(share * above[0], [above[k], above[k - 1]], [u[k], u[k - 1]]))


def free_knees(table: pd.DataFrame, by: list[str], chance: float) -> pd.DataFrame:
    """The knee of each group of a tidy table without any form: one row a group.

    `midpoint` p*: where half of the height is left. `steepness`: 0.5 over the distance in −ln(1−p) from where three
    quarters are left to where one is; of a sigmoid in ln(1−p) of scale w that is 1/(4.39 w). `slope`: |A'(p*)| of the
    straight line between these, turned into p at p*.
    """
    wide = curves(table, by)
    p = wide.columns.to_numpy(float)
    rows = []
    for curve in wide.to_numpy(float):
        upper, middle, lower = (crossing(p, curve, chance, share) for share in (0.75, 0.5, 0.25))
        steepness = 0.5 / (lower - upper) if lower > upper else np.nan
        midpoint = -np.expm1(-middle)
        height = curve[int(np.argmin(p))] - chance
        rows.append({"midpoint": midpoint, "steepness": steepness, "slope": height * steepness / (1 - midpoint)})
    found = pd.DataFrame(rows, columns=["midpoint", "steepness", "slope"], dtype=float)
    return pd.concat([wide.index.to_frame(index=False), found], axis=1)


def halfways(table: pd.DataFrame, by: list[str], chance: float) -> pd.DataFrame:
    """`halfway` of each group of a tidy table, as `midpoint`: one row a group."""
    wide = curves(table, by)
    p = wide.columns.to_numpy(float)
    return wide.index.to_frame(index=False).assign(midpoint=[halfway(p, a, chance) for a in wide.to_numpy(float)])
