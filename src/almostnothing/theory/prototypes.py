"""The nearest-class-mean rule under corruption: its accuracy in closed form, and the knee that follows from it.

A test point x goes to the class with the largest score sᵢ = −|x − mᵢ|²/2, mᵢ the mean of n corrupted training images of
class i. Over the draws of these images the mᵢ are independent and, being means over many pixels, close to Gaussian, so
the scores are independent Gaussians given x, and P(correct) is a one-dimensional integral. Nothing is fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import optimize, special

from almostnothing import corruptions, data, streams
from almostnothing.cells import Law
from almostnothing.corruptions import Corruption
from almostnothing.data import Dataset
from almostnothing.errors import UserError
from almostnothing.stats import LEAST_FALL

IMAGES = 2000  # of the training set, balanced, that stand in for the test points of a prediction
Z, WEIGHT = np.polynomial.hermite_e.hermegauss(80)
WEIGHT = WEIGHT / WEIGHT.sum()  # of a standard normal's expectation
PRECISION = 1e-3  # of a predicted strength
STRONGEST = 1e4  # noise deviation beyond which no knee is looked for


@dataclass(frozen=True)
class Classes:
    """What a corruption law makes of each class: moments of a corrupted training image x̃.

    `mean`: E[x̃], shape (class, pixel). `noise`: E[Var(x̃ⱼ | x)], shape (class, pixel). `spread`: the centred images
    E[x̃|x] − E[x̃] of each class divided by the root of their number, shape (image, pixel): SᵀS is the covariance of
    E[x̃|x].
    """

    mean: Float[np.ndarray, "label pixel"]
    noise: Float[np.ndarray, "label pixel"]
    spread: list[Float[np.ndarray, "_ pixel"]]


def classes(
    law: Corruption, x: Float[np.ndarray, "image pixel"], labels: Int[np.ndarray, " image"], strength: float
) -> Classes:
    """The moments of each class from clean images."""
    mean, noise, spread = [], [], []
    for label in np.unique(labels):
        own = x[labels == label]
        expected = law.mean(own, strength)
        mean.append(expected.mean(0))
        noise.append(law.variance(own, strength).mean(0))
        spread.append((expected - mean[-1]) / np.sqrt(len(own)))
    return Classes(np.stack(mean), np.stack(noise), spread)


def scores(
    moments: Classes,
    x: Float[np.ndarray, "image pixel"],
    n: float,
    own: tuple[Int[np.ndarray, " image"], Float[np.ndarray, "image pixel"]] | None = None,
) -> tuple[Float[np.ndarray, "image label"], Float[np.ndarray, "image label"]]:
    """Mean and variance, over draws of n training images a class, of sᵢ = −|x − mᵢ|²/2 at fixed x.

    With V = diag(noise) + SᵀS: mᵢ ~ N(m̄ᵢ, V/n), so E[sᵢ] = −|x − m̄ᵢ|²/2 − tr V/2n and
    Var(sᵢ) = (x − m̄ᵢ)ᵀV(x − m̄ᵢ)/n + tr V²/2n² (brief of seed 001, section 4; there at given images, S = 0).
    `own`: labels and E[x̃|x] of points that are themselves among the images of their class, to be left out of its m̄.
    """
    expected, variance = [], []
    for label, (mean, noise, spread) in enumerate(zip(moments.mean, moments.noise, moments.spread, strict=True)):
        away = x - mean
        if own is not None:
            labels, there = own
            away += (labels == label)[:, None] * (there - mean) / (len(spread) - 1)
        trace = noise.sum() + (spread**2).sum()
        gram = spread @ spread.T
        square = (noise**2).sum() + 2 * (noise * (spread**2).sum(0)).sum() + (gram**2).sum()
        expected.append(-(away**2).sum(1) / 2 - trace / (2 * n))
        quadratic = away**2 @ noise + ((away @ spread.T) ** 2).sum(1)
        variance.append(quadratic / n + square / (2 * n**2))
    return np.stack(expected, 1), np.stack(variance, 1)


def gaussian_accuracy(
    mean: Float[np.ndarray, "image label"],
    variance: Float[np.ndarray, "image label"],
    labels: Int[np.ndarray, " image"],
) -> Float[np.ndarray, " image"]:
    """P(the score of the true class is the largest) for independent Gaussian scores.

    ∫ φ(z) Π_{k≠y} Φ((μ_y + σ_y z − μ_k)/σ_k) dz by Gauss and Hermite's rule. Without any variance: 1 or 0.
    """
    rows = np.arange(len(labels))
    sd = np.sqrt(np.maximum(variance, 1e-30))
    own = mean[rows, labels, None] + sd[rows, labels, None] * Z
    ratio = special.log_ndtr((own[:, None] - mean[..., None]) / sd[..., None])
    ratio[rows, labels] = 0
    return np.exp(ratio.sum(1)) @ WEIGHT


def corrupted(law: Corruption, x: Float[np.ndarray, "image pixel"], strength: float) -> np.ndarray:
    """One corruption of each image, always the same: shape (image, pixel), float64."""
    key = torch.from_numpy(streams.stream_key(0, "prototype test points", *x.shape))[None]
    number = torch.arange(len(x), dtype=torch.int32)[None]
    clean = torch.from_numpy(x.astype(np.float32))[None]
    return law.sample(clean, torch.tensor([[strength]], dtype=torch.float32), key, number)[0, 0].double().numpy()


def accuracy(
    law: Corruption,
    strength: float,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    n: float,
    kind: str,
) -> float:
    """Expected accuracy of the rule with n corrupted training images a class, over draws of these images.

    `train` and `test` are clean images (image, pixel) and labels; `kind` is "clean", or "corrupted" for test images
    under the same law. Corrupted test points are drawn once: their noise averages over images. Where `test` is `train`,
    each image is left out of the mean of its own class.
    """
    moments = classes(law, *train, strength)
    x, labels = test
    points = corrupted(law, x, strength) if kind == "corrupted" else x
    own = None if test is not train else (labels, law.mean(x, strength))
    return float(gaussian_accuracy(*scores(moments, points, n, own), labels).mean())


def training_images(dataset: Dataset) -> tuple[Float[np.ndarray, "image pixel"], Int[np.ndarray, " image"]]:
    """Up to `IMAGES` clean training images, balanced, and their labels, from which class moments are taken."""
    facts = dataset.facts
    each = min(facts.train_per_class, max(1, IMAGES // facts.classes))
    chosen = dataset.subset(each * facts.classes, 0)
    return dataset.train.images[chosen].astype(np.float64) / dataset.levels, dataset.train.labels[chosen]


def predictor(dataset: Dataset, law: Corruption, n: float, kind: str) -> Callable[[float], float]:
    """`accuracy` as a function of strength alone, for test images like the training images, which stand in for them."""
    images = training_images(dataset)
    if dataset.facts.train_per_class < 2:
        raise UserError(f"{dataset.source.name} has one training image of some class: a prediction needs two of each")
    return lambda strength: accuracy(law, strength, images, images, n, kind)


def predict_knee(
    dataset: Dataset | str,
    n: float,
    law: Law | Corruption | None = None,
    test: str = "clean",
    folder: Path | None = None,
) -> float:
    """The strength at which accuracy falls half-way from its value without corruption to chance, without training.

    Computed from the class means, the images' scatter about them and the noise law alone, for the nearest-class-mean
    rule with `n` training images of each class; nothing is fitted. `law` defaults to replacement by uniform
    pixels; `test` is "clean" (test images are clean) or "corrupted" (by the same law). A `dataset` may be a name, as in
    a parameter file; its files are looked for in `folder`.

    Returns p for replacement, σ for additive noise; NaN if accuracy is hardly above chance without corruption, or
    stays above half-way at every strength.

    Raises `UserError` for an unknown data set, an n below 1, a test that is neither, or a law of dependent pixels.
    """
    if not n >= 1:
        raise UserError(f"n is {n:g}, but should be 1 at least: it counts training images of each class")
    if test not in ("clean", "corrupted"):
        raise UserError(f'test is {test!r}, but should be "clean" or "corrupted"')
    found = data.load(data.source(dataset, folder), folder) if isinstance(dataset, str) else dataset
    law = law or corruptions.Replacement(corruptions.Uniform())
    built = corruptions.build(law, found) if isinstance(law, Law) else law
    if built.per != "pixel":
        raise UserError(
            f"law is {built.name}, but must draw every pixel by itself: the theory is for independent pixels"
        )
    expected = predictor(found, built, n, test)
    chance = 1 / found.facts.classes
    if expected(0.0) - chance < LEAST_FALL:
        return float("nan")
    half = (expected(0.0) + chance) / 2
    largest = min(built.range[1], STRONGEST)
    low, high = 0.0, min(largest, 1.0)
    while expected(high) > half:
        if high == largest:
            return float("nan")
        low, high = high, min(2 * high, largest)
    return float(optimize.brentq(lambda s: expected(s) - half, low, high, xtol=PRECISION))
