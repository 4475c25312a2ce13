"""The store of trained cells.

A cell's `result.json` holds checksums of all that is in its folder: SHA-256 of its files, and of its own content. What
is read is held against them; a cell that is damaged is dropped, for it can be trained again. A record without
`checksums` is from before there were any, and is taken as it is if it can be read at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from almostnothing import keys, sealed
from almostnothing.cells import Cell
from almostnothing.errors import CannotWrite, UserError
from almostnothing.files import file_digest, sweep, write_atomic, write_folder

STORE = Path("results/cells")


LOGITS, NETWORK = "logits.safetensors", "network.safetensors"
RESULT = "result.json"
PARTS = {"cell", "code", "rows", "checksums"}  # of the record


@dataclass(frozen=True)
class Store:
    """The folder of trained cells, one folder a key: `result.json` and `network.safetensors`."""

    root: Path

    def folder(self, cell: Cell) -> Path:
        """Where a cell is, or will be."""
        name = keys.key(cell)
        return self.root / name[:2] / name

    def has(self, cell: Cell) -> bool:
        """Whether a cell is there; what is in it is not looked at."""
        return (self.folder(cell) / RESULT).is_file()

    def has_logits(self, cell: Cell) -> bool:
        """Whether the logits of a cell's test images are there: written to the end, or before there were checksums."""
        if not (self.folder(cell) / LOGITS).is_file():
            return False
        try:
            sums = self._record(cell).get("checksums")
        except UserError:
            return False
        return sums is None or LOGITS in sums

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells that are yet to be trained."""
        return [cell for cell in cells if not self.has(cell)]

    def sound(self, cell: Cell, weights: bool) -> bool:
        """Whether a cell's rows, and if asked its `weights`, are there as written; a damaged cell is dropped."""
        try:
            record = self._record(cell)
            if weights:
                self._check(cell, record, NETWORK)
        except UserError:
            return False
        return True

    def rows(self, cell: Cell) -> list[dict[str, Any]]:
        """The evaluations of a cell.

        Raises `UserError` if it has not been trained, or is damaged.
        """
        return self._record(cell)["rows"]

    def weights(self, cell: Cell) -> dict[str, Any]:
        """The tensors of a cell's network, named as in the state dict of the plain module.

        Raises `UserError` if it has not been trained, or is damaged.
        """
        from safetensors.torch import load_file

        self._check(cell, self._record(cell), NETWORK)
        return load_file(self.folder(cell) / NETWORK)

    def put(
        self, cell: Cell, rows: list[dict[str, Any]], weights: dict[str, Any], logits: dict[str, Any] | None = None
    ) -> None:
        """Add a trained cell: its folder appears whole or not at all.

        Raises `CannotWrite`.
        """
        from safetensors.torch import save

        record = {"cell": cell.record(), "code": keys.network_code(cell), "rows": rows}
        files = {NETWORK: save(weights)} | ({LOGITS: save(logits)} if logits else {})
        sums = {name: sealed.checksum(content) for name, content in files.items()}
        files[RESULT] = _written(record, sums)
        if self.has(cell):
            return
        try:
            write_folder(self.folder(cell), files)
        except CannotWrite:
            if not self.has(cell):  # another process was faster
                raise

    def put_logits(self, cell: Cell, logits: dict[str, Any]) -> None:
        """Add the logits of a cell that is there; they count once its record names them.

        Raises `CannotWrite`, and `UserError` if the cell is damaged.
        """
        from safetensors.torch import save

        folder, content = self.folder(cell), save(logits)
        record = self._record(cell)
        sums = record.pop("checksums", None) or {NETWORK: file_digest(folder / NETWORK)}
        sweep([folder])
        if (folder / LOGITS).is_dir():
            sealed.drop(folder / LOGITS, "it is a folder")
        write_atomic(folder / LOGITS, content)
        write_atomic(folder / RESULT, _written(record, {**sums, LOGITS: sealed.checksum(content)}))

    def _record(self, cell: Cell) -> dict[str, Any]:
        """What `result.json` says, if it is what was written.

        Raises `UserError` otherwise; one that is damaged is dropped.
        """
        path = self.folder(cell) / RESULT
        try:
            record = json.loads(path.read_bytes())
            if not set(record) <= PARTS or not all(isinstance(row, dict) for row in record["rows"]):
                raise ValueError("its content is not that of a trained network")
            sums = record.get("checksums")
            if sums is not None and sums[RESULT] != _sum(record):
                raise ValueError("its checksum is not that of its content")
        except FileNotFoundError as error:
            raise UserError(f"{path.parent} is missing: train it with snakemake") from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise self._dropped(path, error) from error
        return record

    def _check(self, cell: Cell, record: Mapping[str, Any], name: str) -> None:
        """Raise `UserError` unless a file of a cell's folder is what was written; a cell that is damaged is dropped."""
        from safetensors import SafetensorError, safe_open

        path, sums = self.folder(cell) / name, record.get("checksums")
        try:
            if sums is None:
                with safe_open(path, "pt"):  # as long as it says
                    return
            if sums[name] != file_digest(path):
                raise ValueError("its checksum is not that of its content")
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise self._dropped(path, error) from error

    def _dropped(self, path: Path, error: Exception) -> UserError:
        """Drop the cell that a damaged file belongs to."""
        why = (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split()) or "it is empty"
        sealed.drop(path.parent, f"{path.name}: {why}")
        return UserError(f"{path} was damaged and is dropped: run snakemake to train this network again")


def _written(record: Mapping[str, Any], sums: Mapping[str, str]) -> bytes:
    """`result.json` of a record and the checksums of the other files in its folder."""
    whole = json.loads(json.dumps({**record, "checksums": dict(sums)}))
    whole["checksums"][RESULT] = _sum(whole)
    return (json.dumps(whole, indent=1) + "\n").encode()


def _sum(record: Mapping[str, Any]) -> str:
    """Checksum of all that a record says, but this."""
    sums = {name: value for name, value in record["checksums"].items() if name != RESULT}
    return sealed.checksum(json.dumps({**record, "checksums": sums}, sort_keys=True).encode())
