"""How flat two-layer networks can be that fit noise: stacks trained at a held error by several modes (seed 004).

A network f(x) = aᵀσ(Wx + b) of k units has a stack for company, and points and labels ±1 of its own. All modes minimise

    HELD · max(MSE, target) + weight · extra,    MSE = mean (f(xᵢ) − yᵢ)²,

by Adam with a rate that falls as a cosine to 0, all points at each step. Three stop once they have reached the target:

* `plain`: no extra;
* `corrupted`: in place of the MSE, that at other points, which the caller has at each step: corrupted images; no extra;
* `adversarial`: in place of the MSE, that at points moved on the sphere by `weight` of its radius in the direction that
  raises their error (Goodfellow, Shlens and Szegedy 2015, in L2); no extra.

In three the extra alone has a gradient below the target, so that a network is held where it just fits as well as asked:

* `decay`: ½(‖W‖² + ‖b‖² + ‖a‖²), weight decay, whose least value for a given f is of the order of the path norm
  Σ |aⱼ|‖wⱼ‖ (Neyshabur, Tomioka and Srebro 2015);
* `sobolev`: mean ‖∇f(z)‖², the squared gradient along the sphere in the mean over points z of it that are drawn anew
  at each step: a Sobolev norm;
* `penalised`: (mean ‖∇f(z)‖^(2·POWER))^(1/POWER), a smooth largest squared gradient along the sphere, over points z
  that climb to where it is longest while the network learns, and stays for the next step: "Sobolev norms like E‖∇f‖²
  don't work. Need small gradient everywhere" (slides, "Open Directions").

Gradients are written out; of ReLU the penalty's pass through slopes as if these were constant, which they are almost
everywhere, and points climb along slopes that are softened by `SOFT`. The mean over the sphere changes with where
ReLU's steps lie, too, which no point sees: `sobolev` takes the gradient of the mean with softened slopes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from almostnothing import health, streams
from almostnothing.measures import attacks, lipschitz
from almostnothing.measures.modes import ADVERSARIAL, CORRUPTED, DECAY, MODES, PENALISED, SOBOLEV, STOPPING
from almostnothing.optimisers import BETA1, BETA2, adam

HELD = 10.0  # weight of the error above its target
POWER = 8  # of squared gradients in their smooth largest value
SOFT = 0.05  # of a unit's input: how wide ReLU's step is while points climb
ROUND = 0.2  # of a unit's input: how wide the corner of softplus is, ROUND ln(1 + exp(u/ROUND))
REACH = 0.2  # of the sphere's radius: how far a point climbs at each step
SLACK = 0.02  # of the target: a network whose error is further above it does not fit
STARTS = 48  # points from which the search for the longest gradient starts: up to half of them climbed in training
TINY = 1e-20


@dataclass(frozen=True)
class Activation:
    """σ, its slope σ' and the range of slopes; `width`: of the sigmoid that is σ', or stands in as points climb."""

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    width: float
    smooth: bool
    slopes: tuple[float, float] = (0.0, 1.0)


def _step(u: Tensor) -> Tensor:
    return (u > 0).to(u)


def _rounded(u: Tensor) -> Tensor:
    return ROUND * torch.nn.functional.softplus(u / ROUND)


ACTIVATIONS = {
    "relu": Activation(torch.relu, _step, SOFT, False),
    "softplus": Activation(_rounded, lambda u: torch.sigmoid(u / ROUND), ROUND, True),
}


class Stack(NamedTuple):
    """Two-layer networks f(x) = aᵀσ(Wx + b): W, b and a."""

    first: Float[Tensor, "cell k d"]
    bias: Float[Tensor, "cell k"]
    outer: Float[Tensor, "cell k"]


class Recipe(NamedTuple):
    """How a stack is trained; `weight`, see the modes; `climbing`, how many points climb, or are drawn at each step."""

    mode: str
    target: float
    weight: float
    rate: float
    steps: int
    climbing: int = 64


class Trained(NamedTuple):
    """Networks at the end, their mean squared errors, and points from which to search for the longest gradient.

    These are some that climbed, of `penalised`, and some of a network's own.
    """

    stack: Stack
    mse: Float[Tensor, " cell"]
    starts: Float[Tensor, "cell start d"]


def joined(each: Sequence[Trained]) -> Trained:
    """Several stacks of networks of as many units as one."""
    stack = Stack(*(torch.cat(parts) for parts in zip(*(one.stack for one in each), strict=True)))
    return Trained(stack, torch.cat([one.mse for one in each]), torch.cat([one.starts for one in each]))


def drawn(keys: Sequence[np.ndarray], k: int, d: int, scale: float = 1.0) -> Stack:
    """One network for each key: W ~ N(0, scale²), so that units vary by `scale` on the unit sphere, a ~ N(0, 1/k)."""
    values = torch.from_numpy(np.stack([streams.normals(key, k * d + k) for key in keys])).float()
    first, outer = values[:, : k * d].reshape(-1, k, d), values[:, k * d :]
    return Stack(scale * first, torch.zeros_like(outer), outer / math.sqrt(k))


def inputs(stack: Stack, x: Float[Tensor, "cell point d"]) -> Float[Tensor, "cell point k"]:
    """Wx + b."""
    return torch.baddbmm(stack.bias[:, None], x, stack.first.mT)


def outputs(stack: Stack, x: Float[Tensor, "cell point d"], activation: Activation) -> Float[Tensor, "cell point"]:
    """f(x)."""
    return (activation.value(inputs(stack, x)) @ stack.outer[..., None])[..., 0]


def error(
    stack: Stack, x: Float[Tensor, "cell point d"], y: Float[Tensor, "cell point"], activation: Activation
) -> tuple[Float[Tensor, " cell"], Stack]:
    """The mean squared error of each network and its gradient."""
    u = inputs(stack, x)
    made = activation.value(u)
    off = (made @ stack.outer[..., None])[..., 0] - y
    back = 2 / y.shape[1] * off
    units = activation.slope(u) * back[..., None] * stack.outer[:, None]
    outer = (back[:, None] @ made)[:, 0]
    return off.square().mean(1), Stack(units.mT @ x, units.sum(1), outer)


def softened(activation: Activation) -> Activation:
    """The activation that has a sigmoid of its `width` for a slope: of a smooth one, itself."""
    wide = activation.width

    def value(u: Tensor) -> Tensor:
        return wide * torch.nn.functional.softplus(u / wide)

    return activation if activation.smooth else Activation(value, lambda u: torch.sigmoid(u / wide), wide, True)


def penalty(
    stack: Stack, z: Float[Tensor, "cell point d"], activation: Activation, power: int = POWER
) -> tuple[Float[Tensor, " cell"], Stack]:
    """The smooth largest ‖∇f‖² along the unit sphere at points z, and its gradient; of `power` 1 that is the mean."""
    on = activation.slope(inputs(stack, z))
    signed = on * stack.outer[:, None]
    along = lipschitz.tangential(signed @ stack.first, z)
    squares = along.square().sum(-1)
    top = squares.amax(1, keepdim=True).clamp(min=TINY)
    share = (squares / top) ** power
    largest = top[:, 0] * share.mean(1) ** (1 / power)
    # d largest / d squareᵢ = largest · shareᵢ / (squareᵢ Σ share)
    each = largest[:, None] * (squares / top) ** (power - 1) / (top * share.sum(1, keepdim=True))
    back = 2 * each[..., None] * along  # by ∇f at z: along is tangential already
    seen = back @ stack.first.mT  # (cell, point, k)
    outer, first = (on * seen).sum(1), signed.mT @ back
    if not activation.smooth:
        return largest, Stack(first, torch.zeros_like(outer), outer)
    bent = on * (1 - on) / activation.width * stack.outer[:, None] * seen
    return largest, Stack(first + bent.mT @ z, bent.sum(1), outer)


def climbed(stack: Stack, z: Float[Tensor, "cell point d"], activation: Activation) -> Float[Tensor, "cell point d"]:
    """Points of the unit sphere one step further to where the softened gradient along it is longest.

    ½‖g − (g·z)z‖² has the gradient H(g − (g·z)z) − (g·z)g, H = Wᵀ diag(aσ'') W the Hessian of f.
    """
    soft = torch.sigmoid(inputs(stack, z) / activation.width)
    g = (soft * stack.outer[:, None]) @ stack.first
    along = lipschitz.tangential(g, z)
    bent = soft * (1 - soft) / activation.width * stack.outer[:, None]
    up = (bent * (along @ stack.first.mT)) @ stack.first - (g * z).sum(-1, keepdim=True) * g
    up = lipschitz.tangential(up, z)
    moved = z + REACH * up / up.norm(dim=-1, keepdim=True).clamp(min=TINY)
    return moved / moved.norm(dim=-1, keepdim=True)


def moved(
    stack: Stack,
    x: Float[Tensor, "cell point d"],
    y: Float[Tensor, "cell point"],
    activation: Activation,
    radius: float,
) -> Float[Tensor, "cell point d"]:
    """Points moved along the unit sphere by about `radius`, in the direction in which their squared error rises."""
    u = inputs(stack, x)
    off = (activation.value(u) @ stack.outer[..., None])[..., 0] - y
    along = lipschitz.tangential((activation.slope(u) * stack.outer[:, None]) @ stack.first, x)
    step = off.sign()[..., None] * along / along.norm(dim=-1, keepdim=True).clamp(min=TINY)
    far = x + radius * step
    return far / far.norm(dim=-1, keepdim=True)


def uniform(keys: Sequence[np.ndarray], count: int, d: int, row: int = 0) -> Float[Tensor, "cell point d"]:
    """Points uniformly on the unit sphere from each key's stream, by Box and Muller's transform; rows have others."""
    words = streams.words(np.stack(keys), count * d + count * d % 2, row).view(np.int32)
    first, second = torch.from_numpy(words).chunk(2, -1)
    radius, angle = torch.sqrt(-2 * torch.log(streams.open_floats(first))), 2 * math.pi * streams.open_floats(second)
    values = torch.cat([radius * angle.cos(), radius * angle.sin()], -1)[:, : count * d].reshape(-1, count, d)
    return values / values.norm(dim=-1, keepdim=True)


def trained(
    start: Stack,
    x: Float[Tensor, "cell point d"],
    y: Float[Tensor, "cell point"],
    activation: Activation,
    how: Recipe,
    keys: Sequence[np.ndarray] = (),
    seen: Callable[[int], Float[Tensor, "cell point d"]] | None = None,
) -> Trained:
    """Networks trained each on its own points of the unit sphere. No network's steps depend on the others'.

    `keys`: streams of the points that `sobolev` draws, one for each network. `seen`: the points that stand in for x at
    a step, of mode `corrupted`.

    Raises `ValueError` for an unknown mode, for `sobolev` without a key for each network, and where there are corrupted
    points for another mode than theirs, or none for it.
    """
    if how.mode not in MODES:
        raise ValueError(f"no mode is called {how.mode!r}: known are {', '.join(MODES)}")
    if how.mode == SOBOLEV and len(keys) != len(x):
        raise ValueError(f"{SOBOLEV} draws points for each of {len(x)} networks, and has {len(keys)} keys")
    if (seen is None) == (how.mode == CORRUPTED):
        raise ValueError(f"corrupted points go with mode {CORRUPTED}, and with no other")
    stack = Stack(*(part.clone() for part in start))
    parts = [stack.first, stack.bias[..., None], stack.outer[..., None]]
    moments = [torch.zeros_like(part) for part in [*parts, *parts]]
    z = x[:, : how.climbing].clone() if how.mode == PENALISED else x[:, :0]
    going = x.new_ones(len(x))
    for step in range(how.steps):
        mse, gradient = error(stack, x, y, activation)
        over = (mse > how.target).to(mse)
        if how.mode in STOPPING:
            going = going * over
            if not going.any():
                break
        if how.mode == ADVERSARIAL:
            gradient = error(stack, moved(stack, x, y, activation, how.weight), y, activation)[1]
        elif seen is not None:
            gradient = error(stack, seen(step), y, activation)[1]
        gradients = [HELD * over[:, None, None] * each for each in _columns(gradient)]
        if how.mode == DECAY:
            gradients = [g + how.weight * part for g, part in zip(gradients, parts, strict=True)]
        elif how.mode in (SOBOLEV, PENALISED):
            if how.mode == SOBOLEV:
                z = uniform(keys, how.climbing, x.shape[-1], step).to(x)
                extra = penalty(stack, z, softened(activation), 1)[1]
            else:
                z = climbed(stack, z, activation)
                extra = penalty(stack, z, activation)[1]
            gradients = [g + how.weight * each for g, each in zip(gradients, _columns(extra), strict=True)]
        size = how.rate * (1 + math.cos(math.pi * step / how.steps)) / 2 / (1 - BETA1 ** (step + 1))
        root = 1 / math.sqrt(1 - BETA2 ** (step + 1))
        adam(parts, gradients, moments, size * going, torch.full_like(going, root))
    met = z[:, : STARTS // 2] if how.mode == PENALISED else z[:, :0]
    return Trained(stack, error(stack, x, y, activation)[0], torch.cat([met, x], 1)[:, : min(STARTS, x.shape[1])])


def _columns(stack: Stack) -> list[Tensor]:
    return [stack.first, stack.bias[..., None], stack.outer[..., None]]


def statuses(found: Trained, x: Float[Tensor, "cell point d"], target: float) -> list[str]:
    """What became of each network, in the words of `health`.

    `diverged`: weights or error are not finite; `dead`: fewer than `health.ACTIVE` of the units are positive at any
    point and differ between points; `unfinished`: the error is over the target by more than `SLACK` of it, so that the
    network does not fit as the law presumes, and is no point of the frontier; `learned`: none of these.
    """
    u = inputs(found.stack, x)
    active = ((u.amax(1) > 0) & (u.amax(1) > u.amin(1))).double().mean(1)
    finite = torch.stack([torch.isfinite(part).flatten(1).all(1) for part in found.stack]).all(0)
    finite &= torch.isfinite(found.mse)
    told = zip(finite.tolist(), active.tolist(), (found.mse <= (1 + SLACK) * target).tolist(), strict=True)
    return [
        health.DIVERGED
        if not whole
        else health.DEAD
        if share < health.ACTIVE
        else health.LEARNED
        if fits
        else health.UNFINISHED
        for whole, share, fits in told
    ]


def average(stack: Stack, z: Float[Tensor, "cell point d"], activation: Activation) -> Float[Tensor, " cell"]:
    """Root mean square of the gradient along the unit sphere at points z."""
    g = (activation.slope(inputs(stack, z)) * stack.outer[:, None]) @ stack.first
    return lipschitz.tangential(g, z).square().sum(-1).mean(1).sqrt()


class Steepness(NamedTuple):
    """How steep networks are: `lower` is a slope that was found, `upper` is certified, in float64; `path`: path norm.

    `lower`, on the unit sphere, and `upper` are of distances in L2; `lower_inf` and `upper_inf` of distances in L∞, all
    inputs.
    """

    lower: Float[Tensor, " cell"]
    upper: Float[Tensor, " cell"]
    lower_inf: Float[Tensor, " cell"]
    upper_inf: Float[Tensor, " cell"]
    path: Float[Tensor, " cell"]


class Bounds(NamedTuple):
    """Of the Lipschitz constants of networks a slope that was found and a certified bound, in float64."""

    lower: Float[Tensor, " cell"]
    upper: Float[Tensor, " cell"]


def bounds(
    found: Trained, x: Float[Tensor, "cell point d"], activation: Activation, norm: float = 2, steps: int = 60
) -> Bounds:
    """Bounds for distances in L2 or L∞, `lipschitz.steepest` and `lipschitz.two_layers`.

    In L2 slopes are along the unit sphere; the certified bound is one over all inputs and all directions, and so holds
    on the sphere, too. In L∞ both are over all inputs: along a sphere the dual norm of ∇f is min ‖∇f − λx‖₁ over λ,
    which neither ascent nor relaxation has.
    """
    stack = Stack(*(part.double() for part in found.stack))
    smooth = None if activation.smooth else lipschitz.smoother(*stack, x.double())
    f = partial(outputs, stack, activation=activation)
    domain = "sphere" if norm == 2 else "space"
    top = lipschitz.steepest(f, found.starts.double(), domain, smoothed=smooth, norm=norm, steps=steps)
    return Bounds(top.slope, lipschitz.two_layers(stack.first, stack.outer, activation.slopes, norm).upper)


def enclosed(what: str, lower: Float[Tensor, " cell"], upper: Float[Tensor, " cell"], k: int) -> None:
    """Raise `AssertionError` where a lower bound exceeds an upper one, among what is finite."""
    whole = torch.isfinite(lower) & torch.isfinite(upper)
    if not (lower <= upper)[whole].all():
        raise AssertionError(f"{what} of networks of {k} units exceeds its upper bound")


def steepness(found: Trained, x: Float[Tensor, "cell point d"], activation: Activation) -> Steepness:
    """`bounds` in L2 and L∞; path norms."""
    path = (found.stack.outer.double().abs() * found.stack.first.double().norm(dim=-1)).sum(-1)
    return Steepness(*bounds(found, x, activation), *bounds(found, x, activation, math.inf), path)


class Stability(NamedTuple):
    """Mean distances in L2 of points to where f changes its sign, 0 of points whose sign is wrong.

    `found` by search, which may be too large; `least`: certified, in float64, which may be too small.
    """

    found: Float[Tensor, " cell"]
    least: Float[Tensor, " cell"]


def stability(
    stack: Stack,
    x: Float[Tensor, "cell point d"],
    y: Float[Tensor, "cell point"],
    activation: Activation,
    upper: Float[Tensor, " cell"],
) -> Stability:
    """Class stability (von Berg et al. 2026): how far the decision boundary f = 0 is from points, in the mean.

    Searched over all of space with the logits (f, 0), by `attacks.smallest` and from where `attacks.deepfool` ends. As
    |f(x)| ≤ Lip ‖x − x'‖ for every x' with f(x') = 0, the distance is at least |f(x)| over any `upper` bound on Lip.
    """
    own = Stack(*(part.double() for part in stack))
    at = x.double()

    def rest(u: Float[Tensor, "cell point k"]) -> Float[Tensor, "cell point 2"]:
        f = (activation.value(u) @ own.outer[..., None])[..., 0]
        return torch.stack([f, torch.zeros_like(f)], -1)

    ask = attacks.Layered(partial(inputs, own), rest)
    labels = (y < 0).long()
    known, all_ = attacks.started(ask, at, labels), torch.ones_like(labels, dtype=torch.bool)
    other = attacks.descended(ask, at, labels, attacks.deepfool(ask, at, labels), attacks.MOVES, known, all_)
    found = torch.minimum(attacks.smallest(ask, at, labels).distance, other.distance)
    right = (y * outputs(own, at, activation)).clamp(min=0)
    return Stability(found.mean(1), right.mean(1) / upper)
