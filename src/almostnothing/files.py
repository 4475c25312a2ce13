"""Files that are whole or absent, and digests of values and files."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any


def plain(record: Any) -> dict[str, Any]:
    """The fields of a frozen dataclass by name, without those that have their default.

    So a field with a default can be added later: what is written without it stays as it was.
    """
    return {
        field.name: getattr(record, field.name)
        for field in fields(record)
        if field.default is MISSING or getattr(record, field.name) != field.default
    }


def digest(value: Any) -> str:
    """Twenty hexadecimal digits that name a JSON-able value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that it is either absent (or as before) or whole, even if the process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def project() -> Path:
    """The project's folder: the nearest one above the working directory that holds a Snakefile.

    Raises `FileNotFoundError` outside a checkout.
    """
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "Snakefile").is_file():
            return Path(os.path.relpath(folder))
    raise FileNotFoundError("no folder above the working directory holds the project's Snakefile")
