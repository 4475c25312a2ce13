"""The house style of plots, the panels that several notebooks share, and files that are the same byte for byte."""

from __future__ import annotations

import itertools
import json
import logging
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from almostnothing import stats
from almostnothing.claims import Claim, short
from almostnothing.provenance import write_atomic

SINGLE, DOUBLE = 89 / 25.4, 183 / 25.4  # column widths in inches
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
PARTING = (0.62, 0.79, 0.88)  # light blue: no grey that a pixel could have
P_TICKS = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
TESTS = {"clean": "light:#0173b2", "corrupted": "light:#d55e00"}  # palettes, light to dark with N
SUFFIXES = ("svg", "pdf", "png")


def style() -> None:
    """One look for all pages: colour-blind-safe colours, print sizes, embedded fonts, reproducible files."""
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it finds matplotlib's own fonts old
    sns.set_theme(context="paper", style="ticks", palette="colorblind")
    pd.set_option("display.max_colwidth", None, "display.max_rows", None)  # tables of a page are shown whole
    mpl.rcParams.update(
        {
            "figure.figsize": (SINGLE, 0.75 * SINGLE),
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "savefig.dpi": 300,
            "font.size": 7,
            "axes.titlesize": 8,
            "axes.labelsize": 7,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.labelsize": 6.5,
            "ytick.labelsize": 6.5,
            "legend.fontsize": 6.5,
            "legend.title_fontsize": 6.5,
            "legend.frameon": False,
            "lines.linewidth": 1.2,
            "lines.markersize": 3.5,
            "pdf.fonttype": 42,
            "svg.fonttype": "path",
            "svg.hashsalt": "almostnothing",
        }
    )


def colours(levels: Sequence[Any]) -> dict[Any, tuple[float, float, float]]:
    """One colour for each level of an ordered size, light for small and dark for large."""
    return dict(zip(levels, sns.color_palette("viridis_r", len(levels) + 1)[1:], strict=True))


def strength_axis(ax: Axes, p: Sequence[float]) -> None:
    """Make x the corruption probability on a scale of ln(1−p), which gives values near 1 the room they need."""
    last = max(v for v in p if v < 1)
    floor = (1 - last) / 2
    ax.set_xscale(
        "function",
        functions=(lambda v: -np.log10(np.maximum(1 - v, floor)), lambda u: 1 - 10.0**-u),
    )
    ax.set_xlim(1 - (1 - min(p)) * 1.08, 1 - (1 - last) / 1.08 if max(p) < 1 else 1.0)
    ticks = [tick for tick in (*P_TICKS, 1) if min(p) <= tick <= max(p)]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("corruption probability $p$ (scale: $\\ln(1-p)$)")


def accuracy_curves(
    ax: Axes, table: pd.DataFrame, fits: pd.DataFrame, size: str, chance: float, form: str = "p"
) -> None:
    """A(p) for each value of the column `size`: seeds as dots, their mean with its 95 % interval, and the fitted
    sigmoid of this form, drawn with the mean parameters of the trusted fits.
    """
    strengths = np.sort(table["strength"].unique())
    fine = 1 - np.geomspace(1 - strengths[0], 1 - strengths[strengths < 1][-1], 200)
    levels = list(dict.fromkeys(table[size]))
    for (level, colour), marker in zip(colours(levels).items(), itertools.cycle(MARKERS), strict=False):
        group = table[table[size] == level]
        ax.plot(group["strength"], group["accuracy"], ".", color=colour, ms=4, alpha=0.5, mew=0)
        means = [stats.mean_interval(group.loc[group["strength"] == p, "accuracy"]) for p in strengths]
        spread = [[m.mean - m.low for m in means], [m.high - m.mean for m in means]]
        ax.errorbar(
            strengths, [m.mean for m in means], spread, fmt=marker, color=colour, elinewidth=0.8, label=short(level)
        )
        plateau, midpoint, scale = fits.loc[fits[size] == level, ["plateau", "midpoint", "scale"]].mean()
        if np.isfinite(plateau):
            ax.plot(fine, stats.sigmoid(fine, chance, plateau, midpoint, scale, form), color=colour)
    ax.axhline(chance, color="0.5", lw=0.8, ls=":")
    ax.annotate("chance", (strengths[0], chance), xytext=(0, -2), textcoords="offset points", va="top", color="0.4")
    strength_axis(ax, list(strengths))
    ax.set_ylim(0, 1.02)


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


