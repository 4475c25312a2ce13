"""How steep networks are: lower bounds by search and by pairs of points, upper bounds that are certified.

Of a function f: R^d → R, Lip₂ = max ‖∇f‖₂, and for distances in L∞ the constant is max ‖∇f‖₁. Lower bounds are values
of actual slopes; upper bounds hold for every input, and are computed in float64 with a margin for rounding.

Two layers: f(x) = aᵀσ(Wx + b) with slopes of σ in [lo, hi]. ∇f = Wᵀ diag(a) s, s in [lo, hi]^k, is longest at a
corner; with s = (hi + lo)/2 + (hi − lo)/2 t that is max ‖Bu‖ over u ∈ {±1}^(k+1), a MaxCut-type problem, where
B = ½[(hi + lo)Wᵀa, (hi − lo)Wᵀ diag a]. For every y the dual of its semidefinite relaxation gives

    max uᵀMu ≤ Σ yᵢ + (k + 1) max(0, λ_max(M − diag y)),    M = BᵀB,

as uᵀMu = uᵀ(M − diag y)u + Σ yᵢ. A good y comes from the relaxation itself, max ⟨M, VVᵀ⟩ over rows of unit length,
solved by coordinates (Wang, Chang and Kolter 2017, the mixing method): yᵢ = ‖Σⱼ Mᵢⱼ vⱼ‖. Signs of random projections of
V give corners u, whose ‖Bu‖ says how far the bound can be from the largest value over all corners.

For distances in L∞ the longest is max ‖Bu‖₁ = max tᵀBu over t ∈ {±1}^d and u ∈ {±1}^(k+1): the same problem for
z = (t, u) and M = ½[[0, B], [Bᵀ, 0]], whose dual bounds it in the same way (Raghunathan, Steinhardt and Liang 2018 have
this relaxation for slopes in [0, 1]). Rows of t have no products with each other, nor those of u, so that coordinates
are solved for all t at once, then for all u.

More layers, f(x) = W_L σ(… σ(W_1 x + b_1) …) with slopes in [0, 1]: for any positive diagonal Λᵢ

    X_0 = 1,   Xᵢ = Λᵢ − ¼ ΛᵢWᵢ X_{i−1}⁻¹ Wᵢᵀ Λᵢ > 0,   Lip₂² ≤ λ_max(W_L X_{L−1}⁻¹ W_Lᵀ)

(LipSDP of Fazlyab et al. 2019, layer by layer as Xu and Sivaranjani 2024): changes δᵢ behind the i-th activation obey
δᵢᵀΛᵢ(Wᵢδ_{i−1} − δᵢ) ≥ 0, and γ²|δ_0|² − |W_Lδ_{L−1}|² is at least the sum of these where the block matrix of `layered`
has no negative eigenvalue, of which the recursion is the elimination of blocks. From Λᵢ = 2/λ_max(Wᵢ X_{i−1}⁻¹ Wᵢᵀ),
which is never worse than the product of spectral norms, Λ descends along the gradient of the bound. The product itself
is known for distances in L∞, too, and for other layers; a layer that no bound covers is refused.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from almostnothing import streams
from almostnothing.errors import UserError
from almostnothing.optimisers import BETA1, BETA2, adam

Function = Callable[[Float[Tensor, "cell point pixel"]], Float[Tensor, "cell point"]]
SLOPES = {nn.ReLU: (0.0, 1.0), nn.Tanh: (0.0, 1.0), nn.Identity: (1.0, 1.0)}  # least and largest, of activations
ROUNDING = (
    1e-9  # by which a certified bound is lengthened, relative: float64 products of thousands of terms err by less
)
SWEEPS, SETTLED = 500, 1e-6  # of the mixing method: at most, and the relative gain of one below which it ends
HALVES, CLOSER = 1000, 1e-8  # the same for L∞, where a sweep is two products of matrices
DOMAINS = ("sphere", "cube", "space")
REACH = 0.3  # first step of an ascent, over the starts' length or the cube's diagonal
WIDTH = 0.5
TINY = 1e-30
CORNERS = 64  # random projections that are rounded to signs


class Steepest(NamedTuple):
    """Inputs where the gradient is longest, as far as was found, and its length there."""

    points: Float[Tensor, "cell pixel"]
    slope: Float[Tensor, " cell"]


def gradient(
    f: Function, x: Float[Tensor, "cell point pixel"], again: bool = False
) -> Float[Tensor, "cell point pixel"]:
    """∇f of every cell at its own points; `again`: as a function of x, which requires its gradient."""
    with torch.enable_grad():  # not torch.func.grad, which in a nest of two takes ten times as long
        own = x if again else x.detach().requires_grad_()
        found: Tensor = torch.autograd.grad(f(own).sum(), own, create_graph=again)[0]
    return found


def length(g: Float[Tensor, "... pixel"], norm: float) -> Tensor:
    """The dual norm of slopes: L2 of distances in L2, L1 of distances in L∞."""
    if norm not in (2, math.inf):
        raise ValueError(f"slopes are known for distances in L2 and L∞, not L{norm:g}")
    return g.norm(dim=-1) if norm == 2 else g.abs().sum(-1)


def tangential(g: Float[Tensor, "... pixel"], x: Float[Tensor, "... pixel"]) -> Float[Tensor, "... pixel"]:
    """The part of gradients along the sphere through x."""
    return g - (g * x).sum(-1, keepdim=True) / x.square().sum(-1, keepdim=True) * x


def steepest(
    f: Function,
    start: Float[Tensor, "cell point pixel"],
    domain: str,
    *,
    smoothed: Callable[[float], Function] | None = None,
    norm: float = 2,
    steps: int = 60,
) -> Steepest:
    """The longest gradient that ascent finds over a domain: a lower bound on the Lipschitz constant there.

    `domain`: "sphere" of the starts' radius, with gradients along it; "cube", [0, 1]^d; or "space". Ascent is of the
    length of the gradient of `smoothed(t)`, t falling from 1 to a tenth, as gradients of piecewise linear functions
    have no slope (`smoother`); what counts is that of f itself, wherever it was largest.

    Raises `ValueError` for another domain or norm.
    """
    if domain not in DOMAINS:
        raise ValueError(f"no domain is called {domain!r}: known are {', '.join(DOMAINS)}")
    x, radius = start.clone(), start.norm(dim=-1, keepdim=True)

    def along(g: Tensor, z: Tensor) -> Tensor:
        return tangential(g, z) if domain == "sphere" else g

    def slope(z: Tensor) -> Tensor:
        return length(along(gradient(f, z), z), norm)

    def upward(of: Function, z: Tensor) -> Tensor:
        with torch.enable_grad():
            own = z.detach().requires_grad_()
            total = length(along(gradient(of, own, True), own), norm).sum() + 0 * own.sum()  # of linear f: no slope
            climb: Tensor = along(torch.autograd.grad(total, own)[0], z)
        return climb / climb.norm(dim=-1, keepdim=True).clamp(min=TINY)

    reach = REACH * (math.sqrt(start.shape[-1]) if domain == "cube" else radius)
    best, points = slope(x), x
    for step in range(steps):
        left = 1 - step / steps
        of = smoothed(10 ** (left - 1)) if smoothed else f
        x = x + reach * left * upward(of, x)
        if domain == "sphere":
            x = x / x.norm(dim=-1, keepdim=True) * radius
        elif domain == "cube":
            x = x.clamp(0, 1)
        found = slope(x)
        points = torch.where((found > best)[..., None], x, points)
        best = torch.maximum(found, best)
    top = best.argmax(-1)
    return Steepest(points[torch.arange(len(x)), top], best.amax(-1))


def smoother(
    first: Float[Tensor, "cell k d"],
    bias: Float[Tensor, "cell k"],
    outer: Float[Tensor, "cell k"],
    x: Float[Tensor, "cell point d"],
) -> Callable[[float], Function]:
    """Two-layer ReLU networks with softplus in place of ReLU: t times `WIDTH` of their units' spread wide."""
    width = WIDTH * (x @ first.mT + bias[:, None]).std((1, 2), keepdim=True).clamp(min=TINY)

    def at(t: float) -> Function:
        scale = t * width
        return lambda z: (
            scale * torch.nn.functional.softplus((z @ first.mT + bias[:, None]) / scale) * outer[:, None]
        ).sum(-1)

    return at


