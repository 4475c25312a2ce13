"""Parameters of `18_effective_dimension`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, FiniteFloat, NonNegativeInt, PositiveInt, model_validator

from almostnothing import data
from almostnothing.data.sources import check_train_size
from almostnothing.errors import UserError
from almostnothing.parameters.fields import Axis, Model, Positive, Probability
from almostnothing.parameters.laws import Member
from almostnothing.parameters.page import Parameters

AT_ONCE, SLOWLY = "radius at once", "radius rises"  # how the radius of adversarial training comes
FEWEST = 50  # points: from as many the search for the longest gradient may start
CHANCE = 0.5  # share of labels turned at which nothing is left of them


class Fitting(Model):
    """How all networks on noisy labels are trained; see `measures.frontier`."""

    start: Positive = Field(description="how much units vary by on the sphere at the start")
    rate: Positive = Field(description="Adam's first step size; it falls as a cosine to 0")
    steps: PositiveInt
    climbing: PositiveInt = Field(description="points at which the gradient is penalised, which climb with it")
    penalty: Positive = Field(description="weight of the penalty")
    starts: list[PositiveInt] = Field(
        description="of penalised networks, for each of the units; the flattest of each seed counts"
    )


class Bridge(Model):
    """Labels with a part of signal, and networks trained on corrupted images, at one size and rank."""

    turned: Annotated[float, Field(gt=0, lt=CHANCE)] = Field(description="q, share of labels that are turned")
    size: PositiveInt = Field(description="n; one of the sizes")
    rank: PositiveInt = Field(description="r; one of the ranks")
    units: PositiveInt = Field(description="k; one of the units")
    errors: Axis[Positive] = Field(
        description="mean squared errors, over the variance of the labels' noise, at which plain and penalised "
        "networks are held, growing; networks on corrupted images are held against those of their own error"
    )
    corruptions: list[Member] = Field(min_length=1, description="laws by which training images are corrupted")
    images: PositiveInt = Field(description="test images of each seed")


class Noise(Model):
    """Two-layer networks on images with noisy labels, and on random points of the sphere."""

    sizes: Axis[Annotated[int, Field(ge=FEWEST)]] = Field(description="n, points, growing")
    ranks: Axis[Annotated[int, Field(ge=4)]] = Field(description="r, principal components that are kept, growing")
    units: Axis[PositiveInt] = Field(description="k, growing")
    error: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="mean squared error at which networks are held, over the variance of the labels' noise"
    )
    training: Fitting
    bridge: Bridge
    seeds: Axis[NonNegativeInt] = Field(description="of images, labels and networks: intervals are over them")

    @model_validator(mode="after")
    def _consistent(self) -> Noise:
        for name, least in (("sizes", 2), ("ranks", 2), ("units", 3)):
            values = getattr(self, name)
            if values != sorted(values) or len(values) < least:
                raise ValueError(f"{name} should grow, and needs at least {least}: laws are told apart along it")
        if len(self.training.starts) != len(self.units):
            raise ValueError(
                f"training.starts needs a number for each of the {len(self.units)} units, and has "
                f"{len(self.training.starts)}"
            )
        for name, values in (("size", self.sizes), ("rank", self.ranks), ("units", self.units)):
            if getattr(self.bridge, name) not in values:
                raise ValueError(f"bridge.{name} is {getattr(self.bridge, name)}, which is none of the {values}")
        if self.bridge.errors != sorted(self.bridge.errors) or self.error not in self.bridge.errors:
            raise ValueError(f"bridge.errors should grow, and have {self.error:g}, the error, among them")
        largest, variance = self.bridge.errors[-1], 4 * self.bridge.turned * (1 - self.bridge.turned)
        if largest * variance >= 1:
            raise ValueError(f"bridge.errors go up to {largest:g}, which a network that answers 0 has: 1/σ² is the end")
        if len(self.seeds) < 3:
            raise ValueError("seeds needs at least 3 seeds for an interval")
        return self


class Capacity(Model):
    """Convolutional and other networks that are trained adversarially; see `measures.capacity`."""

    sizes: Axis[PositiveInt] = Field(description="n, images, growing")
    scales: Axis[PositiveInt] = Field(description="s, of convolutional networks, growing")
    widths: Axis[PositiveInt] = Field(description="of networks of one hidden layer, one for each of the scales")
    radius: Annotated[float, Field(gt=0, le=1)] = Field(description="ε, by which every pixel may move")
    ramp: Annotated[float, Field(gt=0, le=1)] = Field(
        description="share of the steps over which ε rises; of the fewest images and steps convolutional networks "
        "meet it at once, too, as published"
    )
    rate: Positive = Field(description="Adam's first step size; it falls as a cosine to 0")
    steps: Axis[PositiveInt] = Field(
        description="numbers of them, each a training of its own, growing: sizes are compared after the most, where "
        "the fewest had done"
    )
    batch: PositiveInt
    attack_steps: PositiveInt = Field(description="of PGD in training")
    tests: PositiveInt = Field(description="test images, and training images, that are attacked")
    test_steps: PositiveInt = Field(description="of PGD on these")
    restarts: PositiveInt = Field(description="random starts of it")
    seeds: Axis[NonNegativeInt] = Field(description="of images and networks: intervals are over them")

    @model_validator(mode="after")
    def _consistent(self) -> Capacity:
        for name, step in (("sizes", 4), ("scales", 2)):  # P is four times as large at twice the scale
            values = getattr(self, name)
            if len(values) < 2 or any(b != step * a for a, b in itertools.pairwise(values)):
                raise ValueError(f"{name} should grow by factors of {step}, and needs at least 2")
        if self.steps != sorted(self.steps) or len(self.steps) < 2:
            raise ValueError("steps should grow, and needs at least 2: whether training is at its end is told by them")
        if len(self.widths) != len(self.scales):
            raise ValueError(f"widths needs a number for each of {self.scales}, and has {len(self.widths)}")
        for name, what in (("batch", self.batch), ("tests", self.tests)):
            if what > self.sizes[0]:
                raise ValueError(f"{name} is {what}, and there are {self.sizes[0]} images")
        if len(self.seeds) < 3:
            raise ValueError("seeds needs at least 3 seeds for an interval")
        return self


class EffectiveDimensionThresholds(Model):
    """What counts; fixed before looking."""

    collapse: Positive = Field(description="root mean square of ln that is left when a law has its constant")
    dimension: Positive = Field(description="ln of a factor up to which a dimension is the text's")
    held_out: FiniteFloat = Field(description="ln density a network above which a law predicts better")
    scale: Positive = Field(description="difference of ln up to which noise scales the constant as the text says")
    closed: Positive = Field(description="share of the gap between plain and flattest, in ln, that is most of it")
    robust: FiniteFloat = Field(description="ln of a ratio of mean distances above which a network is more robust")
    accuracy: Positive = Field(description="difference of robust accuracies up to which two are alike")
    share: Probability = Field(description="of networks that is most of them")


class EffectiveDimension(Parameters):
    """`18_effective_dimension`: what memorising noisy labels of images takes, against size, points and rank."""

    dataset: str
    noise: Noise
    capacity: Capacity
    thresholds: EffectiveDimensionThresholds

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data set that it needs.

        Raises `UserError` too where it has no such training sets, or fewer pixels than the largest rank.
        """
        source = data.source(self.dataset, folder, known=known)
        for size in {*self.noise.sizes, *self.capacity.sizes}:
            check_train_size(source, size)
        if source.facts.pixels < self.noise.ranks[-1]:
            raise UserError(
                f"noise.ranks go up to {self.noise.ranks[-1]}, and images of {source.name} have "
                f"{source.facts.pixels} pixels"
            )
        return [source]
