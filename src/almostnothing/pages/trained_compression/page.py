"""Panels, summaries and claims of `14_trained_compression`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from almostnothing import stats, tables
from almostnothing.claims import Cases, Claim, doubt_text, judged, number
from almostnothing.figures import LOOKS, handles, mean_line, panel_letters, plain_ticks, size_axis, with_verdicts
from almostnothing.health import LEARNED
from almostnothing.pages.trained_compression import published
from almostnothing.pages.trained_compression.claims import CLAIMS
from almostnothing.pages.trained_compression.parameters import CORNERS, LINEAR, POINTS, TrainedCompression
from almostnothing.stats import Interval
from almostnothing.tables import by_level
from almostnothing.theory import compression

LOSSES = {"mse": "squared error", "ce": "cross-entropy"}
COLOURS = {LINEAR: "black", "ReLU-1": "#1d4ed8", "ReLU-2": "#c2410c"}  # kinds of networks
MARKERS = {LINEAR: "o", "ReLU-1": "s", "ReLU-2": "^"}
FREE = ("#7c3aed", "P")  # deeper ones
THEORY: dict[str, Any] = {"color": LOOKS["theory"][0], "lw": 0.9, "zorder": 1}
MAX_MARGIN: dict[str, Any] = {"color": "#02805f", "lw": 0.9, "ls": "--", "zorder": 1}
KIND = [
    "data",
    "network",
    "training",
    "start",
    "d",
    "n",
]  # of which all learned, or none counts
FEW = 0.2  # share of the networks from which the mean of those right at all corners is drawn
EARLY = 0.01  # share of the steps after which it is asked who classifies all corners


def ended(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the ends of training."""
    return table[table["step"] == table.groupby(["data", "network", "training"])["step"].transform("max")]


def of_kind(table: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """The rows that have these values."""
    return table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]


