"""Types of the values in parameter files."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat

T = TypeVar("T")


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _distinct(values: list[T]) -> list[T]:
    if len(set(values)) < len(values):
        twice = next(value for index, value in enumerate(values) if value in values[:index])
        raise ValueError(f"{twice} is listed twice")
    return values


# One value or a list of distinct ones: the cells of a sweep are the product of its axes.
Axis = Annotated[list[T], Field(min_length=1), BeforeValidator(_listed), AfterValidator(_distinct)]


Probability = Annotated[float, Field(ge=0, le=1)]


Positive = Annotated[FiniteFloat, Field(gt=0)]


Strength = Annotated[FiniteFloat, Field(ge=0)]


class Model(BaseModel):
    """Base of all parameter models: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
