"""From a grid of cells to trained networks: planning shards, and training what a shard lacks.

Planning imports no torch: it runs whenever Snakemake reads the Snakefile.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from almostnothing import data, provenance
from almostnothing.cells import Cell, Law
from almostnothing.params import Sweep
from almostnothing.store import Store, code_version

SHARD_FLOPS = 2e12  # a shard is about half a minute of one core
STACK_BYTES = 2**24  # parameters, gradients and moments of a stack that stay in a core's cache
STACK_CELLS = 32


def cells_of(sweep: Sweep) -> list[Cell]:
    """Every cell of a sweep, in the order of its table.

    Raises `UserError` for an unknown data set or a training size that it cannot give.
    """
    for size in sweep.train_size:
        data.check_train_size(sweep.dataset, size)
    options = sweep.corruption.model_dump()
    law = Law(options.pop("law"), tuple(sorted(options.items())))
    axes = itertools.product(sweep.width, sweep.depth, sweep.train_size, sweep.strength, sweep.seeds)
    return [
        Cell(
            dataset=sweep.dataset,
            train_size=size,
            corruption=law,
            strength=strength,
            training_corruption=sweep.training_corruption,
            width=width,
            depth=depth,
            activation=sweep.activation,
            loss=sweep.loss,
            optimiser=sweep.optimiser,
            learning_rate=sweep.learning_rate,
            batch_size=sweep.batch_size,
            steps=sweep.steps,
            test_draws=sweep.test_draws,
            seed=seed,
        )
        for width, depth, size, strength, seed in axes
    ]


def parameter_count(cell: Cell) -> int:
    """Weights and biases of a cell's network."""
    known = data.facts(cell.dataset)
    sizes = [known.pixels, *[cell.width] * (cell.depth - 1), known.classes]
    return sum((a + 1) * b for a, b in itertools.pairwise(sizes))


def training_flops(cell: Cell) -> float:
    """Floating-point operations of a cell's training: 6 for each parameter and presented image."""
    return 6.0 * parameter_count(cell) * cell.batch_size * cell.steps


@dataclass(frozen=True)
class Shard:
    """Cells of one architecture and data shape that one job trains."""

    cells: tuple[Cell, ...]

    @property
    def key(self) -> str:
        """The shard's name: the digest of its cells' keys."""
        code = code_version()
        return provenance.digest([cell.key(code) for cell in self.cells])

    def stacks(self, cells: Sequence[Cell]) -> list[Sequence[Cell]]:
        """Cut some of the shard's cells into stacks that fit a cache."""
        if not cells:
            return []
        each = max(1, min(STACK_CELLS, STACK_BYTES // (16 * parameter_count(cells[0]))))
        return [cells[i : i + each] for i in range(0, len(cells), each)]


def plan(cells: Iterable[Cell]) -> list[Shard]:
    """Group cells that can be stacked, and cut each group into shards of about equal work."""
    groups: dict[Cell, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.shape(), []).append(cell)
    shards = []
    for group in groups.values():
        count = min(len(group), max(1, round(sum(map(training_flops, group)) / SHARD_FLOPS)))
        edges = [len(group) * i // count for i in range(count + 1)]
        shards += [Shard(tuple(group[a:b])) for a, b in itertools.pairwise(edges)]
    return shards


def train(shard: Shard, store: Store, device: str, title: str) -> int:
    """Train the cells of a shard that the store lacks, stack by stack; return how many those were."""
    missing = store.missing(shard.cells)
    if not missing:
        return 0
    import torch

    from almostnothing import training
    from almostnothing.networks import tensors
    from almostnothing.progress import Progress

    torch.set_num_threads(1)
    where = training.device_for(device)
    dataset = data.load(missing[0].dataset)
    steps = missing[0].steps
    with Progress(title, len(missing), steps) as progress:
        for stack in shard.stacks(missing):
            for trained in training.train(stack, dataset, where, partial(progress.steps, len(stack))):
                store.put(trained.cell, trained.rows, tensors(trained.network))
            progress.finished(len(stack))
    return len(missing)
