"""How time, memory and disk grow: `python benchmarks/growth.py [--quick] [--out FOLDER]`.

Cells: 10 to 100,000 planned (listed, named, cut into shards), 10 to 1,000 trained at a tiny size and kept in a store,
which is then listed. One network's training against its width, N and d (random images): microseconds a step. Processor
time, the median of turns; memory is the peak of a process of its own; slopes are exponents of least squares in the
logarithms of the upper half of each range. Machines are shared and noisy: exponents mean more than times.

Writes growth.csv, with machine, versions and commit, and growth.svg to FOLDER, else to benchmarks/results.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

from almostnothing import keeping, keys, sweeps
from almostnothing.environment import commit, environment
from almostnothing.parameters.page import Compute
from almostnothing.parameters.sweep import Sweep
from almostnothing.store import Store

ROOT = Path(__file__).resolve().parent.parent
BASE: dict[str, Any] = {
    "dataset": "digits",
    "train_size": 100,
    "strength": 0.5,
    "training_corruption": "fixed",
    "width": 8,
    "depth": 2,
    "steps": 10,
    "seeds": 0,
    "test_draws": 1,
}
STEPS = 1000  # of a training that is timed
GROWTH = {  # what grows: its values, and those of --quick
    "cells planned": ([10, 100, 1000, 10_000, 100_000], [10, 100, 1000]),
    "cells trained": ([10, 100, 1000], [10, 100]),
    "width": ([16, 32, 64, 128, 256, 512], [16, 64]),
    "N": ([50, 100, 200, 400, 800, 1200], [50, 400]),
    "d": ([64, 256, 1024, 4096], [64, 256]),
}


def planned(count: int) -> dict[str, float]:
    """Validate, list and name so many cells, and cut them into shards."""
    cells = Sweep.model_validate(BASE | {"seeds": list(range(count))}).cells()
    for cell in cells:
        keys.key(cell)
    sweeps.plan(cells)
    return {}


def trained(folder: Path, **changes: Any) -> dict[str, float]:
    """Train cells into an empty store and list it: seconds of that, and bytes on the disk."""
    cells = Sweep.model_validate(BASE | changes).cells(folder)
    store = Store(folder / "cells")
    for shard in sweeps.plan(cells):
        sweeps.train(shard, store, Compute(device="cpu", quiet=True), "growth", folder)
    start = time.process_time()
    stored = list(keeping.stored(folder / "cells"))
    assert len(stored) == len(cells)
    return {"listed, s": time.process_time() - start, "bytes": sum(size for _, size in stored)}


def made_up(folder: Path, side: int) -> str:
    """The name of a data set of random images of side x side pixels."""
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part in ("train", "test"):
        arrays[f"x_{part}"] = random.integers(0, 256, (200, side, side), dtype=np.uint8)
        arrays[f"y_{part}"] = np.arange(200) % 2
    np.savez(folder / "random.npz", **arrays)
    return "npz:random.npz"


def work(what: str, value: int, folder: Path) -> Callable[[], dict[str, float]]:
    """What is timed for a value of what grows."""
    if what == "cells planned":
        return partial(planned, value)
    if what == "cells trained":
        return partial(trained, folder, seeds=list(range(value)))
    one: dict[str, Any] = {"steps": STEPS, "width": 64}
    if what == "d":
        return partial(trained, folder, **one, dataset=made_up(folder, round(value**0.5)))
    return partial(trained, folder, **one | {"width" if what == "width" else "train_size": value})


def measured(what: str, value: int) -> dict[str, float]:
    """One turn in a process of its own: processor seconds, peak memory, and what the work says."""
    with tempfile.TemporaryDirectory() as scratch:
        job = work(what, value, Path(scratch))
        if what != "cells planned":
            trained(Path(scratch) / "before")  # loads torch and the engine
        start = time.process_time()
        said = job()
        seconds = time.process_time() - start
    return {"seconds": seconds, "peak, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, **said}


def slope(rows: list[dict[str, Any]], column: str) -> float:
    """The exponent of a column in what grows, over the upper half of its range."""
    upper = rows[len(rows) // 2 - (len(rows) < 4) :]
    x, y = np.log([row["value"] for row in upper]), np.log([max(row[column], 1e-9) for row in upper])
    return float(np.polyfit(x, y, 1)[0])


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Seconds, peak memory and bytes against each quantity that grows, with their exponents."""
    fig, axes = plt.subplots(1, len(GROWTH), figsize=(2.4 * len(GROWTH), 3), layout="constrained")
    for axis, what in zip(axes, GROWTH, strict=True):
        own = [row for row in rows if row["what"] == what]
        for column, marker in (("seconds", "o"), ("peak, MiB", "s"), ("bytes", "^")):
            name = f"exponent of {column}"
            if name in own[0]:
                label = f"{column}: exponent {own[0][name]}"
                axis.loglog([row["value"] for row in own], [row[column] for row in own], marker=marker, label=label)
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(what)
        axis.legend(fontsize=6, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
    fig.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, print, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and small: does it run?")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", help="folder of the CSV and the plot")
    arguments = parser.parse_args()
    turns = 1 if arguments.quick else 3
    about = {"environment": json.dumps({**environment(), **(commit(ROOT) or {})})}
    rows: list[dict[str, Any]] = []
    context = multiprocessing.get_context("spawn")
    for what, values in GROWTH.items():
        own = []
        for value in values[arguments.quick]:
            found = []
            for _ in range(turns):
                with context.Pool(1) as pool:
                    found.append(pool.apply(measured, (what, value)))
            middle = {name: statistics.median(turn[name] for turn in found) for name in found[0]}
            own.append({"what": what, "value": value, **middle})
        for column in ("seconds", "peak, MiB", "bytes"):
            if column in own[0]:
                own[0][f"exponent of {column}"] = round(slope(own, column), 2)
        rows += own
        said = ", ".join(f"{name} {value}" for name, value in own[0].items() if name.startswith("exponent"))
        print(f"{what}: {said}; {own[-1]['seconds']:.2f} s at {own[-1]['value']:,}", flush=True)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (arguments.out / "growth.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*columns, *about])
        writer.writeheader()
        for row in rows:
            short = {name: float(f"{v:.4g}") if isinstance(v, float) else v for name, v in row.items()}
            writer.writerow(short | about)
    draw(rows, arguments.out / "growth.svg")


if __name__ == "__main__":
    main()
