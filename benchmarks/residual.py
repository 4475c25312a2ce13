"""What is done to images against the step that trains on them: `python benchmarks/residual.py [--quick] [--csv FILE]`.

Milliseconds of one thread for a step of ResNet-9 (width 16, batches of 128 images of 3 x 32 x 32) on clean images as
they are, and what crops and mirrors, noise of norm 2 and each of torchvision's policies add to it, in time of the
processor. All take turns; times are medians over the turns. On a GPU the policies run in processes of their own, beside
the step. `--quick` takes one turn. Writes a row each, with machine, versions and commit, to
benchmarks/results/residual.csv, where `--csv` names no other file.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from almostnothing import residual, solo
from almostnothing.cells import ResidualCell
from almostnothing.data.arrays import Split
from almostnothing.data.datasets import Dataset
from almostnothing.environment import commit, environment
from almostnothing.parameters.sweep import Sweep
from almostnothing.training import Options

OUT = Path(__file__).parent / "results" / "residual.csv"
STEPS, TURNS = 8, 5
KINDS: dict[str, dict[str, Any]] = {
    "clean images": {},
    "crop_flip": {"augmentation": "crop_flip"},
    "noise of norm 2": {"strength": 1.0},
    "trivial": {"policy": "trivial"},
    "rand": {"policy": "rand"},
    "augmix": {"policy": "augmix"},
}


def images() -> tuple[ResidualCell, Dataset]:
    """A cell, and bytes at random in the shape of CIFAR-10."""
    sweep = Sweep(
        dataset="digits",
        train_size=1000,
        corruption={"law": "lp", "norm": 2},
        strength=0.0,
        training_corruption="fresh",
        family="resnet9",
        width=16,
        depth=9,
        optimiser="sgd",
        momentum=0.9,
        learning_rate=0.01,
        batch_size=128,
        steps=STEPS,
        seeds=0,
    )
    [cell] = sweep.cells()
    assert isinstance(cell, ResidualCell)
    source = replace(cell.source, facts=replace(cell.source.facts, shape=(3, 32, 32)))
    drawn = np.random.default_rng(0).integers(0, 256, (1500, 3072), np.uint8)
    split = Split(drawn, np.arange(len(drawn)) % 10)
    return replace(cell, source=source), Dataset(source, 255, split, split, tuple("0123456789"))


def milliseconds(cell: ResidualCell, dataset: Dataset) -> float:
    """Time of the processor for a step, over `STEPS` of them."""
    device = torch.device("cpu")
    network = residual.initialised(cell, dataset)
    student = solo.Student(network, solo.optimiser(cell, network))
    start = time.process_time()
    list(solo.walk(cell, student, dataset, device, Options()))
    return 1e3 * (time.process_time() - start) / cell.steps


def main() -> None:
    """Time all kinds in turn and write a row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--csv", type=Path, default=OUT)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    cell, dataset = images()
    turns = 1 if asked.quick else TURNS
    for change in KINDS.values():  # libraries are loaded and kernels compiled before anything is timed
        milliseconds(replace(cell, **change, steps=1), dataset)
    times = [
        {kind: milliseconds(replace(cell, **change), dataset) for kind, change in KINDS.items()} for _ in range(turns)
    ]
    plain = statistics.median(turn["clean images"] for turn in times)
    place = json.dumps({**environment(), **(commit(Path(__file__).parent.parent) or {})})
    rows = []
    for kind in KINDS:
        own = statistics.median(turn[kind] for turn in times)
        added = statistics.median(turn[kind] - turn["clean images"] for turn in times)
        row = {"kind": kind, "ms a step": round(own, 1), "added ms": round(added, 1), "share": round(added / own, 3)}
        row |= {"batch": cell.batch_size, "turns": turns, "environment": place}
        rows.append(row)
        print(f"{kind:16} {own:7.1f} ms a step, {added:6.1f} ms more than {plain:.1f}: {added / own:6.1%} of it")
    if not asked.quick:
        with asked.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
