"""What a process under test does; the process is forked from one that has imported all of this (see `children`)."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
import torch

from almostnothing import __main__ as verbs
from almostnothing import code, keys, native, planning, publishing, residual, sizes, solo, sweeps, training
from almostnothing.cells import Cell
from almostnothing.data import lookup
from almostnothing.freshness import Page
from almostnothing.parameters.page import Compute
from almostnothing.parameters.sweep import Sweep
from almostnothing.store import Store

__all__ = ["code", "residual"]  # that they are imported is the point
torch.set_num_threads(1)
STACKED = {
    "dataset": "digits",
    "train_size": [40],
    "strength": [0, 0.5],
    "training_corruption": "fresh",
    "width": [8],
    "depth": [2],
    "batch_size": 32,
    "steps": [1500],
    "seeds": [0, 1],
    "test_draws": 1,
}
ALONE = {
    "dataset": "digits",
    "train_size": 60,
    "corruption": {"law": "lp", "norm": 2},
    "strength": 1.0,
    "training_corruption": "fresh",
    "family": "resnet9",
    "width": 2,
    "depth": 9,
    "optimiser": "sgd",
    "momentum": 0.9,
    "learning_rate": 0.05,
    "steps": 20,
    "batch_size": 30,
    "test_draws": 1,
    "seeds": [0],
}
PLACE = Path("cells")


def cells_of(sweep: dict[str, Any]) -> list[Cell]:
    """The cells of a sweep."""
    return Sweep.model_validate(sweep).cells()


def shard_of(sweep: dict[str, Any]) -> sweeps.Shard:
    """The one shard of a sweep."""
    [shard] = sweeps.plan(cells_of(sweep))
    return shard


def train(sweep: dict[str, Any], **compute: Any) -> None:
    """Train the cells of a sweep that `cells` lacks, with a checkpoint after each block of steps."""
    sizes.CPU_SLOTS = (1, 4)
    training.BLOCK_POSITIONS = solo.BLOCK_POSITIONS = 300 if "momentum" in sweep else 4096
    sweeps.train(shard_of(sweep), Store(PLACE), Compute(checkpoint_seconds=0.0, quiet=True, **compute), "job")


def put(sweep: dict[str, Any], there: str) -> None:
    """Put the cells of a sweep that another store holds into `cells`, with logits that are no one's."""
    trained, store = Store(Path(there)), Store(PLACE)
    for cell in cells_of(sweep):
        store.put(cell, trained.rows(cell), trained.weights(cell))
        store.put_logits(cell, {"clean": torch.arange(10.0)})


def logits(sweep: dict[str, Any]) -> None:
    """Train what lacks, and keep the logits of all; the networks' rows and logits are those of torch."""
    train(sweep, keep_logits=True)


def count() -> None:
    """Compile a small library, or load it, and ask it."""
    found = native.library('extern "C" int seven() { return 7; }')
    assert found is not None
    print({7: "seven"}[found.seven()])


def keys_of(name: str) -> None:
    """Print the keys of a tiny page's networks."""
    print(*map(keys.key, Page(name, "tiny").cells))


def verb(*words: str) -> None:
    """What `python -m almostnothing` does with these words."""
    sys.argv = ["almostnothing", *words]
    verbs.main()


def drawn(name: str, into: str, executed: str) -> None:
    """Make a page's figure from a notebook that was executed before: all that is written, without Jupyter's seconds."""

    def execute(page: Page, scratch: Path) -> Any:
        for path in Path(executed).iterdir():
            shutil.copy(path, scratch)
        return nbformat.read(scratch / f"{page.name}.ipynb", as_version=4)

    publishing.execute = execute
    verb("figure", f"params/tiny/{name}.yaml", "--into", into)


def plan(into: str = "figures") -> None:
    """Plan the tiny set; print what it would make."""
    found = planning.plan("tiny", Path(into))
    print(json.dumps(found.stale))


def facts(name: str) -> None:
    """Look a user's data set up; print what is known of it."""
    found = lookup.source(name, Path())
    print(json.dumps(found.published(), sort_keys=True))


if os.environ.get("FAILURES_WARM"):  # of the process that all others are forked from: parse the library once
    for one in ("01_knee", "02_margin"):
        _ = Page(one, "quick").wanted
