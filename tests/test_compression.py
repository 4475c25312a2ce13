"""theory/compression: each formula against brute force: Monte Carlo, quadrature, solvers, enumeration."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, optimize
from scipy import stats as reference

from almostnothing.theory import compression


def points(d: int, n: int, draws: int, layers: int = 1, seed: int = 0) -> np.ndarray:
    """Standard normal points behind so many factors in all: (draw, d, n)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(draws, d, n))
    for _ in range(layers - 1):
        x = rng.normal(size=(draws, d, d)) @ x
    return x


def pairs(x: np.ndarray) -> list[compression.Pair]:
    return [compression.pair(compression.triangle(each)) for each in x]


def test_a_pair_is_that_of_the_pseudoinverse():
    for d, n in ((12, 12), (30, 11), (5, 2)):
        x = points(d, n, 1, seed=d)[0]
        w = np.linalg.pinv(x)
        found = compression.pair(compression.triangle(x))
        assert found.minimal == pytest.approx(1 / np.linalg.norm(w[-1] - w[-2]))
        assert found.optimal == pytest.approx(np.linalg.norm(x[:, -1] - x[:, -2]) / 2)
        assert found.ratio == pytest.approx(compression.cosine(w[-1] - w[-2], x[:, -1] - x[:, -2]))
        exact = compression.smallest(w, np.zeros(n), x.T, np.arange(n))
        assert found.any_class == pytest.approx(exact[-1])
        others = np.linalg.norm(x[:, :-1] - x[:, -1:], axis=0)
        assert found.nearest == pytest.approx(others.min() / 2)


def test_the_smallest_perturbation_of_a_linear_classifier_is_that_of_a_solver():
    rng = np.random.default_rng(1)
    weight, bias, x = rng.normal(size=(4, 6)), rng.normal(size=4), rng.normal(size=(12, 6))
    labels = (x @ weight.T + bias).argmax(1)
    labels[:3] = (labels[:3] + 1) % 4  # wrong already
    found = compression.smallest(weight, bias, x, labels)
    assert found[:3].tolist() == [0, 0, 0]
    for number in range(3, 12):
        w, b, y = weight, bias, labels[number]
        best = []
        for k in set(range(4)) - {int(y)}:
            crossing = {
                "type": "ineq",
                "fun": lambda e, k=k, w=w, b=b, y=y, x=x[number]: (w[k] - w[y]) @ (x + e) + b[k] - b[y],
            }
            solved = optimize.minimize(lambda e: e @ e, np.zeros(6), constraints=crossing, tol=1e-12)
            best.append(math.sqrt(solved.fun))
        assert found[number] == pytest.approx(min(best), rel=1e-4)


def test_classes_with_one_weight_are_told_apart_by_their_biases():
    weight = np.zeros((3, 2))
    found = compression.smallest(weight, np.array([2.0, 1.0, 0.0]), np.ones((2, 2)), np.array([0, 1]))
    assert found.tolist() == [math.inf, 0]


@pytest.mark.parametrize(("n", "d"), [(20, 20), (15, 30), (2, 9), (27, 30)])
def test_cosine_law(n, d):
    ratio = np.array([each.ratio for each in pairs(points(d, n, 2000, seed=n))])
    assert reference.kstest(ratio**2, compression.cosine_law(n, d).cdf).pvalue > 1e-3
    law = compression.cosine_law(n, d)
    mean = integrate.quad(lambda c: c * 2 * c * law.pdf(c**2), 0, 1)[0]
    assert compression.mean_cosine(n, d) == pytest.approx(mean, rel=1e-6)
    log = integrate.quad(lambda y: y * 2 * math.exp(2 * y) * law.pdf(math.exp(2 * y)), -25, 0, limit=200)[0]
    assert compression.mean_log_cosine(n, d) == pytest.approx(log, rel=1e-6)


