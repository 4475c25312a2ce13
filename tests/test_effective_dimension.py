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


SMALL = {
    "sizes": [50, 100],
    "ranks": [12, 24],
    "units": [8, 16, 32],
    "seeds": [0, 3, 5],
    "training": CONTENT["noise"]["training"] | {"steps": 60, "climbing": 16, "starts": [2, 1, 1]},
    "bridge": CONTENT["noise"]["bridge"] | {"size": 100, "rank": 24, "units": 8, "errors": [0.47, 1.5], "images": 8},
}
FEW = CONTENT["capacity"] | {"sizes": [20, 80], "steps": [20, 40], "batch": 10, "tests": 20, "test_steps": 2}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    chosen = validate(model_of(NAME, "test"), CONTENT | {"noise": CONTENT["noise"] | SMALL, "capacity": FEW}, "test")
    return page_cases.measured(NAME, chosen)


def test_rows_are_one_for_each_network_and_bounds_enclose(table):
    trained = page.adversarial(table)
    assert len(trained) == 3 * (2 * 2 * (2 + 2) + 2)  # seeds, sizes, steps, scales, widths; scales both ways once
    assert trained[["train_clean", "train_robust", "test_clean", "test_robust"]].stack().between(0, 1).all()
    assert (trained["train_robust"] <= trained["train_clean"]).all()
    assert trained.groupby(["family", "width"])["parameters"].nunique().eq(1).all()
    table = table[table["turned"].notna()]
    chance, signal = table[table["turned"] == 0.5], table[table["turned"] != 0.5]
    assert len(chance) == 3 * 2 * 2 * 2 * (2 + 1 + 1)  # seeds, sizes, ranks, images and sphere, starts of each k
    laws = [f"{one['corruption']['law']} {one['strength']:g}" for one in CONTENT["noise"]["bridge"]["corruptions"]]
    assert len(signal) == 3 * (2 * (1 + 2) + len(laws))
    assert set(signal["training"]) == {"plain", "penalised", *laws}
    assert (table["lower"] <= table["upper"]).all()
    assert (table["parameters"] == table["width"] * (table["pca_rank"] + 2)).all()
    fit = table[(table["status"] == "learned") & (table["target"] > 0)]
    assert len(fit) > 5
    assert (fit["mse"] <= 1.02 * fit["target"]).all()
    assert (fit["upper"] >= fit["floor"]).all()
    assert chance["target"].to_numpy() == pytest.approx(0.47)
    assert signal["target"].unique() == pytest.approx([0.47 * 0.36, 1.5 * 0.36, 0])
    assert chance["distance"].isna().all()
    assert (signal["distance"] > 0).all()
    assert signal["accuracy"].between(0.5, 1).all()


def test_a_smaller_share_of_the_penalty_leaves_a_smaller_error():
    asked = validate(model_of(NAME, "test"), CONTENT | {"noise": CONTENT["noise"] | SMALL}, "test").noise
    points = made.of_sphere(asked, 24, 100, torch.device("cpu"))._replace(target=0.02)
    full, eased = (made.run(asked, points, 16, "penalised", share=share).found for share in (1.0, 0.05))
    assert (eased.mse < 0.8 * full.mse).all()


