"""Panels, summaries and claims of `13_root_d`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats as reference

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged, number
from almostnothing.figures import (
    LOOKS,
    MARKERS,
    colours,
    mean_line,
    panel_letters,
    plain_ticks,
    size_axis,
    strength_axis,
    with_verdicts,
)
from almostnothing.pages.root_d.claims import CLAIMS
from almostnothing.pages.root_d.parameters import CORNERS, POINTS, REPLACED, RootD
from almostnothing.tables import by_level
from almostnothing.theory import compression

SPREAD = {POINTS: "σ = {:g}, one point a class", REPLACED: "p = {:g}, one point a class", CORNERS: "σ = {:g}, corners"}
THEORY: dict[str, Any] = {"color": LOOKS["theory"][0], "lw": 0.9, "zorder": 1}
OPTIMUM = ("#0173b2", "s")  # of a minimum-distance classifier, the colour of the nearest class mean


def square(table: pd.DataFrame) -> pd.DataFrame:
    """As many points as dimensions, one factor, no noise."""
    return table[(table["data"] == POINTS) & (table["share"] == 1) & (table["layers"] == 1) & (table["noise"] == 0)]


def exponents(rows: pd.DataFrame, values: pd.Series) -> pd.Series:
    """The slope of ln `values` against ln d over the draws of each seed, by least squares."""
    logs = pd.DataFrame({"seed": rows["seed"], "x": np.log(rows["d"]), "y": np.log(values)})
    return logs.groupby("seed")[["x", "y"]].apply(lambda own: np.polyfit(own["x"], own["y"], 1)[0])


def off(rows: pd.DataFrame, values: pd.Series, exact: Callable[[pd.Series], float]) -> pd.Series:
    """The mean over each seed's draws of ln `values` less `exact` of the draw's case."""
    same = ["share", "d", "n", "layers", "noise"]
    wanted = rows[same].drop_duplicates()
    wanted = wanted.assign(exact=[exact(row) for _, row in wanted.iterrows()])
    apart = np.log(values) - rows.merge(wanted, on=same, how="left")["exact"].to_numpy()
    return apart.groupby(rows["seed"]).mean()


def exact_log(row: pd.Series) -> float:
    """E ln|cos θ| of points without noise and generator."""
    return compression.mean_log_cosine(int(row["n"]), int(row["d"]))


def noisy_log(data: str) -> Callable[[pd.Series], float]:
    """The ln of the limit of |cos θ| under noise in training."""
    return lambda row: math.log(compression.noisy_cosine(1.0, kappa(data, row["noise"], row["d"])))


def kappa(data: str, noise: float, d: float) -> float:
    """κ of `theory.compression` for n = d points, whose values are replaced or have noise added, or corners."""
    if data == REPLACED:
        return compression.replacement_kappa(1.0, noise)
    return noise**2 / (1 if data == POINTS else d)


def claims(table: pd.DataFrame, chosen: RootD) -> list[Claim]:
    """What is claimed of random points: intervals are over seeds, each with draws of its own."""
    cases, main = Cases(), square(table)

    def near(values: pd.Series, power: float) -> stats.Interval:
        return stats.absolute(stats.mean_interval(values - power))

    cases.add("root", {"of": "a pair"}, near(exponents(main, main["ratio"]), -0.5))
    whole = exponents(main, main["any_class"] / main["nearest"])
    cases.add("any-class", {"n/d": "n = d"}, stats.mean_interval(whole))
    cases.add("lengths", {"of": "the classifier, a pair"}, near(exponents(main, main["minimal"]), 0))
    cases.add("lengths", {"of": "minimum distance, a pair"}, near(exponents(main, main["optimal"]), 0.5))
    plain = table[(table["data"] == POINTS) & (table["noise"] == 0)]
    few = plain[plain["d"] <= chosen.largest]
    for share, own in by_level(few[few["layers"] == 1], "share"):
        name = f"n = {share:g} d" if share < 1 else "n = d"
        if share < 1:
            cases.add("fewer", {"n/d": name}, stats.mean_interval(exponents(own, own["ratio"])))
        for d, rows in ends(own):
            found = stats.mean_interval(off(rows, rows["ratio"], exact_log))
            cases.add("law", {"n/d": name, "d": f"d = {d:,}"}, stats.absolute(found))
    for layers, own in by_level(plain[plain["layers"] > 1], "layers"):
        cases.add("layers", {"layers": f"t = {layers}"}, near(exponents(own, own["ratio"]), -layers / 2))
    for data, words in SPREAD.items():
        for noise, own in by_level(table[(table["noise"] > 0) & (table["data"] == data)], "noise"):
            where = {"noise": words.format(noise)}
            if data != CORNERS:
                cases.add("noise", where, stats.mean_interval(exponents(own, own["ratio"])))
            _, last = ends(own)[-1]
            if data == REPLACED:
                cases.add("restored", where, stats.mean_interval(last.groupby("seed")["ratio"].mean()))
            apart = off(last, last["ratio"], noisy_log(data))
            cases.add("noise-law", where, stats.absolute(stats.mean_interval(apart)))
    for d, rows in ends(main[main["d"] <= chosen.largest]):
        cases.add("phi", {"d": f"d = {d:,}"}, stats.absolute(stats.mean_interval(off(rows, rows["phi"], exact_log))))
    return judged("13_root_d", CLAIMS, cases, chosen.thresholds.model_dump())


def ends(rows: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    """The rows of the fewest and of the most dimensions."""
    each = list(by_level(rows, "d"))
    return [each[0], each[-1]]


def agreement(table: pd.DataFrame) -> pd.DataFrame:
    """At each d, n = d: draws, mean ratio·√d with its standard error, the exact mean, KS distances to the law, and how
    loose Theorem 1 is: its bound over the smallest perturbation of the pair, geometric mean.

    `distance` (p-value) of `cos²θ` and of `φ²` from Beta(½, (d − 1)/2).
    """
    lines: dict[int, dict[str, Any]] = {}
    for d, own in by_level(square(table), "d"):
        law, scaled = compression.cosine_law(d, d), own["ratio"] * math.sqrt(d)
        tests = {
            name: reference.kstest(own[column] ** 2, law.cdf) for name, column in (("cos²θ", "ratio"), ("φ²", "phi"))
        }
        lines[d] = {
            "draws": len(own),
            "ratio·√d": f"{scaled.mean():.3f} ± {scaled.std() / math.sqrt(len(own)):.3f}",
            "exact": f"{compression.mean_cosine(d, d) * math.sqrt(d):.3f}",
            **{
                f"KS distance of {name}": f"{found.statistic:.3f} (p = {found.pvalue:.2f})"
                for name, found in tests.items()
            },
            "bound / smallest": f"{math.exp((np.log(own['bound']) - np.log(own['minimal'])).mean()):.1f}",
        }
    return pd.DataFrame(lines).T.rename_axis("d")


def figure(table: pd.DataFrame, verdicts: Sequence[Claim]) -> Figure:
    """The ratio against d in all cases, against replacement, and the lengths."""
    whole, room = with_verdicts(4.6, verdicts, "")
    axes = room.subplots(2, 3)
    main = square(table)
    scaled_panel(axes[0, 0], main)
    shares_panel(axes[0, 1], table)
    layers_panel(axes[0, 2], table)
    noise_panel(axes[1, 0], table)
    replaced_panel(axes[1, 1], table)
    lengths_panel(axes[1, 2], main)
    for ax in axes.flat:
        ax.legend(fontsize=5.5, loc="best", handlelength=1.4, labelspacing=0.25)
    room.suptitle(headline(main))
    panel_letters(list(axes.flat))
    return whole


def headline(main: pd.DataFrame) -> str:
    """What the smallest perturbation and the optimum are at the ends, medians."""
    middle = main.groupby("d")[["minimal", "optimal"]].median()
    few, many = middle.index[0], middle.index[-1]
    return (
        f"From d = {few:,} to {many:,}, one point a class and n = d: half of the distance grows from "
        f"{number(middle['optimal'][few])} to {number(middle['optimal'][many])},\n"
        f"what takes a linear classifier from one to the other from {number(middle['minimal'][few])} to "
        f"{number(middle['minimal'][many])} (medians)"
    )


def scaled_panel(ax: Axes, main: pd.DataFrame) -> None:
    """ratio·√d of pairs and of any class, means over seeds, with the exact mean of pairs."""
    root = np.sqrt(main["d"])
    by = [main["d"], main["seed"]]
    for values, look, name in (
        (main["ratio"], ("black", "o"), "a pair"),
        (main["any_class"] / main["nearest"], ("#7c3aed", "v"), "any class"),
    ):
        means = (values * root).groupby(by).mean()
        mean_line(ax, means.groupby("d"), color=look[0], marker=look[1], label=name)
    fine = np.unique(np.geomspace(main["d"].min(), main["d"].max(), 40).astype(int))
    ax.plot(
        fine, [compression.mean_cosine(int(d), int(d)) * math.sqrt(d) for d in fine], label="exact, a pair", **THEORY
    )
    ax.axhline(math.sqrt(2 / math.pi), color="0.6", lw=0.6, ls=":")
    size_axis(ax, set(main["d"]), "dimensions d")
    ax.tick_params(axis="x", labelrotation=60, labelsize=5.5)
    ax.set(ylim=(0, None), ylabel="ratio · √d")
    ax.set_title("n = d", fontsize=6.5, loc="right")


def ratio_lines(
    ax: Axes,
    rows: pd.DataFrame,
    by: str,
    name: Callable[[Any], str],
    theory: Callable[[Any, int], float],
    hollow: bool = False,
    levels: Sequence[float] | None = None,
) -> None:
    """Mean ratio against d for each level of `by`, and what theory says of each at these d.

    `hollow`: in a second look; `levels`: of which each has a colour, where they are not those of `rows`.
    """
    each = dict(by_level(rows, by))
    palette, sizes = colours(levels or list(each)), sorted(set(rows["d"]))
    look: dict[str, Any] = {"mfc": "white"} if hollow else {}
    for (level, own), marker in zip(each.items(), itertools.cycle(MARKERS), strict=False):
        colour = palette[level]
        means = own.groupby(["d", "seed"])["ratio"].mean()
        mean_line(ax, means.groupby("d"), color=colour, marker=marker, ls="", label=name(level), **look)
        ax.plot(sizes, [theory(level, d) for d in sizes], color=colour, lw=0.8, ls="--" if hollow else "-")
    ax.set_yscale("log")
    size_axis(ax, set(rows["d"]), "dimensions d")
    ax.tick_params(axis="x", labelrotation=60, labelsize=5.5)
    ax.set_ylabel("ratio")


def shares_panel(ax: Axes, table: pd.DataFrame) -> None:
    """The ratio at each number of points, and the exact mean."""
    rows = table[(table["data"] == POINTS) & (table["noise"] == 0) & (table["layers"] == 1)]
    rows = rows[rows["d"].isin(rows.loc[rows["share"] < 1, "d"])]
    ratio_lines(
        ax,
        rows,
        "share",
        lambda share: f"n = {share:g} d" if share < 1 else "n = d",
        lambda share, d: compression.mean_cosine(round(share * d), d),
    )
    ax.set_ylim(bottom=ax.get_ylim()[0] / 4)  # room for the legend
    plain_ticks(ax)
    ax.set_title("fewer points", fontsize=6.5, loc="right")


def layers_panel(ax: Axes, table: pd.DataFrame) -> None:
    """The ratio behind generators of each depth, and its leading order."""
    rows = table[(table["data"] == POINTS) & (table["noise"] == 0) & (table["share"] == 1)]
    rows = rows[rows["d"].isin(rows.loc[rows["layers"] > 1, "d"])]
    ratio_lines(
        ax,
        rows,
        "layers",
        lambda layers: f"t = {layers}",
        lambda layers, d: compression.generated_cosine(d, d, int(layers)),
    )
    ax.set_title("generators, n = d", fontsize=6.5, loc="right")


def noise_panel(ax: Axes, table: pd.DataFrame) -> None:
    """The ratio after training with noise: one point a class, and corners."""
    noisy = table[(table["noise"] > 0) & (table["data"] != REPLACED)]  # replacement has a panel of its own
    levels = sorted(set(noisy["noise"]))
    for data, words in ((POINTS, "σ = {:g}"), (CORNERS, "σ = {:g}, corners")):

        def theory(noise: float, d: int, data: str = data) -> float:
            return compression.noisy_cosine(1.0, kappa(data, noise, d))

        ratio_lines(ax, noisy[noisy["data"] == data], "noise", words.format, theory, data == CORNERS, levels)
    ax.set_ylim(bottom=ax.get_ylim()[0] / 3)  # room for the legend
    plain_ticks(ax)
    ax.set_ylabel("ratio; of corners |cos θ|")
    ax.set_title("noise in training, n = d", fontsize=6.5, loc="right")


def replaced_panel(ax: Axes, table: pd.DataFrame) -> None:
    """The ratio against the share of values that are replaced in training, at the fewest and most dimensions."""
    rows = table[table["data"] == REPLACED]
    plain = square(table)
    few, many = rows["d"].min(), rows["d"].max()
    for d, colour, marker in zip((few, many), colours([0, 1]).values(), MARKERS, strict=False):
        own = pd.concat([plain[plain["d"] == d], rows[rows["d"] == d]])
        means = own.groupby(["noise", "seed"])["ratio"].mean()
        look = {"mfc": "white"} if d == few else {"ms": 2}  # points coincide
        mean_line(ax, means.groupby("noise"), color=colour, marker=marker, ls="", label=f"d = {d:,}", **look)
    p = sorted({0.0, *rows["noise"]})
    fine = 1 - np.geomspace(1, 1 - p[-1], 60)
    line = [compression.noisy_cosine(1.0, compression.replacement_kappa(1.0, value)) for value in fine]
    ax.plot(fine, line, label="many dimensions", **THEORY)
    ax.axhline(1, color=OPTIMUM[0], lw=0.6, ls=":")
    strength_axis(ax, p)
    ax.set(ylim=(0, 1.04), ylabel="ratio", xlabel="values that stay [%], and $p$")
    ax.set_title("replacement in training, n = d", fontsize=6.5, loc="right")


def law_figure(table: pd.DataFrame) -> Figure:
    """The share of draws below each probability of the exact law, at the smallest and the largest d."""
    whole, ax = plt.subplots()
    for (d, own), colour, style in zip(ends(square(table)), colours([0, 1]).values(), ("-", "--"), strict=True):
        below = np.sort(compression.cosine_law(d, d).cdf(own["ratio"] ** 2))
        share = np.arange(1, len(below) + 1) / len(below)
        ax.step(below, share, color=colour, ls=style, lw=0.9, where="post", label=f"d = {d:,}, {len(own):,} draws")
    ax.plot([0, 1], [0, 1], label="exact law", **THEORY)
    ax.set(xlabel="probability by the exact law", ylabel="share of draws", xlim=(0, 1), ylim=(0, 1))
    ax.legend()
    return whole


def lengths_panel(ax: Axes, main: pd.DataFrame) -> None:
    """Half of the distance, the bound of Theorem 1, the smallest perturbations: medians with the middle 90 %."""
    looks = {
        "optimal": (*OPTIMUM, "half of the distance"),
        "bound": ("#b0529f", "D", "bound of Theorem 1"),
        "minimal": ("black", "o", "smallest, a pair"),
        "any_class": ("#7c3aed", "v", "smallest, any class"),
    }
    for place, (column, (colour, marker, name)) in enumerate(looks.items()):
        low, middle, high = (main.groupby("d")[column].quantile(share) for share in (0.05, 0.5, 0.95))
        x = middle.index * 1.06 ** (place - 1.5)  # beside each other
        ax.errorbar(
            x,
            middle,
            [middle - low, high - middle],
            color=colour,
            marker=marker,
            ms=3,
            ls="",
            elinewidth=0.6,
            label=name,
        )
    ax.set_yscale("log")
    size_axis(ax, set(main["d"]), "dimensions d")
    ax.tick_params(axis="x", labelrotation=60, labelsize=5.5)
    ax.set_ylim(bottom=ax.get_ylim()[0] / 100)  # room for the legend
    ax.set_ylabel("length (values: deviation 1)")
    ax.set_title("n = d", fontsize=6.5, loc="right")
