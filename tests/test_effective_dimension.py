"""18_effective_dimension: its table, claims from a table made by hand, mistakes."""

import itertools
import math
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import page_cases
import pandas as pd
import pytest
import torch
import yaml
from test_page_claims import is_interval

from almostnothing import data
from almostnothing.errors import UserError
from almostnothing.measures import answers, directions
from almostnothing.pages import model_of
from almostnothing.pages.effective_dimension import page
from almostnothing.pages.effective_dimension import table as made
from almostnothing.parameters.files import validate
from almostnothing.theory import dimensions, partial_fits

NAME = "18_effective_dimension"
QUICK = Path(__file__).resolve().parent.parent / f"params/quick/{NAME}.yaml"
CONTENT = yaml.safe_load(QUICK.read_text())
SEEDS = np.arange(4)
CPU = torch.device("cpu")


def asked(**noise: Any) -> Any:
    return validate(model_of(NAME, "test"), CONTENT | {"noise": CONTENT["noise"] | noise}, "test")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    training = CONTENT["noise"]["training"] | {"steps": 150, "climbing": 16, "starts": [2, 1, 1]}
    bridge = CONTENT["noise"]["bridge"] | {"size": 40, "rank": 24, "units": 4, "errors": [0.47, 1.5], "images": 20}
    small = {"sizes": [20, 40], "ranks": [12, 24], "units": [4, 8, 16], "seeds": [0, 3, 5]}
    return page_cases.measured(NAME, asked(**small, training=training, bridge=bridge))


def test_rows_are_one_for_each_network_and_bounds_enclose(table):
    chance, signal = table[table["turned"] == 0.5], table[table["turned"] != 0.5]
    assert len(chance) == 3 * 2 * 2 * 2 * (2 + 1 + 1)  # seeds, sizes, ranks, images and sphere, starts of each k
    laws = [f"{one['corruption']['law']} {one['strength']:g}" for one in CONTENT["noise"]["bridge"]["corruptions"]]
    assert len(signal) == 3 * (2 * (1 + 2) + len(laws))
    assert set(signal["training"]) == {"plain", "penalised", *laws}
    assert (table["lower"] <= table["upper"]).all()
    assert (table["parameters"] == table["width"] * (table["pca_rank"] + 2)).all()
    fit = table[(table["status"] == "learned") & (table["target"] > 0)]
    assert len(fit) > 10
    assert (fit["mse"] <= 1.02 * fit["target"]).all()
    assert (fit["upper"] >= fit["floor"]).all()
    assert chance["target"].to_numpy() == pytest.approx(0.47)
    assert signal["target"].unique() == pytest.approx([0.47 * 0.36, 1.5 * 0.36, 0])
    assert chance["distance"].isna().all()
    assert (signal["distance"] > 0).all()
    assert signal["accuracy"].between(0.5, 1).all()


def test_a_start_differs_and_other_cells_of_a_stack_do_not_matter(table):
    first = table[(table["start"] == 0) & (table["width"] == 4) & (table["turned"] == 0.5)]
    second = table[(table["start"] == 1) & (table["width"] == 4) & (table["turned"] == 0.5)]
    assert (first["lower"].to_numpy() != second["lower"].to_numpy()).all()
    want = asked(
        sizes=[20, 40],
        ranks=[12, 24],
        units=[4, 8, 16],
        seeds=[0, 3, 5],
        training=CONTENT["noise"]["training"] | {"steps": 150, "climbing": 16, "starts": [2, 1, 1]},
        bridge=CONTENT["noise"]["bridge"] | {"size": 40, "rank": 24, "units": 4, "errors": [0.47, 1.5], "images": 20},
    ).noise
    alone = made.run(want, made.of_sphere(want, 12, 40, CPU), 4, "penalised")
    beside = table[(table["dataset"] == "sphere") & (table["pca_rank"] == 12) & (table["train_size"] == 40)]
    beside = beside[(beside["width"] == 4) & (beside["start"] == 0)]
    assert alone.found.mse.numpy() == pytest.approx(beside["mse"].to_numpy(), rel=1e-4)


def test_points_are_images_of_length_one_and_labels_are_turned():
    want = asked().noise
    dataset = data.load(data.source("digits"), page_cases.FOLDER)
    axes = directions.directions(dataset, CPU)
    whole = axes(torch.from_numpy(dataset.values(dataset.train)), 8)
    assert whole.norm(dim=1).numpy() == pytest.approx(1, abs=1e-5)
    gram = (axes.axes.T @ axes.axes).numpy()
    assert gram == pytest.approx(np.eye(len(gram)), abs=1e-5)
    centred = dataset.values(dataset.train) - axes.mean.numpy()
    spread = (centred @ axes.axes.numpy()).var(0)
    assert (np.diff(spread) <= 1e-4).all()
    assert (axes.axes.numpy().max(0) == np.abs(axes.axes.numpy()).max(0)).all()
    for turned in (0.1, 0.5):
        points = made.of_images(want, dataset, axes, 16, 240, turned, CPU, 0.47)
        assert points.target == pytest.approx(0.47 * 4 * turned * (1 - turned))
        for seed, x, y, known in zip(want.seeds, points.x, points.y, points.known, strict=True):
            where = dataset.subset(240, seed)
            clean = np.where(dataset.train.labels[where] < 5, -1, 1)
            assert (y.numpy() != clean).mean() == pytest.approx(turned, abs=0.1)
            assert known["floor"] == partial_fits.floor(x.double().numpy(), y.double().numpy(), points.target)
            assert known["stable_rank"] == dimensions.stable_rank(x.double().numpy())


