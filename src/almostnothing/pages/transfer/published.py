"""The transfer matrices that the text's authors published, each row divided by its largest entry."""

from __future__ import annotations

import pandas as pd

NORMS = ["L0", "L0.5", "L1", "L2", "L50", "L∞"]
# Rows: norm of the test; columns: norm of training, in the order of NORMS.
# v1: `normalized.csv` of the authors' repository at 7e32f54 (May 2023). CIFAR-10, WRN-28-10, five runs; noise of every
# norm but 0 and ∞ was Laplace's, rescaled.
V1 = {
    "L0": [1, 0.841, 0.836, 0.834, 0.840, 0.804],
    "L0.5": [1.00, 1, 0.989, 0.989, 0.998, 0.979],
    "L1": [0.999, 1, 0.991, 0.990, 0.999, 0.981],
    "L2": [0.985, 1.00, 0.994, 0.993, 1, 0.992],
    "L50": [0.995, 1, 0.993, 0.991, 1.00, 0.985],
    "L∞": [0.974, 0.997, 0.996, 0.996, 1, 0.998],
}
# v3: `VISAPP-results/normalized.csv` at 236d99e (November 2023). Means of nine data sets and models, one run each, each
# strength divided by its best model's accuracy, in per cent; the sampler is mended. First column: standard training.
V3 = {
    "L0": [54.4, 94.5, 82.6, 71.8, 65.4, 61.8, 59.0],
    "L0.5": [66.6, 81.5, 91.8, 88.0, 84.2, 81.6, 79.2],
    "L1": [68.5, 77.8, 91.8, 90.2, 87.1, 85.1, 83.2],
    "L2": [71.5, 77.7, 91.4, 91.0, 88.5, 87.3, 86.1],
    "L50": [66.9, 72.4, 88.5, 89.3, 86.6, 85.3, 84.4],
    "L∞": [72.3, 77.0, 90.8, 91.3, 89.2, 88.1, 87.1],
}
VERSIONS = ("published v1", "published v3")


def matrix(version: str) -> pd.DataFrame:
    """A published matrix, rows of tests and columns of trainings, divided by each row's largest entry."""
    if version == VERSIONS[0]:
        found = pd.DataFrame(V1, index=NORMS).T
    else:
        found = pd.DataFrame(V3, index=["none", *NORMS]).T.reindex(columns=[*NORMS, "none"])
    return found.div(found[NORMS].max(axis=1), axis=0)
