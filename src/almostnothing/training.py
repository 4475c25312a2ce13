"""Training many networks side by side: one batched product does the work of E small ones.

Read it from `train`. A bench has E slots; each slot trains one cell. It walks through blocks of steps; after a block,
the cells that are done are evaluated and handed out, and their slots go to the cells that wait. Every cell has its own
random streams, its own clock and its own learning rate, and batched products treat each network alone: a cell's result
does not depend on which cells are trained beside it, nor on how many.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.torch import load, save
from torch import Tensor, nn

from almostnothing import corruptions, health, networks, optimisers, sealed, stepping, streams
from almostnothing.cells import STORED_VALUES, Cell, key_of
from almostnothing.data.datasets import Dataset
from almostnothing.evaluation import evaluate, tested, validated
from almostnothing.losses import LOSSES

BLOCK_POSITIONS = 8192  # batch positions of one cell in a block of steps


@dataclass(frozen=True)
class Trained:
    """A trained cell: its network, the steps it took, and one dictionary for each evaluation (a table row)."""

    cell: Cell
    network: nn.Sequential
    rows: list[dict[str, Any]]
    logits: dict[str, Tensor]


@dataclass(frozen=True)
class Options:
    """How to train, as opposed to what: changes no number beyond the stated tolerance.

    `slots`: E. `compiled`: on a CPU steps by the compiled engine, on a GPU fused by torch.compile. `checkpoint`: file
    for unfinished cells, written every `checkpoint_seconds`. `keep_logits`: hand out the logits of the test images.
    `report` is told (model-steps taken, cells done) after each block.
    """

    slots: int = 32
    compiled: bool = False
    checkpoint: Path | None = None
    checkpoint_seconds: float = 60.0
    keep_logits: bool = False
    report: Callable[[int, int], None] = field(default=lambda _steps, _cells: None)


class Order:
    """The order in which a cell sees its training set: one random permutation after another."""

    def __init__(self, key: np.ndarray, size: int) -> None:
        self.key, self.size = key, size
        self.first, self.drawn = 0, np.empty((0, size), np.int64)

    def draw(self, start: int, stop: int) -> None:
        """Make the permutations for positions start..stop−1 that are not there, and forget those before."""
        first, last = start // self.size, (stop - 1) // self.size
        kept = self.drawn[max(0, first - self.first) :]
        rows = np.arange(first + len(kept), last + 1)
        made = stepping.permutations(self.key, self.size, first + len(kept), len(rows))
        if made is None:
            made = streams.permutation(self.key, self.size, rows)
        self.drawn = np.concatenate([kept, made])
        self.first = first

    def positions(self, start: int, stop: int) -> np.ndarray:
        """Which image of its training set it sees at positions start..stop−1: int64, shape (stop−start,)."""
        self.draw(start, stop)
        before = self.first * self.size
        return self.drawn.reshape(-1)[start - before : stop - before]


@dataclass(frozen=True)
class Best:
    """A network as it was when it classified most held-out images: how many, after how many steps, its tensors."""

    correct: int
    step: int
    tensors: list[Tensor]


@dataclass
class Team:
    """Cells that share their streams and so their batches: one cell, or those of all strengths with common numbers."""

    cells: list[Cell]
    subset: np.ndarray
    order: Order
    key: np.ndarray
    step: int = 0
    course: list[np.ndarray] = field(default_factory=list)  # mean losses of each block of steps: shape (member,)
    best: dict[int, Best] = field(default_factory=dict)  # by member, of cells with early stopping


def teams(cells: Sequence[Cell], slots: int, clocks: Mapping[Cell, int] | None = None) -> list[list[Cell]]:
    """Group cells that share a stream, begin and end together; all groups of one size that fits the slots.

    Where that cannot be, every cell stays alone. `clocks` are the steps that cells from a checkpoint have taken.
    """
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        name = [cell.stream(), cell.steps, (clocks or {}).get(cell, 0)]
        groups.setdefault(json.dumps(name, sort_keys=True), []).append(cell)
    found = list(groups.values())
    even = len({len(group) for group in found}) == 1 and len(found[0]) <= slots and cells[0].stop_loss is None
    return found if even else [[cell] for cell in cells]


class Bench:
    """E slots on a device, `team` of them to a stream: tensors of fixed shape, which a compiled step needs."""

    def __init__(
        self, shape: Cell, dataset: Dataset, device: torch.device, slots: int, team: int, longest: int, compiled: bool
    ) -> None:
        self.shape, self.dataset, self.device, self.team = shape, dataset, device, team
        self.streams = slots // team
        facts = dataset.facts
        self.law = corruptions.law_of(shape.corruption, dataset)
        self.model = networks.stack(shape, slots).to(device)
        self.parts = self.model.parts()
        self.apply, count = optimisers.optimiser(shape)
        self.moments = [torch.zeros_like(part) for _ in range(count) for part in self.parts]
        self.loss = LOSSES[shape.loss]
        self.fixed = shape.training_corruption == "fixed"
        images = dataset.train.images  # some are views with other strides, or integers of other sizes
        kind = images.dtype if images.dtype == np.uint8 else np.float32
        self.pool = torch.from_numpy(np.ascontiguousarray(images, kind)).to(device)
        self.labels = torch.from_numpy(dataset.train.labels).to(device)
        self.subset = torch.zeros(self.streams, longest, dtype=torch.int64, device=device)
        self.strength = torch.zeros(self.streams, team, device=device)
        self.keys = torch.zeros(self.streams, 2, dtype=torch.int32, device=device)
        stored = self.fixed and longest * facts.pixels <= STORED_VALUES
        self.images = torch.zeros(slots, longest, facts.pixels, device=device) if stored else None
        self.rows = torch.arange(self.streams, device=device)[:, None]
        self.total = torch.zeros(slots, dtype=torch.float64, device=device)
        self.teams: list[Team | None] = [None] * self.streams
        self.engine = compiled and stepping.supported(shape, device)
        self.fused = compiled and device.type == "cuda"
        self.batch, self.update = self._batch, self._update
        if self.fused:
            options: dict[str, Any] = {"fullgraph": True, "dynamic": False, "mode": "reduce-overhead"}  # CUDA graphs
            for tensor in (*self.parts, *self.moments, self.total):
                torch._dynamo.mark_static_address(tensor)
            # a process may meet many architectures; each is compiled once
            torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
            self.batch = torch.compile(self._batch, **options)
            self.update = torch.compile(self._update, **options)

    # One step, in two functions: what they hand over is computed once, which a single compiled graph would not do.

    def _batch(
        self, position: Int[Tensor, "stream batch"], draw: Int[Tensor, "stream batch"]
    ) -> tuple[Float[Tensor, "cell batch pixel"], Int[Tensor, "cell batch"]]:
        """Training inputs as the networks see them, and labels; `draw` numbers fresh corruptions."""
        slots, size = self.streams * self.team, position.shape[1]
        where = self.subset[self.rows, position]
        labels = self.labels[where][:, None].expand(-1, self.team, -1).reshape(slots, size)
        if self.images is not None:
            at = position[:, None].expand(-1, self.team, -1).reshape(slots, size)
            return self.images[torch.arange(slots, device=self.device)[:, None], at], labels
        x = self.law.sample(self.values(where), self.strength, self.keys, where.int() if self.fixed else draw)
        return x.flatten(0, 1), labels

    def _update(
        self,
        x: Float[Tensor, "cell batch pixel"],
        labels: Int[Tensor, "cell batch"],
        rate: Float[Tensor, " cell"],
        root: Float[Tensor, " cell"],
    ) -> None:
        """One step of every cell; its batch's mean loss before it is added to `self.total` where the rate is not 0."""

        def objective(parts: list[Tensor]) -> tuple[Tensor, Tensor]:
            losses = self.loss(self.model.compute(parts, x), labels).mean(1)
            return losses.sum(), losses  # the gradient of the sum is every cell's own

        if self.fused:
            gradients, losses = torch.func.grad(objective, has_aux=True)(self.parts)
        else:  # the same, without the seconds that loading torch's tracer takes
            parts = [part.detach().requires_grad_() for part in self.parts]
            summed, losses = objective(parts)
            gradients = torch.autograd.grad(summed, parts)
        self.apply(self.parts, gradients, self.moments, rate, root)
        self.total.add_(torch.where(rate > 0, losses.detach(), 0.0))

    def values(self, where: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape pixel"]:
        """Clean training images by their place in the pool."""
        return self.pool[where].float() / self.dataset.levels

    def seat(self, stream: int, cells: list[Cell]) -> None:
        """Begin the training of a team of cells in the slots of a stream."""
        first = cells[0]
        subset = self.dataset.subset(first.train_size, first.seed)
        order = Order(key_of(first, "data order"), first.train_size)
        key = key_of(first, "training corruption")
        self.teams[stream] = Team(cells, subset, order, key)
        where = torch.from_numpy(subset).to(self.device)
        self.subset[stream, : len(subset)] = where
        self.strength[stream] = torch.tensor([cell.strength for cell in cells], device=self.device)
        self.keys[stream] = torch.from_numpy(key).to(self.device)
        for member, cell in enumerate(cells):
            tensors = self.model.initial(networks.initial_key(cell), cell.readout_scale)
            self.model.put(stream * self.team + member, tensors, networks.centre(cell, self.dataset))
        for moment in self.moments:
            moment[stream * self.team : (stream + 1) * self.team] = 0
        if self.images is not None:
            here = slice(stream, stream + 1)
            corrupted = self.law.sample(
                self.values(where)[None], self.strength[here], self.keys[here], where.int()[None]
            )
            self.images[stream * self.team : (stream + 1) * self.team, : len(subset)] = corrupted[0]

    def walk(self, length: int) -> np.ndarray:
        """Take `length` steps and return the mean loss of each slot over those that were its cell's: shape (cell,)."""
        batch, team = self.shape.batch_size, self.team
        position = np.zeros((length, self.streams, batch), np.int64)
        draw = np.zeros((length, self.streams, batch), np.int32)
        rate, root = np.zeros((length, self.streams * team)), np.ones((length, self.streams * team))
        for s, here in enumerate(self.teams):
            if here is None:
                continue
            start, stop = here.step * batch, (here.step + length) * batch
            position[:, s] = here.order.positions(start, stop).reshape(length, batch)
            draw[:, s] = np.arange(start, stop, dtype=np.uint32).view(np.int32).reshape(length, batch)
            for member, cell in enumerate(here.cells):
                rate[:, s * team + member], root[:, s * team + member] = optimisers.rates(cell, here.step, length)
            here.step += length
        rate32, root32 = rate.astype(np.float32), root.astype(np.float32)
        total = (self._by_engine if self.engine else self._by_torch)(position, draw, rate32, root32)
        with np.errstate(invalid="ignore"):
            return total / (rate > 0).sum(0)

    def _by_torch(self, *blocks: np.ndarray) -> np.ndarray:
        """Take steps by torch; return the summed losses of each slot."""
        steps = zip(*(torch.from_numpy(block).to(self.device).unbind() for block in blocks), strict=True)
        self.total.zero_()
        for where, drawn, speed, scale in steps:
            x, labels = self.batch(where, drawn)
            self.update(x, labels, speed, scale)
        return self.total.cpu().numpy()

    def _by_engine(self, position: np.ndarray, draw: np.ndarray, rate: np.ndarray, root: np.ndarray) -> np.ndarray:
        """As `_by_torch`, one network after the other: its tensors stay in the processor's cache."""
        total = np.zeros(self.streams * self.team)
        for s, here in enumerate(self.teams):
            if here is None:
                continue
            at = np.ascontiguousarray(position[:, s])
            where = here.subset[at]
            drawn = (where if self.fixed else draw[:, s]).astype(np.uint32)
            for member, cell in enumerate(here.cells):
                slot = s * self.team + member
                stored, places = (None, at) if self.images is None else (self.images[slot], at)
                if stored is None and self.law.kernel is None:  # drawn by torch, for all steps at once
                    x = self.values(torch.from_numpy(where.reshape(1, -1)))
                    number = torch.from_numpy(drawn.view(np.int32).reshape(1, -1))
                    strength, key = self.strength[s : s + 1, member : member + 1], self.keys[s : s + 1]
                    stored = self.law.sample(x, strength, key, number)[0, 0]
                    places = np.arange(where.size).reshape(where.shape)
                images = stepping.Images(
                    self.pool, self.labels, self.dataset.levels, self.law.kernel, here.key, cell.strength, stored
                )
                speed, scale = (np.ascontiguousarray(one[:, slot]) for one in (rate, root))
                losses = stepping.walk(self.model, slot, self.moments, images, where, places, drawn, speed, scale)
                total[slot] = losses.sum()
        return total


def train(
    cells: Sequence[Cell], dataset: Dataset, device: torch.device, options: Options | None = None
) -> Iterator[Trained]:
    """Train cells that differ in size, strength, recipe, steps and seed alone; each is handed out when it is done.

    Raises `ValueError` for cells that cannot share a stack.
    """
    options = options or Options()
    if len({cell.shape() for cell in cells}) != 1:
        raise ValueError("the cells of a stack must share everything but size, strength, recipe, steps and seed")
    saved = read_checkpoint(options.checkpoint)
    waiting = teams(cells, options.slots, {cell: one.step for cell, one in saved.items()})
    team = len(waiting[0])
    rounds = -(-len(waiting) // max(1, options.slots // team))
    slots = -(-len(waiting) // rounds) * team
    with precision(cells[0]):
        bench = Bench(cells[0], dataset, device, slots, team, max(c.train_size for c in cells), options.compiled)
        waiting = restore(bench, waiting, saved)
        length = max(1, BLOCK_POSITIONS // cells[0].batch_size)
        taken, done, written = 0, 0, time.monotonic()
        while True:
            for stream, here in enumerate(bench.teams):
                if here is None and waiting:
                    bench.seat(stream, waiting.pop(0))
            seated = [here for here in bench.teams if here is not None]
            if not seated:
                break
            left = max(cell.steps - here.step for here in seated for cell in here.cells)
            before = [min(here.step, cell.steps) for here in seated for cell in here.cells]
            loss = bench.walk(min(length, left))
            for stream, here in enumerate(bench.teams):
                if here is not None:
                    here.course.append(loss[stream * team : (stream + 1) * team])
            watch(bench)
            taken += sum(min(h.step, c.steps) for h in seated for c in h.cells) - sum(before)
            for trained in harvest(bench, loss, options.keep_logits):
                done += 1
                yield trained
            options.report(taken, done)
            if options.checkpoint and time.monotonic() - written >= options.checkpoint_seconds:
                checkpoint(bench, options.checkpoint)
                written = time.monotonic()
    if options.checkpoint:
        options.checkpoint.unlink(missing_ok=True)


def watch(bench: Bench) -> None:
    """Keep every network that classifies more held-out images than it did after any block of steps before."""
    if not bench.shape.early_stopping:
        return
    seated = [(stream, here) for stream, here in enumerate(bench.teams) if here is not None]
    slots = [stream * bench.team + member for stream, _ in seated for member in range(bench.team)]
    cells = [cell for _, here in seated for cell in here.cells]
    counts = iter(validated(cells, bench.model.select(slots), bench.dataset))
    for stream, here in seated:
        for member, cell in enumerate(here.cells):
            correct, slot = next(counts)["correct"], stream * bench.team + member
            if member not in here.best or correct > here.best[member].correct:
                tensors = [part[slot].clone() for part in bench.parts]
                here.best[member] = Best(correct, min(here.step, cell.steps), tensors)


@contextmanager
def precision(cell: Cell) -> Iterator[None]:
    """Let float32 products use tensor-float-32 where the cell says so."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if cell.precision == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def harvest(bench: Bench, loss: np.ndarray, keep_logits: bool) -> list[Trained]:
    """Evaluate the cells that are done, and free their slots: all steps taken, or loss low enough."""
    over = []
    for stream, here in enumerate(bench.teams):
        if here is not None:
            low = loss[stream * bench.team]
            early = bool(low <= (here.cells[0].stop_loss or -np.inf))
            if early or here.step >= here.cells[0].steps:
                over.append((stream, here))
    if not over:
        return []
    slots = [stream * bench.team + member for stream, _ in over for member in range(bench.team)]
    cells = [cell for _, here in over for cell in here.cells]
    steps = [min(here.step, cell.steps) for _, here in over for cell in here.cells]
    courses = [[float(losses[member]) for losses in here.course] for _, here in over for member in range(bench.team)]
    model = bench.model.select(slots)
    rows, logits = evaluate(cells, model, bench.dataset, keep_logits)
    best = [here.best[member] for _, here in over for member in here.best]
    for e, counts in enumerate(_best_tested(bench, slots, cells, best)):
        for row in rows[e]:
            if row["test"] in counts:
                row |= {"best_correct": counts[row["test"]], "best_taken": best[e].step}
    finished = []
    for e, cell in enumerate(cells):
        finite = bool(np.isfinite(loss[slots[e]])) and all(bool(part[e].isfinite().all()) for part in model.parts())
        seen: dict[str, Any] = {"taken": steps[e], "finite": finite, "falling": health.falling(courses[e])}
        seen["status"] = health.status(rows[e][0] | seen, cell.training_corruption == "fixed" or cell.strength == 0)
        kept = {kind: values[e].contiguous() for kind, values in logits.items()}
        finished.append(Trained(cell, model[e].cpu(), [{**row, **seen} for row in rows[e]], kept))
    for stream, _ in over:
        bench.teams[stream] = None
    return finished


def _best_tested(bench: Bench, slots: list[int], cells: list[Cell], best: list[Best]) -> list[dict[str, int]]:
    """How many test images the best network of each cell classifies, by kind of test; empty without early stopping."""
    if not best:
        return []
    model = bench.model.select(slots)
    for part, tensors in zip(model.parts(), zip(*(one.tensors for one in best), strict=True), strict=True):
        part.copy_(torch.stack(tensors))
    rows, _ = tested(cells, model, bench.dataset)
    return [{row["test"]: row["correct"] for row in own} for own in rows]


def checkpoint(bench: Bench, path: Path) -> None:
    """Write the cells in training, with their moments and clocks, so that a killed job goes on from here."""
    seated = [(stream, here) for stream, here in enumerate(bench.teams) if here is not None]
    slots = [stream * bench.team + member for stream, _ in seated for member in range(bench.team)]
    tensors = [t[slots] for t in (*bench.parts, *bench.moments)]
    best = [one for _, here in seated for one in here.best.values()]
    tensors += [torch.stack(own) for own in zip(*(one.tensors for one in best), strict=True)]
    state = {f"{n:03d}": t.cpu().contiguous() for n, t in enumerate(tensors)}
    clocks = [
        {
            "cell": cell.record(),
            "step": here.step,
            "course": [float(losses[member]) for losses in here.course],
            "best": [here.best[member].correct, here.best[member].step] if here.best else None,
        }
        for _, here in seated
        for member, cell in enumerate(here.cells)
    ]
    state["clocks"] = torch.frombuffer(bytearray(json.dumps(clocks).encode()), dtype=torch.uint8)
    sealed.keep(path, save(state))


@dataclass(frozen=True)
class Saved:
    """A cell in a checkpoint: the steps it has taken, its losses so far, its tensors and their moments.

    With early stopping also how many held-out images were classified at best, after how many steps; the tensors of that
    network follow the others.
    """

    step: int
    course: list[float]
    best: list[int] | None
    tensors: list[Tensor]


def read_checkpoint(path: Path | None) -> dict[Cell, Saved]:
    """The cells that a checkpoint holds; none where there is no checkpoint. A damaged one is dropped."""

    def fits(cell: Cell, one: Saved) -> bool:
        """Whether it has the cell's shapes, and a clock that its losses agree with."""
        parts = [part[0] for part in networks.stack(cell, 1).parts()]
        wanted = parts * (1 + optimisers.optimiser(cell)[1] + bool(one.best))
        length = max(1, BLOCK_POSITIONS // cell.batch_size)
        return (
            [(tensor.shape, tensor.dtype) for tensor in one.tensors] == [(part.shape, part.dtype) for part in wanted]
            and all(isinstance(loss, float) for loss in one.course)
            and one.step == len(one.course) * length
            and bool(one.best) == bool(cell.early_stopping)
            and len(one.best or [0, 0]) == 2
        )

    content = sealed.read(path) if path else None
    if path is None or content is None:
        return {}
    try:
        found = load(content)
        clocks = json.loads(found.pop("clocks").numpy().tobytes())
        state = [found[name] for name in sorted(found)]
        saved = {
            Cell.from_record(clock.pop("cell")): Saved(**clock, tensors=[tensor[row] for tensor in state])
            for row, clock in enumerate(clocks)
        }
        whole = all(fits(cell, one) for cell, one in saved.items())
    except Exception as error:  # whatever reading another structure may raise
        sealed.drop(path, f"it is no checkpoint: {type(error).__name__}")
        return {}
    if not whole:
        sealed.drop(path, "it is not of these networks")
        return {}
    return saved


def restore(bench: Bench, waiting: list[list[Cell]], saved: Mapping[Cell, Saved]) -> list[list[Cell]]:
    """Seat the teams that a checkpoint holds as far as they had come; return the teams that still wait."""
    known = [cells for cells in waiting if all(cell in saved for cell in cells)][: bench.streams]
    for stream, cells in enumerate(known):
        bench.seat(stream, cells)
        here = bench.teams[stream]
        assert here is not None
        here.step = saved[cells[0]].step
        here.course = list(np.array([saved[cell].course for cell in cells]).T)
        for member, cell in enumerate(cells):
            own, best = [*bench.parts, *bench.moments], saved[cell].best
            for tensor, values in zip(own, saved[cell].tensors[: len(own)], strict=True):
                tensor[stream * bench.team + member] = values
            if best:
                correct, step = best
                kept = [values.to(bench.device) for values in saved[cell].tensors[len(own) :]]
                here.best[member] = Best(correct, step, kept)
    return [cells for cells in waiting if cells not in known]
