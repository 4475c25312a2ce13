"""Parameter files: one validated model per notebook, read from YAML, checked before any compute starts.

Every mistake becomes a `UserError`: one sentence that names the file, the key and the remedy.
"""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    Tag,
    ValidationError,
    model_validator,
)

from almostnothing import data
from almostnothing.cells import Law
from almostnothing.errors import UserError

T = TypeVar("T")
FOLDER = Path("params")


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _distinct(values: list[T]) -> list[T]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value} is listed twice")
    return values


# One value or a list of distinct ones: the cells of a sweep are the product of its axes.
Axis = Annotated[list[T], Field(min_length=1), BeforeValidator(_listed), AfterValidator(_distinct)]
Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[FiniteFloat, Field(gt=0)]


class Model(BaseModel):
    """Base of all parameter models: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Law(Model):
    """Base of the corruption laws: a kind, and options some of which belong to one kind alone."""

    per: Literal["pixel", "image"] = Field(
        default="pixel", description="one draw for every pixel, or one that serves all pixels of an image"
    )
    kinds: ClassVar[dict[str, dict[str, float]]]  # of each kind: its own options and their defaults
    kind_key: ClassVar[str]

    @model_validator(mode="after")
    def _own_options(self) -> _Law:
        kind = getattr(self, self.kind_key)
        for other, options in self.kinds.items():
            for name in options:
                if getattr(self, name) is not None and name not in self.kinds[kind]:
                    raise ValueError(f"{name} belongs to {self.kind_key}: {other}")
        return self

    def options(self) -> dict[str, Any]:
        """The options that this kind has, with their values."""
        own = self.kinds[getattr(self, self.kind_key)]
        given = {name: getattr(self, name) for name in own}
        return {name: own[name] if value is None else value for name, value in given.items()}

    def record(self) -> Law:
        """The law as a cell records it: equal laws have equal records."""
        elsewhere = {"law", *(name for options in self.kinds.values() for name in options)}
        shared = {name: getattr(self, name) for name in type(self).model_fields if name not in elsewhere}
        return Law(self.law, tuple(sorted({**shared, **self.options()}.items())))  # type: ignore[attr-defined]


class Replacement(_Law):
    """Replacement noise of strength p: a pixel takes a new value with probability p.

    New values: `uniform` on [low, high] (0, 1); `constant` at value (0.5); `bernoulli`, 1 with probability (0.5) or 0;
    `gaussian` with mean (0.5) and sd (0.25), clipped to [0, 1]; `empirical` as the data set's own pixels.
    """

    kinds: ClassVar[dict[str, dict[str, float]]] = {
        "uniform": {"low": 0.0, "high": 1.0},
        "constant": {"value": 0.5},
        "bernoulli": {"probability": 0.5},
        "gaussian": {"mean": 0.5, "sd": 0.25},
        "empirical": {},
    }
    kind_key: ClassVar[str] = "values"

    law: Literal["replacement"] = "replacement"
    values: Literal["uniform", "constant", "bernoulli", "gaussian", "empirical"] = "uniform"
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    value: FiniteFloat | None = None
    probability: Probability | None = None
    mean: FiniteFloat | None = None
    sd: Positive | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Replacement:
        own = self.options()
        if self.values == "uniform" and not own["low"] < own["high"]:
            raise ValueError("low must be smaller than high")
        return self

    def check_strength(self, strength: float) -> None:
        """Raise `ValueError` unless p is a probability."""
        if strength > 1:
            raise ValueError(f"strength {strength:g} is no probability: replacement takes p from 0 to 1")


class Additive(_Law):
    """Additive noise of standard deviation σ, its strength; with `clip` the sum is clipped to [0, 1].

    `student_t` has dof (3) degrees of freedom, more than 2, so that its variance exists.
    """

    kinds: ClassVar[dict[str, dict[str, float]]] = {
        "gaussian": {},
        "uniform": {},
        "laplace": {},
        "student_t": {"dof": 3.0},
    }
    kind_key: ClassVar[str] = "noise"

    law: Literal["additive"]
    noise: Literal["gaussian", "uniform", "laplace", "student_t"] = "gaussian"
    clip: bool = Field(default=False, description="clip corrupted pixels to [0, 1]")
    dof: Annotated[FiniteFloat, Field(gt=2)] | None = None

    def check_strength(self, strength: float) -> None:
        """Any σ ≥ 0 is allowed."""


Corruption = Annotated[
    Annotated[Replacement, Tag("replacement")] | Annotated[Additive, Tag("additive")],
    Discriminator(lambda value: value.get("law", "replacement") if isinstance(value, dict) else value.law),
]
LAWS = {"replacement": Replacement, "additive": Additive}
Strength = Annotated[FiniteFloat, Field(ge=0)]


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
    corruption: Corruption = Replacement()
    strength: Axis[Strength] = Field(
        description="of the corruption in training and test: p of replacement, σ of additive noise"
    )
    training_corruption: Axis[Literal["fixed", "fresh"]] = Field(
        description="corrupt every training image once, or anew whenever it is shown"
    )
    family: Axis[Literal["mlp", "cnn"]] = Field(default=["mlp"], description="kind of network")
    width: Axis[PositiveInt] = Field(description="units of each hidden layer; channels of a CNN")
    depth: Axis[PositiveInt] = Field(description="L, weight layers: L−1 hidden layers")
    activation: Literal["relu", "leaky_relu", "gelu", "erf", "tanh", "sine", "identity"] = "relu"
    parametrisation: Literal["standard", "ntk"] = "standard"
    bias: bool = True
    init_scale: Positive = Field(default=1.0, description="factor of the initial weights")
    shift: Axis[FiniteFloat] = Field(
        default=[0.0], description="subtracted from every pixel that the network sees, after corruption"
    )
    loss: Axis[Literal["cross_entropy", "mse"]] = Field(default=["cross_entropy"])
    optimiser: Literal["adam", "sgd"] = "adam"
    learning_rate: Positive = 1e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.0, description="of sgd")
    schedule: Literal["constant", "linear", "cosine"] = Field(default="constant", description="of the learning rate")
    batch_size: PositiveInt = 64
    steps: Axis[PositiveInt] = Field(description="optimiser steps")
    stop_loss: Positive | None = Field(
        default=None, description="stop once a block's mean training loss is at most this"
    )
    precision: Literal["float32", "tf32", "bf16"] = Field(default="float32", description="of matrix products")
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
        for strength in self.strength:
            self.corruption.check_strength(strength)
        for number, variation in enumerate(self.variations):
            if "variations" in variation:
                raise ValueError(f"variations.{number} may not hold variations of its own")
            try:
                self.varied(variation)
            except ValidationError as error:
                raise ValueError(f"variations.{number}: {_sentence(error, Sweep)}") from error
        return self

    def varied(self, variation: Mapping[str, Any]) -> Sweep:
        """The grid of one variation."""
        return Sweep(**{**self.model_dump(exclude={"variations"}), **variation})

    @property
    def grids(self) -> list[Sweep]:
        """The sweep without its variations, then that of each."""
        return [self.varied(variation) for variation in ({}, *self.variations)]

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
            for name, factor, rank, seed in itertools.product(
                self.dataset, self.downsample, self.pca_rank, self.permutation
            )
        ]
        for source, size in itertools.product(found, self.train_size):
            data.check_train_size(source, size, self.validation)
            _, height, width = source.facts.shape
            if "cnn" in self.family and height != width:
                raise UserError(f"family cnn needs square images, but those of {source.name} are {height}x{width}")
        return found


class Compute(Model):
    """How to compute; changes no result beyond the stated tolerance, so no digest covers it."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    compile: Literal["auto", "always", "never"] = Field(
        default="auto", description="fuse steps with torch.compile; auto: where a cell is long enough to pay for it"
    )
    checkpoint_seconds: NonNegativeFloat = Field(default=60.0, description="a killed job loses at most this much")
    keep_logits: bool = Field(default=False, description="store the logits of all test images beside each network")
    quiet: bool = Field(default=False, description="one line a shard in place of a progress bar")


