"""Seed 000, prediction 1: how the knee moves and steepens with each size, as intervals over seeds."""

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

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.figures import (
    DOUBLE,
    MARKERS,
    accuracy_curves,
    colours,
    handles,
    mean_line,
    panel_letters,
    plain_ticks,
    strength_axis,
    with_verdicts,
)
from almostnothing.naming import dataset_name
from almostnothing.pages.knee.claims import CLAIMS
from almostnothing.pages.knee.parameters import Knee
from almostnothing.parameters.sweep import Sweep
from almostnothing.tables import counted, learned

SIZES = {"width": "width", "train_size": "N", "depth": "depth", "pixels": "d"}  # columns, and what a page calls them
RECIPE = ["training_corruption", "centred", "shift", "learning_rate", "steps"]  # columns that say how it was trained
USUAL = ["objective", "depth", "pixels", *RECIPE]  # columns that have one value where sizes are compared
TESTS = ["clean", "corrupted"]
CURVE = ["dataset", "test", *USUAL, "width", "train_size", "seed"]  # what a curve A(p) is of


def usual(sweep: Sweep, pixels: int) -> dict[str, Any]:
    """The values that the networks of most panels share: those of the sweep without its variations."""
    first = sweep.columns()
    return {name: pixels if name == "pixels" else first[name][0] for name in USUAL}


