"""13_root_d: its table by other means, claims from a table made by hand, mistakes."""

import math
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import page_cases
import pandas as pd
import pytest
import yaml
from scipy import stats as reference
from test_page_claims import is_interval

from almostnothing.errors import UserError
from almostnothing.pages import model_of
from almostnothing.pages.root_d import page
from almostnothing.pages.root_d import table as root_table
from almostnothing.parameters.files import validate
from almostnothing.theory import compression

QUICK = Path(__file__).resolve().parent.parent / "params/quick/13_root_d.yaml"
SMALL: dict[str, Any] = {
    "dimensions": [10, 16, 30, 40],
    "draws": [8, 4, 4, 2],
    "largest": 30,
    "generated": 2,
    "concentrated": 4,
    "shares": [0.5],
    "layers": [2],
    "noise": [0.5],
    "corner_noise": [2],
    "replaced": [0.6],
    "seeds": [0, 3],
}
SEEDS = np.arange(4)


def asked(**changes: Any) -> Any:
    return validate(model_of("13_root_d", "test"), yaml.safe_load(QUICK.read_text()) | changes, "test")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return page_cases.measured("13_root_d", asked(**SMALL))


def chosen(table: pd.DataFrame, **case: Any) -> pd.DataFrame:
    return table[(table[list(case)] == pd.Series(case)).all(axis=1)]


def test_every_case_is_drawn_for_every_seed(table):
    counts = table.groupby(["data", "share", "layers", "noise", "d"]).size() / 2
    assert counts["points", 1.0, 1, 0.0].to_dict() == {10: 8, 16: 4, 30: 4, 40: 2}
    assert counts["points", 1.0, 2, 0.0].to_dict() == {10: 4, 16: 2, 30: 2}
    for case in (("points", 0.5, 1, 0.0), ("points", 1.0, 1, 0.5), ("corners", 1.0, 1, 2.0), ("replaced", 1.0, 1, 0.6)):
        assert counts[case].to_dict() == {10: 2, 16: 2, 30: 2}
    assert table["ratio"].nunique() == len(table)


def test_rows_are_those_of_the_pseudoinverse(table):
    for data, share, layers, noise in (("points", 0.5, 1, 0), ("points", 1, 2, 0), ("points", 1, 1, 0)):
        row = chosen(table, d=16, data=data, share=share, layers=layers, noise=noise).iloc[-1]
        x = root_table.points(16, int(row["n"]), layers, int(row["seed"]), int(row["draw"]))
        w, u = np.linalg.pinv(x), x[:, -1] - x[:, -2]
        assert x.shape == (16, row["n"])
        assert row["ratio"] == pytest.approx(compression.cosine(w[-1] - w[-2], u))
        assert row["minimal"] == pytest.approx(1 / np.linalg.norm(w[-1] - w[-2]))
        assert row["optimal"] == pytest.approx(np.linalg.norm(u) / 2)
        assert row["any_class"] == pytest.approx(1 / np.linalg.norm(w[:-1] - w[-1], axis=1).max())
        if share == layers == 1:
            assert row["phi"] == pytest.approx(compression.phi(x))
        else:
            assert math.isnan(row["phi"])
    for data, noise in (("points", 0.5), ("corners", 2.0)):
        row = chosen(table, d=16, data=data, noise=noise).iloc[-1]
        x = root_table.points(16, 16, 1, int(row["seed"]), int(row["draw"]))
        ridge = np.linalg.inv(x @ x.T + noise**2 * np.eye(16) * (16 if data == "points" else 1))
        u = x[:, -1] - x[:, -2] if data == "points" else x[:, -1]
        assert row["ratio"] == pytest.approx(compression.cosine(ridge @ u, u))
        assert math.isnan(row["minimal"])


def test_replaced_points_are_those_of_least_squares(table):
    row = chosen(table, d=16, data="replaced").iloc[-1]
    x = root_table.points(16, 16, 1, int(row["seed"]), int(row["draw"]))
    u, p = x[:, -1] - x[:, -2], 0.6
    second = (1 - p) ** 2 * x @ x.T + np.diag((p * (1 - p) * x**2 + p).sum(1))  # E x̃x̃ᵀ, summed over points
    assert row["ratio"] == pytest.approx(compression.cosine(np.linalg.inv(second) @ u, u))


def test_points_are_standard_normal_and_of_their_own_draw():
    drawn = np.concatenate([root_table.points(30, 20, 1, seed, 0).ravel() for seed in range(20)])
    assert reference.kstest(drawn, "norm").pvalue > 1e-3
    behind = np.concatenate([root_table.points(30, 20, 2, seed, 0).ravel() for seed in range(20)])
    assert behind.std() == pytest.approx(math.sqrt(30), rel=0.05)
    assert not np.allclose(root_table.points(30, 20, 1, 0, 0), root_table.points(30, 20, 1, 0, 1))


def by_hand() -> pd.DataFrame:
    """Powers of d that differ by a hundredth from seed to seed, a row for each case, seed and d."""
    chosen, rows = asked(), []
    for case in root_table.cases(chosen):
        for seed in SEEDS:
            d, more = case["d"], float(case["d"]) ** (0.01 * seed)
            power = -0.5 * case["layers"] if case["share"] == 1 and case["noise"] == 0 else -0.02
            row = case | {"seed": int(seed), "draw": 0, "ratio": 0.8 * d**power * more}
            plain = case["data"] == "points" and case["noise"] == 0
            if plain:
                row |= {"minimal": 0.5 * more, "optimal": d**0.53 * more, "bound": 4 * more * math.exp(0.1 * seed)}
                row |= {"any_class": 0.2 * d**-0.1 * more, "nearest": d**0.5, "phi": 0.7 * d**-0.5}
            rows.append(row)
    return pd.DataFrame(rows).drop(columns="draws")


