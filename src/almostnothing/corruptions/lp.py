"""Noise of a given Lp norm: uniform in the ball, or on its surface; brightness, the constant image's; and L0.

With g of independent entries, of density ∝ exp(−|g|^p), and E ~ Exp(1), g/‖g‖_p has the cone measure of the sphere (a
piece of it weighs as its share of the ball's volume; as its area for p = 1, 2 and ∞ alone), and g/(‖g‖_p^p + E)^(1/p)
is uniform in the ball: Barthe, Guédon, Mendelson and Naor, Ann. Probab. 33, 480 (2005), math/0503650. The entries are
drawn by inversion (`quantiles`), so a draw is a function of its words for every p.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import special
from torch import Tensor

from almostnothing import streams
from almostnothing.corruptions.clipping import NODES, WEIGHTS, clipped_moments
from almostnothing.corruptions.kernels import Kernel
from almostnothing.corruptions.law import Moments, WithMoments, by_halves, word_halves, word_pairs
from almostnothing.corruptions.quantiles import magnitudes, signs, table

SHARED = -1  # the position of the words that all values of an image share
UNDERFLOW = 1e-250


def shared_words(
    keys: Int[Tensor, "stream 2"], draw: Int[Tensor, "stream batch"], position: int
) -> tuple[Int[Tensor, "stream batch"], Int[Tensor, "stream batch"]]:
    """Two words for each (stream, draw), at a position below 0, where no pixel's are."""
    return streams.threefry2x32((keys[:, 0, None], keys[:, 1, None]), (draw, torch.full_like(draw, position)))


def shares(words: Int[Tensor, "stream batch"], least: float, like: Tensor) -> Float[Tensor, "stream 1 batch 1"]:
    """The share of the strength that each image gets: uniform between `least` and 1."""
    return (least + (1 - least) * streams.unit_floats(words).to(like.dtype))[:, None, :, None]


def over_shares(moments: Callable[[float], Moments], least: float) -> Moments:
    """Mean and variance where the share of the strength is uniform between `least` and 1; `moments` at one share."""
    if least == 1:
        return moments(1.0)
    found = [moments(share) for share in least + (1 - least) * (NODES + 1) / 2]
    mean = np.tensordot(WEIGHTS / 2, np.array([m for m, _ in found]), 1)
    square = np.tensordot(WEIGHTS / 2, np.array([v + (m - mean) ** 2 for m, v in found]), 1)
    return mean, square