def at(rows: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """The rows with these values; a value None is any."""
    for name, value in values.items():
        rows = rows if value is None else rows[rows[name] == value]
    return rows


def of_curves(networks: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """The rows of the networks that these curves are of."""
    return networks.merge(curves[CURVE].drop_duplicates(), on=CURVE)


def difference(knees: pd.DataFrame, changed: pd.DataFrame) -> pd.DataFrame:
    """p* of changed networks less that of others, paired by size and seed: a row for each pair, column `difference`."""
    keys = ["width", "train_size", "seed"]
    other = knees.set_index(keys)["midpoint"].rename("other")
    joined = changed.join(other, on=keys, how="inner")
    return joined.assign(difference=joined["midpoint"] - joined["other"]).reset_index(drop=True)


def claims(table: pd.DataFrame, gains: pd.DataFrame, knees: pd.DataFrame, chosen: Knee, chance: float) -> list[Claim]:
    """What is claimed of each data set and test.

    `table`: all networks, with their held-out images; `knees`, `gains`: `stats.free_knees`, `stats.form_gain` of those
    that learned, on `TESTS`. The claim about the usual recipe alone is about networks that need not learn.
    """
    cases, good = Cases(), learned(table, ["accuracy", "best"])
    every, best, tuned = (
        stats.free_knees(rows[rows["test"].isin(TESTS)], CURVE, chance)
        for rows in (table, good.assign(accuracy=good["best"]), with_chosen_rates(good, chosen.sweep))
    )
    for where, rows in knees.groupby(["dataset", "test"], sort=False):
        here = dict(zip(("dataset", "test"), map(str, where), strict=True))
        first, networks = usual(chosen.sweep, int(rows["pixels"].max())), at(table, **here)
        base = at(rows, **first)
        for size, label in SIZES.items():
            some, lines = stats.one_size(rows, size, first)
            if some[size].nunique() < 2:
                continue
            counts = counted(of_curves(networks, some))
            cases.add(f"shift-{label}", here, stats.growth(some, size, lines, "midpoint"), counts)
            if size in ("width", "train_size"):
                at_size = {**here, "size": label}
                for name, value in (("sharpening", "slope"), ("transition", "steepness")):
                    cases.add(name, at_size, stats.growth(some, size, lines, value, log=True), counts)
        if len(base):
            counts = counted(at(networks, **first))
            power = stats.growth(base.assign(gap=1 - base["midpoint"]), "train_size", "width", "gap", log=True)
            cases.add("exponent", here, stats.scaled(power, -1 / np.log(2)), counts)
            cases.add("interaction", here, _interaction(base), counts)
            better = at(at(gains, **here), **first).groupby("seed")["gain"].mean()
            cases.add("form", here, stats.mean_interval(better), counts)
        for name, own in (("tuned", at(tuned, **here, **first)), ("early", at(best, **here, **first))):
            for n, pairs in difference(base, own).groupby("train_size"):
                mean = stats.mean_over(pairs, "difference", ["width", "train_size"])
                counts = counted(of_curves(networks, pairs))
                cases.add(name, {**here, "N": f"N = {n:,}"}, stats.absolute(mean), counts)
        for name, found, changed in _changes(rows, at(every, **here), first, chosen.sweep):
            counts = counted(of_curves(networks, base if name == "recipe" else changed))
            by = ["width", "train_size"]
            for key, pairs in found.groupby(RECIPE[1:4] if name in ("centre", "rate") else ["dataset"], sort=False):
                mean = stats.mean_over(pairs, "difference", by)
                if name == "centre":
                    words = "1/2 taken from raw inputs" if key[1] else "raw inputs"
                    cases.add(name, {**here, "inputs": words}, stats.absolute(mean), counts)
                elif name == "rate":
                    cases.add(name, {**here, "rate": f"rate {key[2]:g}"}, stats.absolute(mean), counts)
                else:
                    cases.add(name, here, stats.scaled(mean, -1 if name == "recipe" else 1), counts)
    return judged("01_knee", CLAIMS, cases, chosen.thresholds.model_dump())


def with_chosen_rates(table: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    """The rows of networks whose rate was chosen for its size and strength, as if they had the sweep's first rate.

    Chosen is the rate of which most held-out images are classified, on average over seeds. A rate with networks that
    did not learn is none to choose, and where fewer than two are left nothing was chosen: no row.
    """
    point = ["dataset", *(name for name in USUAL if name != "learning_rate"), "width", "train_size", "strength"]
    held_out = table[table["test"] == "validation"].groupby([*point, "learning_rate"])["accuracy"]
    means = held_out.mean().where(held_out.count() == held_out.size()).dropna().reset_index()
    means = means[means.groupby(point)["learning_rate"].transform("size") > 1]
    best = means.loc[means.groupby(point)["accuracy"].idxmax(), [*point, "learning_rate"]]
    return table.merge(best).assign(learning_rate=sweep.columns()["learning_rate"][0])


def chosen_rates(table: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    """Which rate classifies most held-out images: rows data set, N and width, columns p."""
    marked = with_chosen_rates(table.assign(rate=table["learning_rate"]), sweep)
    return marked.pivot_table("rate", ["dataset", "train_size", "width"], "strength")


def _interaction(base: pd.DataFrame) -> stats.Interval:
    """Growth of p* with N at the largest width less that at the smallest, a difference for each seed."""
    ends = base["width"].min(), base["width"].max()
    if ends[0] == ends[1]:
        return stats.mean_interval([])
    found = []
    for _, rows in base.groupby("seed"):
        slopes = [
            stats.per_doubling(own["train_size"].to_numpy(), own["midpoint"].to_numpy())
            for own in (at(rows, width=w) for w in ends)
        ]
        found.append(slopes[1] - slopes[0])
    return stats.mean_interval(found)


def _changes(
    rows: pd.DataFrame, every: pd.DataFrame, first: dict[str, Any], sweep: Sweep
) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Of one data set and test: differences of p* by what was changed alone, and the changed networks."""
    base = at(rows, **first)
    longest = max(sweep.steps)
    kinds = {
        "loss": at(rows, **first | {"objective": None}).query(f"objective != {first['objective']!r}"),
        "fresh": at(rows, **first | {"training_corruption": "fresh", "steps": None}),
        "recipe": at(every, **first | {"centred": False, "steps": None}).query(f"steps < {longest}"),
        "centre": at(rows, **first | {"centred": False, "shift": None}),
        "rate": at(rows, **first | {"learning_rate": None}).query(f"learning_rate != {first['learning_rate']}"),
    }
    return [(name, difference(base, own), own) for name, own in kinds.items() if len(own)]


def size_curves(ax: Axes, fits: pd.DataFrame, size: str, lines: str, value: str) -> None:
    """`value` of the fits against a size: one line for each level of `lines`, mean over seeds with 95 % interval.

    Clean test images with filled markers and full lines, corrupted ones with open markers and dashed lines. A
    point rests on the seeds whose fit is trusted and is left out where there are fewer than three.
    """
    levels = sorted(fits[lines].unique())
    for test, face, dash in (("clean", None, "-"), ("corrupted", "white", "--")):
        for (level, colour), marker in zip(colours(levels).items(), itertools.cycle(MARKERS), strict=False):
            group = fits[(fits[lines] == level) & (fits["test"] == test)]
            points = group.groupby(size)[value].apply(stats.mean_interval)
            points = points[[point.n >= 3 for point in points]]
            if len(points):
                mean = np.array([point.mean for point in points])
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
    sizes = sorted(fits[size].unique())
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{s:g}" for s in sizes])
    ax.set_xticks([], minor=True)


def figure(
    asked: pd.DataFrame,
    tested: pd.DataFrame,
    fits: pd.DataFrame,
    knees: pd.DataFrame,
    first: dict[str, Any],
    chance: float,
    verdicts: Sequence[Claim],
    title: str,
) -> Figure | None:
    """The main figure of a data set: curves by N, 1 − p* and slopes against sizes; None where N does not vary."""
    base = at(asked, **first)
    if base["train_size"].nunique() < 2:
        return None
    dataset = str(base["dataset"].iloc[0])
    widths = sorted(base["width"].unique())
    middle = widths[len(widths) // 2]
    whole, panels = with_verdicts(0.78 * DOUBLE, verdicts, dataset)
    axes = panels.subplots(2, 3)
    for ax, test in zip(axes.flat, ("clean", "corrupted"), strict=False):
        own = first | {"width": middle, "test": test}
        rows, good, line = (at(t, **own) for t in (asked, tested, fits))
        accuracy_curves(ax, good, line, "train_size", chance, "log", hollow=rows)
        ax.set(title=f"{test} test, width {middle}", ylabel="accuracy $A$" if test == "clean" else None)
    axes[0, 1].legend(title="$N$", loc="upper right")
    gap = at(knees, **first).assign(gap=lambda t: 1 - t["midpoint"])
    for ax, size, lines, value, label in (
        (axes[0, 2], "train_size", "width", "gap", "$1-p^*$"),
        (axes[1, 0], "width", "train_size", "gap", "$1-p^*$"),
        (axes[1, 1], "train_size", "width", "slope", "slope $|A'(p^*)|$"),
        (axes[1, 2], "train_size", "width", "steepness", "slope against $\\ln(1-p)$"),
    ):
        size_curves(ax, gap, size, lines, value)
        ax.set(ylabel=label, xlabel={"train_size": "training images $N$"}.get(size, size), yscale="log")
        plain_ticks(ax)
        if size == "width" or value == "steepness":
            line_legend(ax, sorted(gap[lines].unique()), {"train_size": "$N$"}.get(lines, lines))
    panels.suptitle(f"{title}: {_headline(gap)}")
    panel_letters(list(axes.flat))
    return whole


def _headline(gap: pd.DataFrame) -> str:
    """What the figure shows, from the numbers: p* at the smallest and the largest N, at the largest width."""
    widest = at(gap, width=gap["width"].max())
    means = widest.groupby(["test", "train_size"])["midpoint"].mean()
    words = []
    for test in ("clean", "corrupted"):
        of = means.get(test, pd.Series(dtype=float)).dropna()
        if len(of) > 1:
            words.append(f"{of.iloc[0]:.2f} to {of.iloc[-1]:.2f} ({test} test)")
    sizes = sorted(widest["train_size"].unique())
    return f"from $N$ = {sizes[0]:,} to {sizes[-1]:,} the knee moves from $p^*$ = {' and '.join(words)}"


def recipe_figure(whole: pd.DataFrame, sweep: Sweep) -> Figure | None:
    """What the usual recipe does beside the sound one: a row a data set that has both; None where none has."""
    usual_of = at(whole, centred=False, learning_rate=sweep.columns()["learning_rate"][0])
    usual_of = usual_of[(usual_of["shift"] == 0) & (usual_of["steps"] < max(sweep.steps))]
    names = list(dict.fromkeys(usual_of["dataset"]))
    if not names:
        return None
    shown = plt.figure(figsize=(DOUBLE, 0.36 * DOUBLE * len(names)))
    columns = [
        ("train", "active", "units that respond"),
        ("train", "accuracy", "training accuracy"),
        ("clean", "accuracy", "clean test accuracy"),
    ]
    axes = shown.subplots(len(names), len(columns), squeeze=False)
    for row, name in zip(axes, names, strict=True):
        own = at(usual_of, dataset=name)
        first = usual(sweep, int(own["pixels"].max())) | {"train_size": own["train_size"].max()}
        sound = at(whole, **first, dataset=name)
        for ax, (test, value, label) in zip(row, columns, strict=True):
            for rows, dash, face in ((sound, "-", None), (own, "--", "white")):
                for (width, colour), marker in zip(
                    colours(sorted(own["width"].unique())).items(), MARKERS, strict=False
                ):
                    mine = at(rows, test=test, width=width).groupby("strength")[value]
                    if len(mine):
                        words = f"{width}, {'usual' if face else 'sound'}"
                        look: dict[str, Any] = {"color": colour, "marker": marker, "ls": dash, "mfc": face or colour}
                        mean_line(ax, mine, label=words, **look)
            strength_axis(ax, sorted(own["strength"].unique()))
            ax.set(ylim=(0, 1.02), title=f"{dataset_name(str(name))}, N = {first['train_size']:,}", ylabel=label)
    shown.legend(*handles(axes.flat), title="width, recipe", loc="outside lower center", ncols=6)
    panel_letters(list(axes.flat))
    return shown


def line_legend(ax: Axes, levels: Sequence[Any], title: str) -> None:
    """The legend of `size_curves`, under its axes: a colour and marker for each level, and the two tests."""
    pairs = zip(colours(levels).items(), itertools.cycle(MARKERS), strict=False)
    handles = [Line2D([], [], color=colour, marker=marker, label=f"{level:g}") for (level, colour), marker in pairs]
    handles += [
        Line2D([], [], color="0.3", marker="o", mfc=face, ls=dash, label=test)
        for test, face, dash in (("clean", "0.3", "-"), ("corrupted", "white", "--"))
    ]
    ax.legend(handles=handles, title=title, loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=2)
