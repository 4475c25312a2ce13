"""Training a stack of networks side by side: one batched product does the work of E small ones.

Read it from `train`: it draws the networks, walks through the steps, and evaluates what came out. Every cell has its
own streams (initial weights, data order, corruption), derived from its record, and batched products treat each network
alone: so a result does not depend on which cells are trained beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value

from almostnothing import corruptions, networks, streams
from almostnothing.cells import Cell
from almostnothing.data import Dataset, Split
from almostnothing.errors import UserError

POSITIONS_PER_BLOCK = 8192  # batch positions of one cell whose order is drawn at once
PIXELS_PER_CHUNK = 2**24  # pixels that an evaluation holds at once, over all cells
Report = Callable[[int], None]


@dataclass(frozen=True)
class Trained:
    """A trained cell: its network, and counts over the images of each evaluation, one dictionary per table row."""

    cell: Cell
    network: nn.Sequential
    rows: list[dict[str, Any]]


def device_for(name: str) -> torch.device:
    """The device that a parameter file asks for: "cpu", "cuda", or "auto" (cuda where there is one).

    Raises `UserError` for "cuda" on a machine without one.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device: cuda is asked for, but this machine has no CUDA device: use cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def device_name(device: torch.device) -> str:
    """What a table says of where its numbers were made: "cpu", or the name of the card."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def cross_entropy(
    logits: Float[Tensor, "cell batch label"], labels: Int[Tensor, "cell batch"]
) -> Float[Tensor, "cell batch"]:
    """−ln softmax(f)_y of every image, in nats."""
    return torch.logsumexp(logits, -1) - logits.gather(-1, labels[..., None])[..., 0]


def squared_error(
    logits: Float[Tensor, "cell batch label"], labels: Int[Tensor, "cell batch"]
) -> Float[Tensor, "cell batch"]:
    """½ Σₖ (fₖ − δₖᵧ)² of every image."""
    target = nn.functional.one_hot(labels, logits.shape[-1]).to(logits.dtype)
    return (logits - target).square().sum(-1) / 2


LOSSES = {"cross_entropy": cross_entropy, "mse": squared_error}


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) on stacked tensors, with one learning rate per cell."""

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, parameters: dict[str, Tensor], rate: Float[Tensor, " cell"]) -> None:
        self.rate = rate[:, None, None]
        self.first = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self.second = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self.t = 0

    def step(self, parameters: dict[str, Tensor], gradients: dict[str, Tensor]) -> None:
        """Move the parameters, in place, by one step."""
        self.t += 1
        size = self.rate / (1 - self.BETA1**self.t)
        root = (1 - self.BETA2**self.t) ** 0.5
        for name, g in gradients.items():
            m = self.first[name].lerp_(g, 1 - self.BETA1)
            v = self.second[name].mul_(self.BETA2).addcmul_(g, g, value=1 - self.BETA2)
            parameters[name].sub_(size * m / (v.sqrt() / root + self.EPSILON))


