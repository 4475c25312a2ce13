"""The exact smallest perturbation and Lipschitz constant of two-layer ReLU networks of a few units, by regions."""

import itertools

import numpy as np
from scipy import optimize


def least_distance(rows: np.ndarray, limits: np.ndarray) -> float:
    """min ‖e‖ with rows·e ≥ limits, by non-negative least squares (Lawson and Hanson 1974, ch. 23); inf if none is."""
    if (limits <= 0).all():
        return 0.0
    size = np.linalg.norm(rows, axis=1)
    rows, limits = rows / size[:, None], limits / size
    scale = limits.max()  # lengths of about 1
    e = np.concatenate([rows.T, limits[None] / scale])
    f = np.eye(len(e))[-1]
    u, residual = optimize.nnls(e, f, maxiter=1000)
    if residual < 1e-9:
        return np.inf
    r = e @ u - f
    found = -r[:-1] / r[-1] * scale
    assert (rows @ found >= limits - 1e-6 * scale).all()
    return float(np.linalg.norm(found))


def smallest_relu(w1, b1, w2, b2, x: np.ndarray, label: int) -> float:
    """Of f = w2 relu(w1 x + b1) + b2: over all 2^units patterns of units at work the nearest point of that region at
    which another class is at least as large.
    """
    z = w1 @ x + b1
    best = np.inf
    for pattern in itertools.product((0.0, 1.0), repeat=len(z)):
        on = np.array(pattern)
        sign = 2 * on - 1
        weight, bias = (w2 * on) @ w1, (w2 * on) @ b1 + b2
        f = weight @ x + bias
        for k in set(range(len(b2))) - {label}:
            rows = np.concatenate([sign[:, None] * w1, (weight[k] - weight[label])[None]])
            limits = np.concatenate([-sign * z, [f[label] - f[k]]])
            if np.linalg.norm(rows[-1]) < 1e-12:
                continue
            best = min(best, least_distance(rows, limits))
    return best


def steepest_relu(first: np.ndarray, bias: np.ndarray, outer: np.ndarray, norm: float = 2) -> float:
    """The Lipschitz constant of a two-layer ReLU network of few units: the longest gradient of the regions it has.

    Each of 2^k patterns of active units is a region if a linear program finds a point inside it.
    """
    best = 0.0
    for pattern in itertools.product((0.0, 1.0), repeat=len(outer)):
        on = np.array(pattern)
        g = (outer * on) @ first
        slope = float(np.linalg.norm(g) if norm == 2 else np.abs(g).sum())
        if slope <= best:
            continue
        sign = 2 * on - 1
        # a point with sign·(Wx + b) ≥ t, t as large as possible up to 1
        rows = np.concatenate([-sign[:, None] * first, np.ones((len(outer), 1))], 1)
        found = optimize.linprog(
            np.append(np.zeros(first.shape[1]), -1.0),
            rows,
            sign * bias,
            bounds=[(None, None)] * first.shape[1] + [(None, 1)],
        )
        if found.status == 0 and found.x[-1] > 1e-9:
            best = slope
    return best
