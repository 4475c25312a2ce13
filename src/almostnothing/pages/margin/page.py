"""Panels, summaries and claims of `02_margin`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import special

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.errors import UserError
from almostnothing.figures import (
    DOUBLE,
    MARKERS,
    mean_line,
    panel_letters,
    predictor_style,
    unmeasured,
    with_verdicts,
)
from almostnothing.health import LEARNED
from almostnothing.naming import dataset_name
from almostnothing.pages.margin.claims import CLAIMS
from almostnothing.pages.margin.parameters import Margin
from almostnothing.tables import counted

SCORES = {  # the predictors, as a figure calls them
    "margin": "γ",
    "confidence": "softmax",
    "ratio": "γ/σ",
    "drifted": "(γ+drift)/σ",
    "second": "with even part",
    "centred": "γ(x̄)/σ(x̄)",
    "classes": "all classes",
}
SHARED = [
    "dataset",
    "training_corruption",
    "strength",
    "seed",
    "status",
    "image",
    "margin",
    "confidence",
]  # at every test strength


def at_strengths(found: pd.DataFrame, strengths: Sequence[float]) -> pd.DataFrame:
    """A row for each network, image and test strength, `test_strength`, with how it was trained in words, `training`.

    Raises `UserError` for a strength that the table does not have.
    """
    at = {f"{strength:g}": strength for strength in strengths}
    parts = []
    for text, strength in at.items():
        own = {name: name.removesuffix(f"_{text}") for name in map(str, found.columns) if name.endswith(f"_{text}")}
        if not own:
            raise UserError(f"the table has no test_strength {text}: run snakemake to measure it")
        parts.append(found[[*SHARED, *own]].rename(columns=own).assign(test_strength=strength))
    table = pd.concat(parts, ignore_index=True)
    words = table["training_corruption"] + table["strength"].map(", p = {:g}".format)
    return table.assign(training=words.where(table["strength"] > 0, "clean"))


def survival(found: pd.DataFrame, name: str) -> np.ndarray:
    """A predictor's probability of γ(x̃) > 0: Φ of a score in standard deviations, softmax, or what it is already."""
    score = found[name].to_numpy()
    if name == "classes":
        return score
    return special.expit(score) if name == "confidence" else special.ndtr(score)


def quality(found: pd.DataFrame, draws: int) -> pd.DataFrame:
    """AUROC and calibration error of each predictor: one row for each network, test strength and predictor.

    A failure is one corruption of one image, of which there were `draws` for each.
    """
    by = ["dataset", "training", "seed", "test_strength"]
    rows = []
    for key, group in found.groupby(by):
        fails = group["failures"].to_numpy()
        for name in SCORES:
            score = group[name].to_numpy()
            rows.append(
                dict(zip(by, key, strict=True))
                | {
                    "predictor": name,
                    "auroc": stats.auroc(score, fails * draws, (1 - fails) * draws),
                    "calibration": float("nan")
                    if name == "margin"
                    else stats.calibration_error(1 - survival(group, name), fails),
                }
            )
    return pd.DataFrame(rows, columns=[*by, "predictor", "auroc", "calibration"])


def useful_up_to(scored: pd.DataFrame, limit: float) -> pd.DataFrame:
    """The largest test strength at and below which each predictor's calibration error is surely under `limit`.

    Surely: by the upper end of its 95 % interval over seeds. One row for each training, a column for each predictor;
    NaN where it fails at the smallest strength already.
    """
    by = ["dataset", "training", "predictor", "test_strength"]
    upper = scored.dropna(subset="calibration").groupby(by)["calibration"].apply(lambda e: stats.mean_interval(e).high)
    good = (upper < limit).groupby(by[:3]).cummin().reset_index(name="good")
    largest = good[good["good"]].groupby(by[:3])["test_strength"].max()
    known = [name for name in SCORES if name != "margin"]
    rows = scored[by[:2]].drop_duplicates()
    return largest.unstack().reindex(columns=known).reindex(pd.MultiIndex.from_frame(rows))


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


MAIN = ("margin", "ratio", "centred")  # predictors of the main figure


