"""What a trained cell's table rows say: counts, losses and margins on sets of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import corruptions, networks, stepping
from almostnothing.cells import ALIGNED, Cell, key_of
from almostnothing.data.arrays import Split
from almostnothing.data.datasets import Dataset
from almostnothing.devices import device_name
from almostnothing.losses import LOSSES
from almostnothing.measures import fitting, margins

SHOWN = 2000  # training images on which it is seen which units respond
EVALUATED_VALUES = 2**20  # values of one cell that an evaluation holds at once: pixels, or patches of a layer


def evaluate(
    cells: Sequence[Cell], model: networks.Stack, dataset: Dataset, keep_logits: bool = False
) -> tuple[list[list[dict[str, Any]]], dict[str, Float[Tensor, "cell image label"]]]:
    """Counts, mean loss and margins of every cell on sets of images: a list of table rows for each cell.

    clean: the test images. corrupted: the test images under the cell's own law and strength, `test_draws` times.
    train: the training images as the network saw them (fresh corruption: in one more draw). validation: the held-out
    training images, if there are any, under the same law. Each row has what `health.status` asks for, too: `fitted`,
    `chance`, the shares `units` of responding units of each hidden layer and their least, `active`, and `reference`,
    both on `SHOWN` training images; and `modal`, the share of clean test images in the most frequent class. With
    `keep_logits` also the logits of the first two, on the CPU.
    """
    rows, logits_of_tests = tested(cells, model, dataset)
    kept = {kind: logits.cpu() for kind, logits in logits_of_tests.items() if keep_logits}
    modal = fitting.modal_shares(logits_of_tests["clean"])
    if cells[0].validation:
        for own, row in zip(rows, validated(cells, model, dataset), strict=True):
            own.append({"test": "validation", **row})
    by_size: dict[int, list[int]] = {}
    for e, cell in enumerate(cells):
        by_size.setdefault(cell.train_size, []).append(e)
    for size, members in by_size.items():
        some = [cells[e] for e in members]
        where = np.stack([dataset.subset(size, cell.seed) for cell in some])
        after = np.array([[cell.steps * cell.batch_size] for cell in some]) + np.arange(size)
        draw = where if cells[0].training_corruption == "fixed" else after
        asked = some, model.select(members), dataset, dataset.train
        logits, labels = outputs(*asked, where, draw, "training corruption")
        seen = responses(*asked, where[:, :SHOWN], draw[:, :SHOWN])
        for e, row, found in zip(members, scores(cells[0].loss, logits, labels), seen, strict=True):
            found |= {"fitted": row["correct"] / row["images"], "modal": modal[e]}
            rows[e] = [{**one, **found} for one in (*rows[e], {"test": "train", **row})]
    return rows, kept


@torch.no_grad()
def tested(
    cells: Sequence[Cell], model: networks.Stack, dataset: Dataset
) -> tuple[list[list[dict[str, Any]]], dict[str, Float[Tensor, "cell image label"]]]:
    """The rows "clean" and "corrupted" of every cell, without what `health.status` asks for, and the logits of both."""
    rows: list[list[dict[str, Any]]] = [[] for _ in cells]
    kept: dict[str, Tensor] = {}
    tests = np.arange(len(dataset.test.labels))
    for kind, draws, purpose in (("clean", 1, None), ("corrupted", cells[0].test_draws, "test corruption")):
        where, number = np.tile(tests, draws)[None], np.arange(len(tests) * draws)[None]
        kept[kind], labels = outputs(cells, model, dataset, dataset.test, where, number, purpose)
        for e, row in enumerate(scores(cells[0].loss, kept[kind], labels)):
            rows[e].append({"test": kind, **row})
    return rows, kept


@torch.no_grad()
def validated(cells: Sequence[Cell], model: networks.Stack, dataset: Dataset) -> list[dict[str, Any]]:
    """What a table says of each cell's held-out training images, under its own law and strength: see `scores`."""
    where = np.stack([dataset.validation(cell.validation, cell.seed) for cell in cells])
    logits, labels = outputs(cells, model, dataset, dataset.train, where, where, "validation corruption")
    return scores(cells[0].loss, logits, labels)


