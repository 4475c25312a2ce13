"""The summaries of 01_knee."""

import numpy as np
import pandas as pd
import pytest

from almostnothing import stats
from almostnothing.pages.knee import page as knee


def knees(**shift) -> pd.DataFrame:
    """Curves whose midpoint grows by 0.02 a doubling of width; other shifts as told."""
    p = np.array([0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(4):
        for width, depth, objective in ((8, 2, "ce"), (32, 2, "ce"), (32, 4, "ce"), (32, 2, "mse")):
            middle = (
                0.6 + 0.02 * np.log2(width / 8) + shift.get(objective, 0) + 0.01 * (depth == 4) + rng.normal(0, 1e-3)
            )
            for test in ("clean", "corrupted"):
                base = {"dataset": "d", "test": test, "depth": depth, "pixels": 64, "width": width, "train_size": 100}
                base |= {"seed": seed, "objective": {"ce": "cross_entropy"}.get(objective, objective), "images": 500}
                rows += [
                    base | {"strength": s, "accuracy": a}
                    for s, a in zip(p, stats.sigmoid(p, 0.1, 0.9, middle, 0.06), strict=True)
                ]
    return pd.DataFrame(rows)


def test_knee_statistics_find_what_was_put_in():
    table = knees(mse=-0.1)
    fits, halves = stats.fit_knees(table, knee.CURVE, 0.1), stats.halfways(table, knee.CURVE, 0.1)
    usual = {"objective": "cross_entropy", "depth": 2, "pixels": 64}
    found = {
        f.name: f.interval
        for f in knee.statistics(fits, halves, stats.form_gain(table, knee.CURVE, 0.1), usual)
        if f.test == "clean"
    }
    assert found["shift-width"].mean == pytest.approx(0.02, abs=2e-3)
    assert found["shift-depth"].mean == pytest.approx(0.01, abs=2e-3)
    assert found["loss"].mean == pytest.approx(-0.1, abs=2e-3)
    assert found["form"].mean < 0
    assert np.isnan(found["shift-d"].mean)
    assert np.isnan(found["exponent"].mean)
