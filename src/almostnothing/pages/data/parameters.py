"""Parameters of `00_data`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, FiniteFloat, PositiveInt, model_validator

from almostnothing import data
from almostnothing.parameters.fields import Axis, Model, Probability, Strength
from almostnothing.parameters.laws import Corruption
from almostnothing.parameters.page import Parameters


class Shown(Model):
    """A corruption law at several strengths, some of which are shown as pictures."""

    corruption: Corruption
    strength: Axis[Strength] = Field(description="p of replacement, σ of additive noise")
    pictures: Axis[Strength] = Field(description="those of the strengths at which pictures are shown")

    @model_validator(mode="after")
    def _consistent(self) -> Shown:
        for strength in self.strength:
            self.corruption.check_strength(strength)
            if not strength:
                raise ValueError("strength 0 is no noise: it is shown anyway")
        for strength in self.pictures:
            if strength not in self.strength:
                raise ValueError(f"pictures shows {strength:g}, which is none of its strengths")
        return self


class DataThresholds(Model):
    """What counts; fixed before looking."""

    exponent: FiniteFloat = Field(description="of p, in the noise's standard deviation")
    drowned: FiniteFloat = Field(description="decibels by which a pixel's noise exceeds its signal")
    share: Probability = Field(description="of images that stay below Rose's criterion")
    recognised: Probability = Field(description="share of images that people recognise")


class Data(Parameters):
    """`00_data`: what the data sets are, what each corruption law does to them, and what is left in decibels."""

    datasets: Axis[str] = Field(description=f"data sets by name: {data.NAMES}")
    laws: Annotated[list[Shown], Field(min_length=1)] = Field(
        description="corruption laws; the first one is replacement, and the claims are about it"
    )
    images: PositiveInt = Field(description="test images over which means are taken")
    draws: PositiveInt = Field(description="corruptions of each image that check the formulas")
    headline: Probability = Field(description="p of the claims, one of the strengths of the first law")
    thresholds: DataThresholds

    @model_validator(mode="after")
    def _consistent(self) -> Data:
        first = self.laws[0]
        if first.corruption.law != "replacement" or self.headline not in first.strength:
            raise ValueError("headline must be a strength of the first law, which must be replacement")
        if self.headline == min(first.strength):
            raise ValueError("headline must not be the smallest strength of the first law")
        return self

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets as they are."""
        return [data.source(name, folder, known=known) for name in self.datasets]
