"""09_lp_sampling: the shortcuts against the generators that they stand for, the table by hand, claims, mistakes."""

import math
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import page_cases
import pandas as pd
import pytest
import torch
import yaml
from scipy import stats as reference

from almostnothing import corruptions, data, streams
from almostnothing.corruptions.lp import Lp
from almostnothing.errors import UserError
from almostnothing.pages import model_of
from almostnothing.pages.lp_sampling import page, shortcuts
from almostnothing.pages.lp_sampling.parameters import at_size, norm_name, same_noise
from almostnothing.pages.lp_sampling.table import COLUMNS, PROBABILITIES, SAMPLERS, distance, sampled
from almostnothing.pages.lp_sampling.table import table as measure
from almostnothing.parameters.files import validate

QUICK = Path(__file__).resolve().parent.parent / "params/quick/09_lp_sampling.yaml"
SMALL: dict[str, Any] = {"norms": [1, 2, 50, "inf"], "dimensions": 40, "samples": 2000, "thresholds": {"distance": 0.1}}


def asked(**changes: Any) -> Any:
    content = yaml.safe_load(QUICK.read_text()) | changes
    return validate(model_of("09_lp_sampling", "test"), content, "test")


def key(name: str = "test") -> np.ndarray:
    return streams.stream_key(0, name)


def numbers(count: int) -> torch.Tensor:
    return torch.arange(count, dtype=torch.int32)


# the shortcuts


