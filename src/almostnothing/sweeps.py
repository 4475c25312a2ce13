"""From a grid of cells to trained networks: planning shards, and training what a shard lacks.

Planning imports no torch: it runs whenever Snakemake reads the Snakefile.
"""

from __future__ import annotations

import itertools
import shutil
import sys
import sysconfig
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from almostnothing import data, provenance
from almostnothing.cells import ALIGNED, STORED_VALUES, Cell, layers
from almostnothing.data import Source
from almostnothing.params import Compute, Sweep
from almostnothing.store import Store, code_version

CHECKPOINTS = Path("results/checkpoints")
SHARD_FLOPS = 1e12  # a shard is about half a minute of one core
MOST_SHARDS = 64  # of one architecture: enough for a small cluster, few enough to compile the step in each
CACHE_BYTES = 2**24  # parameters, gradients and moments of a stack that stay in a core's cache
COMPILED_PIXELS = 2e7  # that a cell must see for a fused step to pay for its compilation
CPU_SLOTS = (4, 32)  # fewer waste the fusion, more gain nothing
DATA_COPIES = 3  # of its training images that reading a data set holds at once
PROCESS_BYTES, COMPILER_BYTES = 450 * 2**20, 250 * 2**20  # an interpreter with torch, and with its compiler at work


def cells_of(sweep: Sweep, folder: Path | None = None, known: Sequence[Source] = ()) -> list[Cell]:
    """Every cell of a sweep, once, in the order of its table; arguments and errors as of `Sweep.sources`."""
    if sweep.variations:
        return list(dict.fromkeys(cell for grid in sweep.grids for cell in cells_of(grid, folder, known)))
    axes: Iterator[tuple[Any, ...]] = itertools.product(
        sweep.sources(folder, known),
        sweep.family,
        sweep.width,
        sweep.depth,
        sweep.train_size,
        sweep.steps,
        sweep.training_corruption,
        sweep.loss,
        sweep.shift,
        sweep.strength,
        sweep.seeds,
    )
    shared = sweep.model_dump(
        include={
            "validation",
            "activation",
            "parametrisation",
            "bias",
            "init_scale",
            "optimiser",
            "learning_rate",
            "momentum",
            "schedule",
            "batch_size",
            "stop_loss",
            "precision",
            "common_random_numbers",
            "test_draws",
        }
    )
    return [
        Cell(
            **shared,
            corruption=sweep.corruption.record(),
            source=source,
            family=family,
            width=width,
            depth=depth,
            train_size=size,
            steps=steps,
            training_corruption=training,
            loss=loss,
            shift=shift,
            strength=strength,
            seed=seed,
        )
        for source, family, width, depth, size, steps, training, loss, shift, strength, seed in axes
    ]


def parameter_count(cell: Cell) -> int:
    """Weights and biases of a cell's network."""
    return sum((layer.fan_in + cell.bias) * layer.fan_out for layer in layers(cell))


def step_flops(cell: Cell) -> float:
    """Floating-point operations of the matrix products of one step: forward, weight gradients, input gradients.

    2 for each weight, position and image, three times; the first layer needs no input gradient.
    """
    products = [layer.fan_in * layer.fan_out * layer.positions for layer in layers(cell)]
    return cell.batch_size * (6.0 * sum(products) - 2.0 * products[0])


def exact(cell: Cell) -> bool:
    """Whether a cell's numbers are the same to the last bit in every stack on one device type.

    They are where every matrix of a stack starts on a 64-byte boundary: a batch of a multiple of 16 images, and
    layers of a multiple of 16 weights. Otherwise matrix products may round differently from slot to slot.
    """
    weights = [layer.fan_in * layer.fan_out for layer in layers(cell)]
    return all(count % ALIGNED == 0 for count in (cell.batch_size, *weights)) and cell.precision == "float32"


def training_flops(cell: Cell) -> float:
    """Floating-point operations of the matrix products of a cell's training."""
    return step_flops(cell) * cell.steps


@dataclass(frozen=True)
class Shard:
    """Cells of one architecture and data shape that one job trains."""

    cells: tuple[Cell, ...]

    @property
    def key(self) -> str:
        """The shard's name: the digest of its cells' keys."""
        code = code_version()
        return provenance.digest([cell.key(code) for cell in self.cells])


