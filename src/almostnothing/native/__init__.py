"""C++ of what takes most of the time: training steps and laws of corruption; `compiling` makes libraries of it."""

from __future__ import annotations

import ctypes
import platform
from importlib.resources import files
from pathlib import Path

from almostnothing import compiling

FLAGS = (
    *("-std=c++17", "-O3", "-march=native", "-shared", "-fPIC", "-w"),
    *("-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"),  # what leaves every result as it is written
    # Tuned for one processor, compilers fuse multiplications and additions in other places than for another: for AMD's,
    # GCC leaves chains of them apart. Then convolutions of one network differ in their last bits, and training makes
    # that more.
    *(("-mtune=generic",) if platform.machine() in ("x86_64", "AMD64") else ()),
)


def folder() -> Path:
    """Where the C++ files are."""
    return Path(str(files("almostnothing.native")))


def library(source: str) -> ctypes.CDLL | None:
    """The compiled source; None, with one line of warning, where it cannot be compiled."""
    return compiling.library(source, folder(), FLAGS)


def file(name: str) -> ctypes.CDLL | None:
    """The library of a file of this folder."""
    return library((folder() / name).read_text())
