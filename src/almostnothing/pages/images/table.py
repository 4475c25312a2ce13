"""The table of `15_images`: what networks withstand of test images, one by one, and what the text predicts of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import data
from almostnothing.cells import Cell, ResidualCell
from almostnothing.corruptions.law import Corruption
from almostnothing.data.datasets import Dataset
from almostnothing.devices import device_for
from almostnothing.health import DIVERGED, LEARNED, UNFINISHED
from almostnothing.measures import answers, approach, attacks, opinion, pretrained, segment, signal
from almostnothing.measures.attacks import Found, Reduced
from almostnothing.measures.trained import clean_training_set, opened, stacks
from almostnothing.networks import MLPStack, Stack
from almostnothing.pages.images.parameters import Images, Pretrained, Shown
from almostnothing.pages.lp_sampling.parameters import norm_name
from almostnothing.store import Store
from almostnothing.theory import compression

DIGITS = 4  # of its numbers in the file: lengths are compared to a hundredth
STARTS = 3  # training images of each other class from which an attack sets out
MEANT = 500  # training images over which the power of a law's noise is a mean
LEAST = 1e-3  # beyond the boundary, where a network's new answer is read
CLEAN, REPLACEMENT = "clean", "replacement"


@dataclass(frozen=True)
class Asked:
    """The test images of a seed, and what is known of them whatever the network.

    `half`: L/2, half of the distance to the nearest training image of another class; `far`: these images, of the
    labels `others`; `nearest`: what the nearest training image's class surely withstands; `starts`: the nearest
    training images of all other classes, the nearest class first. `of_class`: the nearest one of each class.
    """

    place: Int[np.ndarray, " image"]
    x: Float[Tensor, "image pixel"]
    labels: Int[Tensor, " image"]
    half: Float[Tensor, " image"]
    far: Float[Tensor, "image pixel"]
    others: Int[Tensor, " image"]
    nearest: Float[Tensor, " image"]
    starts: list[Float[Tensor, "image pixel"]]
    of_class: Float[Tensor, "label image pixel"]


def table(parameters: Images, folder: Path, cells: Sequence[Cell] = (), keep: Store | None = None) -> pd.DataFrame:
    """One row for each network and test image, and below them pictures, a row for each pixel.

    `pixels`: d. `law` of training: "clean", "replacement", "additive", "L0", "L2" … or the name of a pretrained
    network. `noise`: of its law, root of the noise's power over the signal's in training. `accuracy`: on all clean
    test images. `image`: its place in the test set. As lengths (L2, values in [0, 1]): `half`, half of the distance
    to the nearest clean training image of another class; `smallest`, Q, the smallest perturbation that a search
    finds to change the answer, 0 where that is wrong already; `integral`, M, see `measures.segment`; `ncm`,
    beside clean networks and replacement, what the nearest class mean withstands, exactly, the means being those of
    the network's own noisy training images; `nearest`, what the nearest training image's class surely withstands;
    `second`, Q by foolbox, of the first images of the first seed. `contradicted`: 1 where the other attack finds
    less than 0.99 Q.

    Pictures: `at`, the number of a pixel, its value in the `clean` image, in the `perturbed` one, in the `other`,
    the nearest training image of the class that is shown; `answer`: the class that the network takes the perturbed
    image for. All images of a seed are the same for all networks.
    """
    device = device_for(parameters.compute.device)
    if parameters.pretrained is not None:
        return pd.DataFrame(list(_ready_rows(parameters, parameters.pretrained, folder, device)))
    assert keep is not None
    opinion.decoupled()  # which says at once where foolbox is absent
    known: dict[Any, Asked] = {}
    rows: list[dict[str, Any]] = []
    pictures: list[dict[str, Any]] = []
    alive = [cell for cell in cells if keep.rows(cell)[0]["status"] != DIVERGED]
    for cell, network in _networks(alive, keep, device):
        dataset, law = opened(cell, folder)
        name = (cell.source, cell.seed, cell.train_size)
        if name not in known:
            clean, clean_labels, _ = clean_training_set(dataset, cell.train_size, cell.seed, device)
            known[name] = asked(dataset, clean, clean_labels, cell.seed, parameters.images, device)
        own = known[name]
        head = {
            "dataset": cell.dataset,
            "pixels": cell.source.facts.pixels,
            "law": kind(cell),
            "strength": cell.strength,
            "seed": cell.seed,
            "status": keep.rows(cell)[0]["status"],
            "noise": noise(law, dataset, cell),
            "accuracy": next(row["correct"] / row["images"] for row in keep.rows(cell) if row["test"] == "clean"),
        }
        first = cell.seed == min(one.seed for one in cells)
        found = measured(network, own, parameters.points, parameters.second if first else 0, cell.seed)
        rule = np.full(len(own.place), np.nan)
        if cell.corruption.name == REPLACEMENT:
            rule = class_mean(class_means(law, dataset, cell), own)
        rows += _rows(head, own, found[1] | {"ncm": rule})
        if first:
            for shown in parameters.shown:
                if shown.dataset == cell.dataset and head["law"] in (CLEAN, kind(cells[0], noisy=True)):
                    pictures += _picture(head, shown, own, network, found[0], cell.strength)
    return pd.DataFrame([*rows, *pictures])


def kind(cell: Cell, noisy: bool = False) -> str:
    """What a training is called: the law, of norms the norm; that of strength 0 is clean, unless asked for its law."""
    if not (cell.strength or noisy):
        return CLEAN
    law = cell.corruption
    norm = 0 if law.name == "l0" else dict(law.options).get("norm") if law.name == "lp" else None
    return law.name if norm is None else norm_name(norm if isinstance(norm, str) else float(norm))


def noise(law: Corruption, dataset: Dataset, cell: Cell) -> float:
    """Root of the noise's power over that of the signal, the differences of mean noisy images, in training.

    Of additive noise σ over the deviation of images; of replacement √(p(2 − p))/(1 − p) for values that vary as what
    replaces them. It compares laws of any kind, and grows without limit as p → 1.
    """
    if not cell.strength:
        return 0.0
    x = dataset.values(dataset.train)[dataset.subset(cell.train_size, cell.seed)[:MEANT]].astype(np.float64)
    power, spread, _ = signal.powers(law, x, cell.strength)
    return math.sqrt(spread.mean() / power.mean())


def class_means(law: Corruption, dataset: Dataset, cell: Cell) -> Float[np.ndarray, "label pixel"]:
    """The mean noisy training image of each class, without limit of draws: E[x̃ | class]."""
    where = dataset.subset(cell.train_size, cell.seed)
    images, labels = dataset.train.images[where], dataset.train.labels[where]
    if images.dtype.kind == "f":
        return np.stack([law.mean(images[labels == label], cell.strength).mean(0) for label in np.unique(labels)])
    levels = law.mean(np.arange(dataset.levels + 1) / dataset.levels, cell.strength)
    return np.stack([levels[images[labels == label]].mean(0) for label in np.unique(labels)])


def class_mean(means: Float[np.ndarray, "label pixel"], own: Asked) -> Float[np.ndarray, " image"]:
    """What the nearest of these means withstands: it is linear, fᵢ = mᵢ·x − |mᵢ|²/2."""
    x, labels = own.x.double().cpu().numpy(), own.labels.cpu().numpy()
    return compression.smallest(means, -(means**2).sum(1) / 2, x, labels)


def asked(
    dataset: Dataset,
    train: Float[Tensor, "train pixel"],
    train_labels: Int[Tensor, " train"],
    seed: int,
    images: int,
    device: torch.device,
) -> Asked:
    """A seed's test images against clean training images."""
    place = answers.chosen(dataset, seed, images)
    x, labels = answers.clean(dataset, place, device)
    far, where = segment.nearest_of_each(train, train_labels, x, dataset.facts.classes, STARTS)
    order = far[..., 0].scatter(1, labels[:, None], torch.inf).argsort(1)  # other classes, the nearest first
    order = order[:, : dataset.facts.classes - 1]
    starts = where.gather(1, order[..., None].expand(*order.shape, where.shape[-1]))
    nearest = starts[:, 0, 0]
    return Asked(
        place,
        x,
        labels,
        far[..., 0].gather(1, order[:, :1])[:, 0] / 2,
        train[nearest],
        train_labels[nearest],
        segment.withstood(train, train_labels, x, labels),
        [train[some] for some in starts.flatten(1).T],
        train[where[..., 0].T],
    )


