"""The nearest-class-mean rule under corruption: its relatives, its accuracy in closed form, the knee that follows.

The rules score a test point x for every class from N corrupted training images x̃ₐ. Notation of all of them: mᵢ and m
are the means of x̃ over class i and over all, qᵢ and q those of |x̃|², n = N/C.

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
from torch import Tensor

from almostnothing import corruptions, data, streams
from almostnothing.cells import Law
from almostnothing.corruptions import Corruption
from almostnothing.corruptions.labels import label as label_of
from almostnothing.corruptions.pixels import Uniform
from almostnothing.corruptions.replacement import Replacement
from almostnothing.data import Dataset
from almostnothing.errors import UserError
from almostnothing.stats.knees import LEAST_FALL
from almostnothing.theory import kernels

IMAGES = 2000  # of the training set, balanced, from which class moments are taken
POINTS = 500  # of these, those that stand in for the test points of a prediction
Z, WEIGHT = np.polynomial.hermite_e.hermegauss(80)
WEIGHT = WEIGHT / WEIGHT.sum()  # of a standard normal's expectation
PRECISION = 1e-3  # of a predicted strength
LEAST_RIDGE = 1e-12  # of the sum of squares of centred images, below which a ridge is rounding
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


@dataclass(frozen=True)
class Training:
    """A corrupted training set as the rules see it: images and their centred one-hot labels ŷ, which sum to 0 by image.

    Classes have equally many images, as `data.Dataset.subset` makes them.
    """

    images: Float[Tensor, "image pixel"]
    targets: Float[Tensor, "image label"]

    @staticmethod
    def of(images: Float[Tensor, "image pixel"], labels: Int[Tensor, " image"]) -> Training:
        """The training set in float64."""
        one_hot = torch.nn.functional.one_hot(labels).double()
        return Training(images.double(), one_hot - 1 / one_hot.shape[1])

    def means(self, values: Float[Tensor, "image _"]) -> Float[Tensor, "label _"]:
        """The mean of values over the images of each class."""
        own = (self.targets > 0).double()
        return own.T @ values / own.sum(0)[:, None]

    @property
    def squares(self) -> Float[Tensor, "image 1"]:
        """|x̃|² of every image."""
        return self.images.square().sum(1, keepdim=True)


def nearest_mean(x: Float[Tensor, "point pixel"], means: Float[Tensor, "label pixel"]) -> Float[Tensor, "point label"]:
    """NCM: −|x − mᵢ|²/2 up to what is the same for all classes, ⟨x, mᵢ⟩ − |mᵢ|²/2."""
    return x @ means.T - means.square().sum(1) / 2


def debiased_mean(
    x: Float[Tensor, "point pixel"], means: Float[Tensor, "label pixel"], law: Corruption, strength: float
) -> Float[Tensor, "point label"]:
    """NCM with the corruption's mean taken back from the centroids: for replacement (mᵢ − p μ) / (1 − p).

    E[x̃|x] must be affine in x, and not constant: laws without clipping, p < 1.
    """
    low, high = law.mean(np.array([0.0, 1.0]), strength)
    return nearest_mean(x, (means - low) / (high - low))


def correlation(x: Float[Tensor, "point pixel"], training: Training) -> Float[Tensor, "point label"]:
    """Uncentred correlation with the class means of images of length 1: ⟨x, mean over class i of x̃/|x̃|⟩.

    What `first_order` becomes for a ReLU network without biases at large N (brief of seed 001, section 2).
    """
    return x @ training.means(training.images / training.squares.sqrt()).T


@dataclass(frozen=True)
class Expansion:
    """A network's kernel Θ to first order about constant values, at each test point (brief of seed 001, section 2).

    The diagonal k₀ and the rest c₀ of the first-layer kernel are the means over the training set, which for heavy
    corruption are those of pure noise; c = Cb + Cw⟨x, m⟩/d is the mean over training images, k the test point's own.
    With Θ' by its arguments (K_aa, K_bb, K_ab): S₁, S₂ = ∂Θ/∂K_ab, ∂Θ/∂K_bb at (k₀, k₀, c₀); T₁, T₂ at (k, k₀, c);
    r = Θ(k₀, k₀, k₀), R = dr/dk₀, b = Θ(k₀, k₀, c₀), t = Θ(k, k₀, c), a = r − b, τ = tN/(a + bN):

    `centre` λ = τS₁/T₁; `tilt` κ = {T₂ − τ[S₂(1 − 2/N) + (R − S₁)/N]}/T₁; `gain` T₁/S₁; `ridge` λᵣ = a'd/(S₁Cw) with
    a' = a − S₁(k₀ − c₀), the ridge that the kernel's own diagonal is; `slope` S₁Cw/(a d), of a score in ⟨·, ·⟩.
    """

    centre: Float[Tensor, " point"]
    tilt: Float[Tensor, " point"]
    gain: Float[Tensor, " point"]
    ridge: float
    slope: float


def expansion(
    network: kernels.Architecture, training: Training, x: Float[Tensor, "point pixel"], kind: str = "ntk"
) -> Expansion:
    """The expansion at test points; `kind` "ntk", or "nngp" for a network of which the last layer alone is trained."""
    count, pixels = training.images.shape
    scale, bias = network.gain / pixels, network.bias_variance
    total = training.images.sum(0)
    k0 = bias + scale * training.squares.mean()
    c0 = bias + scale * (total.square().sum() - training.squares.sum()) / (count * (count - 1))
    k, c = bias + scale * x.square().sum(1), bias + scale * (x @ total) / count
    b, s1, s2 = _kernel_at(network, k0, k0, c0, kind)
    t, t1, t2 = _kernel_at(network, k, k0, c, kind)
    r, growth = (part(network, k0)[kernels.KINDS.index(kind)] for part in (kernels.diagonal, kernels.diagonal_gradient))
    a = r - b
    tau = t * count / (a + b * count)
    return Expansion(
        centre=tau * s1 / t1,
        tilt=(t2 - tau * (s2 * (1 - 2 / count) + (growth - s1) / count)) / t1,
        gain=t1 / s1,
        ridge=float((a - s1 * (k0 - c0)) / (s1 * scale)),
        slope=float(s1 * scale / a),
    )


def _kernel_at(
    network: kernels.Architecture, kaa: Tensor, kbb: Tensor, kab: Tensor, kind: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Θ and its derivatives by K_ab and K_bb."""
    found = kernels.gradient(network, kaa, kbb, kab)
    return getattr(found, kind), getattr(found, f"{kind}_ab"), getattr(found, f"{kind}_bb")


