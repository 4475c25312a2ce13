"""Sizes of a cell's network: parameters, work of a step, memory, and how many fit one stack."""

from __future__ import annotations

from almostnothing.cells import ALIGNED, RESIDUAL, STORED_VALUES, Cell, layers, residual_layers

CACHE_BYTES = 2**24  # parameters, gradients and moments of a stack that stay in a core's cache


SHARD_SECONDS = 30.0  # of one core, that a shard takes about
SHARD_FLOPS = 3e12  # matrix products that take as long
# of one core, in one step, for each weight layer of a residual network: what torch takes beside the products
LAYER_SECONDS = 8e-4
STOPPED = 0.2  # of its steps, that a network with a stopping rule takes: mean over the networks of paper/01_knee
CPU_SLOTS = (4, 32)  # more gain nothing


def parameter_count(cell: Cell) -> int:
    """Weights and biases of a cell's network."""
    return sum((layer.fan_in + cell.bias) * layer.fan_out for layer in layers(cell))


def step_flops(cell: Cell) -> float:
    """Floating-point operations of the matrix products of one step: forward, weight gradients, input gradients.

    2 for each weight, position and image, three times; the first layer needs no input gradient.
    """
    of = residual_layers(cell) if cell.family in RESIDUAL else layers(cell)
    products = [layer.fan_in * layer.fan_out * layer.positions for layer in of]
    return cell.batch_size * (6.0 * sum(products) - 2.0 * products[0])


def exact(cell: Cell) -> bool:
    """Whether a cell's numbers are the same to the last bit in every stack of torch's products on one device type.

    On a CPU the compiled engine's are, whatever the sizes. Those of torch's batched products are where every matrix of
    a stack starts on a 64-byte boundary: a batch of a multiple of 16 images, and layers of a multiple of 16 weights;
    otherwise products may round differently from slot to slot. A residual network is in no stack.
    """
    if cell.family in RESIDUAL:
        return True
    weights = [layer.fan_in * layer.fan_out for layer in layers(cell)]
    return all(count % ALIGNED == 0 for count in (cell.batch_size, *weights)) and cell.precision == "float32"


def training_flops(cell: Cell) -> float:
    """Floating-point operations of the matrix products of a cell's training, by `expected_steps`."""
    return step_flops(cell) * expected_steps(cell)


def overhead_seconds(cell: Cell) -> float:
    """Time of one core that torch takes for the layers of a residual network beside their products, in all steps."""
    return expected_steps(cell) * LAYER_SECONDS * len(residual_layers(cell)) if cell.family in RESIDUAL else 0.0


def training_work(cell: Cell) -> float:
    """What a cell's training is to a scheduler, in shards: its products, and what is beside them where that counts."""
    return training_flops(cell) / SHARD_FLOPS + overhead_seconds(cell) / SHARD_SECONDS


def expected_steps(cell: Cell) -> float:
    """How many steps a cell's training will take: with a stopping rule, on images that can be fitted, far from all."""
    early = cell.stop_loss is not None and cell.training_corruption == "fixed"
    return cell.steps * (STOPPED if early else 1.0)


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


def single_bytes(cell: Cell) -> int:
    """Memory of a residual network in training: weights, gradients, moments, and what every layer makes of a batch."""
    values = 0
    for layer in residual_layers(cell):
        values += 4 * layer.fan_in * layer.fan_out + 4 * cell.batch_size * layer.positions * layer.fan_out
    return (8 if cell.precision == "float64" else 4) * values


def slots_for(cell: Cell, cuda_bytes: int = 0) -> int:
    """E, how many cells a stack holds: on a CPU what a core's cache holds, on a GPU half its memory; at most 32, 1024.

    A function of the cell's architecture and the device alone.
    """
    if cuda_bytes:
        return max(1, min(1024, cuda_bytes // (2 * slot_bytes(cell))))
    return max(CPU_SLOTS[0], min(CPU_SLOTS[1], CACHE_BYTES // (16 * parameter_count(cell))))