@dataclass(frozen=True)
class Lp(WithMoments):
    """x̃ = x + δ with ‖δ‖_p at most ε, uniform in that ball, or with ε itself (`surface`: the cone measure).

    Strength is ε ≥ 0, a norm ‖δ‖_p = (Σ|δᵢ|^p)^(1/p) of all d = `dimensions` values together, for p = `norm` in (0, ∞];
    with `least` below 1 each image has its own, uniform between least·ε and ε. `clip` clips the sum to [0, 1],
    which makes no norm larger. Unclipped noise is uncorrelated between pixels, and |δᵢ/ε|^p has the law Beta(1/p,
    (d − 1)/p), in the ball Beta(1/p, (d − 1)/p + 1).
    """

    norm: float
    dimensions: int
    where: str = "ball"
    clip: bool = True
    least: float = 1.0
    per: str = field(default="pixel", init=False)
    coefficients: np.ndarray | None = field(init=False, repr=False, compare=False)
    range: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def __post_init__(self) -> None:
        """Look up the table of the norm here: torch can trace what uses it, but not SciPy, which makes it."""
        object.__setattr__(self, "coefficients", None if math.isinf(self.norm) else table(self.norm))

    @property
    def words(self) -> str:
        """The law in words."""
        place = "in the ball" if self.where == "ball" else "on the surface"
        norm = "L∞" if math.isinf(self.norm) else f"L{self.norm:g}"
        spread = "" if self.least == 1 else f", ε from {self.least:g} of it"
        return f"{norm}, {place}{', clipped' if self.clip else ''}{spread}"

    @cached_property
    def kernel(self) -> Kernel:
        """As `Corruption.kernel`."""
        usual = {1.0: "ONE", 2.0: "TWO", math.inf: "FLAT"}
        form = usual.get(float(self.norm), "ROOTS" if self.norm < 1 else "POWERS")
        coefficients = np.empty((0, 3)) if self.coefficients is None else self.coefficients
        flags = (float(self.where == "ball"), float(self.clip), self.least, len(coefficients) // 2)
        order = np.float32(self.norm)
        rest = 0.0 if math.isinf(self.norm) else float(self.norm - np.float64(order))
        numbers = (float(order), rest, *flags, *coefficients.T.ravel().tolist())
        return Kernel(f'#include "norms.hpp"\nEXPORT_IMAGES(noisy_image<{form}>)\n', numbers)

    def drawn(
        self,
        x: Float[Tensor, "stream batch pixel"],
        strength: Float[Tensor, "stream member"],
        keys: Int[Tensor, "stream 2"],
        draw: Int[Tensor, "stream batch"],
    ) -> Float[Tensor, "stream member batch pixel"]:
        """As `Corruption.drawn`."""
        p, ball = self.norm, self.where == "ball"
        pixels = x.shape[-1]
        halves = word_halves(keys, draw, pixels)
        sizes = [magnitudes(words, self.coefficients, x) for words in halves]
        first, second = shared_words(keys, draw, SHARED)
        outside = -torch.log(streams.open_floats(first).double()) * ball
        largest = torch.stack([part.amax(-1) for part in sizes if part.shape[-1]]).amax(0).double()
        if math.isinf(p):
            radius = torch.ones_like(largest) if ball else 1 / largest
        elif p < 1:  # values about the mean of |g|^p, so that a small p makes no rounding larger
            total = torch.stack([part.double().sum(-1) for part in sizes]).sum(0) + outside
            sizes = [(size * (pixels / total)[..., None].to(x.dtype)) ** (1 / p) for size in sizes]
            radius = torch.full_like(total, float(pixels)) ** (-1 / p)
        else:  # powers of shares of the largest: for large p those of small values alone would be 0
            parts = [((size / largest[..., None].to(x.dtype)) ** p).double().sum(-1) for size in sizes]
            inside = p * torch.log(largest) + torch.log(torch.stack(parts).sum(0))
            radius = torch.exp(torch.logaddexp(inside, torch.log(outside)) / -p)
        noise = [size * signs(words, x) for size, words in zip(sizes, halves, strict=True)]
        epsilon = strength.to(x.dtype)[:, :, None, None] * shares(second, self.least, x)
        scale = (epsilon.double() * radius[:, None, :, None]).to(x.dtype)

        def change(part: Tensor, z: Tensor) -> Tensor:
            noisy = part + scale * z
            return noisy.clamp(0, 1) if self.clip else noisy

        return by_halves(x, noise, change)

    def survival(self, z: np.ndarray) -> np.ndarray:
        """P(δᵢ/ε > z), by the Beta law of |δᵢ/ε|^p; for p = ∞ uniform, on the surface with 1/d of it at ±1."""
        size = np.clip(np.abs(z), 0, 1)
        if math.isinf(self.norm):
            beyond = 1 - size * (1 if self.where == "ball" else 1 - 1 / self.dimensions)
        else:
            a, b = self.beta
            power = size**self.norm
            first = size * math.exp(-math.log(a) - special.betaln(a, b)) if b else size * 0
            rest = special.betaincc(a, b, np.maximum(power, UNDERFLOW)) if b else np.ones_like(size)
            beyond = np.where(power < UNDERFLOW, 1 - first, rest)
        beyond = np.where(np.abs(z) >= 1, 0, beyond)
        return np.where(np.asarray(z) > 0, beyond / 2, 1 - beyond / 2)

    @property
    def beta(self) -> tuple[float, float]:
        """Both parameters of the Beta law of |δᵢ/ε|^p, p < ∞."""
        return 1 / self.norm, (self.dimensions - 1) / self.norm + (self.where == "ball")

    @property
    def deviation(self) -> float:
        """The standard deviation of δᵢ/ε."""
        if math.isinf(self.norm):
            faces = 0 if self.where == "ball" else 1 / self.dimensions
            return math.sqrt(faces + (1 - faces) / 3)
        a, b = self.beta
        logs = special.gammaln([3 * a, a + b, a, 3 * a + b])
        return math.exp((logs[0] + logs[1] - logs[2] - logs[3]) / 2)

    def moments(self, x: np.ndarray, strength: float) -> Moments:
        """x and ε² E[B^(2/p)], B ~ Beta as above, or the clipped law's moments by quadrature (`clipped_moments`)."""
        sd = self.deviation

        def at(share: float) -> Moments:
            if self.clip:
                return clipped_moments(x, share * strength * sd, lambda z: self.survival(z * sd))
            return np.array(x, np.float64), np.full(np.shape(x), (share * strength * sd) ** 2)

        return over_shares(at, self.least)


@dataclass(frozen=True)
class Brightness(WithMoments):
    """x̃ = x ± ε, one sign for all pixels of an image, each with probability 1/2; strength ε ≥ 0, `clip` and `least` as
    in `Lp`.
    """

    clip: bool = True
    least: float = 1.0
    per: str = field(default="image", init=False)
    range: ClassVar[tuple[float, float]] = (0.0, math.inf)

    @property
    def words(self) -> str:
        """The law in words."""
        spread = "" if self.least == 1 else f", ε from {self.least:g} of it"
        return f"brightness ± ε{', clipped' if self.clip else ''}{spread}"

    @cached_property
    def kernel(self) -> Kernel:
        """As `Corruption.kernel`."""
        return Kernel('#include "norms.hpp"\nEXPORT_IMAGES(brighter_image)\n', (float(self.clip), self.least))

    def drawn(
        self,
        x: Float[Tensor, "stream batch pixel"],
        strength: Float[Tensor, "stream member"],
        keys: Int[Tensor, "stream 2"],
        draw: Int[Tensor, "stream batch"],
    ) -> Float[Tensor, "stream member batch pixel"]:
        """As `Corruption.drawn`."""
        first, second = shared_words(keys, draw, SHARED)
        epsilon = strength.to(x.dtype)[:, :, None, None] * shares(second, self.least, x)
        noisy = x[:, None] + epsilon * signs(first, x)[:, None, :, None]
        return noisy.clamp(0, 1) if self.clip else noisy

    def moments(self, x: np.ndarray, strength: float) -> Moments:
        """The moments of x + ε and x − ε, clipped; over ε by quadrature."""

        def at(share: float) -> Moments:
            ends = np.array([x + share * strength, x - share * strength], np.float64)
            ends = ends.clip(0, 1) if self.clip else ends
            return ends.mean(0), ends.var(0)

        return over_shares(at, self.least)


@dataclass(frozen=True)
class L0(WithMoments):
    """Exactly k of n places take a new value, k the integer nearest to strength·n; all sets of k are equally likely.

    Strength is a share in [0, 1]. `values`: "extremes" 0 or 1, "greys" one of 0, 1/255, …, 1, each as likely, both of
    n = d values; "salt_pepper" 0 or 1, of n = d/`channels` pixels, all of whose channels change together. What changes
    at one strength changes at every larger one. `least`: as in `Lp`.
    """

    values: str = "extremes"
    channels: int = 1
    dimensions: int = 1
    least: float = 1.0
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    @property
    def per(self) -> str:  # type: ignore[override]
        """Of what one draw serves: the channels of a pixel share theirs under "salt_pepper"."""
        return "image" if self.values == "salt_pepper" else "pixel"

    @property
    def words(self) -> str:
        """The law in words."""
        kind = {"extremes": "values to 0 or 1", "greys": "values to any grey", "salt_pepper": "pixels to 0 or 1"}
        spread = "" if self.least == 1 else f", k from {self.least:g} of it"
        return f"L0, k {kind[self.values]}{spread}"

    @property
    def together(self) -> int:
        """Channels that change together."""
        return self.channels if self.values == "salt_pepper" else 1

    @cached_property
    def kernel(self) -> Kernel:
        """As `Corruption.kernel`."""
        numbers = (self.together, float(self.values == "greys"), self.least)
        return Kernel('#include "norms.hpp"\nEXPORT_IMAGES(replaced_image)\n', numbers)

    def drawn(
        self,
        x: Float[Tensor, "stream batch pixel"],
        strength: Float[Tensor, "stream member"],
        keys: Int[Tensor, "stream 2"],
        draw: Int[Tensor, "stream batch"],
    ) -> Float[Tensor, "stream member batch pixel"]:
        """As `Corruption.drawn`."""
        places = x.shape[-1] // self.together
        first, second = word_pairs(keys, draw, places)
        share = strength.float()[:, :, None, None] * shares(shared_words(keys, draw, SHARED)[1], self.least, strength)
        chosen = torch.round(share * places).clamp(max=places)
        order = (first ^ -(2**31)).argsort(dim=-1, stable=True)  # words as unsigned numbers, equal ones by place
        rank = torch.arange(places, device=x.device).expand_as(order)
        rank = torch.empty_like(order).scatter_(-1, order, rank)
        bits = 8 if self.values == "greys" else 1
        new = ((second >> (32 - bits)) & (2**bits - 1)).to(x.dtype) / (2**bits - 1)
        shape = (*x.shape[:2], self.together, places)
        image = torch.where((rank[:, None] < chosen)[..., None, :], new[:, None, :, None], x.reshape(shape)[:, None])
        return image.flatten(-2)

    def moments(self, x: np.ndarray, strength: float) -> Moments:
        """(1 − q) x + q/2 and q(1 − q)(x − 1/2)² + q s² with q = k/n, s² the new value's variance."""
        places = self.dimensions // self.together
        levels = np.linspace(0, 1, 256) if self.values == "greys" else np.array([0.0, 1.0])

        def at(share: float) -> Moments:
            q = float(np.round(np.float32(share * strength) * np.float32(places))) / places
            mean = (1 - q) * x + q * levels.mean()
            return mean, q * (1 - q) * (x - levels.mean()) ** 2 + q * levels.var()

        return over_shares(at, self.least)
