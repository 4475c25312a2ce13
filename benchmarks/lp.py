"""How fast Lp noise is drawn: `python benchmarks/lp.py [--quick] [--csv FILE]`.

Images a second, uniform in the ball and clipped, for a batch of 256 x 3 x 32 x 32 on one thread: the law's compiled
kernel, and the same law in torch; beside the route of seed 002's authors (one image at a time, noise of its own for
each, by the steps of their code), and plain vectorised torch with its own generator. All ways take turns in one
process; a rate is the median over the turns, in time of the processor, and ratios are medians of the turns' ratios.

The norm 0 sets 2 % of all values to 0 or 1, a training strength of the authors. Their route draws these places with
replacement and takes longer for more; it is timed as they draw. `--quick` takes two turns. Writes a row for each norm,
with machine, versions and commit, to benchmarks/results/lp.csv, where `--csv` names no other file.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from almostnothing import streams
from almostnothing.corruptions.law import Corruption
from almostnothing.corruptions.lp import L0, Lp
from almostnothing.environment import commit, environment

Make = Callable[[torch.Tensor], torch.Tensor]
SHAPE = (3, 32, 32)
D = math.prod(SHAPE)
SHARE = 0.02
NORMS = (0.0, 0.5, 1.0, 2.0, 5.0, 50.0, 200.0, math.inf)
TURNS, QUICK = 7, 2
OUT = Path(__file__).parent / "results" / "lp.csv"
ASKED = {norm: 14.0 if norm in (0, 1, 2, math.inf) else 3.5 for norm in NORMS}  # times the images of the authors' route


def each_image(p: float, epsilon: float) -> Make:
    """Image after image, by the steps of the authors' code: NumPy's noise, `np.ma.clip`, places one by one for p = 0.

    Its law is that of their second version, which draws |g|^p from a Gamma law for every p.
    """
    generator = np.random.RandomState(0)  # they call np.random's functions, which are slower than a Generator's

    def noisy(image: torch.Tensor) -> Any:
        if math.isinf(p):
            return torch.distributions.Uniform(image - epsilon, image + epsilon).sample().numpy()
        size = generator.gamma(1 / p, 1, SHAPE) ** (1 / p)
        noise = np.where(generator.random_sample(SHAPE) < 0.5, -1, 1) * size
        length = np.sum(np.abs(noise) ** p) ** (1 / p)
        return image.numpy() + epsilon * generator.random_sample() ** (1 / D) * noise / length

    def impulses(image: torch.Tensor) -> torch.Tensor:
        values = image.clone()
        for place in [random.randint(0, D) for _ in range(round(SHARE * D))]:
            values.view(-1)[place - 1] = random.choice([0, 1])
        return values

    def make(x: torch.Tensor) -> torch.Tensor:
        batch = torch.empty_like(x).view(-1, *SHAPE)
        for number, image in enumerate(x.view(-1, *SHAPE)):
            batch[number] = impulses(image) if p == 0 else torch.from_numpy(np.asarray(np.ma.clip(noisy(image), 0, 1)))
        return batch

    return make


def plain(p: float, epsilon: float) -> Make:
    """What one would write in torch with its own generator, for all images at once; at large p in float64."""
    kind = torch.float64 if p >= 50 else torch.float32

    def size(x: torch.Tensor) -> torch.Tensor:
        if p == 1:
            return torch.empty_like(x).exponential_() * (2 * torch.randint_like(x, 2) - 1)
        if p == 2:
            return torch.randn_like(x)
        drawn = torch._standard_gamma(torch.full_like(x, 1 / p, dtype=kind)) ** (1 / p)
        return (drawn * (2 * torch.randint_like(x, 2) - 1)).float()

    def make(x: torch.Tensor) -> torch.Tensor:
        if p == 0:
            places = torch.rand_like(x).topk(round(SHARE * D), sorted=False).indices
            return x.scatter(1, places, torch.randint_like(places, 2).float())
        if math.isinf(p):
            return (x + epsilon * (2 * torch.rand_like(x) - 1)).clamp_(0, 1)
        g = size(x)
        radius = torch.rand(len(x), 1) ** (1 / D) / (g.abs() ** p).sum(1, keepdim=True) ** (1 / p)
        return (x + epsilon * radius * g).clamp_(0, 1)

    return make


def ours(law: Corruption, strength: float, batch: int, kernel: bool) -> Make:
    """The law's sample, with fresh draws at each call."""
    key, at = torch.from_numpy(streams.stream_key(0, "benchmark"))[None], torch.tensor([[strength]])
    count = torch.arange(batch, dtype=torch.int32)[None]

    def make(x: torch.Tensor) -> torch.Tensor:
        count.add_(batch)
        return (law.sample if kernel else law.drawn)(x[None], at, key, count)

    return make


def seconds(make: Make, x: torch.Tensor) -> float:
    """Time of the processor for one call, averaged over at least 60 ms."""
    calls, start = 0, time.process_time()
    while (spent := time.process_time() - start) < 0.06:
        make(x)
        calls += 1
    return spent / calls


def row(p: float, batch: int, turns: int) -> dict[str, float]:
    law: Corruption = Lp(p, D) if p else L0("extremes", 3, D)
    strength = 0.02 * D ** (1 / p) if p else SHARE
    x = torch.rand(batch, D)
    ways = {
        "kernel": ours(law, strength, batch, True),
        "in torch": ours(law, strength, batch, False),
        "each image": each_image(p, strength),
        "plain torch": plain(p, strength),
    }
    for make in ways.values():
        make(x)
    times = [{name: seconds(make, x) for name, make in ways.items()} for _ in range(turns)]
    found: dict[str, float] = {"norm": p}
    found |= {f"{name}, images/s": round(batch / statistics.median(t[name] for t in times)) for name in ways}
    for other in ("each image", "plain torch"):
        found[f"kernel / {other}"] = round(statistics.median(t[other] / t["kernel"] for t in times), 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two turns")
    parser.add_argument("--csv", type=Path, default=OUT, help="write the rows to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made_by = {**environment(), **(commit(Path(__file__).parent.parent) or {})}
    about = {"batch": 256, "environment": json.dumps(made_by)}
    rows = []
    for p in NORMS:
        found = row(p, 256, QUICK if arguments.quick else TURNS)
        rows.append({**found, **about})
        words = ", ".join(f"{name} {value:,}" for name, value in found.items())
        reached = found["kernel / each image"] / ASKED[p]
        print(f"{words}; {reached:.2f} x what was asked", flush=True)
    with arguments.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
