"""Functions that fit given points, how steep they must be, and the law of robustness (seed 004).

A function f is L-robust if |f(x) − f(x')| ≤ L‖x − x'‖. The law (Bubeck and Sellke 2021, Theorem 3; the slides give it
without constants): a class of functions with P parameters contains one that fits n noisy points in d dimensions better
than the signal does only if its Lipschitz constant is at least of the order √(nd/P).

The slides call it tight: "project down to dimension d̃ = P/n, use n RBFs". Points on the unit sphere are projected to
their first d̃ coordinates, times √(d/d̃) so that lengths stay what they were, and a function of these is fitted. Such a
function with n centres has about n(d̃ + 1) parameters, so √(nd/P) ≈ √(d/d̃), which is the factor that the projection
costs; what remains, the constant of the function of projected points, is the question of `16_tightness`. It is

* *tents*: Σ yᵢ (1 − ‖z − zᵢ‖/rᵢ)₊, rᵢ half of the distance to the nearest point: max |yᵢ|/rᵢ exactly, as supports are
  disjoint;
* *McShane*: the smallest constant of any function of the projected points, max |yᵢ − yⱼ|/‖zᵢ − zⱼ‖ (McShane 1934;
  Whitney): f(z) = minᵢ yᵢ + L‖z − zᵢ‖ has it;
* *part*: the same when a share of the points need not be fitted, exactly for labels ±1: two opposite points nearer than
  2/L may not both be kept, and the fewest points to leave out are a smallest vertex cover of a bipartite graph, as
  large as its largest matching (Kőnig).

Minimum-norm interpolants in k random features σ(Wx), or in the gradients of a two-layer network with respect to its
first layer (x ⊗ aσ'(Wx), its NTK features), are linear in what they fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy import sparse, spatial, stats
from scipy.sparse import csgraph
from torch import Tensor

CONSTANT = 2.0**-9  # of Theorem 3
MIXTURE = 8.0**4  # of the condition of Theorem 3


def projected(x: Float[np.ndarray, "n d"], kept: int) -> Float[np.ndarray, "n kept"]:
    """The first `kept` of d coordinates, times √(d/kept). Raises `ValueError` unless 1 ≤ kept ≤ d."""
    if not 1 <= kept <= x.shape[1]:
        raise ValueError(f"{kept} of {x.shape[1]} coordinates cannot be kept")
    return x[:, :kept] * math.sqrt(x.shape[1] / kept)


def half_nearest(z: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    """Half of each point's distance to the nearest other one: radii of tents that are disjoint."""
    return np.asarray(spatial.cKDTree(z).query(z, k=2)[0][:, 1] / 2)


