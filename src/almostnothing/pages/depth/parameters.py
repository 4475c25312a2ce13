"""Parameters of `19_depth`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt, model_validator

from almostnothing.parameters.fields import Axis, Model, Positive
from almostnothing.parameters.page import Parameters

SHORTER = 4  # by which the penalised networks' steps are divided, to see what they gain by the rest


class DepthTraining(Model):
    """How all networks are trained; see `measures.deep`."""

    start: Positive = Field(description="how much the first layer's units vary by on the sphere at the start")
    rate: Positive = Field(description="Adam's first step size; it falls as a cosine to 0")
    steps: Annotated[int, Field(ge=SHORTER)]
    climbing: PositiveInt = Field(description="points at which the gradient is penalised, which climb with it")
    penalty: Positive = Field(description="weight of the penalty")
    starts: PositiveInt = Field(description="of penalised networks; the flattest of each seed counts")


class DepthThresholds(Model):
    """What counts; fixed after a pilot, see docs/corrections.md, and before the table."""

    same: Positive = Field(description="ln of a factor that a constant may hide")
    exponent: Positive = Field(description="difference of an exponent of the depth from -1/2, up to which it is that")
    gained: Positive = Field(description="ln of a factor that more steps gain, up to which they gain little")


class Depth(Parameters):
    """`19_depth`: networks of several layers on points of the sphere with labels ±1 by chance (seed 004)."""

    d: Annotated[int, Field(ge=4)] = Field(description="dimensions of the sphere")
    n: Annotated[int, Field(ge=16)] = Field(description="points")
    units: PositiveInt = Field(
        description="k of a two-layer network, k(d + 2) parameters, of which those of more layers have at most as many"
    )
    depths: Axis[PositiveInt] = Field(description="D, hidden layers, growing from 1")
    target: Annotated[float, Field(gt=0, lt=1)] = Field(description="mean squared error at which networks are held")
    training: DepthTraining
    seeds: Axis[int] = Field(description="of points, labels and networks: intervals are over them")
    thresholds: DepthThresholds

    @model_validator(mode="after")
    def _consistent(self) -> Depth:
        if self.depths != sorted(self.depths) or self.depths[0] != 1 or len(self.depths) < 3:
            raise ValueError("depths should grow from 1, and needs at least 3: an exponent of the depth is fitted")
        if self.depths[-1] > self.units:
            raise ValueError(f"depths go up to {self.depths[-1]}, for which {self.units} units leave no width")
        if len(self.seeds) < 3:
            raise ValueError("seeds needs at least 3 seeds for an interval")
        return self