def measured(
    network: Reduced, own: Asked, points: int, second: int, seed: int
) -> tuple[Found, dict[str, Float[Tensor, " image"]]]:
    """Perturbed images in the network's coordinates, and the columns of a network's rows."""
    x, far, labels = network.place(own.x[None]), network.place(own.far[None]), own.labels[None]
    starts = torch.stack([network.place(near[None]) for near in own.starts], 1)
    found = approach.smallest(network.ask, x, labels, starts)
    integral = segment.integral(network.ask, x, far, 2 * own.half[None], labels, own.others[None], points)
    against = attacks.contradicted(network.ask, x, labels, found.distance, seed)
    other = torch.full_like(own.half, torch.nan)
    lengths = found.distance[0]
    usual = lengths[(lengths > 0) & torch.isfinite(lengths)]
    if second and len(usual):
        other[:second] = opinion.opinion(network.ask, x[0, :second], own.labels[:second], float(usual.median()))
    columns = {"smallest": lengths, "integral": integral[0], "contradicted": against[0].int(), "second": other}
    return found, columns


def _networks(cells: Sequence[Cell], keep: Store, device: torch.device) -> Iterator[tuple[Cell, Reduced]]:
    """Each network as attacks ask it: of images (cell, image, pixel) of one cell."""
    alone = [cell for cell in cells if isinstance(cell, ResidualCell)]
    for cell, ask in answers.networks_of(alone, keep, device):
        yield cell, _alone(ask)
    for group, model in stacks([cell for cell in cells if not isinstance(cell, ResidualCell)], keep, device):
        for index, cell in enumerate(group):
            yield cell, _of_stack(model.select([index]))


