"""Killed at any moment, a run that is started again ends with the same bytes, and nothing half made is left."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Project

from almostnothing.files import sweep
from failures import works
from failures.children import KILLED, Ended, content, leftovers, run
from failures.conftest import AGAIN

pytestmark = pytest.mark.failures


def finished(folder: Path, dice: random.Random, most: int, latest: int, work: Callable[..., None], *given: Any) -> int:
    """Start some work, kill it at a change of the disk that is drawn, start it again, until it ends: how many kills."""
    for kills in range(most):
        ended = run(folder, work, *given, kill_at=dice.randint(1, latest))
        if ended.code != KILLED:
            ended.whole()
            return kills
    run(folder, work, *given).whole()
    return most


@pytest.mark.parametrize(("kind", "seed", "most"), [("STACKED", 0, 9), ("STACKED", 1, 9), ("ALONE", 0, 5)])
def test_training(tmp_path, counts, kind, seed, most):
    sweep_of = getattr(works, kind)
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    for folder in (calm, rough):
        folder.mkdir()
    changes = run(calm, works.train, sweep_of).whole().changes
    kills = finished(rough, random.Random(seed), most, changes // 4, works.train, sweep_of)
    assert kills > 1
    counts["kills while training"] += kills
    sweep([*(rough / "cells").glob("??"), rough / "results/checkpoints"])
    assert content(rough) == content(calm) != {}
    assert leftovers(rough) == []


def test_training_at_random_times(tmp_path, counts):
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    for folder in (calm, rough):
        folder.mkdir()
    run(calm, works.train, works.STACKED).whole()
    dice, kills = random.Random(1), 0
    while (ended := run(rough, works.train, works.STACKED, after=dice.uniform(0.02, 0.5))).code == KILLED:
        kills += 1
        assert kills < 60
    ended.whole()
    assert kills > 0
    counts["kills while training"] += kills
    assert content(rough, "cells/**/*") == content(calm, "cells/**/*")


def at_each(project: Project, dice: random.Random, count: int, work: Callable[..., None], *given: Any) -> list[Ended]:
    """The same work killed at changes of the disk that are drawn without repetition, once each."""
    whole = run(project.root, work, *given).whole()
    assert whole.changes > 0
    moments = sorted(dice.sample(range(1, whole.changes + 1), min(count, whole.changes)))
    return [run(project.root, work, *given, kill_at=moment) for moment in moments]


def test_writing_a_cell(tmp_path, counts):
    trained = tmp_path / "trained"
    trained.mkdir()
    run(trained, works.train, works.STACKED).whole()
    calm = tmp_path / "calm"
    calm.mkdir()
    changes = run(calm, works.put, works.STACKED, "../trained/cells").whole().changes
    wanted = content(calm)
    for kill_at in random.Random(2).sample(range(1, changes + 1), 12):
        rough = tmp_path / f"rough-{kill_at}"
        rough.mkdir()
        assert run(rough, works.put, works.STACKED, "../trained/cells", kill_at=kill_at).code == KILLED
        counts["kills while writing a cell"] += 1
        for name, there in content(rough).items():  # whatever is there is whole
            assert there == wanted[name] or name.endswith("result.json")
        run(rough, works.put, works.STACKED, "../trained/cells").whole()
        sweep([*(rough / "cells").glob("??")])
        assert content(rough) == wanted
        assert leftovers(rough) == []


def test_writing_a_table(project, counts):
    words = ("table", "params/tiny/01_knee.yaml")
    wanted = content(project.root, "figures/tiny/*")
    for ended in at_each(project, random.Random(3), 8, works.verb, *words):
        assert ended.code == KILLED
        counts["kills while writing a table"] += 1
        assert content(project.root, "figures/tiny/*") == wanted
        run(project.root, works.plan).whole()
    run(project.root, works.verb, *words).whole()
    assert content(project.root, "figures/tiny/*") == wanted


def test_writing_a_page(project, counts):
    given = ("01_knee", "figures", str(project.root.parent / "executed/01_knee"))
    wanted = content(project.root, "figures/tiny/*")
    run(project.root, works.verb, "table", "params/tiny/01_knee.yaml").whole()
    for ended in at_each(project, random.Random(4), 12, works.drawn, *given):
        assert ended.code == KILLED
        counts["kills while writing a page"] += 1
        for name, there in content(project.root, "figures/tiny/01_knee.*").items():
            assert there == wanted[name]
            (project.root / name).unlink()  # so that the next one writes it
        shutil.copy(project.root / AGAIN / "tiny/01_knee.csv", project.root / "figures/tiny")
    assert run(project.root, works.plan).whole().said.strip() == '{"01_knee": ["table", "figure"]}'
    run(project.root, works.verb, "table", "params/tiny/01_knee.yaml").whole()
    run(project.root, works.drawn, *given).whole()
    assert run(project.root, works.plan).whole().said.strip() == "{}"
    assert content(project.root, "figures/tiny/*") == wanted
    assert leftovers(project.root) == []


def test_writing_a_report(project, counts):
    whole = run(project.root, works.verb, "reproduce", "tiny").whole()
    assert "| 01_knee | yes |" in whole.said
    wanted = content(project.root, AGAIN + "/tiny/report.*")
    assert len(wanted) == 3
    for kill_at in range(1, 60, 3):
        for path in (project.root / AGAIN / "tiny").glob("report.*"):
            path.unlink()
        ended = run(project.root, works.verb, "reproduce", "tiny", kill_at=kill_at)
        if ended.code != KILLED:
            break
        counts["kills while writing a report"] += 1
        run(project.root, works.verb, "reproduce", "tiny").whole()
        assert content(project.root, AGAIN + "/tiny/report.*") == wanted
    run(project.root, works.plan, AGAIN).whole()
    assert leftovers(project.root) == []
