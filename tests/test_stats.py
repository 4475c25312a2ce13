import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import optimize
from scipy import stats as reference

from almostnothing import stats
from almostnothing.stats.knees import fit_knee, held_out, least_squares

P = np.array([0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99])


def test_the_worst_is_each_seeds_own():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"seed": list(range(5)) * 3, "level": np.repeat([1, 2, 3], 5), "value": rng.normal(size=15)})
    least = [rows.value[rows.seed == seed].min() for seed in range(5)]
    assert stats.worst(rows, "value", ["level"]) == stats.mean_interval(least)
    most = [rows.value[rows.seed == seed].max() for seed in range(5)]
    assert stats.worst(rows, "value", ["level"], largest=True) == stats.mean_interval(most)
    rows.loc[5, "value"] = np.nan  # a level that lacks a seed counts for none
    least = [rows.value[(rows.seed == seed) & (rows.level != 2)].min() for seed in range(5)]
    assert stats.worst(rows, "value", ["level"]) == stats.mean_interval(least)


def test_widened_and_common_variance_against_students_t():
    values = np.array([0.1, 0.3, 0.2, 0.6])
    base = stats.mean_interval(values)
    for count in (1, 2, 7):
        half = reference.t.ppf(1 - 0.025 / count, 3) * reference.sem(values)
        assert stats.widened(base, count)[1:3] == pytest.approx((values.mean() - half, values.mean() + half))
    half = reference.t.ppf(0.975, 3) * np.sqrt(values.var(ddof=1) / 4 + 0.04)
    assert stats.with_variance(base, 0.04)[1:3] == pytest.approx((values.mean() - half, values.mean() + half))
    assert stats.share_interval(10, 10)[:3] == pytest.approx((1, 0.025**0.1, 1))


def test_a_knee_without_a_form():
    """Of a sigmoid in ln(1-p) on a fine grid: its midpoint, its slope in that coordinate, and that in p."""
    p = np.sort(1 - np.geomspace(0.002, 1, 400))
    scale, middle, height = 0.4, 0.8, 0.8
    accuracy = stats.sigmoid(p, 0.1, 0.1 + height, middle, scale, "log")
    table = pd.DataFrame({"seed": 0, "strength": p, "accuracy": accuracy})
    row = stats.free_knees(table, ["seed"], 0.1).iloc[0]
    first = accuracy[0] - 0.1  # the curve has fallen a little at p = 0
    u = np.array([stats.crossing(p, accuracy, 0.1, share) for share in (0.75, 0.5, 0.25)])
    share = np.array([0.75, 0.5, 0.25]) * first / height
    back = -np.log1p(-middle) - scale * np.log(share / (1 - share))
    assert u == pytest.approx(back, abs=1e-3)
    assert row.midpoint == pytest.approx(1 - np.exp(-back[1]), abs=1e-3)
    assert row.steepness == pytest.approx(0.5 / (back[2] - back[0]), rel=1e-3)
    assert row.slope == pytest.approx(first * row.steepness / (1 - row.midpoint), rel=1e-6)
    dead = table.assign(accuracy=table.accuracy.where(table.strength < 0.5))
    assert np.isnan(stats.free_knees(dead, ["seed"], 0.1).iloc[0].midpoint)
    assert stats.free_knees(dead.iloc[:0], ["seed"], 0.1).midpoint.tolist() == []  # of no curve no knee
    later = table.assign(accuracy=table.accuracy.where(table.strength < table.strength.max()))
    assert stats.free_knees(later, ["seed"], 0.1).iloc[0].midpoint == row.midpoint


def test_the_interval_of_an_absolute_value():
    assert stats.absolute(stats.Interval(0.1, -0.3, 0.5, 4)) == (0.1, 0.0, 0.5, 4)
    assert stats.absolute(stats.Interval(-0.4, -0.5, -0.3, 4)) == (0.4, 0.3, 0.5, 4)


def test_interval_is_students():
    values = [0.1, 0.4, 0.35, np.nan]
    low, high = reference.t.interval(0.95, 2, np.mean(values[:3]), reference.sem(values[:3]))
    assert stats.mean_interval(values) == pytest.approx((np.mean(values[:3]), low, high, 3))


