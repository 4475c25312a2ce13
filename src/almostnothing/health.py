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
SURELY_TOLD = 3  # standard errors by which that must exceed chance to be told from it
FITTED = 0.99  # training accuracy from which on images that never change are learned
FALLING = 0.02  # of the loss's whole fall, in the last tenth of training: with more, training has not ended
SURELY = 1.96  # standard errors


def falling(course: Sequence[float]) -> float:
    """What share of its whole fall the training loss surely fell by between the last two tenths of training.

    `course` has the mean loss of each block of steps. Surely: at 95 %, by the spread of blocks, since under heavy fresh
    noise the whole fall may be no larger than what blocks differ by. NaN where there are no two tenths.
    """
    tenth = max(1, len(course) // 10)
    if len(course) < 2 * tenth:
        return math.nan
    last, before = np.array(course[-tenth:]), np.array(course[-2 * tenth : -tenth])
    whole = course[0] - last.mean()
    if not whole > 0:
        return 0.0
    error = math.sqrt((last.var(ddof=1) + before.var(ddof=1)) / tenth) if tenth > 1 else 0.0
    return float(max(0.0, before.mean() - last.mean() - SURELY * error) / whole)


def status(seen: Mapping[str, Any], fixed: bool) -> str:
    """What became of a network's training.

    `diverged`: loss or weights are not finite. `dead`: in some hidden layer fewer than `ACTIVE` of the units respond to
    the images, or it is at chance on training images that the nearest mean of the other images tells apart.
    `unfinished`: images that never change (`fixed`) are not fitted; those that are corrupted anew at each presentation
    need not be, but then the loss must have ended its fall. `learned`: none of these.

    `seen`: `finite`; `active`, the least share of responding units; on training images as seen `fitted`, the accuracy,
    `reference`, that of the nearest class mean on `shown` of them, and `chance`; `falling`, see there.
    """
    if not seen["finite"]:
        return DIVERGED
    gain, known = (seen[name] - seen["chance"] for name in ("fitted", "reference"))
    error = math.sqrt(seen["chance"] * (1 - seen["chance"]) / seen["shown"])
    if seen["active"] < ACTIVE or (known > SURELY_TOLD * error and gain < CHANCE * known):
        return DEAD
    over = seen["fitted"] >= FITTED or (not fixed and seen["falling"] <= FALLING)
    return LEARNED if over else UNFINISHED
