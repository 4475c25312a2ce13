"""The table and the summaries of 07_infinite_width, recomputed from kernels."""

import numpy as np
import page_cases
import pandas as pd
import pytest
import torch
from page_cases import CPU, trained

from almostnothing import data
from almostnothing.errors import UserError
from almostnothing.freshness import Page
from almostnothing.measures import naming
from almostnothing.measures.trained import draw
from almostnothing.pages import model_of
from almostnothing.pages.infinite_width import page as infinite
from almostnothing.pages.prototype import page as prototype
from almostnothing.parameters.files import read_yaml, validate
from almostnothing.tables import written
from almostnothing.theory import kernels, prototypes


@pytest.fixture(scope="module")
def lazy_networks(keep):
    chosen, cells = trained(
        "07_infinite_width",
        keep,
        sweep={
            "train_size": 40,
            "batch_size": 40,
            "strength": 0.8,
            "width": [16, 256],
            "parametrisation": "ntk",
            "bias": False,
            "loss": "mse",
            "optimiser": "sgd",
            "learning_rate": 5,
            "steps": 400,
            "shift": 0.5,
        },
        infinite=[
            {"depth": 2, "train_size": [20, 40]},
            {"activation": "erf", "depth": 3, "train_size": 20, "shift": 0.5},
        ],
        strength=[0.8, 1],
        headline=0.8,
        images=80,
        seeds=[0, 1, 2],
        thresholds={"same": 0.9, "predicted": 0.05, "exponent": 0.4},
    )
    return chosen, cells, page_cases.measured("07_infinite_width", chosen, cells, keep)


def test_wide_networks_trained_by_gradient_descent_are_kernel_regression_from_their_start(lazy_networks):
    _, cells, table = lazy_networks
    finite = table[table.what == "finite"]
    assert len(finite) == len(cells)
    difference = finite.groupby("width").difference.mean()
    assert difference[256] < 0.5 * difference[16]
    assert finite.groupby("width").agreement.mean()[256] > 0.7
    slopes = infinite.exponent(finite)
    assert slopes.n == 2
    assert infinite.exponent(finite, less=0.5).mean == pytest.approx(slopes.mean - 0.5)
    by_hand = np.log(difference[16] / difference[256]) / np.log(16)
    assert slopes.mean == pytest.approx(by_hand, abs=0.05)


def test_rows_of_infinite_networks_are_recomputed_from_their_draw(lazy_networks):
    chosen, _, table = lazy_networks
    wide = table[table.what == "infinite"]
    assert len(wide) == 3 * 3 * (len(naming.NAMES) + len(naming.NAMES) - 1)  # nothing is debiased at p = 1
    dataset = data.load(data.source("digits"))
    x, y = draw(dataset, chosen.sweep.corruption.record(), 20, 0.8, 2, CPU)
    tests = torch.from_numpy(dataset.values(dataset.test)[dataset.tests(80)]).double() - 0.5
    seen = x.double() - 0.5
    arch = kernels.Architecture("erf", 3)
    one_hot = torch.nn.functional.one_hot(y).double()
    exact = kernels.gram(arch, tests, seen) @ torch.linalg.solve(kernels.gram(arch, seen), one_hot - 0.1)
    training = prototypes.Training.of(seen, y)
    fo = prototypes.first_order(tests, training, prototypes.expansion(arch, training, tests))
    row = prototype.at(wide, activation="erf", seed=2, strength=0.8, rule="first_order").iloc[0]
    assert row.agreement == pytest.approx(float((fo.argmax(1) == exact.argmax(1)).double().mean()), abs=0.02)
    top = exact.topk(2, dim=1).values
    remainder = 2 * (fo - exact).abs().amax(1) / (top[:, 0] - top[:, 1])
    assert row.remainder_50 == pytest.approx(float(remainder.quantile(0.5)), rel=1e-4)
    assert row.bounded == pytest.approx(float((remainder < 1).double().mean()), abs=0.02)
    flipped = fo.argmax(1) != exact.argmax(1)
    assert not (flipped & (remainder < 1)).any()
    gap = (top[:, 0] - top[:, 1]).argsort()
    assert row.fifth_1 == pytest.approx(1 - float(flipped[gap[:16]].double().mean()), abs=0.07)
    part = infinite.flips(wide[(wide.rule == "first_order") & (wide.seed == 2)])
    assert part[part.fifth == 1].flipped.mean() > part[part.fifth == 5].flipped.mean()


def test_the_map_and_its_boundary(lazy_networks, tmp_path):
    chosen, cells, table = lazy_networks
    path = tmp_path / "07.csv"
    path.write_text(written(table))
    whole = infinite.both_kinds(path, chosen.sweep)
    mapped = infinite.of(whole[whole.what == "infinite"], chosen.infinite[0])
    assert set(mapped.load) == {20 / 64, 40 / 64}
    narrower = type(chosen.sweep).model_validate(chosen.sweep.model_dump() | {"width": [16]})
    assert len(infinite.both_kinds(path, narrower)) == len(table) - len(cells) // 2
    with pytest.raises(UserError, match="is missing"):
        infinite.both_kinds(tmp_path / "none.csv", chosen.sweep)
    rows = [
        {"rule": "ncm", "strength": p, "dataset": "d", "load": load, "agreement": a + s / 1e3}
        for p, shares in ((0.5, (0.95, 0.95, 0.2)), (0.9, (0.95, 0.5, 0.95)), (0.98, (0.1, 0.95, 0.95)))
        for load, a in zip((0.1, 0.2, 0.3), shares, strict=True)
        for s in range(3)
    ]
    edge = infinite.boundary(pd.DataFrame(rows), "ncm", 0.9)["d"]
    assert edge[0.5] == 0.2
    assert edge[0.9] == 0.1
    assert np.isnan(edge[0.98])


def test_a_training_set_that_cannot_be_had_is_named():
    content = read_yaml(Page("07_infinite_width", "quick").parameter_file)
    content["infinite"] = [{"depth": 2, "train_size": [15]}]
    with pytest.raises(UserError, match="train_size 15 cannot be had from digits"):
        validate(model_of("07_infinite_width", "test"), content, "file").sources()


def test_the_table_made_again_compares_as_equal_and_another_does_not(lazy_networks):
    page_cases.compares(lazy_networks[2])
