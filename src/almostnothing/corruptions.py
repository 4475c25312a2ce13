"""Corruption laws: what happens to an image, with the exact mean and variance of every pixel.

A law's `sample` is a pure function of its random words, so the same (stream, draw, pixel) gives the same value in any
batch and beside any other network. On every device, fused or not, the words and the masks made of them are the same;
values may differ in their last places, by at most `PLACES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import special
from torch import Tensor

from almostnothing import streams
from almostnothing.cells import Law
from almostnothing.data import Dataset

PLACES = 2.0**-17  # relative to max(1, |value|): what devices, and fused and plain code, may differ by
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
NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)
PANELS = (-math.inf, -12.0, -3.0, -math.sqrt(3), 0.0, math.sqrt(3), 3.0, 12.0, math.inf)  # edges, in noise deviations


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


@runtime_checkable
class Noise(Protocol):
    """A law of mean 0 and variance 1, drawn from pairs of random words."""

    single: ClassVar[bool]  # whether a pair of words gives one value, not two

    def values(self, x0: Tensor, x1: Tensor) -> tuple[Tensor, ...]:
        """Independent float32 values from int32 words: two of the shape of the words, or one."""

    def survival(self, z: np.ndarray) -> np.ndarray:
        """P(Z > z), continuous in z."""


@dataclass(frozen=True)
class GaussianNoise:
    """Standard normal."""

    single: ClassVar[bool] = False

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

    def values(self, x0: Tensor, x1: Tensor) -> tuple[Tensor, ...]:
        """√((ν−2)/ν) √(ν (u₀^(−2/ν) − 1)) cos 2πu₁: exact (Bailey, Math. Comp. 62, 779 (1994))."""
        radius = torch.sqrt((self.dof - 2) * torch.expm1(torch.log(streams.open_floats(x0)) * (-2 / self.dof)))
        return (radius * torch.cos(2 * math.pi * streams.open_floats(x1)),)

    def survival(self, z: np.ndarray) -> np.ndarray:
        """That of t at z √(ν/(ν−2))."""
        return special.stdtr(self.dof, -z * math.sqrt(self.dof / (self.dof - 2)))


def clipped_moments(
    x: np.ndarray, sigma: float, survival: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of Y = clip(x + σZ) to [0, 1], for values x of any shape and P(Z > z) = `survival`.

    E[Y] = ∫₀¹ P(x + σZ > t) dt and E[Y²] = ∫₀¹ 2t P(x + σZ > t) dt, by Gauss and Legendre's rule on panels between
    the points where the laws bend.
    """
    values, where = np.unique(np.asarray(x, np.float64), return_inverse=True)
    if sigma == 0:
        mean = np.clip(values, 0, 1)
        return mean[where].reshape(np.shape(x)), np.zeros(np.shape(x))
    edges = np.clip(values[:, None] + sigma * np.array(PANELS), 0, 1)
    half, middle = np.diff(edges) / 2, (edges[:, 1:] + edges[:, :-1]) / 2
    t = middle[..., None] + half[..., None] * NODES
    share = survival((t - values[:, None, None]) / sigma) * WEIGHTS * half[..., None]
    mean = share.sum((1, 2))
    # about the mean, so that a small variance is no difference of large numbers
    variance = (2 * (t - mean[:, None, None]) * share).sum((1, 2)) + mean**2
    return mean[where].reshape(np.shape(x)), variance[where].reshape(np.shape(x))


@runtime_checkable
class Corruption(Protocol):
    """A corruption law. Strengths run over `range`; pixels are independent unless `per` is "image"."""

    range: ClassVar[tuple[float, float]]

    @property
    def per(self) -> str:
        """Of what one draw serves: "pixel" or "image"."""

    @property
    def name(self) -> str:
        """What a figure calls it."""

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

    def mean(self, x: np.ndarray, strength: float) -> np.ndarray:
        """E[x̃ᵢ | x] of every pixel; x of any shape."""

    def variance(self, x: np.ndarray, strength: float) -> np.ndarray:
        """Var(x̃ᵢ | x) of every pixel; x of any shape."""


