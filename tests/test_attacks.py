"""measures/attacks: against exact answers, of linear networks and of tiny ones by enumeration."""

import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from exact_attacks import least_distance, smallest_relu
from jaxtyping import TypeCheckError
from torch import nn

from almostnothing import data, networks, streams
from almostnothing.errors import UserError
from almostnothing.measures import attacks, opinion
from almostnothing.measures.margins import margin
from almostnothing.theory import compression

CELLS = 3
D, UNITS, CLASSES = 6, 7, 3  # of tiny networks


@cache
def linear():
    """Linear networks, images, the labels that the networks give them, and exact answers."""
    rng = np.random.default_rng(0)
    w, b, x = rng.normal(size=(CELLS, 10, 50)), rng.normal(size=(CELLS, 10)), rng.normal(size=(60, 50))
    labels = np.stack([(x @ w[c].T + b[c]).argmax(1) for c in range(CELLS)])
    exact = np.stack([compression.smallest(w[c], b[c], x, labels[c]) for c in range(CELLS)])
    weight, bias = torch.from_numpy(w).mT.contiguous(), torch.from_numpy(b)[:, None]
    return (lambda z: torch.baddbmm(bias.to(z), z, weight.to(z))), x, labels, exact


@cache
def tiny():
    """Two-layer ReLU networks of a few units."""
    rng = np.random.default_rng(1)
    w1, b1 = rng.normal(size=(CELLS, UNITS, D)), rng.normal(size=(CELLS, UNITS))
    w2, b2 = rng.normal(size=(CELLS, CLASSES, UNITS)), 0.5 * rng.normal(size=(CELLS, CLASSES))
    x = rng.normal(size=(25, D))
    labels = np.stack([(np.maximum(x @ w1[c].T + b1[c], 0) @ w2[c].T + b2[c]).argmax(1) for c in range(CELLS)])
    exact = [[smallest_relu(w1[c], b1[c], w2[c], b2[c], x[i], labels[c, i]) for i in range(25)] for c in range(CELLS)]
    first, second = (torch.from_numpy(w).mT.contiguous() for w in (w1, w2))
    biases = [torch.from_numpy(b)[:, None] for b in (b1, b2)]

    def ask(z):
        hidden = torch.relu(torch.baddbmm(biases[0].to(z), z, first.to(z)))
        return torch.baddbmm(biases[1].to(z), hidden, second.to(z))

    return ask, x, labels, np.array(exact)


def second(make):
    """A foolbox attack with the signature of ours."""

    def attack(ask, x, labels):
        each = []
        for cell in range(CELLS):

            def alone(z, cell=cell):
                return ask(z.expand(CELLS, -1, -1))[cell][None]

            each.append(opinion.found(make(), alone, x[cell], labels[cell]))
        return attacks.Found(x, torch.stack(each))

    return attack


ATTACKS = {"deepfool": attacks.deepfool, "rough": attacks.rough, "smallest": attacks.smallest}
SECOND = {
    "fast minimum norm": second(lambda: opinion.fast_minimum_norm(0.5)),
    "decoupled": second(opinion.decoupled),
}
MEDIAN = {linear: 1.02, tiny: 1.05}


def test_enumeration_is_that_of_a_dense_search():
    rng = np.random.default_rng(3)
    w1, b1, w2, b2 = rng.normal(size=(4, 2)), rng.normal(size=4), rng.normal(size=(3, 4)), rng.normal(size=3)
    axis = np.linspace(-3, 3, 1201)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    for x in rng.normal(size=(6, 2)) / 2:
        f = np.maximum((x + grid) @ w1.T + b1, 0) @ w2.T + b2
        label = int((np.maximum(x @ w1.T + b1, 0) @ w2.T + b2).argmax())
        wrong = np.linalg.norm(grid[np.delete(f, label, 1).max(1) >= f[:, label]], axis=1)
        found = smallest_relu(w1, b1, w2, b2, x, label)
        if found < 3:
            assert found == pytest.approx(wrong.min(), abs=0.01)
    assert least_distance(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([2.0, -1.0])) == np.inf


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("attack", [*ATTACKS, *SECOND])
@pytest.mark.parametrize("network", [linear, tiny])
def test_no_attack_is_below_the_exact_answer_and_its_median_is_close(network, attack, dtype):
    ask, x, labels, exact = network()
    images = torch.from_numpy(x).to(dtype).expand(CELLS, *x.shape)
    found = (ATTACKS | SECOND)[attack](ask, images, torch.from_numpy(labels))
    ratio = found.distance.double().numpy() / exact
    rounding = 5e-4 if dtype == torch.float32 else 1e-9
    assert ratio.min() > 1 - rounding
    assert np.median(ratio) < MEDIAN[network]
    if attack == "smallest" or (network is linear and attack == "deepfool"):
        assert np.isfinite(ratio).all()
        wrong = ask(found.points).argmax(-1).numpy() != labels
        beside = found.points + 1e-3 * (found.points - images)  # of a tie the label may be named first
        assert (wrong | (ask(beside).argmax(-1).numpy() != labels)).all()
        assert (found.points - images).norm(dim=-1).numpy() == pytest.approx(found.distance.numpy(), rel=1e-3)


