"""Noise of a given norm, L0 and sets of laws: against their exact laws and against other ways to draw them."""

import itertools
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import special, stats

from almostnothing import compiling, corruptions, data, keys, streams, training
from almostnothing.cells import Cell
from almostnothing.corruptions import quantiles
from almostnothing.corruptions.law import Corruption
from almostnothing.corruptions.lp import L0, Brightness, Lp
from almostnothing.corruptions.sets import Set
from almostnothing.errors import UserError
from almostnothing.pages import model_of
from almostnothing.parameters import laws as models
from almostnothing.parameters.files import read_yaml, validate
from almostnothing.parameters.sweep import Sweep
from almostnothing.strengths import strength_of

inf = math.inf
NORMS = [0.01, 0.1, 0.5, 1.0, 1.5, 2.0, 10.0, 50.0, 200.0, 1000.0, inf]
CIFAR = 3072
X = np.array([0.0, 0.1, 0.5, 0.8, 1.0, 0.3])
PLACES = ("ball", "surface")
CHANGES = ("extremes", "greys", "salt_pepper")
MIXED = (Lp(2.0, 6), L0("salt_pepper", 3, 6), Lp(inf, 6), Brightness())
LAWS: dict[str, tuple[Corruption, float]] = {
    **{f"L{p:g} {w}": (Lp(p, 6, w, clip=False), 0.3 * 6 ** (1 / p)) for p in NORMS[1:] for w in PLACES},
    **{f"L{p:g} clipped": (Lp(p, 6), 0.5 * 6 ** (1 / p)) for p in (0.5, 1.0, 2.0, 50.0, inf)},
    "L∞ surface, clipped": (Lp(inf, 6, "surface"), 0.4),
    "L2, several ε": (Lp(2.0, 6, least=0.2), 1.5),
    "L∞, several ε, unclipped": (Lp(inf, 6, clip=False, least=0.0), 0.5),
    **{f"L0 {values}": (L0(values, 3, 6), 0.5) for values in CHANGES},
    "L0, several k": (L0("greys", 1, 6, least=0.0), 0.9),
    "brightness": (Brightness(), 0.3),
    "brightness, several ε": (Brightness(clip=False, least=0.0), 0.3),
    "a set": (Set(MIXED, (1.0, 0.5, 0.3, 0.2), 6), 0.8),
    "two of a set": (Set(MIXED, (1.0, 0.5, 0.3, 0.2), 6, applied=2), 0.8),
}
each_law = pytest.mark.parametrize(("law", "strength"), LAWS.values(), ids=LAWS)
both_ways = pytest.mark.parametrize("by_torch", [False, True], ids=["kernel", "torch"])


