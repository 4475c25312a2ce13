"""Parameters of `08_universality`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, NonNegativeInt, PositiveInt, model_validator

from almostnothing import data
from almostnothing.parameters.fields import Axis, Model, Strength
from almostnothing.parameters.laws import Corruption, Replacement
from almostnothing.parameters.page import Parameters, check_kernel


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


class Universality(Parameters):
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

    def sample(self, pick: Callable[[list[Any]], Any]) -> dict[str, Any]:
        """As for every page; of one data set, at one depth."""
        content = super().sample(pick)
        return content | {"datasets": content["datasets"][:1], "depths": [pick(content["depths"])]}

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets as they are."""
        found = [data.source(name, folder, known=known) for name in self.datasets]
        for source, activation, depth in itertools.product(found, self.activations, self.depths):
            data.check_train_size(source, self.train_size)
            check_kernel(source, activation, depth, self.train_size)
        return found