def pairwise(
    values: Float[Tensor, "cell point"], x: Float[Tensor, "cell point pixel"], norm: float = 2
) -> Float[Tensor, " cell"]:
    """The steepest slope between any two points: max |f(x) − f(x')|/‖x − x'‖."""
    apart = torch.cdist(x, x, p=norm)
    rise = (values[..., None] - values[..., None, :]).abs()
    return torch.where(apart > 0, rise / apart, 0.0).flatten(1).amax(1)


def spectral_product(model: nn.Sequential, norm: float = 2) -> float:
    """The product of operator norms of linear layers and steepest slopes of activations: certified.

    For distances in L∞ the norm of a layer is that from L∞ to L∞, its largest row sum.
    Raises `UserError` for a layer that it does not cover.
    """
    if norm not in (2, math.inf):
        raise ValueError(f"slopes are known for distances in L2 and L∞, not L{norm:g}")
    bound = 1.0
    for layer in model:
        if isinstance(layer, nn.Linear):
            weight = layer.weight.detach().double().cpu()
            bound *= float(torch.linalg.matrix_norm(weight, 2 if norm == 2 else torch.inf))
        elif type(layer) in SLOPES:
            bound *= max(map(abs, SLOPES[type(layer)]))
        elif not isinstance(layer, nn.Flatten):
            raise UserError(f"no certified bound covers a layer of type {type(layer).__name__}")
    return bound * (1 + ROUNDING)


