"""The table of `14_trained_compression`: networks are trained here, each on random points of its own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import health, streams
from almostnothing.devices import device_for
from almostnothing.measures import attacks, descent
from almostnothing.measures.opinion import decoupled, opinion
from almostnothing.pages.trained_compression.parameters import CORNERS, LINEAR, POINTS, Family, TrainedCompression
from almostnothing.theory import compression

HELD = 2**24  # values of the points of a stack
COMPANY = 24  # further points beside a pair, from which the search for its perturbations starts, too
COURSE = (0.003, 0.01, 0.03, 0.1, 0.3)  # shares of the steps after which followed networks are looked at

Rows = Iterator[dict[str, Any]]


def table(parameters: TrainedCompression, folder: Path) -> pd.DataFrame:  # noqa: ARG001  (no data set)
    """One row for each network at the end of training, and for followed ones after some steps.

    `corners`: `ratio` is |cos θ₁|, between weights and the last column of A; `inverse`, |cos θ₂|, with the last row of
    A⁻¹; `predicted`, φ, and `max_margin`, what the largest margin gives; `condition` of A; `robust`, the smallest
    perturbation of any corner over half of the smallest distance between the classes, at most 1.

    `points`: `ratio` is the geometric mean over pairs of classes of the robustness ratio, the smallest perturbation
    that takes a point to the other's side, in the mean of both points, over half of their distance: exact for linear
    networks, by search for others; `predicted`, the same of the linear map of least norm that fits the same points.
    Pairs of which a point is on the wrong side already are left out, their share is `wrong`. `contradicted`: the share
    of points for which another attack found something at least 1 % smaller; `opinion`: the same by foolbox, of a few.

    `loss` of training, in the mean over points; `accuracy` on them; `status`, see `health`; `exact`: whether a squared
    loss is so low that each of n directions is fitted, by `parameters.exact`.
    """
    if parameters.points.opinions:
        decoupled()  # which says at once where foolbox is absent
    device = device_for(parameters.compute.device)
    rows = [*corner_rows(parameters, device), *point_rows(parameters, device)]
    return pd.DataFrame(rows)


def corner_rows(parameters: TrainedCompression, device: torch.device) -> Rows:
    """Rows of linear networks on corners."""
    asked = parameters.corners
    names = list(itertools.product(parameters.seeds, range(asked.draws)))
    for d in asked.dimensions:
        matrices = np.stack([matrix(d, seed, draw) for seed, draw in names])
        known, nearest = [known_of(a) for a in matrices], [compression.nearest_corners(a) for a in matrices]
        held = max(1, HELD // (d * 2 ** (d - 1)))
        for loss, start in itertools.product((descent.MSE, descent.CE), parameters.starts):
            case = {"data": CORNERS, "network": LINEAR, "training": loss, "start": start, "d": d, "n": 2**d}
            for first in range(0, len(names), held):
                some = slice(first, first + held)
                followed = asked.followed == d and start == 1
                for number, row in trained_corners(asked, matrices[some], names[some], case, followed, device):
                    place = first + number
                    seed, draw = names[place]
                    robust = max(0.0, row.pop("least")) / nearest[place]
                    yield case | {"seed": seed, "draw": draw} | row | known[place] | {"robust": robust}


def matrix(d: int, seed: int, draw: int) -> Float[np.ndarray, "d d"]:
    """A, of standard normal entries."""
    return streams.normals(streams.stream_key(seed, "corners", d, draw), d * d).reshape(d, d)


def known_of(a: Float[np.ndarray, "d d"]) -> dict[str, float]:
    """What is known of a matrix without training."""
    return {
        "predicted": compression.phi(a),
        "max_margin": compression.cosine(compression.max_margin(a), a[:, -1]),
        "condition": float(np.linalg.cond(a)),
    }


def trained_corners(
    asked: Any,
    matrices: Float[np.ndarray, "cell d d"],
    names: Sequence[tuple[int, int]],
    case: dict[str, Any],
    followed: bool,
    device: torch.device,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """For each network of a stack its place and what was seen of it, at the end and, if followed, before."""
    a = torch.from_numpy(matrices).to(device)
    d, loss = case["d"], case["training"]
    signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=d - 1)), dtype=a.dtype, device=device)
    points = torch.cat([signs, torch.ones_like(signs[:, :1])], 1) @ a.mT  # of one class; −x is of the other
    # E (f(Az) − t z_d)² over all corners is Σ_i |f(a_i) − t δ_id|², as E zzᵀ = 1: the d columns stand for them.
    # Without biases outputs of −x are −f: targets are 1 and 0 less their mean.
    x = a.mT * math.sqrt(d) if loss == descent.MSE else points
    wanted = torch.zeros(*x.shape[:2], 2, dtype=a.dtype, device=device)
    if loss == descent.MSE:
        wanted[:, -1] = math.sqrt(d) / 2 * torch.tensor([1.0, -1.0]).to(wanted)
    else:
        wanted[..., 0] = 1.0
    keys = [streams.stream_key(seed, "corner networks", d, draw, loss, case["start"]) for seed, draw in names]
    weights = [each.to(device) for each in descent.drawn(keys, (d, asked.hidden, 2), case["start"], a.dtype)]
    for seen in descent.trained(
        weights, x, wanted, loss, False, asked.rate, asked.steps, course(asked.steps, followed)
    ):
        w = descent.product(seen.weights)
        w = w[..., 0] - w[..., 1]
        margins = (points @ w[..., None])[..., 0] / w.norm(dim=1, keepdim=True)
        labels = torch.zeros(points.shape[:2], dtype=torch.int64, device=device)
        found = descent.health(seen.weights, points, labels, False)
        inverse = torch.linalg.inv(a)[:, -1]
        for number, told in enumerate(found):
            yield (
                number,
                {
                    "step": seen.step,
                    "loss": float(seen.loss[number]),
                    "accuracy": told["fitted"],
                    "status": health.status(told, fixed=True),
                    "ratio": cosine(w[number], a[number, :, -1]),
                    "inverse": cosine(w[number], inverse[number]),
                    "least": float(margins[number].min()),
                },
            )


def course(steps: int, followed: bool) -> set[int]:
    """The steps after which networks are looked at before the last one."""
    return {max(1, round(share * steps)) for share in COURSE} if followed else set()


def cosine(w: Float[Tensor, " d"], u: Float[Tensor, " d"]) -> float:
    """|cos| of the angle between two vectors."""
    return float((w @ u).abs() / (w.norm() * u.norm()))


def point_rows(parameters: TrainedCompression, device: torch.device) -> Rows:
    """Rows of networks on one point a class."""
    asked = parameters.points
    for d, draws in zip(asked.dimensions, asked.draws, strict=True):
        names = list(itertools.product(parameters.seeds, range(draws)))
        for share, family in itertools.product(asked.shares, asked.families):
            n = round(share * d)
            held = max(1, HELD // (n * max(n, family.width * d)))
            kinds = itertools.product((descent.MSE, descent.CE), parameters.starts)
            for (loss, start), first in itertools.product(kinds, range(0, len(names), held)):
                case = {"data": POINTS, "network": family.name, "training": loss, "start": start, "d": d, "n": n}
                for number, row in trained_points(parameters, family, names[first : first + held], case, device, first):
                    seed, draw = names[first + number]
                    yield case | {"seed": seed, "draw": draw} | row


def trained_points(
    parameters: TrainedCompression,
    family: Family,
    names: Sequence[tuple[int, int]],
    case: dict[str, Any],
    device: torch.device,
    before: int,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """For each network of a stack its place and what was seen of it, at the end and, if followed, before.

    `before`: how many networks of its kind are in other stacks: only the first few have a second opinion.
    """
    asked, d, n, loss = parameters.points, case["d"], case["n"], case["training"]
    clean = np.stack([points(d, n, seed, draw) for seed, draw in names])
    x = torch.from_numpy(clean).float().to(device)
    wanted = torch.eye(n, device=device).expand(len(names), n, n)
    width, steps = family.width * d, family.steps if loss == descent.MSE else family.steps_ce
    keys = [
        streams.stream_key(seed, "point networks", d, n, draw, family.name, loss, case["start"]) for seed, draw in names
    ]
    sizes = (d, *[width] * family.layers, n)
    weights = [each.to(device) for each in descent.drawn(keys, sizes, case["start"], torch.float32)]
    first, second = pairs(n, asked.pairs)
    predicted = [closed(one, first, second) for one in clean]
    followed = not family.relu and d == asked.followed and n == d and case["start"] == 1
    opinions = max(0, asked.opinions - before) if d == asked.followed else 0
    at, labels = course(steps, followed), torch.arange(n, device=device).expand(len(names), n)
    for seen in descent.trained(weights, x, wanted, loss, family.relu, family.rate / width, steps, at):
        told = descent.health(seen.weights, x, labels, family.relu)
        found = measured(seen.weights, x, first, second, family.relu, opinions)
        for number, one in enumerate(told):
            yield (
                number,
                {
                    "step": seen.step,
                    "loss": float(seen.loss[number]),
                    "accuracy": one["fitted"],
                    "status": health.status(one, fixed=True),
                    "exact": bool(loss == descent.MSE and seen.loss[number] * n <= parameters.exact),
                    "predicted": predicted[number],
                    **{name: float(values[number]) for name, values in found.items()},
                },
            )


def points(d: int, n: int, seed: int, draw: int) -> Float[np.ndarray, "n d"]:
    """Standard normal points."""
    return streams.normals(streams.stream_key(seed, "trained points", d, n, draw), d * n).reshape(n, d)


def pairs(n: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of disjoint pairs, at most so many."""
    first = np.arange(min(most, n // 2))
    return first, first + n // 2


def closed(x: Float[np.ndarray, "n d"], first: np.ndarray, second: np.ndarray) -> float:
    """Geometric mean over pairs of |cos θ| under the linear map of least norm that fits one-hot labels."""
    w = np.linalg.pinv(x)
    each = [compression.cosine(w[:, i] - w[:, j], x[i] - x[j]) for i, j in zip(first, second, strict=True)]
    return float(np.exp(np.mean(np.log(each))))


def measured(
    weights: descent.Weights,
    x: Float[Tensor, "cell n d"],
    first: np.ndarray,
    second: np.ndarray,
    relu: bool,
    opinions: int,
) -> dict[str, Float[Tensor, " cell"]]:
    """The robustness ratio of pairs under each network, and how far it can be trusted."""
    both = torch.stack([x[:, first], x[:, second]], 2)  # (cell, pair, 2, d)
    half, lengths = (both[:, :, 0] - both[:, :, 1]).norm(dim=-1) / 2, both.shape[:3]
    found = {}
    if relu:
        ask, alone = pairwise(weights, first, second), both.flatten(0, 1)  # a cell for each pair
        labels = torch.tensor([0, 1], device=x.device).expand(len(alone), 2)
        distance = shortest(ask, alone, labels, company(x, first, second).flatten(0, 1))
        beaten = attacks.contradicted(ask, alone, labels, distance, 0)
        found["contradicted"] = beaten.view(len(x), -1).double().mean(1)
        distance = distance.view(lengths)
        found["opinion"] = torch.full((len(x),), math.nan)
        for number in range(min(opinions, len(x))):
            one = pairwise([weight[number : number + 1] for weight in weights], first[:1], second[:1])
            length = distance[number, 0]
            other = opinion(one, both[number, 0], labels[0], float(length.mean()))
            found["opinion"][number] = (other < (1 - attacks.CLOSE) * length).double().mean()
    else:
        made = descent.product(weights)
        w = (made[..., first] - made[..., second]).mT  # (cell, pair, d)
        gap = (both @ w[..., None])[..., 0] * torch.tensor([1.0, -1.0]).to(x)
        distance = gap.clamp(min=0) / w.norm(dim=-1)[..., None]
    ratio = (distance.mean(2) / half).double()
    right = (distance > 0).all(2)
    logs = ratio.where(right, 1).log().sum(1) / right.sum(1)
    return found | {"ratio": logs.exp(), "wrong": 1 - right.double().mean(1)}


def company(x: Float[Tensor, "cell n d"], first: np.ndarray, second: np.ndarray) -> Float[Tensor, "cell pair more d"]:
    """Other points for each pair, and where there are too few noisy ones, half of a typical distance beside a point."""
    copies = math.ceil(COMPANY / (x.shape[1] - 2)) - 1
    noise = streams.normals(streams.stream_key(0, "company", *x.shape, copies), copies * x[0].numel())
    beside = torch.from_numpy(noise).to(x).view(copies * x.shape[1], x.shape[2]) / math.sqrt(2)
    many = torch.cat([x, x.repeat(1, copies, 1) + beside], 1)
    place = np.arange(many.shape[1])
    return torch.stack([many[:, np.delete(place, pair)[:COMPANY]] for pair in zip(first, second, strict=True)], 1)


def shortest(
    ask: attacks.Layered,
    pair: Float[Tensor, "cell 2 d"],
    labels: Int[Tensor, "cell 2"],
    more: Float[Tensor, "cell more d"],
) -> Float[Tensor, "cell 2"]:
    """The smallest perturbation of both points, from two searches: of two points alone one finds too little.

    Rays to further points of either side, and DeepFool's answer, followed along the boundary.
    """
    with torch.no_grad():
        answers = ask(more).argmax(-1)
    rays = attacks.smallest(ask, torch.cat([pair, more], 1), torch.cat([labels, answers], 1)).distance[:, :2]
    known, all_ = attacks.started(ask, pair, labels), torch.ones_like(labels, dtype=torch.bool)
    start = attacks.deepfool(ask, pair, labels)
    return torch.minimum(rays, attacks.descended(ask, pair, labels, start, attacks.MOVES, known, all_).distance)


def pairwise(weights: descent.Weights, first: np.ndarray, second: np.ndarray) -> attacks.Layered:
    """ReLU networks as ones of two outputs for each pair of classes: (network × pair, image, pixel) to (…, 2)."""
    last = torch.stack([weights[-1][..., first], weights[-1][..., second]], -1)  # (cell, unit, pair, 2)
    last = last.transpose(1, 2).flatten(0, 1)

    def once(z: Tensor, weight: Tensor) -> Tensor:
        made: Tensor = z.reshape(len(weight), -1, z.shape[-1]) @ weight
        return made.view(*z.shape[:2], -1)

    def rest(z: Tensor) -> Tensor:
        for weight in weights[1:-1]:
            z = once(torch.relu(z), weight)
        return torch.relu(z) @ last

    return attacks.Layered(lambda x: once(x, weights[0]), rest)
