from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from almostnothing import corruptions, data, networks, streams, training
from almostnothing.cells import Cell, key_of
from almostnothing.evaluation import logits_of
from almostnothing.losses import cross_entropy, squared_error
from almostnothing.parameters.laws import Additive
from almostnothing.sizes import exact

CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def digits():
    return data.load(data.source("digits"))


def train(cells, digits, **options) -> dict[Cell, training.Trained]:
    return {t.cell: t for t in training.train(cells, digits, CPU, training.Options(**options))}


def same(a: training.Trained, b: training.Trained) -> bool:
    weights = zip(a.network.parameters(), b.network.parameters(), strict=True)
    return a.rows == b.rows and all(torch.equal(x, y) for x, y in weights)


def noisy(cell: Cell, digits: data.Dataset, x: torch.Tensor, purpose: str, draw: np.ndarray) -> torch.Tensor:
    """Images (image, pixel) corrupted by a cell's stream."""
    law = corruptions.law_of(cell.corruption, digits)
    key = torch.from_numpy(key_of(cell, purpose))[None]
    numbers = torch.from_numpy(draw.astype(np.int32))[None]
    return law.sample(x[None], torch.tensor([[cell.strength]]), key, numbers)[0, 0]


def reference(cell: Cell, digits: data.Dataset) -> nn.Sequential:
    """A cell trained by torch alone: plain module, autograd, torch.optim, one batch after the other."""
    model = networks.stack(cell, 1)
    model.put(0, model.initial(key_of(cell, "initial weights")))
    network = model[0]
    optimiser: torch.optim.Optimizer
    if cell.optimiser == "adam":
        optimiser = torch.optim.Adam(network.parameters(), lr=cell.learning_rate)
    else:
        optimiser = torch.optim.SGD(network.parameters(), lr=cell.learning_rate, momentum=cell.momentum)
    subset = digits.subset(cell.train_size, cell.seed)
    pool, labels = torch.from_numpy(digits.values(digits.train)), torch.from_numpy(digits.train.labels)
    key, n, b = key_of(cell, "data order"), cell.train_size, cell.batch_size
    for step in range(cell.steps):
        t = np.arange(step * b, (step + 1) * b)
        where = subset[[streams.permutation(key, n, int(i) // n)[i % n] for i in t]]
        draw = where if cell.training_corruption == "fixed" else t
        x, y = noisy(cell, digits, pool[where], "training corruption", draw), labels[where]
        optimiser.zero_grad()
        target = y if cell.loss == "cross_entropy" else nn.functional.one_hot(y, 10).float()
        loss = nn.CrossEntropyLoss() if cell.loss == "cross_entropy" else nn.MSELoss()
        scale = 1 if cell.loss == "cross_entropy" else 5  # ours is half the sum over 10 labels, torch's the mean
        (scale * loss(network(x), target)).backward()
        optimiser.step()
    return network


@pytest.mark.parametrize(
    "change",
    [
        {"training_corruption": "fixed"},
        {"training_corruption": "fresh", "loss": "mse"},
        {"optimiser": "sgd", "momentum": 0.9, "learning_rate": 0.1, "activation": "tanh", "bias": False},
        {"family": "cnn", "width": 4, "steps": 15},
    ],
    ids=str,
)
def test_cells_are_trained_as_torch_trains_them_one_by_one(digits, cell, change):
    base = replace(cell, **change)
    cells = [replace(base, strength=p, train_size=n) for p, n in ((0.0, 100), (0.6, 50))]
    for trained in train(cells, digits).values():
        ours, theirs = trained.network.state_dict(), reference(trained.cell, digits).state_dict()
        for name, value in ours.items():
            assert torch.allclose(value, theirs[name], atol=3e-4), (name, (value - theirs[name]).abs().max())


@pytest.mark.parametrize("family", networks.FAMILIES)
@pytest.mark.parametrize("when", ["fixed", "fresh"])
def test_a_cell_depends_on_no_neighbour_and_on_no_number_of_slots(digits, cell, when, family):
    base = replace(cell, training_corruption=when, family=family, width=16, steps=20)
    cells = [
        replace(base, seed=s, strength=p, train_size=n, steps=t)
        for s in range(2)
        for p, n, t in ((0.2, 100, 20), (0.9, 40, 7), (0.5, 60, 33))
    ]
    together = train(cells, digits)
    assert set(together) == set(cells)
    assert {c: t.rows[0]["taken"] for c, t in together.items()} == {c: c.steps for c in cells}
    for others, slots in ((cells[:1], 32), (cells[3:], 2), (cells[::-1], 3), (cells, 1)):
        for one, trained in train(others, digits, slots=slots).items():
            assert same(trained, together[one])


def test_longer_training_begins_as_the_shorter_one(digits, cell):
    [short] = train([replace(cell, steps=256)], digits).values()
    long = replace(cell, steps=512)
    stopped = replace(long, stop_loss=1e9)  # ends after the first block of 256 steps
    assert same(short, replace_cell(train([stopped], digits)[stopped], short.cell))


def replace_cell(trained: training.Trained, cell: Cell) -> training.Trained:
    return replace(trained, cell=cell)


def test_training_stops_when_the_loss_is_low_enough(digits, cell):
    cells = [replace(cell, steps=5120, stop_loss=0.05, train_size=100, strength=p) for p in (0.0, 1.0)]
    easy, hard = (train(cells, digits)[c].rows[0]["taken"] for c in cells)
    assert easy % 256 == 0
    assert 256 <= easy < hard


def test_a_diverged_cell_is_reported_and_hurts_no_neighbour(digits, cell):
    good = replace(cell, optimiser="sgd", learning_rate=0.1, steps=600)
    bad = replace(good, learning_rate=1e30)
    found = train([good, bad], digits)
    assert found[bad].rows[0]["status"] == "diverged"
    assert found[good].rows[0]["status"] == "learned"
    assert same(found[good], train([good], digits)[good])


def test_common_random_numbers_share_all_but_the_strength(digits, cell):
    base = replace(cell, common_random_numbers=True, training_corruption="fresh", steps=10)
    cells = [replace(base, strength=p, seed=s) for s in range(2) for p in (0.3, 0.6, 0.9)]
    groups = training.teams(cells, 32)
    assert [len(group) for group in groups] == [3, 3]
    for apart in (training.teams(cells[:5], 32), training.teams(cells, 2), training.teams(cells, 32, {cells[0]: 9})):
        assert all(len(group) == 1 for group in apart)
    bench = training.Bench(cells[0], digits, CPU, 6, 3, 100, False)
    for stream, group in enumerate(groups):
        bench.seat(stream, group)
    position, draw = torch.arange(20).expand(2, -1), torch.arange(20, dtype=torch.int32).expand(2, -1)
    x, labels = bench.batch(position, draw)
    clean = bench.values(bench.subset[:, :20])
    replaced = (x.view(2, 3, 20, 64) != clean[:, None]).numpy()
    assert (replaced[:, 0] <= replaced[:, 1]).all()
    assert (replaced[:, 1] <= replaced[:, 2]).all()
    assert torch.equal(labels[0], labels[1])
    assert torch.equal(bench.parts[0][0], bench.parts[0][2])
    assert not torch.equal(bench.parts[0][0], bench.parts[0][3])
    together = train(cells, digits)
    for one, trained in train(cells[:5], digits).items():  # trained alone, each with its own copy of the draws
        assert same(trained, together[one])
    apart = [replace(c, common_random_numbers=False) for c in cells[:2]]
    assert not np.array_equal(*(key_of(c, "initial weights") for c in apart))


def test_a_stack_refuses_cells_of_different_shape(digits, cell):
    with pytest.raises(ValueError, match="must share everything"):
        list(training.train([cell, replace(cell, width=8)], digits, CPU))


def test_clean_digits_are_learnt_and_pure_noise_is_not(digits, cell):
    cells = [replace(cell, strength=p, train_size=1000, steps=300, width=64) for p in (0.0, 1.0)]
    clean, noise = (train(cells, digits)[c].rows[0]["correct"] / 500 for c in cells)
    assert clean > 0.93
    assert noise < 0.25


@pytest.mark.parametrize("when", ["fixed", "fresh"])
def test_evaluation_counts_are_those_of_the_network_image_by_image(digits, cell, when):
    cells = [replace(cell, training_corruption=when, train_size=n) for n in (40, 100)]
    for trained in train(cells, digits, keep_logits=True).values():
        one = trained.cell
        rows = {row["test"]: row for row in trained.rows}
        images, labels = torch.from_numpy(digits.values(digits.test)), torch.from_numpy(digits.test.labels)
        corrupted = noisy(one, digits, images.repeat(2, 1), "test corruption", np.arange(1000))
        subset = digits.subset(one.train_size, one.seed)
        seen = torch.from_numpy(digits.values(digits.train)[subset])
        draw = subset if when == "fixed" else one.steps * one.batch_size + np.arange(one.train_size)
        for test, x, y in (
            ("clean", images, labels),
            ("corrupted", corrupted, labels.repeat(2)),
            ("train", noisy(one, digits, seen, "training corruption", draw), digits.train.labels[subset]),
        ):
            with torch.no_grad():
                logits = trained.network(x)
            target = torch.as_tensor(y)
            assert rows[test]["images"] == len(y)
            assert abs(rows[test]["correct"] - int((logits.argmax(1) == target).sum())) <= 1  # ties in the last bit
            assert rows[test]["loss"] == pytest.approx(nn.functional.cross_entropy(logits, target).item(), rel=1e-4)
            if test != "train":
                assert torch.allclose(trained.logits[test], logits, atol=1e-4)
        weights = trained.network.state_dict()
        again = logits_of(one, weights, digits, CPU)
        assert all(torch.allclose(again[kind], value, atol=1e-5) for kind, value in trained.logits.items())


@pytest.mark.parametrize("when", ["fixed", "fresh"])
def test_what_is_drawn_again_is_what_would_be_stored(digits, cell, when, monkeypatch):
    base = replace(cell, training_corruption=when, steps=10)
    stored = train([base], digits)[base]
    monkeypatch.setattr(training, "STORED_VALUES", 0)
    assert same(train([base], digits)[base], stored)


def test_every_epoch_shows_every_image_once():
    keys = [streams.stream_key(s, "order") for s in range(2)]
    for key, size in zip(keys, (7, 10), strict=True):
        whole = training.Order(key, size).positions(0, 70)
        assert all(sorted(whole[i : i + size]) == list(range(size)) for i in range(0, 70, size))
        again = training.Order(key, size)
        parts = [again.positions(a, b) for a, b in ((0, 3), (3, 31), (31, 32), (32, 70))]
        assert np.array_equal(np.concatenate(parts), whole)
        assert np.array_equal(training.Order(key, size).positions(33, 70), whole[33:])


def test_losses_are_those_of_torch():
    logits, labels = torch.randn(2, 5, 4), torch.randint(4, (2, 5))
    flat = logits.flatten(0, 1), labels.flatten()
    entropy = nn.functional.cross_entropy(*flat, reduction="none").view(2, 5)
    assert torch.allclose(cross_entropy(logits, labels), entropy, atol=1e-6)
    error = ((logits - nn.functional.one_hot(labels, 4)) ** 2).sum(-1) / 2
    assert torch.allclose(squared_error(logits, labels), error)


def test_where_stacking_is_not_exact_it_differs_by_rounding_alone(digits, cell):
    odd = replace(cell, batch_size=30, width=7, steps=20)
    assert exact(cell)
    assert not exact(odd)
    cells = [replace(odd, seed=s) for s in range(5)]
    together = train(cells, digits)
    for one, trained in train(cells, digits, slots=2).items():
        for a, b in zip(trained.network.parameters(), together[one].network.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-4)


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_lower_precision_costs_no_accuracy(digits, cell, precision):
    base = replace(cell, train_size=1000, strength=0.3, steps=300, width=32)
    cells = [replace(base, seed=s) for s in range(3)]
    full = train(cells, digits)
    rough = train([replace(c, precision=precision) for c in cells], digits)
    differences = [
        full[c].rows[0]["correct"] - rough[replace(c, precision=precision)].rows[0]["correct"] for c in cells
    ]
    assert abs(np.mean(differences)) < 10  # of 500 test images
    assert torch.get_float32_matmul_precision() == "highest"


def test_held_out_images_are_tested_and_change_nothing_else(digits, cell):
    with_validation = replace(cell, validation=240)
    [plain] = train([cell], digits).values()
    [held_out] = train([with_validation], digits).values()
    rows = {row["test"]: row for row in held_out.rows}
    assert rows.pop("validation")["images"] == 240
    assert list(rows.values()) == plain.rows


@pytest.mark.parametrize("when", ["fixed", "fresh"])
def test_early_stopping_tests_the_network_of_the_best_block_and_changes_nothing_else(digits, cell, when, monkeypatch):
    monkeypatch.setattr(training, "BLOCK_POSITIONS", 10 * cell.batch_size)
    base = replace(cell, validation=240, strength=0.8, steps=60, training_corruption=when)
    cells = [replace(base, seed=seed) for seed in range(3)]
    early = train([replace(one, early_stopping=True) for one in cells], digits, slots=2)
    for one in cells:
        shorter = train([replace(one, steps=steps) for steps in range(10, 61, 10)], digits)
        found = {short.steps: {row["test"]: row["correct"] for row in t.rows} for short, t in shorter.items()}
        best = max(found, key=lambda steps: (found[steps]["validation"], -steps))
        watched = early[replace(one, early_stopping=True)]
        rows = {row["test"]: row for row in watched.rows}
        for test in ("clean", "corrupted"):
            assert (rows[test].pop("best_correct"), rows[test].pop("best_taken")) == (found[best][test], best)
        [last] = [t for short, t in shorter.items() if short.steps == 60]
        assert same(watched, last)
    assert len({t.rows[0]["taken"] for t in early.values()}) == 1


def test_networks_with_other_initial_weights_share_all_else(digits, cell):
    twin = replace(cell, initialisation=1)
    for purpose in ("data order", "training corruption", "test corruption"):
        assert np.array_equal(key_of(cell, purpose), key_of(twin, purpose))
    first, second = train([cell, twin], digits).values()
    starts = [networks.stack(cell, 1).initial(networks.initial_key(one))[0] for one in (cell, twin)]
    assert abs(np.corrcoef(*(weights.flatten() for weights in starts))[0, 1]) < 0.1
    assert first.rows != second.rows


@pytest.mark.parametrize("noise", ["gaussian", "student_t"])
def test_networks_learn_under_additive_noise(digits, cell, noise):
    law = Additive(law="additive", noise=noise, clip=True).record()
    base = replace(cell, corruption=law, train_size=1000, steps=300)
    accuracy = {}
    for sigma in (0.1, 0.5, 8.0):
        [trained] = train([replace(base, strength=sigma)], digits).values()
        accuracy[sigma] = {row["test"]: row["correct"] / row["images"] for row in trained.rows}
    assert accuracy[0.1]["clean"] > 0.85
    assert accuracy[0.1]["corrupted"] > accuracy[0.5]["corrupted"] > accuracy[8.0]["corrupted"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("compiled", [False, True])
def test_cuda_agrees_with_the_cpu(digits, cell, compiled):
    cells = [replace(cell, strength=p, steps=20) for p in (0.0, 0.7)]
    options = training.Options(compiled=compiled)
    cpu, cuda = ({t.cell: t for t in training.train(cells, digits, torch.device(d), options)} for d in ("cpu", "cuda"))
    for one in cells:
        for a, b in zip(cpu[one].network.parameters(), cuda[one].network.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-3)
