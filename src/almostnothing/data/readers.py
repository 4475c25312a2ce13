"""Formats of data sets: from files to arrays of bytes and labels. What is damaged or missing is one clear sentence.

Downloads, checksums and formats of the published sets are torchvision's. The data folder receives whole original files
and nothing else: torchvision unpacks in a temporary folder, on links to the originals.
"""

from __future__ import annotations

import gzip
import importlib.util
import math
import os
import socket
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from almostnothing import streams
from almostnothing.data import folders, pictures, ranges
from almostnothing.data.arrays import ARRAYS, Raw, Split
from almostnothing.errors import UserError
from almostnothing.files import write_atomic

DIGITS_TEST_PER_CLASS = 50


SEVERITIES = 5
CIFAR10C_FOLDER = "CIFAR-10-C"
CORRUPTIONS = (  # of CIFAR-10-C, in alphabetical order; other files beside them are no test
    "brightness",
    "contrast",
    "defocus_blur",
    "elastic_transform",
    "fog",
    "frost",
    "gaussian_blur",
    "gaussian_noise",
    "glass_blur",
    "impulse_noise",
    "jpeg_compression",
    "motion_blur",
    "pixelate",
    "saturate",
    "shot_noise",
    "snow",
    "spatter",
    "speckle_noise",
    "zoom_blur",
)


DOWNLOAD_SECONDS = 20.0  # without an answer; then the machine counts as offline


def digits() -> Raw:
    """scikit-learn's 8x8 digits. They come without a split: 50 of each class, drawn once, are the test set."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    test = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        of_class = np.flatnonzero(labels == label)
        order = streams.permutation(streams.stream_key(0, "test split", "digits", label), len(of_class))
        test[of_class[order[:DIGITS_TEST_PER_CLASS]]] = True
    images, labels = images.astype(np.uint8), labels.astype(np.int64)
    return Raw(
        Split(images[~test], labels[~test]), Split(images[test], labels[test]), 16, (1, 8, 8), tuple("0123456789")
    )


def embedded() -> list[Path]:
    """A file that changes when `digits` may: that of the installed package which brings them."""
    found = importlib.util.find_spec("sklearn")
    return [Path(found.origin)] if found and found.origin else []


def idx(kind: str) -> Callable[[Path], Raw]:
    """A reader of the original four files of MNIST or of a set in its format; `kind` is torchvision's class."""

    def read(folder: Path) -> Raw:
        from almostnothing.data.torchvision import datasets

        kept = folder / kind / "raw"
        files = dict(getattr(datasets, kind).resources)
        with tempfile.TemporaryDirectory() as scratch:
            raw = Path(scratch, kind, "raw")
            raw.mkdir(parents=True)
            _link(kept, raw, files)
            _unpack(kept, raw, files)
            train, test = _torchvision_splits(kind, Path(scratch), kept, files)
            _keep(raw, kept, files)
            shape = (1, *train.data.shape[1:])
            first, second = (
                Split(split.data.numpy().reshape(len(split.data), -1), split.targets.numpy().astype(np.int64))
                for split in (train, test)
            )
        return Raw(first, second, 255, shape, tuple(train.classes))

    return read


def cifar10(folder: Path) -> Raw:
    """CIFAR-10 from `cifar-10-batches-py`, or from the archive that holds it."""
    from almostnothing.data.torchvision import datasets

    kind = datasets.CIFAR10
    batches = {
        name: md5 for name, md5 in [*kind.train_list, *kind.test_list, [kind.meta["filename"], kind.meta["md5"]]]
    }
    archive = {kind.filename: kind.tgz_md5}
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch, kind.base_folder)
        if all((folder / kind.base_folder / name).is_file() for name in batches):
            raw.mkdir()
            _link(folder / kind.base_folder, raw, batches)
        else:
            _link(folder, Path(scratch), archive)
        train, test = _torchvision_splits("CIFAR10", Path(scratch), folder, archive)
        _keep(Path(scratch), folder, archive)
        _keep(raw, folder / kind.base_folder, batches)
    first, second = (
        Split(split.data.transpose(0, 3, 1, 2).reshape(len(split.data), -1), np.array(split.targets, np.int64))
        for split in (train, test)
    )
    return Raw(first, second, 255, (3, 32, 32), tuple(train.classes))


