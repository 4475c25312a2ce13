"""What the models answer to clean images, to common corruptions and to noise of the text's laws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing.cells import Cell
from almostnothing.data.common import SEVERITIES, common_tests
from almostnothing.data.datasets import Dataset
from almostnothing.devices import device_for
from almostnothing.health import DIVERGED
from almostnothing.measures import answers
from almostnothing.measures.robustness import CLEAN
from almostnothing.measures.trained import opened
from almostnothing.pages.augmentation.parameters import Augmentation
from almostnothing.store import Store
from almostnothing.tables import head

Test = tuple[str, float, str, Float[Tensor, "image pixel"], Int[Tensor, " image"]]


def table(parameters: Augmentation, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """One row for each network and test: `correct` of `images`.

    `model` by the text's name. `test`: "clean"; a common corruption, whose five severities count together; or a kind of
    law, with `test_strength` by which the text calls it (0 for all others). `origin` of the images: "test set", "drawn"
    under a law, "generated", or "CIFAR-10-C". `training_l2`: root mean squared displacement of the network's training
    images under its law, clipping included. All networks of a seed are asked about the same images.
    """
    device = device_for(parameters.compute.device)
    rows: list[dict[str, Any]] = []
    named = [(each.dataset, name) for each in parameters.experiments for name in each.models]
    places = {name: place for place, name in enumerate(named)}
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.source, cell.seed), []).append(cell)
    for (_, seed), group in groups.items():
        dataset, _ = opened(group[0], folder)
        asked = [ask for _, ask in sorted_as(group, answers.networks_of(group, keep, device))]
        firsts, moved = [], dict[Any, float]()
        for cell in group:
            noise = (cell.corruption, cell.strength)
            if noise not in moved:
                moved[noise] = answers.training_displacement(cell, folder)
            firsts.append({**head(cell, keep), "model": parameters.model_of(cell), "training_l2": moved[noise]})
        for test, strength, origin, x, labels in tests(parameters, dataset, seed, folder, device):
            for first, ask in zip(firsts, asked, strict=True):
                count = answers.correct(ask, x, labels)
                rows.append(
                    {
                        **first,
                        "test": test,
                        "test_strength": strength,
                        "origin": origin,
                        "correct": count,
                        "images": len(labels),
                        "accuracy": np.nan if first["status"] == DIVERGED else count / len(labels),
                    }
                )
    rows.sort(key=lambda row: (places[row["dataset"], row["model"]], row["seed"]))
    return pd.DataFrame(rows)


def sorted_as(cells: Sequence[Cell], networks: Iterator[tuple[Cell, answers.Ask]]) -> list[tuple[Cell, answers.Ask]]:
    """Networks with their cells, in the order of `cells`."""
    place = {cell: number for number, cell in enumerate(cells)}
    return sorted(networks, key=lambda each: place[each[0]])


def tests(parameters: Augmentation, dataset: Dataset, seed: int, folder: Path, device: torch.device) -> Iterator[Test]:
    """The tests of a seed: name, strength, origin, images and labels. Of a common corruption all severities at once."""
    own = parameters.experiment(dataset.source.name)
    where = answers.chosen(dataset, seed, parameters.images)
    x, labels = answers.clean(dataset, where, device)
    yield CLEAN, 0.0, "test set", x, labels
    for name in own.common:
        made = [common_tests(dataset, name, severity, where, folder) for severity in range(1, SEVERITIES + 1)]
        pixels = np.concatenate([each.images for each in made])
        yield name, 0.0, made[0].origin, torch.from_numpy(pixels).to(device).float() / 255, labels.repeat(SEVERITIES)
    for (kind, text), (law, strength) in own.tests().items():
        noisy, labels, _ = answers.under(dataset, law, strength, seed, parameters.images, device)
        yield kind, text, "drawn", noisy, labels
