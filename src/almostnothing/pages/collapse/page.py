"""Panels, summaries and claims of `04_collapse`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import optimize

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.figures import DOUBLE, MARKERS, colours, panel_letters, with_verdicts
from almostnothing.naming import dataset_name
from almostnothing.pages.collapse.claims import CLAIMS
from almostnothing.pages.collapse.parameters import CollapseThresholds
from almostnothing.tables import counted

CANDIDATES = {  # columns of the table, as seed 000's text and its brief write them
    "proxy": "$(1-p)/\\sqrt{p}$",
    "signal": "$S=\\sqrt{n}\\,(1-p)/\\sqrt{v}$",
    "ratio": "median $\\gamma/\\sigma$",
    "theory": "theory of seed 001",
}


def subsets(table: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, list[str]]]:
    """The networks that differ in one size alone, and all: the rows of each, and the columns that tell sizes apart.

    The others are fixed where the size takes the most values; of these, at the largest.
    """
    sizes, found = {"N": "train_size", "width": "width", "d": "pixels"}, {}
    for name, column in sizes.items():
        others = [other for other in sizes.values() if other != column]
        kinds = table.groupby(others)[column].nunique()
        fixed = kinds[kinds == kinds.max()].index[-1]
        found[name] = (table[(table[others] == pd.Series(fixed, others)).all(axis=1)], [column])
    return {**found, "together": (table, list(sizes.values()))}


def quality(table: pd.DataFrame) -> pd.DataFrame:
    """`stats.collapse_interval` of every candidate: one row for each data set, test, kind of size and candidate.

    Columns mean, low, high: the leave-one-size-out error; gain, gain_low, gain_high: how far that of `proxy` is above.
    p = 0 is left out, where two candidates are infinite. A size of which there is one value has no row.
    """
    found = []
    for (dataset, test), rows in table[table["strength"] > 0].groupby(["dataset", "test"]):
        for name, (some, columns) in subsets(rows).items():
            if some[columns].drop_duplicates().shape[0] < 2:
                continue
            for candidate in CANDIDATES:
                error, gain = stats.collapse_interval(some, candidate, "proxy", columns)
                row = {"dataset": dataset, "test": test, "sizes": name, "candidate": candidate} | error._asdict()
                found.append(row | {"gain": gain.mean, "gain_low": gain.low, "gain_high": gain.high})
    return pd.DataFrame(found)


def halfway(table: pd.DataFrame, chance: float) -> pd.DataFrame:
    """What a network survives: one row for each network, seed and test, with the p at which accuracy is half-way.

    `measured` from the network's accuracies and `predicted` from the theory's for the same test images, both by
    `stats.halfway` on the same p.
    """
    by = ["dataset", "pixels", "train_size", "width", "depth", "objective", "test", "seed"]
    rows = []
    for key, curve in table.groupby(by):
        p = curve["strength"].to_numpy()
        found = {
            name: stats.halfway(p, curve[column].to_numpy(), chance)
            for name, column in (("measured", "accuracy"), ("predicted", "theory"))
        }
        rows.append(dict(zip(by, key, strict=True)) | found)
    return pd.DataFrame(rows).assign(error=lambda t: t["predicted"] - t["measured"])


def survived(half: pd.DataFrame) -> pd.DataFrame:
    """The page "what a network at width w, size N survives": means over seeds of `halfway`, with 95 % intervals."""
    by = [name for name in half.columns if name not in ("seed", "measured", "predicted", "error")]

    def line(rows: pd.DataFrame) -> pd.Series:
        measured, error = (stats.mean_interval(rows[name]) for name in ("measured", "error"))
        return pd.Series(
            {
                "predicted p": f"{rows['predicted'].mean():.3f}",
                "measured p [95 %]": f"{measured.mean:.3f} [{measured.low:.3f}, {measured.high:.3f}]",
                "error [95 %]": f"{error.mean:+.3f} [{error.low:+.3f}, {error.high:+.3f}]",
                "seeds": measured.n,
            }
        )

    lines = {key: line(rows) for key, rows in half.groupby(by)}
    return pd.DataFrame(lines.values(), index=pd.MultiIndex.from_tuples(lines, names=by))


def collapse_points(ax: Axes, table: pd.DataFrame, u: str) -> None:
    """Mean accuracy over seeds against the mean of `u`: one point for each size and strength.

    Black: the increasing curve through all of them. Colours tell N, markers d, marker sizes the width: see
    `size_legend`. x is logarithmic unless it is an accuracy or
    has values below 0.
    """
    for (size, pixels, width), rows in table.groupby(["train_size", "pixels", "width"]):
        means = rows.groupby("strength")[[u, "accuracy"]].mean()
        ax.plot(means[u], means["accuracy"], ls="", mew=0, alpha=0.8, **_size_look(table, size, pixels, width))
    points = table.groupby(["train_size", "pixels", "width", "strength"])[[u, "accuracy"]].mean().sort_values(u)
    points = points.loc[np.isfinite(points.to_numpy()).all(axis=1)]
    if len(points):
        ax.plot(points[u], optimize.isotonic_regression(points["accuracy"]).x, color="black", lw=0.9)
    if u == "theory":
        ax.plot([0, 1], [0, 1], color="0.6", lw=0.8, ls=":")
        ax.set_xlim(0, 1)
    elif (table[u] > 0).all():
        ax.set_xscale("log")
    ax.set_ylim(0, 1)


def halfway_points(ax: Axes, half: pd.DataFrame) -> None:
    """Measured against predicted p at half-way, from `tables.collapse.halfway`: means over seeds, 95 % intervals."""
    for (size, pixels, width), rows in half.groupby(["train_size", "pixels", "width"]):
        mean = stats.mean_interval(rows["measured"])
        spread = [[mean.mean - mean.low], [mean.high - mean.mean]]
        look = _size_look(half, size, pixels, width)
        ax.errorbar([rows["predicted"].mean()], [mean.mean], spread, elinewidth=0.6, mew=0, ls="", **look)
    ax.plot([0, 1], [0, 1], color="0.6", lw=0.8, ls=":")
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted")
    ax.set_title("$p$ half-way, measured", fontsize=6.5, loc="right")


def size_legend(figure: Any, table: pd.DataFrame) -> None:
    """The legend of `collapse_points`, under a figure."""
    sizes, pixels, widths = (sorted(table[name].unique()) for name in ("train_size", "pixels", "width"))
    looks = [(f"$N$ = {size}", size, pixels[-1], widths[-1]) for size in sizes]
    looks += [(f"$d$ = {count}", sizes[-1], count, widths[-1]) for count in pixels]
    looks += [(f"width {width}", sizes[-1], pixels[-1], width) for width in widths]
    handles = [Line2D([], [], ls="", mew=0, label=label, **_size_look(table, *look)) for label, *look in looks]
    figure.legend(handles=handles, loc="outside lower center", ncols=max(map(len, (sizes, pixels, widths))) * 2)


def _size_look(table: pd.DataFrame, size: Any, pixels: Any, width: Any) -> dict[str, Any]:
    sizes, places, widths = (sorted(table[name].unique()) for name in ("train_size", "pixels", "width"))
    return {
        "color": colours(sizes)[size],
        "marker": MARKERS[len(places) - 1 - places.index(pixels)],
        "ms": 2.5 + 1.2 * widths.index(width),
    }


MAIN = ("proxy", "ratio", "theory")  # candidates of the main figure


def figure(table: pd.DataFrame, found: pd.DataFrame, verdicts: Sequence[Claim], dataset: str) -> Figure:
    """The main figure of a data set: accuracies against three candidates, with the quality of each collapse."""
    whole, panels = with_verdicts(0.78 * DOUBLE, verdicts, dataset)
    own = table[(table["dataset"] == dataset) & (table["strength"] > 0)]
    together = found[(found["dataset"] == dataset) & (found["sizes"] == "together")]
    axes = panels.subplots(2, len(MAIN), sharey="row")
    for row, test in zip(axes, ("clean", "corrupted"), strict=True):
        for ax, name in zip(row, MAIN, strict=True):
            collapse_points(ax, own[own["test"] == test], name)
            ax.set_xlabel(CANDIDATES[name])
            rms = together[(together["test"] == test) & (together["candidate"] == name)]
            if rms["mean"].notna().any():
                ax.set_title(f"off by {rms['mean'].iloc[0]:.3f}", loc="right", fontsize=6.5)
        row[0].set_ylabel(f"accuracy, {test} test")
    best = together[together["candidate"].isin(MAIN)].groupby("candidate")["mean"].mean()
    title = (
        f"{CANDIDATES[str(best.idxmin())]} aligns best, to {best.min():.3f}" if best.notna().any() else "not measured"
    )
    panels.suptitle(f"{dataset_name(dataset)}: {title}")
    size_legend(panels, own)
    panel_letters(list(axes.flat))
    return whole


def supplement(table: pd.DataFrame, half: pd.DataFrame, dataset: str) -> Figure:
    """The other candidate, and the p at half-way against what is predicted without training."""
    whole = plt.figure(figsize=(DOUBLE, 0.32 * DOUBLE))
    axes = whole.subplots(1, 4)
    own = table[(table["dataset"] == dataset) & (table["strength"] > 0)]
    for pair, test in zip((axes[:2], axes[2:]), ("clean", "corrupted"), strict=True):
        collapse_points(pair[0], own[own["test"] == test], "signal")
        pair[0].set(xlabel=CANDIDATES["signal"], ylabel=f"accuracy, {test} test")
        halfway_points(pair[1], half[(half["dataset"] == dataset) & (half["test"] == test)])
    whole.suptitle(dataset_name(dataset))
    panel_letters(list(axes), after=2 * len(MAIN))
    return whole


def claims(table: pd.DataFrame, found: pd.DataFrame, half: pd.DataFrame, limits: CollapseThresholds) -> list[Claim]:
    """What is claimed of each data set and test, from `quality` of all sizes together and from `halfway`."""
    cases = Cases()
    for dataset, test in itertools.product(half["dataset"].unique(), ("clean", "corrupted")):
        where = {"dataset": str(dataset), "test": test}
        counts = counted(table[table["dataset"] == dataset])
        here = found[(found["dataset"] == dataset) & (found["test"] == test) & (found["sizes"] == "together")]
        for row in here.to_dict("records"):
            name = row["candidate"]
            rms = stats.Interval(row["mean"], row["low"], row["high"], row["n"])
            cases.add(f"collapse-{name}", where, rms, counts)
            if name != "proxy":
                gain = stats.Interval(row["gain"], row["gain_low"], row["gain_high"], row["n"])
                cases.add(f"gain-{name}", where, gain, counts)
        mine = half[(half["dataset"] == dataset) & (half["test"] == test)]
        error = stats.mean_over(mine.assign(error=mine["error"].abs()), "error", ["pixels", "train_size", "width"])
        cases.add("halfway", where, error, counts)
    return judged("04_collapse", CLAIMS, cases, limits.model_dump())
