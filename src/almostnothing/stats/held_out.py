"""How well a law foretells what it was not fitted to."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy import stats

EXACT = 1e-9  # a spread that is no more than rounding, over the largest value


def log_predictive(y: Float[np.ndarray, " n"], design: Float[np.ndarray, "n p"]) -> Float[np.ndarray, " n"]:
    """ln of the density that each value has under a linear law that was fitted to all others.

    y = Xβ + e, e ~ N(0, σ²), with the prior 1/σ² on (β, σ²): of a value left out, with the row x of X, the predictive
    density is Student's t with n − 1 − p degrees of freedom about xβ̂, of the scale s√(1 + x(XᵀX)⁻¹xᵀ), β̂ and s² of the
    others (Gelman et al., Bayesian Data Analysis, 3rd ed., section 14.2). Few values leave heavy tails, as they should:
    a normal density with the s of three values would be overconfident.

    NaN throughout where no degree of freedom is left, or the others do not determine β or fit exactly.
    """
    y, design = np.asarray(y, float), np.asarray(design, float)
    n, p = design.shape
    found = np.full(n, math.nan)
    free = n - 1 - p
    if free < 1:
        return found
    for i in range(n):
        x, rest = np.delete(design, i, 0), np.delete(y, i)
        beta, _, rank, _ = np.linalg.lstsq(x, rest, rcond=None)
        spread = float(((rest - x @ beta) ** 2).sum()) / free
        if rank == p and math.sqrt(spread) > EXACT * np.abs(rest).max():
            wider = 1 + float(design[i] @ np.linalg.solve(x.T @ x, design[i]))
            found[i] = stats.t.logpdf(y[i], free, loc=float(design[i] @ beta), scale=math.sqrt(spread * wider))
    return found
