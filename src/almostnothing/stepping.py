"""Blocks of training steps, and logits, of single networks on the CPU: what `training.cpp` is given and gives back."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from almostnothing import native
from almostnothing.cells import Cell, pools
from almostnothing.corruptions.kernels import Kernel
from almostnothing.networks import Stack

ACTIVATIONS = ("identity", "relu", "leaky_relu", "gelu", "erf", "tanh", "sine")  # in the order of training.cpp
LOSSES = ("cross_entropy", "mse")
OPTIMISERS = ("adam", "sgd")
POINTER, INTEGER, FLOAT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float


def engine() -> ctypes.CDLL | None:
    """The compiled `training.cpp`; None where it cannot be compiled."""
    return native.file("training.cpp")


class _Network(ctypes.Structure):
    _fields_ = [
        *(("convolutions", INTEGER), ("dense", INTEGER), ("channels", INTEGER), ("side", INTEGER)),
        *(("ins", POINTER), ("outs", POINTER), ("pools", POINTER), ("factors", POINTER)),
        *(("activation", ctypes.c_int32), ("bias", ctypes.c_int32)),
        *(("weights", POINTER), ("biases", POINTER)),
    ]


class _Training(ctypes.Structure):
    _fields_ = [
        *(("loss", ctypes.c_int32), ("optimiser", ctypes.c_int32), ("momentum", FLOAT), ("shift", FLOAT)),
        *(("moments", POINTER), ("steps", INTEGER), ("batch", INTEGER), ("rate", POINTER), ("root", POINTER)),
        *(("pool", POINTER), ("bytes", INTEGER), ("levels", FLOAT), ("labels", POINTER), ("where", POINTER)),
        *(("draw", POINTER), ("images", POINTER), ("at", POINTER)),
        *(("corrupt", POINTER), ("numbers", POINTER), ("key", POINTER), ("strength", FLOAT), ("losses", POINTER)),
    ]


def supported(cell: Cell, device: torch.device) -> bool:
    """Whether the engine can train a cell: on a CPU with a compiler, in float32."""
    return device.type == "cpu" and cell.precision == "float32" and engine() is not None


def _pointers(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (POINTER * len(tensors))(*[tensor.data_ptr() for tensor in tensors])


class _Described:
    """A network of a stack as the engine is told of it; what it points to lives as long as this."""

    def __init__(self, model: Stack, index: int) -> None:
        cell, count = model.cell, len(model.layers)
        channels, side, _ = cell.source.facts.shape
        parts = [part[index] for part in model.parts()]
        self.weights, self.biases = _pointers(parts[:count]), _pointers(parts[count:])
        self.sizes = np.array([[one.fan_in, one.fan_out, pools(one.side)] for one in model.layers], np.int64).T.copy()
        self.factors = np.array(model.factor, np.float32)
        convolutions = count - 1 if cell.family == "cnn" else 0
        self.network = _Network(
            convolutions=convolutions,
            dense=count - convolutions,
            channels=channels,
            side=side,
            ins=self.sizes[0].ctypes.data,
            outs=self.sizes[1].ctypes.data,
            pools=self.sizes[2].ctypes.data,
            factors=self.factors.ctypes.data,
            activation=ACTIVATIONS.index(cell.activation),
            bias=cell.bias,
            weights=ctypes.addressof(self.weights),
            biases=ctypes.addressof(self.biases),
        )


@dataclass(frozen=True)
class Images:
    """The images of a training set and how one of them is corrupted; in `stored`, if any, corrupted images."""

    pool: Tensor
    labels: Tensor
    levels: float
    kernel: Kernel | None
    key: np.ndarray
    strength: float
    stored: Tensor | None


def walk(
    model: Stack,
    index: int,
    moments: Sequence[Tensor],
    images: Images,
    where: np.ndarray,
    at: np.ndarray,
    draw: np.ndarray,
    rate: np.ndarray,
    root: np.ndarray,
) -> np.ndarray:
    """Take a block of steps of network `index` of a stack, in place; return each batch's mean loss before its step.

    The losses are float64, of shape (step,), and 0 where the rate is 0.

    `where` (step, batch): images by their place in the pool, int64; `at` by their place among the stored ones, int64;
    `draw` numbers their corruptions, uint32. `rate` and `root` (step,): see `optimisers.rates`; float32.
    """
    cell = model.cell
    made = _Described(model, index)
    own = _pointers([moment[index] for moment in moments])
    losses = np.empty(len(where))
    kernel = images.kernel
    training = _Training(
        loss=LOSSES.index(cell.loss),
        optimiser=OPTIMISERS.index(cell.optimiser),
        momentum=cell.momentum,
        shift=float(model.shift.by[index]),
        moments=ctypes.addressof(own),
        steps=len(where),
        batch=where.shape[1],
        rate=rate.ctypes.data,
        root=root.ctypes.data,
        pool=images.pool.data_ptr(),
        bytes=images.pool.dtype == torch.uint8,
        levels=images.levels,
        labels=images.labels.data_ptr(),
        where=where.ctypes.data,
        draw=draw.ctypes.data,
        images=None if images.stored is None else images.stored.data_ptr(),
        at=at.ctypes.data,
        corrupt=ctypes.cast(kernel.library.corrupt, POINTER) if kernel and kernel.library else None,
        numbers=kernel.values.ctypes.data if kernel else None,
        key=images.key.ctypes.data,
        strength=images.strength,
        losses=losses.ctypes.data,
    )
    library = engine()
    assert library is not None
    library.train(ctypes.byref(made.network), ctypes.byref(training))
    return losses


def logits(model: Stack, x: Float[Tensor, "cell image pixel"]) -> Float[Tensor, "cell image label"]:
    """Logits of every network on its own images."""
    library = engine()
    assert library is not None
    x = x.contiguous()
    out = torch.empty(len(model), x.shape[1], model.layers[-1].fan_out)
    for index in range(len(model)):
        made = _Described(model, index)
        library.logits(
            ctypes.byref(made.network),
            POINTER(x[index].data_ptr()),
            INTEGER(x.shape[1]),
            FLOAT(float(model.shift.by[index])),
            POINTER(out[index].data_ptr()),
        )
    return out


def permutations(key: np.ndarray, size: int, first: int, count: int) -> np.ndarray | None:
    """`streams.permutation` of rows first .. first + count - 1: int64, shape (count, size); None without a compiler."""
    library = engine()
    if library is None:
        return None
    out = np.empty((count, size), np.int64)
    key = np.ascontiguousarray(key)
    library.permutations(
        POINTER(key.ctypes.data), INTEGER(size), INTEGER(first), INTEGER(count), POINTER(out.ctypes.data)
    )
    return out
