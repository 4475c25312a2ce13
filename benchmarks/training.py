"""How fast the engine trains, against loops as they are usually written:  python benchmarks/training.py [--repeats 5]

Every line compares designs on the same work in one run: processes × one thread, designs interleaved, medians of paired
repeats, compilation left out (it is reported by itself). (a) is a loop over models as a typical researcher writes it:
Dataset of PIL images, transform of each sample, DataLoader, torch.optim.Adam. (b) is a tidy loop: a TensorDataset in a
DataLoader, corruption of whole batches. (c) is the best such loop: batches indexed from a resident tensor. The engine
is `almostnothing.training`, with each network's own draws (own) or with draws shared between strengths (shared). The
roofline is the machine's own matrix product, measured beside it. Writes benchmarks/out/training.csv.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import multiprocessing, nn

from almostnothing import data, sweeps, training
from almostnothing.cells import Cell
from almostnothing.data.arrays import Split
from almostnothing.parameters.sweep import Sweep
from almostnothing.sizes import step_flops

OUT = Path(__file__).parent / "out"
STRENGTHS = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99]
Work = Callable[[], int]  # does some steps and says how many model-steps they were


def source_of(side: int) -> data.Source:
    """Random images of this side."""
    return data.Source(f"random{side}", data.Facts(10, (1, side, side), 400, ""), None, 1, None, None)


def dataset(side: int) -> data.Dataset:
    """Random images of the size of MNIST's or of the digits': speed does not depend on what they show."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4000, side * side), dtype=np.uint8)
    split = Split(images, np.arange(4000) % 10)
    names = tuple("0123456789")
    return data.Dataset(source_of(side), 255, split, Split(images[:500], split.labels[:500]), names)


def cell(side: int, width: int, batch: int, **changes: Any) -> Cell:
    """A network with two hidden layers, trained with fresh corruption."""
    sweep = Sweep(
        dataset="digits",
        train_size=10,
        strength=0.5,
        training_corruption="fresh",
        width=width,
        depth=3,
        batch_size=batch,
        steps=10**7,
        seeds=0,
    )
    return replace(sweep.cells()[0], **{"source": source_of(side), "train_size": 4000, **changes})


def bench(shape: Cell, source: data.Dataset, slots: int, team: int, compiled: bool = True) -> training.Bench:
    """A bench with all slots taken."""
    made = training.Bench(shape, source, torch.device("cpu"), slots, team, shape.train_size, compiled)
    for stream in range(slots // team):
        members = [replace(shape, seed=stream, strength=STRENGTHS[(stream + m) % 8]) for m in range(team)]
        made.seat(stream, members)
    return made


def engine(shape: Cell, source: data.Dataset, slots: int, team: int, steps: int) -> Work:
    """`steps` steps of a stack."""
    made = bench(replace(shape, common_random_numbers=team > 1), source, slots, team)

    def work() -> int:
        made.walk(steps)
        return steps * slots

    return work


def plain(shape: Cell, source: data.Dataset) -> tuple[nn.Sequential, torch.optim.Adam]:
    """One network and its optimiser as anyone would write them."""
    d = source.facts.pixels
    network = nn.Sequential(
        nn.Linear(d, shape.width), nn.ReLU(), nn.Linear(shape.width, shape.width), nn.ReLU(), nn.Linear(shape.width, 10)
    )
    return network, torch.optim.Adam(network.parameters(), lr=shape.learning_rate)


Batches = Callable[[float], Iterator[tuple[torch.Tensor, torch.Tensor]]]  # p → endless corrupted batches


def corrupted(x: torch.Tensor, p: float) -> torch.Tensor:
    """Replacement noise as anyone would write it: two draws a pixel."""
    return torch.where(torch.rand_like(x) < p, torch.rand_like(x), x)


def loop(shape: Cell, source: data.Dataset, models: int, steps: int, batches: Batches) -> Work:
    """One model after the other."""
    entropy = nn.CrossEntropyLoss()
    trained = [plain(shape, source) for _ in range(models)]

    def work() -> int:
        for (network, optimiser), p in zip(trained, STRENGTHS * models, strict=False):
            for _, (x, y) in zip(range(steps), batches(p), strict=False):
                optimiser.zero_grad()
                entropy(network(x), y).backward()
                optimiser.step()
        return models * steps

    return work


def resident_loop(shape: Cell, source: data.Dataset, models: int, steps: int) -> Work:
    """(c): images resident as float32, batches by index."""
    images, labels = torch.from_numpy(source.values(source.train)), torch.from_numpy(source.train.labels)

    def batches(p: float) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            index = torch.randint(len(images), (shape.batch_size,))
            yield corrupted(images[index], p), labels[index]

    return loop(shape, source, models, steps, batches)


def tidy_loop(shape: Cell, source: data.Dataset, models: int, steps: int) -> Work:
    """(b): a TensorDataset in a DataLoader."""
    values = torch.from_numpy(source.values(source.train)), torch.from_numpy(source.train.labels)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(*values), batch_size=shape.batch_size, shuffle=True
    )

    def batches(p: float) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            yield from ((corrupted(x, p), y) for x, y in loader)

    return loop(shape, source, models, steps, batches)


