"""Growth of a quantity per doubling of a size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from almostnothing.stats.intervals import Interval, complete, mean_interval


def per_doubling(sizes: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> float:
    """Least-squares slope of values against log₂ sizes; NaN unless two sizes at least have finite values."""
    x, y = np.log2(np.asarray(sizes, float)), np.asarray(values, float)
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    if len(np.unique(x)) < 2:
        return np.nan
    return float(np.polyfit(x, y, 1)[0])


def growth(fits: pd.DataFrame, size: str, within: str, value: str, log: bool = False) -> Interval:
    """Growth of `value` per doubling of `size`: fitted within each level of `within`, averaged, then over seeds.

    `log` takes the growth of ln value. The interval is of the mean over seeds. A pair (size, level) counts where every
    seed has a value, so that all seeds answer for the same sizes.
    """
    fits = fits.assign(value=np.log(fits[value]) if log else fits[value])
    fits = fits.assign(value=fits["value"].where(complete(fits, "value", [size, within])))
    slopes = pd.DataFrame(
        [
            {"seed": key[0], "slope": per_doubling(group[size].to_numpy(), group["value"].to_numpy())}
            for key, group in fits.groupby(["seed", within])
        ]
    )
    return mean_interval(slopes.groupby("seed")["slope"].mean())


def one_size(fits: pd.DataFrame, size: str, usual: Mapping[str, Any]) -> tuple[pd.DataFrame, str]:
    """The fits in which `size` alone varies and others of `usual` have their usual value; what tells lines apart.

    Lines are the widths where N varies, else the N. Of a size that varies at some widths alone, only these are taken.
    """
    rows = fits
    for column, value in usual.items():
        rows = rows if column == size else rows[rows[column] == value]
    lines, pair = ("width", ["width"]) if size == "train_size" else ("train_size", ["train_size"])
    if size in usual:
        pair = ["width", "train_size"]
    kinds = rows.groupby(pair)[size].transform("nunique")
    return (rows[kinds > 1] if (kinds > 1).any() else rows), lines
