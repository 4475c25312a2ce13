"""16_tightness: its table by other means, claims from a table made by hand, mistakes."""

import itertools
import math
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import page_cases
import pandas as pd
import pytest
import yaml
from scipy.spatial.distance import pdist
from test_page_claims import is_interval

from almostnothing.errors import UserError
from almostnothing.pages import model_of
from almostnothing.pages.tightness import page
from almostnothing.pages.tightness import table as made
from almostnothing.parameters.files import validate
from almostnothing.theory import interpolants

QUICK = Path(__file__).resolve().parent.parent / "params/quick/16_tightness.yaml"
SMALL: dict[str, Any] = {"d": 24, "sizes": [20, 30, 40], "kept": [2, 5, 24], "seeds": [0, 3]}
SEEDS = np.arange(4)


def asked(**changes: Any) -> Any:
    return validate(model_of("16_tightness", "test"), yaml.safe_load(QUICK.read_text()) | changes, "test")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return page_cases.measured("16_tightness", asked(**SMALL))


def test_rows_are_those_of_all_pairs(table):
    assert len(table) == 2 * 3 * 3 * 3
    for row in table.to_dict("records"):
        x, y = made.points(24, 40, row["seed"])
        z, y = x[: row["n"], : row["kept"]] * math.sqrt(24 / row["kept"]), y[: row["n"]]
        apart, opposite = pdist(z), pdist(y[:, None]) > 0
        assert row["constant"] == pytest.approx(row["ratio"] * math.sqrt(24 / row["kept"]))
        if row["construction"] == "tents":
            assert row["ratio"] == pytest.approx(2 / apart.min())
        elif row["construction"] == "mcshane":
            assert row["ratio"] == pytest.approx(2 / apart[opposite].min())
        else:
            assert 0 < row["ratio"] <= 2 / apart[opposite].min()


def test_points_lie_on_the_sphere():
    x, y = made.points(30, 2000, 0)
    assert np.linalg.norm(x, axis=1) == pytest.approx(1)
    assert np.abs(x.mean(0)).max() < 5 / math.sqrt(30 * 2000)
    assert abs(y.mean()) < 4 / math.sqrt(2000)
    assert set(y) == {-1.0, 1.0}
    assert not np.array_equal(x, made.points(30, 2000, 1)[0])


def by_hand() -> pd.DataFrame:
    """Ratios 3 n^(1/d̃ + a hundredth of the seed) for all but all dimensions, whose ratio is 2."""
    want, rows = asked(), []
    for seed, n, kept, name in itertools.product(SEEDS, want.sizes, want.kept, page.NAMES):
        ratio = 3 * float(n) ** (1 / kept + 0.01 * seed) if kept < want.d else 2.0
        rows.append({"seed": int(seed), "n": n, "kept": kept, "construction": name, "constant": 1.0, "ratio": ratio})
    return pd.DataFrame(rows)


def test_claims_are_those_of_the_table_made_by_hand():
    want = asked()
    assert page.asked_levels(want) == [2, 4, 8, 16, 32]  # log₂ 1000 = 9.97
    found = {claim.id.partition(".")[2]: claim for claim in page.claims(by_hand(), want)}
    cases = {(name, *case.where.values()): case for name, claim in found.items() for case in claim.cases}
    tents, part = page.NAMES["tents"], page.NAMES["part"]
    logs = math.log(1.5) + (1 / 4 + 0.01 * SEEDS) * math.log(1000)
    assert is_interval(cases["tight", tents, "d̃ = 4 = 0.4 log₂n"], logs, primary=10)
    assert is_interval(cases["grows", part, "d̃ = 16 = 1.6 log₂n"], 1 / 16 + 0.01 * SEEDS)
    assert cases["exponent", tents, "d̃ = 2 = 0.2 log₂n"].found.mean == pytest.approx(abs(0.5 + 0.015 - 1))
    apart = math.log(3) + (1 / 8 + 0.015) * math.log(1000) - math.log(2 / interpolants.closest(1000 * 999 / 2, 8))
    assert cases["law", tents, "d̃ = 8 = 0.8 log₂n"].found.mean == pytest.approx(abs(apart))
    assert not any(case[1] == part for case in cases if case[0] in ("tight", "law", "exponent"))


def test_the_figure_is_drawn_and_says_what_it_shows(table):
    want = asked(**SMALL)
    drawn = page.figure(table, page.claims(table, want), want)
    title = drawn.subfigs[0].get_suptitle()
    assert title.startswith("40 points in 24 dimensions, projected to 2 (0.376 log₂n)")
    rows = table[(table["n"] == 40) & (table["construction"] == "tents")]
    wide = np.log(rows.pivot_table("ratio", "seed", "kept"))
    assert f"{math.exp((wide[2] - wide[24]).mean()):.3g} times as steep" in title
    assert drawn.get_size_inches()[1] < 247 / 25.4
    assert list(page.ratios(table, want).index) == [2, 5, 24]
    plt.close("all")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": [1000, 500, 250]}, "sizes should grow"),
        ({"sizes": [250, 500]}, "at least 3"),
        ({"sizes": [250, 500, 50000]}, "sizes"),
        ({"kept": [1, 2, 128]}, "end with d, 256"),
        ({"kept": [4, 2, 256]}, "kept should grow"),
        ({"kept": [4, 256]}, "at least 3 values"),
        ({"share": 0.4}, "share"),
        ({"seeds": [4]}, "at least 2 seeds"),
    ],
)
def test_mistakes_are_told_in_one_sentence(change, message):
    with pytest.raises(UserError, match=message) as found:
        asked(**change)
    assert "\n" not in str(found.value)
