"""One picture from its file: converted where that has one meaning, refused by name where it has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from almostnothing.errors import UserError

PLAIN = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV")  # 8 bits a value: Pillow's own conversion is meant
TRANSPARENT = ("LA", "PA", "RGBA", "La", "RGBa")
WHITE_16 = 65535  # the largest value of 16 bits, which is 257 times that of 8
SHALLOW = 2  # a set of 16-bit pictures whose values all lie below 1/2 of the largest was not scaled to 16 bits
MOST_PIXELS = 89_478_485  # of one picture: Pillow's own limit, a quarter of a GiB in colour
LONGEST = 50  # times the shorter side


def opened(path: Path) -> Image.Image:
    """A picture of a file, its pixels not read yet.

    Raises `UserError` for what is no picture, is huge, moves, or has no one meaning in 8 bits a colour.
    """
    try:
        picture = Image.open(path)
        frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)  # a telephone's second one is hidden
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(f"{path} has too many pixels: make it smaller; the most are {MOST_PIXELS:,}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UserError(
            f"{path} cannot be read as a picture: it is damaged or truncated, of an unknown kind, or not to be read"
        ) from error
    width, height = picture.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST * min(width, height):
        raise UserError(
            f"{path} has too many pixels, {width}x{height}: make it smaller; the most are {MOST_PIXELS:,}, and a "
            f"longer side {LONGEST} times the shorter one"
        )
    if frames > 1:
        raise UserError(f"{path} holds {frames} pictures: save the one that is meant by itself")
    kind = picture.mode
    if kind == "F" or (kind.startswith("I") and not deep(picture)):
        raise UserError(
            f"{path} holds {'floats' if kind == 'F' else 'whole numbers of 32 bits'}, of which nobody can know what is "
            "white: save it with 8 bits a colour"
        )
    if kind not in (*PLAIN, *TRANSPARENT) and not deep(picture):
        raise UserError(f"{path} has colours of the kind {kind}, which is not read: save it in grey or RGB, of 8 bits")
    return picture


def deep(picture: Image.Image) -> bool:
    """Whether it is grey with 16 bits a pixel."""
    return picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format in ("PNG", "PPM"))


def colour(path: Path) -> tuple[Image.Image, int]:
    """A file's picture in RGB, upright as viewers show it; and its largest value of 16 bits, 0 of other pictures.

    Raises `UserError` as `opened` does, for one that is damaged, and for one that is transparent.
    """
    picture = opened(path)
    try:
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        if deep(picture):
            values = np.asarray(upright).astype(np.int64)
            return Image.fromarray(((values + 128) // 257).astype(np.uint8)).convert("RGB"), int(values.max())
        if picture.mode in TRANSPARENT or "transparency" in picture.info:
            alpha = np.asarray(upright.convert("RGBA"))[..., 3]
            if alpha.min() < 255:
                raise UserError(
                    f"{path} is transparent in {(alpha < 255).mean():.0%} of its pixels: nobody can know what is "
                    "behind it; lay it on a background and save it without alpha"
                )
        return upright.convert("RGB"), 0
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # Pillow raises any of them for damaged pictures
        raise UserError(f"{path} cannot be read as a picture: it is damaged or truncated") from error


def check_depth(path: Path, largest: int) -> None:
    """Raise `UserError` unless 16-bit pictures, of which `path` has the `largest` value, use 16 bits."""
    if 0 < largest < WHITE_16 // SHALLOW:
        bits = largest.bit_length()
        raise UserError(
            f"{path}: no 16-bit picture has a value above {largest} of {WHITE_16}: values of {bits} bits in files of "
            f"16; multiply all of them by {2 ** (16 - bits)}, or save them with 8 bits"
        )
