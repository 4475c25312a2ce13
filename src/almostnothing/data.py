"""Data sets: images held as bytes, class-balanced nested subsets, transforms, and a card that says what they are.

A data set is named in a parameter file. `source` finds out what planning must know of it (shape, classes, counts),
which for the published sets needs no file; `load` reads, checks and transforms it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from almostnothing import readers, streams
from almostnothing.errors import UserError
from almostnothing.provenance import digest, file_digest, module_digest, write_atomic
from almostnothing.readers import Raw, Split

VARIABLE = "ALMOSTNOTHING_DATA"
IMAGE_SIZE = 64  # pixels a side of an image folder's pictures unless a parameter file says otherwise
MOST_REPEATED = 0.5  # share of test images that may equal the training image of the same index
CHUNK = 4096  # images that are turned into float64 at once
FLOAT_LEVELS = 4095  # steps on which the pixel law of images that are not bytes is counted


@dataclass(frozen=True)
class Facts:
    """What planning knows of a data set: classes, (channel, height, width), training images of the rarest class.

    `content` is a digest of a user's own files; published sets have checksums instead, and an empty one.
    """

    classes: int
    shape: tuple[int, int, int]
    train_per_class: int
    content: str = ""

    @property
    def pixels(self) -> int:
        """d, the number of inputs."""
        return int(np.prod(self.shape))


@dataclass(frozen=True)
class Source:
    """A data set as an experiment uses it: its name, what is done to its images, and the facts of the result.

    `image_size`: pixels a side of an image folder's pictures, None for other sets. `downsample` f: images are averaged
    over blocks of f x f pixels. `pca_rank` r: images are projected onto the first r principal components of the
    training images and stay images. `permutation`: the places of all images are exchanged by one random permutation,
    that of this seed; the channels of a place stay together.
    """

    name: str
    facts: Facts
    image_size: int | None = None
    downsample: int = 1
    pca_rank: int | None = None
    permutation: int | None = None

    @property
    def asked(self) -> tuple[str, int | None, int, int | None, int | None]:
        """What a parameter file says of it: all but the facts."""
        return self.name, self.image_size, self.downsample, self.pca_rank, self.permutation

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> Source:
        """The source that `dataclasses.asdict` describes, also after a passage through JSON."""
        return Source(**{**record, "facts": _facts_from(record["facts"])})


@dataclass(frozen=True)
class Entry:
    """A published data set: how to read it, its files in the data folder, its facts, and what its card says."""

    read: Callable[[Path], Raw]
    originals: str
    facts: Facts
    origin: str
    licence: str
    citation: str


CATALOGUE = {
    "digits": Entry(
        lambda _: readers.digits(),
        "",
        Facts(10, (1, 8, 8), 124),
        "scikit-learn (sklearn.datasets.load_digits); UCI Machine Learning Repository, test part",
        "CC BY 4.0",
        "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998",
    ),
    "mnist": Entry(
        readers.idx("MNIST"),
        "MNIST/raw/*.gz",
        Facts(10, (1, 28, 28), 5421),
        "yann.lecun.com/exdb/mnist",
        "CC BY-SA 3.0",
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proc. IEEE 86, 2278 (1998)",
    ),
    "fashion_mnist": Entry(
        readers.idx("FashionMNIST"),
        "FashionMNIST/raw/*.gz",
        Facts(10, (1, 28, 28), 6000),
        "github.com/zalandoresearch/fashion-mnist",
        "MIT",
        "H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747 (2017)",
    ),
    "kmnist": Entry(
        readers.idx("KMNIST"),
        "KMNIST/raw/*.gz",
        Facts(10, (1, 28, 28), 6000),
        "github.com/rois-codh/kmnist",
        "CC BY-SA 4.0",
        "T. Clanuwat et al., arXiv:1812.01718 (2018)",
    ),
    "cifar10": Entry(
        readers.cifar10,
        "cifar-10-*",
        Facts(10, (3, 32, 32), 5000),
        "www.cs.toronto.edu/~kriz/cifar.html",
        "none stated",
        "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    ),
}
CIFAR10C = (
    "CIFAR-10 for training; test images: zenodo.org/records/2535967",
    "CC BY 4.0 (test images)",
    "D. Hendrycks, T. Dietterich, Benchmarking Neural Network Robustness, ICLR 2019",
)
NAMES = f"{', '.join(CATALOGUE)}, cifar10c, cifar10c:CORRUPTION:SEVERITY, imagefolder:PATH and npz:PATH"


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
    if kind == "cifar10c":
        files, _ = readers.cifar10c_files(folder, rest)
    elif kind == "npz":
        files = [folder / own_path(rest)]
    else:
        splits = readers.imagefolder_splits(folder / own_path(rest))
        files = [place for split in splits for place in (split, *sorted(p for p in split.iterdir() if p.is_dir()))]
    memory = cache_folder() / "facts" / f"{digest([kind, rest, size, _stamps(files), module_digest('readers')])}.json"
    try:
        return _facts_from(json.loads(memory.read_text()))
    except (OSError, ValueError, TypeError):
        facts = _read_facts(kind, files, size, folder / own_path(rest))
    with suppress(OSError):  # a home that cannot be written to: the files are read again next time
        write_atomic(memory, json.dumps(asdict(facts)).encode())
    return facts


def _read_facts(kind: str, files: list[Path], size: int, path: Path) -> Facts:
    """The facts of a user's own files, from the files."""
    if kind == "imagefolder":
        pictures = readers.imagefolder_files(path)
        content = digest([[str(p.relative_to(path)), p.stat().st_size] for p in pictures])
        found = Counter(p.relative_to(path / "train").parts[0] for p in pictures if path / "train" in p.parents)
        return Facts(len(found), (3, size, size), min(found.values()), content)
    if kind == "cifar10c":
        return replace(CATALOGUE["cifar10"].facts, content=digest([file_digest(file) for file in files]))
    raw = readers.npz(path)
    check(raw, str(path))
    counts = np.bincount(raw.train.labels)
    return Facts(len(counts), raw.shape, int(counts.min()), file_digest(path)[:20])


