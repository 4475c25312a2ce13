"""How well a law foretells what it was not fitted to."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy import stats

EXACT = 1e-9  # a spread that is no more than rounding, over the largest value


def log_predictive(
    y: Float[np.ndarray, " n"], design: Float[np.ndarray, "n p"], groups: Sequence[object] | None = None
) -> Float[np.ndarray, " n"]:
    """ln of the density that each value has under a linear law that was fitted to all others.

    y = Xβ + e, e ~ N(0, σ²), with the prior 1/σ² on (β, σ²): of a value left out, with the row x of X, the predictive
    density is Student's t with m − p degrees of freedom about xβ̂, of the scale s√(1 + x(XᵀX)⁻¹xᵀ), β̂ and s² of the m
    others (Gelman et al., Bayesian Data Analysis, 3rd ed., section 14.2). Few values leave heavy tails, as they should:
    a normal density with the s of three values would be overconfident. `groups`: of each value; those of one are left
    out together, each has its own density.

    NaN where no degree of freedom is left, or the others do not determine β or fit exactly.
    """
    y, design = np.asarray(y, float), np.asarray(design, float)
    names = list(range(len(y)) if groups is None else groups)
    found = np.full(len(y), math.nan)
    for name in set(names):
        out = np.array([one == name for one in names])
        x, rest, (m, p) = design[~out], y[~out], design[~out].shape
        beta, _, rank, _ = np.linalg.lstsq(x, rest, rcond=None)
        spread = float(((rest - x @ beta) ** 2).sum()) / max(m - p, 1)
        if m > p == rank and math.sqrt(spread) > EXACT * np.abs(rest).max():
            wider = 1 + np.einsum("ij,ji->i", design[out], np.linalg.solve(x.T @ x, design[out].T))
            found[out] = stats.t.logpdf(y[out], m - p, loc=design[out] @ beta, scale=np.sqrt(spread * wider))
    return found
