"""What a corruption law leaves of an image, in decibels: signal-to-noise ratios from exact moments, and by sampling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from almostnothing import corruptions, data, stats, streams
from almostnothing.corruptions import Corruption
from almostnothing.params import Data, Shown

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


def pictures(dataset: data.Dataset, shown: Sequence[Shown], table: pd.DataFrame) -> tuple[np.ndarray, list[Any]]:
    """The first test image of each class, (class, channel, height, width), and for each law its name and pictures.

    A picture is a pair: its title, with the strength and a pixel's decibels from `table`, and the corrupted images.
    """
    labels, shape = dataset.test.labels, (dataset.facts.classes, *dataset.facts.shape)
    x = dataset.values(dataset.test)[[np.flatnonzero(labels == label)[0] for label in range(dataset.facts.classes)]]
    rows = []
    for one in shown:
        law = corruptions.build(one.corruption.record(), dataset)
        here = table[(table.dataset == dataset.source.name) & (table.law == law.name)].set_index("strength")
        symbol = "$p$" if one.corruption.law == "replacement" else "$\\sigma$"
        seen = corruptions.series(law, x, one.pictures, seed=0)
        titles = [f"{symbol} = {s:g}, {here.pixel_snr[s]:.0f} dB" for s in one.pictures]
        rows.append((law.name, [(title, some.reshape(shape)) for title, some in zip(titles, seen, strict=True)]))
    return x.reshape(shape), rows


def table(parameters: Data, folder: Path) -> pd.DataFrame:
    """One row for each data set, law and strength: means over images of the powers, in decibels with 95 % intervals.

    `attenuation` is the slope of E[x̃|x] against x over pixels and images; `exponent` is that of the noise's standard
    deviation against strength, from the smallest strength to this one; `noise_sampled` is sampled.
    """
    return pd.DataFrame(row for source in parameters.sources(folder) for row in _rows(source, parameters, folder))


def _rows(source: data.Source, parameters: Data, folder: Path) -> Iterator[dict[str, Any]]:
    dataset = data.load(source, folder)
    x = shown_images(dataset, parameters.images)
    for shown in parameters.laws:
        law = corruptions.build(shown.corruption.record(), dataset)
        least = min(shown.strength)
        weakest = powers(law, x, least)[1]
        for strength in sorted(shown.strength):
            signal, noise, template = powers(law, x, strength)
            centred = x - x.mean()
            row = {
                "dataset": source.name,
                "law": law.name,
                "kind": shown.corruption.law,
                "per": law.per,
                "strength": strength,
                "images": len(x),
                "pixels": source.facts.pixels,
                "attenuation": (centred * law.mean(x, strength)).sum() / (centred**2).sum(),
                "signal": signal.mean(),
                "noise": noise.mean(),
                "noise_sampled": sampled_noise(law, x, strength, parameters.draws).mean(),
            }
            seen = {"pixel_snr": decibels(signal / noise)}
            if law.per == "pixel":
                seen["template_snr"] = decibels(template)
            if strength > least:
                seen["exponent"] = 0.5 * np.log(noise / weakest) / np.log(strength / least)
            for name, values in seen.items():
                interval = stats.mean_interval(values)
                row |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
            yield row
