"""Optimisers and learning-rate schedules for stacked tensors: every cell has its own rate and its own clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor

from almostnothing.cells import Cell
from almostnothing.code import Choices

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
Update = Callable[[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor], Tensor, Tensor], None]


def adam(
    parts: Sequence[Tensor],
    gradients: Sequence[Tensor],
    moments: Sequence[Tensor],
    rate: Float[Tensor, " cell"],
    root: Float[Tensor, " cell"],
) -> None:
    """One step of Adam (Kingma and Ba 2015, algorithm 1), in place; `moments` are all first, then all second moments.

    `rate` is η/(1−β₁ᵗ), `root` 1/√(1−β₂ᵗ). A cell of rate 0 stays where it is.
    """
    rate, root = rate[:, None, None], root[:, None, None]
    pairs = zip(parts, gradients, moments[: len(parts)], moments[len(parts) :], strict=True)
    for part, gradient, first, second in pairs:
        first.lerp_(gradient, 1 - BETA1)
        second.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        part.sub_(rate * (first / (second.sqrt() * root + EPSILON)))


def sgd(momentum: float) -> Update:
    """Stochastic gradient descent with heavy-ball momentum μ: b ← μb + g, w ← w − ηb, in place."""

    def step(
        parts: Sequence[Tensor],
        gradients: Sequence[Tensor],
        moments: Sequence[Tensor],
        rate: Float[Tensor, " cell"],
        root: Float[Tensor, " cell"],  # noqa: ARG001
    ) -> None:
        for part, gradient, buffer in zip(parts, gradients, moments, strict=True):
            buffer.mul_(momentum).add_(gradient)
            part.sub_(rate[:, None, None] * buffer)

    return step


OPTIMISERS: Choices[Callable[[Cell], tuple[Update, int]]] = {
    "adam": lambda _cell: (adam, 2),
    "sgd": lambda cell: (sgd(cell.momentum), 1),
}
# Factor of the learning rate at t/T in [0, 1).
SCHEDULES: Choices[Callable[[np.ndarray], np.ndarray]] = {
    "constant": np.ones_like,
    "linear": lambda progress: 1 - progress,
    "cosine": lambda progress: (1 + np.cos(math.pi * progress)) / 2,
    "one_cycle": lambda progress: np.minimum(progress / 0.2, (1 - progress) / 0.8),
    "drops": lambda progress: np.where(progress < 0.85, 1.0, np.where(progress < 0.95, 0.2, 0.04)),
}


def optimiser(cell: Cell) -> tuple[Update, int]:
    """A cell's optimiser, and how many moments it keeps for each trained tensor."""
    return OPTIMISERS[cell.optimiser](cell)


def rates(cell: Cell, start: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """`rate` and `root` of a cell at steps start..start+length−1, counted from 0: 0 from its last step on."""
    t = np.arange(start, start + length)
    rate = cell.learning_rate * SCHEDULES[cell.schedule](np.minimum(t / cell.steps, 1)) * (t < cell.steps)
    if cell.optimiser != "adam":
        return rate, np.ones(length)
    return rate / (1 - BETA1 ** (t + 1.0)), 1 / np.sqrt(1 - BETA2 ** (t + 1.0))
