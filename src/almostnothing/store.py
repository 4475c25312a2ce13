"""The store of trained cells, and the tidy table that is collected from it."""

from __future__ import annotations

import json
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
COLUMNS = [  # of the tidy table: the axes of a sweep, then what was counted
    "dataset",
    "train_size",
    "strength",
    "width",
    "depth",
    "seed",
    "test",
    "correct",
    "images",
    "accuracy",
    "loss",
    "device",
    "cell",
]


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

    def put(self, cell: Cell, rows: list[dict[str, Any]], weights: dict[str, Any]) -> None:
        """Add a trained cell: its folder appears whole or not at all."""
        from safetensors.torch import save_file

        folder = self.folder(cell)
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_file(weights, temporary / "network.safetensors")
        content = {"cell": cell.record(), "rows": rows}
        (temporary / "result.json").write_text(json.dumps(content, indent=1) + "\n")
        if self.has(cell):
            shutil.rmtree(temporary)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)


def table_digest(cells: Sequence[Cell]) -> str:
    """What a table depends on: its cells, the code that trains them, and the code that collects them."""
    code = code_version()
    return provenance.digest([[cell.key(code) for cell in cells], provenance.module_digest("store")])


def collect(cells: Sequence[Cell], store: Store) -> pd.DataFrame:
    """The tidy table: one row for each cell and evaluation."""
    code = code_version()
    rows = []
    for cell in cells:
        axes = {name: getattr(cell, name) for name in COLUMNS[: COLUMNS.index("test")]}
        for row in store.rows(cell):
            accuracy = row["correct"] / row["images"]
            rows.append({**axes, **row, "accuracy": accuracy, "cell": cell.key(code)[:12]})
    return pd.DataFrame(rows, columns=COLUMNS)


def read_table(path: Path, cells: Sequence[Cell]) -> pd.DataFrame:
    """A published table, once it is sure that it holds these cells.

    Raises `UserError` if it is absent or belongs to other parameters or other training code.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: run snakemake to train its cells")
    table = pd.read_csv(path)
    code = code_version()
    lacking = {cell.key(code)[:12] for cell in cells} - set(table["cell"])
    if lacking:
        raise UserError(f"{path} lacks {len(lacking)} cells of this sweep: run snakemake to train them")
    return table
