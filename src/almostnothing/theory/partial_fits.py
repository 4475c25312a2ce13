"""How steep any function must be that fits labels ±1 to a mean squared error, whatever its class (seed 004).

A part of what a class of networks needs is needed by every function: a floor, under which no law of sizes has a say.
For points i, j of opposite labels at a distance r, a function of Lipschitz constant L has |f(xᵢ) − f(xⱼ)| ≤ Lr, so

    (f(xᵢ) − 1)² + (f(xⱼ) + 1)² ≥ 2 max(0, 1 − Lr/2)²,

the least of a² + b² where a + b ≥ 2 − Lr. Pairs that share no point add up: the mean squared error is at least the sum
over the pairs of any matching, over n. The best matching is found exactly, and L by bisection. Where points are split
evenly over all pairs, αa² + βb² is at least αβ/(α + β) (2 − Lr)² with αβ/(α + β) = 1/n of each, and the error is at
least Σ max(0, 2 − Lr)²/n² over all pairs; this is more where distances are alike. The larger of the two counts.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy import optimize, spatial

HALVINGS = 40


def least_error(apart: Float[np.ndarray, "plus minus"], points: int, constant: float) -> float:
    """The mean squared error that every function of this Lipschitz constant has at least.

    `apart`: distances of points labelled 1 to points labelled −1; `points`: how many there are.
    """
    each = 2 * np.maximum(0, 1 - constant * apart / 2) ** 2
    matched = float(each[optimize.linear_sum_assignment(each, maximize=True)].sum()) / points
    return max(matched, 2 * float(each.sum()) / points**2)


def floor(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"], error: float) -> float:
    """A constant that every function exceeds whose mean squared error on these points is at most `error`.

    Raises `ValueError` for labels other than ±1.
    """
    if not np.isin(y, (-1, 1)).all():
        raise ValueError("the floor is known for labels 1 and -1 alone")
    apart = spatial.distance.cdist(x[y > 0], x[y < 0])
    if not apart.size or least_error(apart, len(y), 0.0) <= error:
        return 0.0
    low, high = 0.0, 2 / float(apart.min()) if apart.min() > 0 else math.inf
    if not math.isfinite(high):
        raise ValueError("a point has both labels")
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if least_error(apart, len(y), middle) > error else (low, middle)
    return low