def evidence(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of kinds of which all networks learned, and how many networks that leaves and leaves out.

    On one point a class a squared error has ended its fall where each direction is fitted: the text's premise. Before,
    what a network withstands is that of the number of steps.
    """
    over = (rows["status"] == LEARNED) & (
        (rows["data"] == CORNERS) | (rows["training"] == "ce") | rows["exact"].eq(True)
    )
    return tables.evidence(rows, KIND, over)


def controlled(rows: pd.DataFrame) -> pd.Series:
    """ln ratio less β (ln of the closed form − its mean), β by least squares within each d.

    The mean of the closed form is exact, so the mean stays as it is, and varies less where both go together.
    """
    logs, known = np.log(rows["ratio"]), np.log(rows["predicted"])
    known -= [compression.mean_log_cosine(int(n), int(d)) for n, d in zip(rows["n"], rows["d"], strict=True)]
    each = [rows["d"], rows["n"]]
    one, other = (values - values.groupby(each).transform("mean") for values in (logs, known))
    spread = float((other**2).sum())
    return logs - (float((one * other).sum()) / spread if spread else 0.0) * known


def exponents(rows: pd.DataFrame) -> pd.Series:
    """The slope of ln ratio against ln d over each seed's networks; none where fewer than three d are left."""
    if rows["d"].nunique() < 3:
        return pd.Series(dtype=float)
    logs = pd.DataFrame({"seed": rows["seed"], "x": np.log(rows["d"]), "y": controlled(rows)})
    return logs.groupby("seed")[["x", "y"]].apply(lambda own: np.polyfit(own["x"], own["y"], 1)[0])


def apart(rows: pd.DataFrame, column: str) -> Interval:
    """The mean size of |cos θ₁| − `column` over each seed's networks."""
    return stats.mean_interval((rows["ratio"] - rows[column]).abs().groupby(rows["seed"]).mean())


def claims(table: pd.DataFrame, chosen: TrainedCompression) -> list[Claim]:
    """What is claimed of trained networks: intervals are over seeds, each with points and networks of its own."""
    cases, last = Cases(), ended(table)
    corners = of_kind(last, data=CORNERS)
    for (loss, words), (d, own) in ((item, level) for item in LOSSES.items() for level in by_level(corners, "d")):
        for start, rows in by_level(of_kind(own, training=loss), "start"):
            kept, counts = evidence(rows)
            main = d == chosen.corners.followed and start == 1
            where = {"loss": words, "d": f"d = {d}"} | ({} if main else {"start": f"start × {start:g}"})
            cases.add("phi" if main else "phi-more", where, apart(kept, "predicted"), counts)
            if loss == "ce":
                cases.add("max-margin", where, apart(kept, "max_margin"), counts)
    for loss, words in LOSSES.items():
        found, counts = selection(table, loss, chosen)
        cases.add("selected", {"loss": words, "d": f"d = {chosen.corners.followed}"}, found, counts)
    for family in chosen.points.families:
        for loss, words in LOSSES.items():
            rows = of_kind(last, data=POINTS, network=family.name, training=loss)
            where = {"network": family.name, "loss": words}
            for start, own in by_level(rows, "start"):
                point_cases(cases, own, where, start)
    for d, rows in by_level(of_kind(last, data=POINTS, network=LINEAR, training="mse"), "d"):
        exact = rows[(rows["n"] == d) & rows["exact"]]
        logs = np.log(exact["ratio"] / exact["predicted"]).groupby([exact["start"], exact["seed"]]).mean()
        for start in sorted(rows["start"].unique()):
            found = stats.absolute(stats.mean_interval(logs.get(start, [])))
            counts = {"networks": int((exact["start"] == start).sum())}
            cases.add("closed", {"d": f"d = {d}", "start": f"start × {start:g}"}, found, counts)
    return judged("14_trained_compression", CLAIMS, cases, chosen.thresholds.model_dump())


def point_cases(cases: Cases, rows: pd.DataFrame, where: dict[str, str], start: float) -> None:
    """The cases of one kind of network and loss on one point a class."""
    beside = {} if start == 1 else {"start": f"start × {start:g}"}
    for share, own in by_level(rows.assign(share=rows["n"] / rows["d"]), "share"):
        kept, counts = evidence(own)
        slope = stats.mean_interval(exponents(kept))
        if share < 1:
            cases.add("fewer", {**where, "n/d": f"n = {share:g} d", **beside}, slope, counts)
            continue
        off = Interval(slope.mean + 0.5, slope.low + 0.5, slope.high + 0.5, slope.n)
        cases.add("root" if start == 1 else "start", {**where, **beside}, stats.absolute(off), counts)
        top, some = evidence(own[own["d"] == own["d"].max()])
        found = stats.mean_interval(top.groupby("seed")["ratio"].mean())
        cases.add("most", {**where, "d": f"d = {own['d'].max()}", **beside}, found, some)


def selection(table: pd.DataFrame, loss: str, chosen: TrainedCompression) -> tuple[Interval, dict[str, int]]:
    """Mean φ of networks that classify all corners after `EARLY` of the steps, less that of all, for each seed."""
    followed = of_kind(table, data=CORNERS, training=loss, d=chosen.corners.followed, start=1.0)
    early = followed[followed["step"] == max(1, round(EARLY * chosen.corners.steps))]
    right = early[early["accuracy"] == 1].groupby("seed")["predicted"].mean()
    return stats.mean_interval((right - early.groupby("seed")["predicted"].mean()).dropna()), {"networks": len(early)}


def agreement(table: pd.DataFrame) -> pd.DataFrame:
    """For each kind of network on one point a class, all d: how many learned and fit exactly, and of how many points
    other attacks found something at least 1 % smaller: `attacks.contradicted`, by d, and foolbox's on a few.
    """
    rows = of_kind(ended(table), data=POINTS)
    rows = rows.assign(points=np.where(rows["n"] == rows["d"], "n = d", "n < d"), loss=rows["training"].map(LOSSES))
    kinds = ["network", "loss", "start", "points"]
    each = rows.groupby(kinds, sort=False)
    found = pd.DataFrame(
        {
            "networks": each.size(),
            "learned": each["status"].apply(lambda own: (own == LEARNED).sum()),
            "fit exactly": each["exact"].sum().where(each["training"].first() == "mse").map("{:.0f}".format),
            **{
                f"smaller by ascent, d = {d}": own.groupby(kinds, sort=False)["contradicted"]
                .mean()
                .map(doubt_text, na_action="ignore")
                for d, own in by_level(rows, "d")
            },
            "by foolbox": each["opinion"].mean().map(doubt_text, na_action="ignore"),
        }
    )
    searched = found.columns.drop(["networks", "learned", "fit exactly"])
    return found.fillna(dict.fromkeys(searched, "exact")).replace({"nan": "–"})


def text_table(table: pd.DataFrame, chosen: TrainedCompression) -> pd.DataFrame:
    """The text's means of its valid networks, the law's mean of φ at d = 12, and ours at the followed d."""
    law, draws = compression.cosine_law(published.D, published.D), np.random.default_rng(0)
    means = np.sqrt(law.rvs((100_000, published.RUNS), random_state=draws)).mean(1)
    mean = compression.mean_cosine(published.D, published.D)
    lines = [{"networks": f"the text's {published.RUNS}, smaller mean", "mean φ": min(published.MEANS)}]
    lines += [{"networks": f"the text's {published.RUNS}, larger mean", "mean φ": max(published.MEANS)}]
    for line in lines:
        line["chance of so large a mean"] = f"{(means >= line['mean φ']).mean():.2g}"
    lines.append({"networks": "all, by the exact law", "mean φ": mean})
    corners = of_kind(ended(table), data=CORNERS, d=chosen.corners.followed, start=1.0)
    for loss, own in corners.groupby("training", sort=False):
        words = f"ours, d = {chosen.corners.followed}, {LOSSES[str(loss)]}"
        lines.append(
            {
                "networks": f"{words}: {len(own)}",
                "mean φ": own["predicted"].mean(),
                "mean |cos θ₁|": number(own["ratio"].mean()),
                "mean difference": number((own["ratio"] - own["predicted"]).abs().mean()),
            }
        )
    lines[0]["mean difference"] = lines[1]["mean difference"] = number(published.DIFFERENCE)
    found = pd.DataFrame(lines).fillna("").set_index("networks")
    return found.assign(**{"mean φ": found["mean φ"].map("{:.3f}".format)}).rename(columns={"mean φ": "mean"})


def figure(table: pd.DataFrame, verdicts: Sequence[Claim], chosen: TrainedCompression) -> Figure:
    """Corners above: φ, training, selection; one point a class below: the ratio against d."""
    whole, room = with_verdicts(4.9, verdicts, "")
    axes, last = room.subplots(2, 3), ended(table)
    d = chosen.corners.followed
    followed = of_kind(table, data=CORNERS, d=d, start=1.0)
    phi_panel(axes[0, 0], of_kind(last, data=CORNERS, d=d, start=1.0))
    course_panel(axes[0, 1], followed)
    selection_panel(axes[0, 2], followed)
    points = of_kind(last, data=POINTS)
    fewest = min(chosen.points.shares)
    for ax, share, start in zip(axes[1], (1, 1, fewest), (1.0, min(chosen.starts), 1.0), strict=True):
        ratio_panel(ax, points[(points["n"] == round_all(share, points["d"])) & (points["start"] == start)])
        name = "n = d" if share == 1 else f"n = {share:g} d"
        ax.set_title(name if start == 1 else f"{name}, start × {start:g}", fontsize=6.5, loc="right")
    for ax, place in zip(axes[0], ("lower right", "upper right", "upper right"), strict=True):
        named = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))  # the text's two means have one name
        ax.legend(named.values(), named.keys(), fontsize=5.5, loc=place, handlelength=1.4, labelspacing=0.25)
    room.legend(*handles(axes[1]), loc="outside lower center", ncols=4, fontsize=6)
    room.suptitle(headline(last, chosen))
    panel_letters(list(axes.flat))
    return whole


