"""How fast the engine trains, beside the ensembles that an expert would write:

    python benchmarks/training.py [--quick] [--jax PYTHON ...] [--repeats 5]

Every row compares designs on the same work, in one run, interleaved, each on one thread, medians of paired repeats,
compilation left out. `engine` is `almostnothing.training` on a CPU. `vmap` is torch's own ensemble, `torch.func.vmap`
of a step over stacked networks. `jax` is `jit(vmap(step))` scanned over steps: see `peers/jax_ensemble.py`, which names
the environments to give to `--jax`; where none is given it is left out. Peers draw one uniform a pixel with their own
generators, from one stream a network (own) or one for all (shared), or read images that were corrupted before (fixed).

For each row: model-steps a second; the ratio to the faster peer; and the limit: the time that products would take at
the processor's measured peak of fused multiply-adds, Adam at the same peak, the corruption at its kernel's measured
speed, and the weights and moments at the measured speed of memory where they exceed a core's cache. The `evaluation`
row counts images. Writes benchmarks/results/training.csv. `--quick` runs three small rows without the limits' repeats.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import torch

from almostnothing import corruptions, data, native, networks, streams, training
from almostnothing.cells import Cell, layers
from almostnothing.data.arrays import Split
from almostnothing.environment import commit, environment
from almostnothing.evaluation import outputs
from almostnothing.parameters.sweep import Sweep
from almostnothing.sizes import parameter_count, step_flops

OUT = Path(__file__).parent / "results"
PEER = Path(__file__).parent / "peers" / "jax_ensemble.py"
TRAIN_SIZE, TESTS = 1024, 2000
ADAM_OPERATIONS = 24  # of vectors, for a vector of weights: moments, two Newton iterations, the step
CACHE_BYTES = 2**21  # of a core
Work = Callable[[], float]  # does the work once and says how many seconds it took


@dataclass(frozen=True)
class Row:
    """One work: networks of one architecture, `slots` of them, blocks of `steps`."""

    side: int
    width: int
    batch: int
    slots: int
    steps: int
    corruption: str = "own"  # own, shared, fixed
    family: str = "mlp"
    evaluation: bool = False

    @property
    def name(self) -> str:
        kind = "evaluation" if self.evaluation else f"B {self.batch}, {self.corruption}"
        return f"{self.family.upper()}, d {self.side**2}, width {self.width}, {kind}"

    @property
    def units(self) -> int:
        """Model-steps, or images, of one work."""
        return TESTS * self.slots if self.evaluation else self.steps * self.slots

    def cell(self) -> Cell:
        """A network of three weight layers."""
        sweep = Sweep(
            dataset="digits",
            train_size=10,
            strength=0.5,
            training_corruption="fixed" if self.corruption == "fixed" else "fresh",
            family=self.family,
            width=self.width,
            depth=3,
            batch_size=self.batch,
            steps=10**7,
            test_draws=1,
            seeds=0,
        )
        shared = self.corruption == "shared"
        source = data.Source(
            f"random{self.side}", data.Facts(10, (1, self.side, self.side), 120, ""), None, 1, None, None
        )
        return replace(sweep.cells()[0], source=source, train_size=1000, common_random_numbers=shared)

    def dataset(self) -> data.Dataset:
        """Random images: speed does not depend on what they show."""
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (1200, self.side**2), dtype=np.uint8)
        labels = np.arange(1200) % 10
        tests = Split(np.resize(images, (TESTS, self.side**2)), np.resize(labels, TESTS))
        return data.Dataset(self.cell().source, 255, Split(images, labels), tests, tuple("0123456789"))


ROWS = [
    Row(8, 16, 64, 32, 128),
    Row(8, 64, 64, 32, 128),
    Row(8, 64, 64, 32, 128, "fixed"),
    Row(8, 64, 64, 32, 128, "shared"),
    Row(28, 64, 256, 16, 32),
    Row(28, 256, 256, 8, 32),
    Row(28, 256, 256, 8, 32, "shared"),
    Row(28, 1024, 256, 4, 32),
    Row(8, 8, 64, 32, 64, family="cnn"),
    Row(28, 8, 64, 8, 16, family="cnn"),
    Row(28, 32, 64, 4, 16, family="cnn"),
    Row(28, 256, 1, 8, TESTS, evaluation=True),
]
QUICK = [Row(8, 16, 64, 8, 32), Row(8, 8, 64, 4, 8, family="cnn"), Row(8, 64, 1, 4, TESTS, evaluation=True)]


def timed(work: Callable[[], Any]) -> Work:
    def once() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return once


def engine(row: Row) -> Work:
    cell, dataset = row.cell(), row.dataset()
    team = row.slots if row.corruption == "shared" else 1
    bench = training.Bench(cell, dataset, torch.device("cpu"), row.slots, team, cell.train_size, compiled=True)
    assert bench.engine, "this machine has no C++ compiler"
    strengths = np.linspace(0.1, 0.99, row.slots).tolist()
    for stream in range(row.slots // team):
        members = strengths if team > 1 else [strengths[stream]]
        bench.seat(stream, [replace(cell, seed=stream, strength=p) for p in members])
    if not row.evaluation:
        return timed(lambda: bench.walk(row.steps))
    cells = [replace(cell, seed=seed) for seed in range(row.slots)]
    every = np.arange(TESTS)[None]
    return timed(lambda: outputs(cells, bench.model, dataset, dataset.test, every, every, "test corruption"))


def vmap(row: Row) -> Work:
    """Torch's ensemble: a step of one network, mapped over networks; Adam by `torch._foreach` on stacked tensors."""
    torch.set_num_threads(1)
    cell, dataset, size = row.cell(), row.dataset(), row.batch
    images, labels = torch.from_numpy(dataset.train.images[:TRAIN_SIZE]), torch.from_numpy(dataset.train.labels)
    stack = networks.stack(cell, 1)
    modules = [stack[0] for _ in range(row.slots)]
    with torch.no_grad():
        parts, _ = torch.func.stack_module_state(modules)
    parts = {name: 0.05 * torch.randn_like(part) for name, part in parts.items()}
    first = {name: torch.zeros_like(part) for name, part in parts.items()}
    second = {name: torch.zeros_like(part) for name, part in parts.items()}
    strengths = torch.linspace(0.1, 0.99, row.slots)[:, None, None]
    stored = torch.rand(row.slots, TRAIN_SIZE, row.side**2) if row.corruption == "fixed" else None

    def logits(part: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(modules[0], part, (x,))

    def loss(part: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(logits(part, x), y)

    gradient = torch.func.vmap(torch.func.grad(loss))
    classify = torch.func.vmap(logits)

    def step(number: int) -> None:
        if row.corruption == "shared":
            index = torch.randint(TRAIN_SIZE, (size,)).expand(row.slots, -1)
            u = torch.rand(size, row.side**2)[None]
        else:
            index = torch.randint(TRAIN_SIZE, (row.slots, size))
            u = torch.rand(row.slots, size, row.side**2) if stored is None else torch.empty(0)
        if stored is not None:
            x = stored[torch.arange(row.slots)[:, None], index]
        else:
            x = torch.where(u < strengths, u / strengths, images[index].float() / 255)
        found = gradient(parts, x, labels[index])
        values, grads = list(parts.values()), [found[name] for name in parts]
        m, v = list(first.values()), list(second.values())
        torch._foreach_lerp_(m, grads, 0.1)
        torch._foreach_mul_(v, 0.999)
        torch._foreach_addcmul_(v, grads, grads, 0.001)
        down = torch._foreach_sqrt(v)
        torch._foreach_mul_(down, float(1 / np.sqrt(1 - 0.999**number)))
        torch._foreach_add_(down, 1e-8)
        torch._foreach_addcdiv_(values, m, down, -1e-3 / (1 - 0.9**number))

    def steps() -> None:
        for number in range(row.steps):
            step(number + 1)

    @torch.no_grad()
    def evaluate() -> None:
        x = torch.from_numpy(dataset.values(dataset.test))
        for some in x.split(500):
            u = torch.rand(row.slots, *some.shape)
            classify(parts, torch.where(u < strengths, u / strengths, some))

    return timed(evaluate if row.evaluation else steps)


class Jax:
    """A process of another Python that runs the JAX ensemble when it is asked to."""

    def __init__(self, python: str) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([python, str(PEER)], stdin=pipe, stdout=pipe, text=True)
        self.name = f"jax {self.heard()}"

    def said(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def heard(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the JAX process has ended: see its message above")
        return line.strip()

    def work(self, row: Row) -> Work:
        cell = row.cell()
        shapes = []
        for number, layer in enumerate(layers(cell)):
            convolution = cell.family == "cnn" and number < len(layers(cell)) - 1
            shape = [layer.fan_out, layer.fan_in // 9, 3, 3] if convolution else [layer.fan_in, layer.fan_out]
            shapes.append((shape, layer.fan_in))
        told = {**row.__dict__, "train_size": TRAIN_SIZE, "weights": shapes}
        if row.evaluation:
            told |= {"steps": TESTS, "batch": 1}
        self.said(json.dumps(told))
        assert self.heard() == "ready"

        def once() -> float:
            self.said("go")
            return float(self.heard())

        return once

    def done(self) -> None:
        self.said("done")

    def end(self) -> None:
        self.said("null")
        self.process.wait()


PEAK = """
#include "products.hpp"
extern "C" float peak(int64_t count) {
    vec sum[12];  // more than the units' latency asks for, and as many as registers hold
    for (int i = 0; i < 12; i++) sum[i] = all(1.0f + i);
    const vec a = all(0.999f), b = all(1e-3f);
    for (int64_t k = 0; k < count; k++) repeat<12>([&](auto i) INLINE { sum[i] = sum[i] * a + b; });
    for (int i = 1; i < 12; i++) sum[0] += sum[i];
    return sum[0][0];
}
extern "C" int64_t lanes() { return VL; }
"""


@dataclass(frozen=True)
class Machine:
    """What one core does at most: fused multiply-adds (FLOP/s), copying of what no cache holds (bytes/s)."""

    flops: float
    bytes: float

    @classmethod
    def measured(cls) -> Machine:
        library = native.library(PEAK)
        assert library is not None
        count = 2_000_000
        library.peak.restype = ctypes.c_float
        times = [timed(lambda: library.peak(ctypes.c_int64(count)))() for _ in range(7)]
        big = np.ones(2**25, np.float32)
        other = np.empty_like(big)
        copies = [timed(lambda: np.copyto(other, big))() for _ in range(7)]
        return cls(2 * 12 * library.lanes() * count / min(times), 2 * big.nbytes / min(copies))

    def limit(self, row: Row) -> dict[str, float]:
        """Microseconds of a model-step, by what takes them."""
        cell = row.cell()
        found = {"products": step_flops(cell) / self.flops, "adam": 0.0, "corruption": 0.0, "memory": 0.0}
        weights = parameter_count(cell)
        found["adam"] = weights * ADAM_OPERATIONS * 2 / self.flops  # an operation takes the time of a multiply-add
        if row.corruption != "fixed":
            law = corruptions.law_of(cell.corruption, row.dataset())
            count = 2**17 // row.side**2  # images: many, so that calling it takes no share, that a cache holds
            x = torch.rand(1, count, row.side**2)
            keys, draw = (
                torch.from_numpy(streams.stream_key(0, "b"))[None],
                torch.arange(count, dtype=torch.int32)[None],
            )
            sample = timed(lambda: law.sample(x, torch.tensor([[0.5]]), keys, draw))
            found["corruption"] = row.batch / count * float(np.median([sample() for _ in range(7)]))
        if 12 * weights > CACHE_BYTES:  # read forward, turned, and with both moments read and written
            found["memory"] = 4 * weights * 9 / self.bytes
        return {name: 1e6 * value for name, value in found.items()}


def compare(row: Row, peers: list[Jax], repeats: int) -> dict[str, Any]:
    """Medians over repeats, designs in turn."""
    works = {"engine": engine(row), "vmap": vmap(row)} | {peer.name: peer.work(row) for peer in peers}
    for work in works.values():
        work()
    times = [{name: work() for name, work in works.items()} for _ in range(repeats)]
    for peer in peers:
        peer.done()
    found: dict[str, Any] = {"work": row.name}
    for name in works:
        found[f"{name}, 1/s"] = row.units / float(np.median([one[name] for one in times]))
    others = [name for name in works if name != "engine"]
    best = min(others, key=lambda name: float(np.median([one[name] for one in times])))
    found["faster peer"] = best
    found["× faster peer"] = float(np.median([one[best] / one["engine"] for one in times]))
    return found


MEMORY_JOB = """
import sys
from pathlib import Path
from almostnothing import store, sweeps
from almostnothing.costs import job_bytes
from almostnothing.parameters.page import Compute
from almostnothing.parameters.sweep import Sweep
sweep = Sweep.model_validate_json(sys.argv[1])
[shard] = sweeps.plan(sweep.cells())
planned = job_bytes(shard)
sweeps.train(shard, store.Store(Path(sys.argv[3])), Compute(compile=sys.argv[2], quiet=True), "memory")
[peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak) * 1024 / planned)
"""


def memory() -> dict[str, float]:
    """Peak memory of a training job over what `plan` predicts, each in a process of its own."""
    base = {"dataset": "digits", "train_size": [1000], "strength": [0.5], "training_corruption": "fixed", "depth": [3]}
    sweeps_of = {
        "width 16": {**base, "width": [16], "steps": [50], "seeds": list(range(32))},
        "width 1024": {**base, "width": [1024], "steps": [10], "seeds": list(range(8)), "batch_size": 256},
        "CNN, 32 channels": {**base, "family": ["cnn"], "width": [32], "steps": [20], "seeds": list(range(32))},
    }
    found = {}
    for name, sweep in sweeps_of.items():
        for mode in ("never", "auto"):
            with tempfile.TemporaryDirectory() as folder:
                words = [sys.executable, "-c", MEMORY_JOB, json.dumps(sweep), mode, folder]
                done = subprocess.run(words, capture_output=True, text=True, check=True)
            found[f"{name}, {'engine' if mode == 'auto' else 'torch'}"] = float(done.stdout)
    return found


def main() -> None:
    """Run everything, print it, write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few small rows")
    parser.add_argument("--jax", nargs="*", default=[], help="Pythons of environments that have JAX")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    peers = [Jax(python) for python in arguments.jax]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    machine = Machine.measured()
    print(f"one core: {machine.flops / 1e9:.0f} GFLOP/s, {machine.bytes / 1e9:.1f} GB/s")
    rows = []
    for row in QUICK if arguments.quick else ROWS:
        found = compare(row, peers, arguments.repeats)
        if not row.evaluation:
            parts = machine.limit(row)
            took = 1e6 / found["engine, 1/s"]
            found |= {f"{name}, µs": value for name, value in parts.items()}
            found |= {"step, µs": took, "× limit": took / sum(parts.values())}
        rows.append(found)
        print(" | ".join(f"{k} {v:,.2f}" if isinstance(v, float) else str(v) for k, v in found.items()), flush=True)
    for peer in peers:
        peer.end()
    table = pd.DataFrame(rows)
    print(f"\nat least {table['× faster peer'].min():.2f} × the faster peer")
    if not arguments.quick:
        OUT.mkdir(exist_ok=True)
        known = {**environment(), **(commit(Path(__file__).parent.parent) or {})}
        words = f"One core of {known['processor']}: {machine.flops / 1e9:.0f} GFLOP/s, {machine.bytes / 1e9:.1f} GB/s."
        versions = ", ".join([f"torch {known['torch']}", *(peer.name for peer in peers)])
        versions += f"; commit {known.get('id', 'unknown')[:12]}."
        text = f"# {words} {versions} Model-steps (evaluation: images) a second; microseconds a step.\n"
        (OUT / "training.csv").write_text(text + table.to_csv(index=False, float_format="%.4g"))
        for name, ratio in memory().items():
            print(f"peak memory over planned, {name}: {ratio:.2f}")


if __name__ == "__main__":
    main()
