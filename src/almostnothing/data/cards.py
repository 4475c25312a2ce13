"""The card of a data set: what it is, from where, under which licence, and its moments."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from almostnothing.data.catalogue import CATALOGUE, CIFAR10C
from almostnothing.data.datasets import Dataset

CHUNK = 4096  # images that are turned into float64 at once


def card(dataset: Dataset) -> dict[str, Any]:
    """What the data set is: name, origin, licence, citation, sizes, SHA-256 of the arrays, moments of a pixel.

    The moments are those of all pixels of the training images, per channel: tuples of length C.
    """
    own = ("the user's own files", "not stated", "")
    entry = CATALOGUE.get(dataset.source.name)
    origin, licence, citation = (entry.origin, entry.licence, entry.citation) if entry else own
    if dataset.source.name.startswith("cifar10c"):
        origin, licence, citation = CIFAR10C
    arrays = (dataset.train.images, dataset.train.labels, dataset.test.images, dataset.test.labels)
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(np.ascontiguousarray(array).data)
    mean, variance = _moments(dataset)
    return {
        "name": dataset.source.name,
        "origin": origin,
        "licence": licence,
        "citation": citation,
        "classes": dataset.names,
        "train_images": len(dataset.train.labels),
        "test_images": len(dataset.test.labels),
        "shape": dataset.facts.shape,
        "train_per_class": tuple(np.bincount(dataset.train.labels).tolist()),
        "test_per_class": tuple(np.bincount(dataset.test.labels).tolist()),
        "pixel_mean": mean,
        "pixel_variance": variance,
        "sha256": sha256.hexdigest(),
    }


def _moments(dataset: Dataset) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and variance of a training pixel in each channel, summed image by image in float64."""
    channels = dataset.facts.shape[0]
    total, square = np.zeros(channels), np.zeros(channels)
    for first in range(0, len(dataset.train.images), CHUNK):
        x = dataset.train.images[first : first + CHUNK].reshape(-1, channels, dataset.facts.pixels // channels)
        value = x.astype(np.float64) / dataset.levels
        total += value.sum((0, 2))
        square += (value**2).sum((0, 2))
    count = dataset.train.images.size / channels
    mean = total / count
    return tuple(mean.tolist()), tuple((square / count - mean**2).tolist())
