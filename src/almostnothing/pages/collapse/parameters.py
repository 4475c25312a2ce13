"""Parameters of `04_collapse`."""

from __future__ import annotations

from pydantic import Field, FiniteFloat, PositiveInt, model_validator

from almostnothing.parameters.fields import Model
from almostnothing.parameters.page import Curves


class CollapseThresholds(Model):
    """What counts; fixed before looking."""

    rms: FiniteFloat = Field(description="leave-one-size-out root mean square, in accuracy, below which curves align")
    gain: FiniteFloat = Field(description="by how much a candidate must lower it below that of (1−p)/√p")
    error: FiniteFloat = Field(description="of p at half-way, below which a prediction without training is good")


class Collapse(Curves):
    """`04_collapse`: on which quantity do the accuracies of all sizes fall on one curve?"""

    free = frozenset({"dataset", "train_size", "strength", "width", "downsample", "seeds"})
    images: PositiveInt = Field(description="test images on which margins, gradients and the theory are evaluated")
    thresholds: CollapseThresholds

    @model_validator(mode="after")
    def _consistent(self) -> Collapse:
        self._check_knees()
        self._check_pixels()
        return self
