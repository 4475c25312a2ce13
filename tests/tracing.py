"""Which functions of the library run, against those that a digest of code reaches."""

import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import almostnothing

HERE = Path(almostnothing.__file__).parent
T = TypeVar("T")


def traced(work: Callable[[], T]) -> tuple[T, set[str]]:
    """What `work` returns, and the functions of the package that ran, as module:qualified name."""
    seen: set[str] = set()

    def note(frame, event, _argument) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(HERE)):
            module = Path(frame.f_code.co_filename).relative_to(HERE).with_suffix("").as_posix().replace("/", ".")
            seen.add(f"{module.removesuffix('.__init__')}:{frame.f_code.co_qualname}")

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        result = work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return result, seen


def unreached(ran: Iterable[str], reached: Iterable[str]) -> set[str]:
    """What ran and is in no reached definition: by the top-level name that holds it."""
    tops = {name.removeprefix("almostnothing.") for name in reached}
    modules = {name.rpartition(".")[0] for name in tops}
    found = set()
    for each in ran:
        module, _, name = each.partition(":")
        top = name.split(".")[0]
        anonymous = top.startswith("<") and module in modules  # lambdas of a table, comprehensions of a module
        if f"{module}.{top}" not in tops and not anonymous:
            found.add(each)
    return found
