"""Training residual networks, one after the other, by torch's autograd; read it from `train`.

The steps, streams, statuses and rows are those of `training`; what is other: a network has a device to itself, its
images are moved, mirrored and changed by a policy before they are corrupted, and on a GPU the step is compiled.
"""

from __future__ import annotations

import copy
import io
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from almostnothing import augmentations, corruptions, health, residual, sealed
from almostnothing.cells import ResidualCell, key_of
from almostnothing.data.arrays import Split
from almostnothing.data.datasets import Dataset
from almostnothing.evaluation import SHOWN, scores, shown
from almostnothing.losses import LOSSES
from almostnothing.measures import fitting
from almostnothing.optimisers import BETA1, BETA2, EPSILON, SCHEDULES
from almostnothing.training import BLOCK_POSITIONS, Options, Order, Trained

EACH = 500  # images that an evaluation shows at once
MOST_WORKERS = 16
PREPARED = 4  # batches that each process of a policy holds ready


class Prepared(torch.utils.data.Dataset):
    """Every step's batch of clean images, after its policy: what worker processes make while a GPU trains."""

    def __init__(self, cell: ResidualCell, dataset: Dataset, first: int) -> None:
        self.cell, self.dataset, self.first = cell, dataset, first
        self.subset = dataset.subset(cell.train_size, cell.seed)
        self.order = Order(key_of(cell, "data order"), cell.train_size)
        self.key = key_of(cell, "policy")

    def __len__(self) -> int:
        """Steps that are left."""
        return self.cell.steps - self.first

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Images, float32 of shape (image, pixel), and labels of the step that many after the first."""
        size, step = self.cell.batch_size, self.first + index
        where = self.subset[self.order.positions(step * size, (step + 1) * size)]
        images = torch.from_numpy(np.ascontiguousarray(self.dataset.train.images[where]))
        x = images.float() / self.dataset.levels
        if self.cell.policy != "none":
            square = x.mul(255).round().to(torch.uint8).view(-1, *self.cell.source.facts.shape)
            x = augmentations.changed(self.cell.policy, square, self.key, step).flatten(1).float() / 255
        return x, torch.from_numpy(self.dataset.train.labels[where])


@dataclass
class Student:
    """A network in training: its optimiser, the steps it has taken, the mean loss of each block of steps."""

    network: nn.Sequential
    optimiser: torch.optim.Optimizer
    step: int = 0
    course: list[float] = field(default_factory=list)

    def saved(self, cell: ResidualCell) -> bytes:
        """All that a killed job needs to go on."""
        state = {"cell": json.dumps(cell.record()), "step": self.step, "course": self.course}
        state |= {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        buffer = io.BytesIO()
        torch.save(state, buffer)
        return buffer.getvalue()

    def restore(self, cell: ResidualCell, options: Options, device: torch.device) -> None:
        """Go on from a checkpoint, if there is one of this cell; a damaged one is dropped."""
        content = sealed.read(options.checkpoint) if options.checkpoint else None
        if options.checkpoint is None or content is None:
            return
        network = copy.deepcopy(self.network)  # what does not fit may be found when half of it is loaded
        trial = Student(network, optimiser(cell, network))
        try:
            state = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
            if json.loads(state["cell"]) != json.loads(json.dumps(cell.record())):
                return
            trial._load(state)
            whole = trial._fits(cell)
        except Exception as error:  # whatever reading another structure may raise
            sealed.drop(options.checkpoint, f"it is no checkpoint: {type(error).__name__}")
            return
        if not whole:
            sealed.drop(options.checkpoint, "it is not of this network")
            return
        self._load(state)

    def _load(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.course = state["step"], state["course"]

    def _fits(self, cell: ResidualCell) -> bool:
        """Whether the optimiser's tensors have their weights' shapes, and losses are those of so many steps."""
        length = max(1, BLOCK_POSITIONS // cell.batch_size)
        kept = [(p, value) for p, own in self.optimiser.state.items() for value in own.values() if value is not None]
        return (
            all(value.shape in (p.shape, ()) for p, value in kept)
            and all(isinstance(loss, float) for loss in self.course)
            and self.step == min(len(self.course) * length, cell.steps)
        )


def train(
    cells: Sequence[ResidualCell], dataset: Dataset, device: torch.device, options: Options | None = None
) -> Iterator[Trained]:
    """Train cells one after the other; each is handed out when it is done. See `training.train` for the options."""
    options, taken = options or Options(), 0
    for done, cell in enumerate(cells):
        with residual.products(cell):
            network = residual.initialised(cell, dataset).to(device, dtype_of(cell))
            student = Student(network, optimiser(cell, network))
            student.restore(cell, options, device)
            for _ in walk(cell, student, dataset, device, options):
                options.report(taken + student.step, done)
            taken += student.step
            trained = judged(cell, student, dataset, device, options.keep_logits)
        if options.checkpoint:
            options.checkpoint.unlink(missing_ok=True)
        yield trained
        options.report(taken, done + 1)


def dtype_of(cell: ResidualCell) -> torch.dtype:
    """What a network's weights are trained in; they are kept, and asked, in float32."""
    return torch.float64 if cell.precision == "float64" else torch.float32