def round_all(share: float, dimensions: pd.Series) -> pd.Series:
    """n for each d."""
    return (share * dimensions).round().astype(int)


def headline(last: pd.DataFrame, chosen: TrainedCompression) -> str:
    """What becomes of the ratio at the most dimensions, by loss."""
    rows = of_kind(last, data=POINTS, start=1.0, d=max(chosen.points.dimensions))
    rows = rows[rows["n"] == rows["d"]]
    mean = rows.groupby(["network", "training"])["ratio"].mean()
    others = mean.drop((LINEAR, "mse"))
    d = max(chosen.points.dimensions)
    exact = rows["predicted"].mean()
    return (
        f"One point a class, n = d = {d}: linear networks trained by squared error withstand "
        f"{number(mean[LINEAR, 'mse'])}\n"
        f"of what a minimum-distance classifier does (fitted exactly: {number(exact)});\n"
        f"ReLU networks, and all that are trained by cross-entropy, {number(others.min())} to {number(others.max())}"
    )


def phi_panel(ax: Axes, rows: pd.DataFrame) -> None:
    """|cos θ₁| of each network against φ, by loss."""
    for loss, fill in zip(LOSSES, ("black", "white"), strict=True):
        own = rows[rows["training"] == loss]
        good = own[own["status"] == LEARNED]
        look: dict[str, Any] = {"ls": "", "marker": "o", "ms": 2.6, "mec": "black", "mew": 0.6}
        ax.plot(good["predicted"], good["ratio"], mfc=fill, label=LOSSES[loss], **look)
    ax.plot([0, 1], [0, 1], label="equal", **THEORY)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="φ, of the matrix alone", ylabel="$|\\cos\\theta_1|$, trained")
    ax.set_title(f"corners, d = {rows['d'].iloc[0]}", fontsize=6.5, loc="right")


def course_panel(ax: Axes, rows: pd.DataFrame) -> None:
    """|cos θ₁| during training, means over seeds, between the means of both predictions."""
    for loss, fill in zip(LOSSES, ("black", "white"), strict=True):
        own = rows[rows["training"] == loss]
        means = own.groupby(["step", "seed"])["ratio"].mean()
        mean_line(ax, means.groupby("step"), color="black", marker="o", mfc=fill, ms=3, label=LOSSES[loss])
    ax.axhline(rows["max_margin"].mean(), label="largest margin", **MAX_MARGIN)
    ax.axhline(rows["predicted"].mean(), label="φ", **THEORY)
    ax.set_xscale("log")
    ax.set(ylim=(0, 1.15), xlabel="steps of training", ylabel="mean $|\\cos\\theta_1|$")


