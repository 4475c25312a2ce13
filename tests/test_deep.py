"""measures/deep: against `frontier` at one hidden layer, autograd and dense grids at more, statuses of made cases."""

from functools import partial

import numpy as np
import pytest
import torch

from almostnothing import streams
from almostnothing.measures import deep, frontier, lipschitz
from almostnothing.measures.frontier import Recipe
from almostnothing.measures.modes import PENALISED, PLAIN

RELU = frontier.ACTIVATIONS["relu"]


def case(cells: int, depth: int, width: int, n: int, d: int) -> tuple[deep.Layers, torch.Tensor, torch.Tensor]:
    keys = [streams.stream_key(seed, "test of several layers", depth, width) for seed in range(cells)]
    rng = np.random.default_rng(depth)
    layers = [layer.double() for layer in deep.drawn(keys, depth, width, d, 1.0)]
    for layer in layers[:-1]:
        layer[..., -1] = torch.tensor(rng.normal(size=layer.shape[:2])) / 3
    x = torch.tensor(rng.normal(size=(cells, n, d)))
    return layers, x / x.norm(dim=-1, keepdim=True), torch.tensor(rng.choice([-1.0, 1.0], (cells, n)))


def test_sizes_are_those_of_the_layers_and_the_widest_that_fit():
    layers, _, _ = case(1, 3, 7, 2, 5)
    assert deep.parameters(3, 7, 5) == sum(layer.numel() for layer in layers)
    assert deep.parameters(1, 7, 5) == 7 * (5 + 2)
    for depth in (1, 2, 5):
        width = deep.width_of(depth, 1000, 12)
        assert deep.parameters(depth, width, 12) <= 1000 < deep.parameters(depth, width + 1, 12)
    assert deep.width_of(3, deep.parameters(3, 1, 12), 12) == 1  # what one unit each just fits
    with pytest.raises(ValueError, match="have more than 10 parameters"):
        deep.width_of(4, 10, 12)


def test_starts_vary_as_said():
    keys = [streams.stream_key(seed, "start") for seed in range(3)]
    first, second, last = deep.drawn(keys, 2, 200, 50, 0.3)
    for layer, spread in ((first[..., :-1], 0.3), (second[..., :-1], 0.1), (last, 200**-0.5)):
        assert float(layer.std()) == pytest.approx(spread, rel=0.05)
    assert (first[..., -1] == 0).all()
    assert (second[..., -1] == 0).all()


def test_one_hidden_layer_is_the_two_layer_network():
    layers, x, y = case(3, 1, 6, 11, 5)
    stack = frontier.Stack(layers[0][..., :-1], layers[0][..., -1], layers[1][:, 0])
    torch.testing.assert_close(deep.outputs(layers, x), frontier.outputs(stack, x, RELU))
    torch.testing.assert_close(deep.climbed(layers, x), frontier.climbed(stack, x, RELU))
    own = [layer.requires_grad_() for layer in layers]
    value, gradient = frontier.penalty(stack, x, RELU)
    found = deep.penalty(own, x)
    torch.testing.assert_close(found, value)
    by_layer = torch.autograd.grad(found.sum(), own, materialize_grads=True)
    torch.testing.assert_close(by_layer[0][..., :-1], gradient.first)
    torch.testing.assert_close(by_layer[0][..., -1], gradient.bias)
    torch.testing.assert_close(by_layer[1][:, 0], gradient.outer)
    how = Recipe(PENALISED, 0.4, 0.1, 0.03, 25, 8)
    one = frontier.trained(frontier.Stack(*(part.detach() for part in stack)), x, y, RELU, how)
    other = deep.trained([layer.detach() for layer in layers], x, y, how)
    torch.testing.assert_close(other.mse, one.mse)
    torch.testing.assert_close(other.layers[1][:, 0], one.stack.outer)


def test_the_penalty_is_close_below_the_steepest_of_its_points():
    layers, x, _ = case(2, 3, 6, 40, 5)
    g = lipschitz.tangential(lipschitz.gradient(partial(deep.outputs, layers), x), x)
    most = g.square().sum(-1).amax(1)
    found = deep.penalty(layers, x)
    assert (found <= most).all()
    assert (found >= most * 40 ** (-1 / frontier.POWER)).all()


def test_points_climb_to_where_the_gradient_is_longer():
    layers, x, _ = case(2, 3, 30, 200, 8)
    there = deep.climbed(layers, x)
    torch.testing.assert_close(there.norm(dim=-1), torch.ones(2, 200).double())

    def mean(z: torch.Tensor) -> torch.Tensor:
        g = lipschitz.gradient(partial(deep.outputs, layers), z)
        return lipschitz.tangential(g, z).square().sum(-1).mean(1)

    assert (mean(there) > 1.2 * mean(x)).all()


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_bounds_enclose_the_longest_gradient_of_a_fine_circle(depth):
    layers, x, _ = case(3, depth, 5, 40, 2)
    angle = torch.linspace(0, 2 * torch.pi, 20001).double()
    circle = torch.stack([angle.cos(), angle.sin()], -1).expand(3, -1, -1)
    g = lipschitz.tangential(lipschitz.gradient(partial(deep.outputs, layers), circle), circle)
    exact = g.norm(dim=-1).amax(1)
    steep = deep.bounds(deep.Trained(layers, x[:, 0, 0], x), x)
    assert (steep.lower <= exact * (1 + 1e-4)).all()
    assert (steep.lower >= 0.97 * exact).all()
    assert (steep.upper >= exact).all()


@pytest.mark.parametrize("mode", [PLAIN, PENALISED])
def test_training_reaches_the_error_and_neighbours_do_not_matter(mode):
    layers, x, y = case(3, 2, 12, 20, 6)
    how = Recipe(mode, 0.3, 0.05, 0.03, 150, 10)
    found = deep.trained(layers, x, y, how)
    assert (found.mse <= 1.02 * 0.3).all()
    assert deep.statuses(found, x, 0.3) == ["learned"] * 3
    few = how._replace(steps=20)
    alone = deep.trained([layer[1:2] for layer in layers], x[1:2], y[1:2], few)
    torch.testing.assert_close(alone.mse, deep.trained(layers, x, y, few).mse[1:2])
    if mode == PENALISED:
        plain = deep.trained(layers, x, y, how._replace(mode=PLAIN))
        assert (deep.bounds(found, x).lower < deep.bounds(plain, x).lower).all()
    with pytest.raises(ValueError, match="are plain or penalised, not decay"):
        deep.trained(layers, x, y, how._replace(mode="decay"))


def test_statuses_of_made_cases():
    layers, x, y = case(4, 2, 12, 20, 6)
    mse = (deep.outputs(layers, x) - y).square().mean(1)
    layers[1][1, :, -1] = -100  # no unit of the second layer is ever positive
    layers[0][2, 0, 0] = float("nan")
    target = float(mse[0])
    found = deep.Trained(layers, torch.tensor([target, target, target, 1.03 * target]), x)
    assert deep.statuses(found, x, target) == ["learned", "dead", "diverged", "unfinished"]
    steep = deep.bounds(found, x)
    assert steep.lower.isnan().tolist() == steep.upper.isnan().tolist() == [False, False, True, False]
    assert steep.lower[1] == 0


def test_a_constant_network_has_no_penalty_and_trains_on():
    layers, x, y = case(2, 2, 12, 20, 6)
    layers[1][1, :, -1] = -100
    found = deep.trained(layers, x, y, Recipe(PENALISED, 0.3, 0.05, 0.03, 5, 10))
    assert found.mse.isfinite().all()