def key(seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(streams.stream_key(seed, "test"))[None]


def numbers(count: int) -> torch.Tensor:
    return torch.arange(count, dtype=torch.int32)[None]


def changed(law: Corruption, x: torch.Tensor, strength: float, by_torch: bool = False) -> torch.Tensor:
    """Images (image, pixel) under a law, each by a draw of its own."""
    make = law.drawn if by_torch else law.sample
    return make(x[None], torch.tensor([[strength]]), key(), numbers(len(x)))[0, 0]


def noise(
    p: float,
    d: int,
    draws: int,
    where: str = "ball",
    epsilon: float = 1.0,
    dtype: torch.dtype = torch.float32,
    by_torch: bool = False,
) -> np.ndarray:
    """Unclipped noise of a norm: shape (draw, value)."""
    law = Lp(p, d, where, clip=False)
    return changed(law, torch.zeros(draws, d, dtype=dtype), epsilon, by_torch).double().numpy()


def norm(delta: np.ndarray, p: float) -> np.ndarray:
    size = np.abs(delta)
    most = size.max(-1)
    return most if math.isinf(p) else most * ((size / most[:, None]) ** p).sum(-1) ** (1 / p)


WORDS = np.concatenate(
    [np.random.default_rng(0).integers(-(2**31), 2**31, 20_000), np.arange(-200, 200), [2**31 - 1, -(2**31)]]
).astype(np.int32)


@pytest.mark.parametrize("p", NORMS[:-1])
def test_quantiles_against_scipy(p):
    """To four roundings of float32, and in float64 to the error of the parabolas."""
    odd = (WORDS.astype(np.int64) % 2**32) | 1
    u = odd / 2**32
    law = stats.gennorm(p)
    size = np.where(u < 0.5, law.ppf(0.5 + u / 2), law.isf((2**32 - odd) / 2**33))
    exact = size if p >= 1 else size**p
    # SciPy adds 1/2 to u, and its Gamma variables underflow; the density is constant there
    known, small = (u > 1e-3) & (size > 0.9 if p >= 10 else True), u < (0.4 if p >= 50 else 1e-6)
    for dtype, places in ((torch.float32, 4 * 2.0**-24), (torch.float64, 1e-7)):
        found = (
            quantiles.magnitudes(torch.from_numpy(WORDS), quantiles.table(p), torch.zeros(1, dtype=dtype))
            .double()
            .numpy()
        )
        assert np.abs(found[known] / exact[known] - 1).max() < places + 1e-12 / 1e-3
        if p >= 0.5:
            first = (u * special.gamma(1 + 1 / p)) ** min(p, 1)
            assert found[small] == pytest.approx(first[small], rel=1e-3)
        assert (found > 0).all()
        assert (np.diff(np.log(found[np.argsort(u)])) >= -3e-7).all()


def test_a_uniform_and_a_sign_of_every_word():
    found = quantiles.magnitudes(torch.from_numpy(WORDS), None, torch.zeros(1)).numpy()
    assert found == pytest.approx((WORDS.astype(np.int64) % 2**32) / 2**32, abs=1e-7)
    assert (quantiles.signs(torch.from_numpy(WORDS), torch.zeros(1)).numpy() == 1 - 2 * (WORDS & 1)).all()


@both_ways
@pytest.mark.parametrize("p", NORMS[1:])
def test_radius_law(p, by_torch):
    """(‖δ‖_p / ε)^d ~ U(0, 1), in float32."""
    for d, draws in ((3, 20_000), (CIFAR, 200)):
        radius = norm(noise(p, d, draws, by_torch=by_torch), p)
        assert stats.kstest(radius**d, "uniform").pvalue > 1e-3, d
        assert radius.max() <= 1 + 1e-6


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("p", NORMS[1:-1])
def test_marginal_law(p, where):
    """|δᵢ/ε|^p ~ Beta(1/p, (d−1)/p + 1 in the ball), in float32, by SciPy's Beta law: Kolmogorov's distance."""
    for d, draws, shown in ((3, 20_000, 1), (CIFAR, 20, CIFAR)):
        a, b = 1 / p, (d - 1) / p + (where == "ball")
        # up to there: on the surface of large p many values differ from 1 by less than float32 resolves
        z = np.linspace(0, 0.99, 300) if d == 3 else np.geomspace(1e-9, 0.99, 300)
        exact = np.where(z**p < 1e-250, z / (a * special.beta(a, b)), stats.beta(a, b).cdf(z**p))
        size = np.abs(noise(p, d, draws, where)[:, :shown].ravel())
        found = np.searchsorted(np.sort(size), z, side="right") / len(size)
        assert np.abs(found - exact).max() * math.sqrt(len(size)) < stats.kstwobign.isf(1e-3), d


@pytest.mark.parametrize("p", NORMS[1:])
def test_survival_and_deviation_against_draws(p):
    for where, d in itertools.product(PLACES, (1, 3, 40)):
        law, delta = Lp(p, d, where, clip=False), noise(p, d, 20_000, where)[:, 0]
        for z in (-0.9, -0.2, -1e-3, 1e-4, 0.05, 0.4, 0.99):
            share = float(law.survival(np.array([z]))[0])
            assert abs((delta > z).mean() - share) <= 4.5 * math.sqrt(share * (1 - share) / len(delta)) + 1e-12
        spread = np.std(delta**2) / math.sqrt(len(delta))
        assert abs((delta**2).mean() - law.deviation**2) <= 4.5 * spread + 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("p", NORMS)
def test_norm_on_the_surface(p, dtype):
    """To 1e-6; at p = 0.01 a norm is the 100th power of what float32 rounds."""
    d = 2 if p < 0.1 else CIFAR
    epsilon = float(np.float32(3.0 * d ** (1 / p)))
    for by_torch in (False, True):
        found = norm(noise(p, d, 20, "surface", epsilon, dtype, by_torch), p) / epsilon
        assert found == pytest.approx(1, abs=1e-6 if p >= 0.1 else 1e-5)


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 3.0, 50.0, 200.0, inf])
def test_against_rejection_in_three_dimensions(p):
    """Points of a cube that lie in the ball."""
    delta, cube = noise(p, 3, 20_000), np.random.default_rng(0).uniform(-1, 1, (2_000_000, 3))
    inside = cube[norm(cube, p) <= 1][:20_000]
    for of in (lambda z: z[:, 0], lambda z: np.abs(z).min(1), lambda z: np.abs(z).max(1), lambda z: z.sum(1)):
        assert stats.ks_2samp(of(delta), of(inside)).pvalue > 1e-3


