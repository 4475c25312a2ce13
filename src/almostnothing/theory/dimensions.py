"""How many dimensions points have: candidates for the effective dimension of the law of robustness (seed 004).

The law asks of the points that every L-Lipschitz function varies over them by no more than L√(c/d) (isoperimetry). For
a Gaussian of covariance Σ that holds with λ_max(Σ) for c/d. Of points whose lengths are 1 in the mean square,
tr Σ/λ_max(Σ) takes d's place: the *stable rank* of the root of Σ. (Σλ)²/Σλ², the *participation ratio*, counts
directions by how evenly they share the variance, and *two nearest neighbours* is local: where a point's neighbours
lie uniformly in d dimensions, the ratio μ of the distances of its second and first is distributed as P[μ > t] = t^−d
(Facco et al. 2017), so that d is 1 over the mean ln μ.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import spatial


def stable_rank(x: Float[np.ndarray, "n d"]) -> float:
    """tr Σ/λ_max(Σ) of the points' covariance: from 1 to d."""
    variances = _variances(x)
    return float(variances.sum() / variances.max())


def participation_ratio(x: Float[np.ndarray, "n d"]) -> float:
    """(tr Σ)²/tr Σ² of the points' covariance: from 1 to d."""
    variances = _variances(x)
    return float(variances.sum() ** 2 / (variances**2).sum())


def two_nearest(x: Float[np.ndarray, "n d"]) -> float:
    """The dimension by each point's two nearest neighbours, by maximum likelihood.

    Raises `ValueError` where two points are one: their ratio says nothing.
    """
    distances = spatial.KDTree(x).query(x, k=3)[0][:, 1:]
    if not (distances > 0).all():
        raise ValueError("two of the points are one")
    return float(len(x) / np.log(distances[:, 1] / distances[:, 0]).sum())


def _variances(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " _"]:
    """Eigenvalues of the covariance, those of directions in which points can differ."""
    return np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2 / len(x)
