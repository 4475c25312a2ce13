"""The size of published drawings, so that a page can keep room for them."""

from __future__ import annotations

import re
import struct

from almostnothing.errors import UserError

SIZE = re.compile(r'<svg[^>]*\swidth="([\d.]+)pt"\sheight="([\d.]+)pt"')


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
