"""Whatever arrays, folders, names and numbers come: read right, or refused in one sentence before anything is trained.

What is read is checked against what the input was made from. Examples are drawn anew from one seed: the same each time.
"""

import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from almostnothing import data
from almostnothing.data.lookup import VARIABLE
from almostnothing.errors import UserError
from almostnothing.parameters.files import read_yaml
from almostnothing.parameters.names import set_name

T = TypeVar("T")


def drawn(count: int) -> Callable[[Any], Any]:
    checks = list(HealthCheck)
    return settings(max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=checks)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    """Nothing is remembered from elsewhere, and no test leaves anything behind."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)


def tried(work: Callable[[], T]) -> tuple[T | None, str]:
    """What a call returns, or the sentence by which it refuses; any other error is one of the library."""
    try:
        return work(), ""
    except UserError as error:
        return None, str(error)


def outcome(name: str, folder: Path, seen: Counter[str], size: int | None = None) -> data.Dataset | None:
    """The data set; None where it is refused in one sentence that names the file, when it is planned."""
    data.load.cache_clear()
    source, said = tried(lambda: data.source(name, folder, image_size=size))
    seen["read" if source else "refused"] += 1
    if source:
        return data.load(source, folder)
    assert "\n" not in said
    assert name.partition(":")[2] in said
    return None


# Arrays

LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # of images (n, C, H, W)
    "channels first": lambda x: x,
    "channels last": lambda x: x.transpose(0, 2, 3, 1),
    "rows": lambda x: x.reshape(len(x), -1),
    "no channel": lambda x: x[:, 0],
}
READ: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # of bytes; what means the same
    "bytes": lambda x: x,
    "float64": lambda x: x / 255,
    "float32": lambda x: (x / 255).astype(np.float32),
    "float16": lambda x: (x / 255).astype(np.float16),
    "big endian": lambda x: (x / 255).astype(">f4"),
    "not of bytes": lambda x: x / 255 * 0.9 + 0.05,
}
REFUSED: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # what means something else, or nothing
    "signed": lambda x: x / 127.5 - 1,
    "0 to 255 in floats": lambda x: x.astype(float),
    "integers": lambda x: x.astype(int),
    "words": lambda x: x.astype(np.uint16) * 257,
    "bits": lambda x: x > 128,
    "bits in bytes": lambda x: (x > 128).astype(np.uint8),
    "16 levels": lambda x: x // 16,
    "divided twice": lambda x: x / 255 / 255,
    "standardised": lambda x: (x - 120.0) / 60,
    "not finite": lambda x: np.where(x == x.max(), np.nan, x / 255),
    "complex": lambda x: x + 0j,
    "objects": lambda x: x.astype(object),
}
LABELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "int64": lambda y: y,
    "uint8": lambda y: y.astype(np.uint8),
    "big endian": lambda y: y.astype(">i4"),
    "floats": lambda y: y.astype(float),
    "column": lambda y: y[:, None],
    "one-hot": lambda y: np.eye(y.max() + 1)[y],
}
NO_LABELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "from 1": lambda y: y + 1,
    "names": lambda y: np.array([f"class {label}" for label in y]),
    "huge": lambda y: np.where(y == y.max(), 10**15, y),
    "halves": lambda y: y + 0.5,
    "negative": lambda y: y - 1,
    "too few": lambda y: y[1:],
}


@dataclass(frozen=True)
class Arrays:
    """An .npz file: images as bytes (n, C, H, W) and labels, and how they are written; `good`: they can be read."""

    train: np.ndarray
    test: np.ndarray
    labels: tuple[np.ndarray, np.ndarray]
    layout: str
    values: tuple[str, str]
    naming: str
    fortran: bool
    leaked: int

    @property
    def good(self) -> bool:
        return self.values[0] in READ and self.naming in LABELS and self.leaked < 2

    def write(self, path: Path) -> None:
        x, u, (y, v) = self.train, self.test.copy(), self.labels
        u[: self.leaked] = x[: self.leaked]
        form, named = LAYOUTS[self.layout], (LABELS | NO_LABELS)[self.naming]
        first, second = ((READ | REFUSED)[value] for value in self.values)
        arrays: dict[str, Any] = {"x_train": first(form(x)), "x_test": second(form(u))}
        if self.fortran:
            arrays = {name: np.asfortranarray(array) for name, array in arrays.items()}
        np.savez(path, **arrays, y_train=named(y), y_test=named(v))


@st.composite
def arrays(draw: st.DrawFn) -> Arrays:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    classes, channels = draw(st.integers(2, 4)), draw(st.sampled_from([1, 3]))
    height, width = draw(st.integers(4, 9)), draw(st.integers(1, 9))
    sizes = [draw(st.integers(12, 20)) for _ in range(2)]
    labels = [np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)]) for n in sizes]
    train, test = (rng.integers(0, 256, (n, channels, height, width)).astype(np.uint8) for n in sizes)
    for images in (train, test):
        images[0, 0, 0, 0], images[1, 0, 0, 0] = 0, 255  # the range is used
    layout = draw(st.sampled_from([name for name in LAYOUTS if name != "no channel" or channels == 1]))
    value = draw(st.sampled_from([*READ, *READ, *READ, *REFUSED]))
    other = draw(st.sampled_from(list(REFUSED))) if draw(st.integers(0, 9)) == 0 and value in READ else value
    naming = draw(st.sampled_from([*LABELS, *LABELS, *LABELS, *NO_LABELS]))
    leaked = draw(st.sampled_from([*[0] * 12, 1, 2, 9]))
    fortran = draw(st.booleans())
    return Arrays(train, test, (labels[0], labels[1]), layout, (value, other), naming, fortran, leaked)


def meant(case: Arrays, images: np.ndarray) -> np.ndarray:
    """The values in [0, 1] that images (n, C, H, W) are written for, shape (n, d)."""
    white = 255 if case.values[0] == "bytes" else 1
    return READ[case.values[0]](images).reshape(len(images), -1).astype(float) / white


def test_arrays_are_read_right_or_refused(tmp_path):
    seen: Counter[str] = Counter()

    @drawn(150)
    @given(arrays())
    def holds(case: Arrays) -> None:
        case.write(tmp_path / "mine.npz")
        dataset = outcome("npz:mine.npz", tmp_path, seen)
        if dataset is None:
            ambiguous = case.layout.startswith("channels") and min(case.train.shape[2:]) <= 3
            assert not case.good or ambiguous or case.values[0] != case.values[1], "refused without a reason"
            return
        assert case.good
        assert case.values[0] == case.values[1]
        flat = meant(case, case.train)
        assert np.allclose(dataset.values(dataset.train), flat, atol=1e-6)
        assert np.array_equal(dataset.train.labels, case.labels[0])
        tests = meant(case, case.test)
        tests[: case.leaked] = flat[: case.leaked]
        for image, label in zip(dataset.values(dataset.test), dataset.test.labels, strict=True):
            [place] = np.flatnonzero(np.abs(tests - image).max(1) < 1e-6)
            assert case.labels[1][place] == label
        assert len(set(np.bincount(dataset.test.labels).tolist())) == 1
        assert np.bincount(dataset.test.labels)[0] == np.bincount(case.labels[1]).min()

    holds()
    print("arrays:", dict(seen))
    assert min(seen["read"], seen["refused"]) >= 30


# Folders

SIDE = 6
KINDS: dict[str, tuple[str, Callable[[np.ndarray], Image.Image]]] = {  # of pictures (H, W, 3), and what can be read
    "colour": (".png", Image.fromarray),
    "colour in capitals": (".PNG", Image.fromarray),
    "bmp": (".bmp", Image.fromarray),
    "tif": (".tiff", Image.fromarray),
    "grey": (".png", lambda x: Image.fromarray(x[..., 0])),
    "gif": (".gif", lambda x: Image.fromarray(x[..., 0])),
    "pgm": (".pgm", lambda x: Image.fromarray(x[..., 0])),
    "opaque": (".png", lambda x: Image.fromarray(x).convert("RGBA")),
    "grey and opaque": (".png", lambda x: Image.fromarray(x[..., 0]).convert("LA")),
    "16 bits": (".png", lambda x: Image.fromarray(x[..., 0].astype(np.uint16) * 257)),
    "jpeg's other name": (".jfif", Image.fromarray),
}
NO_KINDS: dict[str, tuple[str, Callable[[np.ndarray], Image.Image]]] = {
    "12 of 16 bits": (".png", lambda x: Image.fromarray(x[..., 0].astype(np.uint16) * 16)),
    "floats": (".tif", lambda x: Image.fromarray((x[..., 0] / 255).astype(np.float32))),
    "transparent": (".png", lambda x: Image.fromarray(np.dstack([x, x[..., 0]]))),
    "16 levels": (".png", lambda x: Image.fromarray(x // 16)),
}
COLOURED = {"colour", "colour in capitals", "bmp", "tif", "opaque", "jpeg's other name"}
TURNS = {  # by the number in the file: what a viewer does to show the picture upright
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    6: lambda x: np.rot90(x, 1),
    8: lambda x: np.rot90(x, -1),
}


@dataclass(frozen=True)
class Folders:
    """Class folders: pictures (n, H, W, 3) of each class in both splits, their kind, and what else lies there."""

    pictures: dict[str, tuple[np.ndarray, np.ndarray]]
    kind: str
    litter: bool
    linked: bool
    nested: bool
    turned: int
    defect: str

    def write(self, root: Path) -> None:
        ext, made = (KINDS | NO_KINDS)[self.kind]
        for split, which in (("train", 0), ("val", 1)):
            for name, both in self.pictures.items():
                folder = root / split / name
                if self.linked:
                    (root.parent / "store" / split / name).mkdir(parents=True)
                    folder.parent.mkdir(parents=True, exist_ok=True)
                    folder.symlink_to(root.parent / "store" / split / name)
                (folder / "more").mkdir(parents=True, exist_ok=True)
                for i, x in enumerate(both[which]):
                    file = folder / ("more" if self.nested and i else "") / f"{i}{ext}"
                    exif = Image.Exif()
                    if self.turned and ext == ".png":
                        exif[0x112], x = self.turned, TURNS[self.turned](x)
                    extra = {"exif": exif} if ext.lower() == ".png" and self.turned else {}
                    made(np.ascontiguousarray(x)).save(file, "PNG" if ext == ".jfif" else None, **extra)
                if self.litter:
                    shutil.copytree(folder, root / split / ".ipynb_checkpoints", dirs_exist_ok=True)
                    (folder / "._0.png").write_bytes(b"\0\5\x16\7")
                    (folder / "Thumbs.db").touch()
                    (folder / "notes.txt").write_text("1")
        last = root / "val" / list(self.pictures)[-1]
        if self.defect == "empty class":
            (root / "train/empty").mkdir()
            (root / "val/empty").mkdir()
        elif self.defect == "one class less":
            last.unlink() if self.linked else shutil.rmtree(last)
        elif self.defect == "broken link":
            (last / "x.png").symlink_to(root / "nowhere.png")
        elif self.defect == "damaged":
            (last / "x.png").write_bytes(b"\x89PNG\r\n")
        elif self.defect == "leak":
            for name in self.pictures:
                for file in (root / "train" / name).glob("*.*"):
                    shutil.copy(file, root / "val" / name / f"copy{file.name}")


@st.composite
def folders(draw: st.DrawFn) -> Folders:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    name = st.text(st.characters(categories=["L", "N"], include_characters=" -_.'&;"), min_size=1, max_size=8)
    names = draw(st.lists(name.map(lambda n: f"c{n}e"), min_size=2, max_size=3, unique_by=str.casefold))

    def some() -> np.ndarray:
        x = rng.integers(0, 256, (draw(st.integers(2, 3)), SIDE, SIDE, 3)).astype(np.uint8)
        x[:, 0, 0], x[:, 0, 1] = 0, 255
        return x

    return Folders(
        {name: (some(), some()) for name in names},
        draw(st.sampled_from([*KINDS, *NO_KINDS])),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from([0, 0, *TURNS])),
        draw(st.sampled_from([*[""] * 6, "empty class", "one class less", "broken link", "damaged", "leak"])),
    )


def test_folders_are_read_right_or_refused(tmp_path):
    seen: Counter[str] = Counter()

    @drawn(70)
    @given(folders())
    def holds(case: Folders) -> None:
        for old in ("f", "store"):
            shutil.rmtree(tmp_path / old, ignore_errors=True)
        case.write(tmp_path / "f")
        dataset = outcome("imagefolder:f", tmp_path, seen, SIDE)
        assert (dataset is not None) == (case.kind in KINDS and not case.defect)
        if dataset is None:
            return
        names = sorted(case.pictures)
        assert dataset.names == tuple(names)
        assert dataset.facts.train_per_class == min(len(both[0]) for both in case.pictures.values())
        for label, name in enumerate(names):
            for which, split in ((0, dataset.train), (1, dataset.test)):
                x = case.pictures[name][which]
                x = x if case.kind in COLOURED else x[..., :1].repeat(3, -1)
                expected = {image.transpose(2, 0, 1).tobytes() for image in x}
                found = [image.tobytes() for image in split.images[split.labels == label]]
                assert set(found) <= expected
                assert len(set(found)) == len(found)
                assert which == 1 or len(found) == len(expected)

    holds()
    print("folders:", dict(seen))
    assert min(seen["read"], seen["refused"]) >= 15


# Names and numbers


def test_names_are_taken_as_they_are_or_refused():
    from snakemake.cli import parse_config

    seen: Counter[str] = Counter()

    @drawn(300)
    @given(st.one_of(st.text(max_size=6), st.from_regex(r"[0-9a-z._;&' +-]{1,6}", fullmatch=True)))
    def holds(name: str) -> None:
        found, said = tried(lambda: set_name(name))
        seen["refused" if found is None else "read"] += 1
        if found is None:
            assert "\n" not in said
            assert repr(name) in said
            return
        assert found == name
        assert str(parse_config([f"params={name}"])["params"]) == name  # Snakemake hands it on as it is
        assert not re.search(r"[\s;&|<>()$`\\\"'*?#~=%{}\[\]!/]", name)  # nor does a shell see more in it than a word
        assert not name.startswith(("-", "."))

    holds()
    print("names:", dict(seen))
    assert min(seen["read"], seen["refused"]) >= 30


NUMBER = "[-+]?[0-9]{1,4}([._:x-][0-9]{1,3})?([eE][-+]?[0-9]{1,2})?"


def test_plain_values_of_a_file_are_what_they_look_like(tmp_path):
    path, seen = tmp_path / "a.yaml", Counter[str]()

    @drawn(300)
    @given(
        st.from_regex(
            r"[-+]?[0-9]{1,4}([._:x-][0-9]{1,3})?([eE][-+]?[0-9]{1,2})?|yes|no|on|off|true|Null", fullmatch=True
        )
    )
    def holds(text: str) -> None:
        path.write_text(f"a: {text}\n")
        found = read_yaml(path)["a"]
        if re.fullmatch(r"[-+]?\d[\d_]*", text):
            assert found == int(text.replace("_", ""))
            assert type(found) is int
        elif text in ("true", "Null"):
            assert found is {"true": True, "Null": None}[text]
        elif re.fullmatch(r"[-+]?\d[\d_]*\.?\d*([eE][-+]?\d+)?", text):
            assert found == float(text.replace("_", ""))
        else:
            assert found == text
        seen[type(found).__name__] += 1

    holds()
    print("values:", dict(seen))
    assert min(seen["int"], seen["float"], seen["str"]) >= 20
