"""measures/lipschitz: bounds against exact constants, solvers and enumeration; what is certified is never below."""

import itertools
import math

import cvxpy as cp
import numpy as np
import pytest
import torch
from eclipse_nn.LipConstEstimator import LipConstEstimator
from exact_attacks import steepest_relu
from torch import nn

from almostnothing.errors import UserError
from almostnothing.measures import lipschitz


def stack(cells: int, units: int, d: int, seed: int = 0, bias: float = 0.0) -> tuple[torch.Tensor, ...]:
    rng = np.random.default_rng(seed)
    return tuple(
        torch.tensor(values)
        for values in (
            rng.normal(size=(cells, units, d)) / math.sqrt(d),
            bias * rng.normal(size=(cells, units)),
            rng.normal(size=(cells, units)) / math.sqrt(units),
        )
    )


def network(first, bias, outer, activation=torch.relu):
    return lambda x: (activation(x @ first.mT + bias[:, None]) * outer[:, None]).sum(-1)


def starts(cells: int, points: int, d: int) -> torch.Tensor:
    x = torch.tensor(np.random.default_rng(9).normal(size=(cells, points, d)))
    return x / x.norm(dim=-1, keepdim=True)


def exact(first, bias, outer, norm: float = 2) -> torch.Tensor:
    each = zip(first.numpy(), bias.numpy(), outer.numpy(), strict=True)
    return torch.tensor([steepest_relu(*one, norm) for one in each], dtype=torch.float64)


def test_bounds_enclose_the_exact_constant_of_tiny_networks():
    for seed, bias in ((0, 0.0), (1, 0.5)):
        first, shift, outer = stack(6, 5, 3, seed, bias)
        f, x = network(first, shift, outer), 3 * starts(6, 40, 3)
        smooth = lipschitz.smoother(first, shift, outer, x)
        for norm in (2, math.inf):
            true = exact(first, shift, outer, norm)
            found = lipschitz.steepest(f, x, "space", smoothed=smooth, norm=norm)
            assert (found.slope <= true * (1 + 1e-12)).all()
            assert (found.slope / true).median() > 0.99
            here = lipschitz.length(lipschitz.gradient(f, found.points[:, None]), norm)[:, 0]
            torch.testing.assert_close(here, found.slope)
            assert (lipschitz.pairwise(f(x), x, norm) <= true * (1 + 1e-12)).all()
        true = exact(first, shift, outer)
        two = lipschitz.two_layers(first, outer)
        assert (true <= two.upper).all()
        assert (two.upper / true).median() < 1.03
        assert (true <= lipschitz.layered([first, outer[:, None]])).all()
        true = exact(first, shift, outer, math.inf)
        assert (true <= lipschitz.two_layers(first, outer, norm=math.inf).upper).all()
        assert (true <= lipschitz.two_layers_largest(first, outer)).all()


def test_exact_constants_are_those_of_many_points():
    first, shift, outer = stack(4, 5, 2, 2, 0.4)
    grid = torch.tensor(list(itertools.product(np.linspace(-40, 40, 401), repeat=2))).expand(4, -1, -1)
    seen = lipschitz.gradient(network(first, shift, outer), grid)
    for norm in (2, math.inf):
        true = exact(first, shift, outer, norm)
        most = lipschitz.length(seen, norm).amax(1)
        assert (most <= true * (1 + 1e-12)).all()
        assert (most / true).min() > 0.999


def test_the_corner_is_the_largest_of_all():
    for slopes in ((0.0, 1.0), (0.2, 1.1), (-0.3, 1.0)):
        first, _, outer = stack(5, 8, 6, 3)
        two = lipschitz.two_layers(first, outer, slopes)
        for cell in range(5):
            w, a = first[cell].numpy(), outer[cell].numpy()
            most = max(np.linalg.norm(w.T @ (a * np.array(s))) for s in itertools.product(slopes, repeat=8))
            assert two.corner[cell].item() == pytest.approx(most)
            assert most <= two.upper[cell].item()