def cifar10c(folder: Path, which: str) -> Raw:
    """CIFAR-10 for training and, as its test images, those of CIFAR-10-C that `which` names.

    `which`: "fog:3" (one corruption and severity), "fog" (all five severities, one after the other) or "" (every
    corruption in the folder, in alphabetical order).
    """
    files, severity = cifar10c_files(folder, which)
    clean = cifar10(folder)
    labels = _cifar10c_labels(files[0])
    rows = _rows_of(severity, len(labels))
    found = np.concatenate([_cifar10c_rows(path, len(labels), rows) for path in files[1:]])
    test = Split(found, np.tile(labels[rows].astype(np.int64), len(files) - 1))
    return Raw(clean.train, test, 255, clean.shape, clean.names)


def cifar10c_images(folder: Path, corruption: str, severity: int, labels: np.ndarray) -> np.ndarray:
    """CIFAR-10-C's images of one corruption and severity, in the order of CIFAR-10's test images: bytes (n, 3072).

    Raises `UserError` for a missing file or severity, or where the labels are not `labels`, those of the test images,
    five times.
    """
    files, _ = cifar10c_files(folder, f"{corruption}:{severity}")
    found = _cifar10c_labels(files[0])
    if not np.array_equal(found, np.tile(labels, SEVERITIES)):
        raise UserError(
            f"{files[0]}: must hold the {len(labels)} labels of CIFAR-10's test images five times over, but holds "
            f"{len(found)} labels, or others"
        )
    return _cifar10c_rows(files[1], len(found), _rows_of(severity, len(found)))


def _cifar10c_labels(path: Path) -> np.ndarray:
    labels = _array(path)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) % SEVERITIES:
        raise UserError(
            f"{path}: must hold whole numbers, one for each image of five severities, but holds {labels.dtype} of "
            f"shape {labels.shape}"
        )
    return labels


def _rows_of(severity: int, count: int) -> slice:
    """The rows of a severity in files of `count` images; all for severity 0."""
    each = count // SEVERITIES
    return slice((severity - 1) * each, severity * each) if severity else slice(None)


def _cifar10c_rows(path: Path, count: int, rows: slice) -> np.ndarray:
    """Images of a file of CIFAR-10-C, channels first and flat; no others are read."""
    array = _array(path, "r")
    if array.shape != (count, 32, 32, 3) or array.dtype != np.uint8:
        raise UserError(
            f"{path}: must hold bytes of shape (n, 32, 32, 3) with n = {count} labels in five severities, "
            f"but holds {array.dtype} of shape {array.shape}"
        )
    return array[rows].transpose(0, 3, 1, 2).reshape(-1, 3072)


def cifar10c_files(folder: Path, which: str) -> tuple[list[Path], int]:
    """The files that `cifar10c` reads, labels first, and the severity; 0 for all.

    Raises `UserError` where one is missing, the corruption is none of CIFAR-10-C or the severity none of 1 to 5.
    """
    base = folder / CIFAR10C_FOLDER
    name, _, severity = which.partition(":")
    if severity not in ("", *"12345") or which.endswith(":"):
        raise UserError(f"dataset cifar10c:{which}: a severity is 1, 2, 3, 4 or 5")
    if (name or severity) and name not in CORRUPTIONS:
        raise UserError(f"dataset cifar10c:{which}: the corruptions are {', '.join(CORRUPTIONS)}, not {name!r}")
    names = [name] if name else [one for one in CORRUPTIONS if (base / f"{one}.npy").is_file()]
    found = [base / f"{one}.npy" for one in names]
    files = [base / "labels.npy", *found]
    lacking = [path.name for path in files if not path.is_file()] or ([] if found else ["<corruption>.npy"])
    if lacking:
        raise UserError(f"CIFAR-10-C is incomplete: put {' and '.join(lacking)} of its archive into {base}")
    return files, int(severity or 0)


