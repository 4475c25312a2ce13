"""The referee's table of seed 001: on what share of test points a trained network and each rule choose one class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from almostnothing import corruptions, stats, streams
from almostnothing.cells import Cell
from almostnothing.corruptions import Corruption
from almostnothing.data import Dataset
from almostnothing.params import Agreement
from almostnothing.store import Store, axes, short_key
from almostnothing.tables import rules
from almostnothing.tables.trained import (
    clean_training_set,
    corrupted_tests,
    first_tests,
    opened,
    stacks,
    training_set,
)
from almostnothing.theory import prototypes
from almostnothing.training import device_for

NAMES = rules.NAMES | {"ntk": "NTK", "lazy": "NTK from its start", "fit": "fit λ", "self": "NCM, other noise"}
CENTRES = torch.linspace(-1, 4, 101, dtype=torch.float64)  # λ among which "fit" chooses
DIGITS = 5
VARIED = {  # columns of the table that a panel varies alone, and how it calls them
    "train_size": "N",
    "steps": "training steps",
    "shift": "taken from every pixel",
    "objective": "loss",
}
SIZES = ("train_size", "steps")  # of these, those that are on a logarithmic axis
CLAIMS = [  # rule, threshold, tests, and what is claimed
    ("ncm", "majority", ("clean", "corrupted"), "network and NCM agree on a majority of points"),
    ("ncm", "same", ("clean", "corrupted"), "the network is NCM"),
    ("debiased", "same", ("clean",), "the network is debiased NCM"),
    ("correlation", "same", ("clean",), "the network is the correlation rule"),
    ("first_order", "same", ("clean", "corrupted"), "the network is FO"),
    ("resummed", "same", ("clean", "corrupted"), "the network is the ridge rule"),
    ("ntk", "same", ("clean", "corrupted"), "the network is regression with the NTK"),
]


def table(parameters: Agreement, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """One row for each network, test and rule: the share of test images on which they agree, and where.

    Rules as in `rules.scores`, for the infinitely wide network of the same activation, depth and initial weights; "ntk"
    that network itself, up to N = `kernel_size`, and where squared error was trained "lazy", the same from the
    network's own random start. "fit": ⟨x − λm, mᵢ − m⟩ with the λ that agrees best on the first half of the test
    points; its agreement is that on the other half. "self" has no network: NCM against NCM from another corruption of
    the same training images, which tells how noisy the class means are. Columns as in `rules.breakdown`, and `accuracy`
    of the rule, `network` of the network. Of a diverged network all these are NaN.
    """
    found = pd.DataFrame(_rows(parameters, folder, cells, keep))
    shares = found.select_dtypes("float").columns.drop(["strength", "shift"])
    return found.round(dict.fromkeys(shares, DIGITS)).sort_values([*axes(cells[0]), "test"], ignore_index=True)


def _rows(parameters: Agreement, folder: Path, cells: Sequence[Cell], keep: Store) -> Iterator[dict[str, Any]]:
    device = device_for(parameters.compute.device)
    for group, model in stacks(cells, keep, device):
        dataset, law = opened(group[0], folder)
        clean, labels = first_tests(dataset, parameters.images, device)
        for index, cell in enumerate(group):
            points = {"clean": clean, "corrupted": corrupted_tests(cell, law, clean)}
            outputs = {test: model.select([index])(x[None])[0].detach().double() for test, x in points.items()}
            diverged = keep.rows(cell)[0]["diverged"]
            with_kernel = cell.train_size <= parameters.kernel_size and not diverged
            exact = infinitely_wide(cell, dataset, law, points) if with_kernel else {test: {} for test in points}
            for test, x in points.items():
                head = {**axes(cell), "test": test, "cell": short_key(cell)}
                if diverged:
                    yield from (head | {"rule": rule, "agreement": np.nan} for rule in rules.NAMES)
                    continue
                head["network"] = _accuracy(outputs[test], labels)
                for row in _compared(cell, dataset, law, x, labels, outputs[test], exact[test]):
                    yield head | row


def infinitely_wide(
    cell: Cell, dataset: Dataset, law: Corruption, points: dict[str, Tensor]
) -> dict[str, dict[str, Tensor]]:
    """Outputs of "ntk" and, for squared error, "lazy" at each test's points, from one factorisation."""
    clean = next(iter(points.values()))
    seen, y = training_set(cell, dataset, law, clean.device)
    training = prototypes.Training.of(seen - cell.shift, y)
    targets = training.targets
    if cell.loss == "mse":
        targets = torch.cat([targets, torch.nn.functional.one_hot(y).double() - rules.start(cell, seen)], 1)
    shifted = [x.double() - cell.shift for x in points.values()]
    found = rules.regression(rules.architecture(cell), training.images, targets, shifted)
    classes = training.targets.shape[1]
    outputs = {test: {"ntk": columns[:, :classes]} for test, columns in zip(points, found, strict=True)}
    if cell.loss == "mse":
        for (test, x), columns in zip(points.items(), found, strict=True):
            outputs[test]["lazy"] = rules.start(cell, x) + columns[:, classes:]
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
    training, x = prototypes.Training.of(seen - cell.shift, y), points.double() - cell.shift
    about = prototypes.expansion(rules.architecture(cell), training, x)
    found = rules.scores(about, training, x, law, cell.strength, cell.shift) | exact
    for rule, scores in found.items():
        own = rules.breakdown(rules.same(scores, outputs), rules.margin(scores), labels)
        yield {"rule": rule, "accuracy": _accuracy(scores, labels)} | own
    clean, y, _ = clean_training_set(dataset, cell.train_size, cell.seed, points.device)
    key = streams.stream_key(cell.seed, "other training corruption", cell.stream())
    again = prototypes.Training.of(corruptions.corrupted(law, clean, cell.strength, key) - cell.shift, y)
    second = prototypes.nearest_mean(x, again.means(again.images))
    own = rules.breakdown(rules.same(found["ncm"], second), rules.margin(found["ncm"]), labels)
    yield {"rule": "self", "accuracy": _accuracy(second, labels)} | own
    agreement, centre = fitted(training, x, outputs)
    yield {"rule": "fit", "agreement": agreement, "centre": centre}


