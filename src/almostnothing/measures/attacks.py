"""The smallest L2 perturbation that changes a network's answer: upper bounds by search, for stacks and batches at once.

A perturbation counts where another class's logit is at least that of the label; of an image that is wrong already it is
0. Values are not kept in [0, 1]: seed 003 speaks of perturbations of any kind. `ask` must be differentiable, and treat
images one by one. What is found depends on the other images of a batch: rays start from them.

`smallest` follows rays: from an image to the nearest images with other answers, back to where the answer changes, and
along the decision boundary: to the point of its tangent plane that is nearest to the image, then on that ray to the
boundary again, with ever shorter moves where that is no nearer. What is found depends on the start more than on the
number of moves: on MNIST (784-256-256-10) moves from linearised steps to the three nearest classes are by over 1 % too
long for a sixth of the images, moves from the nearest image of each other class, too, for 0.5 %. `deepfool` goes from
linearisation to linearisation (Moosavi-Dezfooli et al. 2016), `rough` does so twice, with the class of the largest
other logit alone. `contradicted` shares nothing with these but the margin: it climbs the loss inside a ball (Madry et
al. 2018), a little smaller than what was found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from almostnothing import streams
from almostnothing.measures.margins import margin
from almostnothing.networks import MLPStack

Points = Float[Tensor, "cell image pixel"]
Labels = Int[Tensor, "cell image"]
Ask = Callable[[Float[Tensor, "cell _ pixel"]], Float[Tensor, "cell _ label"]]

LINEARISED = 6  # steps to the boundary of the class that is nearest by the first linearisation
NEIGHBOURS = 9  # nearest images with other answers, of each class equally many, from which a ray is followed back
MOVES = 12  # along the boundary
STAGES = ((2, math.inf), (2, 1.4), (MOVES, 1.1))  # moves of starts no further than so many times the best
CUTS = 3  # of a ray between a right and a wrong point, by false position
ASCENTS, RESTARTS, CLOSE = 40, 2, 0.01  # of `contradicted`: steps, starts beside the image itself, how much smaller
BEYOND = 1e-4  # by which a step to a linearised boundary is too long, so that it is crossed
SHRUNK, SHORTEST = 0.25, 0.01  # of a move that came no nearer, the next one; the last one worth a try
ROUGH, REACH = 2, 1.5  # of `rough`: linearisations; how far its ray goes, in lengths to the last one's boundary
TINY = 1e-30


class Found(NamedTuple):
    """Perturbed images, and how far each is from its own: 0 where it was wrong already, infinite where none is."""

    points: Points
    distance: Float[Tensor, "cell image"]


class Start(NamedTuple):
    """Images after an affine first layer, or as they are; and their margins."""

    base: Float[Tensor, "cell image unit"]
    margin: Float[Tensor, "cell image"]


@dataclass(frozen=True)
class Layered:
    """Networks in two parts, of which the first is affine: along a ray it is computed at both ends alone."""

    first: Callable[[Tensor], Tensor]
    rest: Callable[[Tensor], Tensor]

    def __call__(self, x: Float[Tensor, "cell _ pixel"]) -> Float[Tensor, "cell _ label"]:
        """Logits."""
        return self.rest(self.first(x))


@torch.no_grad()
def smallest(ask: Ask, x: Points, labels: Labels) -> Found:
    """The smallest perturbation that search finds, from the nearest images of the batch with other answers, and from
    linearised steps to the nearest class.
    """
    _check(ask, x, labels)
    cells, images = labels.shape
    starts = [_linearised(ask, x, labels), *_neighbours(ask, x, labels)]
    count = len(starts)
    many_x, many_labels = x.repeat(1, count, 1), labels.repeat(1, count)
    base, first = started(ask, x, labels)
    known = Start(base.repeat(1, count, 1), first.repeat(1, count))
    found = crossed(ask, many_x, many_labels, torch.cat(starts, 1), known)
    for moves, most in STAGES:
        each = found.distance.view(cells, count, images)
        left = (each <= most * each.amin(1, keepdim=True)).flatten(1)
        found = descended(ask, many_x, many_labels, found, moves, known, left)
    distance, best = found.distance.view(cells, count, images).min(1)
    points = found.points.view(cells, count, images, -1)
    place = best[:, None, :, None].expand(cells, 1, images, points.shape[-1])
    found, missed = Found(points.gather(1, place)[:, 0], distance), torch.isinf(distance)
    if not missed.any():
        return found
    index = _places(missed)
    image, own = _take(x, index), labels.gather(1, index)
    known = started(ask, image, own)
    last = descended(ask, image, own, deepfool(ask, image, own), MOVES, known, missed.new_ones(own.shape))
    return Found(_put(found.points, index, last.points, missed), _put(distance, index, last.distance, missed))


@torch.no_grad()
def deepfool(ask: Ask, x: Points, labels: Labels, steps: int = 50) -> Found:
    """DeepFool: to the nearest of all classes' linearised boundaries, again from there, until the answer changes; then
    back along the ray to where it does.
    """
    _check(ask, x, labels)
    points, right = x.clone(), margin(ask(x), labels) > 0
    for _ in range(steps):
        if not right.any():
            break
        index = _places(right)
        some, own = _take(points, index), labels.gather(1, index)
        logits, slopes = jacobian(ask, some)
        gap, slope = _against(logits, slopes, own)
        least = (gap / slope.norm(dim=-1).clamp(min=TINY)).argmin(-1, keepdim=True)
        g = _picked(slope, least)
        size = gap.gather(-1, least) / g.square().sum(-1, keepdim=True).clamp(min=TINY)
        some = some - (1 + BEYOND) * size * g
        points = _put(points, index, some, right)
        right = _put(right, index, margin(ask(some), own) > 0, right)
    return crossed(ask, x, labels, points)


@torch.no_grad()
def rough(ask: Ask, x: Points, labels: Labels) -> Found:
    """For a first look, in a fraction of DeepFool's time: where the answer changes on the ray through the nearest point
    of the margin's boundary, linearised `ROUGH` times; infinite where it does not within `REACH` times as far.
    """
    _check(ask, x, labels)
    moved = torch.zeros_like(x)
    for _ in range(ROUGH):
        gamma, slope = _margin_slope(ask, x + moved, labels)
        along = ((moved * slope).sum(-1) - gamma) / slope.square().sum(-1).clamp(min=TINY)
        moved = along[..., None] * slope
    return crossed(ask, x, labels, x + REACH * moved)


@torch.no_grad()
def descended(
    ask: Ask,
    x: Points,
    labels: Labels,
    start: Found,
    moves: int,
    known: Start,
    chosen: Bool[Tensor, "cell image"],
) -> Found:
    """Along the boundary from perturbed images towards their own; never further away. `known`: what `started` says of
    the images; `chosen`: which of them.
    """
    points, distance = start.points, start.distance
    length = torch.ones_like(distance)
    open_ = chosen & torch.isfinite(distance) & (distance > 0)
    for _ in range(moves):
        if not open_.any():
            break
        index = _places(open_)
        image, own, far, share = (_take(each, index) for each in (x, labels, distance, length))
        moved = _take(points, index) - image
        gamma, slope = _margin_slope(ask, image + moved, own)
        along = ((moved * slope).sum(-1) - gamma) / slope.square().sum(-1).clamp(min=TINY)
        nearest = along[..., None] * slope  # of the tangent plane
        trial = moved + share[..., None] * (nearest - moved)
        size = trial.norm(dim=-1)
        trial = trial * (far / size.clamp(min=TINY))[..., None]  # on its ray, as far out as the best point
        found = crossed(ask, image, own, image + trial, Start(*(_take(each, index) for each in known)))
        better = found.distance < far
        points = _put(points, index, found.points, _spread(better, index, open_))
        distance = _put(distance, index, found.distance, _spread(better, index, open_))
        share = torch.where(better, (2 * share).clamp(max=1), SHRUNK * share)
        length = _put(length, index, share, open_)
        open_ = open_ & (length > SHORTEST)
    return Found(points, distance)


@torch.no_grad()
def contradicted(
    ask: Ask, x: Points, labels: Labels, distance: Float[Tensor, "cell image"], seed: int
) -> Bool[Tensor, "cell image"]:
    """Whether projected gradient steps find a perturbation that is smaller than `distance` by a share of `CLOSE`.

    From the image itself and from `RESTARTS` random points of that ball. Where `distance` is infinite the ball reaches
    to the furthest image of the batch.
    """
    _check(ask, x, labels)
    radius = torch.where(torch.isfinite(distance), (1 - CLOSE) * distance, torch.cdist(x, x).amax(-1))
    won = torch.zeros_like(radius, dtype=torch.bool)
    for start in range(1 + RESTARTS):
        moved = torch.zeros_like(x)
        if start:
            key = streams.stream_key(seed, "second attack", start)
            moved = torch.from_numpy(streams.normals(key, x[0].numel())).to(x).view_as(x[0]).expand_as(x)
            moved = moved * (radius / moved.norm(dim=-1))[..., None]
        for _ in range(ASCENTS):
            gamma, slope = _margin_slope(ask, x + moved, labels)
            won |= gamma <= 0
            step = 2.5 / ASCENTS * radius / slope.norm(dim=-1).clamp(min=TINY)
            moved = moved - step[..., None] * slope
            moved = moved * (radius / moved.norm(dim=-1).clamp(min=TINY)).clamp(max=1)[..., None]
        won |= margin(ask(x + moved), labels) <= 0
    return won & (distance > 0)


@torch.no_grad()
def crossed(ask: Ask, x: Points, labels: Labels, points: Points, known: Start | None = None) -> Found:
    """Where the answer changes on the way from images to points, by false position (the Illinois rule); infinite where
    it does not. `known`: what `started` says of the images.
    """
    base, first = known or started(ask, x, labels)
    affine, rest = _parts(ask)
    end = affine(points)
    last = margin(rest(end), labels)
    moved, wrong = points - x, last <= 0
    distance = torch.where(wrong, moved.norm(dim=-1), torch.inf)
    distance = torch.where(first <= 0, 0, distance)
    busy = wrong & (first > 0)
    if not busy.any():
        return Found(torch.where((first <= 0)[..., None], x, points), distance)
    index = _places(busy)
    image, own = _take(base, index), labels.gather(1, index)
    way = _take(end, index) - image
    low, high = torch.zeros_like(own, dtype=x.dtype), torch.ones_like(own, dtype=x.dtype)
    above, below = first.gather(1, index), last.gather(1, index)
    for _ in range(CUTS):
        middle = low + (high - low) * (above / (above - below).clamp(min=TINY)).clamp(0, 1)
        middle = torch.minimum(middle * (1 + BEYOND), high)
        value = margin(rest(torch.addcmul(image, middle[..., None], way)), own)
        there = value <= 0
        # an end that stays twice is halved, so that the other one moves
        above, below = torch.where(there, above / 2, value), torch.where(there, value, below / 2)
        low, high = torch.where(there, low, middle), torch.where(there, middle, high)
    share = _put(torch.where(first <= 0, 0, torch.ones_like(first)), index, high, busy)
    return Found(x + share[..., None] * moved, distance * share.where(share > 0, 1))


@torch.no_grad()
def started(ask: Ask, x: Points, labels: Labels) -> Start:
    """What of images all rays from them need: the affine first layer, where networks are `Layered`, and margins."""
    affine, rest = _parts(ask)
    base = affine(x)
    return Start(base, margin(rest(base), labels))


def _parts(ask: Ask) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """An affine first part and the rest; of networks that are not `Layered` the first part changes nothing."""
    return (ask.first, ask.rest) if isinstance(ask, Layered) else (lambda x: x, ask)


def jacobian(ask: Ask, x: Points) -> tuple[Float[Tensor, "cell image label"], Float[Tensor, "cell image label pixel"]]:
    """Logits, and the gradient of each with respect to its own image."""
    with torch.enable_grad():
        own = x.detach().requires_grad_()
        logits = ask(own)
        each = [torch.autograd.grad(one.sum(), own, retain_graph=True)[0] for one in logits.unbind(-1)]
    return logits.detach(), torch.stack(each, 2)


class Reduced(NamedTuple):
    """Networks on other coordinates: `ask` takes these, `place` makes them of images, and `back` makes of images and a
    perturbation of their coordinates the perturbed images.
    """

    ask: Ask
    place: Callable[[Points], Points]
    back: Callable[[Points, Points], Points]


def reduced(model: MLPStack) -> Reduced:
    """The same networks on fewer coordinates.

    Weights of the first layer are W = QR with Q orthonormal, (pixel, unit): what is orthogonal to Q changes no answer,
    so the smallest perturbation is in its span, and has the same length there. Where a first layer has no fewer units
    than pixels all coordinates stay.
    """
    parts = model.parts()
    if parts[0].shape[1] <= parts[0].shape[2]:
        return Reduced(_layered(model, parts), lambda x: x - model.shift.by, lambda x, moved: x + moved)
    q, r = torch.linalg.qr(parts[0])
    ask = _layered(model, [r, *parts[1:]])
    return Reduced(ask, lambda x: torch.bmm(x - model.shift.by, q), lambda x, moved: x + torch.bmm(moved, q.mT))


def _layered(model: MLPStack, parts: Sequence[Tensor]) -> Layered:
    """The networks with these tensors, of images from which their shift is taken already."""

    def rest(x: Tensor) -> Tensor:
        for index in range(1, len(model.layers)):
            x = model.product(parts, index, model.activation(x))
        return x.float()

    return Layered(lambda x: model.product(parts, 0, x), rest)


def _check(ask: Ask, x: Points, labels: Labels) -> None:
    """Raise `ValueError` for what would end in silently wrong lengths."""
    if labels.shape != x.shape[:2] or not labels.numel():
        raise ValueError(
            f"labels of shape {tuple(labels.shape)} are not those of images {tuple(x.shape[:2])}, at least 1"
        )
    if not torch.isfinite(x).all():
        raise ValueError("an image has a value that is no finite number")
    with torch.enable_grad():
        own = x[:, :1].detach().requires_grad_()
        if not ask(own).requires_grad:
            raise ValueError("these networks have no gradients: ask them without torch.no_grad")


def _linearised(ask: Ask, x: Points, labels: Labels) -> Points:
    """Repeated linearisation towards the class whose linearised boundary is nearest to the image.

    From x_t to x + [(g·(x_t − x) − h)/|g|²] g, g = ∇h at x_t, h = f_y − f_k: the nearest point of the linearised
    boundary (Hasofer and Lind; Rackwitz and Fiessler 1978). Where none crossed it, the last one.
    """
    logits, slopes = jacobian(ask, x)
    gap, slope = _against(logits, slopes, labels)
    other = (gap / slope.norm(dim=-1).clamp(min=TINY)).argmin(-1)
    points = best = x
    nearest = torch.full_like(x[..., 0], torch.inf)
    for _ in range(LINEARISED):
        h, g = _difference(ask, points, labels, other)
        moved = points - x
        size = moved.norm(dim=-1)
        found = (h <= 0) & (size < nearest)
        best = torch.where(found[..., None], points, best)
        nearest = torch.where(found, size, nearest)
        along = (moved * g).sum(-1) - (1 + BEYOND) * h
        points = x + (along / g.square().sum(-1).clamp(min=TINY))[..., None] * g
    return torch.where(torch.isinf(nearest)[..., None], points, best)


def _neighbours(ask: Ask, x: Points, labels: Labels) -> list[Points]:
    """The nearest images of the batch of each class that is not the label, `NEIGHBOURS` in all or one of each class."""
    logits = ask(x)
    answer, far = logits.argmax(-1), torch.cdist(x, x)
    classes = logits.shape[-1]
    each = min(max(1, NEIGHBOURS // (classes - 1)), x.shape[1])
    distance: list[Tensor] = []
    index: list[Tensor] = []
    for other in range(classes):
        absent = (answer != other)[:, None] | (labels == other)[..., None]
        least, place = far.masked_fill(absent, torch.inf).topk(each, largest=False)
        distance.append(least)
        index.append(place)
    order = torch.cat(distance, -1).argsort(-1)[..., : each * (classes - 1)]
    chosen = torch.cat(index, -1).gather(-1, order)
    return [_take(x, chosen[..., rank]) for rank in range(chosen.shape[-1])]


def _places(mask: Bool[Tensor, "cell image"]) -> Int[Tensor, "cell some"]:
    """For each cell the images of a mask, and as many others as make all cells' equally many."""
    most = int(mask.sum(1).max())
    return mask.int().argsort(dim=1, descending=True, stable=True)[:, :most]


