"""Panels, summaries and claims of `07_infinite_width`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.figures import (
    DOUBLE,
    MARKERS,
    colours,
    handles,
    heat_map,
    mean_line,
    panel_letters,
    plain_ticks,
    predictor_style,
    rule_lines,
    size_axis,
    strength_axis,
    with_verdicts,
)
from almostnothing.measures import naming
from almostnothing.naming import dataset_name
from almostnothing.pages.infinite_width.claims import CLAIMS
from almostnothing.pages.infinite_width.parameters import Infinite, InfiniteWidth
from almostnothing.parameters.sweep import Sweep
from almostnothing.tables import counted, learned, read

RULES = ("ncm", "first_order", "resummed")  # that claims are about


def all_kinds(path: Path, sweep: Sweep) -> pd.DataFrame:
    """The table: all "infinite" and "own" rows, and the "finite" ones of a sweep; `load` is N/d.

    Raises `UserError` as `tables.read`.
    """
    found = pd.concat([read(path).query("what != 'finite'"), read(path, sweep)], ignore_index=True)
    return found.assign(load=found["train_size"] / found["pixels"])


def of(found: pd.DataFrame, one: Infinite) -> pd.DataFrame:
    """The rows of one infinitely wide network."""
    same = (found["activation"] == one.activation) & (found["depth"] == one.depth) & (found["shift"] == one.shift)
    return found[same & found["train_size"].isin(one.train_size)]


def boundary(found: pd.DataFrame, rule: str, limit: float) -> pd.DataFrame:
    """The largest N/d up to which a rule surely agrees with kernel regression on more than `limit` of the points.

    Surely: by the lower end of the 95 % interval over seeds. Rows p, columns data sets; NaN where it fails at the
    smallest N already.
    """
    own = found[found["rule"] == rule]
    by = ["strength", "dataset", "load"]
    lower = own.groupby(by)["agreement"].apply(lambda a: stats.mean_interval(a).low)
    good = (lower > limit).groupby(by[:2]).cummin().reset_index(name="good")
    largest = good[good["good"]].groupby(by[:2])["load"].max().unstack()
    return largest.reindex(index=sorted(own["strength"].unique()), columns=list(own["dataset"].unique()))


def others(found: pd.DataFrame) -> pd.DataFrame:
    """Mean agreement with each rule: rows data set, activation, depth, shift and N."""
    rows = found.assign(rule=found["rule"].map(naming.NAMES))
    by = ["dataset", "activation", "depth", "shift", "train_size"]
    return rows.pivot_table("agreement", by, "rule", sort=False)


def flips(found: pd.DataFrame) -> pd.DataFrame:
    """Share of decisions that a rule flips, by fifths of the logit gap, in long form: the first are the smallest."""
    parts = [found.assign(fifth=k, flipped=1 - found[f"fifth_{k}"]) for k in range(1, naming.BINS + 1)]
    return pd.concat(parts)[["rule", "seed", "train_size", "fifth", "flipped"]]


def against(own: pd.DataFrame) -> pd.DataFrame:
    """The "own" rows with what may decide their agreement: `square`, √width (1−p)²; `signal`, √width × contrast."""
    root = np.sqrt(own["width"])
    return own.assign(square=root * (1 - own["strength"]) ** 2, signal=root * own["contrast"])


def collapsed(own: pd.DataFrame, u: str) -> stats.Interval:
    """How far the agreement of one p lies off the curve in a column of `against` of all others.

    The error of `stats.collapse_interval`, to which p is the size, and width what varies at a size.
    """
    rows = against(own).assign(size=own["strength"], strength=own["width"], accuracy=own["agreement"])
    return stats.collapse_interval(rows, u, u, ["size"])[0]


def exponent(finite: pd.DataFrame, less: float = 0.0) -> stats.Interval:
    """The exponent of 1/width in a network's difference from the infinitely wide one, `less` a number.

    A slope for each seed.
    """
    slopes = [
        -less - stats.per_doubling(rows["width"].to_numpy(), np.log2(rows["difference"].to_numpy()))
        for _, rows in finite.groupby("seed")
    ]
    return stats.mean_interval(slopes)


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
    if table["difference"].isna().all():
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center")
        return
    ax.plot(table["width"], table["difference"], ".", color="0.6", ms=4)
    groups = table.groupby("width")["difference"]
    mean_line(ax, groups, color="black", marker="o")
    widths, means = groups.mean().index.to_numpy(float), groups.mean().to_numpy()
    ax.plot(widths, means[0] * np.sqrt(widths[0] / widths), color="0.3", ls="--", lw=0.8)
    size_axis(ax, widths, "width")
    ax.set(yscale="log", title="finite width, difference")
    ax.yaxis.set_minor_formatter(NullFormatter())
    ticks = [tick for tick in (0.05, 0.1, 0.2, 0.5, 1, 2) if means.min() / 1.6 < tick < means.max() * 1.6]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def shift_lines(ax: Axes, own: pd.DataFrame) -> None:
    """Against p: by how much kernels of each width shift outputs, and the infinite kernel's contrast."""
    levels = sorted(own["width"].unique())
    for (width, colour), marker in zip(colours(levels).items(), itertools.cycle(MARKERS), strict=False):
        groups = own[own["width"] == width].groupby("strength")["shifted"]
        mean_line(ax, groups, color=colour, marker=marker, label=f"width {width:,.0f}")
    (look,) = predictor_style(["ntk"]).values()
    mean_line(ax, own.groupby("strength")["contrast"], ls="--", label="contrast", **look)
    strength_axis(ax, sorted(own["strength"].unique()))
    ax.set(yscale="log", ylabel="root mean square of outputs")
    plain_ticks(ax)


