"""Panels, summaries and claims of `19_depth`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import gmean

from almostnothing import stats, tables
from almostnothing.claims import Cases, Claim, judged, number
from almostnothing.figures import FREE, LOOKS, geometric_line, panel_letters, plain_ticks, size_axis, with_verdicts
from almostnothing.health import LEARNED
from almostnothing.measures.modes import PENALISED, PLAIN
from almostnothing.pages.depth.claims import CLAIMS
from almostnothing.pages.depth.parameters import SHORTER, Depth

Logs = pd.DataFrame  # ln of a constant, seeds by depths
KIND = ["depth", "mode", "steps", "start"]  # of which all networks fit, or none counts
NAMES = {PLAIN: "plain", PENALISED: "penalised, the flattest"}
LOOK = {PLAIN: ("black", "o"), PENALISED: FREE[5]}
THEORY: dict[str, Any] = {"color": LOOKS["theory"][0], "lw": 0.9, "zorder": 1}
LAW = -0.5  # the exponent of D that the theorem leaves room for


def evidence(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of kinds of which all networks fit, and how many networks that leaves and leaves out."""
    return tables.evidence(rows, KIND, rows["status"] == LEARNED)


def of(table: pd.DataFrame, mode: str, *, shorter: bool = False) -> tuple[pd.DataFrame, dict[str, int]]:
    """Of each depth and seed the network of a mode with the least slope found, over starts, of those that count.

    By the slope found, as the certified bound of several layers is too loose to tell which network is flatter.
    """
    rows = table[table["mode"] == mode]
    most = rows["steps"].max()
    kept, counts = evidence(rows[(rows["steps"] < most) if shorter else (rows["steps"] == most)])
    return kept.loc[kept.groupby(["depth", "seed"])["lower"].idxmin()], counts


def logs(rows: pd.DataFrame, column: str) -> Logs:
    """ln of a column, seeds by depths; a depth without evidence has no column."""
    return rows.pivot_table(column, "seed", "depth").map(math.log)


def less(one: Logs, other: Logs, depth: int, at: int) -> pd.Series:
    """Of each seed the first at a depth less the second at another; none where either is no evidence."""
    if depth not in one or at not in other:
        return pd.Series(dtype=float)
    return one[depth] - other[at]


def only(rows: pd.DataFrame, counts: dict[str, int], depths: Sequence[int]) -> dict[str, int]:
    """Counts of the networks of some depths, where all of these are evidence."""
    own = rows[rows["depth"].isin(depths)]
    whole = set(own["depth"]) == set(depths)
    return {"networks": len(own), "left_out": 0 if whole else counts["left_out"]}


