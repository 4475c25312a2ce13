"""The store of trained cells, and the tidy table that is collected from it."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from almostnothing import provenance
from almostnothing.cells import Cell
from almostnothing.errors import UserError

STORE = Path("results/cells")
LOGITS, NETWORK = "logits.safetensors", "network.safetensors"
COLUMNS = [  # of the tidy table: the axes of a sweep, which evaluation, then what was measured
    "dataset",
    "pixels",
    "downsample",
    "pca_rank",
    "permutation",
    "train_size",
    "law",
    "strength",
    "family",
    "width",
    "depth",
    "activation",
    "shift",
    "steps",
    "training_corruption",
    "objective",
    "seed",
    "test",
    "correct",
    "images",
    "accuracy",
    "loss",
    "margin_mean",
    "margin_sd",
    "margin_q05",
    "margin_q50",
    "margin_q95",
    "taken",
    "diverged",
    "device",
    "cell",
]
AXES = COLUMNS[: COLUMNS.index("test")]


def axes(cell: Cell) -> dict[str, Any]:
    """What a table says of a cell: d, the kind of law, what a sweep may vary; its loss function is the objective."""
    other = {"pixels": cell.source.facts.pixels, "law": cell.corruption.name, "objective": cell.loss}
    return {name: other[name] if name in other else getattr(cell, name) for name in AXES}


def code_version() -> str:
    """Digest of the code that can change a trained cell's numbers."""
    return provenance.module_digest("training")


@dataclass(frozen=True)
class Store:
    """The folder of trained cells, one folder a key: `result.json` and `network.safetensors`."""

    root: Path

    def folder(self, cell: Cell) -> Path:
        """Where a cell is, or will be."""
        key = cell.key(code_version())
        return self.root / key[:2] / key

    def has(self, cell: Cell) -> bool:
        """Whether a cell is there, whole."""
        return (self.folder(cell) / "result.json").is_file()

    def has_logits(self, cell: Cell) -> bool:
        """Whether the logits of a cell's test images are there."""
        return (self.folder(cell) / LOGITS).is_file()

    def weights(self, cell: Cell) -> dict[str, Any]:
        """The tensors of a cell's network, named as in the state dict of the plain module."""
        from safetensors.torch import load_file

        return load_file(self.folder(cell) / NETWORK)

    def put_logits(self, cell: Cell, logits: dict[str, Any]) -> None:
        """Add the logits of a cell that is there."""
        from safetensors.torch import save

        provenance.write_atomic(self.folder(cell) / LOGITS, save(logits))

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells that are yet to be trained."""
        return [cell for cell in cells if not self.has(cell)]

    def rows(self, cell: Cell) -> list[dict[str, Any]]:
        """The evaluations of a cell.

        Raises `UserError` if it has not been trained.
        """
        try:
            return json.loads((self.folder(cell) / "result.json").read_text())["rows"]
        except OSError as error:
            raise UserError(f"{self.folder(cell)} is missing: train it with snakemake") from error

    def put(
        self, cell: Cell, rows: list[dict[str, Any]], weights: dict[str, Any], logits: dict[str, Any] | None = None
    ) -> None:
        """Add a trained cell: its folder appears whole or not at all."""
        from safetensors.torch import save_file

        folder = self.folder(cell)
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_file(weights, temporary / NETWORK)
        if logits:
            save_file(logits, temporary / LOGITS)
        content = {"cell": cell.record(), "rows": rows}
        (temporary / "result.json").write_text(json.dumps(content, indent=1) + "\n")
        if self.has(cell):
            shutil.rmtree(temporary)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)


def short_key(cell: Cell) -> str:
    """How tables name a cell."""
    return cell.key(code_version())[:12]


def table_digest(cells: Sequence[Cell]) -> str:
    """What a table depends on: its cells, the code that trains them, and the code that collects them."""
    code = code_version()
    return provenance.digest([[cell.key(code) for cell in cells], provenance.module_digest("store")])


def collect(cells: Sequence[Cell], store: Store) -> pd.DataFrame:
    """The tidy table: one row for each cell and evaluation."""
    rows = []
    for cell in cells:
        for row in store.rows(cell):
            accuracy = math.nan if row["diverged"] else row["correct"] / row["images"]
            rows.append({**axes(cell), **row, "accuracy": accuracy, "cell": short_key(cell)})
    return pd.DataFrame(rows, columns=COLUMNS)


def read_table(path: Path, cells: Sequence[Cell]) -> pd.DataFrame:
    """The rows of these cells in a published table, once it is sure that it holds them all.

    Raises `UserError` if it is absent or belongs to other parameters or other training code.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: run snakemake to train its cells")
    table = pd.read_csv(path)
    wanted = set(map(short_key, cells))
    lacking = wanted - set(table["cell"])
    if lacking:
        raise UserError(f"{path} lacks {len(lacking)} cells of this sweep: run snakemake to train them")
    return table[table["cell"].isin(wanted)].reset_index(drop=True)
