"""Parameters of `13_root_d`."""

from __future__ import annotations

import itertools
from typing import Annotated

from pydantic import Field, FiniteFloat, PositiveInt, model_validator

from almostnothing.parameters.fields import Axis, Model, Positive, Probability
from almostnothing.parameters.page import Parameters

LARGEST = 10_000  # dimensions: a matrix of so many rows and columns takes 800 MB
FEWEST = 4  # points, among which a pair is one of several
POINTS, CORNERS, REPLACED = "points", "corners", "replaced"  # kinds of data in the table


class RootDThresholds(Model):
    """What counts; fixed before looking."""

    exponent: Positive = Field(description="difference of an exponent of d from the predicted one, up to which it is")
    any_class: FiniteFloat = Field(description="exponent of d below which the ratio of any-class perturbations falls")
    layers: Positive = Field(description="the same difference, for generators")
    flat: FiniteFloat = Field(description="exponent of d above which the ratio does not fall")
    restored: Probability = Field(description="share of a minimum-distance classifier's robustness that is most of it")
    law: Positive = Field(description="ln of the mean ratio over a predicted one, up to which the prediction is right")


class RootD(Parameters):
    """`13_root_d`: random points, one a class, and linear classifiers that fit them (seed 003, Theorems 1, 4, 6)."""

    dimensions: Axis[Annotated[int, Field(ge=FEWEST, le=LARGEST)]] = Field(description="d, growing")
    draws: list[PositiveInt] = Field(description="of the points, for each seed, at each of the dimensions")
    largest: PositiveInt = Field(
        description="of the dimensions, of all cases but the first: as many points as dimensions, nothing added"
    )
    generated: PositiveInt = Field(
        description="behind generators one draw is made for so many of draws, but at least 2"
    )
    concentrated: PositiveInt = Field(description="the same of fewer points and of noise, where ratios vary little")
    shares: Axis[Annotated[float, Field(gt=0, lt=1)]] = Field(description="points n = share × d, where there are fewer")
    layers: Axis[Annotated[int, Field(ge=2, le=6)]] = Field(
        description="normal factors of a generator of points, the innermost included; n = d"
    )
    noise: Axis[Positive] = Field(
        description="deviation of noise in training, where values have the deviation 1: one point a class, n = d"
    )
    corner_noise: Axis[Positive] = Field(description="the same for corners, where values have the deviation √d")
    replaced: Axis[Annotated[float, Field(gt=0, lt=1)]] = Field(
        description="p of values that are replaced in training: one point a class, n = d"
    )
    seeds: Axis[int] = Field(description="of the draws: intervals are over them")
    thresholds: RootDThresholds

    @model_validator(mode="after")
    def _consistent(self) -> RootD:
        if len(self.draws) != len(self.dimensions):
            raise ValueError(
                f"draws needs a number for each of the {len(self.dimensions)} dimensions, and has {len(self.draws)}"
            )
        if self.dimensions != sorted(self.dimensions):
            raise ValueError("dimensions should grow")
        if len(self.few) < 3:
            raise ValueError(f"dimensions needs at least 3 up to largest, {self.largest}: exponents of d are fitted")
        for share, d in itertools.product(self.shares, self.few):
            n = self.points(share, d)
            if abs(n - share * d) > 1e-9 * d or not FEWEST <= n < d:
                raise ValueError(
                    f"shares has {share:g}, which is {share * d:g} points in {d} dimensions: a whole number from "
                    f"{FEWEST} to {d - 1} is needed"
                )
        if len(self.seeds) < 2:
            raise ValueError("seeds needs at least 2 seeds for an interval")
        return self

    @property
    def few(self) -> list[int]:
        """The dimensions of all cases but the first."""
        return [d for d in self.dimensions if d <= self.largest]

    def points(self, share: float, d: int) -> int:
        """n, points in d dimensions."""
        return round(share * d)
