"""The table of `19_depth`: networks are trained here, each on random points of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from almostnothing import streams
from almostnothing.devices import device_for
from almostnothing.measures import deep, directions, frontier
from almostnothing.measures.modes import PENALISED, PLAIN
from almostnothing.pages.depth.parameters import SHORTER, Depth
from almostnothing.theory import partial_fits

ASCENT = 120  # steps of the search for the longest gradient


def table(parameters: Depth, folder: Path) -> pd.DataFrame:  # noqa: ARG001  (no data set)
    """One row for each network.

    `depth` D, hidden layers, of `width` units, with `parameters` trained; `mode`: "plain", or "penalised", these from
    several `start`s, and from the first with a part of the `steps`, too. `mse` at the end; `status`, see
    `deep.statuses`; `lower`: a slope found on the unit sphere, `upper`: the certified layer-wise bound over all inputs;
    `floor`: what every function needs that has the error on these points, `theory.partial_fits`.
    """
    device, seeds = device_for(parameters.compute.device), parameters.seeds
    each = [points(parameters.d, parameters.n, seed) for seed in seeds]
    x, y = (torch.from_numpy(np.stack(part)).float().to(device) for part in zip(*each, strict=True))
    floors = [partial_fits.floor(*own, parameters.target) for own in each]
    return pd.DataFrame(rows(parameters, x, y, floors))


def points(d: int, n: int, seed: int) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
    """Points uniformly on the unit sphere, and their labels, ±1 by chance."""
    x = directions.on_sphere(streams.stream_key(seed, "noise for several layers", d), n, d)
    y = np.where(streams.uniforms(streams.stream_key(seed, "labels for several layers", d), n) < 0.5, -1.0, 1.0)
    return x, y


def rows(
    parameters: Depth, x: Float[Tensor, "cell n d"], y: Float[Tensor, "cell n"], floors: list[float]
) -> Iterator[dict[str, Any]]:
    """Rows of all depths and ways, a stack of all seeds for each start. Raises `AssertionError` where bounds cross."""
    asked, d, seeds = parameters.training, parameters.d, parameters.seeds
    ways = [(PLAIN, 0.0, asked.steps, 0), (PENALISED, asked.penalty, asked.steps // SHORTER, 0)]
    ways += [(PENALISED, asked.penalty, asked.steps, start) for start in range(asked.starts)]
    for depth, (mode, weight, steps, start) in itertools.product(parameters.depths, ways):
        width = deep.width_of(depth, deep.parameters(1, parameters.units, d), d)
        keys = [streams.stream_key(seed, "several layers on noise", d, depth, width, start) for seed in seeds]
        drawn = [layer.to(x.device) for layer in deep.drawn(keys, depth, width, d, asked.start)]
        how = frontier.Recipe(mode, parameters.target, weight, asked.rate, steps, asked.climbing)
        found = deep.trained(drawn, x, y, how)
        steep, told = deep.bounds(found, x, ASCENT), deep.statuses(found, x, parameters.target)
        frontier.enclosed("a slope", steep.lower, steep.upper, width)
        for place, seed in enumerate(seeds):
            yield {
                "depth": depth,
                "width": width,
                "parameters": deep.parameters(depth, width, d),
                "mode": mode,
                "steps": steps,
                "start": start,
                "seed": seed,
                "mse": float(found.mse[place]),
                "status": told[place],
                "lower": float(steep.lower[place]),
                "upper": float(steep.upper[place]),
                "floor": floors[place],
            }
