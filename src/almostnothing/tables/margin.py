"""Seed 000, prediction 2: for each network, test strength and image, how often it fails and what was predicted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import special

from almostnothing import stats
from almostnothing.cells import Cell
from almostnothing.errors import UserError
from almostnothing.measures import criterion
from almostnothing.params import Margin
from almostnothing.store import Store, short_key
from almostnothing.tables.trained import first_tests, opened, stacks
from almostnothing.training import device_for

SIGNIFICANT = 6  # digits in the table
SCORES = {  # the predictors, as a figure calls them
    "margin": "γ",
    "confidence": "softmax",
    "ratio": "γ/σ",
    "drifted": "(γ+drift)/σ",
    "second": "with even part",
    "centred": "γ(x̄)/σ(x̄)",
    "classes": "all classes",
}


def table(parameters: Margin, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """One row for each network, test strength and image: how often it failed, and what each predictor says.

    `margin` is γ(x), `confidence` the log-odds of the label's softmax probability; in standard deviations are γ/σ
    (`ratio`), (γ + drift)/σ (`drifted`), the same with the mean even part added (`second`) and γ(x̄)/σ(x̄) (`centred`);
    `classes` is the probability that no other class wins, linearised about x̄, in steps of 1/`criterion.ORTHANT`.
    `bending`: see `criterion.measured`. A diverged network has no rows.
    """
    device = device_for(parameters.compute.device)
    alive = [cell for cell in cells if not keep.rows(cell)[0]["diverged"]]
    found = pd.concat(_rows(parameters, folder, alive, keep, device), ignore_index=True)
    numbers = found.select_dtypes("float").columns.drop(["strength", "test_strength"])
    return found.assign(**{name: found[name].map(f"{{:.{SIGNIFICANT}g}}".format).astype(float) for name in numbers})


def _rows(
    parameters: Margin, folder: Path, cells: Sequence[Cell], keep: Store, device: torch.device
) -> Iterator[pd.DataFrame]:
    for group, model in stacks(cells, keep, device):
        dataset, law = opened(group[0], folder)
        x, y = first_tests(dataset, parameters.images, device)
        for strength in parameters.test_strength:
            seen = criterion.first_order(model, law, x, y, strength)
            seen |= criterion.measured(model, law, x, y, strength, parameters.draws)
            drifted = seen["margin"] + seen["drift"]
            values = {
                "failures": seen["failures"],
                "margin": seen["margin"],
                "confidence": seen["confidence"],
                "ratio": seen["margin"] / seen["sd"],
                "drifted": drifted / seen["sd"],
                "second": (drifted + seen["even"]) / seen["sd"],
                "centred": seen["mean_margin"] / seen["mean_sd"],
                "classes": 1 - criterion.all_classes(model, law, x, y, strength),
                "bending": seen["bending"],
            }
            for e, cell in enumerate(group):
                yield pd.DataFrame(
                    {
                        "dataset": cell.dataset,
                        "training": training(cell),
                        "strength": cell.strength,
                        "seed": cell.seed,
                        "test_strength": strength,
                        "image": range(len(x)),
                        **{name: value[e].double().cpu().numpy() for name, value in values.items()},
                        "cell": short_key(cell),
                    }
                )


def training(cell: Cell) -> str:
    """How a network was trained, in a word or two."""
    return f"{cell.training_corruption}, p = {cell.strength:g}" if cell.strength else "clean"


def at_strengths(found: pd.DataFrame, strengths: Sequence[float]) -> pd.DataFrame:
    """The rows at these test strengths.

    Raises `UserError` for a strength that the table does not have.
    """
    lacking = set(strengths) - set(found["test_strength"])
    if lacking:
        raise UserError(f"the table has no test_strength {min(lacking):g}: run snakemake to measure it")
    return found[found["test_strength"].isin(strengths)].reset_index(drop=True)


def survival(found: pd.DataFrame, name: str) -> np.ndarray:
    """A predictor's probability of γ(x̃) > 0: Φ of a score in standard deviations, softmax, or what it is already."""
    score = found[name].to_numpy()
    if name == "classes":
        return score
    return special.expit(score) if name == "confidence" else special.ndtr(score)


def quality(found: pd.DataFrame, draws: int) -> pd.DataFrame:
    """AUROC and calibration error of each predictor: one row for each network, test strength and predictor.

    A failure is one corruption of one image, of which there were `draws` for each.
    """
    by = ["dataset", "training", "seed", "test_strength"]
    rows = []
    for key, group in found.groupby(by):
        fails = group["failures"].to_numpy()
        for name in SCORES:
            score = group[name].to_numpy()
            rows.append(
                dict(zip(by, key, strict=True))
                | {
                    "predictor": name,
                    "auroc": stats.auroc(score, fails * draws, (1 - fails) * draws),
                    "calibration": float("nan")
                    if name == "margin"
                    else stats.calibration_error(1 - survival(group, name), fails),
                }
            )
    return pd.DataFrame(rows)


def useful_up_to(scored: pd.DataFrame, limit: float) -> pd.DataFrame:
    """The largest test strength at and below which each predictor's calibration error is surely under `limit`.

    Surely: by the upper end of its 95 % interval over seeds. One row for each training, a column for each predictor;
    NaN where it fails at the smallest strength already.
    """
    by = ["dataset", "training", "predictor", "test_strength"]
    upper = scored.dropna(subset="calibration").groupby(by)["calibration"].apply(lambda e: stats.mean_interval(e).high)
    good = (upper < limit).groupby(by[:3]).cummin().reset_index(name="good")
    largest = good[good["good"]].groupby(by[:3])["test_strength"].max()
    known = [name for name in SCORES if name != "margin"]
    rows = scored[by[:2]].drop_duplicates()
    return largest.unstack().reindex(columns=known).reindex(pd.MultiIndex.from_frame(rows))
