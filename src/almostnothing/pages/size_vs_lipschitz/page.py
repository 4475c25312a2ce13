"""Panels, summaries and claims of `17_size_vs_lipschitz`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import gmean

from almostnothing import stats, tables
from almostnothing.claims import Cases, Claim, estimate_text, judged, number
from almostnothing.figures import (
    DOUBLE,
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
from almostnothing.measures.modes import ADVERSARIAL, DECAY, PENALISED, PLAIN, SOBOLEV
from almostnothing.pages.size_vs_lipschitz.claims import CLAIMS
from almostnothing.pages.size_vs_lipschitz.parameters import FEATURES, SHORTER, SizeVsLipschitz
from almostnothing.stats import Interval

HALF = 0.5  # the conjecture's exponent
NAMES = {
    PLAIN: "plain",
    DECAY: "weight decay",
    ADVERSARIAL: "adversarial",
    SOBOLEV: "smallest average",
    PENALISED: "penalised, the flattest",
}
LOOK = dict(zip(NAMES, [("black", "o"), FREE[0], FREE[2], ("#15803d", "s"), FREE[5]], strict=True))
FITS = dict(zip(FEATURES, ["random features", "NTK features", "NTK, even activation"], strict=True))
FIT_LOOK = dict(zip(FITS, [FREE[3], LOOKS["ntk"], FREE[4]], strict=True))
ACTIVATIONS = {"relu": "ReLU", "softplus": "softplus"}
THEORY: dict[str, Any] = {"color": LOOKS["theory"][0], "lw": 0.9, "zorder": 1}
KIND = ["mode", "activation", "weight", "steps", "start", "k"]  # of which all networks learned, or none counts
LABELS = {"lower": "slopes found", "upper": "certified"}
LARGEST = {"lower_inf": "L∞, slopes found", "upper_inf": "L∞, certified"}
ORDER, LAWS = (
    "order",
    {"none": "n^(1/d)", "free": "free power of n/k", "floor": "floor + c√(n/k)"},
)  # the law, its rivals


def evidence(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of kinds of which all networks fit, and how many networks that leaves and leaves out."""
    return tables.evidence(rows, KIND, rows["status"] == LEARNED)


def of(table: pd.DataFrame, mode: str, activation: str = "relu") -> tuple[pd.DataFrame, dict[str, int]]:
    """The networks of a mode that count as evidence: of penalised ones the flattest, of others see `least`."""
    if mode == PENALISED:
        return flattest(table, activation)
    return least(table[(table["mode"] == mode) & (table["activation"] == activation)], "average")


