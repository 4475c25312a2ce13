"""10_volume_overlap: theory against simulation, the table by brute force, claims from a table by hand, mistakes."""

import itertools
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
from scipy import integrate
from scipy import stats as reference

from almostnothing import data, streams
from almostnothing.corruptions.lp import L0, Lp
from almostnothing.errors import UserError
from almostnothing.pages import model_of
from almostnothing.pages.volume_overlap import page
from almostnothing.pages.volume_overlap import table as overlap_table
from almostnothing.pages.volume_overlap.published import CROSSINGS
from almostnothing.parameters.files import validate
from almostnothing.theory import overlap

QUICK = Path(__file__).resolve().parent.parent / "params/quick/10_volume_overlap.yaml"
SMALL: dict[str, Any] = {
    "samples": 60,
    "images": 3,
    "image_samples": 40,
    "seeds": [0, 3],
    "dimensions": [20, 64],
    "norms": [0, 0.5, 10, "inf"],
}
inf = math.inf


def asked(**changes: Any) -> Any:
    content = yaml.safe_load(QUICK.read_text()) | changes
    return validate(model_of("10_volume_overlap", "test"), content, "test")


def norm(z: np.ndarray, p: float) -> np.ndarray:
    size = np.abs(z)
    most = size.max(-1)
    return most if math.isinf(p) else most * ((size / most[..., None]) ** p).sum(-1) ** (1 / p)


def ball(p: float, d: int, count: int, seed: int = 0) -> np.ndarray:
    """Samples of a ball by NumPy's Gamma variables in float64, independently of the library; p at most 50."""
    generator = np.random.default_rng(seed)
    if math.isinf(p):
        return generator.uniform(-1, 1, (count, d))
    g = generator.gamma(1 + 1 / p, size=(count, d)) ** (1 / p) * generator.uniform(-1, 1, (count, d))
    return g * (generator.random(count) ** (1 / d) / norm(g, p))[:, None]


# theory


@pytest.mark.parametrize(("p", "s"), [(0.5, 2.0), (1.0, 1.0), (2.0, 10.0), (10.0, 0.5), (inf, 3.0)])
def test_moments_by_quadrature(p, s):
    end, density = (1.0, lambda g: 1.0) if math.isinf(p) else (40.0 ** (1 / p) * 2, lambda g: math.exp(-(g**p)))
    moment, whole = (integrate.quad(lambda g, k=k: g**k * density(g), 0, end, limit=400)[0] for k in (s, 0))
    assert math.exp(overlap.log_moment(p, s)) == pytest.approx(moment / whole, rel=1e-4)


PAIRS = [(0.5, 2.0), (1.0, 2.0), (10.0, 2.0), (50.0, 2.0), (inf, 2.0)]
BOTH = [*PAIRS, *((q, p) for p, q in PAIRS)]


@pytest.mark.parametrize(("p", "q"), BOTH)
@pytest.mark.parametrize(("d", "close"), [(64, 0.025), (784, 0.012)])
def test_the_median_of_another_norm_is_that_of_simulated_balls(p, q, d, close):
    found = np.median(norm(ball(p, d, 4000), q))
    assert overlap.ratio(p, q, d) == pytest.approx(found, rel=close)
    assert overlap.typical(p, q, d) == pytest.approx(found, rel=0.04)


@pytest.mark.parametrize(("p", "q"), [*PAIRS, (2.0, 0.5), (2.0, 1.0)])
def test_the_spread_of_another_norm_is_that_of_simulated_balls(p, q):
    found = np.log(norm(ball(p, 784, 4000), q)).std()
    assert overlap.spread(p, q, 784) == pytest.approx(found, rel=0.08)


def test_at_the_text_s_size_predicted_crossings_are_the_simulated_ones():
    for p in (0.5, 1.0, 10.0, inf):
        first, second = overlap.crossings(p, 2.0, 4.0, 3072)
        assert first == pytest.approx(4 / np.median(norm(ball(p, 3072, 500), 2.0)), rel=0.01)
        assert second == pytest.approx(4 * np.median(norm(ball(2.0, 3072, 500), p)), rel=0.015)