class Orders:
    """The order in which each cell sees its training set: one random permutation after another."""

    def __init__(self, keys: Sequence[np.ndarray], sizes: Sequence[int]) -> None:
        self.keys, self.sizes = keys, sizes
        self.drawn: list[tuple[int, np.ndarray]] = [(-1, np.empty(0, np.int64))] * len(keys)

    def _epoch(self, cell: int, epoch: int) -> np.ndarray:
        if self.drawn[cell][0] != epoch:
            order = streams.permutation(self.keys[cell], self.sizes[cell], row=epoch)
            self.drawn[cell] = (epoch, order)
        return self.drawn[cell][1]

    def positions(self, start: int, stop: int) -> np.ndarray:
        """Which image of its training set each cell sees at positions start..stop−1: int64, (cell, stop−start)."""
        rows = []
        for cell, size in enumerate(self.sizes):
            first = start // size
            epochs = [self._epoch(cell, e) for e in range(first, (stop - 1) // size + 1)]
            rows.append(np.concatenate(epochs)[start - first * size : stop - first * size])
        return np.stack(rows)


class Stack:
    """What the cells of one stack share (data, law) and what each has of its own (streams, strength, subset)."""

    def __init__(self, cells: Sequence[Cell], dataset: Dataset, device: torch.device) -> None:
        if len({cell.shape() for cell in cells}) != 1:
            raise ValueError("the cells of a stack must share everything but size, strength, rate and seed")
        self.cells, self.shape, self.device, self.dataset = cells, cells[0], device, dataset
        self.law = corruptions.build(self.shape.corruption, dataset)
        self.strength = torch.tensor([c.strength for c in cells], dtype=torch.float32, device=device)
        self.sizes = [c.train_size for c in cells]
        subsets = [dataset.subset(c.train_size, c.seed) for c in cells]
        self.starts = torch.from_numpy(np.cumsum([0, *self.sizes[:-1]])).to(device)[:, None]
        chosen = np.concatenate(subsets)
        self.images = self._values(dataset.train)[torch.from_numpy(chosen).to(device)]
        self.labels = torch.from_numpy(dataset.train.labels[chosen]).to(device)
        self.index = torch.from_numpy(chosen.astype(np.int32)).to(device)
        self.noise = self.keys("training corruption")
        self.fixed = self.shape.training_corruption == "fixed"
        if self.fixed:
            parts = zip(self.images.split(self.sizes), self.index.split(self.sizes), strict=True)
            self.images = torch.cat(
                [
                    self.law.sample(x[None], self.strength[e, None], self.noise[e, None], i[None])[0]
                    for e, (x, i) in enumerate(parts)
                ]
            )

    def _values(self, split: Split) -> Float[Tensor, "image pixel"]:
        return torch.from_numpy(self.dataset.values(split)).to(self.device)

    def key_list(self, purpose: str) -> list[np.ndarray]:
        """Each cell's own stream for a purpose."""
        return [streams.stream_key(c.seed, purpose, c.record()) for c in self.cells]

    def keys(self, purpose: str) -> Int[Tensor, "cell 2"]:
        """`key_list` as a tensor on the device."""
        return torch.from_numpy(np.stack(self.key_list(purpose))).to(self.device)

    def batch(
        self, position: Int[Tensor, "cell batch"], draw: Int[Tensor, "cell batch"]
    ) -> tuple[Float[Tensor, "cell batch pixel"], Int[Tensor, "cell batch"]]:
        """Training inputs as the networks see them, and labels; `draw` numbers fresh corruptions."""
        where = position + self.starts
        x = self.images[where]
        if not self.fixed:
            x = self.law.sample(x, self.strength, self.noise, draw.int())
        return x, self.labels[where]


def train(
    cells: Sequence[Cell],
    dataset: Dataset,
    device: torch.device,
    report: Report = lambda _: None,
) -> list[Trained]:
    """Train the cells as one stack and evaluate them; `report` is told how many steps are done."""
    stack = Stack(cells, dataset, device)
    cell, facts = stack.shape, dataset.facts
    sizes = [facts.pixels, *[cell.width] * (cell.depth - 1), facts.classes]
    model = networks.StackedMLP(len(cells), sizes, cell.activation)
    model.initialise(stack.key_list("initial weights"))
    model = model.to(device)
    parameters = {name: p.data for name, p in model.named_parameters()}
    loss_of = LOSSES[cell.loss]

    def objective(parameters: dict[str, Tensor], x: Tensor, labels: Tensor) -> Float[Tensor, ""]:
        """Sum over cells of each cell's mean loss: its gradient is every cell's own."""
        return loss_of(functional_call(model, parameters, (x,)), labels).mean(1).sum()

    rate = torch.tensor([c.learning_rate for c in cells], device=device)
    optimiser = Adam(parameters, rate)
    orders = Orders(stack.key_list("data order"), stack.sizes)
    gradient = grad_and_value(objective)
    width = cell.batch_size
    per_block = max(1, POSITIONS_PER_BLOCK // width)
    for first in range(0, cell.steps, per_block):
        last = min(first + per_block, cell.steps)
        block = torch.from_numpy(orders.positions(first * width, last * width)).to(device)
        for step in range(first, last):
            here = slice((step - first) * width, (step - first + 1) * width)
            draw = torch.arange(step * width, (step + 1) * width, device=device).expand(len(cells), -1)
            x, labels = stack.batch(block[:, here], draw)
            gradients, _ = gradient(parameters, x, labels)
            optimiser.step(parameters, gradients)
        report(last)
    rows = evaluate(stack, model)
    return [Trained(c, model[e].cpu(), rows[e]) for e, c in enumerate(cells)]


@torch.no_grad()
def evaluate(stack: Stack, model: networks.StackedMLP) -> list[list[dict[str, Any]]]:
    """Counts and loss of every cell on three sets of images: one list of table rows per cell.

    clean: the test images. corrupted: the test images under the cell's own law and strength, `test_draws` times.
    train: the training images as the network saw them (fresh corruption: in one more draw).
    """
    cells, shape, device = stack.cells, stack.shape, stack.device
    images = stack._values(stack.dataset.test)
    labels = torch.from_numpy(stack.dataset.test.labels).to(device)
    noise = stack.keys("test corruption")
    n, longest = len(images), max(stack.sizes)
    sizes = torch.tensor(stack.sizes, device=device)[:, None]

    def clean(at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = images[at].expand(len(cells), -1, -1)
        return x, labels[at].expand(len(cells), -1), torch.ones(len(cells), len(at), device=device)

    def corrupted(at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, y, counted = clean(at % n)
        draw = at.int().expand(len(cells), -1)
        return stack.law.sample(x, stack.strength, noise, draw), y, counted

    def seen(at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inside = at < sizes
        draw = shape.steps * shape.batch_size + at
        x, y = stack.batch(at.clamp(max=sizes - 1), draw.expand(len(cells), -1))
        return x, y, inside.float()

    rows: list[list[dict[str, Any]]] = [[] for _ in cells]
    kinds = {
        "clean": (clean, n),
        "corrupted": (corrupted, n * shape.test_draws),
        "train": (seen, longest),
    }
    for kind, (pick, total) in kinds.items():
        correct, images_seen, loss = torch.zeros(3, len(cells), dtype=torch.float64, device=device)
        chunk = max(1, PIXELS_PER_CHUNK // (len(cells) * images.shape[1]))
        for at in torch.arange(total, device=device).split(chunk):
            x, y, counted = pick(at)
            logits = model(x)
            correct += ((logits.argmax(-1) == y) * counted).sum(1)
            loss += (LOSSES[shape.loss](logits, y).double() * counted).sum(1)
            images_seen += counted.sum(1)
        for e in range(len(cells)):
            rows[e].append(
                {
                    "test": kind,
                    "correct": int(correct[e]),
                    "images": int(images_seen[e]),
                    "loss": float(loss[e] / images_seen[e]),
                    "device": device_name(device),
                }
            )
    return rows
