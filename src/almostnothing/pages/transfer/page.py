"""Panels, summaries and claims of `11_transfer`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.figures import DOUBLE, FREE, MARKERS, colours, handles, panel_letters, with_verdicts
from almostnothing.naming import dataset_name
from almostnothing.pages.transfer import published
from almostnothing.pages.transfer.claims import CLAIMS
from almostnothing.pages.transfer.parameters import Transfer, TransferThresholds
from almostnothing.tables import counted, learned

STANDARD, SPARSE = "none", "L0"
WAYS = {"text": "the text's strengths", "matched": "matched L2"}
FLOOR = 0.5  # where the colours of the matrices begin
LABELS = {STANDARD: "standard"}
SPARSE_TESTS = dict(zip(published.VERSIONS, ("L0: three kinds", "L0: any grey"), strict=True))
DISAGREEMENT = ["ours, at", "against", "entries", "rank correlation", "mean difference", "differs most", "by"]


def ordered(names: Sequence[str]) -> list[str]:
    """Norms in the order of p, the standard network or clean test last."""
    return sorted(names, key=lambda name: math.inf if name in (STANDARD, "L∞") else float(name[1:]))


def scores(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each seed under each training, mean over the strengths of a test norm; NaN where it did not learn.

    One row for each data set, way, training norm and seed; one column for each test norm.
    """
    good = learned(table)
    by = ["dataset", "way", "training_norm", "seed"]
    wide = good.groupby([*by, "test_norm"], sort=False)["accuracy"].agg(lambda v: v.mean(skipna=False)).unstack()
    return wide[ordered(list(wide.columns))]


def settled(rows: pd.DataFrame) -> pd.DataFrame:
    """`scores` of one data set and way, indexed by training norm and seed, of trainings whose networks all learned."""
    whole = rows.notna().all(axis=1).groupby("training_norm").transform("all")
    return rows[whole]


