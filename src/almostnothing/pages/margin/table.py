"""Seed 000, prediction 2: for each network, test strength and image, how often it fails and what was predicted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from almostnothing.cells import Cell
from almostnothing.devices import device_for
from almostnothing.health import DIVERGED
from almostnothing.measures import criterion
from almostnothing.measures.trained import chosen_tests, opened, stacks
from almostnothing.pages.margin.parameters import Margin
from almostnothing.store import Store

DIGITS = 3  # of its numbers in the file: what is predicted of one image is known no better


def table(parameters: Margin, folder: Path, cells: Sequence[Cell], keep: Store) -> pd.DataFrame:
    """One row for each network and image: how often it failed at each test strength, and what each predictor says.

    `margin` is γ(x), `confidence` the log-odds of the label's softmax probability. At test strength p, as `<name>_<p>`:
    `failures`; in standard deviations γ/σ (`ratio`), (γ + drift)/σ (`drifted`), the same with the mean even part added
    (`second`) and γ(x̄)/σ(x̄) (`centred`); `classes`, the probability that no other class wins, linearised about x̄, in
    steps of 1/`criterion.ORTHANT`; `bending`: see `criterion.measured`. A diverged network has no rows.
    """
    device = device_for(parameters.compute.device)
    alive = [cell for cell in cells if keep.rows(cell)[0]["status"] != DIVERGED]
    return pd.concat(_rows(parameters, folder, alive, keep, device), ignore_index=True)


def _rows(
    parameters: Margin, folder: Path, cells: Sequence[Cell], keep: Store, device: torch.device
) -> Iterator[pd.DataFrame]:
    for group, model in stacks(cells, keep, device):
        dataset, law = opened(group[0], folder)
        x, y = chosen_tests(dataset, parameters.images, device)
        clean: dict[str, Tensor] = {}
        values: dict[str, Tensor] = {}
        for strength in parameters.test_strength:
            seen = criterion.first_order(model, law, x, y, strength)
            seen |= criterion.measured(model, law, x, y, strength, parameters.draws)
            drifted = seen["margin"] + seen["drift"]
            clean = {name: seen[name] for name in ("margin", "confidence")}
            found = {
                "failures": seen["failures"],
                "ratio": seen["margin"] / seen["sd"],
                "drifted": drifted / seen["sd"],
                "second": (drifted + seen["even"]) / seen["sd"],
                "centred": seen["mean_margin"] / seen["mean_sd"],
                "classes": 1 - criterion.all_classes(model, law, x, y, strength),
                "bending": seen["bending"],
            }
            values |= {f"{name}_{strength:g}": value for name, value in found.items()}
        for e, cell in enumerate(group):
            yield pd.DataFrame(
                {
                    "dataset": cell.dataset,
                    "training_corruption": cell.training_corruption,
                    "strength": cell.strength,
                    "seed": cell.seed,
                    "status": keep.rows(cell)[0]["status"],
                    "image": range(len(x)),
                    **{name: value[e].double().cpu().numpy() for name, value in (clean | values).items()},
                }
            )
