"""stats/held_out: predictive densities against quadrature of the posterior, and what they do with few values."""

import math

import numpy as np
import pytest
from scipy import stats

from almostnothing.stats import log_predictive


def by_quadrature(y: np.ndarray, place: int) -> float:
    """∫∫ N(y | μ, σ²) p(μ, σ | the others) with the prior 1/σ² on (μ, σ²), of a law that is a constant, by a grid."""
    rest = np.delete(y, place)
    sigma = np.exp(np.linspace(-6, 7, 2001))[:, None]  # dσ²/σ² = 2 d ln σ
    share = np.linspace(-9, 9, 1001)  # μ from the mean of the values, by σ/√n

    def mass(values: np.ndarray) -> float:
        mu = values.mean() + share * sigma / math.sqrt(len(values))
        logs = stats.norm.logpdf(values[:, None, None], mu, sigma).sum(0)
        return float((np.exp(logs) * sigma).sum() / math.sqrt(len(values)))

    return math.log(mass(np.append(rest, y[place])) / mass(rest))


def test_the_density_is_that_of_the_posterior():
    y = np.array([0.3, -0.1, 0.4, 1.2])
    found = log_predictive(y, np.ones((4, 1)))
    for place in (0, 3):
        assert found[place] == pytest.approx(by_quadrature(y, place), abs=1e-4)


def test_a_true_law_foretells_better_and_few_values_leave_heavy_tails():
    rng, x = np.random.default_rng(0), np.linspace(0, 1, 6)
    line = np.stack([np.ones(6), x], 1)
    gains = []
    for _ in range(200):
        y = 1 + 2 * x + 0.1 * rng.normal(size=6)
        gains.append((log_predictive(y, line) - log_predictive(y, np.ones((6, 1)))).mean())
    assert np.mean(gains) > 1
    far = log_predictive(np.array([0.0, 0.1, 0.05, 100.0]), np.ones((4, 1)))[3]
    assert far > -3 * math.log(100 / 0.05)  # a normal density with their spread would say −10⁶
    assert far == pytest.approx(stats.t.logpdf(99.95, 2, 0, 0.05 * math.sqrt(4 / 3)))


def test_what_leaves_nothing_to_learn_from_is_not_judged():
    assert np.isnan(log_predictive(np.arange(3.0), np.stack([np.ones(3), np.arange(3)], 1))).all()
    assert np.isnan(log_predictive(np.ones(5), np.ones((5, 1)))).all()


def test_values_of_one_group_are_left_out_together():
    rng = np.random.default_rng(5)
    y, line = rng.normal(size=7), np.stack([np.ones(7), np.arange(7.0)], 1)
    groups = [0, 0, 1, 2, 3, 3, 3]
    found = log_predictive(y, line, groups)
    alone = log_predictive(np.append(y[2:], y[1]), np.concatenate([line[2:], line[1:2]]))[-1]
    assert found[1] == pytest.approx(alone)
    assert found[2] == pytest.approx(log_predictive(y, line)[2])
    assert found[4] != pytest.approx(log_predictive(y, line)[4])
    assert np.isnan(log_predictive(y, line, [0] * 7)).all()
