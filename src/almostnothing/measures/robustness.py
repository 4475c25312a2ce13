"""The metrics of seed 002 from a table of accuracies, as the authors' spreadsheets compute them.

A table has one row for each network × test: the columns that name a network (`by`), `test` ("clean", a common
corruption, or a kind of law), `strength` (a severity, ε or a share) and `accuracy`, a share in [0, 1]. So are all
errors here; relative iCE is a ratio without a unit. `data.published` has the authors' own tables in this form.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

CLEAN = "clean"
Tests = Sequence[tuple[str, float]]  # kinds of law with strengths


def clean_error(table: pd.DataFrame, by: list[str]) -> pd.Series:
    """E = 1 − accuracy on clean images (seed 002, spreadsheet), of each network.

    Raises `ValueError` where a network has no clean test, or several.
    """
    return 1 - _accuracy(table, [(CLEAN, 0.0)], by)


def corrupted_error(table: pd.DataFrame, corruptions: Collection[str], by: list[str]) -> pd.Series:
    """Mean corrupted error: the mean over corruptions of the mean over severities of 1 − accuracy, of each network.

    The authors call it mCE, but it is not that of Hendrycks and Dietterich, whose errors are divided by AlexNet's. With
    the corruptions of noise type left out it is their mCExN.

    A strength that is NaN stands for the mean over severities.

    Raises `ValueError` where a network lacks a corruption, or a severity that another one has, or has it twice.
    """
    wide = _wide(table, by, corruptions)
    lacking = set(corruptions) - set(wide.columns.unique("test"))
    if lacking:
        raise ValueError(f"not tested: {', '.join(sorted(lacking))}")
    _complete(wide)
    return wide.T.groupby(level="test").mean().mean().rsub(1)


def lp_error(table: pd.DataFrame, laws: Tests, by: list[str]) -> pd.Series:
    """mCE_Lp: the mean of 1 − accuracy over the laws, of each network (seed 002, spreadsheet).

    Raises `ValueError` where a network lacks one of the laws, or has it twice.
    """
    return 1 - _accuracy(table, laws, by)


def relative_ice(table: pd.DataFrame, laws: Tests, by: list[str]) -> pd.Series:
    """Relative iCE = (e − E)/E with e the mean error over imperceptible `laws`, E the clean error (seed 002).

    A ratio: 0.09 says that such noise makes nine per cent more errors than there are without. The authors take it of
    means over runs; of single runs its mean differs a little. Infinite, or NaN, where E = 0.

    Raises `ValueError` where a network lacks one of the laws or a clean test, or has it twice.
    """
    clean = clean_error(table, by)
    return (lp_error(table, laws, by) - clean) / clean


def normal_half_width(deviations: Sequence[float] | np.ndarray | pd.Series, runs: int) -> float:
    """The authors' "95 % conf": 1.96 s/√runs, where s is the root mean square of the tests' standard deviations.

    `deviations`: of accuracy over runs, with ddof 0, one for each test of the aggregate. Too narrow for one test (a
    normal law, ddof 0), by 1.58 for 5 runs; for an aggregate they may make up for it, since a mean's deviation is at
    most the mean of the deviations, which is at most s.
    """
    return 1.96 * float(np.sqrt(np.mean(np.square(deviations)) / runs))


def student_half_width(deviations: Sequence[float] | np.ndarray | pd.Series, runs: int) -> float:
    """Ours, of the same deviations: t s/√(runs − 1), Student's half-width with ddof 1; exact for one test, at least as
    wide as needed for an aggregate.

    Where accuracies of single runs are at hand take `stats.mean_interval` of the metric of each run instead.
    """
    return float(stats.t.ppf(0.975, runs - 1) * np.sqrt(np.mean(np.square(deviations)) / (runs - 1)))


def over_row_maximum(
    table: pd.DataFrame, trained: Mapping[str, Collection[str]], tested: Mapping[str, Collection[str]]
) -> pd.DataFrame:
    """The transfer matrix as v1 normalises it: rows are norms of the test, columns those of training.

    An entry is the mean over the models of a training norm (`trained`: norm → models) of the mean accuracy over all
    strengths of the laws of a test norm (`tested`: norm → kinds of law), divided by the largest entry of its row. So a
    row tells nothing of how hard its laws are, and weak strengths, which every model survives, hide the differences.

    Raises `ValueError` where a model lacks a test, or has it twice.
    """
    matrix = {}
    for norm, kinds in tested.items():
        wide = _wide(table, ["model"], kinds)
        matrix[norm] = {column: wide.loc[list(models)].mean(axis=None) for column, models in trained.items()}
    found = pd.DataFrame(matrix).T
    return found.div(found.max(axis=1), axis=0)


def over_best_model(
    table: pd.DataFrame,
    trained: Mapping[str, Collection[str]],
    tested: Mapping[str, Collection[str]],
    cell: list[str],
) -> pd.DataFrame:
    """The transfer matrix as v3 normalises it: rows are norms of the test, columns those of training, entries shares.

    In each level of `cell` (data set and network) each accuracy is divided by the best that any model of `trained` has
    at that law and strength; then come the means over strengths, over the models of a training norm, and over cells. So
    an entry is below 1 unless one model is the best everywhere. A model that a cell lacks counts in the other cells.

    Raises `ValueError` where a model lacks a test that another of its cell has, or has it twice.
    """
    matrices = []
    for _, rows in table.groupby(cell, sort=False):
        present = set(rows["model"])
        columns = {column: [name for name in models if name in present] for column, models in trained.items()}
        chosen = [name for models in columns.values() for name in models]
        matrix = {}
        for norm, kinds in tested.items():
            wide = _wide(rows, ["model"], kinds).loc[chosen]
            share = wide / wide.max()
            matrix[norm] = {column: share.loc[models].mean(axis=None) for column, models in columns.items()}
        matrices.append(pd.DataFrame(matrix).T)
    return sum(matrices[1:], start=matrices[0]) / len(matrices)


def _accuracy(table: pd.DataFrame, tests: Tests, by: list[str]) -> pd.Series:
    """Mean accuracy of each network over tests, all of which it must have."""
    wide = _wide(table, by, {kind for kind, _ in tests})
    wanted = pd.MultiIndex.from_tuples([(kind, float(strength)) for kind, strength in tests], names=wide.columns.names)
    found = wide.reindex(columns=wanted)
    _complete(found)
    return found.mean(axis=1)


def _wide(table: pd.DataFrame, by: list[str], kinds: Collection[str]) -> pd.DataFrame:
    """Accuracies: a row for each network of the table, a column for each strength of some kinds of test."""
    rows = table[table["test"].isin(list(kinds))].fillna({"strength": 0.0})
    columns = [*by, "test", "strength"]
    twice = rows[rows.duplicated(columns)]
    if len(twice):
        raise ValueError(f"tested twice, so that {by} do not tell networks apart: {twice.iloc[0][columns].to_dict()}")
    wide = rows.set_index(columns)["accuracy"].unstack(["test", "strength"])
    networks = table.set_index(by).index.unique()
    return wide.reindex(networks)


def _complete(wide: pd.DataFrame) -> None:
    """Raise `ValueError` unless every network has every test."""
    gaps = np.argwhere(wide.isna().to_numpy())
    if len(gaps):
        row, column = gaps[0]
        test, strength = wide.columns[column]
        network = ", ".join(map(str, np.atleast_1d(np.array(wide.index[row], dtype=object))))
        raise ValueError(f"not tested: {test} at {strength:g} of {network}")
