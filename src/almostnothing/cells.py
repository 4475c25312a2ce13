"""The record that describes one trained network, and its key in the store."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from almostnothing.provenance import digest


@dataclass(frozen=True)
class Law:
    """A corruption law by name, with its options in a fixed order so that equal laws have equal records."""

    name: str
    options: tuple[tuple[str, float | str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One network to train: everything that its numbers depend on, and nothing else.

    `depth` L counts weight layers: L−1 hidden layers. `strength` is p for replacement. `training_corruption` is
    "fixed" (every training image is corrupted once) or "fresh" (anew at each presentation).
    """

    dataset: str
    train_size: int
    corruption: Law
    strength: float
    training_corruption: str
    width: int
    depth: int
    activation: str
    loss: str
    optimiser: str
    learning_rate: float
    batch_size: int
    steps: int
    test_draws: int
    seed: int

    def record(self) -> dict[str, Any]:
        """The cell as plain JSON-able data."""
        return asdict(self)

    def key(self, code: str) -> str:
        """The cell's name in the store: digest of the record and of `code`, the training code's own digest."""
        return digest([self.record(), code])

    def shape(self) -> Cell:
        """What cells must share to be trained as one stack: the cell without what may differ inside it."""
        return replace(self, train_size=0, strength=0.0, learning_rate=0.0, seed=0)

    @staticmethod
    def from_record(record: dict[str, Any]) -> Cell:
        """The cell that `record` describes: the inverse of `record`, also after a passage through JSON."""
        law = record["corruption"]
        options = tuple((name, value) for name, value in law["options"])
        return Cell(**{**record, "corruption": Law(law["name"], options)})
