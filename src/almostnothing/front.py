"""The front page's figure: one image at growing p, the mean of many such images of its class, and who still sees.

Accuracies are those of the published table of `05_survival`; the images need MNIST's files. Where these are not at hand
the figure stays as it is committed. `figures/front.json` records what it was drawn from, so that anyone can tell,
without the files, whether it is still that of today's tables.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from almostnothing import code, corruptions, data, figures, records, stats
from almostnothing.cells import Law
from almostnothing.files import digest, file_digest, write_atomic
from almostnothing.freshness import FIGURES
from almostnothing.tables import AXES, each_test

FILE = FIGURES / "front"
TABLE = FIGURES / "paper/05_survival.csv"
TRAINED = FIGURES / "paper/01_knee.csv"  # the same networks on their own training images
WRITTEN = (*figures.SUFFIXES, "json")
DATASET, TITLE, CLASS, IMAGES = "mnist", "MNIST", 2, 1000
SHOWN = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)  # p of the pictures
HEADLINE = 0.9  # p of the title
FITTED = 0.99  # of its own training images: the network has learned
LAW = Law("replacement", (("high", 1.0), ("low", 0.0), ("per", "pixel"), ("values", "uniform")))
LOOKS: dict[str, tuple[str, dict[str, Any]]] = {  # of the lines, by column of the table
    "accuracy": ("network", {"color": "black", "marker": "o", "zorder": 3}),
    "ncm": ("nearest class mean", {"color": "#0173b2", "marker": "s"}),
    "theory": ("its theory, nothing fitted", {"color": "#d55e00", "ls": "--", "lw": 1.4, "zorder": 4}),
}
HEIGHT = 108 / 25.4  # inches
LEFT, RIGHT = 0.098, 0.985  # of all axes, as shares of the figure's width
PICTURE = 0.96  # a picture's side, in the smallest distance of two
PLOT, ROWS = (0.095, 0.385), (0.715, 0.52)  # bottom and height of the plot; bottoms of the two rows of pictures


def sizes(table: pd.DataFrame, trained: pd.DataFrame) -> pd.DataFrame:
    """Of each (N, width) on clean test images: the share of its own training images that the worst network has right.

    A row for each size of `table`, with the column `least`: over seeds and p, NaN where `trained` lacks the networks.
    """
    chosen, trained = shown(table), each_test(trained)
    same = [axis for axis in AXES if axis in chosen and axis in trained]
    own = trained.loc[trained["test"] == "train", [*same, "accuracy"]].rename(columns={"accuracy": "own"})
    joined = chosen.astype({axis: own[axis].dtype for axis in same}).merge(own, on=same, how="left")
    by = joined.groupby(["train_size", "width"])["own"]
    return by.min().where(by.count() == by.size()).rename("least").reset_index()


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of MNIST's clean test under replacement, each training image corrupted once."""
    own = (table["dataset"] == DATASET) & (table["law"] == LAW.name) & (table["test"] == "clean")
    return table[own & (table["training_corruption"] == "fixed")]


