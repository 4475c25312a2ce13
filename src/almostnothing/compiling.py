"""C++ that is compiled where it runs, once for a processor and a compiler, and kept in the user's cache.

A library is named by its source, so an edit makes another one, and processes that want the same one share it. Where
there is no compiler, torch does the work instead.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from almostnothing import sealed
from almostnothing.errors import CannotWrite
from almostnothing.files import digest, file_digest, remove, temporary, write_atomic

INCLUDE = re.compile(r'^#include "(.+)"$', re.MULTILINE)


def expanded(source: str, headers: Path) -> str:
    """A source with the headers of a folder in it, each once."""
    seen: set[str] = set()

    def included(found: re.Match[str]) -> str:
        name = found[1]
        if name in seen:
            return ""
        seen.add(name)
        return INCLUDE.sub(included, (headers / name).read_text())

    return INCLUDE.sub(included, source)


@cache
def compiler() -> str | None:
    """The C++ compiler: that of `CXX`, or the first there is; None where there is none."""
    names = [os.environ.get("CXX", ""), "g++", "c++", "clang++"]
    return next(filter(None, map(shutil.which, names)), None)


@cache
def _machine() -> list[str]:
    """What a compiled library is good for: compiler, processor."""
    version = subprocess.run([compiler() or "", "--version"], capture_output=True, text=True, check=False).stdout
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return [version, platform.machine(), flags]


def folder() -> Path:
    """Where compiled libraries are kept: `almostnothing` in the user's cache, or if that cannot be, among the temporary
    files.
    """
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "almostnothing"
        home.mkdir(parents=True, exist_ok=True)
        if os.access(home, os.W_OK):
            return home
    except (OSError, RuntimeError):  # the latter where a user has no home
        pass
    other = Path(tempfile.gettempdir()) / f"almostnothing-{os.getuid() if hasattr(os, 'getuid') else 'all'}"
    other.mkdir(mode=0o700, exist_ok=True)
    return other


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait for another process that compiles the same, where the system has locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def library(source: str, headers: Path, flags: tuple[str, ...]) -> ctypes.CDLL | None:
    """The compiled source; None, with one line of warning, where it cannot be compiled.

    A library that is kept without its checksum, or with another one, is compiled again: to load it could do anything.

    Raises `CannotWrite` where the disk is full: torch would train other bits.
    """
    program = compiler()
    if program is None:
        return None
    text = expanded(source, headers)
    wanted = folder() / f"{digest([text, flags, _machine()])}.so"
    with _alone(wanted.with_suffix(".lock")):
        if not _whole(wanted):
            made = temporary(wanted)
            try:
                words = [program, *flags, "-x", "c++", "-", "-o", str(made)]
                done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
                if done.returncode:
                    if shutil.disk_usage(made.parent).free == 0:
                        raise CannotWrite(f"{wanted} cannot be written ({os.strerror(errno.ENOSPC)}): make room")
                    reason = (done.stderr.strip().splitlines() or ["it said nothing"])[0]
                    print(f"warning: {program} failed, so torch trains, more slowly: {reason}", file=sys.stderr)
                    return None
                content = made.read_bytes()
            finally:
                remove(made)
            write_atomic(wanted, content)
            sealed.write(_seal(wanted), sealed.checksum(content).encode())
    return ctypes.CDLL(str(wanted))


def _seal(library: Path) -> Path:
    """The file of a library's checksum."""
    return library.with_suffix(".sealed")


def _whole(library: Path) -> bool:
    """Whether a library is there as it was compiled; a damaged one is dropped."""
    known = sealed.read(_seal(library))
    if known is None or not library.exists():
        return False
    if library.is_file() and file_digest(library).encode() == known:
        return True
    sealed.drop(library, "it is not what was compiled")
    return False
