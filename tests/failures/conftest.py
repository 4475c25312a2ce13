"""A project whose tiny pages were made once, a fork server, and counts that are printed at the end."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, Project, copy_project

from almostnothing import compiling
from failures import works
from failures.children import FORKS, run

PAGES = ("01_knee", "02_margin")
AGAIN = "results/reproduced"


@pytest.fixture(scope="session", autouse=True)
def server(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The process that all others are forked from; caches of its own, with what was compiled before."""
    cache = tmp_path_factory.mktemp("cache")
    shutil.copytree(compiling.folder(), cache / "almostnothing", ignore=shutil.ignore_patterns("arrays", "facts"))
    path = f"{ROOT / 'src'}:{ROOT / 'tests'}"  # the server finds what it preloads, or does without and says nothing
    os.environ |= {"FAILURES_WARM": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": path, "XDG_CACHE_HOME": str(cache)}
    os.environ.pop("ALMOSTNOTHING_DATA", None)
    os.chdir(ROOT)
    FORKS.set_forkserver_preload(["failures.works"])


@pytest.fixture
def counts(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """What a test has survived, for the line at the end."""
    found: Counter[str] = Counter()
    yield found
    request.node.user_properties.extend(found.items())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [one for one in terminalreporter.stats.get("", []) if one.when == "teardown"]
    found: Counter[str] = Counter()
    for what, count in (pair for one in reports for pair in one.user_properties):
        found[what] += count
    terminalreporter.write_line("survived: " + ", ".join(f"{count} {what}" for what, count in sorted(found.items())))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, server: None) -> Project:
    """A project with two tiny pages, one collected and one measured, in figures and again in results/reproduced."""
    project = copy_project(tmp_path_factory.mktemp("failures") / "made")
    margin = yaml.safe_load((ROOT / "params/quick/02_margin.yaml").read_text())
    margin |= {"images": 20, "draws": 20}
    margin["sweep"] |= {"train_size": 40, "width": 32, "steps": 2000, "learning_rate": 0.01, "seeds": [0, 1]}
    (project.root / "params/tiny/02_margin.yaml").write_text(yaml.safe_dump(margin))
    for name in PAGES:
        for into in ("figures", AGAIN):
            file = f"params/tiny/{name}.yaml"
            for words in (["train", file], ["table", file, "--into", into]):
                run(project.root, works.verb, *words).whole()
            executed = project.root.parent / f"executed/{name}"
            if not executed.exists():
                run(project.root, works.verb, "figure", file).whole()
                shutil.copytree(project.root / "results/figures/figures/tiny", executed)
            else:
                run(project.root, works.drawn, name, into, str(executed)).whole()
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    """A copy of it to damage."""
    shutil.copytree(made.root, tmp_path / "project", symlinks=True)
    shutil.copytree(made.root.parent / "executed", tmp_path / "executed")
    return Project(tmp_path / "project")