def tents(
    z: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"]
) -> Callable[[Float[np.ndarray, "m d"]], Float[np.ndarray, " m"]]:
    """The function of tents through all points."""
    tree, radius = spatial.cKDTree(z), half_nearest(z)

    def value(at: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
        far, nearest = tree.query(at)
        # a point inside a tent has that tent's centre as its nearest one, as radii are at most half of distances
        return np.asarray(y[nearest] * np.maximum(0, 1 - far / radius[nearest]))

    return value


def tent_constant(z: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"]) -> float:
    """The Lipschitz constant of `tents`: max |yᵢ|/rᵢ. From one tent to the next no line is steeper than both."""
    return float((np.abs(y) / half_nearest(z)).max())


def mcshane(
    z: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"], constant: float
) -> Callable[[Float[np.ndarray, "m d"]], Float[np.ndarray, " m"]]:
    """minᵢ yᵢ + L‖z − zᵢ‖, which fits all points where L is at least `mcshane_constant`."""

    def value(at: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
        return np.asarray((y + constant * spatial.distance.cdist(at, z)).min(1))

    return value


def mcshane_constant(z: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"]) -> float:
    """max |yᵢ − yⱼ|/‖zᵢ − zⱼ‖, the smallest Lipschitz constant of a function through all points."""
    apart = spatial.distance.pdist(z)
    rise = spatial.distance.pdist(y[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(rise > 0, rise / apart, 0.0).max())


def part_constant(z: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"], share: float) -> float:
    """The smallest Lipschitz constant of a function through at least `share` of the points, whose labels are ±1.

    Raises `ValueError` for other labels.
    """
    if not np.isin(y, (-1, 1)).all():
        raise ValueError("which points to leave out is known for labels 1 and -1 alone")
    apart = spatial.distance.cdist(z[y > 0], z[y < 0])
    if not apart.size:
        return 0.0
    most = len(y) - math.ceil(share * len(y) - 1e-9)  # that may be left out
    levels = np.unique(apart)
    low, high = 0, len(levels)  # the least distance that is kept is levels[low], at least
    while low < high:
        middle = (low + high + 1) // 2
        near = apart < (levels[middle] if middle < len(levels) else math.inf)
        low, high = (middle, high) if _cover(near) <= most else (low, middle - 1)
    return 0.0 if low == len(levels) else float(2 / levels[low])


def _cover(edges: np.ndarray) -> int:
    """The size of a smallest vertex cover of a bipartite graph: that of its largest matching."""
    found = csgraph.maximum_bipartite_matching(sparse.csr_array(edges), perm_type="column")
    return int((found >= 0).sum())


def closest(pairs: float, kept: int) -> float:
    """The median smallest distance of `pairs` pairs of points on the unit sphere of many dimensions, projected.

    What is kept of a point has the law N(0, 1/d̃) in each coordinate, so ‖z − z'‖² ~ 2χ²_d̃/d̃; near pairs are rare and
    nearly independent, so P(none below r) ≈ exp(−pairs P(‖z − z'‖ < r)). For small distances it is of the order
    pairs^(−1/d̃): for n points a constant of n^(2/d̃), which is bounded only where d̃ grows as ln n.
    """
    return math.sqrt(2 / kept * stats.chi2(kept).ppf(math.log(2) / pairs))


@dataclass(frozen=True)
class Features:
    """f(x) = φ(x)·c of least norm through n points: φ are k random features, or NTK features, of unit weights W.

    `weights`: rows of W, (k, d); `outer`: a, (k,), of NTK features, whose coefficients then are (k, d).
    """

    weights: Float[Tensor, "k d"]
    activation: Callable[[Tensor], Tensor]
    coefficients: Tensor
    outer: Float[Tensor, " k"] | None = None

    def __call__(self, x: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """Values."""
        z = x @ self.weights.T
        if self.outer is None:
            return self.activation(z) @ self.coefficients
        slope = _slope(self.activation, z) * self.outer
        return (slope * (x @ self.coefficients.T)).sum(-1)


def random_features(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, " n"],
    weights: Float[Tensor, "k d"],
    activation: Callable[[Tensor], Tensor],
) -> Features:
    """The interpolant of least norm in σ(Wx); the fit of least squares where k < n."""
    found = torch.linalg.lstsq(activation(x @ weights.T), y[:, None], driver="gelsd").solution
    return Features(weights, activation, found[:, 0])


def ntk_features(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, " n"],
    weights: Float[Tensor, "k d"],
    outer: Float[Tensor, " k"],
    activation: Callable[[Tensor], Tensor],
) -> Features:
    """The interpolant of least norm in aⱼσ'(wⱼ·x) x, kd features, by their n × n kernel.

    Raises `ValueError` where kd < n.
    """
    if weights.numel() < len(x):
        raise ValueError(f"{weights.numel()} features do not fit {len(x)} points")
    slope = _slope(activation, x @ weights.T) * outer  # (n, k)
    gram = (slope @ slope.T) * (x @ x.T)
    dual = torch.linalg.solve(gram, y)
    return Features(weights, activation, (slope * dual[:, None]).T @ x, outer)


def _slope(activation: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    with torch.enable_grad():
        own = z if z.requires_grad else z.detach().requires_grad_()
        slope: Tensor = torch.autograd.grad(activation(own).sum(), own, create_graph=z.requires_grad)[0]
    return slope


class Bound(NamedTuple):
    """A lower bound on a Lipschitz constant, and why it says nothing, where it does: empty if it says something."""

    constant: float
    vacuous: str


def law(
    n: int,
    d: int,
    parameters: float,
    excess: float,
    *,
    weights: float = 1.0,
    lipschitz: float = 1.0,
    isoperimetry: float = 1.0,
    parts: int = 1,
    failure: float = 0.1,
    least: float = 0.0,
) -> Bound:
    """Theorem 3 of Bubeck and Sellke (2021): Lip(f) ≥ ε/(2⁹√c) √(nd/(P ln(60WJ/ε) + ln(4/δ))).

    It holds with probability 1 − δ (`failure`) for all f of the class whose mean squared error is ε (`excess`) below
    the noise's variance; W (`weights`) bounds the parameters, J (`lipschitz`) how fast f changes with them; inputs are
    a mixture of so many `parts`, each c-isoperimetric: P(|f − E f| ≥ t) ≤ 2 exp(−dt²/(2c Lip²)). Labels lie in [−1, 1],
    and 8⁴ k ln(8k/δ) ≤ nε². `least`: a constant that is known anyway; a bound below it says nothing.

    Raises `ValueError` for values that the theorem does not know.
    """
    if (
        min(n, d, parameters, weights, lipschitz, isoperimetry, parts) <= 0
        or not 0 < failure < 1
        or not 0 < excess <= 1
    ):
        raise ValueError("the law takes positive sizes and constants, 0 < δ < 1 and 0 < ε ≤ 1")
    logs = parameters * math.log(max(60 * weights * lipschitz / excess, 1.0)) + math.log(4 / failure)
    constant = CONSTANT * excess / math.sqrt(isoperimetry) * math.sqrt(n * d / logs)
    needed = MIXTURE * parts * math.log(8 * parts / failure) / excess**2
    if n < needed:
        return Bound(constant, f"needs {needed:.3g} points, has {n}")
    if constant <= least:
        return Bound(constant, f"is no more than {least:.3g}, which is known anyway")
    return Bound(constant, "")


def order(n: float, d: float, parameters: float) -> float:
    """√(nd/P), the law without constants."""
    return math.sqrt(n * d / parameters)


def rademacher(n: int, d: int, functions: float, lipschitz: float, isoperimetry: float = 1.0, parts: int = 1) -> float:
    """A bound on E sup |Σ σᵢ f(xᵢ)|/n over a finite class F, σᵢ = ±1 by chance: 4L √(c ln(2|F|)/(nd)) + √(k/n).

    The slides give the order of the first term alone, √(P/(nd)). The second stands for the means m of functions in
    [−1, 1] over each of k parts: E|Σ σᵢ| ≤ √nₖ in each, and Σ √nₖ/n ≤ √(k/n); a class that holds a constant function
    has it. The first: X = f(x) − m has tails 2 exp(−t²/(2s²)), s² = cL²/d, so E exp(λX) ≤ exp(4s²λ²) (Rigollet and
    Hütter, Lemma 1.5), the same for σX, and the largest of 2|F| sums of n such terms is at most √(16 s² n ln(2|F|)) in
    the mean.
    """
    return 4 * lipschitz * math.sqrt(isoperimetry * math.log(2 * functions) / (n * d)) + math.sqrt(parts / n)


class Range(NamedTuple):
    """A quantity of which a lowest and a highest value are known."""

    low: float
    high: float


def parameters_needed(points: Range, dimension: Range) -> Range:
    """P = n d̃, from the range of n and that of the effective dimension d̃ (slides, "MNIST and ImageNet")."""
    return Range(points.low * dimension.low, points.high * dimension.high)


def effective_dimension(parameters: Range, points: Range) -> Range:
    """d̃ = P/n, of a data set on which P parameters were found enough for n points."""
    return Range(parameters.low / points.high, parameters.high / points.low)


def scaled(dimension: Range, nominal: float, other: float, proportional: bool) -> Range:
    """The effective dimension of another data set: in proportion to the nominal one, or the same."""
    factor = other / nominal if proportional else 1.0
    return Range(dimension.low * factor, dimension.high * factor)
