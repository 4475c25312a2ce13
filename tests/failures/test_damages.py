"""Damaged files are named in one sentence, dropped and made again: afterwards everything is as it was, to the bit."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Project

from failures import works
from failures.children import KILLED, content, run
from failures.conftest import AGAIN

pytestmark = pytest.mark.failures


def truncated(path: Path, dice: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path, dice: random.Random) -> None:
    path.write_bytes(b"")


def flipped(path: Path, dice: random.Random) -> None:
    whole = bytearray(path.read_bytes())
    whole[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
    path.write_bytes(whole)


def low_bit(path: Path, dice: random.Random) -> None:
    """Of a last number, or a last letter."""
    whole = bytearray(path.read_bytes())
    whole[-4] ^= 1
    path.write_bytes(whole)


def digit(path: Path, dice: random.Random) -> None:
    """Another digit in a number of the results."""
    found = dice.choice(list(re.finditer(r'"(?:correct|loss)": [\d.]*(\d)', path.read_text())))
    text = path.read_text()
    path.write_text(text[: found.end() - 1] + str((int(found[1]) + 1) % 10) + text[found.end() :])


def another(path: Path, dice: random.Random) -> None:
    """Sound JSON of another structure."""
    path.write_text('{"rows": {"0": 1}}')


def listed(path: Path, dice: random.Random) -> None:
    path.write_text("[1, 2]")


def folder(path: Path, dice: random.Random) -> None:
    """A folder in a file's place."""
    path.unlink()
    path.mkdir()
    (path / "file").write_text("x")


def deleted(path: Path, dice: random.Random) -> None:
    path.unlink()


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (truncated, emptied, flipped, low_bit, listed, folder)


@pytest.fixture
def dice() -> random.Random:
    return random.Random(5)


