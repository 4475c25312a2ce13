"""What is done to training images before they are corrupted: moved, mirrored, and by torchvision's policies changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from almostnothing import streams
from almostnothing.code import Choices

PADDED = 8  # share of the side by which images move at most: 4 of 32 pixels


def cropped(
    x: Float[Tensor, "image channel side side"], words: Float[Tensor, "image 3"], mirrored: bool
) -> Float[Tensor, "image channel side side"]:
    """Each image moved by up to an eighth of its side, zeros following; with `mirrored` every second one is reversed.

    That is torchvision's `RandomCrop(side, padding=side // 8)` and `RandomHorizontalFlip`. `words`: uniform on [0, 1).
    """
    side = x.shape[-1]
    by = side // PADDED
    rows, columns = ((words[:, k] * (2 * by + 1)).long()[:, None] + torch.arange(side, device=x.device) for k in (0, 1))
    if mirrored:
        columns = torch.where(words[:, 2:] < 0.5, columns.flip(1), columns)
    padded = functional.pad(x, (by, by, by, by)).movedim(1, -1)
    number = torch.arange(len(x), device=x.device)[:, None, None]
    return padded[number, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


Changed = Callable[[Float[Tensor, "image channel side side"], Float[Tensor, "image 3"]], Tensor]
AUGMENTATIONS: Choices[Changed] = {
    "none": lambda x, _: x,
    "crop": lambda x, words: cropped(x, words, mirrored=False),
    "crop_flip": lambda x, words: cropped(x, words, mirrored=True),
}


def augmented(
    name: str, x: Float[Tensor, "image channel side side"], key: np.ndarray, draws: np.ndarray
) -> Float[Tensor, "image channel side side"]:
    """Images under an augmentation by name; `draws` number the presentations, whose random words they take."""
    words = (streams.words(key, 3, draws) * 2.0**-32).astype(np.float32)
    return AUGMENTATIONS[name](x, torch.from_numpy(words.clip(max=1 - 2.0**-24)).to(x.device))


def policy(name: str) -> Callable[[Tensor], Tensor]:
    """A policy of torchvision, with its defaults: of one image of bytes, (channel, side, side)."""
    from almostnothing.data.torchvision import transforms

    return {
        "trivial": transforms.TrivialAugmentWide,
        "rand": transforms.RandAugment,
        "augmix": transforms.AugMix,
    }[name]()


def changed(
    name: str, images: UInt8[Tensor, "image channel side side"], key: np.ndarray, step: int
) -> UInt8[Tensor, "image channel side side"]:
    """A batch whose images a policy has changed one by one; the draws are those of the step's own seed."""
    one = policy(name)
    with seeded(key, step):
        return torch.stack([one(image) for image in images])


@contextmanager
def seeded(key: np.ndarray, step: int, devices: Sequence[torch.device] = ()) -> Iterator[None]:
    """Let torch's own draws be those of a step, here and on `devices`, and its generators what they were afterwards."""
    high, low = (int(word) for word in streams.words(key, 2, step))
    with torch.random.fork_rng(devices=list(devices)):
        torch.manual_seed((high << 32 | low) >> 1)
        yield
