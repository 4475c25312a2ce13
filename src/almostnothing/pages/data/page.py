"""Panels of `00_data`."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from almostnothing import corruptions, data, stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.corruptions.labels import label
from almostnothing.figures import (
    DOUBLE,
    MARKERS,
    image_row,
    mosaic,
    panel_letters,
    picture,
    strength_axis,
    with_verdicts,
)
from almostnothing.measures import signal
from almostnothing.naming import dataset_name
from almostnothing.pages.data.claims import CLAIMS
from almostnothing.pages.data.parameters import Data, Shown
from almostnothing.strengths import STRENGTHS


def pictures(dataset: data.Dataset, shown: Sequence[Shown], table: pd.DataFrame) -> tuple[np.ndarray, list[Any]]:
    """The first test image of each class, (class, channel, height, width), and for each law its name and pictures.

    A picture is a pair: its title, with the strength and a pixel's decibels from `table`, and the corrupted images.
    """
    labels, shape = dataset.test.labels, (dataset.facts.classes, *dataset.facts.shape)
    x = dataset.values(dataset.test)[[np.flatnonzero(labels == label)[0] for label in range(dataset.facts.classes)]]
    rows = []
    for one in shown:
        law = corruptions.law_of(one.corruption.record(), dataset)
        here = table[(table.dataset == dataset.source.name) & (table.law == label(law))].set_index("strength")
        symbol = STRENGTHS[one.corruption.law].mathematics
        seen = corruptions.series(law, x, one.pictures, seed=0)
        titles = [f"{symbol} = {s:g}, {here.pixel_snr[s]:.0f} dB" for s in one.pictures]
        rows.append((label(law), [(title, some.reshape(shape)) for title, some in zip(titles, seen, strict=True)]))
    return x.reshape(shape), rows


def corruption_table(figure: Any, names: Sequence[str], clean: np.ndarray, rows: Sequence[tuple[str, Any]]) -> None:
    """Clean images, one of each class, and under them a row for each law: its words, then mosaics of the first half.

    `clean` has the shape (class, channel, height, width). A row is (words, [(title, images), ...]).
    """
    top, table = figure.subfigures(2, 1, height_ratios=[1, 0.6 * len(rows)])
    image_row(list(top.subplots(1, len(clean))), clean, [textwrap.shorten(name, 12, placeholder="") for name in names])
    across = -(-len(clean) // 2)
    columns = 1 + max(len(shown) for _, shown in rows)
    axes = table.subplots(len(rows), columns, squeeze=False, width_ratios=[0.55] + [1] * (columns - 1))
    for line, (words, shown) in zip(axes, rows, strict=True):
        line[0].text(0, 0.5, textwrap.fill(words, 18), va="center", fontsize=6.5, transform=line[0].transAxes)
        for ax, (title, images) in zip(line[1:], shown, strict=False):
            picture(ax, mosaic(images[:across], across), title)
        for ax in (line[0], *line[1 + len(shown) :]):
            ax.set_axis_off()


def law_curves(ax: Axes, table: pd.DataFrame, value: str, by: str) -> None:
    """`value` against strength with its 95 % band: one line for each level of the column `by`.

    The axis is that of the law's strength: see `figures.strength_axis`.
    """
    palette = sns.color_palette("colorblind", table[by].nunique())
    for (name, group), colour, marker in zip(table.groupby(by, sort=False), palette, itertools.cycle(MARKERS)):
        ax.plot(group["strength"], group[value], color=colour, marker=marker, label=name)
        ax.fill_between(group["strength"], group[f"{value}_low"], group[f"{value}_high"], color=colour, alpha=0.2, lw=0)
    strength_axis(ax, sorted(table["strength"].unique()), table["kind"].iloc[0])


def figure(dataset: data.Dataset, chosen: Data, table: pd.DataFrame, verdicts: Sequence[Claim], curves: bool) -> Figure:
    """The figure of a data set: images under every law at growing strength, and `curves` of what is left of them."""
    name = dataset.source.name
    heights = [0.78 * DOUBLE, *([0.4 * DOUBLE] if curves else [])]
    whole, room = with_verdicts(sum(heights), verdicts, name)
    parts = list(room.subfigures(len(heights), 1, squeeze=False, height_ratios=heights).flat)
    corruption_table(parts[0], dataset.names, *pictures(dataset, chosen.laws, table))
    if curves:
        axes = list(parts[1].subplots(1, 3))
        here = table[table["dataset"] == name]
        for ax, kind in zip(axes, STRENGTHS, strict=False):
            law_curves(ax, here[here["kind"] == kind], "pixel_snr", "law")
            ax.set(title=f"{kind}: a pixel", ylabel="signal to noise [dB]" if ax is axes[0] else None)
        first = table[table["law"] == here["law"].iloc[0]]
        law_curves(axes[2], first.assign(dataset=first["dataset"].map(dataset_name)), "template_snr", "dataset")
        axes[2].axhline(signal.ROSE, color="0.5", lw=0.8, ls=":")
        at = {"xytext": (0, 2), "textcoords": "offset points", "ha": "left", "color": "0.4"}
        axes[2].annotate("Rose's criterion", (0.02, signal.ROSE), **at)
        axes[2].set(title="the image")
        for ax in axes:
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.35))
        panel_letters(axes)
    strong = table[(table["dataset"] == name) & (table["law"] == table["law"].iloc[0])]
    row = strong[strong["strength"] == chosen.headline].iloc[0]
    words = f"at $p$ = {chosen.headline:g} a pixel's noise is {-row['pixel_snr']:.0f} dB above its signal"
    share = f"{100 * row['unseen']:.0f} % of images are below Rose's criterion"
    parts[0].suptitle(f"{dataset_name(name)}: {words}; {share}")
    return whole


def claims(table: pd.DataFrame, chosen: Data) -> list[Claim]:
    """What is claimed of the first law, for each data set: at its second smallest p, and at the headline's."""
    cases, first = Cases(), table[table["law"] == table["law"].iloc[0]]
    second = sorted(first["strength"].unique())[1]
    for dataset, rows in first.groupby("dataset", sort=False):
        where = {"dataset": str(dataset)}
        weak, strong = (rows[rows["strength"] == p].iloc[0] for p in (second, chosen.headline))
        p = {**where, "p": f"p = {chosen.headline:g}"}
        cases.add("exponent-small", {**where, "p": f"p = {second:g}"}, _interval(weak, "exponent"), n_of="images")
        cases.add("exponent", p, _interval(strong, "exponent"), n_of="images")
        cases.add("unseen", p, _interval(strong, "unseen"), n_of="images")
        cases.add("human", p, stats.mean_interval([]), n_of="people")
        cases.add("drowned", p, stats.scaled(_interval(strong, "pixel_snr"), -1), n_of="images")
    return judged("00_data", CLAIMS, cases, chosen.thresholds.model_dump())


def _interval(row: pd.Series, name: str) -> stats.Interval:
    return stats.from_columns({str(key): value for key, value in row.items()}, name, int(row["images"]))
