"""Read, check and transform a data set."""

from __future__ import annotations

import io
import zipfile
import zlib
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np

from almostnothing import sealed
from almostnothing.data.arrays import ARRAYS, Raw, Split
from almostnothing.data.catalogue import CATALOGUE
from almostnothing.data.checks import check
from almostnothing.data.datasets import Dataset
from almostnothing.data.lookup import IMAGE_SIZE, cache_folder, own_path, readers_digest, stamps
from almostnothing.data.readers import cifar10c, embedded, imagefolder, npz
from almostnothing.data.sources import Source
from almostnothing.data.transforms import downsampled, permuted, projected
from almostnothing.errors import UserError
from almostnothing.files import digest, write_atomic


@lru_cache(maxsize=2)
def load(source: Source, folder: Path | None = None) -> Dataset:
    """Read a data set from the data folder, check it and transform its images; the last two are kept.

    Raises `UserError` for missing files that cannot be downloaded, and for files with a defect.
    """
    folder = folder or cache_folder()
    kind, _, rest = source.name.partition(":")
    if source.name in CATALOGUE:
        raw = _remembered(source.name, folder)
    elif kind == "cifar10c":
        raw = cifar10c(folder, rest)
    elif kind == "npz":
        raw = npz(folder / own_path(rest))
    else:
        raw = imagefolder(folder / own_path(rest), source.image_size or IMAGE_SIZE)
    check(raw, source.name)
    if source.facts.arrays not in ("", raw.digest):
        raise UserError(
            f"{source.name} holds other images or labels than when this run was planned: run it again, and let its "
            "files rest meanwhile"
        )
    return transformed(raw, source)


def transformed(raw: Raw, source: Source) -> Dataset:
    """The data set that `source` asks for, from what a reader has found."""
    levels, train, test = raw.levels, raw.train, raw.test
    if source.downsample > 1:
        levels *= source.downsample**2 if train.images.dtype.kind != "f" else 1
        train, test = (Split(downsampled(s.images, raw.shape, source.downsample), s.labels) for s in (train, test))
    if source.pca_rank is not None:
        first, second = projected(train.images / np.float32(levels), test.images / np.float32(levels), source.pca_rank)
        levels, train, test = 1, Split(first, train.labels), Split(second, test.labels)
    if source.permutation is not None:
        train, test = (Split(permuted(s.images, source), s.labels) for s in (train, test))
    return Dataset(source, levels, train, test, raw.names)


def _remembered(name: str, folder: Path) -> Raw:
    """A published data set; what was read and checked once is kept in the cache folder until the files change.

    Reading means importing torchvision or scikit-learn, which takes longer than all the rest, in every job.
    """
    entry = CATALOGUE[name]
    files = sorted(folder.glob(entry.originals)) if entry.originals else embedded()
    key = digest([name, stamps(files), readers_digest()])
    memory = cache_folder() / "arrays" / f"{name}-{key}.npz"
    raw = _saved(memory, entry.facts.arrays) if files else None
    if raw is None:
        raw = entry.read(folder)
        if files:
            with suppress(OSError):
                _save(raw, memory)
    return raw


def _save(raw: Raw, path: Path) -> None:
    """Write it as .npz, whole or not at all."""
    arrays = io.BytesIO()
    np.savez(
        arrays,
        x_train=raw.train.images,
        y_train=raw.train.labels,
        x_test=raw.test.images,
        y_test=raw.test.labels,
        levels=raw.levels,
        shape=raw.shape,
        names=np.array(raw.names),
    )
    write_atomic(path, arrays.getvalue())


def _saved(path: Path, arrays: str) -> Raw | None:
    """What `_save` wrote, if its arrays have this digest (any, where it is empty); a damaged file is dropped."""
    try:
        with np.load(path, allow_pickle=False) as file:  # it holds a checksum of each of its members
            x_train, y_train, x_test, y_test = (file[name] for name in ARRAYS)
            channels, height, width = file["shape"].tolist()
            names = tuple(file["names"].tolist())
            levels = int(file["levels"])
        raw = Raw(Split(x_train, y_train), Split(x_test, y_test), levels, (channels, height, width), names)
        if arrays not in ("", raw.digest):
            raise ValueError("it holds other images or labels")
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        sealed.drop(path, " ".join(str(error).split()))
        return None
    return raw
