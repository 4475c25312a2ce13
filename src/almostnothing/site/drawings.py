"""Published drawings as the site shows them: their size, and letters of the size that they were drawn with.

Numbers of a published SVG are rounded to two places, also the 1/64 by which Matplotlib scales the outlines of letters:
these come out larger than their distances, and run into each other. The site shows them with 1/64.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from almostnothing.errors import UserError

ROUNDED, EXACT = 'transform="scale(0.02)"', 'transform="scale(0.015625)"'  # of the outlines of letters
SIZE = re.compile(r'<svg[^>]*\swidth="([\d.]+)pt"\sheight="([\d.]+)pt"')


def with_exact_letters(drawing: str) -> str:
    """An SVG whose letters have the size that they were drawn with."""
    return drawing.replace(ROUNDED, EXACT)


def size(content: bytes) -> tuple[int, int]:
    """Width and height of an SVG in points, or of a PNG in pixels, so that a page can keep room for it.

    Raises `UserError` for an SVG that does not say them.
    """
    if content[1:4] == b"PNG":
        return struct.unpack(">II", content[16:24])
    found = SIZE.search(content[:2000].decode())
    if not found:
        raise UserError("a published SVG does not say its size in points")
    return round(float(found[1])), round(float(found[2]))


def copy(file: Path, to: Path) -> None:
    """Copy a published file; of an SVG the letters are mended."""
    content = file.read_bytes()
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(with_exact_letters(content.decode()).encode() if file.suffix == ".svg" else content)
