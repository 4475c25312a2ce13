"""Parameter files: one validated model per notebook, read from YAML, checked before any compute starts.

Every mistake becomes a `UserError`: one sentence that names the file, the key and the remedy.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)

from almostnothing.errors import UserError

T = TypeVar("T")
FOLDER = Path("params")


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _distinct(values: list[T]) -> list[T]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value} is listed twice")
    return values


# One value or a list of distinct ones: the cells of a sweep are the product of its axes.
Axis = Annotated[list[T], Field(min_length=1), BeforeValidator(_listed), AfterValidator(_distinct)]
Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[FiniteFloat, Field(gt=0)]


class Model(BaseModel):
    """Base of all parameter models: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Replacement(Model):
    """Replacement noise; new pixel values are uniform on [low, high] or follow the data set's own pixel law."""

    law: Literal["replacement"] = "replacement"
    values: Literal["uniform", "empirical"] = "uniform"
    low: FiniteFloat = 0.0
    high: FiniteFloat = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> Replacement:
        if not self.low < self.high:
            raise ValueError("low must be smaller than high")
        return self


class Sweep(Model):
    """A grid of cells: the product of `train_size`, `strength`, `width`, `depth` and `seeds`."""

    dataset: str = Field(description="name of a data set")
    train_size: Axis[PositiveInt] = Field(description="N, training images, the same number of each class")
    corruption: Replacement = Replacement()
    strength: Axis[Probability] = Field(description="p, the corruption probability in training and test")
    training_corruption: Literal["fixed", "fresh"] = Field(
        description="corrupt every training image once, or anew whenever it is shown"
    )
    family: Axis[Literal["mlp", "cnn"]] = Field(default=["mlp"], description="kind of network")
    width: Axis[PositiveInt] = Field(description="units of each hidden layer; channels of a CNN")
    depth: Axis[PositiveInt] = Field(description="L, weight layers: L−1 hidden layers")
    activation: Literal["relu", "leaky_relu", "gelu", "erf", "tanh", "sine", "identity"] = "relu"
    parametrisation: Literal["standard", "ntk"] = "standard"
    bias: bool = True
    init_scale: Positive = Field(default=1.0, description="factor of the initial weights")
    loss: Literal["cross_entropy", "mse"] = "cross_entropy"
    optimiser: Literal["adam", "sgd"] = "adam"
    learning_rate: Positive = 1e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.0, description="of sgd")
    schedule: Literal["constant", "linear", "cosine"] = Field(default="constant", description="of the learning rate")
    batch_size: PositiveInt = 64
    steps: Axis[PositiveInt] = Field(description="optimiser steps")
    stop_loss: Positive | None = Field(
        default=None, description="stop once a block's mean training loss is at most this"
    )
    precision: Literal["float32", "tf32", "bf16"] = Field(default="float32", description="of matrix products")
    common_random_numbers: bool = Field(
        default=False, description="share all draws between strengths, for paired comparisons: then cells are dependent"
    )
    test_draws: PositiveInt = Field(default=1, description="independent corruptions of each test image")
    seeds: Axis[NonNegativeInt]

    @model_validator(mode="after")
    def _consistent(self) -> Sweep:
        if self.momentum and self.optimiser != "sgd":
            raise ValueError("momentum belongs to optimiser: sgd")
        return self