@pytest.mark.parametrize("p", [0.5, 1.0, 3.0, 200.0, math.inf])
def test_a_norm_is_numpys(p):
    z = np.random.default_rng(0).laplace(size=(5, 30))
    exact = np.abs(z).max(1) if p > 100 else (np.abs(z) ** p).sum(1) ** (1 / p)
    assert shortcuts.norm_of(torch.from_numpy(z), p).numpy() == pytest.approx(exact, rel=0.02 if p == 200 else 1e-6)
    assert shortcuts.norm_of(torch.zeros(2, 30), p).tolist() == [0, 0]


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 50.0])
def test_laplace_noise_is_numpys_rescaled(p):
    d, count, generator = 40, 20_000, np.random.default_rng(1)
    z = generator.laplace(size=(count, d))
    z *= (generator.random(count) ** (1 / d) / (np.abs(z) ** p).sum(1) ** (1 / p))[:, None]
    found = shortcuts.laplace(p, d, key(), numbers(count)).double().numpy()
    assert reference.ks_2samp(found[:, 3], z[:, 3]).pvalue > 1e-3
    assert reference.ks_2samp(np.abs(found).max(1), np.abs(z).max(1)).pvalue > 1e-3
    assert reference.kstest((np.abs(found) ** p).sum(1) ** (d / p), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("p", [0.5, 2.0, 50.0, 200.0])
def test_float32_gamma_is_what_torch_draws(p):
    """Beside torch's own float32 generator, which clamps: at p = 200 two values of three are one number."""
    d, count = 20, 10_000
    with torch.random.fork_rng():
        torch.manual_seed(0)
        gamma = torch.distributions.Gamma(torch.tensor(1 / p), torch.tensor(1.0)).sample((count, d))
        radius = torch.rand(count).double() ** (1 / d)
    g = gamma ** (1 / p)
    theirs = shortcuts.rescaled(g, p, radius).numpy()
    ours = np.abs(shortcuts.float32_gamma(p, d, key(), numbers(count)).numpy())
    assert reference.ks_2samp(ours[:, 5], theirs[:, 5]).statistic < 0.03
    assert reference.ks_2samp(ours.max(1), theirs.max(1)).statistic < 0.03
    clamped = float((gamma <= shortcuts.TINY).double().mean())
    assert shortcuts.stuck(p) == pytest.approx(clamped, abs=0.01)


# the table


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    chosen = asked(**SMALL)
    measure(chosen, Path())  # laws are compiled, and their libraries named, before the watch begins
    return page_cases.measured("09_lp_sampling", chosen)


def test_each_row_is_the_distance_of_independent_samples_from_scipys_law(table):
    chosen = asked(**SMALL)
    assert len(table) == 2 * (3 * 3 + 1)
    for p, name in ((2.0, "ball"), (50.0, "ball"), (2.0, "laplace"), (math.inf, "ball")):
        stream = streams.stream_key(0, "samples of a ball", name, p, 40)
        z = SAMPLERS[name](p, 40, stream, numbers(chosen.samples)).double().numpy()
        value = np.abs(z[np.arange(len(z)), np.arange(len(z)) % 40])
        law = reference.uniform() if math.isinf(p) else reference.beta(1 / p, 39 / p + 1)
        radius = np.abs(z).max(1) if math.isinf(p) else (np.abs(z) ** p).sum(1) ** (1 / p)
        u = {"value": law.cdf(value if math.isinf(p) else value**p), "radius": radius**40}
        for of, own in u.items():
            [row] = table[(table.sampler == name) & (table.norm == norm_name(p)) & (table.of == of)].to_dict("records")
            assert row["distance"] == pytest.approx(reference.kstest(own, "uniform").statistic, abs=2e-5)
            shares = [(own <= at).mean() for at in PROBABILITIES]
            assert [row[name] for name in COLUMNS] == pytest.approx(shares, abs=1e-3)


def test_only_wrong_samplers_are_far_and_their_norms_are_right(table):
    wide = table.pivot(index="norm", columns=["sampler", "of"], values="distance")
    far = page.noise(1e-4, 2000)
    right = wide[[("ball", "radius"), ("ball", "value"), ("laplace", "radius"), ("float32", "radius")]]
    assert right.max(axis=None) < far
    assert (wide["laplace", "value"] > far).to_dict() == {"L1": False, "L2": True, "L50": True, "L∞": False}
    assert (wide["float32", "value"] > far).to_dict() == {"L1": False, "L2": False, "L50": True, "L∞": False}


def test_distances_of_right_samples_follow_kolmogorovs_law():
    """Of many sets of samples, each by one value of each sample: all values of a sample together would not."""
    found, together = [], []
    law = Lp(2.0, 3, clip=False)
    for number in range(200):
        stream = streams.stream_key(number, "many")
        _, value = sampled(SAMPLERS["ball"], 2.0, 3, 100, stream)
        found.append(distance(1 - 2 * law.survival(np.abs(value))))
        z = corruptions.corrupted(law, torch.zeros(100, 3), 1.0, stream).numpy()
        together.append(distance((1 - 2 * law.survival(np.abs(z))).ravel()))
    assert reference.kstest(found, reference.kstwo(100).cdf).pvalue > 1e-3
    assert reference.kstest(together, reference.kstwo(300).cdf).pvalue < 1e-3


# claims, from a table by hand


def by_hand() -> pd.DataFrame:
    rows = [("ball", "L1", 0.01), ("ball", "L2", 0.012), ("laplace", "L1", 0.02), ("laplace", "L2", 0.3)]
    rows += [("float32", "L1", 0.03), ("float32", "L2", 0.25)]
    return pd.DataFrame(
        {
            "sampler": name,
            "norm": norm,
            "of": of,
            "samples": 10_000,
            "distance": size + (0.001 if of == "radius" else 0),
        }
        for name, norm, size in rows
        for of in ("radius", "value")
    )


def test_claims_are_about_the_farthest_norm_and_intervals_hold_for_all_of_them():
    claims = {claim.id.partition(".")[2]: claim for claim in page.claims(by_hand(), asked())}
    cases = {(name, *case.where.values()): case.found for name, claim in claims.items() for case in claim.cases}
    half = reference.kstwobign.isf(0.05 / 2) / 100
    wider = reference.norm.ppf(1 - 0.025 / 4) / reference.norm.ppf(0.975)  # of four primary cases
    for name, mean in (
        (("uniform", "the norm"), 0.013),
        (("uniform", "a value"), 0.012),
        (("uniform-laplace", "a value"), 0.3),
        (("uniform-float32", "a value"), 0.25),
    ):
        ends = max(0, mean - wider * half), mean + wider * half
        assert cases[name] == pytest.approx((mean, *ends, 10_000), rel=1e-3)
    one = reference.kstwobign.isf(0.05) / 100
    assert cases["value-laplace", "L2"] == pytest.approx((0.3, 0.3 - one, 0.3 + one, 10_000))
    assert cases["radius-float32", "L1"] == pytest.approx((0.031, 0.031 - one, 0.031 + one, 10_000))
    assert cases["value", "L1"].mean == 0.01
    assert len(cases) == 4 + 5 * 2
    verdicts = {name: claim.verdict for name, claim in claims.items()}
    assert verdicts["uniform"] == "supported"
    assert verdicts["uniform-laplace"] == verdicts["uniform-float32"] == "refuted"
    assert verdicts["value-laplace"] == "mixed"


def test_what_samples_of_a_law_do_lies_below_the_threshold_of_each_set():
    """Where the sampler is right the whole interval is below it, nearly always."""
    for name in ("quick", "paper", "full"):
        content = yaml.safe_load((QUICK.parents[1] / name / QUICK.name).read_text())
        chosen = validate(model_of("09_lp_sampling", "test"), content, "test")
        worst = page.noise(1e-3, chosen.samples)
        assert 2 * worst <= chosen.thresholds.distance < 2.1 * worst


# pictures


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 10.0, math.inf])
def test_outlines_are_those_of_balls(p):
    curve = np.abs(page.section(p))
    norm = curve.max(1) if math.isinf(p) else (curve**p).sum(1) ** (1 / p)
    assert norm == pytest.approx(1)
    seen = page.outline(p)
    samples = corruptions.corrupted(Lp(p, 3, "surface", clip=False), torch.zeros(2000, 3), 1.0, key()).numpy()
    flat = samples @ page.VIEW.T
    # all samples are inside, up to the grid of angles, and some come near the outline
    angle, sizes = np.arctan2(*seen.T[::-1]), np.hypot(*seen.T)
    order = np.argsort(angle)
    there = np.interp(np.arctan2(*flat.T[::-1]), angle[order], sizes[order], period=2 * math.pi)
    share = np.hypot(*flat.T) / there
    assert share.max() < 1.1
    assert np.quantile(share, 0.99) > (0.6 if p < 1 else 0.9)


