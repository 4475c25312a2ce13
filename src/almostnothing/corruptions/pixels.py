"""Laws of a replaced pixel's new value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol, runtime_checkable

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


GUIDE = 4096  # bins of [0, 1)
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

    compiled: ClassVar[str]  # C++ of `quantile`: of a vector `v`, with `numbers` as `a`; v may be anything where unused

    @property
    def numbers(self) -> tuple[float, ...]:
        """What `compiled` reads."""

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
    compiled: ClassVar[str] = "return a[0] + (a[1] - a[0]) * v;"

    @property
    def numbers(self) -> tuple[float, ...]:
        """Its ends."""
        return (self.low, self.high)

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
    compiled: ClassVar[str] = "return all(a[0]);"

    @property
    def numbers(self) -> tuple[float, ...]:
        """The value."""
        return (self.value,)

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
    compiled: ClassVar[str] = "return v >= all(a[0]) ? all(1.0f) : vec{};"

    @property
    def numbers(self) -> tuple[float, ...]:
        """1 − q."""
        return (1 - self.q,)

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
    compiled: ClassVar[str] = """
        vec x = 2.0f * v - 1.0f;
        vec w = smaller(-logarithm((1.0f - x) * (1.0f + x)), all(a[2]));
        vec near = w - 2.5f, far = root(w) - 3.0f, centre = all(a[3]), tail = all(a[12]);
        for (int k = 1; k < 9; k++) centre = centre * near + a[3 + k], tail = tail * far + a[12 + k];
        vec z = 1.41421356f * x * (w < 5.0f ? centre : tail);
        return larger(smaller(a[0] + a[1] * z, all(1.0f)), vec{});
    """

    @property
    def numbers(self) -> tuple[float, ...]:
        """Mean, deviation, and what `normal_quantile` reads."""
        return (self.m, self.s, LARGEST_W, *CENTRE, *TAIL)

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
    compiled: ClassVar[str] = """
        const int bins = (int)a[0], edges = (int)a[1];
        vec found;
        for (int lane = 0; lane < VL; lane++) {
            const float share = v[lane] >= 0 && v[lane] < 1 ? v[lane] : 0;
            int level = (int)a[4 + (int)(share * bins)];
            while (level < edges && a[4 + bins + level] <= share) level++;
            found[lane] = level;
        }
        return a[2] + (a[3] - a[2]) * (found / (float)edges);
    """

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """Where each of `GUIDE` bins begins to search, and the cumulative shares."""
        edges = self.edges
        first = np.searchsorted(edges, np.arange(GUIDE) / GUIDE, side="right")  # the level at which a search begins
        return (GUIDE, len(edges), self.low, self.high, *first.tolist(), *edges.tolist())

    @property
    def edges(self) -> np.ndarray:
        """Cumulative shares of all levels but the last: float32."""
        share = np.cumsum(self.counts, dtype=np.float64) / sum(self.counts)
        return share[:-1].astype(np.float32)

    def quantile(self, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The level whose cumulative share first exceeds v."""
        edges = torch.from_numpy(self.edges).to(v.device)
        return self.low + (self.high - self.low) * (
            torch.bucketize(v, edges, right=True).float() / (len(self.counts) - 1)
        )

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and variance of the table."""
        level = np.linspace(self.low, self.high, len(self.counts))
        mean = np.average(level, weights=self.counts)
        return float(mean), float(np.average((level - mean) ** 2, weights=self.counts))
