"""The referee's table of seed 001: on what share of test points a trained network and each rule choose one class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from almostnothing import networks
from almostnothing.cells import Cell
from almostnothing.corruptions.law import Corruption
from almostnothing.data.datasets import Dataset
from almostnothing.devices import device_for
from almostnothing.health import DIVERGED
from almostnothing.measures import rules
from almostnothing.measures.trained import (
    chosen_tests,
    corrupted_tests,
    opened,
    stacks,
    training_set,
)
from almostnothing.networks import centre
from almostnothing.pages.prototype.parameters import Prototype
from almostnothing.store import Store
from almostnothing.tables import axes, head
from almostnothing.theory import prototypes

CENTRES = torch.linspace(-1, 4, 101, dtype=torch.float64)  # λ among which "fit" chooses


DIGITS = 3  # of its numbers, which are shares of some hundreds of images, in the file
BY_CLASS = ("ncm", "resummed", "ntk")  # rules of which the table has the agreement on each class


def table(parameters: Prototype, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """One row for each network and test: the share of test images on which each rule agrees with it, and where.

    Rules as in `rules.scores`, for the infinitely wide network of the same activation, depth and initial weights; "ntk"
    that network itself, up to N = `kernel_size`, and where squared error was trained "lazy", the same from the
    network's own random start. "fit": ⟨x − λm, mᵢ − m⟩ with the λ that agrees best on the first half of the test
    points; its agreement is that on the other half. Columns `<rule>_<value>`: as in `rules.breakdown`, and `accuracy`
    of the rule; `network` is that of the network. "twin": the network that differs from it in the initial weights
    alone, where there is one, by fifths of the network's own logit gap. The row of a twin itself has its accuracy and
    nothing else. Of a diverged network all are NaN.
    """
    found = pd.DataFrame(_rows(parameters, folder, cells, keep))
    return found.sort_values([*axes(cells[0]), "test"], ignore_index=True)


def _rows(parameters: Prototype, folder: Path, cells: Sequence[Cell], keep: Store) -> Iterator[dict[str, Any]]:
    device = device_for(parameters.compute.device)
    twins = {replace(cell, initialisation=0): cell for cell in cells if cell.initialisation}
    for group, model in stacks(cells, keep, device):
        dataset, law = opened(group[0], folder)
        clean, labels = chosen_tests(dataset, parameters.images, device)
        for index, cell in enumerate(group):
            points = {"clean": clean, "corrupted": corrupted_tests(cell, dataset, law, clean)}
            outputs = {test: model.select([index])(x[None])[0].detach().double() for test, x in points.items()}
            diverged = head(cell, keep)["status"] == DIVERGED
            compared = not diverged and not cell.initialisation
            with_kernel = cell.train_size <= parameters.kernel_size and compared
            other = twin_of(twins[cell], keep, device) if compared and cell in twins else None
            exact = infinitely_wide(cell, dataset, law, points) if with_kernel else {test: {} for test in points}
            for test, x in points.items():
                found = {**head(cell, keep), "test": test}
                if diverged:
                    yield found | {"network": np.nan}
                    continue
                found["network"] = rules.accuracy(outputs[test], labels)
                if not compared:
                    yield found
                    continue
                if other is not None:
                    agree = rules.same(other(x[None])[0], outputs[test])
                    own = rules.breakdown(agree, rules.margin(outputs[test]), labels)
                    found |= {f"twin_{name}": share for name, share in own.items() if not name.startswith("class_")}
                for row in _compared(cell, dataset, law, x, labels, outputs[test], exact[test]):
                    found |= {f"{row['rule']}_{name}": value for name, value in row.items() if name != "rule"}
                yield found


def twin_of(twin: Cell, keep: Store, device: torch.device) -> networks.Stack | None:
    """The network that began with other weights, as a stack of one; None if it diverged."""
    if head(twin, keep)["status"] == DIVERGED:
        return None
    model = networks.stack(twin, 1)
    model.take(0, keep.weights(twin))
    return model.to(device)


def infinitely_wide(
    cell: Cell, dataset: Dataset, law: Corruption, points: dict[str, Tensor]
) -> dict[str, dict[str, Tensor]]:
    """Outputs of "ntk" and, for squared error, "lazy" at each test's points, from one factorisation."""
    clean, shift = next(iter(points.values())), centre(cell, dataset)
    seen, y = training_set(cell, dataset, law, clean.device)
    training = prototypes.Training.of(seen - shift, y)
    targets = training.targets
    if cell.loss == "mse":
        targets = torch.cat([targets, torch.nn.functional.one_hot(y).double() - rules.start(cell, seen - shift)], 1)
    shifted = [x.double() - shift for x in points.values()]
    found = rules.regression(rules.architecture(cell), training.images, targets, shifted)
    classes = training.targets.shape[1]
    outputs = {test: {"ntk": columns[:, :classes]} for test, columns in zip(points, found, strict=True)}
    if cell.loss == "mse":
        for (test, x), columns in zip(points.items(), found, strict=True):
            outputs[test]["lazy"] = rules.start(cell, x - shift) + columns[:, classes:]
    return outputs


def _compared(
    cell: Cell,
    dataset: Dataset,
    law: Corruption,
    points: Tensor,
    labels: Tensor,
    outputs: Tensor,
    exact: dict[str, Tensor],
) -> Iterator[dict[str, Any]]:
    """The columns of each rule for one network and test."""
    seen, y = training_set(cell, dataset, law, points.device)
    shift = centre(cell, dataset)
    training, x = prototypes.Training.of(seen - shift, y), points.double() - shift
    about = prototypes.expansion(rules.architecture(cell), training, x)
    found = rules.scores(about, training, x, law, cell.strength, shift) | exact
    for rule, scores in found.items():
        own = rules.breakdown(rules.same(scores, outputs), rules.margin(scores), labels)
        if rule not in BY_CLASS:
            own = {name: share for name, share in own.items() if not name.startswith("class_")}
        yield {"rule": rule, "accuracy": rules.accuracy(scores, labels)} | own
    agreement, best = fitted(training, x, outputs)
    yield {"rule": "fit", "agreement": agreement, "centre": best}


def fitted(
    training: prototypes.Training, x: Float[Tensor, "point pixel"], outputs: Float[Tensor, "point label"]
) -> tuple[float, float]:
    """Agreement of ⟨x − λm, mᵢ − m⟩ with a network on the second half of the points, with the best λ of the first."""
    mean = training.images.mean(0)
    apart = training.means(training.images) - mean
    found = (x @ apart.T)[None] - CENTRES.to(x)[:, None, None] * (apart @ mean)
    agree = (found.argmax(2) == outputs.argmax(1)).double()
    half = len(x) // 2
    best = int(agree[:, :half].mean(1).argmax())
    return float(agree[best, half:].mean()), float(CENTRES[best])
