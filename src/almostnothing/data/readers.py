"""Formats of data sets: from files to arrays of bytes and labels. What is damaged or missing is one clear sentence.

Downloads, checksums and formats of the published sets are torchvision's. The data folder receives whole original files
and nothing else: torchvision unpacks in a temporary folder, on links to the originals.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np

from almostnothing import streams
from almostnothing.data.arrays import ARRAYS, Raw, Split
from almostnothing.errors import UserError

DIGITS_TEST_PER_CLASS = 50


SEVERITIES = 5
CIFAR10C_FOLDER = "CIFAR-10-C"


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

    Raises `UserError` where one is missing or the severity is none of 1 to 5.
    """
    base = folder / CIFAR10C_FOLDER
    name, _, severity = which.partition(":")
    if severity and severity not in "12345":
        raise UserError(f"dataset cifar10c:{which}: a severity is 1, 2, 3, 4 or 5")
    found = [base / f"{name}.npy"] if name else sorted(p for p in base.glob("*.npy") if p.stem != "labels")
    files = [base / "labels.npy", *found]
    lacking = [path.name for path in files if not path.is_file()] or ([] if found else ["<corruption>.npy"])
    if lacking:
        raise UserError(f"CIFAR-10-C is incomplete: put {' and '.join(lacking)} of its archive into {base}")
    return files, int(severity or 0)


def npz(path: Path) -> Raw:
    """A user's own arrays: x_train, y_train, x_test, y_test in an .npz file.

    Images are bytes, or floats in [0, 1], of shape (n, C, H, W) or (n, H, W, C) with one or three channels, (n, H, W)
    or (n, d). A flat image is taken for a square one where d, or d/3, is a square.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist: put a file there with the arrays {', '.join(ARRAYS)}")
    try:
        with np.load(path, allow_pickle=False) as file:
            lacking = [name for name in ARRAYS if name not in file]
            if lacking:
                raise UserError(f"{path} lacks {', '.join(lacking)}: it must hold {', '.join(ARRAYS)}")
            x_train, y_train, x_test, y_test = (file[name] for name in ARRAYS)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read as .npz: it is damaged, truncated, or holds objects") from error
    splits, shapes, kinds = [], [], []
    for name, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        x = _channels_first(x, f"{path}: x_{name}")
        if y.shape != (len(x),) or y.dtype.kind not in "iu":
            raise UserError(
                f"{path}: y_{name} must hold {len(x)} integers, one for each image, but holds {y.dtype} of shape "
                f"{y.shape}"
            )
        splits.append(Split(x.reshape(len(x), -1), y.astype(np.int64)))
        shapes.append(x.shape[1:])
        kinds.append(x.dtype == np.uint8)
    if shapes[0] != shapes[1] or kinds[0] != kinds[1]:
        raise UserError(f"{path}: x_train and x_test hold images of different shapes or types")
    if not kinds[0] and all(_were_bytes(split.images) for split in splits):
        splits = [Split(np.rint(split.images * 255).astype(np.uint8), split.labels) for split in splits]
    levels = 255 if splits[0].images.dtype == np.uint8 else 1
    classes = int(splits[0].labels.max(initial=0)) + 1
    return Raw(splits[0], splits[1], levels, shapes[0], tuple(str(label) for label in range(classes)))


def imagefolder(path: Path, size: int) -> Raw:
    """Class folders of pictures in `path`/train and `path`/val (ImageNet's layout), as RGB of size x size pixels.

    The shorter side is resized to `size` and the centre is cut out.
    """
    from almostnothing.data.torchvision import datasets, transforms

    cut = transforms.Compose([transforms.Resize(size, antialias=True), transforms.CenterCrop(size)])
    splits = []
    for folder in imagefolder_splits(path):
        found = datasets.ImageFolder(folder)

        def pixels(sample: tuple[str, int], load: Callable[[str], Any] = found.loader) -> np.ndarray:
            try:
                return np.asarray(cut(load(sample[0]))).transpose(2, 0, 1).reshape(-1)
            except (OSError, SyntaxError) as error:  # PIL raises either for damaged pictures
                raise UserError(f"{sample[0]} cannot be read as a picture: it is damaged or truncated") from error

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            images = np.stack(list(pool.map(pixels, found.samples)))
        splits.append(Split(images, np.array(found.targets, np.int64)))
    return Raw(splits[0], splits[1], 255, (3, size, size), tuple(found.classes))


def imagefolder_splits(path: Path) -> tuple[Path, Path]:
    """The folders of the training and of the test pictures.

    Raises `UserError` where they do not exist, hold different classes, are the same, or a class has no picture.
    """
    train = path / "train"
    test = path / ("val" if (path / "val").is_dir() else "test")
    for folder in (train, test):
        if not folder.is_dir():
            raise UserError(f"{folder} does not exist: an image folder holds train and val, each with class folders")
    if train.resolve() == test.resolve():
        raise UserError(f"{test} is the same folder as {train}: test images must not be training images")
    classes = [sorted(p.name for p in folder.iterdir() if p.is_dir()) for folder in (train, test)]
    if classes[0] != classes[1]:
        different = sorted(set(classes[0]) ^ set(classes[1]))
        raise UserError(f"{path}: train and val must have the same class folders, but {different[0]} is in one only")
    for folder in (train, test):
        for name in classes[0]:
            if next(_pictures(folder / name), None) is None:
                raise UserError(f"{folder / name} holds no picture: remove the class or add images of it")
    return train, test


def imagefolder_files(path: Path) -> list[Path]:
    """All pictures of both splits, in order."""
    return sorted(file for folder in imagefolder_splits(path) for file in _pictures(folder))


def _pictures(folder: Path) -> Iterator[Path]:
    from almostnothing.data.torchvision import datasets

    return (path for path in folder.rglob("*") if path.suffix.lower() in datasets.folder.IMG_EXTENSIONS)


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
                kept.mkdir(parents=True, exist_ok=True)
                part = kept / f".{name}.{os.getpid()}"
                shutil.copyfile(new, part)
                part.replace(kept / name)
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
    """Images of any of the accepted layouts as bytes, or float32, of shape (n, C, H, W)."""
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
    if x.dtype == np.uint8:
        return x
    if x.dtype.kind != "f":
        raise UserError(f"{where} must hold bytes or floats in [0, 1], but holds {x.dtype}")
    if not np.isfinite(x).all():
        raise UserError(f"{where} holds values that are not finite (NaN or infinite)")
    if x.min() < 0 or x.max() > 1:
        raise UserError(f"{where} holds values outside [0, 1], from {x.min():g} to {x.max():g}: divide by the largest")
    return x.astype(np.float32)