def test_against_scipy_on_the_sphere_and_in_the_ball():
    generator = np.random.default_rng(0)
    sphere = stats.uniform_direction(40).rvs(20_000, random_state=generator)
    assert stats.ks_2samp(noise(2.0, 40, 20_000, "surface")[:, 3], sphere[:, 3]).pvalue > 1e-3
    ball = sphere * generator.random((20_000, 1)) ** (1 / 40)
    assert stats.ks_2samp(norm(noise(2.0, 40, 20_000)[:, :7], 1.0), norm(ball[:, :7], 1.0)).pvalue > 1e-3


def test_the_limit_of_large_p():
    """The same words give ever nearer the same noise as at p = ∞."""
    for where in PLACES:
        limit = noise(inf, CIFAR, 5, where)
        far = [np.abs(noise(p, CIFAR, 5, where) - limit).mean() for p in (10.0, 50.0, 200.0, 1000.0)]
        assert all(a > 3 * b for a, b in itertools.pairwise(far))
        assert far[-1] < 0.003


@pytest.mark.parametrize("p", [50.0, 200.0])
def test_large_p_in_float32_is_stuck_nowhere(p):
    """A float32 Gamma(1/p) is clamped at 1e-38: at p = 200 two thirds of all values are then one number."""
    size = np.abs(noise(p, CIFAR, 50))
    _, counts = np.unique(size, return_counts=True)
    assert counts.max() < 1e-4 * size.size
    assert abs(np.mean(size < 0.5) - 1 + 2 * Lp(p, CIFAR).survival(np.array([0.5]))[0]) < 0.01


def test_half_a_norm_at_the_size_of_cifar():
    """The training strengths of seed 002 at p = 0.5: norms of 1e5 from values below 1, in float32."""
    delta = noise(0.5, CIFAR, 200, epsilon=1e5)
    assert norm(delta, 0.5).max() <= 1e5 * (1 + 1e-6)
    assert stats.kstest((norm(delta, 0.5) / 1e5) ** CIFAR, "uniform").pvalue > 1e-3
    assert (delta**2).mean() ** 0.5 == pytest.approx(1e5 * Lp(0.5, CIFAR).deviation, rel=0.03)


@each_law
def test_mean_and_variance_against_monte_carlo(law, strength):
    draws = 40_000
    drawn = changed(law, torch.from_numpy(X.astype(np.float32)).expand(draws, -1), strength).double().numpy()
    mean, variance = law.mean(X, strength), law.variance(X, strength)
    estimated = isinstance(law, Set) and law.applied > 1
    share = 1 / draws + (1 / 4096 if estimated else 0)
    assert (np.abs(drawn.mean(0) - mean) <= 4.5 * np.sqrt(drawn.var(0) * share) + 1e-6).all()
    fourth = ((drawn - drawn.mean(0)) ** 4).mean(0)
    assert (np.abs(drawn.var(0) - variance) <= 4.5 * np.sqrt(fourth * share) + 1e-7).all()


