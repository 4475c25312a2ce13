"""Which class a network chooses, and which the rules of seed 001 choose, on the same test points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from almostnothing import networks
from almostnothing.cells import Cell
from almostnothing.corruptions.law import Corruption
from almostnothing.measures.naming import BINS
from almostnothing.theory import kernels, prototypes
from almostnothing.theory.prototypes import Expansion, Training

LEAST_RIDGE = 1e-8  # less amplifies the rounding of kernels, more is no limit


Scores = Float[Tensor, "point label"]


def scores(
    about: Expansion,
    training: Training,
    x: Float[Tensor, "point pixel"],
    law: Corruption,
    strength: float,
    shift: float,
) -> dict[str, Scores]:
    """Every rule's scores for test points, which like the training images have been shifted as the network sees them.

    `about`: the network's kernel, expanded at these points. No "debiased" where the corruption's mean cannot be taken
    back: see `prototypes.debiased_mean`.
    """
    means = training.means(training.images)
    low, quarter, high = law.mean(np.array([0.0, 0.25, 1.0]), strength)
    found = {"ncm": prototypes.nearest_mean(x, means)}
    if high > low and np.isclose(quarter, low + (high - low) / 4):  # affine
        found["debiased"] = prototypes.debiased_mean(x + shift, means + shift, law, strength)
    found["correlation"] = prototypes.correlation(x, training)
    found["first_order"] = prototypes.first_order(x, training, about)
    found["resummed"] = prototypes.resummed(x, training, about)
    return found


def architecture(cell: Cell) -> kernels.Architecture:
    """The infinitely wide network of a cell's activation, depth and initial weights."""
    usual = kernels.Architecture(cell.activation, cell.depth)
    return replace(usual, weight_variance=usual.gain * cell.init_scale**2)


def regression(
    network: kernels.Architecture,
    images: Float[Tensor, "image pixel"],
    targets: Float[Tensor, "image column"],
    points: Sequence[Float[Tensor, "_ pixel"]],
) -> list[Float[Tensor, "_ column"]]:
    """Ridgeless regression with Θ at each set of points: infinitely wide networks, trained to convergence.

    As the limit of a ridge, `LEAST_RIDGE` of the kernel's mean diagonal: a training image may be all zero.
    """
    gram = kernels.gram(network, images)
    coefficients = kernels.solve(gram, targets, [LEAST_RIDGE * float(gram.diagonal().mean())])
    return [kernels.predict(network, images, coefficients, x)[0] for x in points]


@torch.no_grad()
def start(cell: Cell, x: Float[Tensor, "image pixel"]) -> Float[Tensor, "image label"]:
    """A cell's network before training, f₀, on images that have been shifted as it sees them.

    The infinitely wide network that starts from it ends at f₀ + Θ*Θ⁻¹(one-hot − f₀) (Lee et al. 2019).
    """
    network = networks.stack(cell, 1).to(x.device)
    network.put(0, network.initial(networks.initial_key(cell), cell.readout_scale))
    return network(x.float()[None])[0].double()


def accuracy(scores: Scores, labels: Int[Tensor, " point"]) -> float:
    """The share of points at which the scores choose the label."""
    return float((scores.argmax(1) == labels).double().mean())


def same(first: Scores, second: Scores) -> Bool[Tensor, " point"]:
    """Where both choose the same class."""
    return first.argmax(1) == second.argmax(1)


def margin(scores: Scores) -> Float[Tensor, " point"]:
    """By how much the largest score exceeds the next: the logit gap of a network."""
    top = scores.topk(2, dim=1).values
    return top[:, 0] - top[:, 1]


def breakdown(
    agree: Bool[Tensor, " point"], own: Float[Tensor, " point"], labels: Int[Tensor, " point"]
) -> dict[str, float]:
    """The share of points that agree: of all, by fifths of the rule's own margin from the smallest on, and by class."""
    values = agree.double()
    order = own.argsort()
    fifths = {f"fifth_{k + 1}": float(values[part].mean()) for k, part in enumerate(order.tensor_split(BINS))}
    classes = {f"class_{k}": float(values[labels == k].mean()) for k in labels.unique().tolist()}
    return {"agreement": float(values.mean()), **fifths, **classes}