def collapse_lines(ax: Axes, own: pd.DataFrame, u: str, label: str) -> None:
    """Agreement of own and infinite kernel against a column of `against`, a line each p: seeds as dots, and means."""
    levels = sorted(own["strength"].unique())
    for (p, colour), marker in zip(colours(levels).items(), itertools.cycle(MARKERS), strict=False):
        mine = own[own["strength"] == p]
        ax.plot(mine[u], mine["agreement"], ".", color=colour, ms=3, alpha=0.5, mew=0)
        means = mine.groupby("width")[[u, "agreement"]].mean()
        ax.plot(means[u], means["agreement"], color=colour, marker=marker, label=f"$p$ = {p:g}")
    ax.set(xscale="log", ylim=(0, 1.02), xlabel=label, ylabel="agreement")


def own_kernels(own: pd.DataFrame) -> Figure:
    """Kernels of finite networks against the infinite one: what they shift, and two laws of how often both agree."""
    datasets = list(dict.fromkeys(own["dataset"]))
    whole = plt.figure(figsize=(DOUBLE, 0.36 * DOUBLE * len(datasets)))
    axes = whole.subplots(len(datasets), 3, squeeze=False)
    for row, dataset in zip(axes, datasets, strict=True):
        mine = against(own[own["dataset"] == dataset])
        shift_lines(row[0], mine)
        collapse_lines(row[1], mine, "square", "√width × (1 − $p$)²")
        collapse_lines(row[2], mine, "signal", "√width × contrast")
        row[1].set_title(dataset_name(dataset))
    whole.legend(*handles(axes.flat), loc="outside lower center", ncols=5)
    panel_letters(list(axes.flat))
    return whole


def figure(mapped: pd.DataFrame, finite: pd.DataFrame, verdicts: Sequence[Claim], dataset: str, p: float) -> Figure:
    """The main figure of a data set: agreement with three rules, remainder, flips, networks of growing width."""
    rows, mine = (t[t["dataset"] == dataset] for t in (mapped, finite))
    whole, panels = with_verdicts(0.76 * DOUBLE, verdicts, dataset)
    axes = panels.subplots(2, 3)
    for ax, rule in zip(axes[0], RULES, strict=True):
        own = rows[rows["rule"] == rule].pivot_table("agreement", "load", "strength").sort_index(ascending=False)
        heat_map(ax, own.set_axis([f"{load:.2g}" for load in own.index]))
        ax.set(xlabel="$p$", ylabel="$N/d$", title=naming.NAMES[rule])
    remainders(axes[1, 0], rows[rows["strength"] == p], naming.NAMES)
    axes[1, 0].set_title(f"$p$ = {p:g}")
    below = rows[(rows["load"] <= 1) & (rows["strength"] == p)]
    rule_lines(axes[1, 1], flips(below), "fifth", "flipped", naming.NAMES)
    axes[1, 1].set(xlabel="fifth of points by logit gap", ylabel="share flipped", ylim=(0, 1), xticks=range(1, 6))
    panels.legend(*handles([axes[1, 1]]), loc="outside lower center", ncols=5)
    width_lines(axes[1, 2], mine)
    axes[1, 2].set(title="", ylabel="difference from infinite width", xlabel="width")
    share = 100 * below[below["rule"] == "ncm"]["agreement"].mean()
    title = f"NCM and infinite width agree on {share:.0f} % at $N$ ≤ $d$, $p$ = {p:g}"
    panels.suptitle(f"{dataset_name(dataset)}, raw inputs: {title}")
    panel_letters(list(axes.flat))
    return whole


