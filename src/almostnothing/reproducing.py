"""One command that makes a whole set again from nothing, and says what agrees with what is published."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from almostnothing import planning, running, sealed
from almostnothing.errors import UserError

INTO = Path("results/reproduced")
SECONDS_BETWEEN_LINES = 10.0
LEAST_SHARE = 0.05  # of the work that must be done before the time left is told


def reproduce(parameter_set: str, cores: str) -> None:
    """Make every page of a set in `results/reproduced/<set>`, then compare and write the report.

    Nothing outside `results` is written. Raises `UserError` where a job fails or the report finds disagreement.
    """
    folder = INTO / parameter_set
    report, memory = folder / "report.md", folder / "report.sealed"
    found = planning.plan(parameter_set, INTO)
    known = sealed.read(memory)
    if found.stale or known is None or not report.is_file() or report.read_bytes() != known:
        if found.stale:
            running.check_alone(parameter_set, INTO)
            _make(parameter_set, cores)
        from almostnothing import comparing

        comparing.write_report(Path("figures") / parameter_set, folder)
        known = report.read_bytes()
        sealed.write(memory, known)
        planning.plan(parameter_set, INTO)  # so that the next time nothing needs to be thought through
    print(known.decode())
    print(f"The same with pictures side by side: {folder / 'report.html'}")
    if "| no |" in known.decode():
        raise UserError(f"{folder} differs from what is published beyond the stated tolerance: see the table above")


def _make(parameter_set: str, cores: str) -> None:
    command = ["snakemake", "--cores", cores, "--quiet", "all", "--config", f"params={parameter_set}", f"into={INTO}"]
    log = Path(f"results/logs/{parameter_set}.reproduce.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        job = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(parameter_set, done), daemon=True)
        watcher.start()
        try:
            code = job.wait()
        except KeyboardInterrupt:
            job.wait()
            raise UserError("interrupted: what is done is kept, and `make` goes on from there") from None
        finally:
            done.set()
            watcher.join()
    if code:
        sys.stderr.write(log.read_text()[-3000:])
        raise UserError(f"snakemake ended with {code}: the whole log is {log}; what is done is kept")


def _watch(parameter_set: str, done: threading.Event) -> None:
    """Print a line every few seconds: pages and networks done of all, time passed, time left."""
    from almostnothing import costs, freshness
    from almostnothing.store import STORE, Store

    pages = freshness.pages_of(parameter_set, INTO)
    cells = list(dict.fromkeys(cell for page in pages for cell in page.cells))
    store, start, peak = Store(STORE), time.monotonic(), costs.matrix_speed()
    waiting = store.missing(cells)
    work = {cell: costs.training_seconds(cell, peak, compiled=True) for cell in waiting}
    undone = [page for page in pages if page.stale("figure")]
    total = sum(work.values()) + len(undone) * costs.PAGE_SECONDS
    last = False
    while True:
        waiting = store.missing(waiting)
        undone = [page for page in undone if freshness.record_of(page).get("digest") != page.wanted]
        left = sum(work[cell] for cell in waiting) + len(undone) * costs.PAGE_SECONDS
        passed = time.monotonic() - start
        share = 1 - left / max(total, 1e-9)
        rest = f", about {passed * (1 / share - 1) / 60:.0f} min left" if LEAST_SHARE < share < 1 else ""
        print(
            f"pages {len(pages) - len(undone)}/{len(pages)}, networks {len(cells) - len(waiting)}/{len(cells)}, "
            f"{passed / 60:.1f} min{rest}",
            flush=True,
        )
        if last:
            return
        last = done.wait(SECONDS_BETWEEN_LINES)
