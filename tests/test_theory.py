import numpy as np
import pytest

import almostnothing
from almostnothing import corruptions, data
from almostnothing.corruptions.additive import Additive
from almostnothing.corruptions.noises import GaussianNoise, UniformNoise
from almostnothing.corruptions.pixels import Empirical, Uniform
from almostnothing.corruptions.replacement import Replacement
from almostnothing.errors import UserError
from almostnothing.theory import prototypes

UNIFORM = Replacement(Uniform())


def images(split: str) -> tuple[np.ndarray, np.ndarray]:
    dataset = data.load(data.source("digits"))
    chosen = getattr(dataset, split)
    return dataset.values(chosen).astype(float), chosen.labels


def corrupt(law: corruptions.Corruption, x: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """The two laws of the tests, written down independently of the library."""
    if isinstance(law, Additive):
        return x + strength * rng.standard_normal(x.shape)
    return np.where(rng.random(x.shape) < strength, rng.random(x.shape), x)


def simulated(law, strength: float, n: int, kind: str, repeats: int, rng: np.random.Generator) -> np.ndarray:
    """Accuracy of the rule in repeated experiments: n images a class, drawn with replacement, all corrupted anew."""
    (x, y), (test, labels) = images("train"), images("test")
    found = []
    for _ in range(repeats):
        chosen = np.concatenate([rng.choice(np.flatnonzero(y == c), n) for c in range(10)])
        centroids = corrupt(law, x[chosen], strength, rng).reshape(10, n, -1).mean(1)
        points = corrupt(law, test, strength, rng) if kind == "corrupted" else test
        distance = ((points[:, None] - centroids) ** 2).sum(-1)
        found.append((distance.argmin(1) == labels).mean())
    return np.array(found)


@pytest.mark.parametrize("kind", ["clean", "corrupted"])
@pytest.mark.parametrize(
    ("law", "strength", "n"), [(UNIFORM, 0.5, 10), (UNIFORM, 0.8, 100), (Additive(GaussianNoise()), 1.0, 30)]
)
def test_accuracy_is_that_of_simulated_experiments(law, strength, n, kind):
    found = simulated(law, strength, n, kind, 40, np.random.default_rng(n))
    predicted = prototypes.accuracy(law, strength, images("train"), images("test"), n, kind)
    # corrupted test points are one draw of 500 images in the prediction
    room = 4 * found.std(ddof=1) / np.sqrt(40) + (0.03 if kind == "corrupted" else 0.01)
    assert predicted == pytest.approx(found.mean(), abs=room)


def test_scores_have_the_moments_of_simulated_ones():
    rng = np.random.default_rng(0)
    (x, y), (test, _) = images("train"), images("test")
    own, points, n = x[y == 3], test[:5], 5
    moments = prototypes.classes(UNIFORM, own, np.zeros(len(own), int), 0.7)
    mean, variance = prototypes.scores(moments, points, n)
    chosen = own[rng.integers(len(own), size=(20000, n))]
    centroids = corrupt(UNIFORM, chosen, 0.7, rng).mean(1)
    score = -((points[:, None] - centroids) ** 2).sum(-1) / 2
    np.testing.assert_allclose(mean[:, 0], score.mean(1), atol=5 * score.std(1).max() / np.sqrt(20000))
    np.testing.assert_allclose(variance[:, 0], score.var(1), rtol=0.06)


def test_moments_of_scores_are_those_of_the_whole_covariance():
    """Of a Gaussian mean m of covariance V/n: E and Var of −|x − m|²/2 by V as a matrix."""
    rng = np.random.default_rng(4)
    noise, spread = rng.uniform(0.5, 2, (3, 6)), [rng.normal(size=(count, 6)) for count in (4, 7, 2)]
    moments = prototypes.Classes(rng.normal(size=(3, 6)), noise, spread)
    x, n = rng.normal(size=(5, 6)), 3.0
    mean, variance = prototypes.scores(moments, x, n)
    for k in range(3):
        v, away = np.diag(noise[k]) + spread[k].T @ spread[k], x - moments.mean[k]
        np.testing.assert_allclose(mean[:, k], -(away**2).sum(1) / 2 - np.trace(v) / (2 * n))
        quadratic = np.einsum("ij,jk,ik->i", away, v, away)
        np.testing.assert_allclose(variance[:, k], quadratic / n + np.trace(v @ v) / (2 * n**2))


def test_gaussian_accuracy_is_that_of_drawn_scores():
    rng = np.random.default_rng(1)
    mean, variance = rng.normal(size=(8, 4)), rng.uniform(0.2, 2, (8, 4))
    labels = rng.integers(0, 4, 8)
    drawn = mean + np.sqrt(variance) * rng.standard_normal((200_000, 8, 4))
    frequency = (drawn.argmax(-1) == labels).mean(0)
    np.testing.assert_allclose(prototypes.gaussian_accuracy(mean, variance, labels), frequency, atol=0.006)
    sure = prototypes.gaussian_accuracy(mean, np.zeros_like(variance), labels)
    np.testing.assert_array_equal(sure.round(6), mean.argmax(1) == labels)


def test_a_knee_is_predicted_where_the_rule_itself_has_it():
    p = almostnothing.predict_knee("digits", 30)
    rng = np.random.default_rng(5)
    clean, there = (simulated(UNIFORM, s, 30, "clean", 40, rng).mean() for s in (0.0, p))
    assert there == pytest.approx((clean + 0.1) / 2, abs=0.04)


def test_knees_grow_with_n_and_depend_on_the_test_and_the_law():
    knees = {
        (n, test): almostnothing.predict_knee("digits", n, test=test)
        for n in (10, 100)
        for test in ("clean", "corrupted")
    }
    assert knees[10, "clean"] < knees[100, "clean"]
    assert knees[10, "corrupted"] < knees[10, "clean"]
    assert almostnothing.predict_knee("digits", 10, Additive(GaussianNoise())) > 1  # a standard deviation
    per_image = Replacement(Uniform(), "image")
    with pytest.raises(UserError, match="every pixel by itself"):
        almostnothing.predict_knee("digits", 10, per_image)


def test_a_training_image_is_left_out_of_its_own_mean():
    x, y = images("train")
    x, y = x[:60], y[:60]
    moments = prototypes.classes(UNIFORM, x, y, 0.4)
    mean, _ = prototypes.scores(moments, x, 1e12, (y, UNIFORM.mean(x, 0.4)))
    for i in (0, 7):
        rest = UNIFORM.mean(x[(y == y[i]) & (np.arange(60) != i)], 0.4).mean(0)
        assert mean[i, y[i]] == pytest.approx(-((x[i] - rest) ** 2).sum() / 2)


def test_no_knee_is_nan():
    dataset = data.load(data.source("digits"))
    nothing = Replacement(Empirical(*dataset.pixel_counts))
    assert 0 < almostnothing.predict_knee(dataset, 5, nothing) < 1
    mild = Additive(UniformNoise(), clip=True)
    assert np.isnan(almostnothing.predict_knee(dataset, 1e15, mild))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"n": 0}, "n is 0, but should be 1 at least"),
        ({"n": float("nan")}, "n is nan, but should be 1 at least"),
        ({"n": 5, "test": "noisy"}, 'test is noisy|"clean" or "corrupted"'),
        ({"n": 5, "dataset": "digit"}, "no data set is called"),
    ],
)
def test_a_question_that_cannot_be_answered_is_one_sentence(asked, words):
    with pytest.raises(UserError, match=words):
        almostnothing.predict_knee(**{"dataset": "digits", **asked})


def test_nothing_else_is_exported_by_accident():
    with pytest.raises(AttributeError, match="has no predict_knees"):
        almostnothing.predict_knees  # noqa: B018
