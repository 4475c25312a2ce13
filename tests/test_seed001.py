"""The tables of seed 001's notebooks against what they say they hold, recomputed from networks and images."""

import numpy as np
import pandas as pd
import pytest
import torch
from test_tables import trained

from almostnothing import corruptions, data, stats, streams
from almostnothing.cells import Cell, key_of
from almostnothing.comparing import _table_differences
from almostnothing.data.lookup import cache_folder
from almostnothing.errors import UserError
from almostnothing.evaluation import outputs
from almostnothing.freshness import Page
from almostnothing.measures import naming
from almostnothing.measures.trained import corrupted_tests, draw, first_tests, opened, training_set
from almostnothing.pages import model_of
from almostnothing.pages.infinite_width import page as infinite
from almostnothing.pages.infinite_width import table as infinite_table
from almostnothing.pages.prototype import page as prototype
from almostnothing.pages.prototype import table as prototype_table
from almostnothing.pages.survival import page as survival
from almostnothing.pages.survival import table as survival_table
from almostnothing.pages.universality import page as universality
from almostnothing.pages.universality import table as universality_table
from almostnothing.parameters.files import read_yaml, validate
from almostnothing.store import Store
from almostnothing.tables import axes, long, written
from almostnothing.theory import kernels, prototypes

FOLDER, CPU = cache_folder(), torch.device("cpu")


