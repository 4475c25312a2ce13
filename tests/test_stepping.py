"""The compiled engine against torch: same networks, to rounding; the same bits whatever else is trained."""

import ctypes
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import special

from almostnothing import compiling, corruptions, data, native, networks, stepping, streams, training
from almostnothing.cells import Cell
from almostnothing.corruptions.additive import Additive

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(compiling.compiler() is None, reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def digits():
    return data.load(data.source("digits"))


def trained(cells: list[Cell], dataset, **options) -> dict[Cell, torch.Tensor]:
    found = training.train(cells, dataset, CPU, training.Options(**options))
    return {t.cell: torch.cat([p.detach().flatten() for p in t.network.parameters()]) for t in found}


VARIANTS = [
    {},
    {"training_corruption": "fresh"},
    *({"activation": name} for name in networks.ACTIVATIONS if name != "relu"),
    {"loss": "mse"},
    {"optimiser": "sgd", "momentum": 0.9, "schedule": "cosine"},
    {"parametrisation": "ntk", "shift": 0.5},
    {"bias": False, "depth": 1},
    {"bias": False, "optimiser": "sgd", "depth": 4},
    {"width": 7, "batch_size": 30},
    {"width": 150, "depth": 4, "batch_size": 100},
    {"family": "cnn", "width": 4, "depth": 2},
    {"family": "cnn", "width": 8, "depth": 3, "training_corruption": "fresh", "shift": 0.5},
    {"family": "cnn", "width": 20, "depth": 4, "activation": "gelu", "bias": False},
    {"family": "cnn", "width": 33, "depth": 3, "optimiser": "sgd", "parametrisation": "ntk"},
]


@pytest.mark.parametrize("change", VARIANTS, ids=lambda change: "-".join(map(str, change.values())) or "usual")
def test_networks_are_those_of_torch_to_rounding(cell, digits, change):
    small = replace(cell, **{"steps": 12, "test_draws": 1, **change})
    assert stepping.supported(small, CPU)
    reference, ours = trained([small], digits), trained([small], digits, compiled=True)
    start = trained([replace(small, steps=1)], digits)
    moved = (reference[small] - next(iter(start.values()))).abs().max()
    apart = (reference[small] - ours[small]).abs()
    # Adam divides by a gradient's size: where that is rounding alone, so is the direction of the step
    assert apart.quantile(0.99) < 2e-4 * moved
    assert apart.max() < 2e-3 * moved


@pytest.mark.parametrize("change", [{}, {"width": 7, "batch_size": 30}, {"family": "cnn", "width": 5, "depth": 3}])
def test_neighbours_order_and_slots_change_no_bit(cell, digits, change):
    base = replace(cell, **{"steps": 300, "test_draws": 1, "training_corruption": "fresh", **change})
    cells = [replace(base, seed=s, strength=p, steps=n) for s, p, n in ((0, 0.2, 300), (1, 0.9, 40), (2, 0.5, 280))]
    together = trained(cells, digits, compiled=True)
    for options in ({"slots": 1}, {"slots": 2}):
        apart = trained(cells[::-1], digits, compiled=True, **options)
        assert all(torch.equal(together[c], apart[c]) for c in cells)


def test_a_team_with_common_draws_is_as_each_alone(cell, digits):
    base = replace(cell, common_random_numbers=True, training_corruption="fresh", steps=20)
    cells = [replace(base, strength=p) for p in (0.1, 0.5, 0.9)]
    together = trained(cells, digits, compiled=True)
    assert all(torch.equal(together[c], trained([c], digits, compiled=True)[c]) for c in cells)


def test_a_law_without_kernel_is_drawn_by_torch(cell, digits, monkeypatch):
    usual = replace(cell, training_corruption="fresh", steps=12)
    reference = trained([usual], digits, compiled=True)[usual]
    monkeypatch.setattr(corruptions.replacement.Replacement, "kernel", None)
    assert (trained([usual], digits, compiled=True)[usual] - reference).abs().max() < 1e-5


@pytest.mark.parametrize("size", [1, 2, 17, 100, 511, 512, 3000])
def test_permutations_are_those_of_the_streams(size):
    key = streams.stream_key(3, "test", size)
    found = stepping.permutations(key, size, 5, 4)
    assert (found == streams.permutation(key, size, np.arange(5, 9))).all()


def test_logits_are_those_of_the_module(cell, digits):
    for change in ({"depth": 4, "activation": "erf", "shift": 0.3}, {"family": "cnn", "width": 6, "depth": 3}):
        model = networks.stack(replace(cell, **change), 3)
        for index in range(3):
            model.put(index, model.initial(streams.stream_key(index, "test")))
        x = torch.rand(3, 70, 64)
        assert torch.allclose(stepping.logits(model, x), model(x), atol=2e-6, rtol=1e-5)


def test_without_a_compiler_torch_trains(cell, digits, monkeypatch):
    reference = trained([cell], digits, compiled=True)[cell]
    monkeypatch.setattr(compiling, "compiler", lambda: None)
    compiling.library.cache_clear()
    try:
        assert not stepping.supported(cell, CPU)
        torch.testing.assert_close(trained([cell], digits, compiled=True)[cell], reference, atol=1e-4, rtol=1e-4)
    finally:
        compiling.library.cache_clear()


def test_what_does_not_compile_is_one_line_and_no_library(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert native.library("int broken(") is None
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: ")
    assert "torch trains, more slowly" in line
    assert list(tmp_path.glob("almostnothing/*.so")) == []


def test_a_library_is_compiled_once_for_all_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = 'extern "C" int seven() { return 7; }'
    first = native.library(source)
    assert first is not None
    assert first.seven() == 7
    compiling.library.cache_clear()

    def refuse(*_words, **_options):
        raise AssertionError("it is compiled again")

    monkeypatch.setattr(subprocess, "run", refuse)
    again = native.library(source)
    assert again is not None
    assert again.seven() == 7


# By name: C++ of a vector x, the function, where it is tried, the error allowed relative to max(|f|, 1e-3).
FUNCTIONS = {
    "exponential": ("exponential(x)", np.exp, (-80, 88), 3e-7),
    "logarithm": ("logarithm(x)", np.log, (1e-30, 1e3), 3e-7),
    "near 1": ("logarithm(x)", np.log, (0.5, 1.5), 3e-7),
    "sine": ("angle(x).sine", np.sin, (-500, 500), 3e-5),
    "cosine of a turn": ("turn(x).cosine", lambda u: np.cos(2 * np.pi * u), (0, 1), 3e-4),
    "expm1": ("exponential_less_one(x)", np.expm1, (-1, 5), 6e-7),
    "erf": ("error_function(x)", special.erf, (-6, 6), 6e-7),
    "tanh": ("hyperbolic_tangent(x)", np.tanh, (-12, 12), 6e-7),
    "root": ("root(x)", np.sqrt, (0, 1e4), 3e-7),
    "inverse": ("inverse(x)", lambda x: 1 / x, (1e-8, 1e4), 3e-7),
}


FUNCTION = """
#include "vectors.hpp"
extern "C" void f(const float* from, float* to, int64_t n) {
    for (int64_t i = 0; i < n; i += VL) {
        vec x = load(from + i);
        store(to + i, CODE);
    }
}
"""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_vectors_against_double_precision(name):
    code, function, ends, allowed = FUNCTIONS[name]
    library = native.library(FUNCTION.replace("CODE", code))
    assert library is not None
    x = np.linspace(*ends, 160_000, dtype=np.float32)
    found = np.empty_like(x)
    library.f(*(ctypes.c_void_p(one.ctypes.data) for one in (x, found)), ctypes.c_int64(len(x)))
    wanted = function(x.astype(np.float64))
    assert (np.abs(found - wanted) <= allowed * np.maximum(np.abs(wanted), 1e-3)).all()


PRODUCT = """
#include "products.hpp"
extern "C" void f(int64_t M, int64_t N, int64_t K, const float* a, int64_t row, int64_t step, const float* b,
                  int64_t ldb, float* c) {
    product(M, N, {1, 0, 1, 0, K, step}, a, row, b, ldb,
            [=](long m, long n, vec v) { for (int i = 0; i < VL && n + i < N; i++) c[m * N + n + i] = v[i]; });
}
"""


@pytest.mark.parametrize(
    ("m", "n", "k"), [(1, 1, 1), (7, 10, 3), (64, 64, 64), (100, 70, 300), (13, 130, 129), (70, 33, 500)]
)
@pytest.mark.parametrize("turned", [False, True])
def test_products_at_many_sizes(m, n, k, turned):
    library = native.library(PRODUCT)
    assert library is not None
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(m, k)), np.zeros((k, n + 32), np.float32)
    b[:, :n] = rng.normal(size=(k, n))
    left = np.ascontiguousarray(a.T if turned else a, np.float32)
    c = np.empty((m, n), np.float32)
    row, step = (1, m) if turned else (k, 1)
    sizes = [ctypes.c_int64(one) for one in (m, n, k)]
    library.f(
        *sizes,
        ctypes.c_void_p(left.ctypes.data),
        *(ctypes.c_int64(one) for one in (row, step)),
        ctypes.c_void_p(b.ctypes.data),
        ctypes.c_int64(n + 32),
        ctypes.c_void_p(c.ctypes.data),
    )
    wanted = a.astype(np.float32).astype(np.float64) @ b[:, :n]
    np.testing.assert_allclose(c, wanted, atol=1e-5 * np.sqrt(k))


def test_the_width_of_vectors_changes_no_bit(cell, digits, monkeypatch):
    """Compiled for narrower registers the engine gives the same networks: so do other processors that fuse."""
    if "avx512f" not in "".join(compiling._machine()):
        pytest.skip("has no two widths")
    cells = [replace(cell, steps=60), replace(cell, family="cnn", width=8, depth=3, activation="gelu", steps=8)]
    wide = [trained([one], digits, compiled=True)[one] for one in cells]
    compiling.library.cache_clear()
    monkeypatch.setattr(native, "FLAGS", (*native.FLAGS, "-mno-avx512f"))
    try:
        narrow = [trained([one], digits, compiled=True)[one] for one in cells]
    finally:
        compiling.library.cache_clear()
    assert all(torch.equal(a, b) for a, b in zip(wide, narrow, strict=True))


def test_numbers_below_the_normal_ones_are_none(cell, digits):
    """Else moments of pixels that are always 0 decay into them, and a step takes ten times as long."""
    silent = np.flatnonzero((digits.train.images == 0).all(0))
    assert len(silent)
    bench = training.Bench(replace(cell, strength=0.0), digits, CPU, 1, 1, cell.train_size, compiled=True)
    bench.seat(0, [replace(cell, strength=0.0)])
    bench.moments[0].fill_(1e-39)
    bench.walk(1)
    assert (bench.moments[0][0, silent] == 0).all()
    assert (bench.moments[0][0] != 0).any()


def test_a_kernel_is_compiled_once_for_all_options(digits):
    assert (
        Additive(corruptions.noises.StudentNoise(3.0)).kernel.source
        == Additive(corruptions.noises.StudentNoise(5.0)).kernel.source
    )
