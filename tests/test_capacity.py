"""measures/capacity: sizes as published, attacks against an exact answer, networks that train alone, made cases."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from almostnothing import data, health, streams
from almostnothing.measures import capacity
from almostnothing.measures.capacity import Attack, Network, Recipe, Trained

MNIST = (1, 28, 28)
SMALL = Network("cnn", 1, (1, 8, 8), 10)
QUICK = Recipe(radius=0.1, attack_steps=3, ramp=0.5, rate=3e-3, steps=12, batch=20)


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """800 training images of digits, and 400 test images, with labels."""
    folder = tmp_path_factory.mktemp("data")
    dataset = data.load(data.source("digits", folder), folder)
    found = []
    for split, where in ((dataset.train, dataset.subset(800, 0)), (dataset.test, dataset.tests(400))):
        x = torch.from_numpy(dataset.values(split)[where]).view(-1, 1, 8, 8)
        found.append((x, torch.from_numpy(split.labels[where])))
    return found[0], found[1]


def pictures(count: int, shape: tuple[int, int, int], low: float = 0.0, high: float = 1.0) -> torch.Tensor:
    values = streams.uniforms(streams.stream_key(0, "test of capacity"), count * math.prod(shape))
    return torch.from_numpy(low + (high - low) * values).float().view(count, *shape)


def linear(weight: torch.Tensor, shape: tuple[int, int, int]) -> tuple[Network, torch.Tensor]:
    """A network of two classes whose first logit less its second is wᵀx − c, the c of a middling image, on [0, 1]^d.

    Its one hidden unit, wᵀx − min wᵀx, is never negative there.
    """
    network = Network("mlp", 1, shape, 2)
    low, middle = weight.clamp(max=0).sum(), weight.sum() / 2
    flat = torch.cat([weight, -low[None], torch.tensor([1.0, 0.0]), torch.stack([low - middle, torch.tensor(0.0)])])
    return network, flat


def test_parameters_are_as_many_as_published():
    counts = [Network("cnn", scale, MNIST, 10).parameters for scale in (1, 2, 4, 8, 16)]
    assert counts == [13_514, 52_506, 206_954, 821_706, 3_274_634]
    assert Network("mlp", 66, MNIST, 10).parameters == 66 * 785 + 67 * 10
    assert len(Network("cnn", 2, (3, 9, 11), 7).drawn(0)) == Network("cnn", 2, (3, 9, 11), 7).parameters


@pytest.mark.parametrize("shape", [MNIST, (3, 7, 10), (2, 5, 4)])
def test_a_convolutional_network_is_the_one_of_its_description(shape):
    network = Network("cnn", 2, shape, 10)
    flat = network.drawn(0) + 0.05  # biases that are not 0
    layers = nn.Sequential(
        nn.Conv2d(shape[0], 4, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(8 * (shape[1] // 2 // 2) * (shape[2] // 2 // 2), 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    nn.utils.vector_to_parameters(flat, layers.parameters())
    x = pictures(6, shape)
    torch.testing.assert_close(network.logits(network.prepared(flat), x), layers(x), rtol=1e-4, atol=1e-4)


def test_weights_start_as_he_and_biases_at_0():
    network = Network("cnn", 4, MNIST, 10)
    parts = network.parts(network.drawn(3))
    for weight, bias in zip(parts[::2], parts[1::2], strict=True):
        spread = math.sqrt(2 / math.prod(weight.shape[1:]))
        assert float(weight.std()) == pytest.approx(spread, rel=4 / math.sqrt(weight.numel()))
        assert not bias.any()
    assert not torch.equal(network.drawn(3), network.drawn(4))


@pytest.mark.parametrize("steps", [1, 3, 10])
def test_attacks_stay_in_the_ball_and_in_the_cube(steps):
    x, radius = pictures(20, (1, 8, 8)), 0.2
    key = streams.stream_key(0, "test of attacks")
    moved = capacity._start(key, torch.arange(20), x, radius)
    assert (moved - x).abs().mean() > 0.4 * radius
    for step in range(steps):
        uphill = torch.from_numpy(np.random.default_rng(step).normal(size=x.shape)).float()
        moved = capacity.stepped(moved, uphill, x, radius, steps)
        assert (moved - x).abs().max() <= radius + 1e-6
        assert 0 <= moved.min() <= moved.max() <= 1


def test_starts_of_images_are_their_own_and_uniform():
    x, key = torch.full((200, 1, 4, 5), 0.5), streams.stream_key(1, "test of attacks")
    number = torch.arange(200)
    whole = capacity._start(key, number, x, 0.25)
    assert torch.equal(capacity._start(key, number[70:90], x[70:90], 0.25), whole[70:90])
    assert len(torch.unique(whole)) > 0.99 * whole.numel()
    values = (whole.flatten() - 0.5) / 0.25
    assert float(values.abs().max()) < 1
    assert float(values.mean()) == pytest.approx(0, abs=0.05)
    assert float(values.square().mean()) == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize("steps", [2, 5, 20])
def test_a_linear_network_withstands_as_far_as_the_closed_form_says(steps):
    """Away from the cube's faces the margin y(wᵀx − c) falls by ε‖w‖₁ at worst."""
    shape, radius = (1, 6, 5), 0.05
    weight = pictures(1, shape).flatten() - 0.5
    network, flat = linear(weight, shape)
    x = pictures(400, shape, 0.1, 0.9)
    gap = (x - 0.5).flatten(1) @ weight
    labels = (gap < 0).long()
    labels[:20] = 1 - labels[:20]  # some are wrong as they are
    margin = torch.where(labels == 0, gap, -gap)
    wanted = margin > radius * weight.abs().sum()
    assert 0.1 < wanted.double().mean() < 0.9
    found = capacity.withstood(network, flat, x, labels, Attack(radius, steps, 2), 0)
    clear = (margin - radius * weight.abs().sum()).abs() > 1e-4
    assert torch.equal(found[clear], wanted[clear])
    assert torch.equal(capacity.withstood(network, flat, x, labels, Attack(0.0, steps, 2), 0), margin > 0)


