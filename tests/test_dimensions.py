"""Dimensions of points: exact values, known laws, invariance."""

import numpy as np
import pytest

from almostnothing.theory import dimensions

RNG = np.random.default_rng(3)


def test_covariances_that_are_known():
    corners = np.array([[1.0, 0], [-1, 0], [0, 2], [0, -2]])  # variances 1/2 and 2
    assert dimensions.stable_rank(corners) == pytest.approx(2.5 / 2)
    assert dimensions.participation_ratio(corners) == pytest.approx(2.5**2 / (4 + 0.25))


@pytest.mark.parametrize("name", ["stable_rank", "participation_ratio", "two_nearest"])
def test_no_shift_scale_or_rotation_changes_a_dimension(name):
    x = RNG.normal(size=(200, 5)) * [1, 2, 3, 4, 5]
    turned = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    of = getattr(dimensions, name)
    assert of(3 * x @ turned + 7) == pytest.approx(of(x))
    assert of(np.pad(x, ((0, 0), (0, 4)))) == pytest.approx(of(x))


def test_random_points_have_their_dimension():
    x = RNG.normal(size=(20_000, 6))
    assert dimensions.stable_rank(x) == pytest.approx(6, rel=0.05)
    assert dimensions.participation_ratio(x) == pytest.approx(6, rel=0.01)
    for d in (1, 2, 4):
        assert dimensions.two_nearest(RNG.uniform(size=(20_000, d))) == pytest.approx(d, rel=0.05)


def test_two_nearest_sees_a_curve_where_the_covariance_sees_its_span():
    t = RNG.uniform(0, 2 * np.pi, size=5000)
    curve = np.stack([np.cos(t), np.sin(t), np.cos(2 * t), np.sin(2 * t)], 1)
    assert dimensions.two_nearest(curve) == pytest.approx(1, rel=0.05)
    assert dimensions.stable_rank(curve) == pytest.approx(4, rel=0.05)


def test_points_that_are_one_are_refused():
    with pytest.raises(ValueError, match="two of the points are one"):
        dimensions.two_nearest(np.array([[0.0, 0], [0, 0], [1, 1]]))
