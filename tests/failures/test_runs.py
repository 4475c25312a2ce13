"""Two runs at once, and whole runs of snakemake that are killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from almostnothing.files import sweep
from failures import works
from failures.children import KILLED, ROOT, content, leftovers, run, start

pytestmark = pytest.mark.failures


def test_two_runs_at_once(tmp_path, counts):
    calm, both = tmp_path / "calm", tmp_path / "both"
    for folder in (calm, both):
        folder.mkdir()
    run(calm, works.train, works.STACKED).whole()
    for killed in (False, True):
        shutil.rmtree(both)
        both.mkdir()
        first = start(both, works.train, works.STACKED)
        second = start(both, works.train, works.STACKED, kill_at=30 if killed else 0)
        first.end().whole()
        assert second.end().code == (KILLED if killed else 0)
        sweep([*(both / "cells").glob("??"), both / "results/checkpoints"])
        assert content(both, "cells/**/*") == content(calm, "cells/**/*")
        assert leftovers(both) == []
        counts["pairs of runs at once"] += 1


def test_two_tables_at_once(project, counts):
    wanted = content(project.root, "figures/tiny/*")
    words = ("table", "params/tiny/02_margin.yaml")
    for name in run(project.root, works.keys_of, "02_margin").whole().said.split()[:3]:
        path = project.root / "results/cells" / name[:2] / name / "result.json"
        path.write_text(path.read_text()[:-30])
    pair = [start(project.root, works.verb, *words) for _ in range(2)]
    for one in pair:
        ended = one.end()
        assert ended.code == 0 or "was damaged and is dropped" in ended.sentence() or "is missing" in ended.sentence()
    run(project.root, works.verb, *words).whole()
    assert content(project.root, "figures/tiny/*") == wanted
    counts["pairs of runs at once"] += 1


def test_whole_runs_of_snakemake_are_killed(made, project, counts):
    """All processes of a run, its notebooks' kernels too; the next run goes on."""
    wanted = content(made.root, "figures/tiny/01_knee.*")
    (project.root / "params/tiny/02_margin.yaml").unlink()
    for name in ("figures", "results", ".snakemake"):
        shutil.rmtree(project.root / name, ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    words = ["snakemake", "--config", "params=tiny"]
    dice = random.Random(7)

    def begun() -> subprocess.Popen[bytes]:
        log = (project.root.parent / "log").open("wb")
        return subprocess.Popen(
            words, cwd=project.root, env=environment, stdout=log, stderr=log, start_new_session=True
        )

    for sign in ("results/cells/*", "figures/tiny/*.csv", "results/settings/.runtime*"):
        job = begun()
        until = time.monotonic() + 120
        while job.poll() is None and not list(project.root.glob(sign)) and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(dice.uniform(0, 0.3))
        assert job.poll() is None, (project.root.parent / "log").read_text()[-3000:]
        os.killpg(job.pid, signal.SIGKILL)
        job.wait()
        counts["kills of whole runs"] += 1
    job = begun()
    assert job.wait() == 0, (project.root.parent / "log").read_text()[-3000:]
    found = content(project.root, "figures/tiny/*")
    assert found == wanted
    run(project.root, works.plan).whole()
    assert leftovers(project.root) == []