def test_the_gap_tends_to_a_constant_above_0_and_is_none_for_equal_norms():
    def limit(p: float, q: float) -> float:
        """Of d → ∞, written down by itself, from E|g|^s of both laws."""
        m = {(a, s): math.gamma((s + 1) / a) / math.gamma(1 / a) for a in (p, q) for s in (p, q)}
        return math.log(m[p, q] ** (1 / q) / m[p, p] ** (1 / p) * m[q, p] ** (1 / p) / m[q, q] ** (1 / q))

    for p, q in ((0.5, 2.0), (1.0, 2.0), (5.0, 2.0), (0.7, 3.0)):
        assert overlap.gap(p, q, 10**7) == pytest.approx(limit(p, q), rel=1e-3)
        assert limit(p, q) > 0.05
        assert overlap.gap(p, q, 500) == overlap.gap(q, p, 500)
    assert abs(overlap.gap(2.0, 2.0, 10**6)) < 1e-5
    largest = [overlap.gap(inf, 2.0, d) for d in (64, 784, 3072, 10**6)]
    assert all(a < b for a, b in itertools.pairwise(largest))


def test_volumes_in_few_dimensions():
    for p, d, volume in (
        (2.0, 2, math.pi),
        (2.0, 3, 4 / 3 * math.pi),
        (1.0, 3, 4 / 3),
        (inf, 4, 16.0),
        (0.5, 2, 2 / 3),
    ):
        assert overlap.log_volume(p, 1.0, d) == pytest.approx(math.log(volume))
        assert overlap.log_volume(p, 2.0, d) == pytest.approx(math.log(volume * 2**d))


@pytest.mark.parametrize(("p", "d"), [(1.0, 3), (0.5, 4), (inf, 5), (10.0, 8)])
def test_where_volumes_are_equal_both_shares_are(p, d):
    """And elsewhere their quotient is that of the volumes."""
    epsilon, count = overlap.equal_volume(p, 2.0, 1.3, d), 100_000
    for factor in (1.0, 0.9):
        inside = (norm(factor * epsilon * ball(p, d, count), 2.0) <= 1.3).mean()
        holds = (norm(1.3 * ball(2.0, d, count, 1), p) <= factor * epsilon).mean()
        assert inside * factor**d == pytest.approx(holds, abs=4.5 * 0.75 / math.sqrt(count))


def test_l0_noise_replaces_values_until_their_squares_fill_the_ball():
    x = np.random.default_rng(0).random(3072)
    square = ((x**2 + (1 - x) ** 2) / 2).mean()
    found = overlap_table.entering("ball", 0.0, torch.from_numpy(x.astype(np.float32)), 3072, 4.0, 200, 0)
    assert np.median(found) == pytest.approx(overlap.replaced(square, 4.0, 3072), rel=0.05)
    assert overlap.replaced(0.25, 100.0, 64) == 1


# the table


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    chosen = asked(**SMALL)
    overlap_table.table(chosen, Path())  # laws are compiled, and their libraries named, before the watch begins
    return page_cases.measured("10_volume_overlap", chosen)


def test_rows_of_the_table(table):
    places, samplers, norms, directions, seeds, images = 3, 2, 4, 2, 2, 3
    assert len(table) == (places * samplers + images) * norms * directions * seeds
    assert set(table.which[~table.clipped]) == {"none"}
    assert set(table.image[table.which == "none"]) == {-1}
    assert set(table.image[table.which == "given"]) == {1}
    assert set(table.sampler[table.which == "drawn"]) == {"ball"}
    assert table.groupby("which").samples.unique().map(list).to_dict() == {"drawn": [40], "given": [60], "none": [60]}
    drawn = table[table.which == "drawn"].groupby("seed").image.unique()
    assert [len(images) for images in drawn] == [3, 3]
    assert len(set(np.concatenate(list(drawn)))) == 6
    count = len(data.load(data.source("digits")).train.images)
    for seed, images in drawn.items():
        order = streams.permutation(streams.stream_key(seed, "overlap image"), count)
        assert list(images) == list(order[:3])
    assert set(zip(table.dataset, table.pixels, table.clipped, strict=True)) == {
        ("digits", 64, True),
        ("unclipped", 20, False),
        ("unclipped", 64, False),
    }
    assert sorted(set(table.radius.round(6))) == [round(4 * math.sqrt(d / 3072), 6) for d in (20, 64)]
    literal = overlap_table.table(asked(**SMALL, same_noise=False), Path())
    assert set(literal.radius) == {4}