def test_interval_covers_the_mean_95_times_in_100():
    rng = np.random.default_rng(0)
    hits = sum(low <= 0 <= high for _, low, high, _ in map(stats.mean_interval, rng.normal(size=(4000, 5))))
    assert reference.binomtest(hits, 4000, 0.95).pvalue > 1e-3


def test_the_search_finds_the_least_squares_that_scipy_finds():
    rng = np.random.default_rng(0)
    truth = [(rng.uniform(0.5, 1), rng.uniform(0.3, 0.95), np.exp(rng.uniform(-4, -1.5))) for _ in range(30)]
    curves = np.array([stats.sigmoid(P, 0.1, *t) + rng.normal(0, 0.02, len(P)) for t in truth])
    _, _, _, cost = least_squares(P, curves - 0.1, np.ones_like(curves), 0.9)
    starts = [(0.9, m, np.log(w)) for m in (0.4, 0.7, 0.9) for w in (0.02, 0.1)]
    bounds = ([0.1, -0.5, np.log(1e-3)], [1, 1.5, np.log(10)])

    def residual(x, curve):
        return stats.sigmoid(P, 0.1, x[0], x[1], np.exp(x[2])) - curve

    for curve, found in zip(curves, cost, strict=True):
        fits = [optimize.least_squares(residual, start, bounds=bounds, args=(curve,)) for start in starts]
        assert found < 2 * min(fit.cost for fit in fits) + 2e-5


def test_a_weight_of_zero_leaves_a_point_out():
    curve = stats.sigmoid(P, 0.1, 0.9, 0.8, 0.05)[None]
    wrong, weight = curve.copy(), np.ones_like(curve)
    wrong[0, 4], weight[0, 4] = 0.9, 0
    _, middle, scale, cost = least_squares(P, wrong - 0.1, weight, 0.9)
    assert (middle[0], scale[0]) == pytest.approx((0.8, 0.05), rel=1e-3)
    assert cost[0] < 1e-8


@pytest.mark.parametrize("form", stats.FORMS)
def test_fit_and_slope_of_both_forms(form):
    scale = {"p": 0.1, "log": 0.4}[form]
    fit = fit_knee(P, stats.sigmoid(P, 0.1, 0.95, 0.8, scale, form), 0.1, form)
    assert fit.doubt == ""
    assert (fit.plateau, fit.midpoint, fit.scale) == pytest.approx((0.95, 0.8, scale), rel=1e-3)
    h = 1e-5
    at = stats.sigmoid(np.array([0.8 - h, 0.8 + h]), 0.1, 0.95, 0.8, scale, form)
    assert fit.slope == pytest.approx((at[0] - at[1]) / (2 * h), rel=1e-3)


def test_the_form_in_log_is_a_hill_curve():
    hill = (1 - P) ** 2 / ((1 - P) ** 2 + 0.3**2)
    np.testing.assert_allclose(stats.sigmoid(P, 0, 1, 0.7, 0.5, "log"), hill, atol=1e-12)
    assert stats.sigmoid(np.array([1.0]), 0.1, 0.9, 0.7, 0.5, "log") == pytest.approx(0.1)


@pytest.mark.parametrize(("form", "sign"), [("p", -1), ("log", 1)])
def test_the_form_that_made_the_curves_gains_in_held_out_likelihood(form, sign):
    rng = np.random.default_rng(2)
    rows = [
        {"seed": s, "images": 500, "strength": p, "accuracy": rng.binomial(500, a) / 500}
        for s in range(10)
        for p, a in zip(P, stats.sigmoid(P, 0.1, 0.95, 0.8, 0.09 if form == "p" else 0.4, form), strict=True)
    ]
    gain = stats.mean_interval(stats.form_gain(pd.DataFrame(rows), ["seed"], 0.1)["gain"])
    assert sign * gain.mean > 0
    assert gain.low * gain.high > 0


def test_held_out_density_is_normal_about_the_prediction():
    curve = stats.sigmoid(P, 0.1, 0.95, 0.7, 0.08)[None]
    density = held_out(P, curve, 0.1, 400, "p")[0, 3]
    expected = reference.norm.logpdf(0, 0, np.sqrt(curve[0, 3] * (1 - curve[0, 3]) / 400))
    assert density == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("form", stats.FORMS)