@pytest.mark.parametrize(("n", "d"), [(20, 20), (15, 30)])
def test_the_perturbation_is_a_chi_variable(n, d):
    minimal = np.array([each.minimal for each in pairs(points(d, n, 2000, seed=3))])
    assert reference.kstest(minimal * math.sqrt(2), reference.chi(d - n + 1).cdf).pvalue > 1e-3


def test_limits_of_the_mean_ratio():
    assert compression.mean_cosine(10**6, 10**6) == pytest.approx(math.sqrt(2 / math.pi / 1e6), rel=1e-5)
    assert compression.mean_cosine(5 * 10**5, 10**6) == pytest.approx(math.sqrt(0.5), rel=1e-5)


@pytest.mark.parametrize(("n", "layers"), [(30, 2), (30, 3), (15, 2)])
def test_behind_generators_the_perturbation_is_a_product_of_chi_variables(n, layers):
    d, rng = 30, np.random.default_rng(5)
    minimal = np.array([each.minimal for each in pairs(points(d, n, 1500, layers, seed=layers))])
    law = np.sqrt(rng.chisquare(d - n + 1, (20000, layers))).prod(1) / math.sqrt(2)
    assert reference.ks_2samp(minimal, law).pvalue > 1e-3


@pytest.mark.parametrize(("share", "layers"), [(1, 1), (1, 2), (1, 3), (0.5, 2)])
def test_generated_cosine(share, layers):
    d, n = 100, int(share * 100)
    ratio = np.array([each.ratio for each in pairs(points(d, n, 600, layers, seed=7))])
    error = ratio.std() / math.sqrt(len(ratio))
    assert abs(ratio.mean() - compression.generated_cosine(n, d, layers)) < 4 * error + 0.02 * ratio.mean()
    exact = compression.generated_cosine(10**6, 10**6, layers)
    assert exact == pytest.approx((2 / math.pi / 1e6) ** (layers / 2), rel=1e-4)


def test_theorem_1_and_theorem_5_bound_the_smallest_perturbation():
    for d, n in ((12, 12), (40, 20)):
        for x in points(d, n, 200, seed=9):
            found = compression.pair(compression.triangle(x))
            assert found.bound > found.minimal
            w = np.linalg.pinv(x)
            u = x[:, -2] - x[:, -1]
            moved = compression.theorem5(w[-2:].T, u)
            assert found.minimal <= moved <= found.bound
            # what the bound rests on: the move makes both outputs those of the other point
            q = np.linalg.qr(w[-2:].T).Q
            assert w[-2:] @ (x[:, -1] + q @ (q.T @ u)) == pytest.approx(w[-2:] @ x[:, -2], abs=1e-8)
    many, u = np.random.default_rng(0).normal(size=(3, 4, 8, 2)), np.ones((3, 4, 8))
    assert compression.theorem5(many, u)[1, 2] == pytest.approx(compression.theorem5(many[1, 2], u[1, 2]))


# Points ±1


def corners(d: int) -> np.ndarray:
    return np.array(list(itertools.product((-1, 1), repeat=d)), dtype=float)


@pytest.mark.parametrize("sigma", [0.0, 0.7])
def test_squared_loss_is_least_squares_on_all_corners(sigma):
    d, rng = 6, np.random.default_rng(2)
    a, z = rng.normal(size=(d, d)), corners(6)
    x = z @ a.T
    # noise enters the mean squared error as a ridge of σ²
    rows = np.concatenate([x, sigma * math.sqrt(len(z)) * np.eye(d)])
    w = np.linalg.lstsq(rows, np.concatenate([z[:, -1], np.zeros(d)]), rcond=None)[0]
    assert compression.squared_loss(a, sigma) == pytest.approx(w)
    if sigma == 0:
        assert compression.cosine(w, a[:, -1]) == pytest.approx(compression.phi(a))


