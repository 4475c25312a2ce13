"""From a YAML file to validated parameters."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from almostnothing.errors import UserError
from almostnothing.parameters.mistakes import sentence
from almostnothing.parameters.names import check_name, set_name
from almostnothing.parameters.page import Parameters

FOLDER = Path("params")
P = TypeVar("P", bound=Parameters)


class _Loader(yaml.SafeLoader):
    """YAML 1.2's words for values: 010 is ten, yes and 10:00 are text, 1e-3 is a number; a repeated key is an error."""


YAML = "tag:yaml.org,2002:"
RESOLVED = {  # words without quotation marks that are no text: the first letters, and all
    "bool": ("tTfF", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")),
    "int": ("-+0123456789", re.compile(r"^[-+]?\d[\d_]*$")),
    "float": (
        "-+0123456789.",
        re.compile(r"^[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$"),
    ),
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, word) for tag, word in words if tag.removeprefix(YAML) not in (*RESOLVED, "timestamp")]
    for first, words in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for kind, (letters, pattern) in RESOLVED.items():
    _Loader.add_implicit_resolver(f"{YAML}{kind}", pattern, list(letters))


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))


_Loader.add_constructor(f"{YAML}int", _decimal)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    own = [key for key, _ in node.value if key.tag != f"{YAML}merge"]
    keys = [loader.construct_object(key) for key in own]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"the key {key!r} stands twice in the mapping at line {line}: remove one")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(f"{YAML}map", _mapping)


def read_yaml(path: Path) -> dict[str, Any]:
    """A parameter file as a dictionary.

    Raises `UserError` if it cannot be read, is no YAML, repeats a key or is no mapping.
    """
    try:
        content = yaml.load(_text(path), _Loader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.constructor.ConstructorError as error:
        if "recursive" not in str(error.problem) or error.problem_mark is None:
            raise UserError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
        line = error.problem_mark.line + 1
        raise UserError(f"{path}: what begins at line {line} names itself: remove that alias (*)") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise UserError(f"{path}: is not a parameter file: brackets are nested too deeply in it") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold keys and values, like those of params/quick/{path.name}")
    odd = next((key for key in content if not isinstance(key, str)), None)
    if odd is not None:
        raise UserError(f"{path}: the key {odd!r} is no name: a file has keys like those of params/quick/{path.name}")
    return content


def _text(path: Path) -> str:
    """A file's text, in UTF-8, or in UTF-16 with its mark.

    Raises `UserError` for another encoding.
    """
    content = path.read_bytes()
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path}: line {line} holds the byte 0x{content[error.start]:02x}, which is not UTF-8: save the file in "
            "the encoding UTF-8"
        ) from error


def validate(model: type[P], content: Mapping[str, Any], where: str) -> P:
    """Parameters from plain data; `where` names their origin in messages.

    Raises `UserError` for an unknown or missing key, or a value out of range.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{where}: {sentence(error, model)}") from error
    except AttributeError as error:
        if error.name != "law":
            raise
        # what chooses among laws has asked a value for its law that is no mapping
        raise UserError(f"{where}: a corruption is a mapping, like {{law: replacement}}, not {error.obj!r}") from error


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
    """The parameter files of a set, in order; hidden ones are an editor's or a system's.

    Raises `UserError` if the folder does not exist or holds none, or a name is none that a shell takes as it is.
    """
    set_name(folder.name)
    if not folder.is_dir():
        known = sorted(p.name for p in folder.parent.glob("*") if any(p.glob("*.yaml")))
        raise UserError(f"{folder} does not exist: the parameter sets here are {', '.join(known) or 'none'}")
    files = sorted(path for path in folder.glob("*.yaml") if not path.name.startswith("."))
    if not files:
        raise UserError(f"{folder} holds no parameter file: copy those of params/quick into it")
    for path in files:
        check_name(path.stem, f"file in {folder}")
    return files