@torch.no_grad()
def responses(
    cells: Sequence[Cell], model: networks.Stack, dataset: Dataset, split: Split, where: np.ndarray, draw: np.ndarray
) -> list[dict[str, Any]]:
    """What `measures.fitting` finds of each network on the training images `where`, (cell, image), as it saw them."""
    classes, found = dataset.facts.classes, []
    for e, cell in enumerate(cells):
        own = where[e : e + 1], draw[e : e + 1], "training corruption"
        [(x, labels)] = shown([cell], dataset, split, *own, where.shape[1], model.parts()[0].device)
        units = fitting.active_shares(model.select([e]), x)[0]
        [reference] = fitting.nearest_mean_accuracy(x, labels, classes)
        active = min(units, default=1.0)
        found.append({"units": units, "active": active, "reference": reference})
        found[-1] |= {"chance": 1 / classes, "shown": where.shape[1]}
    return found


@torch.no_grad()
def outputs(
    cells: Sequence[Cell],
    model: networks.Stack,
    dataset: Dataset,
    split: Split,
    where: np.ndarray,
    draw: np.ndarray,
    purpose: str | None,
) -> tuple[Float[Tensor, "cell image label"], Int[Tensor, "cell image"]]:
    """Logits on, and labels of, the images `where` of a split, shape (cell or 1, image): see `shown`.

    An image's logits are computed in batches whose size depends on the architecture alone, a multiple of `ALIGNED`.
    """
    by_engine, count = stepping.supported(cells[0], model.parts()[0].device), where.shape[1]
    filled = [(0, 0), (0, -count % ALIGNED)]
    where, draw = (np.pad(numbers, filled, mode="edge") for numbers in (where, draw))
    most = EVALUATED_VALUES // max(layer.fan_in * layer.positions for layer in model.layers)
    each = max(ALIGNED, most - most % ALIGNED)
    found, labels = [], []
    for x, own in shown(cells, dataset, split, where, draw, purpose, each, model.parts()[0].device):
        found.append(stepping.logits(model, x) if by_engine else model(x))
        labels.append(own)
    return torch.cat(found, 1)[:, :count], torch.cat(labels, 1)[:, :count]


def shown(
    cells: Sequence[Cell],
    dataset: Dataset,
    split: Split,
    where: np.ndarray,
    draw: np.ndarray,
    purpose: str | None,
    each: int,
    device: torch.device,
) -> Iterator[tuple[Float[Tensor, "cell image pixel"], Int[Tensor, "cell image"]]]:
    """The images `where` of a split, shape (cell or 1, image), and their labels, `each` at a time.

    `purpose` names the streams that corrupt them, with draws numbered by `draw`; None leaves them clean.
    """
    law = corruptions.law_of(cells[0].corruption, dataset)
    strength = torch.tensor([[cell.strength] for cell in cells], device=device)
    keys = torch.from_numpy(np.stack([key_of(cell, purpose or "") for cell in cells])).to(device)
    images, labels = torch.from_numpy(split.images).to(device), torch.from_numpy(split.labels).to(device)
    index = torch.from_numpy(where).to(device)
    number = torch.from_numpy(draw.astype(np.uint32).view(np.int32)).to(device)
    for at, drawn in zip(index.split(each, 1), number.split(each, 1), strict=True):
        x = (images[at].float() / dataset.levels).expand(len(cells), -1, -1)
        if purpose is not None:
            x = law.sample(x, strength, keys, drawn.expand(len(cells), -1))[:, 0]
        yield x, labels[at].expand(len(cells), -1)


def scores(
    loss: str, logits: Float[Tensor, "cell image label"], labels: Int[Tensor, "cell image"]
) -> list[dict[str, Any]]:
    """What a table says of each cell's logits: counts, mean loss, margins, device."""
    correct = (logits.argmax(-1) == labels).sum(1).tolist()
    losses = LOSSES[loss](logits, labels).double().mean(1).tolist()
    gamma = margins.margin(logits, labels)
    return [
        {
            "correct": correct[e],
            "images": labels.shape[1],
            "loss": losses[e],
            **margins.summary(gamma[e]),
            "device": device_name(logits.device),
        }
        for e in range(len(logits))
    ]


def logits_of(
    cell: Cell, weights: dict[str, Tensor], dataset: Dataset, device: torch.device
) -> dict[str, Float[Tensor, "image label"]]:
    """Logits of the clean and corrupted test images of a trained cell, from its stored weights."""
    model = networks.stack(cell, 1).to(device)
    model.take(0, weights)
    _, logits = evaluate([cell], model, dataset, keep_logits=True)
    return {kind: values[0].contiguous() for kind, values in logits.items()}
