"""Accuracy against corruption: networks, the rules of seed 001, and theory."""

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
from almostnothing.corruptions.law import Corruption
from almostnothing.data.datasets import Dataset
from almostnothing.devices import device_for
from almostnothing.health import DIVERGED
from almostnothing.measures import rules
from almostnothing.measures.trained import chosen_tests, clean_training_set, corrupted_tests, opened, stacks
from almostnothing.pages.survival.parameters import Survival
from almostnothing.store import Store
from almostnothing.tables import axes, head
from almostnothing.theory import prototypes

KINDS = ("clean", "corrupted")
UNLIMITED = 1e9  # training images of a class


def table(parameters: Survival, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """One row for each network and test, "clean" and "corrupted": its accuracy beside those of rules and theory.

    All on `images` test images. `ncm`: the nearest class mean, on the network's clean training images
    corrupted anew, and test images likewise; the mean over `draws` such corruptions. `ridge`: `prototypes.resummed` on
    the first of them, for the infinitely wide network of the same activation and depth. `theory`: the nearest class
    mean's expected accuracy over subsets and corruptions, `prototypes.accuracy`; `unlimited`: that with unlimited data.
    """
    device = device_for(parameters.compute.device)
    rows: list[dict[str, Any]] = []
    known: dict[tuple[Any, ...], dict[str, dict[str, float]]] = {}
    for group, model in stacks(cells, keep, device):
        dataset, law = opened(group[0], folder)
        tests, labels = chosen_tests(dataset, parameters.images, device)
        for index, cell in enumerate(group):
            name = (cell.source, cell.train_size, cell.corruption, cell.strength)
            if name not in known:
                ceiling = (cell.source, cell.corruption, cell.strength)
                if ceiling not in known:
                    known[ceiling] = _theory(dataset, law, cell, tests, labels, UNLIMITED, "unlimited")
                finite = _theory(dataset, law, cell, tests, labels, cell.train_size / dataset.facts.classes, "theory")
                known[name] = {test: finite[test] | known[ceiling][test] for test in KINDS}
            if (*name, cell.seed) not in known:
                known[(*name, cell.seed)] = _rules(dataset, law, cell, tests, labels, parameters.draws)
            network, first = model.select([index]), head(cell, keep)
            diverged = first["status"] == DIVERGED
            for test, x in (("clean", tests), ("corrupted", corrupted_tests(cell, dataset, law, tests))):
                rows.append(
                    {
                        **first,
                        "test": test,
                        "accuracy": np.nan if diverged else rules.accuracy(network(x[None])[0], labels),
                        **known[(*name, cell.seed)][test],
                        **known[name][test],
                    }
                )
    return pd.DataFrame(rows).sort_values([*axes(cells[0]), "test"], ignore_index=True)


def _theory(
    dataset: Dataset, law: Corruption, cell: Cell, tests: Tensor, labels: Tensor, n: float, name: str
) -> dict[str, dict[str, float]]:
    train = prototypes.training_images(dataset)
    test = tests.double().cpu().numpy(), labels.cpu().numpy()
    return {kind: {name: prototypes.accuracy(law, cell.strength, train, test, n, kind)} for kind in KINDS}


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
            "ncm": float(np.mean([rules.accuracy(each[k], labels) for each in nearest])),
            "ridge": rules.accuracy(ridge[k], labels),
        }
        for k, kind in enumerate(KINDS)
    }
