"""How far balls of different norms overlap in many dimensions (seed 002, Figure 6): where half of one is in the other.

Let δ be uniform in the ball ‖δ‖_p ≤ ε of d dimensions: δ = ε U^(1/d) g/‖g‖_p, with U uniform on [0, 1] and g of d
independent entries of density ∝ exp(−|g|^p), for p = ∞ uniform on [−1, 1]. Its other norm is

    ‖δ‖_q = ε U^(1/d) ‖g‖_q / ‖g‖_p,    E|g|^s = Γ((s + 1)/p) / Γ(1/p) =: M_s,    M_p = 1/p.

Sums over many entries concentrate: ‖g‖_s = (Σ|gᵢ|^s)^(1/s) → (d M_s)^(1/s), with a relative deviation of order
d^(−1/2). So ‖δ‖_q is nearly one number, ε r with

    r(p, q) → d^(1/q − 1/p) M_q^(1/q) / M_p^(1/p).

At finite d the median is wanted. That of U^(1/d) is 2^(−1/d), that of a sum S, were it lognormal, E S (1 + c²)^(−1/2)
with c² = Var S / (E S)² = (M_2s / M_s² − 1) / d. So

    r(p, q) = 2^(−1/d) [d M_q (1 + c_q²)^(−1/2)]^(1/q) / [d M_p (1 + c_p²)^(−1/2)]^(1/p).

Half of the ball's samples have ‖δ‖_q ≤ R at ε = R / r(p, q); half of the samples
of the ball ‖δ‖_q ≤ R have ‖δ‖_p ≤ ε at ε = R r(q, p). The ratio of the second ε to the first,

    r(p, q) r(q, p) → [M_q^(1/q) / M_p^(1/p)] of g · [M_p^(1/p) / M_q^(1/q)] of g', of density ∝ exp(−|g'|^q),

tends to a constant: all powers of d cancel. It exceeds 1 for p ≠ q: of all densities with
E|g|^p given, exp(−|g|^p) has the largest entropy, so if a typical δ of the first ball lay in the second, and one of
the second in the first, each would have more entropy than the other. Between both ε neither ball holds half of the
other's samples. That gap stays while the transitions sharpen as d^(−1/2).

Where the entries beyond the d-th part of the law dominate E|g|^q no sum of d entries concentrates (p = 2, q = 50: that
moment is made by |g| near 7, which 3,072 normal entries do not have), and for q = ∞ there is no sum. `typical` replaces
the law by d entries at the medians of its order statistics, and holds there as well.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from almostnothing.corruptions import quantiles

CONCENTRATED = 1.0  # variance over squared mean of Σ|gᵢ|^q up to which `ratio` takes it for lognormal


def log_moment(p: float, s: float) -> float:
    """ln E|g|^s = ln Γ((s + 1)/p) − ln Γ(1/p) of density ∝ exp(−|g|^p), p and s > 0; −ln(s + 1) for p = ∞."""
    if math.isinf(p):
        return -math.log(s + 1)
    return float(special.gammaln((s + 1) / p) - special.gammaln(1 / p))


def covariance(p: float, s: float, t: float) -> float:
    """Cov(|g|^s, |g|^t) / (M_s M_t); infinite where a float64 cannot hold it."""
    with np.errstate(over="ignore"):
        return float(np.expm1(log_moment(p, s + t) - log_moment(p, s) - log_moment(p, t)))


def variation(p: float, q: float, d: int) -> float:
    """Var(Σ|gᵢ|^q) / E(Σ|gᵢ|^q)² over d entries: (M_2q / M_q² − 1) / d; infinite for q = ∞."""
    return math.inf if math.isinf(q) else covariance(p, q, q) / d


def middle(p: float, q: float, d: int) -> float:
    """The median of ‖g‖_q, q < ∞, were Σ|gᵢ|^q lognormal: [d M_q (1 + c²)^(−1/2)]^(1/q), c² the `variation`."""
    return math.exp((math.log(d) + log_moment(p, q) - 0.5 * math.log1p(variation(p, q, d))) / q)


def own_norm(p: float, d: int) -> float:
    """`middle` for q = p, where M_p = 1/p and c² = p/d; 1 for p = ∞."""
    return 1.0 if math.isinf(p) else middle(p, p, d)


def closed(p: float, q: float, d: int) -> float:
    """r(p, q) in closed form, q < ∞: the median of ‖δ‖_q / ε of a sample of the p ball, where Σ|gᵢ|^q concentrates."""
    return 2 ** (-1 / d) * middle(p, q, d) / own_norm(p, d)


def typical(p: float, q: float, d: int) -> float:
    """r(p, q) with ‖g‖_q that of d entries at the medians of their order statistics, (i − 0.3)/(d + 0.4).

    For q = ∞ the largest of d, at the probability 2^(−1/d), exactly.
    """
    largest, all_of_them = [-math.expm1(-math.log(2) / d)], (np.arange(1, d + 1) - 0.3) / (d + 0.4)
    above = np.array(largest) if math.isinf(q) else all_of_them
    size = _sizes(p, above)
    most = size.max()
    norm = most if math.isinf(q) else most * ((size / most) ** q).sum() ** (1 / q)
    return float(2 ** (-1 / d) * norm / own_norm(p, d))


def ratio(p: float, q: float, d: int) -> float:
    """r(p, q): `closed` where the sum concentrates, by `CONCENTRATED`, else `typical`."""
    return closed(p, q, d) if variation(p, q, d) <= CONCENTRATED else typical(p, q, d)


def _sizes(p: float, above: np.ndarray) -> np.ndarray:
    """Quantiles of |g| at the probabilities 1 − `above`."""
    if math.isinf(p):
        return 1 - above
    near, far = quantiles.magnitude(p, 1 - above, above)
    size = np.where(above > 0.5, near, far)  # each is exact on its own side of the median
    return size ** (1 / p) if p < 1 else size


def crossings(p: float, q: float, radius: float, d: int) -> tuple[float, float]:
    """The ε at which half of the samples of the p ball lie in the ball ‖δ‖_q ≤ radius, and that at which the p ball
    holds half of the samples of that ball. For p = 0 see `replaced`.
    """
    return radius / ratio(p, q, d), radius * ratio(q, p, d)


def gap(p: float, q: float, d: int) -> float:
    """ln of the second crossing over the first, ln r(p, q) r(q, p): free of the radius."""
    return math.log(ratio(p, q, d) * ratio(q, p, d))


def spread(p: float, q: float, d: int) -> float:
    """The standard deviation of ln ‖δ‖_q, q < ∞, by the delta method.

    With ln‖δ‖_q = ln ε + (1/d) ln U + (1/q) ln Σ|gᵢ|^q − (1/p) ln Σ|gᵢ|^p, and U independent of the rest:
    d⁻² + d⁻¹ Var(|g|^q/(q M_q) − |g|^p/(p M_p)), the last term without its second part for p = ∞.
    """
    own = covariance(p, q, q) / q**2
    if not math.isinf(p):
        own += covariance(p, p, p) / p**2 - 2 * covariance(p, p, q) / (p * q)
    return math.sqrt(max(own, 0.0) / d + 1 / d**2)


def log_volume(p: float, epsilon: float, d: int) -> float:
    """ln of the volume of the ball ‖δ‖_p ≤ ε: d ln(2 ε Γ(1 + 1/p)) − ln Γ(1 + d/p)."""
    inverse = 0.0 if math.isinf(p) else 1 / p
    return float(d * (math.log(2 * epsilon) + special.gammaln(1 + inverse)) - special.gammaln(1 + d * inverse))


def equal_volume(p: float, q: float, radius: float, d: int) -> float:
    """The ε at which the p ball has the volume of the ball ‖δ‖_q ≤ radius.

    There both directions of containment are the same share, that of the intersection; at any other ε their quotient
    is that of the volumes.
    """
    return math.exp((log_volume(q, radius, d) - log_volume(p, 1.0, d)) / d)


def replaced(square: float, radius: float, d: int) -> float:
    """The share of d values that change at which half of the samples of L0 noise lie in ‖δ‖_2 ≤ radius; at most 1.

    k values change, each by a square of mean `square`: ‖δ‖_2² concentrates at k · square.
    """
    return min(1.0, radius**2 / (d * square))
