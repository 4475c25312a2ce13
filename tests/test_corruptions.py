import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from almostnothing import compiling, corruptions, data, streams
from almostnothing.corruptions.additive import Additive
from almostnothing.corruptions.clipping import clipped_moments
from almostnothing.corruptions.labels import label
from almostnothing.corruptions.law import Corruption
from almostnothing.corruptions.noises import GaussianNoise, LaplaceNoise, Noise, StudentNoise, UniformNoise
from almostnothing.corruptions.pixels import Bernoulli, ClippedGaussian, Constant, Empirical, Uniform, normal_quantile
from almostnothing.corruptions.replacement import Replacement
from almostnothing.parameters import laws as parameter_laws

REPLACEMENTS = {
    "seed 000": Replacement(Uniform(0.0, 1.0)),
    "shifted": Replacement(Uniform(-0.5, 2.0)),
    "constant": Replacement(Constant(0.3)),
    "bernoulli": Replacement(Bernoulli(0.3)),
    "empirical": Replacement(Empirical((5, 0, 3, 1, 7))),
    "empirical, shifted": Replacement(Empirical((5, 0, 3, 1, 7), -0.4, 1.1)),
    "clipped gaussian": Replacement(ClippedGaussian(0.4, 0.5)),
    "an image": Replacement(Uniform(0.0, 1.0), per="image"),
}
NOISES: dict[str, Noise] = {
    "gaussian": GaussianNoise(),
    "uniform": UniformNoise(),
    "laplace": LaplaceNoise(),
    "student": StudentNoise(9.0),  # its fourth moment, which the test of the variance needs, exists for ν > 4
}
ADDITIVES = {
    **{name: Additive(noise) for name, noise in NOISES.items()},
    **{f"{name}, clipped": Additive(noise, clip=True) for name, noise in NOISES.items()},
    "an image": Additive(GaussianNoise(), per="image"),
    "an image, clipped": Additive(StudentNoise(3.0), clip=True, per="image"),
}
CASES = [(f"replacement {n}", law, p) for n, law in REPLACEMENTS.items() for p in (0.1, 0.5, 0.97)] + [
    (f"additive {n}", law, sigma) for n, law in ADDITIVES.items() for sigma in (0.05, 0.5, 3.0)
]
INDEPENDENT = [(n, law, s) for n, law, s in CASES if law.per == "pixel" and s in (0.5, 0.97)]
DRAWS = 40_000
X = np.array([0.0, 0.1, 0.5, 0.8, 1.0])


