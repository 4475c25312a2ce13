"""Small networks without biases, each trained on points of its own, all in one stack: every step sees all points.

For points that are too few and too many kinds for `training`, where networks of a stack share their images: here each
has its own. A network of layers W_1 … W_L, all of (in, out), is f(x) = σ(… σ(x W_1) …) W_L, σ the identity or ReLU.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import optimisers, streams

MSE, CE = "mse", "ce"
Weights = list[Float[Tensor, "cell _ _"]]


class Seen(NamedTuple):
    """Networks after some steps, and the loss of each: summed over outputs, in the mean over points."""

    step: int
    weights: Weights
    loss: Float[Tensor, " cell"]


def drawn(keys: Sequence[np.ndarray], sizes: Sequence[int], scale: float, dtype: torch.dtype) -> Weights:
    """Weights of one network for each key: `scale` times torch's own start of `nn.Linear`, U(−1, 1)/√in."""
    counts = [a * b for a, b in itertools.pairwise(sizes)]
    values = np.stack([2 * streams.uniforms(key, sum(counts)) - 1 for key in keys])
    parts = torch.from_numpy(values).to(dtype).split(counts, dim=1)
    shapes = zip(parts, sizes[:-1], sizes[1:], strict=True)
    return [part.reshape(-1, a, b) * (scale / math.sqrt(a)) for part, a, b in shapes]


def hidden(weights: Weights, x: Float[Tensor, "cell point pixel"], relu: bool) -> list[Float[Tensor, "cell point _"]]:
    """What each hidden layer makes of the points."""
    made = []
    for weight in weights[:-1]:
        x = x @ weight
        x = torch.relu(x) if relu else x
        made.append(x)
    return made


def outputs(weights: Weights, x: Float[Tensor, "cell point pixel"], relu: bool) -> Float[Tensor, "cell point label"]:
    """f(x); of a linear network by the product of its layers."""
    return (hidden(weights, x, relu)[-1] @ weights[-1]) if relu else x @ product(weights)


def product(weights: Weights) -> Float[Tensor, "cell pixel label"]:
    """W_1 … W_L, what a linear network is."""
    made = weights[0]
    for weight in weights[1:]:
        made = made @ weight
    return made


def losses(
    made: Float[Tensor, "cell point label"], wanted: Float[Tensor, "cell point label"], loss: str
) -> Float[Tensor, " cell"]:
    """Of each network, in the mean over points: the squared error summed over outputs, or the cross-entropy."""
    if loss == MSE:
        return (made - wanted).square().sum(-1).mean(-1)
    return -(wanted * made.log_softmax(-1)).sum(-1).mean(-1)


def trained(
    weights: Weights,
    x: Float[Tensor, "cell point pixel"],
    wanted: Float[Tensor, "cell point label"],
    loss: Literal["mse", "ce"],
    relu: bool,
    rate: float,
    steps: int,
    at: Collection[int],
) -> Iterator[Seen]:
    """The networks after each number of steps in `at`, and at the end, by Adam with its rate falling as a cosine to 0.

    No network's step depends on the others of its stack: the sum of losses has each one's own gradient.
    """
    own = [weight.clone().requires_grad_() for weight in weights]
    moments = [torch.zeros_like(weight) for weight in [*weights, *weights]]
    for step in range(steps + 1):
        each = losses(outputs(own, x, relu), wanted, loss)
        if step in at or step == steps:
            yield Seen(step, [weight.detach().clone() for weight in own], each.detach())
        if step < steps:
            size = rate * (1 + math.cos(math.pi * step / steps)) / 2 / (1 - optimisers.BETA1 ** (step + 1))
            root = 1 / math.sqrt(1 - optimisers.BETA2 ** (step + 1))
            gradients = torch.autograd.grad(each.sum(), own)
            with torch.no_grad():
                optimisers.adam(
                    own, gradients, moments, each.new_full(each.shape, size), each.new_full(each.shape, root)
                )


@torch.no_grad()
def health(
    weights: Weights, x: Float[Tensor, "cell point pixel"], labels: Int[Tensor, "cell point"], relu: bool
) -> list[dict[str, Any]]:
    """What `health.status` asks of each network; the nearest class mean is left out, as classes may have one point."""
    made, chance = outputs(weights, x, relu), 1 / weights[-1].shape[-1]
    fitted = (made.argmax(-1) == labels).double().mean(1)
    active = torch.ones(len(x), dtype=torch.float64)
    if relu:
        spread = [(values.amax(1) - values.amin(1) > 0).double().mean(1) for values in hidden(weights, x, relu)]
        active = torch.stack(spread).amin(0).cpu()
    finite = torch.stack([torch.isfinite(weight).flatten(1).all(1) for weight in weights]).all(0)
    common = {"reference": chance, "chance": chance, "shown": x.shape[1], "falling": 0.0}
    return [
        common | {"finite": bool(f), "fitted": float(a), "active": float(u)}
        for f, a, u in zip(finite, fitted, active, strict=True)
    ]
