"""The DAG on a real Slurm of one node, which is started here: cancelled, killed, late and greedy jobs, all in one run.

Skipped where Slurm is not installed, or not ours to start: `.ci/run` installs it. No test here measures time; Slurm
itself lets a job pass its time limit for up to half a minute.
"""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, Project, copy_project

HERE = Path(__file__).parent
CONFIGURED = Path("/etc/slurm/slurm.conf")
STARVED = "13_root_d"  # the page whose table gets too little memory at every attempt
PATIENCE = 400  # seconds until a run is given up
RESOURCES = (  # of one node without GPUs, and of what is to fail
    "train:runtime=1",
    f"table:mem_mb=100 if wildcards.name == '{STARVED}' or (wildcards.name == '01_knee' and attempt == 1) else 1500",
    "figure:mem_mb=1500",
)
OPTIONS = (
    "--profile", "profiles/slurm", "--config", "params=tiny", "cluster=cpu", "--retries", "1", "--set-resources",
    *RESOURCES, "--slurm-status-command", "squeue", "--slurm-no-account", "--latency-wait", "10",
    "--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1",
)  # fmt: skip


def lacking() -> str:
    """Why there can be no cluster here; nothing where there can."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return "one cluster at a time: pytest tests/cluster -n 0"
    programs = [name for name in ("slurmctld", "slurmd", "munged", "sbatch") if not shutil.which(name)]
    if programs:
        return f"no {', '.join(programs)}: apt-get install slurm-wlm munge"
    if os.geteuid():
        return "Slurm's daemons are started by root alone"
    if CONFIGURED.exists():
        return f"{CONFIGURED} is there: a Slurm of somebody else's"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "no snakemake-executor-plugin-slurm: pip install 'almostnothing[cluster]'"
    return ""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A running Slurm."""
    if reason := lacking():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("slurm")
    environment = {**os.environ, "SLURMCTLD_PORT": "27817", "SLURMD_PORT": "27818"}
    started = subprocess.run([HERE / "start.sh", folder], env=environment, capture_output=True, text=True, check=False)
    if started.returncode:
        pytest.skip(f"Slurm does not start here: {started.stderr.strip().splitlines()[-1]}")
    try:
        yield
    finally:
        subprocess.run([HERE / "stop.sh", folder], check=True)


def two_pages_and_one(folder: Path) -> Project:
    """A copy of the project whose set `tiny` has two pages that train, and one that is to fail."""
    folder.mkdir()
    project = copy_project(folder)
    for name in ("01_knee", "02_margin", STARVED):
        content = yaml.safe_load((ROOT / f"params/quick/{name}.yaml").read_text())
        if name == "01_knee":
            content["sweep"] = project_sweep(project) | {"steps": 20_000}
        elif name == "02_margin":
            small = {"train_size": 200, "width": 16, "depth": 2, "steps": 200, "seeds": [0, 1], "variations": []}
            content["sweep"] |= small | {"learning_rate": 0.01}
            content |= {"images": 20, "draws": 20, "test_strength": [0.1, 0.3, 0.5]}
        (folder / f"params/tiny/{name}.yaml").write_text(yaml.safe_dump(content))
    return project


def project_sweep(project: Project) -> dict[str, object]:
    """The sweep of 01_knee in `tiny`."""
    return yaml.safe_load((project.root / "params/tiny/01_knee.yaml").read_text())["sweep"]


