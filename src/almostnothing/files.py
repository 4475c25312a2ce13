"""Files that are whole or absent, and digests of values and files."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from almostnothing.errors import CannotWrite

TEMPORARY = re.compile(r"\..+\.(?P<host>[^.]+)\.(?P<process>\d+)")  # see `temporary`


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
    """Write a file so that it is either absent (or as before) or whole, and on the disk, even if the process is killed.

    Raises `CannotWrite`, which names the file.
    """
    with _placed(path) as made:
        _flushed(made, content)
        made.replace(path)


def write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a folder of files so that it is either absent (or as before) or whole, as `write_atomic` does a file.

    Raises `CannotWrite`, which names the folder.
    """
    with _placed(folder) as made:
        made.mkdir()
        for name, content in contents.items():
            _flushed(made / name, content)
        _flush(made)
        remove(folder)
        made.rename(folder)


@contextmanager
def _placed(path: Path) -> Iterator[Path]:
    """Where to make what goes to `path`; what is still there afterwards is removed."""
    made = temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(made)
        yield made
        _flush(path.parent)
    except OSError as error:
        raise CannotWrite(
            f"{path} cannot be written ({error.strerror or error}): make room or change its permissions"
        ) from error
    finally:
        with suppress(OSError):
            remove(made)


def _flushed(path: Path, content: bytes) -> None:
    """Write a file that is on the disk afterwards."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    """Bring the names in a folder to the disk; some network file systems do not know how, and need not."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(opened)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def temporary(path: Path) -> Path:
    """Where this process makes what goes to `path`: beside it, hidden, `.NAME.HOST.PROCESS`."""
    return path.with_name(f".{path.name}.{host()}.{os.getpid()}")


def host() -> str:
    """The name of this machine, without dots."""
    return platform.node().replace(".", "-") or "localhost"


def sweep(folders: Iterable[Path]) -> None:
    """Remove what processes of this machine that are gone have left half made in these folders (see `temporary`).

    What processes of other machines make is left alone: nobody here knows whether they live.
    """
    for folder in folders:
        with suppress(OSError):  # a folder that is not there, or that another process sweeps
            for path in folder.iterdir():
                found = TEMPORARY.fullmatch(path.name)
                if found and found["host"] == host() and not _lives(int(found["process"])):
                    remove(path)


def _lives(process: int) -> bool:
    """Whether a process of this machine is there."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # of another user
        pass
    return True


def project() -> Path:
    """The project's folder: the nearest one above the working directory that holds a Snakefile.

    Raises `FileNotFoundError` outside a checkout.
    """
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "Snakefile").is_file():
            return Path(os.path.relpath(folder))
    raise FileNotFoundError("no folder above the working directory holds the project's Snakefile")
