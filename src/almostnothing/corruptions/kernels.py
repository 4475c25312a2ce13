"""Corruption laws as compiled code, for the CPU: the same draws as those of torch, in one pass over the pixels."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

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

    @cached_property
    def library(self) -> ctypes.CDLL | None:
        """The compiled law; None where it cannot be compiled."""
        return native.library(self.source)

    @cached_property
    def corrupt(self) -> Callable[..., None]:
        """Its function for images in rows."""
        assert self.library is not None
        function = self.library.corrupt
        function.argtypes = (POINTER, INTEGER, POINTER, INTEGER, INTEGER, POINTER, POINTER, FLOAT, FLOAT, POINTER)
        return function

    @cached_property
    def values(self) -> np.ndarray:
        """The numbers as the library reads them."""
        return np.array(self.numbers, np.float32)


def natively(
    kernel: Kernel,
    x: Float[Tensor, "stream batch pixel"],
    strength: Float[Tensor, "stream member"],
    keys: Int[Tensor, "stream 2"],
    draw: Int[Tensor, "stream batch"],
) -> Float[Tensor, "stream member batch pixel"] | None:
    """`Corruption.sample` by a kernel, on the CPU; None where there is no compiler."""
    if kernel.library is None:
        return None
    out = torch.empty(*strength.shape, *x.shape[1:])
    x = x if x.stride(2) == 1 else x.contiguous()
    keys, draw, size = keys.contiguous(), draw.contiguous(), x.element_size()
    rows, pixels = x.shape[1:]
    at = out.data_ptr()
    for stream, members in enumerate(strength.tolist()):
        for each in members:
            kernel.corrupt(
                x.data_ptr() + stream * x.stride(0) * size,
                x.stride(1),
                at,
                rows,
                pixels,
                keys.data_ptr() + stream * keys.stride(0) * size,
                draw.data_ptr() + stream * draw.stride(0) * size,
                each,
                0.0,
                kernel.values.ctypes.data,
            )
            at += rows * pixels * size
    return out