def sample(law: Corruption, x: np.ndarray, strength: float, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    keys = torch.from_numpy(streams.stream_key(seed, "test"))[None]
    draw = torch.arange(draws, dtype=torch.int32)[None]
    images = torch.from_numpy(x.astype(np.float32)).expand(1, draws, -1)
    return law.sample(images, torch.tensor([[strength]]), keys, draw)[0, 0].double().numpy()


@pytest.mark.parametrize(("name", "law", "strength"), CASES, ids=[f"{n} {s}" for n, _, s in CASES])
def test_mean_and_variance_against_monte_carlo(name, law, strength):
    drawn = sample(law, X, strength)
    mean, variance = law.mean(X, strength), law.variance(X, strength)
    assert mean.shape == variance.shape == X.shape
    assert (np.abs(drawn.mean(0) - mean) <= 4.5 * np.sqrt(variance / DRAWS) + 1e-7).all()
    fourth = ((drawn - drawn.mean(0)) ** 4).mean(0)
    assert (np.abs(drawn.var(0) - variance) <= 4.5 * np.sqrt(fourth / DRAWS) + 1e-7).all()


def test_seed000_formulas_as_written():
    law, x, p = REPLACEMENTS["seed 000"], np.linspace(0, 1, 11), 0.7
    assert np.allclose(law.mean(x, p), (1 - p) * x + p / 2)
    assert np.allclose(law.variance(x, p), p * (1 - p) * (x - 0.5) ** 2 + p / 12)


KNOWN = [
    (GaussianNoise(), stats.norm()),
    (UniformNoise(), stats.uniform(-math.sqrt(3), 2 * math.sqrt(3))),
    (LaplaceNoise(), stats.laplace(scale=1 / math.sqrt(2))),
    (StudentNoise(2.5), stats.t(2.5, scale=math.sqrt(0.2))),
    (StudentNoise(9.0), stats.t(9, scale=math.sqrt(7 / 9))),
]
each_noise = pytest.mark.parametrize(("noise", "law"), KNOWN, ids=[str(noise) for noise, _ in KNOWN])


@pytest.mark.parametrize("sigma", [1e-3, 0.05, 0.7, 30.0])
@each_noise
def test_clipped_moments_against_adaptive_quadrature(noise, law, sigma):
    z = np.linspace(-4, 4, 33)
    assert np.allclose(noise.survival(z), law.sf(z), atol=1e-13)
    mean, variance = clipped_moments(X, sigma, noise.survival)
    for x, m, v in zip(X, mean, variance, strict=True):
        # over the clipped law: its density inside, and its atoms at 0 and 1
        ends = (-x / sigma, (1 - x) / sigma)
        points = [z for z in (-10.0, -3.0, -math.sqrt(3), 0.0, math.sqrt(3), 3.0, 10.0) if ends[0] < z < ends[1]]
        edges = [ends[0], *points, ends[1]]

        def integral(f, edges=edges):
            def weighted(t):
                return f(t) * law.pdf(t)

            return sum(
                integrate.quad(weighted, a, b, epsabs=1e-13, epsrel=1e-10)[0] for a, b in itertools.pairwise(edges)
            )

        expected = integral(lambda z, x=x: x + sigma * z) + law.sf(ends[1])
        square = integral(lambda z, x=x, e=expected: (x + sigma * z - e) ** 2)
        square += law.sf(ends[1]) * (1 - expected) ** 2 + law.cdf(ends[0]) * expected**2
        assert m == pytest.approx(expected, abs=1e-7, rel=1e-7)
        assert v == pytest.approx(square, abs=1e-9, rel=1e-5)


def test_no_noise_is_no_change():
    for law in ADDITIVES.values():
        assert np.array_equal(law.mean(X, 0.0), X)
        assert not law.variance(X, 0.0).any()
        assert np.allclose(sample(law, X, 0.0, 10), X)


@pytest.mark.parametrize("p", [0.02, 0.6, 1.0])
def test_one_draw_serves_mask_and_value_exactly(p):
    drawn = sample(Replacement(Uniform(0.0, 1.0)), np.full(8, -1.0), p).flatten()
    replaced = drawn[drawn >= 0]
    assert stats.binomtest(len(replaced), drawn.size, p).pvalue > 1e-3
    assert stats.kstest(replaced, "uniform").pvalue > 1e-3
    assert replaced.max() < 1


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        (Empirical((5, 0, 3, 1, 7)), {0.0: 5 / 16, 0.5: 3 / 16, 0.75: 1 / 16, 1.0: 7 / 16}),
        (Bernoulli(0.3), {0.0: 0.7, 1.0: 0.3}),
        (Constant(0.25), {0.25: 1.0}),
    ],
)
def test_new_values_of_a_discrete_law_follow_its_table(law, expected):
    drawn = sample(Replacement(law), np.full(4, 9.0), 0.7).flatten()
    levels, counts = np.unique(drawn[drawn != 9], return_counts=True)
    assert levels.tolist() == list(expected)
    if len(levels) > 1:
        assert stats.chisquare(counts, np.array(list(expected.values())) * counts.sum()).pvalue > 1e-3


def test_clipped_gaussian_has_its_atoms_and_its_density():
    drawn = sample(Replacement(ClippedGaussian(0.4, 0.5)), np.full(4, 9.0), 0.7).flatten()
    drawn = drawn[drawn != 9]
    law = stats.norm(0.4, 0.5)
    for value, share in ((0, law.cdf(0)), (1, law.sf(1))):
        assert stats.binomtest(int((drawn == value).sum()), drawn.size, share).pvalue > 1e-3
    inside = drawn[(drawn > 0) & (drawn < 1)]
    assert stats.kstest((law.cdf(inside) - law.cdf(0)) / (law.cdf(1) - law.cdf(0)), "uniform").pvalue > 1e-3


def test_normal_quantile_against_float64():
    v = np.concatenate([np.logspace(-7, -1, 500), np.linspace(0.1, 0.9, 500), 1 - np.logspace(-7, -1, 500)])
    v = v.astype(np.float32)
    found = normal_quantile(torch.from_numpy(v)).double().numpy()
    exact = stats.norm.ppf(v.astype(float))
    # v near 1 is itself known to 2⁻²⁵ only
    allowed = 1e-6 * np.abs(exact) + 1e-6 + 2.0**-25 / stats.norm.pdf(exact)
    assert (np.abs(found - exact) < allowed).all()
    ends = normal_quantile(torch.tensor([0.0, 0.5, 1.0]))
    assert ends.tolist() == pytest.approx([-5.6, 0, 5.6], abs=0.3)


