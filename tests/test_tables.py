import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import special

from almostnothing import corruptions, data, stats, sweeps
from almostnothing.data.lookup import cache_folder
from almostnothing.measures import margins
from almostnothing.measures.trained import stacks
from almostnothing.pages import model_of
from almostnothing.pages.collapse import page as collapse
from almostnothing.pages.collapse import table as collapse_table
from almostnothing.pages.inductive_bias import page as families
from almostnothing.pages.inductive_bias.parameters import InductiveBiasThresholds
from almostnothing.pages.knee import page as knee
from almostnothing.pages.margin import page as margin
from almostnothing.pages.margin import table as margin_table
from almostnothing.parameters.files import validate
from almostnothing.parameters.page import Compute
from almostnothing.parameters.sweep import Sweep
from almostnothing.store import Store

SWEEP = {
    "dataset": "digits",
    "train_size": [20, 100],
    "strength": [0, 0.3, 0.6, 0.9, 0.99],
    "training_corruption": "fixed",
    "width": 8,
    "depth": 2,
    "learning_rate": 0.01,
    "batch_size": 16,
    "steps": 60,
    "seeds": [0, 1],
}


@pytest.fixture(scope="module")
def keep(tmp_path_factory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def trained(name: str, keep: Store, **changes) -> tuple[Any, list]:
    content = {"sweep": {**SWEEP, **changes.pop("sweep", {})}, **changes}
    chosen = validate(model_of(name, "test"), content, "test")
    assert chosen.sweep
    cells = chosen.sweep.cells()
    for shard in sweeps.plan(cells):
        sweeps.train(shard, keep, Compute(quiet=True), "test")
    return chosen, cells


@pytest.fixture(scope="module")
def measured(keep) -> tuple[Any, list, pd.DataFrame]:
    chosen, cells = trained(
        "02_margin",
        keep,
        sweep={
            "strength": [0, 0.6],
            "train_size": 100,
            "variations": [{"training_corruption": "fresh", "strength": 0.6}],
        },
        test_strength=[0.1, 0.5],
        images=20,
        draws=50,
        thresholds={"ranking": 0.01, "calibrated": 0.05, "gain": 0.01},
    )
    found = margin_table.table(chosen, cache_folder(), cells, keep)
    return chosen, cells, margin.at_strengths(found, chosen.test_strength)


def test_margin_table_has_a_row_for_each_network_strength_and_image(measured, keep):
    _, cells, table = measured
    assert len(table) == len(cells) * 2 * 20
    assert table["training"].unique().tolist() == ["clean", "fixed, p = 0.6", "fresh, p = 0.6"]
    for name in set(margin.SCORES) - {"margin"}:
        assert margin.survival(table, name).min() >= 0
        assert margin.survival(table, name).max() <= 1
    dataset = data.load(cells[0].source)
    x, y = torch.from_numpy(dataset.values(dataset.test)[:20]), torch.from_numpy(dataset.test.labels[:20])

    for group, model in stacks(cells, keep, torch.device("cpu")):
        for e, cell in enumerate(group):
            gamma = margins.margin(model[e](x)[None], y[None])[0].detach().numpy()
            rows = table[
                (table.training_corruption == cell.training_corruption)
                & (table.strength == cell.strength)
                & (table.seed == cell.seed)
                & (table.test_strength == 0.1)
            ]
            np.testing.assert_allclose(rows["margin"], gamma, atol=2e-5)


def test_margin_quality_scores_every_predictor(measured):
    chosen, _, table = measured
    quality = margin.quality(table, chosen.draws)
    assert len(quality) == 3 * 2 * 2 * len(margin.SCORES)
    one = table[(table.training == "clean") & (table.seed == 0) & (table.test_strength == 0.5)]
    row = quality[(quality.training == "clean") & (quality.seed == 0) & (quality.test_strength == 0.5)]
    row = row.set_index("predictor").loc["ratio"]
    assert row.calibration == pytest.approx(
        stats.calibration_error(special.ndtr(-one.ratio.to_numpy()), one.failures.to_numpy())
    )
    assert quality.auroc.dropna().between(0, 1).all()


def test_useful_up_to_is_the_last_strength_before_the_first_failure():
    rows = [
        {"dataset": "d", "training": "t", "seed": s, "test_strength": p, "predictor": name, "calibration": c + s / 1e4}
        for name, values in (("ratio", (0.01, 0.2, 0.01)), ("classes", (0.01, 0.02, 0.03)), ("second", (0.3, 0.3, 0.3)))
        for p, c in zip((0.1, 0.2, 0.3), values, strict=True)
        for s in range(3)
    ]
    found = margin.useful_up_to(pd.DataFrame(rows), 0.05).iloc[0]
    assert (found["ratio"], found["classes"]) == (0.1, 0.3)
    assert np.isnan(found["second"])


def test_compare_of_measures_goes_by_means(measured):
    from almostnothing.comparing import _table_differences

    _, _, table = measured
    rng = np.random.default_rng(0)
    near = table.assign(failures=(table.failures + rng.normal(0, 0.01, len(table))).clip(0, 1))
    assert _table_differences(table, near) == []
    assert _table_differences(table, table.assign(ratio=1 - table.ratio)) == ["differs in the column ratio"]
    assert "lacks numbers" in _table_differences(table, table.assign(ratio=np.nan))[0]
    assert _table_differences(table, table.assign(seed=7)) == ["has other rows than what is published"]


@pytest.fixture(scope="module")
def collapsed(keep) -> tuple[list, pd.DataFrame]:
    chosen, cells = trained(
        "04_collapse",
        keep,
        sweep={"variations": [{"downsample": 2}]},
        images=50,
        thresholds={"rms": 0.05, "gain": 0.02, "error": 0.05},
    )
    return cells, collapse_table.table(chosen, cache_folder(), cells, keep)


def test_collapse_table_has_the_candidates_of_each_network(collapsed, keep):
    cells, table = collapsed
    assert len(table) == 2 * len(cells)
    row = table[(table.strength == 0.6) & (table.train_size == 20) & (table.pixels == 64) & (table.seed == 1)].iloc[0]
    assert row.proxy == pytest.approx(0.4 / np.sqrt(0.6))
    dataset = data.load(cells[0].source)
    x = dataset.values(dataset.test)[:50].astype(float)
    v = 0.6 * 0.4 * ((x - 0.5) ** 2).mean() + 0.6 / 12
    assert row.signal == pytest.approx(np.sqrt(2) * 0.4 / np.sqrt(v))
    cell = next(c for c in cells if (c.strength, c.train_size, c.downsample, c.seed) == (0.6, 20, 1, 1))
    assert row.accuracy == next(r["correct"] / r["images"] for r in keep.rows(cell) if r["test"] == row.test)
    law = corruptions.law_of(cell.corruption, dataset)

    ((_, model),) = stacks([cell], keep, torch.device("cpu"))
    inputs = torch.from_numpy(x).float()[None], torch.from_numpy(dataset.test.labels[:50])[None]
    gamma, g = margins.margin_gradient(model, *inputs)
    ratio = gamma[0].numpy() / np.sqrt((g[0].numpy() ** 2 * law.variance(x, 0.6)).sum(1))
    assert row.ratio == pytest.approx(np.sort(ratio)[24], rel=1e-3)  # torch's median is the lower one


def test_collapse_quality_and_what_is_survived(collapsed):
    _, table = collapsed
    quality = collapse.quality(table)
    assert set(quality.sizes) == {"N", "d", "together"}  # one width: nothing to align
    assert len(quality) == 2 * 3 * 4
    half = collapse.halfway(table, 0.1)
    assert len(half) == 2 * 2 * 2 * 2
    page = collapse.survived(half)
    assert len(page) == 8
    assert "[" in page["measured p [95 %]"].iloc[0]


def test_a_size_is_varied_where_it_varies_most():
    rows = [{"train_size": n, "width": w, "pixels": 64} for n in (100, 300, 1000) for w in (8, 32, 128)]
    rows += [{"train_size": n, "width": 32, "pixels": d} for n in (100, 300) for d in (4, 16)]  # none at the largest N
    found = collapse.subsets(pd.DataFrame(rows))
    assert found["d"][0][["train_size", "width"]].drop_duplicates().to_numpy().tolist() == [[300, 32]]
    assert set(found["d"][0].pixels) == {4, 16, 64}
    assert found["width"][0].train_size.unique().tolist() == [1000]
    assert found["N"][0].width.unique().tolist() == [128]


def test_theory_does_not_know_the_networks(collapsed):
    _, table = collapsed
    assert (table.groupby(["pixels", "train_size", "strength", "test"]).theory.nunique() == 1).all()


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


def test_variations_are_further_grids_and_no_cell_twice():
    base = Sweep.model_validate({**SWEEP, "variations": [{"depth": [2, 3]}, {"loss": "mse", "train_size": 20}]})
    cells = base.cells()
    assert len(cells) == len(set(cells)) == 20 + 20 + 10
    assert {(c.depth, c.loss) for c in cells} == {(2, "cross_entropy"), (3, "cross_entropy"), (2, "mse")}
    assert json.loads(base.model_dump_json())["variations"] == [{"depth": [2, 3]}, {"loss": "mse", "train_size": 20}]


@pytest.mark.parametrize(
    ("variations", "words"),
    [
        ([{"dept": 3}], "variations.0: dept is not a parameter; did you mean depth"),
        ([{}, {"depth": 0}], "variations.1: depth.0 is 0, but should be greater than 0"),
        ([{"variations": []}], "variations.0 may not hold variations of its own"),
        ([{"strength": [0, 2]}], "strength 2 is no probability"),
        ([{"activation": "erf"}], "sweep.activation takes one value here"),
        ([{"strength": [0, 0.5]}], "may not vary strength or seeds|at least 5 values"),
    ],
)
def test_a_mistake_in_a_variation_is_one_sentence(variations, words):
    from almostnothing.errors import UserError

    limits = dict.fromkeys(("shift", "sharpening", "form", "exponent"), 0)
    with pytest.raises(UserError, match=words):
        validate(model_of("01_knee", "f"), {"sweep": {**SWEEP, "variations": variations}, "thresholds": limits}, "f")
