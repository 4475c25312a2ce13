"""The play pages: what their scripts compute is what Python computes, and their assets are what they say they are."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from almostnothing import corruptions, data, front
from almostnothing.cells import Cell, Law
from almostnothing.data.arrays import Split
from almostnothing.errors import UserError
from almostnothing.parameters import laws
from almostnothing.site.play import bundles, export, knees, writing
from almostnothing.theory import prototypes

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / bundles.SCRIPTS
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="there is no node here, which runs the pages' scripts")
LAWS: dict[str, Law] = {  # of the library, as the page calls them
    "uniform": laws.Replacement().record(),
    "gaussian": laws.Replacement(values="gaussian").record(),
    "salt_pepper": laws.Replacement(values="bernoulli").record(),
    "additive": laws.Additive(law="additive").record(),
    "l0": laws.L0(law="l0", values="greys").record(),
    "l1": laws.Lp(law="lp", norm=1).record(),
    "l2": laws.Lp(law="lp", norm=2).record(),
    "linf": laws.Lp(law="lp", norm="inf").record(),
}
STRENGTHS = {"additive": (0.3, 2.0), "l1": (50.0, 400.0), "l2": (3.0, 25.0), "linf": (0.2, 1.5)}
SHARES = (0.25, 0.9, 0.985)


def in_node(calls: list[dict[str, Any]]) -> list[Any]:
    assert NODE is not None
    command = [NODE, str(Path(__file__).with_name("almost_in_node.js")), str(SCRIPTS)]
    done = subprocess.run(command, input=json.dumps(calls), capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def bundle(name: str) -> dict[str, Any]:
    return bundles.read(SCRIPTS, name)


def corrupted(found: dict[str, Any]) -> np.ndarray:
    """The bundle's images under its network's own law, as the cell's evaluation drew them."""
    cell = Cell.from_record(found["provenance"]["cell"])
    law = corruptions.law_of(cell.corruption, small(found["shape"]))
    number = torch.tensor(found["indices"])
    key = np.array(found["answers"]["key"], np.int32)
    return corruptions.corrupted(law, torch.from_numpy(bundles.images(found)), cell.strength, key, number).numpy()


def small(shape: list[int]) -> data.Dataset:
    """A stand-in of a data set of this shape: laws ask for no more."""
    source = data.Source("stand-in", data.Facts(10, (shape[0], shape[1], shape[2]), 1, ""), None, 1, None, None)
    split = Split(np.zeros((1, source.facts.pixels), np.uint8), np.zeros(1, np.int64))
    return data.Dataset(source, 255, split, split, ())


