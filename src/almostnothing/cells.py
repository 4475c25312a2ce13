"""The record that describes one trained network, and its key in the store."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from almostnothing import streams
from almostnothing.data.sources import Source
from almostnothing.files import digest, plain

# Matrix libraries may round a product differently if it does not start on a 64-byte boundary. The products of a stack
# do where they have a multiple of 16 rows: see `sweeps.exact`.
ALIGNED = 16
STORED_VALUES = 2**23  # of a cell's corrupted training set: up to here it is stored, not drawn again and again


@dataclass(frozen=True)
class Law:
    """A corruption law by name, with its options in a fixed order so that equal laws have equal records."""

    name: str
    options: tuple[tuple[str, float | str | bool], ...]

    def record(self) -> dict[str, Any]:
        """The law as plain JSON-able data."""
        return plain(self)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One network to train: everything that its numbers depend on, and nothing else.

    `source` is the data set with what is done to its images. `depth` L counts weight layers: L−1 hidden layers.
    `strength` is p for replacement, σ for additive noise. `validation` counts held-out training images, which are
    tested as well. `training_corruption` is "fixed" (every training image is corrupted once) or "fresh" (anew at each
    presentation). `width` counts units of a hidden layer of an MLP, channels of a CNN. `shift` is subtracted from every
    pixel that the network sees, after corruption; with `centred` also the mean of all training images as they are seen
    (`networks.centre`). `readout_scale` is a factor of the last layer's initial weights, `initialisation` numbers the
    draw of all initial weights: cells that differ in it alone share images, noise and order. Training ends after
    `steps`, or once the mean loss of a block of steps is at most `stop_loss`; with `early_stopping` the network is also
    tested as it was when it classified most of the held-out images.
    """

    source: Source
    train_size: int
    validation: int
    corruption: Law
    strength: float
    training_corruption: str
    family: str
    width: int
    depth: int
    activation: str
    parametrisation: str
    bias: bool
    init_scale: float
    shift: float
    loss: str
    optimiser: str
    learning_rate: float
    momentum: float
    schedule: str
    batch_size: int
    steps: int
    stop_loss: float | None
    precision: str
    common_random_numbers: bool
    test_draws: int
    seed: int
    centred: bool = False
    readout_scale: float = 1.0
    initialisation: int = 0
    early_stopping: bool = False

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return self.source.name

    @property
    def downsample(self) -> int:
        """The factor by which the images are made smaller."""
        return self.source.downsample

    @property
    def pca_rank(self) -> int | None:
        """The rank of the projected images; None where they are not projected."""
        return self.source.pca_rank

    @property
    def permutation(self) -> int | None:
        """The seed of the permutation of the images' places; None where they are in order."""
        return self.source.permutation

    def record(self) -> dict[str, Any]:
        """The cell as plain JSON-able data.

        A field with a default is left out while it has it: a field that is added later changes no key and no draw.
        """
        return dict(self._record)

    @cached_property
    def _record(self) -> dict[str, Any]:
        return plain(self) | {"source": self.source.record(), "corruption": self.corruption.record()}

    def key(self, code: str) -> str:
        """The cell's name in the store: digest of the record and of `code`, which names what computes its numbers."""
        return digest([self._record, code])

    def choices(self) -> frozenset[str]:
        """The words of the record: they say which entries of the tables of laws, activations and so on are used."""
        options = [value for _, value in self.corruption.options if isinstance(value, str)]
        own = [value for value in self._record.values() if isinstance(value, str)]
        return frozenset([*own, self.corruption.name, *options])

    def shape(self) -> tuple[Any, ...]:
        """What cells must share to be trained as one stack: all that may not differ inside it."""
        return tuple(getattr(self, name) for name in SHARED)

    def stream(self) -> dict[str, Any]:
        """What names the cell's random streams.

        Not in it: how long and how precisely it is trained, so that a longer training begins as the shorter one; and
        with common random numbers the strength, so that cells which differ in it alone share all draws. Nor the recipe:
        networks that are trained otherwise begin with the same draws and see the same noise.
        """
        left_out = {"steps", "stop_loss", "early_stopping", "precision", "test_draws", "validation"} | RECIPE
        if self.common_random_numbers:
            left_out.add("strength")
        return {name: value for name, value in self._record.items() if name not in left_out}

    @staticmethod
    def from_record(record: dict[str, Any]) -> Cell:
        """The cell that `record` describes: the inverse of `record`, also after a passage through JSON."""
        law = record["corruption"]
        options = tuple((name, value) for name, value in law["options"])
        source = Source.from_record(record["source"])
        return Cell(**{**record, "source": source, "corruption": Law(law["name"], options)})


