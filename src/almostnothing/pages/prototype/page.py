"""Panels, summaries and claims of `06_prototype`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.measures import naming
from almostnothing.pages.prototype.claims import CLAIMS, RIVALS
from almostnothing.pages.prototype.parameters import PrototypeThresholds
from almostnothing.parameters.sweep import Sweep
from almostnothing.tables import counted, learned

NAMES = naming.NAMES | {"ntk": "NTK", "lazy": "NTK from its start", "fit": "fit λ", "self": "NCM, other noise"}


VARIED = {  # columns of the table that a panel varies alone, and how it calls them
    "train_size": "N",
    "steps": "training steps",
    "centred": "inputs of mean zero",
    "objective": "loss",
    "readout_scale": "start of the last layer",
}
USUAL = ("train_size", "centred", "readout_scale", "objective", "steps")  # columns by which a panel fixes the others


SIZES = ("train_size", "steps")  # of these, those that are on a logarithmic axis


def usual(sweep: Sweep) -> dict[str, Any]:
    """The first values that the sweep has in columns that may vary, by which a panel fixes the others."""
    first = sweep.columns()
    return {name: first[name][0] for name in USUAL}


def at(found: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """The rows with these values."""
    return found[(found[list(values)] == pd.Series(values)).all(axis=1)]


def centre(found: pd.DataFrame, values: dict[str, Any]) -> pd.DataFrame:
    """The rows of the width and depth at which most else is varied."""
    kinds = found.groupby(["width", "depth"])[list(values)].nunique().sum(axis=1)
    width, depth = kinds.index[int(kinds.to_numpy().argmax())]
    return at(found, width=width, depth=depth)


def but_one(rows: pd.DataFrame, values: dict[str, Any], column: str) -> pd.DataFrame:
    """The rows that have the usual values in all but one column."""
    return at(rows, **{name: value for name, value in values.items() if name != column})


def fifths(rows: pd.DataFrame) -> pd.DataFrame:
    """Agreement by fifths of a rule's own margin, in long form: the first fifth is nearest to the rule's boundary."""
    parts = [rows.assign(fifth=k, agreement=rows[f"fifth_{k}"]) for k in range(1, naming.BINS + 1)]
    return pd.concat(parts)[["rule", "seed", "fifth", "agreement"]].dropna()


def described(rows: pd.DataFrame, values: dict[str, Any]) -> str:
    """In words, what the networks of these rows have in common."""
    first = rows.iloc[0]
    loss = values["objective"].replace("_", "-").replace("mse", "squared error")
    layers = "1 hidden layer" if first["depth"] == 2 else f"{first['depth'] - 1} hidden layers"
    return f"N = {values['train_size']:,}, {layers} of width {first['width']:,}, {loss}, {values['steps']:,} steps"


def grid(rows: pd.DataFrame, rule: str) -> pd.DataFrame:
    """Agreement with a rule as text, mean over seeds ± 95 %: rows p, columns hidden layers and width."""
    own = rows[rows["rule"] == rule].assign(hidden=lambda t: t["depth"] - 1)

    def words(values: pd.Series) -> str:
        mean = stats.mean_interval(values)
        return f"{mean.mean:.2f} ± {mean.high - mean.mean:.2f}"

    wide = own.groupby(["strength", "hidden", "width"])["agreement"].apply(words).unstack(["hidden", "width"])
    return wide.sort_index(axis=1).fillna("–")


def by_class(rows: pd.DataFrame, chosen: Sequence[str]) -> pd.DataFrame:
    """Mean agreement on the test images of each class: rows data set, p and rule."""
    own = rows[rows["rule"].isin(chosen)].assign(rule=lambda t: t["rule"].map(NAMES))
    classes = [name for name in rows.columns if name.startswith("class_")]
    return own.groupby(["dataset", "strength", "rule"], sort=False)[classes].mean().rename(columns=lambda c: c[6:])


def regimes(table: pd.DataFrame, usual: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """The rows of each named regime: the referee's table, and where the theory lives."""
    theory = usual | {"objective": "mse", "readout_scale": 0.0}
    found = {f"cross-entropy, N = {usual['train_size']:,}": at(table, **usual)}
    for size in sorted(table["train_size"].unique()):
        rows = at(table, **theory | {"train_size": size})
        if len(rows):
            found[f"squared error from 0, N = {size:,}"] = rows
    return found


def claims(table: pd.DataFrame, usual: dict[str, Any], limits: PrototypeThresholds) -> list[Claim]:
    """What is claimed of each data set, test and regime: averages and worst cases over p, width and depth.

    No claim rests on networks that did not learn.
    """
    cases, by = Cases(), ["strength", "width", "depth"]
    for regime, rows in regimes(table, usual).items():
        for (dataset, test), here in rows.groupby(["dataset", "test"], sort=False):
            where = {"dataset": str(dataset), "test": str(test), "regime": regime}
            counts, good = counted(here), learned(here, ["agreement"])
            own = {rule: good[good["rule"] == rule] for rule in ("ncm", *RIVALS)}
            cases.add("majority", where, stats.mean_over(own["ncm"], "agreement", by), counts)
            cases.add("majority-uniformly", where, stats.worst(own["ncm"], "agreement", by), counts)
            for rule, of in own.items():
                if len(of):
                    cases.add(f"same-{rule}", where, stats.mean_over(of, "agreement", by), counts)
    return judged("06_prototype", CLAIMS, cases, limits.model_dump())
