"""The house style of plots, the panels that several notebooks share, and files that are the same byte for byte."""

from __future__ import annotations

import base64
import io
import itertools
import json
import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.textpath import TextPath
from PIL import Image

from almostnothing import stats
from almostnothing.claims import Claim, estimate_text, place, short, threshold_text
from almostnothing.files import digest, write_atomic
from almostnothing.naming import dataset_name
from almostnothing.pictures import smaller
from almostnothing.strengths import STRENGTHS
from almostnothing.verdicts import MARKS

SINGLE, DOUBLE = 89 / 25.4, 183 / 25.4  # column widths in inches


MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")


P_TICKS = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)


# Colour and marker of what appears on several pages; contrast with white is 3 : 1 at least.
LOOKS = {
    "accuracy": ("black", "o"),  # the network
    "fresh": ("#5a5a5a", "P"),  # the network, images corrupted anew
    "ncm": ("#0173b2", "s"),
    "unlimited": ("#0173b2", "None"),
    "theory": ("#d55e00", "None"),
    "first_order": ("#02805f", "^"),
    "resummed": ("#b0529f", "D"),
    "ridge": ("#b0529f", "D"),
    "ntk": ("#9a6324", "v"),
    "debiased": ("#3a86b8", "X"),
    "correlation": ("#7a6a00", "<"),
}
FREE = [("#c2410c", "P"), ("#4b5563", ">"), ("#7c3aed", "v"), ("#0f766e", "X"), ("#be123c", "<"), ("#1d4ed8", "D")]


PARTING = (0.62, 0.79, 0.88)  # light blue: no grey that a pixel could have


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
            "figure.dpi": 80,
            "savefig.dpi": 160,
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


