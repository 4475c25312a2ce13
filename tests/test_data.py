import functools
import gzip
import hashlib
import http.server
import os
import pickle
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from almostnothing import data, streams
from almostnothing.data import readers
from almostnothing.data.arrays import Split
from almostnothing.data.common import CORRUPTIONS, common_tests
from almostnothing.data.datasets import Remembering
from almostnothing.data.lookup import VARIABLE
from almostnothing.data.transforms import downsampled, permuted
from almostnothing.errors import UserError

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
real_files = pytest.mark.skipif(
    not (SHARED / "data/MNIST").is_dir(), reason="needs the original files of MNIST and Fashion-MNIST in ../shared/data"
)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    """Nothing is remembered from elsewhere, and no test leaves anything behind."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)
    data.load.cache_clear()


def digits() -> data.Dataset:
    return data.load(data.source("digits"))


# Made-up sets in the published formats


def idx_bytes(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


@pytest.fixture
def kmnist(tmp_path, monkeypatch) -> Path:
    """A data folder with 40 training and 20 test images in the files of KMNIST, and checksums that fit them."""
    from almostnothing.data.torchvision import datasets

    raw = tmp_path / "data/KMNIST/raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(0, 256, (40, 28, 28)),
        np.arange(40) % 10,
        rng.integers(0, 256, (20, 28, 28)),
        np.arange(20) % 10,
    ]
    sums = []
    for (name, _), array in zip(datasets.KMNIST.resources, arrays, strict=True):
        (raw / name).write_bytes(idx_bytes(array))
        sums.append((name, hashlib.md5((raw / name).read_bytes()).hexdigest()))
    monkeypatch.setattr(datasets.KMNIST, "resources", sums)
    monkeypatch.setattr(datasets.KMNIST, "mirrors", [f"file://{tmp_path}/nowhere/"])
    return tmp_path / "data"


@pytest.fixture
def cifar(tmp_path, monkeypatch) -> Path:
    """A data folder with CIFAR-10's batches of 20 images each, and CIFAR-10-C's files of 10 images a severity."""
    from almostnothing.data.torchvision import datasets

    base = tmp_path / "data/cifar-10-batches-py"
    base.mkdir(parents=True)
    rng = np.random.default_rng(0)
    kind = datasets.CIFAR10

    def write(name: str, content: dict) -> str:
        (base / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((base / name).read_bytes()).hexdigest()

    def batch(name: str) -> list[str]:
        images = rng.integers(0, 256, (20, 3072), dtype=np.uint8)
        return [name, write(name, {"data": images, "labels": list(np.arange(20) % 10)})]

    monkeypatch.setattr(kind, "train_list", [batch(name) for name, _ in kind.train_list])
    monkeypatch.setattr(kind, "test_list", [batch(name) for name, _ in kind.test_list])
    names = {"label_names": [f"thing {i}" for i in range(10)]}
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": write("batches.meta", names)})
    monkeypatch.setattr(kind, "url", f"file://{tmp_path}/nowhere.tar.gz")
    corrupted = tmp_path / "data/CIFAR-10-C"
    corrupted.mkdir()
    np.save(corrupted / "labels.npy", np.tile(np.arange(10), 5).astype(np.uint8))
    for name in ("fog", "snow"):
        np.save(corrupted / f"{name}.npy", rng.integers(0, 256, (50, 32, 32, 3), dtype=np.uint8))
    return tmp_path / "data"


def arrays(**changes) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    made: dict[str, np.ndarray] = {
        "x_train": rng.integers(0, 256, (30, 4, 6, 3), dtype=np.uint8),
        "y_train": np.arange(30) % 3,
        "x_test": rng.integers(0, 256, (12, 4, 6, 3), dtype=np.uint8),
        "y_test": np.arange(12) % 3,
    }
    return made | changes


def write_npz(folder: Path, **changes) -> str:
    kept: dict[str, Any] = {name: value for name, value in arrays(**changes).items() if value is not None}
    np.savez(folder / "mine.npz", **kept)
    return "npz:mine.npz"


def write_pictures(folder: Path, classes=("cat", "dog"), splits=("train", "val"), each: int = 3) -> str:
    rng = np.random.default_rng(2)
    for split in splits:
        for label, name in enumerate(classes):
            (folder / "pictures" / split / name).mkdir(parents=True, exist_ok=True)
            for i in range(each + label):
                pixels = np.full((20, 30, 3), 40 + 180 * label, np.uint8) + rng.integers(
                    0, 9, (20, 30, 3), dtype=np.uint8
                )
                Image.fromarray(pixels).save(folder / "pictures" / split / name / f"{i}.png")
    return "imagefolder:pictures"


# The embedded digits


def test_digits_are_all_there_once():
    from sklearn.datasets import load_digits

    dataset = digits()
    ours = np.concatenate([dataset.train.images, dataset.test.images])
    theirs = load_digits().data
    assert sorted(map(bytes, ours)) == sorted(map(bytes, theirs.astype(np.uint8)))
    assert np.bincount(dataset.test.labels).tolist() == [50] * 10
    assert np.bincount(dataset.train.labels).min() == dataset.facts.train_per_class
    assert dataset.values(dataset.test).min() == 0
    assert dataset.values(dataset.test).max() == 1


# Subsets


@pytest.mark.parametrize("seed", [0, 7])
def test_subsets_are_balanced_and_nested(seed):
    dataset = digits()
    small, large = (dataset.subset(n, seed) for n in (100, 1240))
    assert np.bincount(dataset.train.labels[small]).tolist() == [10] * 10
    assert len(set(large)) == 1240
    assert set(small) < set(large)


def test_subsets_vary_with_the_seed():
    dataset = digits()
    assert set(dataset.subset(100, 0)) != set(dataset.subset(100, 1))


def test_validation_is_balanced_nested_and_disjoint_from_every_subset_beside_it():
    dataset = digits()
    small, large = (dataset.validation(n, 3) for n in (100, 240))
    assert np.bincount(dataset.train.labels[large]).tolist() == [24] * 10
    assert set(small) < set(large)
    assert not set(large) & set(dataset.subset(1000, 3))
    data.check_train_size(dataset.source, 1000, 240)
    with pytest.raises(UserError, match="train_size 1010 and validation 240 would overlap: digits has 1240 images"):
        data.check_train_size(dataset.source, 1010, 240)


def test_what_remembers_orders_draws_each_once_and_takes_the_same_images(monkeypatch):
    drawn = []

    def watched(key: np.ndarray, n: int) -> np.ndarray:
        drawn.append(key.tobytes())
        return permutation(key, n)

    plain, permutation = digits(), streams.permutation
    wanted = [[plain.subset(100, seed), plain.validation(100, seed)] for seed in (0, 1)]
    monkeypatch.setattr(streams, "permutation", watched)
    remembering = Remembering.of(plain)
    for _ in range(3):
        found = [[remembering.subset(100, seed), remembering.validation(100, seed)] for seed in (0, 1)]
        assert np.array_equal(found, wanted)
    assert len(drawn) == len(set(drawn)) == 2 * plain.facts.classes


@pytest.mark.parametrize("size", [0, 105, 1250])
def test_impossible_size_is_one_sentence(size):
    with pytest.raises(UserError, match=rf"train_size {size} cannot be had from digits: .* multiple of its 10 classes"):
        data.check_train_size(data.source("digits"), size)


# Names, folders, transforms


@pytest.mark.parametrize("name", ["mnits", "npz:", "imagefolder", "cifar10d:fog"])
def test_unknown_data_set_names_the_known_ones(name):
    with pytest.raises(UserError, match=f"no data set is called '{name}': the known ones are digits, mnist"):
        data.source(name)


def test_the_data_folder(monkeypatch, tmp_path):
    assert data.folder() == tmp_path / "cache/almostnothing"
    assert data.folder("here", Path("project")) == Path("project/here")
    assert data.folder("/there", Path("project")) == Path("/there")
    monkeypatch.setenv(VARIABLE, "/elsewhere")
    assert data.folder("/there") == Path("/elsewhere")


def test_downsampling_is_the_mean_over_blocks_without_rounding():
    whole, half = digits(), data.load(data.source("digits", downsample=2))
    blocks = whole.values(whole.test).astype(float).reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16)
    assert half.facts.shape == (1, 4, 4)
    assert np.array_equal(half.values(half.test), blocks.astype(np.float32))
    assert half.train.images.dtype == np.int16
    assert np.array_equal(half.subset(100, 0), whole.subset(100, 0))
    with pytest.raises(UserError, match="downsample 3 does not divide the sides of digits's images, 8x8"):
        data.source("digits", downsample=3)


def test_downsampling_keeps_channels_apart():
    x = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 6), dtype=np.uint8)
    made = downsampled(x.reshape(5, -1), (3, 4, 6), 2).reshape(5, 3, 2, 3)
    assert np.array_equal(made[:, 1, 1, 2], x[:, 1, 2:, 4:].astype(int).sum((1, 2)))
    assert np.allclose(downsampled(x.reshape(5, -1) / 255, (3, 4, 6), 2), made.reshape(5, -1) / (4 * 255))


def test_projection_has_the_rank_and_is_the_best_one():
    whole, low = digits(), data.load(data.source("digits", pca_rank=5))
    x, y = whole.values(whole.train).astype(float), low.values(low.train).astype(float)
    centre = x.mean(0)
    assert np.linalg.matrix_rank(y - centre, tol=1e-3) == 5
    singular = np.linalg.svd(x - centre, compute_uv=False)
    assert ((x - y) ** 2).sum() == pytest.approx((singular[5:] ** 2).sum(), rel=1e-5)  # Eckart and Young
    with pytest.raises(UserError, match="pca_rank 65 cannot be had from digits: it is at most 64"):
        data.source("digits", pca_rank=65)


def test_pixel_counts_of_images_that_are_no_bytes():
    low = data.load(data.source("digits", pca_rank=5))
    counts, first, last = low.pixel_counts
    level = np.linspace(first, last, len(counts))
    assert np.average(level, weights=counts) == pytest.approx(low.train.images.mean(dtype=float), abs=1e-4)


def test_a_permutation_exchanges_places_and_keeps_images():
    whole, first, second = (data.load(data.source("digits", permutation=seed)) for seed in (None, 0, 1))
    assert not np.array_equal(whole.train.images, first.train.images)
    assert not np.array_equal(first.train.images, second.train.images)
    # one permutation for all images of both splits: the sorted columns agree
    for split in ("train", "test"):
        columns = [sorted(map(tuple, getattr(d, split).images.T)) for d in (whole, first, second)]
        assert columns[0] == columns[1] == columns[2]
    order = [list(map(tuple, whole.train.images.T)).index(column) for column in map(tuple, first.train.images.T)]
    np.testing.assert_array_equal(whole.test.images[:, order][:, 20:40], first.test.images[:, 20:40])


def test_a_permutation_keeps_the_channels_of_a_place_together():
    facts = data.Facts(2, (3, 2, 2), 1, "")
    images = np.arange(12)[None] % 4 + 10 * (np.arange(12)[None] // 4)
    moved = permuted(images, data.Source("made up", facts, None, 1, None, 3)).reshape(3, 4)
    assert set(moved[0]) == {0, 1, 2, 3}
    np.testing.assert_array_equal(moved - moved[0], np.array([[0], [10], [20]]) + np.zeros(4, int))


def test_a_source_survives_json():
    import json

    source = data.source("digits", downsample=2, pca_rank=3, permutation=1)
    for record in (source.record(), source.published()):
        assert data.Source.from_record(json.loads(json.dumps(record))) == source
    assert data.Source.from_record(source.published()).facts.arrays == source.facts.arrays != ""
    assert "arrays" not in source.record()["facts"]


def test_the_card_counts_and_sums():
    dataset = digits()
    card = data.card(dataset)
    values = dataset.values(dataset.train)
    assert card["pixel_mean"] == pytest.approx((values.mean(dtype=float),), rel=1e-6)
    assert card["pixel_variance"] == pytest.approx((values.var(dtype=float),), rel=1e-6)
    assert sum(card["train_per_class"]) == card["train_images"] == 1297
    assert len(card["sha256"]) == 64
    assert card["licence"] == "CC BY 4.0"
    changed = replace(dataset, test=Split(dataset.test.images, dataset.test.labels[::-1]))
    assert data.card(changed)["sha256"] != card["sha256"]


# torchvision's formats


def test_files_in_the_format_of_kmnist(kmnist, monkeypatch):
    source = data.source("kmnist", kmnist)
    dataset = data.load(source, kmnist)
    assert dataset.train.images.shape == (40, 784)
    assert dataset.test.images.dtype == np.uint8
    assert sorted(p.name for p in (kmnist / "KMNIST/raw").iterdir()) == sorted(
        [
            "train-images-idx3-ubyte.gz",
            "train-labels-idx1-ubyte.gz",
            "t10k-images-idx3-ubyte.gz",
            "t10k-labels-idx1-ubyte.gz",
        ]
    )
    monkeypatch.setattr(readers, "_torchvision_splits", lambda *_: pytest.fail("read again"))
    data.load.cache_clear()
    again = data.load(source, kmnist)
    assert data.card(again) == data.card(dataset)
    assert again.names == dataset.names


def test_missing_files_are_downloaded_and_kept(kmnist, monkeypatch, tmp_path):
    from almostnothing.data.torchvision import datasets

    raw, mirror = kmnist / "KMNIST/raw", tmp_path / "mirror"
    mirror.mkdir()
    name = "t10k-labels-idx1-ubyte.gz"
    (raw / name).rename(mirror / name)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=mirror)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(datasets.KMNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        assert len(data.load(data.source("kmnist"), kmnist).test.labels) == 20
        server.shutdown()
    assert (raw / name).read_bytes() == (mirror / name).read_bytes()
    assert len(list(raw.iterdir())) == 4


def test_missing_and_offline_says_which_files_go_where(kmnist):
    (kmnist / "KMNIST/raw/t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(
        UserError, match=r"cannot be downloaded: put its original files .*t10k-labels.* there"
    ) as caught:
        data.load(data.source("kmnist"), kmnist)
    assert f"{kmnist}/KMNIST/raw" in str(caught.value)


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_original_is_named(kmnist, damage):
    path = kmnist / "KMNIST/raw/train-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes({"flip": bytes(content), "truncate": content[: len(content) // 2], "empty": b""}[damage])
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.gz has a wrong checksum: it is damaged, truncated"):
        data.load(data.source("kmnist"), kmnist)


def test_a_file_damaged_after_it_was_read_is_noticed(kmnist):
    data.load(data.source("kmnist"), kmnist)
    data.load.cache_clear()
    path = kmnist / "KMNIST/raw/train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="wrong checksum"):
        data.load(data.source("kmnist"), kmnist)


def test_cifar10_from_batches_and_from_the_archive(cifar, monkeypatch, tmp_path):
    import tarfile

    from almostnothing.data.torchvision import datasets

    dataset = data.load(data.source("cifar10"), cifar)
    assert dataset.train.images.shape == (100, 3072)
    assert dataset.names[3] == "thing 3"
    first = pickle.loads((cifar / "cifar-10-batches-py/data_batch_1").read_bytes())["data"]
    assert np.array_equal(dataset.train.images[:20], first)  # the files are channels first, too
    archive = cifar / datasets.CIFAR10.filename
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(cifar / "cifar-10-batches-py", "cifar-10-batches-py")
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    (cifar / "cifar-10-batches-py").rename(tmp_path / "away")
    data.load.cache_clear()
    again = data.load(data.source("cifar10"), cifar)
    assert data.card(again)["sha256"] == data.card(dataset)["sha256"]
    (cifar / "cifar-10-batches-py/data_batch_2").write_bytes(b"")
    data.load.cache_clear()
    with pytest.raises(UserError, match="data_batch_2 has a wrong checksum"):
        data.load(data.source("cifar10"), cifar)


def test_cifar10c_takes_severities_and_corruptions(cifar):
    one, some, every = (
        data.load(data.source(n, cifar), cifar) for n in ("cifar10c:fog:3", "cifar10c:snow", "cifar10c")
    )
    assert [len(d.test.labels) for d in (one, some, every)] == [10, 50, 100]
    fog = np.load(cifar / "CIFAR-10-C/fog.npy")
    assert np.array_equal(one.test.images[4], fog[24].transpose(2, 0, 1).reshape(-1))
    assert np.array_equal(every.test.images[50:], some.test.images)
    assert len(one.train.labels) == 100
    assert data.card(one)["licence"].startswith("CC BY 4.0")


def test_cifar10c_incomplete_or_misnamed(cifar):
    with pytest.raises(UserError, match=r"a severity is 1, 2, 3, 4 or 5"):
        data.source("cifar10c:fog:7", cifar)
    with pytest.raises(UserError, match=r"cifar10c:hail: the corruptions are brightness, .*, not 'hail'"):
        data.source("cifar10c:hail", cifar)
    (cifar / "CIFAR-10-C/fog.npy").write_bytes((cifar / "CIFAR-10-C/fog.npy").read_bytes()[:-1])
    with pytest.raises(UserError, match=r"fog.npy cannot be read as .npy: it is damaged or truncated"):
        data.load(data.source("cifar10c:fog", cifar), cifar)
    np.save(cifar / "CIFAR-10-C/fog.npy", np.zeros((40, 32, 32, 3), np.uint8))
    with pytest.raises(UserError, match=r"fog.npy: must hold bytes of shape \(n, 32, 32, 3\) with n = 50 labels"):
        data.load(data.source("cifar10c:fog", cifar), cifar)


def test_common_tests_of_cifar10_are_cifar10c_s_where_it_is_at_hand(cifar):
    dataset = data.load(data.source("cifar10"), cifar)
    chosen = np.array([3, 11, 7])
    base = cifar / "CIFAR-10-C"
    with pytest.raises(UserError, match=r"labels.npy: must hold the 20 labels of CIFAR-10's test images five times"):
        common_tests(dataset, "fog", 2, chosen, cifar)
    np.save(base / "labels.npy", np.tile(dataset.test.labels, 5).astype(np.uint8))
    fog = np.random.default_rng(3).integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)
    np.save(base / "fog.npy", fog)
    found = common_tests(dataset, "fog", 2, chosen, cifar)
    assert found.origin == "CIFAR-10-C"
    assert np.array_equal(found.images, fog[20 + chosen].transpose(0, 3, 1, 2).reshape(3, -1))
    with pytest.raises(UserError, match=r"CIFAR-10-C is incomplete: put frost.npy of its archive into .*CIFAR-10-C"):
        common_tests(dataset, "frost", 2, chosen, cifar)
    with pytest.raises(UserError, match=r"cifar10c:fog:6: a severity is 1, 2, 3, 4 or 5"):
        common_tests(dataset, "fog", 6, chosen, cifar)
    np.save(base / "fog.npy", fog[:80])  # a severity is missing
    with pytest.raises(UserError, match=r"fog.npy: must hold bytes of shape .* n = 100 labels in five severities"):
        common_tests(dataset, "fog", 2, chosen, cifar)
    np.save(base / "labels.npy", np.tile(dataset.test.labels, 5)[:, None])
    with pytest.raises(UserError, match=r"labels.npy: must hold whole numbers, one for each image of five severities"):
        common_tests(dataset, "fog", 2, chosen, cifar)
    base.rename(cifar / "elsewhere")
    made = common_tests(dataset, "brightness", 1, chosen, cifar)
    assert made.origin == "generated"
    assert np.all(made.images >= dataset.test.images[chosen])


# The user's own files


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        (lambda x: x, (3, 4, 6)),
        (lambda x: x.transpose(0, 3, 1, 2), (3, 4, 6)),
        (lambda x: x[..., 0], (1, 4, 6)),
        (lambda x: x[..., :1], (1, 4, 6)),
        (lambda x: x[:, :4, :4].transpose(0, 3, 1, 2).reshape(len(x), -1), (3, 4, 4)),
        (lambda x: x[:, :4, :4, 0].reshape(len(x), -1), (1, 4, 4)),
        (lambda x: x[..., 0].reshape(len(x), -1)[:, :23], (1, 1, 23)),
    ],
)
def test_layouts_of_npz(tmp_path, layout, shape):
    made = arrays()
    name = write_npz(tmp_path, x_train=layout(made["x_train"]), x_test=layout(made["x_test"]))
    dataset = data.load(data.source(name, tmp_path), tmp_path)
    assert dataset.facts.shape == shape
    expected = layout(made["x_train"])
    if shape == (3, 4, 6):
        expected = made["x_train"].transpose(0, 3, 1, 2)
    assert np.array_equal(dataset.train.images, expected.reshape(30, -1))


def test_floats_that_were_bytes_become_bytes_and_others_stay(tmp_path):
    made = arrays()
    scaled = {name: (made[name] / 255).astype(np.float32) for name in ("x_train", "x_test")}
    dataset = data.load(data.source(write_npz(tmp_path, **scaled), tmp_path), tmp_path)
    assert (dataset.train.images.dtype, dataset.levels) == (np.uint8, 255)
    assert np.array_equal(dataset.train.images, made["x_train"].transpose(0, 3, 1, 2).reshape(30, -1))
    other = {name: (made[name] / 300.7).astype(np.float64) for name in ("x_train", "x_test")}
    dataset = data.load(data.source(write_npz(tmp_path, **other), tmp_path), tmp_path)
    assert (dataset.train.images.dtype, dataset.levels) == (np.float32, 1)
    assert dataset.values(dataset.test).max() == np.float32(other["x_test"].max())


def bad(name: str, index: tuple, value: float) -> dict:
    x = arrays()[name] / 255.0
    x[index] = value
    return {name: x, **({"x_test": arrays()["x_test"] / 255.0} if name == "x_train" else {})}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "mine.npz lacks y_test: it must hold x_train, y_train, x_test, y_test"),
        (bad("x_train", (3, 2, 1, 0), np.nan), "x_train holds values that are not finite"),
        (bad("x_train", (3, 2, 1, 0), 1.5), r"x_train holds values outside \[0, 1\], from 0 to 1.5"),
        (bad("x_train", (3, 2, 1, 0), -0.1), r"x_train holds values outside \[0, 1\], from -0.1"),
        ({"y_test": np.arange(12) % 4}, "the test label 3 is outside the classes 0 to 2 of the training set"),
        ({"y_train": np.arange(30) % 3 - 1}, "the training label -1 is outside the classes 0 to 1"),
        ({"y_train": np.array([0, 2] * 15)}, r"class 1 \(1\) has no training image"),
        ({"y_test": np.zeros(12, int)}, r"class 1 \(1\) has no test image"),
        ({"y_train": np.zeros(30, int)}, "holds one class: a classifier needs two at least"),
        ({"y_train": np.arange(29) % 3}, "y_train must hold 30 integers, one for each image"),
        ({"y_train": np.arange(30) / 3}, "y_train must hold 30 integers"),
        (
            {"x_train": arrays()["x_train"].astype(int)},
            r"x_train must hold bytes or floats in \[0, 1\], but holds int64",
        ),
        ({"x_train": arrays()["x_train"].reshape(30, 2, 2, 6, 3)}, "x_train must hold images of shape"),
        ({"x_test": arrays()["x_test"][:, :2]}, "x_train and x_test hold images of different shapes"),
        ({"x_test": arrays()["x_train"][:12]}, "12 of 12 test images are training images"),
    ],
)
def test_damaged_arrays_are_one_sentence(tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as caught:
        data.source(write_npz(tmp_path, **changes), tmp_path)
    assert "\n" not in str(caught.value)
    assert "mine.npz" in str(caught.value)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"no zip", lambda b: b""])
def test_a_truncated_npz(tmp_path, damage):
    name = write_npz(tmp_path)
    (tmp_path / "mine.npz").write_bytes(damage((tmp_path / "mine.npz").read_bytes()))
    with pytest.raises(UserError, match="mine.npz cannot be read as .npz: it is damaged, truncated, or holds objects"):
        data.source(name, tmp_path)


def test_a_missing_npz_and_one_that_is_known(tmp_path):
    with pytest.raises(UserError, match="mine.npz does not exist: put a file there with the arrays x_train"):
        data.source("npz:mine.npz", tmp_path)
    source = data.source(write_npz(tmp_path), tmp_path, downsample=2)
    (tmp_path / "mine.npz").unlink()
    assert data.source("npz:mine.npz", tmp_path, downsample=2, known=[source]) == source
    with pytest.raises(UserError, match="mine.npz does not exist"):
        data.source("npz:mine.npz", tmp_path, known=[source])


def test_other_content_is_another_source(tmp_path):
    first = data.source(write_npz(tmp_path), tmp_path)
    os.utime(tmp_path / "mine.npz", (1, 1))
    assert data.source("npz:mine.npz", tmp_path) == first
    changed = arrays()["x_train"]
    changed[0, 0, 0, 0] ^= 1
    assert data.source(write_npz(tmp_path, x_train=changed), tmp_path) != first


def test_image_folders_are_resized_and_cropped(tmp_path):
    name = write_pictures(tmp_path)
    source = data.source(name, tmp_path, image_size=8)
    assert source.facts.shape == (3, 8, 8)
    assert source.facts.train_per_class == 3
    dataset = data.load(source, tmp_path)
    assert dataset.names == ("cat", "dog")
    assert np.bincount(dataset.train.labels).tolist() == [3, 4]
    assert np.abs(dataset.train.images[dataset.train.labels == 1].astype(int) - 224).max() <= 5
    assert data.source(name, tmp_path).facts.shape == (3, 64, 64)


def test_defects_of_image_folders(tmp_path):
    with pytest.raises(UserError, match="pictures/train does not exist: an image folder holds train and val"):
        data.source("imagefolder:pictures", tmp_path)
    name = write_pictures(tmp_path)
    picture = tmp_path / "pictures/train/cat/0.png"
    picture.write_bytes(picture.read_bytes()[:100])
    with pytest.raises(UserError, match=r"cat/0.png cannot be read as a picture: it is damaged or truncated"):
        data.load(data.source(name, tmp_path), tmp_path)
    for file in (tmp_path / "pictures/val/dog").iterdir():
        file.unlink()
    with pytest.raises(UserError, match="val/dog holds no picture"):
        data.source(name, tmp_path)
    (tmp_path / "pictures/val/dog").rmdir()
    with pytest.raises(UserError, match="same class folders, but dog is in one only"):
        data.source(name, tmp_path)
    link = tmp_path / "twice"
    link.mkdir()
    for split in ("train", "val"):
        (link / split).symlink_to(tmp_path / "pictures/train")
    with pytest.raises(UserError, match="test images must not be training images"):
        data.source("imagefolder:twice", tmp_path)
    with pytest.raises(UserError, match="image_size belongs to imagefolder:PATH, not to digits"):
        data.source("digits", image_size=8)


# The originals, where they are at hand


@real_files
@pytest.mark.parametrize(
    ("name", "sha256", "first"),
    [
        ("mnist", "1e35582d42a90940c55b956deb61875c020b567ed20e3c5b174f52bf7809ed9b", [5, 0, 4, 1, 9]),
        ("fashion_mnist", "ece172613115fb18b120bec8f6c02271af90b8b8f0a5af5c51cbd5ceed68e619", [9, 0, 0, 3, 0]),
    ],
)
def test_original_files_are_read_offline_and_left_alone(name, sha256, first):
    def listing() -> list[Path]:
        return sorted((SHARED / "data").rglob("*"))

    before = listing()
    dataset = data.load(data.source(name), SHARED / "data")
    assert listing() == before
    card = data.card(dataset)
    assert card["sha256"] == sha256
    assert (card["train_images"], card["test_images"], card["shape"]) == (60_000, 10_000, (1, 28, 28))
    assert dataset.train.labels[:5].tolist() == first
    assert np.bincount(dataset.train.labels).min() == dataset.facts.train_per_class
    assert np.bincount(dataset.train.labels[dataset.subset(1000, 0)]).tolist() == [100] * 10


def test_test_images_are_drawn_balanced_and_nested():
    digits = data.load(data.source("digits"))
    some, more = digits.tests(100), digits.tests(250)
    assert np.bincount(digits.test.labels[some]).tolist() == [10] * 10
    assert (more[:100] == some).all()
    assert len(set(more)) == 250
    assert sorted(digits.tests(10**6)) == list(range(len(digits.test.labels)))
    assert sorted(some) != list(range(100))


# Files as people have them


@pytest.mark.parametrize("severity", ["12", "23", "0", "6", "1:2", "one", ""])
def test_other_severities_are_refused_before_anything_runs(cifar, severity):
    with pytest.raises(UserError, match=f"dataset cifar10c:fog:{severity}: a severity is 1, 2, 3, 4 or 5"):
        data.source(f"cifar10c:fog:{severity}", cifar)


def test_stray_files_are_no_corruptions(cifar):
    whole = data.source("cifar10c", cifar)
    for name in ("mine", "._fog", "labels_old", "fog copy"):
        np.save(cifar / f"CIFAR-10-C/{name}.npy", np.zeros(3))
    assert data.source("cifar10c", cifar) == whole
    assert len(data.load(whole, cifar).test.labels) == 100
    for which in ("mine", ":3"):
        with pytest.raises(UserError, match=rf"dataset cifar10c:{which}: the corruptions are brightness, contrast,"):
            data.source(f"cifar10c:{which}", cifar)


def test_the_corruptions_are_those_that_can_be_generated():
    assert tuple(sorted(CORRUPTIONS)) == readers.CORRUPTIONS


@pytest.mark.parametrize("unpacked", [range(4), range(1), range(2, 4)])
@pytest.mark.parametrize("dot", [False, True])
def test_files_that_lie_unpacked_are_read(kmnist, unpacked, dot):
    raw = kmnist / "KMNIST/raw"
    packed = data.load(data.source("kmnist"), kmnist)
    data.load.cache_clear()
    for path in [sorted(raw.iterdir())[index] for index in unpacked]:
        name = path.name.removesuffix(".gz")
        (raw / (name.replace("-idx", ".idx") if dot else name)).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    before = sorted(raw.iterdir())
    assert data.card(data.load(data.source("kmnist"), kmnist)) == data.card(packed)
    assert sorted(raw.iterdir()) == before


def test_a_damaged_file_that_lies_unpacked_is_named(kmnist):
    raw = kmnist / "KMNIST/raw"
    for path in sorted(raw.iterdir()):
        (raw / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    images = raw / "train-images-idx3-ubyte"
    for content in (images.read_bytes()[:-1], b"", b"\0\0\x08\x02" + images.read_bytes()[4:]):
        images.write_bytes(content)
        with pytest.raises(UserError, match=r"train-images-idx3-ubyte is not what its name says: it is damaged"):
            data.load(data.source("kmnist"), kmnist)
