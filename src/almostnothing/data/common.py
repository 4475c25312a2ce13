"""Common corruptions of test images: those of CIFAR-10-C from its files, or generated here at its strengths.

CIFAR-10-C (Hendrycks and Dietterich, ICLR 2019) is a set of files: 19 corruptions of CIFAR-10's test images at five
severities, made once by the authors' script. Who has the files tests on them. For all others, and for other data sets,
this module generates corruptions of the same names. They are called generated, never CIFAR-10-C: the draws differ, and
so may a grey level here and there.

Why no library makes them. Looked at, with our pins and 32×32 images, were imagecorruptions 1.1.2, which can no longer
be imported (it wants pkg_resources, and names that NumPy, SciPy and scikit-image have dropped); its forks imgcorr and
imagecorruptions-imaug, which want numba; corrupt-tta 0.1.7, which runs; and torch-uncertainty 0.13, a port. All hold
strengths of ImageNet-C, made for 224 pixels, inside their functions, where CIFAR-10-C's script has others: Gaussian
noise of 0.08 to 0.38 for 0.04 to 0.10, a defocus of 3 to 10 pixels for 0.3 to 1.5, a Gaussian blur of 1 to 6 for 0.4 to
1. corrupt-tta's elastic transform moves points of a 32×32 image by up to 45 pixels; its spatter and motion blur are of
another kind. All draw from the global state, so that an image's corruption depends on those before it.
So the steps and strengths of the authors' script (github.com/hendrycks/robustness, make_cifar_c.py) are done here with
NumPy, SciPy and Pillow. Given the same draws, all agree with that script, scikit-image, OpenCV and ImageMagick to one
grey level; the tests hold its values. But for one case: where drops of water overflow a byte there, they do not here.
Two corruptions need what the base install lacks, OpenCV and pictures of frost, which corrupt-tta brings: `pip install
'almostnothing[corruptions]'`.

Every number is drawn from a stream of (seed, corruption, image): a corruption of an image is the same beside any other,
and its severities share their draws. Lengths that the script states in pixels (`pixels` of `Common`) suit images of
about 32 pixels a side; on others, such as 8×8 digits, these corruptions are refused. Grey images can have all but
`saturate`; the colours of frost and spatter are weighted as luminance there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy import ndimage, special

from almostnothing import streams
from almostnothing.data.datasets import Dataset
from almostnothing.data.readers import CIFAR10C_FOLDER, SEVERITIES, cifar10c_files, cifar10c_images
from almostnothing.data.sources import Source
from almostnothing.errors import UserError

NOISES = ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise")
LUMINANCE = np.array([0.299, 0.587, 0.114])
SIDES = (24, 48)  # of images for which lengths of the script in pixels are meant
CHUNK = 250  # images that are corrupted at once
HAIR = 1e-6  # of a grey level: what floats may lose where a value is a whole one
TURQUOISE, MUD = np.array([175, 238, 238]) / 255, np.array([63, 42, 20]) / 255
FROST_PICTURES, FROST_SCALE = 5, 0.2  # the script never takes the sixth

Images = Float[np.ndarray, "image channel height width"]  # in [0, 1]


@dataclass(frozen=True)
class Draws:
    """Random numbers of one corruption for some images, each a function of (seed, corruption, part, image's number)."""

    corruption: str
    numbers: Int[np.ndarray, " image"]
    seed: int

    def uniform(self, part: str, *shape: int) -> np.ndarray:
        """Uniform on (0, 1): shape (image, *shape)."""
        key = streams.stream_key(self.seed, "common corruption", self.corruption, part)
        words = streams.words(key, math.prod(shape), self.numbers)
        return ((words + 0.5) * 2.0**-32).reshape(len(self.numbers), *shape)

    def normal(self, part: str, *shape: int) -> np.ndarray:
        """Standard normal: shape (image, *shape)."""
        return special.ndtri(self.uniform(part, *shape))


# Noise


def _gaussian_noise(x: Images, sd: float, draws: Draws) -> Images:
    return x + sd * draws.normal("noise", *x.shape[1:])


def _speckle_noise(x: Images, sd: float, draws: Draws) -> Images:
    return x + x * sd * draws.normal("noise", *x.shape[1:])


def _shot_noise(x: Images, photons: float, draws: Draws) -> Images:
    """Poisson numbers of mean `photons` x, over `photons`: by inversion."""
    table, size = _poisson_table(photons)
    grey = np.rint(x * 255).astype(np.int64)
    found = np.searchsorted(table, grey + draws.uniform("noise", *x.shape[1:])) - grey * size
    return np.minimum(found, size - 1) / photons


@lru_cache(maxsize=SEVERITIES)
def _poisson_table(photons: float) -> tuple[np.ndarray, int]:
    """Grey level + P(N ≤ k) of each of 256 levels and each k in turn: increasing. And the number of k's."""
    size = int(photons + 10 * math.sqrt(photons) + 20)
    grey = np.arange(256)[:, None]
    share = special.pdtr(np.arange(size), np.maximum(grey * photons / 255, 1e-300))
    return (grey + np.minimum(share, 1 - 2.0**-40)).ravel(), size


def _impulse_noise(x: Images, amount: float, draws: Draws) -> Images:
    """A value becomes 0 or 1 with probability `amount`, each value of a pixel by itself."""
    value = (draws.uniform("value", *x.shape[1:]) < 0.5).astype(float)
    return np.where(draws.uniform("place", *x.shape[1:]) < amount, value, x)


# Blur


def _gaussian_blur(x: Images, sigma: float, _draws: Draws) -> Images:
    return _smooth(x, sigma)


def _smooth(x: np.ndarray, sigma: float, truncate: float = 4.0, mode: str = "nearest") -> np.ndarray:
    """A Gaussian filter over the last two axes."""
    return ndimage.gaussian_filter(x, sigma, axes=(-2, -1), truncate=truncate, mode=mode)


def _glass_blur(x: Images, strength: tuple[float, int, int], draws: Draws) -> Images:
    """Blurred, pixels taken from near by, and blurred again.

    The script means to swap pixels, but exchanges views of them: both get the second one's value, as here.
    """
    sigma, most, rounds = strength
    y = _bytes(_smooth(x, sigma)) / 255
    height, width = x.shape[2:]
    image = np.arange(len(x))
    for step in range(rounds):
        shift = np.floor(draws.uniform(f"shift {step}", height, width, 2) * 2 * most).astype(int) - most
        for row in range(height - most, most, -1):
            for column in range(width - most, most, -1):
                across, down = shift[:, row - 1, column - 1].T
                y[:, :, row, column] = y[image, :, row + down, column + across]
    return _smooth(y, sigma)


def _defocus_blur(x: Images, strength: tuple[float, float], _draws: Draws) -> Images:
    """The mean over a disk whose edge is softened by a Gaussian over 3×3 pixels."""
    radius, sigma = strength
    reach = np.arange(-2, 3)
    disk = (reach[:, None] ** 2 + reach**2 <= radius**2).astype(float)
    soft = np.exp(-(np.arange(-1, 2) ** 2) / (2 * sigma**2))
    soft /= soft.sum()
    kernel = ndimage.convolve(disk / disk.sum(), np.outer(soft, soft), mode="constant")
    return ndimage.correlate(x, kernel[None, None], mode="mirror")


def _motion_blur(x: Images, strength: tuple[int, float], draws: Draws) -> Images:
    angle = np.pi / 180 * (-45 + 90 * draws.uniform("angle"))
    return _moved(x, *strength, angle)


def _moved(x: Images, radius: int, sigma: float, angle: Float[np.ndarray, " image"]) -> Images:
    """ImageMagick's motion blur: half a Gaussian along each image's direction, pixels beyond the edge as on it."""
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    weights /= weights.sum()
    down = np.ceil(np.sin(angle)[:, None] * steps - 0.5).astype(int)
    across = np.ceil(np.cos(angle)[:, None] * steps - 0.5).astype(int)
    height, width = x.shape[2:]
    image = np.arange(len(x))[:, None, None]
    pixels = np.moveaxis(x, 1, -1)
    total = np.zeros_like(pixels)
    for step in steps:
        rows = np.clip(np.arange(height) + down[:, step, None], 0, height - 1)
        columns = np.clip(np.arange(width) + across[:, step, None], 0, width - 1)
        total += weights[step] * pixels[image, rows[:, :, None], columns[:, None, :]]
    return np.moveaxis(total, -1, 1)


def _zoom_blur(x: Images, largest: float, _draws: Draws) -> Images:
    """The mean of the image and of enlargements in steps of 0.01."""
    factors = np.arange(1, largest, 0.01)
    return (x + sum(_zoomed(x, factor) for factor in factors)) / (len(factors) + 1)


def _zoomed(x: Images, factor: float) -> Images:
    """The middle of the images, enlarged to their size by linear interpolation: a matrix for each axis."""
    rows, columns = (_enlarging(side, factor) for side in x.shape[2:])
    return rows @ x @ columns.T


@lru_cache
def _enlarging(side: int, factor: float) -> Float[np.ndarray, "side side"]:
    """What makes of a line of pixels its middle, enlarged: SciPy's `zoom` of each pixel's own line."""
    cut = math.ceil(side / factor)
    first = (side - cut) // 2
    large = ndimage.zoom(np.eye(side)[first : first + cut], (factor, 1), order=1)
    first = (len(large) - side) // 2
    return large[first : first + side]


# Weather


def _snow(x: Images, strength: tuple[float, float, float, float, int, float, float], draws: Draws) -> Images:
    mean, sd, factor, threshold, radius, sigma, share = strength
    flakes = _zoomed(mean + sd * draws.normal("flakes", 1, *x.shape[2:]), factor)
    flakes = _bytes(np.where(flakes < threshold, 0, flakes)) / 255
    angle = np.pi / 180 * (-135 + 90 * draws.uniform("angle"))
    flakes = _bytes(_moved(flakes, radius, sigma, angle)) / 255
    white = share * x + (1 - share) * np.maximum(x, 1.5 * _luminance(x) + 0.5)
    return white + flakes + flakes[:, :, ::-1, ::-1]


def _frost(x: Images, strength: tuple[float, float], draws: Draws) -> Images:
    pictures = _frost_pictures()
    picture, row, column = draws.uniform("place", 3).T
    height, width = x.shape[2:]
    frost = []
    for number, down, across in zip((picture * FROST_PICTURES).astype(int), row, column, strict=True):
        whole = pictures[number]
        top, left = int(down * (whole.shape[0] - height)), int(across * (whole.shape[1] - width))
        frost.append(whole[top : top + height, left : left + width])
    return strength[0] * x + strength[1] * _painted(np.stack(frost), x)


@lru_cache(maxsize=1)
def _frost_pictures() -> list[np.ndarray]:
    """Pictures of frost at a fifth of their size: each (height, width, 3) in [0, 1]."""
    cv2, folder = _library("frost")
    paths = sorted((folder / "assets" / "frost").glob("frost*"))[:FROST_PICTURES]
    pictures = [cv2.resize(cv2.imread(str(path)), (0, 0), fx=FROST_SCALE, fy=FROST_SCALE) for path in paths]
    return [picture[..., ::-1] / 255 for picture in pictures]


def _fog(x: Images, strength: tuple[float, float], draws: Draws) -> Images:
    thickness, decay = strength
    side = 2 ** math.ceil(math.log2(max(x.shape[2:])))
    largest = x.max(axis=(1, 2, 3), keepdims=True)
    clouds = _plasma(side, decay, draws)[:, None, : x.shape[2], : x.shape[3]]
    return (x + thickness * clouds) * largest / (largest + thickness)


def _plasma(side: int, decay: float, draws: Draws) -> Float[np.ndarray, "image side side"]:
    """Heights in [0, 1] by the diamond-square algorithm on a torus of side 2^n; its steps shrink by `decay`."""
    heights = np.zeros((len(draws.numbers), side, side))
    step, wobble = side, 100.0

    def middle(total: np.ndarray, name: str) -> np.ndarray:
        return total / 4 + wobble * wobble * (2 * draws.uniform(f"{name} {step}", *total.shape[1:]) - 1)

    while step >= 2:
        half = step // 2
        corner = heights[:, ::step, ::step]
        square = corner + np.roll(corner, -1, 1)
        square = square + np.roll(square, -1, 2)
        heights[:, half::step, half::step] = middle(square, "square")
        centre = heights[:, half::step, half::step]
        above = centre + np.roll(centre, 1, 1) + corner + np.roll(corner, -1, 2)
        heights[:, ::step, half::step] = middle(above, "above")
        beside = centre + np.roll(centre, 1, 2) + corner + np.roll(corner, -1, 1)
        heights[:, half::step, ::step] = middle(beside, "beside")
        step, wobble = half, wobble / decay
    heights -= heights.min((1, 2), keepdims=True)
    return heights / heights.max((1, 2), keepdims=True)


def _spatter(x: Images, strength: tuple[float, float, float, float, float, bool], draws: Draws) -> Images:
    """Drops of water, light turquoise, or of mud."""
    mean, sd, sigma, threshold, share, mud = strength
    liquid = _smooth(mean + sd * draws.normal("drops", *x.shape[2:]), sigma)
    if mud:
        covered = _smooth((liquid > threshold).astype(float), share)
        covered = np.where(covered < 0.8, 0, covered)[..., None]
        return x * (1 - _painted(covered, x)) + _painted(covered * MUD, x)
    wet = np.stack([_water(drops) for drops in _bytes(np.where(liquid < threshold, 0, liquid))])
    return x + share * _painted(wet[..., None] * TURQUOISE, x)


def _water(drops: UInt8[np.ndarray, "height width"]) -> Float[np.ndarray, "height width"]:
    """How light each pixel of drops is, at most 1: they are so by their rims."""
    cv2, _ = _library("spatter")
    rim = cv2.distanceTransform(255 - cv2.Canny(drops, 50, 150), cv2.DIST_L2, 5)
    rim = cv2.blur(np.minimum(rim, 20), (3, 3)).astype(np.uint8)
    relief = cv2.filter2D(cv2.equalizeHist(rim), cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
    light = drops * cv2.blur(relief, (3, 3)).astype(float)
    return light / max(light.max(), 1.0)


# Digital


def _brightness(x: Images, shift: float, _draws: Draws) -> Images:
    """The V of HSV is raised: hue and saturation stay, black becomes grey."""
    value = x.max(1, keepdims=True)
    new = np.minimum(value + shift, 1)
    return np.where(value > 0, x * new / np.maximum(value, 1e-9), new)


def _saturate(x: Images, strength: tuple[float, float], _draws: Draws) -> Images:
    """The S of HSV becomes a S + b, at most 1: hue and value stay, and grey has the hue of red, 0."""
    value = x.max(1, keepdims=True)
    depth = value - x
    old = depth.max(1, keepdims=True) / np.maximum(value, 1e-9)
    new = np.minimum(strength[0] * old + strength[1], 1)
    red = value * new * np.array([0, 1, 1])[:, None, None]
    return value - np.where(old > 0, depth * new / np.maximum(old, 1e-9), red)


def _contrast(x: Images, share: float, _draws: Draws) -> Images:
    mean = x.mean((2, 3), keepdims=True)
    return (x - mean) * share + mean


def _elastic_transform(x: Images, strength: tuple[float, float, float], draws: Draws) -> Images:
    """A random affine map, then a smooth random displacement; lengths are shares of the smaller side."""
    height, width = x.shape[2:]
    side = min(height, width)
    size, sigma, corner = (side * share for share in strength)
    reach = side // 3
    old = np.array([width // 2, height // 2]) + reach * np.array([[1, 1], [1, -1], [-1, -1]])
    new = old + corner * (2 * draws.uniform("corners", 3, 2) - 1)
    inverse = np.linalg.solve(np.concatenate([new, np.ones((len(x), 3, 1))], -1), np.broadcast_to(old, new.shape))
    rows, columns = np.mgrid[:height, :width]
    place = np.stack([columns, rows, np.ones_like(rows)], -1) @ inverse[:, None]
    moved = size * _smooth(2 * draws.uniform("shift", 2, height, width) - 1, sigma, truncate=3, mode="reflect")
    found = np.empty_like(x)
    for image in range(len(x)):
        there = place[image, ..., ::-1].transpose(2, 0, 1)
        for channel in range(x.shape[1]):
            turned = ndimage.map_coordinates(x[image, channel], there, order=1, mode="mirror")
            found[image, channel] = ndimage.map_coordinates(
                turned, moved[image] + (rows, columns), order=1, mode="reflect"
            )
    return found


def _pixelate(x: Images, share: float, _draws: Draws) -> Images:
    from PIL import Image

    height, width = x.shape[2:]
    small = (int(width * share), int(height * share))
    box = Image.Resampling.BOX
    return _pictures(x, lambda picture: picture.resize(small, box).resize((width, height), box))


def _jpeg_compression(x: Images, quality: int, _draws: Draws) -> Images:
    from PIL import Image

    def change(picture: Any) -> Any:
        file = BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return _pictures(x, change)


def _pictures(x: Images, change: Callable[[Any], Any]) -> Images:
    """Each image as a picture of Pillow's, changed."""
    from PIL import Image

    found = []
    for pixels in _bytes(x):
        picture = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
        found.append(np.asarray(change(picture)))
    images = np.stack(found) / 255
    return images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)


# What all share


def _bytes(x: np.ndarray) -> np.ndarray:
    """Grey levels, cut off as the script does."""
    return np.floor(255 * np.clip(x, 0, 1) + HAIR).astype(np.uint8)


def _luminance(x: Images) -> Float[np.ndarray, "image 1 height width"]:
    return x if x.shape[1] == 1 else np.tensordot(LUMINANCE, x, (0, 1))[:, None]


def _painted(colour: np.ndarray, x: Images) -> np.ndarray:
    """What is painted onto images x, (image, height, width, 3 or 1), with the channels of x, first."""
    if x.shape[1] == 1 and colour.shape[-1] == 3:
        colour = (colour @ LUMINANCE)[..., None]
    return np.moveaxis(colour, -1, 1)


def _library(corruption: str) -> tuple[Any, Path]:
    """OpenCV, and the folder of corrupt-tta.

    Raises `UserError` where they are not installed.
    """
    try:
        import corrupt_tta
        import cv2
    except ImportError as error:
        raise UserError(
            f"the common corruption {corruption} needs the package corrupt-tta ({error}): "
            "pip install 'almostnothing[corruptions]'"
        ) from error
    return cv2, Path(corrupt_tta.__file__).parent


@dataclass(frozen=True)
class Common:
    """A common corruption: how it changes images, its strengths at severities 1 to 5, and what it needs.

    `pixels`: its lengths are in pixels of a 32×32 image. `colour`: it needs three channels.
    """

    change: Callable[[Images, Any, Draws], Images]
    strengths: tuple[Any, Any, Any, Any, Any]
    pixels: bool = False
    colour: bool = False


CORRUPTIONS = {
    "gaussian_noise": Common(_gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.10)),
    "shot_noise": Common(_shot_noise, (500, 250, 100, 75, 50)),
    "impulse_noise": Common(_impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07)),
    "speckle_noise": Common(_speckle_noise, (0.06, 0.1, 0.12, 0.16, 0.2)),
    "gaussian_blur": Common(_gaussian_blur, (0.4, 0.6, 0.7, 0.8, 1), pixels=True),
    "glass_blur": Common(
        _glass_blur, ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)), pixels=True
    ),
    "defocus_blur": Common(_defocus_blur, ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)), pixels=True),
    "motion_blur": Common(_motion_blur, ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)), pixels=True),
    "zoom_blur": Common(_zoom_blur, (1.06, 1.11, 1.16, 1.21, 1.26)),
    "snow": Common(
        _snow,
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        pixels=True,
    ),
    "frost": Common(_frost, ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)), pixels=True),
    "fog": Common(_fog, ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))),
    "spatter": Common(
        _spatter,
        (
            (0.62, 0.1, 0.7, 0.7, 0.5, False),
            (0.65, 0.1, 0.8, 0.7, 0.5, False),
            (0.65, 0.3, 1, 0.69, 0.5, False),
            (0.65, 0.1, 0.7, 0.69, 0.6, True),
            (0.65, 0.1, 0.5, 0.68, 0.6, True),
        ),
        pixels=True,
    ),
    "brightness": Common(_brightness, (0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": Common(_contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
    "saturate": Common(_saturate, ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)), colour=True),
    "elastic_transform": Common(
        _elastic_transform, ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03))
    ),
    "pixelate": Common(_pixelate, (0.95, 0.9, 0.85, 0.75, 0.65)),
    "jpeg_compression": Common(_jpeg_compression, (80, 65, 58, 50, 40)),
}


