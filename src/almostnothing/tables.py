"""Tidy tables: one row for each network and evaluation, read by their axes, with the digits that mean something."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from almostnothing.cells import Cell
from almostnothing.errors import UserError
from almostnothing.health import DIVERGED, LEARNED, STATUSES
from almostnothing.parameters.sweep import Sweep
from almostnothing.store import Store

AXES = [  # what a table says of a cell
    "dataset",
    "pixels",
    "downsample",
    "pca_rank",
    "permutation",
    "train_size",
    "law",
    "strength",
    "family",
    "width",
    "depth",
    "activation",
    "shift",
    "centred",
    "readout_scale",
    "initialisation",
    "learning_rate",
    "steps",
    "training_corruption",
    "objective",
    "seed",
]
MODELS = ["model", "training_norm"]  # tell laws apart that have one name
# of tables that train their own networks, and may have rows of a network before its last one
OWN_AXES = ["data", "network", "training", "start", "d", "n", "draw", "mode", "weight", "k", "turned", "target"]
MEASURED = [  # of each evaluation of a cell
    "test",
    "correct",
    "images",
    "accuracy",
    "best",
    "loss",
    "margin_mean",
    "margin_sd",
    "margin_q05",
    "margin_q50",
    "margin_q95",
    "taken",
    "best_taken",
    "status",
    "active",
    "modal",
    "falling",
    "device",
]
ASKED = ("strength", "test_strength", "shift", "readout_scale", "learning_rate")  # numbers as a file gives them
ROUNDING = 1e-12  # what is smaller is a rounded zero
DIGITS = 6  # significant ones of what was measured: float32 has seven
COUNTED_DIGITS = 4  # of shares of test images: 10,000 have no more
UNPUBLISHED = ["margin_sd", "margin_q05", "margin_q50", "margin_q95"]  # what the store keeps, and a file leaves out
OF_TEST = ["correct", "images", "accuracy", "best", "best_taken", "loss", "margin_mean"]  # the others are of a network


def axes(cell: Cell) -> dict[str, Any]:
    """What a table says of a cell: d, the kind of law, what a sweep may vary; its loss function is the objective."""
    other = {"pixels": cell.source.facts.pixels, "law": cell.corruption.name, "objective": cell.loss}
    return {name: other[name] if name in other else getattr(cell, name) for name in AXES}


def head(cell: Cell, store: Store) -> dict[str, Any]:
    """How a row of a trained network begins in a table that measures it: its axes and its status."""
    return {**axes(cell), "status": store.rows(cell)[0]["status"]}


def collect(cells: Sequence[Cell], store: Store) -> pd.DataFrame:
    """The table of what training measured: one row for each cell and evaluation."""
    rows = []
    for cell in cells:
        for row in store.rows(cell):
            accuracy = math.nan if row["status"] == DIVERGED else row["correct"] / row["images"]
            best = row.get("best_correct", math.nan) / row["images"]
            rows.append({**axes(cell), **row, "accuracy": accuracy, "best": best})
    return pd.DataFrame(rows, columns=[*AXES, *MEASURED])


def learned(table: pd.DataFrame, values: Sequence[str] = ("accuracy",)) -> pd.DataFrame:
    """The table without the values of networks that did not learn: these are NaN."""
    return table.assign(**{name: table[name].where(table["status"] == LEARNED) for name in values})


def counted(rows: pd.DataFrame) -> dict[str, int]:
    """How many networks a claim rests on, those of points where all learned, and how many it leaves out.

    `rows` of trained networks that the claim asks about; a point is told apart by all axes but the seed.
    """
    axes_of = [name for name in AXES if name in rows]
    networks = rows.drop_duplicates(axes_of)
    by = [name for name in axes_of if name != "seed"]
    whole = (networks["status"] == LEARNED).groupby([networks[name] for name in by], dropna=False).transform("all")
    return {"networks": int(whole.sum()), "left_out": int((~whole).sum())}


def evidence(rows: pd.DataFrame, kind: Sequence[str], over: pd.Series) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of kinds of networks all of which are `over`, and how many networks that leaves and leaves out."""
    whole = over.groupby([rows[name] for name in kind]).transform("all").astype(bool)
    return rows[whole], {"networks": int(whole.sum()), "left_out": int((~whole).sum())}


