"""The front page's figure: one image at growing p, the mean of many such images of its class, and who still sees.

Drawn from the published table of `05_survival`; the images need MNIST's files. Where they are not at hand the figure
stays as it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from almostnothing import corruptions, data, figures, streams
from almostnothing.cells import Law
from almostnothing.files import file_digest, write_atomic
from almostnothing.freshness import FIGURES

FILE = FIGURES / "front"
TABLE = FIGURES / "paper/05_survival.csv"
DATASET, DIGIT, SHOWN, IMAGES = "mnist", 2, (0.0, 0.5, 0.8, 0.9, 0.95, 0.98), 1000
LAW = Law("replacement", (("high", 1.0), ("low", 0.0), ("per", "pixel"), ("values", "uniform")))


def largest(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are drawn: MNIST, replacement, clean test, the widest networks with the most training images."""
    rows = table[(table["dataset"] == DATASET) & (table["law"] == LAW.name) & (table["test"] == "clean")]
    for column in ("train_size", "width"):
        rows = rows[rows[column] == rows[column].max()]
    return rows


def fresh() -> bool:
    """Whether the figure was drawn from today's table."""
    try:
        return bool(json.loads(FILE.with_suffix(".json").read_text())["table"] == file_digest(TABLE))
    except (OSError, ValueError, KeyError):
        return False


def draw(folder: Path) -> None:
    """Draw the figure with the data files in `folder`, and record what it was drawn from.

    Raises `UserError` where they are not at hand.
    """
    dataset = data.load(data.source(DATASET, folder), folder)
    table = largest(pd.read_csv(TABLE))
    law = corruptions.law_of(LAW, dataset)
    test = np.flatnonzero(dataset.test.labels == DIGIT)[:1]
    train = np.flatnonzero(dataset.train.labels == DIGIT)[:IMAGES]
    image = dataset.test.images[test] / np.float32(dataset.levels)
    many = dataset.train.images[train] / np.float32(dataset.levels)
    ones = corruptions.series(law, image, SHOWN, seed=0)
    means = corruptions.series(law, many, SHOWN, seed=1).mean(1, keepdims=True)
    figures.style()
    figure = plt.figure(figsize=(figures.DOUBLE, 0.66 * figures.DOUBLE))
    parts: Any = figure.subfigures(2, 1, height_ratios=[1.1, 1])
    upper, lower = parts
    rows: Any = upper.subplots(2, len(SHOWN))
    for p, one, mean, axes in zip(SHOWN, ones, means, rows.T, strict=True):
        for ax, shown in zip(axes, (one, _stretched(mean)), strict=True):
            figures.picture(ax, figures.mosaic(shown.reshape(1, *dataset.facts.shape), 1))
        axes[0].set_title(f"{1 - p:.0%} of pixels survive" if p else "all pixels", fontsize=7)
    rows[0, 0].set_ylabel("one image")
    rows[1, 0].set_ylabel(f"mean of {len(train):,}\nimages of its class")
    _curves(lower.subplots(), table, 1 / dataset.facts.classes)
    figures.write(figure, FILE)
    content = {
        "table": file_digest(TABLE),
        "data": dataset.facts.arrays,
        "images": [int(test[0]), *map(int, train[:1])],
        "streams": streams.stream_key(0, "series").tolist(),
    }
    write_atomic(FILE.with_suffix(".json"), (json.dumps(content, indent=1) + "\n").encode())


def _stretched(image: np.ndarray) -> np.ndarray:
    """With its own darkest and lightest pixel as black and white: what averaging leaves is too faint to be seen."""
    return (image - image.min()) / (image.max() - image.min())


def _curves(ax: Axes, table: pd.DataFrame, chance: float) -> None:
    survive = table.assign(share=1 - table["strength"])
    looks = {
        "accuracy": ("network", {"color": "black", "marker": "o"}),
        "ncm": ("nearest class mean", {"color": "#0173b2", "marker": "s"}),
    }
    for column, (words, look) in looks.items():
        figures.mean_line(ax, survive.groupby("share")[column], label=words, **look)
    theory = survive.groupby("share")["theory"].mean()
    ax.plot(theory.index, theory, color="#de8f05", ls="--", label="theory of the nearest class mean, nothing fitted")
    ax.axhline(chance, color="0.5", lw=0.8, ls=":")
    ax.annotate("chance", (1, chance), xytext=(2, 2), textcoords="offset points", color="0.4")
    ax.set_xscale("log")
    ax.set_xlim(1.1, survive["share"].min() / 1.1)
    ticks = [share for share in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01) if share >= survive["share"].min()]
    ax.set_xticks(ticks, [f"{share:.0%}" for share in ticks])
    ax.set_xticks([], minor=True)
    ax.set(ylim=(0, 1.02), xlabel="share of pixels that survive, $1-p$", ylabel="accuracy on clean images")
    upper = ax.secondary_xaxis("top")
    upper.set_xticks(ticks, [f"{1 - share:g}" for share in ticks])
    upper.set_xticks([], minor=True)
    upper.set_xlabel("$p$")
    ax.legend(loc="lower left", bbox_to_anchor=(0.02, 0.12))


def caption() -> str:
    """What the figure shows, in words with numbers from the table."""
    rows = largest(pd.read_csv(TABLE))
    size, width = int(rows["train_size"].iloc[0]), int(rows["width"].iloc[0])
    at = rows[rows["strength"] == 0.9]
    return (
        f"Above, one handwritten digit and the mean of {IMAGES:,} training images of its class, all with a growing "
        "share of their pixels replaced by noise (means are stretched to full contrast). Below, networks with one "
        f"hidden layer of {width} units, trained on {size:,} images corrupted like the one above and tested on clean "
        f"ones. With {1 - 0.9:.0%} of the pixels left the network is right on {at['accuracy'].mean():.0%} of them, the "
        f"nearest class mean on {at['ncm'].mean():.0%} (mean of {at['seed'].nunique()} seeds): no image shows "
        "much, but their average does."
    )
