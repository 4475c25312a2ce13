"""The table and the summaries of 06_prototype, recomputed from networks and images."""

from dataclasses import replace

import numpy as np
import page_cases
import pandas as pd
import pytest
import torch
from page_cases import CPU, FOLDER, trained

from almostnothing import stats
from almostnothing.cells import Cell, key_of
from almostnothing.errors import UserError
from almostnothing.evaluation import outputs
from almostnothing.measures import naming
from almostnothing.measures.trained import chosen_tests, corrupted_tests, opened, training_set
from almostnothing.pages import model_of
from almostnothing.pages.prototype import page as prototype
from almostnothing.pages.prototype import table as prototype_table
from almostnothing.parameters.files import validate
from almostnothing.store import Store
from almostnothing.tables import axes
from almostnothing.theory import kernels, prototypes

LIMITS = {"majority": 0.5, "same": 0.9, "below_twin": 0.05, "per_doubling": 0.01}


@pytest.fixture(scope="module")
def referee(keep):
    chosen, cells = trained(
        "06_prototype",
        keep,
        sweep={
            "train_size": 20,
            "strength": [0.4, 0.9],
            "width": 16,
            "variations": [{"shift": 0.5}, {"loss": "mse"}, {"train_size": 60}, {"initialisation": 1}],
        },
        images=60,
        kernel_size=40,
        thresholds=LIMITS,
    )
    whole = page_cases.measured("06_prototype", chosen, cells, keep)
    return cells, prototype.compared(whole), chosen


def network_of(cell: Cell, keep: Store) -> torch.nn.Module:
    from almostnothing import networks

    model = networks.stack(cell, 1)
    model.take(0, keep.weights(cell))
    return model[0]


def test_the_images_of_a_cell_are_those_it_was_trained_and_tested_on(referee, keep):
    cells, *_ = referee
    cell = next(c for c in cells if c.strength == 0.9 and c.shift == 0.5)
    dataset, law = opened(cell, FOLDER)
    x, y = chosen_tests(dataset, 60, CPU)
    seen, labels = training_set(cell, dataset, law, CPU)
    net = network_of(cell, keep)
    row = next(row for row in keep.rows(cell) if row["test"] == "train")
    assert int((net(seen).argmax(1) == labels).sum()) == row["correct"]
    from almostnothing import networks

    model = networks.stack(cell, 1)
    model.take(0, keep.weights(cell))
    number = dataset.tests(60)[None]
    logits, _ = outputs([cell], model, dataset, dataset.test, number, number, "test corruption")
    torch.testing.assert_close(net(corrupted_tests(cell, dataset, law, x)), logits[0], atol=1e-5, rtol=1e-5)
    assert (y == torch.from_numpy(dataset.test.labels[number[0]])).all()


@pytest.mark.parametrize("test", ["clean", "corrupted"])
def test_agreement_is_counted_point_by_point(referee, keep, test):
    cells, table, _ = referee
    cell = next(c for c in cells if (c.strength, c.shift, c.train_size, c.seed) == (0.9, 0.5, 20, 1))
    dataset, law = opened(cell, FOLDER)
    x, y = chosen_tests(dataset, 60, CPU)
    points = x if test == "clean" else corrupted_tests(cell, dataset, law, x)
    chosen = network_of(cell, keep)(points).argmax(1).numpy()
    seen, labels = training_set(cell, dataset, law, CPU)
    means = np.stack([seen[labels == k].double().mean(0).numpy() for k in range(10)])
    nearest = ((points.double().numpy()[:, None] - means) ** 2).sum(-1).argmin(1)
    row = prototype.at(table, strength=0.9, shift=0.5, train_size=20, seed=1, test=test, rule="ncm").iloc[0]
    assert row.agreement == pytest.approx((nearest == chosen).mean(), abs=1e-4)
    assert row.accuracy == pytest.approx((nearest == y.numpy()).mean(), abs=1e-4)
    assert row.network == pytest.approx((chosen == y.numpy()).mean(), abs=1e-4)
    threes = y.numpy() == 3
    assert row.class_3 == pytest.approx((nearest == chosen)[threes].mean(), abs=1e-4)
    assert np.mean([row[f"fifth_{k}"] for k in range(1, 6)]) == pytest.approx(row.agreement, abs=1e-4)


