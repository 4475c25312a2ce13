"""The rules of seed 001 against brute force: kernel regression, loops, simulation."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

from almostnothing import corruptions, data, streams
from almostnothing.corruptions.additive import Additive
from almostnothing.corruptions.noises import GaussianNoise
from almostnothing.corruptions.pixels import Uniform
from almostnothing.corruptions.replacement import Replacement
from almostnothing.measures import naming, rules
from almostnothing.theory import kernels, prototypes
from almostnothing.theory.prototypes import Training

UNIFORM = Replacement(Uniform())
CLASSES = 4


def training(count: int, pixels: int, seed: int = 0, spread: float = 1.0, mean: float = 0.0) -> Training:
    """Balanced images about a common mean; `spread` scales their differences."""
    rng = torch.Generator().manual_seed(seed)
    x = mean + spread * torch.randn(count, pixels, generator=rng, dtype=torch.float64)
    return Training.of(x, torch.arange(count) % CLASSES)


def points(count: int, pixels: int, mean: float = 0.0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(99)
    return mean + torch.rand(count, pixels, generator=rng, dtype=torch.float64)


def centred(scores: torch.Tensor) -> np.ndarray:
    """Scores without what is common to the classes of a point."""
    return (scores - scores.mean(1, keepdim=True)).numpy()


def test_ncm_scores_are_squared_distances():
    seen, x = training(20, 6), points(9, 6)
    means = np.stack([seen.images.numpy()[k::CLASSES].mean(0) for k in range(CLASSES)])
    distance = ((x.numpy()[:, None] - means) ** 2).sum(-1)
    found = prototypes.nearest_mean(x, seen.means(seen.images))
    np.testing.assert_allclose(centred(found), centred(torch.from_numpy(-distance / 2)), atol=1e-12)


def test_debiased_means_are_those_of_the_clean_images():
    clean, p = points(4, 5), 0.7
    corrupted = torch.from_numpy(UNIFORM.mean(clean.numpy(), p))
    x = points(7, 5)
    expected = prototypes.nearest_mean(x, clean)
    np.testing.assert_allclose(prototypes.debiased_mean(x, corrupted, UNIFORM, p), expected, atol=1e-12)


def test_correlation_is_with_means_of_images_of_length_one():
    seen, x = training(12, 5, mean=1.0), points(6, 5)
    images = seen.images.numpy()
    unit = images / np.linalg.norm(images, axis=1, keepdims=True)
    means = np.stack([unit[k::CLASSES].mean(0) for k in range(CLASSES)])
    np.testing.assert_allclose(prototypes.correlation(x, seen), x.numpy() @ means.T, atol=1e-12)


@pytest.mark.parametrize("kind", kernels.KINDS)
@pytest.mark.parametrize(
    ("activation", "depth", "bias"), [("relu", 2, 0.0), ("relu", 4, 0.1), ("erf", 3, 0.05), ("gelu", 3, 0)]
)
def test_fo_is_the_derivative_of_kernel_regression(activation, depth, bias, kind):
    """The error of FO is of second order in the part of the kernel matrix that varies: it falls twice as fast as FO."""
    network = kernels.Architecture(activation, depth, bias_variance=bias)
    rng = torch.Generator().manual_seed(3)
    pixels, count = 40, 12
    # images of equal length at equal angles, so that every entry is k₀ or c₀, and a small part that varies
    base = torch.linalg.qr(torch.randn(pixels, count + 1, generator=rng, dtype=torch.float64))[0].T
    same = 4 * (base[:count] + 0.7 * base[count])
    change = torch.randn(count, pixels, generator=rng, dtype=torch.float64)
    x = points(8, pixels)
    x = x - (x @ base[:count].T) @ base[:count]  # at equal angles to all of them, too
    labels, errors, sizes = torch.arange(count) % CLASSES, [], []
    for scale in (1e-3, 1e-4):
        seen = Training.of(same + scale * change, labels)
        gram = kernels.gram(network, seen.images, kind=kind)
        coefficients = kernels.solve(gram, seen.targets)
        exact = kernels.predict(network, seen.images, coefficients, x, kind=kind)[0]
        found = prototypes.first_order(x, seen, prototypes.expansion(network, seen, x, kind))
        errors.append(float((exact - found).norm()))
        sizes.append(float(exact.norm()))
    assert sizes[0] / sizes[1] == pytest.approx(10, rel=0.05)
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.2)


def test_the_ridge_rule_is_fo_where_noise_is_uncorrelated_and_follows_regression_where_it_is_not():
    network = kernels.Architecture("relu", 3)
    remainders = []
    for count in (8, 40, 120):
        seen, x = training(count, 200, spread=0.3, mean=0.5), points(50, 200)
        about = prototypes.expansion(network, seen, x)
        exact = rules.regression(network, seen.images, seen.targets, [x])[0]
        fo, ridge = prototypes.first_order(x, seen, about), prototypes.resummed(x, seen, about)
        remainders.append([float((rule - exact).norm() / exact.norm()) for rule in (fo, ridge)])
    assert [r[1] for r in remainders] < [r[0] for r in remainders]
    assert all(ridge < 0.1 for _, ridge in remainders)
    assert remainders[2][0] > 2 * remainders[0][0]  # what FO leaves out grows with N/d


def test_the_ridge_rule_is_the_same_in_both_dimensions():
    network, x = kernels.Architecture("relu", 2), points(5, 30)
    seen = training(28, 30, mean=0.5)
    about = prototypes.expansion(network, seen, x)
    narrow = prototypes.resummed(x, seen, about)
    wide = torch.cat([seen.images, torch.zeros(28, 0)], 1)
    images, u = wide - wide.mean(0), seen.squares - seen.squares.mean()
    weights = torch.linalg.solve(images.T @ images + about.ridge * torch.eye(30), images.T @ seen.targets)
    alpha = torch.linalg.solve(images @ images.T + about.ridge * torch.eye(28), seen.targets)
    torch.testing.assert_close(weights, images.T @ alpha)
    expected = x @ weights - about.centre[:, None] * (wide.mean(0) @ weights) + about.tilt[:, None] * (u.T @ alpha)
    torch.testing.assert_close(narrow, about.gain[:, None] * expected)
    fewer = training(32, 30, mean=0.5)  # more images than pixels: solved in the other one
    about = prototypes.expansion(network, fewer, x)
    images, u = fewer.images - fewer.images.mean(0), fewer.squares - fewer.squares.mean()
    alpha = torch.linalg.solve(images @ images.T + about.ridge * torch.eye(32), fewer.targets)
    weights = images.T @ alpha
    mean = fewer.images.mean(0)
    expected = x @ weights - about.centre[:, None] * (mean @ weights) + about.tilt[:, None] * (u.T @ alpha)
    torch.testing.assert_close(prototypes.resummed(x, fewer, about), about.gain[:, None] * expected)


@pytest.mark.parametrize("size", [1e-3, 1e3])
@pytest.mark.parametrize("count", [16, 80])
def test_a_linear_network_bears_repeated_images_of_any_brightness(count, size):
    """It has no ridge of its own: the rule is least squares of least norm."""
    half, x = training(count // 2, 30), points(7, 30)
    labels = torch.arange(count // 2) % CLASSES
    images = size * torch.cat([half.images, half.images])
    seen = Training.of(images, torch.cat([labels, labels]))
    about = prototypes.expansion(kernels.Architecture("identity", 2), seen, size * x)
    found = prototypes.resummed(size * x, seen, about)
    mean = seen.images.mean(0)
    weights = torch.linalg.pinv(seen.images - mean, rtol=1e-9) @ seen.targets
    torch.testing.assert_close(found, (size * x - about.centre[:, None] * mean) @ weights, rtol=1e-5, atol=1e-5)


def test_a_relu_network_without_biases_is_the_correlation_rule_in_its_leading_order():
    """κ = (λc₀ − c*)/2k₀ at large N (brief, section 2)."""
    network, seen, x = kernels.Architecture("relu", 3), training(2000, 300, spread=0.3, mean=0.5), points(20, 300)
    about = prototypes.expansion(network, seen, x)
    scale = 2 / 300
    k0 = scale * float(seen.squares.mean())
    c0 = scale * float(seen.images.mean(0).square().sum())
    c = scale * (x @ seen.images.mean(0))
    np.testing.assert_allclose(about.tilt, (about.centre * c0 - c) / (2 * k0), rtol=0.02, atol=2e-3)


@pytest.mark.parametrize(("aspect", "rho"), [(0.2, 0.3), (1.0, 0.5), (1.0, 1e-3), (4.0, 0.05), (4.0, 20.0), (0.5, 1e4)])
def test_ridge_correlation_is_the_integral_over_marchenko_and_pasturs_density(aspect, rho):
    low, high = (1 - aspect**0.5) ** 2, (1 + aspect**0.5) ** 2

    def mean(f):
        def density(angle):  # s = the interval's middle + half its width times cos, so that the ends are smooth
            s = (low + high) / 2 + (high - low) / 2 * np.cos(angle)
            root = np.sqrt(max((high - s) * (s - low), 0.0))
            return f(s) * root / (2 * np.pi * aspect * s) * (high - low) / 2 * np.sin(angle)

        return quad(density, 0, np.pi, limit=400)[0] + max(0, 1 - 1 / aspect) * f(0.0)

    assert mean(lambda s: 1.0) == pytest.approx(1, abs=1e-6)
    expected = mean(lambda s: s / (s + rho)) / np.sqrt(mean(lambda s: s) * mean(lambda s: s / (s + rho) ** 2))
    assert prototypes.ridge_correlation(aspect, rho) == pytest.approx(expected, rel=1e-6)


def test_ridge_correlation_is_that_of_simulated_classifiers():
    rng = np.random.default_rng(0)
    count, pixels, ridge = 300, 400, 120.0
    x = rng.standard_normal((count, pixels))
    targets, tests = rng.standard_normal((count, 400)), rng.standard_normal((400, pixels))
    weights = np.linalg.solve(x.T @ x + ridge * np.eye(pixels), x.T @ targets)
    r = np.corrcoef((tests @ weights).ravel(), (tests @ x.T @ targets).ravel())[0, 1]
    assert prototypes.ridge_correlation(pixels / count, ridge / count) == pytest.approx(r, abs=0.01)
    assert prototypes.ridge_correlation(pixels / count, 1e9) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("r", "classes"), [(0.0, 10), (0.3, 10), (0.8, 10), (0.97, 3), (-0.4, 2)])
def test_agreement_is_that_of_drawn_scores(r, classes):
    rng = np.random.default_rng(1)
    first = rng.standard_normal((200_000, classes))
    second = r * first + np.sqrt(1 - r**2) * rng.standard_normal(first.shape)
    frequency = (first.argmax(1) == second.argmax(1)).mean()
    room = 4 * np.sqrt(frequency * (1 - frequency) / len(first))
    assert prototypes.agreement(r, classes) == pytest.approx(frequency, abs=room)


def test_agreement_of_equal_scores_is_certain_and_of_two_classes_has_a_closed_form():
    assert prototypes.agreement(1.0, 10) == 1
    for r in (-0.9, 0.2, 0.99):
        assert prototypes.agreement(r, 2) == pytest.approx(0.5 + np.arcsin(r) / np.pi, abs=2e-3)


@pytest.mark.parametrize("r", [-0.7, 0.0, 0.5, 0.95])
def test_bivariate_normal_probabilities(r):
    grid = np.array([-2.0, -0.3, 0.0, 0.4, 1.7])
    z, w = (part.ravel() for part in np.meshgrid(grid, grid))
    law = stats.multivariate_normal([0, 0], [[1, r], [r, 1]])
    expected = [law.cdf([a, b]) for a, b in zip(z, w, strict=True)]
    np.testing.assert_allclose(prototypes.bivariate(z, w, r), expected, atol=2e-5)


def test_every_rule_of_real_images_learns_and_rules_that_should_do_agree():
    dataset = data.load(data.source("digits"))
    where = dataset.subset(200, 0)
    clean, y = torch.from_numpy(dataset.values(dataset.train)[where]), torch.from_numpy(dataset.train.labels[where])
    tests, labels = torch.from_numpy(dataset.values(dataset.test)), torch.from_numpy(dataset.test.labels)
    for law, strength, shift in ((UNIFORM, 0.3, 0.0), (Additive(GaussianNoise()), 0.2, 0.5)):
        x = corruptions.corrupted(law, clean, strength, streams.stream_key(0, "test"))
        seen, at = Training.of(x - shift, y), tests.double() - shift
        network = kernels.Architecture("relu", 2)
        found = rules.scores(prototypes.expansion(network, seen, at), seen, at, law, strength, shift)
        assert set(found) == set(naming.NAMES)
        exact = rules.regression(network, seen.images, seen.targets, [at])[0]
        assert all((scores.argmax(1) == labels).double().mean() > 0.6 for scores in (*found.values(), exact))
        if isinstance(law, Additive):  # nothing to take back
            torch.testing.assert_close(
                found["debiased"] - found["debiased"].mean(1, True), found["ncm"] - found["ncm"].mean(1, True)
            )


def test_debiased_means_do_not_know_the_shift():
    clean, y = points(40, 8), torch.arange(40) % CLASSES
    x = corruptions.corrupted(UNIFORM, clean.float(), 0.6, streams.stream_key(0, "test")).double()
    tests, found = points(30, 8, mean=0.1), []
    for shift in (0.0, 0.5):
        seen, at = Training.of(x - shift, y), tests - shift
        about = prototypes.expansion(kernels.Architecture("relu", 2), seen, at)
        found.append(centred(rules.scores(about, seen, at, UNIFORM, 0.6, shift)["debiased"]))
    np.testing.assert_allclose(*found, atol=1e-10)
    means = np.stack([(x.numpy()[y == k].mean(0) - 0.3) / 0.4 for k in range(CLASSES)])
    distance = ((tests.numpy()[:, None] - means) ** 2).sum(-1)
    np.testing.assert_allclose(found[0], centred(torch.from_numpy(-distance / 2)), atol=1e-10)


def test_regression_is_the_limit_of_a_ridge_where_an_image_is_all_zero():
    seen, x = training(20, 30), points(10, 30)
    empty = torch.cat([seen.images, torch.zeros(1, 30, dtype=torch.float64)])
    targets = torch.cat([seen.targets, seen.targets[:1]])
    network = kernels.Architecture("relu", 2)  # without biases it is 0 at 0, whatever it is told
    alone, both = (
        rules.regression(network, *given, [x])[0] for given in ((seen.images, seen.targets), (empty, targets))
    )
    torch.testing.assert_close(both, alone, rtol=1e-4, atol=1e-6)


def test_a_law_whose_mean_bends_has_no_debiased_means():
    seen, x = training(20, 6, mean=0.5, spread=0.1), points(9, 6)
    clipped = Additive(GaussianNoise(), clip=True)
    about = prototypes.expansion(kernels.Architecture("relu", 2), seen, x)
    assert "debiased" not in rules.scores(about, seen, x, clipped, 1.0, 0.0)
    assert "debiased" not in rules.scores(about, seen, x, UNIFORM, 1.0, 0.0)
    assert "debiased" in rules.scores(about, seen, x, UNIFORM, 0.9, 0.0)


def test_breakdown_counts_points():
    agree = torch.tensor([True, False] * 5)
    own, labels = torch.arange(10.0), torch.tensor([0] * 4 + [1] * 6)
    found = rules.breakdown(agree, own, labels)
    assert found["agreement"] == 0.5
    assert found["class_0"] == 0.5
    found = rules.breakdown(own > 6, own, labels)
    assert [found[f"fifth_{k}"] for k in range(1, 6)] == [0, 0, 0, 0.5, 1]
    assert found["class_1"] == 0.5
    scores = torch.tensor([[1.0, 3.0, 2.5], [0.0, 0.0, 4.0]])
    assert rules.margin(scores).tolist() == [0.5, 4.0]
    assert rules.same(scores, scores.flip(0)).tolist() == [False, False]