@pytest.mark.parametrize(
    ("sampler", "which"),
    [("ball", "none"), ("laplace", "none"), ("ball", "given"), ("laplace", "given"), ("ball", "drawn")],
)
def test_shares_are_counted_anew_at_their_own_strength(table, sampler, which):
    """At each ε of the table the share that it names, by scaling, clipping and counting the same samples."""
    digits, clipped, count = data.load(data.source("digits")), which != "none", 40 if which == "drawn" else 60
    drawn = table[(table.which == "drawn") & (table.seed == 3)].image.iloc[-1]
    number = drawn if which == "drawn" else 1
    x = digits.train.images[number].reshape(-1) / digits.levels if clipped else np.zeros(64)

    def left(noise: np.ndarray) -> np.ndarray:
        return (x + noise).clip(0, 1) - x if clipped else noise

    own = table[(table.pixels == 64) & (table.which == which) & (table.sampler == sampler) & (table.seed == 3)]
    own = own[own.image == number] if clipped else own
    radius = own.radius.iloc[0]
    reached = left(radius * overlap_table.unit(sampler, 2.0, 64, count, 3).double().numpy())
    for p, name in ((0.5, "L0.5"), (10.0, "L10"), (inf, "L∞")):
        rows = own[own.norm == name].set_index("direction")
        z = overlap_table.unit(sampler, p, 64, count, 3).double().numpy()
        for column, share in page.SHARES.items():
            for step, more in ((1 - 1e-4, True), (1 + 1e-4, False)):
                at = step * rows[column]["inside"]
                there = (norm(left(at * z), 2.0) <= radius).sum()
                assert (there >= share * count) if more else (there <= share * count + 1e-9)
                there = (norm(reached, p) <= step * rows[column]["holds"]).sum()
                assert (there <= share * count + 1e-9) if more else (there >= share * count)
        half = rows["at_50"]["inside"]
        assert rows["matched"]["holds"] == pytest.approx((norm(reached, p) <= half).mean(), abs=1 / count)
        for direction in page.DIRECTIONS:
            low, middle, high = rows.loc[direction, ["low", "at_50", "high"]]
            assert low <= middle <= high


def test_shares_of_l0_are_counted_anew_at_every_k(table):
    digits = data.load(data.source("digits"))
    x = torch.from_numpy(digits.train.images[1].reshape(-1) / np.float32(digits.levels))
    key = torch.from_numpy(streams.stream_key(3, "overlap of balls", 0, 64))[None]
    radius, drawn = 4 * math.sqrt(64 / 3072), torch.arange(60, dtype=torch.int32)[None]
    inside = np.zeros(60)
    for k in range(65):
        noisy = L0("extremes", 1, 64).sample(x.expand(1, 60, 64), torch.tensor([[k / 64]]), key, drawn)[0, 0]
        there = ((noisy - x).double().square().sum(1).sqrt() <= radius).numpy()
        inside[there] = np.minimum(1, (k + 0.5) / 64)
    row = table[
        (table.norm == "L0") & (table.which == "given") & (table.seed == 3) & (table.sampler == "ball")
    ].set_index("direction")
    assert row["at_50"]["inside"] == np.quantile(inside, 0.5, method="inverted_cdf")
    noise = radius * overlap_table.unit("ball", 2.0, 64, 60, 3)
    changed = (((x + noise).clamp(0, 1) - x) != 0).double().mean(1).numpy()
    assert row["at_50"]["holds"] == np.quantile(changed, 0.5, method="inverted_cdf")
    free = table[(table.norm == "L0") & ~table.clipped & (table.direction == "holds")]
    assert (free[list(page.SHARES)] == 1).all(axis=None)
    assert (free.matched == 0).all()