@pytest.mark.parametrize("test", ["clean", "corrupted"])
def test_infinitely_wide_networks_are_regression_from_nothing_and_from_the_networks_own_start(referee, keep, test):
    cells, table, _ = referee
    cell = next(c for c in cells if (c.strength, c.loss, c.seed) == (0.4, "mse", 0))
    dataset, law = opened(cell, FOLDER)
    x, labels = chosen_tests(dataset, 60, CPU)
    points = x if test == "clean" else corrupted_tests(cell, dataset, law, x)
    seen, y = training_set(cell, dataset, law, CPU)
    from almostnothing import networks

    begun = networks.stack(cell, 1)
    begun.put(0, begun.initial(networks.initial_key(cell), cell.readout_scale))
    start = lambda z: begun[0](z).double().detach()  # noqa: E731
    arch = kernels.Architecture("relu", 2)
    one_hot = torch.nn.functional.one_hot(y).double()
    both = kernels.gram(arch, points.double(), seen.double())
    gram = kernels.gram(arch, seen.double())
    outputs = {
        "ntk": both @ torch.linalg.solve(gram, one_hot - 0.1),
        "lazy": start(points) + both @ torch.linalg.solve(gram, one_hot - start(seen)),
    }
    network = network_of(cell, keep)(points).argmax(1)
    for rule, found in outputs.items():
        row = prototype.at(table, strength=0.4, objective="mse", seed=0, test=test, rule=rule).iloc[0]
        assert row.accuracy == pytest.approx(float((found.argmax(1) == labels).double().mean()), abs=0.018)
        assert row.agreement == pytest.approx(float((found.argmax(1) == network).double().mean()), abs=0.018)


def test_every_network_meets_the_rules_that_it_can(referee):
    cells, table, _ = referee
    compared = [cell for cell in cells if not cell.initialisation]
    assert len(table.groupby(sorted(axes(cells[0]).keys() - {"pca_rank", "permutation"}))) == len(compared)
    kinds = {key: set(rows.rule) for key, rows in table.groupby(["train_size", "objective", "shift"])}
    everywhere = {*naming.NAMES, "fit"}
    assert kinds[20, "cross_entropy", 0] == everywhere | {"ntk", "twin"}
    assert kinds[20, "cross_entropy", 0.5] == everywhere | {"ntk"}
    assert kinds[20, "mse", 0] == everywhere | {"ntk", "lazy"}
    assert kinds[60, "cross_entropy", 0] == everywhere  # beyond kernel_size
    assert set(prototype.NAMES) == everywhere | {"ntk", "lazy", "twin"}
    assert table.agreement.between(0, 1).all()


def test_shifted_networks_share_their_noise_with_raw_ones(referee):
    cells, table, _ = referee
    raw = next(c for c in cells if c.shift == 0 and c.train_size == 20 and c.loss == "cross_entropy")
    moved = next(c for c in cells if c.shift == 0.5 and (c.strength, c.seed) == (raw.strength, raw.seed))
    assert (key_of(raw, "training corruption") == key_of(moved, "training corruption")).all()
    rules = [prototype.at(table, rule="ncm", seed=raw.seed, strength=raw.strength, shift=s) for s in (0, 0.5)]
    assert raw.key("") != moved.key("")
    first, second = (rows[(rows.train_size == 20) & (rows.objective == "cross_entropy")] for rows in rules)
    assert first.accuracy.tolist() == second.accuracy.tolist()  # NCM is the same wherever the origin is


