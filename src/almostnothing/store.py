"""The store of trained cells."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from almostnothing import keys
from almostnothing.cells import Cell
from almostnothing.errors import UserError
from almostnothing.files import write_atomic

STORE = Path("results/cells")


LOGITS, NETWORK = "logits.safetensors", "network.safetensors"


@dataclass(frozen=True)
class Store:
    """The folder of trained cells, one folder a key: `result.json` and `network.safetensors`."""

    root: Path

    def folder(self, cell: Cell) -> Path:
        """Where a cell is, or will be."""
        name = keys.key(cell)
        return self.root / name[:2] / name

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

        write_atomic(self.folder(cell) / LOGITS, save(logits))

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
        content = {"cell": cell.record(), "code": keys.network_code(cell), "rows": rows}
        (temporary / "result.json").write_text(json.dumps(content, indent=1) + "\n")
        if self.has(cell):
            shutil.rmtree(temporary)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
