"""Common corruptions: against the script that made CIFAR-10-C, and against their laws."""

import colorsys
import importlib.util
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from almostnothing import data
from almostnothing.data import common
from almostnothing.data.common import CORRUPTIONS, check_common, common_tests, generated
from almostnothing.errors import UserError

PLACES = ([0, 1, 2, 0, 1, 2], [3, 16, 30, 12, 25, 8], [5, 2, 31, 20, 25, 14])  # channel, row, column
NUMBER = 7  # of the image
# What hendrycks/robustness' make_cifar_c.py makes of `picture` at severities 2 and 4 with our draws: six values each.
# With scikit-image 0.26, OpenCV 5.0, Pillow 13.0 and ImageMagick 6.9.11.
SCRIPT = {
    "gaussian_noise": [[177, 4, 152, 123, 130, 93], [176, 0, 152, 129, 131, 102]],
    "speckle_noise": [[181, 55, 135, 118, 117, 73], [184, 61, 125, 122, 111, 72]],
    "gaussian_blur": [[177, 46, 153, 114, 126, 78], [176, 47, 153, 114, 124, 80]],
    "glass_blur": [[172, 77, 151, 113, 127, 76], [160, 70, 151, 126, 55, 126]],
    "defocus_blur": [[177, 46, 152, 113, 127, 77], [176, 47, 153, 114, 126, 79]],
    "motion_blur": [[179, 28, 161, 93, 143, 81], [179, 25, 163, 89, 144, 83]],
    "zoom_blur": [[179, 44, 161, 126, 88, 76], [180, 37, 170, 126, 71, 73]],
    "snow": [[199, 61, 180, 134, 146, 108], [231, 72, 198, 140, 174, 125]],
    "frost": [[237, 103, 204, 147, 172, 137], [230, 115, 199, 142, 168, 147]],
    "fog": [[177, 94, 153, 118, 140, 105], [184, 117, 150, 137, 146, 134]],
    "brightness": [[202, 62, 160, 135, 154, 82], [227, 78, 160, 158, 179, 82]],
    "contrast": [[158, 87, 132, 125, 128, 94], [150, 103, 124, 130, 128, 101]],
    "saturate": [[182, 69, 233, 126, 129, 220], [170, 36, 37, 105, 129, 0]],
    "elastic_transform": [[162, 87, 219, 112, 132, 92], [171, 83, 182, 117, 144, 92]],
    "pixelate": [[184, 46, 152, 134, 129, 76], [173, 57, 145, 113, 145, 76]],
    "jpeg_compression": [[176, 46, 151, 114, 118, 85], [172, 46, 183, 118, 110, 99]],
}
LIBRARY = importlib.util.find_spec("corrupt_tta") is not None
BASE = [name for name in CORRUPTIONS if name not in ("frost", "spatter")]


def picture() -> np.ndarray:
    """One image (channel, row, column) of waves and ripples."""
    row, column = np.mgrid[:32, :32]
    waves = [90 * np.sin(row / (4 + c) + c) for c in range(3)]
    ripples = [37 * np.cos((column + 1) * (c + 2) / 7 + row * column / 90) for c in range(3)]
    return np.rint(127.5 + np.add(waves, ripples)).clip(0, 255).astype(np.uint8)


def one(name: str, severity: int, image: np.ndarray | None = None, number: int = NUMBER, seed: int = 0) -> np.ndarray:
    image = picture() if image is None else image
    return generated(image[None], name, severity, np.array([number]), seed)[0]


@pytest.mark.parametrize("name", SCRIPT)
def test_values_are_those_of_the_script_that_made_cifar10c(name):
    if name == "frost" and not LIBRARY:
        pytest.skip("needs the extra `corruptions`")
    for severity, want in zip((2, 4), SCRIPT[name], strict=True):
        assert np.abs(one(name, severity)[PLACES].astype(int) - want).max() <= 1
    assert len({one(name, severity).tobytes() for severity in range(1, 6)}) >= 4  # 3 and 4 of motion blur hardly differ


