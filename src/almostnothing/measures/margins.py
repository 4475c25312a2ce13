"""Margins and their gradients with respect to the input, for a whole stack of networks at once."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing.networks import Stack

QUANTILES = {"margin_q05": 0.05, "margin_q50": 0.5, "margin_q95": 0.95}


def margin(logits: Float[Tensor, "cell batch label"], labels: Int[Tensor, "cell batch"]) -> Float[Tensor, "cell batch"]:
    """γ = f_y − max_{k≠y} f_k (seed 000, "margin criterion"); negative where the network is wrong."""
    own = logits.gather(-1, labels[..., None])
    others = logits.scatter(-1, labels[..., None], -torch.inf)
    return own[..., 0] - others.amax(-1)


def margin_gradient(
    model: Stack, x: Float[Tensor, "cell batch pixel"], labels: Int[Tensor, "cell batch"]
) -> tuple[Float[Tensor, "cell batch"], Float[Tensor, "cell batch pixel"]]:
    """Margins γ and input gradients g = ∇ₓγ of every network on every image of its own batch.

    Networks and images do not mix, so one backward pass of the sum gives every gradient, exactly.
    """
    parts = model.parts()

    def total(x: Tensor) -> tuple[Tensor, Tensor]:
        gamma = margin(model.compute(parts, x), labels)
        return gamma.sum(), gamma

    gradient, gamma = torch.func.grad(total, has_aux=True)(x)
    return gamma, gradient


def summary(gamma: Float[Tensor, " image"]) -> dict[str, float]:
    """Mean, standard deviation and 5, 50, 95 % quantiles of one network's margins."""
    levels = torch.tensor(list(QUANTILES.values()), dtype=torch.float64)
    values = gamma.double().cpu()
    quantiles = torch.quantile(values[: 2**24], levels).tolist()
    return {
        "margin_mean": float(values.mean()),
        "margin_sd": float(values.std(correction=0)),
        **dict(zip(QUANTILES, quantiles, strict=True)),
    }