def _facts_from(record: Mapping[str, Any]) -> Facts:
    return Facts(**{**record, "shape": tuple(record["shape"])})


def check(raw: Raw, where: str) -> None:
    """Raise `UserError` for labels outside the classes, a class without images, or a test set that was trained on."""
    classes = len(raw.names)
    if classes < 2:
        raise UserError(f"{where} holds one class: a classifier needs two at least")
    for name, split in (("training", raw.train), ("test", raw.test)):
        outside = split.labels[(split.labels < 0) | (split.labels >= classes)]
        if len(outside):
            raise UserError(
                f"{where}: the {name} label {outside[0]} is outside the classes 0 to {classes - 1} of the training set"
            )
        empty = np.flatnonzero(np.bincount(split.labels, minlength=classes) == 0)
        if len(empty):
            raise UserError(f"{where}: class {empty[0]} ({raw.names[empty[0]]}) has no {name} image")
    both = min(len(raw.train.labels), len(raw.test.labels))
    repeated = (raw.train.images[:both] == raw.test.images[:both]).all(1).mean()
    if repeated > MOST_REPEATED:
        raise UserError(
            f"{where}: {repeated:.0%} of the test images are the training images of the same indices: "
            "test on images that were not trained on"
        )


def check_train_size(source: Source, train_size: int, validation: int = 0) -> None:
    """Raise `UserError` unless balanced, disjoint training and validation sets of these sizes can be had."""
    facts = source.facts
    most = facts.classes * facts.train_per_class
    for name, size in (("train_size", train_size), ("validation", validation)):
        if size % facts.classes or size > most or size < 0 or (name == "train_size" and not size):
            raise UserError(
                f"{name} {size} cannot be had from {source.name}: it must be a multiple of its {facts.classes} "
                f"classes, from {facts.classes} to {most}"
            )
    if train_size + validation > most:
        raise UserError(
            f"train_size {train_size} and validation {validation} would overlap: {source.name} has {most} images "
            "for both"
        )


