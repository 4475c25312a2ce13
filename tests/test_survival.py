"""The table and the summaries of 05_survival, recomputed from images."""

import numpy as np
import page_cases
import pytest
import torch
from page_cases import trained

from almostnothing import corruptions, data, streams
from almostnothing.pages.prototype import page as prototype
from almostnothing.pages.survival import page as survival


@pytest.fixture(scope="module")
def survived(keep):
    chosen, cells = trained(
        "05_survival",
        keep,
        sweep={
            "strength": [0, 0.5, 0.95],
            "variations": [{"corruption": {"law": "additive"}, "strength": [0.5, 2], "train_size": 100}],
        },
        headline={"replacement": 0.95, "additive": 2},
        pictures={"replacement": [0.5], "additive": [2]},
        images=200,
        draws=2,
        thresholds={"above": 0.2, "close": 0.05, "error": 0.02},
    )
    return cells, page_cases.measured("05_survival", chosen, cells, keep)


def test_survival_has_rules_on_the_same_images_and_theory_predicts_ncm(survived):
    cells, table = survived
    assert len(table) == 2 * len(cells)
    dataset = data.load(data.source("digits"))
    clean = dataset.values(dataset.train)[dataset.subset(100, 1)]
    y, tests = dataset.train.labels[dataset.subset(100, 1)], dataset.values(dataset.test)[dataset.tests(200)]
    law = corruptions.law_of(next(c for c in cells if c.corruption.name == "additive").corruption, dataset)
    found = []
    for number in range(2):
        key = streams.stream_key(1, "rules, training", number)
        x = corruptions.corrupted(law, torch.from_numpy(clean), 2.0, key).numpy()
        means = np.stack([x[y == k].mean(0) for k in range(10)])
        found.append(
            (((tests[:, None] - means) ** 2).sum(-1).argmin(1) == dataset.test.labels[dataset.tests(200)]).mean()
        )
    row = prototype.at(table, law="additive", strength=2.0, seed=1, test="clean").iloc[0]
    assert row.ncm == pytest.approx(np.mean(found), abs=5e-3)
    by = ["law", "strength", "train_size", "test"]
    means = table.groupby(by)[["ncm", "theory"]].mean()
    assert (means.ncm - means.theory).abs().max() < 0.1
    assert (means.ncm - means.theory).abs().mean() < 0.03
    lines = survival.errors(table)
    own = table[(table.law == "additive") & (table.test == "clean")]
    assert lines.loc[("digits", "additive", "clean", 100), ("NCM", "mean")] == pytest.approx(
        (own.ncm - own.theory).mean()
    )
    assert set(survival.largest(table).train_size) == {100}


def test_the_table_made_again_compares_as_equal_and_another_does_not(survived):
    page_cases.compares(survived[1])