@both_ways
@pytest.mark.parametrize("values", CHANGES)
def test_exactly_k_distinct_places(values, by_torch):
    law = L0(values, 3, CIFAR)
    places = CIFAR // (3 if values == "salt_pepper" else 1)
    masks = []
    for share in (0.0, 1 / places, 0.01, 0.12, 0.5, 0.999, 1.0):
        found = changed(law, torch.full((30, CIFAR), 0.3), share, by_torch)
        new = found[found != np.float32(0.3)]
        masks.append((found != np.float32(0.3)).numpy())
        assert (masks[-1].sum(1) == round(share * places) * (CIFAR // places)).all()
        assert set((new * 255).round().int().tolist()) <= (set(range(256)) if values == "greys" else {0, 255})
    assert all((a <= b).all() for a, b in itertools.pairwise(masks))
    channels = masks[3].reshape(30, 3, -1)
    assert (channels == channels[:, :1]).all() == (values == "salt_pepper")


def test_all_places_and_values_are_as_likely():
    d, k = 30, 6
    found = changed(L0("greys", 1, d), torch.full((20_000, d), 0.3), k / d).numpy()
    mask = found != np.float32(0.3)
    assert stats.chisquare(mask.sum(0)).pvalue > 1e-3
    pairs = mask.T.astype(float) @ mask / len(mask)
    assert pairs[~np.eye(d, dtype=bool)] == pytest.approx(k * (k - 1) / (d * (d - 1)), abs=0.008)
    assert stats.chisquare(np.bincount((found[mask] * 255).round().astype(int), minlength=256)).pvalue > 1e-3


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 50.0, inf])
def test_images_of_a_batch_are_independent(p):
    """Neither values, nor their sizes, nor norms of images beside each other are related."""
    delta = noise(p, 8, 20_000)
    limit = 5 / math.sqrt(len(delta))
    for of in (lambda z: z, np.abs, lambda z: norm(z, p)[:, None]):
        a = of(delta)
        assert np.abs(np.corrcoef(a[:-1].T, a[1:].T)[: a.shape[1], a.shape[1] :]).max() < limit
    assert np.abs(np.corrcoef(delta.T) - np.eye(8)).max() < limit
    assert len(np.unique(delta, axis=0)) == len(delta)


@each_law
def test_an_image_is_corrupted_alike_in_every_batch_beside_any_other(law, strength):
    several = torch.cat([key(seed) for seed in range(3)])
    draw = numbers(10).expand(3, -1)
    x = torch.rand(3, 10, 6)
    whole = law.sample(x, torch.full((3, 2), strength), several, draw)
    part = law.sample(x[1:2, 4:6], torch.full((1, 1), strength), several[1:2], draw[1:2, 4:6])
    assert whole.shape == (3, 2, 10, 6)
    assert torch.equal(part[0, 0], whole[1, 1, 4:6])
    assert torch.equal(whole[:, 0], whole[:, 1])
    assert not torch.equal(whole[0] - x[0], whole[1] - x[1])


@each_law
def test_no_noise_is_no_change(law, strength):
    x = torch.rand(10, 6)
    assert torch.equal(changed(law, x, 0.0), x)
    assert np.allclose(law.mean(X, 0.0), X)
    assert np.abs(law.variance(X, 0.0)).max() < 1e-12


@each_law
def test_what_is_clipped_stays_an_image(law, strength):
    found = changed(law, torch.rand(200, 6), strength if isinstance(law, L0) else 2 * strength)
    inside = bool((found >= 0).all() and (found <= 1).all())
    assert inside == getattr(law, "clip", True)


