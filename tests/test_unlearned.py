"""Every page of whose networks none learned is made all the same, and says "not measured"."""

import json
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from almostnothing import tables
from almostnothing.health import DEAD, DIVERGED, STATUSES
from almostnothing.pages import notebook_of

ROOT = Path(__file__).resolve().parent.parent
# claims whose statistic is how many networks are dead, or has no network in it though it is of the same rows
OTHERS = ("18_effective_dimension.trainable", "05_survival.theory-ncm")


def trained_pages() -> list[str]:
    """The pages of the quick set whose tables have networks with a status."""
    heads = {path.stem: path.open().readline() for path in sorted((ROOT / "figures/quick").glob("[0-9]*.csv"))}
    return [name for name, head in heads.items() if "status" in head.strip().split(",")]


def unlearned(table: pd.DataFrame) -> pd.DataFrame:
    """The table as if of each two networks one had died, at chance, and one diverged, its numbers being none."""
    by = [name for name in (*tables.AXES, *tables.MODELS, *tables.OWN_AXES) if name in table]
    even = table.groupby(by, dropna=False, sort=False).ngroup() % 2 == 0
    trained = table["status"].isin(STATUSES)
    changed = table.assign(status=table["status"].mask(trained, np.where(even, DEAD, DIVERGED)))
    for name in ("accuracy", "agreement", "loss", "smallest", "difference"):
        if name in table:
            changed[name] = table[name].mask(trained & ~even)
    if "accuracy" in table:
        changed["accuracy"] = changed["accuracy"].mask(trained & even, 0.1)
    if "exact" in table:
        changed["exact"] = table["exact"].where(table["exact"].isna(), False)
    return changed


@pytest.mark.failures
@pytest.mark.parametrize("name", trained_pages())
def test_a_page_without_networks_that_learned_says_not_measured(name, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MPLBACKEND", "agg")
    (tmp_path / "quick").mkdir()
    table = unlearned(tables.each_test(pd.read_csv(f"figures/quick/{name}.csv", low_memory=False)))
    table.to_csv(tmp_path / f"quick/{name}.csv", index=False)
    space: dict[str, object] = {}
    for cell in jupytext.read(f"notebooks/{notebook_of(name)}.py").cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, name, "exec"), space)
        if "parameters" in cell.metadata.get("tags", []):
            space |= {"folder": str(tmp_path), "output": str(tmp_path)}
    plt.close("all")
    for suffix in ("svg", "pdf", "png"):
        assert (tmp_path / f"{name}.{suffix}").stat().st_size > 1000
    claims = json.loads((tmp_path / f"{name}.json").read_text())["claims"]
    cases = [(claim["id"], case) for claim in claims for case in claim["cases"] if claim["id"] not in OTHERS]
    asked = [(of, case) for of, case in cases if case["networks"] or case["left_out"]]
    assert asked
    assert [(of, case) for of, case in asked if case["verdict"] != "not measured"] == []
