"""The summaries of 03_inductive_bias."""

import numpy as np
import pandas as pd
import pytest

from almostnothing.pages.inductive_bias import page as families
from almostnothing.pages.inductive_bias.parameters import InductiveBiasThresholds


def test_matches_are_the_nearest_and_within_the_limit(cell):
    from dataclasses import replace

    cells = [replace(cell, family="mlp", width=w, depth=2) for w in (8, 26)] + [
        replace(cell, family="cnn", width=8, depth=3)
    ]
    accuracy = {("mlp", 8): 0.9, ("mlp", 26): 0.95, ("cnn", 8): 0.905}
    table = families.labelled(
        pd.DataFrame(
            {"family": f, "width": w, "permutation": np.nan, "strength": 0, "test": "clean", "accuracy": a}
            for (f, w), a in accuracy.items()
        )
    )
    limits = InductiveBiasThresholds(shift=0.01, matched=0.01, accuracy=0.001)
    found = families.matches(cells, table, limits).set_index("matched by")
    assert found.mlp.to_dict() == {"parameters": "MLP 26", "clean accuracy": "MLP 8"}
    assert found["of mlp"]["parameters"] == 75 * 26 + 10
    assert found["of cnn"]["parameters"] == sum((9 * i + 1) * 8 for i in (1, 8)) + (8 * 16 + 1) * 10
    assert found.matched.to_dict() == {"parameters": True, "clean accuracy": False}
    rows = [
        {"test": "clean", "order": "in place", "network": name, "seed": s, "midpoint": m + s / 10}
        for s in range(2)
        for name, m in (("MLP 8", 0.5), ("MLP 26", 0.6), ("CNN 8", 0.8))
    ]
    both = [
        row | {"order": o, "midpoint": row["midpoint"] - (o == "permuted") * (row["network"][0] == "C") / 20}
        for row in rows
        for o in ("in place", "permuted")
    ]
    pairs = families.advantages(pd.DataFrame(both), found.reset_index(), "midpoint")
    lost = families.lost(pairs).set_index("matched by")
    assert lost.lost["parameters"].tolist() == pytest.approx([0.05, 0.05])
    assert lost["in place"]["parameters"].tolist() == pytest.approx([0.2, 0.2])
    gained = families.advantages(pd.DataFrame(rows), found.reset_index(), "midpoint").set_index("matched by").difference
    assert gained["parameters"].tolist() == pytest.approx([0.2, 0.2])
    assert gained["clean accuracy"].isna().all()
