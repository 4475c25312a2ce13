"""Seed 000, prediction 3: which MLP and which CNN to compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from almostnothing import stats
from almostnothing.cells import Cell
from almostnothing.claims import Cases, Claim, judged
from almostnothing.figures import DOUBLE, accuracy_curves, handles, panel_letters, with_verdicts
from almostnothing.naming import dataset_name
from almostnothing.pages.inductive_bias.claims import CLAIMS
from almostnothing.pages.inductive_bias.parameters import InductiveBias, InductiveBiasThresholds
from almostnothing.sizes import parameter_count
from almostnothing.tables import counted, learned

NAMES = {"mlp": "MLP", "cnn": "CNN"}


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """A table with each network's name, as "MLP 64", and whether its pixels are "in place" or "permuted"."""
    names = table["family"].map(NAMES) + " " + table["width"].astype(str)
    return table.assign(network=names, order=table["permutation"].isna().map({True: "in place", False: "permuted"}))


def matches(cells: Sequence[Cell], table: pd.DataFrame, limits: InductiveBiasThresholds) -> pd.DataFrame:
    """The MLP and CNN that are closest in parameter count, and those in clean accuracy: a row each.

    `table` is a `labelled` one. `mlp`, `cnn`: their names; `difference` is relative for counts, absolute for accuracies
    at p = 0 with pixels in place (mean over seeds); `matched` where it is within the limit.
    """
    names = labelled(pd.DataFrame({"family": c.family, "width": c.width, "permutation": c.permutation} for c in cells))
    counts = dict(zip(names["network"], map(parameter_count, cells), strict=True))
    clean = table[(table["strength"] == 0) & (table["test"] == "clean") & (table["order"] == "in place")]
    accuracies = clean.groupby("network")["accuracy"].mean().to_dict()
    rows = []
    for what, values, limit in (
        ("parameters", counts, limits.matched),
        ("clean accuracy", accuracies, limits.accuracy),
    ):
        pairs = [
            {
                "matched by": what,
                "mlp": mlp,
                "cnn": cnn,
                "of mlp": values[mlp],
                "of cnn": values[cnn],
                "difference": abs(values[mlp] - values[cnn]) / (values[mlp] if what == "parameters" else 1),
            }
            for mlp in (name for name in values if "MLP" in str(name))
            for cnn in (name for name in values if "CNN" in str(name))
        ]
        best = min(pairs, key=lambda pair: pair["difference"])
        rows.append(best | {"matched": best["difference"] <= limit})
    return pd.DataFrame(rows)


def advantages(fits: pd.DataFrame, pairs: pd.DataFrame, value: str) -> pd.DataFrame:
    """`value` of the CNN less that of its MLP: one row for each test, order of pixels, match and seed.

    `fits` of one data set; `pairs` from `matches`. NaN where a fit is in doubt, or the networks are no match.
    """
    wide = fits.pivot_table(value, ["test", "order", "seed"], "network", dropna=False, sort=False)
    found = [
        ((wide[pair["cnn"]] - wide[pair["mlp"]]) * (1 if pair["matched"] else float("nan")))
        .rename("difference")
        .reset_index()
        .assign(**{"matched by": pair["matched by"]})
        for pair in pairs.to_dict("records")
    ]
    return pd.concat(found, ignore_index=True)


def lost(differences: pd.DataFrame) -> pd.DataFrame:
    """`advantages` with a column for each order of pixels, and what permuting takes away, "lost": paired by seed."""
    wide = differences.pivot_table(
        "difference", ["test", "matched by", "seed"], "order", dropna=False, sort=False, observed=True
    ).reset_index()
    return wide.assign(lost=wide["in place"] - wide["permuted"])


def seed_points(ax: Axes, differences: pd.DataFrame, label: str, counts: float) -> None:
    """Paired differences of `tables.families.advantages`: seeds as dots, means with 95 % intervals, `counts` dotted."""
    words = {"parameters": "count", "clean accuracy": "accuracy"}
    groups = {
        f"{test}\n{words[str(what)]}": rows
        for (test, what), rows in differences.groupby(["test", "matched by"], sort=False)
    }
    for place, rows in enumerate(groups.values()):
        for shift, (order, some) in zip((-0.15, 0.15), rows.groupby("order", sort=False), strict=False):
            mean = stats.mean_interval(some["difference"])
            ax.plot(np.full(len(some), place + shift), some["difference"], ".", color="0.6", ms=4)
            spread = [[mean.mean - mean.low], [mean.high - mean.mean]]
            face = "C0" if order == "in place" else "white"
            ax.errorbar([place + shift], [mean.mean], spread, fmt="o", color="C0", mfc=face, elinewidth=0.8)
    if differences["difference"].isna().all():
        ax.text(0.5, 0.6, "not measured", transform=ax.transAxes, ha="center")
    ax.axhline(0, color="0.5", lw=0.8)
    ax.axhline(counts, color="0.5", lw=0.8, ls=":")
    ax.set_xticks(range(len(groups)), list(groups), fontsize=5.5)
    ax.set_xlim(-0.5, len(groups) - 0.5)
    ax.set_ylabel(label)