def test_held_out_density_is_that_of_a_bounded_fit_by_scipy_without_the_point(form):
    """Of a curve that falls from the start, whose fits would rise above 1 if they could."""
    rng = np.random.default_rng(3)
    p = np.array([0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95])
    curve = 1 - 0.85 * p + rng.normal(0, 0.02, len(p))
    density = held_out(p, curve[None], 0.1, 300, form)[0]

    def fitted(x: np.ndarray, at: np.ndarray) -> np.ndarray:
        return stats.sigmoid(at, 0.1, 0.1 + x[0], x[1], np.exp(x[2]), form)

    for k in range(1, len(p) - 1):
        some = np.arange(len(p)) != k
        u = p if form == "p" else -np.log1p(-p)
        starts = itertools.product((0.3, 0.8), (-0.3, 0.3, 0.8), (-2.5, -1.0, 0.0, 1.0))
        span = u[-1] - u[0]
        low, high = (u[0] + span * end for end in (-0.5, 1.5))
        ends = (low, high) if form == "p" else (1 - np.exp(-low), 1 - np.exp(-high))
        bounds = ([0, ends[0], np.log(1e-3 * span)], [0.9, ends[1], np.log(10 * span)])
        fits = [
            optimize.least_squares(
                lambda x, some=some: fitted(x, p[some]) - curve[some],
                np.clip(start, *bounds),
                bounds=bounds,
                xtol=1e-12,
            )
            for start in starts
        ]
        best = min(fits, key=lambda fit: fit.cost)
        a = float(fitted(best.x, p[[k]])[0])
        spread = np.sqrt(2 * best.cost / (len(p) - 4) + a * (1 - a) / 300)
        assert density[k] == pytest.approx(reference.norm.logpdf(curve[k], a, spread), abs=0.02)


def test_a_fit_starts_at_1_at_most():
    """A curve that falls early: without the bound the plateau would be higher, the midpoint earlier."""
    u = np.linspace(0, 1, 12)
    height, middle, scale, cost = least_squares(u, (1.2 / (1 + np.exp((u - 0.2) / 0.2)))[None], np.ones((1, 12)), 0.9)
    assert height[0] <= 0.9
    assert cost[0] > 1e-6
    free = least_squares(u, (1.2 / (1 + np.exp((u - 0.2) / 0.2)))[None], np.ones((1, 12)), 2.0)
    assert [part[0] for part in free[:3]] == pytest.approx([1.2, 0.2, 0.2], rel=1e-2)
    assert scale[0] > 0
    assert middle[0] > 0.2


def test_the_end_points_do_not_count_for_the_form():
    p = np.array([0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99])
    curve = stats.sigmoid(p, 0.1, 0.95, 0.75, 0.08)
    curve += np.array([0, 0.01, -0.01, 0.01, -0.02, 0.01, 0.01, 0])
    table = pd.DataFrame({"seed": 0, "strength": p, "accuracy": curve, "images": 400})
    dead = table.assign(seed=1, accuracy=np.where(p == 0.7, np.nan, curve))
    found = stats.form_gain(pd.concat([table, dead]), ["seed"], 0.1)
    by_form = [held_out(p, curve[None], 0.1, 400, form)[0, 1:7].mean() for form in ("p", "log")]
    assert found["seed"].tolist() == [0]
    assert found["gain"].tolist() == pytest.approx([by_form[1] - by_form[0]])