def test_claims_are_those_of_the_table_made_by_hand():
    chosen, table = asked(), by_hand()
    found = {claim.id.partition(".")[2]: claim for claim in page.claims(table, chosen)}
    cases = {(name, *case.where.values()): case for name, claim in found.items() for case in claim.cases}
    slope = 0.01 * SEEDS
    assert cases["root", "a pair"].found.mean == pytest.approx(slope.mean())
    assert found["root"].verdict == "supported"
    assert cases["lengths", "the classifier, a pair"].found.mean == pytest.approx(slope.mean())
    assert cases["lengths", "minimum distance, a pair"].found.mean == pytest.approx(0.03 + slope.mean())
    assert is_interval(cases["fewer", "n = 0.5 d"], -0.02 + slope)
    assert found["fewer"].verdict == "supported"
    assert is_interval(cases["any-class", "n = d"], -0.6 + slope)
    assert cases["layers", "t = 3"].found.mean == pytest.approx(slope.mean())
    assert is_interval(cases["noise", "σ = 0.3, one point a class"], -0.02 + slope)
    for d in (50, 200):  # the fewest and the most of all cases
        exact = compression.mean_log_cosine(d, d)
        logs = math.log(0.8) + (-0.5 + 0.015) * math.log(d)
        assert cases["law", "n = d", f"d = {d}"].found.mean == pytest.approx(abs(logs - exact))
        phi = math.log(0.7) - 0.5 * math.log(d)
        assert cases["phi", f"d = {d}"].found.mean == pytest.approx(abs(phi - exact))
    logs = math.log(0.8) + (-0.02 + 0.015) * math.log(200)
    for where, kappa in (("σ = 1, corners", 1 / 200), ("σ = 0.3, one point a class", 0.09)):
        limit = math.log(compression.noisy_cosine(1, kappa))
        assert cases["noise-law", where].found.mean == pytest.approx(abs(logs - limit))
    limit = math.log(compression.noisy_cosine(1, 99))
    assert cases["noise-law", "p = 0.9, one point a class"].found.mean == pytest.approx(abs(logs - limit))
    assert is_interval(cases["noise", "p = 0.5, one point a class"], -0.02 + slope)
    assert is_interval(cases["restored", "p = 0.9, one point a class"], 0.8 * 200 ** (-0.02 + slope))


def test_claims_hold_for_points_that_are_drawn(table):
    cases = [case for claim in page.claims(table, asked(**SMALL)) for case in claim.cases]
    assert all(math.isfinite(case.found.mean) for case in cases)
    found = page.agreement(table)
    assert found.loc[10, "draws"] == 16
    own = chosen(table, data="points", share=1.0, layers=1, noise=0.0, d=10)
    assert found.loc[10, "bound / smallest"] == f"{np.exp(np.log(own['bound'] / own['minimal']).mean()):.1f}"
    assert found.loc[10, "exact"] == f"{compression.mean_cosine(10, 10) * math.sqrt(10):.3f}"


def test_the_figure_is_drawn_and_says_what_it_shows(table):
    page.law_figure(table)
    drawn = page.figure(table, page.claims(table, asked(**SMALL)))
    middle = table.query("share == 1 and layers == 1 and noise == 0 and d == 40")["minimal"].median()
    assert f"{middle:.3g} (medians)" in drawn.subfigs[0].get_suptitle()
    assert drawn.get_size_inches()[1] < 247 / 25.4
    plt.close("all")


def test_a_sample_is_a_smaller_file_of_the_same_cases():
    sampled = validate(model_of("13_root_d", "test"), asked().sample(min), "a sample")
    assert (sampled.draws, sampled.seeds) == ([4, 4, 4, 4], [0, 1])
    words = ("data", "share", "d", "layers", "noise")
    named = [{tuple(case[word] for word in words) for case in root_table.cases(each)} for each in (asked(), sampled)]
    assert named[0] == named[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"draws": [3]}, "draws needs a number for each of the 4 dimensions, and has 1"),
        ({"dimensions": [100, 50, 200, 400]}, "dimensions should grow"),
        ({"largest": 60}, "at least 3 up to largest, 60"),
        ({"shares": [0.04]}, "which is 2 points in 50 dimensions: a whole number from 4 to 49 is needed"),
        ({"shares": [0.25]}, "which is 12.5 points in 50 dimensions"),
        ({"shares": [0.99]}, "which is 49.5 points"),
        ({"shares": [1.5]}, "shares"),
        ({"dimensions": [2, 50, 100, 200]}, "dimensions"),
        ({"dimensions": [50, 100, 200, 20000]}, "dimensions"),
        ({"layers": [1]}, "layers"),
        ({"noise": [-1]}, "noise"),
        ({"replaced": [1]}, "replaced"),
        ({"seeds": [4]}, "at least 2 seeds"),
        ({"draws": [400, 200, 100, 0]}, "draws"),
    ],
)
def test_mistakes_are_told_in_one_sentence(change, message):
    with pytest.raises(UserError, match=message) as found:
        asked(**change)
    assert "\n" not in str(found.value)
