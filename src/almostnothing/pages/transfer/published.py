"""The transfer matrices that the text's authors published, from their accuracies; rows divided by the largest entry."""

from __future__ import annotations

from functools import cache

import pandas as pd

from almostnothing.data.published import accuracies
from almostnothing.measures import robustness

NORMS = ["L0", "L0.5", "L1", "L2", "L50", "L∞"]
SPARSE = ("L0m", "L0lin")  # kinds of training with L0 noise in the first version; tests of it are these and one more
VERSIONS = ("published v1", "published v3")


@cache
def matrix(version: str) -> pd.DataFrame:
    """A published matrix, rows of tests and columns of trainings, divided by each row's largest entry.

    v1 is `normalized.csv` of the authors' repository at 7e32f54 (May 2023): CIFAR-10, WRN-28-10, five runs; noise of
    every norm but 0 and ∞ was Laplace's, rescaled. v3 is `VISAPP-results/normalized.csv` at 236d99e (November 2023):
    means of nine data sets and models, one run each, each strength divided by its best model's accuracy; the sampler is
    mended. v3 has the standard training as well, "none".
    """
    third = version == VERSIONS[1]
    table = accuracies("v3" if third else "v1")
    models = [str(name) for name in table["model"].unique() if "+" not in str(name)]
    kinds = {norm: (norm,) if third or norm != "L0" else SPARSE for norm in NORMS}
    trained = {norm: [name for name in models if name.rpartition(" ")[0] in kinds[norm]] for norm in NORMS}
    tested = {norm: kinds[norm] if third or norm != "L0" else ("salt-and-pepper", *SPARSE) for norm in NORMS}
    if third:
        # in v3 the best model of a strength is one of those shown, the combination C3 among them
        columns = {**trained, "none": ["standard"], "C3": ["C3"]}
        found = robustness.over_best_model(table, columns, tested, ["dataset", "network"]).drop(columns="C3")
    else:
        found = robustness.over_row_maximum(table, trained, tested)
    return found.div(found[NORMS].max(axis=1), axis=0)