def test_crossings_are_in_straight_lines_of_the_logarithm_whatever_the_order():
    p = 1 - 0.5 ** np.array([3.0, 0, 1, 2, 4])
    accuracy = np.array([0.3, 0.9, 0.9, 0.6, 0.1])
    for share, u in ((0.75, 2 - 0.1 / 0.3), (0.5, 2 + 0.1 / 0.3), (0.25, 3)):
        assert stats.crossing(p, accuracy, 0.1, share) / np.log(2) == pytest.approx(u)
    assert np.isnan(stats.crossing(p, accuracy, 0.85, 0.5))  # hardly above chance from the start
    assert np.isnan(stats.crossing(p, np.full(5, 0.9), 0.1, 0.5))
    assert np.isnan(stats.crossing(p, np.where(p == p[3], np.nan, accuracy), 0.1, 0.25))
    row = stats.free_knees(pd.DataFrame({"seed": 7, "strength": p, "accuracy": accuracy}), ["seed"], 0.1).iloc[0]
    assert row.seed == 7
    assert row.midpoint == pytest.approx(1 - 0.5 ** (7 / 3))
    assert row.steepness == pytest.approx(0.5 / (np.log(2) * (3 - 5 / 3)))
    assert row.slope == pytest.approx(0.8 * row.steepness / 0.5 ** (7 / 3))


def test_intervals_from_columns_scaled_and_turned():
    row = {"gain": 0.3, "gain_low": 0.1, "gain_high": 0.4}
    assert stats.from_columns(row, "gain", 7) == (0.3, 0.1, 0.4, 7)
    assert stats.from_columns(row, "gain", 7, sign=-1.0, shift=1.0) == pytest.approx((0.7, 0.6, 0.9, 7))
    assert stats.scaled(stats.Interval(0.3, 0.1, 0.4, 7), -2) == pytest.approx((-0.6, -0.8, -0.2, 7))
    assert stats.scaled(stats.Interval(0.3, 0.1, 0.4, 7), 3) == pytest.approx((0.9, 0.3, 1.2, 7))


def test_intervals_of_one_value_stay_without_bounds():
    alone = stats.mean_interval([0.4])
    for found in (stats.widened(alone, 5), stats.with_variance(alone, 0.1)):
        assert (found.mean, found.n) == (0.4, 1)
        assert np.isnan([found.low, found.high]).all()
    two = stats.mean_interval([0.4, 0.6])
    half = reference.t.ppf(1 - 0.025 / 3, 1) * 0.1
    assert stats.widened(two, 3)[:3] == pytest.approx((0.5, 0.5 - half, 0.5 + half))
    assert stats.with_variance(two, 0.0) == pytest.approx(two)
    level = stats.mean_interval([0.4, 0.6, 0.9], level=0.8)
    low, high = reference.t.interval(0.8, 2, np.mean([0.4, 0.6, 0.9]), reference.sem([0.4, 0.6, 0.9]))
    assert level[1:3] == pytest.approx((low, high))


def test_mean_over_counts_the_levels_that_every_seed_has():
    rows = pd.DataFrame({"seed": [0, 0, 0, 1, 1], "level": [1, 2, 3, 1, 2], "value": [0.1, 0.5, 9.0, 0.3, 0.6]})
    assert stats.mean_over(rows, "value", ["level"]) == pytest.approx(stats.mean_interval([0.3, 0.45]))


def test_reliability_tells_each_bin():
    found = stats.reliability(np.array([0.0, 0.04, 0.1, 0.19, 0.55, 1.0]), np.array([0.0, 1.0, 0.2, 0.4, 0.5, 0.9]))
    assert found.index.tolist() == [0, 1, 5, 9]
    assert found["images"].tolist() == [2, 2, 1, 1]
    assert found["predicted"].tolist() == pytest.approx([0.02, 0.145, 0.55, 1.0])
    assert found["frequency"].tolist() == pytest.approx([0.5, 0.3, 0.5, 0.9])
    four = stats.reliability(np.array([0.0, 0.24, 0.26, 0.99]), np.zeros(4), bins=4)
    assert four.index.tolist() == [0, 1, 3]


def test_collapse_errors_are_of_points_within_the_range_of_the_others():
    """Two sizes: of one, three points, of which one is beyond the other's range; an increasing curve is fitted."""
    u = np.array([0.0, 1.0, 2.0, 3.0, 0.5, 1.0, 3.5])
    accuracy = np.array([0.1, 0.4, 0.2, 0.9, 0.5, 0.5, 0.0])
    size = np.array([1, 1, 1, 1, 2, 2, 2])
    first = [0.5 - 0.2, 0.5 - 0.3]  # the first curve is 0.1, 0.3, 0.3, 0.9: its fall is levelled
    second = [0.4 - 1 / 3, 0.2 - 1 / 3, 0.9 - 1 / 3]  # the other is level, at 1/3; u = 0 is below its range
    assert stats.collapse_rms(u, accuracy, size) == pytest.approx(np.sqrt(np.mean(np.square(first + second))))


