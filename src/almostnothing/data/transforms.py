"""What is done to images before anything else: smaller, of lower rank, or with exchanged places."""

from __future__ import annotations

import numpy as np

from almostnothing import streams
from almostnothing.data.sources import Source


def downsampled(images: np.ndarray, shape: tuple[int, int, int], factor: int) -> np.ndarray:
    """Images (n, C·H·W) of `shape` (C, H, W) with each block of factor x factor pixels made one: shape (n, d).

    Floats are averaged; integers are summed, so that nothing is rounded: their levels are factor² times as many.
    """
    channels, height, width = shape
    blocks = images.reshape(-1, channels, height // factor, factor, width // factor, factor)
    if images.dtype.kind == "f":
        return blocks.mean((3, 5)).reshape(len(images), -1)
    kind = np.int16 if 255 * factor**2 < 2**15 else np.int32
    return blocks.sum((3, 5), dtype=kind).reshape(len(images), -1)


def permuted(images: np.ndarray, source: Source) -> np.ndarray:
    """Images (n, C·H·W) whose H·W places are exchanged by the permutation of `source`: shape (n, d)."""
    channels, height, width = source.facts.shape
    key = streams.stream_key(source.permutation or 0, "pixel permutation", height, width)
    order = streams.permutation(key, height * width)
    return images.reshape(len(images), channels, -1)[:, :, order].reshape(len(images), -1)


def projected(train: np.ndarray, test: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Both splits, shape (n, d), projected onto the first `rank` principal components of `train`; float32.

    Still images of d pixels, x̄ + PP'(x − x̄), of rank `rank` about the mean; values may lie outside [0, 1].
    """
    from sklearn.decomposition import PCA

    pca = PCA(rank, svd_solver="covariance_eigh").fit(train)
    first, second = (pca.inverse_transform(pca.transform(x)).astype(np.float32) for x in (train, test))
    return first, second
