"""Parameters of `02_margin`."""

from __future__ import annotations

from pydantic import Field, FiniteFloat, PositiveInt, model_validator

from almostnothing.parameters.fields import Axis, Model, Strength
from almostnothing.parameters.page import Curves


class MarginThresholds(Model):
    """What counts; fixed before looking."""

    ranking: FiniteFloat = Field(description="gain in AUROC over the margin alone, or over softmax confidence")
    calibrated: FiniteFloat = Field(description="expected calibration error below which a probability is useful")
    gain: FiniteFloat = Field(description="fall of the calibration error that an improvement must bring")


class Margin(Curves):
    """`02_margin`: does the margin over its noise predict which images fail? At held-out images, for each network."""

    free = frozenset({"dataset", "strength", "training_corruption", "seeds"})
    test_strength: Axis[Strength] = Field(description="p of the corruptions under which images are tested")
    images: PositiveInt = Field(description="test images")
    draws: PositiveInt = Field(description="corruptions of each image that measure its failures")
    thresholds: MarginThresholds

    @model_validator(mode="after")
    def _consistent(self) -> Margin:
        for strength in self.test_strength:
            self.sweep.corruption.check_strength(strength)
            if not strength:
                raise ValueError("test_strength 0 is no corruption: nothing fails by it")
        self._check_pixels()
        return self