class Notebook(Model):
    """Base of the models of parameter files."""

    sweep: Sweep | None = None
    data_root: str | None = Field(
        default=None,
        description="folder of the data files; ALMOSTNOTHING_DATA overrides it; default: ~/.cache/almostnothing",
    )
    compute: Compute = Compute()
    table_from: ClassVar[str] = "store"  # the module whose `table` makes the data behind the figure

    def content(self) -> dict[str, Any]:
        """All that a figure depends on, as JSON-able data."""
        dumped = self.model_dump(mode="json", exclude={"compute", "data_root"})
        return {name: value for name, value in dumped.items() if value is not None}

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets that it needs; arguments and errors as of `data.source`."""
        return self.sweep.sources(folder, known) if self.sweep else []

    def folder(self, project: Path | None = None) -> Path:
        """Where the data files are, or will be; a relative `data_root` is relative to the project's folder."""
        return data.folder(self.data_root, project)


class KneeThresholds(Model):
    """Smallest effects that count, growth per doubling of the size; fixed before looking."""

    shift: FiniteFloat = Field(description="growth of p*")
    sharpening: FiniteFloat = Field(description="growth of ln |A'(p*)|")
    form: FiniteFloat = Field(description="gain in held-out ln-likelihood a point of a sigmoid in ln(1−p)")
    exponent: FiniteFloat = Field(description="α in 1−p* ∝ N^−α")