class Pictures(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """PIL images that are transformed one by one, as torchvision's data sets do."""

    def __init__(self, source: data.Dataset, p: float) -> None:
        side = source.facts.shape[1]
        self.images, self.labels, self.p = source.train.images.reshape(-1, side, side), source.train.labels, p

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture = Image.fromarray(self.images[index], mode="L")
        x = torch.from_numpy(np.array(picture, copy=True)).float().div(255).flatten()
        return corrupted(x, self.p), int(self.labels[index])


def naive_loop(shape: Cell, source: data.Dataset, models: int, steps: int) -> Work:
    """(a): PIL images in a DataLoader for each model."""

    def batches(p: float) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            yield from torch.utils.data.DataLoader(Pictures(source, p), batch_size=shape.batch_size, shuffle=True)

    return loop(shape, source, models, steps, batches)


def together(*works: Work) -> Work:
    """Several works, one after the other, as one."""
    return lambda: sum(work() for work in works)


def matrix_product() -> Work:
    """1,024³ products in float32; "model-steps" are GFLOP."""
    a, b = torch.randn(2, 1024, 1024)

    def work() -> int:
        for _ in range(40):
            a @ b
        return round(40 * 2 * 1024**3 / 1e9)

    return work


def workloads() -> dict[str, tuple[float, dict[str, Callable[[], Work]]]]:
    """Each workload: FLOP per model-step, and its designs."""
    mnist, digits = dataset(28), dataset(8)
    narrow, wide, widest = (cell(28, width, 256) for width in (64, 256, 1024))
    found: dict[str, tuple[float, dict[str, Callable[[], Work]]]] = {
        "64 MLPs, d=784, widths 64 and 256, B=256": (
            (step_flops(narrow) + step_flops(wide)) / 2,
            {
                "(a) naive loop": lambda: together(naive_loop(narrow, mnist, 2, 3), naive_loop(wide, mnist, 2, 3)),
                "(b) tidy loop": lambda: together(tidy_loop(narrow, mnist, 8, 8), tidy_loop(wide, mnist, 8, 8)),
                "(c) resident loop": lambda: together(
                    resident_loop(narrow, mnist, 8, 8), resident_loop(wide, mnist, 8, 8)
                ),
                "engine, own": lambda: together(engine(narrow, mnist, 16, 1, 16), engine(wide, mnist, 16, 1, 16)),
                "engine, shared": lambda: together(engine(narrow, mnist, 16, 8, 16), engine(wide, mnist, 16, 8, 16)),
            },
        ),
        "width 1024, d=784, B=256": (
            step_flops(widest),
            {
                "(b) tidy loop": lambda: tidy_loop(widest, mnist, 2, 8),
                "(c) resident loop": lambda: resident_loop(widest, mnist, 2, 8),
                "engine, own": lambda: engine(widest, mnist, 4, 1, 4),
            },
        ),
    }
    for width in (16, 64):
        shape = cell(8, width, 64, train_size=1000)
        fixed = replace(shape, training_corruption="fixed")
        found[f"digits grid, d=64, B=64, width {width}"] = (
            step_flops(shape),
            {
                "(b) tidy loop": lambda shape=shape: tidy_loop(shape, digits, 8, 60),  # type: ignore[misc]
                "(c) resident loop": lambda shape=shape: resident_loop(shape, digits, 8, 100),  # type: ignore[misc]
                "engine, own": lambda shape=shape: engine(shape, digits, 32, 1, 128),  # type: ignore[misc]
                "engine, shared": lambda shape=shape: engine(shape, digits, 32, 8, 128),  # type: ignore[misc]
                "engine, fixed corruption": lambda fixed=fixed: engine(fixed, digits, 32, 1, 128),  # type: ignore[misc]
            },
        )
    return found


def run(rank: int, repeats: int, barrier: Any, results: Any) -> None:
    """One process: build every design (compiling), then time them in turn, in step with the other processes."""
    torch.set_num_threads(1)
    for name, (_, designs) in workloads().items():
        built = {}
        for design, make in {"matrix product": matrix_product, **designs}.items():
            start = time.perf_counter()
            built[design] = make()
            built[design]()
            results.put((name, design, rank, -1, 1, time.perf_counter() - start))
        for repeat in range(repeats):
            for design, work in built.items():
                barrier.wait()
                start = time.perf_counter()
                steps = work()
                results.put((name, design, rank, repeat, steps, time.perf_counter() - start))


def throughput(repeats: int, processes: int) -> pd.DataFrame:
    """Model-steps per second of all processes together: one row for each workload, design and repeat."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(processes), context.Queue()
    workers = [context.Process(target=run, args=(r, repeats, barrier, results)) for r in range(processes)]
    for worker in workers:
        worker.start()
    expected = sum(len(designs) + 1 for _, designs in workloads().values()) * (repeats + 1) * processes
    rows = [results.get() for _ in range(expected)]
    for worker in workers:
        worker.join()
    frame = pd.DataFrame(rows, columns=["workload", "design", "process", "repeat", "steps", "seconds"])
    frame["rate"] = frame["steps"] / frame["seconds"]
    return frame


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Medians over repeats: rates, ratios to each loop within a repeat, share of the matrix-product peak."""
    first = frame[frame["repeat"] < 0].groupby(["workload", "design"])["seconds"].max()
    total = frame[frame["repeat"] >= 0].groupby(["workload", "design", "repeat"])["rate"].sum().unstack("design")
    rows = []
    for name, (flops, designs) in workloads().items():
        rates = total.loc[name]
        peak = rates["matrix product"] * 1e9
        for design in designs:
            row = {"workload": name, "design": design, "model-steps/s": rates[design].median()}
            for baseline in ("(a) naive loop", "(b) tidy loop", "(c) resident loop"):
                if baseline in designs:
                    row[f"× {baseline[:3]}"] = (rates[design] / rates[baseline]).median()
            row["% of peak"] = (100 * flops * rates[design] / peak).median()
            row["first call s"] = first[name, design]
            rows.append(row)
    return pd.DataFrame(rows)


def seconds(work: Callable[[], Any], least: float = 0.5) -> float:
    """CPU seconds of one call: the median of five groups that last long enough."""
    work()
    times = []
    for _ in range(5):
        start, calls = time.process_time(), 0
        while time.process_time() - start < least / 5:
            work()
            calls += 1
        times.append((time.process_time() - start) / calls)
    return float(np.median(times))


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
        for mode in ("never", "always"):
            with tempfile.TemporaryDirectory() as folder:
                words = [sys.executable, "-c", MEMORY_JOB, json.dumps(sweep), mode, folder]
                done = subprocess.run(words, capture_output=True, text=True, check=True)
            found[f"{name}, {'compiled' if mode == 'always' else 'eager'}"] = float(done.stdout)
    return found


def details() -> pd.DataFrame:
    """Corruption, margins, planning: one row for each quantity, one process."""
    from almostnothing.measures import margins

    torch.set_num_threads(1)
    mnist = dataset(28)
    a, b = torch.randn(2, 1024, 1024)
    peak = 2 * 1024**3 / seconds(lambda: a @ b)
    rows = []
    for width in (64, 256):
        made = bench(cell(28, width, 256), mnist, 8, 1)
        position = torch.randint(4000, (8, 256))
        draw = torch.arange(256, dtype=torch.int32).expand(8, -1).contiguous()
        x, labels = made.batch(position, draw)
        hyper = torch.full((8,), 1e-3), torch.ones(8)
        noise = seconds(lambda made=made, p=position, d=draw: made.batch(p, d))  # type: ignore[misc]
        step = noise + seconds(lambda made=made, x=x, y=labels, h=hyper: made.update(x, y, *h))  # type: ignore[misc]
        rows.append((f"corrupted batch, ns per pixel (width {width})", 1e9 * noise / x.numel()))
        rows.append((f"corrupted batch, % of the step (width {width})", 100 * noise / step))
    pixels = torch.rand(256, 784)
    drawn = seconds(lambda: torch.where(torch.rand_like(pixels) < 0.5, torch.rand_like(pixels), pixels))
    rows.append(("two draws and where, ns per pixel", 1e9 * drawn / pixels.numel()))
    model = bench(cell(28, 256, 256), mnist, 8, 1, compiled=False).model
    parts = model.parts()
    x, labels = torch.rand(8, 10_000, 784), torch.randint(10, (8, 10_000))
    flops = 4 * 8 * 10_000 * sum(layer.fan_in * layer.fan_out for layer in model.layers)
    chunks = list(zip(x.split(500, 1), labels.split(500, 1), strict=True))
    batched = seconds(lambda: [margins.margin_gradient(model, *chunk) for chunk in chunks], 4)
    rows.append(("margin gradients, 10k points, 8 networks of width 256: % of peak", 100 * flops / batched / peak))
    network = model[0]

    def one_by_one() -> None:
        for i in range(50):
            image = x[0, i : i + 1].clone().requires_grad_()
            out = network(image)[None]
            torch.autograd.grad(margins.margin(out, labels[:1, i : i + 1]).sum(), image)

    rows.append(("... times faster than one backward pass an image", seconds(one_by_one) / 50 * 80_000 / batched))
    assert len(parts) == 6
    sweep = Sweep(
        dataset="digits", train_size=[100, 200, 500, 1000], strength=[i / 50 for i in range(50)],
        training_corruption="fixed", width=[8, 16, 32, 64, 128], depth=[2], steps=[1000], seeds=list(range(10)),
    )  # fmt: skip
    rows.append(("planning 10,000 cells, s", seconds(lambda: [s.key for s in sweeps.plan(sweep.cells())], 3)))
    rows += [(f"peak memory over planned, {name}", ratio) for name, ratio in memory().items()]
    return pd.DataFrame(rows, columns=["quantity", "value"])


def main() -> None:
    """Run everything, print it, write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    frame = throughput(arguments.repeats, arguments.processes)
    frame.to_csv(OUT / "training.csv", index=False)
    print(table(frame).to_string(index=False, float_format=lambda v: f"{v:,.1f}"))
    print()
    print(details().to_string(index=False, float_format=lambda v: f"{v:,.2f}"))


if __name__ == "__main__":
    main()