def added(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """Counts of both."""
    return {name: one[name] + other[name] for name in one}


def exponents(of_depths: Logs) -> pd.Series:
    """Of each seed the slope of ln constant against ln D; none where fewer than three depths are left."""
    if of_depths.shape[1] < 3:
        return pd.Series(dtype=float)
    x = np.log(of_depths.columns.to_numpy(float))
    return of_depths.apply(lambda own: np.polyfit(x, own, 1)[0], axis=1)


def claims(table: pd.DataFrame, chosen: Depth) -> list[Claim]:
    """What is claimed of the networks: intervals are over seeds, each with points, labels and networks of its own."""
    cases = Cases()
    (best, counts), (plain, others) = of(table, PENALISED), of(table, PLAIN)
    same = table[table["start"] == 0]  # from which both numbers of steps began
    (first, ones), (short, fewer) = of(same, PENALISED), of(same, PENALISED, shorter=True)
    lower, steep = logs(best, "lower"), logs(plain, "lower")
    before, after = logs(short, "lower"), logs(first, "lower")
    for depth in chosen.depths:
        where = {"layers": f"D = {depth}"}
        sides = added(only(plain, others, [depth]), only(best, counts, [depth]))
        cases.add("gap", where, stats.mean_interval(less(steep, lower, depth, depth)), sides)
        gained = stats.mean_interval(less(before, after, depth, depth))
        cases.add("gained", where, gained, added(only(short, fewer, [depth]), only(first, ones, [depth])))
        if depth > 1:
            both = only(best, counts, [1, depth])
            for claim, constants in (("depth", lower), ("certified", logs(best, "upper"))):
                cases.add(claim, where, size(less(constants, constants, depth, 1)), both)
            cases.add("plain", where, size(less(steep, steep, depth, 1)), only(plain, others, [1, depth]))
    cases.add("falls", {"layers": "all"}, size(exponents(lower) - LAW), only(best, counts, chosen.depths))
    return judged("19_depth", CLAIMS, cases, chosen.thresholds.model_dump())


def size(values: pd.Series) -> stats.Interval:
    """The interval of the size of a mean."""
    return stats.absolute(stats.mean_interval(values))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """For each depth and way of training: width, parameters, networks, how many fit, geometric means over seeds."""
    lines = []
    for (depth, mode, steps), own in table.groupby(["depth", "mode", "steps"], sort=False):
        line = {"D": depth, "width": own["width"].iloc[0], "P": own["parameters"].iloc[0], "training": mode}
        line |= {"steps": steps, "networks": len(own), "fit": int((own["status"] == LEARNED).sum())}
        for column, words in (("mse", "MSE"), ("lower", "slope found"), ("upper", "certified")):
            line[words] = number(float(gmean(own[column])))
        lines.append(line)
    return pd.DataFrame(lines).set_index(["D", "width", "P"])


def figure(table: pd.DataFrame, verdicts: Sequence[Claim], chosen: Depth) -> Figure:
    """Constants against depth, with certified bounds, and what more steps of the search gain."""
    whole, room = with_verdicts(2.7, verdicts, "")
    axes = room.subplots(1, 3)
    constant_panel(axes[0], table, chosen)
    certified_panel(axes[1], table)
    search_panel(axes[2], table)
    for ax in axes:
        plain_ticks(ax)
        size_axis(ax, chosen.depths, "hidden layers, D")
        ax.legend(fontsize=5.5, handlelength=1.6, labelspacing=0.25, loc="upper left")
    room.suptitle(headline(table, chosen))
    panel_letters(list(axes.flat))
    return whole


def headline(table: pd.DataFrame, chosen: Depth) -> str:
    """How much steeper the flattest and plain networks of the most layers are than those of one, where all fit."""
    told, last = [], chosen.depths[-1]
    for mode, words in ((PENALISED, "the flattest networks found"), (PLAIN, "plain ones")):
        constants = logs(of(table, mode)[0], "lower")
        times = math.exp(less(constants, constants, last, 1).mean())
        if math.isfinite(times):
            told.append(f"{words} are {number(times)} times")
    ends = f"D = {last} hidden layers and at most {most(chosen):,} parameters, {chosen.n:,} random labels:\n"
    return ends + (", ".join(told) + " as steep as of D = 1" if told else "not all networks fit")


def most(chosen: Depth) -> int:
    """P of the two-layer network."""
    return chosen.units * (chosen.d + 2)


def constant_panel(ax: Axes, table: pd.DataFrame, chosen: Depth) -> None:
    """Slopes found on plain and on the flattest networks, and what every function needs; the order of D^(-1/2)."""
    for mode, words in NAMES.items():
        rows, _ = of(table, mode)
        colour, marker = LOOK[mode]
        geometric_line(ax, rows.groupby("depth")["lower"], color=colour, marker=marker, ms=3, lw=1, label=words)
    best = logs(of(table, PENALISED)[0], "lower")
    depths = np.array(chosen.depths, float)
    if 1 in best:
        ax.plot(depths, np.exp(best[1].mean()) * depths**LAW, label="1/√D", **THEORY)
    ax.axhline(float(gmean(table["floor"])), color="0.4", lw=0.8, ls=":", label="any function")
    ax.set(yscale="log", ylabel="Lipschitz constant, slopes found")
    ax.set_ylim(top=6 * ax.get_ylim()[1])  # room for the legend


def certified_panel(ax: Axes, table: pd.DataFrame) -> None:
    """Slopes found and certified bounds of the flattest networks."""
    rows, _ = of(table, PENALISED)
    colour, marker = LOOK[PENALISED]
    for column, words, open_ in (("lower", "slope found", False), ("upper", "certified", True)):
        look = {"mfc": "white", "ls": "--"} if open_ else {}
        groups = rows.groupby("depth")[column]
        geometric_line(ax, groups, color=colour, marker=marker, ms=3, lw=1, label=words, **look)
    ax.set(yscale="log", ylabel="Lipschitz constant, the flattest")


def search_panel(ax: Axes, table: pd.DataFrame) -> None:
    """Penalised networks, each, and the flattest ones after a part of the steps and after all."""
    every, _ = evidence(table[table["mode"] == PENALISED])
    colour, marker = LOOK[PENALISED]
    ax.plot(every["depth"], every["lower"], ".", color="0.6", ms=2.5, label="each")
    for shorter, words in ((True, f"flattest, 1/{SHORTER} of the steps"), (False, "flattest, all steps")):
        look = {"mfc": "white", "ls": "--"} if shorter else {}
        groups = of(table, PENALISED, shorter=shorter)[0].groupby("depth")["lower"]
        geometric_line(ax, groups, color=colour, marker=marker, ms=3, lw=1, label=words, **look)
    ax.set(yscale="log", ylabel="Lipschitz constant, penalised")
    ax.set_ylim(top=1.5 * ax.get_ylim()[1])  # room for the legend
