"""The table and the summaries of 04_collapse."""

import numpy as np
import page_cases
import pandas as pd
import pytest
import torch
from page_cases import trained

from almostnothing import corruptions, data
from almostnothing.measures import margins
from almostnothing.measures.trained import stacks
from almostnothing.pages.collapse import page as collapse


@pytest.fixture(scope="module")
def collapsed(keep) -> tuple[list, pd.DataFrame]:
    chosen, cells = trained(
        "04_collapse",
        keep,
        sweep={"variations": [{"downsample": 2}]},
        images=50,
        thresholds={"rms": 0.05, "gain": 0.02, "error": 0.05},
    )
    return cells, page_cases.measured("04_collapse", chosen, cells, keep)


def test_collapse_table_has_the_candidates_of_each_network(collapsed, keep):
    cells, table = collapsed
    assert len(table) == 2 * len(cells)
    row = table[(table.strength == 0.6) & (table.train_size == 20) & (table.pixels == 64) & (table.seed == 1)].iloc[0]
    assert row.proxy == pytest.approx(0.4 / np.sqrt(0.6))
    dataset = data.load(cells[0].source)
    x = dataset.values(dataset.test)[dataset.tests(50)].astype(float)
    v = 0.6 * 0.4 * ((x - 0.5) ** 2).mean() + 0.6 / 12
    assert row.signal == pytest.approx(np.sqrt(2) * 0.4 / np.sqrt(v))
    cell = next(c for c in cells if (c.strength, c.train_size, c.downsample, c.seed) == (0.6, 20, 1, 1))
    assert row.accuracy == next(r["correct"] / r["images"] for r in keep.rows(cell) if r["test"] == row.test)
    law = corruptions.law_of(cell.corruption, dataset)

    ((_, model),) = stacks([cell], keep, torch.device("cpu"))
    inputs = torch.from_numpy(x).float()[None], torch.from_numpy(dataset.test.labels[dataset.tests(50)])[None]
    gamma, g = margins.margin_gradient(model, *inputs)
    ratio = gamma[0].numpy() / np.sqrt((g[0].numpy() ** 2 * law.variance(x, 0.6)).sum(1))
    assert row.ratio == pytest.approx(np.sort(ratio)[24], rel=1e-3)  # torch's median is the lower one


def test_collapse_quality_and_what_is_survived(collapsed):
    _, table = collapsed
    quality = collapse.quality(table)
    assert set(quality.sizes) == {"N", "d", "together"}  # one width: nothing to align
    assert len(quality) == 2 * 3 * 4
    half = collapse.halfway(table, 0.1)
    assert len(half) == 2 * 2 * 2 * 2
    page = collapse.survived(half)
    assert len(page) == 8
    assert "[" in page["measured p [95 %]"].iloc[0]


def test_a_size_is_varied_where_it_varies_most():
    rows = [{"train_size": n, "width": w, "pixels": 64} for n in (100, 300, 1000) for w in (8, 32, 128)]
    rows += [{"train_size": n, "width": 32, "pixels": d} for n in (100, 300) for d in (4, 16)]  # none at the largest N
    found = collapse.subsets(pd.DataFrame(rows))
    assert found["d"][0][["train_size", "width"]].drop_duplicates().to_numpy().tolist() == [[300, 32]]
    assert set(found["d"][0].pixels) == {4, 16, 64}
    assert found["width"][0].train_size.unique().tolist() == [1000]
    assert found["N"][0].width.unique().tolist() == [128]


def test_theory_does_not_know_the_networks(collapsed):
    _, table = collapsed
    assert (table.groupby(["pixels", "train_size", "strength", "test"]).theory.nunique() == 1).all()