def check_common(corruption: str, severity: int, shape: tuple[int, int, int]) -> None:
    """Raise `UserError` unless images of this shape (channel, height, width) can have the corruption at the severity.

    A package that is not installed is reported here, too.
    """
    if corruption not in CORRUPTIONS:
        raise UserError(f"no common corruption is called {corruption!r}: the known ones are {', '.join(CORRUPTIONS)}")
    if severity not in range(1, SEVERITIES + 1):
        raise UserError(f"common corruption {corruption}: a severity is 1, 2, 3, 4 or 5, not {severity}")
    found, (channels, height, width) = CORRUPTIONS[corruption], shape
    if found.colour and channels == 1:
        raise UserError(f"the common corruption {corruption} changes colours, and these images have none")
    if found.pixels and not SIDES[0] <= min(height, width) <= max(height, width) <= SIDES[1]:
        raise UserError(
            f"the common corruption {corruption} is meant for images of about 32 pixels a side, from {SIDES[0]} to "
            f"{SIDES[1]}, and these have {height}x{width}"
        )
    if corruption == "frost" or (corruption == "spatter" and not found.strengths[severity - 1][-1]):
        _library(corruption)


def check_tests(source: Source, corruption: str, folder: Path | None = None) -> None:
    """Raise `UserError` unless a data set's test images can have a common corruption at all severities.

    Of CIFAR-10 by CIFAR-10-C's files where the data folder has them; else generated, as `check_common` says.
    """
    if _filed(source, folder):
        assert folder
        cifar10c_files(folder, f"{corruption}:{SEVERITIES}")
        return
    for severity in range(1, SEVERITIES + 1):
        check_common(corruption, severity, source.facts.shape)


