"""What stands in the pages' tables, from images and laws by hand: nothing is trained here."""

import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from page_cases import trained
from scipy import stats as reference

from almostnothing import corruptions, data, tables
from almostnothing.corruptions.additive import Additive
from almostnothing.corruptions.labels import label
from almostnothing.corruptions.noises import GaussianNoise
from almostnothing.corruptions.pixels import Uniform
from almostnothing.corruptions.replacement import Replacement
from almostnothing.measures import signal
from almostnothing.measures.trained import draw
from almostnothing.pages import model_of
from almostnothing.pages.collapse import table as collapse_table
from almostnothing.pages.data import table as data_table
from almostnothing.pages.infinite_width import table as infinite_table
from almostnothing.pages.infinite_width.parameters import Infinite
from almostnothing.pages.prototype import table as prototype_table
from almostnothing.pages.survival import table as survival_table
from almostnothing.pages.universality import table as universality_table
from almostnothing.parameters.files import validate
from almostnothing.store import Store
from almostnothing.theory import kernels, prototypes

QUICK = Path(__file__).resolve().parent.parent / "params/quick"
UNIFORM = Replacement(Uniform())


def test_tests_that_stand_side_by_side_are_the_rows_that_were_collected(tmp_path):
    keep = Store(tmp_path / "cells")
    few: dict[str, Any] = {"train_size": [20], "steps": 3}
    few |= {"validation": 30, "early_stopping": True}
    thresholds = yaml.safe_load((QUICK / "01_knee.yaml").read_text())["thresholds"]
    _, cells = trained("01_knee", keep, sweep=few, thresholds=thresholds)
    every = tables.collect(cells, keep).drop(columns=tables.UNPUBLISHED)
    rows = every[(every["strength"] < 0.9) | (every["test"] != "validation")]  # some have no held-out images
    assert set(rows.groupby("strength")["test"].nunique()) == {3, 4}
    networks = tables.beside(rows)
    assert len(networks) == len(cells)
    text = tables.written(networks, tables.COUNTED_DIGITS)
    told = tables.each_test(pd.read_csv(io.StringIO(text)))
    assert tables.written(told, tables.COUNTED_DIGITS) == tables.written(rows, tables.COUNTED_DIGITS)
    assert told["correct"].dtype == int
    assert tables.each_test(rows) is rows


def digits() -> data.Dataset:
    return data.load(data.source("digits"))


# 00_data


@pytest.fixture(scope="module")
def shown() -> pd.DataFrame:
    laws = [
        {"corruption": {"law": "replacement"}, "strength": [0.9, 0.1, 0.5], "pictures": [0.5]},
        {"corruption": {"law": "additive", "noise": "gaussian"}, "strength": [2, 0.5], "pictures": [2]},
        {"corruption": {"law": "replacement", "per": "image"}, "strength": [0.2, 0.9], "pictures": [0.9]},
    ]
    content = yaml.safe_load((QUICK / "00_data.yaml").read_text()) | {"laws": laws, "images": 30, "draws": 200}
    chosen: Any = validate(model_of("00_data", "test"), content, "test")
    return data_table.table(chosen, Path())


def interval(values: np.ndarray) -> tuple[float, float, float]:
    half = reference.t.ppf(0.975, len(values) - 1) * reference.sem(values)
    return values.mean(), values.mean() - half, values.mean() + half


def row_of(table: pd.DataFrame, **values: Any) -> Any:
    [(_, row)] = table[(table[list(values)] == pd.Series(values)).all(axis=1)].iterrows()
    return row


