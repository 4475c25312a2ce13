"""The table and the summaries of 02_margin."""

from typing import Any

import numpy as np
import page_cases
import pandas as pd
import pytest
import torch
from page_cases import trained
from scipy import special

from almostnothing import data, stats
from almostnothing.comparing import _table_differences
from almostnothing.measures import margins
from almostnothing.measures.trained import stacks
from almostnothing.pages.margin import page as margin


@pytest.fixture(scope="module")
def measured(keep) -> tuple[Any, list, pd.DataFrame]:
    chosen, cells = trained(
        "02_margin",
        keep,
        sweep={
            "strength": [0, 0.6],
            "train_size": 100,
            "variations": [{"training_corruption": "fresh", "strength": 0.6}],
        },
        test_strength=[0.1, 0.5],
        images=20,
        draws=50,
        thresholds={"ranking": 0.01, "calibrated": 0.05, "gain": 0.01},
    )
    found = page_cases.measured("02_margin", chosen, cells, keep)
    return chosen, cells, margin.at_strengths(found, chosen.test_strength)


def test_margin_table_has_a_row_for_each_network_strength_and_image(measured, keep):
    _, cells, table = measured
    assert len(table) == len(cells) * 2 * 20
    assert table["training"].unique().tolist() == ["clean", "fixed, p = 0.6", "fresh, p = 0.6"]
    for name in set(margin.SCORES) - {"margin"}:
        assert margin.survival(table, name).min() >= 0
        assert margin.survival(table, name).max() <= 1
    dataset = data.load(cells[0].source)
    chosen = dataset.tests(20)
    x, y = torch.from_numpy(dataset.values(dataset.test)[chosen]), torch.from_numpy(dataset.test.labels[chosen])

    for group, model in stacks(cells, keep, torch.device("cpu")):
        for e, cell in enumerate(group):
            gamma = margins.margin(model[e](x)[None], y[None])[0].detach().numpy()
            rows = table[
                (table.training_corruption == cell.training_corruption)
                & (table.strength == cell.strength)
                & (table.seed == cell.seed)
                & (table.test_strength == 0.1)
            ]
            np.testing.assert_allclose(rows["margin"], gamma, atol=2e-5)


def test_predictors_of_a_network_are_those_of_its_gradients(measured, keep):
    """Of every image under p = 0.5: γ/σ at the image and at the mean corrupted image, drift, failures."""
    _, cells, table = measured
    cell = next(c for c in cells if (c.training_corruption, c.strength, c.seed) == ("fixed", 0.6, 1))
    ((_, model),) = stacks([cell], keep, torch.device("cpu"))
    plain, dataset = model[0].double(), data.load(cell.source)
    chosen = dataset.tests(20)
    images, labels = torch.from_numpy(dataset.values(dataset.test)[chosen]).double(), dataset.test.labels[chosen]
    rows = table[(table.training == "fixed, p = 0.6") & (table.seed == 1) & (table.test_strength == 0.5)]
    rng = torch.Generator().manual_seed(0)
    assert rows["image"].tolist() == list(range(20))

    def gamma(z: torch.Tensor, label: int) -> torch.Tensor:
        logits = plain(z.reshape(-1, 64))
        return logits[:, label] - torch.cat([logits[:, :label], logits[:, label + 1 :]], 1).amax(1)

    for row, x, label in zip(rows.itertuples(), images, map(int, labels), strict=True):
        mean, variance = 0.5 * x + 0.25, 0.5 / 12 + 0.25 * (x - 0.5) ** 2
        g, g_mean = (torch.func.grad(lambda z, label=label: gamma(z, label).sum())(at) for at in (x, mean))
        sd, sd_mean = (float((slope**2 @ variance).sqrt()) for slope in (g, g_mean))
        assert row.ratio == pytest.approx(row.margin / sd, rel=2e-3, abs=2e-3)
        assert row.drifted == pytest.approx((row.margin + float(g @ (mean - x))) / sd, rel=2e-3, abs=2e-3)
        assert row.centred == pytest.approx(float(gamma(mean, label)) / sd_mean, rel=2e-3, abs=2e-3)
        shares = plain(x[None])[0].softmax(0)
        assert row.confidence == pytest.approx(float(torch.logit(shares[label])), rel=1e-3, abs=1e-3)
        noisy = torch.rand(2000, 64, generator=rng, dtype=torch.float64)
        noisy = torch.where(torch.rand(2000, 64, generator=rng) < 0.5, noisy, x)
        fails = gamma(noisy, label) < 0
        share = float(fails.double().mean())
        assert row.failures == pytest.approx(share, abs=5 * np.sqrt(max(share * (1 - share), 0.01) / 50))
        plus, minus = gamma(noisy, label), gamma(2 * x - noisy, label)
        even = (plus + minus) / 2 - gamma(x, label)
        room = 5 * float(even.std()) / np.sqrt(50) / sd
        assert row.second - row.drifted == pytest.approx(float(even.mean()) / sd, abs=room)
        spread = float(even.square().mean().sqrt() / ((plus - minus) / 2).square().mean().sqrt())
        assert row.bending == pytest.approx(spread, rel=0.8)
        linear = gamma(mean, label) + (noisy - mean) @ g_mean
        assert row.classes <= float((linear > 0).double().mean()) + 0.08  # no more than of the one class that is next
    assert np.corrcoef(rows["classes"], 1 - rows["failures"])[0, 1] > 0.7


def test_margin_quality_scores_every_predictor(measured):
    chosen, _, table = measured
    quality = margin.quality(table, chosen.draws)
    assert len(quality) == 3 * 2 * 2 * len(margin.SCORES)
    one = table[(table.training == "clean") & (table.seed == 0) & (table.test_strength == 0.5)]
    row = quality[(quality.training == "clean") & (quality.seed == 0) & (quality.test_strength == 0.5)]
    row = row.set_index("predictor").loc["ratio"]
    assert row.calibration == pytest.approx(
        stats.calibration_error(special.ndtr(-one.ratio.to_numpy()), one.failures.to_numpy())
    )
    assert quality.auroc.dropna().between(0, 1).all()


def test_useful_up_to_is_the_last_strength_before_the_first_failure():
    rows = [
        {"dataset": "d", "training": "t", "seed": s, "test_strength": p, "predictor": name, "calibration": c + s / 1e4}
        for name, values in (("ratio", (0.01, 0.2, 0.01)), ("classes", (0.01, 0.02, 0.03)), ("second", (0.3, 0.3, 0.3)))
        for p, c in zip((0.1, 0.2, 0.3), values, strict=True)
        for s in range(3)
    ]
    found = margin.useful_up_to(pd.DataFrame(rows), 0.05).iloc[0]
    assert (found["ratio"], found["classes"]) == (0.1, 0.3)
    assert np.isnan(found["second"])


def test_compare_of_measures_goes_by_means(measured):

    _, _, table = measured
    rng = np.random.default_rng(0)
    near = table.assign(failures=(table.failures + rng.normal(0, 0.01, len(table))).clip(0, 1))
    assert _table_differences(table, near) == []
    assert _table_differences(table, table.assign(ratio=1 - table.ratio)) == ["differs in the column ratio"]
    assert "lacks numbers" in _table_differences(table, table.assign(ratio=np.nan))[0]
    assert _table_differences(table, table.assign(seed=7)) == ["has other rows than what is published"]