def by_level(rows: pd.DataFrame, column: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    """The rows of each level of a column, in order."""
    for level in sorted(rows[column].unique().tolist()):
        yield level, rows[rows[column] == level]


def statuses(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """How many of a table's networks have each status, by columns of its axes: one row for each of their values."""
    found = networks(table).groupby(list(by), dropna=False, sort=False)["status"].value_counts().unstack(fill_value=0)
    return found.reindex(columns=list(STATUSES), fill_value=0).rename_axis(columns=None)


def networks(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each trained network of a table: its last one, as some have rows of a network in training."""
    rows = table[table["status"].isin(STATUSES)]
    rows = rows[rows["what"] == "finite"] if "what" in rows else rows
    axes = [*AXES, *MODELS, *([] if "test" in rows else OWN_AXES)]  # of cells there are tests
    return rows.drop_duplicates([name for name in axes if name in rows], keep="last")


def long(found: pd.DataFrame, names: Sequence[str], column: str) -> pd.DataFrame:
    """A row for each of `names`, told apart by `column`, from a table that has their values side by side.

    Columns `<name>_<value>` become `value`; all others are repeated. Rows without an `agreement` are left out.
    """
    columns_of = list(map(str, found.columns))
    own = {name: [one for one in columns_of if one.startswith(f"{name}_")] for name in names}
    shared = [one for one in columns_of if not any(one in columns for columns in own.values())]
    parts = [
        found[[*shared, *columns]]
        .rename(columns={one: one.removeprefix(f"{name}_") for one in columns})
        .assign(**{column: name})
        for name, columns in own.items()
        if columns
    ]
    return pd.concat(parts, ignore_index=True).dropna(subset="agreement", ignore_index=True)


def beside(collected: pd.DataFrame) -> pd.DataFrame:
    """A row for each network of a table that was collected, its tests side by side: columns `<value>_<test>`.

    Rows of a network follow each other, and all networks have the first one's first test. `each_test` undoes it.
    """
    number = (collected["test"] == collected["test"].iloc[0]).cumsum().rename("network")
    tests = list(collected["test"].unique())
    values = collected.assign(network=number).pivot(index="network", columns="test", values=OF_TEST)
    found = collected.drop(columns=[*OF_TEST, "test"]).groupby(number).first(skipna=False)
    for test in tests:
        for value in OF_TEST:
            kind = "Int64" if value in ("correct", "images") else "float"  # counts stay counts where a test is absent
            found[f"{value}_{test}"] = values[value, test].astype(kind)
    return found.reset_index(drop=True)


def each_test(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each network and test, of a table that has the tests side by side; any other table as it is."""
    first = "correct_"
    tests = [name.removeprefix(first) for name in map(str, table.columns) if name.startswith(first)]
    if not tests:
        return table
    own = {test: {f"{value}_{test}": value for value in OF_TEST} for test in tests}
    shared = [name for name in map(str, table.columns) if not any(name in names for names in own.values())]
    parts = [table[[*shared, *own[test]]].rename(columns=own[test]).assign(test=test) for test in tests]
    found = pd.concat(parts).sort_index(kind="stable", ignore_index=True).dropna(subset="correct", ignore_index=True)
    named = [name for name in (*AXES, *MEASURED) if name in found]
    return found[named].astype({"correct": int, "images": int})


def written(table: pd.DataFrame, digits: int = DIGITS) -> str:
    """The table as CSV, numbers that are no axes with so many significant digits."""
    numbers = [str(name) for name in table.select_dtypes("float") if name not in ASKED]
    exact = table[numbers].where(table[numbers].abs() > ROUNDING, table[numbers] * 0)
    rounded = {name: exact[name].map(f"{{:.{digits}g}}".format).replace("nan", "") for name in numbers}
    rounded = {name: column.str.replace(r"^(-?)0\.", r"\1.", regex=True) for name, column in rounded.items()}
    return table.assign(**rounded).to_csv(index=False)


def read(path: Path, sweep: Sweep | None = None) -> pd.DataFrame:
    """A published table; of one whose rows are of networks, those that a sweep asks for.

    Raises `UserError` if the table is absent, or lacks networks of the sweep.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: run snakemake to make it")
    table = pd.read_csv(path)
    if sweep is None:
        return table
    chosen = pd.Series(False, table.index)
    for grid in sweep.grids:
        own = pd.Series(True, table.index)
        count = 1
        for column, values in grid.columns().items():
            if column in table:
                own &= table[column].isin([math.nan if value is None else value for value in values])
                count *= len(values)
        there = table.loc[own, [name for name in grid.columns() if name in table]].drop_duplicates()
        if len(there) < count:
            raise UserError(f"{path} lacks {count - len(there)} networks of this sweep: run snakemake to train them")
        chosen |= own
    return table[chosen].reset_index(drop=True)