@pytest.mark.parametrize("kind", ["STACKED", "ALONE"])
def test_a_checkpoint(tmp_path, counts, dice, kind):
    sweep = getattr(works, kind)
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    for each in (calm, killed):
        each.mkdir()
    changes = run(calm, works.train, sweep).whole().changes
    assert run(killed, works.train, sweep, kill_at=changes // 2).code == KILLED
    for damage in (*DAMAGES, deleted):
        rough = tmp_path / f"{kind}-{damage.__name__}"
        shutil.copytree(killed, rough)
        [path] = (rough / "results/checkpoints").glob("[!.]*")
        damage(path, dice)
        ended = run(rough, works.train, sweep).whole()
        assert (f"{path.relative_to(rough)} is damaged (" in ended.said) == (damage is not deleted), ended.said
        assert content(rough, "cells/**/*") == content(calm, "cells/**/*")
        counts["damages"] += 1


@pytest.mark.parametrize(
    ("file", "damages"),
    [
        ("result.json", (*DAMAGES, digit, another, deleted)),
        ("network.safetensors", (*DAMAGES, deleted)),
    ],
)
def test_a_trained_network(project, counts, dice, file, damages):
    """Of both pages' tables only that which measures networks needs their weights."""
    page = "params/tiny/02_margin.yaml"
    tables = content(project.root, "figures/tiny/*.csv")
    store = content(project.root, "results/cells/**/*")
    used = re.findall(r"[0-9a-f]{20}", run(project.root, works.keys_of, "02_margin").whole().said)
    for damage in damages:
        name = dice.choice(used)
        path = project.root / "results/cells" / name[:2] / name / file
        damage(path, dice)
        ended = run(project.root, works.verb, "table", page).whole()
        said = f"{path.parent.relative_to(project.root)} is damaged ({file}:"
        silent = damage is deleted and file == "result.json"  # nobody can know that it was there
        assert (said in ended.said) == (not silent), (damage, ended.said)
        assert content(project.root, "figures/tiny/*.csv") == tables
        assert content(project.root, "results/cells/**/*") == store
        counts["damages"] += 1


def test_logits(tmp_path, counts, dice):
    """The library reads none, so what is in them is not looked at; `result.json` has their checksums for who does."""
    run(tmp_path, works.train, works.STACKED).whole()
    run(tmp_path, works.logits, works.STACKED).whole()  # from stored weights, as those that are lost will be
    wanted = content(tmp_path)
    for damage in (folder, deleted):
        damage(dice.choice(sorted(tmp_path.glob("cells/*/*/logits.safetensors"))), dice)
        run(tmp_path, works.logits, works.STACKED).whole()
        assert content(tmp_path) == wanted, damage
        counts["damages"] += 1


def test_cached_arrays(tmp_path, counts, dice):
    run(tmp_path, works.train, works.STACKED).whole()
    wanted = content(tmp_path)
    for damage in (*DAMAGES, deleted):  # a flip may fall on what is no array: a time, a name in a list of names
        [path] = Path(os.environ["XDG_CACHE_HOME"]).glob("almostnothing/arrays/digits-*.npz")
        damage(path, dice)
        shutil.rmtree(tmp_path / "cells")
        ended = run(tmp_path, works.train, works.STACKED).whole()
        assert damage in (deleted, flipped) or f"{path} is damaged (" in ended.said, (damage, ended.said)
        assert content(tmp_path) == wanted, damage
        counts["damages"] += 1


def test_remembered_facts_of_own_data(tmp_path, counts, dice):
    x = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    y = np.arange(60) % 3
    np.savez(tmp_path / "mine.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])

    def known() -> tuple[str, dict]:
        lines = run(tmp_path, works.facts, "npz:mine.npz").whole().said.splitlines()
        return "\n".join(lines), json.loads(lines[-1])

    _, wanted = known()
    [path] = Path(os.environ["XDG_CACHE_HOME"]).glob("almostnothing/facts/*")
    whole = path.read_bytes()
    for damage in (*DAMAGES, deleted):
        damage(path, dice)
        said, found = known()
        assert (f"{path} is damaged (" in said) == (damage is not deleted)
        assert found == wanted
        assert path.read_bytes() == whole
        counts["damages"] += 1


def test_a_compiled_library(tmp_path, counts, dice):
    """Small ones: what is compiled says how many it has been asked to count to."""
    run(tmp_path, works.count).whole()
    home = Path(os.environ["XDG_CACHE_HOME"]) / "almostnothing"
    newest = max(home.glob("*.so"), key=lambda path: path.stat().st_mtime_ns)
    for suffix in (".so", ".sealed"):
        for damage in (*DAMAGES, deleted):
            path = newest.with_suffix(suffix)
            damage(path, dice)
            ended = run(tmp_path, works.count).whole()
            assert "seven" in ended.said
            assert (f"{path} is damaged (" in ended.said) == (damage is not deleted), (suffix, damage, ended.said)
            counts["damages"] += 1


def test_a_plan(project, counts, dice):
    for into in ("figures", AGAIN):
        run(project.root, works.plan, into).whole()
    wanted = content(project.root, "results/plans/*")
    for number, damage in enumerate((*DAMAGES, deleted)):
        path = sorted((project.root / "results/plans").glob("*.sealed"))[number % 2]
        damage(path, dice)
        for into in ("figures", AGAIN):
            assert run(project.root, works.plan, into).whole().said.strip().splitlines()[-1] == "{}"
        assert content(project.root, "results/plans/*") == wanted
        counts["damages"] += 1


def test_a_key_file(project, counts, dice):
    """It is written whenever it does not say what it should; with a folder in its place it is one sentence."""
    for into in ("figures", AGAIN):
        run(project.root, works.plan, into).whole()
    keys = content(project.root, "results/keys/**/*")
    path = project.root / "results/keys/figures/tiny/01_knee.table"
    for damage in (truncated, emptied, flipped, listed, deleted):
        damage(path, dice)
        assert run(project.root, works.plan).whole().said.strip() == "{}"
        assert content(project.root, "results/keys/**/*") == keys
        counts["damages"] += 1


def test_a_table_that_no_record_names_yet(project, counts, dice):
    """Between a table and its figure: a wrong number would be published, so it stops, and makes it again when asked."""
    wanted = content(project.root, "figures/tiny/*")
    figure = ("01_knee", "figures", str(project.root.parent / "executed/01_knee"))
    path = project.root / "figures/tiny/01_knee.csv"
    for damage in (truncated, emptied, flipped, low_bit):
        run(project.root, works.verb, "table", "params/tiny/01_knee.yaml").whole()
        damage(path, dice)
        said = run(project.root, works.drawn, *figure).sentence()
        assert "figures/tiny/01_knee.csv was damaged and is dropped" in said
        assert not path.exists()
        run(project.root, works.verb, "table", "params/tiny/01_knee.yaml").whole()
        run(project.root, works.drawn, *figure).whole()
        assert content(project.root, "figures/tiny/*") == wanted
        counts["damages"] += 1


def test_a_published_table(project, counts, dice):
    wanted = content(project.root, "figures/tiny/*")
    path = project.root / "figures/tiny/01_knee.csv"
    for damage in (truncated, emptied, flipped, low_bit, deleted):
        damage(path, dice)
        assert json.loads(run(project.root, works.plan).whole().said)["01_knee"] == ["table", "figure"]
        run(project.root, works.verb, "table", "params/tiny/01_knee.yaml").whole()
        assert content(project.root, "figures/tiny/*") == wanted
        counts["damages"] += 1


def test_a_report(project, counts, dice):
    run(project.root, works.verb, "reproduce", "tiny").whole()
    wanted = content(project.root, AGAIN + "/tiny/report.*")
    for name in ("report.md", "report.sealed"):
        for damage in (truncated, emptied, flipped, deleted):
            damage(project.root / AGAIN / "tiny" / name, dice)
            ended = run(project.root, works.verb, "reproduce", "tiny").whole()
            assert "| 01_knee | yes |" in ended.said
            assert content(project.root, AGAIN + "/tiny/report.*") == wanted
            counts["damages"] += 1


def test_records_from_before_there_were_checksums(project: Project):
    """They are read as they are, to the same tables; half a file is still noticed."""
    tables = content(project.root, "figures/tiny/*.csv")
    for path in (project.root / "results/cells").glob("*/*/result.json"):
        record = json.loads(path.read_text())
        del record["checksums"]
        path.write_text(json.dumps(record, indent=1) + "\n")
    for name in ("01_knee", "02_margin"):
        ended = run(project.root, works.verb, "table", f"params/tiny/{name}.yaml").whole()
        assert "damaged" not in ended.said
    assert content(project.root, "figures/tiny/*.csv") == tables
    used = re.findall(r"[0-9a-f]{20}", run(project.root, works.keys_of, "02_margin").whole().said)
    for name, file in zip(used, ("result.json", "network.safetensors"), strict=False):
        path = project.root / "results/cells" / name[:2] / name / file
        path.write_bytes(path.read_bytes()[:-40])
    ended = run(project.root, works.verb, "table", "params/tiny/02_margin.yaml").whole()
    assert ended.said.count("is damaged (") == 2
    assert content(project.root, "figures/tiny/*.csv") == tables
