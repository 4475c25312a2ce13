"""A grid of cells in a parameter file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, NonNegativeInt, PositiveInt, ValidationError, model_validator

from almostnothing import data
from almostnothing.cells import OF_RESIDUAL, RESIDUAL, Cell, ResidualCell
from almostnothing.errors import UserError
from almostnothing.parameters.fields import Axis, Model, Positive, Strength
from almostnothing.parameters.laws import AnyCorruption, Replacement
from almostnothing.parameters.mistakes import sentence


class Sweep(Model):
    """A grid of cells: the product of all its keys that take a list; and for each variation, another such grid."""

    dataset: Axis[str] = Field(description=f"data sets by name: {data.NAMES}")
    image_size: PositiveInt | None = Field(default=None, description="pixels a side of an image folder's pictures (64)")
    downsample: Axis[PositiveInt] = Field(default=[1], description="average images over blocks of this side")
    pca_rank: Axis[PositiveInt | None] = Field(
        default=[None], description="project images onto so many principal components of the training images"
    )
    permutation: Axis[NonNegativeInt | None] = Field(
        default=[None], description="exchange the places of all images by one random permutation, that of this seed"
    )
    validation: NonNegativeInt = Field(default=0, description="training images that are held out and tested as well")
    train_size: Axis[PositiveInt] = Field(description="N, training images, the same number of each class")
    corruption: AnyCorruption = Replacement()
    strength: Axis[Strength] = Field(
        description="of the corruption in training and test: p of replacement, σ of additive noise, "
        "ε of lp and brightness, the share of changed values of l0, a factor of all strengths of a set"
    )
    training_corruption: Axis[Literal["fixed", "fresh"]] = Field(
        description="corrupt every training image once, or anew whenever it is shown"
    )
    family: Axis[Literal["mlp", "cnn", "wrn", "resnet9"]] = Field(
        default=["mlp"], description="kind of network; wrn: wide residual network"
    )
    width: Axis[PositiveInt] = Field(
        description="units of each hidden layer; channels of a CNN, the first ones of a resnet9; k of a wrn"
    )
    depth: Axis[PositiveInt] = Field(description="L, weight layers: L−1 hidden layers; 6n + 4 of a wrn, 9 of a resnet9")
    activation: Literal["relu", "leaky_relu", "gelu", "erf", "tanh", "sine", "identity"] = "relu"
    parametrisation: Literal["standard", "ntk"] = "standard"
    bias: bool = True
    init_scale: Positive = Field(default=1.0, description="factor of the initial weights")
    readout_scale: Axis[Annotated[float, Field(ge=0)]] = Field(
        default=[1.0], description="further factor of the last layer's initial weights"
    )
    initialisation: Axis[NonNegativeInt] = Field(
        default=[0], description="number of the draw of the initial weights; all else is shared"
    )
    shift: Axis[FiniteFloat] = Field(
        default=[0.0], description="subtracted from every pixel that the network sees, after corruption"
    )
    loss: Axis[Literal["cross_entropy", "mse"]] = Field(default=["cross_entropy"])
    optimiser: Literal["adam", "sgd"] = "adam"
    centred: Axis[bool] = Field(
        default=[False], description="subtract also the mean of all training images as they are seen"
    )
    learning_rate: Axis[Positive] = Field(default=[1e-3])
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.0, description="of sgd")
    schedule: Literal["constant", "linear", "cosine", "one_cycle", "drops"] = Field(
        default="constant",
        description="of the learning rate; one_cycle: up for a fifth of the steps, then down; drops: by 5 at .85, .95",
    )
    weight_decay: Annotated[FiniteFloat, Field(ge=0)] = Field(
        default=0.0, description="of residual networks: this times each weight is added to its gradient"
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.0, description="of a wrn: between convolutions")
    augmentation: Literal["none", "crop", "crop_flip"] = Field(
        default="none",
        description="residual networks: move training images by up to an eighth of the side; mirror some",
    )
    policy: Literal["none", "trivial", "rand", "augmix"] = Field(
        default="none", description="residual networks: torchvision's TrivialAugmentWide, RandAugment or AugMix"
    )
    batch_size: PositiveInt = 64
    steps: Axis[PositiveInt] = Field(description="optimiser steps")
    stop_loss: Positive | None = Field(
        default=None, description="stop once a block's mean training loss is at most this"
    )
    early_stopping: bool = Field(
        default=False, description="test also the network that classified most of the held-out images"
    )
    precision: Literal["float32", "tf32", "bf16", "float64"] = Field(
        default="float32", description="of products; float64 is that of a residual network's training"
    )
    common_random_numbers: bool = Field(
        default=False, description="share all draws between strengths, for paired comparisons: then cells are dependent"
    )
    test_draws: PositiveInt = Field(default=1, description="independent corruptions of each test image")
    seeds: Axis[NonNegativeInt]
    variations: list[dict[str, Any]] = Field(
        default=[], description="keys of the sweep that take other values: each entry is one more grid of cells"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Sweep:
        if self.momentum and self.optimiser != "sgd":
            raise ValueError("momentum belongs to optimiser: sgd")
        if self.early_stopping and not self.validation:
            raise ValueError("early_stopping needs images that are held out: a validation above 0")
        self._check_family()
        for strength in self.strength:
            self.corruption.check_strength(strength)
        for number, variation in enumerate(self.variations):
            if "variations" in variation:
                raise ValueError(f"variations.{number} may not hold variations of its own")
            try:
                self._grid(variation)
            except ValidationError as error:
                raise ValueError(f"variations.{number}: {sentence(error, Sweep)}") from error
        return self

    def _check_family(self) -> None:
        alone = [family for family in self.family if family in RESIDUAL]
        asked = [name for name in OF_RESIDUAL if getattr(self, name) != Sweep.model_fields[name].default]
        if not alone:
            if asked:
                raise ValueError(f"{asked[0]} belongs to residual networks: family wrn or resnet9")
            if self.precision == "float64":
                raise ValueError("precision: float64 belongs to residual networks: family wrn or resnet9")
            return
        if len(alone) < len(self.family) or len(set(self.family)) > 1:
            raise ValueError("family wrn and resnet9 stand alone: give other families a variation of their own")
        usual = ("activation", "parametrisation", "bias", "init_scale", "readout_scale", "early_stopping")
        other = [name for name in usual if getattr(self, name) != Sweep.model_fields[name].get_default()]
        if other:
            raise ValueError(f"{other[0]} is as it is in residual networks: leave it out with family {alone[0]}")
        if self.training_corruption != ["fresh"]:
            raise ValueError(f"family {alone[0]} needs training_corruption: fresh")
        if "wrn" in alone and any(depth < 10 or depth % 6 != 4 for depth in self.depth):
            raise ValueError("depth of a wrn is 6n + 4: 10, 16, 22, 28, 40")
        if "resnet9" in alone and self.depth != [9]:
            raise ValueError("depth of a resnet9 is 9")
        if self.batch_size < 2:
            raise ValueError("batch_size is at least 2 in residual networks: batch normalisation needs several images")
        if self.dropout and "wrn" not in alone:
            raise ValueError("dropout belongs to family wrn")

    def _grid(self, variation: Mapping[str, Any]) -> Sweep:
        return Sweep(**{**self.model_dump(exclude={"variations"}), **variation})

    @cached_property
    def grids(self) -> list[Sweep]:
        """The sweep without its variations, then that of each."""
        return [self._grid(variation) for variation in ({}, *self.variations)]

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """Each data set in each of its transforms, once; arguments as of `data.source`.

        Raises `UserError` for an unknown data set, damaged or missing files, a transform or size that cannot be had.
        """
        if self.variations:
            return list(dict.fromkeys(source for grid in self.grids for source in grid.sources(folder, known)))
        found = [
            data.source(
                name,
                folder,
                image_size=self.image_size,
                downsample=factor,
                pca_rank=rank,
                permutation=seed,
                known=known,
            )
            for name, factor, rank, seed in itertools.product(*(getattr(self, axis) for axis in OF_SOURCE))
        ]
        for source, size in itertools.product(found, self.train_size):
            data.check_train_size(source, size, self.validation)
            _, height, width = source.facts.shape
            square = [family for family in self.family if family != "mlp"]
            if square and height != width:
                raise UserError(
                    f"family {square[0]} needs square images, but those of {source.name} are {height}x{width}"
                )
            if "resnet9" in self.family and height < SMALLEST:
                raise UserError(f"family resnet9 needs images of at least {SMALLEST} pixels a side, not {height}")
            if self.policy != "none" and (source.facts.shape[0] not in (1, 3) or source.pca_rank):
                raise UserError(f"policy {self.policy} needs images in grey or colour, without pca_rank")
        return found

    def cells(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[Cell]:
        """Every cell, once, in the order of its table; arguments and errors as of `sources`."""
        if self.variations:
            return list(dict.fromkeys(cell for grid in self.grids for cell in grid.cells(folder, known)))
        alone = self.family[0] in RESIDUAL
        shared = {name: getattr(self, name) for name in (*SHARED, *(OF_RESIDUAL if alone else ()))}
        shared |= {"corruption": self.corruption.record()}
        names = ["seed" if axis == "seeds" else axis for axis in OF_NETWORK]
        return [
            (ResidualCell if alone else Cell)(source=source, **shared, **dict(zip(names, values, strict=True)))
            for source in self.sources(folder, known)
            for values in itertools.product(*(getattr(self, axis) for axis in OF_NETWORK))
        ]

    def sample(self, pick: Callable[[list[Any]], Any]) -> dict[str, Any]:
        """A smaller sweep as plain data: of each size one value, all choices, two seeds; variations likewise."""
        content = self.model_dump(mode="json")
        grids = [content, *content["variations"]]
        few = FEW_STEPS_ALONE if self.family[0] in RESIDUAL else FEW_STEPS
        for grid in grids:
            for size in SIZES:
                if isinstance(grid.get(size), list):
                    grid[size] = [pick(grid[size])]
            if "train_size" in grid:  # a variation may name one large size
                grid["train_size"] = content["train_size"]
            if isinstance(grid.get("strength"), list):  # the smallest, and the largest, where a fall is
                grid["strength"] = list(dict.fromkeys([*grid["strength"][:1], *grid["strength"][-FEW_STRENGTHS:]]))
            if "steps" in grid:
                longest = max(grid["steps"]) if isinstance(grid["steps"], list) else grid["steps"]
                grid["steps"] = [min(longest, few)]
        content["seeds"] = content["seeds"][:2]
        return {name: value for name, value in content.items() if value is not None}

    def columns(self) -> dict[str, list[Any]]:
        """The values of each axis by the name of its column in a table; of the sweep without its variations."""
        named = {"seeds": "seed", "loss": "objective"}
        axes = {named.get(axis, axis): getattr(self, axis) for axis in (*OF_SOURCE, *OF_NETWORK)}
        return axes | {"law": [self.corruption.law], "activation": [self.activation]}


SMALLEST = 8  # side of an image that is halved three times
FEW_STRENGTHS = 4
FEW_STEPS = 500  # of a sample: long enough for steps to be fused, as in the sweep itself
FEW_STEPS_ALONE = 40  # of a sample of residual networks, whose steps are never fused and take long
SIZES = ("train_size", "width", "depth", "steps", "downsample")  # axes that are no choice of code
# The axes of a grid: of its data sets, of its networks in the order of a table's rows; what a cell takes as it is.
OF_SOURCE = ("dataset", "downsample", "pca_rank", "permutation")
OF_NETWORK = (
    "family",
    "width",
    "depth",
    "train_size",
    "steps",
    "training_corruption",
    "loss",
    "shift",
    "centred",
    "readout_scale",
    "initialisation",
    "learning_rate",
    "strength",
    "seeds",
)
SHARED = tuple(
    name for name in Sweep.model_fields if name in Cell.__dataclass_fields__.keys() - {*OF_NETWORK, "corruption"}
)
