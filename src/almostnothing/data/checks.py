"""What is wrong with a data set, in one sentence."""

from __future__ import annotations

import numpy as np

from almostnothing.data.arrays import Raw
from almostnothing.errors import UserError

MOST_REPEATED = 0.5  # share of test images that may equal the training image of the same index


def check(raw: Raw, where: str) -> None:
    """Raise `UserError` for labels outside the classes, a class without images, or a test set that was trained on."""
    classes = len(raw.names)
    if classes < 2:
        raise UserError(f"{where} holds one class: a classifier needs two at least")
    for name, split in (("training", raw.train), ("test", raw.test)):
        outside = split.labels[(split.labels < 0) | (split.labels >= classes)]
        if len(outside):
            raise UserError(
                f"{where}: the {name} label {outside[0]} is outside the classes 0 to {classes - 1} of the training set"
            )
        empty = np.flatnonzero(np.bincount(split.labels, minlength=classes) == 0)
        if len(empty):
            raise UserError(f"{where}: class {empty[0]} ({raw.names[empty[0]]}) has no {name} image")
    both = min(len(raw.train.labels), len(raw.test.labels))
    repeated = (raw.train.images[:both] == raw.test.images[:both]).all(1).mean()
    if repeated > MOST_REPEATED:
        raise UserError(
            f"{where}: {repeated:.0%} of the test images are the training images of the same indices: "
            "test on images that were not trained on"
        )