def plan(cells: Iterable[Cell]) -> list[Shard]:
    """Group cells that can be stacked and are compiled alike, and cut each group into shards of about equal work."""
    groups: dict[tuple[Cell, bool], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.shape(), pixels_seen(cell) > COMPILED_PIXELS), []).append(cell)
    shards = []
    for group in groups.values():
        count = min(len(group), MOST_SHARDS, max(1, round(sum(map(training_flops, group)) / SHARD_FLOPS)))
        edges = [len(group) * i // count for i in range(count + 1)]
        shards += [Shard(tuple(group[a:b])) for a, b in itertools.pairwise(edges)]
    return shards


def slot_bytes(cell: Cell) -> int:
    """Memory of one cell in training: weights, gradients, moments, activations, and its corrupted images if stored."""
    pixels = cell.source.facts.pixels
    moments = 2 if cell.optimiser == "adam" else 1
    values = parameter_count(cell) * (2 + moments)
    for layer in layers(cell):
        values += 3 * cell.batch_size * layer.positions * layer.fan_out
    values += 2 * cell.batch_size * pixels
    if cell.training_corruption == "fixed" and cell.train_size * pixels <= STORED_VALUES:
        values += cell.train_size * pixels
    return 4 * values


def slots_for(cell: Cell, cuda_bytes: int = 0) -> int:
    """E, how many cells a stack holds: on a CPU what a core's cache holds, on a GPU half its memory; at most 32, 1024.

    A function of the cell's architecture and the device alone.
    """
    if cuda_bytes:
        return max(1, min(1024, cuda_bytes // (2 * slot_bytes(cell))))
    return max(CPU_SLOTS[0], min(CPU_SLOTS[1], CACHE_BYTES // (16 * parameter_count(cell))))


def job_bytes(shard: Shard, compiled: bool) -> int:
    """Memory that a job on the CPU needs at most: the interpreter with torch, the data, and its stack."""
    cell = shard.cells[0]
    slots = min(len(shard.cells), min(slots_for(c) for c in shard.cells))
    known = cell.source.facts
    images = DATA_COPIES * known.classes * known.train_per_class * known.pixels
    images *= 1 if cell.downsample == 1 and cell.pca_rank is None else 4
    stack = slots * max(slot_bytes(c) for c in shard.cells)
    return PROCESS_BYTES + compiled * COMPILER_BYTES + images + stack


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
    for shard in shards:
        missing = store.missing(shard.cells)
        if not missing:
            continue
        first = missing[0]
        pixels = first.batch_size * first.source.facts.pixels
        compiled = compute.compile == "always" or (compute.compile == "auto" and worth_compiling(first))
        fresh = first.training_corruption == "fresh"
        noise, overhead = (1e-9, 8e-6) if compiled else (8e-9 if fresh else 1e-9, 6e-5)
        steps = sum(cell.steps for cell in missing)
        work = sum(training_flops(cell) for cell in missing)
        cells, flops = cells + len(missing), flops + work
        size = max(size, job_bytes(shard, compiled))
        seconds += work / (0.6 * peak) + steps * (noise * pixels + overhead) + 3 + 20 * compiled
    return Estimate(cells, flops, size, seconds)


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


def worth_compiling(cell: Cell) -> bool:
    """Whether fusing the step pays on a CPU: where a C++ compiler works and the cell sees many pixels.

    Decided by the cell alone, so that a cell's last bits do not depend on what else its shard holds.
    """
    compiler = any(map(shutil.which, ("c++", "g++", "clang++")))
    headers = Path(sysconfig.get_path("include"), "Python.h").is_file()
    return compiler and headers and pixels_seen(cell) > COMPILED_PIXELS


def pixels_seen(cell: Cell) -> int:
    """Pixels that a cell's training presents."""
    return cell.steps * cell.batch_size * cell.source.facts.pixels


def train(shard: Shard, store: Store, compute: Compute, title: str, folder: Path | None = None) -> int:
    """Train the cells of a shard that the store lacks; return how many those were.

    A cell is in the store as soon as it is done. A job that was killed goes on from its last checkpoint. Where memory
    runs out, the stack is halved and what was not done is begun again.
    """
    missing = store.missing(shard.cells)
    lacking = [c for c in shard.cells if compute.keep_logits and store.has(c) and not store.has_logits(c)]
    if not missing and not lacking:
        return 0
    import torch

    from almostnothing import training
    from almostnothing.progress import Progress

    torch.set_num_threads(1)
    device = training.device_for(compute.device)
    dataset = data.load(shard.cells[0].source, folder)
    for cell in lacking:
        store.put_logits(cell, training.logits_of(cell, store.weights(cell), dataset, device))
    if not missing:
        return 0
    memory = torch.cuda.mem_get_info()[0] if device.type == "cuda" else 0
    slots = min(slots_for(cell, memory) for cell in missing)
    compiled = compute.compile == "always" or (
        compute.compile == "auto" and (device.type == "cuda" or worth_compiling(missing[0]))
    )
    failed = []
    total = sum(cell.steps for cell in missing)
    with Progress(title, len(missing), total, step_flops(missing[0]), compute.quiet) as progress:
        while left := store.missing(missing):
            options = training.Options(
                slots=slots,
                compiled=compiled,
                checkpoint=CHECKPOINTS / f"{shard.key}.safetensors",
                checkpoint_seconds=compute.checkpoint_seconds,
                keep_logits=compute.keep_logits,
                report=progress.more,
            )
            try:
                for trained in training.train(left, dataset, device, options):
                    weights = trained.network.state_dict()
                    store.put(trained.cell, trained.rows, weights, trained.logits)
                    failed += [trained.cell] if trained.rows[0]["diverged"] else []
            except (MemoryError, RuntimeError) as error:
                if slots == 1 or not training.out_of_memory(error):
                    raise
                slots //= 2
                print(f"{title}: out of memory, going on with {slots} networks at once", file=sys.stderr)
    for cell in failed:
        print(f"{title}: diverged: {cell}", file=sys.stderr)
    return len(missing)
