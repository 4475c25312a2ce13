"""The table of `16_tightness`: Lipschitz constants of functions through random points, of projections of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from almostnothing import streams
from almostnothing.pages.tightness.parameters import Tightness
from almostnothing.theory import interpolants


def table(parameters: Tightness, folder: Path) -> pd.DataFrame:  # noqa: ARG001  (no data set)
    """One row for each seed, number of points n, of coordinates that are kept, d̃, and construction.

    n points uniformly on the unit sphere of d dimensions, labels 1 and −1 by chance. `constant`: the Lipschitz constant
    of the function of d dimensions; `ratio`: over √(nd/P), P = nd̃. `tents`, `mcshane`, and `part`, which fits a share
    of the points: see `theory.interpolants`; exact for each.
    """
    return pd.DataFrame(_rows(parameters))


def _rows(parameters: Tightness) -> Iterator[dict[str, Any]]:
    d, largest = parameters.d, max(parameters.sizes)
    for seed in parameters.seeds:
        all_x, all_y = points(d, largest, seed)
        for n, kept in itertools.product(parameters.sizes, parameters.kept):
            z, y = interpolants.projected(all_x[:n], kept), all_y[:n]
            ratios = {
                "tents": interpolants.tent_constant(z, y),
                "mcshane": interpolants.mcshane_constant(z, y),
                "part": interpolants.part_constant(z, y, parameters.share),
            }
            for construction, ratio in ratios.items():
                yield {
                    "seed": seed,
                    "d": d,
                    "n": n,
                    "kept": kept,
                    "construction": construction,
                    "constant": ratio * math.sqrt(d / kept),
                    "ratio": ratio,
                }


def points(d: int, n: int, seed: int) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
    """Points uniformly on the unit sphere, and their labels."""
    x = streams.normals(streams.stream_key(seed, "points on a sphere", d), n * d).reshape(n, d)
    y = np.where(streams.uniforms(streams.stream_key(seed, "labels by chance", d), n) < 0.5, -1.0, 1.0)
    return x / np.linalg.norm(x, axis=1, keepdims=True), y
