"""A full disk, a folder that cannot be written, a clock set back: a sentence that names the file, and nothing lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from failures import works
from failures.children import content, run

pytestmark = pytest.mark.failures
NO_ROOM = "No space left on device"


@pytest.mark.parametrize("kind", ["STACKED", "ALONE"])
def test_full_for_checkpoints_training_goes_on(tmp_path, counts, kind):
    sweep = getattr(works, kind)
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    for folder in (calm, rough):
        folder.mkdir()
    run(calm, works.train, sweep).whole()
    ended = run(rough, works.train, sweep, full_at=1, full_for=1).whole()
    [said] = [line for line in ended.said.splitlines() if line.startswith("no checkpoint: ")]
    assert f"results/checkpoints/{works.shard_of(sweep).key}.sealed cannot be written ({NO_ROOM})" in said
    assert content(rough) == content(calm)
    counts["full disks"] += 1


def test_full_for_networks_nothing_that_is_there_is_lost(tmp_path, counts):
    calm = tmp_path / "calm"
    calm.mkdir()
    run(calm, works.train, works.STACKED).whole()
    for full_at in random.Random(6).sample(range(1, 19), 4):
        rough = tmp_path / f"rough-{full_at}"
        rough.mkdir()
        said = run(rough, works.train, works.STACKED, full_at=full_at).sentence()
        assert "almostnothing: cells/" in said
        assert f"cannot be written ({NO_ROOM})" in said
        there = content(rough, "cells/**/*")
        assert there.items() <= content(calm).items()
        run(rough, works.train, works.STACKED).whole()
        assert content(rough) == content(calm)
        counts["full disks"] += 1


def test_full_for_a_table_a_page_a_plan_a_report(project, counts):
    executed = str(project.root.parent / "executed/01_knee")
    wanted = content(project.root, "figures/tiny/*")
    for full_at in (1, 2):
        said = run(project.root, works.verb, "table", "params/tiny/01_knee.yaml", full_at=full_at).sentence()
        assert f"cannot be written ({NO_ROOM})" in said
        counts["full disks"] += 1
    run(project.root, works.verb, "table", "params/tiny/01_knee.yaml").whole()
    for full_at in range(1, 6):
        said = run(project.root, works.drawn, "01_knee", "figures", executed, full_at=full_at).sentence()
        assert f"figures/tiny/01_knee.{('ipynb', 'svg', 'pdf', 'png', 'json')[full_at - 1]} cannot be written" in said
        counts["full disks"] += 1
    run(project.root, works.drawn, "01_knee", "figures", executed).whole()
    (project.root / "params/tiny/01_knee.yaml").touch()
    for path in (project.root / "results/keys/figures/tiny").glob("*"):
        path.unlink()
    assert "results/keys/figures/tiny/" in run(project.root, works.plan, full_at=1).sentence()
    assert run(project.root, works.plan).whole().said.strip() == "{}"
    said = run(project.root, works.verb, "reproduce", "tiny", full_at=6).sentence()
    assert NO_ROOM in said
    run(project.root, works.verb, "reproduce", "tiny").whole()
    counts["full disks"] += 2
    assert content(project.root, "figures/tiny/*") == wanted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a small disk needs more rights than this user has")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk, tmp_path, counts):
    calm, rough = tmp_path / "calm", small_disk / "rough"
    for folder in (calm, rough):
        folder.mkdir()
    run(calm, works.train, works.STACKED).whole()
    filler = small_disk / "filler"
    filler.write_bytes(bytes(512 * 1024 - sum(len(one) for one in content(calm).values()) // 2 - 40_000))
    said = run(rough, works.train, works.STACKED).sentence()
    assert f"cannot be written ({NO_ROOM})" in said
    counts["full disks"] += 1
    filler.unlink()
    run(rough, works.train, works.STACKED).whole()
    assert content(rough) == content(calm)


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder that can be read alone: root may write into any that is not mounted so."""
    place = tmp_path / "locked"
    place.mkdir()
    if os.geteuid():
        place.chmod(0o555)
        yield place
        place.chmod(0o755)
        return
    for words in (["--bind", str(place), str(place)], ["-o", "remount,ro,bind", str(place)]):
        if subprocess.run(["mount", *words], capture_output=True).returncode:
            pytest.skip("root may write into any folder, and mounting one read-only is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_folders_that_cannot_be_written(project, locked, counts):
    wanted = content(project.root, "figures/tiny/*")
    for name, words in (
        ("results/cells", ("train", "params/tiny/01_knee.yaml")),
        ("figures/tiny", ("table", "params/tiny/01_knee.yaml")),
        ("results/reproduced/tiny", ("reproduce", "tiny")),
        ("results/figures", ("figure", "params/tiny/01_knee.yaml")),
    ):
        there = project.root / name
        there.rename(there.with_name("aside"))
        there.symlink_to(locked)
        said = run(project.root, works.verb, *words).sentence()
        assert "cannot be written" in said or "Read-only file system" in said or "Permission denied" in said
        assert name in said or str(locked) in said or there.parent.name in said
        there.unlink()
        there.with_name("aside").rename(there)
        counts["read-only folders"] += 1
    assert content(project.root, "figures/tiny/*") == wanted
    assert run(project.root, works.plan).whole().said.strip() == "{}"


def test_a_clock_that_was_set_back(project, counts):
    """All that is there lies in the future; digests decide."""
    future = 2_100_000_000
    for path in project.root.rglob("*"):
        os.utime(path, (future, future))
    wanted = content(project.root, "figures/tiny/*")
    assert run(project.root, works.plan).whole().said.strip() == "{}"
    (project.root / "figures/tiny/02_margin.csv").unlink()
    assert json.loads(run(project.root, works.plan).whole().said) == {"02_margin": ["table", "figure"]}
    run(project.root, works.verb, "table", "params/tiny/02_margin.yaml").whole()
    assert content(project.root, "figures/tiny/*") == wanted
    counts["clocks set back"] += 1
