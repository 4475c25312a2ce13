"""Tables that a source text's authors have published, as data: they lie in this package and need no download.

Seed 002 (arXiv 2305.05400), of the authors' repository: version "v1" is commit 7e32f54 (11 May 2023), the file
`results/all_results_test_avg.xlsx`; "v3" is commit 236d99e (2 November 2023), the spreadsheet of `VISAPP-results`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd
from jaxtyping import Float

CARD = {
    "name": "accuracies and aggregates of seed 002",
    "origin": "github.com/Georgsiedel/Lp-norm-corruption-robustness, commits 7e32f54 (v1) and 236d99e (v3)",
    "licence": "none stated; numbers of the authors' spreadsheets, in per cent, every digit as printed",
    "citation": "G. Siedel et al., arXiv:2305.05400 (2023)",
    "v1": "CIFAR-10, WRN-28-10: 27 trained models × (clean, 19 common corruptions, 41 laws), 5 runs: mean and "
    "standard deviation (ddof 0)",
    "v3": "CIFAR-10, CIFAR-100 and TinyImageNet × WRN-28-4, DenseNet201-12 and ResNeXt29-32x4d: 32 trained models × "
    "(clean, 19 common corruptions, 90 laws), 1 run",
    "caveats": "v1 draws Laplace noise for every p in (0, ∞), so all but L1 is misnamed; v3 tests what it calls "
    "impulse noise with random greys, and selects epochs on the test set",
}
DATASETS = {"C10": "CIFAR-10", "C100": "CIFAR-100", "TIN": "TinyImageNet"}
NETWORKS = {"WRN": "WRN-28-4", "DN": "DenseNet201-12", "RNX": "ResNeXt29-32x4d"}
KINDS = {  # of the authors' "uniform-…", and what they are called here
    "l0-impulse-max": "L0m",
    "l0-impulse-linear": "L0lin",
    "l0-salt-pepper": "salt-and-pepper",
    "l0-impulse": "L0",
    "linf-brightness": "brightness shift",  # brightness is a common corruption, too
    "linf": "L∞",
}
RATIO = "relative iCE"
V1_AGGREGATES = {
    "clean E": "clean error",
    "mCE (Baseline100%)": "mean corrupted error",
    "relative iCE": RATIO,
    "mCE_Lp": "mean error over Lp laws",
}
V3_AGGREGATES = {
    "E": "clean error",
    "mCE": "mean corrupted error",
    "mCExN": "mean corrupted error without noise",
    "iCE": RATIO,
    "mCELp_recomputed": "mean error over Lp laws",
}


def accuracies(version: str) -> pd.DataFrame:
    """The published accuracies of "v1" or "v3": a tidy table, one row for each model × test.

    Columns: `dataset`, `network`, `model` (how it was trained), `test` ("clean", a common corruption, or a kind of law:
    "L∞", "L0.5", …, "L0m", "L0lin", "salt-and-pepper", "brightness shift", in v3 "L0"), `strength` (ε or a share; NaN
    of a common corruption, whose accuracy is the mean over five severities; 0 of "clean"), `accuracy`, a share in
    [0, 1], and `sd`, its standard deviation over 5 runs (ddof 0); NaN in v3, which has one run.

    Raises `KeyError` for another version.
    """
    return _TABLES[version]().copy()


def aggregates(version: str) -> pd.DataFrame:
    """The aggregates as the authors print them: `dataset`, `network`, `model`, `quantity`, `value` and `half_width`.

    Errors, and their half-widths of "95% conf", are shares in [0, 1]; "relative iCE" is a ratio, and its half-width,
    as they have it, a share. v3 has none. The authors' own mCE_Lp of v3 was computed with a mistake for one model
    (`measures.robustness`), so "mean error over Lp laws" is recomputed there from their accuracies.

    Raises `KeyError` for another version.
    """
    return _AGGREGATES[version]().copy()


@cache
def _v1_accuracies() -> pd.DataFrame:
    mean, deviation = _csv("lp_v1_mean.csv", 1), _csv("lp_v1_std.csv", 1)
    tests = [row for row in mean.index if row in deviation.index]
    models = [("CIFAR-10", "WRN-28-10", model_name(str(model))) for model in mean.columns]
    return _tidy(models, tests, mean.loc[tests].to_numpy().T, deviation.loc[tests].to_numpy().T)


@cache
def _v3_accuracies() -> pd.DataFrame:
    wide = _csv("lp_v3.csv.xz", 2)
    names = [str(name) for name in wide.columns]
    common = names[names.index("gaussian_noise") : names.index("saturate") + 1]
    tests = ["standard,0.0,False", *common, *[name for name in names if name.startswith("uniform-")]]
    values = wide[tests].to_numpy()
    table = _tidy(_v3_models(wide), tests, values, np.full_like(values, np.nan))
    return table[table["accuracy"].notna()].reset_index(drop=True)  # each data set has strengths of its own


def _tidy(
    models: list[tuple[str, str, str]],
    tests: list[str],
    accuracy: Float[np.ndarray, "model test"],
    deviation: Float[np.ndarray, "model test"],
) -> pd.DataFrame:
    """A row for each model × test, from values in per cent."""
    index = [(*model, *_test(test)) for model in models for test in tests]
    table = pd.DataFrame(index, columns=["dataset", "network", "model", "test", "strength"])
    return table.assign(accuracy=accuracy.ravel() / 100, sd=deviation.ravel() / 100)


@cache
def _v1_aggregates() -> pd.DataFrame:
    mean, deviation = _csv("lp_v1_mean.csv", 1), _csv("lp_v1_std.csv", 1)
    tables = []
    for theirs, quantity in V1_AGGREGATES.items():
        half = deviation.loc["95% conf " + theirs.removesuffix(" (Baseline100%)")].to_numpy()
        models = [("CIFAR-10", "WRN-28-10", model_name(str(model))) for model in mean.columns]
        tables.append(_quantity(quantity, models, mean.loc[theirs].to_numpy(), half))
    return pd.concat(tables, ignore_index=True)


@cache
def _v3_aggregates() -> pd.DataFrame:
    wide = _csv("lp_v3.csv.xz", 2)
    none = np.full(len(wide), np.nan)
    tables = [
        _quantity(quantity, _v3_models(wide), wide[theirs].to_numpy(), none)
        for theirs, quantity in V3_AGGREGATES.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _quantity(
    quantity: str,
    models: list[tuple[str, str, str]],
    value: Float[np.ndarray, " model"],
    half_width: Float[np.ndarray, " model"],
) -> pd.DataFrame:
    """A row for each model: a quantity in per cent, but for the ratio, whose half-width is in per cent all the same."""
    table = pd.DataFrame(models, columns=["dataset", "network", "model"])
    unit = 1 if quantity == RATIO else 100
    return table.assign(quantity=quantity, value=value / unit, half_width=half_width / 100)


_TABLES = {"v1": _v1_accuracies, "v3": _v3_accuracies}
_AGGREGATES = {"v1": _v1_aggregates, "v3": _v3_aggregates}


def _csv(name: str, keys: int) -> pd.DataFrame:
    """One of the files as it is, with its first `keys` columns as index: models of v1 are columns, of v3 rows."""
    with (files("almostnothing.data") / "published_tables" / name).open("rb") as file:
        return pd.read_csv(file, index_col=list(range(keys)), compression="xz" if name.endswith(".xz") else None)


def _v3_models(wide: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Data set, network and model of each row; a sheet is "C10-WRN" and so on."""
    found = []
    for sheet, model in wide.index.to_flat_index():
        dataset, network = sheet.split("-")
        found.append((DATASETS[dataset], NETWORKS[network], model_name(model)))
    return found


def _test(theirs: str) -> tuple[str, float]:
    """Kind and strength of a test as the authors call it: "standard", "fog", "uniform-l0.5,50000.0,False", …."""
    name, *rest = theirs.split(",")
    if name == "standard":
        return "clean", 0.0
    return (_kind(name), float(rest[0])) if rest else (name, np.nan)


def _kind(theirs: str) -> str:
    own = theirs.lower().removeprefix("uniform-")
    return KINDS.get(own, own.upper())


def model_name(theirs: str) -> str:
    """What a trained model is called here: "standard", "L0.5 100000", "L0m 0.01", "C1C2", "TA + L0m 0.01", …."""
    name = theirs.replace("(", ",").replace(")", "").replace(" ", "")
    parts = [re.sub(r"^L0-", "uniform-l0-impulse,", part) for part in name.split("+")]
    found = []
    for part in parts:
        kind, *strength = part.split(",")
        if kind.lower().startswith("uniform-"):
            kind = _kind(kind)
        found.append(f"{kind} {float(strength[0]):.10g}" if strength else kind)
    return " + ".join(found).replace("Standard", "standard")
