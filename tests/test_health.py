"""A status for every network: made cases of each kind, and what the criteria are computed from."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from almostnothing import corruptions, data, health, networks, training
from almostnothing.measures import fitting
from almostnothing.parameters.laws import Additive, Replacement
from almostnothing.tables import learned, statuses
from almostnothing.tables import networks as networks_of

CPU = torch.device("cpu")
SEEN = {"finite": True, "active": 0.5, "fitted": 1.0, "reference": 0.8, "chance": 0.1, "falling": 0.5}
SEEN["shown"] = 2000


@pytest.fixture(scope="module")
def digits():
    return data.load(data.source("digits"))


def first_row(cell, digits):
    [found] = training.train([cell], digits, CPU, training.Options(compiled=True))
    return found.rows[0]


@pytest.mark.parametrize(
    ("change", "fixed", "status"),
    [
        ({}, True, "learned"),
        ({}, False, "learned"),  # memorised: its loss may fall for ever
        ({"fitted": 0.98}, True, "unfinished"),
        ({"fitted": 0.98, "falling": 0.0}, True, "unfinished"),
        ({"fitted": 0.5, "falling": 0.0}, False, "learned"),  # a plateau of fresh noise
        ({"fitted": 0.5, "falling": 0.03}, False, "unfinished"),
        ({"fitted": 0.5, "falling": np.nan}, False, "unfinished"),
        ({"active": 0.01}, True, "dead"),
        ({"fitted": 0.12, "falling": 0.0}, False, "dead"),
        ({"fitted": 0.12, "falling": 0.0, "reference": 0.13}, False, "learned"),  # nothing is to be learned
        ({"finite": False, "fitted": np.nan}, True, "diverged"),
    ],
)
def test_status(change, fixed, status):
    assert health.status(SEEN | change, fixed) == status


def test_the_fall_of_the_loss_is_that_between_the_last_two_tenths():
    course = [9.0] * 80 + [2.0] * 10 + [1.0] * 10
    assert health.falling(course) == pytest.approx(1 / 8)
    assert np.isnan(health.falling([1.0]))
    assert health.falling([1.0, 0.9, 0.8]) == pytest.approx(0.5)
    assert health.falling([0.0, 0.0]) == 0
    noise = np.random.default_rng(0).normal(0, 0.01, 200)
    fall = np.arange(200) / 200 + noise
    assert health.falling((2.3 - 0.001 * fall + noise).tolist()) == 0  # less than what can be told
    assert health.falling((2.3 - fall).tolist()) == pytest.approx(0.1, abs=0.02)


def test_a_network_that_memorises_has_learned(digits, cell):
    row = first_row(replace(cell, strength=0.9, train_size=50, steps=3000, width=32, stop_loss=0.01), digits)
    assert row["status"] == "learned"
    assert row["fitted"] == 1
    assert row["taken"] < 3000


def test_a_network_stopped_early_is_unfinished(digits, cell):
    row = first_row(replace(cell, strength=0.9, train_size=200, steps=60, width=32), digits)
    assert row["status"] == "unfinished"
    assert 0.1 < row["fitted"] < health.FITTED


def test_a_dead_network_is_told_from_one_that_is_merely_slow(digits, cell):
    """A first step of size 30 sends every unit below zero; SGD with a tiny rate only makes no progress."""
    row = first_row(replace(cell, shift=-5.0, learning_rate=30.0, steps=200, train_size=200), digits)
    assert row["status"] == "dead"
    assert row["active"] < health.ACTIVE
    assert row["modal"] == 1
    slow = first_row(replace(cell, optimiser="sgd", learning_rate=1e-9, steps=200, train_size=200), digits)
    assert slow["active"] > 0.5
    assert slow["status"] in ("unfinished", "dead")


def test_fresh_noise_reaches_a_plateau(digits, cell):
    fresh = replace(cell, strength=0.9, training_corruption="fresh", train_size=1000, width=8, centred=True)
    long, short = (first_row(replace(fresh, steps=steps), digits) for steps in (8000, 1500))
    assert long["status"] == "learned"
    assert long["fitted"] < health.FITTED
    assert short["status"] == "unfinished"


def test_a_diverged_network(digits, cell):
    row = first_row(replace(cell, optimiser="sgd", learning_rate=1e30, steps=300), digits)
    assert row["status"] == "diverged"


def test_active_units_by_hand(digits, cell):
    """Of four units one is always off, one always on, one on for one image, one with the same output for all."""
    model = networks.stack(replace(cell, width=4, depth=2), 1)
    weight = model.weights[0].data[0]
    weight[0, 1], weight[0, 2] = 1.0, 1.0
    model.biases[0].data[0, 0] = torch.tensor([-1.0, 1.0, -0.9, 2.0])
    x = torch.zeros(1, 3, 64)
    x[0, :, 0] = torch.tensor([0.0, 0.5, 1.0])
    assert fitting.active_shares(model, x) == [[0.5]]


def test_active_channels_by_hand(digits, cell):
    model = networks.stack(replace(cell, family="cnn", width=2, depth=2), 2)
    for e, channel in ((0, 0), (1, 1)):
        model.weights[0].data[e, 4, channel] = 1.0  # the middle of the patch
    x = torch.rand(2, 3, 64)
    assert fitting.active_shares(model, x) == [[0.5], [0.5]]
    model.weights[0].data[1, 4, 0] = 1.0
    assert fitting.active_shares(model, x) == [[0.5], [1.0]]


def test_nearest_mean_accuracy_against_a_loop():
    generator = torch.Generator().manual_seed(0)
    x, labels = torch.randn(2, 40, 5, generator=generator), torch.randint(3, (2, 40), generator=generator)
    for e, found in enumerate(fitting.nearest_mean_accuracy(x, labels, 3)):
        right = 0
        for i, (image, label) in enumerate(zip(x[e], labels[e], strict=True)):
            rest = torch.arange(40) != i
            means = torch.stack([x[e][rest & (labels[e] == k)].mean(0) for k in range(3)])
            right += int((means - image).square().sum(1).argmin() == label)
        assert found == pytest.approx(right / 40)


def test_an_image_alone_in_its_class_has_no_class_mean_to_be_near_to():
    x = torch.tensor([[[1.0, 0.0], [1.0, 0.4], [2.4, 0.0]]])
    assert fitting.nearest_mean_accuracy(x, torch.tensor([[0, 0, 1]]), 3) == pytest.approx([2 / 3])


def test_modal_share():
    logits = torch.tensor([[[1.0, 0], [1, 0], [0, 1], [1, 0]]])
    assert fitting.modal_shares(logits) == [0.75]


def test_what_did_not_learn_has_no_value_and_is_counted():
    table = pd.DataFrame(
        {
            "dataset": "digits",
            "width": [8, 8, 16, 16],
            "seed": [0, 1, 0, 1],
            "test": "clean",
            "status": ["learned", "dead", "learned", "learned"],
            "accuracy": [0.9, 0.1, 0.8, 0.7],
        }
    )
    twice = pd.concat([table, table.assign(test="corrupted")])
    assert learned(table)["accuracy"].isna().tolist() == [False, True, False, False]
    found = statuses(twice, ["width"])
    assert found.loc[8].to_dict() == {"learned": 1, "unfinished": 0, "dead": 1, "diverged": 0}
    assert found.loc[16, "learned"] == 2


def test_networks_are_counted_once_each():
    cells = pd.DataFrame(
        {
            "seed": [0, 0, 0, 0, 1],
            "test": ["clean", "corrupted"] * 2 + ["clean"],
            "network": [0.9, 0.8, 0.7, 0.6, 0.9],  # an accuracy, as in 06
            "model": ["C1C1", "C1C1", "C2C1", "C2C1", None],  # laws of one name
            "status": ["learned", "learned", "dead", "dead", None],
        }
    )
    assert networks_of(cells)["model"].tolist() == ["C1C1", "C2C1"]
    own = pd.DataFrame({"seed": 0, "network": "relu", "k": [8, 8, 16], "status": ["unfinished", "learned", "dead"]})
    assert networks_of(own)["status"].tolist() == ["learned", "dead"]  # the last row of each


def test_inputs_are_centred_by_their_mean_as_seen(digits, cell):
    """`networks.centre` against the mean of many corrupted images."""
    x = torch.from_numpy(digits.values(digits.train)).repeat(20, 1)
    for record in (
        Replacement(low=0, high=0.5).record(),
        Additive(law="additive", noise="laplace", clip=True).record(),
    ):
        some = replace(cell, corruption=record, strength=0.7, centred=True)
        seen = corruptions.corrupted(corruptions.law_of(record, digits), x, 0.7, np.array([1, 2], np.int32))
        assert networks.centre(some, digits) == pytest.approx(float(seen.mean()), abs=2e-3)
    assert networks.centre(replace(cell, shift=0.25), digits) == 0.25
    assert networks.centre(replace(some, shift=0.25), digits) == pytest.approx(0.25 + networks.centre(some, digits))


def test_a_stored_network_keeps_its_shift(digits, cell):
    centred = replace(cell, centred=True, strength=0.6, steps=20)
    [found] = training.train([centred], digits, CPU)
    state = found.network.state_dict()
    assert float(state["0.by"]) == pytest.approx(networks.centre(centred, digits))
    again = networks.stack(centred, 1)
    again.take(0, state)
    x = torch.rand(5, 64)
    assert torch.allclose(again[0](x), found.network(x))
    assert torch.allclose(again(x[None])[0], found.network(x), atol=1e-6)


def test_a_readout_that_starts_at_zero(digits, cell):
    model = networks.stack(cell, 1)
    key = np.array([1, 2], np.int32)
    zero, usual = model.initial(key, 0.0), model.initial(key)
    last = len(model.layers) - 1
    assert torch.equal(zero[0], usual[0])
    assert not zero[last].any()
    assert usual[last].any()
    row = first_row(replace(cell, readout_scale=0.0, steps=2000, train_size=50), digits)
    assert row["status"] == "learned"


def test_a_reader_that_has_seen_enough_ends_a_verb_in_silence():
    root = Path(__file__).resolve().parent.parent
    verb = [sys.executable, "-m", "almostnothing", "health", "quick"]
    with subprocess.Popen(verb, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root) as told:
        assert told.stdout is not None
        assert told.stderr is not None
        told.stdout.close()
        assert told.stderr.read() == b""
    assert told.returncode == 1
