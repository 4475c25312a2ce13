"""Two runs of a set are refused, two sets run side by side, and a run that was killed blocks nothing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Project, copy_project

from almostnothing import planning, running
from almostnothing.errors import UserError
from almostnothing.freshness import Page

HOLDS = """
import time
from pathlib import Path
from almostnothing import running
running.stay_alone("mine", Path("figures"))
print("held", flush=True)
time.sleep(100)
"""
WORKS = """
import sys, time
from almostnothing import running
with running.turn("a job", "one"):
    print("at work", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def process(program: str) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout
    return started


def test_a_set_has_one_run_at_a_time_and_a_killed_one_is_none():
    holder = process(HOLDS)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    for ask in (running.check_alone, running.stay_alone):
        with pytest.raises(
            UserError, match=rf"another run makes figures/mine \(process {holder.pid} on .*kill {holder.pid}$"
        ):
            ask("mine", Path("figures"))
    for other in (("mine", Path("results/reproduced")), ("other", Path("figures"))):
        running.check_alone(*other)
    holder.kill()
    holder.communicate()
    running.check_alone("mine", Path("figures"))
    running.check_alone("mine", Path.cwd() / "figures")


def test_the_same_job_waits_for_its_turn_and_goes_on_after_a_kill():
    first = process(WORKS)
    assert first.stdout
    assert first.stdout.readline() == "at work\n"
    second = process(WORKS)
    assert second.stderr
    assert second.stdout
    told = second.stderr.readline()
    assert told.startswith(f"a job: waiting for process {first.pid} on ")
    with running.turn("another job", "two"):
        first.kill()
        first.communicate()
    assert second.stdout.readline() == "at work\n"
    second.communicate("")
    assert second.returncode == 0
    assert list(running.FOLDER.iterdir()) == []


def test_where_a_disk_has_no_locks_it_is_said_and_work_goes_on(monkeypatch, capsys):
    def none(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(running.fcntl, "flock", none)
    with running.turn("a job", "one"):
        assert "no locks on this disk (No locks available)" in capsys.readouterr().err


def start(project: Project, name: str) -> subprocess.Popen[str]:
    """Snakemake on one core, with all it starts in a process group of its own."""
    environment = {**os.environ, "PYTHONPATH": str(project.root / "src"), "OMP_NUM_THREADS": "1"}
    words = ["snakemake", "--cores", "1", "--config", f"params={name}"]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(words, cwd=project.root, env=environment, start_new_session=True, **pipe)  # type: ignore[call-overload]


def at_work(project: Project, jobs: int) -> None:
    """Wait until so many locks of runs and jobs are held."""
    end = time.monotonic() + 100
    while len(list((project.root / running.FOLDER).glob("*"))) < jobs:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_killed_run_goes_on_by_itself_and_beside_another_set(tmp_path):
    project = copy_project(tmp_path)
    shutil.copytree(project.root / "params/tiny", project.root / "params/other")  # the same networks
    killed = start(project, "tiny")
    at_work(project, 2)  # the run, and its training
    refused = project.run("snakemake", "--config", "params=tiny", check=False)
    assert refused.returncode == 1
    assert f"another run makes figures/tiny (process {killed.pid} on" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    os.kill(killed.pid, signal.SIGKILL)  # its jobs live on, as after a kill by hand
    killed.communicate()
    again, beside = start(project, "tiny"), start(project, "other")
    for run in (again, beside):
        printed = run.communicate()[0]
        assert run.returncode == 0, printed
    tables = [(project.root / f"figures/{name}/01_knee.csv").read_bytes() for name in ("tiny", "other")]
    assert tables[0] == tables[1]
    (project.root / "figures/tiny/01_knee.svg").unlink()
    killed = start(project, "tiny")
    at_work(project, 3)  # both sets' runs, which are over, and its figure
    os.killpg(killed.pid, signal.SIGKILL)  # all at once, as by a machine that goes off
    killed.communicate()
    assert project.snakemake_jobs() == {"figure": 1}
    assert start(project, "tiny").wait() == 0


def test_parameters_that_change_while_networks_are_trained_are_told(tmp_path, monkeypatch):
    project = copy_project(tmp_path / "project")
    monkeypatch.chdir(project.root)
    planning.plan("tiny", Path("figures"))
    page = Page("01_knee", "tiny")
    planning.check_planned(page)
    project.edit("params/tiny/01_knee.yaml", "  - 0.99", "  - 0.99\n  - 0.995")
    with pytest.raises(
        UserError, match=r"01_knee\.yaml, its data or the code changed while .* again goes on from there"
    ):
        planning.check_planned(Page("01_knee", "tiny"))
    for key in ("nonsense", page.shards[0].key):
        done = project.run(
            "python", "-m", "almostnothing", "train", "params/tiny/01_knee.yaml", "--shard", key, check=False
        )
        assert done.returncode == 2
        assert done.stderr == (
            f"almostnothing: params/tiny/01_knee.yaml asks for no shard {key}: its parameters, its data or the code "
            "changed since this was planned; running snakemake --config params=tiny again goes on from there\n"
        )
