"""What the tests of pages share: a small sweep, its networks, and a table that is measured under watch."""

import importlib
from typing import Any

import numpy as np
import pandas as pd
import torch
from tracing import traced, unreached

from almostnothing import keys, sweeps
from almostnothing.comparing import _table_differences
from almostnothing.data.lookup import cache_folder, readers_digest
from almostnothing.pages import model_of, page_of
from almostnothing.parameters.files import validate
from almostnothing.parameters.page import Compute
from almostnothing.store import Store

FOLDER, CPU = cache_folder(), torch.device("cpu")
SWEEP = {
    "dataset": "digits",
    "train_size": [20, 100],
    "strength": [0, 0.3, 0.6, 0.9, 0.99],
    "training_corruption": "fixed",
    "width": 8,
    "depth": 2,
    "learning_rate": 0.01,
    "batch_size": 16,
    "steps": 60,
    "seeds": [0, 1],
}
# What a table may run of the rooms that digests leave aside. A function that is new here needs a reason: does what it
# yields stand in the table's digest as a value?
ASIDE = (
    "compiling:",  # where libraries are made, not what is in them
    # names of networks, which are in the digest
    *("keys:key", "keys:network_code", "keys:oldest", "code:closure"),
    # images, whose content is in the digest
    *("data.checks:check", "data.readers:", "data.lookup:cache_folder", "data.lookup:readers_digest"),
    "data.catalogue:<lambda>",  # where nothing is remembered yet
    *("data.lookup:stamps", "data.lookup:source"),
    # records of data sets and cells, which are in the digest; refusals
    *("parameters.page:Curves.sources", "parameters.page:Parameters.sources", "parameters.sweep:Sweep.sources"),
    "parameters.page:check_kernel",
    *("parameters.fields:Model._true_is_no_number", "parameters.fields:_holds_truth", "parameters.fields:_kinds"),
)


def trained(name: str, keep: Store, **changes) -> tuple[Any, list]:
    """The parameters of a page with these changes to SWEEP, and the cells that they ask for, trained."""
    content = {"sweep": {**SWEEP, **changes.pop("sweep", {})}, **changes}
    chosen = validate(model_of(name, "test"), content, "test")
    assert chosen.sweep
    cells = chosen.sweep.cells()
    for shard in sweeps.plan(cells):
        sweeps.train(shard, keep, Compute(quiet=True), "test")
    return chosen, cells


def measured(name: str, chosen: Any, *networks: Any) -> pd.DataFrame:
    """The table of a page; nothing may run for it that its digest does not know."""
    page = page_of(name)
    entry = keys.table_entry(page)
    module, _, function = entry.rpartition(".")
    table = getattr(importlib.import_module(module), function)
    given = networks if entry == keys.COLLECTED else (chosen, FOLDER, *networks)
    readers_digest()  # before the watch begins: whoever loads first in a process reads the code of the readers
    found, ran = traced(lambda: table(*given))
    rooms = tuple(room.removeprefix("almostnothing.") for room in keys.ASIDE)
    beside = {each for each in ran if each.partition(":")[0].startswith(rooms)}
    assert len(ran) > 5
    missed = unreached(
        ran - beside,
        keys.table_closure(page, keys.choices(chosen.content(), networks[0] if networks else ())).definitions,
    )
    assert missed == set(), f"{name}: {missed} ran, and its digest does not hold them"
    assert [each for each in beside if not each.startswith(ASIDE)] == []
    return found


def compares(table: pd.DataFrame) -> None:
    """A table agrees with itself, and not with one whose measurements are noisy."""
    assert _table_differences(table, table) == []
    column = "agreement" if "agreement" in table else "accuracy"
    noise = np.random.default_rng(0).normal(0, 0.3, len(table))
    assert _table_differences(table, table.assign(**{column: (table[column] + noise).clip(0, 1)}))
