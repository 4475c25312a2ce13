"""The knee calculator's table: the nearest class mean's expected accuracy at Chebyshev's points of strength and n.

What the page shows between these points is the polynomial through them (`interpolated`), in a browser and here. A
corrupted test is one draw of the noise on `prototypes.POINTS` images, whose accuracy is no smooth function of strength:
there the polynomial passes through some scatter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from scipy import interpolate, optimize

from almostnothing import corruptions, data
from almostnothing.cells import Law
from almostnothing.corruptions import Corruption
from almostnothing.parameters import laws
from almostnothing.site.play import bundles
from almostnothing.stats.knees import LEAST_FALL
from almostnothing.theory import prototypes

KINDS = ("clean", "corrupted")
NODES = (32, 16)  # of strength, and of n
MOST_PER_CLASS = 10_000  # training images of a class, at most
MOST_PIXELS = 1000  # of images for which `predict_knee` is compared
CHECKED_AT, CHECKED_SIZES, CHECKED_KNEE = (0.13, 0.37, 0.61, 0.83), (3, 57, 1300), 57  # off the nodes: s/most, n, n


@dataclass(frozen=True)
class Axis:
    """How strength runs along a table: s from 0 to `most`, strength = `strength(s)`, s = `place(strength)`."""

    name: str
    most: float
    strength: Callable[[float], float]
    place: Callable[[float], float]


SURVIVAL = Axis("survival", 3.5, lambda s: 1 - 10**-s, lambda p: -math.log10(1 - p))  # p, by what survives
LOG = Axis("log", math.log1p(100), math.expm1, math.log1p)  # σ
AXES = {axis.name: axis for axis in (SURVIVAL, LOG)}
LAWS: dict[str, tuple[str, str, Law, Axis]] = {  # title, symbol of the strength, law, axis
    "uniform": ("replace pixels by uniform noise", "p", laws.Replacement().record(), SURVIVAL),
    "salt_pepper": ("replace pixels by black or white", "p", laws.Replacement(values="bernoulli").record(), SURVIVAL),
    "grey": ("replace pixels by mid-grey", "p", laws.Replacement(values="constant").record(), SURVIVAL),
    "additive": ("add Gaussian noise", "σ", laws.Additive(law="additive").record(), LOG),
}


def expected(dataset: data.Dataset, law: Corruption, strength: float) -> dict[str, Callable[[float], float]]:
    """What `prototypes.predictor` gives at one strength, by test, as a function of n.

    Of a score's mean a − b/n and variance q/n + s/n² all parts are found once: b and s, which are the same at every
    point, by one point at n = 1 and 2.
    """
    images = prototypes.training_images(dataset)
    x, labels = (part[: prototypes.POINTS] for part in images)
    moments = prototypes.classes(law, *images, strength)
    own = labels, law.mean(x, strength)
    first = labels[:1], own[1][:1]
    (mean1, variance1), (mean2, variance2) = (prototypes.scores(moments, x[:1], n, first) for n in (1.0, 2.0))
    b, s = 2 * (mean2 - mean1), 2 * (variance1 - 2 * variance2)

    def at(points: np.ndarray) -> Callable[[float], float]:
        mean, variance = prototypes.scores(moments, points, 1.0, own)
        a, q = mean + b, variance - s
        return lambda n: float(prototypes.gaussian_accuracy(a - b / n, q / n + s / n**2, labels).mean())

    return {"clean": at(x), "corrupted": at(prototypes.corrupted(law, x, strength))}


def table(dataset: data.Dataset, record: Law, axis: Axis) -> dict[str, Any]:
    """The table of a data set and law, packed for the page."""
    law = corruptions.law_of(record, dataset)
    along, across = ((chebyshev.chebpts1(count)[::-1] + 1) / 2 for count in NODES)
    strengths = [axis.strength(axis.most * u) for u in along]
    sizes = MOST_PER_CLASS**across
    found = [expected(dataset, law, strength) for strength in strengths]
    made = {kind: bundles.packed_means(np.array([[at[kind](n) for n in sizes] for at in found])) for kind in KINDS}
    return {
        "nodes": list(NODES),
        "scale": axis.name,
        "most": axis.most,
        "images": [1, MOST_PER_CLASS],
        "chance": 1 / dataset.facts.classes,
        "least_fall": LEAST_FALL,
        **made,
    }


def checks(dataset: data.Dataset, record: Law, axis: Axis) -> dict[str, Any]:
    """What Python says off the table's points, for the page to be compared with.

    `accuracies`: of (test, strength, n). `knees`: `predict_knee` of (test, n), None where there is none; of images of
    more than `MOST_PIXELS` values, for which that takes minutes, nothing.
    """
    law = corruptions.law_of(record, dataset)
    accuracies = []
    for strength in (axis.strength(axis.most * u) for u in CHECKED_AT):
        at = expected(dataset, law, strength)
        accuracies += [[kind, strength, n, at[kind](n)] for kind in KINDS for n in CHECKED_SIZES]
    tests = KINDS if dataset.facts.pixels <= MOST_PIXELS else ()
    found = {kind: prototypes.predict_knee(dataset, CHECKED_KNEE, law, kind) for kind in tests}
    knees = [[kind, CHECKED_KNEE, None if math.isnan(knee) else knee] for kind, knee in found.items()]
    return {"accuracies": accuracies, "knees": knees}


def interpolated(table: dict[str, Any], kind: str, strength: float, n: float) -> float:
    """A table's accuracy at any strength and n: the polynomial through its points, as the page reads it."""
    rows, columns = table["nodes"]
    grid = bundles.unpacked(table[kind], "u2").reshape(rows, columns) / bundles.MOST_MEAN
    along, across = (chebyshev.chebpts1(count)[::-1] for count in (rows, columns))
    low, high = table["images"]
    place = AXES[table["scale"]].place(strength) / table["most"], math.log(n / low) / math.log(high / low)
    u, v = (2 * share - 1 for share in place)
    by_strength = interpolate.BarycentricInterpolator(across, grid.T)(v)
    return float(interpolate.BarycentricInterpolator(along, by_strength)(u))


def halfway(table: dict[str, Any], kind: str, n: float) -> float:
    """The strength at which a table's curve has fallen half-way to chance; NaN where there is none."""
    axis, start = AXES[table["scale"]], interpolated(table, kind, 0.0, n)
    half = (start + table["chance"]) / 2

    def above(s: float) -> float:
        return interpolated(table, kind, axis.strength(s), n) - half

    if start - table["chance"] < table["least_fall"] or above(table["most"]) > 0:
        return math.nan
    return axis.strength(optimize.brentq(above, 0.0, table["most"]))


def errors(content: dict[str, Any]) -> dict[str, dict[str, float]]:
    """By test: the largest differences between the tables and the `checks` beside them.

    `accuracy`: of accuracies. By the name of an axis: of half-way points along it, in strength, which `predict_knee`
    finds to `prototypes.PRECISION`.
    """
    found = {kind: dict.fromkeys(("accuracy", *AXES), 0.0) for kind in KINDS}
    for dataset in content["datasets"].values():
        for table in dataset["laws"].values():
            for kind, strength, n, value in table["checks"]["accuracies"]:
                off = abs(interpolated(table, kind, strength, n) - value)
                found[kind]["accuracy"] = max(found[kind]["accuracy"], off)
            for kind, n, value in table["checks"]["knees"]:
                if value is not None:
                    axis = table["scale"]
                    found[kind][axis] = max(found[kind][axis], abs(halfway(table, kind, n) - value))
    return found