def test_a_start_differs_and_other_cells_of_a_stack_do_not_matter(table):
    first = table[(table["start"] == 0) & (table["width"] == 8) & (table["turned"] == 0.5)]
    second = table[(table["start"] == 1) & (table["width"] == 8) & (table["turned"] == 0.5)]
    assert (first["lower"].to_numpy() != second["lower"].to_numpy()).all()
    want = asked(**SMALL).noise
    alone = made.run(want, made.of_sphere(want, 12, 100, CPU), 8, "penalised")
    beside = table[(table["dataset"] == "sphere") & (table["pca_rank"] == 12) & (table["train_size"] == 100)]
    beside = beside[(beside["width"] == 8) & (beside["start"] == 0)]
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
    assert (tests.y[0].numpy() == np.where(dataset.test.labels[where] >= 5, 1, -1)).all()
    # two units of a line w·x, one of each sign: f(x) = relu(w·x) − relu(−w·x) = w·x
    w = torch.tensor([1.0, -2, 0, 0, 0, 0, 0, 0.5])
    stack = made.frontier.Stack(torch.stack([w, -w])[None], torch.zeros(1, 2), torch.tensor([[1.0, -1.0]]))
    right, far = made.robust(stack, tests, torch.tensor([float(w.norm())], dtype=torch.float64))
    margin = (tests.x[0] @ w) * tests.y[0]
    assert right == pytest.approx(float((margin > 0).double().mean()))
    assert far == pytest.approx(float((margin.clamp(min=0) / w.norm()).mean()), rel=1e-3)


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
    frame = frame.assign(upper=1.1 * frame["lower"], parameters=frame["width"] * (frame["pca_rank"] + 2), accuracy=0.9)
    return pd.concat([frame.assign(family="mlp"), pd.DataFrame(capacity_by_hand(want.capacity))], ignore_index=True)


def capacity_by_hand(own: Any) -> list[dict[str, Any]]:
    """Robust training accuracy goes by P/n; the smallest convolutional networks are dead at once."""
    rows = []
    for place, (scale, width) in enumerate(zip(own.scales, own.widths, strict=True)):
        for (more, n), steps in itertools.product(enumerate(own.sizes), own.steps):
            for family, size in (("cnn", scale), ("mlp", width)):
                both = family == "cnn" and not more and steps == own.steps[0]
                for training in ("radius at once", "radius rises") if both else ("radius rises",):
                    dead = training == "radius at once" and place == 0
                    robust = 0.5 + 0.2 * (place - more) - (0.1 if family == "mlp" else 0)
                    robust -= 0.01 if steps == own.steps[0] else 0  # what more steps gain
                    case = {"dataset": "digits", "family": family, "width": size, "train_size": n, "start": 0}
                    case |= {"steps": steps}
                    case |= {
                        "training": training,
                        "parameters": 1000 * 4**place,
                        "status": "dead" if dead else "learned",
                    }
                    case |= {"train_clean": 0.9, "train_robust": robust, "test_clean": 0.8, "test_robust": robust - 0.1}
                    rows += [case | {"seed": seed, "modal": 0.1, "falling": 0.0, "loss": 0.5} for seed in range(3)]
    return rows


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
    assert math.isnan(cases["matched", "digits"].found.mean)  # random points take as much whatever their dimension
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
    assert is_interval(half, [0.5] * len(SEEDS))
    assert (half.networks, half.left_out) == ((2 * 2 + 1) * len(SEEDS), 0)
    assert math.isnan(cases["closed", "lp 9"].found.mean)  # no plain network has an error as large
    for scale in ("s = 1", "s = 2"):
        alone = cases["images-alone", scale, "n = 50"]
        assert alone.found.mean == pytest.approx(0.2)
        assert (alone.networks, alone.left_out) == (6, 0)
    assert cases["proportional", "s = 1", "n = 50"].found.mean == pytest.approx(0)
    assert ("proportional", "s = 2", "n = 50") not in cases
    assert cases["trainable", "s = 1", "n = 50"].found[::3] == (1, 3)
    assert cases["trainable", "s = 1", "n = 50"].networks == 6
    assert cases["trainable", "s = 2", "n = 50"].found.mean == 0
    assert ("trainable", "s = 1", "n = 200") not in cases
    for n in ("n = 50", "n = 200"):
        assert cases["architecture", "s = 2", n].found.mean == pytest.approx(0.1)
        assert cases["generalises", n].found.mean == pytest.approx(0.1)
    assert cases["steps", "s = 2", "n = 50"].found.mean == pytest.approx(0.01)
    gain = cases["robust", "MSE 0.36"]
    assert is_interval(gain, [math.log(1.5)] * len(SEEDS))


