"""What readers find: arrays of images and labels."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Split:
    """Images and labels: integers 0..levels or float32, shape (n, d), and int64 of shape (n,)."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Raw:
    """What a reader finds. A pixel's value is its number divided by `levels`; `shape` is (channel, height, width)."""

    train: Split
    test: Split
    levels: int
    shape: tuple[int, int, int]
    names: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Twenty hexadecimal digits that name pixels, labels, levels and shape, whatever file they came from."""
        sha256 = hashlib.sha256(json.dumps([self.levels, self.shape]).encode())
        for split in (self.train, self.test):
            for array in (split.images, split.labels):
                sha256.update(f"{array.dtype.str}{array.shape}".encode())
                sha256.update(np.ascontiguousarray(array).data)
        return sha256.hexdigest()[:20]


ARRAYS = ("x_train", "y_train", "x_test", "y_test")
