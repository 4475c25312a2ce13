"""What people bring: read right, checked against the arrays it was made from, or refused in one sentence."""

import os
import pwd
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from almostnothing import compiling, data, publishing
from almostnothing.data import checks, lookup, readers
from almostnothing.data.folders import listed
from almostnothing.data.lookup import VARIABLE
from almostnothing.errors import UserError

CLASSES = ("c0", "c1", "c2")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    """Nothing is remembered from elsewhere, and no test leaves anything behind."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)
    data.load.cache_clear()


def toy(n_train: int = 48, n_test: int = 24) -> dict[str, np.ndarray]:
    """Coloured pictures of 8x8 pixels, (n, H, W, C) bytes, of three classes."""
    rng = np.random.default_rng(0)
    prototypes = rng.integers(0, 256, (3, 8, 8, 3))

    def split(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(n) % 3
        return np.clip(prototypes[labels] + rng.normal(0, 40, (n, 8, 8, 3)), 0, 255).astype(np.uint8), labels

    (x, y), (u, v) = split(n_train), split(n_test)
    return {"x_train": x, "y_train": y, "x_test": u, "y_test": v}


def write_npz(folder: Path, **changes: np.ndarray) -> str:
    arrays: dict[str, Any] = {**toy(), **changes}
    np.savez(folder / "mine.npz", **arrays)
    return "npz:mine.npz"


def write_pictures(folder: Path, ext: str = "png", convert=lambda picture: picture) -> Path:
    """The first 12 pictures of both splits of `toy` in class folders; the other way to make the same data set."""
    made = toy()
    for split, x, y in (("train", made["x_train"], made["y_train"]), ("val", made["x_test"], made["y_test"])):
        for i in range(12):
            file = folder / "f" / split / CLASSES[y[i]] / f"{i:03}.{ext}"
            file.parent.mkdir(parents=True, exist_ok=True)
            convert(Image.fromarray(x[i])).save(file)
    return folder / "f"


def read(folder: Path, name: str) -> data.Dataset:
    source = data.source(name, folder, image_size=8 if name.startswith("imagefolder") else None)
    return data.load(source, folder)


def pictures(folder: Path) -> data.Dataset:
    return read(folder, "imagefolder:f")


def as_made(dataset: data.Dataset) -> bool:
    """Whether these are the pictures and labels of `write_pictures`."""
    made, good = toy(), True
    for ours, x, y in (
        (dataset.train, made["x_train"], made["y_train"]),
        (dataset.test, made["x_test"], made["y_test"]),
    ):
        order = np.argsort(y[:12], kind="stable")
        good &= np.array_equal(ours.images, x[:12][order].transpose(0, 3, 1, 2).reshape(12, -1))
        good &= np.array_equal(ours.labels, y[:12][order])
    return good and dataset.names == CLASSES and dataset.facts.classes == 3 and dataset.facts.train_per_class == 4


def refused(folder: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read(folder, name)
    assert "\n" not in str(caught.value)
    assert name.partition(":")[2] in str(caught.value)


# Identity: content, whatever size and time its files have


def keep_time(file: Path, change) -> None:
    before = file.stat()
    change(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_a_picture_that_is_overwritten_with_equal_size_and_time_is_another_data_set(tmp_path):
    root = write_pictures(tmp_path, "bmp")
    first = pictures(tmp_path).source
    keep_time(root / "train/c0/000.bmp", lambda f: shutil.copyfile(root / "train/c0/003.bmp", f))
    second = data.source("imagefolder:f", tmp_path, image_size=8)
    assert (first.facts.arrays, first.facts.content) != (second.facts.arrays, second.facts.content)
    assert second.facts.arrays == readers.imagefolder(root, 8).digest


def test_classes_that_change_places_are_another_data_set(tmp_path):
    root = write_pictures(tmp_path, "bmp")
    for file in root.rglob("*.bmp"):  # as a program that unpacks an archive leaves them
        os.utime(file, (1, 1))
    for number, folder in enumerate(sorted(root.glob("train/*"))):
        for index, file in enumerate(sorted(folder.iterdir())):
            file.rename(folder / f"{index}.bmp")
        assert number < 3
    first = data.source("imagefolder:f", tmp_path, image_size=8)
    for old, new in (("c0", "t"), ("c1", "c0"), ("t", "c1")):
        (root / "train" / old).rename(root / "train" / new)
    assert data.source("imagefolder:f", tmp_path, image_size=8) != first


def test_arrays_of_equal_size_and_time_are_another_data_set(tmp_path):
    first = data.source(write_npz(tmp_path), tmp_path)
    other = np.roll(toy()["x_train"], 3, 0)
    keep_time(tmp_path / "mine.npz", lambda _: write_npz(tmp_path, x_train=other))
    assert data.source("npz:mine.npz", tmp_path).facts.arrays != first.facts.arrays


def test_what_is_watched_notices_new_pictures_and_folders(tmp_path):
    root = write_pictures(tmp_path)
    source = data.source("imagefolder:f", tmp_path, image_size=8)
    before = {path: path.stat().st_mtime_ns for path in lookup.watched(source, tmp_path)}
    assert {root, root / "train", root / "val/c1", root / "train/c0/000.png"} <= set(before)
    os.utime(root / "train/c1", (1, 1))
    shutil.copy(root / "train/c0/000.png", root / "train/c1/new.png")
    assert (root / "train/c1").stat().st_mtime_ns != 10**9
    shutil.rmtree(root)
    assert lookup.watched(source, tmp_path) == [root]  # where they will be
    assert lookup.watched(data.source("digits"), tmp_path) == []


def test_names_of_pictures_are_no_content(tmp_path):
    root = write_pictures(tmp_path)
    first = data.source("imagefolder:f", tmp_path, image_size=8)
    for file in root.rglob("*.png"):
        file.rename(file.with_name(f"picture-{file.name}"))
    assert data.source("imagefolder:f", tmp_path, image_size=8) == first


# Leakage: by content, in any order and in part


@pytest.mark.parametrize(
    ("rows", "count"), [(np.arange(24), 24), (np.arange(48)[::-1][:24], 24), ([5, 9], 2), ([40, 41, 42], 3)]
)
def test_test_images_that_are_training_images_are_refused_in_any_order_and_in_part(tmp_path, rows, count):
    made = toy()
    x_test, y_test = made["x_test"], made["y_test"]
    x_test[: len(rows)], y_test[: len(rows)] = made["x_train"][rows], made["y_train"][rows]
    some = rf"{count} of 24 test images are training images \(number 0 of the test set is number {rows[0]}\)"
    refused(tmp_path, write_npz(tmp_path, x_test=x_test, y_test=y_test), some)


def test_a_single_repeated_image_is_said(tmp_path, capsys):
    made = toy()
    made["x_test"][4] = made["x_train"][7]
    read(tmp_path, write_npz(tmp_path, x_test=made["x_test"]))
    assert "1 of 24 test images is a training image (number 4 of the test set is number 7)" in capsys.readouterr().err


def test_pictures_for_testing_that_are_those_for_training(tmp_path):
    root = write_pictures(tmp_path)
    for name in CLASSES:  # copies under other names
        shutil.rmtree(root / "val" / name)
        shutil.copytree(root / "train" / name, root / "val" / name)
        for file in (root / "val" / name).iterdir():
            file.rename(file.with_name(f"z{100 - int(file.stem)}.png"))
    refused(tmp_path, "imagefolder:f", "12 of 12 test images are training images")


def test_equal_images_with_different_labels_are_said(tmp_path, capsys):
    made = toy()
    made["x_train"][1] = made["x_train"][0]
    source = data.source(write_npz(tmp_path, x_train=made["x_train"]), tmp_path)
    said = capsys.readouterr().err
    assert "npz:mine.npz: equal images have different labels, 1 times" in said
    assert "1 training images are there more than once" in said
    assert len(lookup.remarks(source, tmp_path)) == 2
    assert capsys.readouterr().err == ""  # what is remembered is not said again, but can be asked for


# Scale


X, U = toy()["x_train"], toy()["x_test"]


@pytest.mark.parametrize(
    ("x_train", "x_test", "message"),
    [
        ((X > 128).astype(np.uint8), (U > 128).astype(np.uint8), "all pixels lie between 0 and 1 of 255"),
        (X // 16, U // 16, "all pixels lie between 0 and 15 of 255, .* 0 to 0 and 15 to 255 in bytes, or to 1 in fl"),
        (X // 2, U // 2, "between 0 and 127 of 255"),
        (X / 255 / 255, U / 255 / 255, "all pixels lie between 0 and 0.00392157 of 1"),
        (X / 255 / 255, U / 255, "training images lie between 0 and 0.00392157 of 1, test images between 0 and 1"),
        (X / 255, U / 255 / 2, "scale both splits by one number"),
        (X, (U / 2).astype(np.uint8), "test images between 0 and 127: scale both splits by one number"),
        (X.astype(float), U / 255, "x_train holds values outside .*: divide x_train and x_test alike by 255"),
        (X / 255, U.astype(float), "x_test holds values outside .*: divide x_train and x_test alike by 255"),
        (X / 127.5 - 1, U / 127.5 - 1, r"take \(x \+ 1\) / 2 of x_train and x_test alike"),
        ((X - 120.0) / 60, (U - 120.0) / 60, r"undo their standardisation, .* or take \(x - -2\) / 4.25 of"),
        (X.astype(int) - 128.0, U.astype(int) - 128.0, r"from -128 to 127: take \(x \+ 128\) / 255"),
        (X * 257.0, U * 257.0, "divide x_train and x_test alike by 65535"),
        (X.astype(int), U.astype(int), r"holds int64: they fit into bytes, take .astype\(np.uint8\)"),
        (X * np.uint16(257), U * np.uint16(257), "holds uint16: they run from 0 to 65535, divide x_train and x_test a"),
        (X > 128, U > 128, r"holds bool: take .astype\(np.float32\)"),
        (X / 255 * 1.0001, U / 255, r"clip x_train and x_test alike to \[0, 1\]"),
        (X, U / 255, "x_train holds uint8 and x_test float64, different types"),
        (np.full(X.shape, 0.3), np.full(U.shape, 0.3), "all images are alike, every pixel is 0.3 of 1"),
    ],
)
def test_a_wrong_scale_is_one_sentence_with_advice_that_helps(tmp_path, x_train, x_test, message):
    refused(tmp_path, write_npz(tmp_path, x_train=x_train, x_test=x_test), message)


@pytest.mark.parametrize(
    "advised",
    [lambda x: ((x > 128) / 1.0).astype(np.float32), lambda x: x / 127.5 / 2, lambda x: (x / 127.5 - 1 + 1) / 2],
)
def test_what_is_advised_is_read(tmp_path, advised):
    dataset = read(tmp_path, write_npz(tmp_path, x_train=advised(X), x_test=advised(U)))
    expected = advised(X).transpose(0, 3, 1, 2).reshape(len(X), -1)
    assert np.allclose(dataset.values(dataset.train), expected, atol=1e-6)


def test_splits_of_different_brightness_are_said(tmp_path, capsys):
    dark = (U.astype(float) ** 4 / 255**3).astype(np.uint8)
    read(tmp_path, write_npz(tmp_path, x_test=dark))
    assert "were they made in the same way?" in capsys.readouterr().err


# Labels


@pytest.mark.parametrize("change", [lambda y: y[:, None], lambda y: np.eye(3)[y], lambda y: y.astype(float)])
def test_labels_in_other_words_are_the_same_labels(tmp_path, change):
    y, v = toy()["y_train"], toy()["y_test"]
    dataset = read(tmp_path, write_npz(tmp_path, y_train=change(y), y_test=change(v)))
    assert dataset.train.labels.dtype == np.int64
    assert np.array_equal(dataset.train.labels, y)
    assert np.array_equal(dataset.test.labels, v)


Y, V = toy()["y_train"], toy()["y_test"]


@pytest.mark.parametrize(
    ("y_train", "y_test", "message"),
    [
        (Y + 1, V + 1, r"class 0 \(0\) has no training image: labels begin at 0, so subtract 1"),
        (np.where(Y == 2, 10**12, Y), V, "y_train holds the label 1000000000000, but only 48 images"),
        (np.where(Y == 2, 2**64 - 1, Y.astype(np.uint64)), V, "y_train holds the label 18446744073709551615"),
        (Y, np.where(V == 2, 10**12, V), "y_test holds the label 1000000000000, but only 24 images"),
        (np.array(CLASSES)[Y], V, "y_train holds names: save whole numbers"),
        (np.eye(3)[Y] * 0.5, V, "its rows are not one-hot"),
        (np.where(Y == 2, np.nan, Y), V, "y_train must hold 48 integers"),
    ],
)
def test_impossible_labels_are_one_sentence(tmp_path, y_train, y_test, message):
    refused(tmp_path, write_npz(tmp_path, y_train=y_train, y_test=y_test), message)


# Layouts


def test_the_axis_of_images_that_comes_last_is_named(tmp_path):
    grey = {"x_train": X[..., 0].transpose(1, 2, 0), "x_test": U[..., 0].transpose(1, 2, 0)}
    refused(tmp_path, write_npz(tmp_path, **grey), r"has its 48 images along the last axis: .*np.moveaxis\(x, -1, 0\)")


def test_an_ambiguous_place_of_the_channels_is_refused(tmp_path):
    refused(tmp_path, write_npz(tmp_path, x_train=X[:, :3], x_test=U[:, :3].copy()), "could hold its channels first or")


def smooth(n: int, seed: int) -> np.ndarray:
    """Colour images (n, 3, 16, 16) of smooth gradients, as photographs are."""
    rng = np.random.default_rng(seed)
    up, across = np.mgrid[0:1:16j, 0:1:16j]
    a, b, c = rng.random((3, n, 3, 1, 1))
    x = a * up + b * across + 0.3 * c * np.sin(9 * up * across)
    x = (x - x.min()) / (x.max() - x.min())
    return (x * 255).astype(np.uint8)


def test_rows_are_three_planes_and_rows_of_pixels_are_found_out(tmp_path):
    x, u = smooth(48, 1), smooth(24, 2)
    planes = read(tmp_path, write_npz(tmp_path, x_train=x.reshape(48, -1), x_test=u.reshape(24, -1)))
    assert np.array_equal(planes.train.images, x.reshape(48, -1))
    beside = [images.transpose(0, 2, 3, 1).reshape(len(images), -1) for images in (x, u)]
    message = r"red, green and blue stand beside each other .* save the shape \(n, 16, 16, 3\) instead"
    refused(tmp_path, write_npz(tmp_path, x_train=beside[0], x_test=beside[1]), message)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("y_train", np.array(3), "y_train must hold 48 integers"),
        ("y_test", np.zeros((24, 0)), "y_test .* its rows are not one-hot"),
        ("x_train", np.array(3), "x_train must hold images of shape"),
        ("x_test", np.zeros((0, 8, 8, 3), np.uint8), "x_test must hold images of shape"),
        ("x_train", np.zeros(48, [("r", "u1"), ("g", "u1")]), "x_train must hold images of shape"),
        ("x_train", np.full((48, 8, 8), "a"), "x_train must hold bytes or floats"),
        ("x_train", np.zeros((48, 8, 8), "M8[s]"), "x_train must hold bytes or floats"),
        ("y_train", np.zeros(48, "M8[s]"), "y_train must hold 48 integers"),
        ("y_train", np.zeros(48, [("r", "u1")]), "y_train must hold 48 integers"),
    ],
)
def test_arrays_of_no_meaning_are_one_sentence(tmp_path, name, array, message):
    refused(tmp_path, write_npz(tmp_path, **{name: array}), message)


# Balance


def test_of_unequal_test_classes_as_many_are_taken(tmp_path, capsys):
    keep = np.flatnonzero((V != 2) | (np.arange(24) < 9))  # 8, 8, 3
    source = data.source(write_npz(tmp_path, x_test=U[keep], y_test=V[keep]), tmp_path)
    said = capsys.readouterr().err
    assert "unequal, from 3 to 8 images: 3 of each, drawn at random once, are used, 9 of 19; so chance is 1/3" in said
    dataset = data.load(source, tmp_path)
    assert np.bincount(dataset.test.labels).tolist() == [3, 3, 3]
    there = {image.tobytes(): label for image, label in zip(U.transpose(0, 3, 1, 2).reshape(24, -1), V, strict=True)}
    assert [there[image.tobytes()] for image in dataset.test.images] == dataset.test.labels.tolist()
    assert len({image.tobytes() for image in dataset.test.images}) == 9


def test_equal_test_classes_stay_as_they_are(tmp_path):
    dataset = read(tmp_path, write_npz(tmp_path))
    assert np.array_equal(dataset.test.images, U.transpose(0, 3, 1, 2).reshape(24, -1))


# Class folders


def litter(root: Path) -> None:
    for split in ("train", "val"):
        shutil.copytree(root / split / "c0", root / split / ".ipynb_checkpoints")
        for folder in ("c0", "c1"):
            shutil.copytree(root / split / "c2", root / split / folder / ".ipynb_checkpoints")
        (root / split / "__MACOSX").mkdir()
        for file in ("__MACOSX/._a.png", "c0/._000.png", ".DS_Store", "c1/Thumbs.db", "c2/.hidden.png"):
            (root / split / file).write_bytes(b"\0\5\x16\7" + bytes(100))


def linked(root: Path) -> None:
    for split in ("train", "val"):
        for name in CLASSES:
            shutil.move(root / split / name, root.parent / "store" / split / name)
            (root / split / name).symlink_to((root.parent / "store" / split / name).resolve())


def one_linked(root: Path) -> None:
    shutil.move(root / "train/c2", root.parent / "c2")
    (root / "train/c2").symlink_to((root.parent / "c2").resolve())


def half_gif(root: Path) -> None:
    for file in sorted(root.rglob("*.png"))[::2]:
        Image.open(file).save(file.with_suffix(".GIF"))
        file.unlink()


def as_jfif(root: Path) -> None:
    for file in sorted(root.rglob("*.png"))[::3]:
        file.rename(file.with_suffix(".jfif"))  # the content tells what a picture is


def below(root: Path) -> None:
    for folder in sorted(root.glob("*/c?")):
        for file in sorted(folder.iterdir())[2:]:
            (folder / "more").mkdir(exist_ok=True)
            file.rename(folder / "more" / file.name)


@pytest.mark.parametrize("change", [litter, linked, one_linked, as_jfif, below])
def test_folders_as_people_have_them_are_read_right(tmp_path, change, capsys):
    change(write_pictures(tmp_path))
    assert as_made(pictures(tmp_path))
    assert capsys.readouterr().err == ""


def test_pictures_with_other_names_are_read(tmp_path):
    half_gif(write_pictures(tmp_path))
    dataset = pictures(tmp_path)
    assert np.bincount(dataset.train.labels).tolist() == [4, 4, 4]


def test_files_that_are_left_out_are_said(tmp_path, capsys):
    root = write_pictures(tmp_path)
    Image.fromarray(X[0]).save(root / "train/preview.png")
    (root / "train/c1/boxes.xml").write_text("<>")
    (root / "val/c1/photo.heic").write_bytes(b"x")
    assert as_made(pictures(tmp_path))
    assert "left out: " in (said := capsys.readouterr().err)
    assert all(name in said for name in ("train/preview.png", "c1/boxes.xml", "c1/photo.heic"))


def test_folders_that_cannot_be_read_are_one_sentence(tmp_path):
    root = write_pictures(tmp_path)
    (root / "train/c1/new.png").symlink_to(tmp_path / "nowhere.png")
    refused(tmp_path, "imagefolder:f", "c1/new.png is a link that leads nowhere")
    (root / "train/c1/new.png").unlink()
    (root / "train/c1/loop").symlink_to(root / "train/c1")
    refused(tmp_path, "imagefolder:f", "c1/loop is a link to a folder that it lies in")
    (root / "train/c1/loop").unlink()
    for file in sorted(root.rglob("*.png")):
        file.rename(file.parents[1] / f"{file.parent.name}_{file.name}")
    refused(tmp_path, "imagefolder:f", "f/train/c0 holds no picture")
    for folder in root.glob("*/c?"):
        folder.rmdir()
    refused(tmp_path, "imagefolder:f", "f/train holds no class folder: put the pictures of each class into a folder")


def test_one_listing_serves_planning_and_reading(tmp_path):
    root = write_pictures(tmp_path)
    linked(root)
    found = listed(root)
    assert found.classes == CLASSES
    assert list(map(len, found.train)) == [4, 4, 4] == np.bincount(pictures(tmp_path).train.labels).tolist()
    assert sorted(found.files) == sorted(lookup._files("imagefolder", "f", tmp_path))


# Pictures


def grey(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"))


@pytest.mark.parametrize(
    ("convert", "ext"),
    [
        (lambda p: Image.fromarray(grey(p).astype(np.uint16) * 257), "png"),
        (lambda p: Image.fromarray(grey(p).astype(np.uint16) * 257), "tif"),
        (lambda p: p.convert("L"), "png"),
        (lambda p: p.convert("L").convert("RGBA"), "png"),
        (lambda p: p.convert("L").convert("LA"), "png"),
    ],
)
def test_grey_pictures_of_any_depth_have_the_values_of_8_bits(tmp_path, convert, ext):
    write_pictures(tmp_path, ext, convert)
    found = pictures(tmp_path).train.images.reshape(12, 3, 8, 8)
    order = np.argsort(Y[:12], kind="stable")
    expected = np.stack([grey(Image.fromarray(X[i])) for i in order])
    assert all(np.array_equal(found[:, channel], expected) for channel in range(3))


@pytest.mark.parametrize(
    ("convert", "ext", "message"),
    [
        (
            lambda p: Image.fromarray(grey(p).astype(np.uint16) * 16),
            "png",
            "no 16-bit picture has a value above 40.. of 65535: values of 12 bits .* multiply all of them by 16",
        ),
        (lambda p: Image.fromarray((grey(p) / 255).astype(np.float32)), "tif", "c0/000.tif holds floats"),
        (lambda p: Image.fromarray(grey(p).astype(np.int32) * 9999), "tif", "c0/000.tif holds whole numbers of 32"),
        (
            lambda p: Image.fromarray(np.dstack([np.zeros((8, 8, 3), np.uint8), grey(p)]), "RGBA"),
            "png",
            "c0/000.png is transparent in .* of its pixels",
        ),
        (lambda p: p.convert("LAB"), "tif", "c0/000.tif has colours of the kind LAB"),
        (lambda p: Image.new("L", (60, 60 * 51)), "png", "c0/000.png has too many pixels, 60x3060"),
        (lambda p: Image.fromarray(np.asarray(p) // 3), "png", "all pixels lie between 0 and 85 of 255"),
    ],
)
def test_pictures_without_one_meaning_are_refused_by_name(tmp_path, convert, ext, message):
    write_pictures(tmp_path, ext, convert)
    refused(tmp_path, "imagefolder:f", message)


def test_moving_pictures_and_huge_ones_are_refused_by_name(tmp_path):
    root = write_pictures(tmp_path)
    Image.new("1", (20_000, 20_000)).save(root / "train/c0/000.png")
    refused(tmp_path, "imagefolder:f", "c0/000.png has too many pixels.*: make it smaller")
    (root / "train/c0/000.png").unlink()
    frames = [Image.new("L", (8, 8), value) for value in (0, 255)]
    frames[0].save(root / "train/c0/000.gif", save_all=True, append_images=frames[1:])
    refused(tmp_path, "imagefolder:f", "c0/000.gif holds 2 pictures")
    (root / "train/c0/000.gif").write_bytes(b"no picture")
    refused(tmp_path, "imagefolder:f", "c0/000.gif cannot be read as a picture")


def test_pictures_are_turned_as_viewers_turn_them(tmp_path):
    root = tmp_path / "f"
    for split, name, i in [(s, n, i) for s in ("train", "val") for n in ("a", "b") for i in range(8)]:
        picture = np.zeros((16, 16, 3), np.uint8)
        picture[:8] = 255
        picture[0, 0] = 7 * i + 60 * (name == "b") + 120 * (split == "val")
        image, exif = Image.fromarray(picture), Image.Exif()
        turn = [None, *Image.Transpose][i]
        if turn is not None:  # the orientation that undoes the turn
            undo = {0: 2, 1: 4, 2: 6, 3: 3, 4: 8, 5: 5, 6: 7}
            image, exif[0x112] = image.transpose(turn), undo[int(turn)]
        file = root / split / name / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file, exif=exif)
    dataset = data.load(data.source("imagefolder:f", tmp_path, image_size=16), tmp_path)
    found = dataset.train.images.reshape(-1, 3, 16, 16)
    assert found[:, :, 1:8].min() == 255
    assert found[:, :, 8:].max() == 0


# More than fits


def test_more_than_the_machine_s_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    write_pictures(tmp_path)
    write_npz(tmp_path)
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PHYS_PAGES": 1, "SC_PAGE_SIZE": 2000}[name])
    for name in ("imagefolder:f", "npz:mine.npz"):
        refused(tmp_path, name, "would need .* GiB of memory, but this machine has 0.0: take fewer or smaller images")


def test_a_damaged_member_of_an_archive(tmp_path):
    write_npz(tmp_path)
    with zipfile.ZipFile(tmp_path / "mine.npz", "w") as archive:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00\x02\x00{}")
    refused(tmp_path, "npz:mine.npz", "mine.npz cannot be read as .npz")


# No home


@pytest.fixture
def homeless(monkeypatch):
    """A user without a home and without an entry in the system's list, as in a container."""

    def unknown(_: object) -> None:
        raise KeyError("no entry")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RuntimeError):
        Path.home()


def test_without_a_home_results_has_the_cache(tmp_path, homeless, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lookup.cache_folder() == data.folder() == Path("results/cache/almostnothing")
    assert read(tmp_path, write_npz(tmp_path)).facts.classes == 3
    assert list(Path("results/cache/almostnothing/facts").glob("*.sealed"))
    assert compiling.folder().is_dir()
    with publishing.own_settings():
        assert Path.home() == tmp_path / "results/settings"
        assert lookup.cache_folder() == tmp_path / "results/cache/almostnothing"


def test_a_home_that_nobody_knows_is_one_sentence(tmp_path, homeless, monkeypatch):
    with pytest.raises(UserError, match="~/mine.npz begins with a home folder .* not known: write the whole path"):
        data.source("npz:~/mine.npz", tmp_path)
    monkeypatch.setenv(VARIABLE, "~nobody-of-that-name/data")
    with pytest.raises(UserError, match="write the whole path"):
        data.folder()


def test_the_originals_pass_without_a_remark():
    digits = data.load(data.source("digits"))
    raw = readers.digits()
    assert checks.repeated(raw) == []
    assert checks.remarks(raw) == []
    assert len(digits.test.labels) == len(raw.test.labels)