def test_mud_is_the_scripts_and_so_is_water():
    mud = [(2, 31, 26), (1, 31, 28), (0, 17, 19), (0, 0, 31), (0, 22, 14), (0, 0, 25)]
    found = one("spatter", 4)
    assert np.abs(np.subtract([found[place] for place in mud], [31, 45, 53, 67, 64, 143], dtype=int)).max() <= 1
    if LIBRARY:
        water = [(2, 23, 0), (1, 5, 18), (2, 26, 26), (2, 17, 19), (0, 13, 7), (0, 31, 21)]
        found = one("spatter", 2)
        assert (
            np.abs(np.subtract([found[place] for place in water], [238, 225, 148, 34, 95, 246], dtype=int)).max() <= 1
        )


@pytest.mark.parametrize("grey", [3, 60, 200])
def test_shot_noise_counts_photons(grey):
    """N/c with N ~ Poisson(c grey/255), cut off at 1 and to whole levels: every count as often as it should be."""
    images = np.full((40, 3, 32, 32), grey, np.uint8)
    for severity, photons in enumerate(CORRUPTIONS["shot_noise"].strengths, 1):
        found = generated(images, "shot_noise", severity, np.arange(40))
        law = stats.poisson(photons * grey / 255)
        levels = np.floor(255 * np.minimum(np.arange(2 * photons + 50) / photons, 1) + 1e-6).astype(int)
        share = np.bincount(levels, law.pmf(np.arange(len(levels))), minlength=256)
        kept = share * found.size > 20
        seen = np.bincount(found.ravel(), minlength=256)[kept]
        want = share[kept] * seen.sum() / share[kept].sum()
        assert stats.chisquare(seen, want).pvalue > 1e-3
        assert seen.sum() > 0.99 * found.size


def test_impulse_noise_changes_values_each_by_itself():
    images = np.full((40, 3, 32, 32), 99, np.uint8)
    for severity, amount in enumerate(CORRUPTIONS["impulse_noise"].strengths, 1):
        found = generated(images, "impulse_noise", severity, np.arange(40))
        assert stats.binomtest(int((found != 99).sum()), found.size, amount).pvalue > 1e-3
        assert stats.binomtest(int((found == 255).sum()), int((found != 99).sum()), 0.5).pvalue > 1e-3
        both = ((found[:, 0] != 99) & (found[:, 1] != 99)).mean()
        assert both == pytest.approx(amount**2, abs=4 * amount / np.sqrt(found[:, 0].size))


def test_brightness_and_saturation_are_those_of_hsv():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (3, 8, 8), dtype=np.uint8)
    image[:, 0, 0], image[:, 0, 1], image[:, 0, 2] = 0, 120, (255, 0, 0)
    for name, change in {
        "brightness": lambda h, s, v, c: (h, s, min(v + c, 1)),
        "saturate": lambda h, s, v, c: (h, min(c[0] * s + c[1], 1), v),
    }.items():
        for severity, strength in enumerate(CORRUPTIONS[name].strengths, 1):
            found = one(name, severity, image).reshape(3, -1).T
            for (red, green, blue), got in zip(image.reshape(3, -1).T / 255, found, strict=True):
                want = colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(red, green, blue), strength))
                assert np.abs(got - np.floor(255 * np.array(want) + 1e-6)).max() <= 1


@pytest.mark.parametrize("name", BASE)
def test_an_image_s_corruption_is_its_own(name):
    """Alone or beside others, in any order; another number or seed draws anew where anything is drawn."""
    images = np.stack([np.roll(picture(), step, axis=1) for step in range(3)])
    together = generated(images, name, 3, np.array([4, NUMBER, 9]))
    apart = generated(images[[2, 1]], name, 3, np.array([9, NUMBER]))
    assert np.array_equal(apart, together[[2, 1]])
    drawn = name.endswith("noise") or name in ("glass_blur", "motion_blur", "snow", "fog", "elastic_transform")
    for other in (one(name, 3, number=8), one(name, 3, seed=1)):
        assert np.array_equal(other, one(name, 3)) != drawn


