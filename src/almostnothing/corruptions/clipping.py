"""Mean and variance of clipped values, by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)


PANELS = (-math.inf, -12.0, -3.0, -math.sqrt(3), 0.0, math.sqrt(3), 3.0, 12.0, math.inf)  # edges, in noise deviations


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