@needs_node
@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.js")), ids=lambda path: path.name)
def test_scripts_are_scripts(script: Path) -> None:
    assert NODE is not None
    done = subprocess.run([NODE, "--check", str(script)], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("name", export.DATASETS)
def test_bundle_is_the_published_network(name: str) -> None:
    found = bundle(name)
    origin = found["provenance"]
    cell = Cell.from_record(origin["cell"])
    assert origin["status"] == "learned"
    assert cell.dataset == name
    assert (cell.strength, cell.training_corruption) == (export.STRENGTH, "fixed")
    published = export.published_rows(cell, ROOT)
    assert {test: found["counts"][test]["network"] for test in export.TESTS} == {
        test: published.loc[test, "correct"] for test in export.TESTS
    }
    assert set(published["status"]) == {"learned"}
    assert bundles.exported_digest(found) == origin["exported"] != origin["weights"]


@pytest.mark.parametrize("name", export.DATASETS)
def test_bundle_gives_the_recorded_answers(name: str) -> None:
    found = bundle(name)
    assert np.bincount(found["labels"]).tolist() == [export.IMAGES // 10] * 10
    for test, images in (("clean", bundles.images(found)), ("corrupted", corrupted(found))):
        assert bundles.answers(bundles.logits(found, images)).tolist() == found["answers"][test]["network"]
        assert bundles.answers(bundles.mean_scores(found, images)).tolist() == found["answers"][test]["ncm"]


@needs_node
@pytest.mark.parametrize("name", export.DATASETS)
def test_browser_answers_as_python(name: str) -> None:
    found = bundle(name)
    clean, noisy = bundles.images(found), corrupted(found)
    whole = np.concatenate([clean, noisy])
    calls = [{"call": call, "bundle": name, "args": [x.tolist()]} for x in whole for call in ("logits", "meanScores")]
    calls += [{"call": "image", "bundle": name, "args": [i]} for i in range(len(clean))]
    made = in_node(calls)
    logits, scores = np.array(made[: 2 * len(whole) : 2]), np.array(made[1 : 2 * len(whole) : 2])
    np.testing.assert_allclose(logits, bundles.logits(found, whole), atol=1e-4)
    np.testing.assert_allclose(scores, bundles.mean_scores(found, whole), atol=1e-4)
    for kind, own in (("network", logits), ("ncm", scores)):
        recorded = [*found["answers"]["clean"][kind], *found["answers"]["corrupted"][kind]]
        assert bundles.answers(own).tolist() == recorded
    np.testing.assert_array_equal(np.array(made[2 * len(whole) :], np.float32), clean)


@needs_node
def test_confidences_are_shares() -> None:
    found = bundle("mnist")
    x = bundles.images(found)[0]
    [made] = in_node([{"call": "answers", "bundle": "mnist", "args": [x.tolist()]}])
    scores = {"network": bundles.logits(found, x[None])[0], "ncm": bundles.mean_scores(found, x[None])[0]}
    scores["ncm"] /= found["variance"]
    for who, own in scores.items():
        shares = np.exp(own - own.max())
        np.testing.assert_allclose(made[who]["confidence"], shares / shares.sum(), atol=1e-6)
        assert made[who]["answer"] == own.argmax()


@needs_node
@pytest.mark.parametrize("name", LAWS)
def test_law_makes_the_same_picture_as_python(name: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, 28 * 28).astype(np.float32) / np.float32(255)
    law = corruptions.law_of(LAWS[name], small([1, 28, 28]))
    key, draws = [-123456789, 987654321], [0, 7]
    strengths = STRENGTHS.get(name, SHARES)
    calls = [{"call": "corrupt", "args": [name, x.tolist(), s, key, draw]} for s in strengths for draw in draws]
    made = iter(in_node(calls))
    for strength in strengths:
        images = torch.from_numpy(np.stack([x] * len(draws)))
        own = corruptions.corrupted(law, images, strength, np.array(key, np.int32), torch.tensor(draws))
        for expected in own.numpy():
            np.testing.assert_allclose(next(made), expected, atol=3e-5)


@needs_node
@pytest.mark.parametrize("name", LAWS)
def test_law_has_the_mean_and_variance_that_python_states(name: str) -> None:
    pixels, draws = 16, 4000
    x = np.linspace(0, 1, pixels)
    law = corruptions.law_of(LAWS[name], small([1, 4, 4]))
    strength = {"additive": 0.7, "l1": 4.0, "l2": 1.5, "linf": 0.6}.get(name, 0.75)
    calls = [{"call": "corrupt", "args": [name, x.tolist(), strength, [3, 4], i]} for i in range(draws)]
    made = np.array(in_node(calls))
    mean, variance = law.mean(x, strength), law.variance(x, strength)
    assert np.abs(made.mean(0) - mean).max() < 5 * np.sqrt(variance.max() / draws)
    squares = (made - mean) ** 2
    assert (np.abs(squares.mean(0) - variance) < 5 * squares.std(0) / np.sqrt(draws) + 1e-9).all()


@needs_node
@pytest.mark.parametrize(("name", "norm"), [("l1", 1), ("l2", 2), ("linf", np.inf)])
def test_radius_is_that_of_a_uniform_point_of_the_ball(name: str, norm: float) -> None:
    pixels, epsilon = 16, 0.4  # no value leaves [0, 1]: nothing is clipped
    calls = [{"call": "corrupt", "args": [name, [0.5] * pixels, epsilon, [5, 6], i]} for i in range(3000)]
    radius = np.linalg.norm(np.array(in_node(calls)) - 0.5, norm, axis=1) / epsilon
    assert radius.max() <= 1 + 1e-6
    assert stats.kstest(radius**pixels, "uniform").pvalue > 1e-3


@needs_node
def test_l0_changes_exactly_k() -> None:
    x = [-1.0] * 784  # no new value
    for share in (0.0, 0.1, 0.5, 0.98, 1.0):
        [made] = in_node([{"call": "corrupt", "args": ["l0", x, share, [7, 8], 0]}])
        assert np.count_nonzero(np.array(made) >= 0) == round(share * 784)


@pytest.fixture(scope="module")
def digits() -> data.Dataset:
    return data.load(data.source("digits"))


def test_parts_of_an_expected_accuracy_are_its_whole(digits: data.Dataset) -> None:
    law = corruptions.law_of(knees.LAWS["uniform"][2], digits)
    at = knees.expected(digits, law, 0.6)
    for kind in knees.KINDS:
        for n in (2, 71):
            assert at[kind](n) == pytest.approx(prototypes.predictor(digits, law, n, kind)(0.6), abs=1e-9)


def content() -> dict[str, Any]:
    return bundle("curves")


@needs_node
def test_calculator_is_predict_knee_on_digits(digits: data.Dataset) -> None:
    for law, kind, n in (("uniform", "clean", 31), ("additive", "clean", 9), ("salt_pepper", "corrupted", 120)):
        [made] = in_node([{"call": "halfWay", "table": ["digits", law], "args": [kind, n]}])
        expected = prototypes.predict_knee(digits, n, knees.LAWS[law][2], kind)
        assert made == pytest.approx(expected, abs=4e-3, rel=0.01 if law == "additive" else None)


@needs_node
def test_calculator_agrees_with_python_off_its_points() -> None:
    found = content()
    assert list(found["datasets"]) == list(export.CALCULATED)
    worst = knees.errors(found)
    calls, expected, allowed = [], [], []
    for dataset, one in found["datasets"].items():
        for law, table in one["laws"].items():
            for kind, strength, n, value in table["checks"]["accuracies"]:
                calls.append({"call": "accuracy", "table": [dataset, law], "args": [kind, strength, n]})
                expected.append(value)
                allowed.append(worst[kind]["accuracy"])
            for kind, n, value in table["checks"]["knees"]:
                calls.append({"call": "halfWay", "table": [dataset, law], "args": [kind, n]})
                expected.append(math.nan if value is None else value)
                allowed.append(worst[kind][table["scale"]])
    made = np.array([math.nan if value is None else value for value in in_node(calls)])
    assert np.array_equal(np.isnan(made), np.isnan(expected))
    assert (np.nan_to_num(np.abs(made - expected)) <= np.array(allowed) + 1e-6).all()
    # what the page says of its own errors is small
    limits = {"clean": (0.001, prototypes.PRECISION, 0.01), "corrupted": (0.01, 0.01, 0.01)}
    for kind, (accuracy, p, sigma) in limits.items():
        assert worst[kind]["accuracy"] < accuracy
        assert worst[kind]["survival"] < p
        assert worst[kind]["log"] < sigma


def test_slider_has_a_picture_of_every_published_p() -> None:
    found = bundle("pictures")
    rows = front.drawn(*(pd.read_csv(ROOT / path, low_memory=False) for path in (front.TABLE, front.TRAINED)))[0]
    assert found["strengths"] == sorted(rows["strength"].unique())
    record = json.loads((ROOT / front.FILE.with_suffix(".json")).read_text())["images"]
    assert (found["index"], found["images"]) == (record["test image"]["index"], record["training images"]["first"])
    frames = bundles.unpacked(found["means"], "u1").reshape(len(found["strengths"]), -1)
    assert (frames.min(1) == 0).all()
    assert (frames.max(1) == 255).all()
    # the mean image loses contrast as the corruption grows
    contrast = np.diff(found["ranges"], axis=1)[:, 0]
    assert (np.diff(contrast) < 0).all()


def test_slider_shows_the_published_accuracies() -> None:
    rows = front.drawn(*(pd.read_csv(ROOT / path, low_memory=False) for path in (front.TABLE, front.TRAINED)))[0]
    found = writing.curves(rows)
    means = rows.groupby("strength")[["accuracy", "ncm", "theory"]].mean()
    assert found["p"] == list(means.index)
    np.testing.assert_allclose([one[0] for one in found["network"]], means["accuracy"], atol=1e-5)
    np.testing.assert_allclose([one[0] for one in found["ncm"]], means["ncm"], atol=1e-5)
    assert json.dumps(found) in writing.hero(ROOT)


def test_a_new_p_without_a_picture_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "read", lambda *_: {"strengths": [0.0, 0.5]})
    with pytest.raises(UserError, match=r"no picture is made of p = 0\.3: run"):
        writing.hero(ROOT)


def test_measured_points_are_means_over_seeds() -> None:
    table = pd.read_csv(ROOT / front.TABLE, low_memory=False)
    own = table[(table["dataset"] == "mnist") & (table["law"] == "replacement") & (table["test"] == "clean")]
    own = own[(own["train_size"] == 1000) & (own["strength"] == 0.9) & (own["width"] == 128)]
    own = own[own["training_corruption"] == "fixed"]
    rows = writing.measured(ROOT)["mnist"]["uniform"]
    [value] = [row["ncm"] for row in rows if (row["train_size"], row["strength"]) == (1000, 0.9)]
    assert value == pytest.approx(own["ncm"].mean(), abs=1e-5)
