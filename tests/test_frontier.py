"""measures/frontier: gradients against autograd, modes on small cases, bounds that enclose, statuses of made cases."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from exact_attacks import smallest_relu

from almostnothing import streams
from almostnothing.measures import frontier, lipschitz, modes
from almostnothing.measures.frontier import ACTIVATIONS, Recipe, Stack, Trained

KEYS = [streams.stream_key(seed, "points anew") for seed in range(3)]
BOTH = pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)


def case(
    cells: int, k: int, n: int, d: int, kind: torch.dtype = torch.float64
) -> tuple[Stack, torch.Tensor, torch.Tensor]:
    keys = [streams.stream_key(seed, "test of the frontier", k) for seed in range(cells)]
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(cells, n, d))).to(kind)
    y = torch.tensor(rng.choice([-1.0, 1.0], (cells, n))).to(kind)
    stack = Stack(*(part.to(kind) for part in frontier.drawn(keys, k, d)))
    stack = stack._replace(bias=torch.tensor(rng.normal(size=(cells, k))).to(kind) / 3)
    return stack, x / x.norm(dim=-1, keepdim=True), y


def by_autograd(of, stack: Stack) -> list[torch.Tensor]:
    parts = [part.clone().requires_grad_() for part in stack]
    return list(torch.autograd.grad(of(Stack(*parts)).sum(), parts, allow_unused=True, materialize_grads=True))


def along(stack: Stack, z: torch.Tensor, activation) -> torch.Tensor:
    g = lipschitz.gradient(lambda at: frontier.outputs(stack, at, activation), z)
    return lipschitz.tangential(g, z)


def along_with_graph(stack: Stack, z: torch.Tensor, activation) -> torch.Tensor:
    """∇f along the sphere by hand, so that autograd may go on from there."""
    g = (activation.slope(frontier.inputs(stack, z)) * stack.outer[:, None]) @ stack.first
    return lipschitz.tangential(g, z)


@BOTH
def test_the_error_and_its_gradient_are_autograds(activation):
    stack, x, y = case(3, 6, 11, 5)
    mse, gradient = frontier.error(stack, x, y, activation)
    torch.testing.assert_close(mse, (frontier.outputs(stack, x, activation) - y).square().mean(1))
    wanted = by_autograd(lambda own: (frontier.outputs(own, x, activation) - y).square().mean(1), stack)
    for one, other in zip(gradient, wanted, strict=True):
        torch.testing.assert_close(one, other)


@BOTH
def test_the_penalty_is_the_smooth_largest_gradient_and_its_gradient_autograds(activation):
    stack, x, _ = case(3, 6, 11, 5)

    def direct(own: Stack) -> torch.Tensor:
        g = (activation.slope(frontier.inputs(own, x)) * own.outer[:, None]) @ own.first
        squares = lipschitz.tangential(g, x).square().sum(-1)
        return (squares**frontier.POWER).mean(1) ** (1 / frontier.POWER)

    found, gradient = frontier.penalty(stack, x, activation)
    torch.testing.assert_close(found, direct(stack))
    most = along(stack, x, activation).square().sum(-1).amax(1)
    assert (found <= most).all()
    assert (found >= most * x.shape[1] ** (-1 / frontier.POWER)).all()
    for one, other in zip(gradient, by_autograd(direct, stack), strict=True):
        torch.testing.assert_close(one, other)


@BOTH
def test_the_mean_squared_gradient_and_its_gradient_are_autograds(activation):
    stack, x, _ = case(3, 6, 11, 5)
    soft = frontier.softened(activation)
    assert (soft is activation) == activation.smooth

    def direct(own: Stack) -> torch.Tensor:
        return along_with_graph(own, x, soft).square().sum(-1).mean(1)

    found, gradient = frontier.penalty(stack, x, soft, 1)
    torch.testing.assert_close(found, along(stack, x, soft).square().sum(-1).mean(1))
    for one, other in zip(gradient, by_autograd(direct, stack), strict=True):
        torch.testing.assert_close(one, other)
    if not activation.smooth:  # ever less soft, it is the mean of the network itself
        sharp = frontier.penalty(stack, x, frontier.softened(replace(activation, width=1e-9)), 1)[0]
        torch.testing.assert_close(sharp, frontier.penalty(stack, x, activation, 1)[0])


def test_fresh_points_are_uniform_on_the_sphere_and_new_at_each_step():
    keys = [streams.stream_key(seed, "test of fresh points") for seed in range(2)]
    z = frontier.uniform(keys, 4001, 3)
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(2, 4001))
    assert z.mean(1).abs().max() < 4 / math.sqrt(3 * 4001)
    second = torch.einsum("cpi,cpj->cij", z, z) / 4001
    assert (second - torch.eye(3) / 3).abs().max() < 0.02
    heights = np.sort(z[..., 0].flatten().numpy())  # Archimedes: uniform on [-1, 1]
    assert np.abs(heights - np.linspace(-1, 1, len(heights))).max() < 2 * 1.63 / math.sqrt(len(heights))
    assert (z[0] - z[1]).abs().amax(-1).min() > 0
    again, later = frontier.uniform(keys[1:], 4001, 3), frontier.uniform(keys[1:], 4001, 3, 1)
    assert torch.equal(again[0], z[1])
    assert not torch.isclose(later[0], z[1]).all(-1).any()


@BOTH
def test_stability_is_the_distance_to_the_boundary_and_lies_above_what_is_certified(activation):
    stack, x, y = case(3, 4, 25, 3)
    upper = lipschitz.two_layers(stack.first, stack.outer, activation.slopes).upper
    found = frontier.stability(stack, x, y, activation, upper)
    assert (found.least <= found.found).all()
    assert (found.least > 0).all()
    if not activation.smooth:
        for cell in range(3):
            w1, b1, a = (part[cell].numpy() for part in stack)
            w2 = np.stack([a, 0 * a])
            each = [
                smallest_relu(w1, b1, w2, np.zeros(2), at, int(label < 0))
                if label * (a @ np.maximum(w1 @ at + b1, 0)) > 0
                else 0.0
                for at, label in zip(x[cell].numpy(), y[cell].tolist(), strict=True)
            ]
            if np.isfinite(each).all():
                assert np.mean(each) * (1 - 1e-6) <= found.found[cell].item() <= np.mean(each) * 1.05


@BOTH
def test_points_climb_along_the_slope_of_the_softened_gradient(activation):
    stack, x, _ = case(2, 6, 7, 5)

    def soft(z: torch.Tensor) -> torch.Tensor:
        on = torch.sigmoid(frontier.inputs(stack, z) / activation.width)
        g = (on * stack.outer[:, None]) @ stack.first
        g = g - (g * z).sum(-1, keepdim=True) * z / z.square().sum(-1, keepdim=True)
        return g.square().sum(-1)

    z = x.clone().requires_grad_()
    up = lipschitz.tangential(torch.autograd.grad(soft(z).sum(), z)[0], x)
    wanted = x + frontier.REACH * up / up.norm(dim=-1, keepdim=True)
    found = frontier.climbed(stack, x, activation)
    torch.testing.assert_close(found, wanted / wanted.norm(dim=-1, keepdim=True))


@BOTH
def test_moved_points_have_more_error_and_stay_on_the_sphere(activation):
    stack, x, y = case(2, 6, 30, 5)
    far = frontier.moved(stack, x, y, activation, 0.05)
    torch.testing.assert_close(far.norm(dim=-1), torch.ones(2, 30).double())
    assert (far - x).norm(dim=-1).max() <= 0.05
    off, before = ((frontier.outputs(stack, at, activation) - y).abs() for at in (far, x))
    assert (off > before - 1e-12).double().mean() > 0.95


def test_a_network_does_not_depend_on_its_neighbours():
    stack, x, y = case(3, 6, 12, 5)
    for mode in modes.MODES:
        how = Recipe(mode, 0.3, 0.05, 0.02, 60, 8)
        other_points = (lambda _: 0.9 * x, lambda _: 0.9 * x[1:2]) if mode == modes.CORRUPTED else (None, None)
        many = frontier.trained(stack, x, y, ACTIVATIONS["relu"], how, KEYS, other_points[0])
        own = Stack(*(part[1:2] for part in stack))
        alone = frontier.trained(own, x[1:2], y[1:2], ACTIVATIONS["relu"], how, KEYS[1:2], other_points[1])
        for one, other in zip(alone.stack, many.stack, strict=True):
            torch.testing.assert_close(one[0], other[1], rtol=1e-7, atol=1e-9)


def test_the_target_is_held_and_the_penalty_lowers_the_certified_bound():
    stack, x, y = case(3, 16, 40, 20, torch.float32)
    fresh = frontier.uniform(KEYS, 500, 20, 10**6)
    weights = {modes.PLAIN: 0.0, modes.DECAY: 0.01, modes.SOBOLEV: 0.1, modes.PENALISED: 0.1}
    for activation in ACTIVATIONS.values():
        found, steep, mean = {}, {}, {}
        for mode, weight in weights.items():
            found[mode] = frontier.trained(stack, x, y, activation, Recipe(mode, 0.4, weight, 0.02, 600, 24), KEYS)
            steep[mode] = frontier.steepness(found[mode], x, activation)
            assert frontier.statuses(found[mode], x, 0.4) == ["learned"] * 3
            assert (steep[mode].lower <= steep[mode].upper).all()
            assert (steep[mode].lower_inf <= steep[mode].upper_inf).all()
            mean[mode] = frontier.average(found[mode].stack, fresh, activation)
            torch.testing.assert_close(
                mean[mode], along(found[mode].stack, fresh, activation).square().sum(-1).mean(1).sqrt()
            )
            assert (mean[mode] <= steep[mode].upper).all()
        for mode in (modes.DECAY, modes.SOBOLEV, modes.PENALISED):
            assert found[mode].mse.min() > 0.9 * 0.4
            assert (steep[mode].upper < steep[modes.PLAIN].lower).all()
        assert (steep[modes.DECAY].path < steep[modes.PLAIN].path).all()
        assert (steep[modes.PENALISED].upper < steep[modes.DECAY].lower).all()
        assert (mean[modes.SOBOLEV] < mean[modes.PENALISED]).all()
        assert (steep[modes.PENALISED].lower < steep[modes.SOBOLEV].lower).all()


def test_who_stops_at_the_target_stays_there():
    stack, x, y = case(2, 16, 30, 10, torch.float32)
    for mode, weight in ((modes.PLAIN, 0.0), (modes.ADVERSARIAL, 0.05)):
        found = frontier.trained(stack, x, y, ACTIVATIONS["relu"], Recipe(mode, 0.4, weight, 0.01, 1000))
        assert (found.mse <= 0.4).all()
        assert (found.mse > 0.3).all()
    recipe = Recipe(modes.CORRUPTED, 0.4, 0.0, 0.01, 1000)
    found, asked = frontier.trained(stack, x, y, ACTIVATIONS["relu"], recipe, seen=lambda _: x), list[int]()
    plain = frontier.trained(stack, x, y, ACTIVATIONS["relu"], recipe._replace(mode=modes.PLAIN))
    assert torch.equal(found.stack.first, plain.stack.first)  # points that are not corrupted

    def shrinking(step: int) -> torch.Tensor:
        asked.append(step)
        return x / (1 + step)

    other = frontier.trained(stack, x, y, ACTIVATIONS["relu"], recipe._replace(steps=5), seen=shrinking)
    assert asked == list(range(5))
    assert not torch.equal(other.stack.first, found.stack.first)
    for mode, seen in ((modes.CORRUPTED, None), (modes.PLAIN, shrinking)):
        with pytest.raises(ValueError, match="corrupted points go with mode corrupted"):
            frontier.trained(stack, x, y, ACTIVATIONS["relu"], recipe._replace(mode=mode), seen=seen)
    with pytest.raises(ValueError, match="no mode is called 'lazy'"):
        frontier.trained(stack, x, y, ACTIVATIONS["relu"], Recipe("lazy", 0.4, 0.0, 0.01, 10))
    with pytest.raises(ValueError, match="each of 2 networks, and has 1 keys"):
        frontier.trained(stack, x, y, ACTIVATIONS["relu"], Recipe(modes.SOBOLEV, 0.4, 0.1, 0.01, 10), KEYS[:1])


def test_path_norms_and_starts_are_what_they_are_said_to_be():
    stack, x, _ = case(2, 300, 4, 40)
    path = frontier.steepness(Trained(stack, x[:, 0, 0], x), x, ACTIVATIONS["relu"]).path
    each = [(stack.first[cell].numpy(), stack.outer[cell].numpy()) for cell in range(2)]
    by_hand = [sum(abs(a) * np.linalg.norm(w) for w, a in zip(*one, strict=True)) for one in each]
    assert path.tolist() == pytest.approx(by_hand)
    assert stack.first.std().item() == pytest.approx(1, abs=0.03)
    assert stack.outer.std().item() * math.sqrt(300) == pytest.approx(1, abs=0.1)


def test_joined_networks_are_measured_as_alone():
    stack, x, y = case(3, 6, 60, 5)
    each = [
        frontier.trained(stack, x, y, ACTIVATIONS["relu"], Recipe(mode, 0.3, 0.05, 0.02, 40, 30))
        for mode in (modes.PLAIN, modes.PENALISED)
    ]
    assert [one.starts.shape for one in each] == [(3, 48, 5)] * 2
    torch.testing.assert_close(each[0].starts, x[:, :48])
    torch.testing.assert_close(each[1].starts[:, 24:], x[:, :24])
    both = frontier.steepness(frontier.joined(each), x.repeat(2, 1, 1), ACTIVATIONS["relu"])
    alone = frontier.steepness(each[1], x, ACTIVATIONS["relu"])
    for one, other in zip(alone, both, strict=True):
        torch.testing.assert_close(one, other[3:], rtol=1e-5, atol=0)


def test_statuses_of_made_cases():
    x = torch.eye(4)[None].repeat(5, 1, 1)
    first, bias, outer = torch.eye(4)[None].repeat(5, 1, 1), torch.zeros(5, 4), torch.ones(5, 4)
    bias[1] = -2.0  # no unit is positive
    outer[2, 0] = math.nan
    mse = torch.tensor([0.4, 0.4, 0.4, 0.41, 0.407])
    found = Trained(Stack(first, bias, outer), mse, x[:, :0])
    assert frontier.statuses(found, x, 0.4) == ["learned", "dead", "diverged", "unfinished", "learned"]


def test_bounds_that_cross_are_no_result():
    with pytest.raises(AssertionError, match="a slope of networks of 7 units exceeds"):
        frontier.enclosed("a slope", torch.tensor([1.0, 2.1]), torch.tensor([1.5, 2.0]), 7)
    frontier.enclosed("a slope", torch.tensor([1.0, math.nan]), torch.tensor([1.5, 2.0]), 7)