def test_halfway_is_where_a_line_crosses():
    assert stats.halfway(np.array([0.2, 0, 0.4]), np.array([0.7, 0.9, 0.3]), 0.1) == pytest.approx(0.3)
    assert np.isnan(stats.halfway(P, np.full(9, 0.9), 0.1))
    assert np.isnan(stats.halfway(P, np.full(9, 0.12), 0.1))
    assert np.isnan(stats.halfway(P, np.where(P == 0.3, np.nan, 0.9 - 0.8 * P), 0.1))
    late = np.where(P.max() == P, np.nan, 0.9 - 0.8 * P)  # what lies beyond the crossing does not matter
    assert stats.halfway(P, late, 0.1) == stats.halfway(P, 0.9 - 0.8 * P, 0.1)


def test_varied_keeps_the_other_sizes_usual():
    rows = [{"width": w, "train_size": n, "depth": 2, "pixels": 64} for w in (8, 32) for n in (100, 300)]
    rows += [{"width": 32, "train_size": n, "depth": 4, "pixels": 64} for n in (100, 300)]
    fits = pd.DataFrame(rows)
    usual = {"depth": 2, "pixels": 64}
    some, lines = stats.one_size(fits, "depth", usual)
    assert (lines, set(some["width"]), len(some)) == ("train_size", {32}, 4)
    some, lines = stats.one_size(fits, "train_size", usual)
    assert (lines, set(some["depth"]), len(some)) == ("width", {2}, 4)


def test_paired_counts_the_levels_that_every_seed_has():
    rows = [
        {"seed": s, "width": w, "kind": k, "value": (k == "a") * (0.1 if w == 1 else 5.0)}
        for s in range(3)
        for w in (1, 2)
        for k in "ab"
        if (s, w) != (0, 2)
    ]
    assert stats.paired(pd.DataFrame(rows), "value", "kind", "a", "b", ["width"]).mean == pytest.approx(0.1)


def test_a_seed_without_any_value_counts_as_missing():
    rows = [{"seed": s, "width": w, "train_size": 10, "midpoint": np.log2(w)} for s in range(3) for w in (4, 8, 16)]
    fits = pd.DataFrame([row for row in rows if (row["seed"], row["width"]) != (1, 16)])
    fits.loc[fits.width == 16, "midpoint"] = 99.0
    assert stats.growth(fits, "width", "train_size", "midpoint").mean == pytest.approx(1)


def test_paired_differences_are_within_seed_and_level():
    rows = [
        {"seed": s, "width": w, "kind": k, "value": 10 * s + w + (k == "a") * (0.1 + s / 100)}
        for s in range(3)
        for w in (1, 2)
        for k in "ab"
    ]
    interval = stats.paired(pd.DataFrame(rows), "value", "kind", "a", "b", ["width"])
    assert interval == pytest.approx(stats.mean_interval([0.1, 0.11, 0.12]))
    assert stats.paired(pd.DataFrame(rows), "value", "kind", "a", "c", ["width"]).n == 0


def test_collapse_rms_is_zero_on_one_curve_and_the_distance_of_two():
    u = np.tile(np.linspace(0, 1, 50), 2)
    size = np.repeat([1, 2], 50)
    assert stats.collapse_rms(u, u**2, size) == pytest.approx(0, abs=1e-3)
    assert stats.collapse_rms(u, u / 2 + 0.2 * (size == 2), size) == pytest.approx(0.2, abs=1e-3)
    assert np.isnan(stats.collapse_rms(u, u, np.ones(100)))
    assert np.isnan(stats.collapse_rms(u + 5 * (size == 2), u, size))