def strength_axis(ax: Axes, p: Sequence[float], law: str = "replacement") -> None:
    """Make x the strength of a kind of law: on a scale of ln(1−p) where 1 − p is the share of pixels that survive.

    That gives values near 1 the room they need; any other strength is on a logarithmic scale.
    """
    kind = STRENGTHS[law]
    if not kind.survival:
        size_axis(ax, p, kind.axis)
        return
    last = max(v for v in p if v < 1)
    floor = (1 - last) / 2
    ax.set_xscale(
        "function",
        functions=(lambda v: -np.log10(np.maximum(1 - v, floor)), lambda u: 1 - 10.0**-u),
    )
    ax.set_xlim(1 - (1 - min(p)) * 1.08, 1 - (1 - last) / 1.08 if max(p) < 1 else 1.0)
    ticks = [tick for tick in (*P_TICKS, 1) if min(p) <= tick <= max(p)]
    ax.set_xticks(ticks, [survival_label(tick) for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlabel(kind.axis)


def survival_label(p: float) -> str:
    """What a tick at p says: the share of pixels that survive in per cent, and below it p."""
    return f"{100 * (1 - p):.3g}\n{p:g}".replace("\n0.", "\n.")


def accuracy_curves(
    ax: Axes,
    table: pd.DataFrame,
    fits: pd.DataFrame,
    size: str,
    chance: float,
    form: str = "p",
    hollow: pd.DataFrame | None = None,
) -> None:
    """A(p) for each value of the column `size`: seeds as dots, their mean with its 95 % interval, and the fitted
    sigmoid of this form, drawn with the mean parameters of the trusted fits. Points of which some networks did not
    learn are hollow: their accuracies are in `hollow`, and missing in `table`.
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
        if hollow is not None:
            mine = hollow[hollow[size] == level]
            lacking = group.groupby("strength")["accuracy"].apply(lambda values: values.isna().any())
            doubtful = mine[mine["strength"].isin(lacking.index[lacking])].groupby("strength")["accuracy"].mean()
            ax.plot(doubtful.index, doubtful, marker, color=colour, mfc="white", ls="", zorder=4)
        plateau, midpoint, scale = fits.loc[fits[size] == level, ["plateau", "midpoint", "scale"]].mean()
        if np.isfinite(plateau):
            ax.plot(fine, stats.sigmoid(fine, chance, plateau, midpoint, scale, form), color=colour)
        else:  # no fit is trusted
            ax.plot(strengths, [m.mean for m in means], color=colour, lw=0.7)
    ax.axhline(chance, color="0.5", lw=0.8, ls=":")
    ax.annotate("chance", (strengths[0], chance), xytext=(0, -2), textcoords="offset points", va="top", color="0.4")
    strength_axis(ax, list(strengths))
    ax.set_ylim(0, 1.02)


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
    ax.imshow(image, interpolation="none")  # vector files hold the pixels themselves, and draw them crisp
    ax.set_title(title, fontsize=6.5, pad=2)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set(visible=True, color="0.8", linewidth=0.5)


def image_row(axes: Iterable[Axes], images: np.ndarray, titles: Sequence[str]) -> None:
    """One image of shape (channel, height, width) to each of the axes, with its title."""
    for ax, image, title in zip(axes, images, titles, strict=True):
        picture(ax, mosaic(image[None], 1), title)


def predictor_style(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and marker of each predictor: its own, the same on all pages, or one that no other of these has."""
    free = itertools.cycle([pair for pair in FREE if pair not in [LOOKS.get(name) for name in names]])
    looks = {name: LOOKS.get(name) or next(free) for name in names}
    return {name: {"color": colour, "marker": marker} for name, (colour, marker) in looks.items()}


def mean_line(ax: Axes, groups: Any, **options: Any) -> None:
    """The mean of each group against the group's key with its 95 % interval, joined by a line."""
    points = groups.apply(stats.mean_interval)
    mean = np.array([point.mean for point in points])
    if np.isfinite(mean).any():
        spread = np.array([mean - [point.low for point in points], [point.high for point in points] - mean])
        ax.errorbar(points.index, mean, spread, elinewidth=0.8, lw=1, **options)


def geometric_line(ax: Axes, groups: Any, **options: Any) -> None:
    """The geometric mean of each group against the group's key with the interval of its mean ln; nothing of none."""
    points = groups.apply(lambda own: stats.mean_interval(np.log(own)))
    if points.empty:
        return
    low, mean, high = (np.exp([getattr(point, name) for point in points]) for name in ("low", "mean", "high"))
    ax.errorbar(points.index, mean, [mean - low, high - mean], elinewidth=0.8, **options)


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


def plain_ticks(ax: Axes) -> None:
    """Numbers, not powers of ten, on a logarithmic y that spans little, with as many ticks as have room."""
    low, high = ax.get_ylim()
    steps = (1, 1.5, 2, 3, 5, 7) if high < 12 * low else (1, 3)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
    ax.set_yticks(ticks, [f"{tick:,.0f}" if tick >= 1000 else f"{tick:.3g}" for tick in ticks])
    ax.set_yticks([], minor=True)


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


MARGIN = 0.02  # of the figure's width, beside its verdicts
VERDICT_SIZE = 5.5  # points


def with_verdicts(
    height: float, claims: Sequence[Claim], dataset: str, layout: str | None = None
) -> tuple[Figure, SubFigure]:
    """A figure of full width and room of `height` inches in it, above the primary verdicts for a data set.

    They are set smaller where the longest would not fit the width.
    """
    lines = verdict_lines(claims, dataset)
    space = 0.1 * len(lines) + 0.05
    whole = plt.figure(figsize=(DOUBLE, height + space), layout=layout)
    room, note = whole.subfigures(2, 1, squeeze=False, height_ratios=[height, space]).flat
    # by outlines: what is drawn is fitted to pixels, which few of them make up to a tenth wider
    longest = max((TextPath((0, 0), line, size=VERDICT_SIZE).get_extents().width for line in lines), default=0)
    size = VERDICT_SIZE * min(1, (1 - 4 * MARGIN) * DOUBLE * 72 / max(longest, VERDICT_SIZE))
    for number, line in enumerate(lines):
        note.text(MARGIN, 1 - (number + 0.5) / len(lines), line, fontsize=size, va="center")
    return whole, room


def unmeasured(claims: Sequence[Claim], dataset: str) -> Figure:
    """The figure of a data set of which no network learned: its verdicts, and that there is nothing to draw."""
    whole, room = with_verdicts(0.1 * DOUBLE, claims, dataset)
    room.suptitle(f"{dataset_name(dataset)}: not measured, no network learned")
    return whole


def verdict_lines(claims: Sequence[Claim], dataset: str) -> list[str]:
    """The primary verdicts for a data set, a line each: estimate, interval, threshold."""
    lines = []
    for claim in claims:
        record = claim.record()
        for case in record["cases"]:
            if record["role"] == "primary" and case["where"].get("dataset", dataset) == dataset:
                where = place({name: value for name, value in case["where"].items() if name != "dataset"})
                words = f"{record['statement']}: " if where == "" else f"{record['statement']} ({where}): "
                found = f"{estimate_text(case)} {threshold_text(record)}" if case["estimate"] is not None else ""
                lines.append(f"{MARKS[case['verdict']]} {words}{found} {case['verdict']}")
    return lines


def panel_letters(axes: Sequence[Axes], after: int = 0) -> None:
    """Bold a, b, c ... before the title of each panel; a supplement's run on `after` the main figure's panels."""
    for ax, letter in zip(axes, "abcdefghijklmnopqrstuvwxyz"[after:], strict=False):
        ax.set_title(letter, loc="left", fontweight="bold")


def save(figure: Figure, claims: Sequence[Claim], name: str, output: str) -> None:
    """Write `name`.svg, .pdf, .png and .json (the claims) into the folder `output`; write nothing if it is empty.

    Equal figures give equal bytes.
    """
    if not output:
        return
    write(figure, Path(output) / name)
    content = {"claims": [claim.record() for claim in claims]}
    write_atomic(Path(output) / f"{name}.json", json.dumps(content, indent=1).encode())


def write(figure: Figure, path: Path) -> None:
    """Write the figure as `path`.svg, .pdf and .png. Equal figures give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    vector, pixels = io.StringIO(), io.BytesIO()
    figure.savefig(vector, format="svg", metadata={"Date": None})
    # hundredths of a point are more than anyone sees, and half of the file; letters are scaled by 1/64
    text = re.sub(r"scale\([^)]*\)|\d+\.\d{3,}", _rounded, vector.getvalue())
    text = re.sub(r"(data:image/png;base64,)([^\"]+)", _plain, re.sub(r"\n\s+", "\n", text))
    write_atomic(path.with_suffix(".svg"), _numbered(text).encode())
    figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
    figure.savefig(pixels, format="png", metadata={"Software": None})
    write_atomic(path.with_suffix(".png"), smaller(pixels.getvalue()))


def _rounded(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("scale") else f"{float(found[0]):.2f}"


def _numbered(svg: str) -> str:
    """An SVG whose names of parts are numbers and a digest of the rest.

    Matplotlib's are digests of exact places, whose last digits differ from run to run.
    """
    names: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"{found[1]}{len(names)}")

    text = re.sub(r"(?<=[\"#])([A-Za-z]\w*?)[0-9a-f]{10}(?=[\")])", number, svg)
    own = digest(text)[:6]  # so that two figures in one page do not share names
    every = "|".join(sorted(names.values(), key=len, reverse=True))
    return re.sub(rf"(?<=[\"#])({every})(?=[\")])", rf"\1_{own}", text) if names else text


def _plain(found: re.Match[str]) -> str:
    """A picture within a figure with as few numbers as it needs: matplotlib writes four a pixel."""
    picture = Image.open(io.BytesIO(base64.b64decode(found[2]))).convert("RGBA")
    best = found[2]
    palette = picture.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    for other in (picture.convert("L"), palette, picture.convert("RGB")):
        if other.convert("RGBA").tobytes() == picture.tobytes():
            target = io.BytesIO()
            other.save(target, "PNG", optimize=True)
            best = min(best, base64.b64encode(target.getvalue()).decode(), key=len)
    return found[1] + best
