"""What can be made again: kept under a checksum, and read back only if it is what was written.

A sealed file is the SHA-256 of its content in hexadecimal digits, then the content.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from almostnothing.errors import CannotWrite, UserError
from almostnothing.files import remove, write_atomic

DIGITS = hashlib.sha256().digest_size * 2  # of a checksum


def checksum(content: bytes) -> str:
    """SHA-256 of these bytes."""
    return hashlib.sha256(content).hexdigest()


def write(path: Path, content: bytes) -> None:
    """Write a sealed file; it appears whole or not at all.

    Raises `CannotWrite`.
    """
    write_atomic(path, checksum(content).encode() + content)


def read(path: Path) -> bytes | None:
    """The content of a sealed file; None where there is none. One that is damaged is dropped, and counts as none."""
    try:
        whole = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        drop(path, str(error.strerror))
        return None
    content = whole[DIGITS:]
    if checksum(content).encode() != whole[:DIGITS]:
        drop(path, "its checksum is not that of its content")
        return None
    return content


def drop(path: Path, why: str) -> None:
    """Remove a damaged file or folder, and say so in one sentence.

    Raises `UserError` where it cannot be removed.
    """
    print(f"{path} is damaged ({why}): it is dropped and made again", file=sys.stderr, flush=True)
    try:
        remove(path)
    except OSError as error:
        raise UserError(f"{path} is damaged and cannot be removed ({error.strerror}): remove it by hand") from error


def keep(path: Path, content: bytes) -> None:
    """Write a checkpoint, sealed. Training does without one: where it cannot be written, one sentence says so."""
    try:
        write(path, content)
    except CannotWrite as error:
        print(f"no checkpoint: {error}; training goes on, and tries again at the next", file=sys.stderr, flush=True)
