"""How fast kernel matrices are made: `python benchmarks/kernels.py [--jax PYTHON] [--threads 2] [--quick]`.

The NTK of a ReLU network with three hidden layers, between N random images of 784 pixels. Everything runs in one
process on the same images and cores, turn by turn; a ratio is the median over the turns. "torch" is the recursion as
one would write it down. Neural Tangents, jit-compiled, takes part in a process of its own where `--jax` names a Python
that has it, or this one has. Then the largest relative differences, Cholesky's factorisation, and peak memory of matrix
and factor together in a process of its own. `--quick` leaves out the largest matrix.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from almostnothing.theory import kernels
from almostnothing.theory.kernels import Architecture

ARCH = Architecture("relu", 4)
PIXELS = 784
CASES = [(4000, "float32", 9), (4000, "float64", 9), (10_000, "float64", 3)]  # images, precision, turns
TEXTBOOK = 4000  # largest matrix of the textbook's expression, which holds ten of them

NEURAL_TANGENTS = """
import sys, time
import jax, numpy
jax.config.update("jax_enable_x64", True)
from neural_tangents import stax
layers = []
for hidden in range(3):
    layers += [stax.Dense(512, W_std=2**0.5), stax.Relu()]
kernel = jax.jit(stax.serial(*layers, stax.Dense(1, W_std=2**0.5))[2], static_argnames="get")
for line in sys.stdin:
    word, *rest = line.split()
    if word == "load":
        x = jax.numpy.asarray(numpy.load(rest[0]).astype(rest[1]))
        matrix = None
        print(flush=True)
    elif word == "time":
        matrix = None
        start = time.perf_counter()
        matrix = kernel(x, None, get="ntk").block_until_ready()
        print(time.perf_counter() - start, flush=True)
    else:
        numpy.save(rest[0], numpy.asarray(matrix))
        print(flush=True)
"""

MEMORY = """
import resource, sys, torch
from almostnothing.theory import kernels
torch.set_num_threads(int(sys.argv[2]))
x = torch.rand(int(sys.argv[1]), 784)
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
gram = kernels.gram(kernels.Architecture("relu", 4), x)
made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
kernels.solve(gram, torch.ones(len(x), 10), (1e-3,))
print(start / 2**20, made / 2**20, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def textbook(x: Tensor) -> Tensor:
    """The recursion in the cosine, on whole matrices."""
    nngp = ntk = 2 / x.shape[1] * x @ x.T
    for _ in range(ARCH.depth - 1):
        norm = nngp.diagonal().sqrt()
        cosine = (nngp / norm[:, None] / norm).clamp(-1, 1)
        angle = cosine.arccos()
        nngp = norm[:, None] * norm * ((1 - cosine**2).sqrt() + (math.pi - angle) * cosine) / math.pi
        ntk = nngp + (1 - angle / math.pi) * ntk
    return ntk


class NeuralTangents:
    """The rival, in another Python."""

    def __init__(self, python: str, threads: int) -> None:
        flags = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()} intra_op_parallelism_threads={threads}"
        environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
        words = [python, "-c", NEURAL_TANGENTS]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            words, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, *words: str | Path) -> str:
        """The answer to one command."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(*words, file=self.process.stdin, flush=True)
        return self.process.stdout.readline()

    def seconds(self) -> float:
        return float(self.ask("time"))


def ours(x: Tensor, dtype: torch.dtype, fused: bool) -> Callable[[], Tensor]:
    """`gram`, with or without fused code."""

    def make() -> Tensor:
        usual, kernels.FUSED = kernels.FUSED, 0 if fused else x.shape[0] ** 2 + 1
        try:
            return kernels.gram(ARCH, x, dtype=dtype)
        finally:
            kernels.FUSED = usual

    return make


def seconds(make: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    made = make()  # held until the clock is read: freeing is not making
    spent = time.perf_counter() - start
    del made
    return spent


def difference(one: np.ndarray, other: np.ndarray) -> str:
    """Largest relative differences off and on the diagonal."""
    relative = np.abs(one / other - 1)
    own = relative.diagonal().max()
    np.fill_diagonal(relative, 0)
    return f"{relative.max():.1e} off the diagonal, {own:.1e} on it"


def case(count: int, precision: str, turns: int, rival: NeuralTangents | None, folder: Path) -> None:
    images = np.random.default_rng(0).random((count, PIXELS))
    x, dtype = torch.from_numpy(images.astype(precision)), getattr(torch, precision)
    run = {"fused": ours(x, dtype, True), "eager": ours(x, dtype, False)}
    timers: dict[str, Callable[[], float]] = {name: partial(seconds, make) for name, make in run.items()}
    if count <= TEXTBOOK:
        timers["torch"] = partial(seconds, partial(textbook, x))
    if rival is not None:
        np.save(folder / "images.npy", images)
        rival.ask("load", folder / "images.npy", precision)
        timers["neural tangents"] = rival.seconds
    first = {name: timer() for name, timer in timers.items()}
    times = [{name: timer() for name, timer in timers.items()} for _ in range(turns)]
    print(f"\nN = {count:,}, {precision}\n{'':<18}{'first, s':>10}{'median, s':>11}{'least, s':>10}{'× fused':>9}")
    for name in timers:
        own = [turn[name] for turn in times]
        ratio = statistics.median(turn[name] / turn["fused"] for turn in times)
        print(f"{name:<18}{first[name]:>10.2f}{statistics.median(own):>11.3f}{min(own):>10.3f}{ratio:>9.2f}")
    found = run["fused"]().numpy()
    print(f"fused and eager differ by {difference(found, run['eager']().numpy())}")
    if count <= TEXTBOOK:
        print(f"fused and torch differ by {difference(found, textbook(x).numpy())}")
    if rival is not None:
        rival.ask("save", folder / "matrix.npy")
        print(f"fused and neural tangents differ by {difference(found, np.load(folder / 'matrix.npy'))}", flush=True)


def cholesky(count: int, threads: int) -> None:
    """Time of a solution, and memory of a process of its own, which starts from the little that this one holds."""
    words = [sys.executable, "-c", MEMORY, str(count), str(threads)]
    start, made, done = map(float, subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())
    gram = kernels.gram(ARCH, torch.from_numpy(np.random.default_rng(0).random((count, PIXELS))))
    spent = seconds(lambda: kernels.solve(gram, torch.ones(count, 10), (1e-3,)))
    print(f"N = {count:,}, float64: solved by Cholesky in {spent:.2f} s")
    print(f"peak memory: {start:.2f} GiB before, {made:.2f} with the matrix, {done:.2f} with the factor", flush=True)


def has_neural_tangents(python: str) -> bool:
    return subprocess.run([python, "-c", "import jax, neural_tangents"], capture_output=True).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jax", metavar="PYTHON", default=sys.executable, help="a Python with neural-tangents")
    parser.add_argument("--threads", type=int, default=2, help="threads, and cores, for all")
    parser.add_argument("--quick", action="store_true", help="leave out the largest matrix")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    torch.set_num_threads(arguments.threads)
    rival = None
    if has_neural_tangents(arguments.jax):
        rival = NeuralTangents(arguments.jax, arguments.threads)
    else:
        print("without neural-tangents, which this Python lacks: see --jax")
    cases = CASES[:2] if arguments.quick else CASES
    cholesky(cases[-1][0], arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        for count, precision, turns in cases:
            case(count, precision, turns, rival, Path(folder))
    if rival is not None:
        rival.process.terminate()


if __name__ == "__main__":
    main()
