from dataclasses import replace

import numpy as np
import pytest
import torch

from almostnothing import optimisers


def ours(cell, start: torch.Tensor, gradients: list[torch.Tensor], rates: list[float]) -> torch.Tensor:
    """Two cells of different rates under the same gradients."""
    update, count = optimisers.optimiser(cell)
    parts = [torch.stack([start, start])]
    moments = [torch.zeros_like(parts[0]) for _ in range(count)]
    tables = [optimisers.rates(replace(cell, learning_rate=rate), 0, len(gradients)) for rate in rates]
    for t, gradient in enumerate(gradients):
        rate, root = (torch.tensor([table[i][t] for table in tables], dtype=torch.float32) for i in (0, 1))
        update(parts, [torch.stack([gradient, gradient])], moments, rate, root)
    return parts[0]


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_steps_are_those_of_torch(cell, optimiser, schedule):
    torch.manual_seed(0)
    start, gradients = torch.randn(3, 4), [torch.randn(3, 4) for _ in range(20)]
    shape = replace(cell, optimiser=optimiser, schedule=schedule, steps=20, momentum=0.9 * (optimiser == "sgd"))
    rates = [1e-2, 3e-1]
    found = ours(shape, start, gradients, rates)
    for e, rate in enumerate(rates):
        weight = start.clone().requires_grad_()
        theirs: torch.optim.Optimizer
        if optimiser == "adam":
            theirs = torch.optim.Adam([weight], lr=rate)
        else:
            theirs = torch.optim.SGD([weight], lr=rate, momentum=0.9)
        factor = {
            "constant": lambda t: 1.0,
            "linear": lambda t: 1 - t / 20,
            "cosine": lambda t: (1 + np.cos(np.pi * t / 20)) / 2,
        }[schedule]
        scheduler = torch.optim.lr_scheduler.LambdaLR(theirs, factor)
        for gradient in gradients:
            weight.grad = gradient.clone()
            theirs.step()
            scheduler.step()
        assert torch.allclose(found[e], weight.detach(), rtol=1e-5, atol=1e-6)


def test_a_finished_cell_stays_where_it_is(cell):
    start, gradients = torch.randn(3, 4), [torch.randn(3, 4) for _ in range(9)]
    shape = replace(cell, steps=5, learning_rate=0.1)
    assert (optimisers.rates(shape, 0, 9)[0] > 0).tolist() == [True] * 5 + [False] * 4
    assert torch.equal(ours(shape, start, gradients, [0.1, 0.2]), ours(shape, start, gradients[:5], [0.1, 0.2]))


def test_rates_do_not_depend_on_where_a_block_begins(cell):
    whole = optimisers.rates(replace(cell, schedule="cosine"), 0, 30)
    part = optimisers.rates(replace(cell, schedule="cosine"), 10, 20)
    assert np.array_equal(whole[0][10:], part[0])
    assert np.array_equal(whole[1][10:], part[1])