def test_phi_has_the_cosine_law():
    found = np.array([compression.phi(a) for a in points(12, 12, 2000, seed=4)])
    assert reference.kstest(found**2, compression.cosine_law(12, 12).cdf).pvalue > 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_max_margin_is_that_of_a_solver(seed):
    d = 5
    a, z = np.random.default_rng(seed).normal(size=(d, d)), corners(d)
    x = z @ a.T * z[:, -1:]
    constraints = {"type": "ineq", "fun": lambda w: x @ w - 1, "jac": lambda w: x}
    start = compression.squared_loss(a)
    solved = optimize.minimize(lambda w: w @ w / 2, start, jac=lambda w: w, constraints=constraints, tol=1e-14)
    found = compression.max_margin(a)
    assert (x @ found).min() == pytest.approx(1, abs=1e-8)
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(solved.x), rel=1e-6)
    assert np.linalg.norm(found) <= np.linalg.norm(start) + 1e-12


# Noise in training


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("kappa", [0.001, 0.1, 1.0, 30.0])
def test_noisy_cosine_is_that_of_marchenko_and_pastur(share, kappa):
    low, high = (1 - math.sqrt(share)) ** 2, (1 + math.sqrt(share)) ** 2

    def moment(power: int) -> float:
        """∫ (λ + z)^−power of the law of XXᵀ/d: a share of its eigenvalues is of Marchenko and Pastur, the rest 0."""

        def inner(t: float) -> float:  # λ = middle + half·cos t takes the roots' singularities away
            value = (low + high) / 2 + (high - low) / 2 * math.cos(t)
            return ((high - low) / 2 * math.sin(t)) ** 2 / (2 * math.pi * value) * (value + kappa) ** -power

        return integrate.quad(inner, 0, math.pi, limit=500)[0] + (1 - share) * kappa**-power

    assert compression.noisy_cosine(share, kappa) == pytest.approx(moment(1) / math.sqrt(moment(2)), rel=1e-5)


@pytest.mark.parametrize(("share", "kappa"), [(1.0, 0.1), (0.5, 0.05), (1.0, 1.0)])
def test_noisy_cosine_is_that_of_simulated_points(share, kappa):
    d = 300
    ratio = [compression.ridge_ratio(x, math.sqrt(kappa / share)) for x in points(d, int(share * d), 30, seed=6)]
    assert np.mean(ratio) == pytest.approx(compression.noisy_cosine(share, kappa), rel=0.02)


@pytest.mark.parametrize("sigma", [1.0, 10.0])
def test_noisy_cosine_is_that_of_simulated_corners(sigma):
    d = 300
    ratio = [compression.cosine(compression.squared_loss(a, sigma), a[:, -1]) for a in points(d, d, 30, seed=6)]
    assert np.mean(ratio) == pytest.approx(compression.noisy_cosine(1, sigma**2 / d), rel=0.03)


def test_ridge_is_what_noise_in_training_does():
    d, n, sigma, rng = 8, 5, 0.6, np.random.default_rng(8)
    x = rng.normal(size=(d, n))
    noisy = x.T[:, None] + sigma * rng.normal(size=(n, 40000, d))
    target = np.zeros(n)
    target[-2:] = 1, -1  # f of one class less f of the other
    w = np.linalg.lstsq(noisy.reshape(-1, d), np.repeat(target, 40000), rcond=None)[0]
    assert compression.ridge_ratio(x, sigma) == pytest.approx(compression.cosine(w, x[:, -2] - x[:, -1]), rel=0.01)
    assert compression.ridge_ratio(x, 1e-5) == pytest.approx(pairs(x[None])[0].ratio, rel=1e-6)


def test_replaced_ratio_is_what_replacement_in_training_does():
    d, n, p, rng = 8, 5, 0.4, np.random.default_rng(8)
    x = rng.normal(size=(d, n))
    clean = np.broadcast_to(x.T[:, None], (n, 60000, d))
    noisy = np.where(rng.random(clean.shape) < p, rng.normal(size=clean.shape), clean)
    target = np.zeros(n)
    target[-2:] = 1, -1
    w = np.linalg.lstsq(noisy.reshape(-1, d), np.repeat(target, 60000), rcond=None)[0]
    assert compression.replaced_ratio(x, p) == pytest.approx(compression.cosine(w, x[:, -2] - x[:, -1]), rel=0.01)
    assert compression.replaced_ratio(x, 0.9999) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("share", "p"), [(1.0, 0.1), (0.5, 0.3), (1.0, 0.9)])
