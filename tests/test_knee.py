"""The summaries of 01_knee."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from almostnothing import stats
from almostnothing.claims import Case
from almostnothing.pages import model_of
from almostnothing.pages.knee import page as knee
from almostnothing.parameters.files import validate

SWEEP = {
    "dataset": "digits",
    "train_size": [100, 400],
    "strength": [0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99],
    "training_corruption": "fixed",
    "width": [8, 32],
    "depth": 2,
    "centred": True,
    "learning_rate": 1e-3,
    "steps": 1000,
    "seeds": [0, 1, 2, 3],
}
LIMITS = {"shift": 0.005, "sharpening": 0.05, "form": 0.1, "exponent": 0.25, "recipe": 0.05}
KINDS: dict[
    str, tuple[dict[str, Any], float]
] = {  # networks, and by how much their knee is moved beside that of their size
    "usual": ({}, 0.0),
    "depth": ({"depth": 4}, 0.01),
    "loss": ({"objective": "mse"}, -0.1),
    "fresh": ({"training_corruption": "fresh", "steps": 500}, 0.05),
    "recipe": ({"centred": False, "steps": 300}, -0.2),
    "centre": ({"centred": False, "shift": 0.5}, 0.03),
    "rate": ({"learning_rate": 3e-3}, -0.02),
}


def chosen():
    return validate(model_of("01_knee", "test"), {"sweep": SWEEP, "thresholds": LIMITS}, "test")


def knees(dead: str = "") -> pd.DataFrame:
    """Curves whose midpoint grows by 0.02 a doubling of width, of N by 0.01 at width 8 and 0.03 at 32, and `KINDS`."""
    p = np.array(SWEEP["strength"])
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(4):
        for kind, (changes, moved) in KINDS.items():
            for width, size in ((8, 100), (32, 100), (8, 400), (32, 400)):
                middle = 0.5 + 0.02 * np.log2(width / 8) + {8: 0.01, 32: 0.03}[width] * np.log2(size / 100)
                middle += moved + rng.normal(0, 1e-3)
                for test in ("clean", "corrupted"):
                    base: dict[str, Any] = {
                        "dataset": "d",
                        "test": test,
                        "depth": 2,
                        "pixels": 64,
                        "width": width,
                        "train_size": size,
                    }
                    base |= {"seed": seed, "objective": "cross_entropy", "training_corruption": "fixed", "shift": 0.0}
                    base |= {"centred": True, "learning_rate": 1e-3, "steps": 1000, "images": 500, "readout_scale": 1.0}
                    base |= {"status": "dead" if kind == dead else "learned", **changes}
                    last, best = (stats.sigmoid(p, 0.1, 0.9, middle + more, 0.06) for more in (0, 0.04))
                    rows += [
                        base | {"strength": s, "accuracy": np.nan if kind == dead else a, "best": b}
                        for s, a, b in zip(p, last, best, strict=True)
                    ]
    return pd.DataFrame(rows)


def test_chosen_is_the_rate_of_most_held_out_images_at_each_strength():
    rows = [
        {"rate": rate, "strength": p, "seed": seed, "test": test, "accuracy": accuracy}
        for p, accuracies in {0.5: (0.7, 0.8, 0.9), 0.9: (0.4, 0.5, np.nan), 0.99: (np.nan, 0.2, np.nan)}.items()
        for rate, accuracy in zip((1e-3, 3e-4, 3e-3), accuracies, strict=True)
        for seed in (0, 1)
        for test in ("validation", "clean")
    ]
    table = pd.DataFrame(rows).rename(columns={"rate": "learning_rate"})
    table.loc[(table["strength"] == 0.5) & (table["learning_rate"] == 3e-3) & (table["seed"] == 1), "accuracy"] = np.nan
    table = table.assign(**{name: 1 for name in knee.CURVE if name not in table})
    marked = knee.with_chosen_rates(table.assign(was=table["learning_rate"]), chosen().sweep)
    assert marked.groupby("strength")["was"].unique().map(list).to_dict() == {0.5: [3e-4], 0.9: [3e-4]}
    assert set(marked["learning_rate"]) == {1e-3}
    assert len(marked) == 2 * 2 * 2
    assert knee.chosen_rates(table, chosen().sweep).to_numpy().tolist() == [[3e-4, 3e-4]]


def found(table: pd.DataFrame) -> dict[tuple[Any, ...], Case]:
    free, gains = stats.free_knees(table, knee.CURVE, 0.1), stats.form_gain(table, knee.CURVE, 0.1)
    return {
        (claim.id.partition(".")[2], *[v for k, v in case.where.items() if k not in ("dataset", "test")]): case
        for claim in knee.claims(pd.concat([table, held_out(table)]), gains, free, chosen(), 0.1)
        for case in claim.cases
        if case.where["test"] == "clean"
    }


def held_out(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of held-out images by which the usual rate is the best up to p = .3, and then the other."""
    rows = table[table["test"] == "clean"]
    better = (rows["learning_rate"] == 1e-3) == (rows["strength"] < 0.45)
    return rows.assign(test="validation", accuracy=rows["accuracy"].where(rows["accuracy"].isna(), 0.5 + 0.1 * better))


def test_claims_find_what_was_put_in():
    cases = found(knees())
    means = {name: case.found.mean for name, case in cases.items()}
    grid = 0.012  # the knee is read off a coarse grid
    assert means["shift-width",] == pytest.approx(0.02 + 0.02 / 2, abs=grid)  # at N = 400 the widths differ more
    assert means["shift-N",] == pytest.approx(0.02, abs=grid)
    assert means["interaction",] == pytest.approx(0.02, abs=grid)
    assert means["shift-depth",] == pytest.approx(0.01, abs=grid)
    assert means["loss",] == pytest.approx(-0.1, abs=2 * grid)
    assert means["fresh",] == pytest.approx(0.05, abs=grid)
    assert means["recipe",] == pytest.approx(0.2, abs=2 * grid)
    assert means["centre", "1/2 taken from raw inputs"] == pytest.approx(0.03, abs=grid)
    assert means["rate", "rate 0.003"] == pytest.approx(0.02, abs=grid)
    assert means["early", "N = 100"] == pytest.approx(0.04, abs=grid)
    assert 0.01 < means["tuned", "N = 400"] < 0.02 + grid  # where half is left the other rate was chosen
    assert means["form",] < 0  # the curves are sigmoids in p
    assert "shift-d" not in {name[0] for name in means}
    assert cases["shift-N",].networks == 4 * 4 * 9
    assert cases["sharpening", "N"].found.n == 4


def test_claims_about_networks_that_did_not_learn_are_not_measured():
    for kind in ("loss", "fresh"):
        case = found(knees(dead=kind))[kind,]
        assert np.isnan(case.found.mean)
        assert (case.networks, case.left_out) == (0, 4 * 4 * 9)