@pytest.mark.skipif(compiling.compiler() is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("pixels", [1, 2, 15, 16, 17, 33, 63, 64, 100, 129, CIFAR])
def test_kernels_agree_with_torch_within_the_stated_places(pixels):
    """At two strengths, of strided images; and so does float64."""
    x = torch.rand(2, 7, 2 * pixels)[..., :pixels]
    several = torch.cat([key(seed) for seed in range(2)])
    draw = torch.randint(0, 1000, (2, 7), dtype=torch.int32)
    options: list[tuple[str, bool, float]] = [("ball", False, 1.0), ("surface", True, 0.3)]
    shown: list[tuple[Corruption, float]] = [
        (Lp(p, pixels, *option), 0.4 * pixels ** (1 / p)) for p in NORMS[1:] for option in options
    ]
    channels = 3 if pixels % 3 == 0 else 1
    shown += [(L0(values, channels, pixels, least), 0.4) for values in CHANGES for least in (1.0, 0.1)]
    shown += [(Brightness(), 0.3), (Brightness(clip=False, least=0.1), 0.3)]
    for law, strength in shown:
        at = torch.tensor([[strength, strength / 2]] * 2)
        here, there = law.drawn(x, at, several, draw), law.sample(x, at, several, draw)
        assert law.kernel is not None
        assert law.kernel.library is not None, "it does not compile"
        double = law.sample(x.double(), at, several, draw)
        assert double.dtype == torch.float64
        for other in (there, double):
            assert ((other - here).abs() <= corruptions.PLACES * here.abs().clamp(min=1)).all(), law


def test_all_laws_can_be_fused():
    """In a process of its own, without the tests' type checks."""
    job = """
import torch
from test_lp import LAWS, key, numbers
x = torch.rand(1, 4, 6)
for name in ("L0.5 ball", "L2 clipped", "L∞, several ε, unclipped", "L0 salt_pepper", "brightness", "two of a set"):
    law, strength = LAWS[name]
    torch.compiler.reset()
    traced = torch.compile(law.sample, backend="eager", fullgraph=True)
    found, plain = (make(x, torch.tensor([[strength]]), key(), numbers(4)) for make in (traced, law.drawn))
    assert (found - plain).abs().max() < 1e-5, name
"""
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here.parent / 'src'}{os.pathsep}{here}"}
    done = subprocess.run([sys.executable, "-c", job], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_agrees_within_the_stated_places():
    x = torch.rand(1, 50, 6)
    for law, strength in LAWS.values():
        given = x, torch.tensor([[strength]]), key(), numbers(50)
        here, there = law.drawn(*given), law.sample(*(tensor.cuda() for tensor in given)).cpu()
        assert ((there - here).abs() <= corruptions.PLACES * here.abs().clamp(min=1)).all(), law


def test_each_law_of_a_set_is_as_likely_and_no_image_gets_one_twice():
    """Laws that are told apart by what they do to one pixel."""
    laws, strengths = (Brightness(clip=False),) * 4, (1.0, 10.0, 100.0, 1000.0)
    once, twice = (
        changed(Set(laws, strengths, 1, applied), torch.zeros(8000, 1), 1.0).abs().numpy()[:, 0] for applied in (1, 2)
    )
    assert sorted(np.unique(once)) == list(strengths)
    assert stats.chisquare(np.unique(once, return_counts=True)[1]).pvalue > 1e-3
    assert abs(np.corrcoef(np.log(once[1:]), np.log(once[:-1]))[0, 1]) < 5 / math.sqrt(len(once))
    sums = {abs(a + sign * b) for a, b in itertools.combinations(strengths, 2) for sign in (-1, 1)}
    assert set(np.unique(twice)) == sums
    assert stats.chisquare(np.unique(twice, return_counts=True)[1]).pvalue > 1e-3


def test_the_strength_of_a_set_is_a_factor():
    law = Set((Lp(2.0, 6, "surface", clip=False),), (3.0,), 6)
    assert norm(changed(law, torch.zeros(50, 6), 0.5).numpy(), 2.0) == pytest.approx(1.5)


def test_an_estimated_moment_is_always_the_same_and_has_any_shape():
    law = LAWS["two of a set"][0]
    x = np.linspace(0, 1, 20).reshape(4, 5)
    assert law.mean(x, 0.8).shape == law.variance(x, 0.8).shape == x.shape
    assert np.array_equal(law.mean(x, 0.8), law.mean(x, 0.8))


MEMBERS: list[dict] = [
    {"corruption": {"law": "lp", "norm": "inf"}, "strength": 0.02},
    {"corruption": {"law": "lp", "norm": 2, "where": "surface"}, "strength": 1},
    {"corruption": {"law": "l0"}, "strength": 0.01},
    {"corruption": {"law": "l0", "values": "greys"}, "strength": 0.03},
    {"corruption": {"values": "constant"}, "strength": 0.0},
]
FILES = [
    ({"law": "lp", "norm": 0.5}, Lp(0.5, 64)),
    ({"law": "lp", "norm": inf, "where": "surface", "clip": False, "least": 0.5}, Lp(inf, 64, "surface", False, 0.5)),
    ({"law": "l0"}, L0("extremes", 1, 64)),
    ({"law": "l0", "values": "salt_pepper", "least": 0}, L0("salt_pepper", 1, 64, 0.0)),
    ({"law": "brightness"}, Brightness()),
]


@pytest.mark.parametrize(("options", "law"), FILES)
def test_a_parameter_file_names_every_law(options, law):
    model = models.LAWS[options["law"]].model_validate(options)
    assert corruptions.law_of(model.record(), data.load(data.source("digits"))) == law
    assert model.per == law.per
    assert law.words
    assert strength_of(options["law"]).survival == (options["law"] == "l0")


def test_a_parameter_file_names_a_set():
    digits = data.load(data.source("digits"))
    law = corruptions.law_of(models.Set(law="set", members=MEMBERS, applied=2).record(), digits)
    assert law.members[:4] == (Lp(inf, 64), Lp(2.0, 64, "surface"), L0("extremes", 1, 64), L0("greys", 1, 64))
    assert law.strengths == (0.02, 1.0, 0.01, 0.03, 0.0)
    assert (law.applied, law.per, law.words) == (2, "image", "2 of a set of 5 laws")
    many = corruptions.law_of(models.Set(law="set", members=MEMBERS * 3).record(), digits)
    assert many.strengths == law.strengths * 3


def knee(**sweep):
    content = read_yaml(Path(__file__).parent.parent / "params/quick/01_knee.yaml")
    return validate(model_of("01_knee", "test"), {**content, "sweep": {**content["sweep"], **sweep}}, "file.yaml")


SET = {"law": "set", "members": [{"corruption": {"law": "l0"}, "strength": 0.1}]}
ITSELF: dict = {"law": "set", "members": []}
ITSELF["members"].append({"corruption": ITSELF, "strength": 1})
NORM = "but should be a number from 0.01 to 1000, or inf"
KNOWN = "is not a parameter; did you mean"


def member(strength: float = 1, **corruption) -> dict:
    return {"law": "set", "members": [{"corruption": corruption, "strength": strength}]}


@pytest.mark.parametrize(
    ("law", "strength", "message"),
    [
        ({"law": "lp", "norm": 0.001}, 0.5, f"sweep.corruption.norm is 0.001, {NORM}"),
        ({"law": "lp", "norm": 0}, 0.5, f"sweep.corruption.norm is 0, {NORM}; norm 0 is law: l0"),
        ({"law": "lp", "norm": -2}, 0.5, f"norm is -2, {NORM}"),
        ({"law": "lp", "norm": 5000}, 0.5, f"norm is 5000, {NORM}"),
        ({"law": "lp", "norm": "two"}, 0.5, f'norm is "two", {NORM}'),
        ({"law": "lp", "norm": True}, 0.5, f"norm is true, {NORM}"),
        ({"law": "lp"}, 0.5, "sweep.corruption.norm is missing: add it"),
        ({"law": "lp", "norm": 2, "clp": True}, 0.5, f"sweep.corruption.clp {KNOWN} clip?"),
        ({"law": "lp", "norm": 2, "where": "shell"}, 0.5, "where is \"shell\", but should be 'ball' or 'surface'"),
        ({"law": "lp", "norm": 2, "least": 2}, 0.5, "least is 2, but should be less than or equal to 1"),
        ({"law": "lp", "norm": 2}, -0.5, "sweep.strength.0 is -0.5, but should be greater than or equal to 0"),
        ({"law": "lp", "norm": 2}, math.nan, "sweep.strength.0 is NaN, but should be a finite number"),
        ({"law": "lp", "norm": 2}, 1e39, r"sweep strength 1e\+39 is too large"),
        ({"law": "brightness"}, 1e39, r"sweep strength 1e\+39 is too large"),
        ({"law": "l0"}, 1.2, "strength 1.2 asks for more values than an image has: l0 changes a share"),
        (SET, 20, "strength 20 is too large for members.0: strength 2 asks for more values than an image has"),
        ({**SET, "applied": 2}, 1, "sweep.corruption applied 2 asks for more laws than the 1 of the set"),
        ({"law": "set", "members": []}, 1, r"sweep.corruption.members is \[\], but List should have at least 1"),
        (ITSELF, 1, "members.0.corruption is a set of laws, this one or another: a set may hold none"),
        (member(law="l2"), 1, 'members.0.corruption.law is "l2", but should be replacement or'),
        (member(law="l0", vlaues="greys"), 1, f"members.0.corruption.vlaues {KNOWN} values?"),
        (member(2, law="l0"), 1, "members.0 strength 2 asks for more values"),
        ({"law": "lp", "norm": 2}, 0.5, "sweep.corruption must be replacement or l0 here"),
    ],
)
def test_a_mistake_is_one_sentence(law, strength, message):
    with pytest.raises(UserError, match=message) as caught:
        knee(corruption=law, strength=[strength])
    assert "\n" not in str(caught.value)


def test_a_set_that_names_itself_in_a_file_is_one_sentence(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("sweep:\n  corruption: &own\n    law: set\n    members:\n    - {corruption: *own, strength: 1}\n")
    with pytest.raises(UserError, match="what begins at line 2 names itself"):
        read_yaml(path)


def test_the_knee_takes_an_l0_law_by_one_key():
    assert {cell.corruption.name for cell in knee(corruption={"law": "l0"}).sweep.cells()} == {"l0"}


SMALL = {
    "dataset": "digits",
    "train_size": 200,
    "strength": 0.5,
    "training_corruption": "fresh",
    "width": 32,
    "depth": 2,
    "steps": 300,
    "seeds": [0, 1],
}
TRAINED: list[dict] = [
    {"corruption": {"law": "lp", "norm": 0.5}, "strength": 1e3},
    {"corruption": {"law": "lp", "norm": "inf"}, "training_corruption": "fixed"},
    {"corruption": {"law": "l0"}, "centred": True},
    {"corruption": {"law": "brightness"}},
    {"corruption": {"law": "set", "members": MEMBERS, "applied": 2}, "strength": 1, "centred": True},
]


@pytest.mark.parametrize("compiled", [True, False], ids=["engine", "torch"])
@pytest.mark.parametrize("change", TRAINED, ids=lambda change: change["corruption"]["law"])
def test_networks_are_trained_under_every_law(change, compiled):
    cells = Sweep.model_validate({**SMALL, **change}).cells()
    dataset, cpu = data.load(cells[0].source), torch.device("cpu")
    found = {one.cell: one for one in training.train(cells, dataset, cpu, training.Options(2, compiled))}
    for one in found.values():
        clean = next(row for row in one.rows if row["test"] == "clean")
        assert clean["correct"] > 0.6 * clean["images"]
        assert {row["test"] for row in one.rows} == {"clean", "corrupted", "train"}
        assert Cell.from_record(one.cell.record()) == one.cell
    [alone] = training.train(cells[1:], dataset, cpu, training.Options(1, compiled))
    assert found[cells[1]].rows == alone.rows


def test_a_key_holds_the_code_of_its_own_law_alone(cell):
    def reached(**options) -> set[str]:
        law = models.LAWS[options["law"]].model_validate(options).record()
        found = keys.network_closure(replace(cell, corruption=law).choices()).definitions
        names = {"lp.Lp", "lp.L0", "lp.Brightness", "sets.Set", "additive.Additive", "replacement.Replacement"}
        return {name for name in names if f"almostnothing.corruptions.{name}" in found}

    assert reached(law="replacement") == {"replacement.Replacement"}
    assert reached(law="additive") == {"additive.Additive"}
    assert reached(law="lp", norm=2) == {"lp.Lp"}
    assert reached(law="l0") == {"lp.L0"}
    assert reached(law="set", members=MEMBERS) == {"sets.Set", "lp.Lp", "lp.L0", "replacement.Replacement"}
