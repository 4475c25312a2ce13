"""Do predictions rank failures, and are they probabilities?"""

from __future__ import annotations

import numpy as np
import pandas as pd


def auroc(score: np.ndarray, failures: np.ndarray, survivals: np.ndarray) -> float:
    """The probability that a failure has a lower score than a survival, ties counted half; NaN if one kind is missing.

    All of shape (image,): how often each image failed and survived, so that every corruption counts by itself.
    """
    values, where = np.unique(score, return_inverse=True)
    fail, live = np.bincount(where, failures, len(values)), np.bincount(where, survivals, len(values))
    if not fail.sum() or not live.sum():
        return np.nan
    above = live.sum() - np.cumsum(live)
    return float((fail * (above + live / 2)).sum() / (fail.sum() * live.sum()))


def reliability(predicted: np.ndarray, frequency: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """A reliability diagram: for each bin of equal width, the mean prediction, the mean frequency and the count."""
    place = np.minimum((predicted * bins).astype(int), bins - 1)
    groups = pd.DataFrame({"bin": place, "predicted": predicted, "frequency": frequency}).groupby("bin")
    return groups.mean().assign(images=groups.size())


def calibration_error(predicted: np.ndarray, frequency: np.ndarray) -> float:
    """Expected calibration error: mean over images of |mean prediction − mean frequency| of their bin."""
    table = reliability(predicted, frequency)
    return float(np.average((table["predicted"] - table["frequency"]).abs(), weights=table["images"]))
