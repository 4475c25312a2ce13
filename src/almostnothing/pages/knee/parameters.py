"""Parameters of `01_knee`."""

from __future__ import annotations

from pydantic import Field, FiniteFloat, model_validator

from almostnothing.parameters.fields import Model
from almostnothing.parameters.page import RECIPE, Curves


class KneeThresholds(Model):
    """Smallest effects that count, growth per doubling of the size; fixed before looking."""

    shift: FiniteFloat = Field(description="growth of p*")
    sharpening: FiniteFloat = Field(description="growth of ln |A'(p*)|")
    form: FiniteFloat = Field(description="gain in held-out ln-likelihood a point of a sigmoid in ln(1−p)")
    exponent: FiniteFloat = Field(description="α in 1−p* ∝ N^−α")
    recipe: FiniteFloat = Field(description="difference of p* between recipes")


class Knee(Curves):
    """`01_knee`: accuracy against corruption, its midpoint and slope against width, depth, N and d."""

    free = frozenset({"dataset", "train_size", "strength", "width", "depth", "downsample", "loss", "seeds"}) | RECIPE
    thresholds: KneeThresholds

    @model_validator(mode="after")
    def _enough(self) -> Knee:
        self._check_knees()
        for axis in ("depth", "downsample", "loss"):
            if len(getattr(self.sweep, axis)) > 1:
                raise ValueError(f"sweep.{axis} takes one value here; further ones belong in sweep.variations")
        return self