def _alone(ask: answers.Ask) -> Reduced:
    return _whole(lambda x: ask(x[0])[None])


def _of_stack(model: Stack) -> Reduced:
    if isinstance(model, MLPStack):
        return attacks.reduced(model)
    parts = model.parts()
    return _whole(lambda x: model.compute(parts, x))


def _whole(ask: Callable[[Tensor], Tensor]) -> Reduced:
    """A network on all coordinates."""
    return Reduced(ask, lambda x: x, lambda x, moved: x + moved)


def _rows(head: Mapping[str, Any], own: Asked, columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a network's images."""
    values = {"image": own.place, "half": own.half, **columns, "nearest": own.nearest}
    lists = {name: np.asarray(torch.as_tensor(value).cpu()).tolist() for name, value in values.items()}
    return [{**head, **dict(zip(lists, one, strict=True))} for one in zip(*lists.values(), strict=True)]


def _picture(
    head: Mapping[str, Any], shown: Shown, own: Asked, network: Reduced, found: Found, strength: float
) -> list[dict[str, Any]]:
    """The pixels of the first image of a label, perturbed, and of the nearest training image of another class; none
    where there is no image of the label.
    """
    where = torch.nonzero(own.labels == shown.label)[:1, 0]
    if strength not in shown.strength or not len(where):
        return []
    at, x = int(where[0]), own.x[None]
    start = network.place(x)
    moved = network.back(x, found.points - start)[0, at]
    beyond = found.points + LEAST * (found.points - start)
    answer = int(network.ask(beyond)[0, at].argmax())
    pixels = zip(own.x[at].tolist(), moved.tolist(), own.of_class[shown.other, at].tolist(), strict=True)
    return [
        {**head, "image": int(own.place[at]), "at": number, "clean": a, "perturbed": b, "other": c, "answer": answer}
        for number, (a, b, c) in enumerate(pixels)
    ]


def _ready_rows(parameters: Images, ready: Pretrained, folder: Path, device: torch.device) -> Iterator[dict[str, Any]]:
    """The rows of a pretrained network: each seed asks about images of its own, of all training pictures' distances."""
    opinion.decoupled()  # as above
    pretrained.check(ready.network, ready.weights, ready.classes)
    dataset = data.load(parameters.sources(folder)[0], folder)
    train = torch.from_numpy(dataset.values(dataset.train)).to(device)
    labels = torch.from_numpy(dataset.train.labels).to(device)
    every = np.arange(len(dataset.test.labels))
    for seed in ready.seeds:
        ask = pretrained.classifier(ready.network, ready.weights, ready.classes, dataset, seed, device)
        own = asked(dataset, train, labels, seed, parameters.images, device)
        second = parameters.second if seed == min(ready.seeds) else 0
        _, columns = measured(_whole(ask), own, parameters.points, second, seed)
        means = np.stack([own_class(dataset, label) for label in range(dataset.facts.classes)])
        x, y = answers.clean(dataset, every, device)
        right = answers.correct(partial(_logits, ask), x, y)
        head = {
            "dataset": dataset.source.name,
            "pixels": dataset.facts.pixels,
            "law": ready.network,
            "strength": 0.0,
            "seed": seed,
            "status": LEARNED if ready.weights else UNFINISHED,
            "noise": 0.0,
            "accuracy": right / len(every),
        }
        yield from _rows(head, own, columns | {"ncm": class_mean(means, own)})


def _logits(ask: attacks.Ask, x: Float[Tensor, "image pixel"]) -> Float[Tensor, "image label"]:
    return ask(x[None])[0]


def own_class(dataset: Dataset, label: int) -> Float[np.ndarray, " pixel"]:
    """The mean clean training image of a class."""
    mean: np.ndarray = dataset.train.images[dataset.train.labels == label].mean(0, dtype=np.float64) / dataset.levels
    return mean