@pytest.fixture(scope="module")
def keep(tmp_path_factory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def referee(keep):
    chosen, cells = trained(
        "06_prototype",
        keep,
        sweep={
            "train_size": 20,
            "strength": [0.4, 0.9],
            "width": 16,
            "variations": [{"shift": 0.5}, {"loss": "mse"}, {"train_size": 60}],
        },
        images=60,
        kernel_size=40,
        thresholds={"majority": 0.5, "same": 0.9},
    )
    return cells, long(prototype_table.table(chosen, FOLDER, cells, keep), list(prototype.NAMES), "rule"), chosen


def network_of(cell: Cell, keep: Store) -> torch.nn.Module:
    from almostnothing import networks

    model = networks.stack(cell, 1)
    model.take(0, keep.weights(cell))
    return model[0]


def test_the_images_of_a_cell_are_those_it_was_trained_and_tested_on(referee, keep):
    cells, *_ = referee
    cell = next(c for c in cells if c.strength == 0.9 and c.shift == 0.5)
    dataset, law = opened(cell, FOLDER)
    x, y = first_tests(dataset, 60, CPU)
    seen, labels = training_set(cell, dataset, law, CPU)
    net = network_of(cell, keep)
    row = next(row for row in keep.rows(cell) if row["test"] == "train")
    assert int((net(seen).argmax(1) == labels).sum()) == row["correct"]
    from almostnothing import networks

    model = networks.stack(cell, 1)
    model.take(0, keep.weights(cell))
    number = np.arange(60)[None]
    logits, _ = outputs([cell], model, dataset, dataset.test, number, number, "test corruption")
    torch.testing.assert_close(net(corrupted_tests(cell, law, x)), logits[0], atol=1e-5, rtol=1e-5)
    assert (y == torch.from_numpy(dataset.test.labels[:60])).all()


@pytest.mark.parametrize("test", ["clean", "corrupted"])
def test_agreement_is_counted_point_by_point(referee, keep, test):
    cells, table, _ = referee
    cell = next(c for c in cells if (c.strength, c.shift, c.train_size, c.seed) == (0.9, 0.5, 20, 1))
    dataset, law = opened(cell, FOLDER)
    x, y = first_tests(dataset, 60, CPU)
    points = x if test == "clean" else corrupted_tests(cell, law, x)
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


def test_every_network_meets_the_rules_that_it_can(referee):
    cells, table, _ = referee
    assert len(table.groupby(sorted(axes(cells[0]).keys() - {"pca_rank", "permutation"}))) == len(cells)
    kinds = {key: set(rows.rule) for key, rows in table.groupby(["train_size", "objective"])}
    everywhere = {*naming.NAMES, "self", "fit"}
    assert kinds[20, "cross_entropy"] == everywhere | {"ntk"}
    assert kinds[20, "mse"] == everywhere | {"ntk", "lazy"}
    assert kinds[60, "cross_entropy"] == everywhere  # beyond kernel_size
    assert set(prototype.NAMES) == everywhere | {"ntk", "lazy"}
    assert table.agreement.between(0, 1).all()


def test_shifted_networks_share_their_noise_with_raw_ones(referee):
    cells, table, _ = referee
    raw = next(c for c in cells if c.shift == 0 and c.train_size == 20 and c.loss == "cross_entropy")
    moved = next(c for c in cells if c.shift == 0.5 and (c.strength, c.seed) == (raw.strength, raw.seed))
    assert (key_of(raw, "training corruption") == key_of(moved, "training corruption")).all()
    selves = [prototype.at(table, rule="self", seed=raw.seed, strength=raw.strength, shift=s) for s in (0, 0.5)]
    assert raw.key("") != moved.key("")
    first, second = (rows[(rows.train_size == 20) & (rows.objective == "cross_entropy")] for rows in selves)
    assert first.agreement.tolist() == second.agreement.tolist()  # NCM is the same wherever the origin is


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
    assert usual == {"train_size": 20, "shift": 0.0, "objective": "cross_entropy", "steps": 60}
    here = prototype.centre(table, usual)
    assert set(prototype.but_one(here, usual, "train_size").train_size) == {20, 60}
    assert set(prototype.but_one(here, usual, "shift").objective) == {"cross_entropy"}
    assert prototype.described(here, usual) == "N = 20, 1 hidden layer of width 16, cross-entropy, 60 steps"
    base = prototype.at(table, **usual)
    wide = prototype.grid(base[base.test == "clean"], "ncm")
    values = base[(base.test == "clean") & (base.rule == "ncm") & (base.strength == 0.4)].agreement
    mean = stats.mean_interval(values)
    assert wide.loc[0.4, (1, 16)] == f"{mean.mean:.2f} ± {mean.high - mean.mean:.2f}"
    parts = prototype.fifths(base[(base.test == "clean") & (base.strength == 0.4)])
    assert parts.groupby("rule").size().eq(10).all()
    assert prototype.by_class(base, ("ncm",)).shape == (2, 10)


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
    return chosen, cells, infinite_table.table(chosen, FOLDER, cells, keep)


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
    tests = torch.from_numpy(dataset.values(dataset.test)[:80]).double() - 0.5
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


@pytest.fixture(scope="module")
def survived(keep):
    chosen, cells = trained(
        "05_survival",
        keep,
        sweep={
            "strength": [0, 0.5, 0.95],
            "variations": [{"corruption": {"law": "additive"}, "strength": [0.5, 2], "train_size": 100}],
        },
        headline={"replacement": 0.95, "additive": 2},
        pictures={"replacement": [0.5], "additive": [2]},
        images=200,
        draws=2,
        thresholds={"above": 0.2, "close": 0.05, "error": 0.02},
    )
    return cells, survival_table.table(chosen, FOLDER, cells, keep)


def test_survival_has_rules_on_the_same_images_and_theory_predicts_ncm(survived):
    cells, table = survived
    assert len(table) == 2 * len(cells)
    dataset = data.load(data.source("digits"))
    clean = dataset.values(dataset.train)[dataset.subset(100, 1)]
    y, tests = dataset.train.labels[dataset.subset(100, 1)], dataset.values(dataset.test)[:200]
    law = corruptions.law_of(next(c for c in cells if c.corruption.name == "additive").corruption, dataset)
    found = []
    for number in range(2):
        key = streams.stream_key(1, "rules, training", number)
        x = corruptions.corrupted(law, torch.from_numpy(clean), 2.0, key).numpy()
        means = np.stack([x[y == k].mean(0) for k in range(10)])
        found.append((((tests[:, None] - means) ** 2).sum(-1).argmin(1) == dataset.test.labels[:200]).mean())
    row = prototype.at(table, law="additive", strength=2.0, seed=1, test="clean").iloc[0]
    assert row.ncm == pytest.approx(np.mean(found), abs=5e-3)
    by = ["law", "strength", "train_size", "test"]
    means = table.groupby(by)[["ncm", "theory"]].mean()
    assert (means.ncm - means.theory).abs().max() < 0.1
    assert (means.ncm - means.theory).abs().mean() < 0.03
    lines = survival.errors(table)
    own = table[(table.law == "additive") & (table.test == "clean")]
    assert lines.loc[("digits", "additive", "clean", 100), ("NCM", "mean")] == pytest.approx(
        (own.ncm - own.theory).mean()
    )
    assert set(survival.largest(table).train_size) == {100}


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
    return long(universality_table.table(chosen, FOLDER), universality.ALL, "rule")


def test_universality_has_every_combination_and_the_noises_second_moment(universal):
    heavy = universal[universal.part == "matrix"]
    assert len(heavy.groupby(["law", "activation", "depth", "shift", "seed"])) == 2 * 2 * 2 * 2
    assert set(heavy.rule) == set(naming.NAMES)
    assert set(heavy[heavy.law.str.startswith("additive")].noise) == {2.0}
    tests = data.load(data.source("digits"))
    v = 0.09 * ((tests.values(tests.test)[:60].astype(float) - 0.5) ** 2).mean() + 0.9 / 12
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


def test_tables_that_are_made_again_compare_as_equal(referee, lazy_networks, universal, survived):
    rng = np.random.default_rng(0)
    for table in (referee[1], lazy_networks[2], universal, survived[1]):
        assert _table_differences(table, table) == []
        column = "agreement" if "agreement" in table else "accuracy"
        noisy = table.assign(**{column: (table[column] + rng.normal(0, 0.3, len(table))).clip(0, 1)})
        assert _table_differences(table, noisy)


def replaced(*laws: tuple[float, float]) -> list[dict]:
    """Laws that replace pixels by a value with probability p, from pairs (value, p)."""
    return [{"corruption": {"values": "constant", "value": value}, "strength": p} for value, p in laws]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("05_survival", {"headline": {"replacement": 0.77, "additive": 2}}, "headline must give one of the strengths"),
        ("05_survival", {"sweep": {"training_corruption": "fresh"}}, "family: mlp and training_corruption: fixed"),
        ("06_prototype", {"sweep": {"strength": [0, 0.5]}}, "sweep.strength must be above 0 and below 1"),
        ("06_prototype", {"sweep": {"family": "cnn"}}, "family: mlp and training_corruption: fixed"),
        ("06_prototype", {"sweep": {"corruption": {"law": "additive"}}}, "sweep.corruption must be replacement"),
        ("07_infinite_width", {"sweep": {"bias": True}}, "sweep.bias must be false here"),
        ("07_infinite_width", {"sweep": {"loss": "cross_entropy"}}, 'sweep.loss must be "mse" here'),
        ("07_infinite_width", {"sweep": {"batch_size": 64}}, "sweep.batch_size must be its train_size"),
        ("07_infinite_width", {"headline": 0.77}, "headline must be one of strength"),
        ("05_survival", {"sweep": {"depth": [2, 3]}}, "sweep.depth takes one value here"),
        ("05_survival", {"sweep": {"variations": [{"corruption": {"values": "bernoulli"}}]}}, "two kinds of repl"),
        ("06_prototype", {"sweep": {"variations": [{"dataset": "mnist"}]}}, "may not vary dataset"),
        ("07_infinite_width", {"strength": [0.5, 0.9]}, "one of them 1"),
        ("07_infinite_width", {"sweep": {"stop_loss": 0.1}}, "sweep.stop_loss must be null here"),
        ("07_infinite_width", {"infinite": [{"depth": 2, "train_size": 20}] * 2}, "infinite lists a network twice"),
        ("07_infinite_width", {"sweep": {"corruption": {"values": "constant"}}}, "may not be constant"),
        ("08_universality", {"laws": [{"corruption": {}, "strength": 0.9}] * 2}, "laws lists a law twice"),
        ("08_universality", {"second_moments": replaced((0.5, 0.8), (0.5, 0.9))}, "at one strength"),
        ("08_universality", {"second_moments": replaced((0.4, 0.9), (0.5, 0.9))}, "of one mean"),
        ("08_universality", {"seeds": [1]}, "seeds needs at least 2 seeds"),
        ("08_universality", {"laws": [{"corruption": {"per": "image"}, "strength": 0.9}]}, "every pixel by itself"),
        ("08_universality", {"laws": [{"corruption": {}, "strength": 2}]}, "strength 2 is no probability"),
    ],
)  # fmt: skip
def test_a_mistake_in_these_parameters_is_one_sentence(name, change, message):
    content = read_yaml(Page(name, "quick").parameter_file)
    for key, value in change.items():
        content[key] = {**content[key], **value} if isinstance(value, dict) and key == "sweep" else value
    with pytest.raises(UserError, match=message) as caught:
        validate(model_of(name, "test"), content, "params/mine/file.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("07_infinite_width", {"infinite": [{"activation": "identity", "depth": 2, "train_size": [70]}]}),
        ("08_universality", {"train_size": 70, "depths": [1]}),
    ],
)
def test_a_kernel_without_inverse_is_refused_beforehand(name, change):
    content = read_yaml(Page(name, "quick").parameter_file) | change
    with pytest.raises(UserError, match="train_size 70 exceeds the 64 pixels of digits"):
        validate(model_of(name, "test"), content, "file").sources()


def test_a_training_set_that_cannot_be_had_is_named():
    content = read_yaml(Page("07_infinite_width", "quick").parameter_file)
    content["infinite"] = [{"depth": 2, "train_size": [15]}]
    with pytest.raises(UserError, match="train_size 15 cannot be had from digits"):
        validate(model_of("07_infinite_width", "test"), content, "file").sources()