class Curves(Notebook):
    """Base of the notebooks that compare networks: `free` names the keys of the sweep in which they may differ.

    All other keys have one value, so that nothing is averaged that is not alike; data sets have equal chance levels.
    """

    sweep: Sweep
    free: ClassVar[frozenset[str]]

    @model_validator(mode="after")
    def _alike(self) -> Curves:
        for grid, name in itertools.product(self.sweep.grids, Sweep.model_fields):
            value = getattr(grid, name)
            several = isinstance(value, list) and len(value) > 1
            if name not in self.free | {"variations"} and (several or value != getattr(self.sweep, name)):
                raise ValueError(f"sweep.{name} takes one value here")
        if len(self.sweep.seeds) < 2:
            raise ValueError("sweep.seeds needs at least 2 seeds for an interval")
        if "corruption" not in self.free and self.sweep.corruption.law != "replacement":
            raise ValueError("sweep.corruption must be replacement here: its strength is a p")
        return self

    def _check_knees(self) -> None:
        """Raise `ValueError` unless every grid has curves in p that begin at 0."""
        for grid in self.sweep.grids:
            if len(grid.strength) < 5 or 0 not in grid.strength:
                raise ValueError("sweep.strength needs at least 5 values to fit a knee, one of them 0")
            if (grid.strength, grid.seeds) != (self.sweep.strength, self.sweep.seeds):
                raise ValueError("sweep.variations may not vary strength or seeds here")

    def _check_pixels(self) -> None:
        """Raise `ValueError` unless the corruption leaves pixels independent."""
        if any(grid.corruption.per != "pixel" for grid in self.sweep.grids):
            raise ValueError("sweep.corruption must draw every pixel by itself here: the theory needs it")

    def _check_rules(self) -> None:
        """Raise `ValueError` unless the networks are MLPs whose training images are corrupted once.

        The rules are computed from these images, and the theory is that of fully connected networks.
        """
        for grid in self.sweep.grids:
            if grid.family != ["mlp"] or grid.training_corruption != ["fixed"]:
                raise ValueError("sweep must hold networks of family: mlp and training_corruption: fixed here")
        self._check_pixels()

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets that it needs, of equally many classes."""
        found = super().sources(folder, known)
        if len({source.facts.classes for source in found}) > 1:
            raise UserError("sweep.dataset must name sets of equally many classes: they share a chance level")
        return found


class Knee(Curves):
    """`01_knee`: accuracy against corruption, its midpoint and slope against width, depth, N and d."""

    free = frozenset({"dataset", "train_size", "strength", "width", "depth", "downsample", "loss", "seeds"})
    thresholds: KneeThresholds

    @model_validator(mode="after")
    def _enough(self) -> Knee:
        self._check_knees()
        for axis in ("depth", "downsample", "loss"):
            if len(getattr(self.sweep, axis)) > 1:
                raise ValueError(f"sweep.{axis} takes one value here; further ones belong in sweep.variations")
        return self


class MarginThresholds(Model):
    """What counts; fixed before looking."""

    ranking: FiniteFloat = Field(description="gain in AUROC over the margin alone, or over softmax confidence")
    calibrated: FiniteFloat = Field(description="expected calibration error below which a probability is useful")
    gain: FiniteFloat = Field(description="fall of the calibration error that an improvement must bring")


class Margin(Curves):
    """`02_margin`: does the margin over its noise predict which images fail? At held-out images, for each network."""

    free = frozenset({"dataset", "strength", "training_corruption", "seeds"})
    test_strength: Axis[Strength] = Field(description="p of the corruptions under which images are tested")
    images: PositiveInt = Field(description="test images")
    draws: PositiveInt = Field(description="corruptions of each image that measure its failures")
    thresholds: MarginThresholds
    table_from: ClassVar[str] = "tables.margin"

    @model_validator(mode="after")
    def _consistent(self) -> Margin:
        for strength in self.test_strength:
            self.sweep.corruption.check_strength(strength)
            if not strength:
                raise ValueError("test_strength 0 is no corruption: nothing fails by it")
        self._check_pixels()
        return self


class BiasThresholds(Model):
    """Smallest differences that count; fixed before looking."""

    shift: FiniteFloat = Field(description="of p* between CNN and MLP")
    matched: FiniteFloat = Field(description="of parameter counts, relative, up to which two networks are a match")
    accuracy: FiniteFloat = Field(description="of clean accuracy at p = 0 up to which two networks are a match")


class Bias(Curves):
    """`03_inductive_bias`: MLP against CNN, matched in parameter count or clean accuracy, and with permuted pixels."""

    free = frozenset(
        {"dataset", "strength", "permutation", "family", "width", "depth", "learning_rate", "steps", "seeds"}
    )
    thresholds: BiasThresholds

    @model_validator(mode="after")
    def _consistent(self) -> Bias:
        self._check_knees()
        families = {family for grid in self.sweep.grids for family in grid.family}
        if families != {"mlp", "cnn"}:
            raise ValueError("sweep must hold both families, mlp and cnn: give one of them in sweep.variations")
        return self


class CollapseThresholds(Model):
    """What counts; fixed before looking."""

    rms: FiniteFloat = Field(description="leave-one-size-out root mean square, in accuracy, below which curves align")
    gain: FiniteFloat = Field(description="by how much a candidate must lower it below that of (1−p)/√p")
    error: FiniteFloat = Field(description="of p at half-way, below which a prediction without training is good")


class Collapse(Curves):
    """`04_collapse`: on which quantity do the accuracies of all sizes fall on one curve?"""

    free = frozenset({"dataset", "train_size", "strength", "width", "downsample", "seeds"})
    images: PositiveInt = Field(description="test images on which margins, gradients and the theory are evaluated")
    thresholds: CollapseThresholds
    table_from: ClassVar[str] = "tables.collapse"

    @model_validator(mode="after")
    def _consistent(self) -> Collapse:
        self._check_knees()
        self._check_pixels()
        return self


class Shown(Model):
    """A corruption law at several strengths, some of which are shown as pictures."""

    corruption: Corruption
    strength: Axis[Strength] = Field(description="p of replacement, σ of additive noise")
    pictures: Axis[Strength] = Field(description="those of the strengths at which pictures are shown")

    @model_validator(mode="after")
    def _consistent(self) -> Shown:
        for strength in self.strength:
            self.corruption.check_strength(strength)
            if not strength:
                raise ValueError("strength 0 is no noise: it is shown anyway")
        for strength in self.pictures:
            if strength not in self.strength:
                raise ValueError(f"pictures shows {strength:g}, which is none of its strengths")
        return self


class DataThresholds(Model):
    """What counts; fixed before looking."""

    exponent: FiniteFloat = Field(description="of p, in the noise's standard deviation")
    drowned: FiniteFloat = Field(description="decibels by which a pixel's noise exceeds its signal")
    unseen: FiniteFloat = Field(description="decibels by which an image stays below Rose's criterion")


class Data(Notebook):
    """`00_data`: what the data sets are, what each corruption law does to them, and what is left in decibels."""

    datasets: Axis[str] = Field(description=f"data sets by name: {data.NAMES}")
    laws: Annotated[list[Shown], Field(min_length=1)] = Field(
        description="corruption laws; the first one is replacement, and the claims are about it"
    )
    images: PositiveInt = Field(description="test images over which means are taken")
    draws: PositiveInt = Field(description="corruptions of each image that check the formulas")
    headline: Probability = Field(description="p of the claims, one of the strengths of the first law")
    thresholds: DataThresholds
    table_from: ClassVar[str] = "measures.signal"

    @model_validator(mode="after")
    def _consistent(self) -> Data:
        first = self.laws[0]
        if first.corruption.law != "replacement" or self.headline not in first.strength:
            raise ValueError("headline must be a strength of the first law, which must be replacement")
        if self.headline == min(first.strength):
            raise ValueError("headline must not be the smallest strength of the first law")
        return self

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets as they are."""
        return [data.source(name, folder, known=known) for name in self.datasets]


