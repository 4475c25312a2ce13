"""Two ways to draw noise of a given norm that are known to be wrong, kept to measure by how much.

Both set the norm itself right, so (‖δ‖_p/ε)^d is uniform: the radius tells nothing. What is wrong is the direction.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy import special
from torch import Tensor

from almostnothing import corruptions, streams
from almostnothing.corruptions import quantiles
from almostnothing.corruptions.law import word_halves
from almostnothing.corruptions.lp import SHARED, Lp, shared_words

TINY = torch.finfo(torch.float32).tiny  # at which float32 generators of Gamma variables clamp


def norm_of(z: Float[Tensor, "sample value"], p: float) -> Float[Tensor, " sample"]:
    """‖z‖_p in float64; powers are of shares of the largest value, so that none overflows."""
    size = z.abs()
    most = size.amax(1)
    if p == float("inf"):
        return most.double()
    share = size / most.clamp(min=TINY)[:, None]  # of nothing, 0
    return most.double() * (share**p).sum(1, dtype=torch.float64) ** (1 / p)


def rescaled(
    z: Float[Tensor, "sample value"], p: float, radius: Float[Tensor, " sample"]
) -> Float[Tensor, "sample value"]:
    """Samples z with the norm ‖z‖_p = radius: uniform in the ball where z has density ∝ exp(−Σ|zᵢ|^p), there alone."""
    return z * (radius / norm_of(z, p)).to(z.dtype)[:, None]


def radii(key: np.ndarray, number: Tensor, d: int) -> Float[Tensor, " sample"]:
    """U^(1/d), for each draw of a stream: the norm of a sample that is uniform in a ball of norm at most 1."""
    first, _ = shared_words(torch.from_numpy(key)[None], number[None], SHARED)
    return streams.open_floats(first)[0].double() ** (1 / d)


def laplace(p: float, d: int, key: np.ndarray, number: Tensor) -> Float[Tensor, "sample value"]:
    """WRONG but for p = 1: Laplace noise for every p, rescaled to a norm ‖δ‖_p ≤ 1.

    The sampler of the text's first version (repository at 7e32f54): all norms get noise of one distribution.
    """
    law = Lp(1.0, d, "surface", clip=False)  # Laplace noise over its L1 norm, which rescaling takes out
    return rescaled(corruptions.corrupted(law, torch.zeros(len(number), d), 1.0, key, number), p, radii(key, number, d))


def float32_gamma(p: float, d: int, key: np.ndarray, number: Tensor) -> Float[Tensor, "sample value"]:
    """WRONG for large p: |gᵢ| = G^(1/p) of G ~ Gamma(1/p) in float32, which no generator returns below 1.2e-38.

    The sampler of the authors' later repository, in torch. Here G is exact, then clamped.
    """
    words = torch.cat(word_halves(torch.from_numpy(key)[None], number[None], d), -1)[0]
    like = torch.zeros(())
    size = quantiles.magnitudes(words, quantiles.table(p), like)
    size = size.clamp(min=TINY) ** (1 / p) if p < 1 else size.clamp(min=TINY ** (1 / p))
    return rescaled(size * quantiles.signs(words, like), p, radii(key, number, d))


def stuck(p: float) -> float:
    """The share of values that `float32_gamma` clamps: P(G ≤ 1.2e-38) of G ~ Gamma(1/p)."""
    return float(special.gammainc(1 / p, TINY))
