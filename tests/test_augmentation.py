"""12_augmentation: models by name, the table recomputed from images, claims of tables made by hand, the front."""

import itertools
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import page_cases
import pandas as pd
import pytest
import torch
import yaml
from test_page_claims import by_case, is_interval

from almostnothing import corruptions, data, residual, streams, sweeps
from almostnothing.data.common import CORRUPTIONS, generated
from almostnothing.data.published import aggregates
from almostnothing.errors import UserError
from almostnothing.freshness import Page, pages_of
from almostnothing.pages import model_of, notebook_of, page_of
from almostnothing.pages.augmentation import page
from almostnothing.pages.augmentation.claims import CLAIMS
from almostnothing.pages.augmentation.parameters import Augmentation, Experiment
from almostnothing.pages.augmentation.table import table as measure
from almostnothing.parameters.files import load, validate
from almostnothing.parameters.page import Compute
from almostnothing.parameters.published import IMPERCEPTIBLE, TESTED, pairs
from almostnothing.store import Store

ROOT = Path(__file__).resolve().parent.parent
LAWS = [*pairs(TESTED["v1"]), *pairs(IMPERCEPTIBLE["v1"])]
COMMON = ["gaussian_noise", "contrast", "pixelate"]


def content_of(name: str = "quick/12_augmentation") -> dict[str, Any]:
    return yaml.safe_load((ROOT / f"params/{name}.yaml").read_text())


def small(models: list[str], **sweep: Any) -> dict[str, Any]:
    content = content_of()
    content["sweep"] |= {"train_size": 100, "steps": 12, "batch_size": 20, "seeds": [0, 1], **sweep}
    content["experiments"][0] |= {"models": models, "common": COMMON}
    return content | {"images": 40}


# Models


def test_names_are_recipes_at_the_texts_strengths_scaled():
    own = Experiment(
        dataset="digits", pixels=64, factor=4, models=["standard", "L0.5 1e5", "TA+L0m 0.02"], common=COMMON
    )
    assert own.models == ["standard", "L0.5 100000", "TA + L0m 0.02"]
    assert own.recipe("standard").strength == 0
    half, l0 = own.recipe("L0.5 100000"), own.recipe("TA + L0m 0.02")
    assert (half.law.law, half.law.norm, half.policy) == ("lp", 0.5, "none")
    assert half.strength == pytest.approx(4e5 * (64 / 3072) ** 2, rel=1e-5)
    assert (l0.law.law, l0.strength, l0.policy) == ("l0", 0.08, "trivial")
    text = Experiment(dataset="x", pixels=3072, models=["standard", "C2C1", "C1C2"], common=COMMON)
    broad, twice = text.recipe("C2C1").law, text.recipe("C1C2").law
    assert Experiment(dataset="x", pixels=3072, models=["standard", "v3 C2"], common=COMMON).models[1] == "v3 C2"
    assert (len(broad.members), broad.applied, len(twice.members), twice.applied) == (20, 1, 4, 2)
    assert {(m.corruption.law, m.strength) for m in twice.members} == {
        ("lp", 0.02),
        ("lp", 1),
        ("l0", 0.01),
        ("l0", 0.03),
    }
    assert {text.tests()[law][1] == law[1] for law in LAWS} == {True}
    assert len(text.tests()) == 33 + 6


def test_every_model_is_trained_for_every_seed_and_told_from_its_cell():
    chosen = load(Augmentation, ROOT / "params/quick/12_augmentation.yaml")
    cells = chosen.sweep.cells()
    models = chosen.experiments[0].models
    assert [(chosen.model_of(cell), cell.seed) for cell in cells] == list(itertools.product(models, range(5)))
    assert {chosen.model_of(cell): cell.policy for cell in cells} == {
        "standard": "none",
        "L0m 0.02": "none",
        "C1C1": "none",
        "C2C1": "none",
        "TA": "trivial",
    }
    again = validate(Augmentation, chosen.content(), "its own record")
    assert again.content() == chosen.content()
    assert again.sweep.cells() == cells
    sampled = validate(Augmentation, chosen.sample(min), "a sample")
    assert {cell.steps for cell in sampled.sweep.cells()} == {40}


