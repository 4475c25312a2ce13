"""Stacked networks: E networks of one architecture as one module, every tensor with a leading `cell` axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from almostnothing import corruptions, streams
from almostnothing.cells import Cell, Layer, key_of, layers, pools
from almostnothing.code import Choices
from almostnothing.data.datasets import Dataset


class Erf(nn.Module):
    """The error function."""

    def forward(self, x: Tensor) -> Tensor:
        """Erf of every element."""
        return torch.erf(x)


class Sine(nn.Module):
    """The sine."""

    def forward(self, x: Tensor) -> Tensor:
        """Sine of every element."""
        return torch.sin(x)


class Shift(nn.Module):
    """A number taken from every pixel; it is kept with the weights."""

    by: Tensor

    def __init__(self, by: Tensor) -> None:
        super().__init__()
        self.register_buffer("by", by)

    def forward(self, x: Tensor) -> Tensor:
        """Every element less the number."""
        return x - self.by


ACTIVATIONS: Choices[type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "erf": Erf,
    "tanh": nn.Tanh,
    "sine": Sine,
    "identity": nn.Identity,
}
RECTIFIERS = ("relu", "leaky_relu", "gelu")  # weight variance 2 / fan-in (He et al. 2015), else 1 / fan-in
PRECISIONS = {"float32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}


class Stack(nn.Module):
    """E networks of one architecture; a single network is a stack of one.

    A layer is a batched product of shape (cell, in, out) with a bias of shape (cell, 1, out). With the `standard`
    parametrisation it is xW + b, W of variance g² s² / fan-in; with `ntk` it is g s xW / √fan-in + b, W of
    variance 1 (Jacot et al. 2018): equal outputs at initialisation, other dynamics. g² is 2 for rectifiers and
    1 otherwise, s the initialisation scale; biases start at 0.
    """

    def __init__(self, cell: Cell, count: int) -> None:
        super().__init__()
        self.cell, self.shape = cell, cell.source.facts.shape
        self.layers: list[Layer] = layers(cell)
        self.shift = Shift(torch.zeros(count, 1, 1))
        self.activation: nn.Module = ACTIVATIONS[cell.activation]()
        self.dtype = PRECISIONS[cell.precision]
        gain = cell.init_scale * (math.sqrt(2) if cell.activation in RECTIFIERS else 1.0)
        scales = [gain / math.sqrt(layer.fan_in) for layer in self.layers]
        ntk = cell.parametrisation == "ntk"
        self.spread = [1.0 if ntk else scale for scale in scales]
        self.factor = [scale if ntk else 1.0 for scale in scales]
        self.weights = nn.ParameterList(torch.zeros(count, layer.fan_in, layer.fan_out) for layer in self.layers)
        self.biases = nn.ParameterList(torch.zeros(count, 1, layer.fan_out) for layer in self.layers if cell.bias)

    def parts(self) -> list[Tensor]:
        """The tensors that are trained: weights of each layer, then biases."""
        return [p.data for p in (*self.weights, *self.biases)]

    def forward(self, x: Float[Tensor, "cell batch pixel"]) -> Float[Tensor, "cell batch label"]:
        """Logits of every network on its own batch."""
        return self.compute([*self.weights, *self.biases], x)

    def compute(
        self, parts: Sequence[Tensor], x: Float[Tensor, "cell batch pixel"]
    ) -> Float[Tensor, "cell batch label"]:
        """Logits as a pure function of the trained tensors, ordered as in `parts`."""
        raise NotImplementedError

    def hidden(self, parts: Sequence[Tensor], x: Float[Tensor, "cell batch pixel"]) -> list[Tensor]:
        """What each hidden layer makes of its inputs."""
        raise NotImplementedError

    def product(self, parts: Sequence[Tensor], index: int, x: Float[Tensor, "cell row in"]) -> Tensor:
        """Layer `index` on rows, in the precision of the cell: (cell, row, out)."""
        weight, x = parts[index].to(self.dtype), x.to(self.dtype)
        if not self.cell.bias:
            return torch.bmm(x, weight) * self.factor[index]
        bias = parts[len(self.layers) + index].to(self.dtype)
        return torch.baddbmm(bias, x, weight, alpha=self.factor[index])

    def initial(self, key: np.ndarray, readout_scale: float = 1.0) -> list[Tensor]:
        """Initial tensors of one network from its stream, ordered as `parts`, without the cell axis."""
        counts = [layer.fan_in * layer.fan_out for layer in self.layers]
        draws = np.split(streams.normals(key, sum(counts)), np.cumsum(counts)[:-1])
        spreads = [*self.spread[:-1], self.spread[-1] * readout_scale]
        weights = [
            torch.from_numpy((values * spread).astype(np.float32)).view(layer.fan_in, layer.fan_out)
            for values, spread, layer in zip(draws, spreads, self.layers, strict=True)
        ]
        return weights + [torch.zeros(1, layer.fan_out) for layer in self.layers if self.cell.bias]

    def put(self, index: int, tensors: Sequence[Tensor], shift: float = 0.0) -> None:
        """Make network `index` the one with these tensors, ordered as `parts`, that takes `shift` from every pixel."""
        self.shift.by[index] = shift
        for part, tensor in zip(self.parts(), tensors, strict=True):
            part[index] = tensor

    def select(self, indices: Sequence[int]) -> Stack:
        """A new stack of copies of some of the networks."""
        chosen = type(self)(self.cell, len(indices)).to(self.weights[0].device)
        for new, old in zip((chosen.shift.by, *chosen.parts()), (self.shift.by, *self.parts()), strict=True):
            new.copy_(old[list(indices)])
        return chosen

    def __len__(self) -> int:
        """E, the number of networks."""
        return self.weights[0].shape[0]

    def effective(self, index: int, layer: int) -> tuple[Tensor, Tensor]:
        """Weight (in, out) and bias (out) of one network's layer as the standard parametrisation writes them."""
        weight = self.weights[layer].data[index] * self.factor[layer]
        bias = self.biases[layer].data[index, 0] if self.cell.bias else weight.new_zeros(weight.shape[1])
        return weight.clone(), bias.clone()

    def take(self, index: int, weights: dict[str, Tensor]) -> None:
        """Make network `index` the plain one with this state dict: the inverse of taking it out."""
        ordered = sorted(weights.items(), key=lambda item: int(item[0].split(".")[0]))
        self.shift.by[index] = weights.get("0.by", 0.0)
        kernels = [value for name, value in ordered if name.endswith("weight")]
        biases = [value for name, value in ordered if name.endswith("bias")]
        for part, factor, kernel in zip(self.weights, self.factor, kernels, strict=True):
            matrix = kernel.permute(2, 3, 1, 0).flatten(0, 2) if kernel.ndim == 4 else kernel.T
            part.data[index] = matrix / factor
        for part, bias in zip(self.biases, biases, strict=True):
            part.data[index, 0] = bias

    def shifted(self, index: int) -> list[nn.Module]:
        """The first module of one network: its shift, if it has one."""
        by = self.shift.by[index, 0, 0]
        return [Shift(by.clone())] if by else []

    def dense(self, index: int, layer: int) -> nn.Linear:
        """A dense layer of one network as a plain module."""
        weight, bias = self.effective(index, layer)
        linear = nn.Linear(weight.shape[0], weight.shape[1], bias=self.cell.bias)
        linear.weight.data = weight.T.contiguous()
        if self.cell.bias:
            linear.bias.data = bias
        return linear

    def __getitem__(self, index: int) -> nn.Sequential:
        """Network `index` as a plain float32 module of its own, with copies of the weights: (batch, pixel) → logits."""
        raise NotImplementedError


