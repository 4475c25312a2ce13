"""Losses of stacked networks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing.code import Choices


def cross_entropy(
    logits: Float[Tensor, "cell batch label"], labels: Int[Tensor, "cell batch"]
) -> Float[Tensor, "cell batch"]:
    """−ln softmax(f)_y of every image, in nats."""
    return torch.logsumexp(logits, -1) - logits.gather(-1, labels[..., None])[..., 0]


def squared_error(
    logits: Float[Tensor, "cell batch label"], labels: Int[Tensor, "cell batch"]
) -> Float[Tensor, "cell batch"]:
    """½ Σₖ (fₖ − δₖᵧ)² of every image."""
    target = labels[..., None] == torch.arange(logits.shape[-1], device=logits.device)
    return (logits - target.to(logits.dtype)).square().sum(-1) / 2


LOSSES: Choices[Callable[..., Tensor]] = {"cross_entropy": cross_entropy, "mse": squared_error}
