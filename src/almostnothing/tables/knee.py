"""Seed 000, prediction 1: how the knee moves and steepens with each size, as intervals over seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from almostnothing import stats
from almostnothing.stats import Interval

SIZES = {"width": "width", "train_size": "N", "depth": "depth", "pixels": "d"}  # columns, and what a page calls them
PREDICTION = "seed 000, finite-size scaling hypothesis and testable prediction 1"
THEORY = "theory of seed 001: α = 1/2 for clean test images"
CURVE = ["dataset", "test", "objective", "depth", "pixels", "width", "train_size", "seed"]  # what a curve A(p) is of


class Found(NamedTuple):
    """A statistic of one data set and test: `kind` is that of its threshold, `words` and `statistic` say what it is.

    `words` has a place for the threshold, "{limit:g}"; `source` is who says or asks so.
    """

    dataset: str
    test: str
    kind: str
    name: str
    words: str
    statistic: str
    interval: Interval
    source: str = "our question"


def statistics(
    fits: pd.DataFrame, halves: pd.DataFrame, gains: pd.DataFrame, usual: Mapping[str, Any]
) -> Iterator[Found]:
    """All that `01_knee` claims, from `stats.fit_knees` (sigmoid in p), `stats.halfways` and `stats.form_gain`.

    `usual` has the values of objective, depth and pixels that stay while another size varies.
    """
    for where, rows in fits.groupby(["dataset", "test"], sort=False):
        dataset, test = map(str, where)
        half, gain = (t[(t["dataset"] == dataset) & (t["test"] == test)] for t in (halves, gains))
        for size, label in SIZES.items():
            some, lines = stats.varied(rows, size, usual)
            for kind, value, what in (("shift", "midpoint", "p*"), ("sharpening", "slope", "ln |A'(p*)|")):
                grown = stats.growth(some, size, lines, value, log=kind == "sharpening")
                statistic = f"growth of {what} per doubling of {label}"
                words = f"{kind}, {what} grows by over {{limit:g}} a doubling of {label}"
                yield Found(dataset, test, kind, f"{kind}-{label}", words, statistic, grown, PREDICTION)
        pairs = ["width", "train_size", "depth", "pixels"]
        other = stats.paired(rows, "midpoint", "objective", "mse", "cross_entropy", pairs)
        statistic = "p* with squared error less p* with cross-entropy"
        words = "with squared error p* is larger by over {limit:g}"
        yield Found(dataset, test, "shift", "loss", words, statistic, other)
        some, _ = stats.varied(half, "train_size", usual)
        power = stats.growth(some.assign(gap=1 - some["midpoint"]), "train_size", "width", "gap", log=True)
        exponent = stats.scaled(power, -1 / np.log(2))
        words = "1 − p* falls with N, as N^−α with α over {limit:g}"
        yield Found(dataset, test, "exponent", "exponent", words, "exponent α", exponent, THEORY)
        better = stats.mean_interval(gain.groupby("seed")["gain"].mean())
        words = "a sigmoid in ln(1−p) predicts held-out accuracies better than one in p, by over {limit:g}"
        yield Found(dataset, test, "form", "form", words, "gain in ln-likelihood a point", better)
