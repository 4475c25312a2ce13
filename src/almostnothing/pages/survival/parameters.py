"""Parameters of `05_survival`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, FiniteFloat, PositiveInt, model_validator

from almostnothing.parameters.fields import Axis, Model, Strength
from almostnothing.parameters.laws import Additive, Replacement
from almostnothing.parameters.page import FRESH, Curves


class SurvivalThresholds(Model):
    """What counts; fixed before looking."""

    above: FiniteFloat = Field(description="accuracy above chance that is well above chance")
    close: FiniteFloat = Field(
        description="difference of the accuracies of network and rule up to which they are close"
    )
    error: FiniteFloat = Field(description="mean absolute error of a predicted accuracy below which it is good")


class Survival(Curves):
    """`05_survival`: accuracy against corruption, for MLPs, the nearest-class-mean rule and the ridge rule."""

    free = frozenset({"dataset", "train_size", "corruption", "strength", "width", "seeds", "steps"}) | FRESH
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

    @model_validator(mode="after")
    def _consistent(self) -> Survival:
        self._check_pixels()
        if any(grid.family != ["mlp"] for grid in self.sweep.grids):
            raise ValueError("sweep must hold networks of family: mlp here: the rules are about them")
        laws: dict[str, set[float]] = {}
        kinds: dict[str, Replacement | Additive] = {}
        for grid in self.sweep.grids:
            if kinds.setdefault(grid.corruption.law, grid.corruption) != grid.corruption:  # type: ignore[arg-type]
                raise ValueError(f"sweep.variations may not hold two kinds of {grid.corruption.law} here")
            laws.setdefault(grid.corruption.law, set()).update(grid.strength)
        for law, strengths in laws.items():
            if self.headline.get(law) not in strengths or law not in self.pictures:  # type: ignore[call-overload]
                raise ValueError(f"headline must give one of the strengths of {law}, and pictures those that are shown")
        return self