class Compute(Model):
    """How to compute; changes no result beyond the stated tolerance, so no digest covers it."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    compile: Literal["auto", "always", "never"] = Field(
        default="auto", description="fuse steps with torch.compile; auto: where a cell is long enough to pay for it"
    )
    checkpoint_seconds: NonNegativeFloat = Field(default=60.0, description="a killed job loses at most this much")
    keep_logits: bool = Field(default=False, description="store the logits of all test images beside each network")
    quiet: bool = Field(default=False, description="one line a shard in place of a progress bar")


class Notebook(Model):
    """Base of the models of parameter files."""

    sweep: Sweep | None = None
    compute: Compute = Compute()

    def content(self) -> dict[str, Any]:
        """All that a figure depends on, as JSON-able data."""
        return self.model_dump(mode="json", exclude={"compute"})


class KneeThresholds(Model):
    """Smallest effects that count, per doubling of the size; fixed before looking."""

    shift: FiniteFloat = Field(description="growth of p*")
    sharpening: FiniteFloat = Field(description="growth of ln |A'(p*)|")


class Knee(Notebook):
    """`01_knee`: accuracy against corruption, its midpoint and slope against width and training size."""

    sweep: Sweep
    thresholds: KneeThresholds

    @model_validator(mode="after")
    def _enough(self) -> Knee:
        if len(self.sweep.strength) < 5:
            raise ValueError("sweep.strength needs at least 5 values to fit a knee")
        if len(self.sweep.seeds) < 2:
            raise ValueError("sweep.seeds needs at least 2 seeds for an interval")
        if len(self.sweep.depth) > 1:
            raise ValueError("sweep.depth takes one value here")
        if len(self.sweep.family) > 1 or len(self.sweep.steps) > 1:
            raise ValueError("sweep.family and sweep.steps take one value here")
        return self


NOTEBOOKS: dict[str, type[Notebook]] = {"01_knee": Knee}


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number (as in YAML 1.2) and a repeated key is an error."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$"),
    list("-+0123456789."),
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"the key {key!r} stands twice in the mapping at line {line}: remove one")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_yaml(path: Path) -> dict[str, Any]:
    """A parameter file as a dictionary.

    Raises `UserError` if it cannot be read, is no YAML, repeats a key or is no mapping.
    """
    try:
        content = yaml.load(path.read_text(), _Loader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold keys and values, like those of params/quick/{path.name}")
    return content


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """The first mistake of a validation in words, and how many more there are."""
    details = error.errors(include_url=False)
    # a mistyped key makes two mistakes, one of them the key that is now missing: name what was typed
    first = min(details, key=lambda detail: detail["type"] != "extra_forbidden")
    location = [str(part) for part in first["loc"]]
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        owner: Any = model
        for part in location[:-1]:
            owner = owner.model_fields[part].annotation
        known = list(owner.model_fields)
        close = difflib.get_close_matches(location[-1], known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"the known ones are {', '.join(known)}"
        text = f"{key} is not a parameter; {hint}"
    elif first["type"] == "missing":
        text = f"{key} is missing: add it"
    else:
        message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = first["input"]
        shown = "" if isinstance(value, dict) else f" is {json.dumps(value, default=str)}, but"
        text = f"{key}{shown} {message}" if key else message
    more = len(details) - 1
    return text + (f" (and {more} more mistake{'s' * (more > 1)})" if more else "")


def validate(name: str, content: Mapping[str, Any], where: str) -> Notebook:
    """The parameters of notebook `name` from plain data; `where` names their origin in messages.

    Raises `UserError` for an unknown notebook, an unknown or missing key, or a value out of range.
    """
    if name not in NOTEBOOKS:
        raise UserError(f"{where}: no notebook is called {name!r}: the known ones are {', '.join(NOTEBOOKS)}")
    model = NOTEBOOKS[name]
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{where}: {_sentence(error, model)}") from error


def load(path: Path) -> Notebook:
    """The validated parameters of a file `params/<set>/<notebook>.yaml`."""
    return validate(path.stem, read_yaml(path), str(path))


def with_changes(name: str, parameter_set: str, root: Path, **changes: Mapping[str, Any]) -> Any:
    """The parameters of a set, with sections replaced by those that papermill, or a reader by hand, gives.

    Keys of a section that are not given keep the file's value, so `{"sweep": {"width": [16]}}` changes one axis.
    """
    path = root / FOLDER / parameter_set / f"{name}.yaml"
    content = read_yaml(path)
    for section, values in changes.items():
        content[section] = {**content.get(section, {}), **values}
    return validate(name, content, f"{path} with the notebook's changes")


def parameter_files(folder: Path) -> list[Path]:
    """The parameter files of a set, in order.

    Raises `UserError` if the folder does not exist or holds none.
    """
    if not folder.is_dir():
        known = sorted(p.name for p in folder.parent.glob("*") if p.is_dir() and p.name != "schema")
        raise UserError(f"{folder} does not exist: the parameter sets here are {', '.join(known) or 'none'}")
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise UserError(f"{folder} holds no parameter file: copy those of params/quick into it")
    return files


def schema(name: str) -> str:
    """The JSON schema of a notebook's parameter file, for editors."""
    return json.dumps(NOTEBOOKS[name].model_json_schema(), indent=2) + "\n"