def two_sizes(rng: np.random.Generator, seeds: int, gap: float, noise: float) -> pd.DataFrame:
    """Lines A = u and A = u + gap with scatter between seeds; on the baseline they are 0.2 further apart."""
    rows = [
        {"seed": s, "train_size": n, "strength": p, "u": p, "base": p - 0.2 * (n == 300)}
        | {"accuracy": p + gap * (n == 300) + rng.normal(0, noise)}
        for s in range(seeds)
        for n in (100, 300)
        for p in np.linspace(0, 0.9, 10)
    ]
    return pd.DataFrame(rows)


def test_collapse_interval_finds_error_and_gain():
    error, gain = stats.collapse_interval(
        two_sizes(np.random.default_rng(0), 6, 0.1, 0.01), "u", "base", ["train_size"]
    )
    assert error.n == gain.n == 6
    assert error.low < 0.1 < error.high
    assert error.high - error.low < 0.03
    assert gain.low < 0.2 < gain.high


def test_a_point_that_lacks_a_seed_is_left_out_of_a_collapse():
    table = two_sizes(np.random.default_rng(0), 4, 0.1, 0.01)
    here = (table.strength == table.strength.unique()[3]) & (table.train_size == 300)
    lacking = table.assign(accuracy=table.accuracy.mask(here & (table.seed == 2), np.nan))
    found, without = (
        stats.collapse_interval(rows, "u", "base", ["train_size"], draws=20) for rows in (lacking, table[~here])
    )
    assert found == without
    assert np.isfinite(found[0].mean)


@pytest.mark.parametrize("gap", [0.02, 0.06])
def test_collapse_interval_covers_the_error_without_scatter(gap):
    rng = np.random.default_rng(1)
    truth = stats.collapse_interval(two_sizes(rng, 2, gap, 0), "u", "base", ["train_size"], draws=2)[0].mean
    found = [
        stats.collapse_interval(two_sizes(rng, 6, gap, 0.03), "u", "base", ["train_size"], draws=60)[0]
        for _ in range(30)
    ]
    assert sum(low <= truth <= high for _, low, high, _ in found) >= 24
    assert np.mean([mean for mean, *_ in found]) == pytest.approx(truth, rel=0.25)


def test_auroc_is_the_share_of_ordered_pairs():
    rng = np.random.default_rng(0)
    score, fails = rng.integers(0, 5, 40).astype(float), rng.random(40) < 0.4
    pairs = [(a < b) + (a == b) / 2 for a in score[fails] for b in score[~fails]]
    assert stats.auroc(score, fails, ~fails) == pytest.approx(np.mean(pairs))
    assert np.isnan(stats.auroc(score, np.zeros(40), np.ones(40)))


def test_calibration_error_is_the_gap_of_each_bin():
    predicted = np.array([0.05, 0.05, 0.95, 0.95])
    assert stats.calibration_error(predicted, np.array([0.0, 0.1, 0.9, 1.0])) == pytest.approx(0)
    assert stats.calibration_error(predicted, np.array([0.25, 0.25, 0.95, 0.95])) == pytest.approx(0.1)
    assert stats.reliability(np.array([1.0]), np.array([1.0])).index.tolist() == [9]


@pytest.mark.parametrize(("values", "n"), [([], 0), ([np.nan], 0), ([0.5], 1)])
def test_interval_of_too_few_has_no_bounds(values, n):
    interval = stats.mean_interval(values)
    assert interval.n == n
    assert np.isnan([interval.low, interval.high]).all()


@pytest.mark.parametrize(("plateau", "midpoint", "scale"), [(0.97, 0.8, 0.06), (0.9, 0.5, 0.1), (0.6, 0.93, 0.015)])
def test_fit_recovers_a_sigmoid(plateau, midpoint, scale):
    fit = fit_knee(P, stats.sigmoid(P, 0.1, plateau, midpoint, scale), 0.1)
    assert fit.doubt == ""
    assert (fit.plateau, fit.midpoint, fit.scale) == pytest.approx((plateau, midpoint, scale), rel=1e-3)


def test_slope_is_the_derivative_at_the_midpoint():
    fit = fit_knee(P, stats.sigmoid(P, 0.1, 0.95, 0.7, 0.08), 0.1)
    h = 1e-5
    at = stats.sigmoid(np.array([0.7 - h, 0.7 + h]), 0.1, 0.95, 0.7, 0.08)
    assert fit.slope == pytest.approx((at[0] - at[1]) / (2 * h), rel=1e-3)


