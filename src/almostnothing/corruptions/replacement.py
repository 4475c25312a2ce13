"""Replacement noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import streams
from almostnothing.corruptions.kernels import Kernel
from almostnothing.corruptions.law import Corruption, by_halves, word_halves
from almostnothing.corruptions.pixels import PixelLaw

# What `Replacement.apply` says. u/p is rounded as a division is: one of Newton's steps on u times 1/p.
KERNEL = """
#include "law.hpp"
struct Replacement {
    static constexpr bool single = false, per_image = PER_IMAGE;
    float p;
    const float* a;
    Pair made(Words w) const { return {unit(w.first), unit(w.second)}; }
    vec quantile(vec v) const { QUANTILE }
    vec changed(vec x, vec u) const {
        const float inverse = 1 / p;
        vec v = u * inverse;
        v = v + (u - v * p) * inverse;
        return u < all(p) ? quantile(v) : x;
    }
};
EXPORT(Replacement)
"""


@dataclass(frozen=True)
class Replacement(Corruption):
    """Replacement noise: each pixel independently keeps its value with probability 1−p, else takes a new one.

    Strength is p in [0, 1]. With `per` "image" one draw serves all pixels of an image: with probability p all are
    replaced by one value. Every pixel has the same law as before, but pixels are no longer independent.
    """

    new: PixelLaw
    per: str = "pixel"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def apply(
        self, x: Float[Tensor, "*#shape"], u: Float[Tensor, "*#shape"], p: Float[Tensor, "*#shape"]
    ) -> Float[Tensor, "*shape"]:
        """Corrupt x with one uniform u for each pixel; arguments broadcast.

        One uniform serves both choices exactly: u < p decides, and given u < p, u/p is uniform on (0, 1). So u
        shared by two strengths gives nested masks. u lies on a grid of 2⁻²⁴, hence u/p on one of 2⁻²⁴/p.
        """
        return torch.where(u < p, self.new.quantile(u / p), x)

    @cached_property
    def kernel(self) -> Kernel:
        """As `Corruption.kernel`."""
        per_image = "true" if self.per == "image" else "false"
        source = KERNEL.replace("PER_IMAGE", per_image).replace("QUANTILE", self.new.compiled)
        return Kernel(source, self.new.numbers)

    def drawn(
        self,
        x: Float[Tensor, "stream batch pixel"],
        strength: Float[Tensor, "stream member"],
        keys: Int[Tensor, "stream 2"],
        draw: Int[Tensor, "stream batch"],
    ) -> Float[Tensor, "stream member batch pixel"]:
        """As `Corruption.drawn`."""
        p = strength[:, :, None, None]
        halves = [streams.unit_floats(words) for words in word_halves(keys, draw, x.shape[-1], self.per)]
        return by_halves(x, halves, lambda part, u: self.apply(part, u, p))

    def mean(self, x: np.ndarray, strength: float) -> np.ndarray:
        """E[x̃ | x] = (1−p) x + p m, m the mean new value (seed 000, "attenuation + noise", there m = 1/2)."""
        return (1 - strength) * x + strength * self.new.moments[0]

    def variance(self, x: np.ndarray, strength: float) -> np.ndarray:
        """Var(x̃ᵢ | x) = p(1−p)(xᵢ−m)² + p s², s² the new value's variance (seed 000, there m = 1/2, s² = 1/12)."""
        m, s2 = self.new.moments
        return strength * (1 - strength) * (x - m) ** 2 + strength * s2
