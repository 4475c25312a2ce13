"""What a corruption law is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import streams
from almostnothing.corruptions.kernels import Kernel, natively

Moments = tuple[np.ndarray, np.ndarray]  # mean and variance


class Corruption(ABC):
    """A corruption law. Strengths run over `range`; pixels are independent unless `per` is "image"."""

    range: ClassVar[tuple[float, float]]
    per: str  # of what one draw serves: "pixel" or "image"

    @property
    def kernel(self) -> Kernel | None:
        """The law as C++, for the CPU, with the result of `drawn` to `laws.PLACES`; None where it has none."""
        return None

    @abstractmethod
    def drawn(
        self,
        x: Float[Tensor, "stream batch pixel"],
        strength: Float[Tensor, "stream member"],
        keys: Int[Tensor, "stream 2"],
        draw: Int[Tensor, "stream batch"],
    ) -> Float[Tensor, "stream member batch pixel"]:
        """As `sample`, in torch."""

    def sample(
        self,
        x: Float[Tensor, "stream batch pixel"],
        strength: Float[Tensor, "stream member"],
        keys: Int[Tensor, "stream 2"],
        draw: Int[Tensor, "stream batch"],
    ) -> Float[Tensor, "stream member batch pixel"]:
        """Corrupt x at each of the strengths that share a stream; `draw` numbers the presentations of images.

        The result is a function of (stream, draw, pixel, strength): not of the batch, nor of what else is in it.
        """
        if x.device.type == "cpu" and x.dtype == torch.float32 and not torch.compiler.is_compiling() and self.kernel:
            made = natively(self.kernel, x, strength, keys, draw)
            if made is not None:
                return made
        return self.drawn(x, strength, keys, draw)

    @abstractmethod
    def mean(self, x: np.ndarray, strength: float) -> np.ndarray:
        """E[x̃ᵢ | x] of every pixel; x of any shape."""

    @abstractmethod
    def variance(self, x: np.ndarray, strength: float) -> np.ndarray:
        """Var(x̃ᵢ | x) of every pixel; x of any shape."""


class WithMoments(Corruption):
    """A law whose mean and variance are found together."""

    @abstractmethod
    def moments(self, x: np.ndarray, strength: float) -> Moments:
        """`mean` and `variance` of every pixel; x of any shape."""

    def mean(self, x: np.ndarray, strength: float) -> np.ndarray:
        """As `Corruption.mean`."""
        return self.moments(x, strength)[0]

    def variance(self, x: np.ndarray, strength: float) -> np.ndarray:
        """As `Corruption.variance`."""
        return self.moments(x, strength)[1]


def by_halves(x: Tensor, halves: Sequence[Tensor], change: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """`change` pixels of x (stream, batch, pixel) with their draws: joined as (stream, member, batch, pixel).

    Each half is corrupted by itself: joined before, torch.compile would draw the words of both halves twice.
    """
    parts = x[:, None].split([half.shape[-1] for half in halves], dim=-1)
    return torch.cat([change(part, half[:, None]) for part, half in zip(parts, halves, strict=True)], dim=-1)


def word_pairs(
    keys: Int[Tensor, "stream 2"], draw: Int[Tensor, "stream batch"], count: int
) -> tuple[Int[Tensor, "stream batch count"], Int[Tensor, "stream batch count"]]:
    """Two independent random words for each (stream, draw, position 0 … count−1)."""
    position = torch.arange(count, dtype=torch.int32, device=keys.device)
    return streams.threefry2x32((keys[:, 0, None, None], keys[:, 1, None, None]), (draw[:, :, None], position))


def word_halves(
    keys: Int[Tensor, "stream 2"], draw: Int[Tensor, "stream batch"], pixels: int, per: str = "pixel"
) -> list[Int[Tensor, "stream batch _"]]:
    """One random word for each (stream, draw, pixel): the first ⌈d/2⌉ pixels, then the others.

    A counter gives two words: they serve pixels j and j + ⌈d/2⌉. With `per` "image" one word serves all pixels.
    """
    if per == "image":
        return [word_pairs(keys, draw, 1)[0].expand(*draw.shape, pixels)]
    x0, x1 = word_pairs(keys, draw, (pixels + 1) // 2)
    return [x0, x1[..., : pixels // 2]]
