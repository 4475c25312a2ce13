"""Stacked networks: E networks of one architecture as one module, every tensor with a leading `cell` axis."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from almostnothing import streams

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "identity": nn.Identity,
}


class StackedMLP(nn.Module):
    """E fully connected networks of one shape; a single network is a stack of one.

    `sizes` are the layer sizes (inputs, hidden, ..., classes): a depth-L network has L−1 hidden layers and L weight
    layers. Weights have shape (cell, in, out), biases (cell, 1, out).
    """

    def __init__(self, cells: int, sizes: Sequence[int], activation: str) -> None:
        super().__init__()
        self.sizes, self.activation = tuple(sizes), activation
        self.act: Callable[[Tensor], Tensor] = ACTIVATIONS[activation]()
        pairs = list(itertools.pairwise(sizes))
        self.weights = nn.ParameterList(torch.empty(cells, a, b) for a, b in pairs)
        self.biases = nn.ParameterList(torch.zeros(cells, 1, b) for _, b in pairs)

    def forward(self, x: Float[Tensor, "cell batch pixel"]) -> Float[Tensor, "cell batch label"]:
        """Logits of every network on its own batch."""
        layers = list(zip(self.weights, self.biases, strict=True))
        for weight, bias in layers[:-1]:
            x = self.act(torch.baddbmm(bias, x, weight))
        weight, bias = layers[-1]
        return torch.baddbmm(bias, x, weight)

    def initialise(self, keys: Sequence[np.ndarray]) -> None:
        """Draw weights of variance 2 / fan-in (He et al. 2015) for each network from its own stream; biases 0."""
        fans = [a for a, _ in zip(self.sizes[:-1], self.sizes[1:], strict=True)]
        counts = [w[0].numel() for w in self.weights]
        for cell, key in enumerate(keys):
            draws = np.split(streams.normals(key, sum(counts)), np.cumsum(counts)[:-1])
            for weight, values, fan in zip(self.weights, draws, fans, strict=True):
                scaled = torch.from_numpy((values * np.sqrt(2 / fan)).astype(np.float32))
                weight.data[cell] = scaled.view(weight.shape[1:]).to(weight.device)

    def __len__(self) -> int:
        """E, the number of networks."""
        return self.weights[0].shape[0]

    def __getitem__(self, index: int) -> nn.Sequential:
        """Network `index` as a plain module of its own, with copies of the weights: (batch, pixel) → logits."""
        layers: list[nn.Module] = []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            linear = nn.Linear(weight.shape[1], weight.shape[2])
            linear.weight.data = weight.data[index].T.clone()
            linear.bias.data = bias.data[index, 0].clone()
            layers += [linear, ACTIVATIONS[self.activation]()]
        return nn.Sequential(*layers[:-1])


def tensors(network: nn.Sequential) -> dict[str, Tensor]:
    """Weights of a plain network, named as in its state dict, ready for a safetensors file."""
    return {name: value.contiguous() for name, value in network.state_dict().items()}