def test_in_l_infinity_the_bound_is_over_all_corners_and_below_row_sums():
    for slopes in ((0.0, 1.0), (0.2, 1.1), (-0.3, 1.0)):
        first, _, outer = stack(5, 8, 6, 3)
        two = lipschitz.two_layers(first, outer, slopes, math.inf)
        for cell in range(5):
            w, a = first[cell].numpy(), outer[cell].numpy()
            most = max(np.abs(w.T @ (a * np.array(s))).sum() for s in itertools.product(slopes, repeat=8))
            assert two.corner[cell].item() <= most * (1 + 1e-12)
            assert two.corner[cell].item() >= 0.99 * most
            assert most <= two.upper[cell].item() <= 1.12 * most
            if slopes == (0.0, 1.0):
                model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1)).double()
                model[0].weight.data, model[2].weight.data = first[cell], outer[cell, None]
                assert two.upper[cell].item() < lipschitz.spectral_product(model, math.inf)
    for count in (8, 40):
        first, shift, outer = stack(3, count, 30, 5, 0.3)
        two = lipschitz.two_layers(first, outer, norm=math.inf)
        assert (two.upper < lipschitz.two_layers_largest(first, outer)).all()
        f, x = network(first, shift, outer), starts(3, 20, 30)
        smooth = lipschitz.smoother(first, shift, outer, x)
        found = lipschitz.steepest(f, x, "space", smoothed=smooth, norm=math.inf).slope
        assert (found <= two.upper).all()
    with pytest.raises(ValueError, match="not L1"):
        lipschitz.two_layers(first, outer, norm=1)


def test_the_relaxation_in_l_infinity_is_that_of_a_general_solver():
    first, _, outer = stack(2, 9, 7, 4)
    two = lipschitz.two_layers(first, outer, norm=math.inf)
    for cell in range(2):
        w, a = first[cell].numpy(), outer[cell].numpy()
        sides = np.concatenate([(w.T @ a)[:, None], w.T * a], 1) / 2
        x = cp.Variable((17, 17), PSD=True)
        problem = cp.Problem(cp.Maximize(cp.sum(cp.multiply(sides, x[:7, 7:]))), [cp.diag(x) == 1])
        problem.solve(solver="CLARABEL")
        assert two.upper[cell].item() == pytest.approx(problem.value, rel=1e-4)
        assert two.upper[cell].item() >= problem.value * (1 - 1e-7)


def test_the_relaxation_is_that_of_a_general_solver():
    first, _, outer = stack(2, 15, 12, 4)
    two = lipschitz.two_layers(first, outer)
    for cell in range(2):
        w, a = first[cell].numpy(), outer[cell].numpy()
        sides = np.concatenate([(w.T @ a)[:, None], w.T * a], 1) / 2
        x = cp.Variable((16, 16), PSD=True)
        problem = cp.Problem(cp.Maximize(cp.trace(sides.T @ sides @ x)), [cp.diag(x) == 1])
        problem.solve(solver="CLARABEL")
        assert two.upper[cell].item() == pytest.approx(math.sqrt(problem.value), rel=1e-3)
        assert two.upper[cell].item() >= math.sqrt(problem.value) * (1 - 1e-7)


def test_smooth_networks_lie_within_the_bounds():
    first, shift, outer = stack(6, 10, 5, 5, 0.3)
    f = network(first, shift, outer, torch.tanh)
    found = lipschitz.steepest(f, starts(6, 20, 5), "space", steps=100)
    two = lipschitz.two_layers(first, outer)
    assert (found.slope <= two.upper).all()
    assert (found.slope / two.upper).median() > 0.5


