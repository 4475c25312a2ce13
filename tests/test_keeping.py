"""The store says what it holds and for whom, and loses only what nobody wants."""

import os
import shutil
from pathlib import Path

import pytest
from conftest import copy_project

from almostnothing import keeping, keys, running
from almostnothing.errors import UserError
from almostnothing.freshness import Page


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A project whose store holds a network that a page wants, one that none does, and one that is being written."""
    project = copy_project(tmp_path)
    for other in ("full", "imagenet", "paper", "quick"):
        shutil.rmtree(project.root / "params" / other)
    monkeypatch.chdir(project.root)
    name = keys.key(Page("01_knee", "tiny").cells[0])
    folders = [Path("results/cells") / key[:2] / key for key in (name, "0" * 20)]
    for folder in (*folders, folders[0].with_name(".half.1")):
        folder.mkdir(parents=True)
        (folder / "result.json").write_text("x" * 2**20)
    return folders[0], folders[1]


def test_only_what_no_page_wants_is_removed_when_asked(stored):
    wanted, unwanted = stored
    said = list(keeping.holdings())
    assert said[:3] == [
        "results/cells: 2 networks, 2.0 MiB",
        "  no page: 1 networks, 1.0 MiB",
        "  tiny/01_knee: 1 networks, 1.0 MiB",
    ]
    assert unwanted.is_dir()
    assert "Removed the 1" in list(keeping.holdings(remove=True))[-1]
    assert wanted.is_dir()
    assert not unwanted.exists()


def test_nothing_is_removed_while_a_run_is_alive_or_a_set_is_wrong(stored):
    _, unwanted = stored
    with running.turn("training", "a shard"), pytest.raises(UserError, match=f"process {os.getpid()} on .* is at work"):
        list(keeping.holdings(remove=True))
    running.check_nobody()
    Path("params/tiny/01_knee.yaml").write_text("sweep: 3\n")
    with pytest.raises(UserError, match="params/tiny/01_knee.yaml"):
        list(keeping.holdings(remove=True))
    assert unwanted.is_dir()
