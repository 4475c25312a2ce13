"""The generalised normal law of every order by inversion: one random word, one value, without rejection.

|g| of density ∝ exp(−|g|^p) is G^(1/p) with G ~ Gamma(1/p). A word gives a sign and a uniform u; the quantile at u is
read off a table of parabolas in u on cells whose widths shrink with the distance from 0 and from 1, so that both tails
are as exact as the middle: to float32's rounding of the exact quantile, for every p.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import special
from torch import Tensor

BITS = 6  # of the mantissa of a distance: so many cells an octave, 2^BITS
OCTAVES = 31  # distances are odd multiples of 2⁻³², up to 1/2
CELLS = (OCTAVES << BITS) + 1  # of each side; the last one begins at 1/2, where a distance may be rounded to
TINY = 1e-17  # of G: below, P(1/p, G) is its series' first term


def magnitude(p: float, below: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is tabulated, at probabilities `below` and at 1 − `above`: |g| for p ≥ 1, and |g|^p for p < 1; float64.

    Each is the one of the two that neither under- nor overflows: G of shape 1/p < 1 is below 10⁻³⁰⁰ for most of its
    probability at p = 200, which a float32 generator of Gamma variables loses.
    """
    shape = 1 / p
    low, high = special.gammaincinv(shape, below), special.gammainccinv(shape, above)
    if p < 1:
        return low, high
    first = below * special.gamma(1 + shape)
    return np.where(low < TINY, first, np.maximum(low, TINY) ** shape), high**shape


@cache
def table(p: float) -> Float[np.ndarray, "cell 3"]:
    """Coefficients of the parabolas a + bt + ct², t in [0, 1) along a cell: those of distances from 0, then from 1.

    Each meets `magnitude` at the three nodes of Chebyshev.
    """
    nodes = 0.5 - 0.5 * np.cos(np.pi * (np.arange(3) + 0.5) / 3)
    cell = np.arange(CELLS)
    start = 2.0 ** ((cell >> BITS) - 32) * (1 + (cell & ((1 << BITS) - 1)) / (1 << BITS))
    width = 2.0 ** ((cell >> BITS) - 32 - BITS)
    distance = start[:, None] + width[:, None] * nodes
    values = np.concatenate(magnitude(p, distance, distance))
    return np.linalg.solve(np.vander(nodes, increasing=True), values.T).T


def magnitudes(
    words: Int[Tensor, "*shape"], coefficients: Float[np.ndarray, "cell 3"] | None, like: Tensor
) -> Float[Tensor, "*shape"]:
    """|g| for p ≥ 1, |g|^p for p < 1, of random words and the table of p; without one uniform on [0, 1], as for p = ∞.

    In the dtype of `like`. A word's lowest bit is left for the sign: see `signs`.
    """
    if coefficients is None:
        return ((words >> 1) & 0x7FFFFFFF).to(like.dtype) * 2.0**-31
    odd = words | 1
    beyond = odd < 0  # as unsigned numbers, above 2³¹: nearer to 1
    pattern = torch.where(beyond, -odd, odd).float().view(torch.int32)
    cell = (pattern >> (23 - BITS)) - (127 << BITS) + beyond * CELLS
    t = (pattern & ((1 << (23 - BITS)) - 1)).to(like.dtype) * 2.0 ** (BITS - 23)
    a, b, c = torch.from_numpy(coefficients).to(like)[cell].unbind(-1)
    return a + t * (b + t * c)


def signs(words: Int[Tensor, "*shape"], like: Tensor) -> Float[Tensor, "*shape"]:
    """1 or −1 by the lowest bit."""
    return 1 - 2 * (words & 1).to(like.dtype)
