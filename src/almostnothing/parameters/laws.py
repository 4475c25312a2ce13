"""Corruption laws in parameter files."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, FiniteFloat, Tag, model_validator

from almostnothing.cells import Law
from almostnothing.parameters.fields import Model, Positive, Probability


class _Law(Model):
    """Base of the corruption laws: a kind, and options some of which belong to one kind alone."""

    per: Literal["pixel", "image"] = Field(
        default="pixel", description="one draw for every pixel, or one that serves all pixels of an image"
    )
    kinds: ClassVar[dict[str, dict[str, float]]]  # of each kind: its own options and their defaults
    kind_key: ClassVar[str]

    @model_validator(mode="after")
    def _own_options(self) -> _Law:
        kind = getattr(self, self.kind_key)
        for other, options in self.kinds.items():
            for name in options:
                if getattr(self, name) is not None and name not in self.kinds[kind]:
                    raise ValueError(f"{name} belongs to {self.kind_key}: {other}")
        return self

    def options(self) -> dict[str, Any]:
        """The options that this kind has, with their values."""
        own = self.kinds[getattr(self, self.kind_key)]
        given = {name: getattr(self, name) for name in own}
        return {name: own[name] if value is None else value for name, value in given.items()}

    def record(self) -> Law:
        """The law as a cell records it: equal laws have equal records."""
        elsewhere = {"law", *(name for options in self.kinds.values() for name in options)}
        shared = {name: getattr(self, name) for name in type(self).model_fields if name not in elsewhere}
        return Law(self.law, tuple(sorted({**shared, **self.options()}.items())))  # type: ignore[attr-defined]


class Replacement(_Law):
    """Replacement noise of strength p: a pixel takes a new value with probability p.

    New values: `uniform` on [low, high] (0, 1); `constant` at value (0.5); `bernoulli`, 1 with probability (0.5) or 0;
    `gaussian` with mean (0.5) and sd (0.25), clipped to [0, 1]; `empirical` as the data set's own pixels.
    """

    kinds: ClassVar[dict[str, dict[str, float]]] = {
        "uniform": {"low": 0.0, "high": 1.0},
        "constant": {"value": 0.5},
        "bernoulli": {"probability": 0.5},
        "gaussian": {"mean": 0.5, "sd": 0.25},
        "empirical": {},
    }
    kind_key: ClassVar[str] = "values"

    law: Literal["replacement"] = "replacement"
    values: Literal["uniform", "constant", "bernoulli", "gaussian", "empirical"] = "uniform"
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    value: FiniteFloat | None = None
    probability: Probability | None = None
    mean: FiniteFloat | None = None
    sd: Positive | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Replacement:
        own = self.options()
        if self.values == "uniform" and not own["low"] < own["high"]:
            raise ValueError("low must be smaller than high")
        return self

    def check_strength(self, strength: float) -> None:
        """Raise `ValueError` unless p is a probability."""
        if strength > 1:
            raise ValueError(f"strength {strength:g} is no probability: replacement takes p from 0 to 1")


class Additive(_Law):
    """Additive noise of standard deviation σ, its strength; with `clip` the sum is clipped to [0, 1].

    `student_t` has dof (3) degrees of freedom, more than 2, so that its variance exists.
    """

    kinds: ClassVar[dict[str, dict[str, float]]] = {
        "gaussian": {},
        "uniform": {},
        "laplace": {},
        "student_t": {"dof": 3.0},
    }
    kind_key: ClassVar[str] = "noise"

    law: Literal["additive"]
    noise: Literal["gaussian", "uniform", "laplace", "student_t"] = "gaussian"
    clip: bool = Field(default=False, description="clip corrupted pixels to [0, 1]")
    dof: Annotated[FiniteFloat, Field(gt=2)] | None = None

    def check_strength(self, strength: float) -> None:
        """Any σ ≥ 0 is allowed."""


Corruption = Annotated[
    Annotated[Replacement, Tag("replacement")] | Annotated[Additive, Tag("additive")],
    Discriminator(lambda value: value.get("law", "replacement") if isinstance(value, dict) else value.law),
]


LAWS = {"replacement": Replacement, "additive": Additive}
