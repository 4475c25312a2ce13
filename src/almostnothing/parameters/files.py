"""From a YAML file to validated parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from almostnothing.errors import UserError
from almostnothing.parameters.mistakes import sentence
from almostnothing.parameters.page import Parameters

FOLDER = Path("params")
P = TypeVar("P", bound=Parameters)


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number (as in YAML 1.2) and a repeated key is an error."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$"),
    list("-+0123456789."),
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for number, key in enumerate(keys):
        if key in keys[:number]:
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
    except yaml.constructor.ConstructorError as error:
        if "recursive" not in str(error.problem) or error.problem_mark is None:
            raise UserError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
        line = error.problem_mark.line + 1
        raise UserError(f"{path}: what begins at line {line} names itself: remove that alias (*)") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold keys and values, like those of params/quick/{path.name}")
    return content


def validate(model: type[P], content: Mapping[str, Any], where: str) -> P:
    """Parameters from plain data; `where` names their origin in messages.

    Raises `UserError` for an unknown or missing key, or a value out of range.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{where}: {sentence(error, model)}") from error


def load(model: type[P], path: Path) -> P:
    """The validated parameters of a file `params/<set>/<page>.yaml`."""
    return validate(model, read_yaml(path), str(path))


def with_changes(model: type[P], path: Path, **changes: Any) -> P:
    """The parameters of a file, with keys replaced by those that papermill, or a reader by hand, gives.

    What is empty keeps the file's value, and so do keys of a section that are not given: `{"sweep": {"width": [16]}}`
    changes one axis.
    """
    content = read_yaml(path)
    for key, values in changes.items():
        if isinstance(values, Mapping):
            content[key] = {**content.get(key, {}), **values}
        elif values:
            content[key] = values
    return validate(model, content, f"{path} with the notebook's changes")


def parameter_files(folder: Path) -> list[Path]:
    """The parameter files of a set, in order.

    Raises `UserError` if the folder does not exist or holds none.
    """
    if not folder.is_dir():
        known = sorted(p.name for p in folder.parent.glob("*") if any(p.glob("*.yaml")))
        raise UserError(f"{folder} does not exist: the parameter sets here are {', '.join(known) or 'none'}")
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise UserError(f"{folder} holds no parameter file: copy those of params/quick into it")
    return files
