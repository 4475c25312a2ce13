"""The kernels of infinitely wide networks, against brute force."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import special
from torch import Tensor

from almostnothing.errors import UserError
from almostnothing.networks import ACTIVATIONS
from almostnothing.theory import kernels
from almostnothing.theory.kernels import Architecture

SMOOTH = ("gelu", "erf", "tanh", "sine", "identity")
DTYPES = [torch.float32, torch.float64]


def entries(count: int, seed: int = 0, largest: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Variances and covariances of `count` pairs, with correlations up to ±0.95."""
    draw = np.random.default_rng(seed)
    a, b = largest * draw.uniform(0.1, 1, (2, count))
    c = draw.uniform(-0.95, 0.95, count) * np.sqrt(a * b)
    return torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(c)


def images(count: int, pixels: int = 20, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, 1, (count, pixels)))


def values(activation: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """σ and σ' as torch has them."""
    x = x.detach().requires_grad_()
    y = ACTIVATIONS[activation]()(x)
    return y.detach(), torch.autograd.grad(y.sum(), x)[0]


def expected(activation: str, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """κ and κ̇ as the library has them, by the way of one layer of unit gain."""
    arch = Architecture(activation, 2, weight_variance=1.0)
    nngp, ntk = kernels.pair(arch, a, b, c)
    return nngp, (ntk - nngp) / c


def relative(found: Tensor, true: Tensor) -> float:
    return float(((found.double() - true.double()).abs() / true.double().abs()).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_expectations_are_those_of_random_draws(activation: str):
    a, b, c = entries(3)
    generator = torch.Generator().manual_seed(1)
    for number in range(len(a)):
        x, y = torch.randn(2, 2_000_000, generator=generator, dtype=torch.float64)
        u = a[number].sqrt() * x
        v = c[number] / a[number].sqrt() * x + (b[number] - c[number] ** 2 / a[number]).sqrt() * y
        products = [s * t for s, t in zip(values(activation, u), values(activation, v), strict=True)]
        for drawn, formula in zip(products, expected(activation, a, b, c), strict=True):
            error = drawn.std() / math.sqrt(len(drawn))
            assert abs(drawn.mean() - formula[number]) < 4.5 * error + 1e-12
            assert error < 3e-3


@pytest.mark.parametrize("activation", SMOOTH)
def test_expectations_of_smooth_activations_are_quadratures(activation: str):
    a, b, c = entries(8, largest=1.5)
    nodes, weights = special.roots_hermitenorm(240)
    x, weight = torch.from_numpy(nodes), torch.from_numpy(np.outer(weights, weights) / weights.sum() ** 2)
    a_, b_, c_ = (k[:, None, None] for k in (a, b, c))
    u = (a_.sqrt() * x[:, None]).expand(-1, -1, 240)
    v = c_ / a_.sqrt() * x[:, None] + (b_ - c_**2 / a_).sqrt() * x
    products = [s * t for s, t in zip(values(activation, u), values(activation, v), strict=True)]
    for product, formula in zip(products, expected(activation, a, b, c), strict=True):
        torch.testing.assert_close(formula, (product * weight).sum((1, 2)), rtol=2e-12, atol=2e-13)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_expectations_of_rectifiers_are_integrals_over_the_angle(activation: str):
    # in polar coordinates σ is r times σ of the direction: E[r²] = 2 and the angle is uniform
    a, b, c = entries(20)
    count = 400_000
    angle = (torch.arange(count, dtype=torch.float64) + 0.5) / count * 2 * math.pi
    for number in range(len(a)):
        u = a[number].sqrt() * angle.cos()
        v = c[number] / a[number].sqrt() * angle.cos() + (b[number] - c[number] ** 2 / a[number]).sqrt() * angle.sin()
        (s, ds), (t, dt) = values(activation, u), values(activation, v)
        kappa, dot = expected(activation, a[number : number + 1], b[number : number + 1], c[number : number + 1])
        assert float(kappa) == pytest.approx(float(2 * (s * t).mean()), abs=1e-9)
        assert float(dot) == pytest.approx(float((ds * dt).mean()), abs=5 / count)


@pytest.mark.parametrize("activation", ["gelu", "erf", "sine"])
def test_the_series_gives_the_closed_forms(activation: str):
    a, b, c = entries(50, largest=1.5)
    series, closed = kernels.Series(ACTIVATIONS[activation]()), kernels.EXPECTATIONS[activation]
    h = (a + b) / 2 - c
    for name, given, rtol in (
        ("same", (a,), 1e-10),
        ("same_slopes", (a,), 1e-9),
        ("pair", (a, b, h, (closed.same(a)[0] + closed.same(b)[0]) / 2), 1e-10),
        ("slopes", (a, b, h), 1e-9),
    ):
        for one, other in zip(getattr(series, name)(*given), getattr(closed, name)(*given), strict=True):
            torch.testing.assert_close(one, other, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_point_with_itself_is_the_limit_of_a_pair(activation: str):
    arch = Architecture(activation, 4, bias_variance=0.1)
    k = torch.linspace(0.1, 1.5, 9, dtype=torch.float64)
    for own, pair in zip(kernels.diagonal(arch, k), kernels.pair(arch, k, k, k), strict=True):
        torch.testing.assert_close(own, pair, rtol=1e-12, atol=0)


def test_sine_of_large_variances_does_not_overflow():
    large = torch.tensor([1e4], dtype=torch.float64)
    kappa, dot = kernels.Sine().moments(large, large, large)
    assert float(kappa) == float(dot) == 0.5


def test_leaky_slope_is_torch_s():
    assert kernels.EXPECTATIONS["leaky_relu"] == kernels.Rectifier(0.01)
    assert set(kernels.EXPECTATIONS) == set(ACTIVATIONS)


def test_a_small_angle_is_not_lost():
    # Θ⁴/K¹ = 4 − 6θ/π + O(θ²) for ReLU with C_w = 2: κ̇ is ½ − θ/2π and all other terms are of second order
    arch = Architecture("relu", 4)
    for dtype, angle, allowed in ((torch.float64, 1e-6, 1e-5), (torch.float32, 1e-3, 2e-3)):
        x = torch.tensor([[1, 0], [math.cos(angle), math.sin(angle)]], dtype=torch.float64)
        one = kernels.gram(arch, x, dtype=dtype)[0, 1]
        other = kernels.gram(arch, x[:1], x[1:], dtype=dtype)[0, 0]
        assert float(one) == pytest.approx(float(other), rel=1e-6)
        assert float(4 - one.double()) * math.pi / (6 * angle) == pytest.approx(1, abs=allowed)


class Finite:
    """Random networks of one width, all hidden layers alike, in NTK parametrisation."""

    def __init__(self, arch: Architecture, width: int, outputs: int = 1) -> None:
        self.arch, self.width, self.outputs = arch, width, outputs
        self.activation = ACTIVATIONS[arch.activation]()

    def draw(self, pixels: int, count: int, seed: int) -> list[Tensor]:
        widths = [pixels] + [self.width] * (self.arch.depth - 1) + [self.outputs]
        generator = torch.Generator().manual_seed(seed)
        shapes = [*itertools.pairwise(widths), *((1, out) for out in widths[1:])]
        return [torch.randn(count, *shape, generator=generator) for shape in shapes]

    def __call__(self, parts: list[Tensor], x: Tensor) -> Tensor:
        for layer in range(self.arch.depth):
            weight, bias = parts[layer], parts[self.arch.depth + layer]
            x = self.activation(x) if layer else x
            x = x @ weight * math.sqrt(self.arch.gain / weight.shape[-2]) + math.sqrt(self.arch.bias_variance) * bias
        return x


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nngp_is_the_covariance_of_wide_networks(activation: str):
    arch, width = Architecture(activation, 3, bias_variance=0.05), 256
    x = 2 * images(3, 6) - 0.7
    network = Finite(arch, width, outputs=16)
    outputs = torch.cat([network(network.draw(6, 250, seed), x.float()).double() for seed in range(8)])
    products = torch.einsum("nio,njo->nij", outputs, outputs) / 16
    error = products.std(0) / math.sqrt(len(products))
    true = kernels.gram(arch, x, kind="nngp")
    assert ((products.mean(0) - true).abs() < 4.5 * error + 2 / width * true.abs()).all()
    assert (error < 0.03 * true.diagonal().mean()).all()


def empirical_ntk(network: Finite, parts: list[Tensor], x: Tensor) -> Tensor:
    """Inner products of the gradients of one network's output at the points x."""
    gradients = torch.func.jacrev(lambda parts: network(parts, x)[:, 0])(parts)
    flat = torch.cat([gradient.flatten(1) for gradient in gradients], 1)
    return flat @ flat.T


@pytest.mark.parametrize("activation", ["relu", "gelu", "erf", "tanh", "sine"])
def test_ntk_is_the_limit_of_finite_networks_like_one_over_the_root_of_width(activation: str):
    arch, widths, count = Architecture(activation, 3, bias_variance=0.05), (32, 64, 128, 256, 512), 24
    x = 2 * images(4, 6) - 0.7
    true = kernels.gram(arch, x)
    errors = []
    for width in widths:
        network = Finite(arch, width)
        drawn = network.draw(6, count, width)
        each = [empirical_ntk(network, [part[i] for part in drawn], x.float()).double() for i in range(count)]
        errors.append(float(((torch.stack(each) - true) / true.norm()).square().sum((1, 2)).mean().sqrt()))
    exponent = np.polyfit(np.log(widths), np.log(errors), 1)[0]
    assert -0.62 < exponent < -0.38
    assert errors[-1] < 0.2


def derivatives(call: Callable[..., tuple[Tensor, Tensor]], *given: Tensor) -> list[Tensor]:
    """Of both kernels by each entry, by autograd: kernel, then entry."""
    inputs = [k.clone().requires_grad_() for k in given]
    found = []
    for output in call(*inputs):
        by = torch.autograd.grad(output.sum(), inputs, retain_graph=True, allow_unused=True)
        found += [torch.zeros_like(k) if g is None else g for k, g in zip(inputs, by, strict=True)]
    return found


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_is_autograd_s_and_that_of_differences(activation: str, depth: int):
    arch, given = Architecture(activation, depth, bias_variance=0.1), entries(25, depth)
    found = kernels.gradient(arch, *given)
    closed = [found.nngp_aa, found.nngp_bb, found.nngp_ab, found.ntk_aa, found.ntk_bb, found.ntk_ab]
    for one, other in zip(closed, derivatives(lambda *k: kernels.pair(arch, *k), *given), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)
    for one, other in zip((found.nngp, found.ntk), kernels.pair(arch, *given), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-13, atol=1e-14)
    step = 1e-5
    for entry in range(3):
        ends = []
        for sign in (1, -1):
            moved = [k + sign * step * (number == entry) for number, k in enumerate(given)]
            ends.append(torch.cat(kernels.pair(arch, *moved)))
        differences = (ends[0] - ends[1]) / (2 * step)
        torch.testing.assert_close(torch.cat([closed[entry], closed[3 + entry]]), differences, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_diagonal_gradient_is_autograd_s_and_that_of_differences(activation: str, depth: int):
    arch, k = Architecture(activation, depth, bias_variance=0.1), torch.linspace(0.1, 1.5, 9, dtype=torch.float64)
    found = kernels.diagonal_gradient(arch, k)
    for one, other in zip(found, derivatives(lambda k: kernels.diagonal(arch, k), k), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)
    ends = [torch.cat(kernels.diagonal(arch, k + step)) for step in (1e-5, -1e-5)]
    torch.testing.assert_close(torch.cat(found), (ends[0] - ends[1]) / 2e-5, rtol=1e-7, atol=1e-8)


def test_pair_broadcasts_and_keeps_precision():
    arch = Architecture("gelu", 3)
    a, b, c = entries(6)
    whole = kernels.pair(arch, a[:, None], b, c[0])[1]
    assert whole.shape == (6, 6)
    torch.testing.assert_close(whole[4, 2], kernels.pair(arch, a[4], b[2], c[0])[1])
    assert kernels.pair(arch, a.float(), b.float(), c.float())[0].dtype == torch.float32


def test_long_inputs_are_computed_in_chunks(monkeypatch: pytest.MonkeyPatch):
    arch, given = Architecture("tanh", 3), entries(50)
    whole = kernels.pair(arch, *given), kernels.gradient(arch, *given)
    monkeypatch.setattr(kernels, "CHUNK", 7)
    for one, other in zip(whole[0], kernels.pair(arch, *given), strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(whole[1].ntk_aa, kernels.gradient(arch, *given).ntk_aa)


@pytest.mark.parametrize("kind", kernels.KINDS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gram_is_pair_of_first_layer_entries(activation: str, kind: str):
    arch = Architecture(activation, 3, bias_variance=0.2)
    x, z = images(30), images(17, seed=1)
    entry = lambda x, z: 0.2 + arch.gain / 20 * (x * z).sum(-1)  # noqa: E731
    true = kernels.pair(arch, entry(x, x)[:, None], entry(z, z), entry(x[:, None], z))[kernels.KINDS.index(kind)]
    torch.testing.assert_close(kernels.gram(arch, x, z, kind, block=8), true, rtol=1e-12, atol=0)
    own = kernels.gram(arch, x, kind=kind, block=8)
    torch.testing.assert_close(own.diagonal(), kernels.diagonal(arch, entry(x, x))[kernels.KINDS.index(kind)])


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh"])
def test_gram_is_symmetric_and_positive_definite(activation: str):
    gram = kernels.gram(Architecture(activation, 4), images(150), block=32)
    assert torch.equal(gram, gram.T)
    assert float(torch.linalg.eigvalsh(gram)[0]) > 1e-4 * float(gram.diagonal().mean())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_blocks_make_no_difference(activation: str, dtype: torch.dtype):
    arch, places = Architecture(activation, 4), 16 * torch.finfo(dtype).eps
    x, z = images(150), images(70, seed=1)
    whole = kernels.gram(arch, x, block=150, dtype=dtype)
    assert relative(kernels.gram(arch, x, block=32, dtype=dtype), whole) < places
    between = kernels.gram(arch, x, z, block=150, dtype=dtype)
    assert relative(kernels.gram(arch, x, z, block=32, dtype=dtype), between) < places
    corner = kernels.gram(arch, torch.cat([x, z]), dtype=dtype)[:150, 150:]
    assert relative(between, corner) < places


def test_fused_code_gives_the_same(monkeypatch: pytest.MonkeyPatch):
    arch, x, z, dtype = Architecture("relu", 3, bias_variance=0.1), images(140), images(30, seed=1), torch.float32
    x = torch.cat([x, x[:20] + 1e-4 * images(20, seed=2)])
    plain = kernels.gram(arch, x, block=53, dtype=dtype), kernels.gram(arch, x, z, block=53, dtype=dtype)
    coefficients = torch.from_numpy(np.random.default_rng(2).uniform(size=(1, 160, 2))).to(dtype)
    outputs = kernels.predict(arch, x, coefficients, z, block=29)
    monkeypatch.setattr(kernels, "FUSED", 0)
    if not kernels.worth_fusing(arch, 1, x.device):
        pytest.skip("needs a C++ compiler")
    assert not kernels.worth_fusing(Architecture("tanh", 3), 1, x.device)
    places = 16 * torch.finfo(dtype).eps
    # the last panel, of one row, is not compiled
    assert relative(kernels.gram(arch, x, block=53, dtype=dtype), plain[0]) < places
    assert relative(kernels.gram(arch, x, z, block=53, dtype=dtype), plain[1]) < places
    assert relative(kernels.predict(arch, x, coefficients, z, block=29), outputs) < places


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float32_is_near_float64(activation: str):
    arch, x = Architecture(activation, 4), images(150, 784)
    single = kernels.gram(arch, x.float(), dtype=torch.float32)
    assert single.dtype == torch.float32
    assert relative(single, kernels.gram(arch, x)) < 3e-6


@pytest.mark.parametrize("background", [0.0, 0.5])
def test_float32_bears_nearly_equal_images(background: float):
    arch, x = Architecture("relu", 4, bias_variance=0.1), images(40, 784).float()
    erased = torch.full_like(x, background)
    erased[:, ::97] = x[:, ::97]
    noise = images(40, 784, 1).float()
    near = torch.cat([x, x + 1e-3 * noise, x + 1e-5 * noise, x[:5], erased, erased + 1e-4 * noise])
    single, double = kernels.gram(arch, near, dtype=torch.float32), kernels.gram(arch, near)
    assert relative(single, double) < 3e-6
    cosine = torch.nn.functional.normalize(near) @ torch.nn.functional.normalize(near).T
    assert (cosine.fill_diagonal_(0) > 1 - 1e-6).sum() > 100  # whose angles a float32 cosine does not hold


def test_black_images_are_not_nan():
    for activation in ACTIVATIONS:
        x = torch.cat([torch.zeros(2, 20, dtype=torch.float64), images(3)])
        gram = kernels.gram(Architecture(activation, 3), x)
        assert gram.isfinite().all()
        assert gram[0].abs().max() < 1e-12


def test_solve_is_the_solution_for_every_ridge_and_column():
    gram = kernels.gram(Architecture("relu", 3), images(80))
    before, targets = gram.clone(), torch.from_numpy(np.random.default_rng(2).normal(size=(80, 4)))
    ridges = (0.0, 1e-3, 0.5)
    found = kernels.solve(gram, targets, ridges)
    assert found.shape == (3, 80, 4)
    assert torch.equal(gram, before)
    for ridge, coefficients in zip(ridges, found, strict=True):
        true = torch.linalg.solve(gram + ridge * torch.eye(80, dtype=torch.float64), targets)
        torch.testing.assert_close(coefficients, true, rtol=1e-9, atol=1e-9 * float(true.abs().max()))


def test_a_float32_matrix_is_solved_in_float64():
    gram = kernels.gram(Architecture("relu", 3), images(80), dtype=torch.float32)
    targets = torch.eye(80)[:, :2]
    found = kernels.solve(gram, targets, (0.01,))
    assert found.dtype == torch.float64
    residual = (gram.double() + 0.01 * torch.eye(80, dtype=torch.float64)) @ found[0] - targets
    assert float(residual.abs().max()) < 1e-12


@pytest.mark.parametrize("kind", kernels.KINDS)
def test_predict_is_the_product_with_the_kernel(kind: str):
    arch, x, z = Architecture("erf", 3), images(80), images(50, seed=1)
    coefficients = torch.from_numpy(np.random.default_rng(2).normal(size=(2, 80, 4)))
    found = kernels.predict(arch, x, coefficients, z, kind, block=16)
    assert found.shape == (2, 50, 4)
    true = torch.einsum("px,rxc->rpc", kernels.gram(arch, z, x, kind), coefficients)
    torch.testing.assert_close(found, true, rtol=1e-11, atol=1e-11)
    assert kernels.predict(arch, x, coefficients.float(), z, kind).dtype == torch.float32


def test_regression_without_ridge_returns_the_targets():
    arch, x = Architecture("relu", 3), images(60)
    targets = torch.from_numpy(np.random.default_rng(2).normal(size=(60, 3)))
    coefficients = kernels.solve(kernels.gram(arch, x), targets)
    torch.testing.assert_close(kernels.predict(arch, x, coefficients, x)[0], targets, rtol=0, atol=1e-9)


def test_default_variances_are_those_of_our_networks():
    assert [Architecture(name, 2).gain for name in ("relu", "leaky_relu", "gelu")] == [2, 2, 2]
    assert [Architecture(name, 2).gain for name in ("erf", "tanh", "sine", "identity")] == [1, 1, 1, 1]
    assert Architecture("relu", 2, weight_variance=1.5).gain == 1.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("swish", 3), "activation is 'swish', but should be one of relu, leaky_relu"),
        (("relu", 0), "depth is 0, but should be 1 at least"),
        (("relu", 2, 0.0), "weight_variance is 0, but should be positive"),
        (("relu", 2, math.nan), "weight_variance is nan, but should be positive"),
        (("relu", 2, 1.0, -0.1), "bias_variance is -0.1, but should not be negative"),
    ],
)
def test_impossible_architectures_are_refused(given: tuple, message: str):
    with pytest.raises(UserError, match=message):
        Architecture(*given)


def test_unknown_kinds_and_singular_matrices_are_refused():
    arch, x = Architecture("identity", 2), images(30)
    with pytest.raises(UserError, match="kind is 'ntkk', but should be one of nngp, ntk"):
        kernels.gram(arch, x, kind="ntkk")
    with pytest.raises(UserError, match="kind is 'ntkk', but should be one of nngp, ntk"):
        kernels.predict(arch, x, torch.zeros(1, 30, 1), x, kind="ntkk")
    with pytest.raises(UserError, match="with ridge -0.1 is not positive definite: give a larger ridge"):
        kernels.solve(kernels.gram(arch, x), torch.zeros(30, 1), (0.1, -0.1))
    kernels.solve(kernels.gram(arch, x), torch.zeros(30, 1), (1e-6,))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_gpu_gives_the_same(activation: str):
    arch, x, z = Architecture(activation, 3, bias_variance=0.1), images(80), images(50, seed=1)
    gram = kernels.gram(arch, x.cuda(), block=32)
    assert gram.device.type == "cuda"
    torch.testing.assert_close(gram.cpu(), kernels.gram(arch, x), rtol=1e-12, atol=0)
    coefficients = kernels.solve(gram, torch.ones(80, 1).cuda(), (0.1,))
    true = kernels.predict(arch, x, coefficients.cpu(), z)
    torch.testing.assert_close(kernels.predict(arch, x.cuda(), coefficients, z.cuda()).cpu(), true)
    found = kernels.gradient(arch, *(k.cuda() for k in entries(5))).ntk_aa.cpu()
    torch.testing.assert_close(found, kernels.gradient(arch, *entries(5)).ntk_aa)