@each_noise
def test_noise_follows_its_law(noise, law):
    drawn = sample(Additive(noise), np.zeros(5), 1.0)
    for pixel in range(5):
        assert stats.kstest(drawn[:, pixel], law.cdf).pvalue > 1e-3
    assert np.isfinite(drawn).all()


def test_the_extreme_words_give_finite_values():
    ends = torch.tensor([-1, 0, 1, 2**31 - 1, -(2**31)], dtype=torch.int32)
    x0, x1 = torch.meshgrid(ends, ends, indexing="ij")
    for noise in (*NOISES.values(), StudentNoise(2.01)):
        assert all(values.isfinite().all() for values in noise.values(x0, x1))
    u = streams.open_floats(ends)
    assert ((u > 0) & (u < 1)).all()
    assert torch.equal(u + streams.open_floats(~ends), torch.ones(5))


def test_nothing_is_replaced_at_zero_and_all_at_one():
    x = np.full(6, 5.0)
    law = REPLACEMENTS["seed 000"]
    assert (sample(law, x, 0.0, 100) == 5).all()
    assert (sample(law, x, 1.0, 100) < 1).all()


@pytest.mark.parametrize(("name", "law", "strength"), INDEPENDENT, ids=[f"{n} {s}" for n, _, s in INDEPENDENT])
def test_pixels_images_and_cells_are_independent(name, law, strength):
    draws = 5000
    noise, other = (sample(law, np.full(7, 0.4), strength, draws, seed) for seed in (0, 1))
    if noise.std() == 0:
        pytest.skip("this law does nothing here")
    limit = 5 / np.sqrt(draws)
    for change in (lambda z: z - z.mean(0), lambda z: np.abs(z - z.mean(0))):  # nor are their sizes related
        a, b = change(noise), change(other)
        if a.std() < 0.05 * a.mean():
            continue  # two values as likely: their sizes hardly vary
        assert np.abs(np.corrcoef(a.T) - np.eye(7)).max() < limit
        assert np.abs(np.corrcoef(a[:-1].T, a[1:].T)[:7, 7:]).max() < limit
        assert np.abs(np.corrcoef(a.T, b.T)[:7, 7:]).max() < limit


@pytest.mark.parametrize("law", [REPLACEMENTS["an image"], ADDITIVES["an image"]], ids=str)
def test_one_draw_serves_an_image_and_no_other(law):
    drawn = sample(law, np.zeros(5), 0.5, 5000)
    assert (drawn == drawn[:, :1]).all()
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 5 / np.sqrt(5000)


@pytest.mark.parametrize(("name", "law", "strength"), CASES[1::3], ids=[n for n, _, _ in CASES[1::3]])
def test_an_image_is_corrupted_alike_in_every_batch_beside_any_other(name, law, strength):
    keys = torch.from_numpy(np.stack([streams.stream_key(s, "test") for s in range(3)]))
    draw = torch.arange(10, dtype=torch.int32).expand(3, -1)
    x = torch.rand(3, 10, 7)
    whole = law.sample(x, torch.full((3, 2), strength), keys, draw)
    part = law.sample(x[1:2, 4:6], torch.full((1, 1), strength), keys[1:2], draw[1:2, 4:6])
    assert whole.shape == (3, 2, 10, 7)
    assert torch.equal(part[0, 0], whole[1, 1, 4:6])


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    keys = torch.from_numpy(np.stack([streams.stream_key(s, "test") for s in range(2)]))
    x = torch.from_numpy(np.random.default_rng(0).random((2, 50, 9), dtype=np.float32))
    return x, keys, torch.arange(50, dtype=torch.int32).expand(2, -1)


def assert_agreement(laws: list[tuple[Corruption, float]], found: list[torch.Tensor]) -> None:
    x, keys, draw = inputs()
    for (law, strength), there in zip(laws, found, strict=True):
        here = law.drawn(x, torch.full((2, 1), strength), keys, draw)
        excess = (there - here).abs() / here.abs().clamp(min=1)
        assert excess.max() <= corruptions.PLACES, label(law)
        if isinstance(law, Replacement):
            assert torch.equal(there == x[:, None], here == x[:, None]), f"{label(law)}: other masks"