def test_repeated_linearisation_of_a_linear_network_ends_at_the_nearest_boundary():
    rng = np.random.default_rng(5)
    w, x = torch.tensor(rng.normal(size=(2, 3, 6))), torch.tensor(rng.normal(size=(2, 7, 6)))
    logits = x @ w.mT
    labels = logits.argmax(-1)
    apart = (w[:, :, None] - w[:, None]).norm(dim=-1)[torch.arange(2)[:, None], labels]  # of the label's from each
    gap = logits.amax(-1, keepdim=True) - logits
    exact = torch.where(apart > 0, gap / apart, torch.inf).amin(-1)
    found = attacks._linearised(lambda z: z @ w.mT, x, labels)
    beyond = x + (1 + 1e-9) * (found - x)  # found may lie on the boundary, up to rounding
    assert ((beyond @ w.mT).argmax(-1) != labels).all()
    ratio = (found - x).norm(dim=-1) / exact
    assert ((ratio > 1 - 1e-9) & (ratio < 1 + 2 * attacks.BEYOND)).all()


def test_smallest_is_nearly_exact_for_most_images():
    ask, x, labels, exact = tiny()
    images = torch.from_numpy(x).expand(CELLS, *x.shape)
    ratio = attacks.smallest(ask, images, torch.from_numpy(labels)).distance.numpy() / exact
    assert (ratio < 1.001).mean() > 0.85


def test_images_that_are_wrong_already_need_nothing():
    ask, x, labels, _ = tiny()
    images, other = torch.from_numpy(x).expand(CELLS, *x.shape), torch.from_numpy((labels + 1) % CLASSES)
    for attack in ATTACKS.values():
        found = attack(ask, images, other)
        assert (found.distance == 0).all()
        assert torch.equal(found.points, images)