def by_halves(x: Tensor, halves: Sequence[Tensor], change: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """`change` pixels of x (stream, batch, pixel) with their draws: joined as (stream, member, batch, pixel).

    Each half is corrupted by itself: joined before, torch.compile would draw the words of both halves twice.
    """
    parts = x[:, None].split([half.shape[-1] for half in halves], dim=-1)
    return torch.cat([change(part, half[:, None]) for part, half in zip(parts, halves, strict=True)], dim=-1)


@dataclass(frozen=True)
class Replacement:
    """Replacement noise: each pixel independently keeps its value with probability 1−p, else takes a new one.

    Strength is p in [0, 1]. With `per` "image" one draw serves all pixels of an image: with probability p all are
    replaced by one value. Every pixel has the same law as before, but pixels are no longer independent.
    """

    new: PixelLaw
    per: str = "pixel"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    @property
    def name(self) -> str:
        """What a figure calls it."""
        return f"replacement, {_words(self.new)}{_shared(self.per)}"

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
        """As `Corruption.sample`."""
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


@dataclass(frozen=True)
class Additive:
    """Additive noise x̃ = x + σz, z of mean 0 and variance 1, independent in every pixel; with `clip` clipped to [0, 1].

    Strength is σ ≥ 0. With `per` "image" one z serves all pixels of an image.
    """

    noise: Noise
    clip: bool = False
    per: str = "pixel"
    range: ClassVar[tuple[float, float]] = (0.0, math.inf)

    @property
    def name(self) -> str:
        """What a figure calls it."""
        return f"additive, {_words(self.noise)}{', clipped' if self.clip else ''}{_shared(self.per)}"

    def sample(
        self,
        x: Float[Tensor, "stream batch pixel"],
        strength: Float[Tensor, "stream member"],
        keys: Int[Tensor, "stream 2"],
        draw: Int[Tensor, "stream batch"],
    ) -> Float[Tensor, "stream member batch pixel"]:
        """As `Corruption.sample`."""
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


def word_pairs(
    keys: Int[Tensor, "stream 2"], draw: Int[Tensor, "stream batch"], count: int
) -> tuple[Int[Tensor, "stream batch count"], Int[Tensor, "stream batch count"]]:
    """Two independent random words for each (stream, draw, position 0 … count−1)."""
    position = torch.arange(count, dtype=torch.int32, device=keys.device)
    return streams.threefry2x32((keys[:, 0, None, None], keys[:, 1, None, None]), (draw[:, :, None], position))


def word_halves(
    keys: Int[Tensor, "stream 2"], draw: Int[Tensor, "stream batch"], pixels: int, per: str = "pixel"
) -> list[Int[Tensor, "stream batch _"]]:
    """One random word for each (stream, draw, pixel): the first ⌈d/2⌉ pixels, then the others.

    A counter gives two words: they serve pixels j and j + ⌈d/2⌉. With `per` "image" one word serves all pixels.
    """
    if per == "image":
        return [word_pairs(keys, draw, 1)[0].expand(*draw.shape, pixels)]
    x0, x1 = word_pairs(keys, draw, (pixels + 1) // 2)
    return [x0, x1[..., : pixels // 2]]


REPLACED: dict[str, Callable[..., PixelLaw]] = {
    "uniform": Uniform,
    "constant": lambda value: Constant(value),
    "bernoulli": lambda probability: Bernoulli(probability),
    "gaussian": lambda mean, sd: ClippedGaussian(mean, sd),
}
ADDED: dict[str, Callable[..., Noise]] = {
    "gaussian": GaussianNoise,
    "uniform": UniformNoise,
    "laplace": LaplaceNoise,
    "student_t": StudentNoise,
}


def build(law: Law, dataset: Dataset) -> Corruption:
    """The law that a cell's record names; the empirical pixel law is counted over the training images."""
    options: dict[str, Any] = dict(law.options)
    per = options.pop("per")
    if law.name == "additive":
        noise, clip = options.pop("noise"), options.pop("clip")
        return Additive(ADDED[noise](**options), clip, per)
    values = options.pop("values")
    new = Empirical(*dataset.pixel_counts) if values == "empirical" else REPLACED[values](**options)
    return Replacement(new, per)


def _words(part: Any) -> str:
    """A pixel law or noise as words: its class, in lower case, and its numbers."""
    kind = type(part).__name__.removesuffix("Noise")
    name = {"ClippedGaussian": "clipped Gaussian", "Gaussian": "Gaussian", "Student": "Student t", "Laplace": "Laplace"}
    numbers = {
        Uniform: lambda: f" on [{part.low:g}, {part.high:g}]",
        Constant: lambda: f" {part.value:g}",
        Bernoulli: lambda: f" {part.q:g}",
        ClippedGaussian: lambda: f" {part.m:g} ± {part.s:g}",
        StudentNoise: lambda: f" ν = {part.dof:g}",
    }
    return name.get(kind, kind.lower()) + numbers.get(type(part), lambda: "")()


def _shared(per: str) -> str:
    return ", one draw an image" if per == "image" else ""


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
