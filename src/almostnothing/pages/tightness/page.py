"""Panels, summaries and claims of `16_tightness`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import gmean

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged, number
from almostnothing.figures import LOOKS, MARKERS, colours, geometric_line, handles, panel_letters, with_verdicts
from almostnothing.pages.tightness.claims import CLAIMS
from almostnothing.pages.tightness.parameters import Tightness
from almostnothing.theory import interpolants

NAMES = {"tents": "tents, the slides' RBFs", "mcshane": "best of all functions", "part": "best for a part"}
LOOK = {"tents": ("#7c3aed", "o"), "mcshane": ("black", "s"), "part": ("#1d4ed8", "^")}
THEORY: dict[str, Any] = {"color": LOOKS["theory"][0], "lw": 0.9, "zorder": 4}
ASKED = (0.25, 0.5, 1, 2, 4)  # of d̃/log₂ n: where the primary claim is asked


def asked_levels(chosen: Tightness) -> list[int]:
    """The kept dimensions nearest to `ASKED` times log₂ n of the most points, each once."""
    bits = math.log2(max(chosen.sizes))
    known = np.array(chosen.kept[:-1])
    return sorted({int(known[np.abs(np.log(known / (level * bits))).argmin()]) for level in ASKED})


def pairs_of(construction: str, n: int) -> float:
    """How many pairs must be apart: all for tents, those of opposite labels for functions through all points."""
    return n * (n - 1) / (2 if construction == "tents" else 4)


def derived(construction: str, n: int, kept: int) -> float:
    """The ratio of the median closest pair: two radii of tents, or labels that differ by 2, are that far apart."""
    return 2 / interpolants.closest(pairs_of(construction, n), kept)


def claims(table: pd.DataFrame, chosen: Tightness) -> list[Claim]:
    """What is claimed of the constructions: intervals are over seeds, each with points and labels of its own."""
    cases, most = Cases(), max(chosen.sizes)
    bits = math.log2(most)
    wide = table[table["n"] == most].pivot_table("ratio", ["construction", "seed"], "kept")
    for construction, kept in itertools.product(NAMES, asked_levels(chosen)):
        own = wide.loc[construction]
        where = {"construction": NAMES[construction], "kept": f"d̃ = {kept} = {kept / bits:.2g} log₂n"}
        if construction != "part":
            cases.add("tight", where, stats.mean_interval(np.log(own[kept] / own[chosen.d])))
        slope = stats.mean_interval(exponents(table, construction, kept))
        cases.add("grows", where, slope)
        if construction != "part":
            off = stats.mean_interval(exponents(table, construction, kept) - 2 / kept)
            cases.add("exponent", where, stats.absolute(off))
            logs = np.log(own[kept] / derived(construction, most, kept))
            cases.add("law", where, stats.absolute(stats.mean_interval(logs)))
    return judged("16_tightness", CLAIMS, cases, chosen.thresholds.model_dump())


def exponents(table: pd.DataFrame, construction: str, kept: int) -> pd.Series:
    """The slope of ln ratio against ln n for each seed."""
    own = table[(table["construction"] == construction) & (table["kept"] == kept)]
    logs = pd.DataFrame({"seed": own["seed"], "x": np.log(own["n"]), "y": np.log(own["ratio"])})
    return logs.groupby("seed")[["x", "y"]].apply(lambda one: np.polyfit(one["x"], one["y"], 1)[0])


def ratios(table: pd.DataFrame, chosen: Tightness) -> pd.DataFrame:
    """Geometric means of ratios at the most points by kept dimensions, with the derived ones."""
    most = max(chosen.sizes)
    rows = table[table["n"] == most]
    found = rows.pivot_table("ratio", "kept", "construction", aggfunc=gmean)[list(NAMES)].rename(columns=NAMES)
    found.insert(0, "d̃/log₂n", found.index / math.log2(most))
    for construction in ("tents", "mcshane"):
        found[f"derived, {NAMES[construction]}"] = [derived(construction, most, int(kept)) for kept in found.index]
    return found.map(number).rename_axis("d̃")


def figure(table: pd.DataFrame, verdicts: Sequence[Claim], chosen: Tightness) -> Figure:
    """The ratio against d̃/log₂ n, against n, and the constants themselves beside the law's order."""
    whole, room = with_verdicts(2.9, verdicts, "")
    axes = room.subplots(1, 3)
    collapse_panel(axes[0], table)
    growth_panel(axes[1], table, chosen)
    constant_panel(axes[2], table, chosen)
    axes[1].set_ylim(top=axes[1].get_ylim()[1] * 60)  # room for the legend
    for ax in axes[1:]:
        ax.legend(fontsize=5.5, loc="upper right", handlelength=1.4, labelspacing=0.25)
    room.legend(*handles([axes[0]]), loc="outside lower center", ncols=4, fontsize=6)
    room.suptitle(headline(table, chosen))
    panel_letters(list(axes.flat))
    return whole


