"""Images as points of a unit sphere: their first principal components, all scaled to one length.

Points of one length can be held against random points of the sphere in as many dimensions, one for one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from almostnothing import streams
from almostnothing.data.datasets import Dataset


@dataclass(frozen=True)
class Directions:
    """A mean image and principal components of the images about it, those of the most variance first."""

    mean: Float[Tensor, " pixel"]
    axes: Float[Tensor, "pixel component"]

    def __call__(self, x: Float[Tensor, "image pixel"], rank: int) -> Float[Tensor, "image rank"]:
        """Images by their first `rank` components, of length 1."""
        found = (x - self.mean) @ self.axes[:, :rank]
        return found / found.norm(dim=1, keepdim=True)


def directions(dataset: Dataset, device: torch.device) -> Directions:
    """Of all training images, in float32. A component's largest entry is positive: its sign is arbitrary otherwise."""
    x = dataset.values(dataset.train).astype(np.float64)
    mean = x.mean(0)
    axes = np.linalg.eigh((x - mean).T @ (x - mean))[1][:, ::-1]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(0)[None], 0)
    ready = (torch.from_numpy(part).float().to(device) for part in (mean, axes * np.sign(largest)))
    return Directions(*ready)


def on_sphere(key: np.ndarray, points: int, dimensions: int) -> Float[np.ndarray, "point dimension"]:
    """Points uniformly on the unit sphere, in float64."""
    x = streams.normals(key, points * dimensions).reshape(points, dimensions)
    found: Float[np.ndarray, "point dimension"] = x / np.linalg.norm(x, axis=1, keepdims=True)
    return found
