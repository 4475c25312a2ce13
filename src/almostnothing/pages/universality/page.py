"""Panels, summaries and claims of `08_universality`."""

from __future__ import annotations

import itertools

import pandas as pd

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.measures import naming
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
