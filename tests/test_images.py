"""15_images: lengths against exact answers, its table by other means, claims from a table made by hand, mistakes."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import foolbox  # noqa: F401  (not within a measurement that is watched)
import matplotlib.pyplot as plt
import numpy as np
import page_cases
import pandas as pd
import pytest
import torch
import yaml
from page_cases import trained
from PIL import Image
from test_page_claims import is_interval

from almostnothing import corruptions, data
from almostnothing.errors import UserError
from almostnothing.measures import answers, approach, attacks, opinion, pretrained, segment
from almostnothing.measures.trained import stacks
from almostnothing.pages import model_of, notebook_of
from almostnothing.pages.images import page
from almostnothing.pages.images import table as images_table
from almostnothing.pages.images.claims import TEXT
from almostnothing.parameters.files import read_yaml, validate
from almostnothing.theory import compression

PARAMS = Path(__file__).resolve().parent.parent / "params"
QUICK = PARAMS / "quick/15_images.yaml"
THRESHOLDS = {"agreement": 0.386, "compressed": 0.5, "factor": 2, "informs": 0, "meets": 0.1, "kept": 0.01}
SMALL: dict[str, Any] = {
    "images": 10,
    "second": 2,
    "points": 4,
    "shown": [{"dataset": "digits", "label": 7, "other": 1, "strength": [0, 0.6]}],
    "thresholds": THRESHOLDS,
}
SEEDS = np.arange(4)


def asked(**changes: Any) -> Any:
    return validate(model_of("15_images", "test"), read_yaml(QUICK) | changes, "test")


# what is measured


def linear(classes: int = 4, d: int = 9):
    rng = np.random.default_rng(0)
    w, b = rng.normal(size=(classes, d)), rng.normal(size=classes)
    weight, bias = torch.from_numpy(w.T.copy())[None], torch.from_numpy(b)[None, None]
    return w, b, lambda z: torch.baddbmm(bias.to(z), z, weight.to(z))


def test_m_of_a_linear_network_is_the_cosine_times_half_the_distance():
    w, _, ask = linear()
    rng = np.random.default_rng(1)
    x, far = rng.normal(size=(2, 6, 9))
    labels, others = rng.permuted(np.tile(np.arange(4), (6, 1)), axis=1)[:, :2].T.copy()
    length = np.linalg.norm(far - x, axis=1)
    both = [torch.from_numpy(each)[None] for each in (x, far, length, labels, others)]
    found = segment.integral(ask, *both, points=3)[0].numpy()
    u, slope = (far - x) / length[:, None], w[others] - w[labels]
    assert found == pytest.approx((u * slope).sum(1) / np.linalg.norm(slope, axis=1) * length / 2)
    assert (np.sign(found) == np.sign((u * slope).sum(1))).all()  # M > 0 where the way raises the other class


def test_m_of_a_small_network_is_that_of_a_fine_sum_of_autograd():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)).double()
    x, far = torch.randn(2, 1, 4, 5, dtype=torch.float64)
    labels, others = torch.tensor([[0, 1, 2, 0]]), torch.tensor([[1, 2, 0, 2]])
    net.requires_grad_(False)
    length = (far - x).norm(dim=-1)
    found = segment.integral(lambda z: net(z), x, far, length, labels, others, 200)[0]
    for image in range(4):
        u = (far - x)[0, image] / length[0, image]
        total, count = 0.0, 4000
        for step in range(count):
            z = (x[0, image] + (step + 0.5) / count * length[0, image] / 2 * u).requires_grad_()
            f = net(z)
            (g,) = torch.autograd.grad(f[others[0, image]] - f[labels[0, image]], z)
            total += float(u @ g / g.norm()) * float(length[0, image]) / 2 / count
        assert float(found[image]) == pytest.approx(total, abs=6 * float(length[0, image]) / 2 / 200)
        assert abs(total) <= float(length[0, image]) / 2


def test_the_nearest_image_of_each_class_is_that_of_all_distances():
    rng = np.random.default_rng(2)
    train, x = torch.from_numpy(rng.normal(size=(40, 3))), torch.from_numpy(rng.normal(size=(7, 3)))
    labels = torch.arange(40) % 4
    far, where = segment.nearest_of_each(train, labels, x, 4, 3)
    each = np.linalg.norm(x.numpy()[:, None] - train.numpy(), axis=-1)
    for label in range(4):
        own = np.where(labels.numpy() == label, each, np.inf)
        assert far[:, label].numpy() == pytest.approx(np.sort(own, 1)[:, :3])
        assert (where[:, label].numpy() == own.argsort(1)[:, :3]).all()
    assert segment.nearest_of_each(train, labels, x, 4, 50)[0].shape == (7, 4, 10)


def test_the_minimum_distance_classifier_withstands_what_is_said_and_hardly_more():
    rng = np.random.default_rng(3)
    train, x = rng.normal(size=(30, 2)), rng.normal(size=(12, 2))
    labels, of_x = np.arange(30) % 3, np.arange(12) % 3
    bound = segment.withstood(*map(torch.from_numpy, (train, labels, x, of_x))).numpy()
    angles = np.linspace(0, 2 * np.pi, 361)[:-1]
    sizes = np.linspace(0, 2, 161)
    moved = x[:, None, None] + sizes[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    nearest = ((moved[..., None, :] - train) ** 2).sum(-1).argmin(-1)
    wrong = (labels[nearest] != of_x[:, None, None]).any(-1)
    exact = np.where(wrong.any(1), sizes[wrong.argmax(1)], np.inf)
    assert (bound <= exact + 1e-9).all()
    assert (bound[exact == 0] == 0).all()
    assert np.median((exact - bound)[exact > 0]) < 0.03
    apart = np.where(labels != of_x[:, None], np.linalg.norm(x[:, None] - train, axis=-1), np.inf).min(1)
    assert (bound <= apart / 2 + 1e-9).all()


def test_given_starts_make_no_perturbation_longer_and_none_too_short():
    w, b, ask = linear()
    x = torch.from_numpy(np.random.default_rng(4).normal(size=(1, 10, 9)))
    labels = ask(x).argmax(-1)
    starts = torch.from_numpy(np.random.default_rng(5).normal(size=(1, 3, 10, 9)))
    exact = compression.smallest(w, b, x[0].numpy(), labels[0].numpy())
    found = approach.smallest(ask, x, labels, starts)
    assert (found.distance <= attacks.smallest(ask, x, labels).distance).all()
    assert found.distance[0].numpy() == pytest.approx(exact, rel=2e-3)
    assert (found.points - x).norm(dim=-1).numpy() == pytest.approx(found.distance.numpy())
    wrong = approach.smallest(ask, x, (labels + 1) % 4, starts)
    assert (wrong.distance == 0).all()


def test_the_texts_own_agreement_is_the_threshold():
    mean = np.mean([abs(math.log(m / q)) for m, q in TEXT])
    for path in PARAMS.glob("*/15_images*.yaml"):
        assert read_yaml(path)["thresholds"]["agreement"] == pytest.approx(mean, abs=5e-4)
    assert max(q for _, q in TEXT) < 1 / 12


# the table


@pytest.fixture(scope="module", autouse=True)
def few_steps():
    """Attacks that judge what was found are tested elsewhere, and slow."""
    with pytest.MonkeyPatch.context() as patched:
        for attack in (opinion.fast_minimum_norm, opinion.decoupled):
            patched.setattr(attack, "__defaults__", (3,))
        patched.setattr(attacks, "ASCENTS", 4)
        yield


@pytest.fixture(scope="module")
def measured(keep) -> tuple[Any, list, pd.DataFrame]:
    chosen, cells = trained(
        "15_images",
        keep,
        sweep={
            "strength": [0, 0.6],
            "train_size": 100,
            "training_corruption": "fresh",
            "depth": 3,
            "variations": [{"corruption": {"law": "lp", "norm": 2}, "strength": 0.5, "family": "cnn", "width": 4}],
        },
        **SMALL,
    )
    return chosen, cells, page_cases.measured("15_images", chosen, cells, keep)


def of(table: pd.DataFrame, **case: Any) -> pd.DataFrame:
    return table[(table[list(case)] == pd.Series(case)).all(axis=1)]


def test_every_network_is_asked_about_the_images_of_its_seed(measured):
    _, _, table = measured
    rows = table[table["at"].isna()]
    assert rows.groupby(["law", "strength", "seed"]).size().to_dict() == {
        (kind, strength, seed): 10
        for kind, strength in (("clean", 0.0), ("replacement", 0.6), ("L2", 0.5))
        for seed in (0, 1)
    }
    places = rows.groupby("seed")["image"].unique()
    assert not set(places[0]) & set(places[1])
    assert rows.groupby(["seed", "image"])["half"].nunique().max() == 1
    assert (rows["integral"].abs() <= rows["half"] * (1 + 1e-6)).all()
    assert rows.loc[rows["seed"] == 1, "second"].isna().all()
    assert (rows.groupby(["law", "seed"])["second"].count().xs(0, level="seed") == 2).all()


def test_rows_are_those_of_the_networks_and_of_brute_force(measured, keep):
    _, cells, table = measured
    for group, model in stacks(cells, keep, torch.device("cpu")):
        for e, cell in enumerate(group):
            rows = of(table[table["at"].isna()], law=images_table.kind(cell), seed=cell.seed)
            dataset = data.load(cell.source)
            x, y = answers.clean(dataset, rows["image"].to_numpy(), torch.device("cpu"))
            assert ((model[e](x).argmax(1) == y).numpy() == (rows["smallest"] > 0)).all()
            where = dataset.subset(100, cell.seed)
            train, labels = dataset.values(dataset.train)[where], dataset.train.labels[where]
            right = [r["correct"] / r["images"] for r in keep.rows(cell) if r["test"] == "clean"]
            assert rows["accuracy"].unique() == pytest.approx(right)
            far = np.linalg.norm(x.numpy()[:, None] - train, axis=-1)
            other = np.where(labels != y.numpy()[:, None], far, np.inf).min(1)
            assert rows["half"].to_numpy() == pytest.approx(other / 2, rel=1e-4)
            if cell.corruption.name != "replacement":
                assert rows["ncm"].isna().all()
                continue
            law = corruptions.law_of(cell.corruption, dataset)
            noisy = law.mean(train.astype(float), cell.strength)
            means = np.stack([noisy[labels == label].mean(0) for label in range(10)])
            exact = compression.smallest(means, -(means**2).sum(1) / 2, x.double().numpy(), y.numpy())
            assert rows["ncm"].to_numpy() == pytest.approx(exact, abs=1e-5)


def test_noise_of_replacement_and_of_additive_noise_is_as_derived(cell):
    dataset = data.load(cell.source)
    own = replace(cell, strength=0.6, train_size=500, seed=0)
    x = dataset.values(dataset.train)[dataset.subset(500, 0)].astype(float)
    spread = x.std(0) ** 2
    law = corruptions.law_of(cell.corruption, dataset)
    power = (law.variance(x, 0.6)).mean() / (0.4**2 * spread.mean())
    assert images_table.noise(law, dataset, own) == pytest.approx(math.sqrt(power))
    own = replace(own, corruption=asked().sweep.grids[1].corruption.record(), strength=0.3)
    found = images_table.noise(corruptions.law_of(own.corruption, dataset), dataset, own)
    assert found == pytest.approx(0.3 / math.sqrt(spread.mean()))


def test_pictures_are_of_the_label_and_of_the_length_that_was_found(measured):
    _, _, table = measured
    for kind, strength in (("clean", 0.0), ("replacement", 0.6)):
        pixels = of(table[table["at"].notna()], law=kind, strength=strength)
        assert pixels["at"].tolist() == list(range(64))
        row = of(table[table["at"].isna()], law=kind, strength=strength, seed=0)
        row = row[row["image"] == pixels["image"].iloc[0]].iloc[0]
        assert np.linalg.norm(pixels["perturbed"] - pixels["clean"]) == pytest.approx(row["smallest"], abs=1e-4)
        assert np.linalg.norm(pixels["other"] - pixels["clean"]) >= 2 * row["half"] - 1e-4
        assert pixels["answer"].iloc[0] != 7
    assert "L2" not in set(table.loc[table["at"].notna(), "law"])


def test_under_replacement_the_class_mean_tends_to_one_rule():
    """p → 1: differences of two classes' means are (1 − p) times those of clean images, their scores' constants tend to
    −(μᵢ − μⱼ)·v, v the mean of what replaces: what they withstand no longer depends on p.
    """
    rng = np.random.default_rng(6)
    mu, x, labels = rng.uniform(size=(3, 12)), rng.uniform(size=(50, 12)), rng.integers(3, size=50)
    limit = compression.smallest(mu, -(mu * 0.5).sum(1), x, labels)
    for p, room in ((0.9, 0.1), (0.999, 1e-3)):
        means = (1 - p) * mu + p / 2
        found = compression.smallest(means, -(means**2).sum(1) / 2, x, labels)
        assert np.abs(found - limit).max() < 2 * room


def test_least_squares_under_replacement_meets_the_class_mean_as_p_tends_to_1():
    """One-hot least squares, without limit of draws: W = Cov(x̃)⁻¹ Cov(x̃, e), b = E e − W·E x̃. For p → 1 Cov(x̃) is
    1/12, so wᵢ − wⱼ ∝ mᵢ − mⱼ, and the boundaries differ by (mᵢ − mⱼ)·(m − (mᵢ + mⱼ)/2), of order (1 − p)², in scores
    of order 1 − p: what is withstood is equal up to order 1 − p.
    """
    dataset = data.load(data.source("digits"))
    train, labels = dataset.values(dataset.train).astype(float), dataset.train.labels
    x, of_x = dataset.values(dataset.test)[:200].astype(float), dataset.test.labels[:200]
    law = corruptions.law_of(asked().sweep.corruption.record(), dataset)
    one_hot = np.eye(10)[labels]
    apart = []
    for p in (0.5, 0.9, 0.99, 0.999):
        noisy = law.mean(train, p)
        centred = noisy - noisy.mean(0)
        covariance = centred.T @ centred / len(train) + np.diag(law.variance(train, p).mean(0))
        w = np.linalg.solve(covariance, centred.T @ (one_hot - one_hot.mean(0)) / len(train)).T
        w = w / one_hot.mean(0)[:, None]  # of classes that are equally likely
        fitted = compression.smallest(w, -w @ noisy.mean(0), x, of_x)
        means = np.stack([noisy[labels == label].mean(0) for label in range(10)])
        rule = compression.smallest(means, -(means**2).sum(1) / 2, x, of_x)
        apart.append(np.abs(fitted - rule).mean() / rule.mean())
    assert apart[0] > 0.1
    assert apart[1] > 3 * apart[2] > 20 * apart[3]
    assert apart[3] < 2e-3


# a network that is there


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """An image folder of two classes whose colours differ."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 4)):
        for place, name in enumerate(("n02088094", "n02102040")):
            folder = tmp_path / "two" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 150, (40, 36, 3), dtype=np.uint8) + np.uint8(100 * place)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path


