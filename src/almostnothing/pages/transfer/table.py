"""Accuracy of networks trained under one Lp-norm corruption on tests under each, all on the same corrupted images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from almostnothing.cells import Cell
from almostnothing.devices import device_for
from almostnothing.errors import UserError
from almostnothing.health import DIVERGED
from almostnothing.measures.answers import correct, networks_of, training_displacement, under
from almostnothing.measures.trained import opened
from almostnothing.pages.transfer.parameters import Norm, Transfer
from almostnothing.store import Store
from almostnothing.tables import axes, head

MATCHED = 1.02  # ratio of displacements that count as equal
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
    moved = {cell: training_displacement(cell, folder) for cell in cells}
    check_matched(parameters, moved)
    for cell, ask in networks_of(cells, keep, device):
        dataset, _ = opened(cell, folder)
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
                    "training_l2": moved[cell],
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


def check_matched(parameters: Transfer, moved: Mapping[Cell, float]) -> None:
    """Raise `UserError` unless the trainings of each matched way move images equally far, within `MATCHED`."""
    for way in parameters.ways:
        if way.way == "matched":
            laws = {(norm.law, norm.train): norm.name for norm in way.norms}
            own = {laws[told]: far for cell, far in moved.items() if cell.dataset == way.dataset
                   and (told := (cell.corruption, cell.strength)) in laws}  # fmt: skip
            near, far = min(own, key=lambda name: own[name]), max(own, key=lambda name: own[name])
            if own[far] > MATCHED * own[near]:
                raise UserError(
                    f"ways of {way.dataset}, matched: training moves images by {own[near]:.3g} (root mean squared L2) "
                    f"with {near}, and by {own[far]:.3g} with {far}: choose strengths that move them equally"
                )


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
