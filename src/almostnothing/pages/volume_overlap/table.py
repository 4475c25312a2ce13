"""The table of `10_volume_overlap`: at which ε which share of a ball's samples lies in another ball."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy import stats as reference
from torch import Tensor

from almostnothing import corruptions, data, streams
from almostnothing.corruptions.lp import L0, Lp
from almostnothing.pages.lp_sampling.parameters import norm_name
from almostnothing.pages.lp_sampling.shortcuts import laplace, norm_of
from almostnothing.pages.volume_overlap.parameters import DRAWN, GIVEN, NO_IMAGE, VolumeOverlap

SHARES = (0.99, 0.95, 0.75, 0.5, 0.25, 0.05, 0.01)  # of samples in the other ball, of which the table has the ε
COLUMNS = [f"at_{100 * share:02.0f}" for share in SHARES]
NOWHERE = "unclipped"  # the data set of noise that is not clipped
GREY = 0.5  # what L0 noise replaces where there is no image
HALVINGS = 40  # of an interval in which an ε is looked for
Samples = Float[Tensor, "sample value"]


def table(parameters: VolumeOverlap, folder: Path) -> pd.DataFrame:
    """One row for each place, image, sampler, norm, direction and seed.

    Places: each data set, at whose training images noise is clipped to [0, 1], and each number of values without
    clipping. `which`: the image "given", the same for all seeds, as the authors had it; or "drawn" by the seed, for
    itself: `image` is its number (−1 without an image), and there is no Laplace noise at these.
    Samplers: "ball", uniform in it, and "laplace", Laplace noise for every p, for both balls. Directions: "inside",
    samples of the Lp ball in the L2 ball, whose share falls with ε, and "holds", samples of the L2 ball in the Lp ball,
    whose share grows. `at_99` … `at_01`: the ε at which that share of the samples is in the other ball (infinite where
    it is at every ε); `low` and `high`: the 95 % interval of `at_50` over this seed's samples. Of L0, ε is the share of
    values that may change. `matched`: of "holds", the share at the ε at which half of the Lp samples are inside.
    """
    rows: list[dict[str, Any]] = []
    for source in parameters.sources(folder):
        dataset, d = data.load(source, folder), source.facts.pixels
        for seed in parameters.seeds:
            for which, number in chosen_images(parameters, len(dataset.train.images), seed):
                x = torch.from_numpy(dataset.train.images[number].reshape(-1) / np.float32(dataset.levels))
                head = {"dataset": source.name, "pixels": d, "clipped": True, "which": which, "image": number}
                rows += [head | row for row in _rows(parameters, d, x, seed, which)]
    for d, seed in itertools.product(parameters.dimensions, parameters.seeds):
        head = {"dataset": NOWHERE, "pixels": d, "clipped": False, "which": NO_IMAGE, "image": -1}
        rows += [head | row for row in _rows(parameters, d, None, seed, NO_IMAGE)]
    return pd.DataFrame(rows)


def chosen_images(parameters: VolumeOverlap, count: int, seed: int) -> list[tuple[str, int]]:
    """The image that is given, and those that a seed draws among `count`, without drawing one twice."""
    drawn = streams.permutation(streams.stream_key(seed, "overlap image"), count)[: parameters.images]
    return [(GIVEN, parameters.image), *((DRAWN, int(number)) for number in drawn)]


def _rows(
    parameters: VolumeOverlap, d: int, image: Float[Tensor, " value"] | None, seed: int, which: str
) -> Iterator[dict[str, Any]]:
    radius = parameters.radius_at(d)
    count = parameters.image_samples if which == DRAWN else parameters.samples
    for sampler in ("ball",) if which == DRAWN else ("ball", "laplace"):
        l2 = radius * unit(sampler, 2.0, d, count, seed)
        changed = l2 if image is None else clipped(image, l2)
        for norm in parameters.norms:
            p = float(norm)
            inside = entering(sampler, p, image, d, radius, count, seed)
            holds = size_of(changed, p)
            half = float(np.median(inside))
            head = {"sampler": sampler, "norm": norm_name(p), "seed": seed, "radius": radius, "samples": count}
            yield {**head, "direction": "inside", **_quantiles(inside, 1.0), "matched": math.nan}
            yield {**head, "direction": "holds", **_quantiles(holds, 0.0), "matched": float((holds <= half).mean())}


def unit(sampler: str, p: float, d: int, count: int, seed: int) -> Samples:
    """Samples of a ball of norm p > 0 with ε = 1, by one of the two samplers; v1 drew p = ∞ without Laplace noise."""
    key, number = streams.stream_key(seed, "overlap of balls", p, d), torch.arange(count, dtype=torch.int32)
    if sampler == "laplace" and not math.isinf(p):
        return laplace(p, d, key, number)
    return corruptions.corrupted(Lp(p, d, clip=False), torch.zeros(count, d), 1.0, key, number)


def clipped(image: Float[Tensor, " value"], noise: Samples) -> Samples:
    """What noise changes of an image after clipping: clip(x + δ, 0, 1) − x."""
    return (image + noise).clamp(0, 1) - image


def size_of(noise: Samples, p: float) -> Float[np.ndarray, " sample"]:
    """‖δ‖_p of each sample: the ε from which on a ball holds it; for p = 0 the share of values that are not 0."""
    return ((noise != 0).double().mean(1) if p == 0 else norm_of(noise, p)).numpy()


def entering(
    sampler: str, p: float, image: Float[Tensor, " value"] | None, d: int, radius: float, count: int, seed: int
) -> Float[np.ndarray, " sample"]:
    """The largest ε at which each sample of the Lp ball lies in the L2 ball of this radius.

    The same sample, at growing ε, leaves once: its L2 norm grows with ε, clipped or not. Infinite where it never does.
    """
    if p == 0:
        return _replaced(torch.full((d,), GREY) if image is None else image, d, radius, count, seed)
    noise = unit(sampler, p, d, count, seed)
    own = norm_of(noise, 2.0)
    if image is None:
        return (radius / own).numpy()
    low = radius / own  # clipping makes no change larger
    high = 2 / noise.abs().double().clamp(min=1e-30).amin(1)  # there all values are clipped that can be
    for _ in range(HALVINGS):
        middle = (low * high).sqrt()
        there = norm_of(clipped(image, middle.float()[:, None] * noise), 2.0) <= radius
        low, high = torch.where(there, middle, low), torch.where(there, high, middle)
    stays = norm_of(clipped(image, torch.sign(noise)), 2.0) <= radius
    return torch.where(stays, math.inf, low).numpy()


def _replaced(
    image: Float[Tensor, " value"], d: int, radius: float, count: int, seed: int
) -> Float[np.ndarray, " sample"]:
    """As `entering`, for L0: what changes at one k does at the next; a share of up to (k + ½)/d changes k values."""
    key = torch.from_numpy(streams.stream_key(seed, "overlap of balls", 0, d)).expand(count, -1)
    number, law = torch.arange(count, dtype=torch.int32)[:, None], L0("extremes", 1, d)
    x = image.expand(count, 1, d).contiguous()
    low, high = torch.zeros(count, dtype=torch.int64), torch.full((count,), d + 1)
    while (high - low > 1).any():
        middle = (low + high) // 2
        share = (middle.float() / d)[:, None]
        there = norm_of((law.sample(x, share, key, number)[:, 0] - x)[:, 0], 2.0) <= radius
        low, high = torch.where(there, middle, low), torch.where(there, high, middle)
    return ((low + 0.5) / d).clamp(max=1).double().numpy()


def _quantiles(epsilon: Float[np.ndarray, " sample"], above: float) -> dict[str, float]:
    """The ε at each of `SHARES`; `above` 1 where the share is that of samples whose own ε is at least ε, else 0."""
    levels = [abs(above - share) for share in SHARES]
    found = np.quantile(epsilon, levels, method="inverted_cdf")
    low, high = median_bounds(epsilon)
    return {**dict(zip(COLUMNS, map(float, found), strict=True)), "low": low, "high": high}


def median_bounds(values: Float[np.ndarray, " sample"]) -> tuple[float, float]:
    """The 95 % interval of the median of the values' law, by two of them: its bounds hold for every law."""
    rank = max(1, int(reference.binom(len(values), 0.5).ppf(0.025)))
    ordered = np.sort(values)
    return float(ordered[rank - 1]), float(ordered[-rank])
