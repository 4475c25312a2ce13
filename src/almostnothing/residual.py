"""Residual networks for images: plain modules of torch, one network each.

Stacks (`networks`) hold many small networks; one of these fills a device alone, and has batch normalisation, whose
statistics are of its own batches. All take images as rows, (image, pixel), as stacks do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from almostnothing import networks, streams
from almostnothing.cells import ResidualCell
from almostnothing.code import Choices
from almostnothing.data.datasets import Dataset

LOGIT_SCALE = 0.125  # of ResNet-9's last layer (Page 2018): without it the first steps are too large


def convolution(fan_in: int, fan_out: int, stride: int = 1, side: int = 3) -> nn.Conv2d:
    """A convolution without bias that keeps the image's side, or divides it by the stride."""
    return nn.Conv2d(fan_in, fan_out, side, stride, padding=side // 2, bias=False)


def normalised(channels: int) -> list[nn.Module]:
    """Batch normalisation, then a rectifier."""
    return [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


class WideBlock(nn.Module):
    """A block of a wide residual network: x + conv(drop(relu(bn(conv(relu(bn(x))))))).

    Where the number of channels or the side changes, x passes through a 1×1 convolution, after the block's first
    normalisation and rectifier (as the authors' code has it).
    """

    def __init__(self, fan_in: int, fan_out: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Sequential(*normalised(fan_in))
        dropped = [nn.Dropout(dropout)] if dropout else []
        self.rest = nn.Sequential(
            convolution(fan_in, fan_out, stride), *normalised(fan_out), *dropped, convolution(fan_out, fan_out)
        )
        same = fan_in == fan_out and stride == 1
        self.shortcut = None if same else convolution(fan_in, fan_out, stride, side=1)

    def forward(self, x: Float[Tensor, "image in side side"]) -> Float[Tensor, "image out half half"]:
        """The block's output."""
        seen = self.first(x)
        return self.rest(seen) + (x if self.shortcut is None else self.shortcut(seen))


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        self.rest = nn.Sequential(*modules)

    def forward(self, x: Tensor) -> Tensor:
        """The sum."""
        return x + self.rest(x)


class GlobalMaximum(nn.Module):
    """The largest value of each channel."""

    def forward(self, x: Float[Tensor, "image channel side side"]) -> Float[Tensor, "image channel"]:
        """Maximum over places."""
        return x.amax((2, 3))


class GlobalMean(nn.Module):
    """The mean of each channel."""

    def forward(self, x: Float[Tensor, "image channel side side"]) -> Float[Tensor, "image channel"]:
        """Mean over places."""
        return x.mean((2, 3))


class Scale(nn.Module):
    """A constant factor."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        """Every element times the factor."""
        return self.by * x


def wide_resnet(cell: ResidualCell) -> list[nn.Module]:
    """WRN-`depth`-`width` (Zagoruyko and Komodakis 2016): three groups of (depth − 4)/6 blocks, widened by `width`."""
    channels, *_ = cell.source.facts.shape
    blocks = (cell.depth - 4) // 6
    found: list[nn.Module] = [convolution(channels, 16)]
    before = 16
    for base, stride in ((16, 1), (32, 2), (64, 2)):
        after = base * cell.width
        for number in range(blocks):
            found.append(WideBlock(before, after, stride if number == 0 else 1, cell.dropout))
            before = after
    return [*found, *normalised(before), GlobalMean(), nn.Linear(before, cell.source.facts.classes)]


def resnet9(cell: ResidualCell) -> list[nn.Module]:
    """ResNet-9 (Page, "How to train your ResNet", 2018), whose first convolution has `width` channels (his: 64)."""
    channels, *_ = cell.source.facts.shape
    c = cell.width

    def unit(fan_in: int, fan_out: int, pooled: bool = False) -> list[nn.Module]:
        return [convolution(fan_in, fan_out), *normalised(fan_out), *([nn.MaxPool2d(2)] if pooled else [])]

    return [
        *unit(channels, c),
        *unit(c, 2 * c, pooled=True),
        Residual(*unit(2 * c, 2 * c), *unit(2 * c, 2 * c)),
        *unit(2 * c, 4 * c, pooled=True),
        *unit(4 * c, 8 * c, pooled=True),
        Residual(*unit(8 * c, 8 * c), *unit(8 * c, 8 * c)),
        GlobalMaximum(),
        nn.Linear(8 * c, cell.source.facts.classes, bias=False),
        Scale(LOGIT_SCALE),
    ]


FAMILIES: Choices = {"wrn": wide_resnet, "resnet9": resnet9}


def network(cell: ResidualCell, shift: float = 0.0) -> nn.Sequential:
    """A cell's network, with torch's initial weights: (image, pixel) → logits; `shift` is taken from every pixel."""
    first = [networks.Shift(torch.tensor(shift)), nn.Unflatten(1, cell.source.facts.shape)]
    made = nn.Sequential(*first, *FAMILIES[cell.family](cell))
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def initialised(cell: ResidualCell, dataset: Dataset) -> nn.Sequential:
    """A cell's network as its training begins: weights from its stream, of variance 2 / fan-in (He et al. 2015).

    The last layer's have variance 1 / fan-in. Biases are 0, scales of batch normalisation 1.
    """
    made = network(cell, networks.centre(cell, dataset))
    weighted = [part for part in made.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    counts = [part.weight.numel() for part in weighted]
    draws = np.split(streams.normals(networks.initial_key(cell), sum(counts)), np.cumsum(counts)[:-1])
    for part, values in zip(weighted, draws, strict=True):
        gain = 1.0 if isinstance(part, nn.Linear) else 2.0
        scaled = values * math.sqrt(gain / part.weight[0].numel())
        part.weight.data.copy_(torch.from_numpy(scaled.astype(np.float32)).view(part.weight.shape))
        if part.bias is not None:
            part.bias.data.zero_()
    return made


def restored(cell: ResidualCell, weights: dict[str, Tensor]) -> nn.Sequential:
    """A trained network from its stored weights, ready to be asked."""
    made = network(cell)
    made.load_state_dict(weights)
    return made.eval()


@contextmanager
def products(cell: ResidualCell) -> Iterator[None]:
    """Let products, those of convolutions among them, use tensor-float-32 where the cell says so, and nowhere else.

    Convolutions on a GPU are those that give equal bits each time.
    """
    library, matrices = torch.backends.cudnn, torch.get_float32_matmul_precision()
    before = library.allow_tf32, library.deterministic
    library.allow_tf32, library.deterministic = cell.precision == "tf32", True
    torch.set_float32_matmul_precision("high" if cell.precision == "tf32" else "highest")
    try:
        yield
    finally:
        library.allow_tf32, library.deterministic = before
        torch.set_float32_matmul_precision(matrices)


def cast(cell: ResidualCell, device: torch.device) -> AbstractContextManager[Any]:
    """Products in bfloat16 where the cell says so."""
    return torch.autocast(device.type, torch.bfloat16) if cell.precision == "bf16" else nullcontext()


@torch.no_grad()
def active_shares(made: nn.Module, batches: Iterable[Float[Tensor, "image pixel"]]) -> list[float]:
    """Of each rectifier the share of channels whose output is not the same at all places of all images."""
    found: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def ends(part: nn.Module, _: tuple[Tensor, ...], out: Tensor) -> None:
        low, high = out.amin((0, 2, 3)), out.amax((0, 2, 3))
        if part in found:
            low, high = torch.minimum(low, found[part][0]), torch.maximum(high, found[part][1])
        found[part] = low, high

    hooks = [part.register_forward_hook(ends) for part in made.modules() if isinstance(part, nn.ReLU)]
    for x in batches:
        made(x)
    for hook in hooks:
        hook.remove()
    return [float((high > low).double().mean()) for low, high in found.values()]
