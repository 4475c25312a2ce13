"""A second opinion on smallest perturbations: attacks of foolbox, which share no code with `measures.attacks`.

Checked against exact answers (tests/test_attacks.py). Untargeted, both follow the class with the largest other logit,
which need not be the nearest: so they are run towards every other class. The fast minimum-norm attack as released in
foolbox 3.3.4 never projects (its factor is a norm over itself) and finds twice the distance; here it does.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from almostnothing.errors import UserError
from almostnothing.measures.attacks import Ask
from almostnothing.measures.margins import margin

RANGE = (-100.0, 100.0)  # of values, beyond all that is asked: nothing is clipped
LONGER = 1e-5  # by which what is found is lengthened before it is judged: it lies on the boundary up to rounding
STEPS, LAST = 100, 1e-3  # of either attack; its last step over the first


def opinion(
    ask: Ask, x: Float[Tensor, "image pixel"], labels: Int[Tensor, " image"], scale: float
) -> Float[Tensor, " image"]:
    """The shorter one of what both attacks find for one network, as a length: 0 where it was wrong already, infinite
    where nothing was found. `scale`: a typical length, the first step of the fast minimum-norm attack.

    Raises `UserError` without foolbox, and for a length that is none.
    """
    if not 0 < scale < math.inf:
        raise UserError(f"a second opinion needs a typical length above 0, not {scale:g}: was any image right?")
    both = [fast_minimum_norm(scale), decoupled()]
    return torch.stack([found(attack, ask, x, labels) for attack in both]).amin(0)


def fast_minimum_norm(scale: float, steps: int = STEPS) -> Any:
    """The attack of Pintor et al. (2021), which projects."""
    fb = _foolbox()
    from eagerpy import maximum, minimum  # a dependency of foolbox

    class Projected(fb.attacks.L2FMNAttack):  # type: ignore[name-defined]
        def project(self, x: Any, x0: Any, epsilon: Any) -> Any:
            size = maximum((x - x0).flatten(1).norms.l2(axis=-1), 1e-12)
            return x0 + (x - x0) * minimum(1, epsilon / size).expand_dims(-1)

    return Projected(steps=steps, max_stepsize=scale, min_stepsize=LAST * scale)


def decoupled(steps: int = STEPS) -> Any:
    """The decoupled direction and norm attack of Rony et al. (2019)."""
    return _foolbox().attacks.DDNAttack(steps=steps)


def found(
    attack: Any, ask: Ask, x: Float[Tensor, "image pixel"], labels: Int[Tensor, " image"]
) -> Float[Tensor, " image"]:
    """The shortest length that a foolbox attack finds towards any class, by this network's own judgement."""
    fb = _foolbox()
    model = fb.PyTorchModel(Alone(ask).eval(), bounds=RANGE, device=x.device)
    with torch.no_grad():
        logits = ask(x[None])[0]
        right = margin(logits[None], labels[None])[0] > 0
    classes = logits.shape[-1]
    best = torch.where(right, torch.inf, 0.0).to(x)
    for further in range(1, classes):
        target = fb.criteria.TargetedMisclassification((labels + further) % classes)
        points, _, _ = attack(model, x, target, epsilons=None)
        moved = (1 + LONGER) * (points - x)
        with torch.no_grad():
            wrong = margin(ask((x + moved)[None]), labels[None])[0] <= 0
        best = torch.where(wrong, torch.minimum(best, moved.norm(dim=-1)), best)
    return best


class Alone(nn.Module):
    """One network as foolbox takes it."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self.ask = ask

    def forward(self, x: Tensor) -> Tensor:
        """Logits of (image, pixel)."""
        return self.ask(x[None])[0]


def _foolbox() -> Any:
    try:
        import foolbox
    except ImportError as error:
        raise UserError("a second opinion needs foolbox: pip install 'almostnothing[attacks]'") from error
    return foolbox
