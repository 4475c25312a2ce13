"""theory/interpolants: constructions and bounds against brute force: pairs, subsets, pseudoinverses, sampling."""

import itertools
import math

import numpy as np
import pytest
import torch

from almostnothing.theory import interpolants
from almostnothing.theory.interpolants import Range


def cloud(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points on the unit sphere and labels ±1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True), rng.choice([-1.0, 1.0], n)


def slopes(f, at: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(f(at) - f(other)) / np.linalg.norm(at - other, axis=1)


def test_projections_keep_lengths_in_the_mean():
    x, _ = cloud(4000, 60)
    z = interpolants.projected(x, 15)
    assert z.shape == (4000, 15)
    assert np.square(z).sum(1).mean() == pytest.approx(1, rel=0.02)
    assert np.array_equal(interpolants.projected(x, 60), x)
    for kept in (0, 61):
        with pytest.raises(ValueError, match=f"{kept} of 60 coordinates"):
            interpolants.projected(x, kept)


def test_tents_fit_and_are_as_steep_as_said():
    z, y = cloud(40, 3, 1)
    y = y * np.random.default_rng(2).uniform(0.2, 1, 40)
    f, constant = interpolants.tents(z, y), interpolants.tent_constant(z, y)
    assert f(z) == pytest.approx(y)
    rng = np.random.default_rng(3)
    at = rng.normal(size=(200_000, 3))
    found = slopes(f, at, at + 1e-2 * rng.normal(size=at.shape))
    assert found.max() <= constant * (1 + 1e-9)
    far = slopes(f, at, np.roll(at, 1, axis=0))
    assert far.max() <= constant * (1 + 1e-9)
    steepest = (np.abs(y) / interpolants.half_nearest(z)).argmax()
    beside = z[steepest] + 1e-6 * np.array([[1.0, 0, 0]])
    assert slopes(f, z[[steepest]], beside) == pytest.approx(constant)
    radius, apart = interpolants.half_nearest(z), np.linalg.norm(z[:, None] - z, axis=-1) + 9 * np.eye(40)
    assert (radius[:, None] + radius <= apart + 9 * np.eye(40) + 1e-12).all()


def test_no_function_through_all_points_is_flatter_than_mcshanes():
    z, y = cloud(30, 4, 4)
    constant = interpolants.mcshane_constant(z, y)
    each = [abs(y[i] - y[j]) / np.linalg.norm(z[i] - z[j]) for i, j in itertools.combinations(range(30), 2)]
    assert constant == pytest.approx(max(each))
    assert interpolants.mcshane(z, y, constant)(z) == pytest.approx(y)
    assert np.abs(interpolants.mcshane(z, y, 0.99 * constant)(z) - y).max() > 1e-3
    rng = np.random.default_rng(5)
    at = rng.normal(size=(5000, 4))
    f = interpolants.mcshane(z, y, constant)
    assert slopes(f, at, np.roll(at, 1, axis=0)).max() <= constant * (1 + 1e-9)
    assert constant <= interpolants.tent_constant(z, y)


def test_the_best_part_is_that_of_all_subsets():
    for seed, share in itertools.product(range(6), (0.5, 0.7, 0.8, 1.0)):
        z, y = cloud(10, 3, 10 + seed)
        kept = math.ceil(share * 10 - 1e-9)
        best = min(
            interpolants.mcshane_constant(z[list(s)], y[list(s)]) for s in itertools.combinations(range(10), kept)
        )
        assert interpolants.part_constant(z, y, share) == pytest.approx(best)
    z, y = cloud(10, 3)
    assert interpolants.part_constant(z, np.where(np.arange(10) < 2, 1.0, -1.0), 0.8) == 0
    with pytest.raises(ValueError, match="labels 1 and -1"):
        interpolants.part_constant(z, 0.5 * y, 0.8)


def test_the_closest_pair_is_that_of_points_that_are_drawn():
    for n, kept in ((200, 2), (200, 6), (400, 12)):
        found = []
        for seed in range(40):
            z = interpolants.projected(cloud(n, 600, seed)[0], kept)
            found.append(2 * interpolants.half_nearest(z).min())
        assert np.median(found) == pytest.approx(interpolants.closest(n * (n - 1) / 2, kept), rel=0.15)
    one, two = (interpolants.closest(n**2 / 2, 4) for n in (10**4, 4 * 10**4))
    assert math.log(one / two) / math.log(4) == pytest.approx(2 / 4, abs=0.01)


def test_feature_interpolants_are_those_of_the_pseudoinverse():
    x, y = (torch.tensor(each) for each in cloud(12, 5, 6))
    rng = np.random.default_rng(7)
    weights, outer = torch.tensor(rng.normal(size=(40, 5))), torch.tensor(rng.normal(size=40))
    at = torch.tensor(rng.normal(size=(9, 5)))
    for activation in (torch.relu, torch.tanh):
        f = interpolants.random_features(x, y, weights, activation)
        torch.testing.assert_close(f(x), y)
        made = activation(x @ weights.T)
        torch.testing.assert_close(f(at), activation(at @ weights.T) @ torch.linalg.pinv(made) @ y)
        f = interpolants.ntk_features(x, y, weights, outer, activation)
        torch.testing.assert_close(f(x), y)

        def features(z, activation=activation):
            """Gradients of Σ aⱼσ(wⱼ·x) with respect to all weights, by autograd."""
            return torch.stack(
                [
                    torch.autograd.functional.jacobian(lambda w, one=one: (outer * activation(w @ one)).sum(), weights)
                    for one in z
                ]
            ).flatten(1)

        torch.testing.assert_close(f(at), features(at) @ torch.linalg.pinv(features(x)) @ y, rtol=1e-6, atol=1e-8)
    few = interpolants.random_features(x, y, weights[:4], torch.tanh)
    made = torch.tanh(x @ weights[:4].T)
    torch.testing.assert_close(few.coefficients, torch.linalg.lstsq(made, y[:, None]).solution[:, 0])
    with pytest.raises(ValueError, match="10 features do not fit 12 points"):
        interpolants.ntk_features(x, y, weights[:2], outer[:2], torch.relu)


def test_theorem_3_with_its_constants():
    found = interpolants.law(10**7, 1000, 10**6, 0.5, weights=10, lipschitz=10, failure=0.1)
    by_hand = 2**-9 * 0.5 * math.sqrt(1e7 * 1000 / (1e6 * math.log(60 * 100 / 0.5) + math.log(40)))
    assert found.constant == pytest.approx(by_hand)
    assert found.vacuous == ""
    # nd/(P log) of a million is where it first says 1 (brief: D 7)
    assert interpolants.law(10**9, 10**6, 10**9, 0.5).constant < 1
    assert interpolants.law(6 * 10**4, 784, 10**5, 0.5).vacuous.startswith("needs 7.18e+04 points, has 60000")
    flat = interpolants.law(10**7, 1000, 10**6, 0.5, least=2.0)
    assert "no more than 2" in flat.vacuous
    longer = interpolants.law(4 * 10**7, 1000, 10**6, 0.5, weights=10, lipschitz=10)
    assert longer.constant / found.constant == pytest.approx(2)
    for wrong in ({"excess": 0}, {"excess": 2}, {"failure": 1}, {"parts": 0}, {"isoperimetry": -1}):
        with pytest.raises(ValueError, match="the law takes"):
            interpolants.law(**{"n": 10, "d": 5, "parameters": 3, "excess": 0.5} | wrong)
    assert interpolants.order(400, 9, 100) == 6


def test_no_sample_of_a_finite_class_exceeds_its_rademacher_bound():
    """Linear functions on the sphere, which concentrate as c = d/(d − 1) says, plus constants of each of two parts."""
    rng, d, functions = np.random.default_rng(8), 20, 50
    w = rng.normal(size=(functions, d))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    for n, parts in ((10, 1), (100, 1), (100, 2)):
        found = []
        for _ in range(300):
            x = rng.normal(size=(n, d))
            x /= np.linalg.norm(x, axis=1, keepdims=True)
            means = rng.choice([-1.0, 1.0], (functions, parts))[:, rng.integers(0, parts, n)]
            signs = rng.choice([-1.0, 1.0], n)
            found.append(np.abs((w @ x.T + means) @ signs).max() / n)
        bound = interpolants.rademacher(n, d, functions, 1.0, d / (d - 1), parts)
        assert np.mean(found) < bound
        without = bound - math.sqrt(parts / n)
        assert np.mean(found) > 0.2 * without + 0.5 * math.sqrt(1 / n)  # and the second term is needed
    assert interpolants.rademacher(100, 10**12, functions, 1.0) == pytest.approx(0.1, rel=0.01)


def test_the_slides_estimate_with_its_ranges():
    mnist = interpolants.effective_dimension(Range(1e6, 1e6), Range(1e5, 1e5))
    assert mnist == (10, 10)
    there = interpolants.scaled(mnist, 1e3, 1e5, proportional=True)
    assert interpolants.parameters_needed(Range(1e7, 1e7), there) == (pytest.approx(1e10), pytest.approx(1e10))
    constant = interpolants.scaled(mnist, 1e3, 1e5, proportional=False)
    assert interpolants.parameters_needed(Range(1e7, 1e7), constant) == (1e8, 1e8)
    wide = interpolants.effective_dimension(Range(2e5, 3e6), Range(6e4, 6e4))
    assert wide == (pytest.approx(10 / 3), pytest.approx(50))
    low, high = interpolants.parameters_needed(Range(1.2e6, 1.4e7), wide)
    rng = np.random.default_rng(0)
    drawn = rng.uniform(1.2e6, 1.4e7, 1000) * rng.uniform(2e5, 3e6, 1000) / 6e4
    assert low <= drawn.min()
    assert drawn.max() <= high
