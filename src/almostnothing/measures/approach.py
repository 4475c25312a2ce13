"""Smallest perturbations from images of other classes that are given, beside those that `attacks.smallest` finds alone.

`attacks.smallest` starts from the other images of its batch. Where these are few, as test images of one seed are,
training images are nearer; on MNIST (784-256-256-10, 100 images) both together are by over 1 % too long half as often.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from almostnothing.measures import attacks
from almostnothing.measures.attacks import Ask, Found, Labels, Points, Start


@torch.no_grad()
def smallest(ask: Ask, x: Points, labels: Labels, starts: Float[Tensor, "cell start image pixel"]) -> Found:
    """The smallest perturbation of two searches: `attacks.smallest`, and the same moves along the boundary from where
    the way to each image's own starts crosses it.
    """
    cells, count, images, _ = starts.shape
    once = attacks.smallest(ask, x, labels)
    many_x, many_labels = x.repeat(1, count, 1), labels.repeat(1, count)
    base, margin = attacks.started(ask, x, labels)
    known = Start(base.repeat(1, count, 1), margin.repeat(1, count))
    found = attacks.crossed(ask, many_x, many_labels, starts.flatten(1, 2), known)
    for moves, most in attacks.STAGES:
        each = found.distance.view(cells, count, images)
        left = (each <= most * each.amin(1, keepdim=True)).flatten(1)
        found = attacks.descended(ask, many_x, many_labels, found, moves, known, left)
    distance, best = found.distance.view(cells, count, images).min(1)
    points = found.points.view(cells, count, images, -1)
    points = points.gather(1, best[:, None, :, None].expand(cells, 1, images, points.shape[-1]))[:, 0]
    nearer = distance < once.distance
    return Found(torch.where(nearer[..., None], points, once.points), torch.where(nearer, distance, once.distance))
