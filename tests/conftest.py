"""A small cell, and copies of the project to work on; workers use one thread each."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import yaml

from almostnothing.cells import Cell
from almostnothing.parameters.sweep import Sweep
from almostnothing.store import Store

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parent.parent
PARTS = ("src", "notebooks", "params", "profiles", "docs", "Snakefile", "README.md", "equivalents.json")
TINY = {
    "train_size": [20, 40],
    "strength": [0, 0.3, 0.6, 0.9, 0.99],
    "width": [4, 8],
    "steps": [60],
    "test_draws": 1,
    "seeds": [0, 1],
    "validation": 0,
    "early_stopping": False,
    "variations": [],
}


@pytest.fixture(scope="module")
def keep(tmp_path_factory) -> Store:
    """An empty store of networks."""
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def cell() -> Cell:
    """A small cell; vary it with `dataclasses.replace`."""
    sweep = Sweep(
        dataset="digits",
        train_size=100,
        strength=0.5,
        training_corruption="fixed",
        width=16,
        depth=3,
        learning_rate=3e-3,
        batch_size=32,
        steps=40,
        test_draws=2,
        seeds=0,
    )
    return sweep.cells()[0]


PLANNED = """
import json
from collections import Counter
from pathlib import Path
from almostnothing import planning
plan = planning.plan("tiny", Path("figures"))
counts = Counter(part for parts in plan.stale.values() for part in parts) + Counter(train=len(plan.jobs))
print(json.dumps(counts))
"""


@dataclass
class Project:
    """A copy of the project in a folder of its own, with a parameter set `tiny`."""

    root: Path
    printed: str = ""

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy, on the copy's own library."""
        environment = {**os.environ, "PYTHONPATH": str(self.root / "src"), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(words, cwd=self.root, env=environment, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def jobs(self) -> dict[str, int]:
        """How many jobs of each rule are planned now."""
        return json.loads(self.run("python", "-c", PLANNED).stdout)

    def snakemake_jobs(self, *words: str) -> dict[str, int]:
        """How many jobs of each rule snakemake would run now: what is planned, as long as it reads the times right."""
        lines = self.run("snakemake", "-n", "--config", "params=tiny", *words).stdout.splitlines()
        start = next((i for i, line in enumerate(lines) if line.startswith("job ")), None)
        if start is None:
            assert any("Nothing to be done" in line for line in lines), "\n".join(lines)
            return {}
        table = [line.split() for line in lines[start + 2 :]]
        rows = table[: next(i for i, row in enumerate(table) if row[:1] == ["total"])]
        return {rule: int(count) for rule, count in rows if rule != "all"}

    def make(self) -> str:
        """Bring the figures of the tiny set up to date and return what was printed."""
        done = self.run("snakemake", "--config", "params=tiny")
        return done.stdout + done.stderr

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that must stand in a file once."""
        file = self.root / path
        text = file.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
        file.write_text(text.replace(old, new))


def copy_project(target: Path) -> Project:
    """The project without results, figures and history, with the tiny set."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
        elif source.exists():
            shutil.copy(source, target / part)
    content = yaml.safe_load((ROOT / "params/quick/01_knee.yaml").read_text())
    content["sweep"] |= TINY | {"learning_rate": 0.01}
    (target / "params/tiny").mkdir()
    (target / "params/tiny/01_knee.yaml").write_text(yaml.safe_dump(content))
    return Project(target)
