"""How fast smallest perturbations are found: `python benchmarks/attacks.py [--quick] [--csv FILE]`.

Seconds for 1,000 test images of MNIST that a network 784-256-256-10 gets right (digits where MNIST is not at hand), by
`measures.attacks`, on the 256 coordinates of `reduced`, and by foolbox on pixels: DeepFool as it is; the fast minimum-
norm attack, which projects here, and the decoupled direction and norm attack, each towards every other class
(`measures.opinion`), 100 steps. All take turns in one process on two threads (what takes over 20 s takes one turn);
times are medians. Beside them the lengths found: median, mean, and the share of images at which each is within 1 % of
the shortest of all. `smallest` is to be held against the last two, `rough` against DeepFool. `--quick`: one turn, 100
images. Writes a row for each attack, with machine, versions and commit, to benchmarks/results/attacks.csv, where
`--csv` names no other file.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import foolbox
import torch
from torch import Tensor, nn

from almostnothing import data
from almostnothing.cells import Cell
from almostnothing.environment import commit, environment
from almostnothing.errors import UserError
from almostnothing.measures import attacks, opinion
from almostnothing.measures.margins import margin
from almostnothing.networks import MLPStack
from almostnothing.parameters.sweep import Sweep

IMAGES, QUICK = 1000, 100
TURNS, LONG = 3, 20.0  # turns, but one of what takes so many seconds
STEPS = 1500
OUT = Path(__file__).parent / "results" / "attacks.csv"


def trained() -> tuple[str, MLPStack, Tensor, Tensor]:
    """A data set, a network that has learned it by Adam, and the test images that it gets right with their labels."""
    try:
        dataset = data.load(data.source("mnist", data.folder()), data.folder())
    except UserError:
        dataset = data.load(data.source("digits"))
    cell: Cell = Sweep(
        dataset=dataset.source.name,
        train_size=100,
        strength=0,
        training_corruption="fixed",
        width=256,
        depth=3,
        learning_rate=1e-3,
        batch_size=128,
        steps=1,
        seeds=0,
    ).cells(data.folder())[0]
    model = MLPStack(cell, 1)
    generator = torch.Generator().manual_seed(0)
    for weight in model.weights:
        weight.data = torch.randn(weight.shape, generator=generator) * (2 / weight.shape[1]) ** 0.5
    x = torch.from_numpy(dataset.values(dataset.train))
    y = torch.from_numpy(dataset.train.labels)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(STEPS):
        some = torch.randint(len(x), (128,), generator=generator)
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x[some][None])[0], y[some]).backward()
        optimiser.step()
    test, labels = torch.from_numpy(dataset.values(dataset.test)), torch.from_numpy(dataset.test.labels)
    right = model(test[None])[0].argmax(1) == labels
    return dataset.source.name, model.requires_grad_(False), test[right], labels[right]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one turn, few images")
    parser.add_argument("--csv", type=Path, default=OUT, help="write the rows to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    name, model, test, known = trained()
    count = QUICK if arguments.quick else IMAGES
    x, labels = test[:count], known[:count]
    ask, place, _ = attacks.reduced(model)

    def whole(z: Tensor) -> Tensor:
        return model.compute(model.parts(), z)

    def ours(attack: Callable[..., attacks.Found]) -> Tensor:
        return attack(ask, place(x[None]), labels[None]).distance[0]

    def deepfool() -> Tensor:
        alone = foolbox.PyTorchModel(opinion.Alone(whole).eval(), bounds=opinion.RANGE, device="cpu")
        points = foolbox.attacks.L2DeepFoolAttack()(alone, x, labels, epsilons=None)[0]
        wrong = margin(whole(points[None]), labels[None])[0] <= 0
        return torch.where(wrong, (points - x).norm(dim=-1), torch.inf)

    def second(attack: Any) -> Tensor:
        return opinion.found(attack, whole, x, labels)

    scale = float(ours(attacks.smallest).median())
    ways: dict[str, Callable[[], Tensor]] = {
        "smallest": partial(ours, attacks.smallest),
        "deepfool": partial(ours, attacks.deepfool),
        "rough": partial(ours, attacks.rough),
        "foolbox DeepFool": deepfool,
        "foolbox FMN, projecting, each class": partial(second, opinion.fast_minimum_norm(scale)),
        "foolbox DDN, each class": partial(second, opinion.decoupled()),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    lengths: dict[str, Tensor] = {}
    for _ in range(1 if arguments.quick else TURNS):
        for way, attack in ways.items():
            if times[way] and times[way][0] > LONG:
                continue
            start = time.perf_counter()
            lengths[way] = attack()
            times[way].append(time.perf_counter() - start)
    best = torch.stack(list(lengths.values())).amin(0)
    made_by = {**environment(), **(commit(Path(__file__).parent.parent) or {})}
    rows = []
    for way, length in lengths.items():
        row = {
            "attack": way,
            "data": name,
            "images": count,
            "seconds": round(statistics.median(times[way]), 3),
            "found": round(float(torch.isfinite(length).float().mean()), 3),
            "median length": round(float(length.median()), 4),
            "mean length": round(float(length[torch.isfinite(length)].mean()), 4),
            "within 1 % of the shortest": round(float((length <= 1.01 * best).float().mean()), 3),
        }
        for own in ("smallest", "deepfool", "rough"):
            row[f"time / {own}"] = round(statistics.median(times[way]) / statistics.median(times[own]), 2)
        print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        rows.append({**row, "environment": json.dumps(made_by)})
    with arguments.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
