"""Corruption laws as compiled code, for the CPU: the same draws as those of torch, in one pass over the pixels."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import native

POINTER, INTEGER, FLOAT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float


@dataclass(frozen=True)
class Kernel:
    """C++ of a law (see `native/law.hpp`) and the numbers that it reads; `numbers` are no part of the source, so that
    laws which differ in them alone are compiled once.
    """

    source: str
    numbers: tuple[float, ...] = ()

    def library(self) -> ctypes.CDLL | None:
        """The compiled law; None where it cannot be compiled."""
        return native.library(self.source)

    def address(self) -> int | None:
        """Where its function for one image is."""
        return ctypes.cast(self.library().corrupt, POINTER).value  # type: ignore[union-attr]


def natively(
    kernel: Kernel,
    x: Float[Tensor, "stream batch pixel"],
    strength: Float[Tensor, "stream member"],
    keys: Int[Tensor, "stream 2"],
    draw: Int[Tensor, "stream batch"],
) -> Float[Tensor, "stream member batch pixel"] | None:
    """`Corruption.sample` by a kernel; None where torch must do it: on a GPU, in a fused step, without a compiler."""
    if x.device.type != "cpu" or x.dtype != torch.float32 or torch.compiler.is_compiling():
        return None
    library = kernel.library()
    if library is None:
        return None
    numbers = np.array(kernel.numbers, np.float32)
    out = torch.empty(*strength.shape, *x.shape[1:])
    keys, draw = keys.contiguous(), draw.contiguous()
    for stream, images in enumerate(x):
        if images.stride(-1) != 1:
            images = images.contiguous()
        for member, each in enumerate(strength[stream].tolist()):
            library.corrupt_rows(
                POINTER(images.data_ptr()),
                INTEGER(images.stride(0)),
                POINTER(out[stream, member].data_ptr()),
                *(INTEGER(size) for size in images.shape),
                POINTER(keys[stream].data_ptr()),
                POINTER(draw[stream].data_ptr()),
                FLOAT(each),
                POINTER(numbers.ctypes.data),
            )
    return out
