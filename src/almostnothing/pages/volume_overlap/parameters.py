"""Parameters of `10_volume_overlap`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, NonNegativeInt, PositiveInt, model_validator

from almostnothing import data
from almostnothing.errors import UserError
from almostnothing.pages.lp_sampling.parameters import check_image, same_noise
from almostnothing.parameters.fields import Axis, Model, Positive, Probability
from almostnothing.parameters.laws import Lp
from almostnothing.parameters.page import Parameters

LEAST = 20  # samples that show where 5 % of a ball are


def _known(value: Any) -> float | str:
    zero = not isinstance(value, bool) and value in (0, "0")
    return 0.0 if zero else Lp._known_norm(value)


OrZero = Annotated[float | Literal["inf"], BeforeValidator(_known)]

GIVEN, DRAWN, NO_IMAGE = "given", "drawn", "none"  # whose number the parameters have; drawn by a seed


class VolumeOverlapThresholds(Model):
    """What counts; fixed before looking."""

    half: Probability = Field(description="share of a ball's samples from which on another one holds it")
    whole: Probability = Field(description="share of values that change, from which on an L0 ball is every image")
    apart: Positive = Field(description="ln of a quotient of two ε from which on L0 is unlike the other norms")
    between: Positive = Field(description="ln of a quotient of two ε from which on there is an interval between them")
    nested: Positive = Field(description="ln of a quotient of two ε within which balls become nested")
    steady: Positive = Field(description="change with d of the gap's ln, below which it is the same")
    sharpening: FiniteFloat = Field(description="exponent of d below which a transition sharpens as a mean does")
    close: Positive = Field(
        description="ln of a published over a measured crossing, up to which one explains the other"
    )
    theory: Positive = Field(description="ln of a predicted over a measured crossing, up to which theory is right")


class VolumeOverlap(Parameters):
    """`10_volume_overlap`: which share of a ball's samples lies in a ball of another norm (seed 002, Figure 6)."""

    datasets: Axis[str] = Field(
        description=f"data sets by name: {data.NAMES}; noise is added to an image of each and clipped"
    )
    image: NonNegativeInt = Field(description="number of the training image of the curves and of what was published")
    images: PositiveInt = Field(
        description="training images that each seed draws for itself: claims about clipped noise are of means over them"
    )
    dimensions: Axis[Annotated[int, Field(ge=2)]] = Field(description="numbers of values at which noise is not clipped")
    norms: Axis[OrZero] = Field(description="p of the balls that are compared with the L2 ball: 0, a number, or inf")
    radius: Positive = Field(description="ε of the L2 ball")
    same_noise: bool = Field(
        description="radius is meant at 3,072 values, and at d values times √(d/3072): as much noise a value; else at "
        "every d"
    )
    samples: Annotated[PositiveInt, Field(ge=LEAST)] = Field(
        description="samples of each ball and seed, without clipping and at the image of that number"
    )
    image_samples: Annotated[PositiveInt, Field(ge=LEAST)] = Field(
        description="samples of each ball and seed at each image that is drawn"
    )
    seeds: Axis[int] = Field(description="of the samples and of the images that are drawn: intervals are over them")
    thresholds: VolumeOverlapThresholds

    @model_validator(mode="after")
    def _consistent(self) -> VolumeOverlap:
        if 2.0 in self.norms:
            raise ValueError("norms has 2, the norm of the ball that the others are compared with: leave it out")
        if 0.0 not in self.norms or len(self.norms) < 2:
            raise ValueError("norms needs 0, and another one that it is compared with")
        if len(self.seeds) < 2:
            raise ValueError("seeds needs at least 2 seeds for an interval")
        if len(self.dimensions) < 2:
            raise ValueError("dimensions needs at least 2 of them: the page is about how overlap changes with d")
        return self

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets as they are; raises `UserError` also where one has no such image, or too few."""
        found = [data.source(name, folder, known=known) for name in self.datasets]
        check_image(self.image, found)
        for source in found:
            count = source.facts.classes * source.facts.train_per_class
            if self.images > count:
                raise UserError(f"images is {self.images}, but should be at most {count} for {source.name}")
        return found

    def radius_at(self, d: int) -> float:
        """ε of the L2 ball at d values."""
        return same_noise(self.radius, 2.0, d) if self.same_noise else self.radius
