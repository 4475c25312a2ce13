"""The margin criterion of seed 000 and what it leaves out: which images will fail under a corruption law?

Of an image x with label y, a network's margin is γ = f_y − max_{k≠y} fₖ and its gradient g; under the law the pixels of
x̃ are independent with means x̄ and variances v. An image fails where γ(x̃) < 0. All functions take a stack of networks
and the same images for each of them; nothing is looped over but blocks of images, so that no more than `held` values
are in memory at once, over all networks.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.stats import qmc
from torch import Tensor

from almostnothing import streams
from almostnothing.corruptions import Corruption, corrupted
from almostnothing.measures.margins import margin, margin_gradient
from almostnothing.networks import Stack

HELD = 2**24  # values in memory at once
ORTHANT = 1024  # points of the quasi-Monte Carlo rule for the probability that all classes lose

Values = dict[str, Float[Tensor, "cell image"]]


def first_order(
    model: Stack,
    law: Corruption,
    x: Float[Tensor, "image pixel"],
    labels: Int[Tensor, " image"],
    strength: float,
    held: int = HELD,
) -> Values:
    """What linearisation predicts, each of shape (cell, image).

    `margin`: γ(x). `sd`: √Σ gᵢ² vᵢ (seed 000, "Margin Criterion"). `drift`: g·(x̄ − x), which the seed leaves out.
    `mean_margin`, `mean_sd`: the same linearisation about the mean corrupted image x̄, where the drift is inside
    γ(x̄). `confidence`: the log-odds of the label's softmax probability at x, f_y − ln Σ_{k≠y} exp fₖ.
    """
    mean, variance = _moments(law, x, strength)
    found: list[Values] = []
    for at in _blocks(model, len(x), 1, held):
        clean, centre, v, y = (_shared(model, z[at]) for z in (x, mean, variance, labels))
        gamma, g = margin_gradient(model, clean, y)
        gamma_mean, g_mean = margin_gradient(model, centre, y)
        with torch.no_grad():
            logits = model(clean)
            own = logits.gather(-1, y[..., None])
            confidence = own[..., 0] - logits.scatter(-1, y[..., None], -torch.inf).logsumexp(-1)
        found.append(
            {
                "margin": gamma,
                "sd": (g.square() * v).sum(-1).sqrt(),
                "drift": (g * (centre - clean)).sum(-1),
                "mean_margin": gamma_mean,
                "mean_sd": (g_mean.square() * v).sum(-1).sqrt(),
                "confidence": confidence,
            }
        )
    return _joined(found)


def all_classes(
    model: Stack,
    law: Corruption,
    x: Float[Tensor, "image pixel"],
    labels: Int[Tensor, " image"],
    strength: float,
    held: int = HELD,
) -> Float[Tensor, "cell image"]:
    """P(some other class wins), linearised about x̄: the differences f_y − fₖ are jointly Gaussian.

    Their means are those at x̄ and their covariance is D diag(v) Dᵀ, D the gradients of the differences; the probability
    that all of them are positive is integrated over scrambled Sobol points.
    """
    mean, variance = _moments(law, x, strength)
    parts, classes = model.parts(), model.layers[-1].fan_out
    points = torch.from_numpy(_normal_points(classes)).to(x)
    found = []
    for at in _blocks(model, len(x), classes + ORTHANT // x.shape[1] * classes, held):
        centre, v, y = (_shared(model, z[at]) for z in (mean, variance, labels))

        def logit(z: Tensor, k: int) -> tuple[Tensor, Tensor]:
            logits = model.compute(parts, z)
            return logits[..., k].sum(), logits

        pairs = [torch.func.grad(logit, has_aux=True)(centre, k) for k in range(classes)]
        gradient, logits = torch.stack([g for g, _ in pairs], 2), pairs[0][1]  # (cell, image, label, pixel)
        scaled = gradient * v[:, :, None].sqrt()
        root, failed = _root((scaled @ scaled.mT).double())
        if failed.any():  # in float32 a singular covariance may round to an indefinite one
            root, _ = _root(scaled.double() @ scaled.double().mT)
        root = root.to(x)
        drawn = logits[:, :, None] + points @ root.mT  # (cell, image, point, label)
        wins = drawn.argmax(-1) == y[..., None]
        found.append(1 - wins.to(x.dtype).mean(-1))
    return torch.cat(found, 1)


def _root(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Cholesky's factor of covariances with a little added to their diagonal, and where there is none."""
    jitter = 1e-6 * covariance.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None] + 1e-12
    root, failed = torch.linalg.cholesky_ex(covariance + jitter * torch.eye(covariance.shape[-1]).to(covariance))
    return root, failed