def test_its_networks_are_those_of_11_where_recipes_agree():
    folder = Path(os.environ.get("ALMOSTNOTHING_DATA", "/nowhere"))
    if not (folder / "cifar10.npz").is_file():
        pytest.skip("CIFAR-10 is not at hand")
    ours, theirs = (
        load(model_of(name, ""), ROOT / f"params/paper/{name}.yaml") for name in ("12_augmentation", "11_transfer")
    )
    cells = {"npz:cifar10.npz": set(), "fashion_mnist": set()}
    for grid in ours.sweep.grids:
        for name in grid.dataset:
            if name != "fashion_mnist" or (folder / "FashionMNIST").is_dir():
                cells[name].update(grid.model_copy(update={"dataset": [name]}).cells(folder))
    shared = cells["npz:cifar10.npz"] & set(theirs.sweep.cells(folder))
    names = {"standard", "L∞ 0.03", "L0.5 200000", "L1 80", "L2 2", "L50 0.2", "L0m 0.02"}
    assert {ours.model_of(cell) for cell in shared} == names
    assert len(shared) == 5 * len(names)


def test_a_set_may_have_further_files_of_a_page():
    assert notebook_of("12_augmentation") == notebook_of("12_augmentation_wrn") == "12_augmentation"
    assert (notebook_of("07_infinite_width"), page_of("07_infinite_width_mine")) == (
        "07_infinite_width",
        "infinite_width",
    )
    assert page_of("99_nothing_at_all") == "nothing_at_all"
    assert Page("12_augmentation_wrn", "full").notebook == Path("notebooks/12_augmentation.py")
    assert Page("12_augmentation_wrn", "full").file("csv") == Path("figures/full/12_augmentation_wrn.csv")