def npz(path: Path) -> Raw:
    """A user's own arrays, as `whole_npz` reads them; of unequal test classes as many images are taken of each."""
    return balanced(whole_npz(path))


def whole_npz(path: Path) -> Raw:
    """A user's own arrays: x_train, y_train, x_test, y_test in an .npz file.

    Images are bytes, or floats in [0, 1], of shape (n, C, H, W) or (n, H, W, C) with one or three channels, (n, H, W)
    or (n, d). A flat image is taken for a square one where d, or d/3, is a square: row after row and, in colour, first
    all of red, then green, then blue. Labels are whole numbers from 0, one an image, or one-hot rows.

    Raises `UserError` for all else, before anything is made of it.
    """
    x_train, y_train, x_test, y_test = _own_arrays(path)
    for name, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if x.ndim > 1 and y.ndim and len(x) != len(y) == x.shape[-1]:
            raise UserError(
                f"{path}: x_{name} of shape {x.shape} has its {len(y)} images along the last axis: move it to the "
                "front, np.moveaxis(x, -1, 0)"
            )
    train, test = (_channels_first(x, f"{path}: x_{name}") for name, x in (("train", x_train), ("test", x_test)))
    ranges.check_kinds(str(path), train, test)
    labels = [ranges.labels_of(f"{path}: y_{name}", y, n) for name, y, n in _labelled(y_train, train, y_test, test)]
    if train.shape[1:] != test.shape[1:]:
        raise UserError(f"{path}: x_train and x_test hold images of different shapes")
    if x_train.ndim == 2 and train.shape[1] == 3:
        ranges.check_colours(f"{path}: x_train", x_train)
    images = [x.reshape(len(x), -1) for x in (train, test)]
    if train.dtype != np.uint8:
        images = [x.astype(np.float32) for x in images]
        if all(map(_were_bytes, images)):
            images = [np.rint(x * 255).astype(np.uint8) for x in images]
    levels = 255 if images[0].dtype == np.uint8 else 1
    classes = int(labels[0].max(initial=0)) + 1
    channels, height, width = train.shape[1:]
    names = tuple(str(label) for label in range(classes))
    return Raw(Split(images[0], labels[0]), Split(images[1], labels[1]), levels, (channels, height, width), names)


def array_shapes(path: Path) -> str:
    """How the images of a user's .npz file lie in it, in words.

    Raises `UserError` as `whole_npz` does.
    """
    x = _own_arrays(path)[0]
    _, channels, height, width = _channels_first(x, f"{path}: x_train").shape
    order = {
        2: "rows of pixels" if channels == 1 else "rows of three planes, red, green and blue",
        3: "(image, row, column)",
        4: "(image, channel, row, column)" if x.shape[1] == channels else "(image, row, column, channel)",
    }
    return f"x_train of shape {x.shape}, {x.dtype}, read as {order[x.ndim]} with {height} rows and {width} columns"


def _labelled(
    y_train: np.ndarray, train: np.ndarray, y_test: np.ndarray, test: np.ndarray
) -> list[tuple[str, np.ndarray, int]]:
    """Of both splits: its name, its labels and how many images there are."""
    return [("train", y_train, len(train)), ("test", y_test, len(test))]


def _own_arrays(path: Path) -> tuple[np.ndarray, ...]:
    """The four arrays of a user's .npz file.

    Raises `UserError` where it is missing, damaged, larger than the machine's memory, or lacks one of them.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist: put a file there with the arrays {', '.join(ARRAYS)}")
    try:
        with zipfile.ZipFile(path) as archive:
            check_memory(path, sum(member.file_size for member in archive.infolist()))
        with np.load(path, allow_pickle=False) as file:
            lacking = [name for name in ARRAYS if name not in file]
            if lacking:
                raise UserError(f"{path} lacks {', '.join(lacking)}: it must hold {', '.join(ARRAYS)}")
            return tuple(file[name] for name in ARRAYS)
    except PermissionError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): change its permissions") from error
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:  # of a password, too
        raise UserError(f"{path} cannot be read as .npz: it is damaged, truncated, or holds objects") from error


def imagefolder(path: Path, size: int) -> Raw:
    """A user's own pictures, as `whole_imagefolder` reads them; of unequal test classes as many are taken of each."""
    return balanced(whole_imagefolder(path, size))


