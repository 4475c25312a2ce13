"""What trained networks of any family answer to test images under a law: one network at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import corruptions, residual, streams
from almostnothing.cells import Cell, Law, ResidualCell
from almostnothing.corruptions.law import Corruption
from almostnothing.data.datasets import Dataset
from almostnothing.measures.trained import opened, stacks
from almostnothing.store import Store

EACH = 250  # images that a network is asked at once: what a core is fastest with
Ask = Callable[[Float[Tensor, "image pixel"]], Float[Tensor, "image label"]]


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


def chosen(dataset: Dataset, seed: int, images: int) -> Int[np.ndarray, " image"]:
    """Indices of a seed's test images: a part of a random order of all that is balanced over the classes.

    Different seeds have different parts, as far as there are enough.
    """
    order = dataset.tests(len(dataset.test.labels))
    return order[(seed * images + np.arange(min(images, len(order)))) % len(order)]


def clean(
    dataset: Dataset, where: Int[np.ndarray, " image"], device: torch.device
) -> tuple[Float[Tensor, "image pixel"], Int[Tensor, " image"]]:
    """Test images by their indices, and their labels."""
    x = torch.from_numpy(dataset.test.images[where]).to(device).float() / dataset.levels
    return x, torch.from_numpy(dataset.test.labels[where]).to(device)


def under(
    dataset: Dataset, law: Law | None, strength: float, seed: int, images: int, device: torch.device
) -> tuple[Float[Tensor, "image pixel"], Int[Tensor, " image"], float]:
    """A seed's test images under a law (None: as they are), their labels, and the root mean square of their L2
    displacement.

    The draw is named by seed, law and strength, and by no network.
    """
    x, labels = clean(dataset, chosen(dataset, seed, images), device)
    if law is None:
        return x, labels, 0.0
    key = streams.stream_key(seed, "transfer test", dataset.source.name, law.name, law.options, strength)
    noisy = corruptions.corrupted(corruptions.law_of(law, dataset), x, strength, key)
    return noisy, labels, float((noisy - x).double().square().sum(1).mean().sqrt())


def displacement(law: Corruption, x: Float[np.ndarray, "image pixel"], strength: float) -> float:
    """√E‖x̃ − x‖² over images and draws, from the law's moments: its mean less x, squared, and its variance.

    Images are taken by their values, each once: a byte image has 256.
    """
    values, counts = np.unique(x, return_counts=True)
    values = values.astype(np.float64)
    square = (law.mean(values, strength) - values) ** 2 + law.variance(values, strength)
    return float(np.sqrt(square @ counts / len(x))) if strength else 0.0


def training_displacement(cell: Cell, folder: Path) -> float:
    """`displacement` of a cell's training images under its law."""
    dataset, law = opened(cell, folder)
    return displacement(law, dataset.values(dataset.train)[dataset.subset(cell.train_size, cell.seed)], cell.strength)