def test_where_no_answer_changes_nothing_is_found():
    one = torch.tensor([[[1.0, 0.0, 0.0]]])
    images = torch.randn(1, 5, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(1, 5, dtype=torch.int64)
    for attack in ATTACKS.values():
        found = attack(lambda z: one + 0 * z[..., :3], images, labels)
        assert torch.isinf(found.distance).all()
    won = attacks.contradicted(lambda z: one + 0 * z[..., :3], images, labels, found.distance, 0)
    assert not won.any()


def test_a_second_attack_contradicts_what_is_too_long_and_nothing_exact():
    ask, x, labels, exact = linear()
    images, own = torch.from_numpy(x).expand(CELLS, *x.shape), torch.from_numpy(labels)
    assert not attacks.contradicted(ask, images, own, torch.from_numpy(exact), 0).any()
    assert attacks.contradicted(ask, images, own, torch.from_numpy(1.05 * exact), 0).float().mean() > 0.95


def test_a_crossing_is_on_the_ray_and_where_the_answer_changes(monkeypatch):
    monkeypatch.setattr(attacks, "CUTS", 40)
    ask, x, labels, _ = tiny()
    images, own = torch.from_numpy(x).expand(CELLS, *x.shape), torch.from_numpy(labels)
    far = images.flip(1)
    found = attacks.crossed(ask, images, own, far)
    wrong = ask(far).argmax(-1) != own
    assert torch.equal(torch.isfinite(found.distance), wrong)
    share = (found.distance / (far - images).norm(dim=-1))[..., None]
    assert torch.allclose(found.points[wrong], (images + share * (far - images))[wrong])
    before = images + 0.999 * (found.points - images)
    assert (ask(before).argmax(-1) == own)[wrong].float().mean() > 0.95


@pytest.mark.parametrize("width", [5, 200])
def test_reduced_networks_give_the_same_answers_and_lengths(cell, width):
    stack = networks.stack(replace(cell, width=width), 2)
    for index in range(2):
        stack.put(index, stack.initial(streams.stream_key(index, "weights")), shift=0.3 * index)
    ask, place, back = attacks.reduced(stack)
    x = torch.rand(2, 9, 64, generator=torch.Generator().manual_seed(1))
    z = place(x)
    assert z.shape[-1] == min(width, 64)
    with torch.no_grad():
        assert torch.allclose(ask(z), stack(x), atol=1e-5)
        assert torch.allclose(ask.first(z + 2 * z), ask.first(0 * z) + 3 * (ask.first(z) - ask.first(0 * z)), atol=1e-5)
        labels = stack(x).argmax(-1)
    found = attacks.smallest(ask, z, labels)
    moved = back(x, found.points - z) - x  # the same perturbation of images
    assert torch.allclose(moved.norm(dim=-1), found.distance, rtol=1e-3)
    with torch.no_grad():
        assert (margin(stack(x + 1.001 * moved), labels) <= 1e-6).all()


def test_what_would_be_silently_wrong_is_refused():
    ask, x, labels, _ = tiny()
    images, own = torch.from_numpy(x).expand(CELLS, *x.shape).clone(), torch.from_numpy(labels)

    def without_gradients(z):
        with torch.no_grad():
            return ask(z)

    for attack in (*ATTACKS.values(), lambda *args: attacks.contradicted(*args, torch.ones(own.shape), 0)):
        with pytest.raises(ValueError, match="have no gradients"):
            attack(without_gradients, images, own)
        with pytest.raises((ValueError, TypeCheckError)):
            attack(ask, images, own[:1])
        with pytest.raises(ValueError, match="no finite number"):
            attack(ask, images.masked_fill(images == images[0, 0, 0], torch.nan), own)
    for scale in (0.0, float("inf"), float("nan")):
        with pytest.raises(UserError, match="a typical length above 0"):
            opinion.opinion(ask, images[0], own[0], scale)


def test_jacobian_is_that_of_each_logit_by_itself():
    ask, x, _, _ = tiny()
    images = torch.from_numpy(x).expand(CELLS, *x.shape).clone().requires_grad_()
    logits, slopes = attacks.jacobian(ask, images.detach())
    for label in range(CLASSES):
        values = ask(images)[..., label]
        assert torch.allclose(logits[..., label], values)
        assert torch.allclose(slopes[..., label, :], torch.autograd.grad(values.sum(), images)[0])


def test_networks_of_a_stack_are_attacked_as_each_alone():
    ask, x, labels, _ = tiny()
    images, own = torch.from_numpy(x).expand(CELLS, *x.shape), torch.from_numpy(labels)
    together = attacks.smallest(ask, images, own).distance
    for cell in range(CELLS):

        def alone(z, cell=cell):
            return ask(
                torch.cat([images[:, :1].expand(CELLS, z.shape[1], D)[:cell], z, z.expand(CELLS - cell - 1, -1, -1)])
            )[cell][None]

        found = attacks.smallest(alone, images[cell][None], own[cell][None]).distance
        assert torch.allclose(found[0], together[cell], rtol=1e-6)


@pytest.fixture(scope="module")
def digits():
    """A network that has learned digits, 100 test images that it gets right, and their labels."""
    dataset = data.load(data.source("digits"))
    x, y = torch.from_numpy(dataset.values(dataset.train)), torch.from_numpy(dataset.train.labels)
    net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))
    generator = torch.Generator().manual_seed(0)
    for part in net[::2]:
        part.weight.data = torch.randn(part.weight.shape, generator=generator) / part.in_features**0.5 * 1.4
        part.bias.data.zero_()
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(200):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimiser.step()
    test, labels = torch.from_numpy(dataset.values(dataset.test)), torch.from_numpy(dataset.test.labels)
    right = net(test).argmax(1) == labels
    assert right.float().mean() > 0.9
    return (lambda z: net(z[0])[None]), test[right][:100][None], labels[right][:100][None]


def test_no_second_attack_is_shorter_on_a_trained_network(digits):
    ask, x, labels = digits
    found = attacks.smallest(ask, x, labels).distance
    other = opinion.opinion(ask, x[0], labels[0], float(found.median()))
    assert (other < (1 - attacks.CLOSE) * found[0]).float().mean() <= 0.01
    assert (other / found[0]).median() < 1.01  # the second one is no straw man
    assert attacks.contradicted(ask, x, labels, found, 0).float().mean() <= 0.01
    longer = attacks.deepfool(ask, x, labels).distance
    assert (longer / found).mean() > 1.02


def test_a_second_opinion_without_foolbox_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "foolbox", None)
    with pytest.raises(UserError, match="needs foolbox: pip install"):
        opinion.decoupled()