def _take(values: Tensor, index: Int[Tensor, "cell some"]) -> Tensor:
    """What stands at some images of each cell."""
    if values.ndim == 2:
        return values.gather(1, index)
    return values.gather(1, index[..., None].expand(*index.shape, values.shape[-1]))


def _spread(some: Bool[Tensor, "cell some"], index: Int[Tensor, "cell some"], mask: Any) -> Any:
    """A mask of all images from that of some, within `mask`."""
    return torch.zeros_like(mask).scatter(1, index, some) & mask


def _put(values: Tensor, index: Int[Tensor, "cell some"], some: Tensor, mask: Bool[Tensor, "cell image"]) -> Tensor:
    """Values with those of some images put in their places, where the mask holds."""
    if values.ndim == 2:
        return torch.where(mask, values.scatter(1, index, some), values)
    full = values.scatter(1, index[..., None].expand_as(some), some)
    return torch.where(mask[..., None], full, values)


def _against(logits: Tensor, slopes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """f_y − f_k and its gradient for each class k; infinite for y itself."""
    own = labels[..., None]
    gap = (logits.gather(-1, own) - logits).scatter(-1, own, torch.inf)
    return gap, _picked(slopes, own)[..., None, :] - slopes


def _picked(slopes: Tensor, place: Tensor) -> Tensor:
    """The gradients of one class for each image."""
    return slopes.gather(-2, place[..., None].expand(*place.shape, slopes.shape[-1]))[..., 0, :]


def _difference(ask: Ask, x: Points, labels: Labels, other: Labels) -> tuple[Tensor, Tensor]:
    """f_y − f_k and its gradient, k a class of each image's own."""
    return _slope(ask, x, lambda f: (f.gather(-1, labels[..., None]) - f.gather(-1, other[..., None]))[..., 0])


def _margin_slope(ask: Ask, x: Points, labels: Labels) -> tuple[Tensor, Tensor]:
    """The margin and its gradient."""
    return _slope(ask, x, lambda logits: margin(logits, labels))


def _slope(ask: Ask, x: Points, score: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """A score of each image's logits and its gradient with respect to the image."""

    def total(x: Tensor) -> tuple[Tensor, Tensor]:
        value = score(ask(x))
        return value.sum(), value

    gradient, value = torch.func.grad(total, has_aux=True)(x)
    return value, gradient