def test_a_sample_that_never_leaves_is_at_infinity():
    """On an image of ones and zeros noise that points out of [0, 1] changes nothing, however strong."""
    x = torch.tensor([0.0, 1.0])
    found = overlap_table.entering("ball", 1.0, x, 2, 0.9, 400, 0)
    signs = torch.sign(overlap_table.unit("ball", 1.0, 2, 400, 0))
    outward = ((signs[:, 0] < 0) & (signs[:, 1] > 0)).numpy()
    assert np.isinf(found).tolist() == outward.tolist()
    assert 0.15 < outward.mean() < 0.35
    assert overlap_table._quantiles(found, 1.0)["at_05"] == inf


def test_bounds_of_a_median_hold_in_95_of_100_cases():
    values = np.random.default_rng(0).exponential(size=(2000, 101))
    bounds = np.array([overlap_table.median_bounds(row) for row in values])
    held = ((bounds[:, 0] <= math.log(2)) & (math.log(2) <= bounds[:, 1])).mean()
    assert 0.945 < held < 0.985
    assert overlap_table.median_bounds(np.arange(100.0)) == (39.0, 60.0)


def test_both_samplers_are_one_for_norm_1_and_without_clipping_laplace_noise_has_no_gap(table):
    assert torch.equal(overlap_table.unit("laplace", inf, 5, 9, 0), overlap_table.unit("ball", inf, 5, 9, 0))
    for p in (0.5, 1.0, 2.0, 10.0):
        z = overlap_table.unit("laplace", p, 3072, 300, 0).double().numpy()
        first, second = (
            1 / np.median(norm(z, 2.0)),
            np.median(norm(overlap_table.unit("laplace", 2.0, 3072, 300, 0).double().numpy(), p)),
        )
        assert math.log(second / first) == pytest.approx(0, abs=0.04)
    exact = Lp(1.0, 3072, clip=False).deviation
    assert overlap_table.unit("laplace", 1.0, 3072, 300, 0).double().std().item() == pytest.approx(exact, rel=0.01)


# claims, from a table by hand

SEEDS = range(4)
FACTOR = {"L0": 4.0, "L1": 1.5, "L∞": 2.0}  # of the crossings, at every place
MORE = 3.0  # ln of what the factors of drawn images are more, or as much less, for every second of them


def by_hand() -> pd.DataFrame:
    """Crossings in closed form: "inside" at e^seed/100, "holds" `FACTOR` times that, squared for L0, and a little more
    at d = 1600 than at d = 100; a transition is 0.1 (100/d)^½ of ln ε wide on each side. Each seed draws 2 images,
    whose factors' ln are `MORE` more and less, of L0 alone.
    """
    rows = []
    places = [
        ("digits", 64, True),
        ("npz:cifar10.npz", 3072, True),
        ("unclipped", 100, False),
        ("unclipped", 1600, False),
    ]
    for (dataset, d, clipped), sampler, (name, factor), seed in itertools.product(
        places, ("ball", "laplace"), FACTOR.items(), SEEDS
    ):
        first = np.exp(seed / 100) * (1 if sampler == "ball" else 1.1)
        second = first * (factor**2 if name == "L0" else factor) * math.exp(0.01 * seed * (d == 1600))
        wide = 0.1 * math.sqrt(100 / d)
        head = {"dataset": dataset, "pixels": d, "clipped": clipped, "sampler": sampler, "norm": name, "seed": seed}
        head |= {"radius": 4.0, "samples": 50}
        images = [("given", 1, 0.0), ("drawn", 10 * seed, 1.0), ("drawn", 10 * seed + 1, -1.0)]
        for which, image, more in images if clipped else [("none", -1, 0.0)]:
            if which == "drawn" and sampler == "laplace":
                continue
            for direction, at, sign in (("inside", first, -1), ("holds", second, 1)):
                shares = {"at_99": 2, "at_95": 1, "at_75": 0.5, "at_50": 0, "at_25": -0.5, "at_05": -1, "at_01": -2}
                middle = at * math.exp(more * MORE * (name == "L0")) if direction == "holds" else at
                values = {column: middle * math.exp(sign * step * wide) for column, step in shares.items()}
                matched = (0.5 + seed / 50 + more / 10 if name == "L1" else 0.0) if direction == "holds" else math.nan
                seen = {"which": which, "image": image, "direction": direction}
                rows.append({**head, **seen, **values, "low": middle, "high": middle, "matched": matched})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def claims() -> dict[str, Any]:
    chosen = asked(norms=[0, 1, "inf"], dimensions=[100, 1600])
    return {claim.id.partition(".")[2]: claim for claim in page.claims(by_hand(), chosen)}


