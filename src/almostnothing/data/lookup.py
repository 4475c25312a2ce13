"""From a data set's name to its source: planning reads no file of a published set."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from almostnothing import code
from almostnothing.data.catalogue import CATALOGUE, NAMES
from almostnothing.data.checks import check
from almostnothing.data.readers import cifar10c, cifar10c_files, imagefolder, imagefolder_files, npz
from almostnothing.data.sources import Facts, Source, facts_from
from almostnothing.errors import UserError
from almostnothing.files import digest, file_digest, write_atomic

VARIABLE = "ALMOSTNOTHING_DATA"


IMAGE_SIZE = 64  # pixels a side of an image folder's pictures unless a parameter file says otherwise


def cache_folder() -> Path:
    """Where data sets are kept unless a parameter file or the environment says otherwise."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "almostnothing"


def folder(data_root: str | None = None, project: Path | None = None) -> Path:
    """The data folder: that of the variable ALMOSTNOTHING_DATA, else `data_root`, else `cache_folder()`.

    A relative `data_root` is relative to `project`.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return (project or Path()) / Path(data_root).expanduser() if data_root else cache_folder()


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
    """A user's path in the name of a data set; a relative one is looked for in the data folder."""
    return Path(path).expanduser()


def _own_facts(kind: str, rest: str, folder: Path, size: int) -> Facts:
    """The facts of a user's own files, remembered in the cache folder until the files change."""
    files = _files(kind, rest, folder)
    memory = cache_folder() / "facts" / f"{digest([kind, rest, size, stamps(files), readers_digest()])}.json"
    try:
        return facts_from(json.loads(memory.read_text()))
    except (OSError, ValueError, TypeError):
        facts = _read_facts(kind, rest, files, size, folder)
    with suppress(OSError):  # a home that cannot be written to: the files are read again next time
        write_atomic(memory, json.dumps(facts.record() | {"arrays": facts.arrays}).encode())
    return facts


def _files(kind: str, rest: str, folder: Path) -> list[Path]:
    if kind == "cifar10c":
        return cifar10c_files(folder, rest)[0]
    return [folder / own_path(rest)] if kind == "npz" else imagefolder_files(folder / own_path(rest))


def own_files(source: Source, folder: Path) -> list[Path]:
    """The files of a user's own data set, and where they are looked for; none of a published set, or where none are."""
    kind, _, rest = source.name.partition(":")
    if source.name in CATALOGUE:
        return []
    with suppress(UserError):
        return _files(kind, rest, folder)
    return []


def _read_facts(kind: str, rest: str, files: list[Path], size: int, folder: Path) -> Facts:
    """The facts of a user's own files, from the files."""
    path = folder / own_path(rest)
    if kind == "imagefolder":
        content = digest([[str(file.relative_to(path)), file.stat().st_size] for file in files])
        found = Counter(file.relative_to(path / "train").parts[0] for file in files if path / "train" in file.parents)
        arrays = imagefolder(path, size).digest
        return Facts(len(found), (3, size, size), min(found.values()), content, arrays)
    if kind == "cifar10c":
        content = digest([file_digest(file) for file in files])
        return replace(CATALOGUE["cifar10"].facts, content=content, arrays=cifar10c(folder, rest).digest)
    raw = npz(path)
    check(raw, str(path))
    counts = np.bincount(raw.train.labels)
    return Facts(len(counts), raw.shape, int(counts.min()), file_digest(path)[:20], raw.digest)


def readers_digest() -> str:
    """Digest of the code that reads files: what is remembered of them is good while it stays."""
    return code.closure("almostnothing.data.readers").digest


def stamps(files: Iterable[Path]) -> list[list[Any]]:
    """What changes when files do: path, size and modification time of each."""
    return [[str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns] for f in files if f.exists()]