class SurvivalThresholds(Model):
    """What counts; fixed before looking."""

    above: FiniteFloat = Field(description="accuracy above chance that is well above chance")
    close: FiniteFloat = Field(
        description="difference of the accuracies of network and rule up to which they are close"
    )
    error: FiniteFloat = Field(description="mean absolute error of a predicted accuracy below which it is good")


class Survival(Curves):
    """`05_survival`: accuracy against corruption, for MLPs, the nearest-class-mean rule and the ridge rule."""

    free = frozenset({"dataset", "train_size", "corruption", "strength", "width", "seeds"})
    headline: dict[Literal["replacement", "additive"], Strength] = Field(
        description="strength of the claims under each law: p, or σ, where over 90 % of a pixel's variance is noise"
    )
    pictures: dict[Literal["replacement", "additive"], Axis[Strength]] = Field(
        description="strengths of each law at which pictures are shown"
    )
    images: PositiveInt = Field(description="test images on which rules and theory are evaluated")
    draws: PositiveInt = Field(
        description="corruptions of the training images over which the nearest class mean is averaged"
    )
    thresholds: SurvivalThresholds
    table_from: ClassVar[str] = "tables.survival"

    @model_validator(mode="after")
    def _consistent(self) -> Survival:
        self._check_rules()
        laws: dict[str, set[float]] = {}
        kinds: dict[str, Replacement | Additive] = {}
        for grid in self.sweep.grids:
            if kinds.setdefault(grid.corruption.law, grid.corruption) != grid.corruption:
                raise ValueError(f"sweep.variations may not hold two kinds of {grid.corruption.law} here")
            laws.setdefault(grid.corruption.law, set()).update(grid.strength)
        for law, strengths in laws.items():
            if self.headline.get(law) not in strengths or law not in self.pictures:  # type: ignore[call-overload]
                raise ValueError(f"headline must give one of the strengths of {law}, and pictures those that are shown")
        return self