def figure(table: pd.DataFrame, scored: pd.DataFrame, verdicts: Sequence[Claim], dataset: str) -> Figure:
    """The main figure of a data set: how three predictors rank failures and how far they are from frequencies."""
    if table.empty:
        return unmeasured(verdicts, dataset)
    kinds = list(table["training"].unique())
    whole, panels = with_verdicts(0.68 * DOUBLE, verdicts, dataset)
    axes = panels.subplots(2, len(kinds), sharey="row", squeeze=False)
    for column, kind in zip(axes.T, kinds, strict=True):
        here = scored[scored["training"] == kind]
        predictor_curves(column[0], here, "auroc", MAIN)
        predictor_curves(column[1], here, "calibration", MAIN)
        column[0].set_title(f"trained {kind}", loc="right", fontsize=6.5)
    axes[0, 0].set_ylabel("AUROC")
    axes[1, 0].set_ylabel("calibration error")
    handles = [Line2D([], [], label=SCORES[name], **look) for name, look in predictor_style(MAIN).items()]
    axes[0, 0].legend(handles=handles, loc="lower left")
    gain = stats.paired(scored, "auroc", "predictor", "ratio", "margin", ["training", "test_strength"])
    panels.suptitle(f"{dataset_name(dataset)}: knowing the noise adds {gain.mean:+.3f} to γ's AUROC")
    panel_letters(list(axes.flat))
    return whole


def supplement(table: pd.DataFrame, scored: pd.DataFrame, dataset: str, shown: float) -> Figure:
    """All predictors, reliability at one test strength, and where the linearisation breaks."""
    kinds = list(table["training"].unique())
    whole = plt.figure(figsize=(DOUBLE, 0.3 * DOUBLE * (len(kinds) + 1)))
    grid = whole.subplots(len(kinds) + 1, 3)
    for row, kind in zip(grid, kinds, strict=False):
        here, rows = scored[scored["training"] == kind], table[table["training"] == kind]
        predictor_curves(row[0], here, "auroc", list(SCORES))
        predictor_curves(row[1], here, "calibration", list(SCORES))
        reliability_curves(row[2], rows[rows["test_strength"] == shown], list(SCORES), survival)
        row[0].set_ylabel("AUROC")
        row[0].set_title(f"trained {kind}", loc="right", fontsize=6)
        row[1].set(ylabel="calibration error")
        row[2].set_title(f"test $p$ = {shown:g}", loc="right", fontsize=7)
    training_curves(grid[-1][0], table, "failures", "share of failures")
    training_curves(grid[-1][1], table, "bending", "even over odd part")
    grid[-1][0].legend(title="trained", loc="upper center", bbox_to_anchor=(0.5, -0.3))
    predictor_legend(grid[-1][2], SCORES)
    whole.suptitle(dataset_name(dataset))
    panel_letters(list(grid.flat)[:-1], after=2 * len(kinds))
    return whole


COMPARISONS = {  # of claims: value, better predictor, worse one
    "rank-margin": ("auroc", "ratio", "margin"),
    "rank-softmax": ("auroc", "ratio", "confidence"),
    "drift": ("calibration", "ratio", "drifted"),
    "even": ("calibration", "drifted", "second"),
    "mean-image": ("calibration", "drifted", "centred"),
    "all-classes": ("calibration", "centred", "classes"),
}
RESAMPLED = 60  # draws of the images, for a variance good to a tenth


def statistics(scored: pd.DataFrame) -> dict[str, stats.Interval]:
    """Each claim's statistic for one data set and way of training, from `quality`: means over strengths, over seeds."""
    by = ["test_strength"]
    calibrated = stats.mean_over(scored[scored["predictor"] == "ratio"], "calibration", by)
    return {"calibrated": calibrated} | {
        name: stats.paired(scored, value, "predictor", first, second, by)
        for name, (value, first, second) in COMPARISONS.items()
    }


def claims(table: pd.DataFrame, chosen: Margin) -> list[Claim]:
    """What is claimed of each data set and way of training, from `at_strengths` of networks that learned.

    All networks see the same images: the intervals' variance over seeds is increased by that over images.
    """
    cases = Cases()
    for (dataset, kind), rows in table.groupby(["dataset", "training"], sort=False):
        # not by all columns: the predictor `centred` has the name of an axis
        where, counts = {"dataset": str(dataset), "training": f"trained {kind}"}, counted(rows[SHARED])
        good = rows[rows["status"] == LEARNED]
        found = statistics(quality(good, chosen.draws)) if len(good) else {}
        again = [statistics(quality(some, chosen.draws)) for some in resampled(good)] if found else []
        for name in ("calibrated", *COMPARISONS):
            interval = found.get(name, stats.mean_interval([]))
            means = [one[name].mean for one in again]
            cases.add(name, where, stats.with_variance(interval, float(np.var(means))) if means else interval, counts)
    return judged("02_margin", CLAIMS, cases, chosen.thresholds.model_dump())


def resampled(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows of images drawn with replacement, the same for all networks and strengths."""
    rng, images = np.random.default_rng(0), rows["image"].unique()
    by_image = dict(list(rows.groupby("image")))
    for _ in range(RESAMPLED):
        yield pd.concat([by_image[image] for image in rng.choice(images, len(images))])
