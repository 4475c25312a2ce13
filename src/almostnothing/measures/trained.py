"""Trained networks as stacks again, ready to be measured, and the images that they were trained and tested on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import corruptions, data, networks, streams
from almostnothing.cells import Cell, Law, key_of
from almostnothing.corruptions.law import Corruption
from almostnothing.data.datasets import Dataset
from almostnothing.sizes import slots_for
from almostnothing.store import Store


def stacks(cells: Sequence[Cell], keep: Store, device: torch.device) -> Iterator[tuple[list[Cell], networks.Stack]]:
    """The networks of the cells, those of one architecture and data set together, at most as many as are trained so."""
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.shape(), []).append(cell)
    for group in groups.values():
        held = slots_for(group[0])
        for first in range(0, len(group), held):
            some = group[first : first + held]
            model = networks.stack(some[0], len(some))
            for index, cell in enumerate(some):
                model.take(index, keep.weights(cell))
            yield some, model.to(device)


def chosen_tests(
    dataset: Dataset, images: int, device: torch.device
) -> tuple[Float[Tensor, "image pixel"], Int[Tensor, " image"]]:
    """Clean test images with their labels, a balanced sample: so many, or all there are."""
    where = dataset.tests(images)
    x = torch.from_numpy(dataset.test.images[where]).to(device).float() / dataset.levels
    return x, torch.from_numpy(dataset.test.labels[where]).to(device)


def clean_training_set(
    dataset: Dataset, size: int, seed: int, device: torch.device
) -> tuple[Float[Tensor, "image pixel"], Int[Tensor, " image"], Int[Tensor, " image"]]:
    """The clean images of a balanced subset, their labels, and their places in the training set."""
    where = dataset.subset(size, seed)
    x = torch.from_numpy(dataset.train.images[where]).to(device).float() / dataset.levels
    return x, torch.from_numpy(dataset.train.labels[where]).to(device), torch.from_numpy(where).to(device)


def training_set(
    cell: Cell, dataset: Dataset, law: Corruption, device: torch.device
) -> tuple[Float[Tensor, "image pixel"], Int[Tensor, " image"]]:
    """The corrupted images that a cell of `fixed` training corruption was trained on, and their labels."""
    clean, y, where = clean_training_set(dataset, cell.train_size, cell.seed, device)
    return corruptions.corrupted(law, clean, cell.strength, key_of(cell, "training corruption"), where), y


def corrupted_tests(
    cell: Cell, dataset: Dataset, law: Corruption, x: Float[Tensor, "image pixel"]
) -> Float[Tensor, "image pixel"]:
    """The first corruption of each image of `chosen_tests`, as the cell's evaluation drew it."""
    number = torch.from_numpy(dataset.tests(len(x))).to(x.device)
    return corruptions.corrupted(law, x, cell.strength, key_of(cell, "test corruption"), number)


def opened(cell: Cell, folder: Path) -> tuple[Dataset, Corruption]:
    """A cell's data set and law."""
    dataset = data.load(cell.source, folder)
    return dataset, corruptions.law_of(cell.corruption, dataset)


def draw(
    dataset: Dataset, record: Law, size: int, strength: float, seed: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """A corrupted balanced training set that no network was trained on: images (image, pixel) and labels."""
    clean, y, _ = clean_training_set(dataset, size, seed, device)
    key = streams.stream_key(seed, "kernel training corruption", record.name, record.options, strength)
    return corruptions.corrupted(corruptions.law_of(record, dataset), clean, strength, key), y
