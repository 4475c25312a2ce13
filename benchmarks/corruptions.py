"""How fast images are corrupted, and how long data sets take to load: `python benchmarks/corruptions.py [--quick]`.

For each law, images a second at batches of 256 x 784 and 256 x 3072 pixels on one thread, as a ratio to the plain
expression that torch offers for it (two draws and a `where`, or one draw and a sum), interleaved in one run: the law's
compiled kernel, and the same law in torch, which a GPU and machines without a compiler use. Then load time and
peak memory of each data set that is at hand, each in a process of its own: first with the files alone, then from the
cache; `--quick` leaves these out.
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

import torch

from almostnothing import corruptions, data, streams
from almostnothing.corruptions.additive import Additive
from almostnothing.corruptions.labels import label
from almostnothing.corruptions.law import Corruption
from almostnothing.corruptions.noises import GaussianNoise, LaplaceNoise, StudentNoise, UniformNoise
from almostnothing.corruptions.pixels import Bernoulli, ClippedGaussian, Constant, Empirical, Uniform
from almostnothing.corruptions.replacement import Replacement

Make = Callable[[torch.Tensor], torch.Tensor]
LAWS: list[tuple[Corruption, float, str]] = [
    (Replacement(Uniform()), 0.9, "uniform"),
    (Replacement(Constant()), 0.9, "constant"),
    (Replacement(Bernoulli()), 0.9, "bernoulli"),
    (Replacement(Empirical(tuple(range(1, 257)))), 0.9, "empirical"),
    (Replacement(ClippedGaussian()), 0.9, "clipped"),
    (Replacement(Uniform(), "image"), 0.9, "image"),
    (Additive(GaussianNoise()), 0.5, "normal"),
    (Additive(GaussianNoise(), clip=True), 0.5, "normal clipped"),
    (Additive(UniformNoise()), 0.5, "flat"),
    (Additive(LaplaceNoise()), 0.5, "laplace"),
    (Additive(StudentNoise()), 0.5, "student"),
    (Additive(GaussianNoise(), per="image"), 0.5, "offset"),
]
REPEATS = 7


def plain(kind: str, s: float) -> Make:
    """What one would write in torch with its own generator."""
    laplace = torch.distributions.Laplace(0.0, 2**-0.5)
    student = torch.distributions.StudentT(torch.tensor(3.0))
    table = torch.arange(1.0, 257.0)
    new: dict[str, Make] = {
        "uniform": torch.rand_like,
        "constant": lambda x: torch.full_like(x, 0.5),
        "bernoulli": lambda x: torch.bernoulli(torch.full_like(x, 0.5)),
        "empirical": lambda x: (torch.multinomial(table, x.numel(), replacement=True) / 255).view_as(x),
        "clipped": lambda x: (0.5 + 0.25 * torch.randn_like(x)).clamp(0, 1),
    }
    noise: dict[str, Make] = {
        "normal": torch.randn_like,
        "normal clipped": torch.randn_like,
        "flat": lambda x: 12**0.5 * (torch.rand_like(x) - 0.5),
        "laplace": lambda x: laplace.sample(x.shape),
        "student": lambda x: student.sample(x.shape) / 3**0.5,
        "offset": lambda x: torch.randn(len(x), 1),
    }
    if kind == "image":
        return lambda x: torch.where(torch.rand(len(x), 1) < s, torch.rand(len(x), 1), x)
    if kind in new:
        return lambda x: torch.where(torch.rand_like(x) < s, new[kind](x), x)
    if kind == "normal clipped":
        return lambda x: (x + s * torch.randn_like(x)).clamp(0, 1)
    return lambda x: x + s * noise[kind](x)


def ours(law: Corruption, s: float, batch: int, kernel: bool) -> Make:
    """The law's sample for one stream, with fresh draws at each call."""
    key, strength = torch.from_numpy(streams.stream_key(0, "benchmark"))[None], torch.tensor([[s]])
    count = torch.zeros(1, batch, dtype=torch.int32)

    def make(x: torch.Tensor) -> torch.Tensor:
        count.add_(1)
        return (law.sample if kernel else law.drawn)(x[None], strength, key, count)

    return make


def seconds(make: Make, x: torch.Tensor) -> float:
    """Time of one call, averaged over at least 30 ms."""
    calls, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < 0.03:
        make(x)
        calls += 1
    return spent / calls


def laws() -> None:
    torch.set_num_threads(1)
    kinds = {"kernel": True, "in torch": False}
    titles = "".join(f"{f'{kind}, images/s':>20}{'× torch':>9}" for kind in kinds)
    print(f"{'law':<44}{'pixels':>7}{'torch, images/s':>17}{titles}")
    worst, least = 0.0, math.inf
    for law, strength, kind in LAWS:
        for pixels in (784, 3072):
            x = torch.rand(256, pixels)
            made = {"torch": plain(kind, strength)}
            made |= {name: ours(law, strength, 256, kernel) for name, kernel in kinds.items()}
            first = {name: make(x) for name, make in made.items()}
            excess = ((first["kernel"] - first["in torch"]).abs() / first["in torch"].abs().clamp(min=1)).max()
            assert excess <= corruptions.PLACES, f"{label(law)}: kernel and torch differ by {excess:g}"
            worst = max(worst, float(excess))
            times = [{name: seconds(make, x) for name, make in made.items()} for _ in range(REPEATS)]
            middle = {name: statistics.median(t[name] for t in times) for name in made}
            ratio = {name: statistics.median(t["torch"] / t[name] for t in times) for name in kinds}
            least = min(least, ratio["kernel"])
            texts = "".join(f"{256 / middle[name]:>20,.0f}{ratio[name]:>9.2f}" for name in kinds)
            print(f"{label(law):<44}{pixels:>7}{256 / middle['torch']:>17,.0f}{texts}", flush=True)
    print(f"kernels: at least {least:.2f} × torch; kernel and torch differ by at most {worst:.1e} of max(1, |value|)")


LOAD = """
import sys, time, resource
from pathlib import Path
from almostnothing import data
folder = Path(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
source = data.source(sys.argv[1], folder)
planned = time.perf_counter()
loaded = data.load(source, folder)
done = time.perf_counter()
held = sum(a.nbytes for s in (loaded.train, loaded.test) for a in (s.images, s.labels)) / 2**20
peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10
print(f"{planned - start:>10.2f}{done - planned:>10.2f}{held:>10.0f}{peak:>10.0f}")
"""


def data_sets(names: list[str]) -> None:
    print(f"\n{'data set':<20}{'':<8}{'facts, s':>10}{'load, s':>10}{'held, MiB':>10}{'peak, MiB':>10}")
    with tempfile.TemporaryDirectory() as empty:
        for name in names:
            for which in ("first", "again"):
                environment = {**os.environ, "XDG_CACHE_HOME": empty}
                words = [sys.executable, "-c", LOAD, name, str(data.folder())]
                done = subprocess.run(words, env=environment, capture_output=True, text=True)
                print(f"{name:<20}{which:<8}{done.stdout.rstrip() or done.stderr.strip().splitlines()[-1][:120]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the data sets out")
    parser.add_argument("--datasets", nargs="*", default=list(data.CATALOGUE), help="names to load")
    arguments = parser.parse_args()
    laws()
    if not arguments.quick:
        data_sets(arguments.datasets)


if __name__ == "__main__":
    main()
