"""measures/descent: stacks of small networks, each on points of its own."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats as reference

from almostnothing import health, streams
from almostnothing.measures import descent


def keys(count: int) -> list[np.ndarray]:
    return [streams.stream_key(seed, "test of descent") for seed in range(count)]


def trained(x, wanted, loss, relu, sizes, scale=1.0, rate=0.01, steps=100, weights=None):
    weights = weights or descent.drawn(keys(len(x)), sizes, scale, x.dtype)
    *_, last = descent.trained(weights, x, wanted, loss, relu, rate, steps, ())
    return last


def test_weights_start_as_torchs_own():
    made = descent.drawn(keys(20), (30, 40, 5), 0.1, torch.float64)
    assert [tuple(weight.shape) for weight in made] == [(20, 30, 40), (20, 40, 5)]
    for weight, count in zip(made, (30, 40), strict=True):
        law = reference.uniform(-0.1 / math.sqrt(count), 0.2 / math.sqrt(count))
        assert reference.kstest(weight.flatten().numpy(), law.cdf).pvalue > 1e-3
    alone = descent.drawn(keys(3)[2:], (30, 40, 5), 0.1, torch.float64)
    assert torch.equal(alone[0][0], made[0][2])
    assert torch.equal(alone[1][0], made[1][2])


def test_a_network_does_not_depend_on_its_neighbours():
    x = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = torch.eye(5, dtype=x.dtype).expand(3, 5, 5)
    for relu, loss in itertools.product((False, True), (descent.MSE, descent.CE)):
        many = trained(x, wanted, loss, relu, (8, 16, 5))
        start = [weight[1:2] for weight in descent.drawn(keys(3), (8, 16, 5), 1.0, x.dtype)]
        alone = trained(x[1:2], wanted[1:2], loss, relu, (8, 16, 5), weights=start)
        for one, other in zip(alone.weights, many.weights, strict=True):
            torch.testing.assert_close(one[0], other[1], rtol=1e-9, atol=1e-12)


def test_squared_error_on_as_many_points_as_dimensions_ends_at_the_inverse():
    x = torch.randn(2, 5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 3 * torch.eye(5)
    wanted = torch.eye(5, dtype=x.dtype).expand(2, 5, 5)
    for scale in (0.1, 1.0):
        found = trained(x, wanted, descent.MSE, False, (5, 8, 5), scale=scale, steps=1000)
        torch.testing.assert_close(descent.product(found.weights), torch.linalg.inv(x), rtol=1e-4, atol=1e-5)


def test_losses_are_torchs():
    made = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    labels = torch.tensor([0, 2, 1, 1, 0])
    wanted = torch.nn.functional.one_hot(labels, 3).to(made).expand(2, 5, 3)
    for found, of in zip(descent.losses(made, wanted, descent.CE), made, strict=True):
        assert found == pytest.approx(torch.nn.functional.cross_entropy(of, labels).item())
    for found, of in zip(descent.losses(made, wanted, descent.MSE), made, strict=True):
        assert found == pytest.approx(3 * torch.nn.functional.mse_loss(of, wanted[0]).item())


def test_networks_are_looked_at_when_asked_and_at_the_end():
    x = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(3))
    weights = descent.drawn(keys(1), (4, 6, 3), 1.0, x.dtype)
    seen = list(descent.trained(weights, x, torch.eye(3)[None], descent.CE, True, 0.01, 20, {0, 7}))
    assert [each.step for each in seen] == [0, 7, 20]
    assert torch.equal(seen[0].weights[0], weights[0])
    assert seen[0].loss > seen[1].loss > seen[2].loss
    made = descent.outputs(seen[1].weights, x, True)
    by_hand = torch.relu(x @ seen[1].weights[0]) @ seen[1].weights[1]
    torch.testing.assert_close(made, by_hand)


def test_steps_are_those_of_torchs_own_adam():
    x = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    weights, wanted = descent.drawn(keys(2), (4, 6, 3), 1.0, x.dtype), torch.eye(3, dtype=x.dtype).expand(2, 3, 3)
    found = trained(x, wanted, descent.CE, True, (4, 6, 3), steps=30)
    own = [weight.requires_grad_() for weight in weights]
    optimiser = torch.optim.Adam(own, lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 30)
    for _ in range(30):
        optimiser.zero_grad()
        descent.losses(descent.outputs(own, x, True), wanted, descent.CE).sum().backward()
        optimiser.step()
        schedule.step()
    for one, other in zip(found.weights, own, strict=True):
        torch.testing.assert_close(one, other.detach())


def test_health_tells_made_cases_apart():
    x = torch.eye(4)[None].repeat(4, 1, 1)
    first, last = torch.eye(4)[None].repeat(4, 1, 1), torch.eye(4)[None].repeat(4, 1, 1)
    first[1] = -1.0  # no unit responds
    last[2, :, 1:] = 0.0  # three of four points are not fitted: there all outputs are 0
    last[2, 1:, 0] = 1.0
    last[3, 0, 0] = math.nan
    told = descent.health([first, last], x, torch.arange(4).expand(4, 4), True)
    assert [health.status(each, fixed=True) for each in told] == ["learned", "dead", "unfinished", "diverged"]
    assert told[2]["fitted"] == 0.25