def test_figures_say_what_they_show(table):
    chosen = asked(**SMALL, points=30)
    figure = page.figure(chosen, table, page.claims(table, chosen))
    title = figure.subfigs[0].subfigs[0].get_suptitle()
    worst = table[table.of == "value"].groupby("sampler").distance.max()
    assert f"within {worst['ball']:.3g}" in title
    assert f"{worst['laplace']:.3g} from it" in title
    shown = page.image_figure(data.load(data.source("digits")), chosen)
    titles = [ax.get_title() for ax in shown.axes]
    assert "L2, ε = 0.0722" in titles
    assert "L0, 3 % to any grey" in titles
    plt.close("all")


def test_clamped_values_are_in_the_table_of_distances(table):
    found = page.distances(table)
    assert found.index.tolist() == ["L1", "L2", "L50", "L∞"]
    assert found["float32 Gamma", "clamped"]["L50"] == "0.176"
    assert found["Laplace for every p", "a value"]["L∞"] == "–"


# parameters


def test_strengths_change_each_value_as_much_at_every_size():
    rng = np.random.default_rng(0)
    sizes = rng.random(3072)
    for p in (0.5, 1.0, 2.0, 50.0):
        whole, part = ((sizes[:d] ** p).sum() ** (1 / p) for d in (3072, 64))
        assert same_noise(whole, p, 64) == pytest.approx(part, rel=0.5 if p < 1 else 0.2)
        assert same_noise(1.0, p, 64) == pytest.approx((64 / 3072) ** (1 / p))
    assert same_noise(0.3, math.inf, 64) == 0.3
    chosen = asked()
    record, strength = at_size(chosen.training[0], 64)
    assert (record.name, strength) == ("l0", 0.01)
    assert at_size(chosen.imperceptible[2], 3072)[1] == 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norms": [2, 0.001]}, "norms.1 is 0.001, but should be a number from 0.01 to 1000, or inf"),
        ({"norms": [0]}, "norms.0 is 0, but should be .*norm 0 is law: l0"),
        ({"balls": [-1]}, "balls.0 is -1, but should be"),
        ({"norms": [2, 2.0]}, "2.0 is listed twice"),
        ({"samples": 100}, "samples must be at least 9507 for thresholds.distance 0.04, and is 100"),
        ({"thresholds": {"distance": math.nan}}, "thresholds.distance is NaN"),
        ({"thresholds": {"distance": 0}}, "thresholds.distance is 0, but should be greater than 0"),
        ({"dimensions": 1}, "dimensions is 1, but should be greater than or equal to 2"),
        ({"training": [{"corruption": {"law": "lp", "norm": 2}, "strength": -1}]}, "training.0.strength is -1"),
        ({"training": [{"corruption": {"law": "l0"}, "strength": 1.5}]}, "asks for more values than an image has"),
        ({"imperceptible": []}, "imperceptible is "),
        ({"smaples": 3}, "smaples is not a parameter; did you mean samples"),
    ],
)
def test_a_mistake_is_one_sentence(change, message):
    with pytest.raises(UserError, match=message) as caught:
        asked(**change)
    assert "\n" not in str(caught.value)


def test_an_image_that_does_not_exist_is_one_sentence():
    with pytest.raises(UserError, match="image is 5000, but should be less than .* for digits"):
        asked(image=5000).sources()