@pytest.mark.parametrize("test", ["clean", "corrupted"])
def test_twins_are_asked_about_the_same_points(referee, keep, test):
    cells, table, _ = referee
    cell = next(c for c in cells if (c.strength, c.shift, c.train_size, c.seed) == (0.9, 0, 20, 1) and c.loss != "mse")
    other = replace(cell, initialisation=1)
    assert other in cells
    dataset, law = opened(cell, FOLDER)
    x, _ = chosen_tests(dataset, 60, CPU)
    points = x if test == "clean" else corrupted_tests(cell, dataset, law, x)
    own, twins = (network_of(c, keep)(points).detach().numpy() for c in (cell, other))
    same = own.argmax(1) == twins.argmax(1)
    values = {"strength": 0.9, "shift": 0, "train_size": 20, "seed": 1, "objective": "cross_entropy"}
    row = prototype.at(table, test=test, rule="twin", **values).iloc[0]
    assert row.initialisation == 0
    assert row.agreement == pytest.approx(same.mean(), abs=1e-3)
    two = np.sort(own, axis=1)
    nearest = np.argsort(two[:, -1] - two[:, -2])[:12]
    assert row.fifth_1 == pytest.approx(same[nearest].mean(), abs=1e-3)


def test_a_pair_has_learned_if_both_have():
    row = {"strength": 0.9, "seed": 0, "test": "clean", "ncm_agreement": 0.5}
    pair = [
        row | {"initialisation": 0, "twin_agreement": 0.7, "status": "learned"},
        row | {"initialisation": 1, "ncm_agreement": np.nan, "twin_agreement": np.nan, "status": "unfinished"},
    ]
    whole = pd.DataFrame([*pair, *(one | {"seed": 1, "status": "learned"} for one in pair)])
    found = prototype.compared(whole).set_index(["rule", "seed"])["status"].to_dict()
    assert found == {("ncm", 0): "learned", ("ncm", 1): "learned", ("twin", 0): "unfinished", ("twin", 1): "learned"}


def test_a_twin_needs_the_network_that_it_is_a_twin_of():
    sweep = page_cases.SWEEP | {"strength": 0.9, "variations": [{"width": 16, "initialisation": 1}]}
    content = {"sweep": sweep, "images": 60, "kernel_size": 40, "thresholds": LIMITS}
    chosen = validate(model_of("06_prototype", "test"), content, "test")
    with pytest.raises(UserError, match="holds a twin, of another initialisation, of a network that it lacks"):
        chosen.sources(FOLDER)


def test_fitted_centre_recovers_the_rule_that_made_the_outputs():
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(200, 30, generator=rng, dtype=torch.float64)
    seen = prototypes.Training.of(torch.rand(40, 30, generator=rng, dtype=torch.float64), torch.arange(40) % 4)
    mean = seen.images.mean(0)
    apart = seen.means(seen.images) - mean
    agreement, centre = prototype_table.fitted(seen, x, (x - 2.5 * mean) @ apart.T)
    assert agreement > 0.95
    assert centre == pytest.approx(2.5, abs=0.3)


def test_panels_take_the_rows_that_differ_in_one_thing(referee):
    _, table, chosen = referee
    usual = prototype.usual(chosen.sweep)
    first = {
        "train_size": 20,
        "centred": False,
        "shift": 0.0,
        "readout_scale": 1.0,
        "objective": "cross_entropy",
        "steps": 60,
    }
    assert usual == first
    here = prototype.centre(table, usual)
    assert set(prototype.but_one(here, usual, "train_size").train_size) == {20, 60}
    assert set(prototype.but_one(here, usual, "centred").objective) == {"cross_entropy"}
    assert prototype.described(here, usual) == "N = 20, 1 hidden layer of width 16, cross-entropy, 60 steps"
    base = prototype.at(table, **usual)
    wide = prototype.grid(base[base.test == "clean"], "ncm")
    values = base[(base.test == "clean") & (base.rule == "ncm") & (base.strength == 0.4)].agreement
    mean = stats.mean_interval(values)
    assert wide.loc[0.4, (1, 16)] == f"{mean.mean:.2f} ± {mean.high - mean.mean:.2f}"
    parts = prototype.fifths(base[(base.test == "clean") & (base.strength == 0.4)])
    assert parts.groupby("rule").size().eq(10).all()
    assert prototype.by_class(base, ("ncm",)).shape == (2, 10)


def test_the_table_made_again_compares_as_equal_and_another_does_not(referee):
    page_cases.compares(referee[1])
