"""Panels, summaries and claims of `05_survival`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.figures import (
    DOUBLE,
    LOOKS,
    MARKERS,
    P_TICKS,
    handles,
    image_row,
    mean_line,
    panel_letters,
    predictor_style,
    strength_axis,
    survival_label,
    with_verdicts,
)
from almostnothing.naming import dataset_name
from almostnothing.pages.survival.claims import CLAIMS
from almostnothing.pages.survival.parameters import Survival
from almostnothing.strengths import STRENGTHS
from almostnothing.tables import AXES, counted, learned

PANELS = [(law, test) for law in STRENGTHS for test in ("clean", "corrupted")]


LINES = {"accuracy": "network", "ncm": "NCM", "ridge": "ridge rule", "theory": "theory of NCM"}
LIMIT = {"unlimited": "NCM, unlimited data"}


SIZES = ["law", "training_corruption", "strength", "train_size", "width", "test"]
KIND = ["dataset", "law", "training_corruption", "test"]  # what a curve is of, beside sizes
AXES_OF = [*AXES, "test"]


def largest(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the widest networks with the most training images, for each data set, law and training corruption."""
    for column in ("train_size", "width"):
        table = table[table[column] == table.groupby(KIND[:3])[column].transform("max")]
    return table


def errors(table: pd.DataFrame) -> pd.DataFrame:
    """How accuracies differ from the theory's: root mean square and mean, of NCM and of networks of each width."""
    lines = {}
    for key, rows in table.groupby(["dataset", "law", "test", "train_size"], sort=False):
        found = {"NCM": rows["ncm"] - rows["theory"]}
        for width, own in rows.groupby("width"):
            found[f"width {width}"] = own["accuracy"] - own["theory"]
        lines[key] = {
            (name, what): value
            for name, error in found.items()
            for what, value in (("rms", float(np.sqrt((error**2).mean()))), ("mean", float(error.mean())))
        }
    index = pd.MultiIndex.from_tuples(lines, names=["dataset", "law", "test", "N"])
    frame = pd.DataFrame(list(lines.values()), index=index)
    return frame.set_axis(pd.MultiIndex.from_tuples([tuple(key) for key in frame.columns]), axis=1)


TESTS = {"clean": "light:#0173b2", "corrupted": "light:#d55e00"}  # palettes, light to dark with N


def survival_curves(ax: Axes, table: pd.DataFrame, lines: Mapping[str, str], law: str, chance: float) -> None:
    """Accuracies against the strength of a law: columns `lines` of the table, means over seeds with 95 % intervals."""
    for (column, words), look in zip(lines.items(), predictor_style(list(lines)).values(), strict=True):
        if column == "theory":
            means = table.groupby("strength")[column].mean()
            ax.plot(means.index, means, color="black", ls="--", lw=0.8, zorder=3, label=words)
        else:
            mean_line(ax, table.groupby("strength")[column], label=words, **look)
    ax.axhline(chance, color="0.5", lw=0.8, ls=":")
    strengths = sorted(table["strength"].unique())
    strength_axis(ax, strengths, law)
    ax.set_xlabel(STRENGTHS[law].short)
    if STRENGTHS[law].survival:  # narrow panels have room for every other tick
        ticks = [tick for tick in P_TICKS[::2] if tick <= max(strengths)]
        ax.set_xticks(ticks, [survival_label(tick) for tick in ticks])
    ax.set_ylim(0, 1.02)


def prediction_points(ax: Axes, table: pd.DataFrame, predicted: str, measured: tuple[str, str]) -> None:
    """Two measured accuracies against the predicted one, means over seeds: the first filled, the second open.

    Colours tell the tests apart, darker for larger N; markers the width.
    """
    count = table["train_size"].nunique()
    tests = {test: sns.color_palette(name, count + 1)[1:] for test, name in TESTS.items()}
    markers = dict(zip(sorted(table["width"].unique()), itertools.cycle(MARKERS), strict=False))
    sizes = sorted(table["train_size"].unique())
    for (test, size, width), rows in table.groupby(["test", "train_size", "width"]):
        means = rows.groupby(["law", "strength"])[[predicted, *measured]].mean()
        colour = tests[str(test)][sizes.index(size)]
        look: dict[str, Any] = {"color": colour, "marker": markers[width], "ls": "", "ms": 2.5}
        ax.plot(means[predicted], means[measured[0]], mew=0, alpha=0.8, **look)
        ax.plot(means[predicted], means[measured[1]], mfc="none", mew=0.4, **look)
    ax.plot([0, 1], [0, 1], color="0.6", lw=0.8, ls=":")
    ax.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="theory")
    ax.set_title("measured", fontsize=6.5, loc="right")