def ready(**changes: Any) -> Any:
    content = read_yaml(PARAMS / "imagenet/15_images.yaml")
    own = {"dataset": "imagefolder:two", "image_size": 16, "network": "resnet18", "weights": None, "seeds": [0, 1]}
    content["pretrained"] |= own | changes
    return validate(model_of("15_images", "test"), content | {"images": 3, "second": 1, "points": 2}, "test")


def test_a_network_of_torchvision_is_measured_on_class_folders(pictures, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(attacks, "STAGES", ((2, math.inf),))
    chosen = ready()
    table = images_table.table(chosen, pictures)
    assert len(table) == 2 * 3
    assert table["law"].unique() == ["resnet18"]
    assert table["status"].unique() == ["unfinished"]  # a drawn network is no evidence
    assert (table["half"] > 0).all()
    right = table[table["smallest"] > 0]
    assert len(right)
    dataset = data.load(chosen.sources(pictures)[0], pictures)
    ask = pretrained.classifier("resnet18", None, chosen.pretrained.classes, dataset, 0, torch.device("cpu"))
    own = table[table["seed"] == 0]
    x, y = answers.clean(dataset, own["image"].to_numpy(), torch.device("cpu"))
    assert ((ask(x[None])[0].argmax(1) == y).numpy() == (own["smallest"] > 0)).all()
    one = ask(x[None])[0, 0]
    assert torch.allclose(ask(x[None, :1])[0, 0], one, atol=1e-5)  # images one by one
    again = pretrained.classifier("resnet18", None, chosen.pretrained.classes, dataset, 0, torch.device("cpu"))
    assert torch.equal(again(x[None]), ask(x[None]))
    claims = page.claims(table, chosen)
    assert {claim.verdict for claim in claims} == {"not measured"}
    page.figure(table, claims, dataset.source.name, chosen.thresholds)
    plt.close("all")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "resnet"}, "torchvision has no such classifier"),
        ({"weights": "BEST"}, "resnet18 has IMAGENET1K_V1"),
        (
            {"weights": "IMAGENET1K_V1", "classes": {"n02102040": "springer", "n02088094": "Afghan hound"}},
            "have none of",
        ),
        ({"weights": "IMAGENET1K_V1"}, "cannot be downloaded: connect this machine once, or put resnet18-.*pth into"),
        ({"classes": {"n02102040": "a", "n02088095": "b"}}, "class folders of imagefolder:two differ in n02088094"),
    ],
)
def test_what_a_network_lacks_is_told_in_one_sentence(pictures, monkeypatch, tmp_path, change, message):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def offline(*_: Any, **__: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    with pytest.raises(UserError, match=message) as found:
        images_table.table(ready(**change), pictures)
    assert "\n" not in str(found.value)


def test_a_logit_of_pretrained_weights_is_that_of_its_class():
    classes = read_yaml(PARAMS / "imagenet/15_images.yaml")["pretrained"]["classes"]
    assert pretrained.places("inception_v3", "IMAGENET1K_V1", classes, sorted(classes)) == [160, 217]


# claims


def by_hand() -> pd.DataFrame:
    """Ten images a seed: lengths that differ by a hundredth from seed to seed, of image 9 wrong answers under noise."""
    rows = []
    for kind, strength, share in (("clean", 0.0, 0.2), ("replacement", 0.6, 0.6), ("additive", 0.3, 0.3)):
        for seed in SEEDS:
            for image in range(10):
                half = 2.0 + image
                q = share * half * (1 + 0.01 * seed) * (1 + 0.1 * (image % 2))
                rows.append(
                    {
                        "dataset": "mnist",
                        "pixels": 784,
                        "law": kind,
                        "strength": strength,
                        "seed": int(seed),
                        "status": "learned",
                        "noise": 3 * strength,
                        "accuracy": 0.95 - 0.1 * strength + 0.001 * seed,
                        "image": image,
                        "half": half,
                        "smallest": 0.0 if strength and image == 9 else q,
                        "integral": -q * math.exp(0.3 + 0.02 * seed),
                        "contradicted": int(image == 0 and kind == "additive"),
                        "second": q * (0.9 if image == 1 else 1.0) if seed == 0 and image < 4 else math.nan,
                        "ncm": 0.62 * half if image != 8 else 0.0,
                        "nearest": 0.5 * half if image != 7 else 0.0,
                    }
                )
    return pd.DataFrame(rows)


def test_claims_are_those_of_the_table_made_by_hand():
    found = {claim.id.partition(".")[2]: claim for claim in page.claims(by_hand(), asked())}
    cases = {(name, case.where.get("training", "")): case for name, claim in found.items() for case in claim.cases}
    grown, noisy = 1 + 0.01 * SEEDS, "replacement, p = 0.6"
    assert cases["agrees", ""].found.mean == pytest.approx(np.mean(0.3 + 0.02 * SEEDS))
    assert is_interval(cases["compressed", ""], 0.2 * 1.05 * grown, primary=2)
    assert is_interval(cases["compressed-all", ""], 0.2 * 1.05 * grown)
    assert cases["root", ""].found.mean == pytest.approx(math.exp(np.log(28 * 0.21 * grown).mean()))
    without = [image for image in range(10) if image != 7]
    ratio = sum(0.2 * (2 + i) * (1 + 0.1 * (i % 2)) for i in without) / sum(0.5 * (2 + i) for i in without)
    assert is_interval(cases["minimum", ""], ratio * grown)
    assert is_interval(cases["noisy", noisy], 0.3 + 0.02 * SEEDS)
    assert is_interval(cases["more", noisy], np.full(4, 3.0))
    nine = np.mean([1 + 0.1 * (i % 2) for i in range(9)])
    assert is_interval(cases["undone", noisy], 0.6 * nine * grown)
    assert is_interval(cases["kept", noisy], np.full(4, 0.06))
    eight = np.mean([1 + 0.1 * (i % 2) for i in range(8)])
    assert cases["meets", noisy].found.mean == pytest.approx(np.log(0.6 * eight * grown / 0.62).mean())
    assert ("meets", "additive, σ = 0.3") not in cases
    logs = np.array([math.log((2 + i) * (1 + 0.1 * (i % 2))) for i in range(10)])
    assert is_interval(cases["informs", "clean"], np.abs(logs - np.median(logs)).mean() - 0.3 - 0.02 * SEEDS)
    assert (cases["more", noisy].networks, cases["noisy", noisy].networks, cases["compressed", ""].networks) == (
        8,
        4,
        4,
    )
    assert found["compressed"].verdict == "supported"


def test_a_training_of_which_a_network_did_not_learn_is_no_evidence():
    table = by_hand()
    table.loc[(table["law"] == "clean") & (table["seed"] == 2), "status"] = "unfinished"
    found = {claim.id.partition(".")[2]: claim for claim in page.claims(table, asked())}
    assert {found[name].verdict for name in ("agrees", "compressed", "more", "kept")} == {"not measured"}
    assert found["undone"].verdict == "mixed"
    assert found["compressed"].cases[0].left_out == 4


def test_the_summary_names_what_is_selected_and_marks_what_is_contradicted():
    found = page.summary(by_hand(), "mnist")
    noisy = found.loc["replacement, p = 0.6"]
    assert (noisy["images"], noisy["right"], noisy["learned"]) == (40, 36, "4 of 4")
    assert float(noisy["Q/(L/2), all"]) < float(noisy["Q/(L/2), right"])
    assert found.filter(like="right everywhere (36)").shape == (3, 1)
    assert noisy["foolbox"] == "25.0 % (!) of 4"
    assert found.loc["additive, σ = 0.3", "contradicted"] == "11.1 % (!)"
    assert found.loc["clean", "contradicted"] == "0.0 %"
    assert float(noisy["times clean"]) == pytest.approx(3)


def test_the_figure_is_drawn_and_says_what_it_shows(measured):
    chosen, _, table = measured
    claims = page.claims(table, chosen)
    for rows in (table, by_hand()):
        drawn = page.figure(rows, claims, rows["dataset"].iloc[0], chosen.thresholds)
        assert drawn.get_size_inches()[1] < 247 / 25.4
    plt.close("all")
    assert "clean networks withstand 0.213" in page.headline(page.rows_of(by_hand()), "mnist")
    assert len(page.pictures(table, "digits")) == 4


def test_recipes_are_those_of_the_parameters():
    found = page.recipes(validate(model_of("15_images", "test"), read_yaml(PARAMS / "paper/15_images.yaml"), "test"))
    assert found.index.tolist() == ["MNIST", "CIFAR-10"]
    assert found["N"].tolist() == ["50000", "10000"]
    assert found.loc["MNIST", "loss"] == "cross_entropy"
    assert page.recipes(ready()).loc["two", "weights"] == "drawn"


# mistakes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"second": 41}, "second is 41, and there are 40 images"),
        (
            {"shown": [{"dataset": "digits", "label": 7, "other": 1, "strength": 0.7}]},
            "digits at 0.7: the sweep has no",
        ),
        ({"sweep": {"strength": [0.3, 0.6]}}, "sweep needs strength 0 of digits"),
        ({"sweep": {"width": [8, 16]}}, "sweep.width takes one value here"),
        ({"sweep": {"seeds": [0]}}, "at least 2 seeds"),
        ({"sweep": {"variations": [{"seeds": [3, 4], "strength": 0.9}]}}, "may not vary seeds"),
        ({"sweep": {"variations": [{"corruption": {"law": "l0"}, "strength": 0}]}}, "two clean networks of digits"),
        ({"sweep": None}, "either a sweep of networks to train or a pretrained network"),
        ({"pretrained": {"dataset": "digits"}}, "pretrained"),
        ({"thresholds": {"compressed": 2}}, "thresholds.compressed"),
        ({"points": 0}, "points"),
    ],
)
def test_mistakes_are_told_in_one_sentence(change, message):
    content = yaml.safe_load(yaml.safe_dump(read_yaml(QUICK)))
    changed = {
        k: {**content.get(k, {}), **v} if isinstance(v, dict) and k != "pretrained" else v for k, v in change.items()
    }
    with pytest.raises(UserError, match=message) as found:
        validate(model_of("15_images", "test"), content | changed, "test")
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "mnist"}, "must be imagefolder:PATH, not mnist"),
        ({"classes": {"a": "one", "b": "one"}}, "two class folders one class"),
        ({"classes": {"a": "one"}}, "classes"),
        ({"seeds": [1]}, "at least 2 seeds"),
    ],
)
def test_mistakes_of_a_pretrained_network_are_told_in_one_sentence(change, message):
    with pytest.raises(UserError, match=message) as found:
        ready(**{"classes": {}} | change) if "classes" in change else ready(**change)
    assert "\n" not in str(found.value)


def test_all_its_files_are_of_one_page():
    names = {path.stem for path in PARAMS.glob("*/15_images*.yaml")}
    assert {notebook_of(name) for name in names} == {"15_images"}