@dataclass(frozen=True, kw_only=True)
class ResidualCell(Cell):
    """A residual network to train (`residual`): a cell with what the stacks of other families do not have.

    `width` is a factor of the channels of a `wrn`, the first channels of a `resnet9`. `augmentation` moves and mirrors
    training images, `policy` names what else is done to them, before their corruption (`augmentations`).
    """

    weight_decay: float = 0.0
    dropout: float = 0.0
    augmentation: str = "none"
    policy: str = "none"

    def stream(self) -> dict[str, Any]:
        """What names the cell's random streams: not its recipe, nor how images are augmented."""
        return {name: value for name, value in super().stream().items() if name not in OF_RESIDUAL}

    @staticmethod
    def from_record(record: dict[str, Any]) -> ResidualCell:
        """The cell that `record` describes."""
        own = {name: record[name] for name in OF_RESIDUAL if name in record}
        usual = Cell.from_record({name: value for name, value in record.items() if name not in own})
        return ResidualCell(**{field.name: getattr(usual, field.name) for field in fields(usual)}, **own)


OF_RESIDUAL = tuple(field.name for field in fields(ResidualCell) if field.name not in Cell.__dataclass_fields__)
RESIDUAL = ("wrn", "resnet9")  # families of residual networks, each trained alone
RECIPE = {"shift", "centred", "learning_rate", "readout_scale", "initialisation"}
# The axes along which the cells of one stack may differ; all other fields are alike.
SHARED = tuple(
    field.name
    for field in fields(Cell)
    if field.name not in {"train_size", "strength", "steps", "stop_loss", "seed"} | RECIPE
)


def key_of(cell: Cell, purpose: str) -> np.ndarray:
    """A cell's random stream for a purpose: its 64-bit key as two int32."""
    return streams.stream_key(cell.seed, purpose, cell.stream())


@dataclass(frozen=True)
class Layer:
    """A weight layer: (fan-in × fan-out) weights, applied at `positions` places of an image of side `side`."""

    fan_in: int
    fan_out: int
    positions: int = 1
    side: int = 1


def layers(cell: Cell) -> list[Layer]:
    """The weight layers of a cell's network.

    `mlp`: dense layers. `cnn`: 3×3 convolutions that keep the side, each followed by 2×2 pooling while the side is
    even and larger than 4; then one dense layer.

    Raises `ValueError` for an unknown family.
    """
    channels, side, _ = cell.source.facts.shape
    classes = cell.source.facts.classes
    if cell.family == "mlp":
        sizes = [cell.source.facts.pixels, *[cell.width] * (cell.depth - 1), classes]
        return [Layer(a, b) for a, b in itertools.pairwise(sizes)]
    if cell.family != "cnn":
        raise ValueError(f"no family of networks is called {cell.family!r}")
    found = []
    for _ in range(cell.depth - 1):
        found.append(Layer(9 * channels, cell.width, side * side, side))
        channels = cell.width
        side = side // 2 if pools(side) else side
    return [*found, Layer(channels * side * side, classes)]


def residual_layers(cell: Cell) -> list[Layer]:
    """The weight layers of a residual network, shortcuts among them."""
    channels, side, _ = cell.source.facts.shape
    classes, width = cell.source.facts.classes, cell.width
    found: list[Layer] = []

    def convolve(fan_in: int, fan_out: int, at: int, patch: int = 9) -> None:
        found.append(Layer(patch * fan_in, fan_out, at * at, at))

    if cell.family == "resnet9":
        half, quarter, eighth = side // 2, side // 4, side // 8
        convolve(channels, width, side)
        convolve(width, 2 * width, side)
        for _ in range(2):
            convolve(2 * width, 2 * width, half)
        convolve(2 * width, 4 * width, half)
        convolve(4 * width, 8 * width, quarter)
        for _ in range(2):
            convolve(8 * width, 8 * width, eighth)
        return [*found, Layer(8 * width, classes)]
    convolve(channels, 16, side)
    before = 16
    for base, stride in ((16, 1), (32, 2), (64, 2)):
        after, side = base * width, -(-side // stride)
        for number in range((cell.depth - 4) // 6):
            if number == 0 and (before != after or stride > 1):
                convolve(before, after, side, patch=1)
            convolve(before, after, side)
            convolve(after, after, side)
            before = after
    return [*found, Layer(before, classes)]


def pools(side: int) -> bool:
    """Whether a convolution at this side is followed by 2×2 pooling."""
    return side % 2 == 0 and side > 4
