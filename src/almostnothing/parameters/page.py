"""What the parameter models of all pages build on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, model_validator

from almostnothing import data
from almostnothing.cells import OF_RESIDUAL
from almostnothing.errors import UserError
from almostnothing.parameters.fields import Model
from almostnothing.parameters.sweep import Sweep
from almostnothing.strengths import strength_of

FRESH = frozenset({"training_corruption"})
RECIPE = FRESH | {"centred", "shift", "readout_scale", "initialisation", "learning_rate", "steps", "stop_loss"}
ONCE = ("family", "width", "depth", "train_size", "steps", "loss", "shift", "centred", "learning_rate", "downsample")
LATER = (
    "initialisation",
    "early_stopping",
    *OF_RESIDUAL,
)  # fields of a sweep that were added when sets had been published
FEW_IMAGES, FEW_DRAWS = 100, 4  # of a sample


class Compute(Model):
    """How to compute; changes no result beyond the stated tolerance, so no digest covers it."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    compile: Literal["auto", "never"] = Field(
        default="auto", description="auto: steps in compiled code where there is a compiler; never: in torch alone"
    )
    portable: bool = Field(
        default=False, description="on a CPU: torch's arithmetic is what all x86 processors with AVX2 share; slower"
    )
    checkpoint_seconds: NonNegativeFloat = Field(default=60.0, description="a killed job loses at most this much")
    keep_logits: bool = Field(default=False, description="store the logits of all test images beside each network")
    quiet: bool = Field(default=False, description="one line a shard in place of a progress bar")


class Parameters(Model):
    """Base of the models of parameter files: a page's own model builds on it."""

    sweep: Sweep | None = None
    data_root: str | None = Field(
        default=None,
        description="folder of the data files; ALMOSTNOTHING_DATA overrides it; default: ~/.cache/almostnothing",
    )
    compute: Compute = Compute()

    def content(self) -> dict[str, Any]:
        """All that a figure depends on, as JSON-able data.

        Later fields of the sweep are left out while they have their default: adding one makes no figure stale.
        """
        dumped = self.model_dump(mode="json", exclude={"compute", "data_root"})
        if self.sweep:
            dumped["sweep"] = _without_later(dumped["sweep"])
        return {name: value for name, value in dumped.items() if value is not None}

    def sample(self, pick: Callable[[list[Any]], Any]) -> dict[str, Any]:
        """A smaller file of the same page: sizes picked one each, all choices kept, few seeds, images and draws.

        By it `certify` compares two codes.
        """
        content = self.content()
        if self.sweep:
            content["sweep"] = _without_later(self.sweep.sample(pick))
        few = {"images": FEW_IMAGES, "draws": FEW_DRAWS}
        for name, most in few.items():
            if isinstance(content.get(name), list):  # one for each size
                content[name] = [min(number, most) for number in content[name]]
            elif name in content:
                content[name] = min(content[name], most)
        return content | ({"seeds": content["seeds"][:2]} if "seeds" in content else {})

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets that it needs; arguments and errors as of `data.source`."""
        return self.sweep.sources(folder, known) if self.sweep else []

    def folder(self, project: Path | None = None) -> Path:
        """Where the data files are, or will be; a relative `data_root` is relative to the project's folder."""
        return data.folder(self.data_root, project)


def _without_later(sweep: dict[str, Any]) -> dict[str, Any]:
    """A sweep as plain data without those of its `LATER` fields that have their default."""
    usual = {name: Sweep.model_fields[name].default for name in LATER}
    return {name: value for name, value in sweep.items() if name not in usual or value != usual[name]}


class Curves(Parameters):
    """Base of the notebooks that compare networks: `free` names the keys of the sweep in which they may differ.

    All other keys have one value, so that nothing is averaged that is not alike; data sets have equal chance levels.
    """

    sweep: Sweep
    free: ClassVar[frozenset[str]]

    @model_validator(mode="after")
    def _alike(self) -> Curves:
        for grid, name in itertools.product(self.sweep.grids, Sweep.model_fields):
            value = getattr(grid, name)
            several = isinstance(value, list) and len(value) > 1
            if name not in self.free | {"variations"} and (several or value != getattr(self.sweep, name)):
                raise ValueError(f"sweep.{name} takes one value here")
        if len(self.sweep.seeds) < 2:
            raise ValueError("sweep.seeds needs at least 2 seeds for an interval")
        if "corruption" not in self.free and not strength_of(self.sweep.corruption.law).survival:
            raise ValueError("sweep.corruption must be replacement or l0 here: its strength is a share of an image")
        return self

    def _check_knees(self) -> None:
        """Raise `ValueError` unless every grid has curves in p that begin at 0."""
        for grid in self.sweep.grids:
            if len(grid.strength) < 5 or 0 not in grid.strength:
                raise ValueError("sweep.strength needs at least 5 values to fit a knee, one of them 0")
            if (grid.strength, grid.seeds) != (self.sweep.strength, self.sweep.seeds):
                raise ValueError("sweep.variations may not vary strength or seeds here")

    def _check_pixels(self) -> None:
        """Raise `ValueError` unless the corruption leaves pixels independent."""
        if any(grid.corruption.per != "pixel" for grid in self.sweep.grids):
            raise ValueError("sweep.corruption must draw every pixel by itself here: the theory needs it")

    def _check_rules(self) -> None:
        """Raise `ValueError` unless the networks are MLPs whose training images are corrupted once.

        The rules are computed from these images, and the theory is that of fully connected networks.
        """
        for grid in self.sweep.grids:
            if grid.family != ["mlp"] or grid.training_corruption != ["fixed"]:
                raise ValueError("sweep must hold networks of family: mlp and training_corruption: fixed here")
        self._check_pixels()

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets that it needs, of equally many classes."""
        found = super().sources(folder, known)
        if len({source.facts.classes for source in found}) > 1:
            raise UserError("sweep.dataset must name sets of equally many classes: they share a chance level")
        return found


def check_kernel(source: data.Source, activation: str, depth: int, size: int) -> None:
    """Raise `UserError` where more images than pixels leave the kernel of a linear network without an inverse."""
    if size > source.facts.pixels and (activation == "identity" or depth == 1):
        raise UserError(
            f"train_size {size} exceeds the {source.facts.pixels} pixels of {source.name}: a linear network's kernel "
            "matrix has no inverse then"
        )
