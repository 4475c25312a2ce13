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

from almostnothing import corruptions, data
from almostnothing.corruptions.labels import label
from almostnothing.corruptions.law import Corruption
from almostnothing.devices import device_for
from almostnothing.measures import rules
from almostnothing.measures.trained import chosen_tests, draw
from almostnothing.pages.universality.parameters import Heavy, Universality
from almostnothing.theory import kernels, prototypes


def table(parameters: Universality, folder: Path) -> pd.DataFrame:
    """One row for each data set, law, activation, depth, shift and seed: agreement of each rule with kernel regression.

    Test images are clean. `part` is "matrix", or "tilt" for the laws of `second_moments`, with one more rule:
    "untilted", `prototypes.first_order` without its term in |x̃|². `exact` and `<rule>_accuracy`: shares of right
    choices of the network and of each rule.
    `tilt`: mean κ over test images. `noise`: see `noise_ratio`. `moment`: second moment of a replaced pixel.
    """
    device = device_for(parameters.compute.device)
    rows = []
    for source in parameters.sources(folder):
        dataset = data.load(source, folder)
        tests, labels = chosen_tests(dataset, parameters.images, device)
        for part, laws in (("matrix", parameters.laws), ("tilt", parameters.second_moments)):
            for heavy, seed in itertools.product(laws, parameters.seeds):
                record = heavy.corruption.record()
                law = corruptions.law_of(record, dataset)
                x, y = draw(dataset, record, parameters.train_size, heavy.strength, seed, device)
                head = {
                    "part": part,
                    "dataset": source.name,
                    "law": f"{label(law)}, {heavy.strength:g}",
                    "noise": noise_ratio(law, tests.double().cpu().numpy(), heavy.strength),
                    "moment": heavy.moment if part == "tilt" else np.nan,
                    "seed": seed,
                }
                for row in _networks(parameters, heavy, law, x, y, tests, labels, part):
                    rows.append(head | row)
    return pd.DataFrame(rows)


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
        row = {
            "activation": activation,
            "depth": depth,
            "shift": shift,
            "exact": rules.accuracy(exact, labels),
            "tilt": float(about.tilt.mean()),
        }
        for rule, scores in found.items():
            row[f"{rule}_agreement"] = float(rules.same(scores, exact).double().mean())
            row[f"{rule}_accuracy"] = rules.accuracy(scores, labels)
        yield row
