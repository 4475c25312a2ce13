"""Progress of one shard: cells done of all and what became of them, model-steps and GFLOP per second, time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm

from almostnothing.health import LEARNED

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Whole lines with a bar, every few seconds: several jobs can share a terminal, and a log stays readable.

    `steps` is the number of model-steps of all `cells`, `flops` those of one model-step. `quiet` prints the last line
    only.
    """

    def __init__(self, title: str, cells: int, steps: int, flops: float, quiet: bool) -> None:
        self.title, self.cells, self.steps, self.flops, self.quiet = title, cells, steps, flops, quiet
        self.taken = self.done = 0
        self.statuses: dict[str, int] = {}  # of the cells that are done: how many have each
        self.start = self.last = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def more(self, taken: int, done: int) -> None:
        """Tell how many model-steps have been taken and cells are done, since training (last) began."""
        self.taken, self.done = taken, done
        if not self.quiet and time.monotonic() - self.last > SECONDS_BETWEEN_LINES:
            self._print()

    def _print(self) -> None:
        self.last = time.monotonic()
        rate = self.taken / max(self.last - self.start, 1e-9)
        speed = f"{rate:,.0f} model-steps/s, {rate * self.flops / 1e9:.1f} GFLOP/s"
        told = "".join(f", {count} {name}" for name, count in self.statuses.items() if name != LEARNED)
        line = tqdm.format_meter(
            n=self.taken,
            total=max(self.steps, self.taken),
            elapsed=self.last - self.start,
            prefix=self.title,
            bar_format="{desc}: {percentage:3.0f}%|{bar:16}| {postfix} [{elapsed}<{remaining}]",
            postfix=f"{self.done}/{self.cells} cells{told}, {speed}",
            ncols=130,
        )
        print(line, file=sys.stderr, flush=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._print()
