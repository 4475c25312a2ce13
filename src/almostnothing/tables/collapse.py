"""Seed 000, prediction 4: for each network and test, its accuracy and the quantities on which it may collapse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from almostnothing import corruptions, data, stats
from almostnothing.cells import Cell
from almostnothing.measures import criterion
from almostnothing.params import Collapse
from almostnothing.store import Store, axes, short_key
from almostnothing.tables.trained import first_tests, opened, stacks
from almostnothing.theory import prototypes
from almostnothing.training import device_for

CANDIDATES = {  # columns of the table, as seed 000's text and its brief write them
    "proxy": "$(1-p)/\\sqrt{p}$",
    "signal": "$S=\\sqrt{n}\\,(1-p)/\\sqrt{v}$",
    "ratio": "median $\\gamma/\\sigma$",
    "theory": "theory of seed 001",
}


def table(parameters: Collapse, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """One row for each network and test, "clean" and "corrupted": its axes, accuracy and the four candidates.

    `proxy` (1−p)/√p. `signal` √n (1−p)/√v with n images a class and v a pixel's mean variance over the
    test images. `ratio` the median over test images of γ(x)/√Var(Δγ|x). `theory` the expected accuracy of the
    nearest-class-mean rule (`theory.prototypes`), into which no measured accuracy enters.
    """
    device = device_for(parameters.compute.device)
    rows: list[dict[str, Any]] = []
    known: dict[tuple[Any, ...], dict[str, float]] = {}
    for group, model in stacks(cells, keep, device):
        dataset, law = opened(group[0], folder)
        x, y = first_tests(dataset, parameters.images, device)
        for strength in sorted({cell.strength for cell in group}):
            own = [e for e, cell in enumerate(group) if cell.strength == strength]
            seen = criterion.first_order(model.select(own), law, x, y, strength)
            ratios = (seen["margin"] / seen["sd"]).double().median(1).values.tolist()
            for e, ratio in zip(own, ratios, strict=True):
                cell = group[e]
                name = (cell.source, cell.train_size, cell.strength)
                if name not in known:
                    known[name] = _predicted(dataset, law, cell, x.double().cpu().numpy(), y.cpu().numpy())
                for row in keep.rows(cell):
                    if row["test"] in ("clean", "corrupted"):
                        rows.append(
                            {
                                **axes(cell),
                                "test": row["test"],
                                "accuracy": np.nan if row["diverged"] else row["correct"] / row["images"],
                                "ratio": ratio,
                                "proxy": known[name]["proxy"],
                                "signal": known[name]["signal"],
                                "theory": known[name][row["test"]],
                                "cell": short_key(cell),
                            }
                        )
    return pd.DataFrame(rows).sort_values([*axes(cells[0]), "test"], ignore_index=True)


def _predicted(
    dataset: data.Dataset, law: corruptions.Corruption, cell: Cell, x: np.ndarray, y: np.ndarray
) -> dict[str, float]:
    """What needs no network: the candidates that depend on (data, N, p) alone, theory for both tests."""
    n, p = cell.train_size / dataset.facts.classes, cell.strength
    train = prototypes.training_images(dataset)
    return {
        "proxy": (1 - p) / np.sqrt(p) if p else np.inf,
        "signal": float(np.sqrt(n) * (1 - p) / np.sqrt(law.variance(x, p).mean())) if p else np.inf,
        **{kind: prototypes.accuracy(law, p, train, (x, y), n, kind) for kind in ("clean", "corrupted")},
    }


def subsets(table: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, list[str]]]:
    """The networks that differ in one size alone, and all: the rows of each, and the columns that tell sizes apart.

    The others are fixed where the size takes the most values; of these, at the largest.
    """
    sizes, found = {"N": "train_size", "width": "width", "d": "pixels"}, {}
    for name, column in sizes.items():
        others = [other for other in sizes.values() if other != column]
        kinds = table.groupby(others)[column].nunique()
        fixed = kinds[kinds == kinds.max()].index[-1]
        found[name] = (table[(table[others] == pd.Series(fixed, others)).all(axis=1)], [column])
    return {**found, "together": (table, list(sizes.values()))}


def quality(table: pd.DataFrame) -> pd.DataFrame:
    """`stats.collapse_interval` of every candidate: one row for each data set, test, kind of size and candidate.

    Columns mean, low, high: the leave-one-size-out error; gain, gain_low, gain_high: how far that of `proxy` is above.
    p = 0 is left out, where two candidates are infinite. A size of which there is one value has no row.
    """
    found = []
    for (dataset, test), rows in table[table["strength"] > 0].groupby(["dataset", "test"]):
        for name, (some, columns) in subsets(rows).items():
            if some[columns].drop_duplicates().shape[0] < 2:
                continue
            for candidate in CANDIDATES:
                error, gain = stats.collapse_interval(some, candidate, "proxy", columns)
                row = {"dataset": dataset, "test": test, "sizes": name, "candidate": candidate} | error._asdict()
                found.append(row | {"gain": gain.mean, "gain_low": gain.low, "gain_high": gain.high})
    return pd.DataFrame(found)


def halfway(table: pd.DataFrame, chance: float) -> pd.DataFrame:
    """What a network survives: one row for each network, seed and test, with the p at which accuracy is half-way.

    `measured` from the network's accuracies and `predicted` from the theory's for the same test images, both by
    `stats.halfway` on the same p.
    """
    by = ["dataset", "pixels", "train_size", "width", "depth", "objective", "test", "seed"]
    rows = []
    for key, curve in table.groupby(by):
        p = curve["strength"].to_numpy()
        found = {
            name: stats.halfway(p, curve[column].to_numpy(), chance)
            for name, column in (("measured", "accuracy"), ("predicted", "theory"))
        }
        rows.append(dict(zip(by, key, strict=True)) | found)
    return pd.DataFrame(rows).assign(error=lambda t: t["predicted"] - t["measured"])


def survived(half: pd.DataFrame) -> pd.DataFrame:
    """The page "what a network at width w, size N survives": means over seeds of `halfway`, with 95 % intervals."""
    by = [name for name in half.columns if name not in ("seed", "measured", "predicted", "error")]

    def line(rows: pd.DataFrame) -> pd.Series:
        measured, error = (stats.mean_interval(rows[name]) for name in ("measured", "error"))
        return pd.Series(
            {
                "predicted p": f"{rows['predicted'].mean():.3f}",
                "measured p [95 %]": f"{measured.mean:.3f} [{measured.low:.3f}, {measured.high:.3f}]",
                "error [95 %]": f"{error.mean:+.3f} [{error.low:+.3f}, {error.high:+.3f}]",
                "seeds": measured.n,
            }
        )

    lines = {key: line(rows) for key, rows in half.groupby(by)}
    return pd.DataFrame(lines.values(), index=pd.MultiIndex.from_tuples(lines, names=by))
