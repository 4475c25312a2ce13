"""Types of the values in parameter files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    field_validator,
)

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

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: Any) -> Any:  # a ValidationInfo, a protocol that tests cannot check
        kinds = set(_kinds(cls.model_fields[info.field_name].annotation))
        inside = any(kind is Any or (isinstance(kind, type) and issubclass(kind, BaseModel)) for kind in kinds)
        if not inside and bool not in kinds and _holds_truth(value):
            raise ValueError("should be a number or a word, not true or false")
        return value


def _kinds(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of."""
    parts = get_args(annotation)
    if get_origin(annotation) is Literal:
        yield from map(type, parts)
    elif parts:
        for part in parts:
            yield from _kinds(part)
    else:
        yield annotation


def _holds_truth(value: Any) -> bool:
    """Whether true or false is among plain data."""
    if isinstance(value, dict):
        return any(map(_holds_truth, value.values()))
    return any(map(_holds_truth, value)) if isinstance(value, list | tuple) else isinstance(value, bool)