def processes(words: str, folder: Path) -> list[int]:
    """The processes at work in `folder` whose command line holds `words`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if words in line and line.split()[0].endswith("python") and (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
        except OSError:  # it has ended
            continue
    return found


class Faults:
    """What is done to jobs while they run, each once."""

    def __init__(self, project: Project) -> None:
        self.root, self.done = project.root, set[str]()

    def commit(self) -> None:
        """Do what can be done now."""
        for name, fault in (("cancel", self.cancel), ("stop", self.stop), ("kill", self.kill)):
            if name not in self.done and fault():
                self.done.add(name)

    def cancel(self) -> bool:
        """Cancel the job that trains 01_knee, when it has networks in the store and is not done."""
        running = processes("almostnothing train params/tiny/01_knee.yaml", self.root)
        if not running or len(list(self.root.glob("results/cells/*/*/result.json"))) < 2:
            return False
        jobs = subprocess.run(["squeue", "-h", "-o", "%i %k"], capture_output=True, text=True, check=True).stdout
        plans = [json.loads(path.read_text()) for path in self.root.glob("results/plans/handed_on/*.json")]
        files = {name: job["parameter_file"] for plan in plans for name, job in plan["jobs"].items()}
        for number, comment in (line.split(None, 1) for line in jobs.splitlines()):
            if files.get(comment.rpartition("_")[2].strip()) == "params/tiny/01_knee.yaml":
                return subprocess.run(["scancel", number], check=False).returncode == 0
        return False

    def stop(self) -> bool:
        """Stop the process that trains 02_margin, so that its job passes its time limit."""
        running = processes("almostnothing train params/tiny/02_margin.yaml", self.root)
        for process in running:
            os.kill(process, signal.SIGSTOP)
        return bool(running)

    def kill(self) -> bool:
        """Kill the first kernel of a notebook."""
        running = processes("ipykernel_launcher", self.root)
        for process in running[:1]:
            os.kill(process, signal.SIGKILL)
        return bool(running)


@pytest.fixture(scope="module")
def run(slurm: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, int, Faults]:
    """A run on the cluster under all faults: the project with what was printed, the exit status, the faults."""
    project = two_pages_and_one(tmp_path_factory.mktemp("cluster") / "project")
    faults = Faults(project)
    environment = {**os.environ, "PYTHONPATH": f"{project.root / 'src'}:{os.environ.get('PYTHONPATH', '')}"}
    log = project.root / "printed.txt"
    with log.open("w") as printed:
        job = subprocess.Popen(
            ["snakemake", *OPTIONS], cwd=project.root, env=environment, stdout=printed, stderr=subprocess.STDOUT
        )
        start = time.monotonic()
        while job.poll() is None and time.monotonic() - start < PATIENCE:
            faults.commit()
            time.sleep(0.2)
        if job.poll() is None:
            job.kill()
            job.wait()
    project.printed = log.read_text()
    return project, job.returncode, faults


def failures(printed: str) -> dict[str, int]:
    """How many jobs ended in each of Slurm's states of failure, by what Snakemake said of them in a sentence."""
    pattern = (
        r"^almostnothing: .* failed: SLURM-job '\d+' failed, SLURM status is: '(\w+)'( as it exceeded memory limit)?;"
    )
    found = ["greedy" if greedy else state for state, greedy in re.findall(pattern, printed, re.M)]
    return {state: found.count(state) for state in set(found)}


def test_failed_jobs_are_told_in_a_sentence_and_tried_again(run):
    project, code, faults = run
    assert faults.done == {"cancel", "stop", "kill"}, project.printed
    found = failures(project.printed)
    assert found == {"CANCELLED": 1, "TIMEOUT": 1, "greedy": 3, "FAILED": 1}, project.printed
    assert "Trying to restart job" in project.printed
    assert code == 1
    assert "Traceback" not in project.printed


def test_the_rest_of_the_dag_goes_on_and_nothing_half_made_counts(run):
    project, _, _ = run
    made = sorted(path.name for path in (project.root / "figures/tiny").iterdir())
    suffixes = ("csv", "ipynb", "json", "pdf", "png", "sha256", "svg")
    assert made == [f"{page}.{suffix}" for page in ("01_knee", "02_margin") for suffix in suffixes]
    assert project.jobs() == {"table": 1, "figure": 1}  # those of the page that was starved


def test_tables_are_those_of_this_machine(run, tmp_path):
    project, _, _ = run
    here = two_pages_and_one(tmp_path / "project")
    (here.root / f"params/tiny/{STARVED}.yaml").unlink()
    here.make()
    for page in ("01_knee", "02_margin"):
        table = Path("figures/tiny") / f"{page}.csv"
        assert (project.root / table).read_bytes() == (here.root / table).read_bytes()
