"""From a record to a law, and from a law to corrupted images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import streams
from almostnothing.cells import Law
from almostnothing.code import Choices
from almostnothing.corruptions.additive import Additive
from almostnothing.corruptions.law import Corruption
from almostnothing.corruptions.lp import L0, Brightness, Lp
from almostnothing.corruptions.noises import GaussianNoise, LaplaceNoise, Noise, StudentNoise, UniformNoise
from almostnothing.corruptions.pixels import Bernoulli, ClippedGaussian, Constant, Empirical, PixelLaw, Uniform
from almostnothing.corruptions.replacement import Replacement
from almostnothing.corruptions.sets import Set
from almostnothing.data.datasets import Dataset

PLACES = 2.0**-17  # relative to max(1, |value|): what devices, and fused and plain code, may differ by


# Of a cell's key, only the entries that its record names count: see `code`.
REPLACED: Choices[Callable[..., PixelLaw]] = {
    "uniform": lambda _dataset, **options: Uniform(**options),
    "constant": lambda _dataset, value: Constant(value),
    "bernoulli": lambda _dataset, probability: Bernoulli(probability),
    "gaussian": lambda _dataset, mean, sd: ClippedGaussian(mean, sd),
    "empirical": lambda dataset: Empirical(*dataset.pixel_counts),
}
ADDED: Choices[Callable[..., Noise]] = {
    "gaussian": GaussianNoise,
    "uniform": UniformNoise,
    "laplace": LaplaceNoise,
    "student_t": StudentNoise,
}


def _replacement(dataset: Dataset, per: str, values: str, **options: Any) -> Replacement:
    return Replacement(REPLACED[values](dataset, **options), per)


def _additive(_dataset: Dataset, per: str, noise: str, clip: bool, **options: Any) -> Additive:
    return Additive(ADDED[noise](**options), clip, per)


def _lp(dataset: Dataset, norm: float | str, **options: Any) -> Lp:
    return Lp(float(norm), dataset.facts.pixels, **options)


def _l0(dataset: Dataset, **options: Any) -> L0:
    return L0(channels=dataset.facts.shape[0], dimensions=dataset.facts.pixels, **options)


def _brightness(_dataset: Dataset, **options: Any) -> Brightness:
    return Brightness(**options)


def _set(dataset: Dataset, applied: int, **options: Any) -> Set:
    """`options`: "0 law", "0 strength" and "0 …" of the first law's own, and so on; flat, as records are."""
    members: dict[int, dict[str, Any]] = {}
    for key, value in options.items():
        number, name = key.split(maxsplit=1)
        members.setdefault(int(number), {})[name] = value
    own = [members[number] for number in sorted(members)]
    strengths = tuple(one.pop("strength") for one in own)
    laws = tuple(LAWS[one.pop("law")](dataset, **one) for one in own)
    return Set(laws, strengths, dataset.facts.pixels, applied)


LAWS: Choices[Callable[..., Corruption]] = {
    "replacement": _replacement,
    "additive": _additive,
    "lp": _lp,
    "l0": _l0,
    "brightness": _brightness,
    "set": _set,
}


def law_of(law: Law, dataset: Dataset) -> Corruption:
    """The law that a cell's record names; the empirical pixel law is counted over the training images."""
    return LAWS[law.name](dataset, **dict(law.options))


def corrupted(
    law: Corruption,
    x: Float[Tensor, "image pixel"],
    strength: float,
    key: np.ndarray,
    number: Int[Tensor, " image"] | None = None,
) -> Float[Tensor, "image pixel"]:
    """One corruption of each image from the stream `key`: draw `number` of it, or that of the image's index."""
    drawn = torch.arange(len(x), dtype=torch.int32, device=x.device) if number is None else number.int()
    sigma = torch.tensor([[strength]], dtype=torch.float32, device=x.device)
    return law.sample(x[None], sigma, torch.from_numpy(key)[None].to(x.device), drawn[None])[0, 0]


def series(law: Corruption, x: np.ndarray, strengths: Sequence[float], seed: int) -> np.ndarray:
    """Images x of shape (image, pixel) at each strength, with common random numbers: shape (strength, image, pixel).

    What is replaced at one strength stays replaced at every larger one.
    """
    key = torch.from_numpy(streams.stream_key(seed, "series"))[None]
    strength = torch.tensor([list(strengths)], dtype=torch.float32)
    number = torch.arange(len(x), dtype=torch.int32)[None]
    return law.sample(torch.from_numpy(x)[None], strength, key, number)[0].numpy()