def headline(table: pd.DataFrame, chosen: Tightness) -> str:
    """From how many dimensions on the tents are within the threshold."""
    most = max(chosen.sizes)
    rows = table[(table["n"] == most) & (table["construction"] == "tents")]
    logs = np.log(rows["ratio"]).groupby(rows["kept"]).mean()
    over = np.exp(logs - logs[chosen.d])
    factor = math.exp(chosen.thresholds.tight)
    least = min(kept for kept in over.index if (over[over.index >= kept] < factor).all())
    few = asked_levels(chosen)[0]
    return (
        f"{most:,} points in {chosen.d:,} dimensions, projected to {few} ({number(few / math.log2(most))} log₂n): "
        f"tents are {number(over[few])} times as steep,\nagainst √(nd/P), as in all dimensions; from d̃ = {least:,} "
        f"({number(least / math.log2(most))} log₂n) on at most {number(factor)} times"
    )


def collapse_panel(ax: Axes, table: pd.DataFrame) -> None:
    """The ratio against d̃/log₂ n for all n, and the derived one."""
    sizes = sorted(set(table["n"]))
    for construction, n in itertools.product(NAMES, sizes):
        own = table[(table["construction"] == construction) & (table["n"] == n)]
        colour, marker = LOOK[construction]
        x = own["kept"] / math.log2(n)
        last = n == sizes[-1]
        look = {"mfc": colour if last else "white", "ms": 3, "mew": 0.6, "lw": 0.8, "ls": "-" if last else ""}
        label = NAMES[construction] if last else None
        geometric_line(ax, own["ratio"].groupby(x), color=colour, marker=marker, label=label, **look)
    kept = sorted(set(table["kept"]))
    for construction in ("tents", "mcshane"):
        line = [derived(construction, sizes[-1], k) for k in kept]
        name = "derived" if construction == "tents" else None
        ax.plot(np.array(kept) / math.log2(sizes[-1]), line, label=name, **THEORY)
    ax.axvline(1, color="0.6", lw=0.6, ls=":")
    ax.set(xscale="log", yscale="log", xlabel="d̃ / log₂n", ylabel="Lipschitz constant / √(nd/P)")


def growth_panel(ax: Axes, table: pd.DataFrame, chosen: Tightness) -> None:
    """The ratio of tents against n for several d̃, with lines of slope 2/d̃ through the last point."""
    levels = asked_levels(chosen)
    own = table[table["construction"] == "tents"]
    for kept, colour, marker in zip(levels, colours(levels).values(), MARKERS, strict=False):
        groups = own[own["kept"] == kept].groupby("n")["ratio"]
        geometric_line(ax, groups, color=colour, marker=marker, ms=3, ls="", label=f"d̃ = {kept}")
        sizes, last = np.array(chosen.sizes), np.exp(groups.apply(lambda one: np.log(one).mean()).iloc[-1])
        ax.plot(sizes, last * (sizes / sizes[-1]) ** (2 / kept), color=colour, lw=0.7)
    ax.set(xscale="log", yscale="log", xlabel="points n", ylabel="tents: constant / √(nd/P)")
    ax.set_xticks(chosen.sizes, [f"{n:,}" for n in chosen.sizes])
    ax.set_xticks([], minor=True)


def constant_panel(ax: Axes, table: pd.DataFrame, chosen: Tightness) -> None:
    """The constants against parameters for each point, and √(nd/P)."""
    rows = table[table["n"] == max(chosen.sizes)]
    for construction, (colour, marker) in LOOK.items():
        groups = rows[rows["construction"] == construction].groupby("kept")["constant"]
        geometric_line(ax, groups, color=colour, marker=marker, ms=3, lw=1)
    kept = np.array(chosen.kept)
    ax.plot(kept, np.sqrt(chosen.d / kept), color="0.4", lw=0.9, ls="--", label="√(nd/P)")
    ax.set(xscale="log", yscale="log", xlabel="parameters a point, P/n = d̃", ylabel="Lipschitz constant")
