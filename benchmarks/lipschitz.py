"""How fast Lipschitz constants are bounded: `python benchmarks/lipschitz.py [--quick] [--csv FILE]`.

Two-layer ReLU networks of random weights, k units on d inputs: seconds for the lower bound by ascent and for the
certified MaxCut-type upper bound of all networks in one batched call, against a loop over networks, and for the same
relaxation of one network by a general solver, SCS through cvxpy, with the loosest of its tolerances whose value is
within 1e-3 of ours (its own tolerance says little: at 1e-3 its value can be 4 % off; Clarabel, an interior-point
method, takes ten times longer still). Beside the times how tight each is, over our upper bound. One thread, all in
turns in one process, medians; what takes over 20 s takes one turn. `--quick`: fewer and smaller networks, one turn.
Writes a row for each way, with machine, versions and commit, to benchmarks/results/lipschitz.csv, where `--csv` names
no other file.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cvxpy as cp
import numpy as np
import torch
from torch import Tensor

from almostnothing.environment import commit, environment
from almostnothing.measures import lipschitz

NETWORKS, UNITS, PIXELS = 100, 128, 128
STARTS = 16
TURNS, LONG = 5, 20.0  # turns, but one of what takes so many seconds
PRECISION = 1e-3  # relative, of the solver's value
TOLERANCES = (1e-3, 3e-4, 1e-4, 3e-5, 1e-5)  # of SCS
OUT = Path(__file__).parent / "results" / "lipschitz.csv"


def networks(count: int, units: int, pixels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, outer weights and points on the unit sphere."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(count, units, pixels, generator=generator, dtype=torch.float64) / math.sqrt(pixels)
    outer = torch.randn(count, units, generator=generator, dtype=torch.float64) / math.sqrt(units)
    x = torch.randn(count, STARTS, pixels, generator=generator, dtype=torch.float64)
    return first, outer, x / x.norm(dim=-1, keepdim=True)


def lower(first: Tensor, outer: Tensor, x: Tensor) -> Tensor:
    """The longest gradient along the sphere that ascent finds, for each network."""
    bias = torch.zeros_like(outer)
    smooth = lipschitz.smoother(first, bias, outer, x)
    found = lipschitz.steepest(
        lambda z: (torch.relu(z @ first.mT) * outer[:, None]).sum(-1), x, "sphere", smoothed=smooth
    )
    return found.slope


def upper(first: Tensor, outer: Tensor) -> Tensor:
    """The certified bound of each network."""
    return lipschitz.two_layers(first, outer).upper


def solver(first: Tensor, outer: Tensor, tolerance: float) -> Tensor:
    """The relaxation of one network, by SCS."""
    w, a = first[0].numpy(), outer[0].numpy()
    sides = np.concatenate([(w.T @ a)[:, None], w.T * a], 1) / 2
    matrix = sides.T @ sides
    x = cp.Variable(matrix.shape, PSD=True)
    problem = cp.Problem(cp.Maximize(cp.trace(matrix @ x)), [cp.diag(x) == 1])
    problem.solve(solver="SCS", eps_rel=tolerance, eps_abs=tolerance)
    return torch.tensor([math.sqrt(problem.value)])


def one_by_one(bound: Callable[..., Tensor], *stacks: Tensor) -> Tensor:
    """The same bound, network by network."""
    return torch.cat([bound(*(each[i : i + 1] for each in stacks)) for i in range(len(stacks[0]))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one turn, fewer and smaller networks")
    parser.add_argument("--csv", type=Path, default=OUT, help="write the rows to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    count, units, pixels = (10, 32, 32) if arguments.quick else (NETWORKS, UNITS, PIXELS)
    first, outer, x = networks(count, units, pixels)
    lower(first[:1], outer[:1], x[:1])  # what torch.func loads at its first call is no part of it
    exact = float(upper(first[:1], outer[:1]))
    tolerance = next(t for t in TOLERANCES if abs(float(solver(first, outer, t)) / exact - 1) < PRECISION)
    ways: dict[str, tuple[int, Callable[[], Tensor]]] = {
        "lower, one call": (count, lambda: lower(first, outer, x)),
        "lower, a loop": (count, lambda: one_by_one(lower, first, outer, x)),
        "upper, one call": (count, lambda: upper(first, outer)),
        "upper, a loop": (count, lambda: one_by_one(upper, first, outer)),
        f"relaxation by SCS, tolerance {tolerance:g}": (1, lambda: solver(first, outer, tolerance)),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    found: dict[str, Tensor] = {}
    for _ in range(1 if arguments.quick else TURNS):
        for way, (_, bound) in ways.items():
            if times[way] and times[way][0] > LONG:
                continue
            start = time.perf_counter()
            found[way] = bound()
            times[way].append(time.perf_counter() - start)
    each = {way: statistics.median(seconds) / ways[way][0] for way, seconds in times.items()}
    ours = {way: each[f"{'lower' if way.startswith('lower') else 'upper'}, one call"] for way in ways}
    made_by = {**environment(), **(commit(Path(__file__).parent.parent) or {})}
    rows = []
    for way in ways:
        tight = found[way] / found["upper, one call"][: len(found[way])]
        row = {
            "way": way,
            "networks": ways[way][0],
            "k": units,
            "d": pixels,
            "seconds a network": f"{each[way]:.4g}",
            "over ours in one call": f"{each[way] / ours[way]:.3g}",
            "over our upper bound, mean": f"{float(tight.mean()):.5f}",
            "turns": len(times[way]),
        }
        print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        rows.append({**row, "environment": json.dumps(made_by)})
    with arguments.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
