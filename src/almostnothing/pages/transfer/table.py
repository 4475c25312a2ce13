"""Accuracy of networks trained under one Lp-norm corruption on tests under each, all on the same corrupted images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import corruptions, residual, streams
from almostnothing.cells import Cell, Law, ResidualCell
from almostnothing.corruptions.law import Corruption
from almostnothing.data.datasets import Dataset
from almostnothing.devices import device_for
from almostnothing.health import DIVERGED
from almostnothing.measures.trained import opened, stacks
from almostnothing.pages.transfer.parameters import Norm, Transfer
from almostnothing.store import Store
from almostnothing.tables import axes, head

EACH = 500  # images that a network is asked at once
STANDARD = "none"  # the norm of the standard network's training, and of clean tests
Ask = Callable[[Float[Tensor, "image pixel"]], Float[Tensor, "image label"]]


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
                drawn[name] = tests(dataset, test, strength, cell.seed, parameters.images, device)
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


def networks_of(cells: Sequence[Cell], keep: Store, device: torch.device) -> Iterator[tuple[Cell, Ask]]:
    """Each network of the store as a function from images to logits: of stacks, or one that stands alone."""
    for cell in cells:
        if isinstance(cell, ResidualCell):
            yield cell, _single(cell, residual.restored(cell, keep.weights(cell)).to(device), device)
    for group, model in stacks([cell for cell in cells if not isinstance(cell, ResidualCell)], keep, device):
        for index, cell in enumerate(group):
            yield cell, _alone(model.select([index]))


def _alone(stack: Any) -> Ask:
    return lambda x: stack(x[None])[0]


def _single(cell: ResidualCell, network: torch.nn.Module, device: torch.device) -> Ask:
    def ask(x: Float[Tensor, "image pixel"]) -> Float[Tensor, "image label"]:
        with residual.products(cell), residual.cast(cell, device):
            return network(x).float()

    return ask


@torch.no_grad()
def correct(ask: Ask, x: Float[Tensor, "image pixel"], labels: Int[Tensor, " image"]) -> int:
    """How many images a network classifies as labelled."""
    found = torch.cat([ask(part) for part in x.split(EACH)])
    return int((found.argmax(1) == labels).sum())


def tests(
    dataset: Dataset, norm: Norm | None, strength: float, seed: int, images: int, device: torch.device
) -> tuple[Float[Tensor, "image pixel"], Int[Tensor, " image"], float]:
    """A seed's test images under a law, their labels, and the root mean square of their L2 displacement.

    The images are a part of a random order of all test images that is balanced over the classes; different seeds have
    different parts, as far as there are enough. The draw is named by seed, law and strength, and by no network.
    """
    order = dataset.tests(len(dataset.test.labels))
    where = order[(seed * images + np.arange(min(images, len(order)))) % len(order)]
    x = torch.from_numpy(dataset.test.images[where]).to(device).float() / dataset.levels
    labels = torch.from_numpy(dataset.test.labels[where]).to(device)
    if norm is None:
        return x, labels, 0.0
    record: Law = norm.law
    key = streams.stream_key(seed, "transfer test", dataset.source.name, record.name, record.options, strength)
    noisy = corruptions.corrupted(corruptions.law_of(record, dataset), x, strength, key)
    return noisy, labels, float((noisy - x).double().square().sum(1).mean().sqrt())


def displacement(law: Corruption, x: Float[np.ndarray, "image pixel"], strength: float) -> float:
    """√E‖x̃ − x‖² over images and draws, from the law's moments: its mean less x, squared, and its variance.

    Images are taken by their values, each once: a byte image has 256.
    """
    values, counts = np.unique(x, return_counts=True)
    values = values.astype(np.float64)
    square = (law.mean(values, strength) - values) ** 2 + law.variance(values, strength)
    return float(np.sqrt(square @ counts / len(x))) if strength else 0.0