def mosaic(images: np.ndarray, columns: int) -> np.ndarray:
    """Images of shape (image, channel, height, width) side by side, as `imshow` takes them: (height, width, colour).

    Values are clipped to [0, 1]; one channel is drawn as dark ink on white. Neighbours are parted by a coloured line.
    """
    x = np.clip(images, 0, 1)
    x = x if x.shape[1] == 3 else 1 - x[:, :1].repeat(3, 1)
    rows = -(-len(x) // columns)
    line = max(1, x.shape[-1] // 10)
    height, width = x.shape[2] + line, x.shape[3] + line
    joined = np.empty((rows * height, columns * width, 3))
    joined[:] = PARTING
    for number, image in enumerate(x):
        top, left = number // columns * height, number % columns * width
        joined[top : top + x.shape[2], left : left + x.shape[3]] = image.transpose(1, 2, 0)
    return joined[:-line, :-line]


def picture(ax: Axes, image: np.ndarray, title: str = "") -> None:
    """What `mosaic` returns, without axes."""
    ax.imshow(image, interpolation="nearest")
    ax.set_title(title, fontsize=6.5, pad=2)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set(visible=True, color="0.8", linewidth=0.5)


def image_row(axes: Sequence[Axes], images: np.ndarray, titles: Sequence[str]) -> None:
    """One image of shape (channel, height, width) to each of the axes, with its title."""
    for ax, image, title in zip(axes, images, titles, strict=True):
        picture(ax, mosaic(image[None], 1), title)


def corruption_table(figure: Any, names: Sequence[str], clean: np.ndarray, rows: Sequence[tuple[str, Any]]) -> None:
    """Clean images, one of each class, and under them a row for each law: its words, then mosaics of the same images.

    `clean` has the shape (class, channel, height, width). A row is (words, [(title, images), ...]).
    """
    top, table = figure.subfigures(2, 1, height_ratios=[1, 0.9 * len(rows)])
    image_row(list(top.subplots(1, len(clean))), clean, [textwrap.shorten(name, 12, placeholder="") for name in names])
    across = -(-len(clean) // 2)
    columns = 1 + max(len(shown) for _, shown in rows)
    axes = table.subplots(len(rows), columns, squeeze=False, width_ratios=[0.55] + [1] * (columns - 1))
    for line, (words, shown) in zip(axes, rows, strict=True):
        line[0].text(0, 0.5, textwrap.fill(words, 18), va="center", fontsize=6.5, transform=line[0].transAxes)
        for ax, (title, images) in zip(line[1:], shown, strict=False):
            picture(ax, mosaic(images, across), title)
        for ax in (line[0], *line[1 + len(shown) :]):
            ax.set_axis_off()


def law_curves(ax: Axes, table: pd.DataFrame, value: str, by: str) -> None:
    """`value` against strength with its 95 % band: one line for each level of the column `by`.

    Probabilities on the scale of `strength_axis`, standard deviations on a logarithmic one.
    """
    palette = sns.color_palette("colorblind", table[by].nunique())
    for (name, group), colour, marker in zip(table.groupby(by, sort=False), palette, itertools.cycle(MARKERS)):
        ax.plot(group["strength"], group[value], color=colour, marker=marker, label=name)
        ax.fill_between(group["strength"], group[f"{value}_low"], group[f"{value}_high"], color=colour, alpha=0.2, lw=0)
    if (table["kind"] == "replacement").all():
        strength_axis(ax, sorted(table["strength"].unique()))
        ax.set_xlabel("$p$ (scale: $\\ln(1-p)$)")
    else:
        ax.set_xscale("log")
        ticks = sorted(table["strength"].unique())
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.set_xticks([], minor=True)
        ax.set_xlabel("noise $\\sigma$")


def predictor_style(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and marker of each predictor, the same in every panel."""
    palette = sns.color_palette("colorblind", len(names))
    return {
        name: {"color": colour, "marker": marker} for name, colour, marker in zip(names, palette, MARKERS, strict=False)
    }


def mean_line(ax: Axes, groups: Any, **options: Any) -> None:
    """The mean of each group against the group's key with its 95 % interval, joined by a line."""
    points = groups.apply(stats.mean_interval)
    mean = np.array([point.mean for point in points])
    if np.isfinite(mean).any():
        spread = np.array([mean - [point.low for point in points], [point.high for point in points] - mean])
        ax.errorbar(points.index, mean, spread, elinewidth=0.8, lw=1, **options)


def rule_lines(ax: Axes, table: pd.DataFrame, x: str, value: str, names: Mapping[str, str], by: str = "rule") -> None:
    """`value` against `x` for each rule in `names`: means over seeds with 95 % intervals."""
    for name, look in predictor_style(list(names)).items():
        rows = table[table[by] == name].dropna(subset=value)
        if len(rows):
            mean_line(ax, rows.groupby(x)[value], label=names[name], **look)


def handles(axes: Iterable[Axes]) -> tuple[list[Any], list[str]]:
    """What several panels' legends would hold, each label once."""
    found = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    return list(found.values()), list(found)


def size_axis(ax: Axes, sizes: Iterable[float], label: str) -> None:
    """Make x logarithmic with a tick at every size."""
    ticks = sorted(set(sizes))
    ax.set_xscale("log")
    ax.set_xticks(ticks, [f"{tick:,g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlabel(label)


def heat_map(ax: Axes, values: pd.DataFrame) -> None:
    """Shares as colours on a scale from 0 to 1 that is the same in every panel, with their two digits."""
    sns.heatmap(
        values,
        ax=ax,
        vmin=0,
        vmax=1,
        cmap="viridis",
        annot=values.map(lambda v: f"{v:.2f}".lstrip("0")),
        fmt="",
        annot_kws={"size": 5},
        cbar=False,
        linewidths=0.3,
        xticklabels=True,
        yticklabels=True,
    )
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0, labelsize=5.5)
    ax.tick_params(axis="y", rotation=0)


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
    if law == "replacement":
        strength_axis(ax, strengths)
        ax.set_xlabel("$p$ (scale: $\\ln(1-p)$)")
        ticks = [tick for tick in P_TICKS[::2] if tick <= max(strengths)]
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    else:
        size_axis(ax, strengths, "noise $\\sigma$")
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


def remainders(ax: Axes, table: pd.DataFrame, names: Mapping[str, str]) -> None:
    """Median of the remainder against N/d with its 10 % and 90 % quantiles as a band, means over seeds; dotted at 1."""
    for name, look in predictor_style(list(names)).items():
        own = table[(table["rule"] == name) & table["remainder_50"].notna()]
        if not len(own):
            continue
        means = own.groupby("load")[["remainder_10", "remainder_50", "remainder_90"]].mean()
        ax.plot(means.index, means["remainder_50"], label=names[name], **look)
        ax.fill_between(means.index, means["remainder_10"], means["remainder_90"], color=look["color"], alpha=0.2, lw=0)
    ax.axhline(1, color="0.5", lw=0.8, ls=":")
    ax.set(xscale="log", yscale="log", xlabel="$N/d$", ylabel="2 × error / logit gap")
    ax.legend()


def width_lines(ax: Axes, table: pd.DataFrame) -> None:
    """Difference from the infinitely wide network against width: seeds as dots, mean, and the law 1/√width."""
    ax.plot(table["width"], table["difference"], ".", color="0.6", ms=4)
    groups = table.groupby("width")["difference"]
    mean_line(ax, groups, color="C0", marker="o")
    widths, means = groups.mean().index.to_numpy(float), groups.mean().to_numpy()
    ax.plot(widths, means[0] * np.sqrt(widths[0] / widths), color="0.3", ls="--", lw=0.8)
    size_axis(ax, widths, "width")
    ax.set(yscale="log", title="finite width, difference")
    ax.yaxis.set_minor_formatter(NullFormatter())
    ticks = [tick for tick in (0.05, 0.1, 0.2, 0.5, 1, 2) if means.min() / 1.6 < tick < means.max() * 1.6]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def predictor_curves(ax: Axes, quality: pd.DataFrame, value: str, names: Sequence[str]) -> None:
    """`value` of each predictor against test strength: means over seeds with 95 % intervals."""
    for name, look in predictor_style(names).items():
        mean_line(ax, quality[quality["predictor"] == name].groupby("test_strength")[value], **look)
    ax.set_xlabel("test $p$")
    ax.set_ylim(0.4 if value == "auroc" else 0, 1.0 if value == "auroc" else None)


def reliability_curves(
    ax: Axes, rows: pd.DataFrame, names: Sequence[str], survival: Callable[[pd.DataFrame, str], np.ndarray]
) -> None:
    """Measured against predicted frequency of failure, by bins of equal width, for predictors that are probabilities.

    `survival` gives a predictor's probability of surviving for each row. Means over seeds with 95 % intervals, where
    three seeds at least have images in the bin.
    """
    ax.plot([0, 1], [0, 1], color="0.6", lw=0.8, ls=":")
    for name, look in predictor_style(names).items():
        if name == "margin":
            continue
        bins = pd.concat(
            stats.reliability(1 - survival(group, name), group["failures"].to_numpy()).assign(seed=seed)
            for seed, group in rows.groupby("seed")
        )
        full = bins.groupby(level=0).filter(lambda one: len(one) >= 3).groupby(level=0)
        points = full["frequency"].apply(stats.mean_interval)
        spread = [[point.mean - point.low for point in points], [point.high - point.mean for point in points]]
        where = full["predicted"].mean()
        ax.errorbar(where, [point.mean for point in points], spread, elinewidth=0.8, lw=1, **look)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted", ylabel="measured")


def predictor_legend(ax: Axes, names: dict[str, str]) -> None:
    """The legend of predictors, in axes of its own."""
    handles = [Line2D([], [], label=names[name], **look) for name, look in predictor_style(list(names)).items()]
    ax.legend(handles=handles, loc="center", title="predictor")
    ax.set_axis_off()


def training_curves(ax: Axes, table: pd.DataFrame, value: str, label: str) -> None:
    """`value` against test strength, averaged over images: a line for each data set and way of training."""
    keys = table[["dataset", "training"]].drop_duplicates().itertuples(index=False, name=None)
    palette = itertools.cycle(sns.color_palette("dark"))
    several = table["dataset"].nunique() > 1
    for (dataset, training), colour, marker in zip(keys, palette, itertools.cycle(MARKERS), strict=False):
        rows = table[(table["dataset"] == dataset) & (table["training"] == training)]
        means = rows.groupby(["test_strength", "seed"])[value].mean()
        words = f"{dataset}, {training}" if several else training
        mean_line(ax, means.groupby("test_strength"), color=colour, marker=marker, label=words)
    ax.set(xlabel="test $p$", ylabel=label)
    ax.set_ylim(bottom=0)


def seed_points(ax: Axes, differences: pd.DataFrame, label: str, counts: float) -> None:
    """Paired differences of `tables.families.advantages`: seeds as dots, means with 95 % intervals, `counts` dotted."""
    words = {"parameters": "count", "clean accuracy": "accuracy"}
    groups = {
        f"{test}\n{words[str(what)]}": rows
        for (test, what), rows in differences.groupby(["test", "matched by"], sort=False)
    }
    for place, rows in enumerate(groups.values()):
        for shift, (order, some) in zip((-0.15, 0.15), rows.groupby("order", sort=False), strict=False):
            mean = stats.mean_interval(some["difference"])
            ax.plot(np.full(len(some), place + shift), some["difference"], ".", color="0.6", ms=4)
            spread = [[mean.mean - mean.low], [mean.high - mean.mean]]
            face = "C0" if order == "in place" else "white"
            ax.errorbar([place + shift], [mean.mean], spread, fmt="o", color="C0", mfc=face, elinewidth=0.8)
    ax.axhline(0, color="0.5", lw=0.8)
    ax.axhline(counts, color="0.5", lw=0.8, ls=":")
    ax.set_xticks(range(len(groups)), list(groups), fontsize=5.5)
    ax.set_xlim(-0.5, len(groups) - 0.5)
    ax.set_ylabel(label)


def collapse_points(ax: Axes, table: pd.DataFrame, u: str) -> None:
    """Mean accuracy over seeds against the mean of `u`: one point for each size and strength.

    Colours tell N, markers d, marker sizes the width: see `size_legend`. x is logarithmic unless it is an accuracy or
    has values below 0.
    """
    for (size, pixels, width), rows in table.groupby(["train_size", "pixels", "width"]):
        means = rows.groupby("strength")[[u, "accuracy"]].mean()
        ax.plot(means[u], means["accuracy"], ls="", mew=0, alpha=0.8, **_size_look(table, size, pixels, width))
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


def panel_letters(axes: Sequence[Axes]) -> None:
    """Bold a, b, c ... before the title of each panel."""
    for ax, letter in zip(axes, "abcdefghijklmnopqrstuvwxyz", strict=False):
        ax.set_title(letter, loc="left", fontweight="bold")


def save(figure: Figure, claims: Sequence[Claim], name: str, output: str) -> None:
    """Write `name`.svg, .pdf, .png and .json (the claims) into the folder `output`; write nothing if it is empty.

    Equal figures give equal bytes.
    """
    if not output:
        return
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
    figure.savefig(folder / f"{name}.png", metadata={"Software": None})
    content = {"claims": [claim.record() for claim in claims]}
    write_atomic(folder / f"{name}.json", json.dumps(content, indent=1).encode())
