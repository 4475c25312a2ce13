"""`check`: what is said of a data set is so, and its sheet shows the pictures that the arrays hold."""

import io

import numpy as np
import pytest
from PIL import Image

from almostnothing import __main__, data
from almostnothing.data import inspection
from almostnothing.data.lookup import VARIABLE
from almostnothing.errors import UserError


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    data.load.cache_clear()


def made(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 4, 3), dtype=np.uint8)


def run(monkeypatch, capsys, *words: str) -> str:
    monkeypatch.setattr("sys.argv", ["almostnothing", "check", *words])
    __main__.main()
    return capsys.readouterr().out


def test_what_is_said_and_shown_of_arrays(tmp_path, monkeypatch, capsys):
    x, u = made(12, 0), made(7, 1)
    u[3] = x[5]
    y, v = np.arange(12) % 2, np.array([0, 0, 0, 0, 1, 1, 1])
    np.savez(tmp_path / "mine.npz", x_train=x, y_train=y, x_test=u, y_test=v)
    sheet = tmp_path / "sheet.png"
    said = run(monkeypatch, capsys, "npz:mine.npz", "--sheet", str(sheet))
    for words in (
        "shape (12, 8, 4, 3), uint8, read as (image, row, column, channel) with 8 rows and 4 columns",
        "12 training and 7 test images, in colour, red first, then green and blue, 8 pixels high and 4 wide",
        "whole numbers, of which 255 is white",
        f"test pixels on the scale from 0 to 1: from 0 to 1, mean {u.mean() / 255:.3g}",
        "2 classes, training + test images: 0 6 + 4, 1 6 + 3",
        "chance is 0.5; always naming the largest class has 0.5 of the test images right",
        "note: test classes are unequal, from 3 to 4 images: 3 of each",
        "note: 1 of 7 test images is a training image (number 3 of the test set is number 5)",
    ):
        assert words in said
    page = np.asarray(Image.open(sheet))
    first = x[0].repeat(8, 0).repeat(8, 1)  # a picture of 8x4 pixels is shown eight times as large
    assert contains(page, first)
    assert contains(page, x[1].repeat(8, 0).repeat(8, 1))
    assert contains(page, u[4].repeat(8, 0).repeat(8, 1))
    assert not contains(page, first[::-1])


def contains(page: np.ndarray, picture: np.ndarray) -> bool:
    """Whether a picture is somewhere on a page."""
    height, width = picture.shape[:2]
    corners = np.argwhere((page == picture[0, 0]).all(-1))
    return any(np.array_equal(page[a : a + height, b : b + width], picture) for a, b in corners)


def test_a_published_set_and_large_pictures(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = run(monkeypatch, capsys, "digits")
    assert "1297 training and 500 test images, in grey" in said
    assert "always naming the largest class has 0.1 of the test images right" in said
    assert "no image is there twice, and none is in both splits" in said
    assert "pictures with labels: results/checks/digits.png" in said
    assert (tmp_path / "results/checks/digits.png").stat().st_size > 5000
    for side in (1, 200):
        images = np.random.default_rng(0).integers(0, 256, (2, 3 * side * side), dtype=np.uint8)
        split = inspection.Split(images, np.array([0, 1]))
        sheet = Image.open(
            io.BytesIO(inspection.contact_sheet(inspection.Raw(split, split, 255, (3, side, side), ("a", "b"))))
        )
        assert sheet.width < 2000


def test_what_is_refused_is_one_sentence(tmp_path, monkeypatch, capsys):
    np.savez(
        tmp_path / "mine.npz",
        x_train=made(12, 0) // 16,
        y_train=np.arange(12) % 2,
        x_test=made(6, 1) // 16,
        y_test=np.arange(6) % 2,
    )
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, capsys, "npz:mine.npz")
    said = capsys.readouterr().err
    assert said.startswith("almostnothing: ")
    assert "all pixels lie between 0 and 15 of 255" in said
    assert said.count("\n") == 1
    with pytest.raises(UserError, match="--image-size is 0, but must be at least 1"):
        inspection.inspected("imagefolder:f", tmp_path, 0, tmp_path / "sheet.png")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="sheet.png cannot be written .*: name another file by --sheet"):
        inspection.inspected("digits", tmp_path, None, tmp_path / "file/sheet.png")
