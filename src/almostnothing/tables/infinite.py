"""Infinitely wide networks of seed 001 against their approximations, and networks of growing width against them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from almostnothing import corruptions, data, stats, streams
from almostnothing.cells import Cell, Law
from almostnothing.corruptions import Corruption
from almostnothing.data import Dataset
from almostnothing.params import Infinite, InfiniteWidth
from almostnothing.store import Store, axes, read_table, short_key
from almostnothing.tables import rules
from almostnothing.tables.trained import clean_training_set, first_tests, opened, stacks, training_set
from almostnothing.theory import kernels, prototypes
from almostnothing.training import device_for

QUANTILES = (0.1, 0.5, 0.9)
CLAIMS = {
    "ncm": "the infinitely wide network is NCM",
    "first_order": "the infinitely wide network is FO",
    "resummed": "the infinitely wide network is the ridge rule",
}
SCALED = ("first_order", "resummed")  # rules that predict the outputs themselves, not their order alone


def table(parameters: InfiniteWidth, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """Two kinds of rows, told apart by `what`. Test images are clean.

    "infinite": one for each data set, network, N, p, seed and rule: `agreement` of the rule with exact kernel
    regression, of all points and by fifths of the regression's logit gap from the smallest on (`fifth_1` to `_5`), its
    accuracy and that of the regression (`exact`); of rules that predict outputs, `remainder_10`, `_50`, `_90`:
    quantiles over test images of twice the largest error of an output over the logit gap, below 1 of which no decision
    can flip, and `bounded`, the share of images where it is below 1. `predicted`: the agreement at vanishing signal of
    rules with and without ridge, by Marchenko and Pastur's law with `rho`, the ridge in units of N times a pixel's
    variance.

    "finite": one for each trained network: `agreement` with the infinitely wide network that starts from the same
    function, and `difference`, the root mean square of their outputs' difference over that of the latter's outputs.
    """
    device = device_for(parameters.compute.device)
    rows = [*_infinite(parameters, folder, device), *_finite(parameters, folder, cells, keep, device)]
    found = pd.DataFrame(rows)
    numbers = found.select_dtypes("float").columns.drop(["strength", "shift"])
    return found.assign(**{name: found[name].map("{:.6g}".format).astype(float) for name in numbers})


def draw(
    dataset: Dataset, record: Law, size: int, strength: float, seed: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """A corrupted balanced training set that no network was trained on: images (image, pixel) and labels."""
    clean, y, _ = clean_training_set(dataset, size, seed, device)
    key = streams.stream_key(seed, "kernel training corruption", record.name, record.options, strength)
    return corruptions.corrupted(corruptions.build(record, dataset), clean, strength, key), y


def _infinite(parameters: InfiniteWidth, folder: Path, device: torch.device) -> Iterator[dict[str, Any]]:
    record = parameters.sweep.corruption.record()
    for source in parameters.sources(folder):
        dataset = data.load(source, folder)
        law = corruptions.build(record, dataset)
        tests, labels = first_tests(dataset, parameters.images, device)
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
        tests, _ = first_tests(dataset, parameters.images, device)
        for index, cell in enumerate(group):
            head = {"what": "finite", **axes(cell), "rule": "ntk", "cell": short_key(cell)}
            if keep.rows(cell)[0]["diverged"]:
                yield head | {"agreement": np.nan, "difference": np.nan}
                continue
            x, y = training_set(cell, dataset, law, device)
            target = torch.nn.functional.one_hot(y).double() - rules.start(cell, x)
            seen, points = (images.double() - cell.shift for images in (x, tests))
            change = rules.regression(rules.architecture(cell), seen, target, [points])[0]
            infinite = rules.start(cell, tests) + change
            outputs = model.select([index])(tests[None])[0].detach().double()
            difference = (outputs - infinite).square().mean().sqrt() / infinite.square().mean().sqrt()
            agreement = float(rules.same(outputs, infinite).double().mean())
            yield head | {"agreement": agreement, "difference": float(difference)}


def read(path: Path, cells: Sequence[Cell]) -> pd.DataFrame:
    """The published table: all "infinite" rows, and the "finite" ones of these cells; `load` is N/d.

    Raises `UserError` as `store.read_table`.
    """
    finite = read_table(path, cells)
    found = pd.concat([pd.read_csv(path).query("what == 'infinite'"), finite], ignore_index=True)
    return found.assign(load=found["train_size"] / found["pixels"])


def of(found: pd.DataFrame, one: Infinite) -> pd.DataFrame:
    """The rows of one infinitely wide network."""
    same = (found["activation"] == one.activation) & (found["depth"] == one.depth) & (found["shift"] == one.shift)
    return found[same & found["train_size"].isin(one.train_size)]


def boundary(found: pd.DataFrame, rule: str, limit: float) -> pd.DataFrame:
    """The largest N/d up to which a rule surely agrees with kernel regression on more than `limit` of the points.

    Surely: by the lower end of the 95 % interval over seeds. Rows p, columns data sets; NaN where it fails at the
    smallest N already.
    """
    own = found[found["rule"] == rule]
    by = ["strength", "dataset", "load"]
    lower = own.groupby(by)["agreement"].apply(lambda a: stats.mean_interval(a).low)
    good = (lower > limit).groupby(by[:2]).cummin().reset_index(name="good")
    largest = good[good["good"]].groupby(by[:2])["load"].max().unstack()
    return largest.reindex(index=sorted(own["strength"].unique()), columns=list(own["dataset"].unique()))


def others(found: pd.DataFrame) -> pd.DataFrame:
    """Mean agreement with each rule: rows data set, activation, depth, shift and N."""
    rows = found.assign(rule=found["rule"].map(rules.NAMES))
    by = ["dataset", "activation", "depth", "shift", "train_size"]
    return rows.pivot_table("agreement", by, "rule", sort=False)


def flips(found: pd.DataFrame) -> pd.DataFrame:
    """Share of decisions that a rule flips, by fifths of the logit gap, in long form: the first are the smallest."""
    parts = [found.assign(fifth=k, flipped=1 - found[f"fifth_{k}"]) for k in range(1, rules.BINS + 1)]
    return pd.concat(parts)[["rule", "seed", "train_size", "fifth", "flipped"]]


def least_predicted(noise: pd.DataFrame) -> stats.Interval:
    """The absolute error of the predicted agreement at the N where its mean is largest.

    At 95 % for all N together (Bonferroni), since the N is chosen by what it shows.
    """
    groups = [rows["agreement"] - rows["predicted"] for _, rows in noise.groupby("train_size")]
    if not groups:
        return stats.mean_interval([])
    chosen = max(groups, key=lambda errors: abs(errors.mean()))
    return stats.absolute(stats.mean_interval(chosen, 1 - 0.05 / len(groups)))


def exponent(finite: pd.DataFrame, less: float = 0.0) -> stats.Interval:
    """The exponent of 1/width in a network's difference from the infinitely wide one, `less` a number.

    A slope for each seed.
    """
    slopes = [
        -less - stats.per_doubling(rows["width"].to_numpy(), np.log2(rows["difference"].to_numpy()))
        for _, rows in finite.groupby("seed")
    ]
    return stats.mean_interval(slopes)
