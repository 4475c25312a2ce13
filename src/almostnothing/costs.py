"""What a job costs: memory, time and work."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from almostnothing.cells import RESIDUAL, Cell
from almostnothing.parameters.page import Compute
from almostnothing.sizes import expected_steps, overhead_seconds, single_bytes, slot_bytes, slots_for, training_flops
from almostnothing.store import Store
from almostnothing.sweeps import Shard

PAGE_SECONDS = 20.0  # of one core, to measure and draw a page of the quick set
START_SECONDS = 3.0  # of a job that trains
DATA_COPIES = 3  # of its training images that reading a data set holds at once


PROCESS_BYTES, COMPILER_BYTES = 450 * 2**20, 500 * 2**20  # an interpreter with torch, and a compiler at work


def job_bytes(shard: Shard) -> int:
    """Memory that a job on the CPU needs at most: the interpreter with torch, the data, and its stack.

    Or, before the data are there, the compiler: where it is the first job of this machine.
    """
    cell = shard.cells[0]
    alone = cell.family in RESIDUAL
    slots = 1 if alone else min(len(shard.cells), min(slots_for(c) for c in shard.cells))
    known = cell.source.facts
    images = DATA_COPIES * known.classes * known.train_per_class * known.pixels
    images *= 1 if cell.downsample == 1 and cell.pca_rank is None else 4
    stack = slots * max((single_bytes if alone else slot_bytes)(c) for c in shard.cells)
    return PROCESS_BYTES + max(COMPILER_BYTES, images + stack)


@dataclass(frozen=True)
class Estimate:
    """What a sweep asks for: cells to train, their matrix-product work, memory of its largest job, time of one core."""

    cells: int
    flops: float
    bytes: int
    seconds: float


def estimate(shards: Iterable[Shard], store: Store, compute: Compute) -> Estimate:
    """Estimate the work that remains on this machine's CPU, from the speed of its matrix product measured now.

    Seconds are those of one core: products at 60 % of the peak, and for each model-step the costs of corruption and
    overhead that benchmarks/training.py finds. Good to about a factor of two.
    """
    cells, flops, size, seconds, peak = 0, 0.0, 0, 0.0, matrix_speed()
    compiled = compute.compile == "auto"
    for shard in shards:
        missing = store.missing(shard.cells)
        if not missing:
            continue
        cells, flops = cells + len(missing), flops + sum(map(training_flops, missing))
        size = max(size, job_bytes(shard))
        seconds += sum(training_seconds(cell, peak, compiled) for cell in missing) + START_SECONDS
    return Estimate(cells, flops, size, seconds)


def training_seconds(cell: Cell, peak: float, compiled: bool) -> float:
    """Time of one core for a cell's steps, where a matrix product runs at `peak` FLOP per second."""
    fresh = cell.training_corruption == "fresh"
    noise, overhead = (7e-10, 4e-6) if compiled else (8e-9 if fresh else 1e-9, 6e-5)
    pixels = cell.batch_size * cell.source.facts.pixels
    beside = expected_steps(cell) * (noise * pixels + overhead) + overhead_seconds(cell)
    return training_flops(cell) / (0.6 * peak) + beside


def matrix_speed() -> float:
    """FLOP per second of a float32 matrix product on one core of this machine, as NumPy computes it."""
    a = np.ones((768, 768), np.float32)
    times = []
    with threadpool_limits(1):
        for _ in range(8):
            start = time.perf_counter()
            a @ a
            times.append(time.perf_counter() - start)
    return 2 * 768**3 / min(times)