def test_robust_images_are_right_and_more_attacks_leave_fewer(digits):
    network = replace(SMALL, size=2)
    train, (x, labels) = digits
    flat = capacity.trained(network, *train, QUICK._replace(steps=60, radius=0.0), 0).flat
    right = capacity.answers(network, flat, x) == labels
    one, three = (capacity.withstood(network, flat, x, labels, Attack(0.1, 5, restarts), 0) for restarts in (1, 3))
    assert not (one & ~right).any()
    assert not (three & ~one).any()
    assert three.sum() < right.sum()
    some = slice(100, 140)  # which images are attacked beside it changes nothing: their numbers do
    alone = capacity.withstood(network, flat, x[:140], labels[:140], Attack(0.1, 5, 3), 0)
    assert torch.equal(alone[some], three[some])
    wrong = (capacity.answers(network, flat, x) + 1) % 10
    assert not capacity.withstood(network, flat, x, wrong, Attack(0.1, 5, 2), 0).any()  # with none left to attack


def test_networks_train_alone_and_the_same_each_time(digits):
    train, _ = digits
    first = [capacity.trained(SMALL, *train, QUICK, seed) for seed in (0, 1)]
    torch.rand(7)  # no draw is torch's
    capacity.trained(Network("mlp", 5, (1, 8, 8), 10), *train, QUICK, 0)
    again = capacity.trained(SMALL, *train, QUICK, 1)
    assert torch.equal(again.flat, first[1].flat)
    assert again.course == first[1].course
    assert not torch.equal(first[0].flat, first[1].flat)


def test_every_epoch_takes_every_image_once_in_an_order_of_its_own():
    key = streams.stream_key(0, "test of batches")
    taken = capacity._order(key, 20, 60).view(3, 20)
    for order in taken:
        assert sorted(order.tolist()) == list(range(20))
    assert not torch.equal(taken[0], taken[1])
    assert torch.equal(capacity._order(key, 20, 33), taken.flatten()[:33])


def test_the_radius_rises_to_its_own():
    rising = [QUICK._replace(steps=10, ramp=0.5).reached(step) for step in range(10)]
    assert rising == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert [QUICK._replace(ramp=0.0).reached(step) for step in (0, 9)] == [0.1, 0.1]


def test_steps_are_those_of_torchs_own_adam(digits):
    (x, labels), _ = digits
    how = QUICK._replace(radius=0.0, batch=len(x))  # every batch is all images
    found = capacity.trained(SMALL, x, labels, how, 0)
    flat = SMALL.drawn(0).requires_grad_()
    optimiser = torch.optim.Adam([flat], lr=how.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, how.steps)
    for _ in range(how.steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(SMALL.logits(SMALL.prepared(flat), x), labels).backward()
        optimiser.step()
        schedule.step()
    torch.testing.assert_close(found.flat, flat.detach(), rtol=1e-3, atol=1e-4)


def test_a_small_network_learns_digits(digits):
    train, test = digits
    network = Network("cnn", 2, (1, 8, 8), 10)
    how = QUICK._replace(radius=0.0, rate=6e-3, steps=200, batch=50)
    found = capacity.seen(network, capacity.trained(network, *train, how, 0), train, test, Attack(0.0, 1, 1), 0)
    assert found.status == health.LEARNED
    assert found.train_clean == found.train_robust > 0.95
    assert found.test_clean > 0.9
    assert found.modal == pytest.approx(0.1, abs=0.02)


def test_what_became_of_made_networks_is_told_apart(digits):
    train, test = digits
    network = Network("mlp", 4, (1, 8, 8), 10)
    flat = network.drawn(0)
    constant = flat.clone()
    network.parts(constant)[-1][3] = 1e3
    course = [math.log(10) * 0.9**block for block in range(100)]
    cases = {
        health.DEAD: Trained(constant, course),
        "at chance": Trained(flat, [2.31] * 100),
        health.DIVERGED: Trained(flat * math.nan, course),
        health.UNFINISHED: Trained(flat, [2.0 - 0.01 * block for block in range(100)]),
        health.LEARNED: Trained(flat, course),
    }
    told = {name: capacity.seen(network, case, train, test, Attack(0.05, 3, 1), 0) for name, case in cases.items()}
    chance = told.pop("at chance")
    assert (chance.status, chance.modal < 0.9) == (health.DEAD, True)
    assert all(name == each.status for name, each in told.items())
    assert told[health.DEAD].modal == 1
    assert told[health.DEAD].test_robust == told[health.DEAD].test_clean == pytest.approx(0.1, abs=0.01)
    assert math.isnan(told[health.DIVERGED].test_robust)


def test_mistakes_are_told(digits):
    (x, labels), _ = digits
    for kind, size, shape, told in (
        ("rnn", 1, MNIST, "rnn"),
        ("cnn", 0, MNIST, "size 0"),
        ("cnn", 1, (1, 3, 9), "3×9"),
    ):
        with pytest.raises(ValueError, match=told):
            Network(kind, size, shape, 10)
    for images in (x * 16, x[:5], x.view(-1, 1, 4, 16)):
        with pytest.raises(ValueError, match="images of"):
            capacity.trained(SMALL, images, labels[: len(images)], QUICK, 0)