class MLPStack(Stack):
    """E fully connected networks: a depth-L network has L−1 hidden layers and L weight layers."""

    def compute(
        self, parts: Sequence[Tensor], x: Float[Tensor, "cell batch pixel"]
    ) -> Float[Tensor, "cell batch label"]:
        """Logits as a pure function of the trained tensors."""
        last = [self.shift(x), *self.hidden(parts, x)][-1]
        return self.product(parts, len(self.layers) - 1, last).float()

    def hidden(self, parts: Sequence[Tensor], x: Float[Tensor, "cell batch pixel"]) -> list[Tensor]:
        """What the units of each hidden layer make of their inputs: (cell, batch, unit)."""
        found, x = [], self.shift(x)
        for index in range(len(self.layers) - 1):
            x = self.activation(self.product(parts, index, x))
            found.append(x)
        return found

    def __getitem__(self, index: int) -> nn.Sequential:
        """Network `index` as a plain module."""
        modules = self.shifted(index)
        for layer in range(len(self.layers)):
            modules += [self.dense(index, layer), ACTIVATIONS[self.cell.activation]()]
        return nn.Sequential(*modules[:-1])


class CNNStack(Stack):
    """E convolutional networks: L−1 convolutions of 3×3 with average pooling, then a dense layer (see `cells.layers`).

    All networks are groups of one convolution: of the ways to stack it, the one that benchmarks/convolutions.py finds
    fastest. Weights have shape (cell, 9 × channel, out): places of the 3×3 patch, then channels.
    """

    def compute(
        self, parts: Sequence[Tensor], x: Float[Tensor, "cell batch pixel"]
    ) -> Float[Tensor, "cell batch label"]:
        """Logits as a pure function of the trained tensors."""
        cells, batch, _ = x.shape
        if cells == 1:  # a convolution of one group is rounded differently: be a stack of two
            return self.compute([part.expand(2, -1, -1) for part in parts], x.expand(2, -1, -1))[:1]
        image = [self.image(x), *self.hidden(parts, x)][-1]
        if len(self.layers) > 1 and pools(self.layers[-2].side):
            image = functional.avg_pool2d(image, 2)
        flat = image.reshape(batch, cells, -1).transpose(0, 1)
        return self.product(parts, len(self.layers) - 1, flat).float()

    def image(self, x: Float[Tensor, "cell batch pixel"]) -> Tensor:
        """Shifted inputs as images of one convolution: (batch, cell × channel, side, side)."""
        cells, batch, _ = x.shape
        x = self.shift(x)
        return x.view(cells, batch, *self.shape).transpose(0, 1).reshape(batch, -1, *self.shape[1:]).to(self.dtype)

    def hidden(self, parts: Sequence[Tensor], x: Float[Tensor, "cell batch pixel"]) -> list[Tensor]:
        """What each convolution makes of its inputs, before pooling: (batch, cell × channel, side, side)."""
        found: list[Tensor] = []
        cells, image = len(x), self.image(x)
        for index, layer in enumerate(self.layers[:-1]):
            if index and pools(self.layers[index - 1].side):
                image = functional.avg_pool2d(image, 2)
            kernel = parts[index].view(cells, 3, 3, -1, layer.fan_out).permute(0, 4, 3, 1, 2).flatten(0, 1)
            bias = parts[len(self.layers) + index].flatten().to(self.dtype) if self.cell.bias else None
            kernel = (kernel * self.factor[index]).to(self.dtype)
            image = self.activation(functional.conv2d(image, kernel, bias, padding=1, groups=cells))
            found.append(image)
        return found

    def __getitem__(self, index: int) -> nn.Sequential:
        """Network `index` as a plain module."""
        modules = self.shifted(index)
        modules.append(nn.Unflatten(1, self.shape))
        for number, layer in enumerate(self.layers[:-1]):
            weight, bias = self.effective(index, number)
            channels = layer.fan_in // 9
            convolution = nn.Conv2d(channels, layer.fan_out, 3, padding=1, bias=self.cell.bias)
            convolution.weight.data = weight.view(3, 3, channels, -1).permute(3, 2, 0, 1).contiguous()
            if convolution.bias is not None:
                convolution.bias.data = bias
            modules += [convolution, ACTIVATIONS[self.cell.activation]()]
            if pools(layer.side):
                modules.append(nn.AvgPool2d(2))
        return nn.Sequential(*modules, nn.Flatten(), self.dense(index, len(self.layers) - 1))


FAMILIES: Choices[type[Stack]] = {"mlp": MLPStack, "cnn": CNNStack}


def centre(cell: Cell, dataset: Dataset) -> float:
    """What a cell's network takes from every pixel: `shift`, and where it is `centred` the mean pixel as it is seen.

    That is E[x̃ᵢ | x] under its law and strength, mean over pixels and all training images, rounded to float32.
    """
    if not cell.centred:
        return cell.shift
    counts, low, high = dataset.pixel_counts
    levels = np.linspace(low, high, len(counts))
    mean = np.average(corruptions.law_of(cell.corruption, dataset).mean(levels, cell.strength), weights=counts)
    return cell.shift + float(np.float32(mean))


def initial_key(cell: Cell) -> np.ndarray:
    """The stream of a cell's initial weights."""
    return key_of(cell, f"initial weights {cell.initialisation}" if cell.initialisation else "initial weights")


def stack(cell: Cell, count: int) -> Stack:
    """`count` networks of a cell's architecture, all zero."""
    return FAMILIES[cell.family](cell, count)