def test_sizes_are_not_compared_where_more_steps_still_gain():
    rows = by_hand()
    early = (rows["train_size"] == 200) & (rows["width"] == 2) & (rows["steps"] == rows["steps"].min())
    rows.loc[early & (rows["family"] == "cnn"), "train_robust"] -= 0.2
    cases = found(rows)
    assert cases["steps", "s = 2", "n = 200"].found.mean == pytest.approx(0.21)
    assert math.isnan(cases["proportional", "s = 1", "n = 50"].found.mean)
    assert (cases["proportional", "s = 1", "n = 50"].networks, cases["proportional", "s = 1", "n = 50"].left_out) == (
        3,
        3,
    )
    assert cases["proportional", "s = 1", "n = 50"].why == page.RISING
    assert math.isnan(cases["images-alone", "s = 2", "n = 50"].found.mean)
    assert cases["images-alone", "s = 1", "n = 50"].found.mean == pytest.approx(0.2)


def test_sizes_of_which_some_did_not_learn_are_not_compared_for_that_reason():
    rows = by_hand()
    rows.loc[(rows["train_size"] == 200) & (rows["width"] == 2) & (rows["family"] == "cnn"), "status"] = "unfinished"
    lacking = found(rows)["proportional", "s = 1", "n = 50"]
    assert math.isnan(lacking.found.mean)
    assert "learned" in lacking.why


def test_random_points_are_matched_between_their_ranks():
    rows = by_hand()
    chance = rows["turned"] == 0.5
    falling = 3 * np.sqrt(rows["train_size"] / rows["width"]) * rows["pca_rank"] ** -0.5
    rows.loc[chance, "lower"] = falling * np.where(rows["dataset"] == "digits", math.sqrt(2), 1)
    assert found(rows)["matched", "digits"].found.mean == pytest.approx(math.log(24 / 10))  # images of 48 like 24
    rows.loc[chance, "lower"] = falling * np.where(rows["dataset"] == "digits", 0.9, 1)
    assert math.isnan(found(rows)["matched", "digits"].found.mean)  # flatter than any of them


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
    rest = page.supplement(rows, asked()).axes
    assert [ax.get_title(loc="left") for ax in rest] == ["g", "h", "i"]
    assert all(ax.lines for ax in rest)
    plt.close("all")
    predicted = page.predictions(rows, asked())
    assert "96" in predicted["measured here"].iloc[1]
    assert predicted.iloc[0, 0] == "2 … 50"
    trained = page.trained_summary(rows)
    assert trained["dead"].sum() == 3
    assert trained["learned"].sum() == 51
    assert len(page.summary(rows)) == 2 * 12 + 2 * 2 + 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sizes": [50, 100]}, "sizes should grow by factors of 4"),
        ({"scales": [1, 3]}, "scales should grow by factors of 2"),
        ({"widths": [16]}, "widths needs a number for each"),
        ({"batch": 64}, "batch is 64, and there are 50 images"),
        ({"steps": [160, 40]}, "steps should grow"),
        ({"seeds": [0, 1]}, "seeds needs at least 3 seeds"),
    ],
)
def test_mistakes_of_capacity_are_told(changes, words):
    with pytest.raises(UserError, match=words):
        validate(model_of(NAME, "test"), CONTENT | {"capacity": CONTENT["capacity"] | changes}, "test")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sizes": [240, 120]}, "sizes should grow"),
        ({"sizes": [20, 120]}, "greater than or equal to 50"),
        ({"units": [8, 16]}, "units should grow, and needs at least 3"),
        ({"training": CONTENT["noise"]["training"] | {"starts": [1]}}, "needs a number for each of the 3 units"),
        ({"bridge": CONTENT["noise"]["bridge"] | {"rank": 20}}, "bridge.rank is 20, which is none of"),
        ({"bridge": CONTENT["noise"]["bridge"] | {"errors": [0.2, 1]}}, "have 0.47, the error, among them"),
        ({"bridge": CONTENT["noise"]["bridge"] | {"errors": [0.47, 3]}}, "which a network that answers 0 has"),
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