class TwoLayers(NamedTuple):
    """Bounds on max ‖∇f‖ over all slopes of the activation: `upper` is certified, `corner` is reached by some slopes.

    The Lipschitz constant is at most `upper`; slopes that no input has may reach more than it.
    """

    upper: Float[Tensor, " cell"]
    corner: Float[Tensor, " cell"]


def two_layers(
    first: Float[Tensor, "cell k d"],
    outer: Float[Tensor, "cell k"],
    slopes: tuple[float, float] = (0.0, 1.0),
    norm: float = 2,
) -> TwoLayers:
    """The MaxCut-type bound for stacks of f(x) = aᵀσ(Wx + b), σ' in `slopes`, distances in L2 or L∞.

    Raises `ValueError` for another norm.
    """
    if norm not in (2, math.inf):
        raise ValueError(f"slopes are known for distances in L2 and L∞, not L{norm:g}")
    w, a = first.double(), outer.double()
    low, high = slopes
    sides = (
        torch.cat([(high + low) * (w.mT @ a[..., None]), (high - low) * w.mT * a[:, None]], -1) / 2
    )  # (cell, d, k + 1)
    if norm == 2:
        m = sides.mT @ sides
        v = mixed(m)
        bound, corner = _dual(m, v).clamp(min=0).sqrt(), _flipped(m, _signs(v, *m.shape)).sqrt()
    else:
        d, units = sides.shape[1:]
        m = torch.nn.functional.pad(sides, (d, 0, 0, units)) / 2
        m = m + m.mT
        v = halved(sides)
        bound, corner = _dual(m, v), _alternated(sides, _signs(v[:, d:], *m.shape))
    return TwoLayers(bound * (1 + ROUNDING), corner)


def _dual(m: Float[Tensor, "cell k k"], v: Float[Tensor, "cell k rank"]) -> Float[Tensor, " cell"]:
    """The dual bound on uᵀMu over signs u, with yᵢ = ‖Σⱼ Mᵢⱼ vⱼ‖: certified for every V."""
    y = torch.linalg.vector_norm(m @ v, dim=-1)
    top = torch.linalg.eigvalsh(m - torch.diag_embed(y))[:, -1]
    size = torch.linalg.matrix_norm(m) + y.sum(-1)
    error = torch.finfo(torch.float64).eps * m.shape[-1] * size  # of eigenvalues, by far
    bound: Tensor = y.sum(-1) + m.shape[-1] * (top + error).clamp(min=0)
    return bound


def _signs(v: Float[Tensor, "cell k rank"], *shape: int) -> Float[Tensor, "cell k corner"]:
    """Signs of random projections of V; `shape` names the stream."""
    key = streams.stream_key(0, "corners of slopes", *shape)
    drawn = torch.from_numpy(streams.normals(key, v.shape[-1] * CORNERS)).to(v).view(v.shape[-1], CORNERS)
    return (v @ drawn).sign()