def figure(
    table: pd.DataFrame,
    knees: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    pairs: pd.DataFrame,
    key: tuple[str, str],
    chance: float,
    verdicts: Sequence[Claim],
    counts: float,
) -> Figure:
    """The figure of a data set and training corruption: curves of all networks, and differences of those matched.

    `knees`: fits in ln(1−p), p at half-way, and knees without a form.
    """
    dataset, when = key
    table, fits, halves, slopes = (
        t[(t["dataset"] == dataset) & (t["training_corruption"] == when)] for t in (table, *knees)
    )
    own = [claim_of(claim, f"{when} corruption") for claim in verdicts]
    whole, panels = with_verdicts(0.78 * DOUBLE, own, dataset)
    axes = panels.subplots(2, 3)
    for row, test in zip(axes, ("clean", "corrupted"), strict=True):
        for ax, order in zip(row, ("in place", "permuted"), strict=False):
            rows, fit = (t[(t["test"] == test) & (t["order"] == order)] for t in (table, fits))
            accuracy_curves(ax, learned(rows), fit, "network", chance, "log", hollow=rows)
            ax.set_title(f"{test} test, {order}", loc="right")
        row[0].set_ylabel("accuracy $A$")
    advantage = advantages(halves, pairs, "midpoint")
    seed_points(axes[0, 2], advantage, "CNN less MLP, $p^*$", counts)
    seed_points(axes[1, 2], advantages(slopes, pairs, "slope"), "CNN less MLP, $|A'(p^*)|$", 0)
    panels.legend(*handles(axes[:, :2].flat), title="network, width", loc="outside lower center", ncols=6)
    alike = advantage[(advantage["order"] == "in place") & (advantage["matched by"] == "parameters")]
    mean = alike.groupby("test", sort=False)["difference"].mean().dropna()
    words = ", ".join(f"{value:+.3f} ({test} test)" for test, value in mean.items())
    panels.suptitle(
        f"{dataset_name(dataset)}, {when} corruption:\n$p^*$ of the CNN less that of an MLP of as many weights is "
        f"{words or 'not known'}"
    )
    panel_letters(list(axes.flat))
    return whole


def claim_of(claim: Claim, when: str) -> Claim:
    """The claim with the cases of one training corruption alone, for its figure."""
    return replace(claim, cases=[case for case in claim.cases if case.where["corruption"] == when])


def claims(
    table: pd.DataFrame, halves: pd.DataFrame, pairs: Mapping[tuple[str, str], pd.DataFrame], chosen: InductiveBias
) -> list[Claim]:
    """What is claimed of each data set, training corruption, test and match.

    `table`: as of `labelled`; `halves`: `stats.halfways` of what learned; `pairs`: what `matches` found.
    """
    cases = Cases()
    for (dataset, when), matched in pairs.items():
        here = {"dataset": dataset, "training_corruption": when}
        own = halves[(halves[list(here)] == pd.Series(here)).all(axis=1)]
        advantage = advantages(own, matched, "midpoint")
        for (test, what), rows in lost(advantage).groupby(["test", "matched by"], sort=False):
            pair = matched.loc[matched["matched by"] == what, ["mlp", "cnn"]].to_numpy().ravel()
            used = table[(table["dataset"] == dataset) & (table["training_corruption"] == when)]
            counts = counted(used[used["network"].isin(pair)])
            where = {"dataset": dataset, "corruption": f"{when} corruption", "test": str(test), "match": f"same {what}"}
            for name, column in (("advantage", "in place"), ("lost", "lost")):
                cases.add(name, where, stats.mean_interval(rows[column]), counts)
    return judged("03_inductive_bias", CLAIMS, cases, chosen.thresholds.model_dump())
