"""Parameters of `03_inductive_bias`."""

from __future__ import annotations

from pydantic import Field, FiniteFloat, model_validator

from almostnothing.parameters.fields import Model
from almostnothing.parameters.page import FRESH, Curves


class InductiveBiasThresholds(Model):
    """Smallest differences that count; fixed before looking."""

    shift: FiniteFloat = Field(description="of p* between CNN and MLP")
    matched: FiniteFloat = Field(description="of parameter counts, relative, up to which two networks are a match")
    accuracy: FiniteFloat = Field(description="of clean accuracy at p = 0 up to which two networks are a match")


class InductiveBias(Curves):
    """`03_inductive_bias`: MLP against CNN, matched in parameter count or clean accuracy, and with permuted pixels."""

    free = frozenset(
        {"dataset", "strength", "permutation", "family", "width", "depth", "learning_rate", "steps", "seeds"} | FRESH
    )
    thresholds: InductiveBiasThresholds

    @model_validator(mode="after")
    def _consistent(self) -> InductiveBias:
        self._check_knees()
        families = {family for grid in self.sweep.grids for family in grid.family}
        if families != {"mlp", "cnn"}:
            raise ValueError("sweep must hold both families, mlp and cnn: give one of them in sweep.variations")
        return self
