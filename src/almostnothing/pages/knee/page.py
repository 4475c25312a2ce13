"""Seed 000, prediction 1: how the knee moves and steepens with each size, as intervals over seeds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from almostnothing import stats
from almostnothing.claims import Claim, claim
from almostnothing.figures import MARKERS, colours
from almostnothing.pages.knee.parameters import KneeThresholds
from almostnothing.stats.intervals import Interval

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
            some, lines = stats.one_size(rows, size, usual)
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
        some, _ = stats.one_size(half, "train_size", usual)
        power = stats.growth(some.assign(gap=1 - some["midpoint"]), "train_size", "width", "gap", log=True)
        exponent = stats.scaled(power, -1 / np.log(2))
        words = "1 − p* falls with N, as N^−α with α over {limit:g}"
        yield Found(dataset, test, "exponent", "exponent", words, "exponent α", exponent, THEORY)
        better = stats.mean_interval(gain.groupby("seed")["gain"].mean())
        words = "a sigmoid in ln(1−p) predicts held-out accuracies better than one in p, by over {limit:g}"
        yield Found(dataset, test, "form", "form", words, "gain in ln-likelihood a point", better)


def fitted_lines(ax: Axes, table: pd.DataFrame, fits: pd.DataFrame, size: str, chance: float, form: str) -> None:
    """Dashed, in the colours of `accuracy_curves`: the fitted sigmoids of another form."""
    strengths = np.sort(table["strength"].unique())
    fine = 1 - np.geomspace(1 - strengths[0], 1 - strengths[strengths < 1][-1], 200)
    for level, colour in colours(list(dict.fromkeys(table[size]))).items():
        plateau, midpoint, scale = fits.loc[fits[size] == level, ["plateau", "midpoint", "scale"]].mean()
        if np.isfinite(plateau):
            ax.plot(fine, stats.sigmoid(fine, chance, plateau, midpoint, scale, form), color=colour, ls="--", lw=0.8)


def size_curves(ax: Axes, fits: pd.DataFrame, size: str, lines: str, value: str) -> None:
    """`value` of the fits against a size: one line for each level of `lines`, mean over seeds with 95 % interval.

    Clean test images with filled markers and full lines, corrupted ones with open markers and dashed lines. A
    point rests on the seeds whose fit is trusted and is left out where there are fewer than three.
    """
    levels = sorted(fits[lines].unique())
    highest = 0.0
    for test, face, dash in (("clean", None, "-"), ("corrupted", "white", "--")):
        for (level, colour), marker in zip(colours(levels).items(), itertools.cycle(MARKERS), strict=False):
            group = fits[(fits[lines] == level) & (fits["test"] == test)]
            points = group.groupby(size)[value].apply(stats.mean_interval)
            points = points[[point.n >= 3 for point in points]]
            if len(points):
                mean = np.array([point.mean for point in points])
                highest = max(highest, mean.max())
                spread = [mean - [point.low for point in points], [point.high for point in points] - mean]
                ax.errorbar(
                    points.index,
                    mean,
                    spread,
                    fmt=marker + dash,
                    color=colour,
                    mfc=face or colour,
                    elinewidth=0.8,
                    lw=1,
                )
    # several panels may share the axis: the highest of them decides
    ax.set_ylim(0, 1 if value == "midpoint" else max(ax.get_ylim()[1], 1.4 * highest))
    sizes = sorted(fits[size].unique())
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{s:g}" for s in sizes])
    ax.set_xticks([], minor=True)


def line_legend(ax: Axes, levels: Sequence[Any], title: str) -> None:
    """The legend of `size_curves`, under its axes: a colour and marker for each level, and the two tests."""
    pairs = zip(colours(levels).items(), itertools.cycle(MARKERS), strict=False)
    handles = [Line2D([], [], color=colour, marker=marker, label=f"{level:g}") for (level, colour), marker in pairs]
    handles += [
        Line2D([], [], color="0.3", marker="o", mfc=face, ls=dash, label=test)
        for test, face, dash in (("clean", "0.3", "-"), ("corrupted", "white", "--"))
    ]
    ax.legend(handles=handles, title=title, loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=2)


def claims(
    fits: pd.DataFrame, halves: pd.DataFrame, gains: pd.DataFrame, usual: Mapping[str, Any], limits: KneeThresholds
) -> list[Claim]:
    """A claim for each of `statistics`, against the threshold of its kind."""
    return [
        claim(
            found.interval,
            id=f"{found.name}-{found.test}-{found.dataset}".lower(),
            statement=f"{found.dataset}, {found.test} test: {found.words.format(limit=limit)}",
            source=found.source,
            statistic=found.statistic,
            threshold=limit,
        )
        for found in statistics(fits, halves, gains, usual)
        for limit in (getattr(limits, found.kind),)
    ]
