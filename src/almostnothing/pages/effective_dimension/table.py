"""The table of `18_effective_dimension`: networks are trained here, each on images or random points of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import corruptions, data, streams
from almostnothing.data.datasets import Dataset
from almostnothing.devices import device_for
from almostnothing.measures import answers, directions, frontier
from almostnothing.measures.directions import Directions
from almostnothing.measures.modes import CORRUPTED, PENALISED, PLAIN
from almostnothing.pages.effective_dimension import capacity_rows
from almostnothing.pages.effective_dimension.parameters import CHANCE, EffectiveDimension, Noise
from almostnothing.parameters.laws import Member
from almostnothing.theory import dimensions, partial_fits

SPHERE = "sphere"  # random points, in place of a data set
FORM = frontier.ACTIVATIONS["relu"]
NEVER = 0.0  # an error that no training reaches, so that all steps are done

Rows = Iterator[dict[str, Any]]


class Points(NamedTuple):
    """Points of length 1 with their labels, cell by cell, and what is known of each cell before any network."""

    x: Float[Tensor, "cell n r"]
    y: Float[Tensor, "cell n"]
    target: float
    known: list[dict[str, Any]]  # columns of the table


def table(parameters: EffectiveDimension, folder: Path) -> pd.DataFrame:
    """One row for each network.

    `dataset`: the data set's name, or "sphere" for random points; `pca_rank` r, their dimensions; `train_size` n;
    `width` k; `turned` q, the share of labels turned, of ±1 by chance where q = ½ and else of classes of the lower and
    the upper half; `training`: "plain", "penalised", or the law and strength by which images were corrupted; `start`:
    number of a penalised network's start. `parameters`: k(r + 2). `mse` at the end, of labels whose noise has the
    variance 4q(1 − q), and `target`, at which it is held or training stops: 0 where images are corrupted, as training
    goes on to its end there, and has learned if it is neither dead nor diverged; `status`, see `frontier.statuses`;
    `lower` and `upper` bounds on the Lipschitz constant on the sphere, the latter certified; `floor`: what every
    function needs that has this error on these points, `theory.partial_fits`; `stable_rank`, `participation` and
    `two_nearest`: dimensions of the points, see `theory.dimensions`. Of labels with signal: `accuracy` and mean L2
    `distance` to the decision boundary, 0 where wrong, on clean test images with their true labels; the distance is a
    search's, and so an upper bound.

    Below these, networks that are trained adversarially on classes: `family` "cnn" or "mlp", of which `width` is the
    scale or the width, after a number of `steps`, `training` with the radius "at once" or where it "rises", and the
    columns of `capacity.Seen`.
    """
    device = device_for(parameters.compute.device)
    dataset = data.load(parameters.sources(folder)[0], folder)
    axes = directions.directions(dataset, device)
    rows = [*noise_rows(parameters.noise, dataset, axes, device), *bridge_rows(parameters.noise, dataset, axes, device)]
    return pd.DataFrame([*rows, *capacity_rows.rows(parameters.capacity, dataset, device)])


def noise_rows(asked: Noise, dataset: Dataset, axes: Directions, device: torch.device) -> Rows:
    """The flattest networks on labels by chance, of all sizes and ranks: on images and on random points."""
    for rank in asked.ranks:
        both = [
            joined(
                of_images(asked, dataset, axes, rank, size, CHANCE, device, asked.error),
                of_sphere(asked, rank, size, device),
            )
            for size in asked.sizes
        ]
        for units, starts in zip(asked.units, asked.training.starts, strict=True):
            runs = [run(asked, points, units, PENALISED, place) for points in both for place in range(starts)]
            yield from rows_of(runs)


def bridge_rows(asked: Noise, dataset: Dataset, axes: Directions, device: torch.device) -> Rows:
    """Networks on labels with signal, of one size and rank: plain and penalised ones, held at several errors, and those
    trained on corrupted images, wherever their error ends.
    """
    own, runs = asked.bridge, []
    starts = dict(zip(asked.units, asked.training.starts, strict=True))[own.units]
    for error in own.errors:
        points = of_images(asked, dataset, axes, own.rank, own.size, own.turned, device, error)
        runs.append(run(asked, points, own.units, PLAIN))
        # a smaller error has a smaller gradient and needs a steeper network: its full penalty would outweigh it
        share = min(1.0, error / asked.error)
        runs += [run(asked, points, own.units, PENALISED, place, share=share) for place in range(starts)]
    points = of_images(asked, dataset, axes, own.rank, own.size, own.turned, device, NEVER)
    for law in own.corruptions:
        seen = corrupted(dataset, axes, law, own.rank, own.size, asked.seeds, device)
        runs.append(run(asked, points, own.units, CORRUPTED, seen=seen, name=law_name(law)))
    yield from rows_of(runs, tested(dataset, axes, own.rank, asked.seeds, own.images, device))


def law_name(member: Member) -> str:
    """A law and its strength, as `training` of a row."""
    return f"{member.corruption.record().name} {member.strength:g}"


def labels_of(dataset: Dataset, labels: Int[np.ndarray, " image"]) -> Float[np.ndarray, " image"]:
    """−1 for the lower half of the classes, 1 for the upper."""
    return np.where(labels < dataset.facts.classes / 2, -1.0, 1.0)


def of_images(
    asked: Noise,
    dataset: Dataset,
    axes: Directions,
    rank: int,
    size: int,
    turned: float,
    device: torch.device,
    error: float,
) -> Points:
    """Balanced training images of each seed as points, a share of whose labels is turned."""
    xs, ys = [], []
    values = dataset.values(dataset.train)
    for seed in asked.seeds:
        where = dataset.subset(size, seed)
        xs.append(axes(torch.from_numpy(values[where]).to(device), rank))
        flips = streams.uniforms(streams.stream_key(seed, "turned labels", dataset.source.name, size), size) < turned
        ys.append(labels_of(dataset, dataset.train.labels[where]) * np.where(flips, -1.0, 1.0))
    return _points(asked, dataset.source.name, torch.stack(xs), np.stack(ys), turned, error)


def of_sphere(asked: Noise, rank: int, size: int, device: torch.device) -> Points:
    """Random points of the unit sphere of each seed, with labels ±1 by chance."""
    x = [directions.on_sphere(streams.stream_key(s, "sphere beside images", rank), size, rank) for s in asked.seeds]
    flips = [streams.uniforms(streams.stream_key(s, "labels of the sphere", size), size) < CHANCE for s in asked.seeds]
    y = np.where(np.stack(flips), -1.0, 1.0)
    return _points(asked, SPHERE, torch.from_numpy(np.stack(x)).float().to(device), y, CHANCE, asked.error)


def _points(
    asked: Noise, name: str, x: Float[Tensor, "cell n r"], y: Float[np.ndarray, "cell n"], turned: float, error: float
) -> Points:
    target = error * 4 * turned * (1 - turned)
    known = []
    for seed, own, labels in zip(asked.seeds, x.double().cpu().numpy(), y, strict=True):
        known.append(
            {
                "dataset": name,
                "turned": turned,
                "seed": seed,
                "floor": partial_fits.floor(own, labels, target) if target else math.nan,
                "stable_rank": dimensions.stable_rank(own),
                "participation": dimensions.participation_ratio(own),
                "two_nearest": dimensions.two_nearest(own),
            }
        )
    return Points(x, torch.from_numpy(y).to(x), target, known)


def joined(one: Points, other: Points) -> Points:
    """Equally many points with the same target, of other cells."""
    both = torch.cat([one.x, other.x]), torch.cat([one.y, other.y])
    return Points(*both, one.target, one.known + other.known)


class Tests(NamedTuple):
    """Clean test images of each seed as points, and their true labels, −1 or 1."""

    x: Float[Tensor, "cell image r"]
    y: Float[Tensor, "cell image"]


def tested(dataset: Dataset, axes: Directions, rank: int, seeds: list[int], images: int, device: torch.device) -> Tests:
    """A balanced part of the test images for each seed."""
    xs, labels = [], []
    for seed in seeds:
        where = answers.chosen(dataset, seed, images)
        xs.append(axes(answers.clean(dataset, where, device)[0], rank))
        labels.append(torch.from_numpy(labels_of(dataset, dataset.test.labels[where])))
    return Tests(torch.stack(xs), torch.stack(labels).to(xs[0]))


def corrupted(
    dataset: Dataset, axes: Directions, member: Member, rank: int, size: int, seeds: list[int], device: torch.device
) -> Callable[[int], Float[Tensor, "cell n r"]]:
    """The corrupted training images of each step, drawn anew, as points."""
    record = member.corruption.record()
    law = corruptions.law_of(record, dataset)
    values = dataset.values(dataset.train)
    images = [torch.from_numpy(values[dataset.subset(size, seed)]).to(device) for seed in seeds]
    keys = [streams.stream_key(seed, "corrupted points", record.name, record.options) for seed in seeds]
    number = torch.arange(size, device=device)

    def seen(step: int) -> Float[Tensor, "cell n r"]:
        noisy = [
            corruptions.corrupted(law, x, member.strength, key, step * size + number)
            for x, key in zip(images, keys, strict=True)
        ]
        return torch.stack([axes(x, rank) for x in noisy])

    return seen


class Run(NamedTuple):
    """Networks of one size, trained in one way, and the columns that say so."""

    points: Points
    found: frontier.Trained
    columns: dict[str, Any]


def run(
    asked: Noise,
    points: Points,
    units: int,
    mode: str,
    place: int = 0,
    *,
    share: float = 1.0,
    seen: Callable[[int], Float[Tensor, "cell n r"]] | None = None,
    name: str = "",
) -> Run:
    """Networks of one size and way of training: one stack for all cells. `name` in the table, or that of the mode.

    `share` of the penalty that is asked for.
    """
    how, rank = asked.training, points.x.shape[2]
    keys = [
        streams.stream_key(own["seed"], "networks on images", own["dataset"], rank, units, place)
        for own in points.known
    ]
    start = frontier.Stack(*(part.to(points.x) for part in frontier.drawn(keys, units, rank, how.start)))
    weight = share * how.penalty if mode == PENALISED else 0.0
    recipe = frontier.Recipe(mode, points.target, weight, how.rate, how.steps, how.climbing)
    found = frontier.trained(start, points.x, points.y, FORM, recipe, seen=seen)
    return Run(points, found, {"width": units, "training": name or mode, "start": place})


def rows_of(runs: list[Run], tests: Tests | None = None) -> Rows:
    """Rows of networks of one width and rank, whose constants are bounded at once."""
    fewest = min(run.points.x.shape[1] for run in runs)
    every = frontier.joined([run.found for run in runs])
    steep = frontier.bounds(every, torch.cat([run.points.x[:, :fewest] for run in runs]), FORM)
    frontier.enclosed("a slope", steep.lower, steep.upper, runs[0].columns["width"])
    number = 0
    for each in runs:
        (size, rank), points = each.points.x.shape[1:], each.points
        told = frontier.statuses(each.found, points.x, points.target or math.inf)
        here = slice(number, number + len(points.known))
        right, far = robust(each.found.stack, tests, steep.upper[here]) if tests else (None, None)
        for cell, known in enumerate(points.known):
            yield {
                **{name: known[name] for name in ("dataset", "turned", "seed")},
                **each.columns,
                "family": "mlp",
                "pca_rank": rank,
                "train_size": size,
                "parameters": each.columns["width"] * (rank + 2),
                "target": points.target,
                "mse": float(each.found.mse[cell]),
                "status": told[cell],
                "lower": float(steep.lower[number]),
                "upper": float(steep.upper[number]),
                **known,
                "accuracy": float(right[cell]) if right is not None else math.nan,
                "distance": float(far[cell]) if far is not None else math.nan,
            }
            number += 1


def robust(
    stack: frontier.Stack, tests: Tests, upper: Float[Tensor, " cell"]
) -> tuple[Float[Tensor, " cell"], Float[Tensor, " cell"]]:
    """Of test images the share that is right, and the mean distance to where f = 0, over all: 0 of wrong ones.

    That mean is the area under the curve of robust accuracy against the radius.
    """
    far = frontier.stability(stack, tests.x, tests.y, FORM, upper).found
    return (frontier.outputs(stack, tests.x, FORM) * tests.y > 0).double().mean(1), far
