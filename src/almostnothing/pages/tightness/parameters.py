"""Parameters of `16_tightness`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat, PositiveInt, model_validator

from almostnothing.parameters.fields import Axis, Model, Positive
from almostnothing.parameters.page import Parameters

LARGEST = 20_000  # points: all distances of 20,000 take 3 GB


class TightnessThresholds(Model):
    """What counts; fixed before looking."""

    tight: Positive = Field(description="ln of the ratio over that with all dimensions, up to which it is tight")
    exponent: Positive = Field(description="difference of an exponent of n from the derived one, up to which it is")
    grows: FiniteFloat = Field(description="exponent of n above which a ratio grows")
    law: Positive = Field(description="ln of a ratio over the derived one, up to which that is right")


class Tightness(Parameters):
    """`16_tightness`: functions of projected points, with labels ±1 by chance (seed 004, slide "A Universal Law")."""

    d: Annotated[int, Field(ge=8)] = Field(description="dimensions of the sphere")
    sizes: Axis[Annotated[int, Field(ge=20, le=LARGEST)]] = Field(description="n, growing")
    kept: Axis[PositiveInt] = Field(description="d̃, coordinates that are kept, growing; d is the last one")
    share: Annotated[float, Field(gt=0.5, lt=1)] = Field(description="of points that the part of them fits")
    seeds: Axis[int] = Field(description="of points and labels: intervals are over them")
    thresholds: TightnessThresholds

    @model_validator(mode="after")
    def _consistent(self) -> Tightness:
        if self.sizes != sorted(self.sizes) or len(self.sizes) < 3:
            raise ValueError("sizes should grow, and needs at least 3: exponents of n are fitted")
        if self.kept != sorted(self.kept) or self.kept[-1] != self.d:
            raise ValueError(f"kept should grow and end with d, {self.d}")
        if len(self.kept) < 3:
            raise ValueError("kept needs at least 3 values")
        if len(self.seeds) < 2:
            raise ValueError("seeds needs at least 2 seeds for an interval")
        return self
