"""What a user's arrays hold besides images as they should be: the likely mistake, in words that help."""

from __future__ import annotations

import numpy as np

from almostnothing.errors import UserError

ROUNDING = 1e-3  # beyond [0, 1] by less than this is rounding, not another scale
SMOOTHER = 1.25  # times less difference between neighbours: then a row's colours lie the other way


def advice(low: float, high: float) -> str:
    """How values from `low` to `high`, the extremes of both splits together, come to lie in [0, 1]."""
    both = "x_train and x_test alike"
    if low >= -ROUNDING and high <= 1 + ROUNDING:
        return f"clip {both} to [0, 1]"
    if low >= 0:
        white = next((white for white in (255, 1023, 4095, 65535) if high in (white, white - 1)), high)
        return f"divide {both} by {white:g}"
    if low >= -1 and high <= 1:
        return f"they seem to run from -1 to 1: take (x + 1) / 2 of {both}"
    if abs(low + high) < 0.1 * (high - low) and high > 100:
        return f"they seem to run from -128 to 127: take (x + 128) / 255 of {both}"
    return (
        f"undo their standardisation, x * sd + mean of each channel, or take (x - {low:g}) / {high - low:g} of {both}"
    )


def check_kinds(where: str, x_train: np.ndarray, x_test: np.ndarray) -> None:
    """Raise `UserError` unless both arrays hold bytes, or both finite floats in [0, 1]."""
    for name, x in (("x_train", x_train), ("x_test", x_test)):
        if x.dtype.kind not in "f" and x.dtype != np.uint8:
            raise UserError(
                f"{where}: {name} must hold bytes or floats in [0, 1], but holds {x.dtype}: {_converted(x)}"
            )
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise UserError(f"{where}: {name} holds values that are not finite (NaN or infinite): remove those images")
    kinds = [x.dtype.kind for x in (x_train, x_test)]
    if kinds[0] != kinds[1]:
        raise UserError(
            f"{where}: x_train holds {x_train.dtype} and x_test {x_test.dtype}, different types: save both as bytes, "
            "or both as floats in [0, 1]"
        )
    if kinds[0] == "f":
        low, high = (float(of([of(x_train), of(x_test)])) for of in (np.min, np.max))
        for name, x in (("x_train", x_train), ("x_test", x_test)):
            if x.min() < 0 or x.max() > 1:
                raise UserError(
                    f"{where}: {name} holds values outside [0, 1], from {x.min():g} to {x.max():g}: {advice(low, high)}"
                )


def _converted(x: np.ndarray) -> str:
    """What to do with numbers that are neither bytes nor floats."""
    if x.dtype.kind == "b":
        return "take .astype(np.float32)"
    if x.dtype.kind not in "iu":
        return "save real numbers"
    low, high = int(x.min()), int(x.max())
    if low >= 0 and 1 < high <= 255:
        return "they fit into bytes, take .astype(np.uint8)"
    return f"they run from {low} to {high}, {advice(low, high)}"


def check_colours(where: str, x: np.ndarray) -> None:
    """Raise `UserError` where rows x, (n, 3·s·s), look like colour images whose three colours lie side by side.

    Rows are taken for three planes, red, green and blue (CIFAR-10's order). Neighbouring pixels of photographs are
    alike, those of one that is read the wrong way are not.
    """
    side = round(np.sqrt(x.shape[1] / 3))
    if side < 2:
        return
    some = x[:256].astype(np.float64)
    planes = _unevenness(some.reshape(-1, 3, side, side))
    beside = _unevenness(some.reshape(-1, side, side, 3).transpose(0, 3, 1, 2))
    if planes > SMOOTHER * beside:
        raise UserError(
            f"{where}: its rows look like images whose red, green and blue stand beside each other in every pixel, but "
            f"a row is read as three planes of {side}x{side}: save the shape (n, {side}, {side}, 3) instead"
        )


def _unevenness(images: np.ndarray) -> float:
    """Mean difference between neighbours, of images (n, C, H, W)."""
    return float(np.abs(np.diff(images, axis=2)).mean() + np.abs(np.diff(images, axis=3)).mean())


def labels_of(where: str, y: np.ndarray, count: int) -> np.ndarray:
    """Labels of `count` images as int64, from whole numbers (n,), a column (n, 1), or one-hot rows (n, K).

    Raises `UserError` for other numbers, for names, and for a label that no set of `count` images can have.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    elif y.ndim == 2 and y.dtype.kind in "iufb" and len(y) == count:
        if not (((y == 0) | (y == 1)).all() and (y.sum(1) == 1).all()):
            raise UserError(f"{where} has shape {y.shape}, but its rows are not one-hot: save a whole number an image")
        y = y.argmax(1)
    if y.dtype.kind in "US":
        raise UserError(f"{where} holds names: save whole numbers, np.unique(names, return_inverse=True)[1]")
    whole = y.dtype.kind in "iub" or (y.dtype.kind == "f" and bool(np.isfinite(y).all() and (y == np.rint(y)).all()))
    if y.shape != (count,) or not whole:
        raise UserError(
            f"{where} must hold {count} integers, one for each image, but holds {y.dtype} of shape {y.shape}"
        )
    if count and int(y.max()) >= max(count, 2):
        raise UserError(
            f"{where} holds the label {int(y.max())}, but only {count} images: labels are the whole numbers from 0 to "
            "the number of classes less one, np.unique(labels, return_inverse=True)[1]"
        )
    return y.astype(np.int64)