def halved(sides: Float[Tensor, "cell d k"]) -> Float[Tensor, "cell both rank"]:
    """max Σ Bᵢⱼ ⟨tᵢ, uⱼ⟩ over d + k rows of unit length, all t and all u in turn; of a rank as of `mixed`."""
    cells, d, units = sides.shape
    rank = math.ceil(math.sqrt(2 * (d + units))) + 1
    key = streams.stream_key(0, "mixing method", "halves", d + units)
    v = torch.from_numpy(streams.normals(key, (d + units) * rank)).to(sides).view(-1, rank).repeat(cells, 1, 1)
    v /= v.norm(dim=-1, keepdim=True)
    t, u = v[:, :d], v[:, d:]
    before = torch.zeros(cells, dtype=sides.dtype, device=sides.device)
    for _ in range(HALVES):
        t = _turned(sides @ u, t)
        pull = sides.mT @ t
        value = pull.norm(dim=-1).sum(-1)
        u = _turned(pull, u)
        if (value - before <= CLOSER * value).all():
            break
        before = value
    return torch.cat([t, u], 1)


def _turned(pull: Float[Tensor, "*row rank"], rows: Float[Tensor, "*row rank"]) -> Float[Tensor, "*row rank"]:
    """Rows of unit length along what pulls them; where nothing does, as they were."""
    size = pull.norm(dim=-1, keepdim=True)
    return torch.where(size > 0, pull / size.clamp(min=1e-300), rows)


def _alternated(sides: Float[Tensor, "cell d k"], u: Float[Tensor, "cell k corner"]) -> Float[Tensor, " cell"]:
    """The largest tᵀBu after t and u have been turned to what is best for the other as long as that helps."""
    value = (sides @ u).abs().sum(1)
    for _ in range(sides.shape[-1]):
        turned = (sides.mT @ (sides @ u).sign()).sign()
        more = (sides @ turned).abs().sum(1)
        better = more > value
        if not better.any():
            break
        u, value = torch.where(better[:, None], turned, u), torch.maximum(more, value)
    return value.amax(1)


def mixed(m: Float[Tensor, "cell k k"]) -> Float[Tensor, "cell k rank"]:
    """max ⟨M, VVᵀ⟩ over rows of unit length, by coordinates; of a rank over √(2k) that is the relaxation itself."""
    count, rank = m.shape[-1], math.ceil(math.sqrt(2 * m.shape[-1])) + 1
    key = streams.stream_key(0, "mixing method", count)
    v = torch.from_numpy(streams.normals(key, count * rank)).to(m).view(count, rank).repeat(len(m), 1, 1)
    v /= v.norm(dim=-1, keepdim=True)
    before = torch.zeros(len(m), dtype=m.dtype, device=m.device)
    off = m - torch.diag_embed(m.diagonal(dim1=-2, dim2=-1))
    for _ in range(SWEEPS):
        for row in range(count):
            moved = (off[:, row, None] @ v)[:, 0]
            v[:, row] = _turned(moved, v[:, row])
        value = ((m @ v) * v).sum((1, 2))
        if (value - before <= SETTLED * value).all():
            break
        before = value
    return v


def _flipped(m: Float[Tensor, "cell k k"], u: Float[Tensor, "cell k corner"]) -> Float[Tensor, " cell"]:
    """The largest uᵀMu after single signs are turned as long as that helps."""
    u = torch.where(u == 0, 1.0, u)
    diagonal = m.diagonal(dim1=-2, dim2=-1)[..., None]
    for _ in range(m.shape[-1]):
        gain = diagonal - u * (m @ u)  # a quarter of what turning each sign gives
        most, place = gain.max(1, keepdim=True)
        if (most <= 0).all():
            break
        turned = torch.where(most > 0, -u.gather(1, place), u.gather(1, place))
        u = u.scatter(1, place, turned)
    return ((m @ u) * u).sum(1).amax(1)