@pytest.mark.skipif(compiling.compiler() is None, reason="needs a C++ compiler")
def test_kernels_agree_within_the_stated_places():
    x, keys, draw = inputs()
    made = []
    for _, law, strength in CASES:
        assert law.kernel is not None
        assert law.kernel.library is not None, "it does not compile"
        made.append(law.sample(x, torch.full((2, 1), strength), keys, draw))
    assert_agreement([(law, strength) for _, law, strength in CASES], made)


@pytest.mark.skipif(compiling.compiler() is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("pixels", [1, 2, 15, 16, 17, 31, 32, 33, 64, 100])
def test_kernels_serve_images_of_every_size_at_several_strengths(pixels):
    """Strided images, of which a member of a stream is at each of two strengths."""
    x = torch.rand(3, 7, 2 * pixels)[..., :pixels]
    keys = torch.from_numpy(np.stack([streams.stream_key(s, "test") for s in range(3)]))
    draw = torch.randint(0, 1000, (3, 7), dtype=torch.int32)
    for law in (*REPLACEMENTS.values(), *ADDITIVES.values()):
        strength = torch.tensor([[0.3, 0.9]] * 3)
        here, there = (make(x, strength, keys, draw) for make in (law.drawn, law.sample))
        assert there.shape == (3, 2, 7, pixels)
        assert ((there - here).abs() <= corruptions.PLACES * here.abs().clamp(min=1)).all(), label(law)


def test_all_laws_can_be_fused():
    """On a GPU they are: torch can trace each of them. In a process of its own, without the tests' type checks."""
    job = """
import torch
from test_corruptions import CASES, inputs
x, keys, draw = inputs()
for _, law, strength in CASES:
    torch.compiler.reset()
    traced = torch.compile(law.sample, backend="eager", fullgraph=True)
    strengths = torch.full((2, 1), strength)
    assert torch.equal(traced(x, strengths, keys, draw), law.drawn(x, strengths, keys, draw))
"""
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here.parent / 'src'}{os.pathsep}{here}"}
    done = subprocess.run([sys.executable, "-c", job], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_agrees_within_the_stated_places():
    laws = [(law, strength) for _, law, strength in CASES[1::3]]
    x, keys, draw = (tensor.cuda() for tensor in inputs())
    made = [law.sample(x, x.new_full((2, 1), strength), keys, draw).cpu() for law, strength in laws]
    assert_agreement(laws, made)


def test_series_masks_are_nested_and_images_differ():
    strengths = [0.0, 0.2, 0.6, 0.9, 1.0]
    images = corruptions.series(REPLACEMENTS["seed 000"], np.full((2, 500), -1, np.float32), strengths, seed=0)
    replaced = images >= 0
    assert (replaced[:-1] <= replaced[1:]).all()
    assert replaced.mean((1, 2)) == pytest.approx(strengths, abs=0.1)
    assert not np.array_equal(images[3, 0], images[3, 1])


LABELS = [
    ({}, "replacement, uniform on [0, 1]"),
    ({"low": -1}, "replacement, uniform on [-1, 1]"),
    ({"values": "constant", "value": 0.25}, "replacement, constant 0.25"),
    ({"values": "bernoulli"}, "replacement, bernoulli 0.5"),
    ({"values": "gaussian", "sd": 0.1}, "replacement, clipped Gaussian 0.5 ± 0.1"),
    ({"values": "empirical", "per": "image"}, "replacement, empirical, one draw an image"),
    ({"law": "additive"}, "additive, Gaussian"),
    ({"law": "additive", "noise": "laplace", "clip": True}, "additive, Laplace, clipped"),
    ({"law": "additive", "noise": "uniform"}, "additive, uniform"),
    ({"law": "additive", "noise": "student_t", "dof": 4}, "additive, Student t ν = 4"),
]


@pytest.mark.parametrize(("options", "name"), LABELS)
def test_a_parameter_file_names_every_law(options, name):
    model = parameter_laws.LAWS[options.get("law", "replacement")].model_validate(options)
    law = corruptions.law_of(model.record(), data.load(data.source("digits")))
    assert label(law) == name
    assert isinstance(law, Corruption)
    low, high = law.range
    model.check_strength(min(high, 5.0))
    if high == 1:
        with pytest.raises(ValueError, match="strength 1.01 is no probability"):
            model.check_strength(1.01)
    assert low == 0


def test_the_empirical_law_is_that_of_the_training_images():
    dataset = data.load(data.source("digits"))
    law = corruptions.law_of(parameter_laws.Replacement(values="empirical").record(), dataset)
    values = dataset.values(dataset.train)
    assert law.new.moments == pytest.approx((values.mean(dtype=float), values.var(dtype=float)), rel=1e-6)