def _filed(source: Source, folder: Path | None) -> bool:
    """Whether the corrupted test images of a data set are those of CIFAR-10-C's files."""
    return source.name == "cifar10" and folder is not None and (folder / CIFAR10C_FOLDER).exists()


def generated(
    images: UInt8[np.ndarray, "image channel height width"],
    corruption: str,
    severity: int,
    numbers: Int[np.ndarray, " image"],
    seed: int = 0,
) -> UInt8[np.ndarray, "image channel height width"]:
    """Images with a common corruption at severity 1 to 5; `numbers` name the images' draws.

    The result for an image is a function of it, of its number and of the seed. Values are cut off to whole grey levels,
    as in CIFAR-10-C; JPEG files are those of the Pillow that is installed.

    Raises `UserError` as `check_common` does.
    """
    check_common(corruption, severity, images.shape[1:])
    found = CORRUPTIONS[corruption]
    result = np.empty_like(images)
    for first in range(0, len(images), CHUNK):
        some = slice(first, first + CHUNK)
        draws = Draws(corruption, np.asarray(numbers)[some], seed)
        result[some] = _bytes(found.change(images[some] / 255, found.strengths[severity - 1], draws))
    return result


class CommonTests(NamedTuple):
    """Corrupted test images, bytes of shape (image, pixel), and where they are from: "CIFAR-10-C" or "generated"."""

    images: UInt8[np.ndarray, "image pixel"]
    origin: str


def common_tests(
    dataset: Dataset, corruption: str, severity: int, chosen: Int[np.ndarray, " image"], folder: Path
) -> CommonTests:
    """The test images `chosen` of a data set with a common corruption: indices into its test set, as for clean tests.

    From CIFAR-10-C's files where the data set is CIFAR-10 and the data folder has them, else generated.

    Raises `UserError` for files with a defect, transformed or already corrupted images, and as `check_common` does.
    """
    source = dataset.source
    if source.downsample > 1 or source.pca_rank is not None or source.permutation is not None:
        raise UserError(f"common corruptions are those of {source.name}'s images as they are: leave out its transforms")
    if source.name.partition(":")[0] == "cifar10c":
        raise UserError(f"the test images of {source.name} are corrupted already: name cifar10")
    if _filed(source, folder):
        found = cifar10c_images(folder, corruption, severity, dataset.test.labels)
        return CommonTests(found[chosen], "CIFAR-10-C")
    clean = np.rint(dataset.test.images[chosen] * np.float64(255 / dataset.levels)).astype(np.uint8)
    made = generated(clean.reshape(-1, *source.facts.shape), corruption, severity, chosen)
    return CommonTests(made.reshape(len(chosen), -1), "generated")
