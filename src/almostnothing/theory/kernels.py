"""Infinitely wide fully connected networks: their two kernels, Gram matrices, and regression with these.

With L weight layers, d inputs, and variances C_w / fan-in of weights and C_b of biases, the covariance of a random
network's outputs (NNGP) is K^L, and the inner product of its gradients in NTK parametrisation (NTK) is Θ^L (Lee et al.
2018; Jacot et al. 2018):

    K¹(x, z) = C_b + C_w ⟨x, z⟩ / d,    K^{l+1} = C_b + C_w κ,    κ = E[σ(u) σ(v)],    (u, v) ~ N(0, K^l)
    Θ¹ = K¹,                            Θ^{l+1} = K^{l+1} + C_w κ̇ Θ^l,    κ̇ = E[σ'(u) σ'(v)]

Both depend on x and z through the three numbers K¹(x, x), K¹(z, z), K¹(x, z) alone. Here a, b, c are the variances and
the covariance of (u, v), and the recursion carries h = (a + b)/2 − c = Var(u − v)/2 in place of c: of nearly equal
images c has lost the angle between them, h has not.
"""

from __future__ import annotations

import functools
import math
import shutil
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from scipy import special
from torch import Tensor, nn

from almostnothing.errors import UserError
from almostnothing.networks import ACTIVATIONS, RECTIFIERS

NODES = 512  # of Gauss and Hermite's rule, for activations without a closed form
TERMS = 256  # of their Hermite series, at most
CHUNK = 2**14  # entries whose Hermite coefficients are held at once
PAIRS = 2**12  # pairs of images whose difference is held at once
NEAR = 0.01  # |x − z|² / (|x|² + |z|²) of centred images below which these are subtracted
BLOCK = 256  # rows of a Gram matrix that are computed at once
FUSED = 10_000_000  # entries of a matrix on a CPU from which code is compiled: 3 to 10 s for each architecture, once
KINDS = ("nngp", "ntk")