class AgreementThresholds(Model):
    """What counts; fixed before looking."""

    majority: FiniteFloat = Field(description="agreement that is a majority: the text's own criterion")
    same: FiniteFloat = Field(description="agreement from which on two rules are the same in practice")


class Agreement(Curves):
    """`06_prototype`: on how many test points do trained networks and the rules of seed 001 agree?"""

    free = frozenset({"dataset", "train_size", "strength", "width", "depth", "loss", "shift", "steps", "seeds"})
    images: PositiveInt = Field(description="test images")
    kernel_size: PositiveInt = Field(description="largest N for which the infinitely wide network is computed as well")
    thresholds: AgreementThresholds
    table_from: ClassVar[str] = "tables.prototype"

    @model_validator(mode="after")
    def _consistent(self) -> Agreement:
        self._check_rules()
        if any(strength in (0, 1) for grid in self.sweep.grids for strength in grid.strength):
            raise ValueError("sweep.strength must be above 0 and below 1: without noise or signal there is no rule")
        if any(grid.dataset != self.sweep.dataset for grid in self.sweep.grids):
            raise ValueError("sweep.variations may not vary dataset here")
        return self

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets, none of which leaves a kernel singular."""
        found = super().sources(folder, known)
        for source, grid in itertools.product(found, self.sweep.grids):
            for size, depth in itertools.product(grid.train_size, grid.depth):
                if size <= self.kernel_size:
                    _check_kernel(source, grid.activation, depth, size)
        return found


def _check_kernel(source: data.Source, activation: str, depth: int, size: int) -> None:
    """Raise `UserError` where more images than pixels leave the kernel of a linear network without an inverse."""
    if size > source.facts.pixels and (activation == "identity" or depth == 1):
        raise UserError(
            f"train_size {size} exceeds the {source.facts.pixels} pixels of {source.name}: a linear network's kernel "
            "matrix has no inverse then"
        )


class Infinite(Model):
    """Infinitely wide networks: one kernel on several sizes of training sets."""

    activation: Literal["relu", "leaky_relu", "gelu", "erf", "tanh", "sine", "identity"] = "relu"
    depth: PositiveInt = Field(description="L, weight layers")
    train_size: Axis[PositiveInt] = Field(description="N, training images, the same number of each class")
    shift: FiniteFloat = Field(default=0.0, description="subtracted from every pixel, after corruption")


class InfiniteThresholds(Model):
    """What counts; fixed before looking."""

    same: FiniteFloat = Field(description="agreement from which on a rule is the network in practice")
    predicted: FiniteFloat = Field(description="error of an agreement below which its prediction is good")
    exponent: FiniteFloat = Field(description="distance from 1/2 of the exponent of 1/width, below which the law holds")


class InfiniteWidth(Curves):
    """`07_infinite_width`: kernel regression against the rules, its remainder, and networks of growing width."""

    free = frozenset({"dataset", "width", "seeds"})
    infinite: Annotated[list[Infinite], Field(min_length=1)] = Field(
        description="infinitely wide networks; the first one is that of the map of (N/d, p)"
    )
    strength: Axis[Probability] = Field(description="p; at p = 1 there is noise alone")
    headline: Probability = Field(description="p of the claims")
    images: PositiveInt = Field(description="test images")
    seeds: Axis[NonNegativeInt]
    thresholds: InfiniteThresholds
    table_from: ClassVar[str] = "tables.infinite"

    @model_validator(mode="after")
    def _consistent(self) -> InfiniteWidth:
        self._check_rules()
        lazy = {
            "parametrisation": "ntk",
            "bias": False,
            "loss": ["mse"],
            "optimiser": "sgd",
            "momentum": 0.0,
            "schedule": "constant",
            "stop_loss": None,
        }
        for key, value in lazy.items():
            if getattr(self.sweep, key) != value:
                shown = value[0] if isinstance(value, list) else value
                raise ValueError(f"sweep.{key} must be {json.dumps(shown)} here: the kernel's own training")
        if self.sweep.train_size != [self.sweep.batch_size]:
            raise ValueError("sweep.batch_size must be its train_size here: gradient descent on all images at once")
        if self.headline not in self.strength or 0 in self.strength or 1 not in self.strength or len(self.seeds) < 2:
            raise ValueError(
                "headline must be one of strength, which are above 0 and one of them 1, and seeds needs 2 at least"
            )
        law = self.sweep.corruption
        if isinstance(law, Replacement) and law.values == "constant":
            raise ValueError("sweep.corruption may not be constant here: at p = 1 all images would be equal")
        kinds = [(one.activation, one.depth, one.shift) for one in self.infinite]
        if len(set(kinds)) < len(kinds):
            raise ValueError("infinite lists a network twice: give it one entry with all of its train_size")
        return self

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets, large enough for every training set."""
        found = super().sources(folder, known)
        for source, network in itertools.product(found, self.infinite):
            for size in network.train_size:
                data.check_train_size(source, size)
                _check_kernel(source, network.activation, network.depth, size)
        return found


