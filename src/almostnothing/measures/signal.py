"""What is left of an image in decibels: signal and noise of a pixel, and of the whole image."""

from __future__ import annotations

import numpy as np
import torch

from almostnothing import corruptions, data, streams
from almostnothing.corruptions.law import Corruption

ROSE = 20 * np.log10(5)  # dB: seen with certainty at an amplitude ratio of 5 (A. Rose, J. Opt. Soc. Am. 38, 196 (1948))


SAMPLED = 2**22  # corrupted pixels that are held at once


def decibels(ratio: np.ndarray) -> np.ndarray:
    """10 log₁₀ of a ratio of powers."""
    with np.errstate(divide="ignore"):
        return 10 * np.log10(ratio)


def powers(law: Corruption, x: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signal, noise and template ratio of each image: three arrays of shape (image,), from x of shape (image, pixel).

    With m = E[x̃|x], m̄ its mean over images, v = Var(x̃|x) and s = m − m̄: the signal is the mean over pixels of s², the
    noise that of v. The template ratio |s|⁴ / Σ sᵢ² vᵢ is the power of ⟨s, x̃ − m̄⟩ over its variance, for independent
    pixels: what an observer has who knows where to look.
    """
    s = law.mean(x, strength)
    s = s - s.mean(0)
    v = law.variance(x, strength)
    square = s**2
    with np.errstate(divide="ignore", invalid="ignore"):
        template = square.sum(1) ** 2 / (square * v).sum(1)
    return square.mean(1), v.mean(1), template


def sampled_noise(law: Corruption, x: np.ndarray, strength: float, draws: int) -> np.ndarray:
    """Each image's noise power as `powers` has it, measured on `draws` corruptions of it: shape (image,)."""
    images, pixels = x.shape
    key, clean = streams.stream_key(0, "signal", pixels), torch.from_numpy(x.astype(np.float32))
    mean = torch.from_numpy(law.mean(x, strength))
    total = np.zeros(images)
    each = max(1, SAMPLED // (images * pixels))
    for first in range(0, draws, each):
        some = min(each, draws - first)
        number = torch.arange(first * images, (first + some) * images)
        noisy = corruptions.corrupted(law, clean.repeat(some, 1), strength, key, number)
        noise = noisy.double().view(some, images, pixels) - mean
        total += noise.square().mean(-1).sum(0).numpy()
    return total / draws


def shown_images(dataset: data.Dataset, count: int) -> np.ndarray:
    """The first test images of each class in turn: float64 of shape (image, pixel), at most `count` of them."""
    labels = dataset.test.labels
    rank = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        rank[of_class] = np.arange(len(of_class))
    chosen = np.lexsort((labels, rank))[:count]
    return dataset.test.images[chosen].astype(np.float64) / dataset.levels