def whole_imagefolder(path: Path, size: int) -> Raw:
    """Class folders of pictures in `path`/train and `path`/val (ImageNet's layout), as RGB of size x size pixels.

    The shorter side is resized to `size` and the centre is cut out.
    """
    from almostnothing.data.torchvision import transforms

    cut = transforms.Compose([transforms.Resize(size, antialias=True), transforms.CenterCrop(size)])
    listing = folders.listed(path)
    check_memory(path, len(listing.files) * 3 * size**2)

    def pixels(file: Path) -> tuple[np.ndarray, int]:
        picture, largest = pictures.colour(file)
        return np.asarray(cut(picture)).transpose(2, 0, 1).reshape(-1), largest

    splits, deep = [], (0, path)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for split in (listing.train, listing.test):
            files = [file for one in split for file in one]
            read = list(pool.map(pixels, files))
            deep = max(deep, *((largest, file) for (_, largest), file in zip(read, files, strict=True)))
            labels = np.repeat(np.arange(len(split)), [len(one) for one in split])
            splits.append(Split(np.stack([image for image, _ in read]), labels.astype(np.int64)))
    pictures.check_depth(deep[1], deep[0])
    return Raw(splits[0], splits[1], 255, (3, size, size), listing.classes)


def check_memory(path: Path, needed: int) -> None:
    """Raise `UserError` where `needed` bytes are more than the machine has."""
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise UserError(
            f"{path} would need {needed / 2**30:,.1f} GiB of memory, but this machine has {there / 2**30:,.1f}: take "
            "fewer or smaller images"
        )


def balanced(raw: Raw) -> Raw:
    """The data set with as many test images of every class as the rarest has: drawn once by a named stream, in order.

    Then chance is 1/K, and a share of correct answers estimates the mean over classes of each class's own share.
    """
    test, classes = raw.test, len(raw.names)
    if not len(test.labels) or test.labels.min() < 0 or test.labels.max() >= classes:
        return raw
    counts = np.bincount(test.labels, minlength=classes)
    if counts.min() in (0, counts.max()):
        return raw
    kept = []
    for label in range(classes):
        of_class = np.flatnonzero(test.labels == label)
        order = streams.permutation(streams.stream_key(0, "balanced test", label), len(of_class))
        kept.append(of_class[order[: counts.min()]])
    chosen = np.sort(np.concatenate(kept))
    return replace(raw, test=Split(test.images[chosen], test.labels[chosen]))


def _link(kept: Path, scratch: Path, files: dict[str, str]) -> None:
    """Link the original files that are there into a folder for torchvision.

    Raises `UserError` for one whose checksum is not the published one.
    """
    from almostnothing.data.torchvision import datasets

    for name, md5 in files.items():
        if not (kept / name).is_file():
            continue
        if not datasets.utils.check_integrity(kept / name, md5):
            raise UserError(
                f"{kept / name} has a wrong checksum: it is damaged, truncated or another version; remove it, and put "
                f"the original (MD5 {md5}) there or let it be downloaded"
            )
        (scratch / name).symlink_to((kept / name).resolve())


