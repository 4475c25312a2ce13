"""Accuracy of networks trained under one Lp-norm corruption on tests under each, all on the same corrupted images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from almostnothing.cells import Cell
from almostnothing.devices import device_for
from almostnothing.health import DIVERGED
from almostnothing.measures.answers import correct, displacement, networks_of, under
from almostnothing.measures.trained import opened
from almostnothing.pages.transfer.parameters import Norm, Transfer
from almostnothing.store import Store
from almostnothing.tables import axes, head

STANDARD = "none"  # the norm of the standard network's training, and of clean tests


def table(parameters: Transfer, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """One row for each network, way of its data set in which it takes part, test norm and test strength.

    `training_norm`, `test_norm`: "none", "L0", "L0.5" …; `correct` of `images` test images. Every network of a seed is
    asked about the same images: clean, and each under the same draw of a law and strength. `training_l2`: root mean
    squared displacement √E‖x̃ − x‖² of the network's training images under its law, clipping included, exactly;
    `test_l2`: of the test images, as drawn.
    """
    device = device_for(parameters.compute.device)
    rows: list[dict[str, Any]] = []
    drawn: dict[tuple[Any, ...], tuple[Tensor, Tensor, float]] = {}
    moved: dict[tuple[Any, ...], float] = {}
    for cell, ask in networks_of(cells, keep, device):
        dataset, law = opened(cell, folder)
        trained = (cell.source, cell.train_size, cell.seed, cell.corruption, cell.strength)
        if trained not in moved:
            moved[trained] = displacement(law, dataset.values(dataset.train)[dataset.subset(*trained[1:3])], trained[4])
        first = head(cell, keep)
        known: dict[tuple[Any, ...], int] = {}
        for way, norm, test, strength in asked(parameters, cell):
            name = (cell.source, cell.seed, test and test.law, strength)
            if name not in drawn:
                drawn[name] = under(dataset, test.law if test else None, strength, cell.seed, parameters.images, device)
            x, labels, far = drawn[name]
            if name not in known:
                known[name] = correct(ask, x, labels)
            rows.append(
                {
                    **first,
                    "way": way,
                    "training_norm": norm,
                    "training_l2": moved[trained],
                    "test_norm": test.name if test else STANDARD,
                    "test_strength": strength,
                    "test_l2": far,
                    "correct": known[name],
                    "images": len(labels),
                    "accuracy": np.nan if first["status"] == DIVERGED else known[name] / len(labels),
                }
            )
    by = [*axes(cells[0]), "way", "training_norm", "test_norm", "test_strength"]
    return pd.DataFrame(rows).sort_values(by, ignore_index=True)


def asked(parameters: Transfer, cell: Cell) -> Iterator[tuple[str, str, Norm | None, float]]:
    """What a network is tested on: the way, its own norm there, the norm and strength of the test; None: clean images.

    A network takes part in a way whose norm of its law it was trained with at that strength, the standard one in all.
    """
    for way in parameters.ways:
        own = [norm for norm in way.norms if (norm.law, norm.train) == (cell.corruption, cell.strength)]
        if way.dataset == cell.dataset and (own or not cell.strength):
            name = own[0].name if own else STANDARD
            yield way.way, name, None, 0.0
            for norm in way.norms:
                for strength in norm.tests:
                    yield way.way, name, norm, strength
