"""Laws of added noise, of mean 0 and variance 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from scipy import special
from torch import Tensor

from almostnothing import streams


@runtime_checkable
class Noise(Protocol):
    """A law of mean 0 and variance 1, drawn from pairs of random words."""

    single: ClassVar[bool]  # whether a pair of words gives one value, not two
    compiled: ClassVar[str]  # C++ of `values`: from words `w`, with `numbers` as `a`

    @property
    def numbers(self) -> tuple[float, ...]:
        """What `compiled` reads."""

    def values(self, x0: Tensor, x1: Tensor) -> tuple[Tensor, ...]:
        """Independent float32 values from int32 words: two of the shape of the words, or one."""

    def survival(self, z: np.ndarray) -> np.ndarray:
        """P(Z > z), continuous in z."""


@dataclass(frozen=True)
class GaussianNoise:
    """Standard normal."""

    single: ClassVar[bool] = False
    compiled: ClassVar[str] = """
        vec radius = root(-2.0f * logarithm(open_unit(w.first)));
        Circle c = turn(open_unit(w.second));
        return {radius * c.cosine, radius * c.sine};
    """
    numbers: ClassVar[tuple[float, ...]] = ()

    def values(self, x0: Tensor, x1: Tensor) -> tuple[Tensor, ...]:
        """Box and Muller: √(−2 ln u₀) (cos 2πu₁, sin 2πu₁), two independent normals from two uniforms."""
        radius = torch.sqrt(-2 * torch.log(streams.open_floats(x0)))
        angle = 2 * math.pi * streams.open_floats(x1)
        return radius * torch.cos(angle), radius * torch.sin(angle)

    def survival(self, z: np.ndarray) -> np.ndarray:
        """1 − Φ(z)."""
        return special.ndtr(-z)


@dataclass(frozen=True)
class UniformNoise:
    """Uniform on [−√3, √3]."""

    single: ClassVar[bool] = False
    compiled: ClassVar[str] = """
        const float edge = 1.7320508f;
        return {edge * (2.0f * open_unit(w.first) - 1.0f), edge * (2.0f * open_unit(w.second) - 1.0f)};
    """
    numbers: ClassVar[tuple[float, ...]] = ()

    def values(self, x0: Tensor, x1: Tensor) -> tuple[Tensor, ...]:
        """√3 (2u − 1) of each word."""
        first, second = (math.sqrt(3) * (2 * streams.open_floats(x) - 1) for x in (x0, x1))
        return first, second

    def survival(self, z: np.ndarray) -> np.ndarray:
        """(√3 − z) / 2√3 between 0 and 1."""
        return np.clip(0.5 - z / (2 * math.sqrt(3)), 0, 1)


@dataclass(frozen=True)
class LaplaceNoise:
    """Laplace with scale 1/√2."""

    single: ClassVar[bool] = False
    compiled: ClassVar[str] = """
        auto value = [](vec t) {
            vec size = logarithm(1.0f - absolute(t)) * -0.70710678f;
            return (vec)(bits(size) | (bits(t) & (int32_t)0x80000000));
        };
        return {value(2.0f * open_unit(w.first) - 1.0f), value(2.0f * open_unit(w.second) - 1.0f)};
    """
    numbers: ClassVar[tuple[float, ...]] = ()

    def values(self, x0: Tensor, x1: Tensor) -> tuple[Tensor, ...]:
        """∓ln(1 − |2u − 1|) / √2 of each word, by the sign of 2u − 1."""
        first, second = (self._value(2 * streams.open_floats(x) - 1) for x in (x0, x1))
        return first, second

    @staticmethod
    def _value(t: Tensor) -> Tensor:
        return torch.copysign(torch.log1p(-t.abs()) / math.sqrt(2), t)

    def survival(self, z: np.ndarray) -> np.ndarray:
        """½ e^(−√2 z) for z > 0."""
        return np.where(z > 0, 0.5, 1 - 0.5 * np.exp(math.sqrt(2) * np.minimum(z, 0))) * np.exp(
            -math.sqrt(2) * np.maximum(z, 0)
        )


@dataclass(frozen=True)
class StudentNoise:
    """Student's t with ν > 2 degrees of freedom, scaled to variance 1."""

    dof: float = 3.0
    single: ClassVar[bool] = True
    compiled: ClassVar[str] = """
        const float dof = a[0];
        vec radius = root((dof - 2) * exponential_less_one(logarithm(open_unit(w.first)) * (-2 / dof)));
        return {radius * turn(open_unit(w.second)).cosine, vec{}};
    """

    @property
    def numbers(self) -> tuple[float, ...]:
        """ν."""
        return (self.dof,)

    def values(self, x0: Tensor, x1: Tensor) -> tuple[Tensor, ...]:
        """√((ν−2)/ν) √(ν (u₀^(−2/ν) − 1)) cos 2πu₁: exact (Bailey, Math. Comp. 62, 779 (1994))."""
        radius = torch.sqrt((self.dof - 2) * torch.expm1(torch.log(streams.open_floats(x0)) * (-2 / self.dof)))
        return (radius * torch.cos(2 * math.pi * streams.open_floats(x1)),)

    def survival(self, z: np.ndarray) -> np.ndarray:
        """That of t at z √(ν/(ν−2))."""
        return special.stdtr(self.dof, -z * math.sqrt(self.dof / (self.dof - 2)))
