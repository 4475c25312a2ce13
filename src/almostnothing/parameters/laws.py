"""Corruption laws in parameter files."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, FiniteFloat, PositiveInt, Tag, field_validator, model_validator

from almostnothing.cells import Law
from almostnothing.parameters.fields import Model, Positive, Probability, Strength

SMALLEST, LARGEST = 0.01, 1000.0  # norms: below, no float64 holds the ball of an image; above, it is that of inf
FLOAT32 = 3.4028234e38


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


class Lp(Model):
    """Noise of strength ε = the norm ‖δ‖_p: uniform in the ball, or on its surface by the cone measure.

    With `least` below 1 each image has an ε of its own, uniform between least·ε and ε.
    """

    per: ClassVar[str] = "pixel"

    law: Literal["lp"]
    norm: float | Literal["inf"] = Field(description=f"p, from {SMALLEST:g} to {LARGEST:g}, or inf")
    where: Literal["ball", "surface"] = "ball"
    clip: bool = Field(default=True, description="clip corrupted pixels to [0, 1]")
    least: Probability = Field(default=1.0, description="smallest share of the strength that an image gets")

    @field_validator("norm", mode="before")
    @classmethod
    def _known_norm(cls, value: Any) -> float | str:
        try:
            norm = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            norm = math.nan
        if math.isinf(norm) and norm > 0:
            return "inf"
        if not SMALLEST <= norm <= LARGEST:
            zero = "; norm 0 is law: l0" if norm == 0 else ""
            raise ValueError(f"should be a number from {SMALLEST:g} to {LARGEST:g}, or inf{zero}")
        return norm

    def record(self) -> Law:
        """The law as a cell records it."""
        return _recorded(self)

    def check_strength(self, strength: float) -> None:
        """Raise `ValueError` unless ε is a float32."""
        _check_float32(strength)


class L0(Model):
    """Exactly k of the values of an image change, to 0 or 1 (`extremes`) or any of 256 greys (`greys`); strength is
    their share. `salt_pepper`: of the pixels, all channels of one to 0 or all to 1. `least`: as in `Lp`, of the share.
    """

    law: Literal["l0"]
    values: Literal["extremes", "greys", "salt_pepper"] = "extremes"
    least: Probability = Field(default=1.0, description="smallest share of the strength that an image gets")

    @property
    def per(self) -> str:
        """Of what one draw serves: the channels of a pixel share theirs under `salt_pepper`."""
        return "image" if self.values == "salt_pepper" else "pixel"

    def record(self) -> Law:
        """The law as a cell records it."""
        return _recorded(self)

    def check_strength(self, strength: float) -> None:
        """Raise `ValueError` unless the strength is a share."""
        if strength > 1:
            raise ValueError(
                f"strength {strength:g} asks for more values than an image has: l0 changes a share of them, from 0 to 1"
            )


class Brightness(Model):
    """Noise of strength ε: ε is added to all pixels of an image, or taken from all. `least`: as in `Lp`."""

    per: ClassVar[str] = "image"

    law: Literal["brightness"]
    clip: bool = Field(default=True, description="clip corrupted pixels to [0, 1]")
    least: Probability = Field(default=1.0, description="smallest share of the strength that an image gets")

    def record(self) -> Law:
        """The law as a cell records it."""
        return _recorded(self)

    def check_strength(self, strength: float) -> None:
        """Raise `ValueError` unless ε is a float32."""
        _check_float32(strength)


def _recorded(law: Lp | L0 | Brightness) -> Law:
    return Law(law.law, tuple(sorted(law.model_dump(exclude={"law"}).items())))


def _check_float32(strength: float) -> None:
    if strength > FLOAT32:
        raise ValueError(f"strength {strength:g} is too large: at most {FLOAT32:g} can be computed with")


# The laws of single pixels, for which a page may have a theory.
Corruption = Annotated[
    Annotated[Replacement, Tag("replacement")] | Annotated[Additive, Tag("additive")],
    Discriminator(lambda value: value.get("law", "replacement") if isinstance(value, dict) else value.law),
]


def _named(value: Any) -> Any:
    return value.get("law", "replacement") if isinstance(value, dict) else getattr(value, "law", value)


OneLaw = (
    Annotated[Replacement, Tag("replacement")]
    | Annotated[Additive, Tag("additive")]
    | Annotated[Lp, Tag("lp")]
    | Annotated[L0, Tag("l0")]
    | Annotated[Brightness, Tag("brightness")]
)


class Member(Model):
    """A law of a set, at its own strength."""

    corruption: Annotated[OneLaw, Discriminator(_named)]
    strength: Strength

    @field_validator("corruption", mode="before")
    @classmethod
    def _no_set(cls, value: Any) -> Any:
        if _named(value) == "set":
            raise ValueError("is a set of laws, this one or another: a set may hold none")
        return value

    @model_validator(mode="after")
    def _possible(self) -> Member:
        self.corruption.check_strength(self.strength)
        return self


class Set(Model):
    """A set of laws: each image gets one of them, drawn at random, or several different ones in sequence.

    Strength is a factor of the strengths of all members: 1 is the set as it stands.
    """

    per: ClassVar[str] = "image"

    law: Literal["set"]
    members: list[Member] = Field(min_length=1, description="laws with their strengths; no set among them")
    applied: PositiveInt = Field(default=1, description="laws that an image gets, one after the other")

    @model_validator(mode="after")
    def _enough(self) -> Set:
        if self.applied > len(self.members):
            raise ValueError(f"applied {self.applied} asks for more laws than the {len(self.members)} of the set")
        return self

    def record(self) -> Law:
        """The law as a cell records it: flat, the number of each member before the names of its options."""
        options: dict[str, float | str | bool] = {"applied": self.applied}
        for number, member in enumerate(self.members):
            law = member.corruption.record()
            own = {"law": law.name, "strength": member.strength, **dict(law.options)}
            options |= {f"{number} {name}": value for name, value in own.items()}
        return Law("set", tuple(sorted(options.items())))

    def check_strength(self, strength: float) -> None:
        """Raise `ValueError` unless each member can have this multiple of its strength."""
        for number, member in enumerate(self.members):
            try:
                member.corruption.check_strength(strength * member.strength)
            except ValueError as error:
                raise ValueError(f"strength {strength:g} is too large for members.{number}: {error}") from error


AnyCorruption = Annotated[OneLaw | Annotated[Set, Tag("set")], Discriminator(_named)]


LAWS: dict[str, Any] = {
    "replacement": Replacement,
    "additive": Additive,
    "lp": Lp,
    "l0": L0,
    "brightness": Brightness,
    "set": Set,
}
