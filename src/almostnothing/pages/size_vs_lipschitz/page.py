"""Panels, summaries and claims of `17_size_vs_lipschitz`."""

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
from almostnothing.claims import Cases, Claim, estimate_text, judged, number
from almostnothing.figures import (
    FREE,
    LOOKS,
    geometric_line,
    handles,
    panel_letters,
    plain_ticks,
    size_axis,
    with_verdicts,
)
from almostnothing.health import LEARNED
from almostnothing.measures.frontier import ADVERSARIAL, DECAY, PENALISED, PLAIN
from almostnothing.pages.size_vs_lipschitz.claims import CLAIMS
from almostnothing.pages.size_vs_lipschitz.parameters import FEATURES, SHORTER, SizeVsLipschitz
from almostnothing.stats import Interval
from almostnothing.theory import interpolants

HALF = 0.5  # the conjecture's exponent
NAMES = {PLAIN: "plain", DECAY: "weight decay", ADVERSARIAL: "adversarial", PENALISED: "penalised, the flattest"}
LOOK = dict(zip(NAMES, [("black", "o"), FREE[0], FREE[2], FREE[5]], strict=True))
FITS = dict(zip(FEATURES, ["random features", "NTK features", "NTK, even activation"], strict=True))
FIT_LOOK = dict(zip(FITS, [FREE[3], LOOKS["ntk"], FREE[4]], strict=True))
ACTIVATIONS = {"relu": "ReLU", "softplus": "softplus"}
THEORY: dict[str, Any] = {"color": LOOKS["theory"][0], "lw": 0.9, "zorder": 1}
KIND = ["mode", "activation", "weight", "steps", "start", "k"]  # of which all networks learned, or none counts
LABELS = {"lower": "slopes found", "upper": "certified"}


