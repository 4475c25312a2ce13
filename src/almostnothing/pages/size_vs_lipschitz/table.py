"""The table of `17_size_vs_lipschitz`: networks are trained here, each on random points of its own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from almostnothing import health, streams
from almostnothing.devices import device_for
from almostnothing.measures import directions, frontier, lipschitz
from almostnothing.measures.modes import ADVERSARIAL, DECAY, PENALISED, PLAIN, SOBOLEV
from almostnothing.pages.size_vs_lipschitz.parameters import FEATURES, SHORTER, SizeVsLipschitz
from almostnothing.theory import interpolants, partial_fits

ASCENT = 40  # steps of the search for the longest gradient of fits in features
STARTS = 16  # points from which it starts
FRESH = 2048  # points of the sphere over which gradients are averaged
ATTACKED = 512  # points, at most, whose distances to the decision boundary count
TOGETHER = 2**22  # numbers of a network's largest product, of all networks that are measured at once
RAYS = 10  # from each point, of the search for the decision boundary

Rows = Iterator[dict[str, Any]]


class Noise(NamedTuple):
    """Points uniformly on the unit sphere, labels ±1 by chance, fresh points and what every function needs, by seed."""

    x: Float[Tensor, "cell n d"]
    y: Float[Tensor, "cell n"]
    fresh: Float[Tensor, "cell point d"]
    floor: list[float]


class Way(NamedTuple):
    """How networks are trained: mode, its weight, steps at most, and the places of their starts in the streams."""

    mode: str
    weight: float
    steps: int
    starts: tuple[int, ...] = (0,)


def table(parameters: SizeVsLipschitz, folder: Path) -> pd.DataFrame:  # noqa: ARG001  (no data set)
    """One row for each network and each fit in features.

    `mode` and `activation`, `weight` of the mode, `steps`, at most, see `measures.frontier`; penalised networks are
    there with fewer steps, too, and from several `start`s; ReLU networks are trained by all modes, others by two. `rf`
    is the fit of least norm in as many random features as the network has parameters, `ntk` and `even ntk` that in the
    gradients of a network by its first layer, all shrunk until their error is the target. `parameters`: those that are
    trained, k(d + 2) of a network. `mse` at the end; `status`, see `frontier.statuses`; `lower` and `upper` bounds on
    the Lipschitz constant on the sphere, the latter certified; `lower_inf` and `upper_inf` those for distances in L∞,
    over all inputs; `average`: root mean square of the gradient along the sphere at fresh points of it; `stability`:
    mean L2 distance of the points of training, at most `ATTACKED` of them, to where the sign changes, 0 of those whose
    sign is wrong, as a search finds it, and `stability_least`, what is certified of it, both of networks of all steps;
    `path`: the path norm; `floor`: what every function needs that has this error on these points,
    `theory.partial_fits`. Of fits in features there are slopes found, and the floor.
    """
    device, seeds = device_for(parameters.compute.device), parameters.seeds
    each = [points(parameters.d, parameters.n, seed) for seed in seeds]
    noise = Noise(
        torch.from_numpy(np.stack([x for x, _ in each])).float().to(device),
        torch.from_numpy(np.stack([y for _, y in each])).float().to(device),
        frontier.uniform(
            [streams.stream_key(seed, "fresh points of the sphere", parameters.d) for seed in seeds],
            FRESH,
            parameters.d,
        ).to(device),
        [partial_fits.floor(x, y, parameters.target) for x, y in each],
    )
    rows = [*network_rows(parameters, noise), *feature_rows(parameters, noise)]
    return pd.DataFrame(rows)


def points(d: int, n: int, seed: int) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
    """Points uniformly on the unit sphere, and their labels."""
    x = directions.on_sphere(streams.stream_key(seed, "noise on a sphere", d), n, d)
    y = np.where(streams.uniforms(streams.stream_key(seed, "labels of noise", d), n) < 0.5, -1.0, 1.0)
    return x, y


def ways(parameters: SizeVsLipschitz, activation: str, starts: int) -> Iterator[Way]:
    """The ways in which networks of an activation are trained."""
    asked = parameters.training
    yield Way(PLAIN, 0.0, asked.steps)
    if activation == "relu":
        yield Way(DECAY, asked.decay, asked.steps)
        yield Way(ADVERSARIAL, asked.radius, asked.steps)
    for weight in asked.penalties:
        if activation == "relu":
            yield Way(SOBOLEV, weight, asked.steps)
        for steps in (asked.steps, asked.steps // SHORTER):
            yield Way(PENALISED, weight, steps, tuple(range(starts)))


def network_rows(parameters: SizeVsLipschitz, noise: Noise) -> Rows:
    """Rows of trained networks: a stack for all starts and seeds of a size and a way, several are measured at once."""
    sizes = zip(parameters.units, parameters.training.starts, strict=True)
    for activation, (k, starts) in itertools.product(parameters.activations, sizes):
        alone = max(k * (k + parameters.d), RAYS * min(parameters.n, ATTACKED) * (k + parameters.d))
        most, waiting = max(1, TOGETHER // alone), list[tuple[Way, frontier.Trained]]()
        for way in ways(parameters, activation, starts):
            waiting.append((way, made(parameters, noise, activation, k, way)))
            if sum(len(found.mse) for _, found in waiting) >= most:
                yield from rows_of(parameters, noise, activation, k, waiting)
                waiting = []
        if waiting:
            yield from rows_of(parameters, noise, activation, k, waiting)


def made(parameters: SizeVsLipschitz, noise: Noise, activation: str, k: int, way: Way) -> frontier.Trained:
    """Networks of k units, trained one way, of all seeds from the first start, then from the next."""
    asked, d, count = parameters.training, parameters.d, len(way.starts)
    named = list(itertools.product(way.starts, parameters.seeds))
    keys = [streams.stream_key(seed, "networks on noise", d, k, activation, start) for start, seed in named]
    start = frontier.Stack(*(part.to(noise.x.device) for part in frontier.drawn(keys, k, d, asked.start)))
    anew = [streams.stream_key(seed, "points of each step", d, k, activation, start) for start, seed in named]
    how = frontier.Recipe(way.mode, parameters.target, way.weight, asked.rate, asked.steps, asked.climbing)
    x, y = noise.x.repeat(count, 1, 1), noise.y.repeat(count, 1)
    return frontier.trained(start, x, y, frontier.ACTIVATIONS[activation], how._replace(steps=way.steps), anew)


def rows_of(
    parameters: SizeVsLipschitz, noise: Noise, activation: str, k: int, found: list[tuple[Way, frontier.Trained]]
) -> Rows:
    """Rows of networks of k units: bounds are of all of them at once. Raises `AssertionError` where bounds cross."""
    form, seeds = frontier.ACTIVATIONS[activation], parameters.seeds
    names = [(way, start, at, seed) for way, _ in found for start in way.starts for at, seed in enumerate(seeds)]
    every = frontier.joined([trained for _, trained in found])
    count = len(every.mse) // len(seeds)
    x, y = noise.x.repeat(count, 1, 1), noise.y.repeat(count, 1)
    steep = frontier.steepness(every, x, form)
    whole = torch.tensor([way.steps == parameters.training.steps for way, _, _, _ in names], device=x.device)
    stable = distances(every.stack, x, y, form, steep.upper, whole)
    mean = torch.cat(
        [
            frontier.average(frontier.Stack(*parts), noise.fresh, form)
            for parts in zip(*(part.split(len(seeds)) for part in every.stack), strict=True)
        ]
    ).double()
    frontier.enclosed("a slope", steep.lower, steep.upper, k)
    frontier.enclosed("an average slope", mean, steep.upper, k)
    frontier.enclosed("a slope in L∞", steep.lower_inf, steep.upper_inf, k)
    frontier.enclosed("a certified distance", stable.least, stable.found, k)
    told = frontier.statuses(every, x, parameters.target)
    columns = {name: values.tolist() for name, values in steep._asdict().items() if name != "path"}
    columns |= {"average": mean.tolist(), "stability": stable.found.tolist(), "stability_least": stable.least.tolist()}
    columns |= {"path": steep.path.tolist()}
    for number, (way, start, at, seed) in enumerate(names):
        yield {
            "mode": way.mode,
            "activation": activation,
            "weight": way.weight,
            "steps": way.steps,
            "start": start,
            "k": k,
            "n": parameters.n,
            "d": parameters.d,
            "parameters": k * (parameters.d + 2),
            "seed": seed,
            "target": parameters.target,
            "mse": float(every.mse[number]),
            "status": told[number],
            **{name: values[number] for name, values in columns.items()},
            "floor": noise.floor[at],
        }


def distances(
    stack: frontier.Stack,
    x: Float[Tensor, "cell n d"],
    y: Float[Tensor, "cell n"],
    form: frontier.Activation,
    upper: Float[Tensor, " cell"],
    asked: Bool[Tensor, " cell"],
) -> frontier.Stability:
    """Class stability of the networks that are `asked` for, NaN of others: the search takes longer than training."""
    every = frontier.Stability(torch.full_like(upper, math.nan), torch.full_like(upper, math.nan))
    if asked.any():
        some = frontier.Stack(*(part[asked] for part in stack))
        far = frontier.stability(some, x[asked, :ATTACKED], y[asked, :ATTACKED], form, upper[asked])
        for values, own in zip(every, far, strict=True):
            values[asked] = own
    return every


def feature_rows(parameters: SizeVsLipschitz, noise: Noise) -> Rows:
    """Rows of minimum-norm fits in features, as flat as their error may be."""
    d, n = parameters.d, parameters.n
    shrunk = 1 - math.sqrt(parameters.target)  # c with (1 − c)² = target: c times an exact fit has this error
    for k, kind, (number, seed) in itertools.product(parameters.compared, FEATURES, enumerate(parameters.seeds)):
        x, y = noise.x[number].double().cpu(), noise.y[number].double().cpu()
        fit = fitted(kind, x, y, k, seed)
        error = float((shrunk * fit(x) - y).square().mean())
        top = lipschitz.steepest(partial(_alone, fit), x[None, :STARTS], "sphere", steps=ASCENT)
        yield {
            "mode": kind,
            "activation": "ln cosh" if kind == "even ntk" else "softplus",
            "weight": 0.0,
            "steps": 0,
            "start": 0,
            "k": k,
            "n": n,
            "d": d,
            "parameters": k * (d + 2) if kind == "rf" else k * d,
            "seed": seed,
            "target": parameters.target,
            "mse": error,
            "status": health.LEARNED if error <= (1 + frontier.SLACK) * parameters.target else health.UNFINISHED,
            "lower": shrunk * float(top.slope[0]),
            **dict.fromkeys(["upper", "lower_inf", "upper_inf", "average", "stability", "stability_least"], math.nan),
            "path": math.nan,
            "floor": noise.floor[number],
        }


def _alone(fit: interpolants.Features, z: Float[Tensor, "1 point d"]) -> Float[Tensor, "1 point"]:
    return fit(z[0])[None]


def fitted(kind: str, x: Float[Tensor, "n d"], y: Float[Tensor, " n"], k: int, seed: int) -> interpolants.Features:
    """The exact fit of least norm: in k(d + 2) random features of softplus, or in the NTK features of k units."""
    d = x.shape[1]
    count = k * (d + 2) if kind == "rf" else k
    drawn = streams.normals(streams.stream_key(seed, "features on noise", kind, d, k), count * (d + 1))
    weights, outer = torch.from_numpy(drawn[: count * d]).view(count, d), torch.from_numpy(drawn[count * d :])
    softplus = frontier.ACTIVATIONS["softplus"].value
    if kind == "rf":
        return interpolants.random_features(x, y, weights, softplus)
    return interpolants.ntk_features(x, y, weights, outer, log_cosh if kind == "even ntk" else softplus)


def log_cosh(u: Tensor) -> Tensor:
    """ln cosh u, an even activation; its slope is tanh."""
    return torch.nn.functional.softplus(2 * u) - u - math.log(2)
