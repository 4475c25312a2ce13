"""The table of `09_lp_sampling`: how far each sampler is from the exact laws of a uniform ball."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy import stats as reference
from torch import Tensor

from almostnothing import corruptions, streams
from almostnothing.corruptions.lp import Lp
from almostnothing.pages.lp_sampling.parameters import LpSampling, norm_name
from almostnothing.pages.lp_sampling.shortcuts import float32_gamma, laplace, norm_of

HELD = 2**22  # values that are held at once
PROBABILITIES = np.arange(1, 20) / 20  # at which the table has a sampler's distribution
COLUMNS = [f"share_{100 * u:02.0f}" for u in PROBABILITIES]
Sampler = Callable[[float, int, np.ndarray, Tensor], Float[Tensor, "sample value"]]


def table(parameters: LpSampling, folder: Path) -> pd.DataFrame:  # noqa: ARG001
    """One row for each sampler, norm and law tested: "radius", that (‖δ‖_p/ε)^d ~ U(0, 1), and "value", that
    |δᵢ/ε|^p ~ Beta(1/p, (d − 1)/p + 1), of one value of each sample, so that all tested values are independent.

    `distance` is Kolmogorov's; `share_05` … `share_95` the shares of samples below the law's 5 … 95 % quantiles. The
    shortcuts have no norm of infinity.
    """
    return pd.DataFrame(
        row for norm in parameters.norms for name in SAMPLERS for row in _rows(parameters, name, float(norm))
    )


def uniform_ball(p: float, d: int, key: np.ndarray, number: Tensor) -> Float[Tensor, "sample value"]:
    """Noise of this library, of norm at most 1."""
    return corruptions.corrupted(Lp(p, d, clip=False), torch.zeros(len(number), d), 1.0, key, number)


SAMPLERS: dict[str, Sampler] = {"ball": uniform_ball, "laplace": laplace, "float32": float32_gamma}


def _rows(parameters: LpSampling, name: str, p: float) -> Iterator[dict[str, Any]]:
    if math.isinf(p) and name != "ball":
        return
    d, count = parameters.dimensions, parameters.samples
    key = streams.stream_key(parameters.seed, "samples of a ball", name, p, d)
    radius, value = sampled(SAMPLERS[name], p, d, count, key)
    size = np.abs(value)
    law = Lp(p, d, clip=False)
    known = {"radius": radius**d, "value": 1 - 2 * law.survival(np.maximum(size, 1e-300))}
    for of, u in known.items():
        row = {"sampler": name, "norm": norm_name(p), "of": of, "dimensions": d, "samples": count}
        row["distance"] = distance(u)
        yield row | {column: float((u <= at).mean()) for column, at in zip(COLUMNS, PROBABILITIES, strict=True)}


def sampled(
    sampler: Sampler, p: float, d: int, count: int, key: np.ndarray
) -> tuple[Float[np.ndarray, " sample"], Float[np.ndarray, " sample"]]:
    """‖δ‖_p of each sample, and one value of each: that at the place of the sample's number, counted around."""
    radius, value = [], []
    for first in range(0, count, max(1, HELD // d)):
        number = torch.arange(first, min(count, first + max(1, HELD // d)), dtype=torch.int32)
        z = sampler(p, d, key, number)
        radius.append(norm_of(z, p).numpy())
        value.append(z[torch.arange(len(z)), number.long() % d].double().numpy())
    return np.concatenate(radius), np.concatenate(value)


def distance(u: Float[np.ndarray, " sample"]) -> float:
    """Kolmogorov's distance of samples from the uniform law on [0, 1]."""
    return float(reference.kstest(u, "uniform").statistic)