def first_order(x: Float[Tensor, "point pixel"], training: Training, about: Expansion) -> Float[Tensor, "point label"]:
    """FO: fᵢ − f̄ = (n T₁ Cw / a d) {⟨x − λm, mᵢ − m⟩ + κ(qᵢ − q)}, kernel regression to first order in the images.

    The network is NCM only where λ = 1 and κ = 0, and |mᵢ − m|² is small. Brief of seed 001, section 2.
    """
    mean, square = training.images.mean(0), training.squares.mean()
    means, squares = training.means(training.images) - mean, training.means(training.squares)[:, 0] - square
    found = x @ means.T - about.centre[:, None] * (means @ mean) + about.tilt[:, None] * squares
    each = len(training.images) / len(means)
    return each * about.slope * about.gain[:, None] * found


def resummed(x: Float[Tensor, "point pixel"], training: Training, about: Expansion) -> Float[Tensor, "point label"]:
    """A ridge classifier with the network's own ridge: (T₁/S₁) {⟨x − λm, X_cᵀαᵢ⟩ + κ uᵀαᵢ}, brief section 3.

    αᵢ = (X_c X_cᵀ + λᵣ I)⁻¹ŷᵢ in place of the leading order's ŷᵢ/λᵣ, with X_c the centred images and u = |x̃|² − q;
    solved in the smaller of the two dimensions, N and d.
    """
    mean, u = training.images.mean(0), training.squares - training.squares.mean()
    centred = training.images - mean
    count, pixels = centred.shape
    ridge = max(about.ridge, LEAST_RIDGE * float(centred.square().sum()))  # a linear network has none
    if count <= pixels:
        gram = centred @ centred.T
        gram.diagonal().add_(ridge)
        alpha = torch.cholesky_solve(training.targets, torch.linalg.cholesky(gram))
        weights = centred.T @ alpha
    else:
        covariance = centred.T @ centred
        covariance.diagonal().add_(ridge)
        weights = torch.cholesky_solve(centred.T @ training.targets, torch.linalg.cholesky(covariance))
        alpha = (training.targets - centred @ weights) / ridge
    found = x @ weights - about.centre[:, None] * (mean @ weights) + about.tilt[:, None] * (u.T @ alpha)
    return about.gain[:, None] * found


