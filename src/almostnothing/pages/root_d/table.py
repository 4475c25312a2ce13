"""The table of `13_root_d`: what linear classifiers withstand of random points, drawn and factorised one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from almostnothing import streams
from almostnothing.pages.root_d.parameters import CORNERS, POINTS, REPLACED, RootD
from almostnothing.theory import compression


def table(parameters: RootD, folder: Path) -> pd.DataFrame:  # noqa: ARG001  (no data set)
    """One row for each draw of points: `n` of them in `d` dimensions, `layers` normal factors, `noise` in training.

    `data`: "points", one a class; "replaced", the same, of whose values a share `noise` is replaced in training; or
    "corners", x = Az for all z ∈ {±1}^d in two classes. `ratio`: |cos θ|, what the classifier withstands over what a
    minimum-distance classifier does, of the last two points, in their mean. Of corners it is between the classifier's
    weights and the last column of A: an alignment, as half of the distance of two classes is shorter than that column.
    Of points without noise in training, as lengths: `minimal`, the smallest perturbation of that pair, `optimal`, half
    of its distance, `bound`, that of the text's Theorem 1, `any_class`, the smallest perturbation of the last point to
    any class, `nearest`, half of the distance to the nearest point; and `phi`, |R_dd| over the length of the last
    column, of a square matrix of one factor. Cases of one n, d and draw have the same points.
    """
    rows: list[dict[str, Any]] = []
    for seed in parameters.seeds:
        for case in cases(parameters):
            rows += [case | {"seed": seed, "draw": draw} | measured(case, seed, draw) for draw in range(case["draws"])]
    return pd.DataFrame(rows).drop(columns="draws")


def cases(parameters: RootD) -> Iterator[dict[str, Any]]:
    """What is drawn: data, share of points, d, n, layers and noise, with the number of draws for each seed."""
    for d, draws in zip(parameters.dimensions, parameters.draws, strict=True):
        square = {"data": POINTS, "share": 1.0, "d": d, "n": d, "layers": 1, "noise": 0.0, "draws": draws}
        yield square
        if d > parameters.largest:
            continue
        fewer = square | {"draws": max(2, draws // parameters.concentrated)}
        for share in parameters.shares:
            yield fewer | {"share": share, "n": parameters.points(share, d)}
        for layers in parameters.layers:
            yield square | {"layers": layers, "draws": max(2, draws // parameters.generated)}
        for noise in parameters.noise:
            yield fewer | {"noise": noise}
        for noise in parameters.corner_noise:
            yield fewer | {"data": CORNERS, "noise": noise}
        for p in parameters.replaced:
            yield fewer | {"data": REPLACED, "noise": p}


def measured(case: dict[str, Any], seed: int, draw: int) -> dict[str, float]:
    """The lengths and the ratio of one draw."""
    d, n, layers, noise = (case[name] for name in ("d", "n", "layers", "noise"))
    x = points(d, n, layers, seed, draw)
    if case["data"] == CORNERS:
        return {"ratio": compression.cosine(compression.squared_loss(x, noise), x[:, -1])}
    if case["data"] == REPLACED:
        return {"ratio": compression.replaced_ratio(x, noise)}
    if noise:
        return {"ratio": compression.ridge_ratio(x, noise)}
    r = compression.triangle(x)
    found = compression.pair(r)
    square = n == d and layers == 1
    phi = abs(r[-1, -1]) / np.linalg.norm(r[:, -1]) if square else math.nan
    return {"ratio": found.ratio, **found._asdict(), "phi": float(phi)}


def points(d: int, n: int, layers: int, seed: int, draw: int) -> Float[np.ndarray, "d n"]:
    """Standard normal points behind `layers` − 1 square standard normal factors."""
    key = streams.stream_key(seed, "root d points", d, n, layers, draw)
    x = streams.normals(key, d * n).reshape(d, n)
    for layer in range(1, layers):
        key = streams.stream_key(seed, "root d generator", d, n, layers, draw, layer)
        x = streams.normals(key, d * d).reshape(d, d) @ x
    return x
