"""One rule for all activations, depths, laws and data sets? Infinitely wide networks against the rules of seed 001."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from almostnothing import corruptions, data, stats
from almostnothing.corruptions import Corruption
from almostnothing.params import Heavy, Universality
from almostnothing.tables import rules
from almostnothing.tables.infinite import draw
from almostnothing.tables.trained import first_tests
from almostnothing.theory import kernels, prototypes
from almostnothing.training import device_for

DIGITS = 6
RULES = ("ncm", "first_order", "resummed")
TILT = {"first_order": "FO", "untilted": "FO without tilt", "ncm": "NCM", "correlation": "correlation"}
KINDS = ["law", "activation", "depth"]


def table(parameters: Universality, folder: Path) -> pd.DataFrame:
    """One row for each data set, law, activation, depth, shift, seed and rule: agreement with kernel regression.

    Test images are clean. `part` is "matrix", or "tilt" for the laws of `second_moments`, with one more rule:
    "untilted", `prototypes.first_order` without its term in |x̃|². `exact`, `accuracy`: of the network and of the rule.
    `tilt`: mean κ over test images. `noise`: see `noise_ratio`. `moment`: second moment of a replaced pixel.
    """
    device = device_for(parameters.compute.device)
    rows = []
    for source in parameters.sources(folder):
        dataset = data.load(source, folder)
        tests, labels = first_tests(dataset, parameters.images, device)
        for part, laws in (("matrix", parameters.laws), ("tilt", parameters.second_moments)):
            for heavy, seed in itertools.product(laws, parameters.seeds):
                record = heavy.corruption.record()
                law = corruptions.build(record, dataset)
                x, y = draw(dataset, record, parameters.train_size, heavy.strength, seed, device)
                head = {
                    "part": part,
                    "dataset": source.name,
                    "law": f"{law.name}, {heavy.strength:g}",
                    "noise": noise_ratio(law, tests.double().cpu().numpy(), heavy.strength),
                    "moment": heavy.moment if part == "tilt" else np.nan,
                    "seed": seed,
                }
                for row in _networks(parameters, heavy, law, x, y, tests, labels, part):
                    rows.append(head | row)
    return pd.DataFrame(rows).round(DIGITS)


def noise_ratio(law: Corruption, x: np.ndarray, strength: float) -> float:
    """A pixel's noise over what is left of its signal: √(mean variance) / (E[x̃|1] − E[x̃|0]); σ for additive noise."""
    low, high = law.mean(np.array([0.0, 1.0]), strength)
    return float(np.sqrt(law.variance(x, strength).mean()) / (high - low))


def _networks(
    parameters: Universality,
    heavy: Heavy,
    law: Corruption,
    x: torch.Tensor,
    y: torch.Tensor,
    tests: torch.Tensor,
    labels: torch.Tensor,
    part: str,
) -> Iterator[dict[str, Any]]:
    for activation, depth, shift in itertools.product(parameters.activations, parameters.depths, parameters.shifts):
        network = kernels.Architecture(activation, depth)
        training, points = prototypes.Training.of(x - shift, y), tests.double() - shift
        exact = rules.regression(network, training.images, training.targets, [points])[0]
        about = prototypes.expansion(network, training, points)
        found = rules.scores(about, training, points, law, heavy.strength, shift)
        if part == "tilt":
            flat = replace(about, tilt=torch.zeros_like(about.tilt))
            found["untilted"] = prototypes.first_order(points, training, flat)
        for rule, scores in found.items():
            yield {
                "activation": activation,
                "depth": depth,
                "shift": shift,
                "rule": rule,
                "agreement": float(rules.same(scores, exact).double().mean()),
                "accuracy": float((scores.argmax(1) == labels).double().mean()),
                "exact": float((exact.argmax(1) == labels).double().mean()),
                "tilt": float(about.tilt.mean()),
            }


def matrix(found: pd.DataFrame) -> pd.DataFrame:
    """Mean agreement: rows activation and depth, columns laws."""
    wide = found.pivot_table("agreement", ["activation", "depth"], "law", sort=False)
    return wide.set_axis([" ".join(map(str, key)) for key in wide.index])


def inputs(shift: float) -> str:
    """A shift in words."""
    return f"inputs − {shift:g}" if shift else "raw inputs"


def over_networks(found: pd.DataFrame) -> pd.DataFrame:
    """Agreement of each rule and seed averaged over activations and depths, at each second moment."""
    return found.groupby(["rule", "moment", "seed"])["agreement"].mean().reset_index()


def reach(found: pd.DataFrame, limit: float) -> pd.DataFrame:
    """The share of activations and depths with which a rule surely agrees on more than `limit` of the points.

    Surely: by the lower end of the 95 % interval over seeds. Rows shift, data set, law and noise ratio, columns rules.
    """
    by = ["shift", "dataset", "law", "noise", "rule", "activation", "depth"]
    lower = (
        found[found["rule"].isin(RULES)]
        .groupby(by, sort=False)["agreement"]
        .apply(lambda a: stats.mean_interval(a).low)
    )
    shares = (lower > limit).groupby(by[:5], sort=False).mean().unstack("rule")
    return shares[list(RULES)].rename(columns=rules.NAMES)


def gain(found: pd.DataFrame) -> stats.Interval:
    """What the tilt adds to FO's agreement at the largest second moment, less that at the smallest; paired by seed."""
    by = ["seed", "activation", "depth"]
    added = found.pivot_table("agreement", [*by, "moment"], "rule")
    added = (added["first_order"] - added["untilted"]).unstack("moment")
    return stats.mean_interval((added[added.columns.max()] - added[added.columns.min()]).groupby("seed").mean())
