"""How flat networks of several layers can be that fit noise: `frontier` at any depth, by autograd (seed 004).

A network of D hidden layers of ReLU, f(x) = aᵀσ(W_D … σ(W_1 x + b_1) … + b_D), has points and labels ±1 of its own and
a stack for company. As in `frontier` training minimises HELD · max(MSE, target) + weight · penalty by Adam with a rate
that falls as a cosine to 0, the penalty the smooth largest squared gradient along the unit sphere over points that
climb to where it is longest; without a weight it stops once the error is met (plain training).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from almostnothing import health, streams
from almostnothing.measures import frontier, lipschitz, modes
from almostnothing.optimisers import BETA1, BETA2, adam

Layers = list[Float[Tensor, "cell _ _"]]  # (cell, out, in + 1), biases last, and the readout, (cell, 1, in)
Points = Float[Tensor, "cell point d"]


def parameters(depth: int, width: int, d: int) -> int:
    """Weights and biases of `depth` hidden layers of `width` units, and the readout's weights."""
    return width * (d + 1) + (depth - 1) * width * (width + 1) + width


def width_of(depth: int, most: int, d: int) -> int:
    """The largest width at which such a network has at most so many parameters.

    Raises `ValueError` where it has none.
    """
    if parameters(depth, 1, d) > most:
        raise ValueError(f"{depth} hidden layers of one unit each have more than {most} parameters")
    width = 1
    while parameters(depth, width + 1, d) <= most:
        width += 1
    return width


def drawn(keys: Sequence[np.ndarray], depth: int, width: int, d: int, scale: float) -> Layers:
    """One network for each key: W_1 ~ N(0, scale²), so that units vary by `scale` on the sphere, b = 0, a ~ N(0, 1/w).

    Between hidden layers W ~ N(0, 2/w) (He et al. 2015).
    """
    shapes = [(width, d)] + [(width, width)] * (depth - 1) + [(1, width)]
    counts = [out * into for out, into in shapes]
    values = torch.from_numpy(np.stack([streams.normals(key, sum(counts)) for key in keys])).float().split(counts, 1)
    scales = [scale] + [math.sqrt(2 / width)] * (depth - 1) + [1 / math.sqrt(width)]
    parts = [size * own.reshape(-1, *shape) for own, shape, size in zip(values, shapes, scales, strict=True)]
    return [*(functional.pad(part, (0, 1)) for part in parts[:-1]), parts[-1]]


def hidden(layers: Layers, x: Points, rounded: Sequence[float | Tensor] = ()) -> list[Float[Tensor, "cell point _"]]:
    """The inputs of each hidden layer's units; `rounded`: how wide the corner of each layer's ReLU is, if it is."""
    found = []
    for place, layer in enumerate(layers[:-1]):
        found.append(torch.baddbmm(layer[:, None, :, -1], x, layer[..., :-1].mT))
        x = _softplus(found[-1], rounded[place]) if rounded else torch.relu(found[-1])
    return found


def _softplus(u: Tensor, wide: float | Tensor) -> Tensor:
    return wide * functional.softplus(u / wide)


def outputs(layers: Layers, x: Points, rounded: Sequence[float | Tensor] = ()) -> Float[Tensor, "cell point"]:
    """f(x)."""
    u = hidden(layers, x, rounded)[-1]
    made = _softplus(u, rounded[-1]) if rounded else torch.relu(u)
    return (made @ layers[-1].mT)[..., 0]


def penalty(layers: Layers, z: Points) -> Float[Tensor, " cell"]:
    """The smooth largest ‖∇f‖² along the unit sphere at points z, see `frontier.penalty`."""
    along = lipschitz.tangential(lipschitz.gradient(partial(outputs, layers), z.detach().requires_grad_(), True), z)
    squares = along.square().sum(-1)
    top = squares.detach().amax(1, keepdim=True).clamp(min=frontier.TINY)
    # a network that is constant along the sphere has no penalty, and no slope of it
    share = ((squares / top) ** frontier.POWER).mean(1).clamp(min=frontier.TINY)
    return top[:, 0] * share ** (1 / frontier.POWER)