def test_a_large_batch_is_worked_off_in_parts(monkeypatch):
    images = np.stack([picture()] * 5)
    whole = generated(images, "speckle_noise", 2, np.arange(5))
    monkeypatch.setattr(common, "CHUNK", 2)
    assert np.array_equal(generated(images, "speckle_noise", 2, np.arange(5)), whole)


@pytest.mark.parametrize("name", [name for name in BASE if name != "saturate"])
def test_grey_images_are_corrupted_as_the_colour_image_of_equal_channels(name):
    """But for noise, which channels do not share, and JPEG, whose colours are coded apart."""
    grey = picture()[:1, 2:30, 2:30]  # of 28x28 pixels, like Fashion-MNIST
    found = one(name, 4, grey)
    assert found.shape == grey.shape
    if name.endswith("noise"):
        assert np.std(found.astype(float) - grey) > 5
    else:
        colour = one(name, 4, np.concatenate([grey] * 3))
        assert np.abs(colour.astype(int) - found).max() <= (3 if name == "jpeg_compression" else 1)


def test_mud_on_grey_images_is_grey():
    found = one("spatter", 5, np.full((1, 28, 28), 255, np.uint8))
    covered = int(255 * (common.MUD @ common.LUMINANCE))
    assert abs(int(found.min()) - covered) < 30
    assert found.max() == 255


def test_what_images_cannot_have_is_one_sentence(monkeypatch):
    for name, found in CORRUPTIONS.items():
        if found.pixels:
            with pytest.raises(UserError, match=rf"{name} is meant for images of about 32 pixels a side.* have 8x8$"):
                check_common(name, 1, (1, 8, 8))
            with pytest.raises(UserError, match=r"have 64x64$"):
                check_common(name, 1, (3, 64, 64))
        elif not found.colour:
            check_common(name, 1, (1, 8, 8))
    with pytest.raises(UserError, match=r"saturate changes colours, and these images have none"):
        check_common("saturate", 1, (1, 28, 28))
    with pytest.raises(UserError, match=r"no common corruption is called 'hail': the known ones are gaussian_noise, "):
        check_common("hail", 1, (3, 32, 32))
    for severity in (0, 6):
        with pytest.raises(UserError, match=rf"fog: a severity is 1, 2, 3, 4 or 5, not {severity}"):
            generated(picture()[None], "fog", severity, np.arange(1))
    monkeypatch.setitem(sys.modules, "corrupt_tta", None)
    for name, severity in (("frost", 1), ("spatter", 3)):
        with pytest.raises(UserError, match=rf"{name} needs the package corrupt-tta .* 'almostnothing\[corruptions\]'"):
            check_common(name, severity, (3, 32, 32))
    check_common("spatter", 4, (3, 32, 32))  # mud needs none


def test_tests_of_digits_are_generated():
    digits = data.load(data.source("digits"))
    chosen = digits.tests(40)
    found = common_tests(digits, "contrast", 5, chosen, data.folder())
    assert (found.origin, found.images.shape, found.images.dtype) == ("generated", (40, 64), np.uint8)
    value = digits.test.images[chosen] / 16
    mean = value.mean(1, keepdims=True)
    assert np.abs(found.images - 255 * (mean + 0.15 * (value - mean))).max() < 1.1
    some = common_tests(digits, "gaussian_noise", 2, chosen[5:9], data.folder())
    assert np.array_equal(some.images, common_tests(digits, "gaussian_noise", 2, chosen, data.folder()).images[5:9])


def test_transformed_images_are_refused():
    small = data.load(data.source("digits", downsample=2))
    with pytest.raises(UserError, match=r"common corruptions are those of digits's images as they are"):
        common_tests(small, "fog", 1, np.arange(3), data.folder())
    digits = data.load(data.source("digits"))
    corrupted = replace(digits, source=replace(digits.source, name="cifar10c:fog:3"))
    with pytest.raises(UserError, match=r"cifar10c:fog:3 are corrupted already: name cifar10"):
        common_tests(corrupted, "fog", 1, np.arange(3), data.folder())
