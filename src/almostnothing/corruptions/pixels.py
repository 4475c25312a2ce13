"""Laws of a replaced pixel's new value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from almostnothing.corruptions.clipping import clipped_moments
from almostnothing.corruptions.noises import GaussianNoise

LARGEST_W = 16.6  # −ln(1 − x²) of the float32 next to 1


CENTRE = (  # of Giles' polynomials, highest power first: for w < 5, and beyond
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
)


TAIL = (
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
    -0.0076224613,
    0.00943887047,
    1.00167406,
    2.83297682,
)


def normal_quantile(v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Φ⁻¹(v) = √2 erf⁻¹(2v − 1) for v in [0, 1], in float32 to about 3e-7; finite, ±5.6, at the ends.

    M. Giles, "Approximating the erfinv function", GPU Computing Gems (2011), single precision. `torch.erfinv` is not
    vectorised in fused code: ten times slower.
    """
    x = 2 * v - 1
    w = -torch.log((1 - x) * (1 + x)).clamp(min=-LARGEST_W)
    centre, tail = (torch.full_like(x, coefficients[0]) for coefficients in (CENTRE, TAIL))
    near, far = w - 2.5, torch.sqrt(w) - 3
    for a, b in zip(CENTRE[1:], TAIL[1:], strict=True):
        centre, tail = centre * near + a, tail * far + b
    return math.sqrt(2) * x * torch.where(w < 5, centre, tail)


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
class Constant:
    """One value: erased pixels."""

    value: float = 0.5

    def quantile(self, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The value, whatever v is."""
        return torch.full_like(v, self.value)

    @property
    def moments(self) -> tuple[float, float]:
        """The value and 0."""
        return self.value, 0.0


@dataclass(frozen=True)
class Bernoulli:
    """1 with probability q, else 0: salt and pepper."""

    q: float = 0.5

    def quantile(self, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """1 where v ≥ 1 − q."""
        return (v >= 1 - self.q).to(v.dtype)

    @property
    def moments(self) -> tuple[float, float]:
        """Mean q and variance q (1 − q)."""
        return self.q, self.q * (1 - self.q)


@dataclass(frozen=True)
class ClippedGaussian:
    """A Gaussian of mean m and standard deviation s, clipped to [0, 1]: it has atoms at 0 and 1."""

    m: float = 0.5
    s: float = 0.25

    def quantile(self, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Clip(m + s Φ⁻¹(v))."""
        return (self.m + self.s * normal_quantile(v)).clamp(0, 1)

    @property
    def moments(self) -> tuple[float, float]:
        """Those of the clipped law, by quadrature."""
        mean, variance = clipped_moments(np.array([self.m]), self.s, GaussianNoise().survival)
        return float(mean[0]), float(variance[0])


@dataclass(frozen=True)
class Empirical:
    """Equally spaced levels from `low` to `high`, as often as `counts` says: the pixel law of a data set."""

    counts: tuple[int, ...]
    low: float = 0.0
    high: float = 1.0

    def quantile(self, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The level whose cumulative share first exceeds v."""
        share = np.cumsum(self.counts, dtype=np.float64) / sum(self.counts)
        edges = torch.tensor(share[:-1], dtype=torch.float32, device=v.device)
        return self.low + (self.high - self.low) * (
            torch.bucketize(v, edges, right=True).float() / (len(self.counts) - 1)
        )

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and variance of the table."""
        level = np.linspace(self.low, self.high, len(self.counts))
        mean = np.average(level, weights=self.counts)
        return float(mean), float(np.average((level - mean) ** 2, weights=self.counts))
