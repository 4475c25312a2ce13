"""Which way to stack small convolutional networks is fastest in torch:  python benchmarks/convolutions.py [--quick]

Gradients of E = 8 networks of two 3×3 convolutions with pooling, batch 64, one thread: a loop over networks (with and
without channels_last), grouped convolutions, as in `networks.CNNStack`, and products with patches laid out as rows
(folded); GFLOP/s of the products, eager and compiled where that is possible. `--quick`: eager alone, small images.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"

import itertools

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

CELLS, BATCH = 8, 64


def looped(layout: torch.memory_format) -> Callable[[list[Tensor], Tensor], Tensor]:
    """One network after the other."""

    def compute(weights: list[Tensor], x: Tensor) -> Tensor:
        total = torch.zeros(())
        for e in range(CELLS):
            image = x[e].contiguous(memory_format=layout)
            for weight in weights:
                kernel = weight[e].contiguous(memory_format=layout)
                image = functional.avg_pool2d(torch.relu(functional.conv2d(image, kernel, padding=1)), 2)
            total = total + image.sum()
        return total

    return compute


def grouped(weights: list[Tensor], x: Tensor) -> Tensor:
    """All networks as groups of one convolution."""
    image = x.transpose(0, 1).reshape(BATCH, -1, *x.shape[3:])
    for weight in weights:
        convolved = functional.conv2d(image, weight.flatten(0, 1), padding=1, groups=CELLS)
        image = functional.avg_pool2d(torch.relu(convolved), 2)
    return image.sum()


def folded(weights: list[Tensor], x: Tensor) -> Tensor:
    """Batched products with the patches as rows."""
    image = x.permute(0, 1, 3, 4, 2)
    for weight in weights:
        side, fan_in = image.shape[2], 9 * image.shape[4]
        padded = functional.pad(image, (0, 0, 1, 1, 1, 1))
        shifts = [padded[:, :, i : i + side, j : j + side] for i in range(3) for j in range(3)]
        rows = torch.cat(shifts, -1).reshape(CELLS, BATCH * side * side, fan_in)
        out = torch.relu(torch.bmm(rows, weight.permute(0, 3, 4, 2, 1).reshape(CELLS, fan_in, -1)))
        image = out.view(CELLS, BATCH, side // 2, 2, side // 2, 2, -1).mean((3, 5))
    return image.sum()


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call: the median of five."""
    work()
    times = []
    for _ in range(5):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return float(np.median(times))


def main() -> None:
    """Print GFLOP/s for three image sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="eager alone, small images")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    ways = {
        "loop": looped(torch.contiguous_format),
        "loop, channels last": looped(torch.channels_last),
        "grouped": grouped,
        "folded": folded,
    }
    for channels, side, widths in ((1, 8, (16, 32)), (1, 28, (16, 32)), (3, 32, (32, 64)))[: 1 if quick else 3]:
        sizes = (channels, *widths)
        x = torch.randn(CELLS, BATCH, channels, side, side)
        weights = [torch.randn(CELLS, b, a, 3, 3) for a, b in itertools.pairwise(sizes)]
        products = [9 * a * b * (side // 2**k) ** 2 for k, (a, b) in enumerate(itertools.pairwise(sizes))]
        flops = CELLS * BATCH * (6 * sum(products) - 2 * products[0])
        print(f"{channels} x {side} x {side}, channels {widths}")
        for name, way in ways.items():
            gradient = torch.func.grad(way)
            speeds = [seconds(lambda g=gradient, w=weights, i=x: g(w, i))]  # type: ignore[misc]
            if name in ("grouped", "folded") and not quick:
                fused = torch.compile(gradient, fullgraph=True, dynamic=False)
                speeds.append(seconds(lambda g=fused, w=weights, i=x: g(w, i)))  # type: ignore[misc]
            print(f"  {name:20s}", "  ".join(f"{flops / s / 1e9:6.1f}" for s in speeds))


if __name__ == "__main__":
    main()
