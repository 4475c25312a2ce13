"""Seed 000, prediction 3: which MLP and which CNN to compare."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from almostnothing.cells import Cell
from almostnothing.params import BiasThresholds
from almostnothing.sweeps import parameter_count

NAMES = {"mlp": "MLP", "cnn": "CNN"}


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """A table with each network's name, as "MLP 64", and whether its pixels are "in place" or "permuted"."""
    names = table["family"].map(NAMES) + " " + table["width"].astype(str)
    return table.assign(network=names, order=table["permutation"].isna().map({True: "in place", False: "permuted"}))


def matches(cells: Sequence[Cell], table: pd.DataFrame, limits: BiasThresholds) -> pd.DataFrame:
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