def cases(claim: Any) -> dict[tuple[str, ...], Any]:
    return {tuple(case.where.values()): case.found for case in claim.cases}


def test_shares_at_matched_strength_have_both_kinds_of_intervals(claims):
    found = cases(claims["covers"]) | cases(claims["overlap"])
    assert len(found) == 2 * 3
    wider = reference.t.ppf(1 - 0.025 / 10, 3) / reference.t.ppf(0.975, 3)  # ten primary cases
    none = reference.binomtest(0, 4 * 2).proportion_ci().high  # of 4 seeds' 2 images, whatever their samples
    for where in (("digits", "L0"), ("npz:cifar10.npz", "L∞")):
        assert found[where] == pytest.approx((0, 0, wider * none, 4))
    shares = 0.5 + np.arange(4) / 50
    student = reference.t.ppf(0.975, 3) * reference.sem(shares)
    exact = reference.binomtest(4, 8).proportion_ci()
    low, high = min(0.53 - student, exact.low), max(0.53 + student, exact.high)
    ends = max(0, 0.53 - wider * (0.53 - low)), min(1, 0.53 + wider * (high - 0.53))
    assert found["digits", "L1"] == pytest.approx((0.53, *ends, 4))
    assert claims["covers"].verdict == "inconclusive"  # 0 of 8 images is little to say so


def test_l0_is_compared_with_the_widest_other_gap(claims):
    # ln 16 / 2 as L2 norms, less ln 2
    assert cases(claims["apart"])["digits", "L0"].mean == pytest.approx(math.log(4) - math.log(2))
    assert claims["apart"].verdict == "supported"
    whole = cases(claims["whole"])["digits", "L0"]
    assert whole.mean == pytest.approx(16 * math.cosh(MORE) * np.exp(np.arange(4) / 100).mean())


def test_gaps_are_those_that_were_made(claims):
    free = "d = 1,600, not clipped"
    between, nested = cases(claims["between"]), cases(claims["nested"])
    assert set(between) == {(place, name) for place in ("digits", "npz:cifar10.npz", free) for name in FACTOR}
    more = 0.01 * np.arange(4)
    half = reference.t.ppf(0.975, 3) * reference.sem(more)
    mean = math.log(1.5) + more.mean()
    assert between[free, "L1"] == pytest.approx((mean, mean - half, mean + half, 4))
    assert between["digits", "L∞"].mean == pytest.approx(math.log(2))
    assert nested["digits", "L∞"].mean == pytest.approx(math.log(2) + 0.2 * math.sqrt(100 / 64))
    steady, sharp = cases(claims["steady"]), cases(claims["sharpening"])
    assert steady["L1",].mean == pytest.approx(more.mean())
    assert ("L0",) not in steady
    assert [value.mean for value in sharp.values()] == pytest.approx([-0.5] * 4)


def test_theory_is_judged_by_its_worst_crossing(claims):
    found = cases(claims["theory"])["d = 100, not clipped",]
    worst = []
    for seed in SEEDS:
        first = math.exp(seed / 100)
        off = [
            abs(math.log(told / made))
            for name, p in (("L1", 1.0), ("L∞", inf))
            for told, made in zip(overlap.crossings(p, 2.0, 4.0, 100), (first, first * FACTOR[name]), strict=True)
        ]
        worst.append(max(off))
    assert found.mean == pytest.approx(np.mean(worst))


