"""What tells whether networks learned their training images: see `health.status`."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing.networks import Stack

SAME = 1e-6  # by which a unit's outputs must differ between images


@torch.no_grad()
def active_shares(model: Stack, x: Float[Tensor, "cell image pixel"]) -> list[list[float]]:
    """Of each network and hidden layer the share of units (channels) whose output is not the same on all images."""
    found = []
    for made in model.hidden(model.parts(), x):
        if made.ndim == 4:  # (image, cell × channel, side, side)
            spread = made.amax((0, 2, 3)) - made.amin((0, 2, 3))
            found.append((spread.view(len(x), -1) > SAME).float().mean(1))
        else:
            found.append((made.amax(1) - made.amin(1) > SAME).float().mean(1))
    return torch.stack(found, 1).tolist() if found else [[] for _ in x]


def nearest_mean_accuracy(
    x: Float[Tensor, "cell image pixel"], labels: Int[Tensor, "cell image"], classes: int
) -> list[float]:
    """Share of each network's images that are nearest to the mean of their own class, over the other images.

    An image is left out of the mean of its class: else under heavy noise it would know itself by its own noise.
    """
    member = torch.nn.functional.one_hot(labels, classes).to(x)
    count = member.sum(1)[..., None]
    means = member.mT @ x / count.clamp(min=1)
    scores = x @ means.mT - means.square().sum(-1)[:, None] / 2
    each = count.squeeze(-1).gather(1, labels)[..., None]
    others = (each * means.gather(1, labels[..., None].expand(-1, -1, x.shape[-1])) - x) / (each - 1).clamp(min=1)
    own = (x * others).sum(-1) - others.square().sum(-1) / 2
    scores = scores.scatter(-1, labels[..., None], own[..., None])
    return (scores.argmax(-1) == labels).double().mean(1).tolist()


def modal_shares(logits: Float[Tensor, "cell image label"]) -> list[float]:
    """The share of images for which each network chooses the class that it chooses most often."""
    chosen = torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1])
    return (chosen.sum(1).amax(1) / logits.shape[1]).tolist()