def test_domains_are_kept():
    first, shift, outer = stack(3, 12, 6, 6, 0.2)
    f, x = network(first, shift, outer), starts(3, 10, 6)
    smooth = lipschitz.smoother(first, shift, outer, x)
    ball = lipschitz.steepest(f, 2 * x, "sphere", smoothed=smooth)
    torch.testing.assert_close(ball.points.norm(dim=-1), torch.full((3,), 2.0).double())
    at = ball.points[:, None]
    along = lipschitz.tangential(lipschitz.gradient(f, at), at)
    assert (along * at).sum(-1).abs().max() < 1e-9
    torch.testing.assert_close(along.norm(dim=-1)[:, 0], ball.slope)
    cube = lipschitz.steepest(f, x.abs(), "cube", smoothed=smooth)
    assert cube.points.min() >= 0
    assert cube.points.max() <= 1
    with pytest.raises(ValueError, match="no domain is called 'disc': known are sphere, cube, space"):
        lipschitz.steepest(f, x, "disc")
    with pytest.raises(ValueError, match="not L3"):
        lipschitz.steepest(f, x, "cube", norm=3)


def test_linear_networks_are_known_exactly():
    rng = np.random.default_rng(7)
    w = torch.tensor(rng.normal(size=(4, 1, 9)))
    f = lambda x: (x @ w.mT)[..., 0]  # noqa: E731
    found = lipschitz.steepest(f, starts(4, 3, 9), "space", steps=2).slope
    torch.testing.assert_close(found, w.norm(dim=-1)[:, 0])
    assert (lipschitz.layered([w]) / found - 1).abs().max() < 1e-8
    assert (lipschitz.layered([w]) >= found).all()


def test_the_layer_wise_bound_holds_and_is_below_the_product():
    rng = np.random.default_rng(8)
    for sizes in ((4, 7, 6, 1), (6, 12, 12, 12, 3)):
        weights = [torch.tensor(rng.normal(size=(5, b, a)) / math.sqrt(a)) for a, b in itertools.pairwise(sizes)]
        product = torch.stack([torch.linalg.matrix_norm(weight, 2) for weight in weights]).prod(0)
        fast, best = lipschitz.layered(weights, 0), lipschitz.layered(weights)
        assert (best <= fast).all()
        assert (fast <= product * (1 + 1e-6)).all()
        assert (best / product).median() < 0.7

        def values(x, weights=weights):
            for weight in weights[:-1]:
                x = torch.relu(x @ weight.mT)
            return x @ weights[-1].mT

        x = torch.tensor(rng.normal(size=(5, 4000, sizes[0])))
        y = x + 1e-3 * torch.tensor(rng.normal(size=x.shape))
        slope = (values(x) - values(y)).norm(dim=-1) / (x - y).norm(dim=-1)
        assert (slope.amax(1) <= best).all()


def test_the_first_layer_wise_bound_is_its_authors_fast_one():
    rng = np.random.default_rng(10)
    for sizes in ((5, 8, 1), (6, 9, 7, 2)):
        weights = [torch.tensor(rng.normal(size=(b, a)) / math.sqrt(a)) for a, b in itertools.pairwise(sizes)]
        theirs = float(LipConstEstimator(weights=weights).estimate("ECLipsE_Fast"))
        assert lipschitz.layered([weight[None] for weight in weights], 0).item() == pytest.approx(theirs, rel=1e-6)


def test_layers_that_no_bound_covers_are_refused():
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2))
    by_hand = np.prod([np.linalg.norm(model[i].weight.detach().double().numpy(), 2) for i in (1, 3)])
    assert lipschitz.spectral_product(model) == pytest.approx(by_hand)
    rows = np.prod([np.abs(model[i].weight.detach().double().numpy()).sum(1).max() for i in (1, 3)])
    assert lipschitz.spectral_product(model, math.inf) == pytest.approx(rows)
    with pytest.raises(UserError, match="covers a layer of type Conv2d"):
        lipschitz.spectral_product(nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU()))
    with pytest.raises(ValueError, match="not L1"):
        lipschitz.spectral_product(model, 1)