def test_a_further_file_of_a_notebook_that_makes_one_figure_is_refused(tmp_path, monkeypatch):
    for part in ("notebooks", "src"):
        (tmp_path / part).symlink_to(ROOT / part)
    (tmp_path / "params/mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    content = (ROOT / "params/quick/09_lp_sampling.yaml").read_text()
    Path("params/mine/09_lp_sampling_far.yaml").write_text(content)
    with pytest.raises(UserError, match="09_lp_sampling.py makes the figure of one file"):
        pages_of("mine")
    Path("params/mine/09_lp_sampling_far.yaml").rename("params/mine/09_lp_sampling.yaml")
    Path("params/mine/12_augmentation_far.yaml").write_text((ROOT / "params/quick/12_augmentation.yaml").read_text())
    assert [page.name for page in pages_of("mine")] == ["09_lp_sampling", "12_augmentation_far"]


def test_the_texts_protocol_is_its_own_and_runs_for_a_few_steps(tmp_path):
    protocol = load(Augmentation, ROOT / "params/full/12_augmentation_wrn.yaml")
    published = set(aggregates("v1")["model"])
    assert set(protocol.experiments[0].models) == published
    sweep = protocol.sweep
    assert (sweep.steps, sweep.batch_size, sweep.train_size) == ([100 * 40000 // 32], 32, [40000])
    content = content_of("full/12_augmentation_wrn")
    content["sweep"] |= {"dataset": "digits", "depth": 10, "width": 1, "train_size": 100, "validation": 50}
    content["sweep"] |= {"steps": 6, "seeds": [0, 1]}
    models = ["standard", "L∞ 0.02", "TA + C2C1", "AM + L0m 0.01"]
    content["experiments"][0] |= {"dataset": "digits", "pixels": 64, "models": models, "common": COMMON}
    chosen = validate(Augmentation, content | {"images": 20}, "test")
    cells, keep = chosen.sweep.cells(), Store(tmp_path)
    for shard in sweeps.plan(cells):
        sweeps.train(shard, keep, Compute(quiet=True), "test")
    found = measure(chosen, page_cases.FOLDER, cells, keep)
    assert {(cell.family, cell.dropout, cell.schedule) for cell in cells} == {("wrn", 0.3, "drops")}
    assert found["model"].unique().tolist() == models
    assert found["accuracy"].between(0, 1).all()


# The table


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    keep = Store(tmp_path_factory.mktemp("cells"))
    chosen = validate(Augmentation, small(["standard", "C1C1", "TA"]), "test")
    cells = chosen.sweep.cells()
    for shard in sweeps.plan(cells):
        sweeps.train(shard, keep, Compute(quiet=True), "test")
    return chosen, cells, keep, page_cases.measured("12_augmentation", chosen, cells, keep)


def test_every_network_is_asked_about_the_same_images(measured):
    chosen, cells, keep, table = measured
    assert len(table) == 3 * 2 * (1 + len(COMMON) + 39)
    dataset = data.load(data.source("digits"))
    order = dataset.tests(len(dataset.test.labels))
    for cell, (test, strength) in itertools.product(cells[1:4:2], (("clean", 0), ("contrast", 0), ("L0lin", 0.03))):
        where = order[cell.seed * 40 : cell.seed * 40 + 40]
        x, y = torch.from_numpy(dataset.values(dataset.test)[where]), dataset.test.labels[where]
        if test == "contrast":
            pixels = np.rint(x.numpy() * 255).astype(np.uint8).reshape(-1, 1, 8, 8)
            parts = [generated(pixels, test, severity, where) for severity in range(1, 6)]
            x, y = torch.from_numpy(np.concatenate(parts).reshape(-1, 64) / np.float32(255)), np.tile(y, 5)
        if test == "L0lin":
            law, scaled = chosen.experiments[0].tests()[test, strength]
            assert scaled == 0.12
            key = streams.stream_key(cell.seed, "transfer test", "digits", law.name, law.options, scaled)
            x = corruptions.corrupted(corruptions.law_of(law, dataset), x, scaled, key)
        right = int((residual.restored(cell, keep.weights(cell))(x).argmax(1).numpy() == y).sum())
        asked = (table["model"] == chosen.model_of(cell)) & (table["seed"] == cell.seed)
        row = table[asked & (table["test"] == test) & (table["test_strength"] == strength)]
        assert row[["correct", "images"]].to_numpy().tolist() == [[right, len(y)]]
    noise = table.groupby("model")["training_l2"].first()
    assert (noise["standard"], noise["TA"]) == (0, 0)
    assert 0.1 < noise["C1C1"] < 3


def test_the_table_made_again_compares_as_equal_and_another_does_not(measured):
    page_cases.compares(measured[3])


# Metrics and claims

SEEDS = range(4)
ERRORS = {  # of each model: clean, each common corruption, each law
    "standard": (0.10, {"gaussian_noise": 0.5, "contrast": 0.3, "pixelate": 0.2}, 0.4),
    "L0m 0.02": (0.12, {"gaussian_noise": 0.2, "contrast": 0.28, "pixelate": 0.19}, 0.15),
    "C1C1": (0.13, {"gaussian_noise": 0.18, "contrast": 0.27, "pixelate": 0.18}, 0.13),
    "C2C1": (0.11, {"gaussian_noise": 0.18, "contrast": 0.21, "pixelate": 0.18}, 0.12),
    "TA": (0.08, {"gaussian_noise": 0.4, "contrast": 0.1, "pixelate": 0.15}, 0.3),
    "TA + C2C1": (0.09, {"gaussian_noise": 0.2, "contrast": 0.1, "pixelate": 0.12}, 0.11),
}
SLOPE = {"standard": 0.004, "L0m 0.02": 0.001, "C1C1": 0.0, "C2C1": 0.002, "TA": 0.003, "TA + C2C1": -0.002}


def known(**status: str) -> pd.DataFrame:
    rows = []
    for model, seed in itertools.product(ERRORS, SEEDS):
        clean, common, laws = ERRORS[model]
        kinds = [("clean", 0.0, clean), *((name, 0.0, error) for name, error in common.items())]
        kinds += [(kind, strength, laws) for kind, strength in LAWS]
        for test, strength, error in kinds:
            rows.append(
                {
                    "dataset": "digits",
                    "law": "l0",
                    "strength": 0.0,
                    "seed": seed,
                    "status": status.get(f"{model.replace(' ', '_').replace('.', '_')}", "learned"),
                    "model": model,
                    "training_l2": 1.0,
                    "test": test,
                    "test_strength": strength,
                    "origin": "generated",
                    "accuracy": 1 - error - SLOPE[model] * seed,
                }
            )
    return pd.DataFrame(rows)


def limits() -> Augmentation:
    return load(Augmentation, ROOT / "params/quick/12_augmentation.yaml")


def test_metrics_of_the_published_accuracies_are_the_published_ones():
    every = pd.DataFrame({"test": list(CORRUPTIONS)})
    found = page.theirs(every, "cifar10")
    assert found is not None
    theirs = aggregates("v1").pivot_table("value", "model", "quantity")
    for metric, name in page.NAMES.items():
        if metric != "without_noise":
            assert found[metric].to_numpy() == pytest.approx(theirs[name].reindex(found.index).to_numpy(), abs=1e-6)
    rest = {"standard": 22.68, "L0m 0.01": 21.69, "TA": 11.47, "TA + C2C1": 10.52}
    assert (100 * found["without_noise"][list(rest)]).to_numpy() == pytest.approx(list(rest.values()), abs=0.006)
    assert page.theirs(every, "fashion_mnist") is None
    few = page.theirs(every[~every["test"].isin(["frost", "spatter"])], "cifar10")
    assert few is not None
    gains = 100 * (few["without_noise"]["standard"] - few["without_noise"][["L0m 0.02", "L2 2"]])
    assert gains.to_numpy() == pytest.approx([0.02, -1.14], abs=0.006)


def test_claims_are_those_of_the_table_made_by_hand():
    cases, s = by_case(page.claims(known(), limits())), np.arange(4)
    assert is_interval(cases["robust", "digits"], 0.25 - 0.235 + 0.003 * s, 4)
    assert is_interval(cases["clean", "digits"], 0.02 - 0.003 * s, 4)
    assert is_interval(cases["robust-lp", "digits"], 0.25 + 0.003 * s)
    mean = {name: np.mean(list(errors[1].values())) for name, errors in ERRORS.items()}
    assert is_interval(cases["better", "digits", "against TA"], mean["TA"] - mean["L0m 0.02"] + 0.002 * s, 4)
    assert is_interval(cases["broad", "digits"], mean["C1C1"] - mean["C2C1"] - 0.002 * s, 4)
    assert is_interval(cases["broad-but-light", "digits"], -0.002 * s)  # all of it was contrast
    assert is_interval(cases["better-lp", "digits", "against TA"], 0.15 + 0.002 * s)
    assert is_interval(cases["adds", "digits", "TA + C2C1"], 0.125 - 0.11 + 0.005 * s)
    assert is_interval(cases["costs", "digits", "TA + C2C1"], 0.01 - 0.005 * s)
    whole = mean["standard"] - mean["L0m 0.02"] + 0.003 * s
    assert is_interval(cases["robust-all", "digits"], whole)
    assert is_interval(cases["mostly-noise", "digits"], (0.3 + 0.003 * s) / 3 / whole)
    assert is_interval(cases["imperceptible", "digits", "TA"], 0.22 / (0.08 + 0.003 * s))
    assert is_interval(cases["harmless", "digits", "C1C1"], 0.0 / 0.13 + 0 * s)
    assert {name for name, *_ in cases} == CLAIMS.keys()
    assert (cases["robust", "digits"].networks, cases["robust", "digits"].left_out) == (8, 0)


def test_models_of_which_a_network_did_not_learn_are_left_out_and_counted():
    cases = by_case(page.claims(known(TA="unfinished"), limits()))
    assert np.isnan(cases["better", "digits", "against TA"].found.mean)
    assert (cases["better", "digits", "against TA"].networks, cases["better", "digits", "against TA"].left_out) == (
        4,
        4,
    )
    assert np.isfinite(cases["robust", "digits"].found.mean)
    assert np.isnan(cases["adds", "digits", "TA + C2C1"].found.mean)
    cases = by_case(page.claims(known(standard="dead"), limits()))
    assert np.isnan(cases["robust", "digits"].found.mean)
    assert np.isfinite(cases["broad", "digits"].found.mean)
    nothing = known().assign(status="dead")
    assert {claim.record()["verdict"] for claim in page.claims(nothing, limits())} == {"not measured"}


def test_what_was_not_trained_is_not_measured_and_said_so():
    table = known()
    cases = by_case(page.claims(table[~table["model"].isin(["L0m 0.02", "C2C1"])], limits()))
    for name in ("robust", "clean", "broad", "broad-but-light", "mostly-noise"):
        assert np.isnan(cases[name, "digits"].found.mean)
    light = table[table["test"].isin(["clean", "fog", "contrast"]) | (table["test_strength"] > 0)]
    assert np.isnan(by_case(page.claims(light, limits()))["broad-but-light", "digits"].found.mean)


def test_a_share_of_next_to_no_gain_is_not_measured():
    table = known()
    own = table["model"].isin(["standard"]) & ~table["test"].isin(["clean"]) & (table["seed"] == 0)
    table.loc[own, "accuracy"] += 0.105  # of a gain of 0.11
    assert np.isnan(by_case(page.claims(table, limits()))["mostly-noise", "digits"].found.mean)


def test_the_front_is_that_of_brute_force():
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b = rng.integers(0, 6, (2, 9))  # with ties
        wanted = [
            not any(x <= u and y <= v and (x, y) != (u, v) for x, y in zip(a, b, strict=True))
            for u, v in zip(a, b, strict=True)
        ]
        assert page.front(pd.Series(a), pd.Series(b)).tolist() == wanted


def test_the_figure_and_summaries_are_drawn_of_any_networks():
    table = known()
    for some in (table, known(TA="dead"), table.assign(status="dead"), table[table["model"] != "standard"]):
        drawn = page.figure(some, page.claims(some, limits()), "digits")
        assert drawn.get_size_inches()[1] < 247 / 25.4
    assert "published v1" not in page.summary(table, "digits").columns
    found = page.summary(table, "cifar10")
    assert found.loc["TA", ("ours", "clean error")] == pytest.approx(100 * (0.08 + 0.0045))
    assert found.loc["C1C1", ("ours", "on the front")] == 0
    assert found.loc["TA", ("published v1", "clean error")] == pytest.approx(4.01, abs=0.006)
    assert page.by_corruption(table).loc["contrast", "TA"] == pytest.approx(20 + 0.15)
    assert list(page.origins(table).columns) == ["digits (generated)"]


def test_quotes_are_the_texts_own_words():
    files = list(Path(os.environ.get("ALMOSTNOTHING_SEEDS", "/nowhere")).glob("002_*.txt"))
    if not files:
        pytest.skip("the texts are not at hand")
    text = re.sub(r"\s+", " ", files[0].read_text())
    assert [own.quote for own in CLAIMS.values() if own.quote and own.quote not in text] == []


# Mistakes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ["standard", "C3C1", "C1C1"]}, "'C3C1' names no law of seed 002"),
        ({"models": ["C1C1", "standard"]}, "begin with standard"),
        ({"models": ["standard", "C1C1", "L0m 0.02", "L0m .02"]}, "L0m 0.02 is listed twice"),
        (
            {"models": ["standard", "L0m 2", "C1C1"]},
            "more values than an image has",
        ),
        (
            {"models": ["standard", "C2C1"], "factor": 50},
            "'C2C1' cannot be had with factor 50: .*more values than an image has",
        ),
        ({"models": ["standard", "L0m 0", "C1C1"]}, "'standard' and 'L0m 0' are one recipe: name it once"),
        ({"models": ["standard", "C1", "C1C1"]}, "'C1' and 'C1C1' are one recipe"),
        ({"models": ["standard", "L2 2", "L2.0 2", "C1C1"]}, "'L2 2' and 'L2.0 2' are one recipe"),
        ({"models": ["standard", "v3 C4", "C1C1"]}, "'v3 C4' names no law of seed 002"),
        ({"models": ["standard", "C1C1 + TA"]}, "should begin with one of TA, RA, AM"),
        ({"models": ["standard", "TA", "L0m 0.02"]}, "one with noise of norm 0, and one with noise of another"),
        ({"common": ["gaussian_noise", "rain"]}, "no common corruption is called 'rain'"),
        ({"common": ["gaussian_noise"]}, "not of noise type"),
        ({"common": ["snow"]}, "snow is meant for images of about 32 pixels a side"),
        ({"common": ["saturate"]}, "saturate changes colours"),
        ({"pixels": 3072}, "pixels is 3072, but its images have 64"),
        ({"dataset": "mnist"}, "sweep.dataset should be the data sets of experiments"),
    ],
)
def test_mistakes_are_told_in_one_sentence(change, message):
    content = small(["standard", "C1C1"])
    content["experiments"][0] |= change
    with pytest.raises(UserError, match=message) as found:
        validate(Augmentation, content, "file").sources()
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strength": 0.1}, "strength: 0 and no policy"),
        ({"policy": "rand"}, "strength: 0 and no policy"),
        ({"steps": [6, 12]}, "sweep.steps takes one value"),
        ({"shift": [0, 1]}, "sweep.shift takes one value"),
        ({"variations": [{"steps": 3}]}, "follow from the models"),
        ({"family": "cnn", "depth": 3}, "belongs to residual networks"),
    ],
)
def test_a_sweep_that_is_not_of_standard_networks_is_told_so(change, message):
    with pytest.raises(UserError, match=message):
        validate(Augmentation, small(["standard", "C1C1"], **change), "file")