def test_fit_error_is_that_of_its_noise():
    rng = np.random.default_rng(1)
    clean = stats.sigmoid(P, 0.1, 0.95, 0.75, 0.06)
    fits = [fit_knee(P, clean + rng.normal(0, 0.01, len(P)), 0.1).midpoint for _ in range(60)]
    assert abs(np.mean(fits) - 0.75) < 4 * np.std(fits) / np.sqrt(60)
    assert np.std(fits) < 0.02


@pytest.mark.parametrize(
    ("accuracy", "doubt"),
    [
        (np.full(9, 0.12), "never far above chance"),
        (stats.sigmoid(P, 0.1, 0.95, 1.1, 0.02), "p* outside the grid"),
        (stats.sigmoid(P, 0.1, 0.95, 0.1, 0.1), "no plateau"),
        (np.array([0.9, 0.2, 0.9, 0.2, 0.9, 0.2, 0.9, 0.2, 0.2]), "not a sigmoid"),
        (np.where(P == 0, np.nan, 0.5), "a network did not learn"),
    ],
)
def test_a_fit_that_cannot_be_trusted_says_why_and_gives_no_number(accuracy, doubt):
    fit = fit_knee(P, accuracy, 0.1)
    assert fit.doubt == doubt
    assert np.isnan([fit.plateau, fit.midpoint, fit.scale, fit.slope]).all()


def test_a_fall_between_two_grid_points_has_a_midpoint_but_no_slope():
    fit = fit_knee(P, np.where(P < 0.6, 0.95, 0.1), 0.1)
    assert fit.doubt == "slope between two grid points"
    assert 0.5 < fit.midpoint < 0.7
    assert np.isnan(fit.slope)


@pytest.mark.parametrize(("scale", "known"), [(0.026, True), (0.024, False)])
def test_a_slope_is_known_where_four_scales_are_wider_than_the_grid(scale, known):
    p = np.linspace(0, 1, 11)
    fit = fit_knee(p, stats.sigmoid(p, 0.1, 0.95, 0.55, scale), 0.1)
    assert fit.midpoint == pytest.approx(0.55, abs=1e-3)
    assert (fit.doubt == "", np.isfinite(fit.slope)) == (known, known)


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


def test_the_interval_of_the_largest_mean_covers_it():
    rng, misses, below = np.random.default_rng(0), 0, 0
    for _ in range(400):
        found = stats.largest_mean([pd.Series(own) for own in rng.normal(0, 0.02, (8, 5))])
        misses, below = misses + (found.high < 0), below + (found.low > 0)
    assert misses <= 10
    assert below <= 16  # the largest's own interval would lie above 0 for a sixth of them
    assert np.isnan(stats.largest_mean([]).mean)


def test_the_largest_mean_counts_the_fewest_seeds_and_reaches_as_far_as_the_widest():
    few, many = pd.Series([0.1, 0.3]), pd.Series([0.4, 0.5, 0.6])
    found = stats.largest_mean([few, many])
    wide = reference.t.ppf(0.975, 1) * reference.sem(few)  # of the smaller mean, which is less sure
    own = reference.t.ppf(1 - 0.025 / 2, 2) * reference.sem(many)
    assert found == pytest.approx((0.5, 0.5 - own, 0.5 + wide, 2))


def test_points_of_several_sizes_at_one_place_make_its_mean_level():
    """Three sizes: at u = 1 the two others have 0.3 and 0.5, and so a curve through 0.4."""
    u = np.array([0.0, 1.0, 2.0, 1.0, 1.0])
    accuracy = np.array([0.1, 0.3, 0.9, 0.5, 0.7])
    size = np.array([1, 1, 1, 2, 3])
    second, third = 0.5 - (0.3 + 0.7) / 2, 0.7 - (0.3 + 0.5) / 2  # of the first, only u = 1 is within the others' range
    assert stats.collapse_rms(u, accuracy, size) == pytest.approx(
        np.sqrt(np.mean(np.square([0.3 - 0.6, second, third])))
    )