def _accuracy(scores: Float[Tensor, "point label"], labels: Tensor) -> float:
    return float((scores.argmax(1) == labels).double().mean())


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


def usual(cells: Sequence[Cell]) -> dict[str, Any]:
    """The values that the sweep's first network has in columns that may vary, by which a panel fixes the others."""
    first = axes(cells[0])
    return {name: first[name] for name in ("train_size", "shift", "objective", "steps")}


def at(found: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """The rows with these values."""
    return found[(found[list(values)] == pd.Series(values)).all(axis=1)]


def centre(found: pd.DataFrame, cells: Sequence[Cell]) -> pd.DataFrame:
    """The rows of the width and depth at which most else is varied."""
    kinds = found.groupby(["width", "depth"])[list(usual(cells))].nunique().sum(axis=1)
    width, depth = kinds.index[int(kinds.to_numpy().argmax())]
    return at(found, width=width, depth=depth)


def varied(rows: pd.DataFrame, values: dict[str, Any], column: str) -> pd.DataFrame:
    """The rows that have the usual values in all but one column."""
    return at(rows, **{name: value for name, value in values.items() if name != column})


def fifths(rows: pd.DataFrame) -> pd.DataFrame:
    """Agreement by fifths of a rule's own margin, in long form: the first fifth is nearest to the rule's boundary."""
    parts = [rows.assign(fifth=k, agreement=rows[f"fifth_{k}"]) for k in range(1, rules.BINS + 1)]
    return pd.concat(parts)[["rule", "seed", "fifth", "agreement"]].dropna()


def described(rows: pd.DataFrame, values: dict[str, Any]) -> str:
    """In words, what the networks of these rows have in common."""
    first = rows.iloc[0]
    loss = values["objective"].replace("_", "-").replace("mse", "squared error")
    layers = "1 hidden layer" if first["depth"] == 2 else f"{first['depth'] - 1} hidden layers"
    return f"N = {values['train_size']:,}, {layers} of width {first['width']:,}, {loss}, {values['steps']:,} steps"


def grid(rows: pd.DataFrame, rule: str) -> pd.DataFrame:
    """Agreement with a rule as text, mean over seeds ± 95 %: rows p, columns hidden layers and width."""
    own = rows[rows["rule"] == rule].assign(hidden=lambda t: t["depth"] - 1)

    def words(values: pd.Series) -> str:
        mean = stats.mean_interval(values)
        return f"{mean.mean:.2f} ± {mean.high - mean.mean:.2f}"

    wide = own.groupby(["strength", "hidden", "width"])["agreement"].apply(words).unstack(["hidden", "width"])
    return wide.sort_index(axis=1).fillna("–")


def by_class(rows: pd.DataFrame, chosen: Sequence[str]) -> pd.DataFrame:
    """Mean agreement on the test images of each class: rows data set, p and rule."""
    own = rows[rows["rule"].isin(chosen)].assign(rule=lambda t: t["rule"].map(NAMES))
    classes = [name for name in rows.columns if name.startswith("class_")]
    return own.groupby(["dataset", "strength", "rule"], sort=False)[classes].mean().rename(columns=lambda c: c[6:])
