"""The table and the summaries of 08_universality."""

import numpy as np
import page_cases
import pandas as pd
import pytest

from almostnothing import data
from almostnothing.measures import naming
from almostnothing.pages import model_of
from almostnothing.pages.universality import page as universality
from almostnothing.parameters.files import validate
from almostnothing.tables import long


@pytest.fixture(scope="module")
def universal():
    content = {
        "datasets": "digits",
        "train_size": 20,
        "activations": ["relu", "identity"],
        "depths": 2,
        "shifts": [0, 0.5],
        "laws": [
            {"corruption": {"law": "replacement"}, "strength": 0.9},
            {"corruption": {"law": "additive"}, "strength": 2},
        ],
        "second_moments": [
            {"corruption": {"law": "replacement", "values": "constant"}, "strength": 0.9},
            {"corruption": {"law": "replacement", "low": -1, "high": 2}, "strength": 0.9},
        ],
        "images": 60,
        "seeds": [0, 1],
        "thresholds": {"same": 0.9, "tilt": 0.02},
    }
    chosen = validate(model_of("08_universality", "test"), content, "test")
    return long(page_cases.measured("08_universality", chosen), universality.ALL, "rule")


def test_universality_has_every_combination_and_the_noises_second_moment(universal):
    heavy = universal[universal.part == "matrix"]
    assert len(heavy.groupby(["law", "activation", "depth", "shift", "seed"])) == 2 * 2 * 2 * 2
    assert set(heavy.rule) == set(naming.NAMES)
    assert set(heavy[heavy.law.str.startswith("additive")].noise) == {2.0}
    tests = data.load(data.source("digits"))
    v = 0.09 * ((tests.values(tests.test)[tests.tests(60)].astype(float) - 0.5) ** 2).mean() + 0.9 / 12
    assert heavy[heavy.law.str.startswith("repl")].noise.iloc[0] == pytest.approx(np.sqrt(v) / 0.1, rel=1e-4)
    tilted = universal[universal.part == "tilt"]
    assert set(tilted.rule) == {*naming.NAMES, "untilted"}
    # 1/4 of a constant ½; 1/4 + 9/12 of a uniform value from −1 to 2
    assert sorted(tilted.moment.unique()) == [0.25, 1.0]
    flat = tilted[(tilted.activation == "identity")]
    assert flat.tilt.abs().max() < 1e-9  # a linear network's kernel knows no length
    same = flat.pivot_table("agreement", ["law", "shift", "seed"], "rule")
    assert (same["untilted"] == same["first_order"]).all()
    assert tilted[tilted.activation == "relu"].tilt.abs().min() > 1e-3


def test_universality_summaries(universal):
    heavy = universal[universal.part == "matrix"]
    raw = heavy[(heavy["shift"] == 0) & (heavy.rule == "resummed")]
    wide = universality.matrix(raw)
    assert list(wide.index) == ["relu 2", "identity 2"]
    relu = raw[(raw.activation == "relu") & raw.law.str.startswith("additive")]
    assert wide.loc["relu 2", relu.law.iloc[0]] == pytest.approx(relu.agreement.mean())
    rows = [
        {"shift": 0, "dataset": "d", "law": "l", "noise": 1, "rule": rule, "activation": a, "depth": 2, "agreement": x}
        for a, shares in (("relu", (0.95, 0.96)), ("erf", (0.5, 0.99)))
        for x in shares
        for rule in universality.RULES
    ]
    assert (universality.reach(pd.DataFrame(rows), 0.8) == 0.5).all(axis=None)  # one of two networks
    tilted = universal[(universal.part == "tilt") & (universal["shift"] == 0)]
    added = tilted.pivot_table("agreement", "moment", "rule")
    added = added["first_order"] - added["untilted"]
    assert universality.gain(tilted).mean == pytest.approx(added[1.0] - added[0.25])


def test_the_table_made_again_compares_as_equal_and_another_does_not(universal):
    page_cases.compares(universal)