def test_replacement_kappa_is_that_of_simulated_points(share, p):
    d = 300
    ratio = [compression.replaced_ratio(x, p) for x in points(d, int(share * d), 20, seed=6)]
    limit = compression.noisy_cosine(share, compression.replacement_kappa(share, p))
    assert np.mean(ratio) == pytest.approx(limit, rel=0.02)


def test_limits_of_the_noisy_cosine():
    assert compression.noisy_cosine(1, 1e-8) == pytest.approx(math.sqrt(2) * 1e-2, rel=1e-3)
    assert compression.noisy_cosine(0.5, 0) == pytest.approx(math.sqrt(0.5))
    assert compression.noisy_cosine(0.5, 1e-9) == pytest.approx(math.sqrt(0.5), rel=1e-6)
    assert compression.noisy_cosine(1, 1e6) == pytest.approx(1, rel=1e-6)
    assert compression.noisy_cosine(1, 0) == 0
    for share in (0.3, 2.0):
        assert compression.noisy_cosine(share, 0) == pytest.approx(compression.noisy_cosine(share, 1e-9), rel=1e-4)


@pytest.mark.parametrize("law", [compression.cosine_law, compression.mean_cosine, compression.mean_log_cosine])
def test_more_points_than_dimensions_have_no_law(law):
    for n, d in ((52, 50), (1, 5)):
        with pytest.raises(ValueError, match=f"{n} points in {d} dimensions have none"):
            law(n, d)


def test_the_nearest_corners_are_those_of_all_pairs():
    rng = np.random.default_rng(7)
    for d in (2, 3, 7):
        a, z = rng.normal(size=(d, d)), np.array(list(itertools.product((-1.0, 1.0), repeat=d)))
        x = z @ a.T
        apart = np.linalg.norm(x[z[:, -1] > 0][:, None] - x[z[:, -1] < 0], axis=-1)
        assert compression.nearest_corners(a) == pytest.approx(apart.min() / 2)
    a = rng.normal(size=(12, 12))  # more columns than are held at once
    near = compression.nearest_corners(a)
    assert abs(compression.triangle(a)[-1, -1]) <= near <= np.linalg.norm(a[:, -1])
    signs = rng.integers(-1, 2, (200_000, 11))
    assert near <= np.linalg.norm(a[:, -1] + signs @ a[:, :-1].T, axis=1).min() + 1e-9


def test_what_training_leaves_of_the_start_is_that_of_gradient_descent():
    rng = np.random.default_rng(3)
    for d, n, scale in ((32, 8, 1.0), (64, 16, 1.0), (32, 8, 0.1)):
        found, hidden = [], 12 * d
        for _ in range(3):
            x = rng.normal(size=(d, n))
            w1 = scale * rng.uniform(-1, 1, (d, hidden)) / math.sqrt(d)
            w2 = scale * rng.uniform(-1, 1, (hidden, n)) / math.sqrt(hidden)
            for _ in range(300):
                squares = sum(np.linalg.eigvalsh(gram)[-1] for gram in (w1 @ w1.T, w2.T @ w2))
                rate = 0.7 / np.linalg.norm(x, 2) ** 2 / squares
                error = x.T @ w1 @ w2 - np.eye(n)
                g1, g2 = x @ (error @ w2.T), (w1.T @ x) @ error
                w1, w2 = w1 - rate * g1, w2 - rate * g2
            assert np.abs(error).max() < 1e-3
            w = w1 @ w2
            found += [compression.cosine(w[:, i] - w[:, i + 1], x[:, i] - x[:, i + 1]) for i in range(0, n - 1, 2)]
        assert np.mean(found) == pytest.approx(compression.started_cosine(n / d, d, scale), rel=0.08)
