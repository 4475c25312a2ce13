import numpy as np
import pytest
import torch
from scipy import stats

from almostnothing import corruptions, data, streams
from almostnothing.cells import Law
from almostnothing.corruptions import Empirical, Replacement, Uniform

LAWS = {
    "seed 000": Replacement(Uniform(0.0, 1.0)),
    "shifted": Replacement(Uniform(-0.5, 2.0)),
    "empirical": Replacement(Empirical((5, 0, 3, 1, 7))),
}
DRAWS = 40_000


def sample(law: Replacement, x: np.ndarray, p: float, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    keys = torch.from_numpy(streams.stream_key(seed, "test"))[None]
    draw = torch.arange(draws, dtype=torch.int32)[None]
    images = torch.from_numpy(x.astype(np.float32)).expand(1, draws, -1)
    return law.sample(images, torch.tensor([[p]]), keys, draw)[0, 0].double().numpy()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.97])
@pytest.mark.parametrize("name", LAWS)
def test_seed000_mean_and_variance_against_monte_carlo(name, p):
    law, x = LAWS[name], np.array([0.0, 0.1, 0.5, 0.8, 1.0])
    drawn = sample(law, x, p)
    mean, variance = law.mean(x, p), law.variance(x, p)
    assert (np.abs(drawn.mean(0) - mean) < 4.5 * np.sqrt(variance / DRAWS)).all()
    fourth = ((drawn - drawn.mean(0)) ** 4).mean(0)
    assert (np.abs(drawn.var(0) - variance) < 4.5 * np.sqrt(fourth / DRAWS)).all()


def test_seed000_formulas_as_written():
    law, x, p = LAWS["seed 000"], np.linspace(0, 1, 11), 0.7
    assert np.allclose(law.mean(x, p), (1 - p) * x + p / 2)
    assert np.allclose(law.variance(x, p), p * (1 - p) * (x - 0.5) ** 2 + p / 12)


@pytest.mark.parametrize("p", [0.02, 0.6, 1.0])
def test_one_draw_serves_mask_and_value_exactly(p):
    drawn = sample(Replacement(Uniform(0.0, 1.0)), np.full(8, -1.0), p).flatten()
    replaced = drawn[drawn >= 0]
    assert stats.binomtest(len(replaced), drawn.size, p).pvalue > 1e-3
    assert stats.kstest(replaced, "uniform").pvalue > 1e-3
    assert replaced.max() < 1


def test_empirical_values_follow_the_table():
    law = LAWS["empirical"]
    drawn = sample(law, np.zeros(4), 1.0).flatten()
    levels, counts = np.unique(drawn, return_counts=True)
    assert levels.tolist() == [0.0, 0.5, 0.75, 1.0]
    assert stats.chisquare(counts, np.array([5, 3, 1, 7]) / 16 * drawn.size).pvalue > 1e-3


def test_nothing_is_replaced_at_zero_and_all_at_one():
    x = np.full(6, 5.0)
    law = LAWS["seed 000"]
    assert (sample(law, x, 0.0, 100) == 5).all()
    assert (sample(law, x, 1.0, 100) < 1).all()


def test_pixels_and_images_are_independent():
    noise = sample(LAWS["seed 000"], np.full(6, 0.5), 0.7, 5000) - 0.5
    off = np.corrcoef(noise.T) - np.eye(6)
    assert np.abs(off).max() < 5 / np.sqrt(5000)
    assert abs(np.corrcoef(noise[:-1, 0], noise[1:, 0])[0, 1]) < 5 / np.sqrt(5000)


def test_series_masks_are_nested():
    strengths = [0.0, 0.2, 0.6, 0.9, 1.0]
    images = corruptions.series(LAWS["seed 000"], np.full(500, -1, np.float32), strengths, seed=0)
    replaced = images >= 0
    assert (replaced[:-1] <= replaced[1:]).all()
    assert replaced.mean(1) == pytest.approx(strengths, abs=0.1)


def test_build_reads_the_empirical_law_off_the_training_images():
    dataset = data.load("digits")
    law = corruptions.build(Law("replacement", (("high", 1.0), ("low", 0.0), ("values", "empirical"))), dataset)
    values = dataset.values(dataset.train)
    assert law.new.moments == pytest.approx((values.mean(dtype=float), values.var(dtype=float)), rel=1e-6)