def drawn(table: pd.DataFrame, trained: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """The rows that are drawn, and the least share of its own training images that one of their networks has right.

    MNIST, replacement, clean test; of the sizes (N, width) whose networks all have learned the largest, or where there
    is none, the one that is closest to it.
    """
    found = sizes(table, trained)
    found["rank"] = found["least"].fillna(0).clip(upper=FITTED)
    best = found.sort_values(["rank", "train_size", "width"]).iloc[-1]
    rows = shown(table)
    rows = rows[(rows["train_size"] == best["train_size"]) & (rows["width"] == best["width"])]
    return rows.sort_values(["strength", "seed"]), float(best["least"])


def read() -> tuple[pd.DataFrame, float]:
    """`drawn` from the published tables."""
    return drawn(pd.read_csv(TABLE), pd.read_csv(TRAINED))


def inputs() -> dict[str, str]:
    """Digests of what the figure is drawn from and can be told without data files: tables, and this module's code."""
    own = code.closure(f"{__name__}.draw").definitions
    here = {name: value for name, value in own.items() if name.startswith(f"{__name__}.")}
    return {TABLE.as_posix(): file_digest(TABLE), TRAINED.as_posix(): file_digest(TRAINED), "code": digest(here)}


def fresh() -> bool:
    """Whether the figure is there and was drawn from today's tables by today's code."""
    try:
        record = json.loads(FILE.with_suffix(".json").read_text())
        return not damages() and bool(record["inputs"] == inputs())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def damages() -> list[str]:
    """What is wrong with the figure's files, a sentence each."""
    return records.damages(FILE.parent, FILE.name, WRITTEN)


def draw(folder: Path) -> None:
    """Draw the figure with the data files in `folder`, and record what it was drawn from.

    Raises `UserError` where they are not at hand.
    """
    dataset = data.load(data.source(DATASET, folder), folder)
    of_class = [np.flatnonzero(part.labels == CLASS) for part in (dataset.train, dataset.test)]
    many = _scaled(dataset, dataset.train.images[of_class[0]])
    tests = _scaled(dataset, dataset.test.images[of_class[1]])
    typical = int(((tests - many.mean(0)) ** 2).sum(1).argmin())
    image, many = tests[[typical]], many[:IMAGES]
    law = corruptions.law_of(LAW, dataset)
    ones = corruptions.series(law, image, SHOWN, seed=0)[:, 0]
    means = corruptions.series(law, many, SHOWN, seed=1).mean(1)
    figures.style()
    plt.rcParams["savefig.dpi"] = 250  # it is read at full width
    with mpl.rc_context({"figure.constrained_layout.use": False}):
        figure = _figure(read()[0], (ones, means), dataset.facts.shape, 1 / dataset.facts.classes)
        figures.write(figure, FILE)
    plt.close(figure)
    content = {
        "inputs": inputs(),
        "images": {
            "data": dataset.facts.arrays,
            "test image": {"index": int(of_class[1][typical]), "content": digest(image.tolist())},
            "training images": {"first": IMAGES, "of class": CLASS, "content": digest(many.tolist())},
            "streams": {"test image": [0, "series"], "training images": [1, "series"]},
        },
    }
    write_atomic(FILE.with_suffix(".json"), (json.dumps(content, indent=1) + "\n").encode())


def _scaled(dataset: data.Dataset, images: np.ndarray) -> Float[np.ndarray, "image pixel"]:
    """Images with values in [0, 1]."""
    return images.reshape(len(images), -1) / np.float32(dataset.levels)


def _figure(rows: pd.DataFrame, pictures: Sequence[np.ndarray], shape: tuple[int, int, int], chance: float) -> Figure:
    """Two rows of pictures, each over its own place on the axis of the curves below."""
    figure = plt.figure(figsize=(figures.DOUBLE, HEIGHT))
    ax = figure.add_axes((LEFT, PLOT[0], RIGHT - LEFT, PLOT[1]))
    _curves(ax, rows, chance)
    low, high = ax.get_xlim()
    place = LEFT + (RIGHT - LEFT) * np.log(np.array([1 - p for p in SHOWN]) / low) / np.log(high / low)
    side = PICTURE * np.diff(place).min()
    tall = side * figures.DOUBLE / HEIGHT
    for images, bottom, stretch in zip(pictures, ROWS, (False, True), strict=True):
        for p, middle, image in zip(SHOWN, place, images, strict=True):
            shown = figure.add_axes((middle - side / 2, bottom, side, tall))
            pixels = _stretched(image) if stretch else image
            figures.picture(shown, figures.mosaic(pixels.reshape(1, *shape), 1))
            if not stretch:
                shown.set_title(f"$p$ = {p:g}", fontsize=6.5, pad=3.5)
    for words, bottom in (("one\nimage", ROWS[0]), (f"mean of\n{IMAGES:,} such\nimages", ROWS[1])):
        figure.text(0.006, bottom + tall / 2, words, va="center", fontsize=7)
    for letter, top in (("a", ROWS[0] + tall), ("b", ROWS[1] + tall), ("c", sum(PLOT))):
        figure.text(0.006, top, letter, fontsize=8, fontweight="bold", va="top")
    figure.text(0.5, 0.975, title_of(rows, chance), ha="center", va="center", fontsize=8.5)
    return figure


def _stretched(image: np.ndarray) -> np.ndarray:
    """With its own darkest and lightest pixel as black and white: what averaging leaves is too faint to be seen."""
    return (image - image.min()) / (image.max() - image.min())


def _curves(ax: Axes, rows: pd.DataFrame, chance: float) -> None:
    """Accuracies against the share of pixels that survive, on a logarithmic axis that falls from 100 %."""
    survive = rows.assign(share=1 - rows["strength"])
    shares = sorted(survive["share"].unique())
    for column, (words, look) in LOOKS.items():
        if column == "theory":
            means = survive.groupby("share")[column].mean()
            ax.plot(means.index, means, label=words, **look)
        else:
            figures.mean_line(ax, survive.groupby("share")[column], label=words, **look)
    ax.axhline(chance, color="0.45", lw=0.8, ls=":")
    ax.annotate("chance", (1.18, chance), xytext=(0, 2), textcoords="offset points", color="0.35", fontsize=6.5)
    ax.set_xscale("log")
    ax.set_xlim(1.32, shares[0] / 1.12)
    ticks = [share for share in (1, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005) if share > shares[0] / 1.01]
    ax.set_xticks(ticks, [f"{100 * share:g} %" for share in ticks])
    ax.set_xticks([], minor=True)
    ax.set_yticks(np.arange(0, 1.01, 0.2), [f"{100 * share:.0f} %" for share in np.arange(0, 1.01, 0.2)])
    ax.set(ylim=(0, 1))
    ax.set_xlabel("share of pixels that survive, $1-p$")
    ax.set_ylabel("clean test images\nclassified correctly")
    lines = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    names = [words for words, _ in LOOKS.values()]
    ax.legend([lines[name] for name in names], names, loc="upper right", fontsize=7)


def title_of(rows: pd.DataFrame, chance: float) -> str:
    """The finding at the headline's p, from the table."""
    right = rows.loc[np.isclose(rows["strength"], HEADLINE), "accuracy"].mean()
    return (
        f"Trained on images of which {HEADLINE:.0%} is noise, a network still gets {right:.0%} of clean images right; "
        f"chance is {chance:.0%}"
    ).replace("%", " %")


def ahead(rows: pd.DataFrame) -> float | None:
    """The largest p up to which, at every p, the network is surely better than the nearest class mean, paired by seed.

    That is, the whole 95 % interval of the difference over seeds is above 0; None where it is not at the smallest p.
    """
    last = None
    for p in sorted(rows["strength"].unique()):
        group = rows[rows["strength"] == p]
        if not stats.mean_interval(group["accuracy"] - group["ncm"]).low > 0:
            break
        last = float(p)
    return last


def caption() -> str:
    """What the figure shows, in words with numbers from the tables."""
    rows, least = read()
    size, width = int(rows["train_size"].iloc[0]), int(rows["width"].iloc[0])
    each = size // data.source(DATASET).facts.classes
    right = rows.loc[np.isclose(rows["strength"], HEADLINE), ["accuracy", "ncm"]].mean()
    means = rows.groupby("strength")[["ncm", "theory"]].mean()
    off = float((means["ncm"] - means["theory"]).abs().max())
    first = ahead(rows)
    lead = f"is surely ahead of that rule up to p = {first:g}" if first is not None else "is not surely ahead of it"
    if least >= FITTED:
        share = "all" if least == 1 else f"at least {math.floor(1000 * least) / 10:g}%"
        trained = (
            "This is the largest published size whose networks all learned: each of these "
            f"{len(rows)} has {share} of its own training images right"
        )
    elif np.isfinite(least):
        trained = f"Read with care: one of these networks has only {least:.0%} of its own training images right"
    else:
        trained = "Read with care: how well these networks fit their own training images is not published"
    return (
        f"**a** One {TITLE} digit; of its pixels a share p is replaced by uniform noise. **b** The mean of {IMAGES:,} "
        "training images of its class, each corrupted once in the same way; every picture is stretched to its own full "
        f"contrast. **c** Networks with one hidden layer of {width} units, trained on {size:,} images ({each:,} of "
        f"each class) that were corrupted once, and tested on clean ones: at p = {HEADLINE:g} they get "
        f"{right['accuracy']:.0%} right. The "
        f"nearest class mean, a rule that gives an image to the class whose mean corrupted image is closest, gets "
        f"{right['ncm']:.0%}; its theory, without any fitted number, is within {off:.3f} of it at every p. The network "
        f"{lead}. Points are means over {rows['seed'].nunique()} seeds, bars their 95% intervals. {trained}; other "
        "sizes are on the [page](figures/paper/05_survival.ipynb)."
    ).replace("%", " %")