@torch.no_grad()
def measured(
    model: Stack,
    law: Corruption,
    x: Float[Tensor, "image pixel"],
    labels: Int[Tensor, " image"],
    strength: float,
    draws: int,
    held: int = HELD,
) -> Values:
    """What sampling finds, each of shape (cell, image), over `draws` corruptions x̃ of each image that all cells share.

    `failures`: the share of them with γ(x̃) < 0. With Δ = x̃ − x, γ(x+Δ) has an odd part (γ(x+Δ) − γ(x−Δ))/2, to leading
    order g·Δ, and an even part (γ(x+Δ) + γ(x−Δ))/2 − γ(x), to leading order ΔᵀHΔ/2, which linearisation leaves out;
    these differences at the size of the noise exist where a network has no second derivative, and look at x − Δ, too,
    which may lie outside the images' range. `even`: mean of the even part. `bending`: its root mean square over that of
    the odd part. Both come from other draws than `failures`.
    """
    key = streams.stream_key(0, "criterion", *x.shape)
    found: list[Values] = []
    for at in _blocks(model, len(x), draws, held):
        some = x[at]
        first = at.start * 2 * draws

        def noisy(number: int, some: Tensor = some) -> Tensor:
            count = len(some) * draws
            drawn = torch.arange(number, number + count, device=x.device)
            return corrupted(law, some.repeat(draws, 1), strength, key, drawn)

        def gamma(z: Tensor, times: int = draws, labels: Tensor = labels[at]) -> Tensor:
            values = margin(model(_shared(model, z)), _shared(model, labels.repeat(times)))
            return values.view(len(model), times, -1)

        failures = (gamma(noisy(first)) < 0).float().mean(1)
        here = some.repeat(draws, 1)
        away = noisy(first + len(here)) - here
        plus, minus = gamma(here + away), gamma(here - away)
        even, odd = (plus + minus) / 2 - gamma(some, 1), (plus - minus) / 2
        bending = even.square().mean(1).sqrt() / odd.square().mean(1).sqrt()
        found.append({"failures": failures, "even": even.mean(1), "bending": bending})
    return _joined(found)


def _moments(law: Corruption, x: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    clean = x.double().cpu().numpy()
    mean, variance = (torch.from_numpy(moment(clean, strength)).to(x) for moment in (law.mean, law.variance))
    return mean, variance


def _blocks(model: Stack, images: int, copies: int, held: int) -> list[slice]:
    """Slices of the images, each held in `copies`, that stay within `held`: one image at least.

    A copy is an image, its gradient and what each layer makes of it, for every network.
    """
    values = 2 * model.layers[0].fan_in * model.layers[0].positions
    values += sum(layer.fan_out * layer.positions for layer in model.layers)
    each = max(1, held // (len(model) * copies * values))
    return [slice(first, min(first + each, images)) for first in range(0, images, each)]


def _shared(model: Stack, z: Tensor) -> Tensor:
    """The same images for each network."""
    return z.expand(len(model), *z.shape)


def _joined(blocks: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([block[name] for block in blocks], 1) for name in blocks[0]}


def _normal_points(dimension: int) -> np.ndarray:
    """Points of a standard normal from scrambled Sobol ones: shape (point, dimension), float32."""
    points = qmc.MultivariateNormalQMC(np.zeros(dimension), rng=np.random.default_rng(0)).random(ORTHANT)
    return points.astype(np.float32)
