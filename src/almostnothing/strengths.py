"""What figures call the strength of each kind of corruption law, and how they draw its axis. No torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Strength:
    """The strength of a kind of law: its symbol in text and in mathematics, and the label of its axis, whole and short.

    `survival`: whether 1 − strength is the share of pixels that survive, for which the axis is logarithmic; else the
    strength itself is.
    """

    symbol: str
    mathematics: str
    axis: str
    short: str
    survival: bool


STRENGTHS = {
    "replacement": Strength("p", "$p$", "pixels that survive [%], and $p$", "survive [%], and $p$", survival=True),
    "additive": Strength("σ", "$\\sigma$", "noise $\\sigma$", "noise $\\sigma$", survival=False),
}

NORMS = {
    "lp": Strength("ε", "$\\epsilon$", "norm of the noise $\\epsilon$", "norm $\\epsilon$", survival=False),
    "l0": Strength("q", "$q$", "values that survive [%], and $q$", "survive [%], and $q$", survival=True),
    "brightness": Strength(
        "ε", "$\\epsilon$", "shift of the brightness $\\epsilon$", "shift $\\epsilon$", survival=False
    ),
    "set": Strength("s", "$s$", "factor $s$ of the strengths of a set", "factor $s$", survival=False),
}


def strength_of(kind: str) -> Strength:
    """The strength of a kind of law: of single pixels, or of images as a whole."""
    return (STRENGTHS | NORMS)[kind]
