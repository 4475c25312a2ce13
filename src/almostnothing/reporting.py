"""What is to be done: of every page whether it is fresh, why not, what it would cost, and the command."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from almostnothing import costs, tables
from almostnothing.freshness import FIGURES, Page, pages_of
from almostnothing.health import LEARNED
from almostnothing.parameters import files
from almostnothing.store import STORE, Store


def published_sets() -> list[str]:
    """The parameter sets of which something is published, sorted."""
    known = {folder.name for folder in files.FOLDER.glob("*") if any(folder.glob("*.yaml"))}
    return sorted(known & {folder.name for folder in FIGURES.glob("*") if any(folder.glob("*.json"))})


def status(parameter_set: str, verbose: bool = False) -> Iterator[str]:
    """One line a page: fresh, stale or missing, and why; then what is to be trained, how long, and the command.

    `verbose`: also the modules of which the digests cover every definition, since code there cannot be reasoned about.
    """
    pages = pages_of(parameter_set)
    waiting = []
    for page in pages:
        reasons = list(page.reasons())
        state = "fresh" if not reasons else "stale" if page.made else "missing"
        yield f"{parameter_set}/{page.name}: {state}{'' if not reasons else ', ' + '; '.join(reasons)}"
        if verbose:
            yield from (f"    {module} counts whole: {why}" for module, why in sorted(page.whole().items()))
        if reasons:
            waiting.append(page)
            yield f"    {_cost(page)}"
    if waiting:
        yield f"To make them: snakemake --config params={parameter_set}   (or: make figures SET={parameter_set})"


def health(parameter_set: str) -> Iterator[str]:
    """How many networks have each status, by page, size, training corruption and strength: lines of text tables.

    From the published tables; where a page's is missing, a line says so.
    """
    for page in pages_of(parameter_set):
        path = FIGURES / parameter_set / f"{page.name}.csv"
        if not path.is_file():
            yield f"{parameter_set}/{page.name}: no table yet: make figures SET={parameter_set}"
            continue
        table = pd.read_csv(path, low_memory=False)
        if "status" not in table:
            continue
        networks = tables.networks(table)
        by = [name for name in (*KINDS, *SIZES, *RECIPE) if name in networks and networks[name].nunique() > 1]
        found = tables.statuses(table, by or ["seed"])
        lacking = found[found.drop(columns=LEARNED).sum(axis=1) > 0]
        total, good = int(found.to_numpy().sum()), int(found[LEARNED].sum())
        yield f"{parameter_set}/{page.name}: {good:,} of {total:,} networks learned"
        if len(lacking):
            yield lacking.to_string()


KINDS = ("dataset", "data", "network", "model", "mode", "activation", "training")
SIZES = ("family", "width", "depth", "k", "d", "pca_rank", "train_size", "strength")
RECIPE = ("training_corruption", "objective", "centred", "readout_scale", "steps")


def _cost(page: Page) -> str:
    rest = costs.estimate(page.shards_to_train(), Store(STORE), page.parameters.compute)
    if rest.cells:
        return (
            f"{rest.cells} of {len(page.cells)} networks to be trained, about {rest.seconds / 60:.1f} minutes of one "
            "core (within a factor of two); then its table and figure"
        )
    return "its table is measured and its figure drawn again" if page.stale("table") else "its figure is drawn again"
