"""Class folders of pictures: one listing serves planning, reading and checking."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from almostnothing.errors import UserError

PICTURES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
LITTER = ("__MACOSX", "__pycache__", "@eaDir", "$RECYCLE.BIN", "Thumbs.db", "desktop.ini")  # besides hidden ones
NAMED = 3  # files that a remark names


@dataclass(frozen=True)
class Listing:
    """What lies in an image folder: class names, and of both splits the pictures of each class, in order.

    `folders`: every folder that was looked into; one that gains or loses a picture has a new time. `others`: files
    that are left out, litter of editors and systems apart.
    """

    classes: tuple[str, ...]
    train: tuple[tuple[Path, ...], ...]
    test: tuple[tuple[Path, ...], ...]
    folders: tuple[Path, ...]
    others: tuple[Path, ...]

    @property
    def files(self) -> list[Path]:
        """All pictures of both splits, in order."""
        return [file for split in (self.train, self.test) for one in split for file in one]

    def remarks(self) -> list[str]:
        """What a person should know of files that are left out, a sentence each."""
        if not self.others:
            return []
        names = ", ".join(str(file) for file in self.others[:NAMED])
        more = f" and {len(self.others) - NAMED} more" if len(self.others) > NAMED else ""
        return [
            f"left out: {names}{more}; what is read are pictures inside class folders whose names end in "
            f"{', '.join(PICTURES)}"
        ]


def listed(path: Path) -> Listing:
    """The class folders of `path`/train and `path`/val (or test), and their pictures, subfolders and links included.

    Raises `UserError` where they do not exist, hold different classes, are the same, a class has no picture, or a link
    leads nowhere.
    """
    train = path / "train"
    test = path / ("val" if (path / "val").is_dir() else "test")
    for split in (train, test):
        if not split.is_dir():
            raise UserError(f"{split} does not exist: an image folder holds train and val, each with class folders")
    if train.resolve() == test.resolve():
        raise UserError(f"{test} is the same folder as {train}: test images must not be training images")
    folders, others = [path, train, test], []
    classes = []
    for split in (train, test):
        entries = [entry for entry in _entries(split)]
        others += [entry for entry in entries if not entry.is_dir()]
        classes.append([entry.name for entry in entries if entry.is_dir()])
        if not classes[-1]:
            raise UserError(
                f"{split} holds no class folder: put the pictures of each class into a folder of its own, like "
                f"{split / 'cat'}"
            )
    if classes[0] != classes[1]:
        different = sorted(set(classes[0]) ^ set(classes[1]))
        raise UserError(f"{path}: train and val must have the same class folders, but {different[0]} is in one only")
    splits: list[tuple[tuple[Path, ...], ...]] = []
    for split in (train, test):
        found = []
        for name in classes[0]:
            pictures = []
            for folder, files in _walked(split / name, ()):
                folders.append(folder)
                pictures += [file for file in files if file.suffix.lower() in PICTURES]
                others += [file for file in files if file.suffix.lower() not in PICTURES]
            if not pictures:
                raise UserError(
                    f"{split / name} holds no picture: remove the class or add images of it, whose names end in "
                    f"{', '.join(PICTURES)}"
                )
            found.append(tuple(pictures))
        splits.append(tuple(found))
    return Listing(tuple(classes[0]), splits[0], splits[1], tuple(folders), tuple(others))


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted by name, without litter.

    Raises `UserError` where the folder cannot be read, or a link in it leads nowhere.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({error.strerror}): change its permissions") from error
    found = [folder / name for name in names if not name.startswith(".") and name not in LITTER]
    for entry in found:
        if not entry.exists():
            raise UserError(f"{entry} is a link that leads nowhere: remove it, or bring back what it names")
    return found


def _walked(folder: Path, above: tuple[Path, ...]) -> Iterator[tuple[Path, list[Path]]]:
    """A folder and those inside it, with the files of each, in order; links are followed, but not in circles."""
    real = folder.resolve()
    if real in above:
        raise UserError(f"{folder} is a link to a folder that it lies in: remove it")
    entries = _entries(folder)
    yield folder, [entry for entry in entries if not entry.is_dir()]
    for entry in entries:
        if entry.is_dir():
            yield from _walked(entry, (*above, real))
