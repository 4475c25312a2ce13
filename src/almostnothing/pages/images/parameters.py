"""Parameters of `15_images`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, FiniteFloat, NonNegativeInt, PositiveInt, model_validator

from almostnothing import data
from almostnothing.parameters.fields import Axis, Model, Positive, Probability, Strength
from almostnothing.parameters.page import Parameters
from almostnothing.parameters.sweep import Sweep

FOLDER = "imagefolder:"


class ImagesThresholds(Model):
    """What counts; fixed before looking."""

    agreement: Positive = Field(description="mean size of ln(|M|/Q) up to which M predicts Q")
    compressed: Probability = Field(description="share of half the distance below which networks withstand little")
    factor: Positive = Field(description="by which more is withstood that counts as more")
    informs: FiniteFloat = Field(description="by which M's error is below that of one number for all images")
    meets: Positive = Field(description="size of ln of a ratio up to which two rules withstand equally much")
    kept: Positive = Field(description="accuracy that is as good as kept")


class Shown(Model):
    """The pictures of a data set: a test image of a label, by one network for each strength of its first law."""

    dataset: str
    label: NonNegativeInt
    other: NonNegativeInt = Field(description="class whose nearest training image is shown beside it")
    strength: Axis[Strength] = Field(description="strengths of the first law whose networks are asked")


class Pretrained(Model):
    """A network of torchvision, and pictures of some of its classes in folders of their own."""

    dataset: str = Field(description=f"{FOLDER}PATH, a folder that holds train and val, each with class folders")
    image_size: PositiveInt = Field(description="pixels a side")
    network: str = Field(description="a classifier of torchvision.models, by name")
    weights: str | None = Field(description="its weights by torchvision's name, downloaded once; null: untrained")
    classes: dict[str, str] = Field(
        min_length=2, description="class folders, and what the weights call each of these classes"
    )
    seeds: Axis[NonNegativeInt] = Field(
        description="each asks about images of its own, and draws the weights where there are none"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Pretrained:
        if not self.dataset.startswith(FOLDER):
            raise ValueError(f"pretrained.dataset must be {FOLDER}PATH, not {self.dataset}")
        if len(set(self.classes.values())) < len(self.classes):
            raise ValueError("pretrained.classes gives two class folders one class of the network")
        return self


class Images(Parameters):
    """`15_images`: what networks withstand of images, against half of the distance to the nearest other class."""

    sweep: Sweep | None = None
    pretrained: Pretrained | None = Field(default=None, description="in place of a sweep: a network that is there")
    images: PositiveInt = Field(
        description="test images of each seed: those of different seeds differ, where there are"
    )
    second: PositiveInt = Field(description="of these, how many are also asked of foolbox: the first ones")
    points: PositiveInt = Field(description="at which the integral M looks at the angle")
    shown: list[Shown] = Field(default=[], description="pictures, one entry a data set")
    thresholds: ImagesThresholds

    @model_validator(mode="after")
    def _consistent(self) -> Images:
        if (self.sweep is None) == (self.pretrained is None):
            raise ValueError("give either a sweep of networks to train or a pretrained network")
        if self.second > self.images:
            raise ValueError(f"second is {self.second}, and there are {self.images} images")
        seeds = self.sweep.seeds if self.sweep else self.pretrained.seeds if self.pretrained else []
        if len(seeds) < 2:
            raise ValueError("seeds needs at least 2 seeds for an interval")
        trained: set[tuple[str, float]] = set()
        for grid in self.sweep.grids if self.sweep else []:
            if grid.seeds != seeds:
                raise ValueError("sweep.variations may not vary seeds here: networks are compared seed by seed")
            for name in ("family", "width", "depth", "train_size", "steps", "learning_rate", "centred", "shift",
                         "loss", "training_corruption", "initialisation", "readout_scale", "downsample", "pca_rank",
                         "permutation"):  # fmt: skip
                if len(getattr(grid, name)) > 1:
                    raise ValueError(f"sweep.{name} takes one value here")
        for one in self.sweep.grids if self.sweep else []:
            for name in one.dataset:
                if 0 in one.strength and (name, 0.0) in trained:
                    raise ValueError(f"sweep has two clean networks of {name}: leave strength 0 to one of its laws")
                trained |= {(name, strength) for strength in one.strength}
        bare = sorted({name for name, _ in trained} - {name for name, strength in trained if not strength})
        if bare:
            raise ValueError(f"sweep needs strength 0 of {bare[0]}: networks are compared with the clean one")
        for each in self.shown:
            for strength in each.strength:
                if (each.dataset, strength) not in trained:
                    raise ValueError(f"shown asks for {each.dataset} at {strength:g}: the sweep has no such network")
        return self

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets that it needs."""
        if self.pretrained is None:
            return super().sources(folder, known)
        return [data.source(self.pretrained.dataset, folder, image_size=self.pretrained.image_size, known=known)]
