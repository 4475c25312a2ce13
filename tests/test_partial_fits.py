"""theory/partial_fits: what every function needs, against the convex program over all functions."""

import cvxpy as cp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from almostnothing.theory import partial_fits


def points(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True), rng.choice([-1.0, 1.0], n)


def needed(x: np.ndarray, y: np.ndarray, error: float) -> float:
    """The least constant of any function with this error: values at the points extend to one of the same constant."""
    f, constant = cp.Variable(len(y)), cp.Variable()
    rises = cp.abs(f[:, None] - f[None, :]) <= constant * cdist(x, x)
    problem = cp.Problem(cp.Minimize(constant), [rises, cp.sum_squares(f - y) <= error * len(y)])
    return float(problem.solve(solver="CLARABEL"))


@pytest.mark.parametrize(("n", "d"), [(20, 2), (24, 8), (30, 40)])
def test_the_floor_is_below_what_the_best_function_needs_and_near_it(n, d):
    x, y = points(n, d, 0)
    best, found = needed(x, y, 0.47), partial_fits.floor(x, y, 0.47)
    assert found <= best * (1 + 1e-6)
    assert found > {2: 0.55, 8: 0.65, 40: 0.8}[d] * best  # nearer where distances are more alike


def test_two_points_need_what_they_need():
    x, y = np.array([[0.0], [0.5]]), np.array([1.0, -1.0])
    # values ±(1 − e) have the error e², and rise by 2(1 − e) over a half
    assert partial_fits.floor(x, y, 0.25) == pytest.approx(2 * 0.5 / 0.5)
    assert partial_fits.floor(x, y, 1.0) == 0
    assert partial_fits.floor(x, np.ones(2), 0.1) == 0


def test_labels_other_than_signs_and_points_with_both_are_refused():
    x, y = points(6, 3, 0)
    with pytest.raises(ValueError, match="labels 1 and -1"):
        partial_fits.floor(x, y * 2, 0.4)
    with pytest.raises(ValueError, match="both labels"):
        partial_fits.floor(np.zeros((2, 3)), np.array([1.0, -1.0]), 0.4)