def ridge_correlation(aspect: float, rho: float) -> float:
    """Correlation of a ridge classifier's scores with those of NCM at vanishing signal, white noise of variance v.

    r = E[s/(s + ρ)] / √(E[s] E[s/(s + ρ)²]) over Marchenko and Pastur's law of the eigenvalues s of XᵀX/Nv (d of them,
    mean 1), with `aspect` γ = d/N, ρ = λᵣ/Nv: the ridge's weights are (XᵀX + λᵣ)⁻¹Xᵀŷ, those of NCM Xᵀŷ. Expectations
    by the law's Stieltjes transform g(ρ) = E[1/(s + ρ)] = [√((1 − γ + ρ)² + 4γρ) − (1 − γ + ρ)] / 2γρ. 1 as ρ → ∞.
    (Section 3 of the brief has (s/(s + ρ))² below, which does not tend to 1.)
    """
    inner = 1 - aspect + rho
    root = np.sqrt(inner**2 + 4 * aspect * rho)
    # (root − inner) / 2γρ without the cancellation at large ρ
    g = 2 / (root + inner) if inner > 0 else (root - inner) / (2 * aspect * rho)
    slope = (2 * inner + 4 * aspect) / (2 * root)  # of root by ρ
    fall = g * (slope + 1) / (root + inner) if inner > 0 else g / rho - (slope - 1) / (2 * aspect * rho)  # E[1/(s+ρ)²]
    return float((1 - rho * g) / np.sqrt(g - rho * fall))


def agreement(r: float, classes: int) -> float:
    """How often two rules choose alike whose scores of `classes` classes are Gaussian pairs of correlation r.

    Pairs are independent between classes: C E[Φ₂(z, w; r)^(C−1)] over (z, w) of the bivariate normal law, with Φ₂ from
    Owen's T. 1/C at r = 0; 1 at r = 1.
    """
    if r >= 1:
        return 1.0
    z, w = Z[:, None], r * Z[:, None] + np.sqrt(1 - r**2) * Z[None]
    return float(classes * (WEIGHT[:, None] * WEIGHT * bivariate(z, w, r) ** (classes - 1)).sum())


def bivariate(z: np.ndarray, w: np.ndarray, r: float) -> np.ndarray:
    """Φ₂(z, w; r) = P(Z ≤ z, W ≤ w) of standard normals of correlation r < 1, by Owen's T function (Owen 1956)."""
    root = np.sqrt(1 - r**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = special.owens_t(z, (w / z - r) / root) + special.owens_t(w, (z / w - r) / root)
    opposite = (z * w < 0) | ((z * w == 0) & (z + w < 0))
    found = (special.ndtr(z) + special.ndtr(w)) / 2 - parts - opposite / 2
    return np.clip(np.where((z == 0) & (w == 0), 0.25 + np.arcsin(r) / (2 * np.pi), found), 0, 1)


def corrupted(law: Corruption, x: Float[np.ndarray, "image pixel"], strength: float) -> np.ndarray:
    """One corruption of each image, always the same: shape (image, pixel), float64."""
    key = streams.stream_key(0, "prototype test points", *x.shape)
    return corruptions.corrupted(law, torch.from_numpy(x.astype(np.float32)), strength, key).double().numpy()


def accuracy(
    law: Corruption,
    strength: float,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    n: float,
    kind: str,
    leave_out: bool = False,
) -> float:
    """Expected accuracy of the rule with n corrupted training images a class, over draws of these images.

    `train` and `test` are clean images (image, pixel) and labels; `kind` is "clean", or "corrupted" for test images
    under the same law. Corrupted test points are drawn once: their noise averages over images. `leave_out`: the test
    images are those of training, and each is left out of the mean of its own class.
    """
    moments = classes(law, *train, strength)
    x, labels = test
    points = corrupted(law, x, strength) if kind == "corrupted" else x
    own = (labels, law.mean(x, strength)) if leave_out else None
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
    points = images[0][:POINTS], images[1][:POINTS]
    return lambda strength: accuracy(law, strength, images, points, n, kind, leave_out=True)


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
    a parameter file; its files are looked for in `folder`, by default that of ALMOSTNOTHING_DATA, or else
    ~/.cache/almostnothing.

    Returns p for replacement, σ for additive noise; NaN if accuracy is hardly above chance without corruption, or
    stays above half-way at every strength.

    Raises `UserError` for an unknown data set, an n below 1, a test that is neither, or a law of dependent pixels.
    """
    if not n >= 1:
        raise UserError(f"n is {n:g}, but should be 1 at least: it counts training images of each class")
    if test not in ("clean", "corrupted"):
        raise UserError(f'test is {test!r}, but should be "clean" or "corrupted"')
    if isinstance(dataset, str):
        folder = folder or data.folder()
        found = data.load(data.source(dataset, folder), folder)
    else:
        found = dataset
    law = law or Replacement(Uniform())
    built = corruptions.law_of(law, found) if isinstance(law, Law) else law
    if built.per != "pixel":
        raise UserError(
            f"law is {label_of(built)}, but must draw every pixel by itself: the theory is for independent pixels"
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
