"""Data sets: images held as bytes, class-balanced nested subsets.

A data set is named in a parameter file; `facts` answers what planning must know without loading anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from almostnothing import streams
from almostnothing.errors import UserError

DIGITS_TEST_PER_CLASS = 50


@dataclass(frozen=True)
class Facts:
    """What is known of a data set before it is loaded."""

    classes: int
    shape: tuple[int, int, int]
    train_per_class: int

    @property
    def pixels(self) -> int:
        """d, the number of inputs."""
        return int(np.prod(self.shape))


CATALOGUE = {"digits": Facts(classes=10, shape=(1, 8, 8), train_per_class=124)}


def facts(name: str) -> Facts:
    """The facts of a data set.

    Raises `UserError` for a name that is not in the catalogue.
    """
    if name not in CATALOGUE:
        raise UserError(f"no data set is called {name!r}: the known ones are {', '.join(sorted(CATALOGUE))}")
    return CATALOGUE[name]


def check_train_size(name: str, train_size: int) -> None:
    """Raise `UserError` unless a balanced training set of this size can be had."""
    known = facts(name)
    if train_size % known.classes or not 0 < train_size <= known.classes * known.train_per_class:
        raise UserError(
            f"train_size {train_size} cannot be had from {name}: it must be a multiple of its {known.classes} classes, "
            f"from {known.classes} to {known.classes * known.train_per_class}"
        )


@dataclass(frozen=True)
class Split:
    """Images and labels: bytes of shape (n, d) and int64 of shape (n,)."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """A data set in memory. A pixel's value in [0, 1] is its byte divided by `levels`."""

    name: str
    facts: Facts
    levels: int
    train: Split
    test: Split

    def values(self, split: Split) -> np.ndarray:
        """Pixel values of a split: float32 in [0, 1], shape (n, d)."""
        return split.images.astype(np.float32) / np.float32(self.levels)

    def subset(self, size: int, seed: int) -> np.ndarray:
        """Indices into `train` of a balanced subset: int64, shape (size,).

        Exactly size / classes of each class; the subset of a smaller size with the same seed is contained in it.
        The order interleaves the classes and is itself part of no result.
        """
        check_train_size(self.name, size)
        chosen = []
        for label in range(self.facts.classes):
            of_class = np.flatnonzero(self.train.labels == label)
            order = streams.permutation(streams.stream_key(seed, "subset", self.name, label), len(of_class))
            chosen.append(of_class[order[: size // self.facts.classes]])
        return np.stack(chosen, axis=1).reshape(-1)


@cache
def load(name: str) -> Dataset:
    """Load a data set by name.

    `digits`: scikit-learn's 1,797 handwritten digits of 8x8 pixels with 17 grey levels (E. Alpaydin and C. Kaynak, UCI
    Machine Learning Repository, 1998, CC BY 4.0). They come without a split: 50 of each class, drawn once
    with a fixed seed, are the test set; the rest is for training.

    Raises `UserError` for an unknown name.
    """
    known = facts(name)
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    test = np.zeros(len(labels), dtype=bool)
    for label in range(known.classes):
        of_class = np.flatnonzero(labels == label)
        order = streams.permutation(streams.stream_key(0, "test split", name, label), len(of_class))
        test[of_class[order[:DIGITS_TEST_PER_CLASS]]] = True
    images, labels = images.astype(np.uint8), labels.astype(np.int64)
    return Dataset(
        name=name,
        facts=known,
        levels=16,
        train=Split(images[~test], labels[~test]),
        test=Split(images[test], labels[test]),
    )