def least(rows: pd.DataFrame, column: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Of each size and seed the network with the least of a column, over weights and starts, of those that count."""
    kept, counts = evidence(rows)
    return kept.loc[kept.groupby(["k", "seed"])[column].idxmin()], counts


def flattest(
    table: pd.DataFrame, activation: str, shorter: bool = False, by: str = "upper"
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Of each size and seed the penalised network of the least certified bound, over weights of the penalty and starts.

    By the certified bound, as the least of several slopes found would be that of the poorest search.
    """
    rows = table[(table["mode"] == PENALISED) & (table["activation"] == activation)]
    most = rows["steps"].max()
    return least(rows[(rows["steps"] < most) if shorter else (rows["steps"] == most)], by)


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


def held_out(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    """Of each seed and law the mean over sizes k of `stats.log_predictive` of ln slope found; none of fewer than 3 k.

    All laws are linear once logarithms are taken, with their spread in ln: c√(nd/P), P = k(d + 2), where d and 2 go
    into c; c alone, which n^(1/d) is here, as n and d do not vary; c(n/k)^p; and F + c√(n/k), F what every function
    needs, whose spread is that of ln (slope − F), so that a density of ln slope has the factor slope/(slope − F).
    NaN where too few sizes are left for a law's constants and a spread, or a slope found lies below the floor.
    """
    logs = wide(rows, "lower")
    if logs.shape[1] < 3:
        return pd.DataFrame(columns=[ORDER, *LAWS], dtype=float)
    x, floors = np.log(n / logs.columns.to_numpy(float)), rows.groupby("seed")["floor"].first()
    one, found = np.ones((len(x), 1)), {}
    for seed in logs.index.tolist():
        y = logs.loc[seed].to_numpy(float)
        share = 1 - float(floors[seed]) * np.exp(-y)  # of the slope, above the floor
        with np.errstate(invalid="ignore", divide="ignore"):
            above = y + np.log(np.where(share > 0, share, math.nan))
        each = {
            ORDER: stats.log_predictive(y - x / 2, one),
            "none": stats.log_predictive(y, one),
            "free": stats.log_predictive(y, np.stack([one[:, 0], x], 1)),
            "floor": stats.log_predictive(above - x / 2, one) - (above - y)
            if np.isfinite(above).all()
            else math.nan * y,
        }
        found[seed] = {law: float(values.mean()) for law, values in each.items()}
    return pd.DataFrame.from_dict(found, orient="index")


def doubled(logs: pd.DataFrame) -> pd.Series:
    """Of each seed the growth of what stands in ln per doubling of k; none of fewer than three k."""
    if logs.shape[1] < 3:
        return pd.Series(dtype=float)
    return logs.apply(lambda own: stats.per_doubling(logs.columns.to_numpy(float), own.to_numpy()), axis=1)


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
        densities = held_out(best, n)
        for law, words in LAWS.items():
            found = stats.mean_interval(densities[ORDER] - densities[law])
            cases.add("rival", {**where, "other": words}, found, counts)
        largest, some = flattest(table, activation, by="upper_inf")
        cases.add("linf", where, from_half(exponents(wide(largest, "upper_inf"), n)), some)
        for mode in (PLAIN, PENALISED):
            rows, some = of(table, mode, activation)
            distance, steep = wide(rows, "stability"), wide(rows, "upper")
            at = {**where, "mode": NAMES[mode]}
            cases.add("stability", at, stats.mean_interval(doubled(distance)), some)
            cases.add("inverse", at, stats.mean_interval(doubled(-steep)), some)
            cases.add("outgrows", at, stats.mean_interval(doubled(distance + steep)), some)
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
    flat = flattest(table, "relu")[0]
    upper = wide(flat, "upper")
    rows, counts = of(table, SOBOLEV)
    for k in (fewest, most):
        at, own = {"k": f"k = {k}"}, only(rows, counts, k)
        worst = difference(wide(rows, "lower"), upper, k, k)
        cases.add("sobolev", at, stats.mean_interval(worst), own)
        mean = difference(wide(rows, "average"), wide(flat, "average"), k, k)
        cases.add("average", at, stats.mean_interval(mean), own)
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
        largest = flattest(table, activation, by="upper_inf")[0]
        rows.extend(
            (f"flattest, {name}: {words}", exponents(wide(largest, column), n), look)
            for column, words in LARGEST.items()
        )
        short = flattest(table, activation, shorter=True)[0]
        rows.append((f"flattest, {name}: 1/{SHORTER} of the steps", exponents(wide(short, "lower"), n), look))
    for mode in (PLAIN, DECAY, ADVERSARIAL, SOBOLEV):
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
        for column in (*LABELS, "average", "stability", "path"):
            line[column] = " … ".join(number(float(gmean(end[column]))) for end in ends)
        lines.append(line)
    found = pd.DataFrame(lines).rename(
        columns={**LABELS, "average": "average slope", "stability": "mean distance", "path": "path norm"}
    )
    return found.map(lambda value: number(value) if isinstance(value, float) else value).set_index("mode")


def figure(table: pd.DataFrame, verdicts: Sequence[Claim], chosen: SizeVsLipschitz) -> Figure:
    """Constants, ratios to √(n/k), the search; exponents, distances, rival laws."""
    whole, room = with_verdicts(5.6, verdicts, "")
    axes = room.subplots(2, 3, height_ratios=[1, 1.2])
    constant_panel(axes[0, 0], table, chosen)
    ratio_panel(axes[0, 1], table, chosen)
    search_panel(axes[0, 2], table, chosen)
    exponent_panel(axes[1, 0], table, chosen)
    stability_panel(axes[1, 1], table, chosen)
    rival_panel(axes[1, 2], table, chosen)
    for ax in (axes[0, 1], axes[0, 2], axes[1, 1], axes[1, 2]):
        ax.legend(fontsize=5.5, handlelength=1.6, labelspacing=0.25)
    room.legend(*handles([axes[0, 0]]), loc="outside lower center", ncols=4, fontsize=6)
    room.suptitle(headline(table, chosen))
    panel_letters(list(axes.flat))
    return whole


def supplement(table: pd.DataFrame, chosen: SizeVsLipschitz) -> Figure:
    """Fits in features, path norms, the steepest slope against the average one."""
    whole = plt.figure(figsize=(DOUBLE, 0.38 * DOUBLE))
    axes = whole.subplots(1, 3)
    feature_panel(axes[0], table, chosen)
    path_panel(axes[1], table, chosen)
    average_panel(axes[2], table)
    for ax in (axes[0], axes[2]):
        ax.legend(fontsize=5.5, handlelength=1.6, labelspacing=0.25)
    lines = [Line2D([], [], ms=3, lw=1, label=words, **look_of(LOOK[mode])) for mode, words in NAMES.items()]
    whole.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize=6)
    panel_letters(list(axes), after=6)
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
    ax.set_ylim(top=1.5 * ax.get_ylim()[1])  # room for the legend
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
    plain_ticks(ax)


def path_panel(ax: Axes, table: pd.DataFrame, chosen: SizeVsLipschitz) -> None:
    """Path norms of ReLU networks."""
    for mode in NAMES:
        rows, _ = of(table, mode)
        line(ax, rows, chosen.n / rows["k"], "path", **look_of(LOOK[mode]))
    ax.set(yscale="log", ylabel="path norm Σ |aⱼ|‖wⱼ‖, ReLU")
    ratio_axis(ax, chosen)
    plain_ticks(ax)


def stability_panel(ax: Axes, table: pd.DataFrame, chosen: SizeVsLipschitz) -> None:
    """Mean distances to the decision boundary, found and certified, and 1/constant, against units; ReLU."""
    for mode in NAMES:
        rows, _ = of(table, mode)
        line(ax, rows, rows["k"], "stability", **look_of(LOOK[mode]))
    for mode in (PLAIN, PENALISED):
        rows, _ = of(table, mode)
        line(ax, rows, rows["k"], "stability_least", **look_of(LOOK[mode], True))
        own = rows.assign(inverse=1 / rows["upper"])
        line(ax, own, rows["k"], "inverse", color=LOOK[mode][0], marker="x", ls=":")
    signs: dict[str, dict[str, Any]] = {
        "mean distance, found": {"marker": "o"},
        "certified": {"marker": "o", "mfc": "white", "ls": "--"},
        "1/constant": {"marker": "x", "ls": ":"},
    }
    for words, options in signs.items():
        ax.plot([], [], color="0.3", ms=3, lw=1, label=words, **options)
    ax.set(yscale="log", ylabel="to the boundary, ReLU")
    ax.set_ylim(top=1.8 * ax.get_ylim()[1])  # room for the legend
    size_axis(ax, chosen.units, "units k")
    plain_ticks(ax)


def average_panel(ax: Axes, table: pd.DataFrame) -> None:
    """The longest gradient found against the root mean square gradient, ReLU: a line joins a mode's sizes."""
    for mode in NAMES:
        rows, _ = of(table, mode)
        each = rows.groupby("k")[["average", "lower"]].agg(gmean)
        ax.plot(each["average"], each["lower"], ms=3, lw=1, **look_of(LOOK[mode]))
    ends_of = np.array(ax.get_xlim())
    ax.plot(ends_of, ends_of, color="0.4", lw=0.8, ls=":", label="equal")
    ax.set(xlabel="average slope, ReLU", ylabel="slopes found")


def rival_panel(ax: Axes, table: pd.DataFrame, chosen: SizeVsLipschitz) -> None:
    """ln predictive densities of sizes left out by rival laws, less that of √(nd/P), by seed, and their means."""
    for shift, (activation, look) in enumerate(zip(chosen.activations, [LOOK[PENALISED], FREE[1]], strict=False)):
        densities, label = held_out(flattest(table, activation)[0], chosen.n), ACTIVATIONS[activation]
        for place, law in enumerate(LAWS):
            gain = (densities[law] - densities[ORDER]).dropna()
            at, found = place + 0.3 * shift, stats.mean_interval(gain)
            ax.plot(gain, [at] * len(gain), "|", color="0.6", ms=4, mew=0.6)
            if found.n > 1:
                spread = [[found.mean - found.low], [found.high - found.mean]]
                ax.errorbar([found.mean], [at], xerr=spread, color=look[0], marker=look[1], ms=3, lw=1, label=label)
                label = ""
    ax.axvline(0, **THEORY)
    ax.set_yticks(range(len(LAWS)), LAWS.values(), fontsize=5.5)
    ax.set_ylim(len(LAWS) - 0.2, -0.5)
    ax.set_xlabel("ln density less that of √(nd/P)")