@dataclass(frozen=True)
class Dataset:
    """A data set in memory. A pixel's value, in [0, 1] unless `pca_rank` is set, is its number divided by `levels`."""

    source: Source
    levels: int
    train: Split
    test: Split
    names: tuple[str, ...]

    @property
    def facts(self) -> Facts:
        """Classes, shape, counts."""
        return self.source.facts

    def values(self, split: Split) -> np.ndarray:
        """Pixel values of a split: float32, shape (n, d)."""
        return split.images.astype(np.float32) / np.float32(self.levels)

    def _order(self, label: int, seed: int) -> np.ndarray:
        """The training images of a class in the order in which subsets take them."""
        of_class = np.flatnonzero(self.train.labels == label)
        key = streams.stream_key(seed, "subset", self.source.name, label)
        return of_class[streams.permutation(key, len(of_class))]

    def subset(self, size: int, seed: int) -> np.ndarray:
        """Indices into `train` of a balanced subset: int64, shape (size,).

        Exactly size / classes of each class; the subset of a smaller size with the same seed is contained in it.
        The order interleaves the classes and is itself part of no result.
        """
        check_train_size(self.source, size)
        each = size // self.facts.classes
        return np.stack([self._order(label, seed)[:each] for label in range(self.facts.classes)], axis=1).reshape(-1)

    def validation(self, size: int, seed: int) -> np.ndarray:
        """Indices into `train` of a balanced held-out set, taken from the other end of the order that `subset` takes.

        Disjoint from every subset that `check_train_size` allows beside it; nested in size as well.
        """
        each = size // self.facts.classes
        return np.stack([self._order(label, seed)[::-1][:each] for label in range(self.facts.classes)], axis=1).reshape(
            -1
        )

    @cached_property
    def pixel_counts(self) -> tuple[tuple[int, ...], float, float]:
        """How often each level occurs in the training images, the lowest and the highest level.

        Images that are not held as integers are counted on `FLOAT_LEVELS` steps between their extremes.
        """
        images = self.train.images
        if images.dtype.kind != "f":
            return tuple(np.bincount(images.reshape(-1), minlength=self.levels + 1).tolist()), 0.0, 1.0
        low, high = float(images.min()), float(images.max())
        steps = np.rint((images - low) * (FLOAT_LEVELS / (high - low))).astype(np.int64)
        return tuple(np.bincount(steps.reshape(-1), minlength=FLOAT_LEVELS + 1).tolist()), low, high

    def card(self) -> dict[str, Any]:
        """What the data set is: name, origin, licence, citation, sizes, SHA-256 of the arrays, moments of a pixel.

        The moments are those of all pixels of the training images, per channel: tuples of length C.
        """
        own = ("the user's own files", "not stated", "")
        entry = CATALOGUE.get(self.source.name)
        origin, licence, citation = (entry.origin, entry.licence, entry.citation) if entry else own
        if self.source.name.startswith("cifar10c"):
            origin, licence, citation = CIFAR10C
        arrays = (self.train.images, self.train.labels, self.test.images, self.test.labels)
        sha256 = hashlib.sha256()
        for array in arrays:
            sha256.update(np.ascontiguousarray(array).data)
        mean, variance = self._moments()
        return {
            "name": self.source.name,
            "origin": origin,
            "licence": licence,
            "citation": citation,
            "classes": self.names,
            "train_images": len(self.train.labels),
            "test_images": len(self.test.labels),
            "shape": self.facts.shape,
            "train_per_class": tuple(np.bincount(self.train.labels).tolist()),
            "test_per_class": tuple(np.bincount(self.test.labels).tolist()),
            "pixel_mean": mean,
            "pixel_variance": variance,
            "sha256": sha256.hexdigest(),
        }

    def _moments(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and variance of a training pixel in each channel, summed image by image in float64."""
        channels = self.facts.shape[0]
        total, square = np.zeros(channels), np.zeros(channels)
        for first in range(0, len(self.train.images), CHUNK):
            x = self.train.images[first : first + CHUNK].reshape(-1, channels, self.facts.pixels // channels)
            value = x.astype(np.float64) / self.levels
            total += value.sum((0, 2))
            square += (value**2).sum((0, 2))
        count = self.train.images.size / channels
        mean = total / count
        return tuple(mean.tolist()), tuple((square / count - mean**2).tolist())


@cache
def load(source: Source, folder: Path | None = None) -> Dataset:
    """Read a data set from the data folder, check it and transform its images; what was loaded once is kept.

    Raises `UserError` for missing files that cannot be downloaded, and for files with a defect.
    """
    folder = folder or cache_folder()
    kind, _, rest = source.name.partition(":")
    if source.name in CATALOGUE:
        raw = _remembered(source.name, folder)
    elif kind == "cifar10c":
        raw = readers.cifar10c(folder, rest)
    elif kind == "npz":
        raw = readers.npz(folder / own_path(rest))
    else:
        raw = readers.imagefolder(folder / own_path(rest), source.image_size or IMAGE_SIZE)
    check(raw, source.name)
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
    files = sorted(folder.glob(entry.originals)) if entry.originals else readers.embedded()
    key = digest([name, _stamps(files), module_digest("readers")])
    memory = cache_folder() / "arrays" / f"{name}-{key}.npz"
    if not files or not memory.is_file():
        raw = entry.read(folder)
        if files:
            with suppress(OSError):
                raw.save(memory)
        return raw
    return Raw.saved(memory)


def _stamps(files: Iterable[Path]) -> list[list[Any]]:
    """What changes when files do: path, size and modification time of each."""
    return [[str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns] for f in files if f.exists()]


def downsampled(images: np.ndarray, shape: tuple[int, int, int], factor: int) -> np.ndarray:
    """Images (n, C·H·W) of `shape` (C, H, W) with each block of factor x factor pixels made one: shape (n, d).

    Floats are averaged; integers are summed, so that nothing is rounded: their levels are factor² times as many.
    """
    channels, height, width = shape
    blocks = images.reshape(-1, channels, height // factor, factor, width // factor, factor)
    if images.dtype.kind == "f":
        return blocks.mean((3, 5)).reshape(len(images), -1)
    kind = np.int16 if 255 * factor**2 < 2**15 else np.int32
    return blocks.sum((3, 5), dtype=kind).reshape(len(images), -1)


def permuted(images: np.ndarray, source: Source) -> np.ndarray:
    """Images (n, C·H·W) whose H·W places are exchanged by the permutation of `source`: shape (n, d)."""
    channels, height, width = source.facts.shape
    key = streams.stream_key(source.permutation or 0, "pixel permutation", height, width)
    order = streams.permutation(key, height * width)
    return images.reshape(len(images), channels, -1)[:, :, order].reshape(len(images), -1)


def projected(train: np.ndarray, test: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Both splits, shape (n, d), projected onto the first `rank` principal components of `train`; float32.

    Still images of d pixels, x̄ + PP'(x − x̄), of rank `rank` about the mean; values may lie outside [0, 1].
    """
    from sklearn.decomposition import PCA

    pca = PCA(rank, svd_solver="covariance_eigh").fit(train)
    first, second = (pca.inverse_transform(pca.transform(x)).astype(np.float32) for x in (train, test))
    return first, second
