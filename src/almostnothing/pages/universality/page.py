"""Panels, summaries and claims of `08_universality`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.figures import (
    DOUBLE,
    handles,
    heat_map,
    panel_letters,
    rule_lines,
    size_axis,
    with_verdicts,
)
from almostnothing.measures import naming
from almostnothing.naming import dataset_name
from almostnothing.pages.universality.claims import CLAIMS
from almostnothing.pages.universality.parameters import Universality

RULES = ("ncm", "first_order", "resummed")
ALL = [*naming.NAMES, "untilted"]  # rules whose columns the table has


TILT = {"first_order": "FO", "untilted": "FO without tilt", "ncm": "NCM", "correlation": "correlation"}


KINDS = ["law", "activation", "depth"]


def matrix(found: pd.DataFrame) -> pd.DataFrame:
    """Mean agreement: rows activation and depth, columns laws."""
    wide = found.pivot_table("agreement", ["activation", "depth"], "law", sort=False)
    return wide.set_axis([" ".join(map(str, key)) for key in wide.index])


def inputs(shift: float) -> str:
    """A shift in words."""
    return f"inputs − {shift:g}" if shift else "raw inputs"


def over_networks(found: pd.DataFrame) -> pd.DataFrame:
    """Agreement of each rule and seed averaged over activations and depths, at each second moment."""
    return found.groupby(["rule", "moment", "seed"])["agreement"].mean().reset_index()


def reach(found: pd.DataFrame, limit: float) -> pd.DataFrame:
    """The share of activations and depths with which a rule surely agrees on more than `limit` of the points.

    Surely: by the lower end of the 95 % interval over seeds. Rows shift, data set, law and noise ratio, columns rules.
    """
    by = ["shift", "dataset", "law", "noise", "rule", "activation", "depth"]
    lower = (
        found[found["rule"].isin(RULES)]
        .groupby(by, sort=False)["agreement"]
        .apply(lambda a: stats.mean_interval(a).low)
    )
    shares = (lower > limit).groupby(by[:5], sort=False).mean().unstack("rule")
    return shares[list(RULES)].rename(columns=naming.NAMES)


def gain(found: pd.DataFrame) -> stats.Interval:
    """What the tilt adds to FO's agreement at the largest second moment, less that at the smallest; paired by seed."""
    by = ["seed", "activation", "depth"]
    added = found.pivot_table("agreement", [*by, "moment"], "rule")
    added = (added["first_order"] - added["untilted"]).unstack("moment")
    return stats.mean_interval((added[added.columns.max()] - added[added.columns.min()]).groupby("seed").mean())


def figure(networks: pd.DataFrame, shifts: Sequence[float], verdicts: Sequence[Claim], dataset: str) -> Figure:
    """The main figure of a data set: agreement of each rule with every infinitely wide network, by law."""
    whole, panels = with_verdicts(0.44 * DOUBLE * len(shifts) + 0.1, verdicts, dataset, layout="none")
    axes = panels.subplots(len(shifts), len(RULES), sharex=True, sharey=True, squeeze=False)
    here = networks[networks["dataset"] == dataset]
    for row, shift in zip(axes, shifts, strict=True):
        for ax, rule in zip(row, RULES, strict=True):
            heat_map(ax, matrix(here[(here["shift"] == shift) & (here["rule"] == rule)]))
            ax.set_title(f"{naming.NAMES[rule]}, {inputs(shift)}", fontsize=6.5, loc="right")
    ncm = here[here["rule"] == "ncm"]
    mean, least = ncm["agreement"].mean(), ncm.groupby(["shift", *KINDS])["agreement"].mean().min()
    title = f"NCM agrees on {100 * mean:.0f} % of the points on average, on {100 * least:.0f} % at worst"
    panels.suptitle(f"{dataset_name(dataset)}: {title}")
    panel_letters(list(axes.flat))
    whole.set_layout_engine("constrained")  # only now: maps that are half drawn have no room in it
    return whole


def supplement(tilted: pd.DataFrame, shifts: Sequence[float]) -> Figure:
    """Agreement against the noise's second moment, with FO's tilt and without: a panel a data set and shift."""
    pairs = [(dataset, shift) for dataset in dict.fromkeys(tilted["dataset"]) for shift in shifts]
    whole = plt.figure(figsize=(DOUBLE, 0.4 * DOUBLE))
    axes = whole.subplots(1, len(pairs), squeeze=False, sharey=True)[0]
    for ax, (dataset, shift) in zip(axes, pairs, strict=True):
        here = tilted[(tilted["dataset"] == dataset) & (tilted["shift"] == shift)]
        rule_lines(ax, over_networks(here), "moment", "agreement", TILT)
        size_axis(ax, here["moment"].round(2), "second moment of the noise")
        ax.tick_params(axis="x", labelrotation=90)
        ax.set_ylim(0, 1.02)
        ax.set_title(f"{dataset_name(dataset)}, {inputs(shift)}", fontsize=6.5, loc="right")
    axes[0].set_ylabel("agreement")
    whole.legend(*handles(axes), loc="outside lower center", ncols=4)
    panel_letters(list(axes), after=len(shifts) * len(RULES))
    return whole


def claims(table: pd.DataFrame, chosen: Universality) -> list[Claim]:
    """What is claimed of each data set and shift: each rule on average and at worst, and what the tilt adds."""
    cases = Cases()
    for dataset, shift in itertools.product(chosen.datasets, chosen.shifts):
        where = {"dataset": dataset, "inputs": inputs(shift)}
        here = table[(table["dataset"] == dataset) & (table["shift"] == shift)]
        for rule in RULES:
            own = here[(here["part"] == "matrix") & (here["rule"] == rule)]
            cases.add(f"average-{rule}", where, stats.mean_over(own, "agreement", KINDS))
            cases.add(f"worst-{rule}", where, stats.worst(own, "agreement", KINDS))
        cases.add("tilt", where, stats.absolute(gain(here[here["part"] == "tilt"])))
    return judged("08_universality", CLAIMS, cases, chosen.thresholds.model_dump())
