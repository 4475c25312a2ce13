"""A network of finite width, linearised about its start: regression with its own kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from almostnothing import networks
from almostnothing.cells import Cell
from almostnothing.measures.rules import LEAST_RIDGE
from almostnothing.theory import kernels


@dataclass(frozen=True)
class Linearised:
    """A fully connected network without biases, to first order in the change of its weights, in float64.

    With h⁰ = x its layers are z^l = s_l h^{l−1} W^l, h^l = σ(z^l), and its outputs f = z^L; `weights` are W^l, each
    (in, out), and `factors` s_l, as of `networks.Stack`.
    """

    weights: Sequence[Tensor]
    factors: Sequence[float]
    activation: nn.Module

    @classmethod
    def at_start(cls, cell: Cell, device: torch.device) -> Linearised:
        """A cell's network about the weights that it starts from."""
        network = networks.stack(cell, 0)
        weights = network.initial(networks.initial_key(cell), cell.readout_scale)
        return cls([weight.to(device).double() for weight in weights], network.factor, network.activation)

    def layers(self, x: Float[Tensor, "image pixel"]) -> tuple[list[Tensor], list[Tensor]]:
        """h^0 … h^{L−1} and σ'(z^1) … σ'(z^{L−1}), each (image, unit)."""
        values, slopes = [x.double()], []
        for factor, weight in zip(self.factors[:-1], self.weights[:-1], strict=True):
            z = factor * values[-1] @ weight
            found = torch.func.jvp(self.activation, (z,), (torch.ones_like(z),))
            values.append(found[0])
            slopes.append(found[1])
        return values, slopes

    def backwards(self, slopes: Sequence[Tensor], errors: Float[Tensor, "image row label"]) -> list[Tensor]:
        """Σ_c e_c ∂f_c/∂z^l for l = 1 … L, each (image, row, unit); every image has rows of `errors` e of its own."""
        found = [errors]
        for factor, weight, slope in reversed(list(zip(self.factors[1:], self.weights[1:], slopes, strict=True))):
            found.insert(0, factor * (found[0] @ weight.T) * slope[:, None])
        return found

    def gram(self, x: Float[Tensor, "image pixel"]) -> Float[Tensor, "row row"]:
        """Θ̂ of images among themselves; a row is an image and a label, the label running faster.

        Θ̂(x_i, x_j)_{cc'} = ⟨∇f_c(x_i), ∇f_c'(x_j)⟩ over all weights (Jacot et al. 2018): as ∂z^l/∂W^l = s_l h^{l−1},
        it is Σ_l s_l² ⟨h_i^{l−1}, h_j^{l−1}⟩ ⟨∂f_c(x_i)/∂z^l, ∂f_c'(x_j)/∂z^l⟩.
        """
        values, slopes = self.layers(x)
        images, labels = len(x), self.weights[-1].shape[1]
        unit = torch.eye(labels, dtype=torch.float64, device=x.device).expand(images, -1, -1)
        found = values[0].new_zeros(images, labels, images, labels)
        for factor, value, back in zip(self.factors, values, self.backwards(slopes, unit), strict=True):
            flat = back.reshape(images * labels, -1)
            found += (flat @ flat.T).view(found.shape) * (factor**2 * value @ value.T)[:, None, :, None]
        return found.view(images * labels, -1)

    def regression(
        self,
        images: Float[Tensor, "image pixel"],
        targets: Float[Tensor, "image label"],
        points: Float[Tensor, "point pixel"],
        time: float = math.inf,
    ) -> Float[Tensor, "point label"]:
        """Θ̂(z, X) Θ̂(X, X)⁻¹ (1 − exp(−time Θ̂(X, X))) targets at points z.

        With targets one-hot − f₀(X) it is what gradient flow on ½ Σ (f − one-hot)² adds to f₀(z) (Lee et al. 2019): for
        gradient descent on the mean over images, `time` is learning rate × steps / images. Without an end it is
        ridgeless regression, as `rules.regression` of the infinitely wide network. Computed as ⟨∇f(z), Δ⟩, Δ the change
        of the weights: no kernel of the points is made.

        Raises `UserError` where the kernel has no inverse and `time` no end.
        """
        gram, flat = self.gram(images), targets.reshape(-1, 1)
        if math.isinf(time):
            solved = kernels.solve(gram, flat, [LEAST_RIDGE * float(gram.diagonal().mean())])
        else:
            levels, modes = torch.linalg.eigh(gram)
            levels = levels.clamp(min=torch.finfo(levels.dtype).tiny)
            solved = modes @ (-torch.expm1(-time * levels) / levels * (modes.T @ flat)[:, 0])
        values, slopes = self.layers(images)
        backs = self.backwards(slopes, solved.view(len(images), 1, -1))
        scaled = list(zip(self.factors, values, backs, strict=True))
        changes = [factor * value.T @ back[:, 0] for factor, value, back in scaled]
        values, slopes = self.layers(points)
        moved = self.factors[0] * values[0] @ changes[0]
        for layer, slope in enumerate(slopes, start=1):
            moved = self.factors[layer] * ((slope * moved) @ self.weights[layer] + values[layer] @ changes[layer])
        return moved
