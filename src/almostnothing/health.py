"""Did a network learn? A status for every trained one, from what was seen of its training.

Only networks that learned are evidence: `tables.learned` leaves the others out of every claim. No torch here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

LEARNED, UNFINISHED, DEAD, DIVERGED = "learned", "unfinished", "dead", "diverged"
STATUSES = (LEARNED, UNFINISHED, DEAD, DIVERGED)
ACTIVE = 0.02  # share of a hidden layer's units below which the layer is dead: 1 of 64
CHANCE = 0.1  # of what the nearest class mean gains over chance on the same images: a network with less is at chance
FITTED = 0.99  # training accuracy from which on images that never change are learned
FALLING = 0.02  # relative fall of the loss between the last two tenths of training, above which it has not ended


def falling(course: Sequence[float]) -> float:
    """By what share the training loss fell between the last two tenths of training; NaN where there are not two.

    `course` has the mean loss of each block of steps.
    """
    tenth = max(1, len(course) // 10)
    if len(course) < 2 * tenth:
        return math.nan
    last, before = np.mean(course[-tenth:]), np.mean(course[-2 * tenth : -tenth])
    return float((before - last) / before) if before > 0 else 0.0


def status(seen: Mapping[str, Any], fixed: bool) -> str:
    """What became of a network's training.

    `diverged`: loss or weights are not finite. `dead`: in some hidden layer fewer than `ACTIVE` of the units respond to
    the images, or it is at chance on training images that the nearest class mean of the same images tells apart.
    `unfinished`: images that never change (`fixed`) are not fitted; those that are corrupted anew at each presentation
    need not be, but then the loss must have ended its fall. `learned`: none of these.

    `seen`: `finite`; `active`, the least share of responding units; on training images as seen `fitted`, the accuracy,
    `reference`, that of the nearest class mean, and `chance`; `falling`, see there.
    """
    if not seen["finite"]:
        return DIVERGED
    gain = seen["fitted"] - seen["chance"]
    if seen["active"] < ACTIVE or gain < CHANCE * (seen["reference"] - seen["chance"]):
        return DEAD
    over = seen["fitted"] >= FITTED or (not fixed and seen["falling"] <= FALLING)
    return LEARNED if over else UNFINISHED
