"""What is wrong with a data set, or worth knowing of it: each in one sentence."""

from __future__ import annotations

import hashlib

import numpy as np

from almostnothing.data.arrays import Raw, Split
from almostnothing.data.catalogue import CATALOGUE
from almostnothing.errors import UserError

MOST_LEAKED = 0.01  # share of test images that may be training images: more moves accuracies by what pages ask about
LEAST_RANGE = 0.5  # of [0, 1], that the pixels of all images must use: what uses less was scaled by another number
LEAST_RATIO = 0.75  # between the ranges of both splits
BRIGHTER = 0.25  # difference of the splits' mean pixels that is worth a sentence


def check(raw: Raw, where: str) -> None:
    """Raise `UserError` for labels outside the classes, a class without images, or a test set that was trained on.

    A user's own images must also use the range of pixels that corruptions are made for, and both splits the same one.
    """
    classes = len(raw.names)
    if classes < 2:
        raise UserError(f"{where} holds one class: a classifier needs two at least")
    for name, split in (("training", raw.train), ("test", raw.test)):
        outside = split.labels[(split.labels < 0) | (split.labels >= classes)]
        begin = ": labels begin at 0, so subtract 1 from those of both splits"
        if len(outside):
            raise UserError(
                f"{where}: the {name} label {outside[0]} is outside the classes 0 to {classes - 1} of the training set"
                + (begin if raw.train.labels.min() == 1 and split.labels.min() >= 1 else "")
            )
        empty = np.flatnonzero(np.bincount(split.labels, minlength=classes) == 0)
        if len(empty):
            raise UserError(
                f"{where}: class {empty[0]} ({raw.names[empty[0]]}) has no {name} image"
                + (begin if empty.tolist() == [0] and raw.names[0] == "0" else "")
            )
    if where in CATALOGUE or where.startswith("cifar10c"):
        return  # the originals have checksums
    _check_range(raw, where)
    leaked = repeated(raw)
    if len(leaked) > max(1, MOST_LEAKED * len(raw.test.labels)):
        raise UserError(f"{where}: {_leak(raw, leaked)}: test on images that were not trained on")


def remarks(raw: Raw) -> list[str]:
    """What a person should know of a data set that is not refused, a sentence each."""
    found = []
    if len(leaked := repeated(raw)):
        found.append(f"{_leak(raw, leaked)}: remove it from one of both")
    prints = np.concatenate([_prints(raw.train), _prints(raw.test)])
    labels = np.concatenate([raw.train.labels, raw.test.labels])
    different = len(np.unique(prints))
    if conflicts := len(set(zip(prints.tolist(), labels.tolist(), strict=True))) - different:
        found.append(f"equal images have different labels, {conflicts} times: no classifier can have all of them right")
    if again := len(raw.train.labels) - len(np.unique(_prints(raw.train))):
        found.append(f"{again} training images are there more than once: a held-out one may be one that is trained on")
    means = [float(split.images.mean(dtype=np.float64)) / raw.levels for split in (raw.train, raw.test)]
    if abs(means[0] - means[1]) > BRIGHTER:
        found.append(
            f"the mean pixel is {means[0]:.2f} in training images and {means[1]:.2f} in test images: were they made in "
            "the same way?"
        )
    return found


def balance(raw: Raw) -> list[str]:
    """What becomes of a user's test set whose classes are unequal, a sentence."""
    counts = np.bincount(raw.test.labels)
    if counts.min() == counts.max():
        return []
    return [
        f"test classes are unequal, from {counts.min()} to {counts.max()} images: {counts.min()} of each, drawn at "
        f"random once, are used, {counts.min() * len(counts)} of {counts.sum()}; so chance is 1/{len(counts)}, and "
        "accuracy the mean over classes"
    ]


def repeated(raw: Raw) -> list[tuple[int, int]]:
    """The test images that are training images, whatever their places: both indices of each."""
    place = {image: index for index, image in enumerate(_prints(raw.train).tolist())}
    tests = enumerate(_prints(raw.test).tolist())
    return [(index, place[image]) for index, image in tests if image in place]


def _leak(raw: Raw, leaked: list[tuple[int, int]]) -> str:
    test, train = leaked[0]
    are = "test images are training images" if len(leaked) > 1 else "test images is a training image"
    return f"{len(leaked)} of {len(raw.test.labels)} {are} (number {test} of the test set is number {train})"


def _prints(split: Split) -> np.ndarray:
    """A digest of each image's values: 16 bytes, shape (n,)."""
    rows = np.ascontiguousarray(split.images)
    return np.array([hashlib.blake2b(row.data, digest_size=16).hexdigest() for row in rows])


def _check_range(raw: Raw, where: str) -> None:
    """Raise `UserError` where images are alike, use less than half of [0, 1], or splits are scaled differently."""
    unit = "of 255" if raw.levels == 255 else "of 1"
    (low, high), (other_low, other_high) = ((s.images.min(), s.images.max()) for s in (raw.train, raw.test))
    least, most = float(min(low, other_low)), float(max(high, other_high))
    if least == most:
        raise UserError(f"{where}: all images are alike, every pixel is {least:g} {unit}")
    lengths = [(float(b) - float(a)) / raw.levels for a, b in ((low, high), (other_low, other_high))]
    if (most - least) / raw.levels <= LEAST_RANGE:
        raise UserError(
            f"{where}: all pixels lie between {least:g} and {most:g} {unit}, but corruptions are made for images that "
            f"use the range from black to white: stretch both splits alike, {least:g} to 0 and {most:g} to 255 in "
            "bytes, or to 1 in floats"
        )
    if min(lengths) < LEAST_RATIO * max(lengths):
        raise UserError(
            f"{where}: training images lie between {low:g} and {high:g} {unit}, test images between {other_low:g} and "
            f"{other_high:g}: scale both splits by one number"
        )
