"""From a data set's name to its source: planning reads no file of a published set."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from almostnothing import code, sealed
from almostnothing.data import checks
from almostnothing.data.catalogue import CATALOGUE, NAMES
from almostnothing.data.checks import check
from almostnothing.data.folders import listed
from almostnothing.data.readers import (
    CIFAR10C_FOLDER,
    balanced,
    cifar10c,
    cifar10c_files,
    whole_imagefolder,
    whole_npz,
)
from almostnothing.data.sources import Facts, Source, facts_from
from almostnothing.errors import UserError
from almostnothing.files import digest, file_digest

VARIABLE = "ALMOSTNOTHING_DATA"


IMAGE_SIZE = 64  # pixels a side of an image folder's pictures unless a parameter file says otherwise


def cache_folder() -> Path:
    """Where data sets are kept unless a parameter file or the environment says otherwise.

    In the user's cache, or in the project's `results` where the user has no home.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "almostnothing"
    except RuntimeError:
        return Path("results/cache/almostnothing")


def folder(data_root: str | None = None, project: Path | None = None) -> Path:
    """The data folder: that of the variable ALMOSTNOTHING_DATA, else `data_root`, else `cache_folder()`.

    A relative `data_root` is relative to `project`.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return own_path(chosen)
    return (project or Path()) / own_path(data_root) if data_root else cache_folder()


def source(
    name: str,
    folder: Path | None = None,
    *,
    image_size: int | None = None,
    downsample: int = 1,
    pca_rank: int | None = None,
    permutation: int | None = None,
    known: Sequence[Source] = (),
) -> Source:
    """What a parameter file asks for, with its facts; a user's own files are read and checked, once.

    A source in `known` stands in for files that are not at hand.

    Raises `UserError` for an unknown name, a transform that the images do not allow, or files with a defect.
    """
    kind, _, rest = name.partition(":")
    if kind == "imagefolder":
        image_size = image_size or IMAGE_SIZE
    elif image_size is not None:
        raise UserError(f"image_size belongs to imagefolder:PATH, not to {name}")
    if name in CATALOGUE:
        facts = CATALOGUE[name].facts
    elif kind == "cifar10c" or (kind in ("npz", "imagefolder") and rest):
        folder = folder or cache_folder()
        asked = (name, image_size, downsample, pca_rank, permutation)
        same = [one for one in known if asked == one.asked]
        if same and not (folder / ("CIFAR-10-C" if kind == "cifar10c" else own_path(rest))).exists():
            return same[0]
        facts = _own_facts(kind, rest, folder, image_size or 0)
    else:
        raise UserError(f"no data set is called {name!r}: the known ones are {NAMES}")
    channels, height, width = facts.shape
    if height % downsample or width % downsample:
        raise UserError(f"downsample {downsample} does not divide the sides of {name}'s images, {height}x{width}")
    shape = (channels, height // downsample, width // downsample)
    most = min(int(np.prod(shape)), facts.classes * facts.train_per_class)
    if pca_rank is not None and pca_rank > most:
        raise UserError(f"pca_rank {pca_rank} cannot be had from {name}: it is at most {most}")
    return Source(name, replace(facts, shape=shape), image_size, downsample, pca_rank, permutation)


def own_path(path: str) -> Path:
    """A user's path in the name of a data set; a relative one is looked for in the data folder.

    Raises `UserError` for a home (~) that nobody knows.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"{path} begins with a home folder (~) that is not known: write the whole path") from error


def _own_facts(kind: str, rest: str, folder: Path, size: int) -> Facts:
    """The facts of a user's own files, remembered in the cache folder until the files change."""
    return facts_from(_known(kind, rest, folder, size)["facts"])


def remarks(source: Source, folder: Path) -> list[str]:
    """What a person should know of a user's own files that were accepted, a sentence each; of others nothing.

    Raises `UserError` for files with a defect.
    """
    kind, _, rest = source.name.partition(":")
    if source.name in CATALOGUE or not (folder / own_path(rest)).exists():
        return []
    return list(_known(kind, rest, folder, source.image_size or 0)["remarks"])


def _known(kind: str, rest: str, folder: Path, size: int) -> dict[str, Any]:
    """Facts and remarks of a user's own files: read once, and remembered in the cache folder until the files change."""
    files = _files(kind, rest, folder)
    memory = cache_folder() / "facts" / f"{digest([kind, rest, size, stamps(files), readers_digest()])}.sealed"
    known = sealed.read(memory)
    if known is not None:
        return dict(json.loads(known))
    facts, said = _read(kind, rest, files, size, folder)
    found = {"facts": facts.record() | {"arrays": facts.arrays}, "remarks": said}
    with suppress(OSError):  # a home that cannot be written to: the files are read again next time
        sealed.write(memory, json.dumps(found).encode())
    for sentence in said:
        print(f"{kind}:{rest}: {sentence}", file=sys.stderr)
    return found


def _files(kind: str, rest: str, folder: Path) -> list[Path]:
    if kind == "cifar10c":
        return cifar10c_files(folder, rest)[0]
    return [folder / own_path(rest)] if kind == "npz" else listed(folder / own_path(rest)).files


def watched(source: Source, folder: Path) -> list[Path]:
    """What changes when a user's own data set does: its files and their folders, or where they are looked for.

    None of a published set.
    """
    kind, _, rest = source.name.partition(":")
    if source.name in CATALOGUE:
        return []
    path = folder / (own_path(rest) if kind in ("npz", "imagefolder") else CIFAR10C_FOLDER)
    with suppress(UserError):
        folders = listed(path).folders if kind == "imagefolder" else (path,)
        return [*folders, *_files(kind, rest, folder)]
    return [path]


def _read(kind: str, rest: str, files: list[Path], size: int, folder: Path) -> tuple[Facts, list[str]]:
    """The facts of a user's own files, and remarks on them, from the files.

    Raises `UserError` for a defect. What the streams of pictures know is the content of their pixels and labels,
    whatever their files are called; of arrays it is that of their file.
    """
    path = folder / own_path(rest)
    if kind == "cifar10c":
        content = digest([file_digest(file) for file in files])
        return replace(CATALOGUE["cifar10"].facts, content=content, arrays=cifar10c(folder, rest).digest), []
    whole = whole_imagefolder(path, size) if kind == "imagefolder" else whole_npz(path)
    raw = balanced(whole)
    for each in (whole, raw):
        check(each, str(path))
    left_out = listed(path).remarks() if kind == "imagefolder" else []
    said = [*left_out, *checks.balance(whole), *checks.remarks(whole)]
    counts = np.bincount(raw.train.labels)
    content = file_digest(path)[:20] if kind == "npz" else raw.digest
    return Facts(len(counts), raw.shape, int(counts.min()), content, raw.digest), said


def readers_digest() -> str:
    """Digest of the code that reads and checks files: what is remembered of them is good while it stays."""
    return code.closure("almostnothing.data.readers", "almostnothing.data.checks").digest


def stamps(files: Iterable[Path]) -> list[list[Any]]:
    """What changes when files do: path, size, place on the disk and times of each, in nanoseconds.

    The time of modification alone would not do: copying and unpacking keep it. Nothing sets that of the last change.
    """
    found = [(file.resolve(), file.stat()) for file in files if file.exists()]
    return [[str(path), s.st_size, s.st_ino, s.st_mtime_ns, s.st_ctime_ns] for path, s in found]