def test_published_crossings_are_compared_on_their_image_alone(claims):
    found = cases(claims["published-laplace"])
    assert set(found) == {(name, words) for name in FACTOR for words in page.DIRECTIONS.values()}
    own = np.log(CROSSINGS["L∞"]["holds"] / (2.2 * np.exp(np.arange(4) / 100)))
    assert found["L∞", page.DIRECTIONS["holds"]].mean == pytest.approx(abs(own.mean()))
    other = {claim.id for claim in page.claims(by_hand(), asked(norms=[0, 1, "inf"], dimensions=[100, 1600], image=7))}
    assert not any("published" in name for name in other)
    smaller = page.claims(by_hand().assign(radius=3.0), asked(norms=[0, 1, "inf"], dimensions=[100, 1600]))
    assert not any("published" in claim.id for claim in smaller)


def test_what_explains_a_published_crossing():
    made = by_hand()
    here = (made.dataset == "npz:cifar10.npz") & (made.norm == "L1")
    for sampler, direction, wanted in (
        ("ball", "inside", 161.5),
        ("laplace", "inside", 160.0),
        ("laplace", "holds", 153),
    ):
        rows = here & (made.sampler == sampler) & (made.direction == direction)
        made.loc[rows, "at_50"] = wanted * np.exp(0.001 * made.loc[rows, "seed"])
    verdicts = page.claims(made, asked(norms=[0, 1, "inf"], dimensions=[100, 1600]))
    found = page.explained(verdicts)
    assert page.told(
        verdicts
    ) == "Of 6 published crossings 1 are those of samples “uniform”, 2 are those of samples " + (
        "“Laplace for every p”"
    )
    by = found.set_index(["norm", "of"])["explained by"]
    assert by["L1", page.DIRECTIONS["inside"]] == "uniform and Laplace for every p"
    assert by["L1", page.DIRECTIONS["holds"]] == "Laplace for every p"
    assert by["L∞", page.DIRECTIONS["inside"]] == "neither"
    assert found.published.tolist()[2:4] == ["161.5", "153"]


def test_nothing_is_said_of_what_was_published_without_cifar():
    own = by_hand().query("dataset != 'npz:cifar10.npz'")
    verdicts = page.claims(own, asked(norms=[0, 1, "inf"], dimensions=[100, 1600]))
    assert page.explained(verdicts).empty
    assert page.told(verdicts) == ""


# figures and tables of the page


def test_figures_say_what_they_show(table):
    chosen = asked(**SMALL)
    verdicts = page.claims(table, chosen)
    shown = [page.figure(table, verdicts, "digits"), page.free_figure(table, 64), page.scaling_figure(table)]
    free = page.by_seed(table.query("pixels == 64 and not clipped and sampler == 'ball'"))
    assert (free.gap > 0).all()
    assert "for every norm there are ε" in shown[1].get_suptitle()
    assert shown[1].axes[1].get_title().startswith("L0.5: neither, ")
    clipped = shown[0].axes[1].get_title()
    assert clipped.startswith("L0.5: ")
    lines = shown[0].subfigs[0].get_suptitle().split("\n")
    assert "6 images" in lines[0]
    assert lines[1].startswith("Curves: training image 1. Upright lines: each of 6 drawn images")
    own = page.by_image(table.query("which == 'drawn' and norm == 'L0.5'"))
    many = (own.gap > 0).sum() if "neither" in clipped else (own.gap <= 0).sum()
    assert clipped.endswith(f"({many}/6)")
    marks = [line for line in shown[0].axes[1].lines if line.get_marker() == "|"]
    drawn = table[(table.which == "drawn") & (table.norm == "L0.5")]
    for line, direction in zip(marks, page.DIRECTIONS, strict=True):
        assert list(line.get_xdata()) == list(page.by_image(drawn)[direction])
    titles = page.crossings(table)
    assert len(titles) == (3 * 2 + 1) * 4
    assert set(titles.index.get_level_values("images")) == {"number 1", "6 drawn", ""}
    theory = overlap.crossings(inf, 2.0, 4 * math.sqrt(64 / 3072), 64)
    assert titles.loc[("d = 64, not clipped", "", "L∞", "uniform"), "theory"] == ", ".join(map(page.number, theory))
    plt.close("all")


