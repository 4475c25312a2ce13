from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from almostnothing import data, streams, training

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def same(a: training.Trained, b: training.Trained) -> bool:
    weights = zip(a.network.parameters(), b.network.parameters(), strict=True)
    return a.rows == b.rows and all(torch.equal(x, y) for x, y in weights)


def reference(stack: training.Stack, e: int) -> nn.Sequential:
    """Cell `e` trained by torch alone: plain module, autograd, torch.optim.Adam, one batch after the other."""
    cell = stack.cells[e]
    layers = nn.Linear(64, cell.width), nn.Linear(cell.width, 10)
    network = nn.Sequential(layers[0], nn.ReLU(), layers[1])
    draws = streams.normals(stack.key_list("initial weights")[e], 64 * cell.width + cell.width * 10)
    first, last = np.split(draws, [64 * cell.width])
    with torch.no_grad():
        for layer, values in zip(layers, (first, last), strict=True):
            fan = layer.in_features
            layer.weight.copy_(torch.from_numpy(values.reshape(fan, -1).T * np.sqrt(2 / fan)))
            layer.bias.zero_()
    optimiser = torch.optim.Adam(network.parameters(), lr=cell.learning_rate)
    loss_of = nn.CrossEntropyLoss() if cell.loss == "cross_entropy" else nn.MSELoss()
    orders = training.Orders(stack.key_list("data order"), stack.sizes)
    for step in range(cell.steps):
        start, stop = step * cell.batch_size, (step + 1) * cell.batch_size
        position = torch.from_numpy(orders.positions(start, stop))
        x, y = stack.batch(position, torch.arange(start, stop).expand(len(stack.cells), -1))
        optimiser.zero_grad()
        target = y[e] if cell.loss == "cross_entropy" else nn.functional.one_hot(y[e], 10).float()
        scale = 1 if cell.loss == "cross_entropy" else 5  # ours is half the sum over 10 labels, torch's the mean
        (scale * loss_of(network(x[e]), target)).backward()
        optimiser.step()
    return network


@pytest.mark.parametrize("loss", training.LOSSES)
@pytest.mark.parametrize("when", ["fixed", "fresh"])
def test_stack_trains_as_torch_does_cell_by_cell(digits, cell, loss, when):
    base = replace(cell, loss=loss, training_corruption=when, depth=2)
    cells = [
        replace(base, strength=p, learning_rate=rate, train_size=n)
        for p, rate, n in ((0.0, 3e-3, 100), (0.6, 1e-2, 50))
    ]
    stack = training.Stack(cells, digits, CPU)
    for e, trained in enumerate(training.train(cells, digits, CPU)):
        ours, theirs = (dict(network.named_parameters()) for network in (trained.network, reference(stack, e)))
        for name, value in ours.items():
            assert torch.allclose(value, theirs[name], atol=2e-4), (name, (value - theirs[name]).abs().max())


@pytest.mark.parametrize("when", ["fixed", "fresh"])
def test_a_cell_does_not_depend_on_its_neighbours(digits, cell, when):
    base = replace(cell, training_corruption=when)
    cells = [replace(base, seed=s, strength=p, train_size=n) for s in range(3) for p, n in ((0.2, 100), (0.9, 40))]
    together = training.train(cells, digits, CPU)
    for alone in ([cells[4]], cells[3:], cells[::-1]):
        for trained in training.train(alone, digits, CPU):
            assert same(trained, together[cells.index(trained.cell)])


def test_a_stack_refuses_cells_of_different_shape(digits, cell):
    with pytest.raises(ValueError, match="must share everything"):
        training.Stack([cell, replace(cell, width=8)], digits, CPU)


def test_clean_digits_are_learnt_and_pure_noise_is_not(digits, cell):
    cells = [replace(cell, strength=p, train_size=1000, steps=300, width=64) for p in (0.0, 1.0)]
    clean, noise = (trained.rows[0]["correct"] / 500 for trained in training.train(cells, digits, CPU))
    assert clean > 0.93
    assert noise < 0.25


@pytest.mark.parametrize("when", ["fixed", "fresh"])
def test_evaluation_counts_are_those_of_the_network_image_by_image(digits, cell, when):
    cells = [replace(cell, training_corruption=when, train_size=n) for n in (40, 100)]
    stack = training.Stack(cells, digits, CPU)
    for e, trained in enumerate(training.train(cells, digits, CPU)):
        rows = {row["test"]: row for row in trained.rows}
        n = 500
        images = torch.from_numpy(digits.values(digits.test))
        labels = torch.from_numpy(digits.test.labels)
        draw = torch.arange(2 * n, dtype=torch.int32)[None]
        keys = stack.keys("test corruption")[e : e + 1]
        corrupted = stack.law.sample(images.repeat(2, 1)[None], stack.strength[e : e + 1], keys, draw)[0]
        size = stack.sizes[e]
        position = torch.arange(size).expand(2, -1)
        seen, own = stack.batch(position, cell.steps * cell.batch_size + position)
        for test, x, y in (
            ("clean", images, labels),
            ("corrupted", corrupted, labels.repeat(2)),
            ("train", seen[e], own[e]),
        ):
            with torch.no_grad():
                logits = trained.network(x)
            assert rows[test]["images"] == len(y)
            assert abs(rows[test]["correct"] - int((logits.argmax(1) == y).sum())) <= 1  # ties in the last bit
            expected = nn.functional.cross_entropy(logits.double(), y).item()
            assert rows[test]["loss"] == pytest.approx(expected, rel=1e-4)


def test_fixed_corruption_is_drawn_once_and_fresh_corruption_anew(digits, cell):
    position = torch.zeros(1, 3, dtype=torch.int64)
    draw = torch.arange(3)[None]
    for when, distinct in (("fixed", 1), ("fresh", 3)):
        stack = training.Stack([replace(cell, training_corruption=when)], digits, CPU)
        assert len(stack.batch(position, draw)[0][0].unique(dim=0)) == distinct


def test_every_epoch_shows_every_image_once(cell):
    keys = [streams.stream_key(s, "order") for s in range(2)]
    orders = training.Orders(keys, [7, 10])
    whole = orders.positions(0, 70)
    assert all(sorted(whole[0, i : i + 7]) == list(range(7)) for i in range(0, 70, 7))
    assert all(sorted(whole[1, i : i + 10]) == list(range(10)) for i in range(0, 70, 10))
    again = training.Orders(keys, [7, 10])
    parts = [again.positions(a, b) for a, b in ((0, 3), (3, 31), (31, 70))]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_losses_are_those_of_torch():
    logits, labels = torch.randn(2, 5, 4), torch.randint(4, (2, 5))
    flat = logits.flatten(0, 1), labels.flatten()
    entropy = nn.functional.cross_entropy(*flat, reduction="none").view(2, 5)
    assert torch.allclose(training.cross_entropy(logits, labels), entropy, atol=1e-6)
    error = ((logits - nn.functional.one_hot(labels, 4)) ** 2).sum(-1) / 2
    assert torch.allclose(training.squared_error(logits, labels), error)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_agrees_with_the_cpu(digits, cell):
    cells = [replace(cell, strength=p, steps=20) for p in (0.0, 0.7)]
    results = [training.train(cells, digits, torch.device(name)) for name in ("cpu", "cuda")]
    for ours, theirs in zip(*results, strict=True):
        for a, b in zip(ours.network.parameters(), theirs.network.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-3)
