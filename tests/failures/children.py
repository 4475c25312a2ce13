"""Processes that are killed, starved of disk and disturbed: forked from one that has imported the library."""

from __future__ import annotations

import errno
import itertools
import json
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from almostnothing.errors import UserError

FORKS = multiprocessing.get_context("forkserver")
ROOT = Path(__file__).resolve().parents[2]
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}
NUMBERS = itertools.count()
KILLED = -signal.SIGKILL
MISTAKE = 2  # exit status of one sentence


@dataclass
class Ended:
    """How a process ended: its exit status, what it said, how many times it was about to change something on disk."""

    code: int | None
    said: str
    changes: int

    def whole(self) -> Ended:
        """This, if it came to its end."""
        assert self.code == 0, self.said
        return self

    def sentence(self) -> str:
        """What it said, if it stopped with one sentence and no traceback."""
        assert self.code == MISTAKE, (self.code, self.said)
        assert "Traceback" not in self.said, self.said
        return self.said


@dataclass
class Started:
    """A process at work."""

    process: Any
    output: Path

    def end(self, after: float | None = None) -> Ended:
        """Wait for its end; `after` so many seconds kill it."""
        self.process.join(after)
        self.process.kill()
        self.process.join()
        text = self.output.read_text()
        said, _, count = text.rpartition("changes: ")
        return Ended(self.process.exitcode, said if count else text, int(count or 0))


def start(folder: Path, work: Callable[..., None], *given: Any, **fault: Any) -> Started:
    """Let a process do some work in a folder.

    `kill_at`: the process is killed as it is about to change something on disk for that many times. `full_at`: from
    that write on (1 is the first) the disk is full. `full_for`: so many writes later there is room again.
    """
    output = folder.parent / f"{folder.name}-{next(NUMBERS)}.said"
    output.touch()
    process = FORKS.Process(target=_run, args=(str(folder), str(output), work, given, fault))
    process.start()
    return Started(process, output)


def run(folder: Path, work: Callable[..., None], *given: Any, after: float | None = None, **fault: Any) -> Ended:
    """`start`, to its end."""
    return start(folder, work, *given, **fault).end(after)


def _run(folder: str, output: str, work: Callable[..., None], given: tuple[Any, ...], fault: dict[str, int]) -> None:
    os.chdir(folder)
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    changes = _killed(folder, fault.get("kill_at", 0))
    _starved(fault.get("full_at", 0), fault.get("full_for", sys.maxsize))
    code = 1
    try:
        work(*given)
        code = 0
    except UserError as error:  # as in `__main__`
        print(f"almostnothing: {error}", file=sys.stderr)
        code = MISTAKE
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os.write(1, f"changes: {changes[0]}".encode())
    os._exit(code)


def _killed(folder: str, at: int) -> list[int]:
    """Kill this process as it is about to change something in the folder for the `at`th time; count the times."""
    count = [0]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in CHANGES and event != "open":
            return
        path = arguments[0]
        if not isinstance(path, str | os.PathLike) or not os.path.abspath(path).startswith(folder):
            return
        # files that are opened for writing, and folders, which are opened to be brought to the disk
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and not os.path.isdir(path):
            return
        count[0] += 1
        if count[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return count


def _starved(at: int, lasting: int) -> None:
    """Let the disk be full from the `at`th write on."""
    if not at:
        return
    from almostnothing import files

    flushed, count = files._flushed, [0]

    def full(path: Path, content: bytes) -> None:
        count[0] += 1
        if at <= count[0] < at + lasting:
            path.write_bytes(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flushed(path, content)

    files._flushed = full


def content(folder: Path, *patterns: str) -> dict[str, bytes]:
    """What is in a folder, without what is half made: bytes by path, of a page's record without what making it took."""
    found = {}
    for pattern in patterns or ("**/*",):
        for path in sorted(folder.glob(pattern)):
            parts = path.relative_to(folder).parts
            if path.is_file() and not any(part.startswith(".") for part in parts):
                with suppress(FileNotFoundError):
                    found["/".join(parts)] = _lasting(path)
    return found


def _lasting(path: Path) -> bytes:
    """What is in a file, but for times and memory of a published page: its record's, and so that record's checksum."""
    whole = path.read_bytes()
    if path.parent.parent.name == "figures" and path.suffix == ".json":
        record = json.loads(whole)
        assert record["spent"].keys() == {"table", "figure"}
        return json.dumps(record | {"spent": None}).encode()
    if path.suffix == ".sha256":
        return b"".join(line for line in whole.splitlines() if not line.endswith(b".json"))
    return whole


def leftovers(folder: Path) -> list[Path]:
    """What killed processes have left half made."""
    from almostnothing.files import TEMPORARY

    return [path for path in folder.rglob(".*") if TEMPORARY.fullmatch(path.name)]