class Heavy(Model):
    """A corruption law at one strength."""

    corruption: Corruption
    strength: Strength

    @model_validator(mode="after")
    def _consistent(self) -> Heavy:
        self.corruption.check_strength(self.strength)
        if not self.strength:
            raise ValueError("strength 0 is no corruption")
        if self.corruption.per != "pixel":
            raise ValueError("corruption must draw every pixel by itself here: the theory needs it")
        return self

    def _replaced(self) -> tuple[float, float]:
        """Mean and second moment of a replaced pixel, where the parameters say them: else both are NaN."""
        law = self.corruption
        if not isinstance(law, Replacement) or law.values not in ("uniform", "constant", "bernoulli"):
            return float("nan"), float("nan")
        own = law.options()
        if law.values == "uniform":
            low, high = own["low"], own["high"]
            return (low + high) / 2, (low**2 + low * high + high**2) / 3
        value = own["value"] if law.values == "constant" else own["probability"]
        return value, value**2 if law.values == "constant" else value

    @property
    def moment(self) -> float:
        """Second moment of a replaced pixel."""
        return self._replaced()[1]

    @property
    def mean(self) -> float:
        """Mean of a replaced pixel."""
        return self._replaced()[0]


class UniversalityThresholds(Model):
    """What counts; fixed before looking."""

    same: FiniteFloat = Field(description="agreement from which on a rule is the network in practice")
    tilt: FiniteFloat = Field(description="change with the second moment of what its term adds to the agreement")


