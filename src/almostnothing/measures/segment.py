"""How much of the way to the nearest image of another class a network's logits care for (seed 003).

From an image x of label y towards an image x' of label y', at the distance L: u = (x' − x)/L and h = f_y' − f_y. The
text predicts the smallest perturbation Q by |M|,

    M = ∫ from 0 to L/2 of cos θ(s) ds,    cos θ(s) = u·∇h(x + su) / |∇h(x + su)|.

M > 0 where the way raises y' over y. Of a linear network θ is constant, and M = cos θ · L/2. If |∇h| is constant along
the way and the answer changes half-way, M = (h(x') − h(x))/2|∇h| = −h(x)/|∇h|: the distance of the linearised boundary.
cos θ of a network of rectifiers is constant between its kinks: the midpoint rule errs by half an interval a kink.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing.measures.attacks import TINY, Ask

Points = Float[Tensor, "cell image pixel"]
Labels = Int[Tensor, "cell image"]
AT_ONCE = 256  # images of other classes that are looked at together


def integral(
    ask: Ask,
    x: Points,
    far: Points,
    length: Float[Tensor, "cell image"],
    labels: Labels,
    others: Labels,
    points: int,
) -> Float[Tensor, "cell image"]:
    """M of each image, by the midpoint rule at so many points: a length, between −L/2 and L/2.

    `x`, `far`: x and x' in coordinates in which the networks of `ask` take them, in which they may be nearer to each
    other (`attacks.reduced`); `length`: L, in pixels. `others`: y'.
    """
    way = (far - x) / length[..., None]
    total = torch.zeros_like(length)
    for number in range(points):
        s = (number + 0.5) / points * length / 2
        slope = _slope(ask, x + s[..., None] * way, labels, others)
        total += (slope * way).sum(-1) / slope.norm(dim=-1).clamp(min=TINY)
    return total / points * length / 2


def _slope(ask: Ask, x: Points, labels: Labels, others: Labels) -> Points:
    """∇h, h = f_y' − f_y."""

    def total(x: Tensor) -> Tensor:
        logits = ask(x)
        return (logits.gather(-1, others[..., None]) - logits.gather(-1, labels[..., None])).sum()

    return torch.func.grad(total)(x)


def nearest_of_each(
    train: Float[Tensor, "train pixel"],
    train_labels: Int[Tensor, " train"],
    x: Float[Tensor, "image pixel"],
    classes: int,
    count: int = 1,
) -> tuple[Float[Tensor, "image label near"], Int[Tensor, "image label near"]]:
    """How far the nearest so many training images of each class are, the nearest first, and which ones these are.

    Where the smallest class has fewer, as many as it has.
    """
    count = min(count, int(torch.bincount(train_labels, minlength=classes).min()))
    far, where = [], []
    for label in range(classes):
        of_class = torch.nonzero(train_labels == label)[:, 0]
        least, place = distance(x, train[of_class]).topk(count, largest=False)
        far.append(least)
        where.append(of_class[place])
    return torch.stack(far, 1), torch.stack(where, 1)


def withstood(
    train: Float[Tensor, "train pixel"],
    train_labels: Int[Tensor, " train"],
    x: Float[Tensor, "image pixel"],
    labels: Int[Tensor, " image"],
    own_images: int = 20,
) -> Float[Tensor, " image"]:
    """What the minimum-distance classifier, the class of the nearest training image, surely withstands; 0 where it is
    wrong already.

    An image x + δ is given to another class only if some image xⱼ of it is nearer than every image a of the label:
    half-spaces, so |δ| ≥ min over j of max over a of (|x − xⱼ|² − |x − a|²)/2|xⱼ − a|. Of the a only the nearest
    `own_images` are taken, which leaves it a bound; of the xⱼ all that could be the minimum. It is at most L/2.
    """
    found = []
    for each, own in zip(x, labels, strict=True):
        far = distance(each[None], train)[0]
        same = train_labels == own
        near, place = far[same].topk(min(own_images, int(same.sum())), largest=False)
        kept, others = train[same][place], torch.nonzero(~same)[:, 0]
        others = others[far[others].argsort()]
        best = far.new_tensor(torch.inf)
        for some in others.split(AT_ONCE):
            if (far[some[0]] - near[0]) / 2 >= best:  # by the triangle inequality no later one is nearer
                break
            apart = distance(train[some], kept).clamp(min=TINY)
            each_one = (far[some][:, None].square() - near.square()) / (2 * apart)
            best = torch.minimum(best, each_one.amax(1).min())
        found.append(best.clamp(min=0))
    return torch.stack(found)


def distance(x: Float[Tensor, "image pixel"], train: Float[Tensor, "train pixel"]) -> Float[Tensor, "image train"]:
    """Distances, without the products that are faster and round nearly equal images to one."""
    return torch.cdist(x, train, compute_mode="donot_use_mm_for_euclid_dist")