def optimiser(cell: ResidualCell, network: nn.Sequential) -> torch.optim.Optimizer:
    """A cell's optimiser: torch's own; weight decay is added to the gradient, of all weights alike."""
    if cell.optimiser == "adam":
        betas = (BETA1, BETA2)
        return torch.optim.Adam(
            network.parameters(), cell.learning_rate, betas, EPSILON, weight_decay=cell.weight_decay
        )
    return torch.optim.SGD(network.parameters(), cell.learning_rate, cell.momentum, weight_decay=cell.weight_decay)


def walk(
    cell: ResidualCell, student: Student, dataset: Dataset, device: torch.device, options: Options
) -> Iterator[None]:
    """Take all steps that are left, a block of steps at a time."""
    length = max(1, BLOCK_POSITIONS // cell.batch_size)
    law = corruptions.law_of(cell.corruption, dataset)
    strength = torch.full((1, 1), cell.strength, device=device)
    keys = torch.from_numpy(key_of(cell, "training corruption")).to(device)[None]
    moves = key_of(cell, "augmentation")
    learner = torch.compile(student.network) if options.compiled and device.type == "cuda" else student.network
    if student.course and over(cell, student.course[-1]):  # a job that was killed after its last block
        return
    student.network.train()
    total, count, written = torch.zeros((), dtype=torch.float64, device=device), 0, time.monotonic()
    for x, labels in batches(cell, dataset, student.step, device):
        first = student.step * cell.batch_size
        draws = np.arange(first, first + cell.batch_size, dtype=np.uint32).view(np.int32)
        x = x.to(device, non_blocking=True).view(-1, *cell.source.facts.shape)
        x = augmentations.augmented(cell.augmentation, x, moves, draws).flatten(1)
        x = law.sample(x[None], strength, keys, torch.from_numpy(draws).to(device)[None])[0, 0]
        with dropped(cell, student.step, device), residual.cast(cell, device):
            logits = learner(x.to(dtype_of(cell))).to(dtype_of(cell))
        loss = LOSSES[cell.loss](logits[None], labels.to(device, non_blocking=True)[None]).mean()
        for group in student.optimiser.param_groups:
            group["lr"] = cell.learning_rate * float(SCHEDULES[cell.schedule](np.array([student.step / cell.steps]))[0])
        student.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        student.optimiser.step()
        student.step, count = student.step + 1, count + 1
        total += loss.detach()
        if count == length or student.step == cell.steps:
            student.course.append(float(total) / count)
            total, count = torch.zeros_like(total), 0
            if options.checkpoint and time.monotonic() - written >= options.checkpoint_seconds:
                sealed.keep(options.checkpoint, student.saved(cell))
                written = time.monotonic()
            yield
            if over(cell, student.course[-1]):
                return


def over(cell: ResidualCell, loss: float) -> bool:
    """Whether training ends before its last step: by a block's mean loss that is low enough, or not finite."""
    return loss <= (cell.stop_loss or -np.inf) or not np.isfinite(loss)


def batches(cell: ResidualCell, dataset: Dataset, first: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Images and labels of each step from the first on; for a GPU policies run in processes of their own."""
    prepared = Prepared(cell, dataset, first)
    workers = min(MOST_WORKERS, cores() - 1) if device.type == "cuda" and cell.policy != "none" else 0
    options: dict[str, Any] = {"num_workers": workers, "prefetch_factor": PREPARED} if workers else {}
    yield from torch.utils.data.DataLoader(
        prepared, batch_size=None, shuffle=False, pin_memory=device.type == "cuda", **options
    )


def cores() -> int:
    """Processor cores that this job may use, at least two: one trains."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(2, allowed or 2)


def dropped(cell: ResidualCell, step: int, device: torch.device) -> AbstractContextManager[None]:
    """Draws of dropout that are those of the step."""
    if not cell.dropout:
        return nullcontext()
    devices = [device] if device.type == "cuda" else []
    return augmentations.seeded(key_of(cell, "dropout"), step, devices)


@torch.no_grad()
def outputs(
    cell: ResidualCell,
    network: nn.Sequential,
    dataset: Dataset,
    split: Split,
    where: np.ndarray,
    draw: np.ndarray,
    purpose: str | None,
) -> tuple[Float[Tensor, "cell image label"], Int[Tensor, "cell image"]]:
    """Logits on, and labels of, the images `where` of a split: see `evaluation.shown`; a stack of one."""
    device, found, labels = next(network.parameters()).device, [], []
    for x, own in shown([cell], dataset, split, where[None], draw[None], purpose, EACH, device):
        with residual.cast(cell, device):
            found.append(network(x[0]).float())
        labels.append(own[0])
    return torch.cat(found)[None], torch.cat(labels)[None]


def tested(
    cell: ResidualCell, network: nn.Sequential, dataset: Dataset
) -> tuple[list[dict[str, Any]], dict[str, Float[Tensor, "cell image label"]]]:
    """The rows "clean" and "corrupted" of a network, and the logits of both."""
    rows, kept, tests = [], {}, np.arange(len(dataset.test.labels))
    for kind, draws, purpose in (("clean", 1, None), ("corrupted", cell.test_draws, "test corruption")):
        where, number = np.tile(tests, draws), np.arange(len(tests) * draws)
        kept[kind], labels = outputs(cell, network, dataset, dataset.test, where, number, purpose)
        rows.append({"test": kind, **scores(cell.loss, kept[kind], labels)[0]})
    return rows, kept


def judged(cell: ResidualCell, student: Student, dataset: Dataset, device: torch.device, keep_logits: bool) -> Trained:
    """A trained cell with its rows and status: see `evaluation.evaluate` and `health.status`.

    Training images are shown as they are, not moved or changed by a policy, under one more draw of the corruption.
    """
    network = student.network.float().eval()
    rows, logits = tested(cell, network, dataset)
    if cell.validation:
        where = dataset.validation(cell.validation, cell.seed)
        found = outputs(cell, network, dataset, dataset.train, where, where, "validation corruption")
        rows.append({"test": "validation", **scores(cell.loss, *found)[0]})
    where = dataset.subset(cell.train_size, cell.seed)
    after = cell.steps * cell.batch_size + np.arange(len(where))
    own = scores(cell.loss, *outputs(cell, network, dataset, dataset.train, where, after, "training corruption"))[0]
    rows.append({"test": "train", **own})
    some = [cell], dataset, dataset.train, where[None, :SHOWN], after[None, :SHOWN], "training corruption"
    seen = list(shown(*some, EACH, device))
    units = residual.active_shares(network, (x[0] for x, _ in seen))
    x, labels = torch.cat([x for x, _ in seen], 1), torch.cat([y for _, y in seen], 1)
    [reference] = fitting.nearest_mean_accuracy(x, labels, dataset.facts.classes)
    weights = network.state_dict()
    finite = bool(np.isfinite(student.course[-1])) and all(bool(part.isfinite().all()) for part in weights.values())
    of_network: dict[str, Any] = {
        "units": units,
        "active": min(units),
        "reference": reference,
        "chance": 1 / dataset.facts.classes,
        "shown": x.shape[1],
        "fitted": own["correct"] / own["images"],
        "modal": fitting.modal_shares(logits["clean"])[0],
        "taken": student.step,
        "finite": finite,
        "falling": health.falling(student.course),
    }
    of_network["status"] = health.status(of_network, fixed=False)
    kept = {kind: values[0].cpu().contiguous() for kind, values in logits.items() if keep_logits}
    plain = network.cpu().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return Trained(cell, plain, [{**row, **of_network} for row in rows], kept)


def logits_of(
    cell: ResidualCell, weights: dict[str, Tensor], dataset: Dataset, device: torch.device
) -> dict[str, Float[Tensor, "image label"]]:
    """Logits of the clean and corrupted test images of a trained cell, from its stored weights."""
    with residual.products(cell):
        _, logits = tested(cell, residual.restored(cell, weights).to(device), dataset)
    return {kind: values[0].cpu().contiguous() for kind, values in logits.items()}
