"""Bundles of the play pages: a few test images, class means and a small trained network as one script file each.

A page that is opened from `file://` may load scripts, but read no other file: so a bundle is JSON with its arrays in
base64, given to a variable that all bundles share. `site/_static/play/almost.js` reads it as this module does.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from almostnothing.files import write_atomic

SCRIPTS = Path("site/_static/play")
HEAD = "(globalThis.AlmostNothingData ??= {})[{name}] = "
MOST_WEIGHT, MOST_MEAN = 2**15 - 1, 2**16 - 1  # the integers that stand for the largest weight, and for a mean of 1


def write(folder: Path, name: str, content: dict[str, Any]) -> None:
    """Write a bundle as a script: arrays in base64, one key a line."""
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in content.items())
    text = f"{HEAD.replace('{name}', json.dumps(name))}{{\n{lines}\n}};\n"
    write_atomic(folder / f"{name}.js", text.encode())


def read(folder: Path, name: str) -> dict[str, Any]:
    """A bundle's content, from its script."""
    text = (folder / f"{name}.js").read_text()
    found: dict[str, Any] = json.loads(text.removeprefix(HEAD.replace("{name}", json.dumps(name))).rstrip().rstrip(";"))
    return found


def packed(values: np.ndarray) -> str:
    """An array's bytes, little-endian, in base64."""
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()


def unpacked(text: str, kind: str) -> np.ndarray:
    """The array whose bytes `packed` wrote, of one dimension."""
    return np.frombuffer(base64.b64decode(text), np.dtype(kind).newbyteorder("<"))


def packed_layer(weight: Float[np.ndarray, "out in"], bias: Float[np.ndarray, " out"]) -> dict[str, Any]:
    """A layer with its weights as 16-bit integers, on a scale for each output."""
    scale = np.abs(weight).max(1) / np.float32(MOST_WEIGHT)
    integers = np.rint(weight / scale[:, None]).astype(np.int16)
    return {"weight": packed(integers), "scale": scale.tolist(), "bias": bias.tolist()}


def layer(found: dict[str, Any]) -> tuple[Float[np.ndarray, "out in"], Float[np.ndarray, " out"]]:
    """The weights, float32, and the bias of a packed layer."""
    bias, scale = np.array(found["bias"], np.float32), np.array(found["scale"], np.float32)
    return unpacked(found["weight"], "i2").reshape(len(bias), -1).astype(np.float32) * scale[:, None], bias


def images(bundle: dict[str, Any]) -> Float[np.ndarray, "image pixel"]:
    """The images, values in [0, 1]."""
    values = unpacked(bundle["images"], "u1").reshape(len(bundle["labels"]), -1)
    return values.astype(np.float32) / np.float32(bundle["levels"])


def means(bundle: dict[str, Any]) -> Float[np.ndarray, "label pixel"]:
    """The class means."""
    return unpacked(bundle["means"], "u2").reshape(len(bundle["names"]), -1).astype(np.float32) / np.float32(MOST_MEAN)


def packed_means(values: np.ndarray) -> str:
    """Values in [0, 1] on a grid of 1/65535."""
    return packed(np.rint(values * MOST_MEAN).astype(np.uint16))


def logits(bundle: dict[str, Any], x: Float[np.ndarray, "image pixel"]) -> Float[np.ndarray, "image label"]:
    """The network's logits, in float64 from the bundle's float32 weights."""
    hidden, out = (layer(one) for one in bundle["network"]["layers"])
    seen = np.asarray(x, np.float64) - bundle["network"]["shift"]
    return np.maximum(seen @ hidden[0].T.astype(np.float64) + hidden[1], 0) @ out[0].T.astype(np.float64) + out[1]


def mean_scores(bundle: dict[str, Any], x: Float[np.ndarray, "image pixel"]) -> Float[np.ndarray, "image label"]:
    """The nearest class mean's scores −|x − mᵢ|²/2, in float64."""
    away = np.asarray(x, np.float64)[:, None] - means(bundle)
    return -(away**2).sum(-1) / 2


def weights_digest(layers: Sequence[tuple[np.ndarray, np.ndarray]], shift: float) -> str:
    """SHA-256 of a network's numbers as float32: of each layer weights and bias, then the shift."""
    arrays = [array for one in layers for array in one] + [np.array([shift])]
    return hashlib.sha256(b"".join(array.astype("<f4").tobytes() for array in arrays)).hexdigest()


def exported_digest(bundle: dict[str, Any]) -> str:
    """`weights_digest` of the network in a bundle."""
    return weights_digest([layer(one) for one in bundle["network"]["layers"]], bundle["network"]["shift"])


def answers(scores: Float[np.ndarray, "image label"]) -> Int[np.ndarray, " image"]:
    """The class that each row of scores chooses."""
    return scores.argmax(1)
