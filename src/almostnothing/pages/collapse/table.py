"""Seed 000, prediction 4: for each network and test, its accuracy and the quantities on which it may collapse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from almostnothing import corruptions, data
from almostnothing.cells import Cell
from almostnothing.devices import device_for
from almostnothing.health import DIVERGED
from almostnothing.measures import criterion
from almostnothing.measures.trained import chosen_tests, opened, stacks
from almostnothing.pages.collapse.parameters import Collapse
from almostnothing.store import Store
from almostnothing.tables import axes, head
from almostnothing.theory import prototypes


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
        x, y = chosen_tests(dataset, parameters.images, device)
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
                                **head(cell, keep),
                                "test": row["test"],
                                "accuracy": np.nan if row["status"] == DIVERGED else row["correct"] / row["images"],
                                "ratio": ratio,
                                "proxy": known[name]["proxy"],
                                "signal": known[name]["signal"],
                                "theory": known[name][row["test"]],
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
