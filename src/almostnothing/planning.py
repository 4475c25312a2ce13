"""What Snakemake must know of a parameter set: its pages, the jobs that are left, and times that say what digests say.

Where nothing that a plan depends on has changed since everything was fresh, the plan is known without thinking: then
neither pydantic nor any parameter file is read.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from almostnothing import compiling, sealed
from almostnothing.errors import UserError
from almostnothing.files import digest, file_digest, sweep, write_atomic

if TYPE_CHECKING:
    from almostnothing.freshness import Page

RESULTS = Path("results")
SECOND = 10**9  # nanoseconds: file systems may keep no finer times
INPUTS = ("src/almostnothing/**/*.py", "notebooks/*.py", "equivalents.json")  # and the parameter files, by content
VARIABLES = ("ALMOSTNOTHING_DATA", "XDG_CACHE_HOME", "HOME")
HANDED_ON = "ALMOSTNOTHING_PLAN"  # names the file of the plan to the jobs of a cluster
CLUSTERS = ("cpu", "gpu")
CLUSTER_SECONDS = 600.0  # of its core or GPU, that a job on a cluster takes about: it waits in a queue first
SLACK, START_MINUTES = 3, 5  # a job's time limit: so many times what is estimated, and some minutes


@dataclass(frozen=True)
class Job:
    """Shards that one job trains: whose parameter file asks for them, their data set's file marker, memory in bytes.

    `gpu`: whether it is to have one. `seconds`: of a core or of the GPU, estimated.
    """

    parameter_file: str
    shards: list[str]
    fetch: str
    memory: int
    gpu: bool
    seconds: float

    @property
    def minutes(self) -> int:
        """Its time limit."""
        return START_MINUTES + math.ceil(SLACK * self.seconds / 60)


@dataclass(frozen=True)
class Plan:
    """`pages`: of each, the jobs that its table waits for. `jobs`: those that train. `fetched`: data sets with files.

    `watched`: a user's own data files and folders, which the plan depends on. `stale`: of pages that are not as they
    should be, the parts that are to be made. `damaged`: a sentence for each published file that is not as it was made.
    """

    pages: dict[str, list[str]]
    jobs: dict[str, Job] = field(default_factory=dict)
    fetched: dict[str, tuple[str, str]] = field(default_factory=dict)
    watched: list[str] = field(default_factory=list)
    stale: dict[str, list[str]] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)


def plan(parameter_set: str, into: Path, cluster: str | None = None) -> Plan:
    """The plan of a set whose files are made in `into`; key files and times are set as `set_times` says.

    `cluster`: what the jobs that train may have, "gpu" or "cpu"; None where they run on this machine.
    Raises `UserError` for any mistake in the set.
    """
    if cluster not in (None, *CLUSTERS):
        raise UserError(f"cluster={cluster}: it says what jobs may have: {' or '.join(CLUSTERS)}")
    memory = RESULTS / "plans" / f"{digest([parameter_set, str(into)])}.sealed"
    sweep(_worked_in(parameter_set, into))
    remembered = sealed.read(memory)
    if remembered is not None:
        known = json.loads(remembered)
        if known["state"] == _state(parameter_set, into, known["plan"]["watched"]):
            return Plan(**known["plan"])
    from almostnothing import freshness

    found = _plan(freshness.pages_of(parameter_set, into, cluster), cluster)
    if not found.stale and not found.jobs:
        state = _state(parameter_set, into, found.watched)
        sealed.write(memory, json.dumps({"state": state, "plan": asdict(found)}).encode())
    return found


def _state(parameter_set: str, into: Path, watched: list[str]) -> str:
    """Digest of everything that a plan without jobs to train depends on."""
    contents = [path for pattern in (*INPUTS, f"params/{parameter_set}/*") for path in sorted(Path().glob(pattern))]
    made = [*(into / parameter_set).glob("*"), *(_keys(parameter_set, into)).glob("*")]
    files = [path for path in sorted(made) if path.is_file()]
    stamps = [(str(path), path.stat().st_mtime_ns, file_digest(path)) for path in files]
    own = [(path, path.stat()) for path in map(Path, watched) if path.exists()]
    return digest(
        [
            [[str(path), sha256(path.read_bytes()).hexdigest()] for path in contents if path.is_file()],
            stamps,
            # nobody sets the time of the last change, as set_times does that of modification of what is made
            [(str(path), s.st_size, s.st_ino, s.st_mtime_ns, s.st_ctime_ns) for path, s in own],
            [os.environ.get(name) for name in VARIABLES],
            sys.version,
        ]
    )


def _worked_in(parameter_set: str, into: Path) -> list[Path]:
    """The folders in which a run that was killed may have left what it was making."""
    cache = compiling.folder()
    made = [into / parameter_set, _keys(parameter_set, into), *(RESULTS / "figures").glob("**/")]
    kept = [RESULTS / "checkpoints", RESULTS / "plans", RESULTS / "settings", *(RESULTS / "cells").glob("??")]
    return [*made, *kept, cache, cache / "facts", cache / "arrays"]


def _keys(parameter_set: str, into: Path) -> Path:
    return RESULTS / "keys" / into / parameter_set


def key_file(page: str, parameter_set: str, into: Path, part: str) -> Path:
    """The file whose modification time tells Snakemake whether `part` of a page must be made anew."""
    return _keys(parameter_set, into) / f"{page}.{part}"


def handed_on(found: Plan) -> Path:
    """The file of a plan, by which the jobs of a cluster know it: what is left to do changes while they wait."""
    content = json.dumps(asdict(found)).encode()
    path = RESULTS / "plans" / "handed_on" / f"{sha256(content).hexdigest()[:20]}.json"
    if not path.is_file():
        write_atomic(path, content)
    return path


def taken_over() -> Plan:
    """The plan by which this job of a cluster was submitted.

    Raises `UserError` where it is gone.
    """
    path = Path(os.environ.get(HANDED_ON, "nowhere"))
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: the plan by which this job was submitted is gone: call snakemake again") from error
    return Plan(**{**known, "jobs": {name: Job(**job) for name, job in known["jobs"].items()}})


def _plan(pages: list[Page], cluster: str | None) -> Plan:
    from almostnothing import costs, sweeps
    from almostnothing.data import lookup

    found = Plan({})
    watched: set[str] = set()
    for page in pages:
        set_times(page)
        shards = page.shards_to_train()
        if parts := parts_to_make(page):
            found.stale[page.name] = parts
            found.damaged.extend(page.told())
        found.pages[page.name] = []
        for source in page.sources:
            watched.update(str(path) for path in lookup.watched(source, page.folder))
            if source.name != "digits":
                found.fetched[slug(source.name)] = (str(page.parameter_file), source.name)
        gpu = cluster == "gpu" and page.parameters.compute.device != "cpu"
        seconds = costs.gpu_seconds(shards) if gpu else costs.core_seconds(shards, page.parameters.compute)
        left = iter(seconds)
        for some in sweeps.batches(shards, seconds, CLUSTER_SECONDS) if cluster else sweeps.batches(shards):
            name = some[0].cells[0].dataset
            memory = costs.gpu_job_bytes(sweeps.stacked(some)) if gpu else max(map(costs.job_bytes, some))
            job = digest([shard.key for shard in some])
            found.pages[page.name].append(job)
            found.jobs[job] = Job(
                str(page.parameter_file),
                [shard.key for shard in some],
                "" if name == "digits" else slug(name),
                memory * 4 // 3,  # a third more than planned
                gpu,
                sum(itertools.islice(left, len(some))),
            )
    found.watched.extend(sorted(watched))
    return found


def parts_to_make(page: Page) -> list[str]:
    """Which of a page's "table" and "figure" are to be made: a figure is drawn again with its table."""
    missing = [path.suffix for path in page.missing()]
    if page.stale("table") or page.lacks_logits() or ".csv" in missing:
        return ["table", "figure"]
    return ["figure"] if page.stale("figure") or missing else []