def _unpack(kept: Path, scratch: Path, files: dict[str, str]) -> None:
    """Where some of the files lie unpacked only, put all into torchvision's folder unpacked: then it fetches nothing.

    Raises `UserError` for one that is not as long as it says.
    """
    unpacked = {}
    for name in files:
        stem = name.removesuffix(".gz")
        same = (stem, stem.replace("-idx", ".idx"))  # as programs call what they unpack
        unpacked[name] = next((kept / one for one in same if (kept / one).is_file()), None)
    if not all(there or (kept / name).is_file() for name, there in unpacked.items()):
        return
    if all((kept / name).is_file() for name in files):
        return
    for name, there in unpacked.items():
        content = gzip.decompress((kept / name).read_bytes()) if (kept / name).is_file() else _idx_bytes(there)
        (scratch / name.removesuffix(".gz")).write_bytes(content)


def _idx_bytes(path: Path | None) -> bytes:
    assert path is not None
    content = path.read_bytes()
    axes = content[3] if len(content) > 3 else 0
    lengths = [int.from_bytes(content[4 + 4 * axis : 8 + 4 * axis]) for axis in range(axes)]
    if content[:3] != bytes([0, 0, 8]) or len(content) != 4 + 4 * axes + math.prod(lengths):
        raise UserError(
            f"{path} is not what its name says: it is damaged, truncated or of another format; remove it, and put the "
            "original there or let it be downloaded"
        )
    return content


def _torchvision_splits(kind: str, scratch: Path, kept: Path, files: dict[str, str]) -> tuple[Any, Any]:
    """Both splits as torchvision reads them, after downloading what is not there.

    Raises `UserError` that names the files and their place where they can be neither found nor fetched.
    """
    from almostnothing.data.torchvision import datasets

    build = getattr(datasets, kind)
    patience = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(DOWNLOAD_SECONDS)
        return build(str(scratch), train=True, download=True), build(str(scratch), train=False)
    except (OSError, RuntimeError, EOFError) as error:
        raise UserError(
            f"{kind} is not in {kept} and cannot be downloaded: put its original files {', '.join(files)} there"
        ) from error
    finally:
        socket.setdefaulttimeout(patience)


def _keep(scratch: Path, kept: Path, files: dict[str, str]) -> None:
    """Move what was downloaded into the data folder, each file whole or not at all; a read-only one stays as it is."""
    for name in files:
        new = scratch / name
        if new.is_file() and not new.is_symlink() and not (kept / name).exists():
            try:
                write_atomic(kept / name, new.read_bytes())
            except OSError:
                return


def _array(path: Path, mapped: Literal["r"] | None = None) -> np.ndarray:
    """The array of an .npy file; `mapped`: what is not looked at is not read."""
    try:
        return np.load(path, mmap_mode=mapped, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} cannot be read as .npy: it is damaged or truncated") from error


def _were_bytes(x: np.ndarray) -> bool:
    """Whether values in [0, 1] are multiples of 1/255, up to the rounding of float32."""
    return bool((np.abs(x * 255 - np.rint(x * 255)) < 1e-4).all())


def _channels_first(x: np.ndarray, where: str) -> np.ndarray:
    """Images of any of the accepted layouts, of shape (n, C, H, W).

    Raises `UserError` for another shape, and for one that could be read in two ways.
    """
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] in (1, 3) and x.shape[1:3] != (1, 1):
        raise UserError(
            f"{where} of shape {x.shape} could hold its channels first or last: save images of more pixels, or rows "
            "(n, d)"
        )
    if x.ndim == 2:
        side, colour_side = round(np.sqrt(x.shape[1])), round(np.sqrt(x.shape[1] / 3))
        if side**2 == x.shape[1]:
            x = x.reshape(len(x), 1, side, side)
        elif 3 * colour_side**2 == x.shape[1]:
            x = x.reshape(len(x), 3, colour_side, colour_side)
        else:
            x = x[:, None, None, :]
    elif x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[1] not in (1, 3) and x.shape[3] in (1, 3):
        x = x.transpose(0, 3, 1, 2)
    if x.ndim != 4 or x.shape[1] not in (1, 3) or not x.size:
        raise UserError(
            f"{where} must hold images of shape (n, C, H, W) or (n, H, W, C) with 1 or 3 channels, (n, H, W) or "
            f"(n, d), but its shape is {x.shape}"
        )
    return x
