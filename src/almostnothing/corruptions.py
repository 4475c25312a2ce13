"""Corruption laws: what happens to an image, with the exact mean and variance of every pixel.

A law's `sample` is a pure function of its random words, so the same (stream, draw, pixel) gives the same
value on any device and in any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import streams
from almostnothing.cells import Law
from almostnothing.data import Dataset


@runtime_checkable
class PixelLaw(Protocol):
    """The law of a replaced pixel's new value."""

    def quantile(self, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The value at probability v, so that a uniform v gives this law."""

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and variance."""


@dataclass(frozen=True)
class Uniform:
    """Uniform on [low, high]."""

    low: float = 0.0
    high: float = 1.0

    def quantile(self, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Low + (high − low) v."""
        return self.low + (self.high - self.low) * v

    @property
    def moments(self) -> tuple[float, float]:
        """(low + high) / 2 and (high − low)² / 12."""
        return (self.low + self.high) / 2, (self.high - self.low) ** 2 / 12


@dataclass(frozen=True)
class Empirical:
    """The grey levels 0, 1/levels, ..., 1 as often as `counts` says: the pixel law of a data set."""

    counts: tuple[int, ...]

    def quantile(self, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The level whose cumulative share first exceeds v."""
        share = np.cumsum(self.counts, dtype=np.float64) / sum(self.counts)
        edges = torch.tensor(share[:-1], dtype=torch.float32, device=v.device)
        return torch.bucketize(v, edges, right=True).float() / (len(self.counts) - 1)

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and variance of the table."""
        level = np.arange(len(self.counts)) / (len(self.counts) - 1)
        mean = np.average(level, weights=self.counts)
        return float(mean), float(np.average((level - mean) ** 2, weights=self.counts))


@dataclass(frozen=True)
class Replacement:
    """Replacement noise: each pixel independently keeps its value with probability 1−p, else takes a new one.

    Strength is p in [0, 1].
    """

    new: PixelLaw

    def apply(
        self, x: Float[Tensor, "*#shape"], u: Float[Tensor, "*#shape"], p: Float[Tensor, "*#shape"]
    ) -> Float[Tensor, "*shape"]:
        """Corrupt x with one uniform u for each pixel; arguments broadcast.

        One uniform serves both choices exactly: u < p decides, and given u < p, u/p is uniform on (0, 1). So u
        shared by two strengths gives nested masks. u lies on a grid of 2⁻²⁴, hence u/p on one of 2⁻²⁴/p.
        """
        return torch.where(u < p, self.new.quantile(u / p), x)

    def sample(
        self,
        x: Float[Tensor, "stream batch pixel"],
        strength: Float[Tensor, "stream member"],
        keys: Int[Tensor, "stream 2"],
        draw: Int[Tensor, "stream batch"],
    ) -> Float[Tensor, "stream member batch pixel"]:
        """Corrupt x at each of the strengths that share a stream; `draw` numbers the presentations of images.

        The result is a function of (stream, draw, pixel, strength): not of the batch, nor of what else is in it.
        """
        p = strength[:, :, None, None]
        # Each half is corrupted by itself: joined before, torch.compile would draw the words of both halves twice.
        halves = uniform_halves(keys, draw, x.shape[-1])
        parts = x[:, None].split([half.shape[-1] for half in halves], dim=-1)
        return torch.cat([self.apply(part, u[:, None], p) for part, u in zip(parts, halves, strict=True)], dim=-1)

    def mean(self, x: np.ndarray, strength: float) -> np.ndarray:
        """E[x̃ | x] = (1−p) x + p m, m the mean new value (seed 000, "attenuation + noise", there m = 1/2)."""
        return (1 - strength) * x + strength * self.new.moments[0]

    def variance(self, x: np.ndarray, strength: float) -> np.ndarray:
        """Var(x̃ᵢ | x) = p(1−p)(xᵢ−m)² + p s², s² the new value's variance (seed 000, there m = 1/2, s² = 1/12)."""
        m, s2 = self.new.moments
        return strength * (1 - strength) * (x - m) ** 2 + strength * s2


def uniform_halves(
    keys: Int[Tensor, "stream 2"], draw: Int[Tensor, "stream batch"], pixels: int
) -> list[Float[Tensor, "stream batch _"]]:
    """Uniform float32 on [0, 1), one value for each (stream, draw, pixel): the first ⌈d/2⌉ pixels, then the others.

    A counter gives two words: they serve pixels j and j + ⌈d/2⌉.
    """
    half = (pixels + 1) // 2
    position = torch.arange(half, dtype=torch.int32, device=keys.device)
    x0, x1 = streams.threefry2x32((keys[:, 0, None, None], keys[:, 1, None, None]), (draw[:, :, None], position))
    return [streams.unit_floats(x0), streams.unit_floats(x1)[..., : pixels - half]]


def build(law: Law, dataset: Dataset) -> Replacement:
    """The law that a cell's record names; the empirical pixel law is counted over the training images."""
    options = dict(law.options)
    if options["values"] == "empirical":
        counts = np.bincount(dataset.train.images.reshape(-1), minlength=dataset.levels + 1)
        return Replacement(Empirical(tuple(counts.tolist())))
    return Replacement(Uniform(float(options["low"]), float(options["high"])))


def series(law: Replacement, x: np.ndarray, strengths: Sequence[float], seed: int) -> np.ndarray:
    """One image x of shape (pixel,) at each strength, with common random numbers: shape (strength, pixel).

    What is replaced at one strength stays replaced at every larger one.
    """
    key = torch.from_numpy(streams.stream_key(seed, "series"))[None]
    strength = torch.tensor([list(strengths)], dtype=torch.float32)
    image = torch.from_numpy(x)[None, None]
    return law.sample(image, strength, key, torch.zeros(1, 1, dtype=torch.int32))[0, :, 0].numpy()
