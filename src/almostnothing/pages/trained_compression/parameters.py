"""Parameters of `14_trained_compression`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat, NonNegativeInt, PositiveInt, model_validator

from almostnothing.parameters.fields import Axis, Model, Positive, Probability
from almostnothing.parameters.page import Parameters

CORNERS, POINTS = "corners", "points"  # kinds of data in the table
LINEAR = "linear"
FEWEST = 4  # points, of which pairs are two
LARGEST = 2000  # dimensions of points: as many classes as that


class Corners(Model):
    """All x = Az, z ∈ {±1}^d, in two classes by the sign of z_d, A standard normal (seed 003, Theorem 6)."""

    dimensions: Axis[Annotated[int, Field(ge=3, le=15)]] = Field(description="d: there are 2^d points")
    draws: PositiveInt = Field(description="of A for each seed, with one network each")
    hidden: PositiveInt = Field(description="units of the one hidden layer")
    rate: Positive = Field(description="Adam's first step size; it falls as a cosine to 0")
    steps: PositiveInt
    followed: int = Field(description="one of the dimensions: the text's, followed during training")


class Family(Model):
    """Networks for one point a class: how deep, how wide, and how they are trained."""

    layers: Annotated[int, Field(ge=1, le=4)] = Field(description="hidden ones")
    relu: bool = Field(description="or no activation at all")
    width: PositiveInt = Field(description="units of a hidden layer, for each dimension")
    rate: Positive = Field(description="Adam's first step size times the width; it falls as a cosine to 0")
    steps: PositiveInt = Field(description="for the squared loss")
    steps_ce: PositiveInt = Field(description="for cross-entropy")

    @property
    def name(self) -> str:
        """In table and figure."""
        return f"ReLU-{self.layers}" if self.relu else LINEAR


class Points(Model):
    """Standard normal points, one a class."""

    dimensions: Axis[Annotated[int, Field(ge=FEWEST, le=LARGEST)]] = Field(description="d, growing")
    draws: list[PositiveInt] = Field(description="of the points, for each seed, at each of the dimensions")
    shares: Axis[Annotated[float, Field(gt=0, le=1)]] = Field(description="points n = share × d; 1 is one of them")
    families: Annotated[list[Family], Field(min_length=1)]
    pairs: PositiveInt = Field(description="of points that are measured, at most half of them")
    followed: int = Field(description="one of the dimensions: linear networks are followed during training, n = d")
    opinions: NonNegativeInt = Field(
        description="ReLU networks of each kind, at the followed d, of which one pair has a second opinion"
    )


class TrainedCompressionThresholds(Model):
    """What counts; fixed before looking."""

    phi: Positive = Field(description="mean difference of φ and |cos θ₁| up to which they match")
    exponent: Positive = Field(description="difference of an exponent of d from −1/2, up to which it is that")
    flat: FiniteFloat = Field(description="exponent of d above which the ratio does not fall")
    most: Probability = Field(description="share of a minimum-distance classifier's robustness that is most of it")
    law: Positive = Field(description="mean ln of trained over closed form, up to which they agree")
    selected: Positive = Field(description="by which a selection of networks moves the mean φ")


class TrainedCompression(Parameters):
    """`14_trained_compression`: networks trained on random points (seed 003, Theorems 1 and 6)."""

    corners: Corners
    points: Points
    starts: Axis[Positive] = Field(description="scales of the initial weights; 1, torch's own, is one of them")
    exact: Probability = Field(
        description="squared loss, in shares of what one of n directions carries, up to which points are fitted exactly"
    )
    seeds: Axis[int] = Field(description="of draws and networks: intervals are over them")
    thresholds: TrainedCompressionThresholds

    @model_validator(mode="after")
    def _consistent(self) -> TrainedCompression:
        corners, points = self.corners, self.points
        for name, part in (("corners", corners), ("points", points)):
            if part.followed not in part.dimensions:
                raise ValueError(f"{name}.followed is {part.followed}, which is none of {name}.dimensions")
            if part.dimensions != sorted(part.dimensions):
                raise ValueError(f"{name}.dimensions should grow")
        if len(points.draws) != len(points.dimensions):
            raise ValueError(
                f"points.draws needs a number for each of the {len(points.dimensions)} dimensions, and has "
                f"{len(points.draws)}"
            )
        if len(points.dimensions) < 3:
            raise ValueError("points.dimensions needs at least 3: exponents of d are fitted")
        if 1 not in points.shares or 1 not in self.starts:
            raise ValueError("points.shares and starts need a 1: as many points as dimensions, torch's own start")
        for share in points.shares:
            for d in points.dimensions:
                if abs(round(share * d) - share * d) > 1e-9 * d or share * d < FEWEST:
                    raise ValueError(
                        f"points.shares has {share:g}, which is {share * d:g} points in {d} dimensions: a whole number "
                        f"from {FEWEST} is needed"
                    )
        names = [family.name for family in points.families]
        if LINEAR not in names or len(set(names)) < len(names):
            raise ValueError(f"points.families needs one without ReLU, and each kind once; it has {', '.join(names)}")
        if len(self.seeds) < 2:
            raise ValueError("seeds needs at least 2 seeds for an interval")
        return self
