"""Additive noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing.corruptions.clipping import clipped_moments
from almostnothing.corruptions.kernels import Kernel
from almostnothing.corruptions.law import Corruption, by_halves, word_pairs
from almostnothing.corruptions.noises import Noise

KERNEL = """
#include "law.hpp"
struct Additive {
    static constexpr bool single = SINGLE, per_image = PER_IMAGE;
    float sigma;
    const float* a;
    Pair made(Words w) const { VALUES }
    vec changed(vec x, vec z) const {
        vec v = x + sigma * z;
        return CLIPPED;
    }
};
EXPORT(Additive)
"""


@dataclass(frozen=True)
class Additive(Corruption):
    """Additive noise x̃ = x + σz, z of mean 0 and variance 1, independent in every pixel; with `clip` clipped to [0, 1].

    Strength is σ ≥ 0. With `per` "image" one z serves all pixels of an image.
    """

    noise: Noise
    clip: bool = False
    per: str = "pixel"
    range: ClassVar[tuple[float, float]] = (0.0, math.inf)

    @cached_property
    def kernel(self) -> Kernel:
        """As `Corruption.kernel`."""
        words = {
            "SINGLE": str(self.noise.single).lower(),
            "PER_IMAGE": str(self.per == "image").lower(),
            "VALUES": self.noise.compiled,
            "CLIPPED": "larger(smaller(v, all(1.0f)), vec{})" if self.clip else "v",
        }
        source = KERNEL
        for name, text in words.items():
            source = source.replace(name, text)
        return Kernel(source, self.noise.numbers)

    def drawn(
        self,
        x: Float[Tensor, "stream batch pixel"],
        strength: Float[Tensor, "stream member"],
        keys: Int[Tensor, "stream 2"],
        draw: Int[Tensor, "stream batch"],
    ) -> Float[Tensor, "stream member batch pixel"]:
        """As `Corruption.drawn`."""
        sigma = strength[:, :, None, None]
        pixels = x.shape[-1]
        if self.per == "image":
            values = [self.noise.values(*word_pairs(keys, draw, 1))[0].expand(*draw.shape, pixels)]
        elif self.noise.single:
            values = list(self.noise.values(*word_pairs(keys, draw, pixels)))
        else:
            first, second = self.noise.values(*word_pairs(keys, draw, (pixels + 1) // 2))
            values = [first, second[..., : pixels // 2]]

        def change(part: Tensor, z: Tensor) -> Tensor:
            noisy = part + sigma * z
            return noisy.clamp(0, 1) if self.clip else noisy

        return by_halves(x, values, change)

    def mean(self, x: np.ndarray, strength: float) -> np.ndarray:
        """X, or the clipped law's mean by quadrature (`clipped_moments`)."""
        return clipped_moments(x, strength, self.noise.survival)[0] if self.clip else np.array(x, np.float64)

    def variance(self, x: np.ndarray, strength: float) -> np.ndarray:
        """σ², or the clipped law's variance by quadrature (`clipped_moments`)."""
        if self.clip:
            return clipped_moments(x, strength, self.noise.survival)[1]
        return np.full(np.shape(x), float(strength) ** 2)
