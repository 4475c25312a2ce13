"""Which functions of the library run, against those that a digest of code reaches."""

import re
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import TypeVar

import almostnothing

HERE = Path(almostnothing.__file__).parent
T = TypeVar("T")
STORING = re.compile(r"sealed:|store:_|files:(?!digest|plain)")  # what counts in no digest: see `code.STORING`


def traced(work: Callable[[], T]) -> tuple[T, set[str]]:
    """What `work` returns, and the functions of the package that ran, as module:qualified name."""
    codes: dict[int, CodeType] = {}  # by identity: all calls of all libraries come by here

    def note(frame: FrameType, _event: str, _argument: object) -> None:  # of calls: None asks for no lines
        codes[id(frame.f_code)] = frame.f_code

    threading.settrace(note)
    sys.settrace(note)
    try:
        result = work()
    finally:
        sys.settrace(None)
        threading.settrace(None)
    return result, {_named(code) for code in codes.values() if code.co_filename.startswith(str(HERE))}


def _named(code: CodeType) -> str:
    module = Path(code.co_filename).relative_to(HERE).with_suffix("").as_posix().replace("/", ".")
    return f"{module.removesuffix('.__init__')}:{code.co_qualname}"


def unreached(ran: Iterable[str], reached: Iterable[str]) -> set[str]:
    """What ran and is in no reached definition: by the top-level name that holds it."""
    tops = {name.removeprefix("almostnothing.") for name in reached}
    modules = {name.rpartition(".")[0] for name in tops}
    found = set()
    for each in ran:
        module, _, name = each.partition(":")
        top = name.split(".")[0]
        anonymous = top.startswith("<") and module in modules  # lambdas of a table, comprehensions of a module
        if f"{module}.{top}" not in tops and not anonymous and not STORING.match(each):
            found.add(each)
    return found
