"""How little a linear classifier withstands, in closed form: feature compression (seed 003).

The text that we have is an abstract; its theorems are known to us by a summary (the brief of seed 003, whose numbers we
use), and the laws below are derived here.

A classifier f = Wx separates classes i and j where wᵀx = 0, w = wᵢ − wⱼ. The smallest perturbation that takes x
across has the length |wᵀx| / ‖w‖. A minimum-distance classifier, which goes by the nearest of the training points,
withstands half of the distance ‖u‖, u = xᵢ − xⱼ. The *robustness ratio* of a pair is the first, in the mean of both
points, over the second,

    ratio = |wᵀu| / (‖w‖ ‖u‖) = |cos θ|,  θ the angle between w and u:

how much of what tells the points apart the classifier uses. Where the fit is exact both points' lengths are equal.

One point a class. With X = (x₁ … xₙ) of independent standard normal entries, d × n, n ≤ d, and WX = I (one-hot labels
fitted, W of least norm), w = X(XᵀX)⁻¹a, a = eᵢ − eⱼ, is the part of u that is orthogonal to all other points and to
xᵢ + xⱼ, n − 1 directions that are independent of u, up to a factor. So, exactly,

    cos²θ ~ Beta((d − n + 1)/2, (n − 1)/2),    1/‖w‖ ~ χ_{d−n+1} / √2.

For n = d the perturbation is |N(0, 1)|/√2 whatever d is, and the ratio falls, in the mean, as √(2/π) d^(−1/2); as
d^(−1/2) for any fixed d − n. For n = αd, α < 1, it tends to √(1 − α) and does not fall.

Generators. For x = G_{t−1} … G₁ v, of square standard normal factors, XᵀX is a Wishart matrix given the inner factors,
and by induction 1/‖w‖ ~ ∏ χ_{d−n+1} / √2 over t independent factors, while ‖u‖ ≈ √2 d^(t/2).

Noise in training. Least squares on inputs with added noise of standard deviation σ, without limit of its draws, is
ridge regression: the sum of squares over n points has nσ²‖w‖² more, so w = (XXᵀ + nσ²I)⁻¹u = c M⁻¹u, c > 0, where
M = XXᵀ + nσ²I − uuᵀ/2 is independent of u. Traces concentrate: with s(κ) = lim tr (M/d)⁻¹/d, κ = nσ²/d, which is
Stieltjes' transform of Marchenko and Pastur's law at −κ,

    κs² + (κ + α − 1)s − 1 = 0,    cos θ → s / √(−s′(κ)) = √(s (2κs + κ + α − 1) / (s + 1)).

κ = ασ² is free of d: noise that is a fixed share of the values' own deviation leaves a ratio that does not fall. For
κ → ∞ it tends to 1, w ∝ u: the nearest class mean, the rule of seed 001. For α = 1 and small κ it is √2 κ^(1/4).

Replacement in training: each value stays with probability 1 − p, or is drawn anew from its own law. Then x̃ has the mean
(1 − p)x and the variance p(1 − p)x² + p of each value, p(2 − p) in the mean over values, so w is that of noise with
σ² = p(2 − p)/(1 − p)² = (1 − p)⁻² − 1: at p → 1 the nearest class mean, however many dimensions there are.

Initial weights. A network of two linear layers starts from W₁W₂ of independent entries, of variances s²/(3d) and
s²/(3h) (torch's own, times s; h hidden units), so a column of d entries has the squared length s⁴/9, whatever d and h
are. Gradient descent leaves the part of it that is orthogonal to the n points, as far as W₂ stays what it was (many
hidden units): w is that of least norm plus this part, of squared length (2s⁴/9)(1 − α) for two columns. With ‖u‖² ≈ 2d
and an exact fit,

    ratio = 2/(‖w‖‖u‖) → [1/(1 − α) + s⁴ d (1 − α)/9]^(−1/2):

for fewer points than dimensions the start alone makes the ratio fall as d^(−1/2), where the map of least norm does not.

Corners (seed 003, Theorem 6): x = Az, z ∈ {±1}^d, labelled by the sign of z_d, A standard normal, d × d. Values of x
have the deviation √d, and E xxᵀ = AAᵀ over all points, so w = (AAᵀ + σ²I)⁻¹a_d: the same law with α = 1, κ = σ²/d. A
fixed σ, a share d^(−1/2) of that deviation, leaves √(2σ) d^(−1/4).
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import linalg, optimize, special, stats

CHUNK = 10  # columns whose sums are held at once by `nearest_corners`: 3^10 of them


class Pair(NamedTuple):
    """The last two of n points, one a class, under the interpolating linear classifier of least norm.

    `minimal`: 1/‖w‖, the length of the smallest perturbation that takes a point of the pair to the other's side.
    `optimal`: ‖u‖/2. `bound`: seed 003's Theorem 1. `any_class`: the smallest perturbation of the last point to any
    class, and `nearest`: half of the distance to the nearest point.
    """

    minimal: float
    optimal: float
    bound: float
    any_class: float
    nearest: float

    @property
    def ratio(self) -> float:
        """`minimal` over `optimal`: |cos θ|."""
        return self.minimal / self.optimal


def triangle(x: Float[np.ndarray, "d n"]) -> Float[np.ndarray, "n n"]:
    """R of X = QR, n ≤ d: all lengths and angles of the points. Its last rows belong to the last points."""
    return linalg.qr(x, mode="r", check_finite=False, overwrite_a=False)[0][: x.shape[1]]


def pair(r: Float[np.ndarray, "n n"]) -> Pair:
    """The lengths of the last two of n ≥ 2 points from their `triangle`.

    Rows of X⁺ = R⁻¹Qᵀ are the wₖ, so ‖wᵢ − wⱼ‖ is the distance of rows of R⁻¹.
    """
    inverse = linalg.solve_triangular(r, np.eye(len(r)), check_finite=False)
    apart = np.linalg.norm(inverse[:-1] - inverse[-1], axis=1)
    far = np.linalg.norm(r[:, :-1] - r[:, -1:], axis=0)
    return Pair(float(1 / apart[-1]), float(far[-1] / 2), theorem1(r), float(1 / apart.max()), float(far.min() / 2))


def theorem1(r: Float[np.ndarray, "n n"]) -> float:
    """Seed 003, Theorem 1: |R_{n−1,n−1}| + |R_{n−1,n}| + |R_{n,n}|, not below the smallest perturbation of the pair.

    It is a bound, as the perturbation that exchanges the parts of both points in the last two directions of Q makes
    the outputs of the classes i and j those of the other point.
    """
    return float(abs(r[-2, -2]) + abs(r[-2, -1]) + abs(r[-1, -1]))


def phi(a: Float[np.ndarray, "d d"]) -> float:
    """φ = |R_dd| / ‖a_d‖ of A = QR: the share of the last column that is orthogonal to all others.

    For points x = Az, z ∈ {±1}^d, labelled by the sign of z_d (seed 003, Theorem 6). For a standard normal A, φ² has
    the law `cosine_law(d, d)`.
    """
    return float(abs(triangle(a)[-1, -1]) / np.linalg.norm(a[:, -1]))


def theorem5(probes: Float[np.ndarray, "*batch d 2"], u: Float[np.ndarray, "*batch d"]) -> Float[np.ndarray, "*batch"]:
    """Seed 003, Theorem 5: ‖Qᵀu‖, Q an orthonormal basis of two probes, the rows of a linear map for classes i and j.

    Moving x by the part of u = xⱼ − xᵢ in their span makes both outputs those of the other point: a bound on the
    smallest perturbation of a linear classifier. Of a network the probes are input gradients, and it is local.
    """
    q = np.linalg.qr(probes).Q
    return np.asarray(np.linalg.norm((np.swapaxes(q, -1, -2) @ u[..., None])[..., 0], axis=-1))


def smallest(
    weight: Float[np.ndarray, "label d"],
    bias: Float[np.ndarray, " label"],
    x: Float[np.ndarray, "image d"],
    labels: Int[np.ndarray, " image"],
) -> Float[np.ndarray, " image"]:
    """The smallest L2 perturbation that makes a linear classifier prefer another class: min over k of
    (f_y − f_k)/‖w_y − w_k‖; 0 where it is wrong already.
    """
    logits = x @ weight.T + bias
    gap = logits[np.arange(len(x)), labels][:, None] - logits
    norm = np.linalg.norm(weight[labels][:, None] - weight, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(norm > 0, gap / norm, np.where(gap < 0, 0.0, np.inf))
    each[np.arange(len(x)), labels] = np.inf
    return np.maximum(each.min(1), 0)


def cosine_law(n: int, d: int) -> Any:
    """The law of cos²θ for n points in d dimensions: Beta((d − n + 1)/2, (n − 1)/2), a frozen scipy law.

    Raises `ValueError`, as the functions below do, unless 2 ≤ n ≤ d.
    """
    _check(n, d)
    return stats.beta((d - n + 1) / 2, (n - 1) / 2)


def _check(n: int, d: int) -> None:
    if not 2 <= n <= d:
        raise ValueError(f"the law is that of 2 to d points: {n} points in {d} dimensions have none")


def mean_cosine(n: int, d: int) -> float:
    """E|cos θ| = Γ(a + ½) Γ(d/2) / (Γ(a) Γ((d + 1)/2)), a = (d − n + 1)/2: for n = d → √(2/π) d^(−1/2)."""
    _check(n, d)
    a = (d - n + 1) / 2
    return float(
        np.exp(special.gammaln(a + 0.5) + special.gammaln(d / 2) - special.gammaln(a) - special.gammaln((d + 1) / 2))
    )


def mean_log_cosine(n: int, d: int) -> float:
    """E ln|cos θ| = [ψ((d − n + 1)/2) − ψ(d/2)] / 2."""
    _check(n, d)
    return float(special.digamma((d - n + 1) / 2) - special.digamma(d / 2)) / 2


def generated_cosine(n: int, d: int, layers: int) -> float:
    """E|cos θ| behind `layers` normal factors in all, to leading order in d: [√2 Γ(a + ½)/(Γ(a) √d)]^t, a as above.

    For n = d that is (2/π)^(t/2) d^(−t/2), for n = αd it tends to (1 − α)^(t/2).
    """
    _check(n, d)
    a = (d - n + 1) / 2
    return float(math.sqrt(2 / d) * np.exp(special.gammaln(a + 0.5) - special.gammaln(a))) ** layers


def noisy_cosine(share: float, kappa: float) -> float:
    """lim |cos θ| as d → ∞ for n = `share`·d points and input noise σ in training; κ → 0: √(1 − α) for α ≤ 1,
    √(1 − 1/α) beyond.

    κ is nσ²/d for one point a class, and σ²/d for corners, where `share` is 1.
    """
    if kappa == 0:
        return math.sqrt(1 - share if share <= 1 else 1 - 1 / share)
    b = kappa + share - 1
    root = math.sqrt(b**2 + 4 * kappa)  # = 2κs + b
    s = 2 / (root + b) if b > 0 else (root - b) / (2 * kappa)  # without cancellation
    return math.sqrt(s * root / (s + 1))


def started_cosine(share: float, d: int, scale: float = 1.0) -> float:
    """|cos θ| to leading order of two linear layers that gradient descent fits to `share`·d points, one a class, from
    `scale` times torch's own initial weights: [1/(1 − α) + s⁴d(1 − α)/9]^(−1/2), α < 1.
    """
    return (1 / (1 - share) + scale**4 * d * (1 - share) / 9) ** -0.5


def ridge_ratio(x: Float[np.ndarray, "d n"], sigma: float) -> float:
    """|cos θ| of the last two points under least squares on inputs with noise of standard deviation σ."""
    a = np.zeros(x.shape[1])
    a[-2:] = 1, -1
    gram = x.T @ x + len(a) * sigma**2 * np.eye(len(a))
    return cosine(x @ linalg.solve(gram, a, assume_a="pos"), x @ a)


def replaced_ratio(x: Float[np.ndarray, "d n"], p: float) -> float:
    """|cos θ| of the last two points under least squares on inputs of whose values a share p is replaced by standard
    normal ones: w = [(1 − p)²XXᵀ + D]⁻¹u, D diagonal with Σₖ p(1 − p)x²_jk + np.
    """
    d, n = x.shape
    a = np.zeros(n)
    a[-2:] = 1, -1
    gram = (1 - p) ** 2 * x @ x.T
    gram[np.diag_indices(d)] += p * (1 - p) * (x**2).sum(1) + n * p
    return cosine(linalg.solve(gram, x @ a, assume_a="pos"), x @ a)


def replacement_kappa(share: float, p: float) -> float:
    """κ of points whose values are replaced with probability p in training: α[(1 − p)⁻² − 1]."""
    return share * ((1 - p) ** -2 - 1)


def cosine(w: Float[np.ndarray, " d"], u: Float[np.ndarray, " d"]) -> float:
    """|cos| of the angle between two vectors."""
    return float(abs(w @ u) / (np.linalg.norm(w) * np.linalg.norm(u)))


def squared_loss(a: Float[np.ndarray, "d d"], sigma: float = 0.0) -> Float[np.ndarray, " d"]:
    """The linear map that least squares fits to x = Az, z ∈ {±1}^d, labels z_d: (AAᵀ + σ²I)⁻¹a_d, σ of input noise.

    Without noise that is A⁻ᵀe_d, whose |cos| with a_d is `phi`.
    """
    if sigma == 0:
        return linalg.solve(a.T, np.eye(len(a))[-1])
    return linalg.solve(a @ a.T + sigma**2 * np.eye(len(a)), a[:, -1], assume_a="pos")


def max_margin(a: Float[np.ndarray, "d d"]) -> Float[np.ndarray, " d"]:
    """The linear map of largest margin on x = Az, z ∈ {±1}^d, labels z_d, to which cross-entropy tends, scaled to a
    margin of 1.

    min ‖w‖ with z_d wᵀAz ≥ 1 for all z. For v = Aᵀw that is v_d − Σ_{i<d}|vᵢ| ≥ 1, a cone: v = e_d + Σ u (e_d ± eᵢ),
    u ≥ 0. So w = A⁻ᵀe_d + A⁻ᵀ(e_d ± eᵢ)u of least norm: non-negative least squares in 2(d − 1) variables.
    """
    inverse = linalg.inv(a).T
    last, others = inverse[:, -1:], inverse[:, :-1]
    rays = np.concatenate([last + others, last - others], axis=1)
    scale = np.linalg.norm(rays, axis=0)  # columns of very unequal length would stop its iterations early
    u = optimize.nnls(rays / scale, -last[:, 0])[0]
    return last[:, 0] + (rays / scale) @ u


def nearest_corners(a: Float[np.ndarray, "d d"]) -> float:
    """Half of the smallest distance between the classes of x = Az, z ∈ {±1}^d: min ‖a_d + Σ_{i<d} cᵢaᵢ‖ over cᵢ of
    {−1, 0, 1}.

    Half of z − z' has such entries, and ±1 at d; what all 3^(d−1) choices give is tried, so d ≤ 15.
    """
    r = triangle(a)
    sums = r[:, -1][None]
    for column in r.T[:-1][-CHUNK:]:
        sums = (sums + np.multiply.outer(np.array([-1.0, 0.0, 1.0]), column)[:, None]).reshape(-1, len(r))
    least, rest = math.inf, r.T[:-1][:-CHUNK]
    for signs in itertools.product((-1.0, 0.0, 1.0), repeat=len(rest)):
        least = min(least, float(((sums + np.array(signs) @ rest) ** 2).sum(1).min()))
    return math.sqrt(least)
