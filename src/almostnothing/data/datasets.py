"""A data set in memory: values, and class-balanced nested subsets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

import numpy as np

from almostnothing import streams
from almostnothing.data.arrays import Split
from almostnothing.data.sources import Facts, Source, check_train_size

FLOAT_LEVELS = 4095  # steps on which the pixel law of images that are not bytes is counted
ORDERS = 1024  # of classes, that are remembered


@dataclass(frozen=True)
class Dataset:
    """A data set in memory. A pixel's value, in [0, 1] unless `pca_rank` is set, is its number divided by `levels`."""

    source: Source
    levels: int
    train: Split
    test: Split
    names: tuple[str, ...]

    @property
    def facts(self) -> Facts:
        """Classes, shape, counts."""
        return self.source.facts

    def values(self, split: Split) -> np.ndarray:
        """Pixel values of a split: float32, shape (n, d)."""
        return split.images.astype(np.float32) / np.float32(self.levels)

    def _order(self, label: int, seed: int) -> np.ndarray:
        """The training images of a class in the order in which subsets take them."""
        of_class = np.flatnonzero(self.train.labels == label)
        key = streams.stream_key(seed, "subset", self.source.name, label)
        return of_class[streams.permutation(key, len(of_class))]

    def subset(self, size: int, seed: int) -> np.ndarray:
        """Indices into `train` of a balanced subset: int64, shape (size,).

        Exactly size / classes of each class; the subset of a smaller size with the same seed is contained in it.
        The order interleaves the classes and is itself part of no result.
        """
        check_train_size(self.source, size)
        each = size // self.facts.classes
        return np.stack([self._order(label, seed)[:each] for label in range(self.facts.classes)], axis=1).reshape(-1)

    def tests(self, count: int) -> np.ndarray:
        """Indices into `test` of a balanced sample, the same for all: int64; at most `count`, or all there are.

        Class after class in turn, each in a random order: where `count` is no multiple of the classes, or a class runs
        out, their numbers differ. A smaller sample is contained in a larger one.
        """
        labels = self.test.labels
        rank = np.empty(len(labels), np.int64)
        for label in range(self.facts.classes):
            of_class = np.flatnonzero(labels == label)
            key = streams.stream_key(0, "test images", self.source.name, label)
            rank[of_class[streams.permutation(key, len(of_class))]] = np.arange(len(of_class))
        return np.lexsort((labels, rank))[:count]

    def validation(self, size: int, seed: int) -> np.ndarray:
        """Indices into `train` of a balanced held-out set, taken from the other end of the order that `subset` takes.

        Disjoint from every subset that `check_train_size` allows beside it; nested in size as well.
        """
        each = size // self.facts.classes
        last = [self._order(label, seed)[::-1][:each] for label in range(self.facts.classes)]
        return np.stack(last, axis=1).reshape(-1)

    @cached_property
    def pixel_counts(self) -> tuple[tuple[int, ...], float, float]:
        """How often each level occurs in the training images, the lowest and the highest level.

        Images that are not held as integers are counted on `FLOAT_LEVELS` steps between their extremes.
        """
        images = self.train.images
        if images.dtype.kind != "f":
            return tuple(np.bincount(images.reshape(-1), minlength=self.levels + 1).tolist()), 0.0, 1.0
        low, high = float(images.min()), float(images.max())
        steps = np.rint((images - low) * (FLOAT_LEVELS / (high - low))).astype(np.int64)
        return tuple(np.bincount(steps.reshape(-1), minlength=FLOAT_LEVELS + 1).tolist()), low, high


class Remembering(Dataset):
    """A data set that remembers the last orders of its classes: a training asks for the same ones again and again."""

    @classmethod
    def of(cls, dataset: Dataset) -> Remembering:
        """The same data set."""
        return cls(**{field.name: getattr(dataset, field.name) for field in fields(dataset)})

    @cached_property
    def _remembered(self) -> Callable[[int, int], np.ndarray]:
        return lru_cache(ORDERS)(super()._order)

    def _order(self, label: int, seed: int) -> np.ndarray:
        """The training images of a class in the order in which subsets take them."""
        return self._remembered(label, seed)