def selection_panel(ax: Axes, rows: pd.DataFrame) -> None:
    """Mean φ of the networks that classify all corners so far, with their number; the law's mean, and the text's."""
    for loss, fill in zip(LOSSES, ("black", "white"), strict=True):
        trained = rows[rows["training"] == loss]
        own = trained[trained["accuracy"] == 1]
        own = own[own.groupby("step")["step"].transform("size") >= FEW * len(trained) / trained["step"].nunique()]
        means = own.groupby(["step", "seed"])["predicted"].mean()
        mean_line(ax, means.groupby("step"), color="black", marker="o", mfc=fill, ms=3, label=LOSSES[loss])
        for step, some in by_level(own, "step"):
            height = 0.03 if loss == "mse" else 0.1
            ax.text(step, height, str(len(some)), ha="center", fontsize=5, transform=ax.get_xaxis_transform())
    d = int(rows["d"].iloc[0])
    ax.axhline(compression.mean_cosine(d, d), label="all, exact law", **THEORY)
    if d == published.D:
        for mean in published.MEANS:
            ax.axhline(mean, color="0.55", lw=0.7, ls=":", label="the text's two means")
    ax.set_xscale("log")
    ax.set(ylim=(0, 1), xlabel="steps of training", ylabel="mean φ of those right")


def ratio_panel(ax: Axes, rows: pd.DataFrame) -> None:
    """The ratio against d for each kind of network and loss; crossed where some did not learn."""
    sizes = sorted(set(rows["d"]))
    n_of = rows.groupby("d")["n"].first()
    for network in dict.fromkeys(rows["network"]):
        colour, marker = COLOURS.get(network, FREE[0]), MARKERS.get(network, FREE[1])
        for loss, style in zip(LOSSES, ("-", ":"), strict=True):
            own = rows[(rows["network"] == network) & (rows["training"] == loss)]
            look = {"color": colour, "ls": style, "marker": marker, "ms": 3.2}
            look |= {"mfc": "white"} if loss == "ce" else {}
            means = own.groupby(["d", "seed"])["ratio"].mean()
            mean_line(ax, means.groupby("d"), label=f"{network}, {LOSSES[loss]}", **look)
            for d in sorted(set(own["d"]) - set(evidence(own)[0]["d"])):
                ax.plot(d, own.loc[own["d"] == d, "ratio"].mean(), color="black", marker="x", ms=5, mew=0.7, zorder=4)
    line = rows.groupby("d")["predicted"].mean()
    ax.plot(line.index, line, label="least norm, exact fit", **THEORY)
    share, start = n_of.iloc[0] / n_of.index[0], float(rows["start"].iloc[0])
    if share < 1:
        left = [compression.started_cosine(share, d, start) for d in sizes]
        ax.plot(sizes, left, ls="--", label="and what is left of the start", **THEORY)
    ax.set_yscale("log")
    ax.set_ylim(min(0.5, 0.8 * min(line), 0.8 * rows["ratio"].min()), 1.05)
    size_axis(ax, sizes, "dimensions d")
    plain_ticks(ax)
    ax.set_ylabel("robustness ratio")


def condition_figure(table: pd.DataFrame, chosen: TrainedCompression) -> Figure:
    """How far |cos θ₁| is from its prediction against the condition of A, early and at the end of training."""
    rows = of_kind(table, data=CORNERS, d=chosen.corners.followed, start=1.0)
    whole, axes = plt.subplots(1, 2, sharey=True, layout="constrained")
    for ax, (loss, column) in zip(axes, (("mse", "predicted"), ("ce", "max_margin")), strict=True):
        own = rows[rows["training"] == loss]
        steps = sorted(set(own["step"]))[-3:]
        for step, colour in zip(steps, ("#9ecae1", "#4292c6", "black"), strict=True):
            some = own[own["step"] == step]
            error = (some["ratio"] - some[column]).abs().clip(lower=1e-6)
            ax.plot(some["condition"], error, ".", ms=3, color=colour, label=f"after {step:,} steps")
        ax.set(xscale="log", yscale="log", xlabel="condition of A")
        name = "φ" if loss == "mse" else "largest margin"
        ax.set_title(f"{LOSSES[loss]}, from {name}", fontsize=6.5)
    axes[1].legend(fontsize=5.5, loc="lower left")  # of both: there is room
    axes[0].set_ylabel("difference of $|\\cos\\theta_1|$")
    return whole