def figure(
    table: pd.DataFrame, pictures: Any, titles: Sequence[str], chance: float, verdicts: Sequence[Claim], dataset: str
) -> Figure:
    """The figure of a data set: one image under both laws, accuracies of the largest networks, and against theory.

    `table`: the rows of a data set; what did not learn is left out. `pictures`: images (image, channel, height, width).
    """
    whole, room = with_verdicts(0.86 * DOUBLE, verdicts, dataset)
    shown, panels = room.subfigures(2, 1, squeeze=False, height_ratios=[0.14, 0.72]).flat
    image_row(shown.subplots(1, len(titles), squeeze=False)[0], pictures, titles)
    axes = panels.subplots(2, 3)
    good = learned(table)
    best = largest(good[good["training_corruption"] == "fixed"])
    fresh = largest(good[good["training_corruption"] == "fresh"])
    for ax, (law, test) in zip((axes[0, 0], axes[0, 1], axes[1, 0], axes[1, 1]), PANELS, strict=True):
        rows, other = (t[(t["law"] == law) & (t["test"] == test)] for t in (best, fresh))
        if len(rows):
            survival_curves(ax, rows, LINES, law, chance)
            ceiling = rows.groupby("strength")["unlimited"].mean()
            ax.plot(ceiling.index, ceiling, color=LOOKS["ncm"][0], ls=":", lw=1, label=LIMIT["unlimited"])
        if len(other):
            colour, marker = LOOKS["fresh"]
            look = {"color": colour, "marker": marker, "ls": "--", "label": f"network, {FRESH}"}
            mean_line(ax, other.groupby("strength")["accuracy"], **look)
        ax.set_title(f"{law}, {test} test", fontsize=6.5, loc="right")
        ax.set_visible(len(rows) + len(other) > 0)
    kept_curves(axes[0, 2], best, chance)
    prediction_points(axes[1, 2], good[good["training_corruption"] == "fixed"], "theory", ("accuracy", "ncm"))
    for ax in axes[:, 0]:
        ax.set_ylabel("accuracy")
    panels.legend(*handles(axes.flat[:2]), loc="outside lower center", ncols=3)
    panels.suptitle(f"{dataset_name(dataset)}, $N$ = {best['train_size'].max():,}: {_headline(best, chance)}")
    panel_letters(list(axes.flat))
    return whole


FRESH = "images corrupted anew"


def kept_curves(ax: Axes, best: pd.DataFrame, chance: float) -> None:
    """What is kept of the height above chance under replacement."""
    for test, face in (("clean", "black"), ("corrupted", "white")):
        rows = best[(best["law"] == "replacement") & (best["test"] == test)]
        start = rows[rows["strength"] == 0].set_index("seed")["accuracy"] - chance
        share = (rows["accuracy"] - chance) / rows["seed"].map(start)
        look = {"color": "black", "marker": "o", "mfc": face, "label": f"{test} test"}
        mean_line(ax, share.groupby(rows["strength"]), **look)
    strengths = sorted(best.loc[best["law"] == "replacement", "strength"].unique())
    if strengths:
        strength_axis(ax, strengths)
        ax.set_xlabel(STRENGTHS["replacement"].short)
    ax.set(ylim=(0, 1.05), ylabel="share kept of height above chance")
    ax.legend()


def _headline(best: pd.DataFrame, chance: float) -> str:
    """Clean and corrupted accuracy at the replacement nearest to nine tenths."""
    rows = best[best["law"] == "replacement"]
    if not len(rows):
        return ""
    p = min(rows["strength"].unique(), key=lambda value: abs(value - 0.9))
    means = rows[rows["strength"] == p].groupby("test")["accuracy"].mean()
    words = ", ".join(f"{means[test]:.2f} on {test} tests" for test in ("clean", "corrupted") if test in means)
    return f"at $p$ = {p:g} accuracy is {words} (chance {chance:g})"


def claims(table: pd.DataFrame, chance: float, chosen: Survival) -> list[Claim]:
    """What is claimed of the largest networks at each law's headline strength, and of the theory over all sizes.

    No claim rests on networks that did not learn.
    """
    cases, good = Cases(), learned(table)
    for key, rows in largest(good).groupby(KIND, sort=False):
        name, law, when, test = map(str, key)
        strength = chosen.headline[law]  # type: ignore[index]
        here, clean = rows[rows["strength"] == strength], rows[rows["strength"] == 0]
        kind = f"{STRENGTHS[law].symbol} = {strength:g}"
        where = {"dataset": name, "strength": kind, "test": test, "corruption": f"{when} corruption"}
        counts = counted(largest(table).merge(here[AXES_OF].drop_duplicates()))
        whole = here.set_index("seed")["accuracy"] if here["accuracy"].notna().all() else pd.Series(dtype=float)
        cases.add("above", where, stats.mean_interval(whole - chance), counts)
        if len(clean):
            share = (whole - chance) / (clean.set_index("seed")["accuracy"] - chance)
            cases.add("kept", where, stats.mean_interval(share), counts)
        if when == "fixed":  # the rules have seen one corruption of each image, as these networks
            near = whole - here.set_index("seed")["ncm"]
            cases.add("ncm", where, stats.absolute(stats.mean_interval(near)), counts)
    for name in dict.fromkeys(good["dataset"]):
        own = good[(good["dataset"] == name) & (good["training_corruption"] == "fixed")]
        for column, claim in (("ncm", "theory-ncm"), ("accuracy", "theory-networks")):
            error = stats.mean_over(own.assign(error=(own[column] - own["theory"]).abs()), "error", SIZES)
            asked = table[(table["dataset"] == name) & (table["training_corruption"] == "fixed")]
            cases.add(claim, {"dataset": name}, error, counted(asked) if column == "accuracy" else None)
    return judged("05_survival", CLAIMS, cases, chosen.thresholds.model_dump())
