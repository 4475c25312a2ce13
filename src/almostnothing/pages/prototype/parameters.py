"""Parameters of `06_prototype`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Field, FiniteFloat, PositiveInt, model_validator

from almostnothing import data
from almostnothing.errors import UserError
from almostnothing.parameters.fields import Model
from almostnothing.parameters.page import FRESH, RECIPE, Curves, check_kernel


class PrototypeThresholds(Model):
    """What counts; fixed before looking."""

    majority: FiniteFloat = Field(description="agreement that is a majority: the text's own criterion")
    same: FiniteFloat = Field(description="agreement from which on two rules are the same in practice")
    below_twin: FiniteFloat = Field(description="by how much less a rule agrees with a network than its twin does")
    per_doubling: FiniteFloat = Field(description="growth of agreement a doubling of N that is one")


class Prototype(Curves):
    """`06_prototype`: on how many test points do trained networks and the rules of seed 001 agree?"""

    free = frozenset({"dataset", "train_size", "strength", "width", "depth", "loss", "seeds"}) | RECIPE - FRESH
    images: PositiveInt = Field(description="test images")
    kernel_size: PositiveInt = Field(description="largest N for which the infinitely wide network is computed as well")
    thresholds: PrototypeThresholds

    @model_validator(mode="after")
    def _consistent(self) -> Prototype:
        self._check_rules()
        if any(strength in (0, 1) for grid in self.sweep.grids for strength in grid.strength):
            raise ValueError("sweep.strength must be above 0 and below 1: without noise or signal there is no rule")
        if any(grid.dataset != self.sweep.dataset for grid in self.sweep.grids):
            raise ValueError("sweep.variations may not vary dataset here")
        if self.sweep.initialisation != [0] or any(grid.initialisation not in ([0], [1]) for grid in self.sweep.grids):
            raise ValueError("sweep.initialisation is 0 here, and 1 in variations that hold twins of other networks")
        return self

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets, none of which leaves a kernel singular; every twin is that of a network."""
        found = super().sources(folder, known)
        for source, grid in itertools.product(found, self.sweep.grids):
            for size, depth in itertools.product(grid.train_size, grid.depth):
                if size <= self.kernel_size:
                    check_kernel(source, grid.activation, depth, size)
        cells = set(self.sweep.cells(folder, found))
        if any(replace(cell, initialisation=0) not in cells for cell in cells):
            raise UserError("sweep.variations holds a twin, of another initialisation, of a network that it lacks")
        return found
