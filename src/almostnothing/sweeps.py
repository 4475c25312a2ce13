"""From cells to trained networks: planning shards, and training what a shard lacks.

Planning imports no torch: it runs whenever Snakemake reads the Snakefile.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from almostnothing import data, keys
from almostnothing.cells import Cell, ResidualCell
from almostnothing.data.datasets import Remembering
from almostnothing.files import digest
from almostnothing.parameters.page import Compute
from almostnothing.sizes import slots_for, step_flops, training_work
from almostnothing.store import Store

CHECKPOINTS = Path("results/checkpoints")


MOST_SHARDS = 64  # of one architecture: enough for a small cluster


@dataclass(frozen=True)
class Shard:
    """Cells of one architecture and data shape that one job trains."""

    cells: tuple[Cell, ...]

    @property
    def key(self) -> str:
        """The shard's name: the digest of its cells' keys."""
        return digest(list(map(keys.key, self.cells)))


def plan(cells: Iterable[Cell]) -> list[Shard]:
    """Group cells that can be stacked, and cut each group into shards of about equal work."""
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.shape(), []).append(cell)
    shards = []
    for group in groups.values():
        count = min(len(group), MOST_SHARDS, max(1, round(sum(map(training_work, group)))))
        edges = [len(group) * i // count for i in range(count + 1)]
        shards += [Shard(tuple(group[a:b])) for a, b in itertools.pairwise(edges)]
    return shards


def batches(shards: Iterable[Shard], works: Iterable[float] | None = None, most: float = 1.0) -> list[list[Shard]]:
    """Shards of one data set for one job each: small ones together, since a job takes seconds to begin.

    `works`: what each shard is to its job, `most` of which is enough; as they stand, `training_work`.
    """
    found: list[list[Shard]] = []
    work = 0.0
    shards = list(shards)
    for shard, own in zip(shards, works or map(_work, shards), strict=True):
        same = found and found[-1][0].cells[0].dataset == shard.cells[0].dataset
        if not same or work + own > most:
            found.append([])
            work = 0.0
        found[-1].append(shard)
        work += own
    return found


def _work(shard: Shard) -> float:
    return sum(map(training_work, shard.cells))


def stacked(shards: Iterable[Shard]) -> list[Shard]:
    """One shard for all of one architecture: what a GPU, to which a shard is little, trains side by side."""
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for shard in shards:
        groups.setdefault(shard.cells[0].shape(), []).extend(shard.cells)
    return [Shard(tuple(cells)) for cells in groups.values()]


def train(shard: Shard, store: Store, compute: Compute, title: str, folder: Path | None = None) -> int:
    """Train the cells of a shard that the store lacks; return how many those were.

    A cell is in the store as soon as it is done. A job that was killed goes on from its last checkpoint. Where memory
    runs out, the stack is halved and what was not done is begun again.
    """
    missing = store.missing(shard.cells)
    checkpoint = CHECKPOINTS / f"{shard.key}.sealed"
    if not missing:
        checkpoint.unlink(missing_ok=True)  # of a job that was killed between its last cell and its end
    lacking = [c for c in shard.cells if compute.keep_logits and store.has(c) and not store.has_logits(c)]
    if not all([store.sound(cell, weights=True) for cell in lacking]):  # a list: each is looked at
        return train(shard, store, compute, title, folder)
    if not missing and not lacking:
        return 0
    import torch

    from almostnothing import solo, training
    from almostnothing.devices import device_for, out_of_memory
    from almostnothing.evaluation import logits_of
    from almostnothing.progress import Progress

    torch.set_num_threads(1)
    device = device_for(compute.device)
    dataset = Remembering.of(data.load(shard.cells[0].source, folder))
    for cell in lacking:
        weights = store.weights(cell)
        if isinstance(cell, ResidualCell):
            store.put_logits(cell, solo.logits_of(cell, weights, dataset, device))
        else:
            store.put_logits(cell, logits_of(cell, weights, dataset, device))
    if not missing:
        return 0
    memory = torch.cuda.mem_get_info()[0] if device.type == "cuda" else 0
    slots = 1 if isinstance(missing[0], ResidualCell) else min(slots_for(cell, memory) for cell in missing)
    seen: Counter[str] = Counter()
    total = sum(cell.steps for cell in missing)
    with Progress(title, len(missing), total, step_flops(missing[0]), compute.quiet) as progress:
        while left := store.missing(missing):
            options = training.Options(
                slots=slots,
                compiled=compute.compile == "auto",
                checkpoint=checkpoint,
                checkpoint_seconds=compute.checkpoint_seconds,
                keep_logits=compute.keep_logits,
                report=progress.more,
            )
            try:
                alone = [cell for cell in left if isinstance(cell, ResidualCell)]
                train_these = partial(solo.train, alone) if alone else partial(training.train, left)
                for trained in train_these(dataset, device, options):
                    weights = trained.network.state_dict()
                    store.put(trained.cell, trained.rows, weights, trained.logits)
                    seen[trained.rows[0]["status"]] += 1
                    progress.statuses = dict(seen)
            except (MemoryError, RuntimeError) as error:
                if slots == 1 or not out_of_memory(error):
                    raise
                slots //= 2
                print(f"{title}: out of memory, going on with {slots} networks at once", file=sys.stderr)
    return len(missing)