class Universality(Notebook):
    """`08_universality`: one rule for all activations, depths, laws and data sets? Infinitely wide networks."""

    datasets: Axis[str] = Field(description=f"data sets by name: {data.NAMES}")
    train_size: PositiveInt = Field(description="N, training images, the same number of each class")
    activations: Axis[Literal["relu", "leaky_relu", "gelu", "erf", "tanh", "sine", "identity"]]
    depths: Axis[PositiveInt] = Field(description="L, weight layers")
    shifts: Axis[FiniteFloat] = Field(description="subtracted from every pixel, after corruption")
    laws: Annotated[list[Heavy], Field(min_length=1)] = Field(description="corruption laws, each at one strength")
    second_moments: Annotated[list[Heavy], Field(min_length=2)] = Field(
        description="laws of equal mean and growing second moment, for the tilt of the rule"
    )
    images: PositiveInt = Field(description="test images")
    seeds: Axis[NonNegativeInt]
    thresholds: UniversalityThresholds
    table_from: ClassVar[str] = "tables.universality"

    @model_validator(mode="after")
    def _consistent(self) -> Universality:
        if len(self.seeds) < 2:
            raise ValueError("seeds needs at least 2 seeds for an interval")
        for one in self.laws:
            if self.laws.count(one) > 1:
                raise ValueError("laws lists a law twice at one strength")
        tilted = self.second_moments
        alike = len({round(one.mean, 9) for one in tilted}) == len({one.strength for one in tilted}) == 1
        if not alike or len({round(one.moment, 9) for one in tilted}) < len(tilted):
            raise ValueError(
                "second_moments must be replacement by uniform, constant or bernoulli values at one strength, of one "
                "mean and different second moments"
            )
        return self

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets as they are."""
        found = [data.source(name, folder, known=known) for name in self.datasets]
        for source, activation, depth in itertools.product(found, self.activations, self.depths):
            data.check_train_size(source, self.train_size)
            _check_kernel(source, activation, depth, self.train_size)
        return found


NOTEBOOKS: dict[str, type[Notebook]] = {
    "00_data": Data,
    "01_knee": Knee,
    "02_margin": Margin,
    "03_inductive_bias": Bias,
    "04_collapse": Collapse,
    "05_survival": Survival,
    "06_prototype": Agreement,
    "07_infinite_width": InfiniteWidth,
    "08_universality": Universality,
}


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number (as in YAML 1.2) and a repeated key is an error."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$"),
    list("-+0123456789."),
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"the key {key!r} stands twice in the mapping at line {line}: remove one")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_yaml(path: Path) -> dict[str, Any]:
    """A parameter file as a dictionary.

    Raises `UserError` if it cannot be read, is no YAML, repeats a key or is no mapping.
    """
    try:
        content = yaml.load(path.read_text(), _Loader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold keys and values, like those of params/quick/{path.name}")
    return content


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """The first mistake of a validation in words, and how many more there are."""
    details = error.errors(include_url=False)
    # a mistyped key makes two mistakes, one of them the key that is now missing: name what was typed
    first = min(details, key=lambda detail: detail["type"] != "extra_forbidden")
    # which of several laws was meant is no key of the file
    location = [str(part) for part in first["loc"] if part not in LAWS]
    key = ".".join(location)
    if first["type"] == "union_tag_invalid":
        text = f"{key}.law is {json.dumps(first['ctx']['tag'])}, but should be {' or '.join(LAWS)}"
    elif first["type"] == "extra_forbidden":
        owner: Any = model
        for part in first["loc"][:-1]:
            owner = LAWS[part] if part in LAWS else owner.model_fields[part].annotation
        known = list(owner.model_fields)
        close = difflib.get_close_matches(location[-1], known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"the known ones are {', '.join(known)}"
        text = f"{key} is not a parameter; {hint}"
    elif first["type"] == "missing":
        text = f"{key} is missing: add it"
    else:
        message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = first["input"]
        shown = "" if isinstance(value, dict) else f" is {json.dumps(value, default=str)}, but"
        text = f"{key}{shown} {message}" if key else message
    more = len(details) - 1
    return text + (f" (and {more} more mistake{'s' * (more > 1)})" if more else "")


def validate(name: str, content: Mapping[str, Any], where: str) -> Notebook:
    """The parameters of notebook `name` from plain data; `where` names their origin in messages.

    Raises `UserError` for an unknown notebook, an unknown or missing key, or a value out of range.
    """
    if name not in NOTEBOOKS:
        raise UserError(f"{where}: no notebook is called {name!r}: the known ones are {', '.join(NOTEBOOKS)}")
    model = NOTEBOOKS[name]
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{where}: {_sentence(error, model)}") from error


def load(path: Path) -> Notebook:
    """The validated parameters of a file `params/<set>/<notebook>.yaml`."""
    return validate(path.stem, read_yaml(path), str(path))


def with_changes(name: str, parameter_set: str, root: Path, **changes: Any) -> Any:
    """The parameters of a set, with keys replaced by those that papermill, or a reader by hand, gives.

    What is empty keeps the file's value, and so do keys of a section that are not given: `{"sweep": {"width": [16]}}`
    changes one axis.
    """
    path = root / FOLDER / parameter_set / f"{name}.yaml"
    content = read_yaml(path)
    for key, values in changes.items():
        if isinstance(values, Mapping):
            content[key] = {**content.get(key, {}), **values}
        elif values:
            content[key] = values
    return validate(name, content, f"{path} with the notebook's changes")


def parameter_files(folder: Path) -> list[Path]:
    """The parameter files of a set, in order.

    Raises `UserError` if the folder does not exist or holds none.
    """
    if not folder.is_dir():
        known = sorted(p.name for p in folder.parent.glob("*") if p.is_dir() and p.name != "schema")
        raise UserError(f"{folder} does not exist: the parameter sets here are {', '.join(known) or 'none'}")
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise UserError(f"{folder} holds no parameter file: copy those of params/quick into it")
    return files


def schema(name: str) -> str:
    """The JSON schema of a notebook's parameter file, for editors."""
    return json.dumps(NOTEBOOKS[name].model_json_schema(), indent=2) + "\n"
