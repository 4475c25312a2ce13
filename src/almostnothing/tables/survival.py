"""Seed 001's first figure: for each network and test its accuracy, that of two rules, and what theory predicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from almostnothing import corruptions, streams
from almostnothing.cells import Cell
from almostnothing.corruptions import Corruption
from almostnothing.data import Dataset
from almostnothing.params import Survival
from almostnothing.store import Store, axes, short_key
from almostnothing.tables import rules
from almostnothing.tables.trained import clean_training_set, corrupted_tests, first_tests, opened, stacks
from almostnothing.theory import prototypes
from almostnothing.training import device_for

DIGITS = 6
KINDS = ("clean", "corrupted")
PANELS = [(law, test) for law in ("replacement", "additive") for test in KINDS]
LINES = {"accuracy": "network", "ncm": "NCM", "ridge": "ridge rule", "theory": "theory of NCM"}
SIZES = ["law", "strength", "train_size", "width", "test"]


def table(parameters: Survival, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """One row for each network and test, "clean" and "corrupted": its accuracy beside those of rules and theory.

    All on the first `images` test images. `ncm`: the nearest class mean, on the network's clean training images
    corrupted anew, and test images likewise; the mean over `draws` such corruptions. `ridge`: `prototypes.resummed` on
    the first of them, for the infinitely wide network of the same activation and depth. `theory`: the nearest class
    mean's expected accuracy over subsets and corruptions, `prototypes.accuracy`.
    """
    device = device_for(parameters.compute.device)
    rows: list[dict[str, Any]] = []
    known: dict[tuple[Any, ...], dict[str, dict[str, float]]] = {}
    for group, model in stacks(cells, keep, device):
        dataset, law = opened(group[0], folder)
        tests, labels = first_tests(dataset, parameters.images, device)
        for index, cell in enumerate(group):
            name = (cell.source, cell.train_size, cell.corruption, cell.strength)
            if name not in known:
                known[name] = _theory(dataset, law, cell, tests, labels)
            if (*name, cell.seed) not in known:
                known[(*name, cell.seed)] = _rules(dataset, law, cell, tests, labels, parameters.draws)
            network, diverged = model.select([index]), keep.rows(cell)[0]["diverged"]
            for test, x in (("clean", tests), ("corrupted", corrupted_tests(cell, law, tests))):
                rows.append(
                    {
                        **axes(cell),
                        "test": test,
                        "accuracy": np.nan if diverged else _accuracy(network(x[None])[0], labels),
                        **known[(*name, cell.seed)][test],
                        **known[name][test],
                        "cell": short_key(cell),
                    }
                )
    found = pd.DataFrame(rows).round(dict.fromkeys(LINES, DIGITS))
    return found.sort_values([*axes(cells[0]), "test"], ignore_index=True)


def _accuracy(scores: Tensor, labels: Tensor) -> float:
    return float((scores.argmax(1) == labels).double().mean())


def _theory(
    dataset: Dataset, law: Corruption, cell: Cell, tests: Tensor, labels: Tensor
) -> dict[str, dict[str, float]]:
    train = prototypes.training_images(dataset)
    test = tests.double().cpu().numpy(), labels.cpu().numpy()
    n = cell.train_size / dataset.facts.classes
    return {kind: {"theory": prototypes.accuracy(law, cell.strength, train, test, n, kind)} for kind in KINDS}


def _rules(
    dataset: Dataset, law: Corruption, cell: Cell, tests: Tensor, labels: Tensor, draws: int
) -> dict[str, dict[str, float]]:
    clean, y, _ = clean_training_set(dataset, cell.train_size, cell.seed, tests.device)
    nearest, ridge = [], []
    for draw in range(draws):
        keys = [streams.stream_key(cell.seed, f"rules, {split}", draw) for split in ("training", "test")]
        seen = prototypes.Training.of(corruptions.corrupted(law, clean, cell.strength, keys[0]), y)
        x = torch.cat([tests, corruptions.corrupted(law, tests, cell.strength, keys[1])]).double()
        nearest.append(prototypes.nearest_mean(x, seen.means(seen.images)).split(len(tests)))
        if not draw:
            about = prototypes.expansion(rules.architecture(cell), seen, x)
            ridge = list(prototypes.resummed(x, seen, about).split(len(tests)))
    return {
        kind: {
            "ncm": float(np.mean([_accuracy(each[k], labels) for each in nearest])),
            "ridge": _accuracy(ridge[k], labels),
        }
        for k, kind in enumerate(KINDS)
    }


def largest(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the widest networks with the most training images, for each data set and law."""
    for column in ("train_size", "width"):
        table = table[table[column] == table.groupby(["dataset", "law"])[column].transform("max")]
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