def test_corrupted_points_are_those_of_the_law_and_new_at_each_step():
    want = asked().noise
    dataset = data.load(data.source("digits"), page_cases.FOLDER)
    axes = directions.directions(dataset, CPU)
    additive = want.bridge.corruptions[0]
    seen = made.corrupted(dataset, axes, additive, 48, 240, [0, 1], CPU)
    assert torch.equal(seen(3), seen(3))
    assert not torch.equal(seen(3), seen(4))
    assert torch.equal(made.corrupted(dataset, axes, additive, 48, 240, [1], CPU)(3)[0], seen(3)[1])
    quiet = additive.model_copy(update={"strength": 0.0})
    clean = made.of_images(want, dataset, axes, 48, 240, 0.5, CPU, 0.47)
    assert torch.allclose(made.corrupted(dataset, axes, quiet, 48, 240, want.seeds, CPU)(0), clean.x, atol=1e-6)


def test_distance_is_exact_for_one_unit_that_is_linear_on_the_images():
    dataset = data.load(data.source("digits"), page_cases.FOLDER)
    axes = directions.directions(dataset, CPU)
    tests = made.tested(dataset, axes, 8, [0], 30, CPU)
    where = answers.chosen(dataset, 0, 30)
    assert (tests.labels[0].numpy() == (dataset.test.labels[where] >= 5)).all()
    w = torch.tensor([[[1.0, -2, 0, 0, 0, 0, 0, 0.5]]])
    stack = made.frontier.Stack(w, torch.tensor([[5.0]]), torch.ones(1, 1))  # w·x + 5 − 5, but for the ReLU's corner
    shifted = made.Tests(tests.x, torch.ones_like(tests.labels))
    right, far = made.robust(stack, shifted)
    assert right == 1
    exact = (tests.x[0] @ w[0, 0] + 5) / w.norm()
    assert far == pytest.approx(float(exact.mean()), rel=1e-3)


def by_hand(status: str = "learned") -> pd.DataFrame:
    """Constants that are powers of n/k of another size for each seed, on images √2 of those on the sphere."""
    want, rows = asked(), []
    noise = want.noise
    known = {"stable_rank": 10.0, "participation": 20.0, "two_nearest": 5.0}
    for dataset, r, n, k, seed in itertools.product(("digits", "sphere"), noise.ranks, noise.sizes, noise.units, SEEDS):
        size = (1 + 0.1 * seed) * (math.sqrt(2) if dataset == "digits" else 1)
        lower = size * math.sqrt(n / k) * (1 + 0.01 * math.sin(n * k + r + seed))
        own = {"turned": 0.5, "training": "penalised", "target": 0.47, "mse": 0.47, "lower": lower, "floor": 0.3}
        case = {"dataset": dataset, "pca_rank": r, "train_size": n, "width": k, "start": 0, "seed": int(seed)}
        rows.append(case | own | known | {"status": status if (k, r) == (8, 16) else "learned"})
    sigma, last = 0.6, {"dataset": "digits", "pca_rank": 48, "train_size": 240, "width": 32, "start": 0}
    for error, seed in itertools.product(noise.bridge.errors, SEEDS):
        for training, top in (("plain", 8.0), ("penalised", 2.0)):
            lower = sigma * math.sqrt(2) * math.sqrt(240 / 32) * (1 + 0.1 * seed) * top / 2
            own = {"turned": 0.1, "training": training, "target": error * 0.36, "mse": error * 0.36, "floor": 0.3}
            rows.append(last | own | known | {"seed": int(seed), "lower": lower, "status": "learned"})
            rows[-1]["distance"] = (0.2 if training == "plain" else 0.3) * (1 + 0.01 * seed)
    for law, seed in itertools.product(("additive 0.2", "lp 9"), SEEDS):
        lower = sigma * math.sqrt(2) * math.sqrt(240 / 32) * (1 + 0.1 * seed) * 2
        own = {"turned": 0.1, "training": law, "target": 0.0, "mse": 0.3 if law != "lp 9" else 3.0, "lower": lower}
        rows.append(last | own | known | {"seed": int(seed), "status": "learned", "floor": math.nan, "distance": 0.25})
    frame = pd.DataFrame(rows)
    return frame.assign(upper=1.1 * frame["lower"], parameters=frame["width"] * (frame["pca_rank"] + 2), accuracy=0.9)


def found(rows: pd.DataFrame) -> dict[tuple[str, ...], Any]:
    verdicts = page.claims(rows, asked())
    return {(claim.id.partition(".")[2], *case.where.values()): case for claim in verdicts for case in claim.cases}


