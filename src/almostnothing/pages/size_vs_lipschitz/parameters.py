"""Parameters of `17_size_vs_lipschitz`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, PositiveInt, model_validator

from almostnothing.parameters.fields import Axis, Model, Positive
from almostnothing.parameters.page import Parameters

FEATURES = ("rf", "ntk", "even ntk")  # kinds of minimum-norm fits in the table, beside the modes of training
SHORTER = 4  # by which the penalised networks' steps are divided, to see what they gain by the rest


class Training(Model):
    """How all networks are trained, and what is particular to a mode; see `measures.frontier`."""

    start: Positive = Field(description="how much units vary by on the sphere at the start")
    rate: Positive = Field(description="Adam's first step size; it falls as a cosine to 0")
    steps: Annotated[int, Field(ge=SHORTER)]
    climbing: PositiveInt = Field(
        description="points at which the gradient is penalised: they climb with it, or are drawn anew for its mean"
    )
    penalties: Axis[Positive] = Field(description="weights of the penalty; the flattest network of each seed counts")
    starts: list[PositiveInt] = Field(
        description="of penalised networks, for each of the units; few units have more optima, and the flattest counts"
    )
    decay: Positive = Field(description="weight of half the squared weights")
    radius: Positive = Field(description="by which adversarial training moves points")


class SizeVsLipschitzThresholds(Model):
    """What counts; fixed before looking."""

    exponent: Positive = Field(description="difference of an exponent of n/k from 1/2, up to which it is that")
    envelope: Positive = Field(description="ln of a factor that a constant may hide")
    gap: Positive = Field(description="ln of a factor by which networks are steeper than they need be")
    closed: Positive = Field(description="share of the gap between plain and flattest, in ln, that is most of it")
    rival: FiniteFloat = Field(
        description="difference of two mean log densities above which the first law foretells better"
    )
    grows: FiniteFloat = Field(description="slope in ln per doubling of k above which a quantity grows")
    average: FiniteFloat = Field(description="difference of ln averages below which the first is the smaller one")
    gained: Positive = Field(description="ln of a factor that more steps gain, up to which they gain little")


class SizeVsLipschitz(Parameters):
    """`17_size_vs_lipschitz`: two-layer networks on points of the sphere with labels ±1 by chance (seed 004)."""

    d: Annotated[int, Field(ge=4)] = Field(description="dimensions of the sphere")
    n: Annotated[int, Field(ge=16)] = Field(description="points")
    units: Axis[PositiveInt] = Field(description="k, growing")
    compared: list[PositiveInt] = Field(
        description="those of the units at which random and NTK features of as many parameters are fitted, too"
    )
    target: Annotated[float, Field(gt=0, lt=1)] = Field(description="mean squared error at which networks are held")
    activations: Axis[Literal["relu", "softplus"]] = Field(description="relu is one; others are plain and penalised")
    training: Training
    seeds: Axis[int] = Field(description="of points, labels and networks: intervals are over them")
    thresholds: SizeVsLipschitzThresholds

    @model_validator(mode="after")
    def _consistent(self) -> SizeVsLipschitz:
        if self.units != sorted(self.units) or len(self.units) < 3:
            raise ValueError("units should grow, and needs at least 3: exponents of n/k are fitted")
        if self.units[-1] > self.n:
            raise ValueError(f"units go up to {self.units[-1]}, which is more than the {self.n} points")
        if len(self.training.starts) != len(self.units):
            raise ValueError(
                f"training.starts needs a number for each of the {len(self.units)} units, and has "
                f"{len(self.training.starts)}"
            )
        for k in self.compared:
            if k not in self.units:
                raise ValueError(f"compared has {k}, which is none of the units")
            if k * self.d <= self.n:
                raise ValueError(f"compared has {k}: {k} × {self.d} features do not fit {self.n} points")
        if "relu" not in self.activations:
            raise ValueError("activations needs relu")
        if len(self.seeds) < 2:
            raise ValueError("seeds needs at least 2 seeds for an interval")
        return self
