"""Parameters of `09_lp_sampling`, and what norms are called."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, model_validator

from almostnothing import data
from almostnothing.cells import Law
from almostnothing.errors import UserError
from almostnothing.parameters.fields import Axis, Model, Positive
from almostnothing.parameters.laws import Lp, Member
from almostnothing.parameters.page import Parameters

TEXT = 3072  # the text's dimensions: a CIFAR-10 image, at which its strengths are meant
RARE = 1.95  # √n times Kolmogorov's distance of n samples of the law itself stays below in 999 cases of 1,000


def _known(value: Any) -> float | str:
    return Lp._known_norm(value)


Norm = Annotated[float | Literal["inf"], BeforeValidator(_known)]


def norm_name(norm: float | str) -> str:
    """`L2`, `L∞`: the norm of a number or "inf"."""
    return "L∞" if math.isinf(float(norm)) else f"L{float(norm):g}"


def same_noise(epsilon: float, norm: float, d: int) -> float:
    """The strength at d that changes each value as much as `epsilon` does at the text's dimensions, `TEXT`.

    ε (d/3072)^(1/p): so grows the norm of values of one size with their number.
    """
    return epsilon if math.isinf(norm) else epsilon * (d / TEXT) ** (1 / norm)


def check_image(number: int, sources: Sequence[data.Source]) -> None:
    """Raise `UserError` where a data set may have no training image of this number."""
    for source in sources:
        count = source.facts.classes * source.facts.train_per_class
        if number >= count:
            raise UserError(f"image is {number}, but should be less than {count} for {source.name}")


class LpSamplingThresholds(Model):
    """What counts; fixed before looking."""

    distance: Positive = Field(description="Kolmogorov's distance below which samples are of the law")


class LpSampling(Parameters):
    """`09_lp_sampling`: samplers of noise of a given norm against the exact laws, and pictures of the text's noise."""

    datasets: Axis[str] = Field(description=f"data sets of the pictures, by name: {data.NAMES}")
    image: NonNegativeInt = Field(description="number of the training image that is shown")
    norms: Axis[Norm] = Field(description="p of the norms that are tested, or inf")
    dimensions: Annotated[int, Field(ge=2)] = Field(description="values of the noise that is tested")
    samples: PositiveInt = Field(description="independent samples of each law")
    seed: int = Field(description="of the samples' stream")
    balls: Axis[Norm] = Field(description="p of the norms whose balls are drawn, or inf")
    points: PositiveInt = Field(description="samples in the picture of a ball")
    imperceptible: Annotated[list[Member], Field(min_length=1)] = Field(
        description="the text's laws that a person does not see, with their strengths at 3,072 values"
    )
    training: Annotated[list[Member], Field(min_length=1)] = Field(
        description="the text's laws of training, with their strengths at 3,072 values"
    )
    thresholds: LpSamplingThresholds

    @model_validator(mode="after")
    def _enough(self) -> LpSampling:
        least = math.ceil((2 * RARE / self.thresholds.distance) ** 2)
        if self.samples < least:
            limit = f"thresholds.distance {self.thresholds.distance:g}"
            raise ValueError(f"samples must be at least {least} for {limit}, and is {self.samples}")
        return self

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets as they are; raises `UserError` also where one has no such image."""
        found = [data.source(name, folder, known=known) for name in self.datasets]
        check_image(self.image, found)
        return found


def at_size(member: Member, d: int) -> tuple[Law, float]:
    """The record of a law and its strength at d values: see `same_noise`; shares and shifts are the same at every d."""
    own = member.corruption
    strength = same_noise(member.strength, float(own.norm), d) if isinstance(own, Lp) else member.strength
    return own.record(), strength