def test_claims_are_those_of_the_table_made_by_hand():
    cases = found(by_hand())
    ranks = np.log(np.array([18, 50]) / [16, 48]) / 2  # what the two parameters beside r leave of n/P
    assert cases["collapse", "digits", "the rank"].found.mean == pytest.approx(ranks.std(), abs=0.01)
    one = np.log(np.array([18, 50])) / 2
    assert cases["collapse", "digits", "one for all ranks"].found.mean == pytest.approx(one.std(), abs=0.01)
    assert cases["collapse", "digits", "one for each rank"].found.mean == pytest.approx(0.007, abs=0.003)
    assert cases["dimension", "digits"].found.mean == pytest.approx(math.log(2 * 48 / 10), abs=0.02)
    assert cases["dimension", "digits"].networks == 2 * 2 * 3 * len(SEEDS)
    assert cases["covariance", "digits", "stable rank"].found.mean == pytest.approx(0)
    assert cases["covariance", "digits", "two nearest"].found.mean == pytest.approx(math.log(2))
    for points in ("digits", "random points"):
        for rank in (16, 48):
            assert cases["points", points, f"r = {rank}"].found.mean == pytest.approx(0, abs=0.02)
        assert cases["rival", points, page.RIVALS["no size"]].found.high < -1
        assert cases["rival", points, page.RIVALS["floor"]].found.high < -1
        assert abs(cases["rival", points, page.RIVALS["free"]].found.mean) < 1
    assert cases["noise", "digits"].found.mean == pytest.approx(0, abs=0.02)
    half = cases["closed", "additive 0.2"]
    is_interval(half, [0.5] * len(SEEDS))
    assert (half.networks, half.left_out) == ((2 * 4 + 1) * len(SEEDS), 0)
    assert math.isnan(cases["closed", "lp 9"].found.mean)  # no plain network has an error as large
    gain = cases["robust", "MSE 0.36"]
    is_interval(gain, [math.log(1.5)] * len(SEEDS))


def test_sizes_of_which_a_network_did_not_reach_the_error_are_left_out():
    cases = found(by_hand("unfinished"))
    whole = cases["collapse", "digits", "the rank"]
    assert (whole.networks, whole.left_out) == (10 * len(SEEDS), 2 * len(SEEDS))
    assert cases["dimension", "digits"].left_out == 0


def test_a_rival_that_is_right_is_preferred():
    rows = by_hand()
    chance = rows["turned"] == 0.5
    rows["floor"] = 0.3 + 0.001 * rows["train_size"]
    rows.loc[chance, "lower"] = 3 * rows["floor"] * (1 + 0.01 * np.sin(np.arange(len(rows))))
    assert found(rows)["rival", "digits", page.RIVALS["floor"]].found.low > 0.5
    rows.loc[chance, "lower"] = rows["floor"] + 0.02 * np.sqrt(rows["train_size"] / rows["width"]) * (
        1 + 0.01 * np.sin(np.arange(len(rows)))
    )
    cases = found(rows)
    assert cases["rival", "digits", page.RIVALS["sum"]].found.low > 0.5
    rows.loc[chance, "lower"] = rows["train_size"] ** 0.3 * (1 + 0.01 * np.sin(np.arange(len(rows))))
    cases = found(rows)
    assert cases["points", "digits", "r = 16"].found.mean == pytest.approx(0.3 * math.log(2), abs=0.02)
    assert cases["rival", "digits", page.RIVALS["free"]].found.low > 0.5


def test_the_figure_and_tables_show_them():
    rows = by_hand()
    figure = page.figure(rows, page.claims(rows, asked()), asked())
    axes = [ax for ax in figure.axes if ax.get_ylabel() or ax.get_xlabel()]
    assert len(axes) == 6
    plt.close(figure)
    predicted = page.predictions(rows, asked())
    assert "96" in predicted["measured here"].iloc[1]
    assert predicted.iloc[0, 0] == "2 … 50"
    assert len(page.summary(rows)) == 2 * 12 + 2 * 4 + 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sizes": [240, 120]}, "sizes should grow"),
        ({"units": [8, 16]}, "units should grow, and needs at least 3"),
        ({"training": CONTENT["noise"]["training"] | {"starts": [1]}}, "needs a number for each of the 3 units"),
        ({"bridge": CONTENT["noise"]["bridge"] | {"rank": 20}}, "bridge.rank is 20, which is none of"),
        ({"bridge": CONTENT["noise"]["bridge"] | {"errors": [0.2, 1]}}, "have 0.47, the error, among them"),
        ({"seeds": [0, 1]}, "seeds needs at least 3 seeds"),
    ],
)
def test_mistakes_are_told(changes, words):
    with pytest.raises(UserError, match=words):
        asked(**changes)


def test_images_that_cannot_be_had_are_told_before_training():
    bridge = CONTENT["noise"]["bridge"]
    with pytest.raises(UserError, match="ranks go up to 65, and images of digits have 64 pixels"):
        asked(ranks=[48, 65]).sources()
    with pytest.raises(UserError, match="multiple of its 10 classes"):
        asked(sizes=[125, 240], bridge=bridge).sources()
