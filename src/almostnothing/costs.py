"""What a job costs: memory, time and work."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from almostnothing.cells import RESIDUAL, Cell, residual_layers
from almostnothing.parameters.page import Compute
from almostnothing.sizes import (
    expected_steps,
    overhead_seconds,
    parameter_count,
    single_bytes,
    slot_bytes,
    slots_for,
    training_flops,
)
from almostnothing.store import Store
from almostnothing.sweeps import Shard, stacked

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


# Of a GPU: assumed, since none was at hand to measure one. Matrix products that it keeps up, the time of a step of a
# stack or of a layer beside them, and the memory of the machine that CUDA's libraries take.
GPU_FLOPS, GPU_STEP_SECONDS, GPU_LAYER_SECONDS = 5e12, 2e-3, 2e-4
CUDA_BYTES = 3 * 2**30
CARD_BYTES, CONTEXT_BYTES = 80 * 2**30, 2**30  # of a card, and of that what CUDA itself takes for a process
MOST_STACKED = 1024  # networks of a stack on a GPU
ROW_BYTES = 8192  # of a network in the store, beside its weights: its rows, and the folder


def gpu_job_bytes(shards: Iterable[Shard]) -> int:
    """Memory of the machine, not of the card, that a job on a GPU needs at most: a checkpoint copies a whole stack."""
    return CUDA_BYTES + max(job_bytes(shard) + 2 * _stack_bytes(shard.cells) for shard in shards)


def card_bytes(shards: Iterable[Shard]) -> int:
    """Memory of the card that a job needs at most: its shards of one architecture are one stack, each after another."""
    stacks = [shard.cells for shard in stacked(shards)]
    return CONTEXT_BYTES + max(min(_stack_bytes(cells), _most_bytes(cells)) for cells in stacks)


def _most_bytes(cells: Sequence[Cell]) -> int:
    """Of a stack on a card of `CARD_BYTES`, which is cut to fit; residual networks are trained one by one."""
    if cells[0].family in RESIDUAL:
        return _stack_bytes(cells)
    return min(slots_for(cell, CARD_BYTES) for cell in cells) * max(map(slot_bytes, cells))


def _stack_bytes(cells: Sequence[Cell]) -> int:
    if cells[0].family in RESIDUAL:
        return max(map(single_bytes, cells))
    return min(len(cells), MOST_STACKED) * max(map(slot_bytes, cells))


@dataclass(frozen=True)
class Estimate:
    """What a sweep asks for: cells to train, and what they cost.

    `flops`: of their matrix products. `bytes`, `gpu_bytes`: memory of the machine for its largest job, without a GPU
    and with one. `card_bytes`: memory of the card for its largest stack. `seconds`: of one core.
    `gpu_seconds`: of a GPU. `stored`: what the trained networks take on the disk.
    """

    cells: int
    flops: float
    bytes: int
    gpu_bytes: int
    card_bytes: int
    seconds: float
    gpu_seconds: float
    stored: int


def estimate(shards: Iterable[Shard], store: Store, compute: Compute, counted: Set[Cell] = frozenset()) -> Estimate:
    """Estimate the work that remains, but for cells that are `counted` already.

    Seconds are those of one core of this machine, from the speed of its matrix product measured now: products at 60 %
    of the peak, and for each model-step the costs of corruption and overhead that benchmarks/training.py finds. Good to
    about a factor of two. Those of a GPU are assumed, not measured.
    """
    found = (tuple(cell for cell in store.missing(shard.cells) if cell not in counted) for shard in shards)
    lacking = [Shard(cells) for cells in found if cells]
    missing = [cell for shard in lacking for cell in shard.cells]
    return Estimate(
        cells=len(missing),
        flops=sum(map(training_flops, missing)),
        bytes=max(map(job_bytes, lacking), default=0),
        gpu_bytes=gpu_job_bytes(lacking) if lacking else 0,
        card_bytes=card_bytes(lacking) if lacking else 0,
        seconds=sum(core_seconds(lacking, compute)),
        gpu_seconds=sum(gpu_seconds(lacking)),
        stored=sum(map(stored_bytes, missing)),
    )


def core_seconds(shards: list[Shard], compute: Compute) -> list[float]:
    """Time of one core of this machine for each of some shards."""
    if not shards:
        return []
    peak, compiled = matrix_speed(), compute.compile == "auto"
    return [START_SECONDS + sum(training_seconds(cell, peak, compiled) for cell in shard.cells) for shard in shards]


def gpu_seconds(shards: list[Shard]) -> list[float]:
    """Time of a GPU for each of some shards where those of one architecture are stacked: each bears its part."""
    beside: Counter[tuple[object, ...]] = Counter()
    for shard in shards:
        beside[shard.cells[0].shape()] += len(shard.cells)
    found = []
    for shard in shards:
        cell = shard.cells[0]
        if cell.family in RESIDUAL:
            step = GPU_LAYER_SECONDS * len(residual_layers(cell))
        else:
            step = GPU_STEP_SECONDS / min(MOST_STACKED, beside[cell.shape()])
        found.append(sum(training_flops(c) / GPU_FLOPS + expected_steps(c) * step for c in shard.cells))
    return found


def stored_bytes(cell: Cell) -> int:
    """What a trained network takes on the disk, without logits."""
    if cell.family in RESIDUAL:
        return 4 * sum(layer.fan_in * layer.fan_out for layer in residual_layers(cell)) + ROW_BYTES
    return 4 * parameter_count(cell) + ROW_BYTES


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
