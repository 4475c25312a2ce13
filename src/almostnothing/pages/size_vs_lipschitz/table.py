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
from jaxtyping import Float
from torch import Tensor

from almostnothing import health, streams
from almostnothing.devices import device_for
from almostnothing.measures import frontier, lipschitz
from almostnothing.measures.frontier import ADVERSARIAL, DECAY, PENALISED, PLAIN
from almostnothing.pages.size_vs_lipschitz.parameters import FEATURES, SHORTER, SizeVsLipschitz
from almostnothing.theory import interpolants, partial_fits

ASCENT = 40  # steps of the search for the longest gradient of fits in features
STARTS = 16  # points from which it starts

Rows = Iterator[dict[str, Any]]


class Noise(NamedTuple):
    """Points uniformly on the unit sphere, labels ±1 by chance, and what every function needs, of each seed."""

    x: Float[Tensor, "cell n d"]
    y: Float[Tensor, "cell n"]
    floor: list[float]


def table(parameters: SizeVsLipschitz, folder: Path) -> pd.DataFrame:  # noqa: ARG001  (no data set)
    """One row for each network and each fit in features.

    `mode` and `activation`, `weight` of the mode, `steps`, at most, see `measures.frontier`; penalised networks are
    there with fewer steps, too, and from several `start`s. `rf` is the fit of least norm in as many random features as
    the network has parameters, `ntk` and `even ntk` that in the gradients of a network by its first layer, all shrunk
    until their error is the target. `parameters`: those that are trained, k(d + 2) of a network. `mse` at the end;
    `status`, see `frontier.statuses`; `lower` and `upper` bounds on the Lipschitz constant on the sphere, the latter
    certified; `path`: the path norm; `floor`: what every function needs that has this error on these points,
    `theory.partial_fits`.
    """
    device, seeds = device_for(parameters.compute.device), parameters.seeds
    each = [points(parameters.d, parameters.n, seed) for seed in seeds]
    noise = Noise(
        torch.from_numpy(np.stack([x for x, _ in each])).float().to(device),
        torch.from_numpy(np.stack([y for _, y in each])).float().to(device),
        [partial_fits.floor(x, y, parameters.target) for x, y in each],
    )
    rows = [*network_rows(parameters, noise), *feature_rows(parameters, noise)]
    return pd.DataFrame(rows)


def points(d: int, n: int, seed: int) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
    """Points uniformly on the unit sphere, and their labels."""
    x = streams.normals(streams.stream_key(seed, "noise on a sphere", d), n * d).reshape(n, d)
    y = np.where(streams.uniforms(streams.stream_key(seed, "labels of noise", d), n) < 0.5, -1.0, 1.0)
    return x / np.linalg.norm(x, axis=1, keepdims=True), y


def ways(parameters: SizeVsLipschitz, activation: str, starts: int) -> Iterator[tuple[str, float, int, int]]:
    """The modes, weights, steps and numbers of starts by which networks of an activation are trained."""
    asked = parameters.training
    yield PLAIN, 0.0, asked.steps, 0
    if activation == "relu":
        yield DECAY, asked.decay, asked.steps, 0
        yield ADVERSARIAL, asked.radius, asked.steps, 0
    for weight, start in itertools.product(asked.penalties, range(starts)):
        yield PENALISED, weight, asked.steps, start
        yield PENALISED, weight, asked.steps // SHORTER, start


def network_rows(parameters: SizeVsLipschitz, noise: Noise) -> Rows:
    """Rows of trained networks: one stack for all seeds of a size and a way of training."""
    asked, d = parameters.training, parameters.d
    sizes = zip(parameters.units, asked.starts, strict=True)
    for activation, (k, starts) in itertools.product(parameters.activations, sizes):
        form = frontier.ACTIVATIONS[activation]
        for mode, weight, steps, place in ways(parameters, activation, starts):
            keys = [streams.stream_key(seed, "networks on noise", d, k, activation, place) for seed in parameters.seeds]
            start = frontier.Stack(*(part.to(noise.x.device) for part in frontier.drawn(keys, k, d, asked.start)))
            how = frontier.Recipe(mode, parameters.target, weight, asked.rate, steps, asked.climbing)
            found = frontier.trained(start, noise.x, noise.y, form, how)
            told = frontier.statuses(found, noise.x, parameters.target)
            steep = frontier.steepness(found, noise.x, form)
            whole = torch.isfinite(steep.lower) & torch.isfinite(steep.upper)
            if not (steep.lower <= steep.upper)[whole].all():
                raise AssertionError(f"a slope of {mode} networks of {k} units exceeds the certified bound")
            for number, seed in enumerate(parameters.seeds):
                yield {
                    "mode": mode,
                    "activation": activation,
                    "weight": weight,
                    "steps": steps,
                    "start": place,
                    "k": k,
                    "n": parameters.n,
                    "d": d,
                    "parameters": k * (d + 2),
                    "seed": seed,
                    "target": parameters.target,
                    "mse": float(found.mse[number]),
                    "status": told[number],
                    "lower": float(steep.lower[number]),
                    "upper": float(steep.upper[number]),
                    "path": float(steep.path[number]),
                    "floor": noise.floor[number],
                }


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
            "upper": math.nan,
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
