"""Seed 001's first figure: for each network and test its accuracy, that of two rules, and what theory predicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from almostnothing import corruptions, data, streams
from almostnothing.cells import Cell
from almostnothing.corruptions import Corruption
from almostnothing.data import Dataset
from almostnothing.params import Survival
from almostnothing.store import Store, axes, short_key
from almostnothing.theory import kernels, prototypes
from almostnothing.training import device_for

KINDS = ("clean", "corrupted")
PANELS = [(law, test) for law in ("replacement", "additive") for test in KINDS]
LINES = {"accuracy": "network", "ncm": "NCM", "ridge": "ridge rule", "theory": "theory of NCM"}
SIZES = ["law", "strength", "train_size", "width", "test"]


def table(parameters: Survival, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """One row for each network and test, "clean" and "corrupted": its accuracy beside those of rules and theory.

    `ncm` and `ridge`: the nearest class mean and `prototypes.resummed` (that of a ReLU network with one hidden layer),
    each on the network's own training images, corrupted anew `draws` times, and corrupted test images likewise.
    `theory`: the nearest class mean's expected accuracy over subsets and corruptions, `prototypes.accuracy`.
    """
    device = device_for(parameters.compute.device)
    rows: list[dict[str, Any]] = []
    known: dict[tuple[Any, ...], dict[str, dict[str, float]]] = {}
    for cell in cells:
        dataset = data.load(cell.source, folder)
        law = corruptions.build(cell.corruption, dataset)
        name = (cell.source, cell.train_size, cell.corruption, cell.strength)
        if (*name, cell.seed) not in known:
            found = _rules(dataset, law, cell, parameters, device)
            if name not in known:
                known[name] = _theory(dataset, law, cell, parameters.images)
            known[(*name, cell.seed)] = {kind: found[kind] | known[name][kind] for kind in KINDS}
        for row in keep.rows(cell):
            if row["test"] in KINDS:
                accuracy = np.nan if row["diverged"] else row["correct"] / row["images"]
                own = known[(*name, cell.seed)][row["test"]]
                rows.append({**axes(cell), "test": row["test"], "accuracy": accuracy, **own, "cell": short_key(cell)})
    return pd.DataFrame(rows).sort_values([*axes(cells[0]), "test"], ignore_index=True)


def _theory(dataset: Dataset, law: Corruption, cell: Cell, images: int) -> dict[str, dict[str, float]]:
    train = prototypes.training_images(dataset)
    test = dataset.values(dataset.test)[:images].astype(np.float64), dataset.test.labels[:images]
    n = cell.train_size / dataset.facts.classes
    return {kind: {"theory": round(prototypes.accuracy(law, cell.strength, train, test, n, kind), 6)} for kind in KINDS}


def _rules(
    dataset: Dataset, law: Corruption, cell: Cell, parameters: Survival, device: torch.device
) -> dict[str, dict[str, float]]:
    where = dataset.subset(cell.train_size, cell.seed)
    clean = torch.from_numpy(dataset.train.images[where]).to(device).float() / dataset.levels
    y = torch.from_numpy(dataset.train.labels[where]).to(device)
    tests = torch.from_numpy(dataset.values(dataset.test)[: parameters.images]).to(device)
    labels = torch.from_numpy(dataset.test.labels[: parameters.images]).to(device)
    network = kernels.Architecture("relu", 2)
    found: dict[str, dict[str, list[float]]] = {kind: {"ncm": [], "ridge": []} for kind in KINDS}
    for draw in range(parameters.draws):
        keys = [streams.stream_key(cell.seed, f"rules, {split}", draw) for split in ("training", "test")]
        seen = prototypes.Training.of(corruptions.corrupted(law, clean, cell.strength, keys[0]), y)
        points = {"clean": tests, "corrupted": corruptions.corrupted(law, tests, cell.strength, keys[1])}
        for kind, x in points.items():
            x = x.double()
            about = prototypes.expansion(network, seen, x)
            for rule, scores in (
                ("ncm", prototypes.nearest_mean(x, seen.means(seen.images))),
                ("ridge", prototypes.resummed(x, seen, about)),
            ):
                found[kind][rule].append(float((scores.argmax(1) == labels).double().mean()))
    return {kind: {rule: round(float(np.mean(a)), 6) for rule, a in rules.items()} for kind, rules in found.items()}


def largest(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each data set's widest networks with the most training images."""
    for column in ("train_size", "width"):
        table = table[table[column] == table.groupby("dataset")[column].transform("max")]
    return table


def errors(table: pd.DataFrame) -> pd.DataFrame:
    """How accuracies differ from the theory's: root mean square and mean, of NCM and of networks of each width."""
    lines = {}
    for key, rows in table.groupby(["dataset", "law", "test", "train_size"], sort=False):
        found = {"NCM": rows["ncm"] - rows["theory"]}
        for width, own in rows.groupby("width"):
            found[f"width {width}"] = own["accuracy"] - own["theory"]
        lines[key] = {
            (name, what): value
            for name, error in found.items()
            for what, value in (("rms", float(np.sqrt((error**2).mean()))), ("mean", float(error.mean())))
        }
    index = pd.MultiIndex.from_tuples(lines, names=["dataset", "law", "test", "N"])
    frame = pd.DataFrame(list(lines.values()), index=index)
    return frame.set_axis(pd.MultiIndex.from_tuples([tuple(key) for key in frame.columns]), axis=1)
