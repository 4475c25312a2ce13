"""Infinitely wide networks of seed 001 against their approximations, and networks of growing width against them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from almostnothing import corruptions, data
from almostnothing.cells import Cell
from almostnothing.corruptions.law import Corruption
from almostnothing.devices import device_for
from almostnothing.health import DIVERGED, LEARNED
from almostnothing.measures import rules
from almostnothing.measures.linearised import Linearised
from almostnothing.measures.naming import SCALED
from almostnothing.measures.trained import chosen_tests, draw, opened, stacks, training_set
from almostnothing.networks import centre
from almostnothing.pages.infinite_width.parameters import Infinite, InfiniteWidth
from almostnothing.store import Store
from almostnothing.tables import head
from almostnothing.theory import kernels, prototypes

QUANTILES = (0.1, 0.5, 0.9)


def table(parameters: InfiniteWidth, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """Three kinds of rows, told apart by `what`. Test images are clean.

    "infinite", networks that learn by definition, for they are trained to convergence: one row for each data set,
    network, N, p, seed and rule: `agreement` of the rule with exact kernel regression, of all points and by fifths of
    the regression's logit gap from the smallest on (`fifth_1` to `_5`), its accuracy and that of the regression
    (`exact`); of rules that predict outputs, `remainder_10`, `_50`, `_90`: quantiles over test images of twice the
    largest error of an output over the logit gap, below 1 of which no decision can flip, and `bounded`, the share of
    images where it is below 1. `predicted`: the agreement at vanishing signal of rules with and without ridge, by
    Marchenko and Pastur's law with `rho`, the ridge in units of N times a pixel's variance.

    "finite": one for each trained network: `agreement` with the infinitely wide network that starts from the same
    function, and `difference`, the root mean square of their outputs' difference over that of the latter's outputs;
    `agreement_own` with the network of its width that is linearised about that start and trained as long, whose kernel
    is Θ̂ in place of Θ (`Linearised`), and `difference_own` from it, over the same.

    "own": one for each network of `fluctuation`, which is not trained, and from zero in place of its own function:
    `agreement` of regression with its kernel, Θ̂, with regression with Θ; `contrast`, the root mean square of the
    latter's outputs less their mean over classes, which no decision depends on; `shifted`, that of the difference of
    both; and `started`, the agreement of the infinitely wide network that starts from the network's function with the
    one that starts from zero.
    """
    device = device_for(parameters.compute.device)
    infinite, own = _infinite(parameters, folder, device), _own(parameters, folder, cells, device)
    return pd.DataFrame([*infinite, *own, *_finite(parameters, folder, cells, keep, device)])


def _infinite(parameters: InfiniteWidth, folder: Path, device: torch.device) -> Iterator[dict[str, Any]]:
    record = parameters.sweep.corruption.record()
    for source in parameters.sources(folder):
        dataset = data.load(source, folder)
        law = corruptions.law_of(record, dataset)
        tests, labels = chosen_tests(dataset, parameters.images, device)
        for one, strength, seed in itertools.product(parameters.infinite, parameters.strength, parameters.seeds):
            for size in one.train_size:
                x, y = draw(dataset, record, size, strength, seed, device)
                head = {
                    "what": "infinite",
                    "dataset": source.name,
                    "pixels": source.facts.pixels,
                    "train_size": size,
                    "strength": strength,
                    "activation": one.activation,
                    "depth": one.depth,
                    "shift": one.shift,
                    "status": LEARNED,
                    "seed": seed,
                }
                for row in compared(one, x, y, tests, labels, law, strength):
                    yield head | row


def compared(
    one: Infinite, x: Tensor, y: Tensor, tests: Tensor, labels: Tensor, law: Corruption, strength: float
) -> Iterator[dict[str, Any]]:
    """The columns of the "infinite" rows of one training set: one dictionary for each rule."""
    network = kernels.Architecture(one.activation, one.depth)
    training = prototypes.Training.of(x - one.shift, y)
    points = tests.double() - one.shift
    exact = rules.regression(network, training.images, training.targets, [points])[0]
    about = prototypes.expansion(network, training, points)
    rho = about.ridge / (len(x) * float(training.images.var(0).mean()))
    classes = training.targets.shape[1]
    r = prototypes.ridge_correlation(x.shape[1] / len(x), rho) if rho > 0 else np.nan
    shared = {
        "exact": float((exact.argmax(1) == labels).double().mean()),
        "rho": rho,
        "predicted": prototypes.agreement(r, classes) if np.isfinite(r) else np.nan,
    }
    for rule, scores in rules.scores(about, training, points, law, strength, one.shift).items():
        agree = rules.same(scores, exact)
        parts = rules.breakdown(agree, rules.margin(exact), labels)
        row = {"rule": rule, "accuracy": float((scores.argmax(1) == labels).double().mean())}
        row |= {name: value for name, value in parts.items() if not name.startswith("class")}
        if rule in SCALED:
            remainder = 2 * (scores - exact).abs().amax(1) / rules.margin(exact)
            levels = torch.tensor(QUANTILES, dtype=torch.float64, device=x.device)
            quantiles = torch.quantile(remainder, levels).tolist()
            row |= {f"remainder_{100 * q:.0f}": value for q, value in zip(QUANTILES, quantiles, strict=True)}
            row["bounded"] = float((remainder < 1).double().mean())
        yield row | shared


def _finite(
    parameters: InfiniteWidth, folder: Path, cells: Sequence[Cell], keep: Store, device: torch.device
) -> Iterator[dict[str, Any]]:
    for group, model in stacks(cells, keep, device):
        dataset, law = opened(group[0], folder)
        tests, _ = chosen_tests(dataset, parameters.images, device)
        for index, cell in enumerate(group):
            first = {"what": "finite", **head(cell, keep), "rule": "ntk"}
            if first["status"] == DIVERGED:
                names = ("agreement", "difference", "agreement_own", "difference_own")
                yield first | dict.fromkeys(names, np.nan)
                continue
            x, y = training_set(cell, dataset, law, device)
            seen, points = (images - centre(cell, dataset) for images in (x, tests))
            start, target = rules.start(cell, points), torch.nn.functional.one_hot(y).double() - rules.start(cell, seen)
            infinite = start + rules.regression(rules.architecture(cell), seen.double(), target, [points.double()])[0]
            time = cell.learning_rate * cell.steps / cell.train_size
            own = start + Linearised.at_start(cell, device).regression(seen, target, points, time)
            outputs = model.select([index])(tests[None])[0].detach().double()
            yield first | {
                "agreement": agreement(outputs, infinite),
                "difference": size(outputs - infinite) / size(infinite),
                "agreement_own": agreement(outputs, own),
                "difference_own": size(outputs - own) / size(infinite),
            }


def untrained(parameters: InfiniteWidth, cells: Sequence[Cell]) -> Iterator[Cell]:
    """The networks of `fluctuation` for each data set, in all else as the trained ones."""
    alike = {cell.source: cell for cell in cells}.values()
    chosen = parameters.fluctuation
    for cell, width, p, seed in itertools.product(alike, chosen.width, chosen.strength, parameters.seeds):
        yield replace(cell, width=width, strength=p, seed=seed)


def _own(
    parameters: InfiniteWidth, folder: Path, cells: Sequence[Cell], device: torch.device
) -> Iterator[dict[str, Any]]:
    axes_of = ("dataset", "train_size", "strength", "width", "activation", "depth", "shift", "seed")
    for cell in untrained(parameters, cells):
        dataset, law = opened(cell, folder)
        tests, _ = chosen_tests(dataset, parameters.images, device)
        x, y = training_set(cell, dataset, law, device)
        seen, points = (images - centre(cell, dataset) for images in (x, tests))
        first = {name: getattr(cell, name) for name in axes_of}
        first |= {"what": "own", "pixels": cell.source.facts.pixels, "status": LEARNED}
        yield first | fluctuation(cell, seen, torch.nn.functional.one_hot(y).double(), points)


def fluctuation(
    cell: Cell,
    seen: Float[Tensor, "image pixel"],
    targets: Float[Tensor, "image label"],
    points: Float[Tensor, "point pixel"],
) -> dict[str, float]:
    """The columns of an "own" row, from a training set and test images as the network sees them."""
    both = torch.cat([targets, rules.start(cell, seen)], 1)
    found = rules.regression(rules.architecture(cell), seen.double(), both, [points.double()])[0]
    infinite, forgotten = found.tensor_split(2, dim=1)
    own = Linearised.at_start(cell, seen.device).regression(seen, targets, points)
    contrast, own_contrast = (outputs - outputs.mean(1, keepdim=True) for outputs in (infinite, own))
    return {
        "agreement": agreement(own, infinite),
        "contrast": size(contrast),
        "shifted": size(own_contrast - contrast),
        "started": agreement(rules.start(cell, points) + infinite - forgotten, infinite),
    }


def agreement(first: rules.Scores, second: rules.Scores) -> float:
    """The share of points at which both choose the same class."""
    return float(rules.same(first, second).double().mean())


def size(values: Tensor) -> float:
    """The root mean square."""
    return float(values.square().mean().sqrt())