def climbed(layers: Layers, z: Points) -> Points:
    """Points of the unit sphere one step further to where the softened gradient along it is longest."""
    soft = partial(outputs, layers, rounded=[frontier.SOFT] * (len(layers) - 1))
    own = z.detach().requires_grad_()
    length = lipschitz.tangential(lipschitz.gradient(soft, own, True), own).square().sum()
    up = lipschitz.tangential(torch.autograd.grad(length, own)[0], z)
    moved = z + frontier.REACH * up / up.norm(dim=-1, keepdim=True).clamp(min=frontier.TINY)
    return moved / moved.norm(dim=-1, keepdim=True)


class Trained(NamedTuple):
    """Networks at the end, their mean squared errors, and points from which to search for the longest gradient."""

    layers: Layers
    mse: Float[Tensor, " cell"]
    starts: Float[Tensor, "cell start d"]


def trained(start: Layers, x: Points, y: Float[Tensor, "cell point"], how: frontier.Recipe) -> Trained:
    """Networks trained each on its own points. No network's steps depend on the others'.

    Raises `ValueError` for a mode that is neither plain nor penalised.
    """
    if how.mode not in (modes.PLAIN, modes.PENALISED):
        raise ValueError(f"networks of several layers are {modes.PLAIN} or {modes.PENALISED}, not {how.mode}")
    layers = [layer.clone().requires_grad_() for layer in start]
    moments = [torch.zeros_like(layer) for layer in [*start, *start]]
    flat = how.mode == modes.PENALISED
    z, going = x[:, : how.climbing if flat else 0].clone(), x.new_ones(len(x))
    for step in range(how.steps):
        mse = (outputs(layers, x) - y).square().mean(1)
        over = (mse.detach() > how.target).to(mse)
        total = frontier.HELD * over * mse
        if flat:
            z = climbed([layer.detach() for layer in layers], z)
            total = total + how.weight * penalty(layers, z)
        else:
            going = going * over
            if not going.any():
                break
        gradients = torch.autograd.grad(total.sum(), layers)
        size = how.rate * (1 + math.cos(math.pi * step / how.steps)) / 2 / (1 - BETA1 ** (step + 1))
        root = 1 / math.sqrt(1 - BETA2 ** (step + 1))
        with torch.no_grad():
            adam(layers, list(gradients), moments, size * going, torch.full_like(going, root))
    done = [layer.detach() for layer in layers]
    starts = torch.cat([z[:, : frontier.STARTS // 2], x], 1)[:, : min(frontier.STARTS, x.shape[1])]
    return Trained(done, (outputs(done, x) - y).square().mean(1), starts)


def statuses(found: Trained, x: Points, target: float) -> list[str]:
    """What became of each network, as `frontier.statuses`: dead where it is so in one of its layers."""
    shares = [((u.amax(1) > 0) & (u.amax(1) > u.amin(1))).double().mean(1).tolist() for u in hidden(found.layers, x)]
    finite = _finite(found.layers) & torch.isfinite(found.mse)
    told = []
    for whole, active, mse in zip(finite.tolist(), zip(*shares, strict=True), found.mse.tolist(), strict=True):
        if not whole:
            told.append(health.DIVERGED)
        elif min(active) < health.ACTIVE:
            told.append(health.DEAD)
        else:
            told.append(health.LEARNED if mse <= (1 + frontier.SLACK) * target else health.UNFINISHED)
    return told


def bounds(found: Trained, x: Points, steps: int = 60) -> frontier.Bounds:
    """A slope found along the unit sphere, and the certified layer-wise bound over all inputs, in float64.

    NaN where weights are not finite.
    """
    whole = _finite(found.layers)
    layers = [torch.where(whole[:, None, None], layer.double(), 1.0) for layer in found.layers]
    spread = [u.std((1, 2), keepdim=True).clamp(min=frontier.TINY) for u in hidden(layers, x.double())]

    def smoothed(t: float) -> Callable[[Points], Float[Tensor, "cell point"]]:
        return partial(outputs, layers, rounded=[t * lipschitz.WIDTH * wide for wide in spread])

    f = partial(outputs, layers)
    lower = lipschitz.steepest(f, found.starts.double(), "sphere", smoothed=smoothed, steps=steps).slope
    upper = lipschitz.layered([*(layer[..., :-1] for layer in layers[:-1]), layers[-1]])
    return frontier.Bounds(*(torch.where(whole, bound, math.nan) for bound in (lower, upper)))


def _finite(layers: Layers) -> Bool[Tensor, " cell"]:
    return torch.stack([layer.isfinite().flatten(1).all(1) for layer in layers]).all(0)