@pytest.mark.parametrize(("kind", "strength"), [("replacement", 0.5), ("replacement", 0.9), ("additive", 2.0)])
def test_powers_of_signal_and_noise_are_those_of_the_law(shown, kind, strength):
    """Replacement leaves (1−p) of an image and adds p/12 + p(1−p)(x − ½)²; additive noise leaves all and adds σ²."""
    x = signal.shown_images(digits(), 30)

    def noise(s: float) -> np.ndarray:
        return s / 12 + s * (1 - s) * (x - 0.5) ** 2 if kind == "replacement" else np.full_like(x, s**2)

    kept = 1 - strength if kind == "replacement" else 1.0
    away = (kept * (x - x.mean(0))) ** 2
    row = row_of(shown[shown["per"] == "pixel"], kind=kind, strength=strength)
    assert row["attenuation"] == pytest.approx(kept)
    assert (row["signal"], row["noise"]) == pytest.approx((away.mean(), noise(strength).mean()))
    assert row["noise_sampled"] == pytest.approx(row["noise"], rel=0.05)
    assert (row["images"], row["pixels"], row["dataset"]) == (30, 64, "digits")
    template = away.sum(1) ** 2 / (away * noise(strength)).sum(1)
    least = {"replacement": 0.1, "additive": 0.5}[kind]
    power = 0.5 * np.log(noise(strength).mean(1) / noise(least).mean(1)) / np.log(strength / least)
    for name, values in (
        ("pixel_snr", 10 * np.log10(away.mean(1) / noise(strength).mean(1))),
        ("template_snr", 10 * np.log10(template)),
        ("exponent", power),
    ):
        assert (row[name], row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx(interval(values), rel=1e-6)
    unseen = int((np.sqrt(template) < 5).sum())  # Rose: an amplitude ratio of 5
    exact = reference.binomtest(unseen, 30).proportion_ci()
    assert row["unseen"] == unseen / 30
    assert (row["unseen_low"], row["unseen_high"]) == pytest.approx((exact.low, exact.high))


def test_the_weakest_noise_has_no_exponent_and_images_replaced_as_a_whole_have_no_template(shown):
    assert len(shown) == 3 + 2 + 2
    assert shown["strength"].tolist() == [0.1, 0.5, 0.9, 0.5, 2, 0.2, 0.9]
    assert shown["exponent"].isna().tolist() == [True, False, False, True, False, True, False]
    whole = shown[shown["per"] == "image"]
    assert whole[["unseen", "template_snr"]].isna().all(axis=None)
    assert whole["pixel_snr"].notna().all()
    assert shown["law"].nunique() == 3


# 04_collapse and 05_survival


def test_candidates_that_need_no_network(cell):
    """(1−p)/√p, √n (1−p)/√v, and the accuracy of NCM, as simulated."""
    from dataclasses import replace

    dataset = digits()
    where = dataset.tests(200)
    x, y = dataset.values(dataset.test)[where].astype(float), dataset.test.labels[where]
    own = replace(cell, strength=0.8, train_size=200)
    found = collapse_table._predicted(dataset, UNIFORM, own, x, y)
    v = 0.8 / 12 + 0.8 * 0.2 * ((x - 0.5) ** 2).mean()
    assert found["proxy"] == pytest.approx(0.2 / np.sqrt(0.8))
    assert found["signal"] == pytest.approx(np.sqrt(20) * 0.2 / np.sqrt(v))
    rng = np.random.default_rng(0)
    train, labels = dataset.values(dataset.train), dataset.train.labels

    def noisy(images: np.ndarray) -> np.ndarray:
        return np.where(rng.random(images.shape) < 0.8, rng.random(images.shape), images)

    for test in ("clean", "corrupted"):
        shares = []
        for _ in range(20):
            means = [noisy(train[rng.choice(np.flatnonzero(labels == k), 20)]).mean(0) for k in range(10)]
            points = noisy(x) if test == "corrupted" else x
            shares.append(((points[:, None] - np.stack(means)) ** 2).sum(-1).argmin(1) == y)
        assert found[test] == pytest.approx(np.mean(shares), abs=0.04)
    clean = collapse_table._predicted(dataset, UNIFORM, replace(own, strength=0.0), x, y)
    assert (clean["proxy"], clean["signal"]) == (np.inf, np.inf)
    assert clean["clean"] == pytest.approx(clean["corrupted"])


def test_the_rules_of_survival_are_averages_over_draws_and_its_theory_knows_the_size(cell):
    from dataclasses import replace

    dataset, cpu = digits(), torch.device("cpu")
    where = dataset.tests(300)
    x, y = torch.from_numpy(dataset.values(dataset.test)[where]), torch.from_numpy(dataset.test.labels[where])
    own = replace(cell, strength=0.8, train_size=200, seed=3)
    rules = survival_table._rules(dataset, UNIFORM, own, x.to(cpu), y, 12)
    alone = survival_table._rules(dataset, UNIFORM, own, x.to(cpu), y, 1)
    assert [alone[test]["ridge"] for test in alone] == [rules[test]["ridge"] for test in rules]  # of the first draw
    limit = survival_table._theory(dataset, UNIFORM, own, x, y, survival_table.UNLIMITED, "unlimited")
    theory = survival_table._theory(dataset, UNIFORM, own, x, y, 20, "theory")
    for test in ("clean", "corrupted"):
        assert rules[test]["ncm"] == pytest.approx(theory[test]["theory"], abs=0.04)
        assert rules[test]["ncm"] * 300 * 12 == pytest.approx(round(rules[test]["ncm"] * 300 * 12))
        assert rules[test]["ridge"] * 300 == pytest.approx(round(rules[test]["ridge"] * 300))  # of one draw
        assert limit[test]["unlimited"] > theory[test]["theory"]
    train = dataset.values(dataset.train)
    means = np.stack([UNIFORM.mean(train[dataset.train.labels == k], 0.8).mean(0) for k in range(10)])
    nearest = ((x.numpy()[:, None] - means) ** 2).sum(-1).argmin(1)
    assert limit["clean"]["unlimited"] == pytest.approx((nearest == y.numpy()).mean(), abs=0.01)
    assert theory["clean"]["theory"] > theory["corrupted"]["theory"]
    assert rules["clean"]["ridge"] > rules["corrupted"]["ridge"]


# 06_prototype


@pytest.mark.parametrize("origin", [0.0, 1.0, 3.4])
def test_the_fitted_origin_is_chosen_on_the_first_half_and_judged_on_the_second(origin):
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(101, 30, generator=rng, dtype=torch.float64)
    seen = prototypes.Training.of(torch.rand(40, 30, generator=rng, dtype=torch.float64) + 0.5, torch.arange(40) % 4)
    mean = seen.images.mean(0)
    outputs = (x - origin * mean) @ (seen.means(seen.images) - mean).T
    outputs[60:] = outputs[60:].roll(1, 1)  # of the second half, 10 points of 51 still agree
    agreement, found = prototype_table.fitted(seen, x, outputs)
    assert found == pytest.approx(origin, abs=0.3)
    assert agreement == pytest.approx(10 / 51, abs=0.03)


# 07_infinite_width


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_columns_of_an_infinitely_wide_network_by_hand(shift):
    dataset = digits()
    where = dataset.subset(30, 0)
    clean, y = torch.from_numpy(dataset.values(dataset.train)[where]), torch.from_numpy(dataset.train.labels[where])
    x = torch.from_numpy(np.random.default_rng(0).normal(clean.numpy(), 0.4)).double()
    chosen = dataset.tests(100)
    tests, labels = torch.from_numpy(dataset.values(dataset.test)[chosen]), dataset.test.labels[chosen]
    law, arch = Additive(GaussianNoise()), kernels.Architecture("erf", 3)
    one = Infinite(activation="erf", depth=3, train_size=[30], shift=shift)
    rows = {row["rule"]: row for row in infinite_table.compared(one, x, y, tests, torch.from_numpy(labels), law, 0.4)}

    points, seen = tests.double() - shift, x - shift
    targets = torch.nn.functional.one_hot(y).double() - 0.1
    exact = (kernels.gram(arch, points, seen) @ torch.linalg.solve(kernels.gram(arch, seen), targets)).numpy()
    best = np.sort(exact, 1)
    gap = best[:, -1] - best[:, -2]
    means = np.stack([seen[y == k].mean(0).numpy() for k in range(10)])
    ncm = ((points.numpy()[:, None] - means) ** 2).sum(-1).argmin(1)
    row = rows["ncm"]
    assert row["exact"] == pytest.approx((exact.argmax(1) == labels).mean(), abs=1e-9)
    assert row["accuracy"] == pytest.approx((ncm == labels).mean())
    agree = ncm == exact.argmax(1)
    assert row["agreement"] == pytest.approx(agree.mean(), abs=0.011)
    fifths = [agree[part].mean() for part in np.array_split(gap.argsort(), 5)]
    assert [row[f"fifth_{k}"] for k in range(1, 6)] == pytest.approx(fifths, abs=0.051)
    assert not any(name.startswith(("class", "bounded", "remainder")) for name in row)

    training = prototypes.Training.of(seen, y)
    about = prototypes.expansion(arch, training, points)
    for rule, scores in (
        ("first_order", prototypes.first_order(points, training, about)),
        ("resummed", prototypes.resummed(points, training, about)),
    ):
        remainder = 2 * np.abs(scores.numpy() - exact).max(1) / gap
        for q in (10, 50, 90):
            assert rows[rule][f"remainder_{q}"] == pytest.approx(np.quantile(remainder, q / 100), rel=1e-3)
        assert rows[rule]["bounded"] == pytest.approx((remainder < 1).mean(), abs=0.011)
    variance = seen.var(0).mean().item()
    for row in rows.values():
        assert row["rho"] == pytest.approx(about.ridge / (30 * variance))
        r = prototypes.ridge_correlation(64 / 30, about.ridge / (30 * variance))
        assert row["predicted"] == pytest.approx(prototypes.agreement(r, 10))


def test_a_linear_network_has_no_ridge_and_no_prediction():
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(20, 30, generator=rng, dtype=torch.float64)
    one = Infinite(activation="identity", depth=2, train_size=[20])
    tests, y = torch.rand(9, 30, generator=rng), torch.arange(20) % 2
    for row in infinite_table.compared(one, x, y, tests, torch.zeros(9, dtype=torch.int64), UNIFORM, 0.5):
        assert row["rho"] == pytest.approx(0, abs=1e-9)
        assert np.isnan(row["predicted"]) or row["rho"] > 0


# 08_universality


def test_noise_is_told_in_units_of_what_is_left_of_the_signal():
    x = np.random.default_rng(0).random((20, 30))
    assert universality_table.noise_ratio(Additive(GaussianNoise()), x, 2.5) == pytest.approx(2.5)
    v = 0.9 / 12 + 0.09 * ((x - 0.5) ** 2).mean()
    assert universality_table.noise_ratio(UNIFORM, x, 0.9) == pytest.approx(np.sqrt(v) / 0.1)


def test_a_table_of_universality_is_recomputed_from_its_draw():
    content = yaml.safe_load((QUICK / "08_universality.yaml").read_text())
    content |= {"activations": ["relu", "erf"], "depths": [2, 3], "images": 40, "seeds": [0, 1]}
    content |= {"laws": [{"corruption": {"law": "additive", "noise": "gaussian"}, "strength": 0.3}], "shifts": [0.5]}
    chosen = validate(model_of("08_universality", "test"), content, "test")
    dataset = digits()
    table = universality_table.table(chosen, Path())
    assert len(table) == 2 * 4 + 5 * 2 * 4
    assert table.loc[table["part"] == "tilt", "moment"].notna().all()
    assert table.loc[table["part"] == "matrix", "moment"].isna().all()
    record = chosen.laws[0].corruption.record()
    law = corruptions.law_of(record, dataset)
    where = dataset.tests(40)
    tests, labels = torch.from_numpy(dataset.values(dataset.test)[where]), dataset.test.labels[where]
    for depth, seed in itertools.product((2, 3), (0, 1)):
        x, y = draw(dataset, record, 20, 0.3, seed, torch.device("cpu"))
        seen, points = x.double() - 0.5, tests.double() - 0.5
        arch = kernels.Architecture("erf", depth)
        targets = torch.nn.functional.one_hot(y).double() - 0.1
        exact = kernels.gram(arch, points, seen) @ torch.linalg.solve(kernels.gram(arch, seen), targets)
        means = torch.stack([seen[y == k].mean(0) for k in range(10)])
        ncm = torch.cdist(points, means).argmin(1)
        row = row_of(table, part="matrix", activation="erf", depth=depth, seed=seed, law=f"{label(law)}, 0.3")
        assert row["ncm_agreement"] == pytest.approx((ncm == exact.argmax(1)).double().mean().item(), abs=0.026)
        assert row["ncm_accuracy"] == pytest.approx((ncm.numpy() == labels).mean())
        assert row["exact"] == pytest.approx((exact.argmax(1).numpy() == labels).mean(), abs=0.026)
        about = prototypes.expansion(arch, prototypes.Training.of(seen, y), points)
        assert row["tilt"] == pytest.approx(about.tilt.mean().item())
        assert row["noise"] == pytest.approx(0.3)