def evidence(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of kinds of which all networks fit, and how many networks that leaves and leaves out."""
    return tables.evidence(rows, KIND, rows["status"] == LEARNED)


def of(table: pd.DataFrame, mode: str, activation: str = "relu") -> tuple[pd.DataFrame, dict[str, int]]:
    """The networks of a mode that count as evidence: of penalised ones the flattest, see `flattest`."""
    if mode == PENALISED:
        return flattest(table, activation)
    return evidence(table[(table["mode"] == mode) & (table["activation"] == activation)])


def flattest(table: pd.DataFrame, activation: str, shorter: bool = False) -> tuple[pd.DataFrame, dict[str, int]]:
    """Of each size and seed the penalised network of the least certified bound, over weights of the penalty and starts.

    By the certified bound, as the least of several slopes found would be that of the poorest search.
    """
    rows = table[(table["mode"] == PENALISED) & (table["activation"] == activation)]
    most = rows["steps"].max()
    kept, counts = evidence(rows[(rows["steps"] < most) if shorter else (rows["steps"] == most)])
    return kept.loc[kept.groupby(["k", "seed"])["upper"].idxmin()], counts


def wide(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """ln of a column, seeds by sizes k."""
    return rows.pivot_table(column, "seed", "k").map(math.log)


def exponents(logs: pd.DataFrame, n: int) -> pd.Series:
    """Of each seed the slope of ln constant against ln n/k; none where fewer than three k are left."""
    if logs.shape[1] < 3:
        return pd.Series(dtype=float)
    x = np.log(n / logs.columns.to_numpy(float))
    return logs.apply(lambda own: np.polyfit(x, own, 1)[0], axis=1)


def ends(chosen: SizeVsLipschitz) -> dict[str, tuple[int, int]]:
    """The two fewest and the two largest numbers of units."""
    return {"fewest": (chosen.units[0], chosen.units[1]), "most": (chosen.units[-2], chosen.units[-1])}


def between(logs: pd.DataFrame, first: int, second: int) -> pd.Series:
    """Of each seed the slope of ln constant against ln n/k from one size to another; none without evidence of both."""
    return difference(logs, logs, first, second) / math.log(second / first)


def from_half(slopes: pd.Series) -> Interval:
    """The interval of |slope − 1/2|."""
    return stats.absolute(stats.mean_interval(slopes - HALF))


def above_floor(rows: pd.DataFrame) -> pd.DataFrame:
    """ln (slope found − what every function needs on these points), seeds by sizes k."""
    return wide(rows.assign(above=(rows["lower"] - rows["floor"]).clip(lower=1e-9)), "above")


def misfits(logs: pd.DataFrame, n: int) -> pd.Series:
    """Of each seed the misfit of √(nd/P), P = k(d + 2), less that of an order without k, each times its constant."""
    if logs.shape[1] < 3:
        return pd.Series(dtype=float)
    order = np.log([interpolants.order(n, 1, int(k)) for k in logs.columns.tolist()])
    return (logs - order).std(axis=1, ddof=0) - logs.std(axis=1, ddof=0)


def claims(table: pd.DataFrame, chosen: SizeVsLipschitz) -> list[Claim]:
    """What is claimed of the networks: intervals are over seeds, each with points, labels and networks of its own."""
    cases, n = Cases(), chosen.n
    fewest, most = chosen.units[0], chosen.units[-1]
    shrink = np.log(np.sqrt(n / np.array([most, fewest])))
    for activation in chosen.activations:
        best, counts = flattest(table, activation)
        short, _ = flattest(table, activation, shorter=True)
        name = ACTIVATIONS[activation]
        for column, words in LABELS.items():
            case = {"activation": name, "bound": words}
            slopes = from_half(exponents(wide(best, column), n))
            cases.add("slope" if activation == "relu" else "smooth", case, slopes, counts)
            for end, pair in ends(chosen).items():
                cases.add(end, case, from_half(between(wide(best, column), *pair)), counts)
        lower, upper, before = wide(best, "lower"), wide(best, "upper"), wide(short, "lower")
        where = {"activation": name}
        if activation == "relu":
            fell = difference(upper, upper, most, fewest) - (shrink[0] - shrink[1])
            cases.add("envelope", where, stats.mean_interval(fell), counts)
        cases.add("above-floor", where, from_half(exponents(above_floor(best), n)), counts)
        cases.add("rival", where, stats.mean_interval(misfits(lower, n)), counts)
        plain, some = of(table, PLAIN, activation)
        for k in (fewest, most):
            at = {**where, "k": f"k = {k}"}
            cases.add("gained", at, stats.mean_interval(difference(before, lower, k, k)), only(best, counts, k))
            cases.add(
                "gap", at, stats.mean_interval(difference(wide(plain, "lower"), upper, k, k)), only(plain, some, k)
            )
    best, plain = (wide(of(table, mode)[0], "lower") for mode in (PENALISED, PLAIN))
    for mode in (DECAY, ADVERSARIAL):
        rows, counts = of(table, mode)
        share = ((plain - wide(rows, "lower")) / (plain - best)).dropna(axis=1)
        cases.add("closed", {"mode": NAMES[mode]}, stats.mean_interval(share.mean(axis=1)), counts)
    upper = wide(flattest(table, "relu")[0], "upper")
    for kind, words in FITS.items():
        rows, counts = evidence(table[table["mode"] == kind])
        for k in chosen.compared:
            found = stats.mean_interval(difference(wide(rows, "lower"), upper, k, k))
            cases.add("features", {"features": words, "k": f"k = {k}"}, found, only(rows, counts, k))
    return judged("17_size_vs_lipschitz", CLAIMS, cases, chosen.thresholds.model_dump())


def difference(one: pd.DataFrame, other: pd.DataFrame, k: int, other_k: int) -> pd.Series:
    """Of each seed the first at k less the second at the other k; none where either is no evidence."""
    if k not in one.columns or other_k not in other.columns:
        return pd.Series(dtype=float)
    return one[k] - other[other_k]


def only(rows: pd.DataFrame, counts: dict[str, int], k: int) -> dict[str, int]:
    """Counts of the networks of one size, where these are evidence."""
    own = int((rows["k"] == k).sum())
    return {"networks": own, "left_out": 0 if own else counts["left_out"]}


def slope_rows(table: pd.DataFrame, chosen: SizeVsLipschitz) -> list[tuple[str, pd.Series, tuple[str, str]]]:
    """Exponents of n/k by seed, of all ways to train and to look, with their looks."""
    n, rows = chosen.n, []
    for activation in chosen.activations:
        best, name, look = flattest(table, activation)[0], ACTIVATIONS[activation], LOOK[PENALISED]
        for column, words in LABELS.items():
            rows.append((f"flattest, {name}: {words}", exponents(wide(best, column), n), look))
        for first, second in ends(chosen).values():
            some = between(wide(best, "lower"), first, second)
            rows.append((f"flattest, {name}: k = {first} to {second}", some, look))
        rows.append((f"flattest, {name}: less the floor", exponents(above_floor(best), n), look))
        short = flattest(table, activation, shorter=True)[0]
        rows.append((f"flattest, {name}: 1/{SHORTER} of the steps", exponents(wide(short, "lower"), n), look))
    for mode in (PLAIN, DECAY, ADVERSARIAL):
        rows.append((NAMES[mode], exponents(wide(of(table, mode)[0], "lower"), n), LOOK[mode]))
    for kind, words in FITS.items():
        rows.append((words, exponents(wide(evidence(table[table["mode"] == kind])[0], "lower"), n), FIT_LOOK[kind]))
    return [row for row in rows if len(row[1])]


def exponent_table(table: pd.DataFrame, chosen: SizeVsLipschitz) -> pd.DataFrame:
    """Exponents of n/k with their intervals over seeds, each for itself."""
    found = {name: estimate_text(stats.mean_interval(slopes)) for name, slopes, _ in slope_rows(table, chosen)}
    return pd.DataFrame({"exponent of n/k [95 %]": found}).rename_axis("networks")


def reached(table: pd.DataFrame) -> pd.DataFrame:
    """For each way of training: networks, how many fit, the largest error, geometric means at fewest and most units."""
    lines = []
    for (mode, activation, weight, steps), own in table.groupby(["mode", "activation", "weight", "steps"], sort=False):
        ends = [own[own["k"] == k] for k in (own["k"].min(), own["k"].max())]
        line = {
            "mode": {**NAMES, PENALISED: "penalised", **FITS}[str(mode)],
            "activation": activation,
            "weight": weight,
            "steps": steps,
        }
        line |= {"networks": len(own), "fit": int((own["status"] == LEARNED).sum()), "largest error": own["mse"].max()}
        for column in (*LABELS, "path"):
            line[column] = " … ".join(number(float(gmean(end[column]))) for end in ends)
        lines.append(line)
    found = pd.DataFrame(lines).rename(columns={**LABELS, "path": "path norm"})
    return found.map(lambda value: number(value) if isinstance(value, float) else value).set_index("mode")


def figure(table: pd.DataFrame, verdicts: Sequence[Claim], chosen: SizeVsLipschitz) -> Figure:
    """Constants and their ratios to √(n/k) above; exponents, features and path norms below."""
    whole, room = with_verdicts(5.2, verdicts, "")
    axes = room.subplots(2, 3)
    constant_panel(axes[0, 0], table, chosen)
    ratio_panel(axes[0, 1], table, chosen)
    search_panel(axes[0, 2], table, chosen)
    exponent_panel(axes[1, 0], table, chosen)
    feature_panel(axes[1, 1], table, chosen)
    path_panel(axes[1, 2], table, chosen)
    for ax in (axes[0, 1], axes[0, 2], axes[1, 1]):
        ax.legend(fontsize=5.5, handlelength=1.6, labelspacing=0.25)
    room.legend(*handles([axes[0, 0]]), loc="outside lower center", ncols=7, fontsize=6)
    room.suptitle(headline(table, chosen))
    panel_letters(list(axes.flat))
    return whole


def headline(table: pd.DataFrame, chosen: SizeVsLipschitz) -> str:
    """The exponents by both bounds, and plain training's."""
    best, _ = flattest(table, "relu")
    slopes = [number(exponents(wide(best, column), chosen.n).mean()) for column in LABELS]
    plain = number(exponents(wide(of(table, PLAIN)[0], "lower"), chosen.n).mean())
    return (
        f"{chosen.n:,} random labels in {chosen.d} dimensions: the flattest networks found are steep as n/k to the "
        f"power {slopes[0]} (certified {slopes[1]}),\nwhere the conjecture has 1/2; plain training, {plain}"
    )


def line(ax: Axes, rows: pd.DataFrame, x: pd.Series, column: str, **options: Any) -> None:
    """Geometric means against x with intervals of the mean ln over seeds."""
    geometric_line(ax, rows[column].groupby(x), **{"ms": 3, "lw": 1, **options})


def look_of(look: tuple[str, str], open_: bool = False) -> dict[str, Any]:
    """Colour and marker; open and dashed for what is certified."""
    return {"color": look[0], "marker": look[1]} | ({"mfc": "white", "mew": 0.7, "ls": "--"} if open_ else {})


def ratio_axis(ax: Axes, chosen: SizeVsLipschitz) -> None:
    """n/k, logarithmic."""
    size_axis(ax, [chosen.n / k for k in chosen.units], "points a unit, n/k")


def constant_panel(ax: Axes, table: pd.DataFrame, chosen: SizeVsLipschitz) -> None:
    """Constants of ReLU networks against n/k: slopes found, certified bounds of the flattest, floor, slope 1/2."""
    for mode, words in NAMES.items():
        rows, _ = of(table, mode)
        line(ax, rows, chosen.n / rows["k"], "lower", label=words, **look_of(LOOK[mode]))
    best, _ = flattest(table, "relu")
    line(ax, best, chosen.n / best["k"], "upper", label="its certified bound", **look_of(LOOK[PENALISED], True))
    x = np.array([chosen.n / chosen.units[-1], chosen.n / chosen.units[0]])
    if len(best):
        middle = gmean(x)
        ax.plot(x, gmean(best["lower"]) * np.sqrt(x / middle), label="slope 1/2", **THEORY)
    ax.axhline(table["floor"].mean(), color="0.4", lw=0.9, ls=":", label="every function's floor")
    ax.set(yscale="log", ylabel="Lipschitz constant, ReLU")
    ratio_axis(ax, chosen)
    plain_ticks(ax)


def ratio_panel(ax: Axes, table: pd.DataFrame, chosen: SizeVsLipschitz) -> None:
    """The flattest networks' constants over √(n/k), both activations; flat if the conjecture's order is theirs."""
    for activation, look in zip(chosen.activations, [LOOK[PENALISED], FREE[1]], strict=False):
        rows, _ = flattest(table, activation)
        own = rows.assign(**{column: rows[column] / np.sqrt(chosen.n / rows["k"]) for column in LABELS})
        for column, words in LABELS.items():
            label = f"{ACTIVATIONS[activation]}, {words}"
            line(ax, own, chosen.n / own["k"], column, label=label, **look_of(look, column == "upper"))
    ax.set(yscale="log", ylabel="flattest: constant / √(n/k)")
    ax.set_ylim(top=1.25 * ax.get_ylim()[1])  # room for the legend
    ratio_axis(ax, chosen)
    plain_ticks(ax)


def search_panel(ax: Axes, table: pd.DataFrame, chosen: SizeVsLipschitz) -> None:
    """The flattest networks after all steps and after a part, with every penalised network of all steps."""
    rows = table[(table["mode"] == PENALISED) & (table["activation"] == "relu") & (table["status"] == LEARNED)]
    whole = rows[rows["steps"] == rows["steps"].max()]
    ax.plot(chosen.n / whole["k"], whole["lower"], "_", color="0.6", ms=5, mew=0.6, label="each, all steps")
    for shorter in (False, True):
        own, _ = flattest(table, "relu", shorter)
        label = f"flattest, 1/{SHORTER} of the steps" if shorter else "flattest, all steps"
        line(ax, own, chosen.n / own["k"], "lower", label=label, **look_of(LOOK[PENALISED], shorter))
    ax.set(yscale="log", ylabel="penalised, ReLU: slopes found")
    ax.set_ylim(top=1.2 * ax.get_ylim()[1])  # room for the legend
    ratio_axis(ax, chosen)
    plain_ticks(ax)


def exponent_panel(ax: Axes, table: pd.DataFrame, chosen: SizeVsLipschitz) -> None:
    """Exponents of n/k by seed and their intervals, the conjecture's and that of an order without k."""
    rows = slope_rows(table, chosen)
    for place, (_, slopes, look) in enumerate(rows):
        found = stats.mean_interval(slopes)
        ax.plot(slopes, [place] * len(slopes), "|", color="0.6", ms=4, mew=0.6)
        spread = [[found.mean - found.low], [found.high - found.mean]]
        ax.errorbar([found.mean], [place], xerr=spread, color=look[0], marker=look[1], ms=3, lw=1)
    ax.axvspan(HALF - chosen.thresholds.exponent, HALF + chosen.thresholds.exponent, color="0.92", zorder=0, lw=0)
    ax.axvline(HALF, **THEORY)
    ax.axvline(0, color="0.4", lw=0.8, ls=":")
    ax.set_yticks(range(len(rows)), [name for name, _, _ in rows], fontsize=5)
    ax.invert_yaxis()
    ax.set_xlabel("exponent of n/k")


def feature_panel(ax: Axes, table: pd.DataFrame, chosen: SizeVsLipschitz) -> None:
    """Constants of minimum-norm fits in features, beside plain and flattest networks of the same k."""
    for mode in (PLAIN, PENALISED):
        rows, _ = of(table, mode)
        line(ax, rows, chosen.n / rows["k"], "lower", **look_of(LOOK[mode]))
    for kind, words in FITS.items():
        rows, _ = evidence(table[table["mode"] == kind])
        line(ax, rows, chosen.n / rows["k"], "lower", label=words, **look_of(FIT_LOOK[kind]))
    ax.set(yscale="log", ylabel="slopes found")
    ax.set_ylim(top=3 * ax.get_ylim()[1])  # room for the legend
    ratio_axis(ax, chosen)


def path_panel(ax: Axes, table: pd.DataFrame, chosen: SizeVsLipschitz) -> None:
    """Path norms of ReLU networks."""
    for mode in NAMES:
        rows, _ = of(table, mode)
        line(ax, rows, chosen.n / rows["k"], "path", **look_of(LOOK[mode]))
    ax.set(yscale="log", ylabel="path norm Σ |aⱼ|‖wⱼ‖, ReLU")
    ratio_axis(ax, chosen)
    plain_ticks(ax)