def ways_of(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Each data set and way with its `settled` scores."""
    found = scores(table)
    for (dataset, way), own in table.groupby(["dataset", "way"], sort=False):
        here = found.xs((dataset, way), level=("dataset", "way"))
        assert isinstance(here, pd.DataFrame)
        yield str(dataset), str(way), settled(here[ordered(list(own["test_norm"].unique()))])


def of(rows: pd.DataFrame, training: str, test: str) -> pd.Series:
    """The scores of a training on a norm's tests by seed; none where the rows do not have both."""
    if test not in rows or training not in rows.index.get_level_values("training_norm"):
        return pd.Series(dtype=float)
    return rows[test].xs(training, level="training_norm")


def matrix(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracy over seeds, rows of test norms and columns of training norms, divided by each row's largest.

    As the text computes it; the largest is that of a training with noise, so the standard network's can exceed 1.
    """
    means = rows.groupby("training_norm").mean().T.drop(index=STANDARD, errors="ignore")
    means = means[ordered(list(means.columns))]
    return means.div(means.drop(columns=STANDARD, errors="ignore").max(axis=1), axis=0)


def disagreements(ours: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Each of our matrices against each published one, on the entries off the diagonal that both have.

    `rank correlation` is Spearman's; the entry that differs most, and by how much ours is larger.
    """
    lines = []
    for (way, own), version in itertools.product(ours.items(), published.VERSIONS):
        theirs = published.matrix(version)
        pairs = [
            (test, trained)
            for test, trained in itertools.product(own.index, own.columns)
            if test != trained and STANDARD not in (test, trained) and {test, trained} <= set(published.NORMS)
        ]
        a, b = (
            np.array([each.to_numpy(float)[each.index.get_loc(u), each.columns.get_loc(v)] for u, v in pairs])
            for each in (own, theirs)
        )
        worst = int(np.abs(a - b).argmax()) if pairs else -1
        lines.append(
            {
                "ours, at": WAYS[way],
                "against": version,
                "entries": len(pairs),
                "rank correlation": float(spearmanr(a, b)[0]) if len(pairs) > 2 else math.nan,
                "mean difference": float(np.mean(a - b)) if pairs else math.nan,
                "differs most": f"{pairs[worst][1]} on {pairs[worst][0]} tests" if pairs else "–",
                "by": float(a[worst] - b[worst]) if pairs else math.nan,
            }
        )
    return pd.DataFrame(lines, columns=DISAGREEMENT).set_index(DISAGREEMENT[:2])


def distances(table: pd.DataFrame) -> pd.DataFrame:
    """The L2 displacement of training and of tests: rows of norms, columns of data set, way and what it is of."""
    trained = table[table["training_norm"] != STANDARD].assign(of="training", norm=lambda t: t["training_norm"])
    tested = table[table["test_norm"] != STANDARD].assign(of="tests", norm=lambda t: t["test_norm"])
    rows = pd.concat(
        [
            trained.assign(l2=trained["training_l2"], at=trained["strength"]),
            tested.assign(l2=tested["test_l2"], at=tested["test_strength"]),
        ]
    )
    lines: dict[tuple[str, str, str], dict[str, str]] = {}
    for (dataset, way, of_what, norm), own in rows.groupby(["dataset", "way", "of", "norm"], sort=False):
        means = own.groupby("at")["l2"].mean()
        words = "; ".join(f"{at:g}: {far:.2f}" for at, far in means.items())
        column = (dataset_name(str(dataset)), WAYS[str(way)], str(of_what))
        lines.setdefault(column, {})[str(norm)] = words
    found = pd.DataFrame(lines)
    return found.loc[ordered(list(found.index))]


def trainings(rows: pd.DataFrame) -> list[str]:
    """The norms that were trained with, in order."""
    return [name for name in ordered(list(rows.index.unique("training_norm"))) if name != STANDARD]


def gains(rows: pd.DataFrame) -> pd.DataFrame:
    """`settled` scores less those of the standard network of the same seed; none where that did not learn."""
    trained = rows.index.get_level_values("training_norm")
    if STANDARD not in trained:
        return rows.iloc[:0]
    own, usual = rows[trained != STANDARD], rows[trained == STANDARD].droplevel("training_norm")
    return own - usual.reindex(own.index.get_level_values("seed")).to_numpy()


def losses(rows: pd.DataFrame) -> pd.DataFrame:
    """What another training costs on a norm's own tests: one row for each ordered pair of norms and seed.

    `loss`: accuracy of training with the norm `test` on its tests less that of training with the norm `other`.
    """
    parts = [
        (of(rows, test, test) - of(rows, other, test)).rename("loss").reset_index().assign(test=test, other=other)
        for test, other in itertools.permutations(trainings(rows), 2)
    ]
    empty = pd.DataFrame(columns=["seed", "loss", "test", "other"]).astype({"loss": float})
    return pd.concat(parts, ignore_index=True) if parts else empty


def shares(rows: pd.DataFrame, limits: TransferThresholds) -> pd.DataFrame:
    """What another training keeps of a norm's gain over the standard network: pairs and seeds as of `losses`.

    NaN for norms of which some seed gains less than `limits.gain`: a share of nearly nothing says nothing.
    """
    found, gained = losses(rows), gains(rows)
    own = {test: of(gained, test, test) for test in trainings(rows)}
    pairs = zip(found["test"], found["seed"], strict=True)
    found = found.assign(gain=[float(own[test].get(seed, math.nan)) for test, seed in pairs])
    enough = found.groupby("test")["gain"].transform("min") > limits.gain
    return found.assign(share=(1 - found["loss"] / found["gain"]).where(enough))


def pairs(found: pd.DataFrame) -> list[pd.Series]:
    """`losses` of each pair of norms over seeds."""
    return [own for _, own in found.groupby(["test", "other"])["loss"]]


def claims(table: pd.DataFrame, chosen: Transfer) -> list[Claim]:
    """What is claimed of each data set, at the text's strengths and at matched displacement.

    Networks are compared seed by seed. A training of which some network did not learn is left out, and then nothing is
    said of every norm.
    """
    cases = Cases()
    for dataset, way, rows in ways_of(table):
        where = {"dataset": dataset, "regime": WAYS[way]}
        here = table[(table["dataset"] == dataset) & (table["way"] == way)]
        networks = here.assign(law=here["training_norm"])  # norms of one law may share a strength
        noisy = networks[networks["training_norm"] != STANDARD]
        found = shares(rows, chosen.thresholds)
        sparse, others = found["test"] == SPARSE, found["other"] != SPARSE
        transferred, among = found[~sparse & ~others], found[~sparse & others]
        every = set(trainings(rows)) == set(noisy["training_norm"])
        ahead = found[sparse].assign(loss=-found["loss"])  # of every other norm: as far as of the nearest one
        for name, own in (("only", ahead), ("all", transferred), ("among", among)):
            most = stats.largest_mean(pairs(own) if every else [])
            dense = noisy[noisy["training_norm"] != SPARSE] if name == "among" else noisy
            cases.add(name, where, stats.scaled(most, -1) if name == "only" else most, counted(dense))
        cases.add("average", where, stats.mean_over(transferred, "loss", ["test"]), counted(noisy))
        for name, own in (("not-to-L0", found[sparse]), ("kept-all", transferred), ("kept-among", among)):
            for test, of_test in own.groupby("test", sort=False):
                asked = {STANDARD, test, *of_test["other"]}
                counts = counted(networks[networks["training_norm"].isin(asked)])
                kept = stats.mean_over(of_test, "share", ["other"])
                cases.add(name, where | {"test": str(test)}, kept, counts)
        pair = networks[networks["training_norm"].isin([STANDARD, SPARSE])]
        cost = of(rows, STANDARD, STANDARD) - of(rows, SPARSE, STANDARD)
        cases.add("clean", where, stats.mean_interval(cost), counted(pair))
    return judged("11_transfer", CLAIMS, cases, chosen.thresholds.model_dump())


def matrix_panel(ax: Axes, values: pd.DataFrame, title: str) -> None:
    """A row-normalised matrix as colours that are the same in every panel, with three digits."""
    sns.heatmap(
        values.clip(upper=1),
        ax=ax,
        vmin=FLOOR,
        vmax=1,
        cmap="viridis",
        annot=values.map(lambda v: f"{v:.3f}".lstrip("0")),
        fmt="",
        annot_kws={"size": 5.5},
        cbar=False,
        linewidths=0.3,
        xticklabels=[LABELS.get(str(name), str(name)) for name in values.columns],
        yticklabels=list(values.index),
    )
    ax.set(xlabel="trained with", ylabel="tested with")
    ax.tick_params(length=0, labelsize=6)
    ax.tick_params(axis="y", rotation=0)
    ax.tick_params(axis="x", rotation=0)
    ax.set_title(title, fontsize=6.5, loc="right")


def gain_panel(ax: Axes, gained: pd.DataFrame, names: Sequence[str], title: str) -> None:
    """Gains over the standard network on each norm's tests, means over seeds with 95 % intervals, a look a training."""
    tests = [name for name in ordered(list(gained.columns)) if name != STANDARD] + [STANDARD]
    tests = [name for name in tests if name in gained]
    palette = colours(list(names)) | {SPARSE: FREE[4][0]}  # black is the standard network's
    for number, (name, marker) in enumerate(zip(names, itertools.cycle(MARKERS), strict=False)):
        if name not in trainings(gained):
            continue
        found = [stats.mean_interval(of(gained, name, test)) for test in tests]
        mean = np.array([one.mean for one in found])
        spread = np.array([mean - [one.low for one in found], [one.high for one in found] - mean])
        place = np.arange(len(tests)) + 0.12 * (number - (len(names) - 1) / 2)
        look = {"color": palette[name], "marker": marker, "ls": "", "elinewidth": 0.8, "ms": 3}
        ax.errorbar(place, mean, spread, label=f"trained with {name}", **look)  # type: ignore[arg-type]
    if not len(gained):
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center")
    ax.axhline(0, color="0.5", lw=0.8)
    ax.set_xticks(range(len(tests)), ["clean" if name == STANDARD else name for name in tests])
    for edge in range(1, len(tests)):
        ax.axvline(edge - 0.5, color="0.9", lw=0.6, zorder=0)
    ax.set(xlabel="tested with", ylabel="accuracy over standard", xlim=(-0.5, len(tests) - 0.5))
    ax.set_title(title, fontsize=6.5, loc="right")


def figure(table: pd.DataFrame, verdicts: Sequence[Claim], dataset: str) -> Figure:
    """The figure of a data set: our matrices, the published ones, and gains over the standard network.

    `table`: the rows of a data set.
    """
    whole, room = with_verdicts(1.02 * DOUBLE, verdicts, dataset)
    axes = room.subplots(3, 2)
    own = {way: rows for _, way, rows in ways_of(table)}
    names = [name for name in ordered(list(set(table["training_norm"]))) if name != STANDARD]
    for column, way in enumerate(WAYS):
        if way in own and len(own[way]):
            matrix_panel(axes[0, column], matrix(own[way]), f"ours, {WAYS[way]}")
            gain_panel(axes[2, column], gains(own[way]), names, f"ours, {WAYS[way]}")
        else:
            axes[0, column].set_visible(False)
            axes[2, column].set_visible(False)
    for ax, version in zip(axes[1], published.VERSIONS, strict=True):
        matrix_panel(ax, published.matrix(version), f"{version}, strengths of its own; {SPARSE_TESTS[version]}")
    room.legend(*handles(axes[2]), loc="outside lower center", ncols=6)
    room.suptitle(f"{dataset_name(dataset)}: {_headline(own)}")
    panel_letters([ax for ax in axes.flat if ax.get_visible()])
    return whole


def _headline(own: Mapping[str, pd.DataFrame]) -> str:
    """How far L0 training is ahead on L0 tests, and what it costs elsewhere at worst, means over seeds."""
    parts = []
    for way, rows in own.items():
        found = losses(rows)
        ahead = -stats.largest_mean(pairs(found[found["test"] == SPARSE].assign(loss=-found["loss"]))).mean
        cost = stats.largest_mean(pairs(found[(found["test"] != SPARSE) & (found["other"] == SPARSE)])).mean
        if np.isfinite([ahead, cost]).all():
            parts.append(f"at {WAYS[way]} {ahead:+.3f} and {cost:+.3f}".replace("-", "−"))
    words = "lead of L0 training on L0 tests, and what it costs on others at worst:\n"
    return words + "; ".join(parts) if parts else "not measured"