@pytest.mark.parametrize(("value", "words"), [(0.12345, "0.123"), (1.0, "1"), (460_342.0, "460k"), (3.4e6, "3.4e+03k")])
def test_numbers_are_short(value, words):
    assert page.number(value) == words


# parameters


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norms": [0, 1, 2]}, "norms has 2, the norm of the ball"),
        ({"norms": [0.5, 1]}, "norms needs 0, and another one"),
        ({"norms": [0]}, "norms needs 0, and another one"),
        ({"norms": [0, 0.001]}, "norms.1 is 0.001, but should be a number from 0.01 to 1000, or inf"),
        ({"norms": [0, True]}, "should be a number or a word, not true or false"),
        ({"radius": 0}, "radius is 0, but should be greater than 0"),
        ({"radius": -4}, "radius is -4, but should be greater than 0"),
        ({"radius": math.nan}, "radius is NaN"),
        ({"samples": 5}, "samples is 5, but should be greater than or equal to 20"),
        ({"images": 0}, "images is 0, but should be greater than 0"),
        ({"image_samples": 5}, "image_samples is 5, but should be greater than or equal to 20"),
        ({"seeds": [1]}, "seeds needs at least 2 seeds"),
        ({"dimensions": [64]}, "dimensions needs at least 2"),
        ({"dimensions": [64, 1]}, "dimensions.1 is 1, but should be greater than or equal to 2"),
        ({"thresholds": {"half": 0.5}}, "thresholds.whole is missing"),
        ({"raduis": 4}, "raduis is not a parameter; did you mean radius"),
    ],
)
def test_a_mistake_is_one_sentence(change, message):
    with pytest.raises(UserError, match=message) as caught:
        asked(**change)
    assert "\n" not in str(caught.value)


def test_verdicts_are_of_drawn_images_and_published_crossings_of_the_given_one():
    made, chosen = by_hand(), asked(norms=[0, 1, "inf"], dimensions=[100, 1600])
    given = made.which == "given"
    moved = made.assign(matched=np.where(given, 0.9, made.matched))
    numbers = [*page.SHARES, "low", "high"]
    moved.loc[given, numbers] *= np.where(moved.direction[given] == "holds", 7.0, 1.0)[:, None]
    before, after = ({each.id: each.cases for each in page.claims(t, chosen)} for t in (made, moved))
    assert [name for name in before if before[name] != after[name]] == [
        "10_volume_overlap.published-ball",
        "10_volume_overlap.published-laplace",
    ]


@pytest.mark.parametrize(
    ("gaps", "words"),
    [
        ((0.5, 0.2, 0.1), "for every norm there are ε at which neither ball holds half of the other"),
        ((0.5, -0.2, -0.3), "neither ball holds half of the other at some ε for L0; each does for L1, L∞"),
        ((0.5, 0.0, -0.3), "neither ball holds half of the other at some ε for L0; each does for L∞; undecided for L1"),
    ],
)
def test_the_title_tells_what_drawn_images_decide(gaps, words):
    made = by_hand().query("dataset == 'digits'")
    for gap, name in zip(gaps, FACTOR, strict=True):
        of = made.norm == name
        noise = np.where(made.seed % 2 == 0, 0.01, -0.01)
        values = np.where(made.which == "given", 0.001, np.where(made.direction == "holds", np.exp(gap + noise), 1.0))
        made.loc[of, "at_50"] = values[of]
    assert page.finding(made) == f"digits, clipped, in the mean over 8 images: {words}"


def test_intervals_cover_images():
    """Of images of which each holds all of its samples or none, 70 % hold all."""
    generator = np.random.default_rng(0)
    held = []
    for _ in range(400):
        shares = pd.Series((generator.random((10, 8)) < 0.7).mean(1))
        found = page.shared(shares, 8)
        held.append(found.low <= 0.7 <= found.high)
    assert np.mean(held) >= 0.94


def test_more_images_than_there_are_is_one_sentence():
    with pytest.raises(UserError, match="images is 5000, but should be at most .* for digits"):
        asked(images=5000).sources()


def test_an_image_that_does_not_exist_is_one_sentence():
    with pytest.raises(UserError, match="image is 5000, but should be less than .* for digits"):
        asked(image=5000).sources()
