"""What was understood of a data set, for a person to compare with what was meant: in words, and as a contact sheet."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from almostnothing.data import checks
from almostnothing.data.arrays import Raw, Split
from almostnothing.data.catalogue import CATALOGUE
from almostnothing.data.folders import listed
from almostnothing.data.lookup import IMAGE_SIZE, own_path, source
from almostnothing.data.readers import array_shapes, balanced, cifar10c, whole_imagefolder, whole_npz
from almostnothing.errors import UserError
from almostnothing.files import write_atomic

EACH = (8, 4)  # pictures of a class on the sheet: of training and test images
MOST_CLASSES = 40  # on the sheet
NAMED_CLASSES = 12  # in words
SIDE, LARGEST = 64, 128  # pixels of the sheet that a picture's longer side has, about
TEXT, GAP, INK, PAPER = 14, 4, "black", "white"


def inspected(name: str, folder: Path, image_size: int | None, sheet: Path) -> list[str]:
    """A data set in words, a line each; its contact sheet is written to the file `sheet`, a PNG.

    Raises `UserError` for a data set that is refused, or a sheet that cannot be written.
    """
    if image_size is not None and image_size < 1:
        raise UserError(f"--image-size is {image_size}, but must be at least 1")
    facts = source(name, folder, image_size=image_size).facts  # refuses what cannot be used
    kind, _, rest = name.partition(":")
    whole, layout, own = _whole(name, folder, image_size or IMAGE_SIZE)
    used = balanced(whole) if own else whole
    lines = [f"{name}: {layout}", _shape(whole), *_values(whole), *_classes(whole, used)]
    remarks = [*(checks.balance(whole) if own else []), *checks.remarks(whole)]
    remarks += listed(folder / own_path(rest)).remarks() if kind == "imagefolder" else []
    lines.append(f"training images of the rarest class: {facts.train_per_class}")
    lines += [f"note: {remark}" for remark in remarks] or ["no image is there twice, and none is in both splits"]
    try:
        write_atomic(sheet, contact_sheet(whole))
    except OSError as error:
        raise UserError(f"{sheet} cannot be written ({error.strerror}): name another file by --sheet") from error
    return [*lines, f"pictures with labels: {sheet}"]


def _whole(name: str, folder: Path, size: int) -> tuple[Raw, str, bool]:
    """What a reader finds, before test classes are made equal; how it lies in the files; whether it is a user's own."""
    kind, _, rest = name.partition(":")
    if name in CATALOGUE:
        return CATALOGUE[name].read(folder), "a published set, from its original files", False
    path = folder / own_path(rest)
    if kind == "npz":
        return whole_npz(path), array_shapes(path), True
    if kind == "imagefolder":
        words = f"pictures in class folders, the shorter side made {size} pixels and the centre cut out"
        return whole_imagefolder(path, size), words, True
    return cifar10c(folder, rest), "CIFAR-10 for training, CIFAR-10-C for testing", False


def _shape(raw: Raw) -> str:
    channels, height, width = raw.shape
    colours = "in colour, red first, then green and blue" if channels == 3 else "in grey"
    sizes = f"{len(raw.train.labels)} training and {len(raw.test.labels)} test images"
    return f"{sizes}, {colours}, {height} pixels high and {width} wide, the upper row first"


def _values(raw: Raw) -> list[str]:
    held = "floats" if raw.levels == 1 else f"whole numbers, of which {raw.levels} is white"
    found = [f"pixels: {held}; black is 0"]
    for name, split in (("training", raw.train), ("test", raw.test)):
        low, high, mean = (float(x) / raw.levels for x in (split.images.min(), split.images.max(), split.images.mean()))
        found.append(f"{name} pixels on the scale from 0 to 1: from {low:.3g} to {high:.3g}, mean {mean:.3g}")
    return found


def _classes(raw: Raw, used: Raw) -> list[str]:
    """The classes with their numbers of images, and the baselines."""
    train, test, kept = (np.bincount(s.labels, minlength=len(raw.names)) for s in (raw.train, raw.test, used.test))
    each = [f"{name} {a} + {b}" for name, a, b in zip(raw.names, train, test, strict=True)][:NAMED_CLASSES]
    more = f", and {len(raw.names) - NAMED_CLASSES} more" if len(raw.names) > NAMED_CLASSES else ""
    return [
        f"{len(raw.names)} classes, training + test images: {', '.join(each)}{more}",
        f"chance is {1 / len(raw.names):.3g}; always naming the largest class has {kept.max() / kept.sum():.3g} of the "
        "test images right",
    ]


def contact_sheet(raw: Raw) -> bytes:
    """A PNG with a row for each class: its name, its first training images and, past a gap, its first test images."""
    names = raw.names[:MOST_CLASSES]
    height, width = _shown_size(raw)
    box_height, box_width = height + GAP, width + GAP
    font = ImageFont.load_default(TEXT)
    titles = [f"{number}: {name}" if name != str(number) else name for number, name in enumerate(names)]
    left = GAP + int(max(font.getlength(title) for title in titles)) + 2 * GAP
    top, middle = TEXT + 3 * GAP, left + EACH[0] * box_width + 4 * GAP
    row = max(box_height, TEXT + GAP)
    page = Image.new("RGB", (middle + EACH[1] * box_width, top + row * len(names)), PAPER)
    draw = ImageDraw.Draw(page)
    for title, x in (("training", left), ("test", middle)):
        draw.text((x, GAP), title, INK, font)
    for number, title in enumerate(titles):
        y = top + number * row
        draw.text((GAP, y + (row - TEXT) // 2), title, INK, font)
        for split, x, count in ((raw.train, left, EACH[0]), (raw.test, middle, EACH[1])):
            for place, image in enumerate(_pictures(split, number, raw)[:count]):
                picture = Image.fromarray(image).resize((width, height), Image.Resampling.BOX)
                page.paste(picture, (x + place * box_width, y))
    file = io.BytesIO()
    page.save(file, "PNG")
    return file.getvalue()


def _shown_size(raw: Raw) -> tuple[int, int]:
    """Height and width of a picture on the sheet: small ones a whole number of times larger, large ones smaller."""
    _, height, width = raw.shape
    times = max(1, SIDE // max(height, width)) if max(height, width) <= LARGEST else LARGEST / max(height, width)
    return max(1, round(height * times)), max(1, round(width * times))


def _pictures(split: Split, label: int, raw: Raw) -> np.ndarray:
    """The first images of a class as bytes, shape (n, H, W, 3)."""
    some = split.images[np.flatnonzero(split.labels == label)[: max(EACH)]].reshape(-1, *raw.shape)
    values = np.rint(some.astype(np.float64) * (255 / raw.levels)).clip(0, 255).astype(np.uint8)
    return np.broadcast_to(values, (len(values), 3, *raw.shape[1:])).transpose(0, 2, 3, 1)
