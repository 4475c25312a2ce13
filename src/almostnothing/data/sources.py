"""What planning knows of a data set: its name, what is done to its images, and the facts of the result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from almostnothing.errors import UserError
from almostnothing.files import plain


@dataclass(frozen=True)
class Facts:
    """What planning knows of a data set: classes, (channel, height, width), training images of the rarest class.

    `content` is a digest of a user's own files, which their random streams know; that of a published set is empty.
    `arrays` is the digest of what readers make of the files (`Raw.digest`): it enters keys and no stream. It is empty
    for published sets that nobody here has read; their originals have checksums.
    """

    classes: int
    shape: tuple[int, int, int]
    train_per_class: int
    content: str
    arrays: str = field(default="", compare=False)

    @property
    def pixels(self) -> int:
        """d, the number of inputs."""
        return math.prod(self.shape)

    def record(self) -> dict[str, Any]:
        """The facts as JSON-able data, without the digest of the arrays."""
        return {name: value for name, value in plain(self).items() if name != "arrays"}


@dataclass(frozen=True)
class Source:
    """A data set as an experiment uses it: its name, what is done to its images, and the facts of the result.

    `image_size`: pixels a side of an image folder's pictures, None for other sets. `downsample` f: images are averaged
    over blocks of f x f pixels. `pca_rank` r: images are projected onto the first r principal components of the
    training images and stay images. `permutation`: the places of all images are exchanged by one random permutation,
    that of this seed; the channels of a place stay together.
    """

    name: str
    facts: Facts
    image_size: int | None
    downsample: int
    pca_rank: int | None
    permutation: int | None

    @property
    def asked(self) -> tuple[str, int | None, int, int | None, int | None]:
        """What a parameter file says of it: all but the facts."""
        return self.name, self.image_size, self.downsample, self.pca_rank, self.permutation

    def record(self) -> dict[str, Any]:
        """The source as JSON-able data; a field with a default is left out while it has it."""
        return plain(self) | {"facts": self.facts.record()}

    def published(self) -> dict[str, Any]:
        """The record with the digest of the arrays: it stands in for files that are not at hand."""
        return self.record() | {"facts": self.facts.record() | {"arrays": self.facts.arrays}}

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> Source:
        """The source that `record` or `published` describes, also after a passage through JSON."""
        return Source(**{**record, "facts": facts_from(record["facts"])})


def facts_from(record: Mapping[str, Any]) -> Facts:
    """The facts that a record describes, also after a passage through JSON."""
    return Facts(**{**record, "shape": tuple(record["shape"])})


def check_train_size(source: Source, train_size: int, validation: int = 0) -> None:
    """Raise `UserError` unless balanced, disjoint training and validation sets of these sizes can be had."""
    facts = source.facts
    most = facts.classes * facts.train_per_class
    for name, size in (("train_size", train_size), ("validation", validation)):
        if size % facts.classes or size > most or size < 0 or (name == "train_size" and not size):
            raise UserError(
                f"{name} {size} cannot be had from {source.name}: it must be a multiple of its {facts.classes} "
                f"classes, from {facts.classes} to {most}"
            )
    if train_size + validation > most:
        raise UserError(
            f"train_size {train_size} and validation {validation} would overlap: {source.name} has {most} images "
            "for both"
        )