def supplement(mapped: pd.DataFrame, finite: pd.DataFrame) -> Figure:
    """Noise alone against what is predicted; agreement with infinite width and own kernel: a row a data set."""
    datasets = list(dict.fromkeys(mapped["dataset"]))
    whole = plt.figure(figsize=(DOUBLE, 0.32 * DOUBLE * len(datasets)))
    axes = whole.subplots(len(datasets), 2, squeeze=False)
    for row, dataset in zip(axes, datasets, strict=True):
        noise = mapped[(mapped["dataset"] == dataset) & (mapped["strength"] == 1)]
        rule_lines(row[0], noise, "load", "agreement", naming.NAMES)
        expected = noise.groupby("load")["predicted"].mean()
        row[0].plot(expected.index, expected, color="black", ls="--", label="FO, predicted")
        row[0].set(xscale="log", xlabel="$N/d$", ylim=(0, 1.02), ylabel="agreement", title="$p$ = 1")
        mine = finite[finite["dataset"] == dataset]
        mean_line(row[1], mine.groupby("width")["agreement"], color="black", marker="o", label="infinite width")
        (look,) = predictor_style(["ntk"]).values()
        mean_line(row[1], mine.groupby("width")["agreement_own"], ls="--", label="own kernel", **look)
        size_axis(row[1], mine["width"], "width")
        row[1].set(ylim=(0, 1.02), title=dataset_name(dataset))
    axes[0, 0].legend(ncols=2)
    axes[0, 1].legend()
    panel_letters(list(axes.flat), after=6)
    return whole


def slopes(own: pd.DataFrame, size: str, within: str) -> stats.Interval:
    """The exponent of a column in what kernels shift: a slope for each seed, mean over the levels of another."""
    found = stats.growth(own, size, within, "shifted", log=True)
    return stats.scaled(found, 1 / np.log(2))


def claims(infinite: pd.DataFrame, finite: pd.DataFrame, untrained: pd.DataFrame, chosen: InfiniteWidth) -> list[Claim]:
    """What is claimed of each data set: rules and remainders at N ≤ d and the headline p, noise alone, finite width.

    `infinite`: all "infinite" rows; the claims are about those of the map, and those of its network on other inputs.
    `untrained`: the "own" rows.
    """
    cases, first = Cases(), chosen.infinite[0]
    alike = [one for one in chosen.infinite if (one.activation, one.depth) == (first.activation, first.depth)]
    for dataset in dict.fromkeys(infinite["dataset"]):
        for one in alike:
            mapped = of(infinite, one)
            below = mapped[(mapped["dataset"] == dataset) & (mapped["load"] <= 1)]
            here = below[below["strength"] == chosen.headline]
            where = {"dataset": str(dataset), "inputs": f"inputs − {one.shift:g}" if one.shift else "raw inputs"}
            for rule in RULES:
                own = here[here["rule"] == rule]
                cases.add(rule, where, stats.mean_over(own, "agreement", ["train_size"]))
                if rule in naming.SCALED:
                    cases.add(f"bounded-{rule}", where, stats.mean_over(own, "bounded", ["train_size"]))
            noise = below[(below["strength"] == 1) & (below["rule"] == "first_order")]
            off = noise.assign(error=(noise["agreement"] - noise["predicted"]).abs())
            cases.add("predicted", where, stats.worst(off, "error", ["train_size"], largest=True))
        networks = finite[finite["dataset"] == dataset]
        good = learned(networks, ["difference"]).dropna(subset="difference")
        off_half = stats.absolute(exponent(good, less=0.5))
        cases.add("width", {"dataset": str(dataset)}, off_half, counted(networks))
        for width, alone in networks.groupby("width"):
            where = {"dataset": str(dataset), "width": f"width {width:,.0f}"}
            good = learned(alone, ["agreement_own", "difference_own"])
            left = good["difference_own"] / good["difference"]
            cases.add("own", where, stats.mean_interval(good["agreement_own"]), counted(alone))
            cases.add("left", where, stats.mean_interval(left), counted(alone))
        kernels_of = untrained[untrained["dataset"] == dataset].assign(survival=lambda t: 1 - t["strength"])
        for p, alone in kernels_of.groupby("strength"):
            where = {"dataset": str(dataset), "strength": f"p = {p:g}"}
            cases.add("started", where, stats.mean_over(alone, "started", ["width"]))
        where = {"dataset": str(dataset)}
        rooted = kernels_of.assign(shifted=kernels_of["shifted"] * np.sqrt(kernels_of["width"]))
        cases.add("shifted-width", where, stats.absolute(slopes(rooted, "width", "strength")))
        cases.add("shifted-strength", where, stats.absolute(slopes(kernels_of, "survival", "width")))
        cases.add("collapse-square", where, collapsed(kernels_of, "square"))
        cases.add("collapse-contrast", where, collapsed(kernels_of, "signal"))
    return judged("07_infinite_width", CLAIMS, cases, chosen.thresholds.model_dump())
