"""The table of `00_data`: powers of signal and noise under each law, in decibels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from almostnothing import corruptions, data, stats
from almostnothing.corruptions.labels import label
from almostnothing.measures.signal import ROSE, decibels, powers, sampled_noise, shown_images
from almostnothing.pages.data.parameters import Data


def table(parameters: Data, folder: Path) -> pd.DataFrame:
    """One row for each data set, law and strength: means over images of the powers, in decibels with 95 % intervals.

    `attenuation` is the slope of E[x̃|x] against x over pixels and images; `exponent` is that of the noise's standard
    deviation against strength, from the smallest strength to this one; `noise_sampled` is sampled; `unseen` is the
    share of images whose template ratio is below Rose's criterion.
    """
    return pd.DataFrame(row for source in parameters.sources(folder) for row in _rows(source, parameters, folder))


def _rows(source: data.Source, parameters: Data, folder: Path) -> Iterator[dict[str, Any]]:
    dataset = data.load(source, folder)
    x = shown_images(dataset, parameters.images)
    for shown in parameters.laws:
        law = corruptions.law_of(shown.corruption.record(), dataset)
        least = min(shown.strength)
        weakest = powers(law, x, least)[1]
        for strength in sorted(shown.strength):
            signal, noise, template = powers(law, x, strength)
            centred = x - x.mean()
            row = {
                "dataset": source.name,
                "law": label(law),
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
            found = {name: stats.mean_interval(values) for name, values in seen.items()}
            if law.per == "pixel":
                found["unseen"] = stats.share_interval(int((seen["template_snr"] < ROSE).sum()), len(x))
            for name, interval in found.items():
                row |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
            yield row
