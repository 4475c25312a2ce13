"""A progress bar for one shard: cells done of all, steps per second, time that remains."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """One bar on a terminal of its own; whole lines, every few seconds, where several jobs share the output."""

    def __init__(self, title: str, cells: int, steps: int) -> None:
        self.title, self.cells, self.per_cell = title, cells, steps
        self.done = 0.0
        self.start = self.last = time.monotonic()
        self.stack_done = 0

    def __enter__(self) -> Progress:
        return self

    def steps(self, stack: int, done: int) -> None:
        """Tell that `stack` networks have taken `done` of their steps."""
        self.done = self.stack_done + stack * done / self.per_cell
        if time.monotonic() - self.last > SECONDS_BETWEEN_LINES:
            self._print()

    def finished(self, stack: int) -> None:
        """Tell that `stack` networks are trained and stored."""
        self.stack_done += stack
        self.done = self.stack_done

    def _print(self) -> None:
        self.last = time.monotonic()
        seconds = self.last - self.start
        rate = self.done * self.per_cell / seconds
        print(
            tqdm.format_meter(
                n=int(self.done),
                total=self.cells,
                elapsed=seconds,
                prefix=self.title,
                unit="cell",
                ncols=100,
                postfix=f"{rate:,.0f} model-steps/s",
            ),
            file=sys.stderr,
            flush=True,
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._print()
