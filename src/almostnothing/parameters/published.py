"""The laws of seed 002 by the text's names, the lists on which it trains and tests, and its sets of laws.

A name is a kind and a strength, "L0.5 1e5", or that of a set. The kinds: "L∞" (or "Linf"), "L0.5", "L1", …, uniform in
the ball, clipped; "L0m", a share of the values set to 0 or 1; "L0lin", set to any grey, which "L0" of v3 is as tested;
"salt-and-pepper", a share of whole pixels; "brightness shift" (or "brightness"); "standard", no noise at all.

Versions: "v1" is the preprint's code (commit 7e32f54 of the authors' repository), "v3" that of arXiv's third version
(236d99e). Two of v1's laws cannot be had as they were: it drew Laplace noise for every p in (0, ∞), and the single L∞
models were trained on the corners ±ε of the ball; here names mean what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from almostnothing.parameters.laws import L0, AnyCorruption, Brightness, Lp, Member, OneLaw, Set

Laws = dict[str, tuple[float, ...]]  # strengths of each kind

STANDARD = "standard"
KINDS: dict[str, OneLaw] = {
    "L0m": L0(law="l0", values="extremes"),
    "L0lin": L0(law="l0", values="greys"),
    "L0": L0(law="l0", values="greys"),
    "salt-and-pepper": L0(law="l0", values="salt_pepper"),
    "brightness shift": Brightness(law="brightness"),
    "brightness": Brightness(law="brightness"),
}
NORM = re.compile(r"L(∞|inf|[0-9.]+)")

TRAINED: Laws = {  # v1, single laws
    "L∞": (0.02, 0.03),
    "L0.5": (1e5, 2e5),
    "L1": (40, 80),
    "L2": (1, 2),
    "L50": (0.1, 0.2),
    "L0m": (0.01, 0.02),
    "L0lin": (0.02, 0.03, 0.06),
}
TESTED: dict[str, Laws] = {  # over which "mCE_Lp" is the mean
    "v1": {
        "L∞": (0.02, 0.03, 0.05, 0.1),
        "L0.5": (1e5, 2e5, 5e5),
        "L1": (40, 80, 200),
        "L2": (1, 2, 4),
        "L5": (0.2, 0.4, 1),
        "L10": (0.15, 0.3, 0.7),
        "L50": (0.1, 0.2, 0.5),
        "L200": (0.1, 0.2, 0.5),
        "salt-and-pepper": (0.01, 0.02),
        "L0m": (0.01, 0.02, 0.04),
        "L0lin": (0.02, 0.03, 0.06),
    },
    "v3": {
        "L∞": (0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15),
        "L0.5": (25e3, 5e4, 75e3, 1e5, 15e4, 2e5, 25e4, 3e5, 35e4, 4e5),
        "L1": (12.5, 25, 37.5, 50, 75, 100, 125, 150, 175, 200),
        "L2": (0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5),
        "L5": (0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6),
        "L10": (0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3),
        "L50": (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18),
        "L200": (0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.09, 0.11, 0.13, 0.15),
        "L0": (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.12),
    },
    "v3 TinyImageNet": {
        "L∞": (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3),
        "L0.5": (2e5, 4e5, 7e5, 12e5, 18e5, 25e5, 35e5, 5e6, 8e6, 12e6),
        "L1": (37.5, 75, 125, 200, 300, 400, 600, 800, 1100, 1500),
        "L2": (0.5, 1, 2, 3, 4, 5, 7.5, 10, 15, 20),
        "L5": (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5),
        "L10": (0.02, 0.04, 0.06, 0.1, 0.14, 0.18, 0.25, 0.35, 0.5, 0.7),
        "L50": (0.02, 0.03, 0.04, 0.07, 0.1, 0.13, 0.16, 0.2, 0.25, 0.35),
        "L200": (0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3),
        "L0": (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3),
    },
}
IMPERCEPTIBLE: dict[str, Laws] = {  # of iCE; none is of L0
    "v1": {"L∞": (0.01,), "L0.5": (5e4,), "L1": (25,), "L2": (0.5,), "L10": (0.06,), "L50": (0.05,)},
    "v3": {"L∞": (0.01,), "L0.5": (25e3,), "L1": (25,), "L2": (0.5,), "L10": (0.03,), "L50": (0.02,)},
    "v3 TinyImageNet": {"L∞": (0.01,), "L0.5": (7e5,), "L1": (125,), "L2": (2,), "L10": (0.06,), "L50": (0.04,)},
}
C1: Laws = {"L∞": (0.02,), "L2": (1,), "L0m": (0.01,), "L0lin": (0.03,)}
C2: Laws = {
    STANDARD: (0,),
    "L∞": (0.01, 0.02),
    "L0.5": (5e4, 1e5),
    "L1": (25, 40),
    "L2": (0.5, 1),
    "L5": (0.2,),
    "L10": (0.06, 0.15),
    "L50": (0.05, 0.1),
    "L0m": (0.01, 0.02),
    "L0lin": (0.02, 0.03, 0.06),
}
SETS: dict[str, tuple[Laws, int]] = {  # members, and how many an image gets in sequence
    "C1": (C1, 1),
    "C2": (C2, 1),
    "C1C1": (C1, 1),
    "C1C2": (C1, 2),
    "C2C1": (C2 | {"brightness shift": (0.05,)}, 1),
    "v3 C1": (TESTED["v3"], 1),
    "v3 C2": ({kind: TESTED["v3"][kind] for kind in ("L0", "L2", "L∞")}, 1),
    "v3 C3": ({kind: strengths[:5] for kind, strengths in TESTED["v3"].items()}, 1),
}


def named(name: str) -> tuple[AnyCorruption, float]:
    """The law of that name and its strength, as `corruption` and `strength` of a parameter file have them.

    A set has strength 1. "standard" is L∞ noise of strength 0.

    Raises `ValueError` for an unknown name or an impossible strength.
    """
    if name in SETS:
        laws, applied = SETS[name]
        members = [Member(corruption=law, strength=strength) for law, strength in map(single, pairs(laws))]
        return Set(law="set", members=members, applied=applied), 1.0
    kind, _, strength = name.rpartition(" ")
    if name == STANDARD:
        return single((STANDARD, 0.0))
    try:
        return single((kind, float(strength)))
    except ValueError as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise ValueError(
            f"{name!r} names no law of seed 002, which is a kind and a strength, like 'L0.5 1e5' or 'L0m .01', or one "
            f"of {STANDARD}, {', '.join(SETS)}: {reason}"
        ) from error


def single(pair: tuple[str, float]) -> tuple[OneLaw, float]:
    """The law of a kind, and the strength that it came with.

    Raises `ValueError` for an unknown kind or an impossible strength.
    """
    kind, strength = pair
    if kind == STANDARD:
        return Lp(law="lp", norm="inf"), 0.0
    match = NORM.fullmatch(kind)
    law = KINDS.get(kind)
    if law is None:
        if match is None:
            raise ValueError(f"{kind!r} is no kind of law")
        law = Lp(law="lp", norm="inf" if match[1] in ("∞", "inf") else float(match[1]))
    return Member(corruption=law, strength=strength).corruption, float(strength)


def pairs(laws: Mapping[str, Iterable[float]]) -> list[tuple[str, float]]:
    """Each kind with each of its strengths, in order: how a table of accuracies names tests."""
    return [(kind, float(strength)) for kind, strengths in laws.items() for strength in strengths]
