import numpy as np
import pandas as pd
import pytest
from scipy import stats as reference

from almostnothing import stats

P = np.array([0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99])


def test_interval_is_students():
    values = [0.1, 0.4, 0.35, np.nan]
    low, high = reference.t.interval(0.95, 2, np.mean(values[:3]), reference.sem(values[:3]))
    assert stats.mean_interval(values) == pytest.approx((np.mean(values[:3]), low, high, 3))


def test_interval_covers_the_mean_95_times_in_100():
    rng = np.random.default_rng(0)
    hits = sum(low <= 0 <= high for _, low, high, _ in map(stats.mean_interval, rng.normal(size=(4000, 5))))
    assert reference.binomtest(hits, 4000, 0.95).pvalue > 1e-3


@pytest.mark.parametrize(("values", "n"), [([], 0), ([np.nan], 0), ([0.5], 1)])
def test_interval_of_too_few_has_no_bounds(values, n):
    interval = stats.mean_interval(values)
    assert interval.n == n
    assert np.isnan([interval.low, interval.high]).all()


@pytest.mark.parametrize(("plateau", "midpoint", "scale"), [(0.97, 0.8, 0.06), (0.9, 0.5, 0.1), (0.6, 0.93, 0.015)])
def test_fit_recovers_a_sigmoid(plateau, midpoint, scale):
    fit = stats.fit_knee(P, stats.sigmoid(P, 0.1, plateau, midpoint, scale), 0.1)
    assert fit.doubt == ""
    assert (fit.plateau, fit.midpoint, fit.scale) == pytest.approx((plateau, midpoint, scale), rel=1e-3)


def test_slope_is_the_derivative_at_the_midpoint():
    fit = stats.fit_knee(P, stats.sigmoid(P, 0.1, 0.95, 0.7, 0.08), 0.1)
    h = 1e-5
    at = stats.sigmoid(np.array([0.7 - h, 0.7 + h]), 0.1, 0.95, 0.7, 0.08)
    assert fit.slope == pytest.approx((at[0] - at[1]) / (2 * h), rel=1e-3)


def test_fit_error_is_that_of_its_noise():
    rng = np.random.default_rng(1)
    clean = stats.sigmoid(P, 0.1, 0.95, 0.75, 0.06)
    fits = [stats.fit_knee(P, clean + rng.normal(0, 0.01, len(P)), 0.1).midpoint for _ in range(60)]
    assert abs(np.mean(fits) - 0.75) < 4 * np.std(fits) / np.sqrt(60)
    assert np.std(fits) < 0.02


@pytest.mark.parametrize(
    ("accuracy", "doubt"),
    [
        (np.full(9, 0.12), "never far above chance"),
        (stats.sigmoid(P, 0.1, 0.95, 1.1, 0.02), "p* outside the grid"),
        (stats.sigmoid(P, 0.1, 0.95, 0.1, 0.1), "no plateau"),
        (np.array([0.9, 0.2, 0.9, 0.2, 0.9, 0.2, 0.9, 0.2, 0.2]), "not a sigmoid"),
        (np.where(P == 0, np.nan, 0.5), "a network diverged"),
    ],
)
def test_a_fit_that_cannot_be_trusted_says_why_and_gives_no_number(accuracy, doubt):
    fit = stats.fit_knee(P, accuracy, 0.1)
    assert fit.doubt == doubt
    assert np.isnan([fit.plateau, fit.midpoint, fit.scale, fit.slope]).all()


def test_a_fall_between_two_grid_points_has_a_midpoint_but_no_slope():
    fit = stats.fit_knee(P, np.where(P < 0.6, 0.95, 0.1), 0.1)
    assert fit.doubt == "slope between two grid points"
    assert 0.5 < fit.midpoint < 0.7
    assert np.isnan(fit.slope)


def test_per_doubling():
    assert stats.per_doubling([8.0, 16.0, 64.0], [1.0, 1.5, 2.5]) == pytest.approx(0.5)
    assert stats.per_doubling([8.0, 16.0, 64.0], [1.0, np.nan, 2.5]) == pytest.approx(0.5)
    assert np.isnan(stats.per_doubling([8.0, 16.0], [np.nan, 1.0]))


def test_growth_is_per_doubling_over_seeds():
    rows = [
        {"seed": s, "width": w, "train_size": n, "midpoint": 0.1 * np.log2(w) * (1 + s) + n, "slope": w**2.0}
        for s in range(3)
        for w in (4, 8, 16)
        for n in (10, 20)
    ]
    fits = pd.DataFrame(rows)
    assert stats.growth(fits, "width", "train_size", "midpoint") == stats.mean_interval([0.1, 0.2, 0.3])._replace(
        **{k: pytest.approx(v) for k, v in stats.mean_interval([0.1, 0.2, 0.3])._asdict().items()}
    )
    assert stats.growth(fits, "width", "train_size", "slope", log=True).mean == pytest.approx(2 * np.log(2))


def test_growth_uses_the_sizes_that_every_seed_has():
    rows = [{"seed": s, "width": w, "train_size": 10, "midpoint": np.log2(w)} for s in range(3) for w in (4, 8, 16)]
    fits = pd.DataFrame(rows)
    fits.loc[(fits.seed == 1) & (fits.width == 16), "midpoint"] = np.nan
    fits.loc[(fits.seed != 1) & (fits.width == 16), "midpoint"] = 99.0
    assert stats.growth(fits, "width", "train_size", "midpoint").mean == pytest.approx(1)


def test_fit_knees_has_a_row_for_each_group():
    table = pd.concat(
        pd.DataFrame({"seed": s, "strength": P, "accuracy": stats.sigmoid(P, 0.1, 0.9, m, 0.05)})
        for s, m in ((0, 0.6), (1, 0.7))
    )
    fits = stats.fit_knees(table, ["seed"], 0.1)
    assert fits["seed"].tolist() == [0, 1]
    assert fits["midpoint"].tolist() == pytest.approx([0.6, 0.7], rel=1e-3)