def check_planned(page: Page) -> None:
    """Raise `UserError` where networks of a page's table are lacking because it was planned with other parameters."""
    from almostnothing.store import STORE, Store

    key = key_file(page.name, page.parameter_set, page.into, "table")
    planned = key.read_text().split()[:1] if key.is_file() else []
    if planned not in ([], [page.wanted["table"]]) and Store(STORE).missing(page.cells):
        raise UserError(
            f"{page.parameter_file}, its data or the code changed while its networks were trained: running snakemake "
            f"--config params={page.parameter_set} again goes on from there"
        )


def slug(name: str) -> str:
    """A data set's name as a file may be called."""
    return name if name.replace("_", "").isalnum() else f"{name.partition(':')[0]}-{digest(name)}"


def set_times(page: Page) -> None:
    """Make modification times, by which Snakemake goes, say what the digests say.

    A key file is as old as can be where its part is fresh, and new where it must be made again. The time stands in a
    stale key because Snakemake takes a newer file of equal content for unchanged. A fresh table is not newer than its
    figure, in whatever order git has written them. No file lies in the future, where a clock that was set back, or that
    of another machine, may have put it: nothing would be newer.
    """
    from almostnothing.freshness import FILES

    files, now = [page.file(suffix) for suffix in FILES], time.time_ns()
    for file in files:
        if file.is_file() and file.stat().st_mtime_ns >= now:
            os.utime(file, ns=(now - SECOND, now - SECOND))
    times = [file.stat().st_mtime_ns for file in files if file.is_file()]
    for part, wanted in page.wanted.items():
        key = key_file(page.name, page.parameter_set, page.into, part)
        if page.stale(part) or (part == "table" and page.lacks_logits()):
            write_atomic(key, f"{wanted} {now}\n".encode())
            os.utime(key, ns=(now, now))
        else:
            content = f"{wanted}\n".encode()
            if not key.is_file() or key.read_bytes() != content:
                write_atomic(key, content)
            os.utime(key, (0, 0))
    if not page.stale("table") and len(times) == len(files):
        os.utime(page.file("csv"), ns=(min(times), min(times)))
