"""Who is at work on what: locks that end with the process that holds them, however it ends.

Snakemake's own lock is of a working folder and outlives a run that was killed; these are of a set and of single jobs.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from almostnothing.errors import UserError
from almostnothing.files import digest

FOLDER = Path("results/locks")
_held: list[IO[str]] = []  # until this process ends


def check_alone(parameter_set: str, into: Path) -> None:
    """Raise `UserError` where another run makes the files of a set in the folder `into`."""
    _run(parameter_set, into).close()


def stay_alone(parameter_set: str, into: Path) -> None:
    """From now on until this process ends it alone makes the files of a set in the folder `into`.

    Raises `UserError` where another run does.
    """
    _held.append(_run(parameter_set, into))


def check_nobody() -> None:
    """Raise `UserError` where any run, or any job, is at work in this folder."""
    for path in sorted(FOLDER.glob("*")):
        file = _locked(path, wait=False)
        if file is None:
            raise UserError(f"process {path.read_text()} is at work here: wait until it ends")
        file.close()


def _run(parameter_set: str, into: Path) -> IO[str]:
    path = _path("run", parameter_set, str(into.absolute()))
    file = _locked(path, wait=False)
    if file is None:
        holder = path.read_text()
        raise UserError(
            f"another run makes {into / parameter_set} (process {holder}): wait until it ends, or end it with "
            f"kill {holder.partition(' ')[0]}"
        )
    return file


@contextmanager
def turn(what: str, *names: str) -> Iterator[None]:
    """Wait until no other process does the same job, and keep others from it meanwhile.

    `what`: the job in words; `names`: what tells it apart from others.
    """
    path = _path("job", *names)
    file = _locked(path, wait=False)
    if file is None:
        print(f"{what}: waiting for process {path.read_text()}, which does the same", file=sys.stderr, flush=True)
        file = _locked(path, wait=True)
        assert file is not None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def _path(*names: str) -> Path:
    return FOLDER / digest(list(names))


def _locked(path: Path, wait: bool) -> IO[str] | None:
    """The file of a lock that is now ours, with our name in it; None where another has it and we do not wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.close()
            return None
        except OSError as error:  # some network disks have no locks: then nothing keeps two runs apart, as ever
            print(f"{path}: no locks on this disk ({error.strerror}): start no second run of a set", file=sys.stderr)
            return file
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            file.truncate(0)
            print(f"{os.getpid()} on {socket.gethostname()}", end="", file=file, flush=True)
            return file
        file.close()  # its holder has removed it while we waited