@runtime_checkable
class Expectations(Protocol):
    """Gaussian expectations of one activation."""

    def same(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """E[σ(u)²] and E[σ'(u)²]."""

    def same_slopes(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of both by a."""

    def pair(self, a: Tensor, b: Tensor, h: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        """E[(σ(u) − σ(v))²]/2 and κ̇ = E[σ'(u) σ'(v)], given (E[σ(u)²] + E[σ(v)²])/2 too."""

    def slopes(self, a: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """∂κ̇/∂c = E[σ''(u) σ''(v)], ∂κ/∂a = E[σ''(u) σ(v)]/2 and ∂κ̇/∂a = E[σ'''(u) σ'(v)]/2 (Price 1958)."""


@dataclass(frozen=True)
class Rectifier:
    """max(x, αx), α the `slope`, by Cho and Saul's arc-cosine kernels (2009).

    For α = 0, with cos θ = c/√(ab) and s = √(ab − c²): κ = (s + (π − θ) c)/2π and κ̇ = (π − θ)/2π. As σ is αx and
    1 − α times the rectifier, κ = α c + (1 − α)² κ₀ and κ̇ = α + (1 − α)² κ̇₀.
    """

    slope: float = 0.0

    @property
    def half(self) -> float:
        """E[σ'(u)²] = (1 + α²)/2."""
        return (1 + self.slope**2) / 2

    @property
    def bend(self) -> float:
        """(1 − α)²/2π."""
        return (1 - self.slope) ** 2 / (2 * math.pi)

    def same(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """(1 + α²)/2 of a, and of 1."""
        return self.half * a, torch.full_like(a, self.half)

    def same_slopes(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """(1 + α²)/2 and 0."""
        return torch.full_like(a, self.half), torch.zeros_like(a)

    def pair(self, a: Tensor, b: Tensor, h: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        """(1 + α²)/2 h − (1 − α)² (s − θc)/2π, in which nothing large cancels where h is small; κ̇."""
        c, s = mean / self.half - h, sine_side(a, b, h)
        angle = torch.atan2(s, c)
        return self.half * h - self.bend * (s - angle * c), self.half - self.bend * angle

    def slopes(self, a: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(1 − α)²/2π times 1/s, s/2a and −c/2as; the first and the last are infinite for u = v."""
        c, s = (a + b) / 2 - h, sine_side(a, b, h)
        return self.bend / s, self.bend * s / (2 * a), -self.bend * c / (2 * a * s)


def sine_side(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """√(ab − c²), from h."""
    return (h * (a + b - h) - ((a - b) / 2) ** 2).clamp(min=0).sqrt()


class Smooth:
    """An activation for which nothing is singular at u = v: what holds there follows from the general formulas."""

    def moments(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """κ and κ̇."""
        raise NotImplementedError

    def partials(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """∂κ̇/∂c, ∂κ/∂a and ∂κ̇/∂a."""
        raise NotImplementedError

    def same(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """κ and κ̇ at a = b = c."""
        return self.moments(a, a, a)

    def same_slopes(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """κ̇ + 2 ∂κ/∂a and ∂κ̇/∂c + 2 ∂κ̇/∂a at a = b = c."""
        curvature, by_a, dot_by_a = self.partials(a, a, a)
        return self.moments(a, a, a)[1] + 2 * by_a, curvature + 2 * dot_by_a

    def pair(self, a: Tensor, b: Tensor, h: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        """(E[σ(u)²] + E[σ(v)²])/2 − κ, and κ̇."""
        kappa, dot = self.moments(a, b, (a + b) / 2 - h)
        return mean - kappa, dot

    def slopes(self, a: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """∂κ̇/∂c, ∂κ/∂a and ∂κ̇/∂a."""
        return self.partials(a, b, (a + b) / 2 - h)


class Identity(Smooth):
    """X: κ = c and κ̇ = 1."""

    def moments(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """C and 1, in the common shape."""
        c = torch.broadcast_tensors(a, b, c)[2]
        return c, torch.ones_like(c)

    def partials(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Three zeros."""
        zero = torch.zeros_like(a + b + c)
        return zero, zero, zero


class Erf(Smooth):
    """Erf x (Williams 1997): κ = (2/π) arcsin(2c/√(AB)), κ̇ = (4/π)/√D; A = 1 + 2a, B = 1 + 2b, D = AB − 4c²."""

    def moments(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """κ, as an arctangent of 2c/√D, and κ̇."""
        root = (1 + 2 * (a + b) + 4 * (a * b - c**2)).sqrt()
        return 2 / math.pi * torch.atan(2 * c / root), 4 / math.pi / root

    def partials(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """4/π times 4c/D^{3/2}, −c/(A√D) and −B/D^{3/2}."""
        d = 1 + 2 * (a + b) + 4 * (a * b - c**2)
        dot = 4 / math.pi / d.sqrt()
        return 4 * c * dot / d, -c * dot / (1 + 2 * a), -(1 + 2 * b) * dot / d


class Sine(Smooth):
    """Sin x: κ = e^{−(a+b)/2} sinh c and κ̇ = e^{−(a+b)/2} cosh c (Pearce et al. 2020)."""

    def moments(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Both as the half difference and sum of e^{±c − (a+b)/2}, neither of which is above 1."""
        up, down = torch.exp(c - (a + b) / 2) / 2, torch.exp(-c - (a + b) / 2) / 2
        return up - down, up + down

    def partials(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """κ, −κ/2 and −κ̇/2."""
        kappa, dot = self.moments(a, b, c)
        return kappa, -kappa / 2, -dot / 2


class Gelu(Smooth):
    """X Φ(x) (Tsuchida et al. 2021).

    With A = 1 + a, B = 1 + b, D = AB − c², H = 1/A + 1/B, p = E[φ(u) φ(v)] = 1/(2π√D) and
    F = E[Φ(u) Φ(v)] = 1/4 + arcsin(c/√(AB))/2π, Stein's lemma gives κ = c F + p Q with Q = ab − c² + c² H, and
    κ̇ = ∂κ/∂c = F + c p (H + 1/D).
    """

    def parts(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """D, H, p and Q."""
        d = 1 + a + b + (a * b - c**2)
        h = 1 / (1 + a) + 1 / (1 + b)
        return d, h, 1 / (2 * math.pi * d.sqrt()), a * b - c**2 + c**2 * h

    def moments(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """κ and κ̇, with the arctangent of c/√D for the arcsine."""
        d, h, p, q = self.parts(a, b, c)
        f = 0.25 + torch.atan(c / d.sqrt()) / (2 * math.pi)
        return c * f + p * q, f + c * p * (h + 1 / d)

    def partials(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """By ∂p/∂c = cp/D, ∂p/∂a = −Bp/2D, ∂F/∂c = p, ∂F/∂a = −cp/2A."""
        d, h, p, q = self.parts(a, b, c)
        inner, outer = 1 + a, 1 + b
        curvature = p * (1 + (h + 1 / d) * (1 + c**2 / d) + 2 * c**2 / d**2)
        by_a = p * (b - c**2 / (2 * inner) - outer * q / (2 * d) - c**2 / inner**2)
        dot_by_a = -c * p * (1 / (2 * inner) + 1 / inner**2 + outer * (h + 1 / d) / (2 * d) + outer / d**2)
        return curvature, by_a, dot_by_a


class Series(Smooth):
    """Any smooth function, by Mehler's formula: κ = Σₙ sₙ(a) sₙ(b) ρⁿ, sₙ(a) = E[σ(√a z) Heₙ(z)]/√n!, ρ = c/√(ab).

    Derivatives need none of σ: E[σ'(√a z) Heₙ(z)]/√n! = √((n + 1)/a) sₙ₊₁(a). The coefficients are integrals by Gauss
    and Hermite's rule; terms that cannot change the sum are left out. A function with a kink would need far more terms.
    """

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function
        nodes, weights = special.roots_hermitenorm(NODES)
        rows = [np.ones(NODES), nodes]
        for n in range(1, TERMS - 1):
            rows.append((nodes * rows[-1] - math.sqrt(n) * rows[-2]) / math.sqrt(n + 1))
        self.nodes = torch.from_numpy(nodes)
        self.rule = torch.from_numpy(np.stack(rows, 1) * (weights / weights.sum())[:, None])

    def coefficients(self, a: Tensor, derivative: int) -> Tensor:
        """Those of σ or one of its derivatives in float64, n last."""
        scale = a.double().clamp(min=1e-300)[..., None]
        found = self.function(scale.sqrt() * self.nodes.to(a.device)) @ self.rule.to(a.device)
        n = torch.arange(TERMS, device=a.device)
        for _ in range(derivative):
            found = found[..., 1:] * (n[1 : found.shape[-1]] / scale).sqrt()
        return found

    def expectation(self, a: Tensor, b: Tensor, c: Tensor, first: int, second: int) -> Tensor:
        """E[f(u) g(v)] of the two derivatives of σ of these orders."""
        rho = (c / (a * b).sqrt().clamp(min=1e-30)).clamp(-1, 1)
        terms = TERMS - max(first, second)
        left, right = self.coefficients(a, first)[..., :terms], self.coefficients(b, second)[..., :terms]
        largest = left.abs().reshape(-1, left.shape[-1]).amax(0) * right.abs().reshape(-1, right.shape[-1]).amax(0)
        count = int((largest > torch.finfo(c.dtype).eps / TERMS * largest.max()).nonzero().amax()) + 1
        left, right = (side[..., :count].to(c.dtype) for side in (left, right))
        total = torch.zeros_like(rho)
        for n in reversed(range(count)):
            total = total * rho + left[..., n] * right[..., n]
        return total

    def moments(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """κ and κ̇."""
        return self.expectation(a, b, c, 0, 0), self.expectation(a, b, c, 1, 1)

    def partials(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """∂κ̇/∂c, ∂κ/∂a and ∂κ̇/∂a."""
        expect = self.expectation
        return expect(a, b, c, 2, 2), expect(a, b, c, 2, 0) / 2, expect(a, b, c, 3, 1) / 2


EXPECTATIONS: dict[str, Expectations] = {
    "relu": Rectifier(),
    "leaky_relu": Rectifier(nn.LeakyReLU().negative_slope),
    "gelu": Gelu(),
    "erf": Erf(),
    "sine": Sine(),
    "identity": Identity(),
    "tanh": Series(torch.tanh),
}


@dataclass(frozen=True)
class Architecture:
    """An infinitely wide fully connected network of `depth` weight layers.

    `activation` is a name in `networks.ACTIVATIONS`; `weight_variance` C_w is by default 2 for `networks.RECTIFIERS`,
    else 1, as our networks are initialised; `bias_variance` is C_b.

    Raises `UserError` for an unknown activation, a depth below 1, a C_w that is not positive or a negative C_b.
    """

    activation: str
    depth: int
    weight_variance: float | None = None
    bias_variance: float = 0.0

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise UserError(f"activation is {self.activation!r}, but should be one of {', '.join(ACTIVATIONS)}")
        if self.depth < 1:
            raise UserError(f"depth is {self.depth}, but should be 1 at least: it counts weight layers")
        if not self.gain > 0:
            raise UserError(f"weight_variance is {self.gain:g}, but should be positive")
        if not self.bias_variance >= 0:
            raise UserError(f"bias_variance is {self.bias_variance:g}, but should not be negative")

    @property
    def gain(self) -> float:
        """C_w."""
        return (2.0 if self.activation in RECTIFIERS else 1.0) if self.weight_variance is None else self.weight_variance

    @property
    def expectations(self) -> Expectations:
        """Gaussian expectations of the activation."""
        return EXPECTATIONS[self.activation]


def diagonal(arch: Architecture, k: Float[Tensor, "*shape"]) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """K^L and Θ^L of a point with itself, from its K¹(x, x)."""
    nngp = ntk = k
    for _ in range(arch.depth - 1):
        square, dot = arch.expectations.same(nngp)
        nngp = arch.bias_variance + arch.gain * square
        ntk = nngp + arch.gain * dot * ntk
    return nngp, ntk


def variances(arch: Architecture, k: Tensor) -> Tensor:
    """K^l of a point with itself for l = 1 … L, in this order along a new first axis."""
    layers = [k]
    for _ in range(arch.depth - 1):
        layers.append(arch.bias_variance + arch.gain * arch.expectations.same(layers[-1])[0])
    return torch.stack(layers)


def recursion(arch: Architecture, a: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """K^L and Θ^L from the variances of every layer, layer first, and h of the first."""
    ntk = (a[0] + b[0]) / 2 - h
    for layer in range(arch.depth - 1):
        middle = (a[layer + 1] + b[layer + 1]) / 2
        apart, dot = arch.expectations.pair(a[layer], b[layer], h, (middle - arch.bias_variance) / arch.gain)
        h = arch.gain * apart
        ntk = middle - h + arch.gain * dot * ntk
    return (a[-1] + b[-1]) / 2 - h, ntk


def pieces(*tensors: Tensor) -> tuple[torch.Size, list[tuple[Tensor, ...]]]:
    """The common shape of tensors, and their flattened values in chunks."""
    same = torch.broadcast_tensors(*tensors)
    return same[0].shape, list(zip(*(tensor.flatten().split(CHUNK) for tensor in same), strict=True))


def pair(
    arch: Architecture, kaa: Float[Tensor, "*#shape"], kbb: Float[Tensor, "*#shape"], kab: Float[Tensor, "*#shape"]
) -> tuple[Tensor, Tensor]:
    """K^L and Θ^L of two points from the entries K¹(x, x), K¹(z, z), K¹(x, z), elementwise and broadcast."""
    shape, chunks = pieces(kaa, kbb, kab)
    done = [recursion(arch, variances(arch, a), variances(arch, b), (a + b) / 2 - c) for a, b, c in chunks]
    nngp, ntk = (torch.cat(values).view(shape) for values in zip(*done, strict=True))
    return nngp, ntk


@dataclass(frozen=True)
class Gradient:
    """K^L and Θ^L of two points, and their partial derivatives by K¹(x, z), K¹(x, x) and K¹(z, z)."""

    nngp: Tensor
    nngp_ab: Tensor
    nngp_aa: Tensor
    nngp_bb: Tensor
    ntk: Tensor
    ntk_ab: Tensor
    ntk_aa: Tensor
    ntk_bb: Tensor


def gradient(
    arch: Architecture, kaa: Float[Tensor, "*#shape"], kbb: Float[Tensor, "*#shape"], kab: Float[Tensor, "*#shape"]
) -> Gradient:
    """Derivatives of `pair` by the chain rule through the layers, in float64.

    A layer has ∂κ/∂c = κ̇, ∂κ/∂a = E[σ''(u) σ(v)]/2, ∂κ̇/∂c = E[σ''(u) σ''(v)] and ∂κ̇/∂a = E[σ'''(u) σ'(v)]/2 (Price
    1958), and the same with a and b exchanged. Of ReLU and its leaky kin they are infinite at u = v.
    """
    shape, chunks = pieces(kaa.double(), kbb.double(), kab.double())
    done = [chain(arch, a, b, c) for a, b, c in chunks]
    return Gradient(*(torch.cat(values).view(shape) for values in zip(*done, strict=True)))


def chain(arch: Architecture, a: Tensor, b: Tensor, c: Tensor) -> list[Tensor]:
    """The fields of `Gradient`; derivatives are in the order ab, aa, bb."""
    gain, expect = arch.gain, arch.expectations
    one, zero = torch.ones_like(c), torch.zeros_like(c)
    h, ntk = (a + b) / 2 - c, c
    nngp_by, ntk_by = [one, zero, zero], [one, zero, zero]
    a_by, b_by = [zero, one, zero], [zero, zero, one]
    for _ in range(arch.depth - 1):
        mean = (expect.same(a)[0] + expect.same(b)[0]) / 2
        apart, dot = expect.pair(a, b, h, mean)
        curvature, by_a, dot_by_a = expect.slopes(a, b, h)
        _, by_b, dot_by_b = expect.slopes(b, a, h)
        triples = list(zip(a_by, b_by, nngp_by, strict=True))
        dot_by = [dot_by_a * da + dot_by_b * db + curvature * dc for da, db, dc in triples]
        nngp_by = [gain * (by_a * da + by_b * db + dot * dc) for da, db, dc in triples]
        ntk_by = [dk + gain * (dd * ntk + dot * dt) for dk, dd, dt in zip(nngp_by, dot_by, ntk_by, strict=True)]
        a_by = [gain * expect.same_slopes(a)[0] * da for da in a_by]
        b_by = [gain * expect.same_slopes(b)[0] * db for db in b_by]
        a, b = (arch.bias_variance + gain * expect.same(k)[0] for k in (a, b))
        h = gain * apart
        ntk = arch.bias_variance + gain * mean - h + gain * dot * ntk
    return [(a + b) / 2 - h, *nngp_by, ntk, *ntk_by]


def diagonal_gradient(
    arch: Architecture, k: Float[Tensor, "*shape"]
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """Derivatives of `diagonal` by K¹(x, x), in float64."""
    nngp = ntk = k.double()
    nngp_by = ntk_by = torch.ones_like(nngp)
    for _ in range(arch.depth - 1):
        square, dot = arch.expectations.same(nngp)
        by, dot_by = arch.expectations.same_slopes(nngp)
        dot_by = dot_by * nngp_by
        nngp, nngp_by = arch.bias_variance + arch.gain * square, arch.gain * by * nngp_by
        ntk_by = nngp_by + arch.gain * (dot_by * ntk + dot * ntk_by)
        ntk = nngp + arch.gain * dot * ntk
    return nngp_by, ntk_by


def check_kind(kind: str) -> None:
    """Raise `UserError` for a kernel that does not exist."""
    if kind not in KINDS:
        raise UserError(f"kind is {kind!r}, but should be one of {', '.join(KINDS)}")


def first_variance(arch: Architecture, x: Float[Tensor, "row pixel"]) -> Float[Tensor, " row"]:
    """K¹(x, x), in float64."""
    norm = torch.linalg.vector_norm(x, dim=1, dtype=torch.float64)
    return arch.bias_variance + arch.gain / x.shape[1] * norm.square()


class Points:
    """Images as rows or columns of a Gram matrix: centred and divided by √(d/C_w), with their variances in every layer.

    As a difference of images, h does not depend on the centre; it is rounded the less the smaller the images are.
    """

    def __init__(self, arch: Architecture, x: Float[Tensor, "row pixel"], centre: Tensor, dtype: torch.dtype) -> None:
        first = first_variance(arch, x)
        self.layers = variances(arch, first).to(dtype)
        self.ends = [layer.to(dtype) for layer in diagonal(arch, first)]
        self.x = (x.double() - centre).mul_(math.sqrt(arch.gain / x.shape[1])).to(dtype)
        self.square = torch.linalg.vector_norm(self.x, dim=1).square()


def from_product(
    arch: Architecture, a: Tensor, b: Tensor, square: Tensor, other: Tensor, product: Tensor, kind: str, out: Tensor
) -> Tensor:
    """Write a kernel, from squares and inner products of centred images; return whether some are too near for that."""
    total = (square + other) / 2
    h = total - product
    out.copy_(recursion(arch, a, b, h)[KINDS.index(kind)])
    return (h < NEAR * total).any()


@functools.cache
def fused() -> Callable[..., Tensor]:
    """`from_product` as one loop over entries."""
    torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
    return torch.compile(from_product, dynamic=True)


def worth_fusing(arch: Architecture, entries: int, device: torch.device) -> bool:
    """Whether to compile: on a CPU with a C++ compiler, for a large matrix and an activation with a closed form."""
    if device.type != "cpu" or entries < FUSED or isinstance(arch.expectations, Series):
        return False
    headers = Path(sysconfig.get_path("include"), "Python.h").is_file()
    return headers and any(map(shutil.which, ("c++", "g++", "clang++")))


def panel(
    arch: Architecture,
    rows: Points,
    columns: Points,
    where: tuple[slice, slice],
    kind: str,
    compiled: bool,
    out: Float[Tensor, "row column"],
) -> None:
    """Write the kernel between some rows and columns; nearly equal images are subtracted before they are squared."""
    some, others = where
    x, z = rows.x[some], columns.x[others]
    product = x @ z.T
    a, b = rows.layers[:, some], columns.layers[:, others]
    square, other = rows.square[some, None], columns.square[others]
    # a length of 1 would be compiled anew
    write = fused() if compiled and min(product.shape) > 1 else from_product
    if write(arch, a[..., None], b[:, None], square, other, product, kind, out):
        total = (square + other) / 2
        i, j = torch.nonzero(total - product < NEAR * total, as_tuple=True)
        for left, right in zip(i.split(PAIRS), j.split(PAIRS), strict=True):
            h = (x[left] - z[right]).square_().sum(1) / 2
            out[left, right] = recursion(arch, a[:, left], b[:, right], h)[KINDS.index(kind)]


def gram(
    arch: Architecture,
    x: Float[Tensor, "row pixel"],
    z: Float[Tensor, "column pixel"] | None = None,
    kind: str = "ntk",
    block: int = BLOCK,
    dtype: torch.dtype = torch.float64,
) -> Float[Tensor, "row column"]:
    """The kernel, `kind` "nngp" or "ntk", between images x and z, or of images x among themselves.

    Temporaries are of `block` rows. Of the symmetric matrix the upper triangle is computed and mirrored, and its
    diagonal is that of `diagonal`.

    Raises `UserError` for an unknown kind.
    """
    check_kind(kind)
    centre = (x if z is None else z).double().mean(0)
    rows = Points(arch, x, centre, dtype)
    columns = rows if z is None else Points(arch, z, centre, dtype)
    out = torch.empty(len(x), len(columns.x), dtype=dtype, device=x.device)
    compiled = worth_fusing(arch, out.numel(), out.device)
    for start in range(0, len(x), block):
        some, rest = slice(start, start + block), slice(start + block, None)
        if z is not None:
            panel(arch, rows, columns, (some, slice(None)), kind, compiled, out[some])
            continue
        square, right = out[some, some], out[some, rest]
        panel(arch, rows, rows, (some, some), kind, False, square)
        square.copy_(square.triu(1) + square.triu(1).T)
        if start + block < len(x):
            panel(arch, rows, rows, (some, rest), kind, compiled, right)
            out[rest, some] = right.T
    if z is None:
        out.diagonal().copy_(rows.ends[KINDS.index(kind)])
    return out


def solve(
    gram: Float[Tensor, "row row"], targets: Float[Tensor, "row column"], ridges: Sequence[float] = (0.0,)
) -> Float[Tensor, "ridge row column"]:
    """(gram + ridge I)⁻¹ targets for every ridge, by Cholesky's factorisation in float64.

    The matrix is left as it is; beside it a float64 copy and a factor are held.

    Raises `UserError` where gram + ridge I is not positive definite.
    """
    targets, found = targets.double(), []
    for ridge in ridges:
        factor = gram.to(torch.float64, copy=True)
        factor.diagonal().add_(ridge)
        factor, failed = torch.linalg.cholesky_ex(factor)
        if failed:
            raise UserError(
                f"the kernel matrix with ridge {ridge:g} is not positive definite: give a larger ridge, or leave out "
                "repeated images"
            )
        found.append(torch.cholesky_solve(targets, factor))
    return torch.stack(found)


def predict(
    arch: Architecture,
    x: Float[Tensor, "row pixel"],
    coefficients: Float[Tensor, "ridge row column"],
    z: Float[Tensor, "point pixel"],
    kind: str = "ntk",
    block: int = BLOCK,
) -> Float[Tensor, "ridge point column"]:
    """Σᵢ k(z, xᵢ) coefficientᵢ at points z, for coefficients that belong to images x, in the coefficients' precision.

    The kernel is never held whole, only `block` of its rows.

    Raises `UserError` for an unknown kind.
    """
    check_kind(kind)
    centre = x.double().mean(0)
    columns = Points(arch, x, centre, coefficients.dtype)
    compiled = worth_fusing(arch, len(x) * len(z), x.device)
    found = []
    for points in z.split(block):
        rows = Points(arch, points, centre, coefficients.dtype)
        kernel = columns.x.new_empty(len(points), len(x))
        panel(arch, rows, columns, (slice(None), slice(None)), kind, compiled, kernel)
        found.append(kernel @ coefficients)
    return torch.cat(found, 1)
