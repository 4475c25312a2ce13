"""Sets of laws, of which each image gets one drawn at random, or several in sequence (seed 002, the CaCb sets)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from almostnothing import streams
from almostnothing.corruptions.law import Corruption, Moments, WithMoments

FIRST = -2  # the position of the word that ranks the first law of a set; those of the others are below
KEY = -(2**31)  # the position of the key under which a law of the sequence is drawn
DRAWS = 4096  # by which moments of a sequence are estimated


@dataclass(frozen=True)
class Set(WithMoments):
    """Of the laws `members`, each image gets `applied` different ones, drawn at random, one after the other.

    Each member is at its own strength, times the strength of the set. All members, and all orders, are as likely.
    """

    members: tuple[Corruption, ...]
    strengths: tuple[float, ...]
    dimensions: int
    applied: int = 1
    per: str = field(default="image", init=False)
    range: ClassVar[tuple[float, float]] = (0.0, math.inf)

    @property
    def words(self) -> str:
        """The law in words."""
        return f"{self.applied} of a set of {len(self.members)} laws"

    def drawn(
        self,
        x: Float[Tensor, "stream batch pixel"],
        strength: Float[Tensor, "stream member"],
        keys: Int[Tensor, "stream 2"],
        draw: Int[Tensor, "stream batch"],
    ) -> Float[Tensor, "stream member batch pixel"]:
        """As `Corruption.drawn`."""
        count = len(self.members)
        position = FIRST - torch.arange(count, dtype=torch.int32, device=keys.device)
        first, _ = streams.threefry2x32((keys[:, 0, None, None], keys[:, 1, None, None]), (draw[..., None], position))
        order = first.argsort(dim=-1, stable=True)
        made = []
        for member in range(strength.shape[1]):
            image, own = x, strength[:, member : member + 1]
            for step in range(self.applied):
                number = torch.full_like(keys[:, 0], step)
                words = streams.threefry2x32((keys[:, 0], keys[:, 1]), (number, torch.full_like(number, KEY)))
                image = self._applied(image, own, torch.stack(words, -1), draw, order[..., step])
            made.append(image)
        return torch.stack(made, 1)

    def _applied(
        self,
        x: Float[Tensor, "stream batch pixel"],
        strength: Float[Tensor, "stream 1"],
        keys: Int[Tensor, "stream 2"],
        draw: Int[Tensor, "stream batch"],
        chosen: Int[Tensor, "stream batch"],
    ) -> Float[Tensor, "stream batch pixel"]:
        """Each image under the law that is chosen for it: on a CPU under no other, where it can be traced under all."""
        pairs = list(zip(self.members, self.strengths, strict=True))
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            made = x
            for number, (law, own) in enumerate(pairs):
                found = law.sample(x, own * strength, keys, draw)[:, 0]
                made = torch.where((chosen == number)[..., None], found, made)
            return made
        made = torch.empty_like(x)
        for stream in range(len(x)):
            here = slice(stream, stream + 1)
            for number in chosen[stream].unique().tolist():
                law, own = pairs[number]
                rows = (chosen[stream] == number).nonzero()[:, 0]
                found = law.sample(x[here, rows], own * strength[here], keys[here], draw[here, rows])
                made[stream, rows] = found[0, 0]
        return made

    def moments(self, x: np.ndarray, strength: float) -> Moments:
        """The mean of the members' means; the mean of their variances and the variance of their means.

        Of a sequence estimates from `DRAWS` draws, always the same.
        """
        if self.applied == 1:
            pairs = [(law, own * strength) for law, own in zip(self.members, self.strengths, strict=True)]
            means = np.array([law.mean(x, own) for law, own in pairs])
            return means.mean(0), np.mean([law.variance(x, own) for law, own in pairs], 0) + means.var(0)
        values, where = np.unique(np.asarray(x, np.float32), return_inverse=True)
        mean, variance = self._estimated(values, strength)
        return mean[where].reshape(np.shape(x)), variance[where].reshape(np.shape(x))

    def _estimated(self, values: np.ndarray, strength: float) -> Moments:
        """Both moments of each value: as pixels of images of the size that the laws are for, `DRAWS` times."""
        images = np.resize(values, (-(-len(values) // self.dimensions), self.dimensions))
        key = torch.from_numpy(streams.stream_key(0, "moments of a set"))[None]
        number = torch.arange(DRAWS, dtype=torch.int32)[None]
        moments = []
        for row in images:
            x = torch.from_numpy(row).expand(1, DRAWS, -1)
            found = self.sample(x, torch.tensor([[strength]]), key, number)[0, 0].double()
            moments.append([found.mean(0).numpy(), found.var(0).numpy()])
        mean, variance = np.swapaxes(moments, 0, 1)
        return mean.ravel()[: len(values)], variance.ravel()[: len(values)]