def layered(weights: list[Float[Tensor, "cell _ _"]], steps: int = 100) -> Float[Tensor, " cell"]:
    """The certified layer-wise bound in L2 for stacks of networks, ReLU or tanh between W_1 … W_L, (cell, out, in)."""
    each = [weight.double() for weight in weights]
    scales: list[Tensor] = []
    known = torch.eye(each[0].shape[-1], dtype=torch.float64, device=each[0].device).expand(len(each[0]), -1, -1)
    for weight in each[:-1]:
        g = weight @ torch.linalg.solve(known, weight.mT)
        scale = (2 / torch.linalg.eigvalsh(g)[:, -1:]).expand(-1, len(g[0]))
        known = torch.diag_embed(scale) - scale[..., None] * g * scale[:, None] / 4
        scales.append(scale.log())
    best, chosen = _eliminated(each, scales)[:, -1], scales
    logs = [scale.clone().requires_grad_() for scale in scales]
    moments = [torch.zeros_like(scale[..., None]) for scale in [*scales, *scales]]
    for step in range(steps if scales else 0):
        found = _eliminated(each, logs)[:, -1]
        gradients = [g[..., None].nan_to_num() for g in torch.autograd.grad(found.log().nan_to_num().sum(), logs)]
        with torch.no_grad():
            better = found < best  # false where a block is not positive
            best = torch.where(better, found, best)
            chosen = [torch.where(better[:, None], one, other) for one, other in zip(logs, chosen, strict=True)]
            rate, root = 0.1 * (1 - step / steps) / (1 - BETA1 ** (step + 1)), 1 / math.sqrt(1 - BETA2 ** (step + 1))
            each_cell = found.new_ones(len(found))
            adam([log[..., None] for log in logs], gradients, moments, rate * each_cell, root * each_cell)
    return _verified(each, [log.detach().exp() for log in chosen], best.detach())


def _eliminated(weights: list[Tensor], logs: list[Tensor]) -> Float[Tensor, "cell row"]:
    """Eigenvalues of W_L X_{L−1}⁻¹ W_Lᵀ for ln Λ; NaN where a block is not positive."""
    known = torch.eye(weights[0].shape[-1], dtype=torch.float64, device=weights[0].device)
    known = known.expand(len(weights[0]), -1, -1)
    bad = torch.zeros(len(weights[0]), dtype=torch.bool, device=known.device)
    for weight, log in zip(weights[:-1], logs, strict=True):
        scale = log.exp()
        g = weight @ torch.linalg.solve(known, weight.mT)
        known = torch.diag_embed(scale) - scale[..., None] * g * scale[:, None] / 4
        failed = torch.linalg.cholesky_ex(known)[1] > 0
        bad = bad | failed
        known = torch.where(failed[:, None, None], torch.eye(known.shape[-1]).to(known), known)
    last = weights[-1] @ torch.linalg.solve(known, weights[-1].mT)
    return torch.where(bad[:, None], math.nan, torch.linalg.eigvalsh(last))


def _verified(weights: list[Tensor], scales: list[Tensor], square: Tensor) -> Tensor:
    """√γ² after a look at the block matrix: what its eigenvalues are below 0 is added, times the largest changes."""
    sizes = [weights[0].shape[-1], *(len(weight[0]) for weight in weights[:-1])]
    ends = list(itertools.accumulate(sizes))
    full = torch.zeros(len(square), ends[-1], ends[-1], dtype=torch.float64, device=square.device)
    full[:, : sizes[0], : sizes[0]] = square[:, None, None] * torch.eye(sizes[0]).to(full)
    reach, total = torch.ones_like(square), torch.ones_like(square)
    for index, (weight, scale) in enumerate(zip(weights[:-1], scales, strict=True), start=1):
        here, before = slice(ends[index - 1], ends[index]), slice(ends[index - 1] - sizes[index - 1], ends[index - 1])
        # the multipliers of the recursion, which starts from 1 in place of γ², are γ² times as large
        full[:, here, here] = torch.diag_embed(square[:, None] * scale)
        full[:, here, before] = -square[:, None, None] * scale[..., None] * weight / 2
        full[:, before, here] = full[:, here, before].mT
        reach = reach * torch.linalg.matrix_norm(weight, 2).square()
        total = total + reach
    last = slice(ends[-1] - sizes[-1], ends[-1])
    full[:, last, last] -= weights[-1].mT @ weights[-1]
    values = torch.linalg.eigvalsh(full)
    error = torch.finfo(torch.float64).eps * full.shape[-1] * values.abs().amax(1)
    below = (error - values[:, 0]).clamp(min=0)
    return (square + below * total).sqrt() * (1 + ROUNDING)


def two_layers_largest(
    first: Float[Tensor, "cell k d"], outer: Float[Tensor, "cell k"], slopes: tuple[float, float] = (0.0, 1.0)
) -> Float[Tensor, " cell"]:
    """A certified bound for distances in L∞: Σ over pixels of the largest |Σⱼ aⱼWⱼsⱼ|, each with slopes of its own."""
    each = first.double() * outer.double()[..., None]
    low, high = slopes
    top = torch.maximum(low * each, high * each).sum(1)
    bottom = torch.minimum(low * each, high * each).sum(1)
    return torch.maximum(top, -bottom).sum(-1) * (1 + ROUNDING)
