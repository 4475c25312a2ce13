"""Counter-based random numbers: every draw is a function of (key, counter), never of what was drawn before.

A *stream* is named by (seed, purpose, ...), hashed to a 64-bit key. Counters name the position in it. So a draw
does not depend on the batch size, on the device, or on which networks are trained beside it.

Generator: Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
SC 2011). The same functions serve NumPy arrays and torch tensors of dtype int32: both wrap around on overflow.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


def stream_key(seed: int, purpose: str, *parts: Any) -> np.ndarray:
    """The 64-bit key of a named stream, as two int32; `parts` is anything that JSON can hold."""
    name = json.dumps([seed, purpose, *parts], sort_keys=True)
    return np.frombuffer(hashlib.sha256(name.encode()).digest()[:8], dtype="<i4").astype(np.int32)


def rotate_left(x: Any, by: int) -> Any:
    """Rotate 32-bit words left; the mask undoes the sign extension of int32's arithmetic shift."""
    return (x << by) | ((x >> (32 - by)) & ((1 << by) - 1))


def threefry2x32(key: tuple[Any, Any], counter: tuple[Any, Any]) -> tuple[Any, Any]:
    """Two int32 random words for each counter (c0, c1) under key (k0, k1); arguments broadcast.

    Checked against the known-answer vectors that the authors publish with Random123.
    """
    schedule = (key[0], key[1], key[0] ^ key[1] ^ PARITY)
    x0, x1 = counter[0] + schedule[0], counter[1] + schedule[1]
    for block in range(5):
        for rotation in ROTATIONS[block % 2]:
            x0 = x0 + x1
            x1 = rotate_left(x1, rotation) ^ x0
        x0 = x0 + schedule[(block + 1) % 3]
        x1 = x1 + (schedule[(block + 2) % 3] + (block + 1))
    return x0, x1


def words(key: np.ndarray, n: int, row: np.ndarray | int = 0) -> np.ndarray:
    """The first `n` words of rows of streams: key (..., 2) and row (...) → uint32, shape (..., n)."""
    key, row = key[..., None, :], np.asarray(row, dtype=np.int32)[..., None]
    half = np.arange((n + 1) // 2, dtype=np.int32)
    x0, x1 = threefry2x32((key[..., 0], key[..., 1]), (row, half))
    return np.concatenate([x0, x1], axis=-1)[..., :n].view(np.uint32)


def uniforms(key: np.ndarray, n: int, row: int = 0) -> np.ndarray:
    """`n` float64 values uniform on (0, 1), centred on a grid of 2⁻³²: shape (n,)."""
    return (words(key, n, row) + 0.5) * 2.0**-32


def normals(key: np.ndarray, n: int) -> np.ndarray:
    """`n` standard normal float64 values by Box and Muller's transform: shape (n,)."""
    radius = np.sqrt(-2 * np.log(uniforms(key, n, row=0)))
    return radius * np.cos(2 * np.pi * uniforms(key, n, row=1))


def permutation(key: np.ndarray, n: int, row: np.ndarray | int = 0) -> np.ndarray:
    """Random permutations of 0..n−1, one for each stream and row as in `words`: int64, shape (..., n).

    Indices sorted by a random word each; the index breaks ties, so the order is the same on every machine.
    """
    packed = (words(key, n, row).astype(np.uint64) << np.uint64(32)) | np.arange(n, dtype=np.uint64)
    return (np.sort(packed, axis=-1) & np.uint64(0xFFFFFFFF)).astype(np.int64)


def unit_floats(bits: Any) -> Any:
    """Torch int32 words → float32 uniform on [0, 1), on a grid of 2⁻²⁴."""
    return ((bits >> 8) & 0xFFFFFF).float() * 2.0**-24


def open_floats(bits: Any) -> Any:
    """Torch int32 words → float32 uniform on (0, 1): the middles of 2²³ cells, exact and symmetric about ½."""
    return (((bits >> 9) & 0x7FFFFF).float() + 0.5) * 2.0**-23
